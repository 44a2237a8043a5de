/** A source that was set to another channel: what the one before has left must not wait for ever. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { Intake } from '../../../lib/provisioning/intake';
import { stoppedState } from '../../../lib/salesforce/events/subscriber-state';
import type { InboxEvent } from '../../../lib/state/contract';
import { databaseClass } from '../../../lib/state/sqlite/load-sqlite';
import { acceptedRecord, cause, channel, DeskUnderTest, orderId } from './desk-under-test';
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

  it('takes up what was parked there by a clock that was far ahead', async () => {
    await parked(365 * 86_400_000);
    await open(other);
    await desk.settle(330_000);
    assert.deepEqual(orders(), [orderId]);
  });

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

  it('buries what names no order, and says so', async () => {
    const now = desk.clock.now();
    const names = { channel, replayId: null, eventId: 'e', createdAt: now, receivedAt: now, orderId: null };
    const { inbox } = desk.provisioning.store;
    const { id } = await inbox.add({ ...names, delivery: 'live', payload: { Other__c: 'x' } });
    await open(other);
    await desk.settle(400_000);
    assert.equal((await inbox.get(id))?.end, 'Done');
    const [buried, ...more] = await inbox.inState(other, 'dead', 10);
    assert.deepEqual([buried?.end, buried?.payload, more], ['Dead', { Other__c: 'x' }, []]);
    assert.deepEqual(
      desk.lines.filter(({ level }) => level === 'error').map(({ text }) => text.split(':')[0]),
      ['EVENT_NO_ORDER'],
    );
    assert.equal((await inbox.counts(null)).waiting, 0);
  });

  it('leaves alone the events of a channel that is listened to elsewhere', async () => {
    await parked(60_000);
    const { leases } = desk.provisioning.store;
    assert.ok(await leases.acquire(`leader:${channel}`, 86_400_000));
    await open(other);
    await desk.settle(400_000);
    assert.deepEqual(orders(), []);
  });

  describe('whose process ended while an event of the one before was in work', () => {
    beforeEach(() => desk.provisioning.start());

    /** As a death in work leaves the event, for the nth time. */
    const dies = (event: InboxEvent, times: number): void => {
      const Database = databaseClass();
      const database = new Database(join(desk.directory, 'order-provisioning.sqlite'));
      const state = times === 5 ? 'dead' : 'waiting';
      database.prepare('UPDATE inbox SET state = ?, worker = NULL, crashes = ?').run(state, times);
      database.close();
      desk.provisioning.handouts.end(event.id);
    };
    /** Its failure is on record, and the process ends before it is decided. */
    const wished = async (): Promise<InboxEvent & { orderId: string }> => {
      const event = await desk.handOut();
      const { inbox } = desk.provisioning.store;
      await inbox.recordFailure(event.id, event.handout, { ...cause().part(), wish: true });
      return event;
    };
    const told = (): (string | null | undefined)[] =>
      desk.salesforce.book
        .filter(({ change }) => change.activationStatus === 'Failed')
        .map(({ change }) => change.errorCode);
    const theEvent = async (): Promise<(string | null)[]> => {
      const events = await desk.provisioning.store.inbox.ofOrder(orderId);
      return events.flatMap((event) => [event.channel, event.end]);
    };

    for (const times of [1, 5])
      it(`tells the failure that was on record, after ${times === 5 ? 'the fifth death' : 'one death'}`, async () => {
        dies(await wished(), times);
        await open(other);
        await desk.settle(240_000);
        assert.deepEqual(told(), []);
        await desk.settle(160_000);
        assert.deepEqual(told(), ['PAYMENT_METHOD_MISSING']);
        assert.deepEqual(await theEvent(), [channel, 'Failed']);
        assert.deepEqual(orders(), []);
      });

    it('tells the failure that waited for a step of an older generation', async () => {
      const event = await wished();
      const handout = desk.provisioning.handouts.of(event.id);
      assert.ok(handout);
      const visit = desk.provisioning.handouts.enter(handout, 'add order');
      await open(other);
      await desk.settle(400_000);
      assert.deepEqual(told(), []);
      visit.leave();
      await desk.settle(40_000);
      assert.deepEqual(told(), ['PAYMENT_METHOD_MISSING']);
    });

    it('tells that an event has died five times, and says so once', async () => {
      dies(await desk.handOut(), 5);
      await open(other);
      await desk.settle(400_000);
      assert.deepEqual(told(), ['EVENT_CRASHED']);
      assert.deepEqual(await theEvent(), [channel, 'Failed']);
      await desk.settle(120_000);
      assert.equal(desk.lines.filter(({ level }) => level === 'error').length, 1);
    });

    it('says Activated where the order was accepted before', async () => {
      await desk.record(acceptedRecord);
      dies(await desk.handOut(), 5);
      await open(other);
      await desk.settle(400_000);
      assert.deepEqual(desk.salesforce.statuses(orderId), ['Activated']);
    });

    it('leaves the failure to settling while what WHMCS did is not known', async () => {
      const sent = { instance: 'i', bootId: 'b', pid: 1, startTime: '1' };
      const accept = { id: 'c1', at: 0, sender: sent, whmcs: 'w', whmcsOrderId: 5, quarantineMs: 0, settled: null };
      await desk.record({ attempt: 1, attemptState: 'open', accepts: [accept], todo: ['settle'] });
      dies(await wished(), 1);
      await open(other);
      await desk.settle(800_000);
      assert.deepEqual([told(), orders()], [[], []]);
      assert.deepEqual(await theEvent(), [channel, null]);
    });

    it('leaves a dead event of a channel that is listened to elsewhere', async () => {
      dies(await desk.handOut(), 5);
      assert.ok(await desk.provisioning.store.leases.acquire(`leader:${channel}`, 86_400_000));
      await open(other);
      await desk.settle(400_000);
      assert.deepEqual(told(), []);
    });
  });
});
