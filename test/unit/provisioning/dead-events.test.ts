/** An event that died with its processes, while what its order did in WHMCS was not known yet. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { StoppedEvents } from '../../../lib/provisioning/stopped-events';
import { databaseClass } from '../../../lib/state/sqlite/load-sqlite';
import { channel, orderId } from './desk-under-test';
import { JobUnderTest } from './job-under-test';

describe('An event that died with its processes', () => {
  let job: JobUnderTest;
  beforeEach(async () => {
    job = await JobUnderTest.open();
    job.approve();
  });
  afterEach(() => job.close());

  /** As the fifth death in work leaves it. */
  function dies(): void {
    const Database = databaseClass();
    const database = new Database(join(job.desk.directory, 'order-provisioning.sqlite'));
    database.prepare("UPDATE inbox SET state = 'dead', crashes = 5 WHERE ending IS NULL").run();
    database.close();
  }
  /** What the source of the events does at its start. */
  const starts = (): Promise<void> =>
    new StoppedEvents(
      { provisioning: job.desk.provisioning, channel, silenceMs: 300_000 },
      { again: () => Promise.reject(new Error('nothing is handed out again')) },
    ).endDead();
  const codes = (): unknown[] => job.salesforce.book.map((one) => one.change.errorCode).filter((code) => code);

  it('ends with its order, so that a later start does not fail a newer attempt for it', async () => {
    job.whmcs.acceptFaults = [{ end: 'unknown', run: 'never' }];
    await job.arrives();
    await job.desk.settle(2_000);
    dies();
    await starts();
    await job.rest();
    assert.equal(job.status(), 'Failed');
    assert.deepEqual(codes().at(-1), 'WHMCS_ACCEPT_UNKNOWN');
    const [event] = await job.desk.provisioning.store.inbox.ofOrder(orderId);
    assert.equal(event?.end, 'Failed');
    await starts();
    await job.desk.settle(10_000);
    assert.ok(!codes().includes('EVENT_CRASHED'));
  });
});
