/** A timer on the virtual clock. */
export interface VirtualTimer {
  cancel(): void;
}

interface Due {
  at: number;
  order: number;
  run: () => void;
  handle?: NodeJS.Timeout;
}

/** Longest delay that setTimeout takes; longer timers are armed again when it ends. */
const LONGEST_TIMEOUT_MS = 2 ** 31 - 1;

/**
 * The simulator's time: it runs as real time does, or so many times as fast, and jumps ahead by `advance`. A timer fires when its instant is
 * reached either way, so that "5 minutes later" needs no 5 minutes in a test.
 */
export class VirtualClock {
  private startedAt = performance.now();
  private ahead = 0;
  private made = 0;
  private readonly timers = new Set<Due>();

  /**
   * @param start wall ms at which the clock starts.
   * @param rate how many times as fast as real time it runs.
   */
  constructor(
    private readonly start = Date.now(),
    private readonly rate = 1,
  ) {}

  /** ms since 1970. */
  now(): number {
    return Math.floor(this.start + (performance.now() - this.startedAt) * this.rate + this.ahead);
  }

  /** The same as an ISO string with ms, in UTC. */
  iso(): string {
    return new Date(this.now()).toISOString();
  }

  /** Calls `run` once, `ms` from now in virtual time. Does not keep the process alive. */
  after(ms: number, run: () => void): VirtualTimer {
    const due: Due = { at: this.now() + Math.max(0, ms), order: this.made++, run };
    this.timers.add(due);
    this.arm(due);
    return { cancel: () => this.drop(due) };
  }

  /** Resolves `ms` from now in virtual time; never, if the clock is closed or reset before. */
  pause(ms: number): Promise<void> {
    return new Promise((resolve) => this.after(ms, resolve));
  }

  /** Jumps ahead by `ms`, 0 or more; timers that fall due on the way fire at their own instants, in order. */
  advance(ms: number): void {
    const target = this.now() + ms;
    for (let due = this.next(target); due; due = this.next(target)) {
      this.drop(due);
      this.ahead += Math.max(0, due.at - this.now());
      due.run();
    }
    this.ahead += Math.max(0, target - this.now());
    for (const due of this.timers) this.arm(due);
  }

  /** Drops all timers and goes back to the start. */
  reset(): void {
    this.close();
    this.ahead = 0;
    this.startedAt = performance.now();
  }

  /** Drops all timers. */
  close(): void {
    for (const due of [...this.timers]) this.drop(due);
  }

  private arm(due: Due): void {
    clearTimeout(due.handle);
    const wait = (due.at - this.now()) / this.rate;
    due.handle = setTimeout(
      () => {
        if (due.at > this.now()) return this.arm(due);
        this.drop(due);
        due.run();
      },
      Math.min(Math.max(0, wait), LONGEST_TIMEOUT_MS),
    );
    due.handle.unref();
  }

  private drop(due: Due): void {
    clearTimeout(due.handle);
    this.timers.delete(due);
  }

  private next(until: number): Due | undefined {
    let first: Due | undefined;
    for (const due of this.timers) {
      if (due.at > until) continue;
      if (!first || due.at < first.at || (due.at === first.at && due.order < first.order)) first = due;
    }
    return first;
  }
}
