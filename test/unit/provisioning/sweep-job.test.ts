/** The sweep beside the flow, judged by the books of Salesforce and WHMCS. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { Sweep } from '../../../lib/provisioning/sweep';
import { databaseClass } from '../../../lib/state/sqlite/load-sqlite';
import { channel, orderId } from './desk-under-test';
import { JobUnderTest, type JobOptions } from './job-under-test';
import { ListedOrders } from './vendor-doubles/listed-orders';

const minute = 60_000;
/** Longer than Salesforce keeps events. */
const longAgo = 80 * 60 * minute;

describe('The sweep beside the flow', () => {
  let job: JobUnderTest;
  let org: ListedOrders;
  let sweep: Sweep;

  const begin = async (options: JobOptions = {}): Promise<void> => {
    job = await JobUnderTest.open(options);
    const { provisioning } = job.desk;
    org = new ListedOrders(job.clock, job.salesforce);
    sweep = new Sweep({
      read: org.read,
      store: provisioning.store,
      isRunning: (id) => provisioning.handouts.running(id).length > 0,
      channel,
      orderIdField: 'OrderId__c',
      onTaken: () => job.intake.poke(),
      clock: job.clock,
      log: provisioning.log,
    });
    job.approve();
    await job.desk.settle(5 * minute);
  };
  afterEach(async () => {
    await sweep.close();
    await job.close();
  });

  const swept = async (): Promise<string[]> => {
    const { taken } = await sweep.sweepNow('asked');
    await job.desk.settle();
    return taken;
  };
  const deliveries = async (): Promise<string[]> =>
    (await job.desk.provisioning.store.inbox.ofOrder(orderId)).map((event) => event.delivery).reverse();
  const recovered = (): unknown[] =>
    job.desk.lines.filter(({ text }) => text.startsWith('Recovered by sweep')).map(({ facts }) => facts?.['orders']);
  const oneOrder = (): void => {
    assert.deepEqual([job.whmcs.added, job.whmcs.accepted], [[5001], [5001]], job.ends.join(' | '));
    assert.equal(job.status(), 'Activated', job.ends.join(' | '));
  };

  for (const [which, withAttempts] of [
    ['counts attempts', true],
    ['counts none', false],
  ] as const) {
    describe(`where the org ${which}`, () => {
      it('provisions an order whose event was never delivered, however long ago', async () => {
        await begin({ withAttempts });
        job.clock.setWall(job.clock.now() + longAgo);
        assert.deepEqual(await swept(), [orderId]);
        await job.rest();
        oneOrder();
        assert.deepEqual(await deliveries(), ['recovered']);
        assert.deepEqual(recovered(), [orderId]);
        await job.arrives();
        await job.rest();
        oneOrder();
        assert.match(job.ends.at(-1) ?? '', /^skipped/);
      });

      it('makes one WHMCS order when the live event comes while the recovered one is at work', async () => {
        await begin({ withAttempts });
        let answer = (): void => undefined;
        job.whmcs.answers = new Promise((resolve) => (answer = resolve));
        await swept();
        assert.deepEqual(job.whmcs.added, [5001]);
        await job.arrives();
        await job.arrives();
        answer();
        await job.rest();
        oneOrder();
        assert.deepEqual(await deliveries(), ['recovered', 'live', 'live']);
      });

      it('makes one when the live event comes after the recovered one has ended', async () => {
        await begin({ withAttempts });
        await swept();
        await job.rest();
        await job.arrives();
        await job.rest();
        oneOrder();
        assert.match(job.ends.at(-1) ?? '', /^skipped/);
      });

      it('makes one when the live event comes while it is not known what became of AddOrder', async () => {
        await begin({ withAttempts });
        job.whmcs.addFaults = [{ end: 'unknown', commit: 20_000 }];
        await swept();
        await job.desk.settle(1_000);
        await job.arrives();
        assert.deepEqual(await swept(), []);
        await job.rest();
        oneOrder();
      });

      it('leaves an order alone for as long as its AddOrder is being settled, however long the flow has forgotten it', async () => {
        await begin({ withAttempts });
        job.whmcs.addFaults = [{ end: 'unknown', commit: 20 * minute }];
        await job.arrives();
        const { inbox } = job.desk.provisioning.store;
        const [event] = await inbox.ofOrder(orderId);
        assert.equal(event?.state, 'parked');
        // Something ends the event without a result: nothing is open any more but the intent.
        await inbox.finish(event.id, 'any', 'Done', null, job.clock.now());
        await job.desk.settle(2 * minute);
        assert.deepEqual(await swept(), []);
        assert.equal((await job.record()).adds[0]?.settled, null);
      });

      it('provisions an order whose event came before its commit and was skipped', async () => {
        await begin({ withAttempts });
        const committed = job.salesforce.orders.get(orderId);
        assert.ok(committed);
        committed.activationStatus = 'Not Started';
        await job.arrives();
        await job.rest();
        assert.equal(job.ends.at(-1), 'skipped ORDER_NOT_ACTIVATING');
        committed.activationStatus = 'Activating';
        await job.desk.settle(minute);
        assert.deepEqual(await swept(), [orderId]);
        await job.rest();
        oneOrder();
      });

      it('runs an order once while Salesforce refuses its Failed for an hour', async () => {
        await begin({ withAttempts });
        job.whmcs.addFaults = [{ end: 'refused', message: 'Invalid Payment Method' }];
        const refused = { kind: 'refused' as const, code: 'X', message: 'no permission', fields: [] };
        job.salesforce.ends.push(...Array.from({ length: 1_000 }, () => refused));
        sweep.start();
        await job.arrives();
        await job.desk.settle(60 * minute);
        assert.ok(org.reads.length >= 11, `${org.reads.length} sweeps`);
        job.salesforce.ends.length = 0;
        await job.rest();
        await job.desk.settle(10 * minute);
        assert.equal(job.status(), 'Failed');
        assert.deepEqual(await deliveries(), ['live']);
        assert.deepEqual(job.whmcs.calls.filter((call) => call === 'AddOrder').length, 1);
      });

      it('takes an order in again whose Failed was lost with its record before it was told', async () => {
        await begin({ withAttempts });
        job.whmcs.addFaults = [{ end: 'refused', message: 'Invalid Payment Method' }];
        job.salesforce.refuse = { kind: 'later', code: '503', message: 'away' };
        assert.deepEqual(await swept(), [orderId]);
        await job.desk.settle(5 * minute);
        const [event] = await job.desk.provisioning.store.inbox.ofOrder(orderId);
        assert.deepEqual([event?.end, (await job.record()).report?.told], ['Failed', null]);
        assert.deepEqual(await swept(), []);
        const Database = databaseClass();
        const database = new Database(join(job.desk.directory, 'order-provisioning.sqlite'));
        database.prepare('DELETE FROM ledger').run();
        database.close();
        job.salesforce.refuse = null;
        await job.desk.settle(2 * minute);
        assert.equal(job.status(), 'Activating');
        assert.deepEqual(await swept(), [orderId]);
        await job.rest();
        oneOrder();
      });

      it('takes up a Retry whose event was lost, after a person had to decide', async () => {
        await begin({ withAttempts });
        job.whmcs.addFaults = [{ end: 'unknown' }, { end: 'unknown' }];
        await job.arrives();
        await job.rest();
        assert.equal(job.errorCode(), 'WHMCS_OUTCOME_UNKNOWN');
        job.salesforce.edit(orderId, { activationStatus: 'Activating', ...(withAttempts ? { attempt: 2 } : {}) });
        assert.deepEqual(await swept(), []);
        await job.desk.settle(2 * minute);
        assert.deepEqual(await swept(), [orderId]);
        await job.rest();
        oneOrder();
      });
    });
  }
});
