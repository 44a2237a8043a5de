/** A WHMCS order's id that several Salesforce Orders carry, since *Clone* copies it: judged by the books of both vendors. */
import assert from 'node:assert/strict';
import { SalesforceError } from '../../../lib/salesforce/contract';
import { orderId } from './desk-under-test';
import { JobUnderTest, type JobOptions } from './job-under-test';
import { awayError } from './vendor-doubles/in-memory-whmcs';
import { asked, clientId } from './vendor-doubles/world';

const modelId = '801000000000009AAA';

describe('A WHMCS order that two Salesforce Orders name', () => {
  let job: JobUnderTest;
  afterEach(() => job.close());

  const run = async (): Promise<void> => {
    await job.arrives();
    await job.rest();
  };
  const retry = async (): Promise<void> => {
    const [answer] = await job.ask('retry', orderId);
    assert.equal(answer?.done, true, answer?.text);
    await job.rest();
  };
  const calls = (action: string): number => job.whmcs.calls.filter((call) => call === action).length;
  const assertNothingDone = (): void => assert.deepEqual([calls('AddOrder'), calls('AcceptOrder')], [0, 0]);

  /** An order that the customer has had since before the pack: it bears no mark, and nothing is on record of it. */
  const begin = async (life: 'Active' | 'Pending', options: JobOptions = {}): Promise<void> => {
    job = await JobUnderTest.open(options);
    const old = job.whmcs.add({ clientId, items: asked(), by: 'person', date: '2025-06-01 10:00:00' });
    if (life === 'Active') job.whmcs.accept(old.id);
    job.whmcs.accepted.length = 0;
  };
  const cloned = (spelled = '5001'): void => {
    job.approve({ activationStatus: 'Activated', whmcsOrderId: spelled }, modelId);
    job.approve({ whmcsOrderId: '5001' });
  };

  for (const life of ['Active', 'Pending'] as const)
    it(`is not taken by a clone of the Order that it was made for before the pack, ${life}`, async () => {
      await begin(life);
      cloned();
      await run();
      assert.equal(job.status(), 'Failed', job.ends.join(' | '));
      assert.equal(job.errorCode(), 'WHMCS_ORDER_FOREIGN');
      assert.match(
        job.errorMessage(),
        /^WHMCS_Order_ID__c names 5001: Order #009AAA \(801000000000009AAA\) carries it too/,
      );
      assert.match(
        job.errorMessage(),
        /\. Clear the field on the Order that was cloned, not on the one that it was made/,
      );
      assertNothingDone();
      assert.equal((await job.record()).adopted, null);
    });

  it('is not taken where the other one spells the id as people do', async () => {
    await begin('Pending');
    cloned('#5001');
    await run();
    assert.equal(job.errorCode(), 'WHMCS_ORDER_FOREIGN');
    assertNothingDone();
  });

  it('leaves the clone to make its own once its field was cleared', async () => {
    await begin('Active');
    cloned();
    await run();
    job.salesforce.edit(orderId, { whmcsOrderId: null });
    await retry();
    assert.equal(job.status(), 'Activated', job.ends.join(' | '));
    assert.deepEqual([job.whmcs.added, job.whmcs.accepted], [[5001, 5002], [5002]]);
  });

  it('is taken once it is named by one Order alone', async () => {
    await begin('Pending');
    cloned();
    await run();
    job.salesforce.edit(modelId, { whmcsOrderId: null });
    await retry();
    assert.equal(job.status(), 'Activated', job.ends.join(' | '));
    assert.deepEqual([job.whmcs.added, job.whmcs.accepted], [[5001], [5001]]);
  });

  it('is gone on with by the Order that it was made for, whoever was cloned from that', async () => {
    job = await JobUnderTest.open();
    job.approve();
    job.whmcs.acceptFaults = [{ end: 'not-sent', code: 'ECONNREFUSED' }];
    await run();
    assert.equal(job.status(), 'Failed');
    job.approve({ whmcsOrderId: '5001' }, modelId);
    await retry();
    assert.equal(job.status(), 'Activated', job.ends.join(' | '));
    assert.deepEqual([job.whmcs.added, job.whmcs.accepted], [[5001], [5001]]);
  });

  it('is taken by the Order whose mark it bears, whoever was cloned from that', async () => {
    job = await JobUnderTest.open();
    job.whmcs.add({ clientId, items: asked(), notes: `sfOrderId=${orderId};i=ffffffff-a1` });
    job.whmcs.accept(5001);
    cloned();
    await run();
    assert.equal(job.status(), 'Activated', job.ends.join(' | '));
    assertNothingDone();
  });

  it('waits for a Salesforce that does not say whether another Order names it', async () => {
    await begin('Pending');
    cloned();
    const away = (): SalesforceError => new SalesforceError('503', 'Salesforce is away', 'temporary');
    job.salesforce.namingFaults.push(away(), away());
    await run();
    assert.deepEqual(job.ends, ['waits 503', 'waits 503', 'failed WHMCS_ORDER_FOREIGN']);
    assertNothingDone();
  });

  describe('of a lost store, where WHMCS keeps no mark', () => {
    const lost = async (): Promise<void> => {
      job = await JobUnderTest.open({ lost: true });
      job.whmcs.keepsNotes = false;
      job.whmcs.add({ clientId, items: asked(), notes: 'x' });
      job.whmcs.accept(5001);
      job.whmcs.accepted.length = 0;
    };
    const carried = { whmcsOrderId: '5001' };

    it('is not taken by a plain retry because it was named all along, and it is said how to confirm it', async () => {
      await lost();
      job.approve({ ...carried, createdAt: job.clock.now() - 3_600_000 });
      await run();
      for (let retries = 0; retries < 2; retries++) {
        assert.equal(job.errorCode(), 'WHMCS_OUTCOME_UNKNOWN', job.ends.join(' | '));
        assert.match(job.errorMessage(), /WHMCS_Order_ID__c named 5001 before, which proves nothing: write #5001 if/);
        assertNothingDone();
        await retry();
      }
      assert.equal(job.errorCode(), 'WHMCS_OUTCOME_UNKNOWN');
      job.salesforce.edit(orderId, { whmcsOrderId: '#5001' });
      await retry();
      assert.equal(job.status(), 'Activated', job.ends.join(' | '));
      assertNothingDone();
    });

    it('is taken when it is named anew after the field was seen empty', async () => {
      await lost();
      job.approve({ ...carried, createdAt: job.clock.now() - 3_600_000 });
      await run();
      job.salesforce.edit(orderId, { whmcsOrderId: null });
      await retry();
      assert.equal(job.errorCode(), 'WHMCS_OUTCOME_UNKNOWN', job.ends.join(' | '));
      job.salesforce.edit(orderId, carried);
      await retry();
      assert.equal(job.status(), 'Activated', job.ends.join(' | '));
      assertNothingDone();
    });

    it('is taken by a retry when a person has named it since, though WHMCS was away in between', async () => {
      await lost();
      job.approve({ createdAt: job.clock.now() - 3_600_000 });
      await run();
      assert.equal(job.errorCode(), 'WHMCS_OUTCOME_UNKNOWN', job.ends.join(' | '));
      job.salesforce.edit(orderId, carried);
      let reads = 0;
      job.whmcs.beforeRead = (action) => {
        if (++reads === 1) throw awayError(action);
      };
      await retry();
      await retry();
      assert.equal(job.status(), 'Activated', job.ends.join(' | '));
      assertNothingDone();
    });

    it('is not taken by a person’s word either, while another Order names it', async () => {
      await lost();
      job.approve({ activationStatus: 'Activated', ...carried }, modelId);
      job.approve({ createdAt: job.clock.now() - 3_600_000 });
      await run();
      job.salesforce.edit(orderId, carried);
      await retry();
      assert.equal(job.errorCode(), 'WHMCS_ORDER_FOREIGN', job.ends.join(' | '));
      assertNothingDone();
    });
  });
});
