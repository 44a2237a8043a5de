/** The subscribers' connections, whichever API they came by, and what was counted over all. */
import type { BusEvent, Topic } from './bus';
import type { Refusal } from './pubsub-errors';
import type { Session } from './sessions';

/** A Subscribe stream of Pub/Sub, or a client of the Streaming API. */
export interface OpenStream {
  readonly session: Session;
  /** Set: nothing is sent and nothing is heard, but the stream stays. */
  deaf: boolean;
  hears(channel: string): boolean;
  /** Ends it as this refusal of Pub/Sub does, or as the Streaming API says the like. */
  refuse(refusal: Refusal): void;
  /** Ends it with no fault. */
  complete(): void;
  /** Sends events of a topic again that were sent before; the position stays. */
  again(events: BusEvent[], topic: Topic): void;
  /** Hears and speaks again after silence. */
  revive(): void;
  /** Resets its connection, where that is its own, or the next one that it makes. */
  reset?(): void;
  /** A client of the Streaming API whose connect is held. */
  readonly waits?: boolean;
}

export class Streams {
  readonly open = new Set<OpenStream>();
  /** Streams that open from now on are half-open: accepted, and silent for ever. */
  newOnesDeaf = false;
  private opened = 0;
  private peak = 0;
  private delivered = 0;
  private requested = 0;
  private peakOwed = 0;

  add(stream: OpenStream): void {
    this.open.add(stream);
    this.opened += 1;
    this.peak = Math.max(this.peak, this.open.size);
  }

  countDelivered(events: number): void {
    this.delivered += events;
  }

  countRequested(events: number, owed: number): void {
    this.requested += events;
    this.peakOwed = Math.max(this.peakOwed, owed);
  }

  /** Events delivered so far, to all streams. */
  get deliveries(): number {
    return this.delivered;
  }

  counts(): Record<string, number> {
    return {
      openStreams: this.open.size,
      openedStreams: this.opened,
      peakStreams: this.peak,
      deliveries: this.delivered,
      requestedEvents: this.requested,
      peakOwedEvents: this.peakOwed,
      heldConnects: [...this.open].filter((stream) => stream.waits).length,
    };
  }

  clear(): void {
    this.newOnesDeaf = false;
    this.opened = this.open.size;
    this.peak = this.open.size;
    this.delivered = this.requested = this.peakOwed = 0;
  }
}
