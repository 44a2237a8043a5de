/**
 * The step that reads the Order and decides whether it is to be provisioned. On *go* the order's attempt is open in the
 * ledger, so that the steps after it may add and accept.
 *
 * A published event can arrive before the transaction that published it is visible, so an Order that is not there, or not
 * Activating yet, is read again for a few seconds: once at once, then with the event parked, since most such events are
 * duplicates of an order that is done, and must not keep others from their place.
 */
import { pause } from '../clock';
import { defaultFieldNames, type FieldNames, type Salesforce, type SalesforceOrder } from '../salesforce/contract';
import { sameId } from '../salesforce/ids';
import type { NewestOrders } from '../salesforce/newest-orders';
import { failure, type Failure } from './failure';
import { faultOf, type Foreseen, type KnownOrder } from './foresight';
import { orderLease, type HeldOrder } from './held-order';
import { orderBusy, parkedFor } from './held-step';
import type { EventPart, OrderPart, SkippedPart } from './message';
import { othersNaming } from './named-id';
import { anyAttempt, isAnotherAttempt, isUntold, type OrderRecord, type Report } from './order-record';
import type { Step, StepContext, StepOutcome } from './step';

export interface GetOrderSettings {
  fields: FieldNames;
  /** Orders of another price book are not ours; null: all are. */
  pricebookId: string | null;
  /** What the mapping wants to be read of each item; asked at each read. */
  mapped?: () => Partial<Pick<FieldNames, 'productId' | 'billingCycle' | 'further'>>;
}

/** Of an item, where its own price book counts. */
const itemPricebook = 'PricebookEntry.Pricebook2Id';

const step = 'validation';
const activating = 'Activating';
/** Before the second read: the event keeps its place. */
const soonMs = 500;
/** Further reads so long after the event was received, ms. */
const rereads = [2_000, 5_000];
/** An event older than this can't have come before its own transaction. Clocks may differ: what is skipped wrongly is swept up. */
const freshMs = 60_000;

type Reads = Pick<Salesforce, 'readOrder' | 'ordersNaming'>;
type Outcome = StepOutcome<OrderPart, 'go' | 'skip'>;

/** @throws Failure ORDER_NOT_FOUND, ORDER_EMPTY; SalesforceError, StoreError. */
export function getOrder(
  settings: GetOrderSettings,
  salesforce: Reads & Partial<NewestOrders>,
): Step<'event', 'order', 'go' | 'skip'> {
  return {
    name: 'order_details',
    needs: ['event'],
    adds: 'order',
    dry: {
      foresee: (_, { order, signal }) =>
        salesforce
          .readOrder(order.orderId, fieldsOf(settings), signal)
          .then((found) => foreseenOf(found, order, settings, salesforce, signal)),
      newest: async (count, signal) =>
        (await salesforce.newestOrders?.({ count, pricebookId: settings.pricebookId }, signal)) ?? [],
    },
    async run({ event }, context) {
      const { orderId, desk, clock, signal, log } = context;
      const read = (): Promise<SalesforceOrder | null> => salesforce.readOrder(orderId, fieldsOf(settings), signal);
      const { found, again } = await whenCommitted(read, settings, event, context);
      if (again !== null) return notYet(found, again);
      if (found === null) throw notFound(orderId);
      const reason = refusal(found, settings);
      if (reason) return skip(found, reason, settings);
      const waitsFor = desk.turns.look(orderLease(orderId));
      const held = await desk.hold(orderId, (order) => open(order, found, read));
      if (held === null) return parkedFor(orderBusy(waitsFor), clock);
      const { order, skipped, attempt, has } = held.value;
      if (skipped) return skip(order, skipped, settings);
      log.info('validation', { order: orderId, event: context.eventId, outcome: 'done', attempt });
      if (order.items.length === 0) throw empty(order);
      const others = await othersNaming(salesforce, order, has, settings.fields, signal);
      const count = `${order.items.length} item${order.items.length === 1 ? '' : 's'}`;
      return {
        way: 'go',
        value: { ...orderPart(order, settings), ...others },
        note: `Order ${order.number}, ${count}, attempt ${attempt}`,
      };
    },
  };
}

const notFound = (orderId: string): Failure => failure('ORDER_NOT_FOUND', `Salesforce shows no Order ${orderId}`, step);
const empty = ({ number }: SalesforceOrder): Failure => failure('ORDER_EMPTY', `Order ${number} has no products`, step);

/** For a dry run: orders of any status are looked at as if they were Activating. */
async function foreseenOf(
  order: SalesforceOrder | null,
  { orderId, record, clock }: KnownOrder,
  settings: GetOrderSettings,
  salesforce: Reads,
  signal: AbortSignal,
): Promise<Foreseen<OrderPart>> {
  if (order === null) throw notFound(orderId);
  const reason = refusal(order, settings);
  const untold = reason === null && hasEnded(record, order) && isUntold(record) ? untoldOf(order, record.report) : null;
  const skipped = reason ?? untold;
  const others = await othersNaming(salesforce, order, hasOf(record), settings.fields, signal);
  return {
    value: { ...orderPart(order, settings), ...others },
    faults: order.items.length === 0 ? [faultOf(empty(order))] : [],
    notes: skipped ? [`An event of it would be skipped now: ${skipped.message}`] : [],
    record: opened(record, order, clock.now()),
  };
}

/**
 * The Order as it stands; `again`: wall ms at which it is to be read once more, since it is not Activating and the event is
 * so fresh that it may have come before its own transaction.
 */
async function whenCommitted(
  read: () => Promise<SalesforceOrder | null>,
  settings: GetOrderSettings,
  event: EventPart,
  { clock, signal }: StepContext,
): Promise<{ found: SalesforceOrder | null; again: number | null }> {
  const isDecided = (order: SalesforceOrder | null): boolean =>
    order !== null && refusal(order, settings)?.code !== 'ORDER_NOT_ACTIVATING';
  const createdAt = event.createdAt === null ? clock.now() : Date.parse(event.createdAt);
  const receivedAt = Date.parse(event.receivedAt);
  const age = (): number => clock.now() - receivedAt;
  let found = await read();
  if (isDecided(found) || clock.now() - createdAt > freshMs || age() < 0) return { found, again: null };
  if (age() < soonMs) {
    await pause(clock, soonMs, signal);
    found = await read();
    if (isDecided(found)) return { found, again: null };
  }
  const next = rereads.find((ms) => ms > age());
  return { found, again: next === undefined ? null : receivedAt + next };
}

function notYet(order: SalesforceOrder | null, until: number): Outcome {
  const shown = order === null ? 'shows no such Order yet' : `shows '${order.activationStatus}'`;
  const reason = `Salesforce ${shown}; the event may have come before its own transaction`;
  return { parked: { until, reason }, note: reason };
}

/** Why an Order is not to be provisioned; null: it is. */
function refusal(order: SalesforceOrder, { fields, pricebookId }: GetOrderSettings): SkippedPart | null {
  if (pricebookId !== null && (order.pricebookId === null || !sameId(order.pricebookId, pricebookId))) {
    const used = order.pricebookId === null ? 'no price book' : `price book ${order.pricebookId}`;
    return { code: 'ORDER_OTHER_PRICEBOOK', message: `Order ${order.number} has ${used}` };
  }
  if (order.activationStatus !== activating) {
    const status = order.activationStatus === '' ? 'empty' : `'${order.activationStatus}'`;
    return {
      code: 'ORDER_NOT_ACTIVATING',
      message: `${fields.activationStatus} of Order ${order.number} is ${status}`,
    };
  }
  return null;
}

const skip = (order: SalesforceOrder, skipped: SkippedPart, settings: GetOrderSettings): Outcome => ({
  way: 'skip',
  value: orderPart(order, settings),
  skipped,
  note: `${skipped.code}: ${skipped.message}`,
});

const hasOf = ({ adopted }: OrderRecord): number | null => adopted?.orderId ?? null;

interface Opened {
  order: SalesforceOrder;
  attempt: number;
  /** The WHMCS order that is on record. */
  has: number | null;
  skipped?: SkippedPart;
}

/**
 * Opens the attempt, or finds that it has ended (exactly-one R7, R11).
 *
 * - It is open: a run before this one was cut short; go on in it. If Salesforce shows another number by now, somebody has
 *   pressed Retry meanwhile: that is a new attempt.
 * - It has ended, and Salesforce shows another number than its own: a new attempt.
 * - It has ended and its result is still to be told: nothing is left to run.
 * - It has ended, its result was told, and Salesforce shows Activating all the same: somebody set it anew, and that is a new
 *   attempt of ours whatever the org's number says. It is believed only of a read that began after the telling, which is
 *   why the Order is read again here.
 */
async function open(
  held: HeldOrder,
  first: SalesforceOrder,
  read: () => Promise<SalesforceOrder | null>,
): Promise<Opened> {
  const { record } = held;
  const has = hasOf(record);
  let order = first;
  if (hasEnded(record, order)) {
    if (isUntold(record)) return { order, has, attempt: record.attempt, skipped: untoldOf(order, record.report) };
    const again = await read();
    if (again === null || again.activationStatus !== activating) {
      const message = `Order ${order.number} has just ended${again ? ` as '${again.activationStatus}'` : ''}`;
      return {
        order: again ?? order,
        has,
        attempt: record.attempt,
        skipped: { code: 'ORDER_NOT_ACTIVATING', message },
      };
    }
    order = again;
  }
  await held.save((before) => opened(before, order, held.clock.now()));
  return { order, has, attempt: held.record.attempt };
}

/** The record with the attempt open that Salesforce shows. */
function opened(record: OrderRecord, order: SalesforceOrder, now: number): OrderRecord {
  return {
    ...record,
    attempt: attemptOf(record, order),
    salesforceAttempt: order.attempt,
    attemptState: 'open',
    seen: {
      status: order.activationStatus,
      createdAt: createdByOurClock(order, now),
      modifiedAt: order.lastModifiedAt,
      modifiedById: order.lastModifiedById,
    },
    ended: null,
  };
}

/**
 * CreatedDate as our clock would have shown it: the store's doubt goes by that (exactly-one R2). Where Salesforce's clock is
 * ahead of ours, an Order of before would else look younger than the loss. Never later than what Salesforce says.
 */
function createdByOurClock({ createdAt, serverNow }: SalesforceOrder, now: number): number {
  return createdAt - Math.max(0, (serverNow ?? now) - now);
}

/** Whether the attempt that Salesforce shows is one that has ended here, or may be. */
function hasEnded(record: OrderRecord, order: SalesforceOrder): boolean {
  if (record.attemptState === 'open') return false;
  // The order failed before an attempt was opened: that result is told, or dropped for something newer, first.
  if (record.report?.attempt === anyAttempt) return true;
  return record.attempt > 0 && !isAnotherAttempt(record, order.attempt);
}

const attemptOf = (record: OrderRecord, order: SalesforceOrder): number =>
  record.attemptState === 'open' && !isAnotherAttempt(record, order.attempt)
    ? record.attempt
    : Math.max(record.attempt + 1, order.attempt ?? 0);

function untoldOf(order: SalesforceOrder, report: Report): SkippedPart {
  const why = report.problem === null ? '' : ` (${report.problem})`;
  return {
    code: 'ATTEMPT_CLOSED',
    message: `Order ${order.number} has ended as ${report.status}; Salesforce is still to be told${why}`,
  };
}

/** An item's price book is read only where one is set. */
function fieldsOf({ fields, pricebookId, mapped }: GetOrderSettings): FieldNames {
  const wanted = { ...fields, ...mapped?.() };
  return pricebookId === null ? wanted : { ...wanted, further: [...(wanted.further ?? []), itemPricebook] };
}

const orderPart = (order: SalesforceOrder, { pricebookId, fields }: GetOrderSettings): OrderPart => ({
  id: order.id,
  number: order.number,
  url: order.url,
  status: order.activationStatus,
  account: order.account && {
    ...order.account,
    ...(fields.account === defaultFieldNames.account ? {} : { whField: fields.account }),
  },
  whmcsOrderId: order.whmcsOrderId,
  ...(pricebookId === null ? {} : { pricebookId }),
  items: order.items.map(({ id, product, quantity, unitPrice, further }) => ({
    id,
    product: product && {
      id: product.id,
      name: product.name,
      productId: product.productId,
      billingCycle: product.billingCycle,
      ...(product.isActive === false ? { isActive: false } : {}),
    },
    quantity,
    price: unitPrice,
    ...fieldsPart(further ?? {}),
    ...(pricebookId === null ? {} : { pricebookId: further?.[itemPricebook] ?? null }),
  })),
});

function fieldsPart({ [itemPricebook]: _pricebook, ...fields }: Record<string, string | null>): {
  fields?: Record<string, string | null>;
} {
  return Object.keys(fields).length === 0 ? {} : { fields };
}
