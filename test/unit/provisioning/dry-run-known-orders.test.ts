/** What a whole dry run says of orders that are on record, or in WHMCS: held against what add order then does. */
import assert from 'node:assert/strict';
import { addOrder, addOrderDefaults, type AddOrderSettings } from '../../../lib/provisioning/add-order';
import { dryRun, type AnyStep, type DryRunEntry } from '../../../lib/provisioning/dry-run';
import { failure } from '../../../lib/provisioning/failure';
import type { Foresight, ForesightContext } from '../../../lib/provisioning/foresight';
import type { Travelling } from '../../../lib/provisioning/message';
import { code, inAFreshWorld, part, text } from './vendor-doubles/fresh-world';
import {
  asked,
  clientId,
  input,
  orderId,
  otherOrderId,
  type End,
  type Process,
  type World,
} from './vendor-doubles/world';

type Given = Partial<Pick<Travelling, 'order' | 'client' | 'mapping'>>;
type Settings = Partial<AddOrderSettings>;

describe('A dry run', () => {
  let world: World;
  let process: Process;
  inAFreshWorld((...made) => void ([world, process] = made));

  const calls = (action?: string): number => world.whmcs.calls.filter((call) => !action || call === action).length;
  const mark = (intent: string, store = process.store.id): string => `sfOrderId=${orderId};i=${store}-${intent}`;
  const step = <K extends keyof Travelling>(adds: K, foresee: Foresight<Travelling[K]>['foresee']): AnyStep =>
    ({
      name: 'validation',
      needs: [],
      adds,
      dry: { foresee },
      run: () => Promise.reject(new Error('A dry run runs no step')),
    }) as AnyStep;
  /** As get order has it: with the attempt open that Retry would open. */
  const opened = ({ order: { record } }: ForesightContext) => ({ ...record, attempt: record.attempt + 1 });
  const gives = <K extends keyof Given>(key: K, value: Given[K]): AnyStep =>
    step(key, () => Promise.resolve(value === undefined ? null : ({ value, faults: [], notes: [] } as never)));

  async function entryOf(from: Given = input(), settings: Settings = {}, ...more: AnyStep[]): Promise<DryRunEntry> {
    const before = { ledger: await process.real.ledger.read(orderId), added: world.whmcs.ledger.length };
    const { order, client, mapping } = from;
    const reads = step('order', (_, context) =>
      Promise.resolve(order ? { value: order, faults: [], notes: [], record: opened(context) } : null),
    );
    const adds = addOrder({ ...addOrderDefaults, ...settings }, process.whmcs) as unknown as AnyStep;
    // A step after it has nothing to say of what is added.
    const after = step('provisioning', () => Promise.resolve({ faults: [], notes: [] }));
    const parts = { store: process.store, idMappings: null, sender: process.sender, clock: world.clock };
    const steps = [reads, gives('client', client), gives('mapping', mapping), ...more, adds, after];
    const running = dryRun({ ids: [orderId] }, { ...parts, steps, signal: new AbortController().signal });
    const [entry] = await world.until(running, 60_000);
    assert.ok(entry);
    assert.deepEqual(
      { ledger: await process.real.ledger.read(orderId), added: world.whmcs.ledger.length },
      before,
      'it only reads',
    );
    return entry;
  }
  const codes = ({ faults }: DryRunEntry): string[] => faults.map((fault) => fault.code);
  const run = (from = input(), settings: Settings = {}): Promise<End> =>
    world.until(process.again(() => process.add(from, settings)));
  const retried = async (from = input(), settings: Settings = {}): Promise<End> => {
    await process.begin(orderId, (await process.record()).attempt + 1);
    return run(from, settings);
  };
  const stop = async (settings: Settings = {}): Promise<void> => {
    const lost = { end: 'unknown' } as const;
    world.whmcs.addFaults = settings.resend === 'never' ? [lost] : [lost, lost];
    assert.equal(code(await run(input(), settings)), 'WHMCS_OUTCOME_UNKNOWN');
  };
  const assertNothingMade = ({ body, bodyNote, creates }: DryRunEntry): void =>
    assert.deepEqual([body, bodyNote, creates], [null, null, null]);

  describe('of an order whose AddOrder was stopped for a person', () => {
    it('shows the very body that Retry sends, by what is on record', async () => {
      await stop();
      const before = calls('GetClientsProducts');
      const { ok, whmcsOrderId, body, bodyNote, creates, notes, text: said } = await entryOf();
      assert.equal(calls('GetClientsProducts'), before, 'where the mark is in the notes, no services are read');
      assert.deepEqual([ok, whmcsOrderId, creates?.lines], [true, null, asked()]);
      assert.match(notes.join(), /^A person was asked about .* which shows no order of it now; where that holds twice/);
      assert.match(said, /: would add 2 × product 11 .* Retry reads WHMCS again/);
      assert.match(bodyNote ?? '', /The mark ends in a3 if/);
      const added = part(await retried());
      assert.equal(new URLSearchParams(body ?? '').get('notes'), world.whmcs.order(added.orderId).notes);
    });

    it('names the order that bears its mark in a custom field', async () => {
      const settings = { marker: { customFieldId: 12 } };
      await stop(settings);
      const items = asked().map((item) => ({ ...item, customFields: { 12: mark('a2') } }));
      const late = world.whmcs.add({ clientId, items });
      const entry = await entryOf(input(), settings);
      assert.deepEqual([codes(entry), entry.whmcsOrderId], [[], late.id]);
      assertNothingMade(entry);
      assert.equal(part(await retried(input(), settings)).orderId, late.id);
    });

    it('goes by the id that an answer named, where the list lacks the order', async () => {
      await stop();
      world.whmcs.add({ clientId, items: asked([[5, 1]]), by: 'person', notes: 'another' });
      const own = world.whmcs.add({ clientId, items: asked(), notes: mark('a2') });
      await process.hold(orderId, (order) =>
        order.remember({ intent: 'a2', kind: 'order-seen', whmcsOrderId: own.id }),
      );
      world.whmcs.answerOrders = (page) =>
        page.orders.length < 2
          ? page
          : { ...page, total: 1, orders: page.orders.filter((order) => order.id !== own.id) };
      const entry = await entryOf();
      assert.deepEqual([codes(entry), entry.whmcsOrderId], [[], own.id]);
      assertNothingMade(entry);
      assert.equal(part(await retried()).orderId, own.id);
    });

    it('takes the order that Salesforce names where else it would stop', async () => {
      const never = { resend: 'never' } as const;
      await stop(never);
      const placed = world.whmcs.add({ clientId, items: asked(), by: 'person', date: '2001-01-01 00:00:00' });
      const from = input({ whmcsOrderId: String(placed.id) });
      await process.edit((record) => ({
        ...record,
        adds: record.adds.map((add) => ({ ...add, watermark: placed.id })),
      }));
      assert.deepEqual(codes(await entryOf(input(), never)), ['WHMCS_OUTCOME_UNKNOWN']);
      const entry = await entryOf(from, never);
      assert.deepEqual([codes(entry), entry.whmcsOrderId], [[], placed.id]);
      assertNothingMade(entry);
      assert.equal(part(await retried(from, never)).orderId, placed.id);
    });

    it('stops where WHMCS shows none of the orders that the client had, but for the one that Salesforce names', async () => {
      const placed = world.whmcs.add({ clientId, items: asked(), by: 'person' });
      world.whmcs.add({ clientId, items: asked([[5, 1]]), by: 'person' });
      await stop();
      world.whmcs.answerOrders = (page) => (page.orders.length < 2 ? page : { ...page, total: 0, orders: [] });
      const entry = await entryOf();
      assert.deepEqual(codes(entry), ['WHMCS_OUTCOME_UNKNOWN']);
      assert.match(entry.notes.join(), /and stops again while this is so$/);
      assertNothingMade(entry);
      assert.equal(code(await retried()), 'WHMCS_OUTCOME_UNKNOWN');
      const from = input({ whmcsOrderId: String(placed.id) });
      assert.equal((await entryOf(from)).whmcsOrderId, placed.id);
      assert.equal(part(await retried(from)).orderId, placed.id);
    });

    it('goes by what the node says now, in its words as well', async () => {
      await stop();
      const { faults } = await entryOf(input(), { resend: 'never' });
      assert.match(faults[0]?.message ?? '', /has no order of it\. Resend is "never": /);
      assert.match(text(await retried(input(), { resend: 'never' })), /Resend is "never": /);
    });

    it('takes no row for its own that another Salesforce Order has claimed', async () => {
      await stop();
      const others = world.whmcs.add({ clientId, items: asked() });
      await process.real.claims.claim(process.whmcs.key, others.id, otherOrderId);
      const entry = await entryOf();
      assert.deepEqual([codes(entry), entry.whmcsOrderId, entry.creates?.lines], [[], null, asked()]);
      assert.notEqual(part(await retried()).orderId, others.id);
    });

    it('looks at the client of the call, whichever the Order is of by now', async () => {
      await stop();
      const late = world.whmcs.add({ clientId, items: asked(), notes: mark('a1') });
      const from = input({ clientId: 1002 });
      assert.equal((await entryOf(from)).whmcsOrderId, late.id);
    });

    it('shows no body where a step before it has a fault, and what Retry comes to all the same', async () => {
      await stop();
      const lack = step('client', () => Promise.reject(failure('PAYMENT_METHOD_MISSING', '409: none', 'validation')));
      const entry = await entryOf(input(), {}, lack);
      assert.deepEqual([entry.ok, codes(entry)], [false, ['PAYMENT_METHOD_MISSING']]);
      assert.match(entry.notes.join(), /shows no order of it now/);
      assertNothingMade(entry);
    });
  });

  describe('of an order that has a WHMCS order', () => {
    it('names the one on record and its status, and would add none', async () => {
      const { orderId: id } = part(await run());
      const entry = await entryOf();
      assert.deepEqual(
        [codes(entry), entry.whmcsOrderId, entry.notes],
        [[], id, [`It has WHMCS order ${id} (Pending), which would be gone on with`]],
      );
      assertNothingMade(entry);
      assert.equal(part(await retried()).orderId, id);
      assert.deepEqual(world.whmcs.added, [id]);
    });

    it('names the one on record whatever keeps the Order from being mapped', async () => {
      const { orderId: id } = part(await run());
      const { order } = input();
      assert.equal((await entryOf({ order })).whmcsOrderId, id);
    });

    for (const [what, change, found] of [
      ['cancelled', () => world.whmcs.cancel(5001), 'WHMCS_ORDER_GONE'],
      ['gone', () => void world.whmcs.orders.splice(0), 'WHMCS_ORDER_GONE'],
      ['in a status of somebody’s own', () => void (world.whmcs.order(5001).status = 'On hold'), 'WHMCS_ORDER_STATUS'],
    ] as const) {
      it(`names the one on record that is ${what}, and what it fails with`, async () => {
        part(await run());
        change();
        const entry = await entryOf();
        assert.deepEqual([entry.ok, codes(entry), entry.whmcsOrderId], [false, [found], 5001]);
        assertNothingMade(entry);
        assert.equal(code(await retried()), found);
      });
    }

    it('says that one at another WHMCS address would be looked for here', async () => {
      part(await run());
      await process.edit((record) => ({ ...record, adopted: record.adopted && { ...record.adopted, whmcs: 'old' } }));
      const before = calls();
      const entry = await entryOf();
      assert.deepEqual([codes(entry), entry.whmcsOrderId], [[], null]);
      assert.match(entry.notes.join(), /^It has WHMCS order 5001 at another WHMCS address, which would be looked for/);
      assertNothingMade(entry);
      assert.equal(calls(), before);
    });

    it('finds one by its mark that is not on record, and says that a cancelled one is gone', async () => {
      const placed = world.whmcs.add({ clientId, items: asked(), notes: mark('a7', '0badcafe') });
      const entry = await entryOf();
      assert.deepEqual([codes(entry), entry.whmcsOrderId], [[], placed.id]);
      assertNothingMade(entry);
      world.whmcs.cancel(placed.id);
      const dead = await entryOf();
      assert.deepEqual([codes(dead), dead.whmcsOrderId], [['WHMCS_ORDER_GONE'], placed.id]);
      assertNothingMade(dead);
    });

    it('says of the one that Salesforce names that it was not looked at, where nothing can be asked for', async () => {
      const placed = world.whmcs.add({ clientId, items: asked(), by: 'person' });
      const { order, client, mapping } = input({ whmcsOrderId: String(placed.id) });
      const before = calls();
      for (const from of [
        { order },
        { order, client },
        { order, mapping },
        { order, client: { ...client, paymentMethod: '' }, mapping },
        { order, client, mapping: { ...mapping, ok: false } },
        { order, client, mapping: { ok: true, items: [] } },
      ]) {
        const entry = await entryOf(from);
        assert.deepEqual(entry.notes, [`Salesforce names WHMCS order ${placed.id}, which was not looked at`]);
        assert.equal(entry.whmcsOrderId, null);
        assertNothingMade(entry);
      }
      assert.equal(calls(), before);
      assert.deepEqual((await entryOf({ order: input().order })).notes, []);
    });

    it('says of an order in doubt that WHMCS is read first, beside what is found of it', async () => {
      const doubtful = /^The store is new or was restored, and the Order is older/;
      const placed = world.whmcs.add({ clientId, items: asked(), by: 'person' });
      const notes = async (from = input()): Promise<string[]> => (await entryOf(from)).notes;
      assert.deepEqual(await notes(), [], 'it is younger than the store');
      await process.begin(orderId, 1, 0);
      const [only, ...none] = await notes();
      assert.deepEqual([doubtful.test(only ?? ''), none], [true, []]);
      const [first, second] = await notes(input({ whmcsOrderId: String(placed.id) }));
      assert.match(first ?? '', doubtful);
      assert.match(second ?? '', /^It has WHMCS order 5001 \(Pending\)/);
    });
  });

  it('says of an AddOrder whose outcome is not known yet that WHMCS is read first, and adds none', async () => {
    world.whmcs.addFaults = [{ end: 'unknown' }];
    assert.equal((await process.add()).kind, 'parked');
    const entry = await entryOf();
    assert.deepEqual([entry.ok, codes(entry), entry.whmcsOrderId], [true, [], null]);
    assert.match(
      entry.notes.join(),
      /^It is not known yet what became of the AddOrder of 2026-\S+Z: WHMCS is read first$/,
    );
    assertNothingMade(entry);
  });

  describe('in its words', () => {
    it('takes the mark’s number from wherever the mark is', async () => {
      for (const marker of ['notes', { customFieldId: 12 }] as const)
        assert.match((await entryOf(input(), { marker })).bodyNote ?? '', /The mark ends in a1 if/);
      assert.doesNotMatch((await entryOf(input(), { marker: 'none' })).bodyNote ?? '', /The mark/);
    });

    it('counts the faults and the lines that it does not name, and is no longer than 500', async () => {
      const items = Array.from({ length: 8 }, (_, at): [number, number] => [100 + at, 1]);
      const { text: said } = await entryOf(input({ items }));
      assert.match(said, /1 × product 104 monthly, 3 more lines for WHMCS client 1001, paid by mailin, 120\.00 USD/);
      const closed = (words: string): AnyStep =>
        step('client', () => Promise.reject(failure('CLIENT_CLOSED', words, 'validation')));
      const bad = await entryOf(input(), {}, closed('first'), closed('second'), closed('third'));
      assert.equal(bad.text, 'Order 00000101: first; and 2 more');
      const long = await entryOf(input(), {}, closed('x'.repeat(600)));
      assert.deepEqual([long.text.length, long.text.at(-1)], [500, '…']);
    });

    it('calls an Order that it could not read by its id, and not good', async () => {
      const { ok, number, text: said } = await entryOf({});
      assert.deepEqual([ok, number, said.startsWith(`${orderId}: `)], [false, null, true]);
    });
  });
});
