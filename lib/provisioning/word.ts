/** A person's word on one order: what it is judged and carried out with. */
import type { Log } from '../log';
import { WhmcsError, type Whmcs } from '../whmcs/contract';
import type { Settling } from './add-settling';
import type { HeldOrder } from './held-order';

export interface WordParts {
  /** The live connection to a WHMCS installation, by its key; undefined while no node has one. */
  whmcsOf: (key: string) => Whmcs | undefined;
  log: Log;
}

/**
 * Runs `work` against the WHMCS that an order has to do with.
 * @param refused makes the answer for a WHMCS that cannot be read, which is never thrown.
 */
export async function withWhmcs<T>(
  { whmcsOf, log }: WordParts,
  order: HeldOrder,
  key: string,
  work: (settling: Settling) => Promise<T>,
  refused: (why: string) => T,
): Promise<T> {
  const whmcs = whmcsOf(key);
  if (!whmcs) return refused('WHMCS cannot be read: no node with a connection to it has started');
  try {
    return await work({ order, whmcs, log, signal: order.signal });
  } catch (error) {
    if (error instanceof WhmcsError) return refused(`WHMCS cannot be read (${error.action}: ${error.message})`);
    throw error;
  }
}
