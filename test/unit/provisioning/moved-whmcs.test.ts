/** WHMCS has got another address since an order was made there. */
import assert from 'node:assert/strict';
import { orderId } from './desk-under-test';
import { JobUnderTest } from './job-under-test';

describe('A WHMCS at a new address', () => {
  let job: JobUnderTest;
  afterEach(() => job.close());

  it('gets no AcceptOrder again that a store of before has lost', async () => {
    job = await JobUnderTest.open();
    job.approve();
    job.whmcs.acceptFaults = [
      { end: 'not-sent', code: 'ECONNREFUSED' },
      { end: 'unclear', leaves: 'Pending', failing: [0, 1], message: 'timed out' },
    ];
    const retry = async (): Promise<void> => {
      const [answer] = await job.ask('retry', orderId);
      assert.equal(answer?.done, true, answer?.text);
      await job.rest();
    };
    await job.arrives();
    await job.rest();
    const copy = await job.record();
    await retry();
    assert.deepEqual(job.whmcs.moduleRuns, [1, 1]);
    await job.desk.record(copy);
    await job.desk.provisioning.store.setDoubt({ until: job.clock.now() + 1, reason: 'an older copy' });
    Object.assign(job.connection, { key: 'https://new.example:443/includes/api.php' });
    await job.desk.settle(600_000);
    await retry();
    assert.deepEqual([job.whmcs.accepted, job.whmcs.moduleRuns], [[5001], [1, 1]]);
    assert.equal(job.errorCode(), 'WHMCS_ACCEPT_UNKNOWN');
  });
});
