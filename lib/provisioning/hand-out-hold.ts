/** A rest of the hand-out for a fault that concerns every order: longer each time it comes again, one alarm for all. */
import type { Clock, Timer } from '../clock';
import type { Log } from '../log';
import type { Failure } from './failure';

/** A fault that comes again within this time of the last rest's end is the same one. */
const memoryMs = 600_000;

export class HandOutHold {
  private timer: Timer | null = null;
  /** By the code of its fault. */
  private readonly last = new Map<string, { ms: number; endedAt: number }>();
  private why: string | null = null;

  constructor(
    private readonly parts: { clock: Clock; log: Log },
    private readonly ended: () => void,
  ) {}

  /** Code and message of the fault; null: nothing is held. */
  get by(): string | null {
    return this.why;
  }

  /**
   * @param ms of the first rest.
   * @param longestMs of one that comes again and again.
   * @returns whether this began a rest: while one lasts, others change nothing.
   */
  begin(cause: Failure, ms: number, longestMs: number): boolean {
    const { clock, log } = this.parts;
    if (this.why !== null) return false;
    const last = this.last.get(cause.code);
    const again = last !== undefined && clock.monotonic() - last.endedAt < memoryMs;
    const wait = again ? Math.min(last.ms * 2, longestMs) : ms;
    const text = `${cause.code}: ${cause.message}. Orders wait; the hand-out goes on by itself once this is mended`;
    if (again) log.warn(text, { retryInMs: wait });
    else log.error(text, { owner: cause.owner, fix: cause.fix });
    this.why = `${cause.code}: ${cause.message}`;
    this.timer = clock.after(wait, () => {
      this.last.set(cause.code, { ms: wait, endedAt: clock.monotonic() });
      this.why = null;
      this.ended();
    });
    return true;
  }

  stop(): void {
    this.timer?.cancel();
  }
}
