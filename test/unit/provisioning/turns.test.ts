import assert from 'node:assert/strict';
import { Turns } from '../../../lib/provisioning/turns';
import type { InboxEvent } from '../../../lib/state/contract';
import { channel, DeskUnderTest } from './desk-under-test';

const lease = 'client:w:1';
const orderNumber = (n: number): string => `80100000000000${n}AAA`;

describe('Whose turn it is', () => {
  let desk: DeskUnderTest;
  let turns: Turns;
  let woken = 0;

  beforeEach(async () => {
    desk = await DeskUnderTest.open();
    const { store, clock, log } = desk.provisioning;
    woken = 0;
    turns = new Turns({ store, clock, log }, () => (woken += 1));
  });
  afterEach(() => desk.close());

  /** An event of order `n` that is parked for the lease. */
  const parked = async (n: number, what = lease): Promise<InboxEvent> => {
    const event = await desk.handOut(orderNumber(n));
    await desk.provisioning.store.inbox.park(event.id, event.handout, desk.clock.now() + 60_000, 'busy', what);
    desk.provisioning.handouts.end(event.id);
    return event;
  };
  const state = async (event: InboxEvent): Promise<string | undefined> =>
    (await desk.provisioning.store.inbox.get(event.id))?.state;
  const handOutAgain = async (): Promise<InboxEvent> => {
    const event = await desk.provisioning.store.inbox.take(channel, desk.clock.now());
    assert.ok(event);
    return event;
  };

  it('is the first one’s, when what it waits for is let go, and the next one’s when that has come and let go too', async () => {
    const [first, second] = [await parked(1), await parked(2)];
    await turns.free('client:w:2');
    assert.equal(woken, 0);
    await turns.free(lease);
    assert.deepEqual([await state(first), await state(second), woken], ['waiting', 'parked', 1]);
    turns.came(lease, orderNumber(1));
    await turns.free(lease);
    assert.deepEqual([await state(second), woken], ['waiting', 2]);
  });

  it('stays with the one that was woken until it has come: nobody else is woken, and newcomers stay behind', async () => {
    await parked(1);
    const second = await parked(2);
    assert.equal(turns.isOfAnother(lease, orderNumber(3)), false);
    await turns.free(lease);
    await turns.free(lease);
    assert.equal(await state(second), 'parked');
    assert.equal(turns.isOfAnother(lease, orderNumber(3)), true);
    assert.equal(turns.isOfAnother(lease, orderNumber(1)), false);
    assert.equal(turns.isOfAnother('client:w:2', orderNumber(3)), false);
    turns.came(lease, orderNumber(3));
    assert.equal(turns.isOfAnother(lease, orderNumber(3)), true, 'another has come, not the one that was woken');
    turns.came(lease, orderNumber(1));
    assert.equal(turns.isOfAnother(lease, orderNumber(3)), false);
  });

  it('is nobody’s ten seconds after it was given to one that does not come', async () => {
    await parked(1);
    const second = await parked(2);
    await turns.free(lease);
    await desk.settle(9_999);
    assert.equal(turns.isOfAnother(lease, orderNumber(3)), true);
    await desk.settle(1);
    assert.equal(turns.isOfAnother(lease, orderNumber(3)), false);
    await turns.free(lease);
    assert.equal(await state(second), 'waiting');
  });

  it('is passed on when the hand-out of the one that was woken is over without its having come', async () => {
    const first = await parked(1);
    const second = await parked(2);
    await turns.free(lease);
    await turns.left({ eventId: first.id, handout: first.handout });
    assert.equal(await state(second), 'parked', 'the hand-out that was parked has not come because of this');
    await turns.left({ eventId: second.id, handout: 9 });
    assert.equal(await state(second), 'parked', 'another event’s');
    const again = await handOutAgain();
    await turns.left({ eventId: again.id, handout: again.handout });
    assert.equal(await state(second), 'waiting');
  });

  it('is not missed by one that is parked only after it was let go', async () => {
    const event = await desk.handOut(orderNumber(1));
    const turn = turns.look(lease);
    await turns.free(lease);
    await desk.provisioning.store.inbox.park(event.id, event.handout, desk.clock.now() + 60_000, 'busy', lease);
    await turns.parked(turn);
    assert.deepEqual([await state(event), woken], ['waiting', 1]);
  });

  it('wakes nobody when nothing was let go since one looked', async () => {
    await turns.free(lease);
    const turn = turns.look(lease);
    const event = await parked(1);
    await turns.free('client:w:2');
    await turns.parked(turn);
    assert.deepEqual([await state(event), woken], ['parked', 0]);
  });

  it('remembers a thousand things that were let go, the newest ones', async () => {
    const turn = turns.look(lease);
    const other = turns.look('client:w:0');
    await turns.free('client:w:0');
    await turns.free(lease);
    for (let client = 2; client <= 1_000; client++) await turns.free(`client:w:${client}`);
    const [event, forgotten] = [await parked(1), await parked(2, 'client:w:0')];
    await turns.parked(other);
    assert.equal(await state(forgotten), 'parked');
    await turns.parked(turn);
    assert.equal(await state(event), 'waiting');
  });

  it('counts what was let go again among the newest', async () => {
    const turn = turns.look(lease);
    await turns.free(lease);
    for (let client = 2; client <= 1_000; client++) await turns.free(`client:w:${client}`);
    await turns.free(lease);
    await turns.free('client:w:1001');
    const event = await parked(1);
    await turns.parked(turn);
    assert.equal(await state(event), 'waiting');
  });

  it('is not missed by an event that a step parks', async () => {
    const event = await desk.handOut(orderNumber(1));
    const { provisioning } = desk;
    const handout = provisioning.handouts.of(event.id);
    assert.ok(handout);
    const visit = provisioning.handouts.enter(handout, 'add order');
    const waitsFor = provisioning.turns.look(lease);
    await provisioning.turns.free(lease);
    await provisioning.park(visit, { until: desk.clock.now() + 60_000, reason: 'busy', waitsFor });
    assert.equal(await state(event), 'waiting');
    assert.equal(provisioning.handouts.of(event.id), undefined, 'its place is free');
    assert.deepEqual(provisioning.handouts.running(orderNumber(1)), []);
  });

  it('stands in nobody’s way when the store cannot be asked', async () => {
    const event = await parked(1);
    const { clock, log } = desk.provisioning;
    const broken = { inbox: { wakeNext: () => Promise.reject(new Error('disk')) } as never };
    await new Turns({ store: broken, clock, log }).free(lease);
    assert.match(desk.lines.at(-1)?.text ?? '', /could not be woken; it goes on at its time/);
    assert.equal(await state(event), 'parked');
  });
});
