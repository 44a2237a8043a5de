/**
 * Keeps at a channel: one stream at a time, always from the stored position, whatever ends it. Common to all transports.
 */
import { pause, type Clock } from '../../clock';
import type { Log } from '../../log';
import type { Token, TokenSource } from '../auth';
import { backoff } from '../backoff';
import {
  SalesforceError,
  type EventGap,
  type EventSink,
  type StartPlace,
  type Subscriber,
  type SubscriberState,
} from '../contract';
import { boundedBy } from './bounded';
import { deliveryCountOf, type DeliveryCount } from './delivery-count';
import { takePlace } from './one-stream';
import { sinkFault, toFault, type FaultKind, type StreamFault } from './stream-fault';
import { StreamSession } from './stream-session';
import { StateHolder } from './subscriber-state';
import type { StreamStart, Transport } from './transport';

export interface SubscriberOptions {
  /** Such as `/event/OrderProvisionRequested__e`. */
  channel: string;
  auth: TokenSource;
  sink: EventSink;
  clock: Clock;
  log: Log;
  /** The org's allowance of deliveries in 24 hours, for all its channels and subscribers; told of near its end. */
  deliveryAllowance?: number | undefined;
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

/** First and longest pause after each kind of end, ms. */
const pauses: Record<FaultKind, [number, number]> = {
  temporary: [1_000, 60_000],
  corrupted: [1_000, 60_000],
  sink: [1_000, 60_000],
  silent: [1_000, 60_000],
  limit: [300_000, 1_800_000],
  // Tokens that worked for a while, and were refused all the same soon after each other.
  auth: [60_000, 1_200_000],
  // Of a channel that was heard once: a permission that comes back takes Salesforce up to ten minutes.
  misconfigured: [1_200_000, 1_200_000],
};
/** After a fresh token was refused: a new one is no cure. */
const refusedAgainMs = 1_200_000;
/** A token that was refused sooner was no good from the start. */
const youngMs = 60_000;
/** How far our clock may be ahead of Salesforce's; a login would fail long before. */
const clockSkewMs = 600_000;
/** How long `close` waits for the event that is being stored, and how long the place to start is waited for. */
const closeLimitMs = 10_000;
const startLimitMs = 20_000;
/** Part of the allowance of deliveries that is told of. */
const nearAllowance = 0.8;
/** The longest that setInterval takes. */
const longestIntervalMs = 2 ** 31 - 1;

class ChannelSubscriber implements Subscriber {
  private readonly holder: StateHolder;
  private readonly closing = new AbortController();
  private readonly random: () => number;
  private running: Promise<void> | null = null;
  private closed: Promise<void> | null = null;
  private alive: NodeJS.Timeout | null = null;
  private session: StreamSession | null = null;
  /** Lets go of the channel's place in this process. */
  private leave: (() => void) | null = null;
  private wake: (() => void) | null = null;
  private deliveries: DeliveryCount | null = null;
  /** Ends in a row since an event was stored or a keepalive came. */
  private failures = 0;
  /** Tokens refused in a row with nothing heard in between. */
  private refusedTokens = 0;
  /** Monotonic ms of the last new login that a refusal brought about at once. */
  private renewedAt = -Infinity;
  private firstSeen: { token: Token; at: number } | null = null;
  /** A stored position that Salesforce does not know any more. */
  private unknownPosition: string | null = null;
  private lastProblem: string | null = null;
  /** Wall ms at which LATEST was first asked for. */
  private newSince: number | null = null;
  private wasHeard = false;
  /** What to show when storing works. */
  private phase: 'connecting' | 'connected' | 'catchingUp' = 'connecting';
  private storingFails = false;
  private readonly said = new Set<string>();

  constructor(
    private readonly transport: Transport,
    private readonly options: SubscriberOptions,
  ) {
    this.random = options.random ?? Math.random;
    this.holder = new StateHolder(options.channel, options.log);
  }

  get state(): SubscriberState {
    return this.holder.now;
  }

  onState(listener: (state: SubscriberState) => void): () => void {
    return this.holder.listen(listener);
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
    this.holder.change({ phase: 'stopped', problem: null, retryAt: null });
  }

  private async run(): Promise<void> {
    const { signal } = this.closing;
    while (!signal.aborted) {
      const fault = await this.attempt().catch(toFault);
      if (signal.aborted) return;
      const wait = this.waitAfter(fault);
      if (wait === null) return this.misconfigured(fault);
      if (wait === 0) continue;
      this.tell(fault, wait);
      await pause(this.options.clock, wait, signal).catch(() => undefined);
    }
  }

  /** One stream, from the login to its last event. Answers or throws why it ended. */
  private async attempt(): Promise<StreamFault> {
    const { channel, auth, clock } = this.options;
    const { signal } = this.closing;
    this.show('connecting');
    await this.room();
    const { instanceUrl, organizationId } = await auth.token(signal);
    const key = `${instanceUrl} ${organizationId.slice(0, 15)} ${channel}`;
    const leave = await takePlace(key, signal, () => this.standBy());
    this.leave = leave;
    try {
      const token = await auth.token(signal);
      if (this.firstSeen?.token !== token) this.firstSeen = { token, at: clock.monotonic() };
      this.deliveries = deliveryCountOf(key, clock.now());
      this.delivered(0);
      this.show('connecting');
      return await this.stream(token);
    } finally {
      leave();
    }
  }

  private async stream(token: Token): Promise<StreamFault> {
    const { channel, sink, clock, log } = this.options;
    const { signal } = this.closing;
    const place = await boundedBy(clock, startLimitMs, () => sink.start(), signal).catch((error: unknown) => {
      throw sinkFault(error);
    });
    signal.throwIfAborted();
    const start = this.startAt(place);
    log.debug('Subscribing to the event channel', { channel, from: start.words });
    this.session = this.newSession(token, start);
    const fault = await this.session.run(this.transport).finally(() => (this.session = null));
    this.phase = 'connecting';
    if (signal.aborted) return fault;
    if (fault.kind === 'auth') this.tokenRefused(token, fault);
    if (fault.kind === 'corrupted') this.positionUnknown(fault, place);
    return fault;
  }

  private newSession(token: Token, { at, words, createdSince }: Start): StreamSession {
    const { channel, sink, clock, log, auth } = this.options;
    const openedAt = clock.now();
    const fromLatest = 'preset' in at && at.preset === 'LATEST';
    if (fromLatest) this.newSince ??= openedAt;
    let came = 0;
    const heard = (): void => {
      this.wasHeard = true;
      this.refusedTokens = 0;
      auth.accepted(token);
    };
    const caughtUp = (): void => {
      if (this.phase !== 'catchingUp') return;
      this.show('connected');
      log.info('Caught up with the event channel', { channel, deliveries: came });
    };
    return new StreamSession({
      ...{ channel, token, sink, clock, createdSince },
      start: at,
      random: this.random,
      closing: this.closing.signal,
      on: {
        opened: () => {
          this.show(fromLatest ? 'connected' : 'catchingUp');
          log.info(this.lastProblem === null ? 'Subscribed to the event channel' : 'The event stream is back', {
            channel,
            from: words,
          });
          this.lastProblem = null;
        },
        came: (count) => {
          came += count;
          heard();
          this.delivered(count);
          this.holder.change({ lastEventAt: clock.now(), received: this.state.received + count });
        },
        keepalive: () => {
          heard();
          this.failures = 0;
          this.holder.change({ lastKeepaliveAt: clock.now() });
          if (this.session?.held === 0) caughtUp();
        },
        quiet: caughtUp,
        event: (createdAt) => {
          if (createdAt === null) return;
          if (createdAt >= openedAt) caughtUp();
          this.holder.change({ delayMs: Math.max(0, clock.now() - createdAt) });
        },
        stored: (replayId) => {
          this.failures = 0;
          if (replayId !== null) this.holder.change({ position: replayId });
        },
        storing: (trouble) => this.storing(trouble),
        positionFailed: (fault) => this.positionFailed(fault),
        withoutReplayId: (eventId) =>
          this.once('no replay id', () =>
            log.warn('An event came without a replay id: the position stays where it was', { channel, uuid: eventId }),
          ),
      },
    });
  }

  private startAt(place: StartPlace): Start {
    if ('replayId' in place) {
      const { replayId, asked } = place;
      if (replayId === this.unknownPosition && !asked)
        return { at: { preset: 'EARLIEST' }, words: 'EARLIEST, since the position is unknown', createdSince: null };
      if (!asked) this.holder.change({ position: replayId });
      return {
        at: { replayId },
        words: asked ? 'a place that was asked for' : 'the stored position',
        createdSince: null,
      };
    }
    const { preset, createdSince = null } = place;
    // LATEST was asked for before, and ended before there was a position: again, it would leave out what came between.
    if (preset === 'LATEST' && this.newSince !== null)
      return { at: { preset: 'EARLIEST' }, words: 'the first LATEST', createdSince: this.newSince - clockSkewMs };
    return { at: { preset }, words: preset, createdSince };
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

  private standBy(): void {
    const { channel, log } = this.options;
    this.holder.change({ phase: 'standingBy', problem: null, retryAt: null });
    log.warn('Another subscriber of this process listens to this channel of this org; this one stands by', { channel });
  }

  /** What the stream does; shown once storing works. */
  private show(phase: ChannelSubscriber['phase']): void {
    this.phase = phase;
    if (this.storingFails) return;
    this.holder.change(phase === 'connecting' ? { phase, retryAt: null } : { phase, retryAt: null, problem: null });
  }

  private storing(trouble: { fault: StreamFault; retryAt: number | null } | null): void {
    const { channel, log } = this.options;
    this.storingFails = trouble !== null;
    if (trouble === null) {
      this.holder.change({ problem: null });
      this.show(this.phase);
      log.info('Events are stored again', { channel });
      this.said.delete('storing');
      return;
    }
    const { fault, retryAt } = trouble;
    const { code, message } = fault;
    this.holder.change({ phase: 'backingOff', problem: { code, message }, retryAt });
    this.once('storing', () =>
      log.error('An event could not be stored; it is kept and tried again', { channel, code, problem: message }),
    );
  }

  private positionFailed(fault: StreamFault | null): void {
    const { channel, log } = this.options;
    if (fault === null) this.said.delete('position');
    else
      this.once('position', () =>
        log.warn('The position of a keepalive could not be stored; the next one brings another', {
          channel,
          code: fault.code,
          problem: fault.message,
        }),
      );
  }

  private delivered(count: number): void {
    const { channel, clock, log, deliveryAllowance: allowance = null } = this.options;
    if (!this.deliveries) return;
    this.deliveries.add(count, clock.now());
    const deliveries = { ...this.deliveries.now(clock.now()), allowance };
    this.holder.change({ deliveries });
    if (allowance === null) return;
    const near = deliveries.today >= allowance * nearAllowance;
    if (!near) this.said.delete('allowance');
    else
      this.once('allowance', () =>
        log.warn(
          'The allowance of event deliveries is nearly used up by this channel; at its end Salesforce stops delivering',
          {
            channel,
            deliveries: deliveries.today,
            allowance,
          },
        ),
      );
  }

  private tokenRefused(token: Token, fault: StreamFault): void {
    this.refusedTokens += 1;
    const age = this.firstSeen?.token === token ? this.options.clock.monotonic() - this.firstSeen.at : Infinity;
    // A fresh one that was refused as well is not at fault: it stays, for those with whom it works.
    if (this.refusedTokens > 1 && age < youngMs) return;
    this.options.auth.refused(token, new SalesforceError(fault.code, fault.message, 'auth'));
  }

  private positionUnknown(fault: StreamFault, place: StartPlace): void {
    if (!('replayId' in place)) return;
    const { channel, clock, log, sink } = this.options;
    const { replayId: position, through = null, asked = false } = place;
    const gap: EventGap = { channel, from: through, until: clock.now(), position };
    const facts = { channel, position, problem: fault.message };
    if (asked)
      log.error('Salesforce does not know the replay id that was asked for; going on from the stored position', facts);
    else {
      this.unknownPosition = position;
      this.holder.change({ gap });
      log.error(
        `The stored position is not known to Salesforce any more: events published ${spanOf(gap)} may be lost to this channel. Reading everything that Salesforce still keeps (72 hours)`,
        { ...facts, from: gap.from === null ? null : iso(gap.from), until: iso(gap.until) },
      );
    }
    try {
      sink.gap?.(gap);
    } catch (error) {
      log.error('What follows from lost events failed', { channel, error: String(error) });
    }
  }

  /** ms until the next try; 0: at once; null: never. */
  private waitAfter(fault: StreamFault): number | null {
    const { clock } = this.options;
    if (fault.kind === 'misconfigured' && !this.wasHeard) return null;
    // The next one starts elsewhere: at once, but once only.
    if (fault.kind === 'corrupted' && this.failures === 0) {
      this.failures = 1;
      return 0;
    }
    if (fault.kind === 'auth') {
      if (this.refusedTokens > 1) return backoff(1, refusedAgainMs, refusedAgainMs, this.random);
      if (clock.monotonic() - this.renewedAt >= youngMs) {
        this.renewedAt = clock.monotonic();
        return 0;
      }
    }
    this.failures += 1;
    const [first, longest] = pauses[fault.kind];
    return backoff(this.failures, first, longest, this.random);
  }

  /** Says once what is wrong, and again only when it is something else. */
  private tell(fault: StreamFault, wait: number): void {
    const { channel, clock, log } = this.options;
    const { code, message, kind } = fault;
    this.holder.change({
      phase: kind === 'silent' ? 'deaf' : kind === 'misconfigured' ? 'misconfigured' : 'backingOff',
      problem: { code, message },
      retryAt: clock.now() + wait,
    });
    const facts = { channel, code, problem: message, retryInMs: wait };
    if (this.lastProblem === code) log.debug('The event stream is still down', facts);
    else if (kind === 'auth' || kind === 'limit' || kind === 'misconfigured')
      log.error('The event stream is down; trying again later', facts);
    else log.warn('The event stream ended; connecting again', facts);
    this.lastProblem = code;
  }

  private misconfigured({ code, message }: StreamFault): void {
    this.holder.change({ phase: 'misconfigured', problem: { code, message }, retryAt: null });
    this.options.log.error('The event stream cannot work; mend it, then deploy again', {
      channel: this.options.channel,
      code,
      problem: message,
    });
  }

  private once(what: string, say: () => void): void {
    if (this.said.has(what)) return;
    this.said.add(what);
    say();
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

const iso = (at: number): string => new Date(at).toISOString();

const spanOf = ({ from, until }: EventGap): string =>
  from === null ? `before ${iso(until)}` : `between ${iso(from)} and ${iso(until)}`;
