/** An event that is parked while the clock is a year ahead, and the clock is set right after. */
import assert from 'node:assert/strict';
import { SalesforceError } from '../../../lib/salesforce/contract';
import { orderId } from './desk-under-test';
import { JobUnderTest } from './job-under-test';

const yearMs = 365 * 86_400_000;

describe('An event that was parked while the clock was a year ahead', () => {
  it('goes on once the clock is right', async () => {
    const job = await JobUnderTest.open();
    try {
      job.approve();
      job.clock.setWall(job.clock.now() + yearMs);
      job.salesforce.readFaults.push(new SalesforceError('503', 'away', 'temporary'));
      await job.arrives();
      assert.match(job.ends.join(), /waits/);
      job.clock.setWall(job.clock.now() - yearMs);
      await job.desk.settle(60_000);
      assert.deepEqual([job.whmcs.added, job.whmcs.accepted], [[5001], [5001]], job.ends.join(' | '));
      assert.equal(job.status(), 'Activated', job.ends.join(' | '));
      const [event] = await job.desk.provisioning.store.inbox.ofOrder(orderId);
      assert.equal(event?.end, 'Activated');
    } finally {
      await job.close();
    }
  });
});
