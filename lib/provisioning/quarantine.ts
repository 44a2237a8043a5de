/**
 * How long absence in WHMCS must last before it is believed. Counted by the settler's own monotonic clock, from the moment
 * at which it knows that the sender has ended; no wall clock of two hosts is compared (exactly-one R1). Kept in memory: a
 * new process starts anew, which is safe.
 */
import type { Clock } from '../clock';
import type { Sender, StateStore } from '../state/contract';
import type { Whmcs } from '../whmcs/contract';
import { isUnknown } from './add-record';
import { endOfCall } from './call-facts';
import { isUnderWay } from './calls-under-way';
import type { HeldOrder } from './held-order';
import type { AcceptIntent, AddIntent } from './order-record';

/** PHP goes on after its client has gone, and proxies hold requests back for minutes. */
const leastMs = 300_000;

/** Settings may make it longer, never shorter. */
export const quarantineMs = (whmcs: Whmcs, ...settings: number[]): number =>
  Math.max(leastMs, 2 * whmcs.writeTimeoutMs, ...settings);

export type Quarantine = { is: 'sender' } | { is: 'running'; leftMs: number } | { is: 'over' };

export class Quarantines {
  private readonly since = new Map<string, number>();
  /** Monotonic ms at which each doubt of the store was first seen. */
  private readonly doubts = new Map<string, number>();

  constructor(private readonly clock: Clock) {}

  /**
   * Takes note of the store's doubt, if it has one. What lost records would tell of was sent before it arose, so that the
   * quarantine of all orders in doubt counts from here.
   */
  async note(store: StateStore): Promise<number | null> {
    const doubt = await store.doubt();
    if (doubt === null) return null;
    const key = doubt.id ?? `${doubt.until} ${doubt.reason}`;
    const since = this.doubts.get(key) ?? this.clock.monotonic();
    this.doubts.set(key, since);
    return since;
  }

  /** Where an intent stands; the first look that finds its sender ended starts the count. */
  async of(order: HeldOrder, intent: AddIntent | AcceptIntent, lengthMs: number): Promise<Quarantine> {
    // After a loss of records the ids begin anew: another intent has another sender, or another time.
    const key = `${order.orderId} ${intent.id} ${intent.sender.instance} ${intent.at}`;
    let since = this.since.get(key);
    if (since === undefined) {
      if (!(await hasEnded(order, intent))) return { is: 'sender' };
      // An accept may be another installation's, which goes on; an AddOrder that nobody knows of is a lost record's.
      const lost = 'watermark' in intent && isUnknown(intent.sender) ? await this.note(order.store) : null;
      since = lost ?? this.clock.monotonic();
      this.since.set(key, since);
    }
    const leftMs = since + lengthMs - this.clock.monotonic();
    return leftMs > 0 ? { is: 'running', leftMs } : { is: 'over' };
  }

  forget(orderId: string): void {
    for (const key of this.since.keys()) if (key.startsWith(`${orderId} `)) this.since.delete(key);
  }
}

/** Whether the sender of an intent can send no more: its call has ended, or it is dead. */
async function hasEnded(order: HeldOrder, { id, sender }: { id: string; sender: Sender }): Promise<boolean> {
  if (endOfCall(order.facts, id) !== null || isUnknown(sender)) return true;
  if (sender.instance === order.sender.instance) return !isUnderWay(order.store, order.orderId, id);
  return order.store.isDead(sender);
}
