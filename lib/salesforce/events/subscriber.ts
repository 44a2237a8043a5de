/**
 * Keeps at a channel: one stream at a time, always from the stored position, whatever ends it. Common to all transports.
 */
import { pause, type Clock } from '../../clock';
import type { Log } from '../../log';
import type { Token, TokenSource } from '../auth';
import { SalesforceError, type EventSink, type StartPlace, type Subscriber, type SubscriberState } from '../contract';
import { boundedBy } from './bounded';
import { Comeback } from './comeback';
import { DeliveryCounts, type DeliveryCount } from './delivery-count';
import { Places } from './one-stream';
import { sinkFault, toFault, type StreamFault } from './stream-fault';
import { StreamSession } from './stream-session';
import { SubscriberReport } from './subscriber-report';
import type { StreamStart, Transport } from './transport';

/** What all subscribers of a process share: it outlives deploys. */
export interface ChannelTables {
  places: Places;
  deliveries: DeliveryCounts;
}

export interface SubscriberOptions {
  /** Such as `/event/OrderProvisionRequested__e`. */
  channel: string;
  auth: TokenSource;
  sink: EventSink;
  clock: Clock;
  log: Log;
  /** The org's allowance of deliveries in 24 hours, for all its channels and subscribers; told of near its end. */
  deliveryAllowance?: number | undefined;
  /** Those of the process; without them this subscriber knows of no other. */
  tables?: ChannelTables | undefined;
  /** For the jitter of pauses, from 0 to 1; Math.random by default. */
  random?: (() => number) | undefined;
}

/** A subscriber over the transport. Nothing is loaded or opened before `start()`, which keeps the process alive until `close()`. */
export const createSubscriber = (transport: Transport, options: SubscriberOptions): Subscriber =>
  new ChannelSubscriber(transport, options);

interface Start {
  at: StreamStart;
  /** For the log. */
  words: string;
  /** Events created before this wall ms are none of ours; null: all are. */
  createdSince: number | null;
}

/** How long `close` waits for the event that is being stored, and how long the place to start is waited for. */
const closeLimitMs = 10_000;
const startLimitMs = 20_000;
/** The longest that setInterval takes. */
const longestIntervalMs = 2 ** 31 - 1;

class ChannelSubscriber implements Subscriber {
  private readonly report: SubscriberReport;
  private readonly comeback: Comeback;
  private readonly random: () => number;
  private readonly tables: ChannelTables;
  private readonly closing = new AbortController();
  private running: Promise<void> | null = null;
  private closed: Promise<void> | null = null;
  private alive: NodeJS.Timeout | null = null;
  private session: StreamSession | null = null;
  /** Lets go of the channel's place in this process. */
  private leave: (() => void) | null = null;
  private wake: (() => void) | null = null;
  private deliveries: DeliveryCount | null = null;
  /** A stored position that Salesforce does not know any more. */
  private unknownPosition: string | null = null;

  constructor(
    private readonly transport: Transport,
    private readonly options: SubscriberOptions,
  ) {
    this.random = options.random ?? Math.random;
    this.tables = options.tables ?? { places: new Places(), deliveries: new DeliveryCounts() };
    this.comeback = new Comeback(options.clock, this.random);
    this.report = new SubscriberReport(options);
  }

  get state(): SubscriberState {
    return this.report.state;
  }

  onState(listener: (state: SubscriberState) => void): () => void {
    return this.report.holder.listen(listener);
  }

  start(): void {
    if (this.closing.signal.aborted || this.running) return;
    // The clock's timers don't keep a process alive: one that had nothing else would end in silence while we back off.
    this.alive = setInterval(() => undefined, longestIntervalMs);
    this.running = this.run();
  }

  poke(): void {
    this.wake?.();
    this.session?.poke();
  }

  close(): Promise<void> {
    return (this.closed ??= this.end());
  }

  private async end(): Promise<void> {
    this.closing.abort(new Error('The subscriber is closing'));
    if (this.running) await this.bounded(this.running);
    // The stream is gone, although a call to the sink may hang.
    this.leave?.();
    if (this.alive) clearInterval(this.alive);
    this.alive = null;
    this.report.stopped();
  }

  private async run(): Promise<void> {
    const { signal } = this.closing;
    while (!signal.aborted) {
      const fault = await this.attempt().catch(toFault);
      if (signal.aborted) return;
      const wait = this.comeback.after(fault);
      if (wait === null) return this.report.misconfigured(fault);
      if (wait === 0) continue;
      this.report.down(fault, wait);
      await pause(this.options.clock, wait, signal).catch(() => undefined);
    }
  }

  /** One stream, from the login to its last event. Answers or throws why it ended. */
  private async attempt(): Promise<StreamFault> {
    const { channel, auth, clock } = this.options;
    const { signal } = this.closing;
    this.report.connecting();
    await this.room();
    const { instanceUrl, organizationId } = await auth.token(signal);
    const key = `${instanceUrl} ${organizationId.slice(0, 15)} ${channel}`;
    const leave = await this.tables.places.take(key, signal, () => this.report.standingBy());
    this.leave = leave;
    try {
      const token = await auth.token(signal);
      this.comeback.uses(token);
      this.deliveries = this.tables.deliveries.of(key, clock.now());
      this.report.deliveries(this.deliveries);
      this.report.connecting();
      return await this.stream(token);
    } finally {
      leave();
    }
  }

  private async stream(token: Token): Promise<StreamFault> {
    const { channel, auth, sink, clock, log } = this.options;
    const { signal } = this.closing;
    const place = await boundedBy(clock, startLimitMs, () => sink.start(), signal).catch((error: unknown) => {
      throw sinkFault(error);
    });
    signal.throwIfAborted();
    const start = this.startAt(place);
    log.debug('Subscribing to the event channel', { channel, from: start.words });
    this.session = this.newSession(token, start);
    const fault = await this.session.run(this.transport).finally(() => (this.session = null));
    this.report.connecting();
    if (signal.aborted) return fault;
    if (fault.kind === 'auth' && this.comeback.refused())
      auth.refused(token, new SalesforceError(fault.code, fault.message, 'auth'));
    if (fault.kind === 'corrupted') this.positionUnknown(fault, place);
    return fault;
  }

  private newSession(token: Token, { at, words, createdSince }: Start): StreamSession {
    const { channel, sink, clock, auth } = this.options;
    const { report, comeback } = this;
    const openedAt = clock.now();
    const fromLatest = 'preset' in at && at.preset === 'LATEST';
    let came = 0;
    const heard = (): void => {
      comeback.heard();
      auth.accepted(token);
    };
    return new StreamSession({
      ...{ channel, token, sink, clock, createdSince },
      start: at,
      random: this.random,
      closing: this.closing.signal,
      on: {
        opened: () => report.opened(fromLatest ? 'connected' : 'catchingUp', words),
        came: (count) => {
          came += count;
          heard();
          this.deliveries?.add(count, clock.now());
          report.came(count, this.deliveries);
        },
        keepalive: () => {
          heard();
          comeback.progressed();
          report.keepalive();
          if (this.session?.held === 0) report.caughtUp(came);
        },
        quiet: () => report.caughtUp(came),
        event: (createdAt) => {
          if (createdAt === null) return;
          if (createdAt >= openedAt) report.caughtUp(came);
          report.event(createdAt);
        },
        stored: (replayId) => {
          comeback.progressed();
          if (replayId !== null) report.position(replayId);
        },
        storing: (trouble) => report.storing(trouble),
        positionFailed: (fault) => report.positionFailed(fault),
        withoutReplayId: (eventId) => report.withoutReplayId(eventId),
      },
    });
  }

  private startAt(place: StartPlace): Start {
    const { createdSince = null, asked = false } = place;
    const start = (at: StreamStart, words: string): Start => ({
      at,
      words: createdSince === null ? words : `${words}: what was created since ${new Date(createdSince).toISOString()}`,
      createdSince,
    });
    // It has been read before, or a person says that it can be: a permission that is missing now may come back.
    if (asked || 'replayId' in place) this.comeback.wasReadBefore();
    if ('preset' in place) return start({ preset: place.preset }, place.preset);
    const { replayId } = place;
    if (asked) return start({ replayId }, 'a place that was asked for');
    if (replayId === this.unknownPosition)
      return start({ preset: 'EARLIEST' }, 'EARLIEST, since the position is unknown');
    this.report.position(replayId);
    return start({ replayId }, 'the stored position');
  }

  /** Waits until the sink takes events. */
  private async room(): Promise<void> {
    const { signal } = this.closing;
    while (!(this.options.sink.capacity() >= 1)) {
      await new Promise<void>((resolve, reject) => {
        const onAbort = (): void => reject(signal.reason as Error);
        if (signal.aborted) return onAbort();
        signal.addEventListener('abort', onAbort, { once: true });
        this.wake = () => {
          signal.removeEventListener('abort', onAbort);
          resolve();
        };
      }).finally(() => (this.wake = null));
    }
  }

  private positionUnknown(fault: StreamFault, place: StartPlace): void {
    if (!('replayId' in place)) return;
    const { channel, clock, log, sink } = this.options;
    const { replayId: position, through: from = null, asked = false } = place;
    const gap = { channel, from, until: clock.now(), position };
    if (asked) this.report.unknownPlace(position, fault);
    else {
      this.unknownPosition = position;
      this.report.gap(gap, fault);
    }
    try {
      sink.gap?.(gap);
    } catch (error) {
      log.error('What follows from lost events failed', { channel, error: String(error) });
    }
  }

  /** Waits for work, not for ever. */
  private async bounded(work: Promise<void>): Promise<void> {
    await new Promise<void>((resolve) => {
      const timer = this.options.clock.after(closeLimitMs, resolve);
      const done = (): void => {
        timer.cancel();
        resolve();
      };
      work.then(done, done);
    });
  }
}
