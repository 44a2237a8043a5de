import assert from 'node:assert/strict';
import { Intake } from '../../../lib/provisioning/intake';
import { EventRefused, type EventSink } from '../../../lib/salesforce/contract';
import { stoppedState } from '../../../lib/salesforce/events/subscriber-state';
import type { InboxEvent } from '../../../lib/state/contract';
import { DeskUnderTest } from './desk-under-test';
import { intakeSettings } from '../../intake-settings';

const channel = '/data/OrderChangeEvent';
const one = '801000000000001AAA';
const two = '801000000000002AAA';

describe('the intake of change events', () => {
  let desk: DeskUnderTest;
  let delivered: InboxEvent[];
  let sink: EventSink;
  let intake: Intake;
  let swept: number;

  beforeEach(async () => {
    desk = await DeskUnderTest.open();
    delivered = [];
    swept = 0;
    let messages = 0;
    intake = new Intake({
      provisioning: desk.provisioning,
      ...intakeSettings,
      channel,
      sweep: {
        read: () => {
          swept += 1;
          return Promise.resolve({ orders: [], more: false, serverNow: null, apiRequests: null });
        },
      },
      createSubscriber: (given) => {
        sink = given;
        return {
          state: { ...stoppedState(channel), phase: 'connected' },
          start: () => undefined,
          poke: () => undefined,
          onState: () => () => undefined,
          close: () => Promise.resolve(),
        };
      },
      deliver: (event) => void delivered.push(event),
      newMessageId: () => `m${++messages}`,
    });
    await intake.start();
    await desk.settle(120_000);
    swept = 0;
  });
  afterEach(async () => {
    await intake.stop();
    await desk.close();
  });

  const replayId = (name: string): string => Buffer.from(name).toString('base64');
  const changes = async (name: string, header: object, status: string | null = 'Activating'): Promise<void> => {
    await sink.event({
      channel,
      replayId: replayId(name),
      eventId: name,
      createdAt: desk.clock.now(),
      payload: {
        ChangeEventHeader: {
          entityName: 'Order',
          recordIds: [one],
          changeType: 'UPDATE',
          changedFields: ['Activation_Status__c'],
          ...header,
        },
        Activation_Status__c: status,
      },
    });
    await desk.settle();
  };
  const position = async (): Promise<string | undefined> =>
    (await desk.provisioning.store.cursor.read(channel))?.replayId;

  it('hands out each Order that a change set to Activating', async () => {
    await changes('a', { recordIds: [one, two] });
    assert.deepEqual(delivered.map((event) => event.orderId).sort(), [one, two]);
    assert.equal(await position(), replayId('a'));
  });

  it('passes over other changes, and moves its position on', async () => {
    await changes('a', { changedFields: ['Status'] }, null);
    await changes('b', {}, 'Activated');
    assert.deepEqual(delivered, []);
    assert.equal(await position(), replayId('b'));
  });

  it('refuses a change without a readable header, so that it is kept as unreadable', async () => {
    const event = { channel, replayId: replayId('a'), eventId: 'a', createdAt: null, payload: { Note: 'x' } };
    await assert.rejects(sink.event(event), EventRefused);
    assert.equal(await position(), undefined);
  });

  it('looks for the Orders of an overflow by a sweep', async () => {
    await changes('a', { changeType: 'GAP_OVERFLOW', recordIds: ['000000000000000AAA'], changedFields: [] }, null);
    await desk.settle(70_000);
    assert.equal(swept, 1);
    assert.equal(await position(), replayId('a'));
  });

  it('alarms of an overflow that no sweep follows', async () => {
    await intake.stop();
    const { sweep: _, ...without } = intake.options;
    intake = new Intake(without);
    await intake.start();
    await desk.settle(70_000);
    await changes('a', { changeType: 'GAP_OVERFLOW', recordIds: ['000000000000000AAA'], changedFields: [] }, null);
    const alarms = desk.lines.filter(({ level }) => level === 'error');
    assert.deepEqual(
      alarms.map(({ facts }) => facts),
      [{ channel }],
    );
    assert.match(alarms[0]?.text ?? '', /the sweep is off.*not taken in/);
    assert.equal(await position(), replayId('a'));
  });

  it('leaves its position behind when not every Order of a change could be stored', async () => {
    const { inbox } = desk.provisioning.store;
    const add = inbox.add.bind(inbox);
    inbox.add = (event, at) => (event.orderId === two ? Promise.reject(new Error('disk full')) : add(event, at));
    await assert.rejects(changes('a', { recordIds: [one, two] }), /disk full/);
    assert.equal(await position(), undefined);
  });
});
