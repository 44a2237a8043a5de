/** Subscribes to a channel over the Pub/Sub API and keeps at it: one stream at a time, always from the stored position. */
import { pause, type Clock } from '../../clock';
import type { Log } from '../../log';
import { parseEndpoint } from '../addresses';
import type { Token, TokenSource } from '../auth';
import { backoff } from '../backoff';
import { SalesforceError, type EventSink, type Subscriber, type SubscriberState } from '../contract';
import { PubSubClient } from './pubsub-client';
import { replayPreset, type FetchRequest } from './pubsub-schema';
import { EventStream } from './pubsub-stream';
import { SchemaCache } from './schema-cache';
import { sinkFault, StreamFault, toFault, type FaultKind } from './stream-fault';
import { StateHolder } from './subscriber-state';

export interface PubSubOptions {
  /** `host:port`; a loopback address is spoken to in plaintext, everything else over TLS. */
  endpoint: string;
  /** Such as `/event/OrderProvisionRequested__e`. */
  channel: string;
  auth: TokenSource;
  sink: EventSink;
  clock: Clock;
  log: Log;
  /** PEM of the only certificate authorities to be trusted; without it those of the system. */
  ca?: string | undefined;
}

/**
 * A subscriber over gRPC. Nothing is loaded or opened before `start()`.
 * @throws Error when the endpoint is no host:port.
 */
export function createPubSubSubscriber(options: PubSubOptions): Subscriber {
  parseEndpoint(options.endpoint);
  return new PubSubSubscriber(options);
}

interface Start {
  request: Pick<FetchRequest, 'replayPreset' | 'replayId'>;
  /** For the log. */
  words: string;
  /** Events created before this wall ms are none of ours; null: all are. */
  ignoreBefore: number | null;
}

/** First and longest pause after each kind of end, ms. */
const pauses: Record<Exclude<FaultKind, 'misconfigured' | 'corrupted'>, [number, number]> = {
  temporary: [1_000, 60_000],
  sink: [1_000, 60_000],
  silent: [1_000, 60_000],
  limit: [300_000, 1_800_000],
  // Only when a fresh token was refused as well.
  auth: [1_200_000, 1_200_000],
};
/** How far our clock may be ahead of Salesforce's; a login would fail long before. */
const clockSkewMs = 600_000;
/** How long `close` waits for the event that is being stored. */
const closeLimitMs = 10_000;

class PubSubSubscriber implements Subscriber {
  private readonly holder: StateHolder;
  private readonly schemas = new SchemaCache();
  private readonly closing = new AbortController();
  private running: Promise<void> | null = null;
  private stream: EventStream | null = null;
  private wake: (() => void) | null = null;
  /** Ends in a row since an event was stored or a keepalive came. */
  private failures = 0;
  private refusedTokens = 0;
  /** A stored position that Salesforce does not know any more. */
  private unknownPosition: string | null = null;
  private lastProblem: string | null = null;
  /** Wall ms of the first stream that began with LATEST. */
  private newSince: number | null = null;

  constructor(private readonly options: PubSubOptions) {
    this.holder = new StateHolder(options.channel, options.log);
  }

  get state(): SubscriberState {
    return this.holder.now;
  }

  onState(listener: (state: SubscriberState) => void): () => void {
    return this.holder.listen(listener);
  }

  start(): void {
    if (this.closing.signal.aborted) return;
    this.running ??= this.run();
  }

  poke(): void {
    this.wake?.();
    this.stream?.topUp();
  }

  async close(): Promise<void> {
    this.closing.abort(new Error('The subscriber is closing'));
    if (this.running) await this.bounded(this.running);
    this.holder.change({ phase: 'stopped', problem: null, retryAt: null });
  }

  private async run(): Promise<void> {
    const { signal } = this.closing;
    while (!signal.aborted) {
      const fault = await this.session().catch(toFault);
      if (signal.aborted) return;
      if (fault.kind === 'misconfigured') return this.misconfigured(fault);
      const wait = this.waitAfter(fault);
      if (wait === 0) continue;
      this.tell(fault, wait);
      await pause(this.options.clock, wait, signal).catch(() => undefined);
    }
  }

  /** One stream, from the login to its last event. Answers or throws why it ended. */
  private async session(): Promise<StreamFault> {
    const { endpoint, channel, auth, sink, clock, ca, log } = this.options;
    const { signal } = this.closing;
    this.holder.change({ phase: 'connecting', retryAt: null });
    await this.room();
    const token = await auth.token(signal);
    const stored = await sink.start().catch((error: unknown) => {
      throw sinkFault(error);
    });
    const start = this.startAt(stored);
    const client = new PubSubClient({ endpoint, token, clock, ca });
    try {
      const topic = await client.topic(channel, signal);
      if (!topic.canSubscribe)
        throw new StreamFault(
          'misconfigured',
          'PERMISSION_DENIED',
          'The run-as user may not read the channel. Give it read access to the platform event',
        );
      const openedAt = clock.now();
      if (start.request.replayPreset === replayPreset.LATEST) this.newSince = openedAt;
      let open = false;
      const opened = (): void => {
        if (open) return;
        open = true;
        this.holder.change({
          phase: start.request.replayPreset === replayPreset.LATEST ? 'connected' : 'catchingUp',
          problem: null,
        });
        if (this.lastProblem !== null) log.info('The event stream is back', { channel });
        this.lastProblem = null;
      };
      const heard = (): void => {
        opened();
        this.refusedTokens = 0;
        auth.accepted(token);
      };
      const caughtUp = (): void => {
        opened();
        if (this.state.phase === 'catchingUp') this.holder.change({ phase: 'connected' });
      };
      this.stream = new EventStream({
        channel,
        client,
        sink,
        schemas: this.schemas,
        clock,
        signal,
        ignoreBefore: start.ignoreBefore,
        on: {
          open: opened,
          event: (createdAt) => {
            heard();
            if (createdAt !== null && createdAt >= openedAt) caughtUp();
            this.holder.change({ lastEventAt: clock.now(), received: this.state.received + 1 });
          },
          keepalive: () => {
            heard();
            this.failures = 0;
            this.holder.change({ lastKeepaliveAt: clock.now() });
            caughtUp();
          },
          stored: (replayId) => {
            this.failures = 0;
            if (replayId !== null) this.holder.change({ position: replayId });
          },
          quiet: caughtUp,
        },
      });
      log.info('Subscribing to the event channel', { channel, from: start.words });
      const fault = await this.stream.run(start.request);
      if (fault.kind === 'auth') this.tokenRefused(token, fault);
      if (fault.kind === 'corrupted') this.positionUnknown(fault, stored);
      return fault;
    } catch (error) {
      const fault = toFault(error);
      if (fault.kind === 'auth') this.tokenRefused(token, fault);
      throw fault;
    } finally {
      this.stream = null;
      client.close();
    }
  }

  private startAt(stored: Awaited<ReturnType<EventSink['start']>>): Start {
    const { LATEST, EARLIEST, CUSTOM } = replayPreset;
    if ('replayId' in stored) {
      if (stored.replayId === this.unknownPosition)
        return {
          request: { replayPreset: EARLIEST },
          words: 'EARLIEST, since the position is unknown',
          ignoreBefore: null,
        };
      this.holder.change({ position: stored.replayId });
      const replayId = Buffer.from(stored.replayId, 'base64');
      return { request: { replayPreset: CUSTOM, replayId }, words: 'the stored position', ignoreBefore: null };
    }
    // A stream that began with LATEST ended before there was a position: LATEST again would leave out what came between.
    if (stored.preset === 'LATEST' && this.newSince !== null) {
      const ignoreBefore = this.newSince - clockSkewMs;
      return { request: { replayPreset: EARLIEST }, words: 'the first LATEST', ignoreBefore };
    }
    const request = { replayPreset: stored.preset === 'LATEST' ? LATEST : EARLIEST };
    return { request, words: stored.preset, ignoreBefore: null };
  }

  /** Waits until the sink takes events. */
  private async room(): Promise<void> {
    const { signal } = this.closing;
    while (this.options.sink.capacity() < 1) {
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

  private tokenRefused(token: Token, fault: StreamFault): void {
    this.refusedTokens += 1;
    this.options.auth.refused(token, new SalesforceError(fault.code, fault.message, 'auth'));
  }

  private positionUnknown(fault: StreamFault, stored: Awaited<ReturnType<EventSink['start']>>): void {
    if (!('replayId' in stored)) return;
    this.unknownPosition = stored.replayId;
    this.options.log.error(
      'The stored position is not known to Salesforce any more: reading everything it still keeps. Events older than 72 hours are lost to this channel; the sweep finds their orders',
      { channel: this.options.channel, position: stored.replayId, problem: fault.message },
    );
  }

  /** ms until the next try; 0: at once. */
  private waitAfter(fault: StreamFault): number {
    if (fault.kind === 'misconfigured') return 0;
    // The next one starts elsewhere, or with a new token: at once, but once only.
    if (fault.kind === 'corrupted' && this.failures === 0) {
      this.failures = 1;
      return 0;
    }
    if (fault.kind === 'auth' && this.refusedTokens === 1) return 0;
    this.failures += 1;
    const [first, longest] = pauses[fault.kind === 'corrupted' ? 'temporary' : fault.kind];
    return backoff(this.failures, first, longest);
  }

  /** Says once what is wrong, and again only when it is something else. */
  private tell(fault: StreamFault, wait: number): void {
    const { channel, clock, log } = this.options;
    const { code, message } = fault;
    this.holder.change({
      phase: fault.kind === 'silent' ? 'deaf' : 'backingOff',
      problem: { code, message },
      retryAt: clock.now() + wait,
    });
    const facts = { channel, code, problem: message, retryInMs: wait };
    if (this.lastProblem === code) log.debug('The event stream is still down', facts);
    else if (fault.kind === 'auth' || fault.kind === 'limit')
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
