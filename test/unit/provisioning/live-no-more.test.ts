/** What is seen of a WHMCS order later, against an accept that was proven before: judged by both vendors' books. */
import assert from 'node:assert/strict';
import { failure } from '../../../lib/provisioning/failure';
import { orderId } from './desk-under-test';
import { JobUnderTest, type JobOptions } from './job-under-test';
import { asked, clientId } from './vendor-doubles/world';

describe('A WHMCS order that was live', () => {
  let job: JobUnderTest;
  const begin = async (options: JobOptions = {}): Promise<void> => {
    job = await JobUnderTest.open(options);
    job.approve();
  };
  afterEach(() => job.close());
  const run = async (): Promise<void> => {
    await job.arrives();
    await job.rest();
  };
  const again = async (): Promise<void> => {
    job.salesforce.edit(orderId, { activationStatus: 'Activating', attempt: 2 });
    await run();
  };
  const addTwin = (): void =>
    void job.whmcs.add({
      clientId,
      items: asked(),
      notes: `sfOrderId=${orderId};i=${job.desk.provisioning.store.id}-a1`,
    });
  const named = (): unknown => job.salesforce.orders.get(orderId)?.whmcsOrderId;

  describe('and became so by a paid invoice, not by our AcceptOrder', () => {
    const live = async (): Promise<void> => {
      await begin();
      // The first AddOrder has no answer; 5001 is of the second.
      job.whmcs.addFaults = [{ end: 'unknown' }];
      job.whmcs.onAdded = (id) => {
        if (id === 5001) queueMicrotask(() => job.whmcs.accept(5001));
      };
      await run();
      assert.deepEqual([job.status(), job.whmcs.accepted, job.whmcs.moduleRuns], ['Activated', [], [1, 1]]);
    };

    it('has no module run again when a person sets it back to Pending', async () => {
      await live();
      job.whmcs.order(5001).status = 'Pending';
      for (const service of job.whmcs.services) service.status = 'Pending';
      await again();
      assert.deepEqual([job.whmcs.accepted, job.whmcs.moduleRuns], [[], [1, 1]]);
      assert.deepEqual([job.status(), job.errorCode()], ['Failed', 'WHMCS_ACCEPT_UNKNOWN']);
    });

    it('has no module run again where one of its modules had failed', async () => {
      await begin();
      job.whmcs.onAdded = (id) => {
        if (id === 5001) queueMicrotask(() => job.whmcs.accept(5001, { end: 'success', failing: [1] }));
      };
      await run();
      assert.equal(job.errorCode(), 'WHMCS_PARTIALLY_PROVISIONED');
      const runs = [...job.whmcs.moduleRuns];
      job.whmcs.order(5001).status = 'Pending';
      for (const service of job.whmcs.services) service.status = 'Pending';
      await again();
      assert.deepEqual([job.whmcs.accepted, job.whmcs.moduleRuns], [[], runs]);
      assert.equal(job.errorCode(), 'WHMCS_ACCEPT_UNKNOWN');
    });

    it('does not have its late twin accepted once it is cancelled', async () => {
      await live();
      addTwin();
      job.whmcs.order(5001).status = 'Cancelled';
      await again();
      assert.deepEqual([job.status(), job.whmcs.accepted], ['Failed', []]);
      assert.equal(job.errorCode(), 'WHMCS_ACCEPT_UNKNOWN');
    });
  });

  describe('and was cancelled while the process was away, before Salesforce was told', () => {
    const diesBeforeWriteBack = async (meanwhile: () => void): Promise<void> => {
      await begin();
      const { endings, store, handouts } = job.desk.provisioning;
      const activate = endings.activate.bind(endings);
      endings.activate = async (of) => {
        endings.activate = activate;
        await store.inbox.park(of.eventId, of.handout, job.clock.now() + 3_600_000, 'the process has ended');
        handouts.end(of.eventId, of.handout);
        meanwhile();
        return { kind: 'stale' };
      };
      await run();
      assert.deepEqual(job.whmcs.accepted, [5001]);
    };

    it('is told as gone', async () => {
      await diesBeforeWriteBack(() => void (job.whmcs.order(5001).status = 'Cancelled'));
      assert.deepEqual([job.status(), job.errorCode(), named()], ['Failed', 'WHMCS_ORDER_GONE', '5001']);
    });

    it('is told as Pending where a person has set it back', async () => {
      await diesBeforeWriteBack(() => void (job.whmcs.order(5001).status = 'Pending'));
      assert.deepEqual([job.status(), job.errorCode()], ['Failed', 'WHMCS_ACCEPT_UNKNOWN']);
    });

    it('does not make Activated of a twin that is Pending', async () => {
      await diesBeforeWriteBack(() => {
        job.whmcs.order(5001).status = 'Cancelled';
        addTwin();
      });
      assert.deepEqual([job.status(), job.errorCode(), named()], ['Failed', 'WHMCS_ACCEPT_UNKNOWN', '5002']);
      assert.deepEqual(job.whmcs.accepted, [5001]);
    });
  });

  for (const withAttempts of [true, false])
    it(`does not hide that a later run failed before its Order was read${withAttempts ? '' : ', in an org that counts no attempts'}`, async () => {
      await begin({ withAttempts });
      await run();
      assert.equal(job.status(), 'Activated');
      const { endings } = job.desk.provisioning;
      Object.assign(job.intake.options, {
        deliver: ({ id: eventId, handout }: { id: string; handout: number }) =>
          void endings.fail({ eventId, handout, orderId }, failure('FLOW_ERROR', 'TypeError in a box', 'event').part()),
      });
      await job.desk.settle(600_000);
      job.salesforce.edit(orderId, { activationStatus: 'Activating', ...(withAttempts ? { attempt: 2 } : {}) });
      await job.desk.settle(1_000);
      await run();
      assert.deepEqual([job.status(), job.errorCode(), named()], ['Failed', 'FLOW_ERROR', '5001']);
    });
});
