import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { freePort, layOutUserDir, referenceFlow, startNodeRed, type FlowNode } from '../../scripts/demo/node-red';
import { bothLines, changed, nodeOf, pause, World } from './world';

const seat = [{ code: 'SEAT-M', quantity: 1 }];

/** Accounts whose clients can pay. */
const solvent = ['Northwind Traders', "Fish & Sons O'Neil", 'Škoda Žilina s.r.o.'];

/** The reference flow with room for many orders at a time. */
const roomy = (): FlowNode[] => {
  const flows = referenceFlow();
  return changed(flows, nodeOf(flows, 'sf-platform-event-in').id, { maxInWork: 30 });
};

for (const [line, name] of bothLines) {
  describe(`the reference flow on the ${name}`, function () {
    this.timeout(120_000);
    let world: World;
    before(async () => {
      world = await World.open();
    });
    afterEach(async () => {
      await world.stop();
      await world.close();
      world = await World.open();
    });
    after(() => world.close());

    const oneActive = (id: string): void => {
      const orders = world.whmcsOrders(id);
      assert.equal(orders.length, 1, `WHMCS holds ${orders.length} orders for ${id}`);
      assert.equal(orders[0]?.status, 'Active');
      assert.equal(orders[0]?.accepts, 1);
      assert.equal(world.order(id)['WHMCS_Order_ID__c'], String(orders[0]?.id));
    };

    it('makes an approved Order an accepted WHMCS order, and answers /health', async () => {
      await world.start(referenceFlow(), { line });
      const id = world.approve('Northwind Traders', [
        { code: 'SEAT-A', quantity: 3 },
        { code: 'HOST-M', quantity: 2 },
      ]);
      assert.equal(await world.ended(id), 'Activated');
      oneActive(id);
      const health = await world.get('/health');
      assert.equal(health.status, 200);
      assert.equal((health.body as { status: string }).status, 'ok');
      assert.equal(health.headers.get('cache-control'), 'no-store');
      assert.deepEqual(
        world.output.filter((text) => /\[error\]|unhandled/i.test(text)),
        [],
      );
      assert.equal(world.output.join('\n').includes('DemoSecretDemoSecret'), false);
    });

    it('ends Activated with one WHMCS order after kill -9 in the middle of AddOrder', async () => {
      await world.start(referenceFlow(), { line });
      world.whmcs.panel.fault({ call: 'AddOrder', times: 1, do: { kind: 'commitThenHang' } });
      const id = world.approve('Northwind Traders', seat);
      await world.until('WHMCS has made the order', () => world.whmcs.panel.ledger('orderCreated').length === 1);
      await world.kill();
      assert.equal(world.status(id), 'Activating');
      await world.startAgain({ line });
      assert.equal(await world.ended(id), 'Activated');
      oneActive(id);
    });

    it('ends all right with 20 orders in flight, deployed Full in between', async () => {
      const flows = roomy();
      await world.start(flows, { line });
      world.whmcs.panel.switches({ latencyMs: 50 });
      const ids = Array.from({ length: 20 }, (_, at) => world.approve(solvent[at % solvent.length] ?? '', seat));
      await world.until('some are in work', () => world.whmcs.panel.ledger('orderCreated').length >= 2);
      await world.deploy(await world.flows(), 'full');
      for (const id of ids) assert.equal(await world.ended(id, 60), 'Activated');
      for (const id of ids) oneActive(id);
    });

    it('ends all right with 20 orders in flight, deployed Modified flows with a change below the running step', async () => {
      await world.start(roomy(), { line });
      world.whmcs.panel.switches({ latencyMs: 50 });
      const ids = Array.from({ length: 20 }, (_, at) => world.approve(solvent[at % solvent.length] ?? '', seat));
      await world.until('some are in work', () => world.whmcs.panel.ledger('orderCreated').length >= 2);
      const now = await world.flows();
      await world.deploy(changed(now, nodeOf(now, 'whmcs-accept-order').id, { sendEmail: false }), 'flows');
      for (const id of ids) assert.equal(await world.ended(id, 60), 'Activated');
      for (const id of ids) oneActive(id);
    });
  });
}

describe('the reference flow when something is wrong', function () {
  this.timeout(120_000);
  let world: World;
  beforeEach(async () => {
    world = await World.open();
  });
  afterEach(() => world.close());

  it('never tells Failed of an order that WHMCS accepted, while Salesforce refuses the write-back', async () => {
    await world.start(referenceFlow());
    world.salesforce.panel.fault({
      call: 'patch',
      times: 0,
      do: {
        kind: 'error',
        status: 400,
        errorCode: 'INVALID_FIELD_FOR_INSERT_UPDATE',
        message: 'Unable to create/update fields: WHMCS_Order_ID__c.',
        fields: ['WHMCS_Order_ID__c'],
      },
    });
    const id = world.approve('Northwind Traders', seat);
    await world.until('WHMCS has accepted', () => world.whmcsOrders(id)[0]?.status === 'Active');
    await pause(8_000);
    assert.equal(world.status(id), 'Activating');
    world.salesforce.panel.clearFaults();
    assert.equal(await world.ended(id, 40), 'Activated');
    const written = world.salesforce.panel.ledger('statusWritten').filter((entry) => entry['orderId'] === id);
    assert.deepEqual(
      written.map((entry) => entry['status']).filter((status) => status === 'Failed'),
      [],
    );
  });

  it('names a setting that is missing, subscribes to nothing, and stays up', async () => {
    await world.start(referenceFlow(), { env: { WHMCS_URL: undefined }, subscribes: false });
    await pause(2_000);
    assert.equal(world.openStreams(), 0);
    assert.ok(
      world.output.some((text) => text.includes('SETTING_MISSING') && text.includes('WHMCS_URL')),
      world.output.join('\n'),
    );
    assert.equal(world.output.filter((text) => text.includes('[error]')).length, 1, world.output.join('\n'));
    const health = await world.get('/health');
    assert.equal(health.status, 503);
  });

  for (const [what, file, words] of [
    ['missing', null, /no such file|cannot be found|does not exist|missing/i],
    ['no PEM', 'hello', /PEM/],
  ] as const) {
    it(`says that the key file is ${what}, without a word of it`, async () => {
      const path = `${world.directory}/other.pem`;
      if (file !== null) writeFileSync(path, file);
      await world.start(referenceFlow(), { env: { SF_PRIVATE_KEY_PATH: path }, subscribes: false });
      await world.until('the key is named', () => world.output.some((text) => words.test(text)));
      assert.equal(world.openStreams(), 0);
      assert.equal(world.output.join('\n').includes('hello'), false);
    });
  }

  it('refuses a second Node-RED on the same store, in words', async () => {
    await world.start(referenceFlow());
    const other = `${world.directory}/second`;
    const flows = referenceFlow();
    layOutUserDir(other, {
      port: await freePort(),
      flows: changed(flows, nodeOf(flows, 'provisioning-store').id, { directory: `${world.directory}/node-red` }),
    });
    const lines: string[] = [];
    const second = await startNodeRed(other, world.environment, (text) => lines.push(text));
    try {
      await world.until(`it is refused:\n${lines.join('\n')}`, () =>
        lines.some((text) => /another|process|in use/i.test(text) && text.includes('error')),
      );
      assert.equal(world.openStreams(), 1);
    } finally {
      await second.stop();
    }
  });

  it('ends an Order without products as ORDER_EMPTY, one that is gone as nothing to tell, and goes on', async () => {
    await world.start(referenceFlow());
    world.salesforce.people.publish({ fields: { OrderId__c: '801Ql00000ZZZZZAAA' } });
    world.salesforce.people.publish({ fields: { OrderId__c: 'not an id' } });
    world.salesforce.people.publish({ fields: {} });
    const id = world.approve('Northwind Traders', seat);
    assert.equal(await world.ended(id), 'Activated');
  });

  it('skips an Order that is not Activating, and writes nothing to it', async () => {
    await world.start(referenceFlow());
    const { id } = world.salesforce.people.createOrder({ account: 'Northwind Traders', items: seat });
    world.salesforce.people.publish({ fields: { OrderId__c: id } });
    await world.until('it is skipped', () => world.output.some((text) => text.includes('ORDER_NOT_ACTIVATING')));
    assert.equal(world.status(id), 'Not Started');
    assert.deepEqual(
      world.salesforce.panel.ledger('orderWritten').filter((entry) => entry['orderId'] === id),
      [],
    );
  });
});
