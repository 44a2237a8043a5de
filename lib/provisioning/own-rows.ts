/** A client's WHMCS orders, as a person's word is judged by: one complete pass, with the facts as they are now. */
import type { Order } from '../whmcs/contract';
import type { Settling } from './add-settling';
import type { HeldOrder } from './held-order';
import { allOrders, readOrder, rowsOf, type Row } from './orders-reading';
import { bearsMarkOf, isDead, isOurRow, type Own } from './settle-add';

export const ownOf = ({ orderId, store, record, facts }: HeldOrder): Own => ({
  orderId,
  store: store.id,
  record,
  facts,
});

/** @throws WhmcsError when they cannot be read. */
export async function rowsNow(
  { order, whmcs, signal }: Settling,
  { whmcs: key, clientId }: { whmcs: string; clientId: number },
): Promise<Row[]> {
  await order.refreshFacts();
  const orders = await allOrders(whmcs, clientId, signal);
  const inField = order.record.adds.some((one) => one.terms.markerIn === 'field');
  const services = inField ? await whmcs.getServices({ clientId }, signal) : [];
  return rowsOf(order.store, key, orders, services);
}

/**
 * Orders of earlier generations are known by their ids, whatever mark they bear, however many came after them, and at
 * whichever client they are by now.
 * @param key of the WHMCS that they are read in. @param known rows that were read already.
 * @throws WhmcsError when they cannot be read.
 */
export async function earlierRows(
  { order, whmcs, signal }: Settling,
  key: string,
  known: readonly Row[],
): Promise<Row[]> {
  const past = order.record.past.filter((one) => one.whmcs === key).map((one) => one.orderId);
  const orders: Order[] = [];
  for (const id of new Set(past)) {
    if (known.some((row) => row.order.id === id)) continue;
    const found = await readOrder(whmcs, id, signal);
    if (found) orders.push(found);
  }
  return rowsOf(order.store, key, orders, []);
}

/**
 * Those that were made for this Salesforce Order and live, of each client that a call may have gone to: a person may have
 * linked the Account to another one since. One that has had its day may have come alive again.
 * @param of whose orders are read besides.
 * @throws WhmcsError when they cannot be read.
 */
export async function livingOfAll(settling: Settling, of: { whmcs: string; clientId: number }): Promise<Row[]> {
  const { order } = settling;
  const { adopted, past, adds } = order.record;
  const known = [of, ...adds, ...past, ...(adopted ? [adopted] : [])].filter(({ whmcs }) => whmcs === of.whmcs);
  const rows: Row[] = [];
  for (const clientId of new Set(known.map((one) => one.clientId)))
    rows.push(...(await rowsNow(settling, { whmcs: of.whmcs, clientId })));
  const found = livingOf(rows, order);
  const earlier = await earlierRows(settling, of.whmcs, found);
  return [...found, ...earlier.filter((row) => !isDead(row))];
}

/** Those made for this Salesforce Order, by whatever call, which are neither Cancelled nor Fraud. */
export const livingOf = (rows: readonly Row[], order: HeldOrder): Row[] =>
  rows.filter((row) => !isDead(row) && (isOurRow(row, ownOf(order)) || bearsMarkOf(row, order.orderId)));

export const idsOf = (rows: readonly Row[]): string =>
  rows
    .map((row) => row.order.id)
    .sort((a, b) => a - b)
    .join(' and ');
