/**
 * Looking out for an order that turns up late, after a stop or a second AddOrder: WHMCS may begin a request after any wait,
 * so no quarantine is a proof (exactly-one R12, R14). Such an order is reported, never accepted.
 */
import { addsOf, clientsOf, lowestWatermark } from './add-record';
import type { Settling } from './add-settling';
import { failure, type Failure } from './failure';
import { differences } from './order-comparison';
import { unsettledAdd, withoutTodo, type AddIntent, type OrderRecord } from './order-record';
import { lifeOf, newestOrders, rowsOf, type Row } from './orders-reading';
import { bearsMarkOf, isOurRow, unexplainedRows } from './settle-add';

/** After so long, counted from the stop or the second AddOrder. For people, so by the wall clock. */
const looksAtMs = [60_000, 300_000, 1_800_000, 86_400_000];

/** Ms until the next look; null: there is none any more. */
export function nextLookMs(record: OrderRecord, now: number): number | null {
  if (!record.watch || !record.todo.includes('watch')) return null;
  const at = looksAtMs[record.watch.looks];
  return at === undefined ? null : Math.max(0, record.watch.since + at - now);
}

export interface TurnedUp {
  whmcsOrderIds: number[];
  failure: Failure;
}

/** The intent whose client is watched: the one that is unsettled, else the newest. */
export const watchedIntent = (record: OrderRecord): AddIntent | undefined =>
  unsettledAdd(record) ?? addsOf(record).slice(-1)[0];

/**
 * One look at each client that the order was added for: rows that bear this order's mark or are ours beside the adopted one,
 * and unexplained ones with the same products. Each is told once.
 * @throws WhmcsError when WHMCS cannot be read; the look is not counted.
 */
export async function lookForLate(settling: Settling, intent: AddIntent): Promise<TurnedUp | null> {
  const { order, log } = settling;
  const { record, orderId } = order;
  const late: { id: number; clientId: number }[] = [];
  for (const clientId of new Set([intent.clientId, ...clientsOf(record, intent.whmcs)])) {
    const asked = [...addsOf(record)].reverse().find((one) => one.clientId === clientId) ?? intent;
    late.push(...(await lateOf(settling, asked)).map(({ order: { id } }) => ({ id, clientId })));
  }
  const ids = late.map(({ id }) => id);
  const kept = record.adopted ? `, beside ${record.adopted.orderId}` : '';
  const clients = [...new Set(late.map(({ clientId }) => clientId))].join(' and ');
  const text = `WHMCS order ${ids.join(' and ')} of client ${clients} has turned up late${kept}; it may be ours`;
  // Said before it is on record as said: a process may end between the two, and twice is better than never.
  if (ids.length > 0) log.error(text, { order: orderId, candidates: ids.join(' ') });
  await order.save((before) => {
    const looks = (before.watch?.looks ?? 0) + 1;
    const watch = before.watch && { ...before.watch, looks, told: [...before.watch.told, ...ids] };
    return { ...before, watch, todo: looks < looksAtMs.length ? before.todo : withoutTodo(before.todo, 'watch') };
  });
  if (ids.length === 0) return null;
  return {
    whmcsOrderIds: ids,
    failure: failure(record.adopted ? 'WHMCS_TWIN' : 'WHMCS_OUTCOME_UNKNOWN', text, 'whmcs_create'),
  };
}

async function lateOf({ order, whmcs, signal }: Settling, { whmcs: key, clientId, items }: AddIntent): Promise<Row[]> {
  const { record, orderId, store, facts } = order;
  const orders = await newestOrders(whmcs, clientId, { above: lowestWatermark(record) }, signal);
  const mayBeOurs = orders.filter((one) => one.clientId === clientId && lifeOf(one.status) !== 'dead');
  const services = mayBeOurs.length > 0 ? await whmcs.getServices({ clientId }, signal) : [];
  const rows = await rowsOf(store, key, mayBeOurs, services, lowestWatermark(record));
  const own = { orderId, store: store.id, record, facts };
  const unexplained = unexplainedRows(rows, own);
  return rows.filter((row) => {
    if (row.order.id === record.adopted?.orderId || record.watch?.told.includes(row.order.id)) return false;
    if (isOurRow(row, own) || bearsMarkOf(row, orderId)) return true;
    const same = services.filter((service) => service.orderId === row.order.id);
    return unexplained.includes(row) && differences(items, same).length === 0;
  });
}
