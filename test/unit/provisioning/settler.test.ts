/** Background settling: when it looks, what it waits for, what it tells, and that it ends when it is closed. */
import assert from 'node:assert/strict';
import type { AddOrderSettings } from '../../../lib/provisioning/add-order';
import { Settler, type Settled } from '../../../lib/provisioning/settler';
import { StoreError } from '../../../lib/state/contract';
import { inAFreshWorld } from './vendor-doubles/fresh-world';
import { awayError } from './vendor-doubles/in-memory-whmcs';
import { asked, clientId, input, orderId, World, type End, type Process } from './vendor-doubles/world';

let world: World;
let directory: string;
let process: Process;

const kinds = (of: Process = process): string[] => of.settled.map(({ settled }) => settled.kind);
const last = (of: Process = process): Settled =>
  of.settled[of.settled.length - 1]?.settled ?? assert.fail('nothing was settled');
const failureOf = (settled: Settled) => ('failure' in settled ? settled.failure : assert.fail(settled.kind));
const reads = (): number => world.whmcs.calls.filter((call) => call === 'GetOrders').length;
const away = (action: string): never => {
  throw awayError(action);
};
const mark = (): string => `sfOrderId=${orderId};i=${process.store.id}-a1`;

/** AddOrder goes out, and no answer comes. */
async function unanswered(
  commit: 'now' | 'never' | number = 'never',
  settings: Partial<AddOrderSettings> = {},
): Promise<End> {
  world.whmcs.addFaults = [{ end: 'unknown', commit }];
  return process.add(input(), settings);
}

describe('Background settling', () => {
  inAFreshWorld((...made) => void ([world, process, directory] = made));

  describe('of an order that was added', () => {
    it('looks at once, then after 1, 2, 5, 10, 30 and 60 s', async () => {
      const at: number[] = [];
      await unanswered();
      const from = world.clock.monotonic();
      world.whmcs.beforeRead = () => void at.push((world.clock.monotonic() - from) / 1000);
      await world.clock.advance(200_000);
      assert.deepEqual(at, [0, 1, 3, 8, 18, 48, 108, 168]);
    });

    it('tells an order that it finds, as soon as it is there', async () => {
      await unanswered(4_000);
      await world.clock.advance(10_000);
      assert.deepEqual(last(), { kind: 'adopted', whmcsOrderId: 5001 });
      assert.equal((await process.record()).adopted?.outcome, 'adopted');
      assert.deepEqual((await process.record()).todo, []);
      assert.deepEqual(await process.real.openIntents.of(process.whmcs.key, clientId), []);
    });

    it('tells that there is none at the end of the quarantine, by two equal reads', async () => {
      await unanswered();
      await world.clock.advance(299_000);
      assert.deepEqual(kinds(), []);
      const before = reads();
      await world.clock.advance(2_000);
      assert.deepEqual(kinds(), ['none']);
      assert.ok(reads() - before >= 3, 'one look and two passes');
      assert.equal((await process.record()).adds[0]?.settled?.how, 'none');
    });

    it('has a quarantine of two write time-outs where that is longer', async () => {
      (process.whmcs as { writeTimeoutMs: number }).writeTimeoutMs = 200_000;
      await unanswered();
      await world.clock.advance(390_000);
      assert.deepEqual(kinds(), []);
      await world.clock.advance(20_000);
      assert.deepEqual(kinds(), ['none']);
    });

    it('has a longer quarantine where the node asks for it, and never a shorter one', async () => {
      await unanswered('never', { quarantineMs: 900_000 });
      await world.clock.advance(890_000);
      assert.deepEqual(kinds(), []);
      await world.clock.advance(20_000);
      assert.deepEqual(kinds(), ['none']);
    });

    it('never has a shorter one', async () => {
      await unanswered('never', { quarantineMs: 1_000 });
      await world.clock.advance(290_000);
      assert.deepEqual(kinds(), []);
    });

    it('counts it by the monotonic clock: a wall clock that jumps changes nothing', async () => {
      await unanswered();
      world.clock.setWall(world.clock.now() + 86_400_000);
      await world.clock.advance(250_000);
      assert.deepEqual(kinds(), []);
      await world.clock.advance(60_000);
      assert.deepEqual(kinds(), ['none']);
    });

    it('starts it anew in a new process, which takes up what the one before left', async () => {
      await unanswered();
      await world.clock.advance(200_000);
      await world.bury(process);
      const next = await world.process(directory);
      await next.settler.start();
      assert.deepEqual(next.settler.orders, [orderId]);
      await world.clock.advance(290_000);
      assert.deepEqual(kinds(next), []);
      await world.clock.advance(20_000);
      assert.deepEqual(kinds(next), ['none']);
    });

    it('does not judge absence while another order of the client is being added', async () => {
      await unanswered();
      const lease = await process.real.leases.acquire(`client:${process.whmcs.key}:${clientId}`, 600_000);
      await world.clock.advance(400_000);
      assert.deepEqual(kinds(), []);
      if (lease) await process.real.leases.release(lease);
      await world.clock.advance(61_000);
      assert.deepEqual(kinds(), ['none']);
    });

    it('judges it within two seconds of a moment in which the client is free, however long it was not', async () => {
      const lease = `client:${process.whmcs.key}:${clientId}`;
      await unanswered();
      const held = await process.real.leases.acquire(lease, 3_600_000);
      assert.ok(held);
      await world.clock.advance(1_000_000);
      assert.deepEqual(kinds(), []);
      await process.real.leases.release(held);
      await world.clock.advance(2_500);
      assert.deepEqual(kinds(), ['none']);
    });

    it('reads on while the client’s orders change, five times at most, then asks a person', async () => {
      let passes = 0;
      await unanswered();
      await world.clock.advance(299_000);
      world.whmcs.beforeRead = (action) => {
        if (action === 'GetOrders' && passes++ < 50)
          world.whmcs.add({ clientId, items: asked(), notes: `sfOrderId=801000000000009AAA;i=ffffffff-a${passes}` });
      };
      await world.clock.advance(30_000);
      const failure = failureOf(last());
      assert.equal(failure.code, 'WHMCS_OUTCOME_UNKNOWN');
      assert.match(failure.message, /changed during each of five reads/);
      assert.equal(passes, 6, 'one look and five passes');
    });

    it('goes through every page, of whatever length', async () => {
      for (let made = 0; made < 25; made++)
        world.whmcs.add({ clientId, items: asked(), notes: `sfOrderId=801000000000009AAA;i=ffffffff-a${made}` });
      world.whmcs.pageLength = 10;
      world.whmcs.oldestFirst = true;
      await unanswered();
      assert.equal((await process.record()).adds[0]?.watermark, 5025);
      world.whmcs.add({ clientId, items: asked(), by: 'person' });
      await world.clock.advance(310_000);
      assert.match(failureOf(last()).message, /may be ours: 5026/);
    });

    it('finds none on any page', async () => {
      for (let made = 0; made < 25; made++)
        world.whmcs.add({ clientId, items: asked(), notes: `sfOrderId=801000000000009AAA;i=ffffffff-a${made}` });
      world.whmcs.pageLength = 10;
      await unanswered();
      await world.clock.advance(310_000);
      assert.deepEqual(kinds(), ['none']);
    });

    it('asks a person when WHMCS answers with another client’s orders', async () => {
      await unanswered();
      world.whmcs.answerOrders = (page) => ({
        ...page,
        total: 1,
        orders: [{ ...world.whmcs.add({ clientId: 7, items: asked() }) }],
      });
      await world.clock.advance(2_000);
      assert.match(failureOf(last()).message, /answered with those of others/);
    });

    it('takes an empty answer for no evidence where the client had orders', async () => {
      world.whmcs.add({ clientId, items: asked(), notes: 'sfOrderId=801000000000009AAA;i=ffffffff-a1' });
      await unanswered();
      world.whmcs.answerOrders = (page) => ({ ...page, total: 0, orders: [] });
      await world.clock.advance(330_000);
      assert.match(failureOf(last()).message, /although it had some \(up to 5001\)/);
      assert.equal((await process.record()).adds[0]?.settled, null);
    });

    it('is not stopped by an end of the attempt', async () => {
      await unanswered(30_000);
      await world.clock.advance(100);
      await process.edit((record) => ({ ...record, attemptState: 'closed' }));
      await world.clock.advance(60_000);
      assert.deepEqual(kinds(), ['adopted']);
    });
  });

  describe('while WHMCS cannot be read', () => {
    it('says so, and when it looks again, and settles nothing', async () => {
      await unanswered();
      world.whmcs.beforeRead = away;
      await world.clock.advance(10_000);
      const told = last();
      assert.equal(told.kind, 'cannotRead');
      assert.equal(failureOf(told).code, 'WHMCS_OUTCOME_UNKNOWN');
      assert.match(failureOf(told).message, /^Checking WHMCS \(GetOrders: HTTP 503\); looking again at 2026-01-05T09:/);
      assert.ok(told.kind === 'cannotRead' && told.until > world.clock.now());
      await world.clock.advance(3_600_000);
      assert.equal((await process.record()).adds[0]?.settled, null);
      assert.deepEqual((await process.record()).todo, ['settle']);
    });

    it('raises one alarm after half an hour', async () => {
      await unanswered();
      world.whmcs.beforeRead = away;
      await world.clock.advance(1_750_000);
      assert.deepEqual(process.logged('error'), []);
      await world.clock.advance(3_600_000);
      assert.deepEqual(process.logged('error'), ['For half an hour WHMCS could not show what became of an order']);
    });

    it('takes an answer without a count for no answer', async () => {
      await unanswered();
      world.whmcs.answerOrders = (page) => ({ ...page, total: null });
      await world.clock.advance(400_000);
      assert.equal(last().kind, 'cannotRead');
    });

    it('goes on by itself when it can', async () => {
      await unanswered('now');
      const found = await process.record();
      assert.notEqual(found.adopted, null, 'it was seen at once');
    });

    it('waits for a connection that no node has set up, and says so after a while', async () => {
      await unanswered('now', {});
      const other = new World();
      try {
        const place = other.directory();
        const first = await other.process(place);
        await first.begin();
        other.whmcs.addFaults = [{ end: 'unknown' }];
        await first.add();
        await other.bury(first);
        const second = await other.process(place, { whmcsOf: () => undefined });
        await second.settler.start();
        await other.clock.advance(5_000);
        assert.deepEqual(kinds(second), []);
        await other.clock.advance(60_000);
        assert.match(failureOf(last(second)).message, /no connection to https:\/\/whmcs\.example/);
      } finally {
        await other.close();
      }
    });
  });

  describe('after a stop or a second call', () => {
    const watched = async (): Promise<void> => {
      await unanswered('never', { resend: 'never' });
      await world.clock.advance(310_000);
      assert.deepEqual(kinds(), ['stopped']);
    };

    it('tells of an order that turns up, once, and leaves it alone', async () => {
      await watched();
      world.whmcs.add({ clientId, items: asked(), notes: mark() });
      await world.clock.advance(61_000);
      const told = last();
      assert.deepEqual(told.kind === 'turnedUp' && told.whmcsOrderIds, [5001]);
      assert.match(process.logged('error').join(), /5001 of client 1001 has turned up late/);
      await world.clock.advance(600_000);
      assert.deepEqual(kinds(), ['stopped', 'turnedUp']);
      assert.equal((await process.record()).adopted, null);
    });

    it('tells of none that is dead', async () => {
      await watched();
      world.whmcs.add({ clientId, items: asked(), notes: mark() }).status = 'Cancelled';
      await world.clock.advance(86_500_000);
      assert.ok(!kinds().includes('turnedUp'));
    });

    it('tells of an unmarked one only where its products are those asked for', async () => {
      await watched();
      world.whmcs.add({ clientId, items: asked([[99, 1]]) });
      await world.clock.advance(61_000);
      assert.deepEqual(kinds(), ['stopped']);
      world.whmcs.add({ clientId, items: asked() });
      await world.clock.advance(240_000);
      assert.match(failureOf(last()).message, /5002 .* may be ours/);
    });

    it('looks after 1, 5 and 30 minutes and 24 hours, then no more', async () => {
      await watched();
      const from = world.clock.monotonic();
      const at: number[] = [];
      world.whmcs.beforeRead = () => void at.push(Math.round((world.clock.monotonic() - from) / 60_000));
      await world.clock.advance(90_000_000);
      assert.deepEqual([...new Set(at)], [1, 5, 30, 1440]);
      assert.deepEqual((await process.record()).todo, []);
      assert.deepEqual(process.settler.orders, []);
    });

    it('names the twin that a first call makes after the second', async () => {
      await unanswered();
      const end = await world.until(process.again(() => process.add()));
      assert.equal(end.kind, 'next');
      world.whmcs.add({ clientId, items: asked(), notes: mark() });
      await world.clock.advance(61_000);
      const failure = failureOf(last());
      assert.equal(failure.code, 'WHMCS_TWIN');
      assert.match(failure.message, /5002 .* beside 5001/);
      assert.deepEqual(world.whmcs.accepted, []);
    });

    it('tells of an order that the first call makes after it was believed to make none, though no second was sent', async () => {
      await unanswered();
      await world.clock.advance(310_000);
      assert.deepEqual(kinds(), ['none']);
      world.whmcs.add({ clientId, items: asked(), notes: mark() });
      await world.clock.advance(61_000);
      const told = last();
      assert.deepEqual(told.kind === 'turnedUp' && told.whmcsOrderIds, [5001]);
    });

    it('goes on in a new process', async () => {
      await watched();
      await world.bury(process);
      const next = await world.process(directory);
      await next.settler.start();
      world.whmcs.add({ clientId, items: asked(), notes: mark() });
      await world.clock.advance(61_000);
      assert.deepEqual(kinds(next), ['turnedUp']);
    });
  });

  describe('of many orders', () => {
    it('looks at four at a time', async () => {
      const ids = Array.from({ length: 12 }, (_, at) => `8010000000000${String(10 + at)}AAA`);
      let looking = 0;
      let most = 0;
      const settler = new Settler({
        desk: {
          store: process.store,
          hold: async () => {
            most = Math.max(most, ++looking);
            await new Promise<void>((resolve) => world.clock.after(100, resolve));
            looking -= 1;
            return { value: { next: 'never' } } as never;
          },
        },
        clock: world.clock,
        log: process.log,
        whmcsOf: () => undefined,
        onSettled: () => undefined,
      });
      for (const id of ids) settler.settleSoon(id);
      await world.clock.advance(1_000);
      assert.equal(most, 4);
      assert.deepEqual(settler.orders, []);
      await settler.close();
    });

    it('comes back soon to an order that a step holds', async () => {
      await unanswered();
      await world.clock.advance(100);
      const lease = (await process.real.leases.acquire(`order:${orderId}`, 600_000)) ?? assert.fail('it is free');
      await world.clock.advance(20_000);
      await process.real.leases.release(lease);
      const before = reads();
      await world.clock.advance(1_600);
      assert.ok(reads() > before);
    });

    it('asks a store again that cannot be read at the start', async () => {
      await unanswered();
      await process.settler.close();
      const next = world.besides(process);
      const { withTodo } = next.real.ledger;
      next.real.ledger.withTodo = () => Promise.reject(new StoreError('UNAVAILABLE', 'busy'));
      await next.settler.start();
      assert.deepEqual(next.settler.orders, []);
      next.real.ledger.withTodo = withTodo;
      await world.clock.advance(6_000);
      assert.deepEqual(next.settler.orders, [orderId]);
    });

    it('goes on when the one who is told fails', async () => {
      const settler = new Settler({
        desk: process,
        clock: world.clock,
        log: process.log,
        whmcsOf: () => process.whmcs,
        onSettled: () => Promise.reject(new Error('Salesforce is away')),
      });
      world.whmcs.addFaults = [{ end: 'unknown', commit: 5_000 }];
      await process.add();
      await process.settler.close();
      settler.settleSoon(orderId);
      await world.clock.advance(10_000);
      assert.equal((await process.record()).adopted?.orderId, 5001);
      assert.match(process.logged('error').join(), /could not be passed on/);
      assert.deepEqual(settler.orders, []);
      await settler.close();
    });

    it('leaves no timer when it is closed', async () => {
      await unanswered();
      await world.clock.advance(3_000);
      assert.ok(world.clock.pending > 0);
      await process.settler.close();
      assert.equal(world.clock.pending, 0);
      process.settler.settleSoon(orderId);
      await process.settler.start();
      assert.equal(world.clock.pending, 0);
      assert.deepEqual(process.settler.orders, []);
    });
  });
});
