/**
 * One Subscribe call, from its first request to its last event stored.
 *
 * Events are handed on one at a time, in the order of the channel. What came and is not stored when the stream ends is
 * stored still, unless our own side failed or is closing; then it comes again after the next start.
 */
import type { Clock, Timer } from '../../clock';
import type { EventSink } from '../contract';
import { UnusableSchema, type SchemaCache } from './schema-cache';
import { Credit, mostOutstanding } from './credit';
import type { FetchStream, PubSubClient } from './pubsub-client';
import type { ConsumerEvent, FetchRequest, FetchResponse } from './pubsub-schema';
import { sinkFault, StreamFault, toFault } from './stream-fault';

export interface StreamOptions {
  channel: string;
  client: PubSubClient;
  sink: EventSink;
  schemas: SchemaCache;
  clock: Clock;
  signal: AbortSignal;
  /** Events created before this wall ms are passed over; null: none are. */
  ignoreBefore: number | null;
  /** What the owner wants to know; none of these throws. */
  on: StreamListener;
}

export interface StreamListener {
  /** The server took the call. */
  open(): void;
  event(createdAt: number | null): void;
  keepalive(): void;
  /** One more is stored, up to this position when it has one. */
  stored(replayId: string | null): void;
  /** Nothing has come for some seconds: what there was has been read. */
  quiet(): void;
}

type Received = { kind: 'event'; event: ConsumerEvent } | { kind: 'keepalive'; replayId: string };

/** A keepalive comes about every 60 s; without one for so long the stream is dead, whatever TCP says. */
const silenceMs = 130_000;
const quietMs = 3_000;
/** The server ends a stream that owes nothing for 60 s. */
const creditlessMs = 45_000;

export class EventStream {
  private readonly credit = new Credit();
  private readonly queue: Received[] = [];
  /** Events in the queue or at the sink. */
  private held = 0;
  private stream: FetchStream | null = null;
  private draining: Promise<void> | null = null;
  /** Why we ended it ourselves. */
  private ours: StreamFault | null = null;
  private lastHeard = 0;
  private watchdog: Timer | null = null;
  private quietTimer: Timer | null = null;
  private creditless: Timer | null = null;

  constructor(private readonly options: StreamOptions) {}

  /**
   * Runs until nothing of the stream is left.
   * @returns why it ended.
   */
  async run(start: Pick<FetchRequest, 'replayPreset' | 'replayId'>): Promise<StreamFault> {
    const { channel, client, clock, signal, sink, on } = this.options;
    const count = this.credit.wanted(sink.capacity(), 0);
    if (count === 0) return new StreamFault('temporary', 'NO_ROOM', 'There is no room for events');
    this.credit.asked(count);
    this.lastHeard = clock.monotonic();
    const stream = client.subscribe(
      { topicName: channel, ...start, numRequested: count },
      () => on.open(),
      (response) => this.receive(response),
    );
    this.stream = stream;
    const onAbort = (): void => this.giveUp(new StreamFault('temporary', 'ECLOSED', 'The subscriber is closing'));
    signal.addEventListener('abort', onAbort, { once: true });
    if (signal.aborted) onAbort();
    this.watch(silenceMs);
    this.awaitQuiet();
    try {
      const fault = await stream.ended;
      this.stream = null;
      this.stopTimers();
      await this.draining;
      return this.ours ?? fault;
    } finally {
      signal.removeEventListener('abort', onAbort);
    }
  }

  /** Asks for more events if there is room. */
  topUp(): void {
    const { channel, clock, sink } = this.options;
    if (!this.stream || this.ours) return;
    const count = this.credit.wanted(sink.capacity(), this.held);
    if (count > 0) this.ask(this.stream, channel, count);
    if (this.credit.owed > 0) {
      this.creditless?.cancel();
      this.creditless = null;
    } else
      this.creditless ??= clock.after(creditlessMs, () => {
        this.creditless = null;
        // Still storing what came: one more is held here, rather than let the server end the stream.
        if (this.stream && !this.ours && this.credit.owed === 0 && this.held > 0 && this.held < mostOutstanding)
          this.ask(this.stream, channel, 1);
      });
  }

  private ask(stream: FetchStream, topicName: string, numRequested: number): void {
    this.credit.asked(numRequested);
    stream.request({ topicName, numRequested });
  }

  private receive(response: FetchResponse): void {
    if (this.ours || !this.stream) return;
    const { clock, on } = this.options;
    this.lastHeard = clock.monotonic();
    on.open();
    this.credit.came(response.events.length);
    this.held += response.events.length;
    for (const event of response.events) this.queue.push({ kind: 'event', event });
    if (response.events.length === 0) {
      on.keepalive();
      const replayId = base64(response.latestReplayId);
      // Behind the events in the queue: it counts only once they are stored.
      if (replayId !== null) this.queue.push({ kind: 'keepalive', replayId });
    } else this.awaitQuiet();
    this.topUp();
    this.draining ??= this.drain().finally(() => (this.draining = null));
  }

  private async drain(): Promise<void> {
    for (let next = this.queue.shift(); next; next = this.queue.shift()) {
      try {
        if (next.kind === 'event') await this.handOn(next.event);
        else await this.storePosition(next.replayId);
      } catch (error) {
        return this.giveUp(toFault(error));
      }
      if (next.kind === 'event') this.held -= 1;
      this.topUp();
    }
  }

  private async handOn({ event, replayId: bytes }: ConsumerEvent): Promise<void> {
    const { channel, client, sink, schemas, signal, ignoreBefore, on } = this.options;
    const replayId = base64(bytes);
    const id = { channel, replayId, eventId: event.id };
    let decoded: ReturnType<Awaited<ReturnType<SchemaCache['decoder']>>>;
    try {
      const decode = await schemas.decoder(event.schemaId, (schemaId) => client.schema(schemaId, signal));
      decoded = decode(event.payload);
    } catch (error) {
      if (error instanceof StreamFault) throw error;
      const why = error instanceof Error ? error.message : String(error);
      const reason =
        error instanceof UnusableSchema ? why : `The payload does not fit its schema ${event.schemaId}: ${why}`;
      on.event(null);
      await sink.unreadable({ ...id, raw: event.payload.toString('base64'), reason }).catch(asSinkFault);
      on.stored(replayId);
      return;
    }
    if (ignoreBefore !== null && decoded.createdAt !== null && decoded.createdAt < ignoreBefore) return;
    on.event(decoded.createdAt);
    await sink.event({ ...id, createdAt: decoded.createdAt, payload: decoded.fields }).catch(asSinkFault);
    on.stored(replayId);
  }

  private async storePosition(replayId: string): Promise<void> {
    await this.options.sink.position(replayId).catch(asSinkFault);
    this.options.on.stored(replayId);
  }

  /** Ends it from our side; what is in the queue comes again after the next start. */
  private giveUp(fault: StreamFault): void {
    this.ours ??= fault;
    this.queue.length = 0;
    this.stopTimers();
    this.stream?.cancel();
  }

  private watch(ms: number): void {
    const { clock } = this.options;
    this.watchdog = clock.after(ms, () => {
      const left = this.lastHeard + silenceMs - clock.monotonic();
      if (left > 0) return this.watch(left);
      // What came before the silence is good; it goes on being stored.
      this.ours ??= new StreamFault('silent', 'SILENT', `Nothing came for ${silenceMs / 1000} s, not even a keepalive`);
      this.stream?.cancel();
    });
  }

  private awaitQuiet(): void {
    this.quietTimer?.cancel();
    this.quietTimer = this.options.clock.after(quietMs, () => {
      this.quietTimer = null;
      if (this.held === 0) this.options.on.quiet();
      else this.awaitQuiet();
    });
  }

  private stopTimers(): void {
    for (const timer of [this.watchdog, this.quietTimer, this.creditless]) timer?.cancel();
    this.watchdog = this.quietTimer = this.creditless = null;
  }
}

/** Null for none, and for an empty one. */
const base64 = (bytes: Buffer | undefined): string | null =>
  bytes === undefined || bytes.length === 0 ? null : bytes.toString('base64');

const asSinkFault = (error: unknown): never => {
  throw sinkFault(error);
};
