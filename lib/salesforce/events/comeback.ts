/** When a subscriber tries again, and after what: at once, after a pause that grows, or never. */
import type { Clock } from '../../clock';
import type { Token } from '../auth';
import { backoff } from '../backoff';
import type { FaultKind, StreamFault } from './stream-fault';

/** First and longest pause after each kind of end, ms. */
const pauses: Record<FaultKind, [number, number]> = {
  temporary: [1_000, 60_000],
  corrupted: [1_000, 60_000],
  sink: [1_000, 60_000],
  silent: [1_000, 60_000],
  limit: [300_000, 1_800_000],
  // Tokens that worked for a while, and were refused all the same soon after each other.
  auth: [60_000, 1_200_000],
  // Of a channel that was heard once: a permission that comes back takes Salesforce up to ten minutes.
  misconfigured: [1_200_000, 1_200_000],
};
/** After a fresh token was refused: a new one is no cure. */
const refusedAgainMs = 1_200_000;
/** A token that was refused sooner was no good from the start. */
const youngMs = 60_000;

export class Comeback {
  /** Ends in a row since an event was stored or a keepalive came. */
  private failures = 0;
  /** Tokens refused in a row with nothing heard in between. */
  private refusedTokens = 0;
  /** Monotonic ms of the last new login that a refusal brought about at once. */
  private renewedAt = -Infinity;
  private inUse: { token: Token; since: number } | null = null;
  /** By this subscriber, or by one before it. */
  private wasHeard = false;

  constructor(
    private readonly clock: Clock,
    private readonly random: () => number,
  ) {}

  /** A stream begins with this token. */
  uses(token: Token): void {
    if (this.inUse?.token !== token) this.inUse = { token, since: this.clock.monotonic() };
  }

  /** Something came: the channel may be read with this token. */
  heard(): void {
    this.wasHeard = true;
    this.refusedTokens = 0;
  }

  /** The channel was read before, by this user or another, here or in another process. */
  wasReadBefore(): void {
    this.wasHeard = true;
  }

  /** An event was stored, or a keepalive came. */
  progressed(): void {
    this.failures = 0;
  }

  /**
   * The token in use was refused.
   * @returns whether it is to be given up. A fresh one that was refused as well is not at fault: it stays, for those with
   * whom it works.
   */
  refused(): boolean {
    this.refusedTokens += 1;
    const age = this.inUse ? this.clock.monotonic() - this.inUse.since : Infinity;
    return this.refusedTokens === 1 || age >= youngMs;
  }

  /** ms until the next try; 0: at once; null: never. */
  after({ kind }: StreamFault): number | null {
    if (kind === 'misconfigured' && !this.wasHeard) return null;
    // The next one starts elsewhere: at once, but once only.
    if (kind === 'corrupted' && this.failures === 0) {
      this.failures = 1;
      return 0;
    }
    if (kind === 'auth') {
      if (this.refusedTokens > 1) return backoff(1, refusedAgainMs, refusedAgainMs, this.random);
      if (this.clock.monotonic() - this.renewedAt >= youngMs) {
        this.renewedAt = this.clock.monotonic();
        return 0;
      }
    }
    this.failures += 1;
    const [first, longest] = pauses[kind];
    return backoff(this.failures, first, longest, this.random);
  }
}
