/**
 * The end of a doubtful span, as our wall clock shows it now. The clock that noticed a loss may have been slow, as on a host
 * without a battery before it has asked for the time, and is set right after: what was under way at the loss would look
 * younger than the loss. So the age of a doubt is counted by clocks that nobody sets, and the span ends that long ago, or
 * when the clock of then said, whichever is later. Later costs reads and a quarantine; earlier would cost an order.
 */

/** ms that clocks drift apart, or that uptimes are rounded by, without having been set. Salesforce dates an Order to the second. */
const driftMs = 1_000;

/** ms of running after which a clock that noticed a doubt counts as right: had it been wrong, it would have been set by now. */
export const trustedAfterMs = 24 * 3_600_000;

/** What is known of the end of a doubt; wall ms. */
export interface EndSeen {
  /** By the clock of then. */
  written: number;
  /** Where an earlier look has put it; null: none has. */
  kept: number | null;
  /** The time of our clock now, less the age of the doubt; null where the age is not known. */
  noticedAt: number | null;
  /** The doubt is older than `trustedAfterMs`, as counted by clocks that nobody sets. */
  isOld: boolean;
}

/**
 * @param now wall ms.
 * @returns wall ms. No look lowers an end that lies in the past. One to come was put there by a clock that was ahead, at a
 * look or when the doubt was noticed; or the clock is behind now, so that what was written then still holds for a day.
 */
export function endOf({ written, kept, noticedAt, isOld }: EndSeen, now: number): number {
  const end = kept ?? written;
  if (noticedAt !== null && noticedAt > end + driftMs) return Math.ceil(noticedAt);
  if (end <= now + driftMs) return end;
  if (isOld) return Math.ceil(noticedAt ?? now);
  return noticedAt === null ? end : Math.max(written, Math.ceil(noticedAt));
}
