/** The WHMCS order that a Salesforce order has: read back before anything is built on it. */
import type { Order, Service } from '../whmcs/contract';
import { adopt, clientsOf, lowestWatermark, settleAccept } from './add-record';
import { isMadeElsewhere, shown, withUnknownAccept, type Settling } from './add-settling';
import { failure, type Failure } from './failure';
import { noteMark, type MarkKept } from './kept-marks';
import { amountNote, unlike } from './order-comparison';
import type { AddIntent, Adopted, AskedItem, OrderRecord } from './order-record';
import { lifeOf, newestOrders, readOrder, rowsOf, servicesOf, unreadable, type Row } from './orders-reading';
import { earlierRows } from './own-rows';
import { mayHaveRun } from './settle-accept';
import { bears, bearsMarkOf, isOurRow } from './settle-add';
import { recordedNow } from './since-doubt';
import type { StepName } from './step';
import { differs, otherClient, wantedAnew, type WantedNow } from './wanted-now';

/**
 * Reads the order's WHMCS order back. The first time it is checked whole: a second row with our mark, its items, its mark
 * and its price. Each installation adds first and reads then, so of two that add the same order at most one passes
 * (exactly-one R10).
 * @throws Failure WHMCS_TWIN, WHMCS_ORDER_DIFFERS, WHMCS_ORDER_GONE, WHMCS_ORDER_STATUS, WHMCS_ORDER_FOREIGN.
 * @throws WhmcsError when it cannot be read.
 */
export async function readBack(settling: Settling, step: StepName, now: WantedNow | null = null): Promise<Order> {
  const { order, whmcs, signal } = settling;
  const found = await readOrder(whmcs, adoptedOf(settling).orderId, signal);
  const life = found === null ? 'dead' : lifeOf(found.status);
  const dead = found === null || life === 'dead';
  // What is seen now holds over an accept that was proven before: Activated is told of an order that is live alone.
  if (life !== 'active' && order.record.accepted) await order.save((record) => ({ ...record, accepted: null }));
  if (now && !dead) await takeAsWanted(settling, found, now, step);
  const adopted = adoptedOf(settling);
  if (adopted.verified && !dead) return alive(found, step);
  const twins = await livingTwins(settling, adopted);
  const [twin] = twins;
  if (dead && twin && twins.length === 1) {
    // Of two a person has cancelled ours: the other one it is.
    await adoptTwin(settling, adopted, twin);
    return readBack(settling, step, now);
  }
  if (twin) throw twinned(adopted, dead ? [] : [adopted.orderId], twins, step);
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

/** Until it is live it is to be what the Order wants now; what is read back is held against that. */
async function takeAsWanted({ order }: Settling, found: Order, now: WantedNow, step: StepName): Promise<void> {
  const { record } = order;
  const wrong = otherClient(record, found, now);
  if (wrong !== null) throw failure('WHMCS_ORDER_DIFFERS', wrong, step);
  const items = record.adopted && wantedAnew(record, record.adopted, found, now);
  if (items === null) return;
  await order.save((before) => ({
    ...before,
    adopted: before.adopted && { ...before.adopted, items, verified: false },
  }));
}

/**
 * What was alone when it was read back may have a twin by now: it is looked for again before AcceptOrder is sent later.
 * @throws Failure WHMCS_TWIN. @throws WhmcsError when it cannot be read.
 */
export async function refuseTwins(settling: Settling, step: StepName): Promise<void> {
  const adopted = adoptedOf(settling);
  const twins = await livingTwins(settling, adopted);
  if (twins.length > 0) throw twinned(adopted, [adopted.orderId], twins, step);
}

const livingTwins = async (settling: Settling, adopted: Adopted): Promise<Row[]> =>
  (await ownRows(settling, adopted)).filter(
    (row) => row.order.id !== adopted.orderId && lifeOf(row.order.status) !== 'dead',
  );

function twinned(adopted: Adopted, living: readonly number[], twins: readonly Row[], step: StepName): Failure {
  const ids = [...living, ...twins.map((row) => row.order.id)].sort((a, b) => a - b).join(' and ');
  const clients = clientsText([adopted.clientId, ...twins.map((row) => row.order.clientId)]);
  return failure('WHMCS_TWIN', `WHMCS ${clients} two orders for this Salesforce Order: ${ids}`, step);
}

async function verify(
  { order, log }: Settling,
  adopted: Adopted,
  found: Order,
  services: Service[],
  step: StepName,
): Promise<void> {
  refuseUnlike(found, adopted.items, services, order.record, step);
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
export function refuseUnlike(
  { id }: Order,
  asked: readonly AskedItem[],
  services: readonly Service[],
  record: Pick<OrderRecord, 'accepts'>,
  step: StepName,
): void {
  const wrong = unlike(asked, services);
  if (wrong.length > 0) throw failure('WHMCS_ORDER_DIFFERS', differs(record, id, wrong.join('; ')), step);
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
  const found = rows.filter((row) => isOurRow(row, own) || bearsMarkOf(row, order.orderId));
  return [...found, ...(await earlierRows(settling, adopted.whmcs, found))];
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
  const ran = mayHaveRun(order.record, adopted.orderId);
  await order.save((record) => {
    const next = adopt(acceptsOver(record, adopted.orderId, order.clock.now()), {
      ...adopted,
      ...shown(twin),
      orderId: twin.order.id,
      clientId: twin.order.clientId,
      outcome: 'adopted',
      ...recordedNow(order),
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
