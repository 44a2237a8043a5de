/** A source that was set to another channel: what the one before has left must not wait for ever. */
import assert from 'node:assert/strict';
import { Intake } from '../../../lib/provisioning/intake';
import { stoppedState } from '../../../lib/salesforce/events/subscriber-state';
import type { InboxEvent } from '../../../lib/state/contract';
import { channel, DeskUnderTest, orderId } from './desk-under-test';
import { ListedOrders } from './vendor-doubles/listed-orders';
import { intakeSettings } from '../../intake-settings';

const other = '/data/OrderChangeEvent';

describe('A source that was set to another channel', function () {
  this.timeout(120_000);
  let desk: DeskUnderTest;
  let delivered: InboxEvent[];
  let intake: Intake;

  beforeEach(async () => {
    desk = await DeskUnderTest.open();
    desk.salesforce.add(orderId, { lastModifiedAt: 0 });
    delivered = [];
  });
  afterEach(async () => {
    await intake.stop();
    await desk.close();
  });

  const open = async (listensTo: string): Promise<void> => {
    const org = new ListedOrders(desk.clock, desk.salesforce);
    intake = new Intake({
      provisioning: desk.provisioning,
      ...intakeSettings,
      channel: listensTo,
      maxInWork: 2,
      silenceMs: 86_400_000,
      createSubscriber: () => ({
        state: { ...stoppedState(listensTo), phase: 'connected' as const },
        start: () => undefined,
        poke: () => undefined,
        onState: () => () => undefined,
        close: () => Promise.resolve(),
      }),
      deliver: (event) => void delivered.push(event),
      newMessageId: () => `m${delivered.length}`,
      sweep: { read: org.read },
    });
    await intake.start();
    await desk.settle();
  };

  const parked = async (untilMs: number): Promise<void> => {
    const event = await desk.handOut();
    await desk.provisioning.store.inbox.park(event.id, event.handout, desk.clock.now() + untilMs, 'waits');
    desk.provisioning.handouts.end(event.id);
  };
  const orders = (): (string | null)[] => delivered.map((event) => event.orderId);

  it('takes up what was parked for the one before, once nobody has listened to it for five minutes', async () => {
    await parked(60_000);
    await open(other);
    await desk.settle(240_000);
    assert.deepEqual(orders(), []);
    await desk.settle(160_000);
    assert.deepEqual(orders(), [orderId]);
    assert.equal(delivered[0]?.channel, other);
    const left = (await desk.provisioning.store.inbox.ofOrder(orderId)).filter((event) => event.end === null);
    assert.equal(left.length, 1);
  });

  it('takes up what was in work when the flows were deployed', async () => {
    await desk.handOut();
    await open(other);
    await desk.settle(400_000);
    assert.deepEqual(orders(), [orderId]);
  });

  it('leaves alone what a step still works on', async () => {
    const event = await desk.handOut();
    const handout = desk.provisioning.handouts.of(event.id);
    assert.ok(handout);
    const visit = desk.provisioning.handouts.enter(handout, 'add order');
    await open(other);
    await desk.settle(400_000);
    assert.deepEqual(orders(), []);
    visit.leave();
    await desk.settle(40_000);
    assert.deepEqual(orders(), [orderId]);
  });

  it('leaves alone the events of a channel that is listened to elsewhere', async () => {
    await parked(60_000);
    const { leases } = desk.provisioning.store;
    assert.ok(await leases.acquire(`leader:${channel}`, 86_400_000));
    await open(other);
    await desk.settle(400_000);
    assert.deepEqual(orders(), []);
  });
});
