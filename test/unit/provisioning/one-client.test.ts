import assert from 'node:assert/strict';
import { orderLease } from '../../../lib/provisioning/held-order';
import { channel } from './desk-under-test';
import { JobUnderTest, type JobOptions } from './job-under-test';
import { clientId } from './vendor-doubles/world';

const orderNumber = (n: number): string => `8010000000000${String(n).padStart(2, '0')}AAA`;

describe('Many orders of one client at a time', () => {
  let job: JobUnderTest;
  const open = async (options: JobOptions): Promise<void> => {
    job = await JobUnderTest.open(options);
  };
  afterEach(() => job.close());

  const arrive = async (count: number, from = 1): Promise<string[]> => {
    const ids = Array.from({ length: count }, (_, at) => orderNumber(at + from));
    for (const id of ids) job.approve({}, id);
    for (const id of ids) await job.arrives(id);
    return ids;
  };
  const activated = (ids: readonly string[]): number => ids.filter((id) => job.status(id) === 'Activated').length;
  /** Turns the clock until all have ended. @returns how long it took, ms. */
  const allEnd = async (ids: readonly string[], stepMs = 50): Promise<number> => {
    const from = job.clock.monotonic();
    const open = (): boolean => ids.some((id) => job.status(id) === 'Activating');
    while (open() && job.clock.monotonic() - from < 1_000_000) await job.desk.settle(stepMs);
    return job.clock.monotonic() - from;
  };
  /** The Salesforce orders in the sequence in which WHMCS made theirs. */
  const made = (): (string | undefined)[] => job.whmcs.orders.map((order) => /sfOrderId=(\w+)/.exec(order.notes)?.[1]);
  const clientLease = (): string => `client:${job.connection.key}:${clientId}`;

  it('ends 20 of them well within 30 s where each call of WHMCS takes 150 ms, in their sequence, without reading again and again', async () => {
    await open({ latencyMs: 150, maxInWork: 10 });
    const ids = await arrive(20);
    const ms = await allEnd(ids);
    assert.equal(activated(ids), 20);
    assert.deepEqual(made(), ids);
    assert.ok(ms < 15_000, `${ms} ms`);
    const events = await job.desk.provisioning.store.inbox.inState(channel, 'finished', 30);
    const handouts = events.reduce((sum, event) => sum + event.handout, 0);
    assert.ok(handouts <= 40, `${handouts} hand-outs`);
  });

  it('holds no place for one that waits', async () => {
    await open({ latencyMs: 150, maxInWork: 2 });
    const ids = await arrive(6);
    await job.desk.settle(100);
    assert.equal(job.desk.provisioning.handouts.inWork(channel).length, 1);
    await allEnd(ids);
    assert.equal(activated(ids), 6);
  });

  it('passes the turn on when the order that was woken is none to provision any more', async () => {
    await open({ latencyMs: 150 });
    const [first = '', second = '', third = ''] = await arrive(3);
    job.salesforce.orders.set(second, { ...job.salesforce.orders.get(second)!, activationStatus: 'Activated' });
    const ms = await allEnd([first, third]);
    // It is read again for 5 s, since an event may come before its own commit.
    assert.ok(ms < 9_000, `${ms} ms`);
    assert.equal(activated([first, third]), 2);
  });

  it('lets an order go on at its time when another process lets the client go and can wake nobody', async () => {
    await open({ latencyMs: 150 });
    const { leases } = job.desk.provisioning.store;
    const lease = await leases.acquire(clientLease(), 60_000);
    const ids = await arrive(1);
    assert.ok(lease);
    await leases.release(lease);
    const ms = await allEnd(ids);
    assert.ok(ms >= 14_000 && ms < 18_000, `${ms} ms`);
    assert.equal(activated(ids), 1);
  });

  it('lets an order go on within a second when another process wakes it in the store they share', async () => {
    await open({ latencyMs: 150 });
    const { leases, inbox } = job.desk.provisioning.store;
    const lease = await leases.acquire(clientLease(), 60_000);
    const ids = await arrive(1);
    assert.ok(lease);
    await leases.release(lease);
    await inbox.wakeNext(clientLease());
    const ms = await allEnd(ids);
    assert.ok(ms < 3_500, `${ms} ms`);
  });

  it('wakes an order whose own lease is let go', async () => {
    await open({ latencyMs: 150 });
    const { provisioning } = job.desk;
    const lease = await provisioning.store.leases.acquire(orderLease(orderNumber(1)), 60_000);
    const ids = await arrive(1);
    assert.ok(lease);
    await job.desk.settle(5_000);
    const event = (await provisioning.store.inbox.inState(channel, 'parked', 1))[0];
    assert.equal(event?.waitsFor, orderLease(orderNumber(1)));
    await provisioning.store.leases.release(lease);
    await provisioning.hold(orderNumber(1), () => Promise.resolve());
    await job.desk.settle();
    assert.equal((await provisioning.store.inbox.counts(channel)).inWork, 1);
    await allEnd(ids);
  });

  describe('where WHMCS keeps no mark', () => {
    /** The second and third look for themselves at other times than the quarantine ends. */
    const arriveOneByOne = async (): Promise<string[]> => {
      const first = await arrive(1);
      await job.desk.settle(7_000);
      return [...first, ...(await arrive(2, 2))];
    };

    it('wakes the next as soon as the unsettled call of the first is settled', async () => {
      await open({ latencyMs: 150, marker: 'none' });
      job.whmcs.addFaults = [{ end: 'unknown', commit: 'never' }];
      const ids = await arriveOneByOne();
      await job.desk.settle(30_000);
      assert.deepEqual(activated(ids), 0);
      const parked = await job.desk.provisioning.store.inbox.inState(channel, 'parked', 10);
      assert.deepEqual(
        parked.map((event) => event.waitsFor),
        [null, ...Array<string>(2).fill(`intent:${job.connection.key}:${clientId}`)],
      );
      const madeAt: number[] = [];
      job.whmcs.onAdded = () => void madeAt.push(job.clock.monotonic());
      await allEnd(ids, 500);
      assert.equal(activated(ids), 3);
      const pauses = madeAt.slice(1).map((at, n) => at - (madeAt[n] ?? 0));
      assert.ok(
        pauses.length === 2 && pauses.every((ms) => ms < 3_000),
        `pauses between orders: ${pauses.join(' and ')} ms`,
      );
    });

    it('wakes those that wait for a call which a person must decide, so that they say so', async () => {
      await open({ latencyMs: 150, marker: 'none', resend: 'never' });
      job.whmcs.addFaults = [{ end: 'unknown', commit: 'never' }];
      const ids = await arriveOneByOne();
      const failed = (): number => ids.filter((id) => job.status(id) === 'Failed').length;
      while (failed() === 0) await job.desk.settle(500);
      await job.desk.settle(4_000);
      assert.equal(failed(), 3);
    });
  });
});
