import type { Clock, Timer } from '../../lib/clock';
import { VirtualClock } from '../../simulators/shared/virtual-clock';

/** Real time that a test may let jump ahead, and that knows which timers are still to fire. */
export class JumpingClock implements Clock {
  private readonly time: VirtualClock;
  private readonly timers = new Set<Timer>();

  /** @param start wall ms. */
  constructor(private readonly start: number) {
    this.time = new VirtualClock(start);
  }

  now(): number {
    return this.time.now();
  }

  monotonic(): number {
    return this.time.now() - this.start;
  }

  sinceBoot(): number {
    return this.monotonic();
  }

  after(ms: number, run: () => void): Timer {
    const due = this.time.after(ms, () => {
      this.timers.delete(timer);
      run();
    });
    const timer: Timer = {
      cancel: () => {
        this.timers.delete(timer);
        due.cancel();
      },
    };
    this.timers.add(timer);
    return timer;
  }

  /** Timers that have neither fired nor been cancelled. */
  get pending(): number {
    return this.timers.size;
  }

  /** Jumps ahead; timers that fall due on the way fire in their order. */
  advance(ms: number): void {
    this.time.advance(ms);
  }

  /** Drops what is pending. */
  close(): void {
    this.timers.clear();
    this.time.close();
  }
}
