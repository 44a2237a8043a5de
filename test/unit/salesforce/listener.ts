/** A subscriber with a sink that a test looks into. */
import { FakeClock } from '../../fake-clock';
import type { SalesforceSimulator } from '../../../simulators/salesforce/server';
import type {
  EventSink,
  ReceivedEvent,
  Subscriber,
  SubscriberState,
  UnreadableEvent,
} from '../../../lib/salesforce/contract';
import { createPubSubSubscriber } from '../../../lib/salesforce/events/pubsub';
import { connect, keptLog, turnUntil } from './org';

export const channel = '/event/OrderProvisionRequested__e';

/** Stores in memory, with a position as an intake does. */
export class TestSink implements EventSink {
  readonly events: ReceivedEvent[] = [];
  readonly unreadables: UnreadableEvent[] = [];
  /** In the order in which things were stored: event ids, `!id` for unreadable ones, `@id` for positions. */
  readonly order: string[] = [];
  position_: string | null = null;
  preset: 'LATEST' | 'EARLIEST' = 'LATEST';
  room = 100;
  starts = 0;
  /** At once at the sink; must never be more than 1. */
  mostAtOnce = 0;
  /** Waits before it stores. */
  before: (event: ReceivedEvent) => Promise<void> = () => Promise.resolve();
  private atOnce = 0;

  event(event: ReceivedEvent): Promise<void> {
    return this.one(async () => {
      await this.before(event);
      this.events.push(event);
      this.order.push(event.eventId);
      this.position_ = event.replayId ?? this.position_;
    });
  }

  unreadable(event: UnreadableEvent): Promise<void> {
    return this.one(() => {
      this.unreadables.push(event);
      this.order.push(`!${event.eventId}`);
      this.position_ = event.replayId ?? this.position_;
      return Promise.resolve();
    });
  }

  position(replayId: string): Promise<void> {
    return this.one(() => {
      this.order.push(`@${replayId}`);
      this.position_ = replayId;
      return Promise.resolve();
    });
  }

  capacity(): number {
    return this.room;
  }

  start(): Promise<{ replayId: string } | { preset: 'LATEST' | 'EARLIEST' }> {
    this.starts += 1;
    return Promise.resolve(this.position_ === null ? { preset: this.preset } : { replayId: this.position_ });
  }

  private async one(work: () => Promise<void>): Promise<void> {
    this.mostAtOnce = Math.max(this.mostAtOnce, ++this.atOnce);
    try {
      await work();
    } finally {
      this.atOnce -= 1;
    }
  }
}

export interface Listening {
  subscriber: Subscriber;
  sink: TestSink;
  clock: FakeClock;
  log: ReturnType<typeof keptLog>;
  phases: SubscriberState['phase'][];
  states: SubscriberState[];
  /** How long it said it would wait, ms, each time it backed off. */
  waits: number[];
  /** Waits, the clock turning. */
  until(what: string, holds: () => boolean, step?: number): Promise<void>;
  close(): Promise<void>;
}

/** A subscriber that has not started yet. Its clock stands at the org's time. */
export function listen(
  org: SalesforceSimulator,
  sink = new TestSink(),
  options: { endpoint?: string; ca?: string; channel?: string } = {},
): Listening {
  const clock = new FakeClock(org.panel.now());
  const connection = connect(org.url, { clock });
  const log = keptLog();
  const subscriber = createPubSubSubscriber({
    endpoint: org.pubsub,
    channel,
    auth: connection.salesforce.auth,
    sink,
    clock,
    log,
    ...options,
  });
  const phases: SubscriberState['phase'][] = [];
  const states: SubscriberState[] = [];
  const waits: number[] = [];
  subscriber.onState((state) => {
    states.push(state);
    if (state.retryAt !== null) waits.push(state.retryAt - clock.now());
    if (phases.at(-1) !== state.phase) phases.push(state.phase);
  });
  return {
    subscriber,
    sink,
    clock,
    log,
    phases,
    states,
    waits,
    until: (what, holds, step) => turnUntil(clock, what, holds, step),
    async close() {
      await subscriber.close();
      connection.close();
    },
  };
}
