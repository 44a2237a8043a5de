/**
 * Calls with an effect that this process has under way, for each store. An intent of this process that is not in here has
 * no call that could still go out, whatever its record says.
 */
import type { StateStore } from '../state/contract';

const byStore = new WeakMap<StateStore, Set<string>>();

const key = (orderId: string, intent: string): string => `${orderId} ${intent}`;

export const isUnderWay = (store: StateStore, orderId: string, intent: string): boolean =>
  byStore.get(store)?.has(key(orderId, intent)) ?? false;

/** Runs one call, from before its intent is written until its end is on record. */
export async function underWay<T>(
  store: StateStore,
  orderId: string,
  intent: string,
  call: () => Promise<T>,
): Promise<T> {
  const calls = byStore.get(store) ?? new Set<string>();
  byStore.set(store, calls.add(key(orderId, intent)));
  try {
    return await call();
  } finally {
    calls.delete(key(orderId, intent));
  }
}
