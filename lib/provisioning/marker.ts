/**
 * Our mark on a WHMCS order: which Salesforce order it is for, and which intent of which store asked for it.
 *
 * AddOrder's `notes` is undocumented and a product custom field may not be stored, so no mark is taken for granted: each
 * read-back judges it anew. A mark counts wherever its row lies (exactly-one R4).
 */
import type { Order, Service } from '../whmcs/contract';

/** Where the mark is put: the order's notes, a product custom field, or nowhere. */
export type MarkerStrategy = 'notes' | 'none' | { customFieldId: number };

export interface Marker {
  /** Salesforce order id, 18 characters. */
  orderId: string;
  /** Id of the store that holds the intent, eight hexadecimal digits. */
  store: string;
  /** `a1`, `a2` … */
  intent: string;
}

export const markerIn = (strategy: MarkerStrategy): 'notes' | 'none' | 'field' =>
  typeof strategy === 'object' ? 'field' : strategy;

/** `sfOrderId=<18>;i=<store8>-<intent>` */
export const markerText = ({ orderId, store, intent }: Marker): string => `sfOrderId=${orderId};i=${store}-${intent}`;

const pattern = /sfOrderId=([A-Za-z0-9]{18});i=([0-9a-f]{8})-(a\d+)/g;

/** Every mark in a text; others may have written around it. */
export function markersIn(text: string): Marker[] {
  return [...text.matchAll(pattern)].map(([, orderId = '', store = '', intent = '']) => ({ orderId, store, intent }));
}

/** Every mark on a WHMCS order: in its notes, and in the custom fields of those services that are given. */
export function markersOf(order: Order, services: readonly Service[]): Marker[] {
  const texts = services
    .filter((service) => service.orderId === order.id)
    .flatMap((service) => service.customFields.map((field) => field.value));
  return [order.notes, ...texts].flatMap(markersIn);
}
