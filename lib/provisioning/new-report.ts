/** The results that an order's ends put into its record, to be told to Salesforce. Pure. */
import type { InboxEvent } from '../state/contract';
import { messageFor } from './failure';
import type { FailurePart } from './message';
import { anyAttempt, type OrderRecord, type Report } from './order-record';

/** A change of the transaction that made the event may be dated so long after it, ms. */
const transactionMs = 2_000;

/** What ends an attempt. `cause`: of *Failed*. */
export interface End {
  eventId: string;
  end: 'Activated' | 'Failed';
  cause: FailurePart | null;
  /** Wall ms. */
  at: number;
}

/** The result of the attempt on record. */
export const reportOf = (record: OrderRecord, { eventId, end, cause, at }: End): Report => ({
  attempt: record.salesforceAttempt ?? record.attempt,
  status: end,
  code: cause?.code ?? null,
  message: cause === null ? null : messageFor(cause),
  whmcsOrderId: record.adopted ? String(record.adopted.orderId) : null,
  services: record.accepted?.services ?? [],
  at,
  eventId,
  seenModifiedAt: record.seen?.modifiedAt ?? null,
  tries: 0,
  problem: null,
  unsettled: false,
  alarmed: null,
  told: null,
});

/**
 * The result of an event that failed before it opened an attempt. Which attempt it was of nobody has read: that which stood
 * when the event was made, so whatever changed the Order later may have begun a newer one (exactly-one R7).
 * @param event null: settling found it, after every event had ended.
 */
export function reportOfEvent(record: OrderRecord, end: End, event: InboxEvent | null): Report {
  const report = { ...reportOf(record, end), attempt: anyAttempt };
  return event === null ? report : { ...report, seenModifiedAt: madeAt(event, end.at) + transactionMs };
}

/** By Salesforce's clock. The control hands an event out again after it has set *Activating*: its date is of before. */
function madeAt({ delivery, createdAt, receivedAt }: InboxEvent, now: number): number {
  return delivery === 'retry' ? now : (createdAt ?? receivedAt);
}
