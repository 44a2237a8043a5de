/**
 * Time, passed in everywhere, so that tests turn it by hand.
 *
 * Readings that must never be mixed: `now` is for people and for records, `monotonic` for durations inside this process,
 * `sinceBoot` for those that outlive it. A wall clock can be set back, and the clocks of two hosts differ; nothing that
 * guards money compares them.
 */
import { uptime } from 'node:os';

export interface Clock {
  /** Wall clock, ms since 1970. */
  now(): number;
  /** ms since some instant in this process's past; never goes back. */
  monotonic(): number;
  /** ms since the host was started, alike in all its processes, to a second; sleep counts, and setting the wall clock doesn't. */
  sinceBoot(): number;
  /** Calls `run` once after `ms`, unless cancelled. The timer does not keep the process alive. */
  after(ms: number, run: () => void): Timer;
}

export interface Timer {
  cancel(): void;
}

export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  sinceBoot() {
    try {
      return uptime() * 1_000;
    } catch {
      // Some hosts hide it. The next process then finds that it went back.
      return performance.now();
    }
  },
  after(ms, run) {
    const handle = setTimeout(run, ms);
    handle.unref();
    return { cancel: () => clearTimeout(handle) };
  },
};

/**
 * Waits `ms` on the given clock.
 * @throws the signal's reason, as soon as it is aborted.
 */
export function pause(clock: Clock, ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(signal.reason as Error);
    const onAbort = (): void => {
      timer.cancel();
      reject(signal?.reason as Error);
    };
    const timer = clock.after(ms, () => {
      signal?.removeEventListener('abort', onAbort);
      resolve();
    });
    signal?.addEventListener('abort', onAbort, { once: true });
  });
}
