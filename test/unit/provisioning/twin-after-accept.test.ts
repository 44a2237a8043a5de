/** A twin turns up when the order on record was to be accepted already: judged by what WHMCS was sent and holds. */
import assert from 'node:assert/strict';
import { orderId } from './desk-under-test';
import { JobUnderTest } from './job-under-test';
import type { AcceptFault } from './vendor-doubles/in-memory-whmcs';
import { asked, clientId } from './vendor-doubles/world';

describe('A twin of an order that was to be accepted', () => {
  let job: JobUnderTest;
  afterEach(() => job.close());

  /** The first AddOrder comes late, as 5002, when 5001 of the second one has gone through these accepts, one a Retry. */
  const begin = async (...accepts: AcceptFault[]): Promise<void> => {
    job = await JobUnderTest.open();
    job.approve();
    job.whmcs.addFaults = [{ end: 'unknown', commit: 'never' }, { end: 'success' }];
    job.whmcs.acceptFaults = accepts;
    await job.arrives();
  };
  const comesLate = (): void => {
    const notes = `sfOrderId=${orderId};i=${job.desk.provisioning.store.id}-a1`;
    job.whmcs.add({ clientId, items: asked(), notes });
  };
  const retry = async (): Promise<void> => {
    const [answer] = await job.ask('retry', orderId);
    assert.equal(answer?.done, true, answer?.text);
  };
  const cancel = (whmcsOrderId: number): Promise<string> => job.repair('cancel twin', { orderId, whmcsOrderId });
  const sentFor = (): number[] => job.whmcs.ledger.flatMap((one) => (one.what === 'accepted' ? [one.orderId] : []));
  const notSent: AcceptFault = { end: 'not-sent', code: 'ECONNREFUSED' };

  it('waits with the accept while a CancelOrder of which the answer was lost may still be carried out', async () => {
    await begin(notSent);
    await job.rest();
    comesLate();
    job.whmcs.repairFaults = [{ end: 'unknown', done: 60_000 }];
    assert.match(await cancel(5001), /No answer to CancelOrder/);
    await retry();
    await job.rest();
    assert.ok(job.ends.some((end) => /5001 may still be cancelled, as a person has asked for/.test(end)));
    assert.equal(job.status(), 'Activated', job.ends.join(' | '));
    assert.deepEqual([sentFor(), job.whmcs.cancelled], [[5002], [5001]]);
  });

  it('names both once that can come no more', async () => {
    await begin(notSent);
    await job.rest();
    comesLate();
    job.whmcs.repairFaults = [{ end: 'unknown', done: 'never' }];
    assert.match(await cancel(5001), /No answer to CancelOrder/);
    await retry();
    await job.rest();
    assert.deepEqual([job.status(), job.errorCode()], ['Failed', 'WHMCS_TWIN'], job.ends.join(' | '));
    assert.match(job.errorMessage(), /5001 and 5002/);
    assert.deepEqual([sentFor(), job.whmcs.cancelled], [[], []]);
  });

  it('is not accepted where AcceptOrder was sent for the one that a person has cancelled, until that person accepts it', async () => {
    await begin({ end: 'unknown', run: 'never' });
    await job.rest();
    assert.equal(job.errorCode(), 'WHMCS_ACCEPT_UNKNOWN');
    comesLate();
    job.whmcs.order(5001).status = 'Cancelled';
    await retry();
    await job.rest();
    assert.deepEqual([sentFor(), job.errorCode()], [[5001], 'WHMCS_ACCEPT_UNKNOWN']);
    assert.match(
      job.errorMessage(),
      /WHMCS order 5002 is still Pending; AcceptOrder was sent for 5001 before, .* look there first/,
    );
    job.whmcs.accept(5002);
    await retry();
    await job.rest();
    assert.equal(job.status(), 'Activated', job.ends.join(' | '));
    assert.deepEqual(sentFor(), [5001]);
  });

  it('comes to its end where the other one is cancelled while its accept is being looked at', async () => {
    await begin(notSent, { end: 'unknown', run: 'never' }, notSent);
    await job.rest();
    comesLate();
    job.clock.after(170_000, () => (job.whmcs.order(5001).status = 'Cancelled'));
    await retry();
    await job.rest();
    assert.equal(job.status(), 'Failed', job.ends.join(' | '));
    assert.deepEqual(sentFor(), [5001]);
    const open = (await job.record()).accepts.filter(({ settled }) => settled === null);
    assert.deepEqual(open, []);
  });

  it('is seen where the clock of the host that took the order on was ahead', async () => {
    await begin(notSent);
    await job.rest();
    comesLate();
    const record = await job.record();
    const adopted = record.adopted && { ...record.adopted, at: job.clock.now() + 3_600_000 };
    await job.desk.record({ ...record, adopted });
    await retry();
    await job.rest();
    assert.deepEqual([sentFor(), job.status(), job.errorCode()], [[], 'Failed', 'WHMCS_TWIN'], job.ends.join(' | '));
  });
});
