/**
 * An event that died with its processes after its order was accepted, and a person's retry before that event is ended. Judged
 * by what Salesforce is told.
 */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { LeftChannels } from '../../../lib/provisioning/left-channels';
import { StoppedEvents } from '../../../lib/provisioning/stopped-events';
import { SalesforceError } from '../../../lib/salesforce/contract';
import { databaseClass } from '../../../lib/state/sqlite/load-sqlite';
import { channel, orderId } from './desk-under-test';
import { JobUnderTest } from './job-under-test';

for (const withAttempts of [true, false])
  describe(`An event that died after its order was accepted${withAttempts ? '' : ', in an org that counts no attempts'}`, () => {
    let job: JobUnderTest;
    beforeEach(async () => {
      job = await JobUnderTest.open({ withAttempts });
      job.approve();
      const { endings, handouts } = job.desk.provisioning;
      const activate = endings.activate.bind(endings);
      endings.activate = (of) => {
        endings.activate = activate;
        handouts.end(of.eventId, of.handout);
        dies();
        return Promise.resolve({ kind: 'stale' });
      };
      await job.arrives();
      await job.desk.settle(100);
      assert.deepEqual([job.status(), job.whmcs.accepted], ['Activating', [5001]]);
    });
    afterEach(() => job.close());

    /** As the fifth death in work leaves it, between the accept and its end. */
    function dies(): void {
      const Database = databaseClass();
      const database = new Database(join(job.desk.directory, 'order-provisioning.sqlite'));
      database.prepare("UPDATE inbox SET state = 'dead', worker = NULL, crashes = 5 WHERE ending IS NULL").run();
      database.close();
    }
    const endDead = (): Promise<void> =>
      new StoppedEvents(
        { provisioning: job.desk.provisioning, channel, silenceMs: 300_000 },
        { again: () => Promise.reject(new Error('nothing is handed out again')) },
      ).endDead();
    /** The first time that the retry reads the Order, before it is handed out. */
    const whileRetried = (meanwhile: () => Promise<void>): void => {
      job.salesforce.beforeRead = async () => {
        job.salesforce.beforeRead = () => Promise.resolve();
        await meanwhile();
      };
    };
    const retry = async (): Promise<string> => {
      const [answer] = await job.ask('retry', orderId);
      return `${answer?.done ? 'done' : 'no'}: ${answer?.text ?? 'nothing'}`;
    };
    /** Salesforce was told that it is live, and never that it failed; nothing is left to tell. */
    const assertTold = async (): Promise<void> => {
      await job.rest();
      await job.desk.settle(600_000);
      const told = job.salesforce.book.map(({ change }) => change.activationStatus).filter((status) => status);
      assert.deepEqual(
        [job.status(), told.includes('Failed'), job.salesforce.orders.get(orderId)?.whmcsOrderId],
        ['Activated', false, '5001'],
        job.ends.join(' | '),
      );
      assert.deepEqual([job.whmcs.added, job.whmcs.accepted, job.whmcs.moduleRuns], [[5001], [5001], [1, 1]]);
      const { attemptState, todo } = await job.record();
      assert.deepEqual([attemptState, todo.includes('report')], ['closed', false]);
    };

    it('is told as Activated where it is ended while the retry is under way', async () => {
      whileRetried(endDead);
      await retry();
      await assertTold();
    });

    it('is told as Activated where the retry has begun a new attempt of the org’s', async () => {
      job.salesforce.edit(orderId, { activationStatus: 'Failed' });
      whileRetried(endDead);
      assert.match(await retry(), /^done/);
      job.salesforce.book.length = 0;
      await assertTold();
    });

    it('is told as Activated where nobody listens to its channel any more', async () => {
      const left = new LeftChannels({
        provisioning: job.desk.provisioning,
        channel: '/event/Another__e',
        orderIdField: 'OrderId__c',
      });
      await job.intake.stop();
      await left.takeUp();
      await job.desk.settle(301_000);
      whileRetried(() => left.takeUp());
      await retry();
      await job.intake.start();
      await assertTold();
    });

    it('is told as Activated where Salesforce does not answer the retry', async () => {
      job.salesforce.readFaults.push(new SalesforceError('ETIMEOUT', 'no answer', 'temporary'));
      await assert.rejects(retry(), /no answer/);
      await endDead();
      await assertTold();
    });

    it('is not told as Activated by a retry that fails before it reads WHMCS', async () => {
      job.whmcs.order(5001).status = 'Cancelled';
      whileRetried(() => {
        // As a node of the user's does that throws before _get order_.
        whileRetried(() => Promise.reject(new Error('a node has thrown')));
        return Promise.resolve();
      });
      assert.match(await retry(), /^done/);
      await job.rest();
      await job.desk.settle(600_000);
      assert.deepEqual([job.status(), job.errorCode()], ['Failed', 'FLOW_ERROR']);
    });

    it('is read in WHMCS anew by a retry that comes first', async () => {
      job.whmcs.order(5001).status = 'Cancelled';
      assert.match(await retry(), /^done/);
      await job.rest();
      assert.deepEqual([job.status(), job.errorCode()], ['Failed', 'WHMCS_ORDER_GONE']);
    });
  });
