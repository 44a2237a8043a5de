/** The WHMCS order that Salesforce names as this Order's: a candidate, since *Clone* copies the id and people fill it (R15). */
import type { Order, Whmcs } from '../whmcs/contract';
import { adopt, isOurs, isUnknown, settleAdd } from './add-record';
import { closeOpenIntent, isMadeElsewhere, shown, withUnknownAccept, type Settling } from './add-settling';
import { alive } from './adopted-order';
import { errorCodes, type ErrorDescription } from './error-codes';
import { failure, Failure } from './failure';
import type { KnownOrder } from './foresight';
import { namedId } from './named-id';
import { unlike } from './order-comparison';
import type { AddIntent, Adopted, AskedItem } from './order-record';
import { readOrder, rowsOf, servicesOf, type OrderReads, type Row } from './orders-reading';
import { plain } from './plain-text';
import { idsSeen } from './settle-add';
import { recordedNow } from './since-doubt';

/** The WHMCS order that Salesforce names, and what it is compared with. */
export interface Named {
  field: string;
  /** Other Orders that carry the same; null: Salesforce was not asked. */
  others: readonly string[] | null;
  clientId: number;
  items: AskedItem[];
  quarantineMs: number;
  /** What is on record of this very order, at another address of WHMCS; absent: it is new to us. */
  known?: Pick<Adopted, 'intent' | 'at' | 'doubt'>;
}

const foreignName = (field: string, why: string, describe: ErrorDescription = errorCodes.WHMCS_ORDER_FOREIGN) =>
  new Failure('WHMCS_ORDER_FOREIGN', `WHMCS_Order_ID__c names ${plain(field, 40)}: ${why}`, 'whmcs_create', {
    describe,
  });

/** Nothing of ours says whose it is: of several Orders that carry the id, at most one has not been copied (R15). */
function refuseShared({ field, others }: Named): void {
  if (others === null)
    throw failure(
      'MESSAGE_INCOMPLETE',
      'msg.order does not say whether another Order carries the same WHMCS order: leave it as get order has made it',
      'whmcs_create',
    );
  if (others.length === 0) return;
  const why = `${others.join(' and ')} ${others.length > 1 ? 'carry' : 'carries'} it too, and nothing shows whose it is`;
  // Not the fix of every such order: the one that it was made for must keep its id, or it would get a second one.
  const fix =
    'Clear the field on the Order that was cloned, not on the one that it was made for; then press Provision / Retry.';
  throw foreignName(field, why, { ...errorCodes.WHMCS_ORDER_FOREIGN, fix });
}

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
  const id = namedId(named.field);
  if (id === null) throw foreign('that is no id of a WHMCS order');
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
  const isKnown =
    markers.length > 0 || row?.claimedBy === order.orderId || idsSeen(order.record, order.facts).includes(id);
  if (!isKnown) refuseShared(named);
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
      intent: intent?.id ?? named.known?.intent ?? null,
      ...(named.known ? { at: named.known.at, doubt: named.known.doubt } : recordedNow(order)),
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
