import assert from 'node:assert/strict';
import type { Fact } from '../../../lib/state/contract';
import type { EngineUnderTest } from './engine-under-test';
import { Fixture } from './fixture';
import { orderOf, stateWith } from './samples';

export function ledgerAndClaims(engine: EngineUnderTest): void {
  describe('the ledger', () => {
    const fixture = new Fixture(engine);
    const orderId = orderOf(1);

    const lease = async (ttlMs = 30_000): Promise<number> => {
      const held = await fixture.store.leases.acquire(`order:${orderId}`, ttlMs);
      assert.ok(held);
      return held.fence;
    };

    it('is empty for an order that it has not seen', async () => {
      assert.deepEqual(await fixture.store.ledger.read(orderId), { fence: 0, state: null, facts: [] });
    });

    it('gives back what was written, and the highest fence', async () => {
      const { ledger } = fixture.store;
      const fence = await lease();
      const state = { format: 1, todo: [], adds: [{ id: 'a1', watermark: null, big: '9007199254740993' }], text: '🙂' };
      assert.equal(await ledger.write(orderId, fence, state), 'written');
      assert.deepEqual(await ledger.read(orderId), { fence, state, facts: [] });
      assert.equal((await ledger.read(orderOf(2))).state, null);
    });

    it('refuses the write of a holder that was replaced, and takes its facts', async () => {
      const { ledger } = fixture.store;
      const zombie = await lease(50);
      await ledger.write(orderId, zombie, stateWith([], { by: 'zombie' }));
      await fixture.elapse(60);
      const holder = await lease();
      assert.ok(holder > zombie);
      assert.equal(await ledger.write(orderId, zombie, stateWith([], { by: 'zombie, late' })), 'fenced');
      assert.deepEqual((await ledger.read(orderId)).state, stateWith([], { by: 'zombie' }));
      const fact: Fact = { intent: 'a1', kind: 'order-seen', whmcsOrderId: 4711, at: 1, detail: 'success' };
      await ledger.record(orderId, fact);
      assert.deepEqual((await ledger.read(orderId)).facts, [fact]);
      assert.equal(await ledger.write(orderId, holder, stateWith([], { by: 'holder' })), 'written');
    });

    it('refuses the old write although the new holder has written nothing and gone', async () => {
      const { ledger, leases } = fixture.store;
      const zombie = await lease(50);
      await fixture.elapse(60);
      const holder = await leases.acquire(`order:${orderId}`, 30_000);
      assert.ok(holder);
      await leases.release(holder);
      assert.equal(await ledger.write(orderId, zombie, stateWith([])), 'fenced');
    });

    it('keeps facts once, in the sequence in which they came', async () => {
      const { ledger } = fixture.store;
      const facts: Fact[] = [
        { intent: 'a1', kind: 'sent', at: 1 },
        { intent: 'a1', kind: 'order-seen', whmcsOrderId: 7, at: 2, detail: 'success' },
        { intent: 'a1', kind: 'order-seen', whmcsOrderId: 8, at: 3 },
        { intent: 'a1', kind: 'call-ended', at: 4, detail: 'ETIMEOUT' },
        { intent: 'c1', kind: 'sent', at: 5 },
        { intent: 'a2', kind: 'not-sent', at: 6, detail: 'ECONNREFUSED' },
      ];
      for (const fact of facts) await ledger.record(orderId, fact);
      for (const fact of facts) await ledger.record(orderId, { ...fact, at: 99, detail: 'again' });
      await ledger.record(orderOf(2), { intent: 'a1', kind: 'sent', at: 1 });
      assert.deepEqual((await ledger.read(orderId)).facts, facts);
    });

    it('finds the orders that carry a word to do, those that wait longest first', async () => {
      const { ledger } = fixture.store;
      const write = (number: number, todo: string[]): Promise<string> =>
        ledger.write(orderOf(number), 1, stateWith(todo));
      await write(3, ['report']);
      await write(1, ['settle', 'report']);
      await write(2, ['report']);
      await write(3, ['report', 'watch']);
      assert.deepEqual(await ledger.withTodo('report', 10), [orderOf(3), orderOf(1), orderOf(2)]);
      assert.deepEqual(await ledger.withTodo('report', 2), [orderOf(3), orderOf(1)]);
      await write(3, []);
      await write(1, ['settle']);
      assert.deepEqual(await ledger.withTodo('report', 10), [orderOf(2)]);
      assert.deepEqual(await ledger.withTodo('settle', 10), [orderOf(1)]);
      assert.deepEqual(await ledger.withTodo('watch', 10), []);
    });

    it('leaves the words to do of a refused write alone', async () => {
      const { ledger } = fixture.store;
      const zombie = await lease(50);
      await fixture.elapse(60);
      await ledger.write(orderId, await lease(), stateWith(['settle']));
      await ledger.write(orderId, zombie, stateWith(['report']));
      assert.deepEqual(await ledger.withTodo('settle', 10), [orderId]);
      assert.deepEqual(await ledger.withTodo('report', 10), []);
    });
  });

  describe('claims', () => {
    const fixture = new Fixture(engine);

    it('give a WHMCS order to one Salesforce order, for ever', async () => {
      const { claims } = fixture.store;
      assert.equal(await claims.holder('w', 7), null);
      assert.deepEqual(await claims.claim('w', 7, 'A'), { by: 'A', isNew: true });
      assert.deepEqual(await claims.claim('w', 7, 'A'), { by: 'A', isNew: false });
      assert.deepEqual(await claims.claim('w', 7, 'B'), { by: 'A', isNew: false });
      assert.deepEqual(await claims.claim('other', 7, 'B'), { by: 'B', isNew: true });
      assert.equal(await claims.holder('w', 7), 'A');
    });

    it('have one winner when many claim at once', async () => {
      const { claims } = fixture.store;
      const answers = await Promise.all(
        Array.from({ length: 20 }, (_, index) => claims.claim('w', 7, `order-${index}`)),
      );
      assert.equal(answers.filter((answer) => answer.isNew).length, 1);
      assert.equal(new Set(answers.map((answer) => answer.by)).size, 1);
    });
  });

  describe('open intents', () => {
    const fixture = new Fixture(engine);

    it('are known per WHMCS client until each is closed', async () => {
      const { openIntents } = fixture.store;
      await openIntents.open('w', 3, 'A', 'a1');
      await openIntents.open('w', 3, 'A', 'a1');
      await openIntents.open('w', 3, 'B', 'a1');
      await openIntents.open('w', 4, 'C', 'a1');
      await openIntents.open('other', 3, 'D', 'a1');
      const sorted = async (): Promise<string[]> => (await openIntents.of('w', 3)).map((open) => open.orderId).sort();
      assert.deepEqual(await sorted(), ['A', 'B']);
      await openIntents.close('w', 3, 'A', 'a2');
      assert.deepEqual(await sorted(), ['A', 'B']);
      await openIntents.close('w', 3, 'A', 'a1');
      await openIntents.close('w', 3, 'A', 'a1');
      assert.deepEqual(await openIntents.of('w', 3), [{ orderId: 'B', intent: 'a1' }]);
    });
  });
}
