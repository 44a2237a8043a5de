/**
 * What an Order wants now, against the WHMCS order that was made for it before. Until that is accepted, Salesforce may be
 * corrected: items, prices, the Account's client. Pure.
 */
import type { Order } from '../whmcs/contract';
import type { Adopted, AskedItem, OrderRecord } from './order-record';
import { lifeOf } from './orders-reading';

export interface WantedNow {
  /** The client that the client check found. */
  clientId: number;
  items: AskedItem[];
}

type MaybeAccepted = Pick<OrderRecord, 'accepted'>;

/** Nothing has made it live: neither we, as far as is on record, nor anybody else. */
const isOpen = ({ accepted }: MaybeAccepted, { status }: Pick<Order, 'status'>): boolean =>
  accepted === null && lifeOf(status) === 'pending';

/**
 * What a WHMCS order is to be held against where the Order wants something else by now than it was made for.
 * @returns null: it wants the same, or the WHMCS order was looked at and is live: it stays as it is.
 */
export function wantedAnew(
  record: MaybeAccepted,
  { verified, items }: Pick<Adopted, 'verified' | 'items'>,
  found: Pick<Order, 'status'>,
  now: WantedNow,
): AskedItem[] | null {
  if (record.accepted !== null || (verified && !isOpen(record, found))) return null;
  return isSame(items, now.items) ? null : now.items;
}

/** Why a WHMCS order that is not live yet must not be made so, by its client; null: it may. */
export function otherClient(
  record: MaybeAccepted,
  found: Pick<Order, 'id' | 'status' | 'clientId'>,
  now: WantedNow,
): string | null {
  return isOpen(record, found) && found.clientId !== now.clientId
    ? `WHMCS order ${found.id} differs: it is of client ${found.clientId}, the Account is linked to client ${now.clientId}`
    : null;
}

/** What is odd about a WHMCS order that is live: it is told as it is. null: nothing. */
export function changedSince(
  { accepted, adopted }: Pick<OrderRecord, 'accepted' | 'adopted'>,
  found: Pick<Order, 'id' | 'status' | 'clientId'>,
  now: WantedNow,
): string | null {
  if (isOpen({ accepted }, found)) return null;
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
