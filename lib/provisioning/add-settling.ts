/** Settling an AddOrder with effects: reads WHMCS, asks `settle-add` what that means, and puts it on record. */
import { pause } from '../clock';
import type { Log } from '../log';
import { WhmcsError, type Order, type Whmcs } from '../whmcs/contract';
import {
  adopt,
  isFromElsewhere,
  isUnknown,
  lowestWatermark,
  nextIntentId,
  openAccept,
  settleAdd,
  stopAdd,
  stopFailure,
  unknownSender,
  watchFrom,
} from './add-record';
import { newOrderWord, type ErrorCode } from './error-codes';
import type { Failure } from './failure';
import type { HeldOrder } from './held-order';
import { differences } from './order-comparison';
import { namedId } from './named-id';
import type { AddIntent, OrderRecord } from './order-record';
import { openIntentOf } from './other-intents';
import { allOrders, newestOrders, rowsOf, type Row } from './orders-reading';
import { lookAtAdd, type AddDecision, type Why } from './settle-add';
import { recordedNow } from './since-doubt';

/** What settling works with: an order that is held, and the WHMCS of its intent. */
export interface Settling {
  order: HeldOrder;
  whmcs: Whmcs;
  log: Log;
  /** For reads. */
  signal: AbortSignal;
}

/** What telling of candidates works with. */
interface Reads {
  whmcs: Pick<Whmcs, 'getServices'>;
  signal: AbortSignal;
}

/** Between two passes that differ: the client is busy. */
const betweenPassesMs = 1_000;

/**
 * Facts, then the newest orders: finds what can be found at once. Absence is not judged here.
 * @throws WhmcsError when WHMCS cannot be read.
 */
export async function lookOnce(settling: Settling, intent: AddIntent): Promise<AddDecision> {
  const { order, whmcs, signal } = settling;
  await order.refreshFacts();
  const known = decide(settling, intent, null, 'sender', []);
  if (known.do !== 'wait') return known;
  const orders = await newestOrders(whmcs, intent.clientId, { above: lowestWatermark(order.record) }, signal);
  return decide(settling, intent, await rows(settling, intent, orders), 'sender', []);
}

/**
 * Complete passes over the client's orders, until two are equal; at most five. Only once absence may be believed, and
 * while no other order of this client is being added.
 * @throws WhmcsError when WHMCS cannot be read: no pass.
 */
export async function lookThrough(settling: Settling, intent: AddIntent): Promise<AddDecision> {
  const { order, whmcs, signal } = settling;
  const passes: number[][] = [];
  for (;;) {
    const orders = await allOrders(whmcs, intent.clientId, signal);
    const above = lowestWatermark(order.record);
    passes.push(orders.map(({ id }) => id).filter((id) => id > above));
    const decision = decide(settling, intent, await rows(settling, intent, orders), 'over', passes);
    if (decision.do !== 'wait') return decision;
    if (passes.length > 1) await pause(order.clock, betweenPassesMs, signal);
  }
}

async function rows({ order, whmcs, signal }: Settling, intent: AddIntent, orders: readonly Order[]): Promise<Row[]> {
  const services =
    intent.terms.markerIn === 'field' ? await whmcs.getServices({ clientId: intent.clientId }, signal) : [];
  return rowsOf(order.store, intent.whmcs, orders, services, lowestWatermark(order.record));
}

const decide = (
  { order }: Settling,
  intent: AddIntent,
  seen: readonly Row[] | null,
  quarantine: 'sender' | 'over',
  passes: readonly (readonly number[])[],
): AddDecision =>
  lookAtAdd({
    orderId: order.orderId,
    store: order.store.id,
    record: order.record,
    intent,
    facts: order.facts,
    rows: seen,
    quarantine,
    passes,
  });

/** - adopted: the record has its WHMCS order. settled: this intent made none. stopped: a person must decide. */
export type CarriedOut =
  { kind: 'adopted' } | { kind: 'settled'; detail: string } | { kind: 'stopped'; failure: Failure };

/** Puts a decision on record. A decision to wait changes nothing and is not taken here. */
export async function carryOut(
  settling: Settling,
  intent: AddIntent,
  decision: Exclude<AddDecision, { do: 'wait' }>,
): Promise<CarriedOut> {
  const { order, log } = settling;
  switch (decision.do) {
    case 'adopt':
      return adoptRow(settling, intent, decision);
    case 'settle': {
      const now = order.clock.now();
      const settled = { how: decision.how, at: now, detail: decision.detail };
      await order.save((record) => {
        const next = settleAdd(record, intent.id, settled);
        // WHMCS may carry it out all the same, later, and the attempt may end before a second call is made.
        return decision.how === 'none' ? watchFrom(next, now) : next;
      });
      await closeOpenIntent(order, intent);
      log.info('A call to add an order is settled: it made none', {
        order: order.orderId,
        intent: intent.id,
        how: decision.how,
        detail: decision.detail,
      });
      return { kind: 'settled', detail: decision.detail };
    }
    case 'stop': {
      const reason = await reasonOf(settling, intent, decision.why, decision.candidates);
      return stop(settling, intent, decision.code, reason, decision.candidates.map(idOf));
    }
  }
}

async function stop(
  { order, log }: Settling,
  intent: AddIntent,
  code: ErrorCode,
  reason: string,
  candidates: number[],
): Promise<CarriedOut> {
  await order.save((record) => stopAdd(record, intent.id, { code, reason, candidates }, order.clock.now()));
  await order.turns.free(openIntentOf(intent));
  log.error(reason, { order: order.orderId, intent: intent.id, code, candidates: candidates.join(' ') });
  return { kind: 'stopped', failure: stopFailure(own(order.record, intent)) };
}

const idOf = (row: Row): number => row.order.id;

/** Gives a WHMCS order to this Salesforce order and settles the intent with it. A claim of another order stops. */
async function adoptRow(
  settling: Settling,
  intent: AddIntent,
  { orderId, how, row, doubled }: Extract<AddDecision, { do: 'adopt' }>,
): Promise<CarriedOut> {
  const { order, log } = settling;
  const { by } = await order.store.claims.claim(intent.whmcs, orderId, order.orderId);
  if (by !== order.orderId) {
    const reason = `WHMCS order ${orderId} belongs to another Salesforce Order (${by})`;
    return stop(settling, intent, 'WHMCS_ORDER_FOREIGN', reason, [orderId]);
  }
  const now = order.clock.now();
  const elsewhere = doubled === true || isUnknown(intent.sender) || (row !== null && isMadeElsewhere(order, row));
  await order.save((record) => {
    const next = adopt(settleAdd(record, intent.id, { how, at: now, detail: `WHMCS order ${orderId}` }), {
      whmcs: intent.whmcs,
      orderId,
      clientId: intent.clientId,
      outcome: how === 'success' ? 'created' : 'adopted',
      intent: intent.id,
      ...recordedNow(order),
      items: intent.items,
      verified: false,
      warning: null,
      ...shown(row),
    });
    const counted = elsewhere ? withUnknownAccept(next, order, intent.whmcs, orderId, intent.terms.quarantineMs) : next;
    // Another installation has made it: what our own call makes may be still to come.
    return row !== null && isMadeElsewhere(order, row) ? watchFrom(counted, now) : counted;
  });
  await closeOpenIntent(order, intent);
  log.info(how === 'success' ? 'WHMCS made the order' : 'The order was found in WHMCS', {
    order: order.orderId,
    intent: intent.id,
    whmcsOrder: orderId,
  });
  return { kind: 'adopted' };
}

/** What a row shows of an order; nothing of it is needed before it is read back. */
export const shown = (row: Pick<Row, 'order'> | null) => ({
  orderNumber: row?.order.orderNumber ?? '',
  invoiceId: row?.order.invoiceId ?? null,
  serviceIds: row?.order.lines.map((line) => line.relId) ?? [],
});

/** Our ledger does not hold the intent that the row's mark names. */
export const isMadeElsewhere = (order: HeldOrder, row: Row): boolean =>
  row.markers.some(
    (marker) => marker.orderId === order.orderId && isFromElsewhere(order.record, order.store.id, marker),
  );

/**
 * Whoever made this order may have accepted it too, and its module may be running: so it counts as sent, by nobody we
 * know, and is settled by reading alone (exactly-one R2, R6).
 */
export const withUnknownAccept = (
  record: OrderRecord,
  order: HeldOrder,
  whmcs: string,
  whmcsOrderId: number,
  quarantineMs: number,
): OrderRecord =>
  openAccept(record, {
    id: nextIntentId('c', record, order.facts),
    ...recordedNow(order),
    sender: unknownSender,
    whmcs,
    whmcsOrderId,
    quarantineMs,
    settled: null,
  });

export async function closeOpenIntent(order: HeldOrder, intent: AddIntent): Promise<void> {
  await order.store.openIntents.close(intent.whmcs, intent.clientId, order.orderId, intent.id);
  await order.turns.free(openIntentOf(intent));
}

/** null for a read that failed: nothing was found out. */
export const unread = (error: unknown): null => {
  if (error instanceof WhmcsError) return null;
  throw error;
};

/** The intent as it stands in the record now. */
export const own = (record: OrderRecord, intent: AddIntent): AddIntent =>
  record.adds.find((one) => one.id === intent.id) ?? intent;

/** Why a person must decide: the client, what was read, and the candidates with what helps to tell them apart. */
export async function reasonOf(reads: Reads, intent: AddIntent, why: Why, candidates: readonly Row[]): Promise<string> {
  const client = `WHMCS client ${intent.clientId}`;
  const ids = candidates
    .map(idOf)
    .sort((a, b) => a - b)
    .join(' and ');
  switch (why) {
    case 'twin':
      return `${client} has two orders for this Salesforce Order: ${ids}`;
    case 'claimed':
      return `WHMCS order ${ids} belongs to another Salesforce Order${candidates[0]?.claimedBy ? ` (${candidates[0].claimedBy})` : ''}`;
    case 'foreign-rows':
      return `Asked for the orders of client ${intent.clientId}, WHMCS answered with those of others`;
    case 'unstable':
      return `The orders of ${client} changed during each of five reads`;
    case 'vanished':
      return `WHMCS shows no orders of client ${intent.clientId}, although it had some (up to ${intent.watermark ?? 0})`;
    case 'not-again':
      return `${isUnknown(intent.sender) ? 'The store may have lost what was done for this order' : 'No answer to AddOrder'}; ${client} has no order of it. ${
        intent.terms.resend === 'never'
          ? `Resend is "never": to add it all the same, retry with ${newOrderWord}`
          : 'Retry looks again, then adds it'
      }`;
    case 'unexplained':
      return `No answer to AddOrder${namedBefore(intent, candidates)}. Orders of ${client} that may be ours: ${await described(reads, intent, candidates)}`;
  }
}

/** That Salesforce has named a candidate all along says nothing: *Clone* copies the id. Spelled anew it is a person's word. */
function namedBefore({ named }: AddIntent, candidates: readonly Row[]): string {
  const id = namedId(named ?? '');
  if (id === null || !candidates.some(({ order }) => order.id === id)) return '';
  const anew = named?.includes('#') ? `${id}` : `#${id}`;
  return `; WHMCS_Order_ID__c named ${id} before, which proves nothing: write ${anew} if it is its own`;
}

async function described({ whmcs, signal }: Reads, intent: AddIntent, candidates: readonly Row[]): Promise<string> {
  // A fingerprint only helps a person to choose; it never adopts (exactly-one R3).
  const services = await whmcs.getServices({ clientId: intent.clientId }, signal).catch((error: unknown) => {
    if (error instanceof WhmcsError) return [];
    throw error;
  });
  return candidates
    .map(({ order }) => {
      const same =
        differences(
          intent.items,
          services.filter((service) => service.orderId === order.id),
        ).length === 0;
      return { order, same };
    })
    .sort((a, b) => Number(b.same) - Number(a.same) || b.order.id - a.order.id)
    .map(({ order, same }) => {
      const by = order.adminRequestorId ? `, by admin ${order.adminRequestorId}` : '';
      return `${order.id} (${same ? 'same products, ' : ''}${order.status}${order.date ? `, ${order.date}` : ''}${by})`;
    })
    .join(', ');
}
