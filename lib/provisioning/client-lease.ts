/** One order of a WHMCS client is added, or judged absent, at a time. Politeness: what guards the money is the intent. */
import { keepAlive, leaseTtlMs, type HeldOrder } from './held-order';
import type { Turn } from './turns';

const leaseOf = (whmcsKey: string, clientId: number): string => `client:${whmcsKey}:${clientId}`;

/** @returns null while another order of this client has it: nothing was run. Never wait for it in a step. */
export async function withClient<T>(
  order: HeldOrder,
  whmcsKey: string,
  clientId: number,
  work: () => Promise<T>,
): Promise<{ value: T } | null> {
  const { store, clock, turns } = order;
  const name = leaseOf(whmcsKey, clientId);
  const lease = await store.leases.acquire(name, leaseTtlMs);
  turns.came(name, order.orderId);
  if (lease === null) return null;
  const keep = keepAlive(store, lease, clock, () => undefined);
  try {
    return { value: await work() };
  } finally {
    keep.stop();
    // One that cannot be given back ends by itself.
    await store.leases.release(lease).catch(() => undefined);
    await turns.free(name);
  }
}

/** As `withClient`, behind the orders that were woken for it. `waitsFor`: nothing was run; park the event for that. */
export async function inTurn<T>(
  order: HeldOrder,
  whmcsKey: string,
  clientId: number,
  work: () => Promise<T>,
): Promise<{ value: T } | { waitsFor: Turn }> {
  const turn = order.turns.look(leaseOf(whmcsKey, clientId));
  const done = order.turns.isOfAnother(turn.what, order.orderId)
    ? null
    : await withClient(order, whmcsKey, clientId, work);
  return done ?? { waitsFor: turn };
}
