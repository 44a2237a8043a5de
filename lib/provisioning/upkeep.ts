/**
 * What a store needs while it is open, whatever the flows do: results and unsettled calls that another instance left are
 * taken up, and finished events that are long past are forgotten.
 */
import type { Clock, Timer } from '../clock';
import type { Log } from '../log';
import type { StateStore } from '../state/contract';
import { SaidOnce } from './said-once';

/** An instance that died has left its work for so long at most. */
const takeUpMs = 30_000;
const pruneMs = 3_600_000;

export interface UpkeepParts {
  store: Pick<StateStore, 'inbox'>;
  clock: Clock;
  log: Log;
  /** Takes up what nobody of this process looks after yet. */
  takeUp: () => Promise<void>;
}

export class Upkeep {
  private timer: Timer | null = null;
  private running: Promise<void> | null = null;
  private closed = false;
  /** Monotonic ms of the last pruning. */
  private prunedAt: number | null = null;
  private readonly said: SaidOnce;

  constructor(private readonly parts: UpkeepParts) {
    this.said = new SaidOnce(parts.log, { fails: 'The store could not be looked after; trying again' });
  }

  start(): void {
    this.timer?.cancel();
    if (this.closed) return;
    this.timer = this.parts.clock.after(takeUpMs, () => {
      this.running = this.look().finally(() => {
        this.running = null;
        this.start();
      });
    });
  }

  /** No timer is left. Idempotent. */
  async close(): Promise<void> {
    this.closed = true;
    this.timer?.cancel();
    await this.running;
  }

  private async look(): Promise<void> {
    const { store, clock, takeUp } = this.parts;
    try {
      await takeUp();
      if (this.prunedAt === null || clock.monotonic() - this.prunedAt >= pruneMs) {
        await store.inbox.prune(clock.now());
        this.prunedAt = clock.monotonic();
      }
      this.said.worked();
    } catch (error) {
      this.said.failed(error);
    }
  }
}
