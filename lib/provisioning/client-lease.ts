/** One order of a WHMCS client is added, or judged absent, at a time. Politeness: what guards the money is the intent. */
import { keepAlive, leaseTtlMs, type HeldOrder } from './held-order';

/** @returns null while another order of this client has it: nothing was run. Never wait for it in a step. */
export async function withClient<T>(
  order: HeldOrder,
  whmcsKey: string,
  clientId: number,
  work: () => Promise<T>,
): Promise<{ value: T } | null> {
  const { store, clock } = order;
  const lease = await store.leases.acquire(`client:${whmcsKey}:${clientId}`, leaseTtlMs);
  if (lease === null) return null;
  const keep = keepAlive(store, lease, clock, () => undefined);
  try {
    return { value: await work() };
  } finally {
    keep.stop();
    // One that cannot be given back ends by itself.
    await store.leases.release(lease).catch(() => undefined);
  }
}
