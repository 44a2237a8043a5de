/** Events that come again for an order that is done. */
import assert from 'node:assert/strict';
import { orderId } from './desk-under-test';
import { JobUnderTest } from './job-under-test';

const another = '801000000000021AAA';

describe('Duplicate events of an order that is done', () => {
  let job: JobUnderTest;
  beforeEach(async () => {
    job = await JobUnderTest.open({ maxInWork: 1 });
    job.approve();
    job.approve({}, another);
    await job.arrives();
    await job.rest();
    assert.equal(job.status(), 'Activated');
  });
  afterEach(() => job.close());

  it('do not keep another order from its place', async () => {
    for (let times = 0; times < 3; times++) await job.arrives();
    await job.desk.settle(600);
    const from = job.clock.monotonic();
    await job.arrives(another);
    for (let turn = 0; job.status(another) !== 'Activated' && turn < 100; turn++) await job.desk.settle(100);
    const waited = job.clock.monotonic() - from;
    assert.ok(waited <= 1_500, `it waited ${waited} ms`);
  });

  it('end as skipped, and change nothing at either vendor', async () => {
    const calls = job.whmcs.calls.length;
    const written = job.salesforce.book.length;
    for (let times = 0; times < 3; times++) await job.arrives();
    await job.rest();
    assert.deepEqual(
      job.ends.filter((end) => end.startsWith('skipped')),
      Array(3).fill('skipped ORDER_NOT_ACTIVATING'),
    );
    assert.equal(job.whmcs.calls.length, calls);
    assert.equal(job.salesforce.book.length, written);
    assert.equal((await job.record(orderId)).attempt, 1);
  });
});
