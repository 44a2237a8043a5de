/** Stores that lack one of the rules that a ledger keeps: with them the proof must fail. */
import type { StateStore } from '../../lib/state/contract';
import type { Json, JsonObject } from '../../lib/json';

export const storeTeeth = ['fence', 'facts', 'claims', 'intents'] as const;
export type StoreTooth = (typeof storeTeeth)[number];

const isOpen = (intent: Json): boolean =>
  typeof intent === 'object' && intent !== null && !Array.isArray(intent) && intent['settled'] === null;

/** The record without its unsettled intents to add. */
function withoutIntents<T extends JsonObject>(state: T): T {
  const { adds, todo } = state;
  if (!Array.isArray(adds) || !Array.isArray(todo)) return state;
  return { ...state, adds: adds.filter((intent) => !isOpen(intent)), todo: todo.filter((word) => word !== 'settle') };
}

const parts: Record<StoreTooth, (store: StateStore) => Partial<StateStore>> = {
  /** A write of whoever has lost the lease counts all the same. */
  fence: ({ ledger }) => ({
    ledger: {
      read: (id) => ledger.read(id),
      record: (id, fact) => ledger.record(id, fact),
      withTodo: (todo, limit) => ledger.withTodo(todo, limit),
      async write(id, fence, state) {
        const end = await ledger.write(id, fence, state);
        return end === 'written' ? end : ledger.write(id, (await ledger.read(id)).fence, state);
      },
    },
  }),
  /** Nothing is remembered of how a call ended. */
  facts: ({ ledger }) => ({
    ledger: {
      read: (id) => ledger.read(id),
      record: () => Promise.resolve(),
      withTodo: (todo, limit) => ledger.withTodo(todo, limit),
      write: (id, fence, state) => ledger.write(id, fence, state),
    },
  }),
  /** Whoever asks gets the WHMCS order. */
  claims: () => ({
    claims: {
      claim: (_whmcs, _id, orderId) => Promise.resolve({ by: orderId, isNew: true }),
      holder: () => Promise.resolve(null),
    },
  }),
  /** An intent to add is not kept. */
  intents: ({ ledger, openIntents }) => ({
    ledger: {
      read: (id) => ledger.read(id),
      record: (id, fact) => ledger.record(id, fact),
      withTodo: (todo, limit) => ledger.withTodo(todo, limit),
      write: (id, fence, state) => ledger.write(id, fence, withoutIntents(state)),
    },
    openIntents: {
      open: () => Promise.resolve(),
      close: (...of) => openIntents.close(...of),
      of: () => Promise.resolve([]),
    },
  }),
};

export function withoutTooth(store: StateStore, tooth: StoreTooth): StateStore {
  const own = parts[tooth](store);
  return new Proxy(store, {
    get(target, name) {
      if (name in own) return own[name as keyof StateStore];
      const found: unknown = Reflect.get(target, name, target);
      return typeof found === 'function' ? (found as (...given: unknown[]) => unknown).bind(target) : found;
    },
  });
}
