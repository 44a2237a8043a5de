/**
 * What came on one stream, handed to the sink one at a time and in order. A sink that fails is tried again, ever more
 * rarely, with the stream left alone: nothing that it does ends the stream.
 */
import { pause, type Clock } from '../../clock';
import { backoff } from '../backoff';
import { EventRefused, type EventSink, type ReceivedEvent } from '../contract';
import { boundedBy } from './bounded';
import { PositionWriter } from './position-writer';
import { sinkFault, StreamFault, toFault } from './stream-fault';
import { UnreadableEventError, type Incoming } from './transport';

export interface InflowParts {
  channel: string;
  sink: EventSink;
  clock: Clock;
  random: () => number;
  /** Aborted when the subscriber closes: nothing new is begun then, what is at the sink goes on. */
  signal: AbortSignal;
  /** Events created before this wall ms are passed over; null: none are. */
  createdSince: number | null;
  on: InflowListener;
}

/** None of these throws. */
export interface InflowListener {
  /** An event's turn has come; null: it tells no time. */
  event(createdAt: number | null): void;
  /** One more is stored, up to this position when it has one. */
  stored(replayId: string | null): void;
  /** The event at hand is not stored yet, and when it is tried again; null: storing works again. */
  storing(trouble: { fault: StreamFault; retryAt: number | null } | null): void;
  /** The place of a keepalive, or of an event passed over, was not stored; null: places are stored again. */
  positionFailed(fault: StreamFault | null): void;
  /** An event bore no replay id. */
  withoutReplayId(eventId: string): void;
  /** There may be more room. */
  room(): void;
  /** The next event cannot be read on this stream: it has to begin anew. What waits is dropped. */
  unusable(fault: StreamFault): void;
}

type Item = { kind: 'event'; event: Incoming } | { kind: 'place'; replayId: string };

const firstRetryMs = 1_000;
const longestRetryMs = 60_000;
/** So long a call to the sink goes unnoticed, and so long it is waited for. */
const slowMs = 20_000;
const deadMs = 120_000;

export class Inflow {
  private readonly queue: Item[] = [];
  private readonly positions: PositionWriter;
  private draining: Promise<void> | null = null;
  private wake: (() => void) | null = null;
  /** Somebody was told that storing fails. */
  private troubled = false;
  /** Events in the queue or at the sink. */
  held = 0;

  constructor(private readonly parts: InflowParts) {
    const { sink, clock, signal, on } = parts;
    this.positions = new PositionWriter({ sink, clock, signal, stored: on.stored, failed: on.positionFailed });
  }

  events(events: Incoming[]): void {
    this.held += events.length;
    for (const event of events) this.queue.push({ kind: 'event', event });
    this.go();
  }

  /** A keepalive's place: it counts once everything before it is stored. */
  place(replayId: string): void {
    const last = this.queue.at(-1);
    if (last?.kind === 'place') last.replayId = replayId;
    else this.queue.push({ kind: 'place', replayId });
    this.go();
  }

  /** The sink may have room again. */
  poke(): void {
    this.wake?.();
  }

  /** Forgets what waits: it comes again on the next stream. */
  drop(): void {
    for (const item of this.queue.splice(0)) if (item.kind === 'event') this.held -= 1;
    this.wake?.();
  }

  /** When everything that came is stored or dropped. */
  async idle(): Promise<void> {
    while (this.draining) await this.draining;
    await this.positions.idle();
  }

  private go(): void {
    if (this.parts.signal.aborted) return this.drop();
    this.draining ??= this.drain().finally(() => (this.draining = null));
  }

  private async drain(): Promise<void> {
    const { signal, on } = this.parts;
    for (let next = this.queue.shift(); next; next = this.queue.shift()) {
      if (next.kind === 'place') {
        this.positions.write({ kind: 'position', replayId: next.replayId });
        continue;
      }
      try {
        await this.room();
        await this.handOn(next.event);
      } catch (error) {
        this.drop();
        if (!signal.aborted) on.unusable(toFault(error));
        return;
      } finally {
        this.held -= 1;
      }
      on.room();
    }
  }

  /** Waits until the sink takes one. */
  private async room(): Promise<void> {
    const { sink, signal } = this.parts;
    while (!(sink.capacity() >= 1)) {
      signal.throwIfAborted();
      await new Promise<void>((resolve) => (this.wake = resolve)).finally(() => (this.wake = null));
    }
  }

  private async handOn(event: Incoming): Promise<void> {
    const { channel, sink, createdSince, signal, on } = this.parts;
    const { eventId, replayId } = event;
    const id = { channel, replayId, eventId };
    const unreadable = (reason: string): Promise<void> =>
      this.store(() => sink.unreadable({ ...id, raw: event.raw(), reason }), replayId);
    let received: ReceivedEvent;
    try {
      const { createdAt, fields } = await event.decode();
      received = { ...id, createdAt, payload: fields };
    } catch (error) {
      if (!(error instanceof UnreadableEventError)) throw error;
      on.event(null);
      return unreadable(error.message);
    }
    signal.throwIfAborted();
    if (createdSince !== null && received.createdAt !== null && received.createdAt < createdSince) {
      if (replayId !== null) this.positions.write({ kind: 'passed', replayId });
      return;
    }
    on.event(received.createdAt);
    if (replayId === null) on.withoutReplayId(eventId);
    return this.store(() => sink.event(received), replayId, unreadable);
  }

  /** Until it is stored, or the subscriber closes. */
  private async store(
    put: () => Promise<void>,
    replayId: string | null,
    whenRefused?: (reason: string) => Promise<void>,
  ): Promise<void> {
    const { clock, random, signal, on } = this.parts;
    for (let tries = 1; ; tries++) {
      const trouble = (fault: StreamFault, retryAt: number | null): void => {
        this.troubled = true;
        on.storing({ fault, retryAt });
      };
      const tell = (): void =>
        trouble(new StreamFault('sink', 'STORE_SILENT', `The store has not answered for ${slowMs / 1_000} s`), null);
      try {
        this.positions.overtaken();
        await boundedBy(clock, deadMs, put, signal, { ms: slowMs, tell });
        on.stored(replayId);
        if (!this.troubled) return;
        this.troubled = false;
        return on.storing(null);
      } catch (error) {
        signal.throwIfAborted();
        if (error instanceof EventRefused && whenRefused) return whenRefused(error.message);
        const wait = backoff(tries, firstRetryMs, longestRetryMs, random);
        trouble(error instanceof StreamFault ? error : sinkFault(error), clock.now() + wait);
        await pause(clock, wait, signal);
      }
    }
  }
}
