import assert from 'node:assert/strict';
import type { EngineUnderTest } from './engine-under-test';
import { Fixture } from './fixture';
import { channel, eventOf, positionOf, replayIdOf, start } from './samples';

export function cursorAndAdding(engine: EngineUnderTest): void {
  describe('the cursor', () => {
    const fixture = new Fixture(engine);

    it('is empty before the first write and after it was cleared', async () => {
      const { cursor } = fixture.store;
      assert.equal(await cursor.read(channel), null);
      await cursor.write(channel, positionOf(3));
      await cursor.clear(channel);
      assert.equal(await cursor.read(channel), null);
      assert.equal(await cursor.write(channel, positionOf(1)), 'moved');
    });

    it('refuses an older pair of fence and sequence, whatever the replay id', async () => {
      const { cursor } = fixture.store;
      assert.equal(await cursor.write(channel, { replayId: replayIdOf(9), fence: 2, sequence: 5 }), 'moved');
      for (const [fence, sequence] of [
        [1, 99],
        [2, 4],
      ] as const)
        assert.equal(await cursor.write(channel, { replayId: replayIdOf(99), fence, sequence }), 'older');
      assert.deepEqual(await cursor.read(channel), { replayId: replayIdOf(9), fence: 2, sequence: 5 });
      assert.equal(
        await cursor.write(channel, { replayId: replayIdOf(9), fence: 2, sequence: 5 }),
        'moved',
        'told twice',
      );
      assert.equal(await cursor.write(channel, { replayId: replayIdOf(1), fence: 2, sequence: 6 }), 'moved');
      assert.equal(await cursor.write(channel, { replayId: replayIdOf(2), fence: 3, sequence: 1 }), 'moved');
      assert.equal((await cursor.read(channel))?.replayId, replayIdOf(2));
    });

    it('is one for each channel', async () => {
      const { cursor } = fixture.store;
      await cursor.write(channel, positionOf(3));
      assert.equal(await cursor.read('/event/Other__e'), null);
    });
  });

  describe('adding an event', () => {
    const fixture = new Fixture(engine);

    it('stores it whole and moves the cursor', async () => {
      const { inbox, cursor } = fixture.store;
      const { id, isNew } = await inbox.add(eventOf(1), positionOf(1));
      assert.equal(isNew, true);
      assert.match(id, /^ev-[0-9a-f]+$/);
      assert.deepEqual(await inbox.get(id), {
        ...eventOf(1),
        id,
        state: 'waiting',
        handout: 0,
        crashes: 0,
        fruitless: 0,
        notBefore: null,
        reason: null,
        waitsFor: null,
        end: null,
        endedAt: null,
        failure: null,
      });
      assert.deepEqual(await cursor.read(channel), positionOf(1));
    });

    it('does not add a duplicate, yet moves the cursor with it', async () => {
      const { inbox, cursor } = fixture.store;
      const first = await inbox.add(eventOf(1), positionOf(1));
      const again = await inbox.add(eventOf(1, { delivery: 'replay', receivedAt: start + 60_000 }), positionOf(2));
      assert.deepEqual(again, { id: first.id, isNew: false });
      assert.deepEqual(await cursor.read(channel), positionOf(2));
      assert.equal((await inbox.counts(channel)).waiting, 1);
      assert.equal((await inbox.get(first.id))?.delivery, 'live');
    });

    it('knows a duplicate of an event that has ended', async () => {
      const { inbox } = fixture.store;
      const { id } = await inbox.add(eventOf(1), positionOf(1));
      const event = await fixture.take();
      await inbox.finish(id, event.handout, 'Activated', null, start);
      assert.equal((await inbox.add(eventOf(1), positionOf(2))).isNew, false);
      assert.equal((await inbox.get(id))?.state, 'finished');
    });

    it('takes events that differ in any one part of their name for different ones', async () => {
      const { inbox } = fixture.store;
      await inbox.add(eventOf(1));
      for (const change of [
        { channel: '/event/Other__e' },
        { replayId: replayIdOf(2) },
        { replayId: null },
        { eventId: 'event-2' },
        { createdAt: start + 2 },
        { orderId: null },
      ])
        assert.equal((await inbox.add(eventOf(1, change))).isNew, true, JSON.stringify(change));
      assert.equal((await inbox.counts(null)).waiting, 7);
    });

    it('stores the event of an older leader and leaves the newer cursor where it is', async () => {
      const { inbox, cursor } = fixture.store;
      await inbox.add(eventOf(2), positionOf(2, 5));
      assert.equal((await inbox.add(eventOf(3), positionOf(3, 4))).isNew, true);
      assert.deepEqual(await cursor.read(channel), positionOf(2, 5));
    });

    it('keeps the raw bytes of an unreadable event with the dead ones, and moves the cursor', async () => {
      const { inbox, cursor } = fixture.store;
      const { payload: _, ...event } = eventOf(1, { orderId: null, createdAt: null });
      const unreadable = { ...event, raw: 'AAEC/w==', reason: 'schema not found' };
      const { id, isNew } = await inbox.addUnreadable(unreadable, positionOf(1));
      assert.equal(isNew, true);
      const kept = await inbox.get(id);
      assert.deepEqual([kept?.state, kept?.end, kept?.reason], ['dead', 'Dead', 'schema not found']);
      assert.equal(await inbox.raw(id), 'AAEC/w==');
      assert.deepEqual(await cursor.read(channel), positionOf(1));
      assert.equal(await inbox.take(channel, Date.now()), null);
      assert.deepEqual(await inbox.addUnreadable(unreadable, positionOf(2)), { id, isNew: false });
      assert.equal(await inbox.retry(id), false, 'there is nothing to hand out');
    });

    it('has no raw bytes for an event that could be read', async () => {
      const { id } = await fixture.store.inbox.add(eventOf(1));
      assert.equal(await fixture.store.inbox.raw(id), null);
      assert.equal(await fixture.store.inbox.get('ev-none'), null);
    });
  });
}
