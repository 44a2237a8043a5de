/**
 * What became of an AddOrder whose outcome is not known. Pure: what is known goes in, what to do comes out
 * (reference: exactly-one R1–R4, R17, R19).
 *
 * A row with our mark is ours as soon as it is seen. Only absence must wait: for the sender's end, then the quarantine,
 * then two equal complete passes. A row that nothing explains stops for a person, whatever it looks like.
 */
import type { Fact } from '../state/contract';
import { addsOf, isBeforeCalls, isOurs, lowestWatermark, mayAddAgain } from './add-record';
import { endOfCall } from './call-facts';
import type { ErrorCode } from './error-codes';
import type { Marker } from './marker';
import type { AddIntent, OrderRecord } from './order-record';
import { isDatedBefore, lifeOf, type Row } from './orders-reading';

/** At most so many passes, then a person decides. */
export const maxPasses = 5;

export interface AddSight {
  orderId: string;
  /** Id of our store. */
  store: string;
  record: OrderRecord;
  intent: AddIntent;
  facts: readonly Fact[];
  /** Rows read just now; null: none were. */
  rows: readonly Row[] | null;
  /** sender: it may still send. running: since its end not long enough. over: absence may be believed. */
  quarantine: 'sender' | 'running' | 'over';
  /** The ids above the lowest watermark, of each complete pass so far, this one included. */
  passes: readonly (readonly number[])[];
}

/** What tells our rows from others'. */
export type Own = Pick<AddSight, 'orderId' | 'store' | 'record' | 'facts'>;

export type AddDecision =
  /** `doubled`: another row bears the very same mark, so that whoever made that one may have taken this one too. */
  | { do: 'adopt'; orderId: number; how: 'success' | 'adopted'; row: Row | null; doubled?: true }
  /** This intent made no order. `detail` says why. */
  | { do: 'settle'; how: 'not-sent' | 'refused' | 'none'; detail: string }
  | { do: 'wait'; for: 'sender' | 'quarantine' | 'passes' }
  /** `candidates` may be ours. */
  | { do: 'stop'; code: ErrorCode; why: Why; candidates: Row[] };

/** Why a person must decide. */
export type Why = 'twin' | 'claimed' | 'foreign-rows' | 'unexplained' | 'unstable' | 'vanished' | 'not-again';

export function lookAtAdd(sight: AddSight): AddDecision {
  return byFacts(sight) ?? bySight(sight) ?? byAbsence(sight);
}

/** WHMCS orders that answers to this generation's calls have named. */
export function idsSeen(record: OrderRecord, facts: readonly Fact[]): number[] {
  const intents = new Set(addsOf(record).map((intent) => intent.id));
  const seen = facts.filter((fact) => fact.kind === 'order-seen' && intents.has(fact.intent));
  return [...new Set(seen.flatMap((fact) => fact.whmcsOrderId ?? []))];
}

function byFacts({ record, intent, facts, rows }: AddSight): AddDecision | null {
  const seen = idsSeen(record, facts);
  const [first] = seen;
  // Two ids: the rows tell whether both still stand.
  if (seen.length > 1) return null;
  if (first !== undefined) {
    const own = facts.some((fact) => fact.intent === intent.id && fact.kind === 'order-seen');
    const row = rows?.find((one) => one.order.id === first) ?? null;
    return { do: 'adopt', orderId: first, how: own ? 'success' : 'adopted', row };
  }
  const notSent = facts.find((fact) => fact.intent === intent.id && fact.kind === 'not-sent');
  if (notSent) return { do: 'settle', how: 'not-sent', detail: notSent.detail ?? 'not sent' };
  const end = endOfCall(facts, intent.id);
  return end?.kind === 'refused' ? { do: 'settle', how: 'refused', detail: end.text } : null;
}

function bySight(sight: AddSight): AddDecision | null {
  if (sight.rows === null) return null;
  const foreign = sight.rows.some((row) => row.order.clientId !== sight.intent.clientId);
  if (foreign) return { do: 'stop', code: 'WHMCS_OUTCOME_UNKNOWN', why: 'foreign-rows', candidates: [] };
  return byMark(sight, sight.rows);
}

/** What rows with our mark, or our claim, come to. null: there are none. */
export function byMark(own: Own, rows: readonly Row[]): AddDecision | null {
  const ours = rows.filter((row) => isOurRow(row, own));
  const claimed = ours.filter((row) => row.claimedBy !== null && row.claimedBy !== own.orderId);
  if (claimed.length > 0) return { do: 'stop', code: 'WHMCS_ORDER_FOREIGN', why: 'claimed', candidates: claimed };
  const alive = ours.filter((row) => !isDead(row));
  if (alive.length > 1) return { do: 'stop', code: 'WHMCS_TWIN', why: 'twin', candidates: alive };
  // A dead one is adopted too: what it means is told where it is read back.
  const row =
    alive[0] ?? ours.reduce<Row | undefined>((top, one) => (top && top.order.id > one.order.id ? top : one), undefined);
  if (!row) return null;
  const doubled = ours.some((one) => one !== row && one.markers.some((marker) => bears(row, marker)));
  return { do: 'adopt', orderId: row.order.id, how: 'adopted', row, ...(doubled ? { doubled } : {}) };
}

/** One call of ours makes one order. Two with its mark: a proxy has sent it twice, or a copy of this store has made the other. */
export const bears = ({ markers }: Row, { orderId, store, intent }: Marker): boolean =>
  markers.some((one) => one.orderId === orderId && one.store === store && one.intent === intent);

/** Our mark of this generation, our claim, or an answer's word. */
export function isOurRow(row: Row, { orderId, store, record, facts }: Own): boolean {
  if (record.past.some((one) => one.orderId === row.order.id)) return false;
  if (row.markers.some((marker) => marker.orderId !== orderId)) return false;
  return (
    row.markers.some((marker) => isOurs(record, store, orderId, marker)) ||
    (row.claimedBy === orderId && row.order.id > lowestWatermark(record)) ||
    idsSeen(record, facts).includes(row.order.id)
  );
}

/** Made for this Salesforce Order, by whatever call of whatever generation. */
export const bearsMarkOf = ({ markers }: Row, orderId: string): boolean =>
  markers.length > 0 && markers.every((marker) => marker.orderId === orderId);

function byAbsence(sight: AddSight): AddDecision {
  const { record, intent, rows, facts } = sight;
  const unclear = endOfCall(facts, intent.id)?.kind === 'unclear';
  if (!unclear && sight.quarantine !== 'over')
    return { do: 'wait', for: sight.quarantine === 'sender' ? 'sender' : 'quarantine' };
  if (rows === null || sight.passes.length === 0) return { do: 'wait', for: 'passes' };
  const [before, last] = sight.passes.slice(-2);
  // That this client had orders is on record; an empty answer denies it, and is no pass.
  const vanished = rows.length === 0 && (intent.watermark ?? 0) > 0;
  const equal = !vanished && before !== undefined && last !== undefined && sameIds(before, last);
  if (!equal) {
    if (sight.passes.length < maxPasses) return { do: 'wait', for: 'passes' };
    return { do: 'stop', code: 'WHMCS_OUTCOME_UNKNOWN', why: vanished ? 'vanished' : 'unstable', candidates: [] };
  }
  // A person who asks for a new order has seen the dead ones.
  const unexplained = unexplainedRows(rows, sight).filter((row) => !(intent.newOrderAsked && isDead(row)));
  if (unexplained.length > 0)
    return { do: 'stop', code: 'WHMCS_OUTCOME_UNKNOWN', why: 'unexplained', candidates: unexplained };
  if (unclear) return { do: 'settle', how: 'refused', detail: endOfCall(facts, intent.id)?.text ?? 'unclear' };
  if (!mayAddAgain(record, intent))
    return { do: 'stop', code: 'WHMCS_OUTCOME_UNKNOWN', why: 'not-again', candidates: [] };
  return { do: 'settle', how: 'none', detail: 'two complete reads after the quarantine show no order of this call' };
}

/**
 * It is another order's, or one of ours that has had its day (exactly-one R4); or it is older than the Salesforce Order. The
 * date counts only where no watermark tells better: for rows that were there before each call that is known.
 */
export function isExplained({ order, markers, claimedBy }: Row, { orderId, store, record }: Own): boolean {
  if (claimedBy !== null && claimedBy !== orderId) return true;
  if (record.past.some((one) => one.orderId === order.id)) return true;
  if (markers.length > 0) return markers.every((marker) => !isOurs(record, store, orderId, marker));
  const createdAt = record.seen?.createdAt ?? null;
  return createdAt !== null && isBeforeCalls(record, order.id) && isDatedBefore(order, createdAt);
}

/** Rows that may be this order's, as far as anybody can tell. */
export const unexplainedRows = (rows: readonly Row[], own: Own): Row[] =>
  rows.filter((row) => row.order.id > lowestWatermark(own.record) && !isExplained(row, own));

export const isDead = ({ order }: Row): boolean => lifeOf(order.status) === 'dead';

const sameIds = (one: readonly number[], other: readonly number[]): boolean =>
  one.length === other.length && [...one].sort().join() === [...other].sort().join();
