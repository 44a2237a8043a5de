import type { Clock, Timer } from '../lib/clock';

interface Due {
  at: number;
  order: number;
  run: () => void;
}

/**
 * A clock that stands still until a test moves it. Wall and monotonic time move together, by `advance`; `setWall` moves
 * the wall alone, as an operator or NTP does.
 */
export class FakeClock implements Clock {
  private elapsed = 0;
  private made = 0;
  private readonly timers = new Set<Due>();

  /** @param wall wall ms at the start. */
  constructor(private wall = Date.UTC(2026, 0, 5, 9)) {}

  now(): number {
    return this.wall + this.elapsed;
  }

  monotonic(): number {
    return this.elapsed;
  }

  /** Another clock is another boot of the host, unless it has gone further than this one. */
  sinceBoot(): number {
    return this.elapsed;
  }

  after(ms: number, run: () => void): Timer {
    const due: Due = { at: this.elapsed + Math.max(0, ms), order: this.made++, run };
    this.timers.add(due);
    return { cancel: () => void this.timers.delete(due) };
  }

  /** Timers that have neither fired nor been cancelled. */
  get pending(): number {
    return this.timers.size;
  }

  /** Sets the wall clock; timers and monotonic time stay as they are. */
  setWall(ms: number): void {
    this.wall = ms - this.elapsed;
  }

  /**
   * Moves time on by `ms`. Timers fire at their own instant, in order, those made on the way included; promise jobs and
   * short I/O run before the first, between them and after the last.
   */
  async advance(ms: number): Promise<void> {
    const end = this.elapsed + ms;
    await turns();
    for (let next = this.next(end); next; next = this.next(end)) {
      this.timers.delete(next);
      this.elapsed = next.at;
      next.run();
      await turns();
    }
    this.elapsed = end;
  }

  private next(end: number): Due | undefined {
    let first: Due | undefined;
    for (const due of this.timers) {
      if (due.at > end) continue;
      if (!first || due.at < first.at || (due.at === first.at && due.order < first.order)) first = due;
    }
    return first;
  }
}

/** Lets promise jobs run, a few rounds. */
async function turns(): Promise<void> {
  for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setImmediate(resolve));
}
