import assert from 'node:assert/strict';
import { failure } from '../../../lib/provisioning/failure';
import { Intake } from '../../../lib/provisioning/intake';
import type { InboxEvent } from '../../../lib/state/contract';
import { acceptedRecord, channel, DeskUnderTest, orderId } from './desk-under-test';
import { ScriptedSubscriber } from './scripted-subscriber';
import { intakeSettings } from '../../intake-settings';

const orderNumber = (n: number): string => `80100000000000${n}AAA`;

describe('the intake of a channel', () => {
  let desk: DeskUnderTest;
  let delivered: InboxEvent[];
  let subscriber: ScriptedSubscriber;
  let intake: Intake;
  let messages = 0;

  const create = (over: Partial<ConstructorParameters<typeof Intake>[0]> = {}): Intake =>
    new Intake({
      provisioning: desk.provisioning,
      ...intakeSettings,
      channel,
      maxInWork: 2,
      createSubscriber: (sink) => (subscriber = new ScriptedSubscriber(sink)),
      deliver: (event) => void delivered.push(event),
      newMessageId: () => `m${++messages}`,
      ...over,
    });
  const arrives = async (
    id: string | null,
    eventId = `uuid-${id}`,
    replayId: string | null = Buffer.from(eventId).toString('base64'),
  ): Promise<void> => {
    await subscriber.sink.event({
      channel,
      replayId,
      eventId,
      createdAt: desk.clock.now(),
      payload: { OrderId__c: id },
    });
    await desk.settle();
  };
  const status = (id: string): string | undefined => desk.salesforce.orders.get(id)?.activationStatus;

  beforeEach(async () => {
    desk = await DeskUnderTest.open();
    delivered = [];
    for (let n = 1; n <= 5; n++) desk.salesforce.add(orderNumber(n));
    desk.salesforce.add(orderId);
    intake = create();
    await intake.start();
    await desk.settle();
  });
  afterEach(async () => {
    await intake.stop();
    await desk.close();
  });

  it('stores an event with its position before it hands it out', async () => {
    await arrives(orderId);
    assert.equal(delivered.length, 1);
    assert.equal(
      (await desk.provisioning.store.cursor.read(channel))?.replayId,
      Buffer.from(`uuid-${orderId}`).toString('base64'),
    );
    assert.deepEqual(await subscriber.sink.start(), {
      replayId: Buffer.from(`uuid-${orderId}`).toString('base64'),
      through: desk.clock.now(),
    });
  });

  it('starts at LATEST or EARLIEST when no position is stored', async () => {
    assert.deepEqual(await subscriber.sink.start(), { preset: 'LATEST' });
    await intake.stop();
    intake = create({ replay: 'ALL' });
    await intake.start();
    await desk.settle();
    assert.deepEqual(await subscriber.sink.start(), { preset: 'EARLIEST' });
  });

  it('hands out no more than its limit, and the next when a place is free', async () => {
    for (let n = 1; n <= 4; n++) await arrives(orderNumber(n));
    assert.deepEqual(
      delivered.map((event) => event.orderId),
      [orderNumber(1), orderNumber(2)],
    );
    const [first] = delivered;
    assert.ok(first?.orderId);
    await desk.provisioning.endings.done({ eventId: first.id, handout: first.handout, orderId: first.orderId });
    await desk.settle();
    assert.deepEqual(delivered.map((event) => event.orderId).slice(2), [orderNumber(3)]);
  });

  it('hands out one event of an order at a time', async () => {
    await arrives(orderId, 'one');
    await arrives(orderId, 'two');
    assert.equal(delivered.length, 1);
  });

  it('hands out alone what processes have died with, so that no other is counted dead with it', async () => {
    const { inbox } = desk.provisioning.store;
    const take = inbox.take.bind(inbox);
    const suspect = orderNumber(2);
    inbox.take = async (...args) => {
      const event = await take(...args);
      return event?.orderId === suspect ? { ...event, crashes: 2 } : event;
    };
    for (const id of [orderNumber(1), suspect, orderNumber(3)]) await arrives(id);
    const named = (): (string | null)[] => delivered.map((event) => event.orderId);
    assert.deepEqual(named(), [orderNumber(1)]);
    const end = async (at: number): Promise<void> => {
      const event = delivered[at];
      assert.ok(event?.orderId);
      await desk.provisioning.endings.done({ eventId: event.id, handout: event.handout, orderId: event.orderId });
      await desk.settle();
    };
    await end(0);
    assert.deepEqual(named(), [orderNumber(1), suspect]);
    await end(1);
    assert.deepEqual(named(), [orderNumber(1), suspect, orderNumber(3)]);
  });

  it('gives back what waits to go alone when it stops', async () => {
    const { inbox } = desk.provisioning.store;
    const take = inbox.take.bind(inbox);
    inbox.take = async (...args) => {
      const event = await take(...args);
      return event?.orderId === orderNumber(2) ? { ...event, crashes: 2 } : event;
    };
    await arrives(orderNumber(1));
    await arrives(orderNumber(2));
    await intake.stop();
    assert.equal((await inbox.ofOrder(orderNumber(2)))[0]?.state, 'waiting');
  });

  it('hands a duplicate out once', async () => {
    await arrives(orderId, 'same');
    await arrives(orderId, 'same');
    assert.equal(delivered.length, 1);
    assert.equal((await desk.provisioning.store.inbox.counts(channel)).waiting, 0);
  });

  it('puts an event without an order id, or with one that is not one, to the dead, named, and moves on', async () => {
    await arrives(null, 'none');
    await arrives('not an id', 'bad');
    await arrives(orderId);
    assert.deepEqual(
      delivered.map((event) => event.orderId),
      [orderId],
    );
    const dead = await desk.provisioning.store.inbox.inState(channel, 'dead', 10);
    assert.deepEqual(dead.map((event) => event.reason?.split(':')[0]).sort(), ['EVENT_NO_ORDER', 'ORDER_ID_INVALID']);
    assert.deepEqual(
      dead.map((event) => event.payload).sort((a) => (a['OrderId__c'] === null ? 1 : -1)),
      [{ OrderId__c: 'not an id' }, { OrderId__c: null }],
    );
  });

  it('keeps the raw bytes of an event that cannot be decoded, and moves on', async () => {
    await subscriber.sink.unreadable({ channel, replayId: 'AAAB', eventId: 'u', raw: 'c3BhbQ==', reason: 'bad Avro' });
    const [dead] = await desk.provisioning.store.inbox.inState(channel, 'dead', 10);
    assert.equal(dead && (await desk.provisioning.store.inbox.raw(dead.id)), 'c3BhbQ==');
    assert.equal((await desk.provisioning.store.cursor.read(channel))?.replayId, 'AAAB');
  });

  it('pauses and resumes the hand-out while events still come in', async () => {
    intake.pause();
    await arrives(orderId);
    assert.equal(delivered.length, 0);
    intake.resume();
    await desk.settle();
    assert.equal(delivered.length, 1);
  });

  it('ends an order that stopped in the flow as FLOW_TIMEOUT naming the last node, after the silence', async () => {
    await arrives(orderId);
    const [event] = delivered;
    const handout = event && desk.provisioning.handouts.of(event.id);
    assert.ok(handout);
    desk.provisioning.handouts.enter(handout, 'mapping').leave();
    await desk.settle(299_000);
    assert.equal(status(orderId), 'Activating');
    await desk.settle(3_000);
    assert.equal(status(orderId), 'Failed');
    assert.match(desk.salesforce.book.at(-1)?.change.errorMessage ?? '', /stopped after "mapping"/);
    assert.equal(desk.salesforce.book.at(-1)?.change.errorCode, 'FLOW_TIMEOUT');
  });

  it('ends a stopped order with the failure that a step had recorded', async () => {
    await arrives(orderId);
    const [event] = delivered;
    assert.ok(event);
    await desk.provisioning.store.inbox.recordFailure(event.id, event.handout, {
      ...failure('CLIENT_CLOSED', 'the client is closed', 'validation').part(),
    });
    await desk.settle(302_000);
    assert.equal(desk.salesforce.book.at(-1)?.change.errorCode, 'CLIENT_CLOSED');
  });

  it('never times out a running step', async () => {
    await arrives(orderId);
    const handout = delivered[0] && desk.provisioning.handouts.of(delivered[0].id);
    assert.ok(handout);
    const visit = desk.provisioning.handouts.enter(handout, 'accept order');
    await desk.settle(1_000_000);
    assert.equal(status(orderId), 'Activating');
    visit.leave();
  });

  it('does not fail an accepted order that stopped on its way: it is told Activated', async () => {
    await desk.record(acceptedRecord);
    await arrives(orderId);
    await desk.settle(302_000);
    assert.deepEqual(desk.salesforce.statuses(orderId), ['Activated']);
  });

  it('hands out again, after a new start in the same process, what no step works on, and what a step works on once it has ended', async () => {
    await arrives(orderNumber(1));
    await arrives(orderNumber(2));
    const [first] = delivered;
    const handout = first && desk.provisioning.handouts.of(first.id);
    assert.ok(handout);
    const visit = desk.provisioning.handouts.enter(handout, 'add order');
    await intake.stop();
    delivered = [];
    intake = create();
    await intake.start();
    await desk.settle();
    assert.deepEqual(
      delivered.map((event) => [event.orderId, event.handout]),
      [[orderNumber(2), 2]],
    );
    visit.leave();
    await desk.settle();
    assert.deepEqual(
      delivered.map((event) => [event.orderId, event.handout]),
      [
        [orderNumber(2), 2],
        [orderNumber(1), 2],
      ],
    );
  });

  it('hands out again 30 s after another deploy what was silent since before it, and gives up after three times', async () => {
    await arrives(orderId);
    for (let again = 1; again < 3; again++) {
      await desk.settle(1_000);
      intake.deployed();
      await desk.settle(32_000);
      assert.equal(delivered.length, 1 + again);
    }
    await desk.settle(1_000);
    intake.deployed();
    await desk.settle(32_000);
    assert.equal(delivered.length, 3);
    assert.equal(desk.salesforce.book.at(-1)?.change.errorCode, 'FLOW_TIMEOUT');
  });

  it('hands out again at once what was lost with a node that closed', async () => {
    await arrives(orderId);
    const [event] = delivered;
    assert.ok(event);
    desk.provisioning.handouts.lose(event.id, event.handout);
    await desk.settle();
    assert.deepEqual(
      delivered.map((one) => one.handout),
      [1, 2],
    );
  });

  it('hands out nothing while the flow is being changed, neither new nor lost: there may be nobody to take it', async () => {
    await intake.stop();
    let deploying = false;
    intake = create({ isDeploying: () => deploying });
    await intake.start();
    await arrives(orderNumber(1));
    const [event] = delivered;
    assert.ok(event);
    deploying = true;
    desk.provisioning.handouts.lose(event.id, event.handout);
    await arrives(orderNumber(2));
    await desk.settle(5_000);
    assert.equal(delivered.length, 1);
    deploying = false;
    intake.deployed();
    await desk.settle();
    assert.deepEqual(
      delivered.map((one) => [one.orderId, one.handout]),
      [
        [orderNumber(1), 1],
        [orderNumber(1), 2],
        [orderNumber(2), 1],
      ],
    );
  });

  it('hands out again after a new start all that was lost with closed nodes, and lets go of none of it', async () => {
    await arrives(orderNumber(1));
    await arrives(orderNumber(2));
    await intake.stop();
    for (const event of delivered) desk.provisioning.handouts.lose(event.id, event.handout);
    delivered = [];
    intake = create();
    await intake.start();
    await desk.settle();
    assert.deepEqual(delivered.map((event) => [event.orderId, event.handout]).sort(), [
      [orderNumber(1), 2],
      [orderNumber(2), 2],
    ]);
    for (const event of delivered) assert.equal(desk.provisioning.handouts.isCurrent(event.id, event.handout), true);
  });

  it('hands a parked event out when it is due', async () => {
    await arrives(orderId);
    const [event] = delivered;
    assert.ok(event);
    await desk.provisioning.store.inbox.park(event.id, event.handout, desk.clock.now() + 10_000, 'busy');
    desk.provisioning.handouts.end(event.id);
    await desk.settle(9_000);
    assert.equal(delivered.length, 1);
    await desk.settle(2_000);
    assert.equal(delivered.length, 2);
  });

  it('holds the hand-out for a fault of the configuration, with one alarm, and tries again longer each time', async () => {
    const cause = failure('WHMCS_CONFIG', 'Invalid IP 203.0.113.9', 'validation');
    intake.holdFor(cause, 30_000, 300_000);
    intake.holdFor(cause, 30_000, 300_000);
    await arrives(orderId);
    assert.equal(delivered.length, 0);
    assert.match(intake.state.held ?? '', /Invalid IP/);
    await desk.settle(31_000);
    assert.equal(delivered.length, 1);
    intake.holdFor(cause, 30_000, 300_000);
    await desk.settle(31_000);
    assert.notEqual(intake.state.held, null);
    await desk.settle(30_000);
    assert.equal(intake.state.held, null);
    assert.equal(desk.lines.filter((line) => line.level === 'error').length, 1);
  });

  it('leaves no timer, and closes its subscriber, when it stops', async () => {
    const before = desk.clock.pending;
    const other = create({ channel: '/event/Other__e' });
    await other.start();
    await desk.settle();
    await other.stop();
    assert.equal(subscriber.closed, true);
    assert.equal(desk.clock.pending, before);
  });
});
