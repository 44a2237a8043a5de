/**
 * What an Order wants now, against the WHMCS order that was made for it before. Until that is accepted, Salesforce may be
 * corrected: items, prices, the Account's client. Pure.
 */
import type { Order } from '../whmcs/contract';
import type { Adopted, AskedItem, OrderRecord } from './order-record';
import { lifeOf } from './orders-reading';
import { mayHaveRun, ranText } from './settle-accept';

export interface WantedNow {
  /** The client that the client check found. */
  clientId: number;
  items: AskedItem[];
}

/** It is not live: what WHMCS shows now holds over an accept that was proven before. */
const isOpen = ({ status }: Pick<Order, 'status'>): boolean => lifeOf(status) === 'pending';

/**
 * What a WHMCS order is to be held against where the Order wants something else by now than it was made for.
 * @returns null: it wants the same, or the WHMCS order was looked at and is live: it stays as it is.
 */
export function wantedAnew(
  record: Pick<OrderRecord, 'accepted'>,
  { verified, items }: Pick<Adopted, 'verified' | 'items'>,
  found: Pick<Order, 'status'>,
  now: WantedNow,
): AskedItem[] | null {
  if (!isOpen(found) && (verified || record.accepted !== null)) return null;
  return isSame(items, now.items) ? null : now.items;
}

/** Why a WHMCS order that is not live yet must not be made so, by its client; null: it may. */
export function otherClient(
  record: Pick<OrderRecord, 'accepts'>,
  found: Pick<Order, 'id' | 'status' | 'clientId'>,
  now: WantedNow,
): string | null {
  return isOpen(found) && found.clientId !== now.clientId
    ? differs(record, found.id, `it is of client ${found.clientId}, the Account is linked to client ${now.clientId}`)
    : null;
}

/**
 * How a WHMCS order is not what the Order wants. An accept may have been sent for it though nothing is live any more: the
 * customer may have what its modules made, and whoever cancels it for a new one has to know.
 */
export const differs = (record: Pick<OrderRecord, 'accepts'>, id: number, how: string): string =>
  `WHMCS order ${id} differs${mayHaveRun(record, id) ? ` (${ranText('it')}: look there first)` : ''}: ${how}`;

/** What is odd about a WHMCS order that is live: it is told as it is. null: nothing. */
export function changedSince(
  { adopted }: Pick<OrderRecord, 'adopted'>,
  found: Pick<Order, 'id' | 'status' | 'clientId'>,
  now: WantedNow,
): string | null {
  if (isOpen(found)) return null;
  const odd = [
    ...(found.clientId === now.clientId
      ? []
      : [
          `WHMCS order ${found.id} is of client ${found.clientId}, the Account is linked to client ${now.clientId} now`,
        ]),
    // Records of the first versions do not say what was asked for.
    ...(adopted === null || adopted.items.length === 0 || isSame(adopted.items, now.items)
      ? []
      : [`The Order's items were changed after WHMCS order ${found.id} was made: it has those of before`]),
  ];
  return odd.length === 0 ? null : odd.join('; ');
}

/** What WHMCS's price list says is not the Order's. */
const isSame = (one: readonly AskedItem[], other: readonly AskedItem[]): boolean =>
  one.length === other.length && one.every((item, at) => isSameItem(item, other[at]));

function isSameItem(one: AskedItem, other: AskedItem | undefined): boolean {
  return (
    other !== undefined &&
    one.orderItemId === other.orderItemId &&
    one.pid === other.pid &&
    one.billingCycle === other.billingCycle &&
    one.quantity === other.quantity &&
    one.priceOverride === other.priceOverride &&
    optionsOf(one) === optionsOf(other)
  );
}

const optionsOf = ({ options = {} }: AskedItem): string =>
  Object.entries(options)
    .map(([id, value]) => `${id}=${value}`)
    .sort()
    .join();
