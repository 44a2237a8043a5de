import assert from 'node:assert/strict';
import { rememberMs } from '../../../lib/state/event-id';
import type { EngineUnderTest } from './engine-under-test';
import { Fixture } from './fixture';
import { channel, eventOf, orderOf, start } from './samples';

export function endings(engine: EngineUnderTest): void {
  describe('ending an event', () => {
    const fixture = new Fixture(engine);

    it('lets the first end stand', async () => {
      const { inbox } = fixture.store;
      await inbox.add(eventOf(1));
      const { id, handout } = await fixture.take();
      assert.equal(await inbox.finish(id, handout, 'Failed', 'no product', start + 5), 'finished');
      assert.equal(await inbox.finish(id, handout, 'Failed', 'again', start + 6), 'repeat');
      assert.equal(await inbox.finish(id, handout, 'Activated', null, start + 7), 'other');
      assert.equal(await inbox.finish(id, 'any', 'Activated', null, start + 7), 'other');
      const event = await inbox.get(id);
      assert.deepEqual(
        [event?.state, event?.end, event?.reason, event?.endedAt],
        ['failed', 'Failed', 'no product', start + 5],
      );
    });

    it('lets one of many ends stand that come at once', async () => {
      const { inbox } = fixture.store;
      await inbox.add(eventOf(1));
      const { id, handout } = await fixture.take();
      const ends = ['Activated', 'Failed', 'Skipped', 'Done', 'Dead'] as const;
      const answers = await Promise.all(ends.map((end) => inbox.finish(id, handout, end, null, start)));
      assert.equal(answers.filter((answer) => answer === 'finished').length, 1);
      assert.equal(answers.filter((answer) => answer === 'other').length, 4);
    });

    it('refuses the end of an old hand-out, and takes one for any', async () => {
      const { inbox } = fixture.store;
      await inbox.add(eventOf(1));
      const { id, handout } = await fixture.take();
      await inbox.handOutAgain(id, handout, 'deploy');
      assert.equal(await inbox.finish(id, handout, 'Failed', null, start), 'stale');
      assert.equal((await inbox.get(id))?.end, null);
      assert.equal(await inbox.finish(id, 'any', 'Done', null, start), 'finished');
      assert.equal(await inbox.finish('ev-none', 'any', 'Done', null, start), 'stale');
    });

    it('ends a parked event', async () => {
      const { inbox } = fixture.store;
      await inbox.add(eventOf(1));
      const { id, handout } = await fixture.take();
      await inbox.park(id, handout, Date.now() + 60_000, 'checking');
      assert.equal(await inbox.finish(id, handout, 'Failed', 'a person must decide', start), 'finished');
      assert.equal(await inbox.park(id, handout, Date.now(), 'late'), 'stale');
      assert.equal(await inbox.take(channel, Date.now() + 120_000), null);
    });

    it('tells each kind of end by its state', async () => {
      const { inbox } = fixture.store;
      const ends = {
        Activated: 'finished',
        Skipped: 'finished',
        Done: 'finished',
        Failed: 'failed',
        Dead: 'dead',
      } as const;
      let number = 0;
      for (const end of ['Activated', 'Skipped', 'Done', 'Failed', 'Dead'] as const) {
        await inbox.add(eventOf(++number));
        const { id, handout } = await fixture.take();
        await inbox.finish(id, handout, end, null, start);
        assert.equal((await inbox.get(id))?.state, ends[end]);
      }
    });

    it('keeps a failure that was not told yet, across hand-outs, but none of an old one', async () => {
      const { inbox } = fixture.store;
      await inbox.add(eventOf(1));
      const { id, handout } = await fixture.take();
      await inbox.recordFailure(id, handout, { code: 'CLIENT_CLOSED', wish: true });
      await inbox.handOutAgain(id, handout, 'silence');
      assert.deepEqual((await inbox.get(id))?.failure, { code: 'CLIENT_CLOSED', wish: true });
      await inbox.recordFailure(id, handout, { code: 'FLOW_TIMEOUT' });
      assert.deepEqual((await inbox.get(id))?.failure, { code: 'CLIENT_CLOSED', wish: true });
      await inbox.finish(id, 'any', 'Failed', null, start);
      await inbox.recordFailure(id, handout + 1, { code: 'FLOW_TIMEOUT' });
      assert.notDeepEqual((await inbox.get(id))?.failure, { code: 'FLOW_TIMEOUT' });
    });

    it('runs an ended event anew on a person’s word, and lets the old run end nothing', async () => {
      const { inbox } = fixture.store;
      await inbox.add(eventOf(1));
      await inbox.add(eventOf(2));
      const { id, handout } = await fixture.take();
      assert.equal(await inbox.retry(id), false, 'in work');
      await inbox.recordFailure(id, handout, { code: 'CLIENT_CLOSED' });
      await inbox.handOutAgain(id, handout, 'silence');
      await inbox.finish(id, 'any', 'Failed', 'closed', start);
      assert.equal(await inbox.retry(id), true);
      assert.equal(await inbox.retry(id), false, 'waiting by now');
      assert.equal(await inbox.finish(id, handout + 1, 'Failed', 'late branch', start), 'stale');
      const waiting = await inbox.get(id);
      assert.deepEqual(
        [waiting?.state, waiting?.delivery, waiting?.end, waiting?.endedAt, waiting?.reason, waiting?.failure],
        ['waiting', 'retry', null, null, null, null],
      );
      assert.deepEqual([waiting?.crashes, waiting?.fruitless], [0, 0]);
      assert.equal((await fixture.take()).eventId, 'event-2', 'a retry goes to the end of the line');
      const again = await fixture.take();
      assert.equal(again.id, id);
      assert.ok(again.handout > handout + 1);
      assert.equal(await inbox.finish(id, again.handout, 'Activated', null, start), 'finished');
      assert.equal(await inbox.retry('ev-none'), false);
    });

    it('retries finished and dead events as well', async () => {
      const { inbox } = fixture.store;
      for (const [index, end] of (['Skipped', 'Dead'] as const).entries()) {
        await inbox.add(eventOf(index + 1));
        const { id, handout } = await fixture.take();
        await inbox.finish(id, handout, end, null, start);
        assert.equal(await inbox.retry(id), true, end);
        assert.equal((await fixture.take()).orderId, orderOf(index + 1));
      }
    });

    it('forgets finished events after seven days, failed and dead ones never', async () => {
      const { inbox } = fixture.store;
      const ids: string[] = [];
      for (const [index, end] of (['Activated', 'Failed', 'Dead'] as const).entries()) {
        ids.push((await inbox.add(eventOf(index + 1))).id);
        const { id, handout } = await fixture.take();
        await inbox.finish(id, handout, end, null, start + 10_000);
      }
      ids.push((await inbox.add(eventOf(4))).id);
      assert.equal(await inbox.prune(start + 10_000 + rememberMs), 0);
      assert.equal(await inbox.prune(start + 10_001 + rememberMs), 1);
      const kept = await Promise.all(ids.map((id) => inbox.get(id)));
      assert.deepEqual(
        kept.map((event) => event?.state),
        [undefined, 'failed', 'dead', 'waiting'],
      );
    });
  });
}
