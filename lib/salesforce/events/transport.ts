/** What a transport of events has to do. What is common to all (the order, the store, coming back) is not its business. */
import type { Token } from '../auth';
import type { DecodedPayload } from './avro';
import type { StreamFault } from './stream-fault';

export interface Transport {
  /** Without a sign of life for so long a stream is dead, whatever TCP says; ms. */
  readonly silenceMs: number;
  /**
   * One stream, from connecting to its end. Ends soon after `parts.signal` is aborted; leaves nothing open and no timer.
   * @returns why it ended, or throws it.
   */
  run(parts: StreamParts): Promise<StreamFault>;
}

export type StreamStart = { preset: 'LATEST' | 'EARLIEST' } | { replayId: string };

/** What one stream is given, and what it tells. None of these functions throws. */
export interface StreamParts {
  readonly channel: string;
  readonly token: Token;
  readonly start: StreamStart;
  /** Aborted when the stream is to end. */
  readonly signal: AbortSignal;
  /** The server has taken the subscription; may be told again. */
  opened(): void;
  /** These came, in the order of the channel. */
  events(events: Incoming[]): void;
  /** A sign of life without events. `replayId` (base64) names a place before which nothing more comes; null: it names none. */
  alive(replayId: string | null): void;
  /** How many events the sink takes now; those that are held count against it. */
  capacity(): number;
  /** Events that came on this stream and are not stored yet. */
  readonly held: number;
  /** Called when there may be more room. */
  onRoom(listener: () => void): void;
}

/** An event as it came. */
export interface Incoming {
  eventId: string;
  /** base64 of the exact bytes; null when none came. */
  replayId: string | null;
  /** base64 of what came, for an event that cannot be read. */
  raw(): string;
  /**
   * Asked for once, in its turn.
   * @throws UnreadableEventError when it can't be read, now or later; StreamFault when it can't be read on this stream.
   */
  decode(): Promise<DecodedPayload>;
}

/** This event cannot be read, now or later. */
export class UnreadableEventError extends Error {
  override readonly name = 'UnreadableEventError';
}
