/** The line before WHMCS: so many calls at once, the others wait. Each call holds one of its PHP workers. */
import type { Clock } from '../clock';

/** A place among the calls that run at once. */
export interface Turn {
  /** Gives the place back; once. */
  done(): void;
}

interface Waiting {
  start(turn: Turn): void;
}

export class Line {
  private running = 0;
  private readonly first: Waiting[] = [];
  private readonly others: Waiting[] = [];

  constructor(
    private readonly limit: number,
    private readonly clock: Clock,
  ) {}

  /**
   * Waits for a place.
   * @param options.ahead goes before those that are not: writes, whose time runs out.
   * @param options.withinMs waits no longer.
   * @returns null when none came free in time.
   * @throws the signal's reason.
   */
  take(options: { ahead: boolean; withinMs: number; signal?: AbortSignal | undefined }): Promise<Turn | null> {
    const { ahead, withinMs, signal } = options;
    if (signal?.aborted) return Promise.reject(signal.reason as Error);
    if (this.running < this.limit) return Promise.resolve(this.enter());
    return new Promise((resolve, reject) => {
      const queue = ahead ? this.first : this.others;
      const leave = (): void => {
        timer.cancel();
        signal?.removeEventListener('abort', onAbort);
        const at = queue.indexOf(waiting);
        if (at >= 0) queue.splice(at, 1);
      };
      const onAbort = (): void => {
        leave();
        reject(signal?.reason as Error);
      };
      const waiting: Waiting = {
        start: (turn) => {
          leave();
          resolve(turn);
        },
      };
      const timer = this.clock.after(withinMs, () => {
        leave();
        resolve(null);
      });
      signal?.addEventListener('abort', onAbort, { once: true });
      queue.push(waiting);
    });
  }

  private enter(): Turn {
    this.running += 1;
    return {
      done: () => {
        this.running -= 1;
        const next = this.first[0] ?? this.others[0];
        if (next) next.start(this.enter());
      },
    };
  }
}
