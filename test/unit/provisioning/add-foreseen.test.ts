/** What a dry run says of add order, held against what add order then does: a look that says another thing misleads people. */
import assert from 'node:assert/strict';
import { foreseeAdding } from '../../../lib/provisioning/add-foreseen';
import { addOrderDefaults, type AddOrderSettings } from '../../../lib/provisioning/add-order';
import { Failure } from '../../../lib/provisioning/failure';
import { faultOf, type Foreseen } from '../../../lib/provisioning/foresight';
import type { WhmcsPart } from '../../../lib/provisioning/message';
import { code, inAFreshWorld, part } from './vendor-doubles/fresh-world';
import { asked, clientId, input, orderId, type End, type Process, type World } from './vendor-doubles/world';

let world: World;
let process: Process;

const calls = (action: string): number => world.whmcs.calls.filter((call) => call === action).length;
const writes = (): number => calls('AddOrder') + calls('AcceptOrder') + calls('CancelOrder') + calls('ModuleCreate');

describe('Foreseeing add order', () => {
  inAFreshWorld((...made) => void ([world, process] = made));

  /** By reads alone, with the attempt open that Retry would open. */
  async function foreseen(from = input(), settings: Partial<AddOrderSettings> = {}): Promise<Foreseen<WhmcsPart>> {
    const before = { ledger: await process.real.ledger.read(orderId), writes: writes() };
    const record = await process.record();
    const order = {
      orderId,
      record: { ...record, attempt: record.attempt + 1 },
      facts: before.ledger.facts,
      store: process.store,
      sender: process.sender,
      clock: world.clock,
    };
    const signal = new AbortController().signal;
    const found = await foreseeAdding({ ...addOrderDefaults, ...settings }, process.whmcs, from, {
      order,
      idMappings: null,
      signal,
    }).catch((error: unknown) => {
      assert.ok(error instanceof Failure, String(error));
      return { faults: [faultOf(error)], notes: [] };
    });
    assert.ok(found);
    assert.deepEqual({ ledger: await process.real.ledger.read(orderId), writes: writes() }, before, 'it only reads');
    return found;
  }
  const codes = ({ faults }: Foreseen<WhmcsPart>): string[] => faults.map((fault) => fault.code);
  const run = (from = input(), settings: Partial<AddOrderSettings> = {}): Promise<End> =>
    world.until(process.again(() => process.add(from, settings)));
  /** What Retry really comes to. */
  const retried = async (from = input(), settings: Partial<AddOrderSettings> = {}): Promise<End> => {
    await process.begin(orderId, (await process.record()).attempt + 1);
    return run(from, settings);
  };
  /** Two calls without an answer and without an effect: a person is asked. */
  const stopped = async (settings: Partial<AddOrderSettings> = {}): Promise<void> => {
    world.whmcs.addFaults =
      settings.resend === 'never' ? [{ end: 'unknown' }] : [{ end: 'unknown' }, { end: 'unknown' }];
    assert.equal(code(await run(input(), settings)), 'WHMCS_OUTCOME_UNKNOWN');
  };

  describe('of an order that was not like what was asked for when it was read back', () => {
    const sold = () => {
      const from = input({ items: [[11, 1]] });
      for (const one of from.mapping.items) Object.assign(one, { priceOverride: '9.50', price: '9.50' });
      return from;
    };

    it('says that it stops again, until a person has mended it', async () => {
      world.whmcs.prices = { 11: '12.00' };
      assert.equal(code(await run(sold())), 'WHMCS_ORDER_DIFFERS');
      assert.deepEqual(codes(await foreseen(sold())), ['WHMCS_ORDER_DIFFERS']);
      for (const service of world.whmcs.services) service.recurringAmount = '9.50';
      const found = await foreseen(sold());
      assert.deepEqual([codes(found), found.adding?.has], [[], 5001]);
      assert.equal(part(await retried(sold())).orderId, 5001);
      for (const service of world.whmcs.services) service.recurringAmount = '20.00';
      assert.deepEqual(
        codes(await foreseen(sold())),
        [],
        'once it was read back, that it is another price is a person’s doing',
      );
    });
  });

  describe('of an order that was stopped for a person', () => {
    it('says that Retry looks again and then adds it, and what', async () => {
      await stopped();
      const found = await foreseen();
      assert.deepEqual(codes(found), []);
      assert.match(
        found.notes.join(),
        /^A person was asked about the AddOrder of 2026-\S+Z\. Retry reads WHMCS again, which shows no order of it now; where that holds twice, it is added once more$/,
      );
      assert.deepEqual(
        [found.adding?.has, found.adding?.request?.items, found.adding?.request?.notes],
        [null, asked(), `sfOrderId=${orderId};i=${process.store.id}-a3`],
      );
      const added = part(await retried());
      assert.equal(world.whmcs.order(added.orderId).notes, found.adding?.request?.notes);
      assert.deepEqual(world.whmcs.added, [added.orderId]);
    });

    it('says that Retry stops again where the node forbids a second call, and what would add it', async () => {
      const never = { resend: 'never' } as const;
      await stopped(never);
      const found = await foreseen(input(), never);
      assert.deepEqual(codes(found), ['WHMCS_OUTCOME_UNKNOWN']);
      assert.match(
        found.faults[0]?.message ?? '',
        /client 1001 has no order of it\. Resend is "never": .* newWhmcsOrder: true/,
      );
      assert.match(found.notes.join(), /Retry reads WHMCS again, and stops again while this is so/);
      assert.deepEqual(found.adding, { has: null, request: null });
      assert.equal(code(await retried(input(), never)), 'WHMCS_OUTCOME_UNKNOWN');
      assert.deepEqual(codes(await foreseen()), [], 'by what the node says now');
    });

    it('names the order that turned up since, which Retry takes', async () => {
      await stopped();
      const late = world.whmcs.add({
        clientId,
        items: asked(),
        notes: `sfOrderId=${orderId};i=${process.store.id}-a1`,
      });
      const found = await foreseen();
      assert.deepEqual([codes(found), found.adding], [[], { has: late.id, request: null }]);
      assert.equal(part(await retried()).orderId, late.id);
    });

    it('names the candidates as they are now, which Retry stops at', async () => {
      world.whmcs.keepsNotes = false;
      world.whmcs.addFaults = [{ end: 'unknown', commit: 'now' }];
      assert.equal(code(await run()), 'WHMCS_OUTCOME_UNKNOWN');
      world.whmcs.add({ clientId, items: asked(), by: 'person' });
      const found = await foreseen();
      assert.deepEqual([codes(found), found.adding], [['WHMCS_OUTCOME_UNKNOWN'], { has: null, request: null }]);
      assert.match(found.faults[0]?.message ?? '', /that may be ours: 5002 \(.*\), 5001 \(/);
      assert.equal(code(await retried()), 'WHMCS_OUTCOME_UNKNOWN');
    });

    it('takes the one that a person named in Salesforce, as Retry does, and refuses another’s', async () => {
      world.whmcs.keepsNotes = false;
      world.whmcs.addFaults = [{ end: 'unknown', commit: 'now' }];
      await run();
      const wrong = input({ whmcsOrderId: '4711' });
      assert.deepEqual(codes(await foreseen(wrong)), ['WHMCS_ORDER_FOREIGN']);
      assert.equal(code(await retried(wrong)), 'WHMCS_ORDER_FOREIGN');
      const right = input({ whmcsOrderId: '5001' });
      assert.deepEqual((await foreseen(right)).adding, { has: 5001, request: null });
      assert.equal(part(await retried(right)).orderId, 5001);
    });

    it('does not look for it in another WHMCS than the one that it was sent to', async () => {
      await stopped();
      await process.edit((record) => ({ ...record, adds: record.adds.map((add) => ({ ...add, whmcs: 'another' })) }));
      const before = calls('GetOrders');
      const found = await foreseen();
      assert.deepEqual(codes(found), ['WHMCS_OUTCOME_UNKNOWN']);
      assert.match(
        found.notes.join(),
        /Retry reads WHMCS again: the one that it was sent to, which is not the one of this flow/,
      );
      assert.equal(calls('GetOrders'), before);
    });

    it('stops at two orders with its mark', async () => {
      await stopped();
      for (const intent of ['a1', 'a2'])
        world.whmcs.add({ clientId, items: asked(), notes: `sfOrderId=${orderId};i=${process.store.id}-${intent}` });
      const found = await foreseen();
      assert.deepEqual(codes(found), ['WHMCS_TWIN']);
      assert.match(
        found.faults[0]?.message ?? '',
        /client 1001 has two orders for this Salesforce Order: 5001 and 5002/,
      );
      assert.equal(code(await retried()), 'WHMCS_TWIN');
    });
  });

  describe('of an order that Salesforce names a WHMCS order for', () => {
    it('takes one with the same items, and adds none', async () => {
      const placed = world.whmcs.add({ clientId, items: asked(), by: 'person' });
      const from = input({ whmcsOrderId: ` #${placed.id} ` });
      const found = await foreseen(from);
      assert.deepEqual([codes(found), found.adding], [[], { has: placed.id, request: null }]);
      assert.match(found.notes.join(), /^It has WHMCS order 5001 \(Pending\), which would be gone on with$/);
      assert.equal(part(await retried(from)).orderId, placed.id);
      assert.deepEqual(world.whmcs.added, [placed.id]);
    });

    it('does not take one that another Salesforce Order names too', async () => {
      const placed = world.whmcs.add({ clientId, items: asked(), by: 'person' });
      const from = input({ whmcsOrderId: String(placed.id) });
      from.order.sameWhmcsOrderId = ['Order 00000109 (801000000000009AAA)'];
      const found = await foreseen(from);
      assert.deepEqual([codes(found), found.adding?.has ?? null], [['WHMCS_ORDER_FOREIGN'], null]);
      assert.equal(code(await retried(from)), 'WHMCS_ORDER_FOREIGN');
      assert.equal(writes(), 0);
    });

    it('does not take one after a stop that was named before it, until it is named anew', async () => {
      await process.real.setDoubt({ until: world.clock.now() + 1_000, reason: 'Redis restarted' });
      world.whmcs.add({ clientId, items: asked() });
      const before = input({ whmcsOrderId: '5001' });
      await process.begin(orderId, 1, world.clock.now() - 60_000);
      assert.equal(code(await run(before)), 'WHMCS_OUTCOME_UNKNOWN');
      const found = await foreseen(before);
      assert.deepEqual([codes(found), found.adding?.has], [['WHMCS_OUTCOME_UNKNOWN'], null]);
      const word = /^No answer to AddOrder; WHMCS_Order_ID__c named 5001 before, which proves nothing: write #5001 if/;
      assert.match(found.faults[0]?.message ?? '', word);
      assert.equal(code(await retried(before)), 'WHMCS_OUTCOME_UNKNOWN');
      const anew = input({ whmcsOrderId: '#5001' });
      assert.deepEqual((await foreseen(anew)).adding, { has: 5001, request: null });
      assert.equal(part(await retried(anew)).orderId, 5001);
      assert.equal(writes(), 0);
    });

    it('does not take one of another client, or of other items', async () => {
      const others = world.whmcs.add({ clientId: 1002, items: asked(), by: 'person' });
      const less = world.whmcs.add({ clientId, items: asked([[11, 1]]), by: 'person' });
      for (const { id } of [others, less]) {
        const from = input({ whmcsOrderId: String(id) });
        const found = await foreseen(from);
        assert.deepEqual(codes(found), ['WHMCS_ORDER_FOREIGN'], String(id));
        assert.equal(code(await retried(from)), 'WHMCS_ORDER_FOREIGN');
      }
    });
  });

  it('says which orders bear its mark, where two do', async () => {
    for (const intent of ['a1', 'a2'])
      world.whmcs.add({ clientId, items: asked(), notes: `sfOrderId=${orderId};i=0badcafe-${intent}` });
    const found = await foreseen();
    assert.deepEqual(codes(found), ['WHMCS_TWIN']);
    assert.match(
      found.faults[0]?.message ?? '',
      /^WHMCS client 1001 has two orders for this Salesforce Order: 5001 and 5002$/,
    );
  });
});
