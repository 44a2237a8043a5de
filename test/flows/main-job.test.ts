import assert from 'node:assert/strict';
import { freePort, layOutUserDir, referenceFlow, startNodeRed, type FlowNode } from '../../scripts/demo/node-red';
import { scenario } from './side-by-side';
import { bothLines, changed, nodeOf, pause, type World } from './world';

const seat = [{ code: 'SEAT-M', quantity: 1 }];

/** Accounts whose clients can pay. */
const solvent = ['Northwind Traders', "Fish & Sons O'Neil", 'Škoda Žilina s.r.o.'];

/** The reference flow with room for many orders at a time. */
const roomy = (): FlowNode[] => {
  const flows = referenceFlow();
  return changed(flows, nodeOf(flows, 'sf-platform-event-in').id, { maxInWork: 30 });
};

/** Twenty orders of three clients, some of them in work. */
async function twentyInFlight(world: World): Promise<string[]> {
  world.whmcs.panel.switches({ latencyMs: 50 });
  const ids = Array.from({ length: 20 }, (_, at) => world.approve(solvent[at % solvent.length] ?? '', seat));
  await world.until('some are in work', () => world.whmcs.panel.ledger('orderCreated').length >= 2);
  return ids;
}

async function allActivated(world: World, ids: readonly string[]): Promise<void> {
  for (const id of ids) assert.equal(await world.ended(id, 90), 'Activated');
  for (const id of ids) world.assertActivatedOnce(id);
}

for (const [line, name] of bothLines) {
  describe(`the reference flow on the ${name}`, () => {
    scenario('makes an approved Order an accepted WHMCS order, and answers /health', async (world) => {
      await world.start(referenceFlow(), { line });
      const id = world.approve('Northwind Traders', [
        { code: 'SEAT-A', quantity: 3 },
        { code: 'HOST-M', quantity: 2 },
      ]);
      assert.equal(await world.ended(id), 'Activated');
      world.assertActivatedOnce(id);
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

    scenario('ends all right with 20 orders in flight, deployed Full in between', async (world) => {
      await world.start(roomy(), { line });
      const ids = await twentyInFlight(world);
      await world.deploy(await world.flows(), 'full');
      await allActivated(world, ids);
    });

    scenario(
      'ends all right with 20 orders in flight, deployed Modified flows with a change below the running step',
      async (world) => {
        await world.start(roomy(), { line });
        const ids = await twentyInFlight(world);
        const now = await world.flows();
        await world.deploy(changed(now, nodeOf(now, 'whmcs-accept-order').id, { sendEmail: false }), 'flows');
        await allActivated(world, ids);
      },
    );
  });
}

describe('the reference flow when something is wrong', () => {
  scenario(
    'never tells Failed of an order that WHMCS accepted, while Salesforce refuses the write-back',
    async (world) => {
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
      assert.deepEqual(world.statusesOf(id), ['Not Started', 'Activating', 'Activated']);
    },
  );

  scenario('names a setting that is missing, subscribes to nothing, and stays up', async (world) => {
    await world.start(referenceFlow(), { env: { WHMCS_URL: undefined }, subscribes: false });
    await pause(2_000);
    assert.equal(world.openStreams(), 0);
    assert.ok(
      world.output.some((text) => text.includes('SETTING_MISSING') && text.includes('WHMCS_URL')),
      world.output.join('\n'),
    );
    assert.equal(world.errors().length, 1, world.output.join('\n'));
    const health = await world.get('/health');
    assert.equal(health.status, 503);
  });

  scenario('refuses a second Node-RED on the same store, in words', async (world) => {
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
});
