/** Stores places that no stored event brings: one write at a time, each bounded, beside the events and never in their way. */
import type { Clock } from '../../clock';
import type { EventSink } from '../contract';
import { boundedBy } from './bounded';
import { sinkFault, StreamFault } from './stream-fault';

const limitMs = 20_000;

/** Of a keepalive: everything before it is stored. Of an event that was passed over: what came before was as well, or is stored. */
export interface Place {
  kind: 'position' | 'passed';
  replayId: string;
}

export class PositionWriter {
  private next: Place | null = null;
  private writing: Promise<void> | null = null;

  constructor(
    private readonly parts: {
      sink: Pick<EventSink, 'position' | 'passed'>;
      clock: Clock;
      signal: AbortSignal;
      stored: (replayId: string) => void;
      /** null: it works again. */
      failed: (fault: StreamFault | null) => void;
    },
  ) {}

  /** One that waits gives way to it. */
  write(place: Place): void {
    this.next = place;
    this.writing ??= this.run().finally(() => (this.writing = null));
  }

  /** An event is about to be stored, with a later place: what waits would be older. */
  overtaken(): void {
    this.next = null;
  }

  /** When no write is under way. */
  async idle(): Promise<void> {
    await this.writing;
  }

  private async run(): Promise<void> {
    const { sink, clock, signal, stored, failed } = this.parts;
    for (let place = this.next; place !== null && !signal.aborted; place = this.next) {
      const { kind, replayId } = place;
      this.next = null;
      try {
        await boundedBy(clock, limitMs, () => sink[kind](replayId), signal);
        if (kind === 'position') stored(replayId);
        failed(null);
      } catch (error) {
        // The next keepalive, or event, brings a later place.
        if (!signal.aborted) failed(error instanceof StreamFault ? error : sinkFault(error));
      }
    }
  }
}
