/**
 * The instants at which a worker may be killed or stopped: before and after each call of a port, and, for a call that
 * changes WHMCS, when its first byte is about to leave. The ports are wrapped; production code knows nothing of it.
 */
import type { Salesforce } from '../../lib/salesforce/contract';
import type { StateStore } from '../../lib/state/contract';
import type { Whmcs, WriteOptions } from '../../lib/whmcs/contract';
import type { Deed, Order } from './orders-to-worker';

/** By the port's part, the calls that count. Polls that find nothing and heartbeats do not: they would drown the rest. */
export const storeCalls = {
  cursor: ['write'],
  inbox: ['add', 'take', 'park', 'wake', 'wakeNext', 'release', 'finish', 'recordFailure', 'handOutAgain'],
  ledger: ['write', 'record'],
  claims: ['claim'],
  openIntents: ['open', 'close'],
  leases: ['acquire', 'release'],
  timeline: ['append'],
} as const;
/** Counts once it has found something, so not before. */
export const poll = 'inbox.take';
export const whmcsReads = ['getOrders', 'getServices', 'getClient', 'getPayMethods', 'getProducts'] as const;
export const whmcsWrites = ['addOrder', 'acceptOrder', 'cancelOrder'] as const;
export const salesforceCalls = ['readOrder', 'writeOrder', 'writeItems'] as const;

type Calls = (...given: unknown[]) => Promise<unknown>;

export class Boundaries {
  private readonly crossed = new Map<string, number>();
  private all = 0;
  counts = false;

  /** @param act must not return from a kill. */
  constructor(
    private readonly orders: readonly Order[],
    private readonly act: { now(at: string, deed: Deed): void; ask(at: string, what: string): Promise<void> },
  ) {}

  store(store: StateStore): StateStore {
    const parts = new Map<PropertyKey, object>(
      Object.entries(storeCalls).map(([part, calls]) => [
        part,
        this.wrap(part, store[part as keyof typeof storeCalls], calls),
      ]),
    );
    return new Proxy(store, {
      get(target, name) {
        const part = parts.get(name);
        if (part) return part;
        const found: unknown = Reflect.get(target, name, target);
        return typeof found === 'function' ? (found as Calls).bind(target) : found;
      },
    });
  }

  whmcs<T extends Whmcs>(whmcs: T): T {
    const writes = new Map<PropertyKey, Calls>(
      whmcsWrites.map((name) => [name, this.writing(`whmcs.${name}`, whmcs[name] as unknown as Calls)]),
    );
    const rest = this.wrap('whmcs', whmcs, whmcsReads);
    return new Proxy(rest, {
      get: (target, name) => writes.get(name) ?? (Reflect.get(target, name, target) as unknown),
    });
  }

  salesforce<T extends Salesforce>(salesforce: T): T {
    return this.wrap('salesforce', salesforce, salesforceCalls);
  }

  private wrap<T extends object>(name: string, port: T, calls: readonly string[]): T {
    return new Proxy(port, {
      get: (target, property) => {
        const found: unknown = Reflect.get(target, property, target);
        if (typeof found !== 'function') return found;
        const call = (found as Calls).bind(target);
        return calls.includes(String(property)) ? this.around(`${name}.${String(property)}`, call) : call;
      },
    });
  }

  private around(name: string, call: Calls): Calls {
    return async (...given) => {
      if (name !== poll) await this.cross(`${name}:before`);
      const value = await call(...given);
      if (name !== poll || value !== null) await this.cross(`${name}:after`);
      return value;
    };
  }

  private writing(name: string, call: Calls): Calls {
    return this.around(name, (request, options) => {
      const { onSending } = options as WriteOptions;
      const sending = (): void => {
        onSending?.();
        // At once: the next thing that happens is the first byte.
        for (const deed of this.due(`${name}:sending`)) if (deed.kind !== 'ask') this.act.now(`${name}:sending`, deed);
      };
      return call(request, { ...(options as WriteOptions), onSending: sending });
    });
  }

  private async cross(at: string): Promise<void> {
    for (const deed of this.due(at)) {
      if (deed.kind === 'ask') await this.act.ask(at, deed.what);
      else this.act.now(at, deed);
    }
  }

  private due(at: string): Deed[] {
    if (!this.counts) return [];
    const own = (this.crossed.get(at) ?? 0) + 1;
    this.crossed.set(at, own);
    this.all += 1;
    return this.orders.flatMap(({ name, nth, deed }) =>
      (name === null ? this.all : name === at ? own : 0) === nth ? [deed] : [],
    );
  }
}
