/**
 * Reading a client's orders in WHMCS so that what is *not* there can be judged too.
 *
 * GetOrders ignores filters that it does not know and documents no order, so every answer is checked: its count must be
 * there, pages must go on to the end, and callers look at each row's client (exactly-one R17).
 */
import type { Claims } from '../state/contract';
import { WhmcsError, type Order, type OrdersPage, type Service, type Whmcs } from '../whmcs/contract';
import { markersOf, type Marker } from './marker';

/** WHMCS's own page length. */
const pageLength = 25;
const longPageLength = 100;
/** 100,000 orders of one client; beyond, something is wrong. */
const maxPages = 1_000;
/** Up to so many services are asked for one by one, instead of the client's whole list. */
const fewServices = 5;

/** The reads that judge orders. */
export type OrderReads = Pick<Whmcs, 'getOrders' | 'getServices'>;

/** A WHMCS order as settling looks at it. */
export interface Row {
  order: Order;
  markers: Marker[];
  /** The Salesforce order that has claimed it. */
  claimedBy: string | null;
}

/** An answer that came, but proves nothing. */
export const unreadable = (why: string): WhmcsError =>
  new WhmcsError('GetOrders', { kind: 'unknown', code: 'UNREADABLE', message: why, edge: false });

async function page(
  whmcs: OrderReads,
  clientId: number,
  start: number,
  limit: number,
  signal?: AbortSignal,
): Promise<OrdersPage & { total: number }> {
  const read = await whmcs.getOrders({ clientId, start, limit }, signal);
  if (read.total === null) throw unreadable('The answer to GetOrders has no count of orders');
  if (read.orders.length === 0 && read.total > start) throw unreadable('The answer to GetOrders lacks its orders');
  return { ...read, total: read.total };
}

/**
 * How far back a client's orders matter: down to an id (those above it do), or to those that may be as young as an instant
 * (wall ms). null: not known, so all of them do.
 */
export type Reach = { above: number } | { since: number | null };

const isBeyond = (order: Order, reach: Reach): boolean =>
  'above' in reach ? order.id <= reach.above : reach.since !== null && isDatedBefore(order, reach.since);

/**
 * The client's newest orders, as far back as they matter: in one call for most clients, page by page for one with many newer
 * orders. WHMCS documents no order of its pages: where page one holds the oldest, all are read if they do not fit on two.
 * @throws WhmcsError when they cannot be read, or the answer is no evidence.
 */
export async function newestOrders(
  whmcs: OrderReads,
  clientId: number,
  reach: Reach,
  signal?: AbortSignal,
): Promise<Order[]> {
  const first = await page(whmcs, clientId, 0, pageLength, signal);
  const ids = first.orders.map((order) => order.id);
  if (first.total <= ids.length) return first.orders;
  const rising = ids.length > 1 && (ids[0] ?? 0) < (ids[ids.length - 1] ?? 0);
  if (!rising) return goOn(whmcs, clientId, reach, first.orders, signal);
  // As long as page one is: WHMCS may give fewer rows than it is asked for.
  const start = Math.max(ids.length, first.total - ids.length);
  const last = await page(whmcs, clientId, start, ids.length, signal);
  const reached = start === ids.length || last.orders.some((order) => isBeyond(order, reach));
  return reached ? [...first.orders, ...last.orders] : allOrders(whmcs, clientId, signal);
}

/** Older pages, until one holds an order that does not matter any more. */
async function goOn(
  whmcs: OrderReads,
  clientId: number,
  reach: Reach,
  newest: readonly Order[],
  signal: AbortSignal | undefined,
): Promise<Order[]> {
  const found = new Map(newest.map((order) => [order.id, order]));
  let orders = newest;
  for (let start = newest.length, pages = 1; pages < maxPages; pages++) {
    if (orders.some((order) => isBeyond(order, reach))) return [...found.values()];
    const read = await page(whmcs, clientId, start, longPageLength, signal);
    orders = read.orders;
    for (const order of orders) found.set(order.id, order);
    start += orders.length;
    if (start >= read.total) return [...found.values()];
  }
  throw unreadable('GetOrders does not come to an end');
}

/**
 * One complete pass over the client's orders. Rows that come or go meanwhile may be missed: only two equal passes count.
 * @throws WhmcsError when a page cannot be read, or the answer is no evidence.
 */
export async function allOrders(whmcs: OrderReads, clientId: number, signal?: AbortSignal): Promise<Order[]> {
  const found = new Map<number, Order>();
  for (let start = 0, pages = 0; pages < maxPages; pages++) {
    const read = await page(whmcs, clientId, start, longPageLength, signal);
    for (const order of read.orders) found.set(order.id, order);
    start += read.orders.length;
    if (start >= read.total) return [...found.values()];
  }
  throw unreadable('GetOrders does not come to an end');
}

/**
 * One order; null when two reads say that there is none.
 * @throws WhmcsError when it cannot be read, or WHMCS answers with other orders.
 */
export async function readOrder(whmcs: OrderReads, id: number, signal?: AbortSignal): Promise<Order | null> {
  for (let read = 0; read < 2; read++) {
    const answer = await whmcs.getOrders({ id }, signal);
    const found = answer.orders.find((order) => order.id === id);
    if (found) return found;
    if (answer.total !== 0 || answer.orders.length > 0)
      throw unreadable(`GetOrders was asked for order ${id} and answered with others`);
  }
  return null;
}

/**
 * The services of an order. Ids that are known already (from AddOrder's answer) may be given beside those of its lines.
 * @throws WhmcsError
 */
export async function servicesOf(
  whmcs: OrderReads,
  order: Order,
  knownIds: readonly number[] = [],
  signal?: AbortSignal,
): Promise<Service[]> {
  const ofLines = order.lines.filter((line) => !/domain|addon/i.test(line.type)).map((line) => line.relId);
  const ids = [...new Set([...ofLines, ...knownIds])].filter((id) => id > 0);
  const read =
    ids.length === 0 || ids.length > fewServices
      ? await whmcs.getServices({ clientId: order.clientId }, signal)
      : (await Promise.all(ids.map((serviceId) => whmcs.getServices({ serviceId }, signal)))).flat();
  const own = new Map(read.filter((service) => service.orderId === order.id).map((service) => [service.id, service]));
  return [...own.values()].sort((a, b) => a.id - b.id);
}

/**
 * Orders with their marks and claims.
 * @param services those of the client, where the mark is a custom field.
 * @param above claims of unmarked orders up to this id are not looked up: they decide nothing.
 */
export async function rowsOf(
  store: { claims: Pick<Claims, 'holder'> },
  whmcsKey: string,
  orders: readonly Order[],
  services: readonly Service[],
  above = -1,
): Promise<Row[]> {
  const rows: Row[] = [];
  for (const order of orders) {
    const markers = markersOf(order, services);
    const matters = order.id > above || markers.length > 0;
    rows.push({ order, markers, claimedBy: matters ? await store.claims.holder(whmcsKey, order.id) : null });
  }
  return rows;
}

/** WHMCS prints its dates without a zone, and its clock may be off. */
const dateSlackMs = 172_800_000;
/** WHMCS is younger: a date before this year stands for none. */
const firstYear = 2000;

/** Whether an order was made before an instant (wall ms), beyond doubt; one without a date never was. */
export function isDatedBefore({ date }: Order, at: number): boolean {
  const [, ...parts] = /^(\d{4})-(\d\d)-(\d\d)(?:[ T](\d\d):(\d\d):(\d\d))?$/.exec(date?.trim() ?? '') ?? [];
  const [year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0] = parts.map((part) => Number(part ?? 0));
  if (year < firstYear || month < 1 || day < 1) return false;
  return Date.UTC(year, month - 1, day, hour, minute, second) + dateSlackMs < at;
}

/**
 * - alive: Pending or Active. dead: Cancelled or Fraud. other: a status that a person made up (exactly-one R24).
 */
export function lifeOf(status: string): 'pending' | 'active' | 'dead' | 'other' {
  switch (status.trim().toLowerCase()) {
    case 'pending':
      return 'pending';
    case 'active':
      return 'active';
    case 'cancelled':
    case 'fraud':
      return 'dead';
    default:
      return 'other';
  }
}
