/** One time for both simulators and all workers of a seed, which runs many times as fast as the machine's. */
import type { Clock } from '../../lib/clock';

export interface Pace {
  /** Virtual wall ms at the instant `realAt`. */
  virtualAt: number;
  /** Wall ms of the machine. */
  realAt: number;
  /** Virtual ms in a real one. */
  rate: number;
}

export function scaledClock({ virtualAt, realAt, rate }: Pace): Clock {
  return {
    now: () => Math.round(virtualAt + (Date.now() - realAt) * rate),
    monotonic: () => performance.now() * rate,
    sinceBoot: () => Math.max(0, Date.now() - realAt) * rate,
    after(ms, run) {
      const handle = setTimeout(run, ms / rate);
      handle.unref();
      return { cancel: () => clearTimeout(handle) };
    },
  };
}
