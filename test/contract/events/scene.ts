/** An org for a part of the suite, and subscribers with a sink that a test looks into. */
import assert from 'node:assert/strict';
import type { Subscriber, SubscriberState } from '../../../lib/salesforce/contract';
import { DeliveryCounts } from '../../../lib/salesforce/events/delivery-count';
import { Places } from '../../../lib/salesforce/events/one-stream';
import type { ChannelTables, SubscriberOptions } from '../../../lib/salesforce/events/subscriber';
import type { SalesforceSimulator } from '../../../simulators/salesforce/server';
import { FakeClock } from '../../fake-clock';
import { connect, keptLog, startOrg, turnUntil } from '../../unit/salesforce/org';
import { until } from '../../until';
import { TestSink } from './test-sink';
import type { TransportUnderTest } from './transport-under-test';

export const channel = '/event/OrderProvisionRequested__e';
export const minute = 60_000;
export const hour = 60 * minute;

export interface Listening {
  subscriber: Subscriber;
  readonly state: SubscriberState;
  sink: TestSink;
  clock: FakeClock;
  log: ReturnType<typeof keptLog>;
  connection: ReturnType<typeof connect>;
  phases: SubscriberState['phase'][];
  states: SubscriberState[];
  /** How long it said it would wait, ms, each time it backed off. */
  waits: number[];
  /** Waits, the clock turning. */
  until(what: string, holds: () => boolean, step?: number): Promise<void>;
  close(): Promise<void>;
}

export type ListenOptions = Partial<
  Pick<SubscriberOptions, 'channel' | 'deliveryAllowance' | 'random' | 'auth' | 'clock'>
> & {
  clock?: FakeClock;
};

/** Numbers from 0 to 1 that are the same for the same seed (mulberry32). */
export function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

export class Scene {
  org!: SalesforceSimulator;
  private open: Listening[] = [];
  /** Of the process that all its subscribers are in. */
  readonly tables: ChannelTables = { places: new Places(), deliveries: new DeliveryCounts() };
  /** What else a test has to close. */
  readonly ends: (() => Promise<void>)[] = [];

  /** Inside a `describe`: an org for all its tests, and nothing left of any of them. */
  constructor(private readonly transport: TransportUnderTest) {
    before(async () => void (this.org = await startOrg()));
    after(() => this.org.close());
    beforeEach(() => {
      this.open = [];
      // Our clock is turned by hand, and may run ahead of the org's.
      this.org.panel.switches({ expFutureSeconds: 100_000_000 });
    });
    afterEach(async () => {
      for (const end of this.ends.splice(0)) await end();
      for (const one of this.open) await one.close();
      for (const one of this.open) assert.equal(one.clock.pending, 0, 'a timer is left');
      await until('no stream', () => this.streams() === 0);
      this.org.panel.reset();
    });
  }

  /** Lets the org be quiet until something comes of it. */
  async quietUntil(one: Listening, what: string, holds: () => boolean): Promise<void> {
    const { awaitsSign = () => true } = this.transport;
    for (let times = 0; times < 30 && !holds(); times++) {
      // To an org whose time runs while our request is still on its way we would be gone.
      await until('the org has our request', () => awaitsSign(this.org) || holds());
      this.org.panel.advance(this.transport.quietMs);
      // Seconds of the machine's, where it is busy: a second silence would end the connection.
      for (let turns = 0; turns < 1_000 && !holds(); turns++) {
        await new Promise((resolve) => setTimeout(resolve, 3));
        await one.clock.advance(1);
      }
    }
    assert.ok(holds(), what);
  }

  /** A subscriber that has not started yet. Its clock stands at the org's time. */
  listen(sink = new TestSink(), options: ListenOptions = {}): Listening {
    const clock = options.clock ?? new FakeClock(this.org.panel.now());
    sink.now = () => clock.now();
    const connection = connect(this.org.url, { clock });
    const log = keptLog();
    const subscriber = this.transport.create(this.org, {
      ...{ channel, auth: connection.salesforce.auth, sink, clock, log },
      tables: this.tables,
      random: seeded(7),
      ...options,
    });
    const phases: SubscriberState['phase'][] = [];
    const states: SubscriberState[] = [];
    const waits: number[] = [];
    subscriber.onState((state) => {
      if (state.retryAt !== null && state.retryAt !== states.at(-1)?.retryAt) waits.push(state.retryAt - clock.now());
      if (phases.at(-1) !== state.phase) phases.push(state.phase);
      states.push(state);
    });
    const listening: Listening = {
      ...{ subscriber, sink, clock, log, connection, phases, states, waits },
      get state() {
        return subscriber.state;
      },
      until: (what, holds, step) => turnUntil(clock, what, holds, step),
      async close() {
        await subscriber.close();
        connection.close();
      },
    };
    this.open.push(listening);
    return listening;
  }

  subscribe(sink?: TestSink, options?: ListenOptions): Listening {
    const listening = this.listen(sink, options);
    listening.subscriber.start();
    return listening;
  }

  /** It listens, and the server knows. */
  async connected(one: Listening): Promise<void> {
    const { awaitsSign = () => true } = this.transport;
    await one.until('connected', () => one.state.phase === 'connected' && this.streams() > 0 && awaitsSign(this.org));
  }

  /** At least so many events are stored. */
  stored(one: Listening, count: number, step?: number): Promise<void> {
    return one.until(`${count} events`, () => one.sink.events.length >= count, step);
  }

  /** Events on the channel, their replay ids as the org gives them out, and those as places of the transport. */
  publish(times = 1, fields: Record<string, string> = {}): { uuids: string[]; replayIds: string[]; places: string[] } {
    const { uuids, replayIds } = this.org.people.publish({ fields, times });
    return { uuids, replayIds, places: replayIds.map((one) => this.transport.placeOf(one)) };
  }

  /** So many calls of this name have ended. */
  calls(name: string): number {
    return this.org.panel.requests(name).length;
  }

  streams(): number {
    return this.count('openStreams');
  }

  count(
    name: 'openStreams' | 'openedStreams' | 'peakStreams' | 'deliveries' | 'requestedEvents' | 'peakOwedEvents',
  ): number {
    return Number(this.org.people.counts()[name]);
  }

  /** Token requests, refused ones too. */
  logins(): number {
    return this.org.panel.ledger('login').length;
  }

  /** Where each subscription began. */
  starts(): { channel: unknown; preset: unknown; replayId: unknown }[] {
    return this.org.panel.ledger('subscribed').map(({ channel, preset, replayId }) => ({ channel, preset, replayId }));
  }

  presets(): unknown[] {
    return this.starts().map(({ preset }) => preset);
  }
}

/** Runs something; what is thrown meanwhile and nobody takes ends Node-RED, while mocha passes over it. */
export async function untaken(during: () => Promise<void>): Promise<unknown[]> {
  const thrown: unknown[] = [];
  const onThrown = (error: unknown): void => void thrown.push(error);
  process.on('uncaughtException', onThrown);
  process.on('unhandledRejection', onThrown);
  try {
    await during();
    await moment();
  } finally {
    process.off('uncaughtException', onThrown);
    process.off('unhandledRejection', onThrown);
  }
  return thrown;
}

/** A short real pause, for what must not happen. */
export const moment = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 25));

/** Turns a clock in steps. A call under way gets real time for its answer before the clock runs past its time-out. */
export async function pass(one: Listening, ms: number, step = 10_000): Promise<void> {
  for (let passed = 0; passed < ms; passed += step) {
    await one.clock.advance(Math.min(step, ms - passed));
    const end = performance.now() + 100;
    do await new Promise((resolve) => setTimeout(resolve, 2));
    while (one.state.phase === 'connecting' && performance.now() < end);
  }
}
