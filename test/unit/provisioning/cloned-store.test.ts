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

describe('Of two WHMCS orders with one mark, made by one call', () => {
  let job: JobUnderTest;
  afterEach(() => job.close());

  const begin = async (answered: boolean): Promise<void> => {
    job = await JobUnderTest.open();
    job.approve();
    const notes = `sfOrderId=${orderId};i=${job.desk.provisioning.store.id}-a1`;
    if (!answered) job.whmcs.addFaults = [{ end: 'unknown', commit: 'now' }];
    job.whmcs.onAdded = (id) => {
      if (id === 5001) job.whmcs.add({ clientId, items: asked(), notes });
    };
    await job.arrives();
    await job.rest();
    assert.equal(job.errorCode(), 'WHMCS_TWIN');
  };
  const retry = async (): Promise<void> => {
    await job.ask('retry', orderId);
    await job.rest();
  };

  it('the one that our call was answered with is accepted, once a person has cancelled the other', async () => {
    await begin(true);
    job.whmcs.order(5002).status = 'Cancelled';
    await retry();
    assert.equal(job.status(), 'Activated', job.ends.join(' | '));
    assert.deepEqual(job.whmcs.accepted, [5001]);
  });

  for (const [what, answered, cancelled] of [
    ['the other one', true, 5001],
    ['one of which none was named by an answer', false, 5001],
    ['the second of which none was named by an answer', false, 5002],
  ] as const) {
    it(`${what} is taken and not accepted: the copy that has made it may do so`, async () => {
      await begin(answered);
      const left = cancelled === 5001 ? 5002 : 5001;
      job.whmcs.order(cancelled).status = 'Cancelled';
      await retry();
      assert.equal(job.errorCode(), 'WHMCS_ACCEPT_UNKNOWN', job.ends.join(' | '));
      assert.deepEqual(job.whmcs.accepted, []);
      // A person, or the copy, accepts it.
      job.whmcs.accept(left);
      await retry();
      assert.equal(job.status(), 'Activated', job.ends.join(' | '));
      assert.deepEqual([job.whmcs.accepted, job.whmcs.added], [[], [5001, 5002]]);
      assert.equal(job.salesforce.orders.get(orderId)?.whmcsOrderId, String(left));
    });
  }

  it('one alone is accepted, though its answer was lost', async () => {
    job = await JobUnderTest.open();
    job.approve();
    job.whmcs.addFaults = [{ end: 'unknown', commit: 'now' }];
    await job.arrives();
    await job.rest();
    assert.equal(job.status(), 'Activated', job.ends.join(' | '));
    assert.deepEqual([job.whmcs.added, job.whmcs.accepted], [[5001], [5001]]);
  });

  it('two of two calls of ours are no such case: the one that is left is accepted', async () => {
    job = await JobUnderTest.open();
    job.approve();
    job.whmcs.addFaults = [{ end: 'unknown' }];
    const notes = `sfOrderId=${orderId};i=${job.desk.provisioning.store.id}-a1`;
    job.whmcs.onAdded = (id) => {
      if (id === 5001) job.whmcs.add({ clientId, items: asked(), notes });
    };
    await job.arrives();
    await job.rest();
    assert.equal(job.errorCode(), 'WHMCS_TWIN', job.ends.join(' | '));
    job.whmcs.order(5001).status = 'Cancelled';
    await retry();
    assert.equal(job.status(), 'Activated', job.ends.join(' | '));
    assert.deepEqual(job.whmcs.accepted, [5002]);
  });
});
