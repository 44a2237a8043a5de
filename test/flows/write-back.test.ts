import assert from 'node:assert/strict';
import { referenceFlow } from '../../scripts/demo/node-red';
import { scenario } from './side-by-side';
import { changed, nodeOf, pause, type World } from './world';

const refusedMs = 65_000;
const refusals = {
  'a page with 503': { kind: 'html', page: 'maintenance', status: 503 },
  UNABLE_TO_LOCK_ROW: {
    kind: 'error',
    status: 400,
    errorCode: 'UNABLE_TO_LOCK_ROW',
    message: 'unable to obtain exclusive access to this record',
  },
  'a reset connection': { kind: 'reset' },
};

/** The reference flow with a Function after the accept that throws for every second order, so that its Catch asks for Failed. */
function withThrowingFunction() {
  const flows = referenceFlow();
  const accept = nodeOf(flows, 'whmcs-accept-order');
  const thrower = {
    id: 'thrower',
    type: 'function',
    z: accept['z'],
    name: 'throws',
    func: 'if (Number(msg.order.number) % 2 === 0) throw new Error("boom");\nreturn msg;',
    outputs: 1,
    timeout: 0,
    noerr: 0,
    initialize: '',
    finalize: '',
    libs: [],
    x: 960,
    y: 500,
    wires: accept['wires'],
  };
  return [...changed(flows, accept.id, { wires: [['thrower']] }), thrower];
}

describe('while Salesforce refuses the write-back for a minute', () => {
  scenario(
    'no order that WHMCS accepted ends Failed, with one Catch for the whole tab wired to Failed',
    async (world) => {
      const flows = withThrowingFunction();
      const failed = nodeOf(flows, 'sf-update-order', 'Failed');
      assert.deepEqual(nodeOf(flows, 'catch')['scope'], null);
      assert.deepEqual(nodeOf(flows, 'catch')['wires'], [[failed.id]]);
      await world.start(flows);
      const orders = [...Object.entries(refusals), ...Object.entries(refusals)].map(([refusal, fault]) => {
        const id = world.draft(world.customer().account, [{ code: 'SEAT-M', quantity: 1 }]);
        world.salesforce.panel.fault({ call: 'patch', where: { id }, times: 0, do: fault });
        world.salesforce.people.approve(id);
        return { id, refusal };
      });
      const from = performance.now();
      for (const { id, refusal } of orders)
        await world.until(`WHMCS has accepted the order that meets ${refusal}`, () =>
          world.whmcsOrders(id).some((order) => order.status === 'Active'),
        );
      while (performance.now() - from < refusedMs) {
        await pause(1_000);
        for (const { id } of orders) assert.equal(world.status(id), 'Activating');
      }
      const struck = world.salesforce.panel.faults().map(({ hits }) => hits);
      // What was not answered may still be applied: for half a minute it is looked for before the next is sent.
      const least = orders.map(({ refusal }) => (refusal === 'a reset connection' ? 2 : 4));
      assert.ok(
        struck.every((hits, at) => hits >= (least[at] ?? 0)),
        `refused so many times: ${struck.join(', ')}`,
      );
      const health = await world.get('/health');
      assert.equal((health.body as { queue: { unreported: number } }).queue.unreported, orders.length);

      world.salesforce.panel.clearFaults();
      for (const { id } of orders) await world.ended(id, 100);
      for (const { id } of orders) {
        world.assertActivatedOnce(id);
        assert.deepEqual(world.statusesOf(id), ['Not Started', 'Activating', 'Activated']);
      }
      const askedForFailed = world.output.filter((line) => line.includes('boom'));
      assert.ok(askedForFailed.length >= orders.length / 2, 'the Function did not throw');
    },
    { long: true },
  );
});

const seat = [{ code: 'SEAT-M', quantity: 1 }];
/** A PATCH that was not answered may still be applied for half a minute: whoever comes next waits for that. Seconds. */
const limit = 100;

const hits = (world: World): number[] => world.salesforce.panel.faults().map((fault) => fault.hits);

/** What WHMCS was asked, and Salesforce took, over all orders: each once. */
function assertToldOnce(world: World, ids: readonly string[]): void {
  for (const id of ids) {
    world.assertActivatedOnce(id);
    assert.deepEqual(world.statusesOf(id), ['Not Started', 'Activating', 'Activated']);
  }
  for (const call of ['AddOrder', 'AcceptOrder'])
    assert.equal(world.whmcs.panel.requests(call).length, ids.length, call);
}

const refusal = (errorCode: string, message: string, status = 400, fields: string[] = []) => ({
  kind: 'error',
  status,
  errorCode,
  message,
  fields,
});

/** Why Salesforce does not take a result: each for an order of its own, and for as long as it is not mended. */
const troubles = {
  'the row is locked': refusal('UNABLE_TO_LOCK_ROW', 'unable to obtain exclusive access to this record'),
  'our user may not write a field': refusal(
    'INVALID_FIELD_FOR_INSERT_UPDATE',
    'Unable to create/update fields: WHMCS_Order_ID__c. Please check the security settings of this field.',
    400,
    ['WHMCS_Order_ID__c'],
  ),
  'the requests of the day are used up': refusal('REQUEST_LIMIT_EXCEEDED', 'TotalRequests Limit exceeded.', 403),
  maintenance: { kind: 'html', page: 'maintenance' },
  'connections are closed': { kind: 'refuse' },
};

describe('results that Salesforce does not take', () => {
  scenario(
    'are kept over a kill and a stop, with one alarm, and nothing is asked of WHMCS again',
    async (world) => {
      await world.start(referenceFlow());
      const ids = Object.values(troubles).map((fault) => {
        const id = world.draft(world.customer().account, seat);
        world.salesforce.panel.fault({ call: 'patch', where: { id }, times: 0, do: fault });
        world.salesforce.people.approve(id);
        return id;
      });
      const triedAgain = async (since: number[]): Promise<void> => {
        const all = (): boolean => hits(world).every((count, at) => count > (since[at] ?? 0));
        await world.until(() => `each was tried again: ${hits(world).join(', ')}`, all, limit);
      };
      // What a try was worth is on record before it is said: a kill any sooner makes the next process say it again.
      const said = (id: string): boolean =>
        world.output.some((line) => line.includes('could not be told yet') && line.includes(id));
      await world.until('each was tried, and that is on record', () => ids.every(said), limit);
      await world.kill();
      const before = hits(world);
      await world.startAgain();
      await triedAgain(before);
      const health = await world.get('/health');
      assert.equal((health.body as { queue: { unreported: number } }).queue.unreported, ids.length);
      for (const id of ids) assert.equal(world.status(id), 'Activating');
      assert.equal(await world.stop(), 0);
      world.salesforce.panel.clearFaults();
      await world.startAgain();
      for (const id of ids) assert.equal(await world.ended(id, limit), 'Activated');
      await world.rest(limit);
      assertToldOnce(world, ids);
      assert.equal(world.errors().length, 1, world.errors().join('\n'));
      assert.match(world.errors()[0] ?? '', /refuses the result .*INVALID_FIELD_FOR_INSERT_UPDATE/);
    },
    { long: true },
  );

  scenario('arrive when Salesforce was away, a process was killed, and every session has expired', async (world) => {
    await world.start(referenceFlow());
    const held = world.whmcs.panel.fault({ call: 'AcceptOrder', do: { kind: 'delay', ms: 3_600_000 } });
    const id = world.approve(world.customer().account, seat);
    await world.until('WHMCS is asked to accept', () =>
      world.whmcs.panel.faults().some((fault) => fault.id === held && fault.hits > 0),
    );
    const away = world.salesforce.panel.fault({ call: '*', times: 0, do: { kind: 'refuse' } });
    world.whmcs.panel.advance(3_600_000);
    await world.until('WHMCS has accepted', () => world.whmcsOrders(id)[0]?.status === 'Active');
    const before = hits(world)[0] ?? 0;
    await world.until('Salesforce was asked in vain', () => (hits(world)[0] ?? 0) > before + 2);
    await world.kill();
    await world.startAgain({ subscribes: false });
    const since = hits(world)[0] ?? 0;
    await world.until('the next process has asked in vain', () => (hits(world)[0] ?? 0) > since + 2);
    assert.equal(world.status(id), 'Activating');
    world.salesforce.people.act('expireAll');
    world.salesforce.panel.clearFaults(away);
    assert.equal(await world.ended(id, limit), 'Activated');
    await world.rest(limit);
    assertToldOnce(world, [id]);
  });
});

/** Later than a start of Node-RED takes anywhere; the Salesforce's time is set on when it is to come. */
const lateMs = 300_000;
const counting = {};
/** Nothing in such an org refuses an older result. */
const blind = {
  missingFields: ['Order.Activation_Attempt__c', 'Order.Activation_Result_Attempt__c'],
  attemptRule: false,
  conditionalRequests: false,
};

describe('a result of a process that was killed, when a person has pressed Retry meanwhile', () => {
  for (const [org, switches] of [
    ['counts attempts', counting],
    ['has nothing to tell attempts by', blind],
  ] as const)
    scenario(`never goes over the new attempt, where the org ${org}`, async (world) => {
      world.salesforce.panel.switches(switches);
      await world.start(referenceFlow());
      const failing = (fault: object): { id: string; clientId: number } => {
        const { account, clientId } = world.customer();
        world.whmcs.office.putClient({ id: clientId, payMethods: [] });
        const id = world.draft(account, seat);
        const where = { id, Activation_Status__c: 'Failed' };
        world.salesforce.panel.fault({ call: 'patch', where, do: fault });
        world.salesforce.people.approve(id);
        return { id, clientId };
      };
      const applied = failing({ kind: 'commitThenHang' });
      const late = failing({ kind: 'commitLate', ms: lateMs });
      await world.until('both are on their way', () => hits(world).every((count) => count === 1));
      await world.until('Failed stands', () => world.status(applied.id) === 'Failed');
      await world.kill();
      world.salesforce.people.editOrder(late.id, { Activation_Status__c: 'Failed' });
      for (const { id, clientId } of [applied, late]) {
        const payMethods = [{ id: 1, type: 'BankAccount', description: 'Bank' }];
        world.whmcs.office.putClient({ id: clientId, payMethods });
        world.salesforce.people.approve(id);
      }
      await world.startAgain();
      await world.until('both are taken up', () => world.whmcs.panel.requests('AddOrder').length === 2, limit);
      world.salesforce.panel.advance(lateMs);
      for (const { id } of [applied, late])
        await world.until(`${id} is Activated`, () => world.status(id) === 'Activated', limit);
      await world.rest(limit);
      // Later than anything that may still be applied.
      world.salesforce.panel.advance(60_000);
      await pause(1_000);
      for (const { id } of [applied, late]) {
        world.assertActivatedOnce(id);
        assert.equal(world.order(id)['Activation_Error_Code__c'] ?? null, null);
      }
      const told = ['Not Started', 'Activating', 'Failed', 'Activating', 'Activated'];
      assert.deepEqual(world.statusesOf(applied.id), told);
      assert.equal(world.whmcs.panel.requests('AddOrder').length, 2);
      assert.equal(world.whmcs.panel.requests('AcceptOrder').length, 2);
      assert.deepEqual(world.errors(), []);
    });
});
