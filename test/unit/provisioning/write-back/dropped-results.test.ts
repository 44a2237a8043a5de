/** What becomes of an order whose result was dropped, or whose failure came before an attempt: judged by both vendors' books. */
import assert from 'node:assert/strict';
import { failure } from '../../../../lib/provisioning/failure';
import { Sweep } from '../../../../lib/provisioning/sweep';
import { SalesforceError, type WriteEnd } from '../../../../lib/salesforce/contract';
import { channel, orderId } from '../desk-under-test';
import { JobUnderTest, type JobOptions } from '../job-under-test';
import { ListedOrders } from '../vendor-doubles/listed-orders';

const minute = 60_000;
const away: WriteEnd = { kind: 'later', code: '503', message: 'away' };

let job: JobUnderTest;
let sweep: Sweep;

const begin = async (options: JobOptions = {}): Promise<void> => {
  job = await JobUnderTest.open(options);
  const { provisioning } = job.desk;
  sweep = new Sweep({
    read: new ListedOrders(job.clock, job.salesforce).read,
    store: provisioning.store,
    isRunning: (id) => provisioning.handouts.running(id).length > 0,
    channel,
    orderIdField: 'OrderId__c',
    onTaken: () => job.intake.poke(),
    clock: job.clock,
    log: provisioning.log,
  });
  job.approve();
};
const end = async (): Promise<void> => {
  await sweep.close();
  await job.close();
};
const swept = async (): Promise<string[]> => {
  const { taken } = await sweep.sweepNow('asked');
  await job.desk.settle();
  return taken;
};
const recovered = async (): Promise<number> =>
  (await job.desk.provisioning.store.inbox.ofOrder(orderId)).filter(({ delivery }) => delivery === 'recovered').length;
const told = async (): Promise<string | undefined> => (await job.record()).report?.told?.how;
const adds = (): number => job.whmcs.calls.filter((call) => call === 'AddOrder').length;
/** What Salesforce was told at an end. */
const ends = (): (string | null | undefined)[] =>
  job.salesforce.book
    .filter(({ change }) => change.activationStatus && change.activationStatus !== 'Activating')
    .map(({ change }) => change.errorCode);

describe('An order whose result was dropped, and that is Activating still', () => {
  afterEach(end);

  /** AddOrder is stopped for a person while Salesforce takes no write; a person edits the Order meanwhile. */
  const dropped = async (): Promise<void> => {
    await job.arrives();
    await job.desk.settle(290_000);
    job.salesforce.refuse = away;
    await job.desk.settle(30 * minute);
    assert.match(job.errorMessage(), /it goes on by itself/);
    job.salesforce.edit(orderId, {});
    await job.desk.settle(2 * minute);
    job.salesforce.refuse = null;
    await job.desk.settle(5 * minute);
    assert.equal(await told(), 'dropped');
    assert.deepEqual([job.status(), ends()], ['Activating', []]);
  };
  const stoppedForCandidates = async (): Promise<void> => {
    await begin({ withAttempts: false, marker: 'none' });
    job.whmcs.addFaults = [{ end: 'unknown', commit: 'now' }];
    await dropped();
  };

  it('is taken up by the sweep when AddOrder was stopped for a person, who is then told why', async () => {
    await stoppedForCandidates();
    assert.deepEqual(await swept(), [orderId]);
    await job.rest();
    assert.deepEqual([job.status(), ends()], ['Failed', ['WHMCS_OUTCOME_UNKNOWN']]);
    assert.match(job.errorMessage(), /5001/);
    assert.deepEqual([job.whmcs.added, job.whmcs.accepted, adds()], [[5001], [], 1]);
    await job.desk.settle(10 * minute);
    assert.deepEqual(await swept(), []);
  });

  it('is taken up three times in a day at most', async () => {
    await stoppedForCandidates();
    sweep.start();
    for (let edits = 0; edits < 8; edits++) {
      job.salesforce.refuse = away;
      await job.desk.settle(20 * minute);
      job.salesforce.edit(orderId, {});
      await job.desk.settle(10_000);
      // Salesforce is back for just as long as it takes to see that the result is overtaken.
      job.salesforce.refuse = null;
      for (let waits = 0; waits < 30 && (await told()) !== 'dropped'; waits++) await job.desk.settle(5_000);
      assert.equal(await told(), 'dropped');
    }
    assert.deepEqual([await recovered(), job.status(), ends()], [3, 'Activating', []]);
    assert.deepEqual([job.whmcs.added, job.whmcs.accepted, adds()], [[5001], [], 1]);
  });

  it('adds no more for that: nobody has been told of the stop yet, so nobody has asked for more', async () => {
    await begin({ withAttempts: false });
    job.whmcs.addFaults = [{ end: 'unknown' }, { end: 'unknown' }];
    await dropped();
    assert.equal(adds(), 2);
    assert.deepEqual(await swept(), [orderId]);
    await job.rest();
    assert.deepEqual([job.status(), ends(), adds()], ['Failed', ['WHMCS_OUTCOME_UNKNOWN'], 2]);
    job.salesforce.edit(orderId, { activationStatus: 'Activating' });
    await job.arrives();
    await job.rest();
    assert.deepEqual([job.status(), job.whmcs.added, job.whmcs.accepted], ['Activated', [5001], [5001]]);
  });

  it('is taken up again, though nobody has changed it since, when Salesforce did not show it to us for a day', async () => {
    await begin();
    job.whmcs.addFaults = [{ end: 'refused', message: 'Invalid Payment Method' }];
    await job.desk.settle(5 * minute);
    const order = job.salesforce.orders.get(orderId);
    assert.ok(order);
    job.salesforce.beforeRead = () => {
      if (adds() > 0) job.salesforce.orders.delete(orderId);
      return Promise.resolve();
    };
    assert.deepEqual(await swept(), [orderId]);
    await job.desk.settle(minute);
    job.clock.setWall(job.clock.now() + 25 * 60 * minute);
    await job.desk.settle(10 * minute);
    assert.deepEqual([adds(), await told(), ends()], [1, 'dropped', []]);
    job.salesforce.beforeRead = () => Promise.resolve();
    job.salesforce.orders.set(orderId, order);
    // The sweep that comes by itself.
    await job.desk.settle(10 * minute);
    assert.equal(await recovered(), 2);
    assert.deepEqual([job.status(), job.whmcs.added, job.whmcs.accepted], ['Activated', [5001], [5001]]);
  });
});

for (const withAttempts of [true, false])
  describe(`A failure from before an attempt, in an org that counts ${withAttempts ? 'attempts' : 'none'}`, () => {
    beforeEach(() => begin({ withAttempts }));
    afterEach(end);

    const readsFail = (): void => {
      const fault = new SalesforceError('ECONNREFUSED', 'refused', 'temporary');
      job.salesforce.readFaults.push(...Array.from({ length: 500 }, () => fault));
    };
    const retried = async (): Promise<void> => {
      job.salesforce.edit(orderId, { activationStatus: 'Activating', attempt: withAttempts ? 2 : null });
      await job.arrives();
      await job.desk.settle(2 * minute);
    };
    /** Attempt 2 is at work, or is taken up, and what failed before it is told over nothing of it. */
    const provisioned = async (): Promise<void> => {
      await job.desk.settle(5 * minute);
      await swept();
      await job.rest();
      assert.deepEqual([job.salesforce.statuses(orderId), ends()], [['Activated'], [null]]);
      assert.deepEqual([job.whmcs.added, job.whmcs.accepted], [[5001], [5001]]);
    };
    /** The Order is hidden for a moment while its event runs. */
    const notFound = async (): Promise<void> => {
      const order = job.salesforce.orders.get(orderId);
      assert.ok(order);
      job.salesforce.orders.delete(orderId);
      await job.arrives();
      await job.desk.settle(10_000);
      job.salesforce.orders.set(orderId, order);
      assert.equal(job.ends.at(-1), 'failed ORDER_NOT_FOUND');
    };

    it('reaches Salesforce', async () => {
      await notFound();
      await job.rest();
      assert.deepEqual([job.salesforce.statuses(orderId), ends()], [['Failed'], ['ORDER_NOT_FOUND']]);
      assert.deepEqual(job.whmcs.added, []);
    });

    it('reaches Salesforce where it could not be read for long', async () => {
      await notFound();
      readsFail();
      await job.desk.settle(30 * minute);
      job.salesforce.readFaults.length = 0;
      await job.rest();
      assert.deepEqual(ends(), ['ORDER_NOT_FOUND']);
    });

    it('reaches Salesforce after an attempt that was told before', async () => {
      job.whmcs.addFaults = [{ end: 'refused', message: 'Invalid Payment Method' }];
      await job.arrives();
      await job.rest();
      await job.desk.settle(minute);
      job.salesforce.edit(orderId, { activationStatus: 'Activating', attempt: withAttempts ? 2 : null });
      await notFound();
      readsFail();
      await job.desk.settle(30 * minute);
      job.salesforce.readFaults.length = 0;
      await job.rest();
      assert.deepEqual(ends(), ['WHMCS_REFUSED', 'ORDER_NOT_FOUND']);
    });

    it('reaches Salesforce after a person’s word to the control', async () => {
      job.whmcs.addFaults = [{ end: 'refused', message: 'Invalid Payment Method' }];
      await job.arrives();
      await job.rest();
      await job.desk.settle(5 * minute);
      const order = job.salesforce.orders.get(orderId);
      assert.ok(order);
      job.salesforce.beforeRead = () => {
        if (order.activationStatus === 'Activating') job.salesforce.orders.delete(orderId);
        return Promise.resolve();
      };
      const [answer] = await job.ask('retry', orderId);
      assert.equal(answer?.done, true, answer?.text);
      await job.desk.settle(10_000);
      assert.equal(job.ends.at(-1), 'failed ORDER_NOT_FOUND');
      job.salesforce.beforeRead = () => Promise.resolve();
      job.salesforce.orders.set(orderId, order);
      await job.rest();
      assert.deepEqual(
        ends(),
        ['WHMCS_REFUSED', undefined, 'ORDER_NOT_FOUND'].filter((code) => code !== undefined),
      );
    });

    it('is never told over a newer attempt, when Salesforce took no write meanwhile', async () => {
      await notFound();
      job.salesforce.refuse = away;
      await job.desk.settle(minute);
      await retried();
      job.salesforce.refuse = null;
      await provisioned();
    });

    it('is never told over a newer attempt, when Salesforce could not be read meanwhile', async () => {
      await notFound();
      readsFail();
      await job.desk.settle(minute);
      job.salesforce.edit(orderId, { activationStatus: 'Activating', attempt: withAttempts ? 2 : null });
      await job.desk.settle(minute);
      job.salesforce.readFaults.length = 0;
      await job.desk.settle(5 * minute);
      assert.deepEqual(ends(), []);
      await provisioned();
    });

    it('is never told over an attempt that was begun while its event still waited', async () => {
      const { inbox } = job.desk.provisioning.store;
      const { endings } = job.desk.provisioning;
      const now = job.clock.now();
      const fields = { channel: 'another', replayId: null, receivedAt: now, orderId, delivery: 'live' as const };
      await inbox.add({ ...fields, eventId: 'old', createdAt: now, payload: {} });
      const event = await inbox.take('another', now);
      assert.ok(event);
      await job.desk.settle(minute);
      job.salesforce.edit(orderId, { activationStatus: 'Activating', attempt: withAttempts ? 2 : null });
      await job.desk.settle(1_000);
      const cause = failure('FLOW_TIMEOUT', 'The message stopped', 'event').part();
      await endings.fail({ eventId: event.id, handout: event.handout, orderId }, cause);
      await job.desk.settle(5 * minute);
      assert.deepEqual(ends(), []);
      await provisioned();
    });
  });
