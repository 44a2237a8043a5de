import assert from 'node:assert/strict';
import { eventPart, Intake } from '../../../lib/provisioning/intake';
import type { EventSink, Subscriber, SubscriberState } from '../../../lib/salesforce/contract';
import type { InboxEvent } from '../../../lib/state/contract';
import { channel, DeskUnderTest, orderId } from './desk-under-test';
import { ListedOrders } from './vendor-doubles/listed-orders';
import { intakeSettings } from '../../intake-settings';

const minute = 60_000;

const orderNumber = (n: number): string => `801${String(n).padStart(12, '0')}AAA`;

/** A subscriber whose phase a test sets. */
class PhasedSubscriber implements Subscriber {
  phase: SubscriberState['phase'] = 'connecting';
  private readonly listeners = new Set<(state: SubscriberState) => void>();
  constructor(readonly sink: EventSink) {}

  get state(): SubscriberState {
    const unknown = { problem: null, retryAt: null, lastEventAt: null, lastKeepaliveAt: null, position: null };
    const deliveries = { today: 0, since: 0, allowance: null };
    return { phase: this.phase, channel, received: 0, delayMs: null, deliveries, gap: null, ...unknown };
  }
  enter(phase: SubscriberState['phase']): void {
    this.phase = phase;
    for (const listener of [...this.listeners]) listener(this.state);
  }
  start(): void {}
  poke(): void {}
  onState(listener: (state: SubscriberState) => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }
  close(): Promise<void> {
    return Promise.resolve();
  }
}

describe('the intake of a channel, with a sweep', () => {
  let desk: DeskUnderTest;
  let org: ListedOrders;
  let delivered: InboxEvent[];
  let subscribers: PhasedSubscriber[];
  let intake: Intake;
  let messages = 0;

  const create = (over: Partial<ConstructorParameters<typeof Intake>[0]> = {}): Intake =>
    new Intake({
      provisioning: desk.provisioning,
      ...intakeSettings,
      channel,
      maxInWork: 2,
      silenceMs: 86_400_000,
      createSubscriber(sink) {
        const subscriber = new PhasedSubscriber(sink);
        subscribers.push(subscriber);
        return subscriber;
      },
      deliver: (event) => void delivered.push(event),
      newMessageId: () => `m${++messages}`,
      sweep: { read: org.read, settings: { everyMs: 20 * minute } },
      ...over,
    });
  const open = async (over: Partial<ConstructorParameters<typeof Intake>[0]> = {}): Promise<void> => {
    intake = create(over);
    await intake.start();
    await desk.settle();
  };
  const enter = async (phase: SubscriberState['phase']): Promise<void> => {
    subscribers.at(-1)?.enter(phase);
    await desk.settle();
  };

  beforeEach(async () => {
    desk = await DeskUnderTest.open();
    org = new ListedOrders(desk.clock, desk.salesforce);
    desk.salesforce.add(orderId, { lastModifiedAt: 0 });
    delivered = [];
    subscribers = [];
  });
  afterEach(async () => {
    await intake.stop();
    await desk.close();
  });

  it('hands out at its start what no event brought, once the stream has caught up', async () => {
    await open();
    await enter('catchingUp');
    assert.deepEqual([delivered.length, org.reads.length], [0, 0]);
    await enter('connected');
    const [event] = delivered;
    assert.ok(event);
    const { delivery, replayId, channel: topic, createdAt } = eventPart(event);
    assert.deepEqual(
      { delivery, replayId, topic, createdAt, orderId: event.orderId, payload: event.payload },
      {
        delivery: 'recovered',
        replayId: '',
        topic: channel,
        createdAt: '1970-01-01T00:00:00.000Z',
        orderId,
        payload: { OrderId__c: orderId },
      },
    );
  });

  it('hands it out after a minute where the stream does not come up', async () => {
    await open();
    await enter('misconfigured');
    await desk.settle(59_000);
    assert.equal(delivered.length, 0);
    await desk.settle(1_000);
    assert.equal(delivered.length, 1);
  });

  it('sweeps at its interval, not each time that the stream comes back', async () => {
    await open();
    await enter('connected');
    for (let n = 0; n < 3; n++) {
      await enter('backingOff');
      await enter('connected');
    }
    assert.equal(org.reads.length, 1);
    await desk.settle(23 * minute);
    assert.equal(org.reads.length, 2);
  });

  it('sweeps once more when the stored position is unknown, after the stream has brought what is left', async () => {
    await open();
    await enter('connected');
    // Its event was among those that Salesforce does not keep any more.
    const lost = orderNumber(2);
    desk.salesforce.add(lost, { lastModifiedAt: 0 });
    subscribers.at(-1)?.sink.gap?.({ channel, from: null, until: desk.clock.now(), position: 'AAAB' });
    await enter('connected');
    await enter('connecting');
    await enter('catchingUp');
    assert.equal(org.reads.length, 1);
    await enter('connected');
    assert.equal(org.reads.length, 2);
    assert.deepEqual(
      delivered.map((event) => [event.orderId, event.delivery]),
      [
        [orderId, 'recovered'],
        [lost, 'recovered'],
      ],
    );
  });

  it('leaves the sweep to the instance that has the channel', async () => {
    const { leases } = desk.provisioning.store;
    const other = await leases.acquire(`leader:${channel}`, 10 * minute);
    assert.ok(other);
    await open();
    await desk.settle(5 * minute);
    assert.equal(org.reads.length, 0);
    await leases.release(other);
    await desk.settle(6_000);
    await enter('connected');
    assert.equal(org.reads.length, 1);
  });

  it('ends its sweeps when another instance takes the channel over', async () => {
    await open();
    await enter('connected');
    const { leases } = desk.provisioning.store;
    const renew = leases.renew.bind(leases);
    leases.renew = (lease, ms) => (lease.name.startsWith('leader:') ? Promise.resolve(false) : renew(lease, ms));
    leases.acquire = () => Promise.resolve(null);
    await desk.settle(60 * minute);
    assert.equal(org.reads.length, 1);
  });

  it('does not sweep when it is set so', async () => {
    await open({ sweep: undefined });
    await enter('connected');
    await desk.settle(30 * minute);
    assert.deepEqual([delivered.length, org.reads.length], [0, 0]);
  });

  it('leaves no timer and no sweep when it stops', async () => {
    const before = desk.clock.pending;
    await open();
    await enter('connected');
    org.onTheWay = () => new Promise(() => undefined);
    await desk.settle(23 * minute);
    assert.equal(org.reads.length, 2);
    await intake.stop();
    for (const event of delivered) desk.provisioning.handouts.end(event.id);
    assert.equal(desk.clock.pending, before);
  });

  describe('beside another channel of the store', () => {
    let other: Intake;
    const inboxOf = (id: string): Promise<InboxEvent[]> => desk.provisioning.store.inbox.ofOrder(id);
    beforeEach(async () => {
      await open();
      other = create({ channel: '/data/OrderChangeEvent' });
      await other.start();
      await desk.settle();
    });
    afterEach(() => other.stop());

    it('takes an order in once and hands it out once, both beginning to sweep at the same time', async () => {
      for (let n = 2; n <= 20; n++) desk.salesforce.add(orderNumber(n), { lastModifiedAt: 0 });
      for (const subscriber of subscribers) subscriber.enter('connected');
      await desk.settle();
      assert.equal(org.reads.length, 1);
      // The other one comes half a minute later, long before its next time.
      await desk.settle(40_000);
      assert.equal(org.reads.length, 2);
      for (let n = 1; n <= 20; n++) assert.equal((await inboxOf(orderNumber(n))).length, 1, orderNumber(n));
      assert.equal(new Set(delivered.map((event) => event.orderId)).size, delivered.length);
    });

    it('leaves alone what came over the other channel, and runs nothing twice', async () => {
      await subscribers[0]?.sink.event({
        ...{ channel, replayId: 'AAAB', eventId: 'live', createdAt: desk.clock.now() },
        payload: { OrderId__c: orderId },
      });
      await desk.settle(2 * minute);
      for (const subscriber of subscribers) subscriber.enter('connected');
      await desk.settle(30 * minute);
      assert.ok(org.reads.length >= 4);
      assert.deepEqual(
        delivered.map((event) => event.eventId),
        ['live'],
      );
      assert.equal((await inboxOf(orderId)).length, 1);
    });
  });
});
