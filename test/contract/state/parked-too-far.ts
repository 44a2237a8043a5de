/** Events that were parked while the clock was far ahead, once it is right. */
import assert from 'node:assert/strict';
import { parkedAtMostMs } from '../../../lib/state/event-id';
import type { EngineUnderTest } from './engine-under-test';
import { Fixture } from './fixture';
import { channel, eventOf, orderOf } from './samples';

const yearMs = 365 * 86_400_000;

export function parkedTooFar(engine: EngineUnderTest): void {
  describe('a parked event whose time lies too far ahead to be right', () => {
    const fixture = new Fixture(engine);

    it('goes at once, while a shorter park and a time that a person has set stand', async () => {
      const { inbox } = fixture.store;
      const now = Date.now();
      for (let number = 1; number <= 3; number++) await inbox.add(eventOf(number));
      const far = await fixture.take(now);
      const near = await fixture.take(now);
      const byHand = await fixture.take(now);
      await inbox.park(near.id, near.handout, now + parkedAtMostMs, 'the order is held');
      await inbox.park(byHand.id, byHand.handout, now + yearMs, 'the order is held');
      assert.equal(await inbox.defer(byHand.id, now + yearMs, 'next year'), true);
      await inbox.park(far.id, far.handout, now + yearMs, 'Salesforce is away');
      const again = await fixture.take(now);
      assert.deepEqual([again.id, again.handout, again.notBefore, again.reason], [far.id, 2, null, null]);
      assert.equal(await inbox.take(channel, now), null);
      assert.deepEqual(
        [(await inbox.get(near.id))?.notBefore, (await inbox.get(byHand.id))?.notBefore],
        [now + parkedAtMostMs, now + yearMs],
      );
    });

    it('counts as waiting while it cannot go, its order being in work', async () => {
      const { inbox } = fixture.store;
      const now = Date.now();
      await inbox.add(eventOf(1));
      await inbox.add(eventOf(2, { orderId: orderOf(1) }));
      const first = await fixture.take(now);
      await inbox.park(first.id, first.handout, now + 60_000, 'held');
      const second = await fixture.take(now);
      await inbox.park(second.id, second.handout, now + yearMs, 'Salesforce is away');
      await inbox.wake(first.id);
      assert.equal((await fixture.take(now)).id, first.id);
      assert.equal(await inbox.take(channel, now), null);
      assert.equal((await inbox.counts(channel)).oldestWaitingAt, eventOf(2).receivedAt);
      await inbox.finish(first.id, 2, 'Done', null, now);
      assert.equal((await fixture.take(now)).id, second.id);
    });
  });
}
