/** A store that is new, or was lost: Orders of before it are retried, and WHMCS may hold what they were once given. */
import assert from 'node:assert/strict';
import { orderId } from './desk-under-test';
import { JobUnderTest, type JobOptions } from './job-under-test';
import { dateText } from './vendor-doubles/in-memory-whmcs';
import { asked, clientId } from './vendor-doubles/world';

const dayMs = 86_400_000;

for (const withAttempts of [true, false]) {
  describe(`On a new store, an Order of a month ago that is retried${withAttempts ? '' : ' where the org counts no attempts'}`, () => {
    let job: JobUnderTest;
    let createdAt: number;

    const begin = async (options: JobOptions = {}): Promise<void> => {
      job = await JobUnderTest.open({ lost: true, withAttempts, ...options });
      createdAt = job.clock.now() - 30 * dayMs;
      job.approve({ createdAt, activationStatus: 'Failed' });
    };
    afterEach(() => job.close());

    const retry = async (): Promise<void> => {
      const [answer] = await job.ask('retry', orderId);
      assert.ok(answer?.done, answer?.text);
      await job.rest();
    };
    const adds = (): number => job.whmcs.calls.filter((call) => call === 'AddOrder').length;
    /** An order of the client, made so long after the Salesforce Order. */
    const row = (afterMs: number, notes = ''): void =>
      void job.whmcs.add({ clientId, items: asked(), notes, date: dateText(createdAt + afterMs) });

    it('takes the row that bears its mark, and adds none', async () => {
      await begin();
      row(dayMs, `sfOrderId=${orderId};i=ffffffff-a1`);
      job.whmcs.accept(5001);
      await retry();
      assert.equal(job.status(), 'Activated', job.ends.join(' | '));
      assert.equal((await job.record()).adopted?.orderId, 5001);
      assert.equal(adds(), 0);
    });

    it('asks a person about a row without a mark that is younger than the Order, and adds none', async () => {
      await begin();
      row(dayMs);
      row(-60 * dayMs);
      await retry();
      assert.equal(job.status(), 'Failed');
      assert.equal(job.errorCode(), 'WHMCS_OUTCOME_UNKNOWN');
      assert.match(job.errorMessage(), /may be ours: 5001 \(same products/);
      assert.doesNotMatch(job.errorMessage(), /5002/);
      assert.equal(adds(), 0);
    });

    it('goes on beside rows that are all older, once the quarantine is over', async () => {
      await begin();
      for (let months = 1; months <= 3; months++) row(-months * 30 * dayMs);
      const from = job.clock.monotonic();
      await retry();
      assert.equal(job.status(), 'Activated', job.ends.join(' | '));
      assert.deepEqual(job.whmcs.added.slice(3), [5004]);
      assert.match(job.ends[0] ?? '', /parked: The store is new or was restored/);
      assert.ok(job.clock.monotonic() - from >= 290_000);
    });

    it('goes on at once when the store has been open for longer than the quarantine', async () => {
      await begin();
      row(-30 * dayMs);
      await job.desk.settle(300_000);
      const from = job.clock.monotonic();
      await retry();
      assert.equal(job.status(), 'Activated', job.ends.join(' | '));
      assert.ok(job.clock.monotonic() - from < 60_000);
      assert.equal(adds(), 1);
    });

    it('makes no order of it where AddOrder is never sent twice: a person gives the word', async () => {
      await begin({ resend: 'never' });
      row(-30 * dayMs);
      await retry();
      assert.equal(job.errorCode(), 'WHMCS_OUTCOME_UNKNOWN');
      assert.match(job.errorMessage(), /may have lost/);
      assert.equal(adds(), 0);
    });
  });
}

describe('On a store that was lost while our clock was behind Salesforce’s', () => {
  let job: JobUnderTest;
  afterEach(() => job.close());

  /** An Order that was approved half a minute before the loss, by a clock that is two minutes ahead of ours. */
  const begin = async (): Promise<void> => {
    job = await JobUnderTest.open({ lost: true });
    job.salesforce.ahead = 120_000;
    job.approve({ createdAt: job.clock.now() + job.salesforce.ahead - 30_000 });
  };

  it('takes what the lost store has added, and adds none', async () => {
    await begin();
    job.whmcs.add({ clientId, items: asked(), notes: `sfOrderId=${orderId};i=ffffffff-a1` });
    await job.arrives();
    await job.rest();
    assert.deepEqual(job.whmcs.added, [5001], job.ends.join(' | '));
    assert.equal(job.whmcs.calls.includes('AddOrder'), false);
  });

  it('waits for what the lost store may have sent', async () => {
    await begin();
    job.desk.provisioning.clock.after(60_000, () =>
      job.whmcs.add({ clientId, items: asked(), notes: `sfOrderId=${orderId};i=ffffffff-a1` }),
    );
    await job.arrives();
    await job.rest();
    assert.deepEqual(job.whmcs.added, [5001], job.ends.join(' | '));
    assert.equal(job.whmcs.calls.includes('AddOrder'), false);
  });

  it('does not wait for an Order that is younger than the loss', async () => {
    await begin();
    await job.desk.settle(60_000);
    job.salesforce.edit(orderId, { createdAt: job.clock.now() + job.salesforce.ahead - 30_000 });
    const from = job.clock.monotonic();
    await job.arrives();
    await job.rest();
    assert.equal(job.status(), 'Activated', job.ends.join(' | '));
    assert.ok(job.clock.monotonic() - from < 60_000);
  });
});
