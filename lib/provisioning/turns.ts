/**
 * Whose turn it is. A step never waits for a lease or an unsettled call (exactly-one R20): its event is parked with the
 * name of what it waits for, and whoever lets that go wakes the first in the line. Until that one has come, the others
 * stay behind it, so that no newcomer overtakes it again and again.
 *
 * It saves time and guards nothing: what was let go by a process that died, say, is found free at the parked event's time.
 */
import type { Clock } from '../clock';
import type { Log } from '../log';
import type { StateStore } from '../state/contract';
import type { Handout } from './handouts';

/** What to wait for, as it was before one tried to get it. */
export interface Turn {
  readonly what: string;
  /** How often anything had been let go by then. */
  readonly since: number;
}

/** How long the others stay behind one that was woken. */
const comingMs = 10_000;
/** Of so many things it is remembered when they were let go; longer ago than an event needs to be parked. */
const rememberedLimit = 1_000;

interface Coming {
  eventId: string;
  orderId: string | null;
  /** Its hand-out when it was woken: it comes under a newer one. */
  handout: number;
  /** Monotonic ms. */
  until: number;
}

export class Turns {
  private readonly coming = new Map<string, Coming>();
  private readonly letGo = new Map<string, number>();
  private count = 0;

  constructor(
    private readonly parts: { store: Pick<StateStore, 'inbox'>; clock: Clock; log: Log },
    /** An event may go at once. */
    private readonly woke: () => void = () => undefined,
  ) {}

  /** To be called before one tries to get `what`, so that nothing let go meanwhile is missed. */
  look(what: string): Turn {
    return { what, since: this.count };
  }

  /** Whether another order was woken for it and has not come yet. */
  isOfAnother(what: string, orderId: string): boolean {
    const coming = this.comingFor(what);
    return coming !== undefined && coming.orderId !== orderId;
  }

  /** The order has come: it got `what`, or found it taken again and is parked for it anew. */
  came(what: string, orderId: string): void {
    if (this.coming.get(what)?.orderId === orderId) this.coming.delete(what);
  }

  /** `what` was let go: the first that waits for it is woken. Never rejects. */
  async free(what: string): Promise<void> {
    this.letGo.delete(what);
    this.letGo.set(what, ++this.count);
    for (const oldest of this.letGo.keys()) {
      if (this.letGo.size <= rememberedLimit) break;
      this.letGo.delete(oldest);
    }
    await this.wakeNext(what);
  }

  /** An event was parked for it: where it was let go in between, nobody else would wake anyone. */
  async parked({ what, since }: Turn): Promise<void> {
    if ((this.letGo.get(what) ?? 0) > since) await this.wakeNext(what);
  }

  /** A hand-out is over; what it was woken for and did not come for is the next one's. */
  async left({ eventId, handout }: Pick<Handout, 'eventId' | 'handout'>): Promise<void> {
    for (const [what, coming] of this.coming) {
      if (coming.eventId !== eventId || coming.handout >= handout) continue;
      this.coming.delete(what);
      await this.free(what);
    }
  }

  private comingFor(what: string): Coming | undefined {
    const coming = this.coming.get(what);
    if (!coming || coming.until > this.parts.clock.monotonic()) return coming;
    this.coming.delete(what);
    return undefined;
  }

  private async wakeNext(what: string): Promise<void> {
    if (this.comingFor(what)) return;
    try {
      const event = await this.parts.store.inbox.wakeNext(what);
      if (!event) return;
      const until = this.parts.clock.monotonic() + comingMs;
      this.coming.set(what, { eventId: event.id, orderId: event.orderId, handout: event.handout, until });
    } catch (error) {
      this.parts.log.warn('The next waiting order could not be woken; it goes on at its time', {
        error: String(error),
      });
      return;
    }
    this.woke();
  }
}
