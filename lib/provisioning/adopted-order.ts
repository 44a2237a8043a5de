/** The WHMCS order that a Salesforce order has: read back before anything is built on it, or found by the id in Salesforce. */
import type { Order, Service, Whmcs } from '../whmcs/contract';
import { adopt, clientsOf, isOurs, isUnknown, lowestWatermark, settleAccept, settleAdd } from './add-record';
import { closeOpenIntent, isMadeElsewhere, shown, withUnknownAccept, type Settling } from './add-settling';
import { failure } from './failure';
import type { KnownOrder } from './foresight';
import { noteMark, type MarkKept } from './kept-marks';
import { amountNote, unlike } from './order-comparison';
import type { AddIntent, Adopted, AskedItem, OrderRecord } from './order-record';
import {
  lifeOf,
  newestOrders,
  readOrder,
  rowsOf,
  servicesOf,
  unreadable,
  type OrderReads,
  type Row,
} from './orders-reading';
import { plain } from './plain-text';
import { wasSent } from './settle-accept';
import { bears, bearsMarkOf, isOurRow } from './settle-add';
import type { StepName } from './step';

/**
 * Reads the order's WHMCS order back. The first time it is checked whole: a second row with our mark, its items, its mark
 * and its price. Each installation adds first and reads then, so of two that add the same order at most one passes
 * (exactly-one R10).
 * @throws Failure WHMCS_TWIN, WHMCS_ORDER_DIFFERS, WHMCS_ORDER_GONE, WHMCS_ORDER_STATUS, WHMCS_ORDER_FOREIGN.
 * @throws WhmcsError when it cannot be read.
 */
export async function readBack(settling: Settling, step: StepName): Promise<Order> {
  const { whmcs, signal } = settling;
  const adopted = adoptedOf(settling);
  const found = await readOrder(whmcs, adopted.orderId, signal);
  const dead = found === null || lifeOf(found.status) === 'dead';
  if (adopted.verified && !dead) return alive(found, step);
  const twins = (await ownRows(settling, adopted)).filter(
    (row) => row.order.id !== adopted.orderId && lifeOf(row.order.status) !== 'dead',
  );
  const [twin] = twins;
  if (dead && twin && twins.length === 1) {
    // Of two a person has cancelled ours: the other one it is.
    await adoptTwin(settling, adopted, twin);
    return readBack(settling, step);
  }
  if (twin) {
    const ids = [...(dead ? [] : [adopted.orderId]), ...twins.map((row) => row.order.id)].sort((a, b) => a - b);
    throw failure(
      'WHMCS_TWIN',
      `WHMCS ${clientsText([adopted.clientId, ...twins.map((row) => row.order.clientId)])} two orders for this Salesforce Order: ${ids.join(' and ')}`,
      step,
    );
  }
  if (dead) throw gone(adopted.orderId, found, step);
  const sound = alive(found, step);
  if (sound.clientId !== adopted.clientId) {
    throw failure(
      'WHMCS_ORDER_FOREIGN',
      `WHMCS order ${sound.id} is of client ${sound.clientId}, not ${adopted.clientId}`,
      step,
    );
  }
  await verify(settling, adopted, sound, await servicesOf(whmcs, sound, adopted.serviceIds, signal), step);
  return sound;
}

async function verify(
  { order, log }: Settling,
  adopted: Adopted,
  found: Order,
  services: Service[],
  step: StepName,
): Promise<void> {
  refuseUnlike(found, adopted.items, services, step);
  const [row] = await rowsOf(order.store, adopted.whmcs, [found], services);
  const intent = order.record.adds.find((one) => one.id === adopted.intent);
  const mark = intent === undefined ? null : markOf(intent, row, order.orderId);
  if (mark !== null) noteMark(order.store, adopted.whmcs, mark);
  const noted = [amountNote(adopted.items, services), mark === 'dropped' ? markDropped : null].filter(
    (note) => note !== null,
  );
  const warning = noted.length > 0 ? noted.join('; ') : null;
  if (warning) log.warn(warning, { order: order.orderId, whmcsOrder: found.id });
  const { orderNumber, invoiceId } = shown({ order: found });
  const serviceIds = services.map((service) => service.id);
  await order.save((record) => ({
    ...record,
    adopted: {
      ...adopted,
      orderNumber,
      invoiceId: invoiceId ?? adopted.invoiceId,
      serviceIds,
      verified: true,
      warning,
    },
  }));
}

/** @throws Failure WHMCS_ORDER_DIFFERS */
export function refuseUnlike({ id }: Order, asked: readonly AskedItem[], services: readonly Service[], step: StepName) {
  const wrong = unlike(asked, services);
  if (wrong.length > 0) throw failure('WHMCS_ORDER_DIFFERS', `WHMCS order ${id} differs: ${wrong.join('; ')}`, step);
}

const markDropped = 'WHMCS did not keep our mark on this order; where an answer is lost, a person will have to decide';

function markOf({ terms }: AddIntent, row: Row | undefined, orderId: string): MarkKept {
  if (terms.markerIn === 'none') return 'none';
  return row?.markers.some((marker) => marker.orderId === orderId) ? 'kept' : 'dropped';
}

function clientsText(ids: readonly number[]): string {
  const clients = [...new Set(ids)].sort((a, b) => a - b);
  return clients.length === 1 ? `client ${clients.join('')} has` : `clients ${clients.join(' and ')} have`;
}

/**
 * The newest rows that are this order's, of its client and of those that it was added for before; one of an earlier
 * generation may be alive again, or late.
 */
async function ownRows(settling: Settling, adopted: Adopted): Promise<Row[]> {
  const { order } = settling;
  await order.refreshFacts();
  const rows: Row[] = [];
  for (const clientId of new Set([adopted.clientId, ...clientsOf(order.record, adopted.whmcs)]))
    rows.push(...(await newestRows(settling, adopted.whmcs, clientId)));
  const own = { orderId: order.orderId, store: order.store.id, record: order.record, facts: order.facts };
  return rows.filter((row) => isOurRow(row, own) || bearsMarkOf(row, order.orderId));
}

async function newestRows({ order, whmcs, signal }: Settling, key: string, clientId: number): Promise<Row[]> {
  const orders = await newestOrders(whmcs, clientId, { above: lowestWatermark(order.record) }, signal);
  const other = orders.find((one) => one.clientId !== clientId);
  if (other)
    throw unreadable(`Asked for the orders of client ${clientId}, WHMCS answered with those of ${other.clientId}`);
  const inField = order.record.adds.some((intent) => intent.terms.markerIn === 'field');
  const services = inField ? await whmcs.getServices({ clientId }, signal) : [];
  return rowsOf(order.store, key, orders, services);
}

async function adoptTwin({ order, log }: Settling, adopted: Adopted, twin: Row): Promise<void> {
  const { by } = await order.store.claims.claim(adopted.whmcs, twin.order.id, order.orderId);
  if (by !== order.orderId) {
    throw failure(
      'WHMCS_ORDER_FOREIGN',
      `WHMCS order ${twin.order.id} belongs to another Salesforce Order (${by})`,
      'whmcs_create',
    );
  }
  const { intent } = adopted;
  const mark = intent === null ? null : { orderId: order.orderId, store: order.store.id, intent };
  // A copy of this store that has made one of two with one mark goes on with the same twin as we do.
  const elsewhere = isMadeElsewhere(order, twin) || (mark !== null && bears(twin, mark));
  // Its modules may have run, whatever became of it: a person looks before the twin's do.
  const ran = order.record.accepts.some((one) => one.whmcsOrderId === adopted.orderId && wasSent(one));
  await order.save((record) => {
    const next = adopt(acceptsOver(record, adopted.orderId, order.clock.now()), {
      ...adopted,
      ...shown(twin),
      orderId: twin.order.id,
      outcome: 'adopted',
      at: order.clock.now(),
      verified: false,
    });
    return elsewhere || ran ? withUnknownAccept(next, order, adopted.whmcs, twin.order.id, 0) : next;
  });
  log.warn('The WHMCS order of this order was cancelled; its twin takes its place', {
    order: order.orderId,
    whmcsOrder: twin.order.id,
    cancelled: adopted.orderId,
  });
}

/** An AcceptOrder of an order that is dead waits for nothing any more. */
const acceptsOver = (record: OrderRecord, whmcsOrderId: number, at: number): OrderRecord =>
  record.accepts
    .filter((one) => one.settled === null && one.whmcsOrderId === whmcsOrderId)
    .reduce(
      (before, { id }) => settleAccept(before, id, { how: 'dead', at, detail: 'its twin took its place' }),
      record,
    );

/** @throws Failure WHMCS_ORDER_STATUS for a status that a person made up. */
export function alive(found: Order, step: StepName): Order {
  if (lifeOf(found.status) !== 'other') return found;
  throw failure('WHMCS_ORDER_STATUS', `WHMCS order ${found.id} has the status '${found.status}'`, step);
}

export const gone = (id: number, found: Order | null, step: StepName) =>
  failure('WHMCS_ORDER_GONE', `WHMCS order ${id} ${found ? `is ${found.status}` : 'does not exist any more'}`, step);

export function adoptedOf({ order }: Settling): Adopted {
  if (order.record.adopted === null) throw new Error(`Order ${order.orderId} has no WHMCS order on record`);
  return order.record.adopted;
}

/** The WHMCS order that Salesforce names, and what it is compared with. */
export interface Named {
  field: string;
  clientId: number;
  items: AskedItem[];
  quarantineMs: number;
}

const foreignName = (field: string, why: string) =>
  failure('WHMCS_ORDER_FOREIGN', `WHMCS_Order_ID__c names ${plain(field, 40)}: ${why}`, 'whmcs_create');

/**
 * Judges the WHMCS order that Salesforce names, by reads. The field is a candidate only: Clone copies it, people fill it (R15).
 * @returns null when the field names an order that has had its day: then it says nothing.
 * @throws Failure WHMCS_ORDER_FOREIGN, WHMCS_ORDER_STATUS; WhmcsError.
 */
export async function judgeNamed(
  order: KnownOrder,
  whmcs: OrderReads & Pick<Whmcs, 'key'>,
  named: Named,
  signal: AbortSignal,
): Promise<{ found: Order; row: Row | undefined } | null> {
  const foreign = (why: string) => foreignName(named.field, why);
  const id = Number(/^\s*#?\s*(\d{1,15})\s*$/.exec(named.field)?.[1] ?? NaN);
  if (Number.isNaN(id)) throw foreign('that is no id of a WHMCS order');
  if (order.record.past.some((one) => one.orderId === id)) return null;
  const found = await readOrder(whmcs, id, signal);
  if (found === null) throw foreign('WHMCS has no such order');
  if (found.clientId !== named.clientId)
    throw foreign(`that order is of client ${found.clientId}, this one of ${named.clientId}`);
  const services = await servicesOf(whmcs, found, [], signal);
  const [row] = await rowsOf(order.store, whmcs.key, [found], services);
  const markers = row?.markers ?? [];
  const other = markers.find((marker) => marker.orderId !== order.orderId);
  if (other) throw foreign(`that order was made for ${other.orderId}`);
  if (row?.claimedBy && row.claimedBy !== order.orderId) throw foreign(`that order belongs to ${row.claimedBy}`);
  if (markers.length > 0 && !markers.some((marker) => isOurs(order.record, order.store.id, order.orderId, marker)))
    return null;
  if (markers.length === 0) {
    const wrong = unlike(named.items, services);
    if (wrong.length > 0) throw foreign(wrong.join('; '));
  }
  // A dead one is taken too: what that means is told where it is read back, and a person's word ends it.
  return { found: alive(found, 'whmcs_create'), row };
}

/**
 * Takes the WHMCS order that Salesforce names.
 * @param intent the stopped intent that it settles, if there is one: naming the order is a person's word.
 * @returns false when the field says nothing, see `judgeNamed`.
 * @throws Failure WHMCS_ORDER_FOREIGN, WHMCS_ORDER_STATUS; WhmcsError.
 */
export async function adoptNamed(settling: Settling, named: Named, intent: AddIntent | null): Promise<boolean> {
  const { order, whmcs, log, signal } = settling;
  const judged = await judgeNamed(order, whmcs, named, signal);
  if (judged === null) return false;
  const { found, row } = judged;
  const { id } = found;
  const { by } = await order.store.claims.claim(whmcs.key, id, order.orderId);
  if (by !== order.orderId) throw foreignName(named.field, `that order belongs to ${by}`);
  const now = order.clock.now();
  const elsewhere = (intent !== null && isUnknown(intent.sender)) || (row !== undefined && isMadeElsewhere(order, row));
  await order.save((record) => {
    const settled =
      intent === null
        ? record
        : settleAdd(record, intent.id, { how: 'adopted', at: now, detail: `WHMCS order ${id}, named in Salesforce` });
    const next = adopt(settled, {
      ...shown({ order: found }),
      whmcs: whmcs.key,
      orderId: id,
      clientId: named.clientId,
      outcome: 'already',
      intent: intent?.id ?? null,
      at: now,
      items: named.items,
      verified: false,
      warning: null,
    });
    return elsewhere ? withUnknownAccept(next, order, whmcs.key, id, named.quarantineMs) : next;
  });
  if (intent) await closeOpenIntent(order, intent);
  log.info('The WHMCS order that Salesforce names is taken', { order: order.orderId, whmcsOrder: id });
  return true;
}
