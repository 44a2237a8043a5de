/** What an Order as Salesforce shows it means for a result that is to be told, and what is written then. Pure. */
import type { OrderChange, SalesforceOrder } from '../salesforce/contract';
import { anyAttempt, type Report } from './order-record';

/**
 * - open: it is to be written. shown: Salesforce shows it already.
 * - overtaken: a newer attempt, or a person's edit, stands; it is never overwritten. `lacksId`: the Order does not name its
 *   WHMCS order, which is true whatever the status says.
 */
export type Standing = { is: 'open' } | { is: 'shown' } | { is: 'overtaken'; why: string; lacksId: boolean };

/** A first look so soon after the end, nothing sent yet, finds what was edited while the order was in work: no new attempt. */
const soonMs = 60_000;

/** @param isOwn the status is what an unanswered PATCH of ours has written late, of an earlier attempt perhaps. */
export function standingOf(
  order: SalesforceOrder,
  report: Report,
  ourUserId: string | null,
  isOwn: boolean,
  now: number,
): Standing {
  const isOurs = order.lastModifiedById === ourUserId;
  const overtaken = (why: string, lacksId = false): Standing => ({ is: 'overtaken', why, lacksId });
  if (order.attempt !== null && report.attempt !== anyAttempt && order.attempt !== report.attempt)
    return overtaken(`attempt ${order.attempt} stands in Salesforce, this is the result of attempt ${report.attempt}`);
  const showsId = report.whmcsOrderId === null || order.whmcsOrderId === report.whmcsOrderId;
  if (order.activationStatus === report.status && showsId)
    return report.unsettled || isOurs ? { is: 'shown' } : overtaken(`another user has set ${order.activationStatus}`);
  if (order.activationStatus !== 'Activating' && !isOwn)
    return overtaken(
      `the status was set to '${order.activationStatus}' meanwhile`,
      report.whmcsOrderId !== null && order.whmcsOrderId === null,
    );
  const byDate = order.fence === 'lastModified' && !isOurs;
  if (byDate && order.lastModifiedAt > lastSeen(order, report, now))
    return overtaken('another user has changed the Order since; its status may be a new attempt');
  if (report.attempt === anyAttempt && order.lastModifiedAt > (report.seenModifiedAt ?? order.lastModifiedAt))
    return overtaken('the Order was changed after the event that failed; its status may be a newer attempt');
  return { is: 'open' };
}

/** LastModifiedDate of our last read: where the org does not count attempts, a change after it may be a new one. */
function lastSeen(order: SalesforceOrder, report: Report, now: number): number {
  const isFirst = report.tries === 0 && !report.unsettled && now - report.at < soonMs;
  return isFirst ? order.lastModifiedAt : (report.seenModifiedAt ?? order.lastModifiedAt);
}

/** @param idAlone over a status that a person has set. */
export function changeOf(order: SalesforceOrder, report: Report, idAlone: boolean): OrderChange {
  if (idAlone) return { whmcsOrderId: report.whmcsOrderId };
  return {
    activationStatus: report.status,
    errorCode: report.code,
    errorMessage: report.message,
    errorAt: report.status === 'Failed' ? report.at : null,
    ...(report.whmcsOrderId === null ? {} : { whmcsOrderId: report.whmcsOrderId }),
    ...(order.fence === 'attempt'
      ? { resultAttempt: report.attempt === anyAttempt ? order.attempt : report.attempt }
      : {}),
  };
}
