/**
 * The end of a doubtful span, as our wall clock shows it now. The clock that noticed a loss may have been slow, as on a host
 * without a battery before it has asked for the time, and is set right after: what was under way at the loss would look
 * younger than the loss. So the age of a doubt is counted by clocks that nobody sets, and the span ends that long ago, or
 * when the clock of then said, whichever is later. Later costs reads and a quarantine; earlier would cost an order.
 */
import type { Doubt } from './contract';

/**
 * ms that clocks drift apart, or that uptimes are rounded by, without having been set. Each raise begins the quarantine of
 * the doubt anew, so that there must not be one at each read. Salesforce dates an Order to the second.
 */
const driftMs = 1_000;

export class DoubtEnd {
  private known: { stored: Doubt; until: number } | null = null;

  /**
   * @param stored as the store keeps it.
   * @param noticedAt wall ms of our clock less the age of the doubt; null where the age is not known.
   * @returns the doubt with its end as our clock shows it; once raised, it is not lowered again.
   */
  of(stored: Doubt, noticedAt: number | null): Doubt {
    const { reason, until } = stored;
    if (this.known?.stored.reason !== reason || this.known.stored.until !== until) this.known = { stored, until };
    if (noticedAt !== null && noticedAt > this.known.until + driftMs) this.known.until = Math.ceil(noticedAt);
    return { reason, until: this.known.until };
  }
}
