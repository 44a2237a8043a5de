/** A store that counts what it writes, and for how long each write is waited for. */
import type { InboxEvent, OrderState, StateStore } from '../../lib/state/contract';

/** Every verb that may write. What turns out to have changed nothing is taken back by `isRead`. */
const verbs = {
  cursor: ['write', 'clear'],
  inbox: [
    ...[
      'add',
      'addUnreadable',
      'take',
      'handOutAgain',
      'park',
      'wake',
      'wakeNext',
      'release',
      'finish',
      'recordFailure',
    ],
    ...['retry', 'defer', 'prune'],
  ],
  ledger: ['record', 'write'],
  claims: ['claim'],
  openIntents: ['open', 'close'],
  leases: ['acquire', 'renew', 'release'],
  timeline: ['append'],
} as const;

export interface Writes {
  /** By part and verb. */
  counts: Record<string, number>;
  count: number;
  /** Sum of the times that each took. */
  ms: number;
}

export class CountedWrites {
  readonly store: StateStore;
  private writes: Writes = none();
  private readonly reporting = new Set<string>();

  /** @param onTold called once an order's result is told, and its record says so. */
  constructor(
    store: StateStore,
    private readonly onTold: (orderId: string) => void,
  ) {
    this.store = new Proxy(store, {
      get: (target, name) => {
        const found: unknown = Reflect.get(target, name, target);
        if (typeof name === 'string' && name in verbs) return this.part(name as keyof typeof verbs, found as object);
        return typeof found === 'function' ? (found.bind(target) as unknown) : found;
      },
    });
  }

  /** What was written since the last asking. */
  taken(): Writes {
    const { writes } = this;
    this.writes = none();
    return writes;
  }

  private part(name: keyof typeof verbs, part: object): object {
    const writing: readonly string[] = verbs[name];
    return new Proxy(part, {
      get: (target, verb) => {
        const found: unknown = Reflect.get(target, verb, target);
        if (typeof found !== 'function') return found;
        if (typeof verb !== 'string' || !writing.includes(verb)) return found.bind(target) as unknown;
        return async (...given: unknown[]): Promise<unknown> => {
          const from = performance.now();
          const answer: unknown = await Reflect.apply(found, target, given);
          if (!isRead(answer)) this.note(`${name}.${verb}`, performance.now() - from);
          if (name === 'ledger' && verb === 'write') this.look(String(given[0]), given[2] as OrderState);
          return answer;
        };
      },
    });
  }

  private note(what: string, ms: number): void {
    this.writes.counts[what] = (this.writes.counts[what] ?? 0) + 1;
    this.writes.count += 1;
    this.writes.ms += ms;
  }

  private look(orderId: string, { todo }: OrderState): void {
    if (Array.isArray(todo) && todo.includes('report')) this.reporting.add(orderId);
    else if (this.reporting.delete(orderId)) this.onTold(orderId);
  }
}

/** Nothing was there to take or to wake. */
const isRead = (answer: unknown): boolean => (answer as InboxEvent | null) === null;

const none = (): Writes => ({ counts: {}, count: 0, ms: 0 });
