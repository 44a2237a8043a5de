import assert from 'node:assert/strict';
import { referenceFlow } from '../../scripts/demo/node-red';
import { scenario } from './side-by-side';
import { changed, nodeOf, pause } from './world';

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
