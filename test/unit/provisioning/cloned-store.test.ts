/**
 * Two stores that bear the same id: a disk that was copied, or a machine that was set back to a snapshot, lock file and all.
 * Neither notices, so that a mark of this store which the ledger does not know is the only word of what the other did.
 */
import assert from 'node:assert/strict';
import { orderId } from './desk-under-test';
import { JobUnderTest } from './job-under-test';
import { asked, clientId } from './vendor-doubles/world';

describe('A WHMCS order that bears a mark of this very store, and that its ledger does not know', () => {
  let job: JobUnderTest;
  beforeEach(async () => {
    job = await JobUnderTest.open();
    job.approve();
    const notes = `sfOrderId=${orderId};i=${job.desk.provisioning.store.id}-a1`;
    job.whmcs.add({ clientId, items: asked(), notes });
  });
  afterEach(() => job.close());

  it('is taken, and its module runs once where whoever made it accepts it', async () => {
    job.clock.after(30_000, () => job.whmcs.accept(5001));
    await job.arrives();
    await job.rest();
    assert.equal(job.status(), 'Activated', job.ends.join(' | '));
    assert.deepEqual(job.whmcs.added, [5001]);
    assert.deepEqual(job.whmcs.accepted, []);
    assert.deepEqual(new Set(job.whmcs.moduleRuns), new Set([1]));
  });

  it('is not accepted where nobody else does: its accept may have been sent', async () => {
    await job.arrives();
    await job.rest();
    assert.equal(job.errorCode(), 'WHMCS_ACCEPT_UNKNOWN', job.ends.join(' | '));
    assert.deepEqual(job.whmcs.added, [5001]);
    assert.deepEqual(job.whmcs.accepted, []);
  });
});
