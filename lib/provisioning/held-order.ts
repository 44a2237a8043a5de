/**
 * One order while its lease is ours: its record, its facts, and the writes that are refused once the lease is lost.
 * The lease saves work; what guards the money is the intent in the record (exactly-one R13).
 */
import { pause, type Clock } from '../clock';
import type { Log } from '../log';
import type { Fact, Lease, Sender, StateStore } from '../state/contract';
import { readRecord, type OrderRecord } from './order-record';
import type { Turns } from './turns';

export const leaseTtlMs = 30_000;
const renewEveryMs = 10_000;

export const orderLease = (orderId: string): string => `order:${orderId}`;

/** Thrown by `save` when another holder has taken over: stop, it goes on from the record. */
export class LeaseLost extends Error {
  override readonly name = 'LeaseLost';
}

export class HeldOrder {
  /** Aborted when the lease is lost. */
  readonly signal: AbortSignal;

  private constructor(
    readonly store: StateStore,
    readonly orderId: string,
    readonly sender: Sender,
    readonly clock: Clock,
    readonly turns: Turns,
    private readonly log: Log,
    private readonly lease: Lease,
    private readonly lost: AbortController,
    private current: OrderRecord,
    private known: Fact[],
  ) {
    this.signal = lost.signal;
  }

  /**
   * Takes the order's lease, runs `work`, gives the lease back.
   * @returns null when another holder has it: nothing was run.
   */
  static async hold<T>(
    parts: { store: StateStore; orderId: string; sender: Sender; clock: Clock; turns: Turns; log: Log },
    work: (order: HeldOrder) => Promise<T>,
  ): Promise<{ value: T } | null> {
    const { store, orderId, sender, clock, turns, log } = parts;
    const name = orderLease(orderId);
    const lease = await store.leases.acquire(name, leaseTtlMs);
    if (lease === null) return null;
    const lost = new AbortController();
    const keep = keepAlive(store, lease, clock, () =>
      lost.abort(new LeaseLost(`The lease of order ${orderId} was lost`)),
    );
    try {
      const entry = await store.ledger.read(orderId);
      const order = new HeldOrder(
        store,
        orderId,
        sender,
        clock,
        turns,
        log,
        lease,
        lost,
        readRecord(entry.state),
        entry.facts,
      );
      return { value: await work(order) };
    } finally {
      keep.stop();
      await store.leases
        .release(lease)
        .catch((error: unknown) =>
          log.warn('A lease could not be given back; it ends by itself', { order: orderId, error: String(error) }),
        );
      await turns.free(name);
    }
  }

  get record(): OrderRecord {
    return this.current;
  }

  get facts(): readonly Fact[] {
    return this.known;
  }

  factsOf(intent: string): Fact[] {
    return this.known.filter((fact) => fact.intent === intent);
  }

  /**
   * Changes the record; resolved once it is durable.
   * @throws LeaseLost when a newer holder exists; nothing was written.
   */
  async save(change: (record: OrderRecord) => OrderRecord): Promise<void> {
    const next = change(structuredClone(this.current));
    if ((await this.store.ledger.write(this.orderId, this.lease.fence, next)) === 'fenced') {
      const error = new LeaseLost(`The lease of order ${this.orderId} was lost`);
      this.lost.abort(error);
      throw error;
    }
    this.current = next;
  }

  /**
   * Records a fact. Never refused by a lease; when the store fails it is tried again for as long as the process lives,
   * since what is known of money must not be dropped (exactly-one R9).
   */
  async remember(fact: Omit<Fact, 'at'>): Promise<void> {
    const whole: Fact = { ...fact, at: this.clock.now() };
    for (let wait = 250; ; wait = Math.min(wait * 2, 10_000)) {
      try {
        await this.store.ledger.record(this.orderId, whole);
        this.known = [...this.known, whole];
        return;
      } catch (error) {
        this.log.error('The store refused a fact about an order; trying again', {
          order: this.orderId,
          intent: fact.intent,
          kind: fact.kind,
          whmcsOrder: fact.whmcsOrderId,
          error: String(error),
        });
        await pause(this.clock, wait);
      }
    }
  }

  /** Reads the facts again: another process may have recorded some. */
  async refreshFacts(): Promise<void> {
    this.known = (await this.store.ledger.read(this.orderId)).facts;
  }
}

/** Renews a lease until stopped; tells once when it is lost. */
export function keepAlive(store: StateStore, lease: Lease, clock: Clock, onLost: () => void): { stop(): void } {
  let stopped = false;
  let timer = clock.after(renewEveryMs, renew);
  function renew(): void {
    store.leases.renew(lease, leaseTtlMs).then(
      (ours) => {
        if (stopped) return;
        if (!ours) return onLost();
        timer = clock.after(renewEveryMs, renew);
      },
      () => {
        if (!stopped) timer = clock.after(1_000, renew);
      },
    );
  }
  return {
    stop() {
      stopped = true;
      timer.cancel();
    },
  };
}
