/** Pauses between tries: doubling, capped, and jittered so that many who fail together don't return together. */

/**
 * Pause in ms before try `attempt` (the first repeat is 1): between half and all of `first` × 2^(attempt − 1), at most `most`.
 * @param random from 0 to 1, as Math.random.
 */
export function backoff(attempt: number, first: number, most: number, random: () => number = Math.random): number {
  const whole = Math.min(most, first * 2 ** Math.min(attempt - 1, 30));
  return Math.round(whole * (0.5 + random() / 2));
}
