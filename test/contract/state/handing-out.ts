import assert from 'node:assert/strict';
import type { EngineUnderTest } from './engine-under-test';
import { Fixture } from './fixture';
import { channel, eventOf, orderOf, start } from './samples';

export function handingOut(engine: EngineUnderTest): void {
  describe('handing out', () => {
    const fixture = new Fixture(engine);

    it('gives the event that has waited longest, once, and counts the hand-out', async () => {
      const { inbox } = fixture.store;
      assert.equal(await inbox.take(channel, Date.now()), null);
      const { id } = await inbox.add(eventOf(2));
      await inbox.add(eventOf(1));
      const event = await fixture.take();
      assert.deepEqual([event.id, event.state, event.handout], [id, 'inWork', 1]);
      assert.equal((await fixture.take()).eventId, 'event-1');
      assert.equal(await inbox.take(channel, Date.now()), null);
    });

    it('gives no event twice when many ask at once', async () => {
      const { inbox } = fixture.store;
      for (let number = 1; number <= 10; number++) await inbox.add(eventOf(number));
      const taken = await Promise.all(Array.from({ length: 30 }, () => inbox.take(channel, Date.now())));
      const ids = taken.flatMap((event) => (event ? [event.id] : []));
      assert.equal(ids.length, 10);
      assert.equal(new Set(ids).size, 10);
    });

    it('gives events of the asked channel only', async () => {
      const { inbox } = fixture.store;
      await inbox.add(eventOf(1, { channel: '/event/Other__e' }));
      assert.equal(await inbox.take(channel, Date.now()), null);
    });

    it('gives one event of an order at a time', async () => {
      const { inbox } = fixture.store;
      const orderId = orderOf(1);
      await inbox.add(eventOf(1));
      await inbox.add(eventOf(2, { orderId }));
      await inbox.add(eventOf(3));
      const first = await fixture.take();
      assert.equal((await fixture.take()).eventId, 'event-3');
      assert.equal(await inbox.take(channel, Date.now()), null);
      await inbox.finish(first.id, first.handout, 'Activated', null, start);
      assert.equal((await fixture.take()).eventId, 'event-2');
    });

    it('lets an order wait for its event of another channel', async () => {
      const { inbox } = fixture.store;
      await inbox.add(eventOf(1, { channel: '/event/Other__e' }));
      await inbox.add(eventOf(2, { orderId: orderOf(1) }));
      assert.notEqual(await inbox.take('/event/Other__e', Date.now()), null);
      assert.equal(await inbox.take(channel, Date.now()), null);
    });

    it('takes events without an order for events of their own', async () => {
      await fixture.store.inbox.add(eventOf(1, { orderId: null }));
      await fixture.store.inbox.add(eventOf(2, { orderId: null }));
      assert.equal((await fixture.take()).eventId, 'event-1');
      assert.equal((await fixture.take()).eventId, 'event-2');
    });

    it('parks an event until its time, and lets other events of its order go meanwhile', async () => {
      const { inbox } = fixture.store;
      const now = Date.now();
      const orderId = orderOf(1);
      await inbox.add(eventOf(1));
      await inbox.add(eventOf(2, { orderId }));
      await inbox.add(eventOf(3, { orderId }));
      const first = await fixture.take(now);
      assert.equal(await inbox.park(first.id, first.handout, now + 60_000, 'the order is held'), 'parked');
      const parked = await inbox.get(first.id);
      assert.deepEqual(
        [parked?.state, parked?.notBefore, parked?.reason],
        ['parked', now + 60_000, 'the order is held'],
      );
      const second = await fixture.take(now + 59_999);
      assert.equal(second.eventId, 'event-2');
      await inbox.finish(second.id, second.handout, 'Done', null, now);
      const again = await fixture.take(now + 60_000);
      assert.deepEqual([again.id, again.handout, again.fruitless], [first.id, 2, 0], 'the older one goes first');
      assert.deepEqual([again.notBefore, again.reason], [null, null]);
    });

    it('parks again what is parked, and nothing under an old hand-out', async () => {
      const { inbox } = fixture.store;
      const now = Date.now();
      await inbox.add(eventOf(1));
      const event = await fixture.take(now);
      await inbox.park(event.id, event.handout, now + 1_000, 'one');
      assert.equal(await inbox.park(event.id, event.handout, now + 2_000, 'two'), 'parked');
      assert.equal((await inbox.get(event.id))?.notBefore, now + 2_000);
      await fixture.take(now + 2_000);
      assert.equal(await inbox.park(event.id, event.handout, now + 3_000, 'three'), 'stale');
      assert.equal((await inbox.get(event.id))?.state, 'inWork');
    });

    it('wakes a parked and a deferred event, and nothing else', async () => {
      const { inbox } = fixture.store;
      const now = Date.now();
      const { id } = await inbox.add(eventOf(1));
      assert.equal(await inbox.wake(id), false);
      const event = await fixture.take(now);
      assert.equal(await inbox.wake(id), false);
      await inbox.park(id, event.handout, now + 60_000, 'held');
      assert.equal(await inbox.wake(id), true);
      assert.equal((await inbox.get(id))?.notBefore, null);
      await inbox.defer(id, now + 60_000, 'tonight');
      assert.equal(await inbox.take(channel, now), null);
      assert.equal(await inbox.wake(id), true);
      assert.equal((await fixture.take(now)).handout, 2);
      assert.equal(await inbox.wake('ev-none'), false);
    });

    it('lets the first in the line of those that wait for the same go when it is free, one at a time', async () => {
      const { inbox } = fixture.store;
      const now = Date.now();
      for (let number = 1; number <= 4; number++) await inbox.add(eventOf(number));
      const [first, second, third, fourth] = [
        await fixture.take(now),
        await fixture.take(now),
        await fixture.take(now),
        await fixture.take(now),
      ];
      await inbox.park(third.id, third.handout, now + 60_000, 'busy', 'client:w:1');
      await inbox.park(second.id, second.handout, now + 60_000, 'busy', 'client:w:1');
      await inbox.park(first.id, first.handout, now + 60_000, 'busy', 'client:w:2');
      await inbox.park(fourth.id, fourth.handout, now + 60_000, 'busy');
      assert.equal((await inbox.get(second.id))?.waitsFor, 'client:w:1');
      assert.equal((await inbox.get(fourth.id))?.waitsFor, null);
      const woken = await inbox.wakeNext('client:w:1');
      assert.deepEqual(
        [woken?.id, woken?.state, woken?.notBefore, woken?.reason, woken?.waitsFor],
        [second.id, 'waiting', null, null, null],
      );
      const again = await fixture.take(now);
      assert.deepEqual([again.id, again.handout, again.waitsFor], [second.id, 2, null]);
      assert.equal(await inbox.take(channel, now), null);
      assert.equal((await inbox.wakeNext('client:w:1'))?.id, third.id);
      assert.equal(await inbox.wakeNext('client:w:1'), null);
      assert.equal(await inbox.wakeNext('client:w:3'), null);
    });

    it('keeps across a restart what a parked event waits for', async () => {
      const now = Date.now();
      await fixture.store.inbox.add(eventOf(1));
      const event = await fixture.take(now);
      await fixture.store.inbox.park(event.id, event.handout, now + 60_000, 'busy', 'client:w:1');
      await fixture.restart();
      assert.equal((await fixture.store.inbox.wakeNext('client:w:1'))?.id, event.id);
    });

    it('waits for nothing any more once it was woken, deferred, handed out or ended', async () => {
      const { inbox } = fixture.store;
      const now = Date.now();
      const ways: ((id: string) => Promise<unknown>)[] = [
        (id) => inbox.wake(id),
        (id) => inbox.defer(id, now + 60_000, 'tonight'),
        () => inbox.take(channel, now + 120_000),
        (id) => inbox.finish(id, 'any', 'Done', null, now),
      ];
      for (const [at, leave] of ways.entries()) {
        const { id } = await inbox.add(eventOf(at + 1, { channel }));
        const event = await fixture.take(now);
        assert.equal(event.id, id);
        await inbox.park(id, event.handout, now + 60_000, 'busy', 'lease');
        await leave(id);
        assert.equal((await inbox.get(id))?.waitsFor, null);
        assert.equal(await inbox.wakeNext('lease'), null);
        await inbox.finish(id, 'any', 'Done', null, now);
      }
    });

    it('waits, parked again, for what was said last', async () => {
      const { inbox } = fixture.store;
      const now = Date.now();
      await inbox.add(eventOf(1));
      const event = await fixture.take(now);
      await inbox.park(event.id, event.handout, now + 60_000, 'busy', 'client:w:1');
      await inbox.park(event.id, event.handout, now + 60_000, 'looking');
      assert.equal(await inbox.wakeNext('client:w:1'), null);
      assert.equal((await inbox.get(event.id))?.state, 'parked');
    });

    it('defers a waiting or parked event until its time, and no other', async () => {
      const { inbox } = fixture.store;
      const now = Date.now();
      const { id } = await inbox.add(eventOf(1));
      assert.equal(await inbox.defer(id, now + 1_000, 'tonight'), true);
      const deferred = await inbox.get(id);
      assert.deepEqual([deferred?.notBefore, deferred?.reason], [now + 1_000, 'tonight']);
      assert.equal(await inbox.take(channel, now + 999), null);
      const event = await fixture.take(now + 1_000);
      assert.equal(await inbox.defer(id, now + 2_000, 'in work'), false);
      await inbox.park(id, event.handout, now + 5_000, 'held');
      assert.equal(await inbox.defer(id, now + 9_000, 'later'), true);
      assert.equal(await inbox.take(channel, now + 8_999), null);
      const again = await fixture.take(now + 9_000);
      await inbox.finish(id, again.handout, 'Done', null, now);
      assert.equal(await inbox.defer(id, now, 'ended'), false);
      assert.equal(await inbox.defer('ev-none', now, 'not there'), false);
    });

    it('hands the same event out again; a deploy is not counted, silence is', async () => {
      const { inbox } = fixture.store;
      await inbox.add(eventOf(1));
      let event = await fixture.take();
      for (let deploy = 0; deploy < 6; deploy++) {
        const again = await inbox.handOutAgain(event.id, event.handout, 'deploy');
        assert.ok(again);
        event = again;
      }
      assert.deepEqual([event.handout, event.crashes, event.fruitless, event.state], [7, 0, 0, 'inWork']);
      assert.equal((await inbox.handOutAgain(event.id, 7, 'silence'))?.fruitless, 1);
      assert.equal(await inbox.handOutAgain(event.id, 7, 'silence'), null, 'an old hand-out');
      assert.equal((await inbox.get(event.id))?.handout, 8);
      await inbox.finish(event.id, 8, 'Done', null, start);
      assert.equal(await inbox.handOutAgain(event.id, 8, 'deploy'), null, 'an end stands');
    });

    it('takes an event back into the line, at its old place, and tells an old hand-out that it is stale', async () => {
      const { inbox } = fixture.store;
      await inbox.add(eventOf(1));
      await inbox.add(eventOf(2));
      const event = await fixture.take();
      assert.equal(await inbox.release(event.id, event.handout), 'released');
      assert.equal(await inbox.release(event.id, event.handout), 'released', 'asked twice');
      const again = await fixture.take();
      assert.deepEqual([again.id, again.handout, again.crashes, again.fruitless], [event.id, 2, 0, 0]);
      assert.equal(await inbox.release(event.id, event.handout), 'stale');
      await inbox.finish(event.id, 2, 'Done', null, start);
      assert.equal(await inbox.release(event.id, 2), 'stale');
      assert.equal(await inbox.release('ev-none', 1), 'stale');
    });

    it('gives work back at a clean stop without a count', async () => {
      await fixture.store.inbox.add(eventOf(1));
      for (let stop = 0; stop < 6; stop++) {
        await fixture.take();
        await fixture.restart(`instance-${stop + 2}`);
      }
      const event = await fixture.take();
      assert.deepEqual([event.handout, event.crashes], [7, 0]);
    });

    it('gives work back when the same process closes and opens it', async () => {
      await fixture.store.inbox.add(eventOf(1));
      const event = await fixture.take();
      await fixture.restart('instance-1');
      assert.equal(await fixture.store.inbox.handOutAgain(event.id, event.handout, 'deploy'), null);
      assert.equal((await fixture.take()).handout, 2);
    });

    it('counts what is there, and since when the oldest waits', async () => {
      const { inbox } = fixture.store;
      const now = Date.now();
      const none = { waiting: 0, inWork: 0, parked: 0, finished: 0, failed: 0, dead: 0 };
      assert.deepEqual(await inbox.counts(null), { ...none, oldestWaitingAt: null });
      for (let number = 1; number <= 6; number++) await inbox.add(eventOf(number));
      await inbox.add(eventOf(7, { channel: '/event/Other__e' }));
      const parked = await fixture.take(now);
      await inbox.park(parked.id, parked.handout, now + 600_000, 'held');
      const failed = await fixture.take(now);
      await inbox.finish(failed.id, failed.handout, 'Failed', 'no product', start);
      const finished = await fixture.take(now);
      await inbox.finish(finished.id, finished.handout, 'Skipped', null, start);
      await fixture.take(now);
      const counts = { ...none, waiting: 2, inWork: 1, parked: 1, finished: 1, failed: 1 };
      assert.deepEqual(await inbox.counts(channel), { ...counts, oldestWaitingAt: eventOf(5).receivedAt });
      assert.equal((await inbox.counts(null)).waiting, 3);
    });

    it('lists events by state and by order', async () => {
      const { inbox } = fixture.store;
      const orderId = orderOf(1);
      await inbox.add(eventOf(1));
      await inbox.add(eventOf(2, { orderId }));
      await inbox.add(eventOf(3, { channel: '/event/Other__e' }));
      const names = (events: { eventId: string }[]): string[] => events.map((event) => event.eventId);
      assert.deepEqual(names(await inbox.ofOrder(orderId)), ['event-2', 'event-1']);
      assert.deepEqual(names(await inbox.inState(channel, 'waiting', 10)), ['event-1', 'event-2']);
      assert.equal((await inbox.inState(null, 'waiting', 10)).length, 3);
      assert.equal((await inbox.inState(null, 'waiting', 2)).length, 2);
      assert.deepEqual(await inbox.inState(null, 'dead', 10), []);
    });
  });
}
