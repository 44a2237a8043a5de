/**
 * Whether a WHMCS keeps our mark, as the latest read-back showed. For people alone: what is decided about an order is judged
 * by its own read-back, never by this memory (exactly-one R4).
 */
import type { StateStore } from '../state/contract';

/** none: no mark is set, by a choice of the node. */
export type MarkKept = 'kept' | 'dropped' | 'none';

const byStore = new WeakMap<StateStore, Map<string, MarkKept>>();

/** @param whmcs key of the installation. */
export function noteMark(store: StateStore, whmcs: string, mark: MarkKept): void {
  const marks = byStore.get(store) ?? new Map<string, MarkKept>();
  byStore.set(store, marks.set(whmcs, mark));
}

/** The worst of all installations of this store; null: no order was read back yet in this process. */
export function markKept(store: StateStore): MarkKept | null {
  const marks = [...(byStore.get(store)?.values() ?? [])];
  return (['dropped', 'none', 'kept'] as const).find((one) => marks.includes(one)) ?? null;
}
