/**
 * One process, seen from outside: each durable write and each call is an effect at which it can be killed. A killed process
 * does nothing more: what it waits for never comes, its timers do not fire, its `finally` blocks do not run.
 */
import type { Clock } from '../../../../lib/clock';
import type { StateStore } from '../../../../lib/state/contract';
import type { Whmcs } from '../../../../lib/whmcs/contract';

/** Kill at the effect of this number, before it has happened or after. */
export interface Kill {
  at: number;
  when: 'before' | 'after';
}

export class CrashPoints {
  /** The effects so far, by name. */
  readonly effects: string[] = [];
  /** Resolved at the kill. */
  readonly killed: Promise<string>;
  /** Stopped as by SIGSTOP: its timers do not fire, until it goes on. */
  paused = false;
  private dead = false;
  private tellKilled: (effect: string) => void = () => undefined;

  constructor(private readonly kill: Kill | null = null) {
    this.killed = new Promise((resolve) => (this.tellKilled = resolve));
  }

  async effect<T>(name: string, run: () => Promise<T>): Promise<T> {
    if (this.dead) return never();
    const number = this.effects.push(name) - 1;
    const here = this.kill?.at === number;
    if (here && this.kill?.when === 'before') return this.die(name);
    const value = await run();
    if (this.isDead()) return never();
    return here ? this.die(name) : value;
  }

  clock(clock: Clock): Clock {
    return {
      now: () => clock.now(),
      monotonic: () => clock.monotonic(),
      sinceBoot: () => clock.sinceBoot(),
      after: (ms, run) => clock.after(ms, () => (this.dead || this.paused ? undefined : run())),
    };
  }

  store(store: StateStore): StateStore {
    const { ledger, claims, openIntents, leases } = store;
    return new Proxy(store, {
      get: (target, property, receiver) => {
        switch (property) {
          case 'ledger':
            return this.wrap('ledger', ledger, { read: 'read', write: 'effect', record: 'effect', withTodo: 'read' });
          case 'claims':
            return this.wrap('claims', claims, { claim: 'effect', holder: 'read' });
          case 'openIntents':
            return this.wrap('openIntents', openIntents, { open: 'effect', close: 'effect', of: 'read' });
          case 'leases':
            return this.wrap('leases', leases, { acquire: 'effect', renew: 'read', release: 'effect' });
          case 'doubt':
          case 'isDead':
            return this.method('store', target, property, 'read');
          default:
            return Reflect.get(target, property, property === 'id' ? target : receiver) as unknown;
        }
      },
    });
  }

  whmcs(whmcs: Whmcs): Whmcs {
    return this.wrap('whmcs', whmcs, {
      getOrders: 'effect',
      getServices: 'effect',
      addOrder: 'effect',
      acceptOrder: 'effect',
    });
  }

  private wrap<T extends object>(name: string, target: T, methods: Partial<Record<keyof T, 'effect' | 'read'>>): T {
    return new Proxy(target, {
      get: (inner, property) => {
        const kind = methods[property as keyof T];
        return kind
          ? this.method(name, inner, property as keyof T, kind)
          : (Reflect.get(inner, property, inner) as unknown);
      },
    });
  }

  private method<T extends object>(name: string, target: T, property: keyof T, kind: 'effect' | 'read') {
    const method = target[property] as (...args: unknown[]) => Promise<unknown>;
    return async (...args: unknown[]): Promise<unknown> => {
      if (kind === 'effect') return this.effect(`${name}.${String(property)}`, () => method.apply(target, args));
      if (this.dead) return never();
      const value = await method.apply(target, args);
      return this.isDead() ? never() : value;
    };
  }

  private isDead = (): boolean => this.dead;

  private die(name: string): Promise<never> {
    this.dead = true;
    this.tellKilled(name);
    return never();
  }
}

const never = (): Promise<never> => new Promise<never>(() => undefined);
