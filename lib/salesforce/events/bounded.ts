/** Calls to the sink, which may hang. */
import type { Clock } from '../../clock';
import { StreamFault } from './stream-fault';

/**
 * Makes one call and waits for it, `limitMs` at most. Once the signal is aborted it waits for the call alone, with no timer.
 * @param slow called when it takes longer than `ms`.
 * @throws what the call throws; StreamFault ETIMEOUT of kind sink. The call itself may still take effect then.
 */
export function boundedBy<T>(
  clock: Clock,
  limitMs: number,
  call: () => Promise<T>,
  signal: AbortSignal,
  slow?: { ms: number; tell: () => void },
): Promise<T> {
  return new Promise<T>((resolve, reject) => {
    const timers = signal.aborted
      ? []
      : [
          clock.after(limitMs, () =>
            end(() =>
              reject(new StreamFault('sink', 'ETIMEOUT', `The store has not answered within ${limitMs / 1_000} s`)),
            ),
          ),
          ...(slow ? [clock.after(slow.ms, slow.tell)] : []),
        ];
    const stopTimers = (): void => timers.forEach((timer) => timer.cancel());
    const end = (settle: () => void): void => {
      stopTimers();
      signal.removeEventListener('abort', stopTimers);
      settle();
    };
    signal.addEventListener('abort', stopTimers, { once: true });
    // Called here and now: the order of calls numbers their positions.
    new Promise<T>((called) => called(call())).then(
      (value) => end(() => resolve(value)),
      (error: unknown) => end(() => reject(error instanceof Error ? error : new Error(String(error)))),
    );
  });
}
