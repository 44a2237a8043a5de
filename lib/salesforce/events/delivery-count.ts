/** How many events of a channel came in the last 24 hours: Salesforce counts each delivery against the org's allowance. */
import type { Deliveries } from '../contract';

const hourMs = 3_600_000;
const hours = 24;

export class DeliveryCount {
  /** By hour since 1970. */
  private readonly byHour = new Map<number, number>();

  /** @param startedAt wall ms since when it counts. */
  constructor(private startedAt: number) {}

  add(count: number, now: number): void {
    const hour = Math.floor(now / hourMs);
    this.forget(hour);
    this.byHour.set(hour, (this.byHour.get(hour) ?? 0) + count);
  }

  /** The last 24 hours, to the hour. */
  now(now: number): Omit<Deliveries, 'allowance'> {
    this.forget(Math.floor(now / hourMs));
    const today = [...this.byHour.values()].reduce((sum, count) => sum + count, 0);
    return { today, since: Math.min(now, Math.max(this.startedAt, now - hours * hourMs)) };
  }

  /** A clock that was set back leaves nothing in the future either. */
  private forget(hour: number): void {
    for (const one of this.byHour.keys()) if (one > hour || one <= hour - hours) this.byHour.delete(one);
  }
}

/** The counts of all channels and orgs: a few dozen numbers each. */
export class DeliveryCounts {
  private readonly counts = new Map<string, DeliveryCount>();

  /** The count of the channel and org that `key` names, begun now if there is none. */
  of(key: string, now: number): DeliveryCount {
    const count = this.counts.get(key) ?? new DeliveryCount(now);
    this.counts.set(key, count);
    return count;
  }
}
