/** A WHMCS client with so many newer orders that an Order's own ones are not on the first page of GetOrders. */
import assert from 'node:assert/strict';
import { orderId } from './desk-under-test';
import { JobUnderTest } from './job-under-test';
import { asked, clientId } from './vendor-doubles/world';

const dayMs = 86_400_000;

for (const oldestFirst of [false, true]) {
  describe(`An Order of a client with many newer orders, ${oldestFirst ? 'the oldest' : 'the newest'} first`, () => {
    let job: JobUnderTest;
    beforeEach(async () => {
      job = await JobUnderTest.open();
      job.whmcs.oldestFirst = oldestFirst;
      job.approve();
    });
    afterEach(() => job.close());

    const ownMark = (store = job.desk.provisioning.store.id): string => `sfOrderId=${orderId};i=${store}-a1`;
    const markedAsOther = (at: number): string =>
      `sfOrderId=8010000000001${String(at).padStart(3, '0')}AA;i=aaaaaaaa-a1`;
    const others = (count: number): void => {
      for (let at = 0; at < count; at++) job.whmcs.add({ clientId, items: asked(), notes: markedAsOther(at) });
    };
    /** WHMCS carries the first AddOrder out twice. */
    const doubled = (): void => {
      job.whmcs.onAdded = (id) => {
        if (id === 5001) job.whmcs.add({ clientId, items: asked(), notes: ownMark() });
      };
    };
    const run = async (): Promise<void> => {
      await job.arrives();
      await job.rest();
    };
    const retry = async (): Promise<void> => {
      await job.ask('retry', orderId);
      await job.rest();
    };

    it('is not accepted on Retry while its twin is there, however far down', async () => {
      doubled();
      await run();
      assert.equal(job.errorCode(), 'WHMCS_TWIN');
      others(160);
      await retry();
      assert.deepEqual([job.errorCode(), job.whmcs.accepted], ['WHMCS_TWIN', []]);
    });

    it('is not settled with one half of a twin whose other half is a page further down', async () => {
      job.whmcs.addFaults = [{ end: 'unknown', commit: 'now' }];
      doubled();
      await run();
      assert.equal(job.errorCode(), 'WHMCS_TWIN');
      others(24);
      await retry();
      assert.deepEqual([job.errorCode(), job.whmcs.accepted], ['WHMCS_TWIN', []]);
    });

    it('is taken as another installation has made it, and not added again', async () => {
      job.whmcs.add({ clientId, items: asked(), notes: ownMark('ffffffff') });
      job.whmcs.accept(5001);
      others(160);
      await run();
      assert.equal(job.status(), 'Activated', job.ends.join(' | '));
      assert.deepEqual([job.whmcs.calls.includes('AddOrder'), job.whmcs.accepted], [false, []]);
    });

    it('is told of a row that turns up late behind them', async () => {
      job.whmcs.addFaults = [{ end: 'unknown', commit: 800_000 }];
      await run();
      assert.equal(job.status(), 'Activated', job.ends.join(' | '));
      while (job.whmcs.added.length < 2) await job.desk.settle(60_000);
      others(40);
      await job.intake.stop();
      await job.desk.settle(31 * 60_000);
      const alarms = job.desk.lines.filter((line) => line.level === 'error' && /turned up late/.test(line.text));
      assert.deepEqual(
        alarms.map((line) => line.facts?.['candidates']),
        ['5002'],
      );
    });
  });
}

it('A client with many orders of long ago costs one look before AddOrder, not a pass over all', async () => {
  const job = await JobUnderTest.open();
  try {
    job.approve();
    const date = new Date(job.clock.now() - 30 * dayMs).toISOString().slice(0, 10);
    for (let at = 0; at < 300; at++) job.whmcs.add({ clientId, items: asked(), date: `${date} 10:00:00` });
    await job.arrives();
    await job.rest();
    assert.equal(job.status(), 'Activated', job.ends.join(' | '));
    const { calls } = job.whmcs;
    const before = calls.slice(0, calls.indexOf('AddOrder')).filter((call) => call === 'GetOrders');
    assert.equal(before.length, 1);
  } finally {
    await job.close();
  }
});
