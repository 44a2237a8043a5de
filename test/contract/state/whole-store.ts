import assert from 'node:assert/strict';
import { StoreError } from '../../../lib/state/contract';
import { thisProcess } from '../../../lib/state/sender';
import type { EngineUnderTest } from './engine-under-test';
import { Fixture } from './fixture';
import { channel, eventOf, orderOf, positionOf, stateWith } from './samples';

export function wholeStore(engine: EngineUnderTest): void {
  describe('the store', () => {
    const with_ = new Fixture(engine);

    it('has a name of eight hexadecimal digits that a restart does not change', async () => {
      const { id, bornAt } = with_.store;
      assert.match(id, /^[0-9a-f]{8}$/);
      await with_.restart();
      assert.equal(with_.store.id, id);
      assert.equal(with_.store.bornAt, bornAt);
    });

    it('doubts what is older than itself, and no more than that after a restart', async () => {
      const doubt = await with_.store.doubt();
      assert.deepEqual([doubt?.reason, doubt?.until], ['new store', with_.store.bornAt]);
      assert.match(doubt?.id ?? '', /^[0-9a-f]{8}/);
      assert.equal(with_.store.doubtId, doubt?.id);
      await with_.restart();
      assert.deepEqual(await with_.store.doubt(), doubt);
    });

    it('takes an operator’s word about doubt, and keeps it', async () => {
      await with_.store.setDoubt({ reason: 'backup of Monday', until: 12_345 });
      assert.equal(with_.store.doubtId, null);
      await with_.restart();
      assert.deepEqual(await with_.store.doubt(), { reason: 'backup of Monday', until: 12_345, id: null });
      await with_.store.setDoubt(null);
      await with_.restart();
      assert.equal(await with_.store.doubt(), null);
    });

    it('says that it is well, in words without a path', async () => {
      const health = await with_.store.health();
      assert.equal(health.ok, true);
      assert.equal(health.detail.includes('/'), false);
      assert.equal(typeof health.latencyMs, 'number');
    });

    it('does not take its own process for dead', async () => {
      assert.equal(await with_.store.isDead(thisProcess('instance-1')), false);
    });

    it('keeps everything through a restart', async () => {
      const { inbox, ledger, claims, openIntents, leases, idMappings, timeline } = with_.store;
      const orderId = orderOf(1);
      const { id } = await inbox.add(eventOf(1), positionOf(1));
      const lease = await leases.acquire(`order:${orderId}`, 30_000);
      const state = stateWith(['report', 'watch'], { note: 'Zażółć' });
      const fact = { intent: 'a1', kind: 'order-seen', whmcsOrderId: 9, at: 5, detail: 'success' } as const;
      const step = {
        orderId,
        eventId: id,
        attempt: 1,
        step: 'mapping',
        status: 'done',
        startedAt: 7,
        ms: 2,
        detail: 'd',
      } as const;
      await ledger.write(orderId, lease?.fence ?? 0, state);
      await ledger.record(orderId, fact);
      await claims.claim('w', 9, orderId);
      await openIntents.open('w', 3, orderId, 'a1');
      await idMappings.put({ portalUserId: 'p', whmcsClientId: 3, sfAccountId: '001' });
      await timeline.append(step);
      await with_.restart();
      const { store } = with_;
      assert.deepEqual(await store.cursor.read(channel), positionOf(1));
      assert.equal((await store.inbox.get(id))?.state, 'waiting');
      const entry = await store.ledger.read(orderId);
      assert.deepEqual({ state: entry.state, facts: entry.facts }, { state, facts: [fact] });
      assert.deepEqual(await store.ledger.withTodo('watch', 10), [orderId]);
      assert.equal(await store.claims.holder('w', 9), orderId);
      assert.deepEqual(await store.openIntents.of('w', 3), [{ orderId, intent: 'a1' }]);
      assert.equal((await store.idMappings.bySfAccount('001'))?.whmcsClientId, 3);
      assert.deepEqual(await store.timeline.ofOrder(orderId), [step]);
    });

    it('is closed twice without harm, and refuses work afterwards', async () => {
      const { store } = with_;
      await store.close();
      await store.close();
      await assert.rejects(
        store.cursor.read(channel),
        (error) => error instanceof StoreError && error.code === 'UNAVAILABLE',
      );
      await assert.rejects(store.inbox.add(eventOf(1)), StoreError);
    });

    it('keeps the steps of an order in the sequence in which they began, each with its outcome', async () => {
      const { timeline } = with_.store;
      const entry = { orderId: 'o', eventId: 'e', attempt: 1, step: 'mapping', startedAt: 5, detail: '' };
      await timeline.append({ ...entry, status: 'started', ms: null });
      await timeline.append({ ...entry, step: 'whmcs_create', startedAt: 9, status: 'started', ms: null });
      await timeline.append({ ...entry, status: 'failed', ms: 3, detail: 'no product' });
      await timeline.append({ ...entry, status: 'started', ms: null });
      const steps = await timeline.ofOrder('o');
      assert.deepEqual(
        steps.map(({ step, status, ms, detail }) => ({ step, status, ms, detail })),
        [
          { step: 'mapping', status: 'failed', ms: 3, detail: 'no product' },
          { step: 'whmcs_create', status: 'started', ms: null, detail: '' },
        ],
      );
    });

    it('keeps a step that opened an attempt under that attempt, once', async () => {
      const { timeline } = with_.store;
      const entry = { orderId: 'o', eventId: 'e', step: 'order_details', startedAt: 5, detail: '' };
      await timeline.append({ ...entry, attempt: 0, status: 'started', ms: null });
      await timeline.append({ ...entry, attempt: 1, status: 'done', ms: 3 });
      await timeline.append({ ...entry, attempt: 0, status: 'started', ms: null });
      await timeline.append({ ...entry, attempt: 1, startedAt: 9, status: 'started', ms: null });
      assert.deepEqual(
        (await timeline.ofOrder('o')).map(({ attempt, status, startedAt }) => [attempt, status, startedAt]),
        [
          [1, 'done', 5],
          [1, 'started', 9],
        ],
      );
    });

    it('keeps each id of a mapping unique, each way', async () => {
      const { idMappings } = with_.store;
      const mapping = { portalUserId: null, whmcsClientId: 3, sfAccountId: '001A' };
      assert.equal(await idMappings.put(mapping), 'written');
      assert.equal(await idMappings.put({ ...mapping, portalUserId: 'p1' }), 'written');
      assert.equal(await idMappings.put(mapping), 'written');
      for (const other of [
        { portalUserId: null, whmcsClientId: 4, sfAccountId: '001A' },
        { portalUserId: null, whmcsClientId: 3, sfAccountId: '001B' },
        { portalUserId: 'p1', whmcsClientId: 5, sfAccountId: '001C' },
        { portalUserId: 'p2', whmcsClientId: 3, sfAccountId: '001A' },
      ])
        assert.equal(await idMappings.put(other), 'conflict');
      assert.deepEqual(await idMappings.byWhmcsClient(3), { ...mapping, portalUserId: 'p1' });
      assert.deepEqual(await idMappings.bySfAccount('001A'), { ...mapping, portalUserId: 'p1' });
      assert.equal(await idMappings.bySfAccount('001B'), null);
      assert.equal(await idMappings.byWhmcsClient(4), null);
    });
  });
}
