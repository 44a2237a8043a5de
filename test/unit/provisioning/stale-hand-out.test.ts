/** A process that was paused for so long that others took its events up: its own hand-outs hold nothing up any more. */
import assert from 'node:assert/strict';
import { Intake } from '../../../lib/provisioning/intake';
import type { InboxEvent } from '../../../lib/state/contract';
import { cause, channel, DeskUnderTest, orderId } from './desk-under-test';
import { ScriptedSubscriber } from './scripted-subscriber';
import { intakeSettings } from '../../intake-settings';

describe('A hand-out that others took up while its process was paused', () => {
  let desk: DeskUnderTest;
  let delivered: InboxEvent[];
  let intake: Intake;

  beforeEach(async () => {
    desk = await DeskUnderTest.open();
    desk.salesforce.add(orderId);
    delivered = [];
    let messages = 0;
    let subscriber: ScriptedSubscriber | null = null;
    intake = new Intake({
      provisioning: desk.provisioning,
      ...intakeSettings,
      channel,
      maxInWork: 2,
      createSubscriber: (sink) => (subscriber = new ScriptedSubscriber(sink)),
      deliver: (event) => void delivered.push(event),
      newMessageId: () => `m${++messages}`,
    });
    await intake.start();
    await desk.settle();
    const made: ScriptedSubscriber | null = subscriber;
    assert.ok(made);
    await (made as ScriptedSubscriber).sink.event({
      channel,
      replayId: null,
      eventId: 'one',
      createdAt: desk.clock.now(),
      payload: { OrderId__c: orderId },
    });
    await desk.settle();
    assert.equal(delivered.length, 1);
  });
  afterEach(async () => {
    await intake.stop();
    await desk.close();
  });

  const first = (): { eventId: string; handout: number; orderId: string } => {
    const [event] = delivered;
    assert.ok(event);
    return { eventId: event.id, handout: event.handout, orderId };
  };
  /** Others found its process silent, and another one took the event. */
  const isTakenElsewhere = async (): Promise<void> => {
    const { inbox } = desk.provisioning.store;
    await inbox.release(first().eventId, first().handout);
    assert.equal((await inbox.take(channel, desk.clock.now()))?.handout, first().handout + 1);
  };
  const inWork = (): number[] => desk.provisioning.handouts.inWork(channel).map(({ handout }) => handout);

  it('does not keep the event from going out again alone, although processes have died with it', async () => {
    const { inbox } = desk.provisioning.store;
    const take = inbox.take.bind(inbox);
    inbox.take = async (...given) => {
      const event = await take(...given);
      return event && { ...event, crashes: 2 };
    };
    await inbox.release(first().eventId, first().handout);
    intake.poke();
    await desk.settle();
    assert.deepEqual(
      delivered.map(({ handout }) => handout),
      [1, 2],
    );
    assert.deepEqual(inWork(), [2]);
  });

  it('is let go after its silence, and nothing is said of it', async () => {
    await isTakenElsewhere();
    await desk.settle(400_000);
    assert.deepEqual(inWork(), []);
    assert.deepEqual(
      desk.lines.filter(({ level }) => level === 'error'),
      [],
    );
  });

  it('is let go as soon as the end of its flow is refused', async () => {
    await isTakenElsewhere();
    const { endings } = desk.provisioning;
    assert.deepEqual(await endings.fail(first(), cause().part()), { kind: 'stale' });
    assert.deepEqual(inWork(), []);
  });
});
