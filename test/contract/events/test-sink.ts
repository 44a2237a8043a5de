import type { EventGap, EventSink, ReceivedEvent, StartPlace, UnreadableEvent } from '../../../lib/salesforce/contract';

/** Stores in memory, with a position as an intake does, and does what a test wants of it. */
export class TestSink implements EventSink {
  readonly events: ReceivedEvent[] = [];
  readonly unreadables: UnreadableEvent[] = [];
  readonly gaps: EventGap[] = [];
  /** In the order in which things were stored: event ids, `!id` for unreadable ones, `@id` for positions. */
  readonly order: string[] = [];
  stored: string | null = null;
  /** Wall ms up to which everything has come, as told beside the stored position. */
  through: number | null = null;
  /** Instead of the stored position, until something is stored. */
  asked: StartPlace | null = null;
  preset: 'LATEST' | 'EARLIEST' = 'LATEST';
  /** Wall ms; LATEST is remembered by it until something is stored, as an intake does. */
  now: () => number = Date.now;
  private latestAt: number | null = null;
  /** Up to there everything was created too early. */
  passedTo: StartPlace | null = null;
  room = 100;
  starts = 0;
  /** Calls to store events, repeats included. */
  tries = 0;
  /** At once at the sink; must never be more than 1. */
  mostAtOnce = 0;
  /** Waits before it stores. */
  before: (event: ReceivedEvent) => Promise<void> = () => Promise.resolve();
  beforePosition: (replayId: string) => Promise<void> = () => Promise.resolve();
  private atOnce = 0;

  event(event: ReceivedEvent): Promise<void> {
    this.tries += 1;
    return this.one(async () => {
      await this.before(event);
      this.events.push(event);
      this.keep(event.eventId, event.replayId);
    });
  }

  unreadable(event: UnreadableEvent): Promise<void> {
    return this.one(() => {
      this.unreadables.push(event);
      this.keep(`!${event.eventId}`, event.replayId);
      return Promise.resolve();
    });
  }

  async position(replayId: string): Promise<void> {
    await this.beforePosition(replayId);
    this.keep(`@${replayId}`, replayId);
  }

  passed(replayId: string): Promise<void> {
    const since = this.asked ?? this.passedTo ?? this.latest();
    this.asked = null;
    this.passedTo = { replayId, ...(since?.createdSince === undefined ? {} : { createdSince: since.createdSince }) };
    return Promise.resolve();
  }

  capacity(): number {
    return this.room;
  }

  start(): Promise<StartPlace> {
    this.starts += 1;
    if (this.asked) return Promise.resolve({ ...this.asked, asked: true });
    if (this.passedTo) return Promise.resolve(this.passedTo);
    if (this.stored !== null) return Promise.resolve({ replayId: this.stored, through: this.through });
    const latest = this.preset === 'LATEST' ? this.latest() : null;
    if (latest) return Promise.resolve(latest);
    if (this.preset === 'LATEST') this.latestAt = this.now();
    return Promise.resolve({ preset: this.preset });
  }

  gap(gap: EventGap): void {
    this.gaps.push(gap);
    this.asked = null;
  }

  private latest(): StartPlace | null {
    return this.latestAt === null ? null : { preset: 'EARLIEST', createdSince: this.latestAt - 600_000 };
  }

  private keep(what: string, replayId: string | null): void {
    this.order.push(what);
    this.stored = replayId ?? this.stored;
    this.asked = null;
    this.passedTo = null;
  }

  private async one(work: () => Promise<void>): Promise<void> {
    this.mostAtOnce = Math.max(this.mostAtOnce, ++this.atOnce);
    try {
      await work();
    } finally {
      this.atOnce -= 1;
    }
  }
}

/** A call that a test holds until it lets go. */
export function held(): { wait: () => Promise<void>; release: () => void } {
  let release = (): void => undefined;
  const wait = (): Promise<void> => new Promise((resolve) => (release = resolve));
  return { wait, release: () => release() };
}
