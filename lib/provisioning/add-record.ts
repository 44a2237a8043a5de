/** How an order's record changes while an order is added in WHMCS. Pure: each takes a record and gives the next. */
import type { Doubt, Fact, Sender } from '../state/contract';
import type { ErrorCode } from './error-codes';
import { failure, type Failure } from './failure';
import type { Marker } from './marker';
import {
  anyAttempt,
  withTodo,
  withoutTodo,
  type AcceptIntent,
  type AddIntent,
  type Adopted,
  type OrderRecord,
} from './order-record';
import { isSince } from './since-doubt';

/** The sender of a call that a lost ledger may have sent. It has ended as far as anybody can tell. */
export const unknownSender: Sender = { instance: 'unknown', bootId: '', pid: 0, startTime: '' };
export const isUnknown = (sender: Sender): boolean => sender.instance === unknownSender.instance;

/** The next id of its kind; never one that a fact names already. */
export function nextIntentId(kind: 'a' | 'c' | 'r', record: OrderRecord, facts: readonly Fact[]): string {
  const { adds, accepts, repairs } = record;
  const taken = [...adds, ...accepts, ...repairs].map(({ id }) => id).concat(facts.map((fact) => fact.intent));
  const numbers = taken.filter((id) => id.startsWith(kind)).map((id) => Number(id.slice(1)));
  return `${kind}${Math.max(0, ...numbers) + 1}`;
}

export const openAdd = (record: OrderRecord, intent: AddIntent): OrderRecord => ({
  ...record,
  adds: [...record.adds, intent],
  todo: withTodo(record.todo, 'settle'),
});

export const openAccept = (record: OrderRecord, intent: AcceptIntent): OrderRecord => ({
  ...record,
  accepts: [...record.accepts, intent],
  todo: withTodo(record.todo, 'settle'),
});

type AddEnd = NonNullable<AddIntent['settled']>;
type AcceptEnd = NonNullable<AcceptIntent['settled']>;

export const settleAdd = (record: OrderRecord, id: string, settled: AddEnd): OrderRecord =>
  withoutSettle({
    ...record,
    adds: record.adds.map((one) => (one.id === id ? { ...one, settled, stopped: null } : one)),
  });

export const settleAccept = (record: OrderRecord, id: string, settled: AcceptEnd): OrderRecord =>
  withoutSettle({ ...record, accepts: record.accepts.map((one) => (one.id === id ? { ...one, settled } : one)) });

/**
 * The order is Active, and none of our calls has made it so: a person or a paid invoice has. Its modules have run all the
 * same, so that counts as an accept that was sent, should the order be Pending again later (exactly-one R6).
 */
export const acceptedElsewhere = (
  record: OrderRecord,
  facts: readonly Fact[],
  { whmcs, orderId }: Adopted,
  settled: AcceptEnd,
): OrderRecord => ({
  ...record,
  accepts: [
    ...record.accepts,
    {
      id: nextIntentId('c', record, facts),
      at: settled.at,
      sender: unknownSender,
      whmcs,
      whmcsOrderId: orderId,
      quarantineMs: 0,
      settled,
    },
  ],
});

/** A person must decide. The intent stays unsettled, and is looked out for. */
export const stopAdd = (
  record: OrderRecord,
  id: string,
  stop: { code: ErrorCode; reason: string; candidates: number[] },
  now: number,
): OrderRecord =>
  watchFrom(
    withoutSettle({
      ...record,
      adds: record.adds.map((one) =>
        one.id === id ? { ...one, newOrderAsked: false, stopped: { ...stop, at: now, attempt: record.attempt } } : one,
      ),
    }),
    now,
  );

/**
 * A person has pressed Retry after a stop: settle anew, by what the node says of a second call now.
 * @param isCleared Salesforce names no WHMCS order any more: whatever it names later is a person's word.
 */
export const reopenAdd = (
  record: OrderRecord,
  id: string,
  resend: AddIntent['terms']['resend'],
  isCleared = false,
): OrderRecord => ({
  ...record,
  adds: record.adds.map((one) =>
    one.id === id
      ? {
          ...one,
          stopped: null,
          askedAgain: isUntoldStop(record, one) ? null : record.attempt,
          terms: { ...one.terms, resend },
          ...(isCleared ? { named: null } : {}),
        }
      : one,
  ),
  todo: withTodo(record.todo, 'settle'),
});

/**
 * What opened the attempt is no person's word: the result of the stop was dropped, and Salesforce counts no other attempt since,
 * so that it may be the sweep alone.
 */
function isUntoldStop({ report, salesforceAttempt }: OrderRecord, { stopped }: AddIntent): boolean {
  if (stopped === null || report?.told?.how !== 'dropped' || report.at < stopped.at) return false;
  return salesforceAttempt === null || report.attempt === anyAttempt || report.attempt === salesforceAttempt;
}

/** A person's word on a call that was stopped; it holds for the next settling. */
export const askNewOrder = (record: OrderRecord, id: string): OrderRecord => ({
  ...record,
  adds: record.adds.map((one) => (one.id === id ? { ...one, newOrderAsked: true } : one)),
});

/** What was seen of the accept of one WHMCS order says nothing of another's. */
export const adopt = (record: OrderRecord, adopted: Adopted): OrderRecord => ({
  ...record,
  accepted: record.adopted?.orderId === adopted.orderId ? record.accepted : null,
  past: [...record.past, ...(record.adopted ? [record.adopted] : [])].filter((one) => one.orderId !== adopted.orderId),
  adopted,
});

/** Looks out for an order that turns up late: 1, 5 and 30 minutes and 24 hours from now. */
export const watchFrom = (record: OrderRecord, now: number): OrderRecord => ({
  ...record,
  watch: { since: now, looks: 0, told: record.watch?.told ?? [] },
  todo: withTodo(record.todo, 'watch'),
});

function withoutSettle(record: OrderRecord): OrderRecord {
  const open =
    record.adds.some((one) => one.settled === null && one.stopped === null) ||
    record.accepts.some((one) => one.settled === null);
  return open ? record : { ...record, todo: withoutTodo(record.todo, 'settle') };
}

/**
 * On a person's word, once the order of this generation is dead: the next one starts with its own marker and watermark.
 * @returns null while an intent is unsettled: settle first.
 */
export function newGeneration(record: OrderRecord): OrderRecord | null {
  if (record.adds.some((one) => one.settled === null) || record.accepts.some((one) => one.settled === null))
    return null;
  return {
    ...record,
    generation: record.generation + 1,
    past: record.adopted ? [...record.past, record.adopted] : record.past,
    adopted: null,
    accepted: null,
  };
}

/** Intents of the generation under way. */
export const addsOf = (record: OrderRecord): AddIntent[] =>
  record.adds.filter((intent) => intent.generation === record.generation);

/** Intents that may have made a row. */
const mayHaveMade = (record: OrderRecord): AddIntent[] =>
  addsOf(record).filter((one) => one.settled === null || !['not-sent', 'refused'].includes(one.settled.how));

/**
 * The clients that a call of this generation may have made a row for, newest first: a person may have linked the Account to
 * another one between two attempts.
 */
export const clientsOf = (record: OrderRecord, whmcs: string): number[] => [
  ...new Set(
    mayHaveMade(record)
      .filter((one) => one.whmcs === whmcs)
      .map((one) => one.clientId)
      .reverse(),
  ),
];

/** Whether WHMCS holds, or may hold, an order for this one: what such an order has taken is not to be asked for again. */
export const mayHoldOrder = (record: OrderRecord): boolean =>
  record.adopted !== null || mayHaveMade(record).some((one) => one.settled?.how !== 'none');

/** Ids above this may be ours: the lowest watermark of all intents that may have made a row; -1 when one has none. */
export const lowestWatermark = (record: OrderRecord): number =>
  Math.min(...mayHaveMade(record).map((one) => one.watermark ?? -1));

/** Whether a row was there before each call of which that is known. */
export const isBeforeCalls = (record: OrderRecord, id: number): boolean =>
  mayHaveMade(record).every((one) => one.watermark === null || id <= one.watermark);

/**
 * Whether absence may be followed by adding once more. Where the node's setting lets it: by itself once, and on each Retry
 * after a stop; else only on a person's word.
 */
export const mayAddAgain = (record: OrderRecord, { terms, askedAgain, newOrderAsked }: AddIntent): boolean =>
  newOrderAsked ||
  (terms.resend === 'once' && (askedAgain !== null || !addsOf(record).some((one) => one.settled?.how === 'none')));

/** Whether the intent that a mark names belongs to the generation under way. One that the ledger lacks may. */
export function isOurs(record: OrderRecord, store: string, orderId: string, marker: Marker): boolean {
  if (marker.orderId !== orderId) return false;
  const intent = marker.store === store ? record.adds.find((one) => one.id === marker.intent) : undefined;
  return intent === undefined || intent.generation === record.generation;
}

/** The ledger lacks the intent that a mark names: another store made the order, or this one has lost records. */
export const isFromElsewhere = (record: OrderRecord, store: string, marker: Marker): boolean =>
  marker.store !== store || !record.adds.some((one) => one.id === marker.intent);

/**
 * Whether the ledger's silence about this order proves nothing (exactly-one R2): the store has a doubtful span, the
 * Salesforce Order was created before its end, and nothing was asked of WHMCS since. Not by LastModifiedDate: Retry raises it.
 */
export const isDoubtful = (record: OrderRecord, doubt: Doubt): boolean =>
  record.adopted === null &&
  (record.seen?.createdAt ?? -Infinity) < doubt.until &&
  !record.adds.some((one) => isSince(doubt, one));

/** What a stopped intent tells the flow. */
export function stopFailure(intent: AddIntent): Failure {
  const { code, reason } = intent.stopped ?? { code: 'WHMCS_OUTCOME_UNKNOWN', reason: 'It is not settled' };
  return failure(code as ErrorCode, reason, 'whmcs_create');
}
