/** Real processes, killed by SIGKILL. */
import assert from 'node:assert/strict';
import { z } from 'zod';
import { StoreError, type StateStore } from '../../../lib/state/contract';
import type { EngineUnderTest } from './engine-under-test';
import { killChildren, startChild } from './processes';
import { channel, eventOf, numberOf, orderOf, positionOf } from './samples';

const sender = z.object({ instance: z.string(), bootId: z.string(), pid: z.number(), startTime: z.string() });

export function crashes(engine: EngineUnderTest): void {
  describe('after kill -9', function () {
    this.timeout(60_000);
    let place = '';
    let store: StateStore | null = null;

    beforeEach(async () => {
      place = await engine.newPlace();
    });
    afterEach(async () => {
      await killChildren();
      await store?.close();
      store = null;
      await engine.forgetPlace(place);
    });

    const opened = async (): Promise<StateStore> => (store ??= (await engine.open(place, 'parent')).store);
    const closed = async (): Promise<void> => {
      await store?.close();
      store = null;
    };
    const dieAt = async (killAt: string): Promise<StateStore> => {
      const child = startChild(engine, { place, instance: 'child', script: 'saga', killAt });
      assert.equal(await child.end(), 'SIGKILL', child.lines.join('; '));
      return opened();
    };

    it('before the add: nothing is there and the cursor is where it was', async () => {
      const { inbox, cursor } = await dieAt('before add');
      assert.equal(await cursor.read(channel), null);
      assert.deepEqual(await inbox.ofOrder(orderOf(1)), []);
      assert.equal((await inbox.add(eventOf(1), positionOf(1))).isNew, true);
    });

    it('after the add: the event waits, the cursor is behind it, the replay is a duplicate', async () => {
      const { inbox, cursor } = await dieAt('after add');
      assert.deepEqual(await cursor.read(channel), positionOf(1));
      const [event] = await inbox.ofOrder(orderOf(1));
      assert.deepEqual([event?.state, event?.handout, event?.crashes], ['waiting', 0, 0]);
      assert.equal((await inbox.add(eventOf(1), positionOf(1))).isNew, false);
    });

    it('after the take: the event is handed out anew, one crash counted', async () => {
      const { inbox } = await dieAt('after take');
      const event = await inbox.take(channel, Date.now());
      assert.deepEqual([event?.orderId, event?.handout, event?.crashes], [orderOf(1), 2, 1]);
      assert.equal(await inbox.finish(event?.id ?? '', 1, 'Failed', null, Date.now()), 'stale');
    });

    it('after the ledger’s write: the intent and what is to do are there, the lease is free, its fence is not', async () => {
      const { ledger, leases, openIntents } = await dieAt('after ledger write');
      const entry = await ledger.read(orderOf(1));
      assert.deepEqual(entry.state, { format: 1, todo: ['settle'], intent: 'a1' });
      assert.deepEqual(await ledger.withTodo('settle', 10), [orderOf(1)]);
      assert.deepEqual(await openIntents.of('whmcs', 7), [{ orderId: orderOf(1), intent: 'a1' }]);
      const lease = await leases.acquire(`order:${orderOf(1)}`, 30_000);
      assert.ok(lease && lease.fence > entry.fence);
    });

    it('after the fact: the WHMCS order is known and claimed', async () => {
      const { ledger, claims } = await dieAt('after fact');
      const [fact] = (await ledger.read(orderOf(1))).facts;
      assert.deepEqual([fact?.intent, fact?.kind, fact?.whmcsOrderId], ['a1', 'order-seen', 4711]);
      assert.equal(await claims.holder('whmcs', 4711), orderOf(1));
    });

    it('after the end: the end stands', async () => {
      const { inbox } = await dieAt('after finish');
      const [event] = await inbox.ofOrder(orderOf(1));
      assert.deepEqual([event?.end, event?.state, event?.crashes], ['Activated', 'finished', 0]);
      assert.equal(await inbox.take(channel, Date.now()), null);
      assert.equal((await inbox.add(eventOf(1), positionOf(1))).isNew, false);
    });

    it('at any instant: no stored event is missing, and the cursor is never ahead of one', async () => {
      let from = 1;
      for (let round = 0; round < 6; round++) {
        const child = startChild(engine, { place, instance: `child-${round}`, script: 'intake', from });
        await child.saidLines(2 + Math.floor(Math.random() * 60));
        await child.kill();
        const told = child.lines.filter((line) => line.startsWith('stored ')).length;
        assert.ok(told > 0, child.lines.join('; '));
        const { inbox, cursor } = await opened();
        const waiting = await inbox.inState(channel, 'waiting', 100_000);
        const numbers = new Set(waiting.map((event) => numberOf(event.replayId ?? '')));
        const position = numberOf((await cursor.read(channel))?.replayId ?? '');
        const lastTold = from + told - 1;
        for (let number = 1; number <= lastTold; number++) assert.ok(numbers.has(number), `event ${number} is lost`);
        for (let number = 1; number <= position; number++)
          assert.ok(numbers.has(number), `the cursor skipped ${number}`);
        assert.ok(position >= lastTold - (engine.oneProcess ? 0 : 1), 'the cursor stayed behind');
        from = lastTold + 1;
        await closed();
      }
    });

    it('five times in work: the event is dead, and waits to be told', async () => {
      const { inbox } = await opened();
      await inbox.add(eventOf(1));
      await closed();
      for (let death = 1; death <= 5; death++) {
        const child = startChild(engine, { place, instance: `child-${death}`, script: 'takeAndDie' });
        assert.equal(await child.end(), 'SIGKILL', child.lines.join('; '));
        const [event] = await (await opened()).inbox.ofOrder(orderOf(1));
        assert.deepEqual([event?.crashes, event?.state], [death, death < 5 ? 'waiting' : 'dead']);
        await closed();
      }
      const dead = await opened();
      const [event] = await dead.inbox.inState(channel, 'dead', 10);
      assert.equal(event?.end, null);
      assert.match(event?.reason ?? '', /5 times/);
      assert.equal(await dead.inbox.take(channel, Date.now()), null);
      await dead.inbox.recordFailure(event?.id ?? '', event?.handout ?? 0, { code: 'EVENT_CRASHED' });
      assert.deepEqual((await dead.inbox.get(event?.id ?? ''))?.failure, { code: 'EVENT_CRASHED' });
      assert.equal(await dead.inbox.finish(event?.id ?? '', event?.handout ?? 0, 'Failed', 'told', 5), 'finished');
      assert.equal(await dead.inbox.retry(event?.id ?? ''), true);
      assert.equal((await dead.inbox.get(event?.id ?? ''))?.crashes, 0);
    });

    it('takes the sender for dead', async () => {
      const child = startChild(engine, { place, instance: 'child', script: 'hold' });
      const dead = sender.parse(JSON.parse(await child.said('open ')));
      assert.equal(dead.pid, child.pid);
      await child.kill();
      assert.equal(await (await opened()).isDead(dead), true);
    });

    it('counts an end by an error, and one with exit code 0 only where the engine cannot hear of it', async () => {
      await (await opened()).inbox.add(eventOf(1));
      await closed();
      const good = startChild(engine, { place, instance: 'child-1', script: 'takeAndEnd' });
      assert.equal(await good.end(), 0, good.lines.join('; '));
      const unheard = engine.oneProcess ? 0 : 1;
      assert.equal((await (await opened()).inbox.ofOrder(orderOf(1)))[0]?.crashes, unheard);
      await closed();
      const bad = startChild(engine, { place, instance: 'child-2', script: 'takeAndEnd', killAt: 'with an error' });
      assert.equal(await bad.end(), 1);
      const [event] = await (await opened()).inbox.ofOrder(orderOf(1));
      assert.deepEqual([event?.crashes, event?.state, event?.handout], [unheard + 1, 'waiting', 2]);
    });

    if (engine.oneProcess) {
      it('lets the next process in at once, and refused it while the first lived, naming it', async () => {
        const child = startChild(engine, { place, instance: 'child', script: 'hold' });
        await child.said('open ');
        await assert.rejects(
          engine.open(place, 'parent'),
          (error) =>
            error instanceof StoreError &&
            error.code === 'LOCKED' &&
            error.message.includes(`pid ${child.pid}`) &&
            error.message.includes(new Date().toISOString().slice(0, 11)),
        );
        await child.kill();
        await opened();
      });
    }
  });
}
