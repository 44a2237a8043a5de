/** One stream of a subscriber: what a transport tells of it, whether it still lives, and that all of it is stored. */
import type { Clock, Timer } from '../../clock';
import type { Token } from '../auth';
import type { EventSink } from '../contract';
import { Inflow, type InflowListener } from './inflow';
import { StreamFault, toFault } from './stream-fault';
import type { Incoming, StreamParts, StreamStart, Transport } from './transport';

export interface SessionParts {
  channel: string;
  token: Token;
  start: StreamStart;
  /** See `Inflow`. */
  createdSince: number | null;
  sink: EventSink;
  clock: Clock;
  random: () => number;
  /** Aborted when the subscriber closes. */
  closing: AbortSignal;
  on: SessionListener;
}

/** None of these throws. */
export interface SessionListener extends Omit<InflowListener, 'room' | 'unusable'> {
  /** The server has taken the subscription. */
  opened(): void;
  /** So many came; they have still to be stored. */
  came(count: number): void;
  /** A sign of life without events. */
  keepalive(): void;
  /** Nothing has come for some seconds and everything is stored: what there was has been read. */
  quiet(): void;
}

const quietMs = 2_000;

export class StreamSession implements StreamParts {
  private readonly ending = new AbortController();
  private readonly inflow: Inflow;
  private readonly roomListeners: (() => void)[] = [];
  private heardAt: number;
  private isOpen = false;
  private over = false;
  private watchdog: Timer | null = null;
  private quietTimer: Timer | null = null;
  /** Why we end it ourselves. */
  private ours: StreamFault | null = null;

  constructor(private readonly parts: SessionParts) {
    const { channel, sink, clock, random, closing, createdSince, on } = parts;
    this.heardAt = clock.monotonic();
    this.inflow = new Inflow({
      ...{ channel, sink, clock, random, createdSince },
      signal: closing,
      on: { ...on, room: () => this.moreRoom(), unusable: (fault) => this.end(fault) },
    });
  }

  get channel(): string {
    return this.parts.channel;
  }
  get token(): Token {
    return this.parts.token;
  }
  get start(): StreamStart {
    return this.parts.start;
  }
  get signal(): AbortSignal {
    return this.ending.signal;
  }
  get held(): number {
    return this.inflow.held;
  }

  /**
   * Runs until nothing of the stream is left. What came before it ended is stored still, unless it can't be read on this
   * stream or the subscriber closes; then it comes again on the next.
   * @returns why it ended.
   */
  async run(transport: Transport): Promise<StreamFault> {
    const { closing } = this.parts;
    const onClosing = (): void => {
      this.inflow.drop();
      this.end(new StreamFault('temporary', 'ECLOSED', 'The subscriber is closing'));
    };
    closing.addEventListener('abort', onClosing, { once: true });
    if (closing.aborted) onClosing();
    this.watch(transport.silenceMs, transport.silenceMs);
    try {
      const fault = await transport.run(this).catch(toFault);
      this.over = true;
      this.stopTimers();
      await this.inflow.idle();
      return this.ours ?? fault;
    } finally {
      closing.removeEventListener('abort', onClosing);
    }
  }

  /** The sink may have room again. */
  poke(): void {
    this.inflow.poke();
    this.moreRoom();
  }

  opened(): void {
    if (this.isOver || this.isOpen) return;
    this.isOpen = true;
    this.parts.on.opened();
    this.awaitQuiet();
  }

  events(events: Incoming[]): void {
    if (this.isOver || events.length === 0) return;
    this.opened();
    this.heardAt = this.parts.clock.monotonic();
    this.parts.on.came(events.length);
    this.awaitQuiet();
    this.inflow.events(events);
  }

  alive(replayId: string | null): void {
    if (this.isOver) return;
    this.opened();
    this.heardAt = this.parts.clock.monotonic();
    this.parts.on.keepalive();
    if (replayId !== null) this.inflow.place(replayId);
  }

  capacity(): number {
    return this.parts.sink.capacity();
  }

  onRoom(listener: () => void): void {
    this.roomListeners.push(listener);
  }

  private get isOver(): boolean {
    return this.over || this.ours !== null;
  }

  private moreRoom(): void {
    if (!this.isOver) for (const listener of this.roomListeners) listener();
  }

  private end(fault: StreamFault): void {
    this.ours ??= fault;
    this.stopTimers();
    this.ending.abort(this.ours);
  }

  private watch(ms: number, silenceMs: number): void {
    if (this.isOver) return;
    const { clock } = this.parts;
    this.watchdog = clock.after(ms, () => {
      const left = this.heardAt + silenceMs - clock.monotonic();
      if (left > 0) return this.watch(left, silenceMs);
      this.end(new StreamFault('silent', 'SILENT', `Nothing came for ${silenceMs / 1_000} s, not even a keepalive`));
    });
  }

  private awaitQuiet(): void {
    this.quietTimer?.cancel();
    if (this.isOver) return;
    this.quietTimer = this.parts.clock.after(quietMs, () => {
      if (this.held > 0) return this.awaitQuiet();
      this.quietTimer = null;
      this.parts.on.quiet();
    });
  }

  private stopTimers(): void {
    for (const timer of [this.watchdog, this.quietTimer]) timer?.cancel();
    this.watchdog = this.quietTimer = null;
  }
}
