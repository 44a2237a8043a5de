/** Adding, once nothing is unsettled: look for what is there already, then the intent, then the one call. */
import { WhmcsError, type AddOrderRequest, type AddedOrder, type CallEnd } from '../whmcs/contract';
import { addsOf, openAdd, settleAdd, unknownSender, watchFrom } from './add-record';
import { carryOut, closeOpenIntent, isMadeElsewhere, lookOnce, lookThrough, unread } from './add-settling';
import { draft, type Adding, type Wanted } from './adding';
import { callOnce, describe, goesAgain } from './call-facts';
import { underWay } from './calls-under-way';
import { failure, toFailure } from './failure';
import type { ItemFields } from './field-mapping';
import { notInTime, settlingFor, type HeldResult } from './held-step';
import { markerIn } from './marker';
import type { MappedItem } from './message';
import { type AddIntent } from './order-record';
import { newestOrders, rowsOf, unreadable, type OrderReads, type Row } from './orders-reading';
import { otherIntent } from './other-intents';
import { byMark } from './settle-add';

const step = 'whmcs_create';

/**
 * Under the client's lease: looks for the order, writes the intent, sends, and tells how it ended. null: the order has its
 * WHMCS order on record now; reading that back does not concern the client's other orders.
 */
export async function addNow(adding: Adding): Promise<HeldResult | null> {
  const { order, signal } = adding;
  const rows = await newestRows(adding);
  if (await takeMarked(adding, rows)) return null;
  const waits = await otherIntent(adding, rows);
  if (waits) return waits;
  const watermark = Math.max(0, ...rows.map((row) => row.order.id));
  const intent: AddIntent = { ...draft(adding), sender: order.sender, watermark };
  signal.throwIfAborted();
  const end = await underWay(order.store, order.orderId, intent.id, () => send(adding, intent));
  return concluded(adding, intent, end);
}

/**
 * The client's orders that may be as young as the Salesforce Order, with their marks.
 * @throws WhmcsError
 */
export async function newestRows({
  order,
  whmcs,
  input,
  settings,
  signal,
}: Wanted & { whmcs: OrderReads; signal: AbortSignal }): Promise<Row[]> {
  const { id: clientId } = input.client;
  const orders = await newestOrders(whmcs, clientId, { since: order.record.seen?.createdAt ?? null }, signal);
  const foreign = orders.find((one) => one.clientId !== clientId);
  if (foreign)
    throw unreadable(`Asked for the orders of client ${clientId}, WHMCS answered with those of ${foreign.clientId}`);
  const inField = markerIn(settings.marker) === 'field';
  const services = inField ? await whmcs.getServices({ clientId }, signal) : [];
  return rowsOf(order.store, whmcs.key, orders, services);
}

/** A row with our mark is ours, whatever the ledger says. */
async function takeMarked(adding: Adding, rows: Row[]): Promise<boolean> {
  const { order } = adding;
  const { orderId, record, facts, store } = order;
  const decision = byMark({ orderId, store: store.id, record, facts }, rows);
  if (decision === null || (decision.do !== 'adopt' && decision.do !== 'stop')) return false;
  // Judged before an intent of ours takes the id: where the ledger lacks the call, whoever made it may have accepted it too.
  const row = decision.do === 'adopt' ? decision.row : null;
  const elsewhere = row !== null && isMadeElsewhere(order, row);
  // Written as an intent, so that whatever follows finds it settled, or stopped, like any other.
  const intent = { ...draft(adding), ...(elsewhere ? { sender: unknownSender } : {}) };
  await order.save((before) => openAdd(before, intent));
  const out = await carryOut(adding, intent, decision);
  if (out.kind === 'stopped') throw out.failure;
  return true;
}

/** The intent, the call, and the facts of how it ended, whatever happens. */
async function send(adding: Adding, intent: AddIntent): Promise<CallEnd<AddedOrder>> {
  const { order, settings, whmcs } = adding;
  const { clock } = order;
  const sendBy = clock.monotonic() + settings.sendByMs;
  const again = addsOf(order.record).some((one) => one.settled?.how === 'none');
  await order.store.openIntents.open(intent.whmcs, intent.clientId, order.orderId, intent.id);
  await order.save((record) => openAdd(again ? watchFrom(record, clock.now()) : record, intent));
  return callOnce(
    order,
    intent.id,
    sendBy,
    (options) => whmcs.addOrder(requestOf(adding, intent), options),
    (added) => added.orderId,
  );
}

/** Each item as the mapping has it, with our mark. */
export function requestOf(
  { input, items, settings }: Pick<Adding, 'settings' | 'input' | 'items'>,
  intent: Pick<AddIntent, 'clientId' | 'marker'>,
): AddOrderRequest {
  const { marker, noEmail, noInvoice, noInvoiceEmail } = settings;
  return {
    clientId: intent.clientId,
    paymentMethod: input.client.paymentMethod,
    items: items.map(({ pid, billingCycle, quantity }, at) => {
      const fields = fieldsOf(input.mapping.items[at]);
      if (typeof marker === 'object')
        fields.customFields = { ...fields.customFields, [marker.customFieldId]: intent.marker };
      return { pid, billingCycle, quantity, ...fields };
    }),
    ...(marker === 'notes' ? { notes: intent.marker } : {}),
    noEmail,
    noInvoice,
    noInvoiceEmail,
  };
}

/** What the mapping feeds besides, without what is not there. */
function fieldsOf(item: MappedItem | undefined): ItemFields {
  const { domain, hostname, customFields, configOptions, priceOverride } = item ?? {};
  return {
    ...(domain === undefined ? {} : { domain }),
    ...(hostname === undefined ? {} : { hostname }),
    ...(customFields === undefined ? {} : { customFields }),
    ...(configOptions === undefined ? {} : { configOptions }),
    ...(priceOverride === undefined ? {} : { priceOverride }),
  };
}

async function concluded(adding: Adding, intent: AddIntent, end: CallEnd<AddedOrder>): Promise<HeldResult | null> {
  const { order, log } = adding;
  if (end.kind === 'not-sent' || end.kind === 'refused') {
    const settled = { how: end.kind, at: order.clock.now(), detail: describe(end) };
    await order.save((record) => settleAdd(record, intent.id, settled));
    await closeOpenIntent(order, intent);
    if (goesAgain(addsOf(order.record))) return notInTime('AddOrder');
    throw toFailure(new WhmcsError('AddOrder', end), step);
  }
  if (end.kind === 'unknown') {
    log.warn('No answer to AddOrder; looking for the order', {
      order: order.orderId,
      intent: intent.id,
      code: end.code,
    });
  }
  const look = end.kind === 'unclear' ? lookThrough(adding, intent) : lookOnce(adding, intent);
  const decision = await look.catch(unread);
  if (decision === null || decision.do === 'wait') {
    return settlingFor('It is not known yet what became of AddOrder');
  }
  const out = await carryOut(adding, intent, decision);
  if (out.kind === 'stopped') throw out.failure;
  if (out.kind === 'adopted') return null;
  throw end.kind === 'success'
    ? failure('WHMCS_OUTCOME_UNKNOWN', out.detail, step)
    : toFailure(new WhmcsError('AddOrder', end), step);
}
