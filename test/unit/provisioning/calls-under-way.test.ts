/** Which calls of this process may still go out, and what the quarantine makes of it. */
import assert from 'node:assert/strict';
import { unknownSender } from '../../../lib/provisioning/add-record';
import { isUnderWay, underWay } from '../../../lib/provisioning/calls-under-way';
import type { AcceptIntent, AddIntent } from '../../../lib/provisioning/order-record';
import { Quarantines, type Quarantine } from '../../../lib/provisioning/quarantine';
import { orderId, otherOrderId, World, type Process } from './vendor-doubles/world';

/** A call that ends when the test says so. */
function pending(): { call: () => Promise<string>; end(): void; fail(): void } {
  let end = (): void => undefined;
  let fail = (): void => undefined;
  const running = new Promise<string>((resolve, reject) => {
    end = () => resolve('ended');
    fail = () => reject(new Error('failed'));
  });
  return { call: () => running, end: () => end(), fail: () => fail() };
}

describe('The register of calls under way', () => {
  let world: World;
  let process: Process;

  beforeEach(async () => {
    world = new World();
    process = await world.process(world.directory());
    await process.begin();
  });
  afterEach(() => world.close());

  it('holds a call from before it is made until it has ended, and gives back what it gave', async () => {
    const { call, end } = pending();
    let atStart = false;
    const running = underWay(process.store, orderId, 'a1', () => {
      atStart = isUnderWay(process.store, orderId, 'a1');
      return call();
    });
    assert.ok(atStart);
    assert.ok(isUnderWay(process.store, orderId, 'a1'));
    end();
    assert.equal(await running, 'ended');
    assert.ok(!isUnderWay(process.store, orderId, 'a1'));
  });

  it('lets go of a call that failed', async () => {
    const { call, fail } = pending();
    const running = underWay(process.store, orderId, 'a1', call);
    fail();
    await assert.rejects(running, /failed/);
    assert.ok(!isUnderWay(process.store, orderId, 'a1'));
  });

  it('knows the calls of an order, of orders, and of stores apart', async () => {
    const other = await world.process(world.directory());
    const [first, second] = [pending(), pending()];
    const running = [
      underWay(process.store, orderId, 'a1', first.call),
      underWay(process.store, orderId, 'c1', second.call),
    ];
    assert.ok(!isUnderWay(process.store, orderId, 'a2'));
    assert.ok(!isUnderWay(process.store, otherOrderId, 'a1'));
    assert.ok(!isUnderWay(other.store, orderId, 'a1'));
    first.end();
    await running[0];
    assert.ok(isUnderWay(process.store, orderId, 'c1'), 'the end of one call is not that of another');
    second.end();
    await running[1];
  });

  describe('and the quarantine', () => {
    const intent = (over: Partial<AddIntent> = {}): AddIntent => ({
      id: 'a1',
      generation: 1,
      at: 0,
      sender: process.sender,
      whmcs: process.whmcs.key,
      clientId: 1001,
      items: [],
      marker: '',
      watermark: 5000,
      terms: { markerIn: 'notes', resend: 'once', quarantineMs: 0 },
      askedAgain: null,
      newOrderAsked: false,
      settled: null,
      stopped: null,
      ...over,
    });
    const of = async (
      quarantines: Quarantines,
      which: AddIntent | AcceptIntent,
      by: Process = process,
    ): Promise<Quarantine> => {
      const held = await by.hold(orderId, (order) => quarantines.of(order, which, 1_000));
      return held?.value ?? assert.fail('busy');
    };

    it('does not begin while the call is under way in this process, however long', async () => {
      const quarantines = new Quarantines(world.clock);
      const { call, end } = pending();
      const running = underWay(process.store, orderId, 'a1', call);
      await world.clock.advance(3_600_000);
      assert.deepEqual(await of(quarantines, intent()), { is: 'sender' });
      end();
      await running;
      assert.deepEqual(await of(quarantines, intent()), { is: 'running', leftMs: 1_000 });
      await world.clock.advance(999);
      assert.deepEqual(await of(quarantines, intent()), { is: 'running', leftMs: 1 });
      await world.clock.advance(1);
      assert.deepEqual(await of(quarantines, intent()), { is: 'over' });
    });

    it('begins at once for a call of this process that is not under way: it ended without a word', async () => {
      assert.deepEqual(await of(new Quarantines(world.clock), intent()), { is: 'running', leftMs: 1_000 });
    });

    it('begins for a call of another process when its end is on record, or that process is dead', async () => {
      const sender = { ...process.sender, instance: 'another' };
      const alive = world.besides(process);
      const dead = world.besides(process, ['another']);
      assert.deepEqual(await of(new Quarantines(world.clock), intent({ sender }), alive), { is: 'sender' });
      assert.equal((await of(new Quarantines(world.clock), intent({ sender }), dead)).is, 'running');
      await process.real.ledger.record(orderId, { intent: 'a1', kind: 'call-ended', at: 0, detail: 'unknown: E' });
      assert.equal((await of(new Quarantines(world.clock), intent({ sender }), alive)).is, 'running');
    });

    it('of one call is not that of another, nor of one that was forgotten', async () => {
      const quarantines = new Quarantines(world.clock);
      await of(quarantines, intent());
      await world.clock.advance(1_000);
      assert.deepEqual(await of(quarantines, intent({ id: 'a2' })), { is: 'running', leftMs: 1_000 });
      assert.deepEqual(await of(quarantines, intent()), { is: 'over' });
      quarantines.forget(otherOrderId);
      assert.deepEqual(await of(quarantines, intent()), { is: 'over' });
      quarantines.forget(orderId);
      assert.deepEqual(await of(quarantines, intent()), { is: 'running', leftMs: 1_000 });
    });

    it('of a lost call counts from when the doubt was first seen; without a doubt, from the first look', async () => {
      const quarantines = new Quarantines(world.clock);
      const lost = intent({ sender: unknownSender, watermark: null });
      await process.real.setDoubt({ reason: 'restored', until: world.clock.now() });
      await quarantines.note(process.store);
      await world.clock.advance(400);
      assert.deepEqual(await of(quarantines, lost), { is: 'running', leftMs: 600 });
      const accept = { id: 'c1', sender: unknownSender } as AcceptIntent;
      const another = 'an accept may be another installation’s, which goes on';
      assert.deepEqual(await of(quarantines, accept), { is: 'running', leftMs: 1_000 }, another);
      await process.real.setDoubt(null);
      assert.deepEqual(await of(quarantines, { ...lost, id: 'a2' }), { is: 'running', leftMs: 1_000 });
    });
  });
});
