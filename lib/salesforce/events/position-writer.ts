/** Stores the places that keepalives name: one write at a time, each bounded, beside the events and never in their way. */
import type { Clock } from '../../clock';
import type { EventSink } from '../contract';
import { boundedBy } from './bounded';
import { sinkFault, StreamFault } from './stream-fault';

const limitMs = 20_000;

export class PositionWriter {
  private next: string | null = null;
  private writing: Promise<void> | null = null;

  constructor(
    private readonly parts: {
      sink: Pick<EventSink, 'position'>;
      clock: Clock;
      signal: AbortSignal;
      stored: (replayId: string) => void;
      /** null: it works again. */
      failed: (fault: StreamFault | null) => void;
    },
  ) {}

  /** The newest place that everything before is stored of. One that waits gives way to it. */
  write(replayId: string): void {
    this.next = replayId;
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
    for (let replayId = this.next; replayId !== null && !signal.aborted; replayId = this.next) {
      const place = replayId;
      this.next = null;
      try {
        await boundedBy(clock, limitMs, () => sink.position(place), signal);
        stored(place);
        failed(null);
      } catch (error) {
        // The next keepalive brings a later place.
        if (!signal.aborted) failed(error instanceof StreamFault ? error : sinkFault(error));
      }
    }
  }
}
