/**
 * Cancels one of two WHMCS orders that were made for one Salesforce Order, on a person's word (exactly-one R10). Only one
 * that is Pending and bears this Order's mark, only while another of its orders lives; WHMCS is read before and after.
 */
import type { Order } from '../whmcs/contract';
import { onOldLooksMs } from './accept-order';
import { isMadeElsewhere, unread, type Settling } from './add-settling';
import { mayBeCancelled } from './cancel-under-way';
import type { HeldOrder } from './held-order';
import { unsettledAdd } from './order-record';
import { lifeOf, readOrder, rowsOf, servicesOf, type Row } from './orders-reading';
import { idsOf, livingOf, ownOf, rowsNow } from './own-rows';
import { quarantineMs } from './quarantine';
import { callOnWord, noteUnsent, refused, repairsOf, settleOld, settleRepair, type Repaired } from './repair-call';
import { wasSent } from './settle-accept';
import { bears, bearsMarkOf, isOurRow } from './settle-add';
import { withWhmcs, type WordParts } from './word';

const call = 'CancelOrder';

/**
 * A repeat is a read: one that is Cancelled already is told, and nothing is sent.
 * @param id of the WHMCS order that is not wanted.
 */
export async function cancelTwin(parts: WordParts, order: HeldOrder, id: number): Promise<Repaired> {
  const { adopted, adds } = order.record;
  const key = adopted?.whmcs ?? adds.at(-1)?.whmcs;
  if (key === undefined) return refused('Nothing was asked of WHMCS for this Order yet, so it has no twin here');
  const intent = unsettledAdd(order.record);
  if (intent && !intent.stopped) return refused('It is not known yet what became of AddOrder: WHMCS is being read');
  return withWhmcs(parts, order, key, (settling) => cancel(settling, id), refused);
}

async function cancel(settling: Settling, id: number): Promise<Repaired> {
  const { order, whmcs, signal } = settling;
  await order.refreshFacts();
  const found = await readOrder(whmcs, id, signal);
  if (found === null) return refused(`WHMCS has no order ${id}`);
  const services = await servicesOf(whmcs, found, [], signal);
  const [row] = await rowsOf(order.store, whmcs.key, [found], services);
  if (row === undefined || !isOf(order, row))
    return refused(`WHMCS order ${id} does not bear the mark of this Order: look at it in WHMCS, and cancel it there`);
  const dead = lifeOf(found.status) === 'dead';
  await settleOld(order, repairsOf(order, call, id), dead);
  if (dead) return { done: true, text: `WHMCS order ${id} is ${found.status}; ${goOn}` };
  const why = whyNot(order, found);
  if (why !== null) return refused(`WHMCS order ${id} ${why}`);
  const others = (await livingBeside(settling, found)).filter((other) => mayStay(settling, other, id));
  if (others.length === 0)
    return refused(
      `WHMCS order ${id} is the only one of this Order that is sure to live: Provision / Retry goes on with it`,
    );
  const wait = await untilNobodyAccepts(settling, row, others);
  if (wait !== null) return refused(wait);

  const { id: intent, end } = await callOnWord(settling, call, id, (options) => whmcs.cancelOrder(id, options));
  const now = await readOrder(whmcs, id, signal).catch(unread);
  if (now !== null && lifeOf(now.status) === 'dead') {
    await settleOld(order, repairsOf(order, call, id), true);
    return { done: true, text: `WHMCS order ${id} is ${now.status}, ${idsOf(others)} stays; ${goOn}` };
  }
  switch (end.kind) {
    case 'not-sent':
    case 'refused':
      await settleRepair(order, intent, end.kind, end.message);
      return refused(`WHMCS order ${id} was not cancelled: ${end.message}`);
    case 'success':
    case 'unclear': {
      const said = end.kind === 'unclear' ? end.message : 'success';
      await settleRepair(order, intent, end.kind === 'unclear' ? 'failed' : 'unknown', said);
      return refused(`WHMCS said “${said}”, and order ${id} is still not Cancelled: look at it in WHMCS`);
    }
    case 'unknown':
      return refused(
        `No answer to CancelOrder (${end.message}), and WHMCS order ${id} is not Cancelled yet: ask again in a minute, it is read first`,
      );
  }
}

/**
 * Our own accepts are on record; another installation's are not. It may have looked before ours was there, and its AcceptOrder
 * leaves the order Pending until the last module has ended. So the first word only notes when the twin was seen, and the
 * next one counts once whatever was under way then has ended.
 * @returns why it has to wait; null: it has not.
 */
async function untilNobodyAccepts(
  { order, whmcs }: Settling,
  row: Row,
  others: readonly Row[],
): Promise<string | null> {
  const doubled = others.some((other) => other.markers.some((marker) => bears(row, marker)));
  const foreign = doubled || isMadeElsewhere(order, row);
  if (!foreign && !(await mayBeLost(order))) return null;
  const { id } = row.order;
  const now = order.clock.now();
  const [first] = repairsOf(order, call, id);
  if (first === undefined) await noteUnsent(order, { whmcs: whmcs.key, call, target: id }, mayBeAccepting);
  const at = (first?.at ?? now) + onOldLooksMs + quarantineMs(whmcs);
  if (at <= now) return null;
  const who = foreign ? 'was made by another installation, which' : 'is of before the store’s loss, which';
  return `WHMCS order ${id} ${who} may be accepting it just now: ask again after ${new Date(at).toISOString()}`;
}

/** A record that was lost may have told of an AcceptOrder of ours (exactly-one R2). */
async function mayBeLost({ store, record }: HeldOrder): Promise<boolean> {
  const doubt = await store.doubt();
  return doubt !== null && (record.seen?.createdAt ?? -Infinity) < doubt.until;
}

const mayBeAccepting = 'it may be being accepted';

const goOn = 'press Provision / Retry to go on';

const isOf = (order: HeldOrder, row: Row): boolean =>
  (row.claimedBy === null || row.claimedBy === order.orderId) &&
  (isOurRow(row, ownOf(order)) || bearsMarkOf(row, order.orderId));

/** Why an order that is not dead may not be cancelled from here; null: it may. */
function whyNot(order: HeldOrder, found: Order): string | null {
  const life = lifeOf(found.status);
  if (life === 'active')
    return 'is Active, and its services may be live: cancel the other one, or end this one in WHMCS by hand';
  if (life === 'other') return `has the status '${found.status}': set it to Pending or Cancelled in WHMCS`;
  if (order.record.accepts.some((one) => one.whmcsOrderId === found.id && wasSent(one)))
    return 'may have been accepted, and its modules may have run: look at its services in WHMCS, and cancel it there';
  if (/^paid$/i.test(found.paymentStatus.trim()))
    return `has a paid invoice (${found.invoiceId ?? 'no id'}): cancel the other one, or cancel and refund this one in WHMCS`;
  return null;
}

/**
 * Whether a person can go on with it once the other one is cancelled: Pending or Active, nobody else's, and with no
 * CancelOrder of its own that may still be carried out.
 */
function mayStay({ order, whmcs }: Settling, row: Row, id: number): boolean {
  const life = lifeOf(row.order.status);
  if (row.order.id === id || (life !== 'pending' && life !== 'active')) return false;
  if (row.claimedBy !== null && row.claimedBy !== order.orderId) return false;
  return !mayBeCancelled(order, whmcs, row.order.id);
}

/** This Order's living WHMCS orders, of every client that it was added for. */
async function livingBeside(settling: Settling, found: Order): Promise<Row[]> {
  const { order, whmcs } = settling;
  const { adopted, adds } = order.record;
  const known = [...adds, ...(adopted ? [adopted] : [])].filter((one) => one.whmcs === whmcs.key);
  const clients = new Set([found.clientId, ...known.map((one) => one.clientId)]);
  const rows: Row[] = [];
  for (const clientId of clients) rows.push(...(await rowsNow(settling, { whmcs: whmcs.key, clientId })));
  return livingOf(rows, order);
}
