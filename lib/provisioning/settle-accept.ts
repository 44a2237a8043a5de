/**
 * What has become of a WHMCS order that is to be accepted, or was. Pure (reference: exactly-one R6).
 *
 * A success is no proof, and neither is an error: only the order and its services are. AcceptOrder runs modules, so one
 * that may have been carried out is never sent again.
 */
import type { Fact } from '../state/contract';
import type { Order, Service } from '../whmcs/contract';
import { endOfCall } from './call-facts';
import { isLive } from './order-comparison';
import type { AcceptIntent, OrderRecord } from './order-record';
import { lifeOf } from './orders-reading';

export interface AcceptSight {
  /** The order, read just now; null: WHMCS has none. */
  found: Order | null;
  services: readonly Service[];
  /** Intents to accept this WHMCS order. */
  accepts: readonly AcceptIntent[];
  facts: readonly Fact[];
  /** Of the unsettled one. sender, running: it may still be at work. */
  quarantine: 'sender' | 'running' | 'over';
}

export type AcceptDecision =
  | { do: 'done'; warning: string | null }
  | { do: 'partial'; notLive: Service[]; text: string }
  /** Never sent: AcceptOrder may go out. */
  | { do: 'send' }
  /** The unsettled one did nothing. */
  | { do: 'nothing-done'; how: 'not-sent' | 'refused'; text: string }
  | { do: 'wait' }
  | { do: 'gone' }
  | { do: 'status' }
  /** Sent, and Pending all the same. */
  | { do: 'unknown'; text: string };

export function lookAtAccept({ found, services, accepts, facts, quarantine }: AcceptSight): AcceptDecision {
  const open = accepts.find((intent) => intent.settled === null);
  const end = open ? endOfCall(facts, open.id) : null;
  const over = end !== null && end.kind !== 'unknown';
  const atWork = open !== undefined && !over && quarantine !== 'over';
  const text = end && (end.kind === 'unclear' || end.kind === 'refused') ? end.text : '';
  switch (found === null ? 'dead' : lifeOf(found.status)) {
    case 'dead':
      return { do: 'gone' };
    case 'other':
      return { do: 'status' };
    case 'active': {
      const notLive = services.filter((service) => !isLive(service));
      if (services.length > 0 && notLive.length === 0) return { do: 'done', warning: text || null };
      return atWork ? { do: 'wait' } : { do: 'partial', notLive, text };
    }
    case 'pending':
      if (end?.kind === 'not-sent' || end?.kind === 'refused')
        return { do: 'nothing-done', how: end.kind, text: end.text };
      if (atWork) return { do: 'wait' };
      return open || accepts.some(wasSent) ? { do: 'unknown', text } : { do: 'send' };
  }
}

/** It may have run modules. */
export const wasSent = ({ settled }: AcceptIntent): boolean =>
  settled?.how !== 'not-sent' && settled?.how !== 'refused';

/** Whether modules may have run for a WHMCS order, by what is on record. */
export const mayHaveRun = ({ accepts }: Pick<OrderRecord, 'accepts'>, whmcsOrderId: number): boolean =>
  accepts.some((one) => one.whmcsOrderId === whmcsOrderId && wasSent(one));

/** The WHMCS orders for which an accept was sent, but for one, in words; null: there are none. */
export function ranBefore({ accepts }: Pick<OrderRecord, 'accepts'>, except: number | null = null): string | null {
  const ids = new Set(
    accepts.filter((one) => one.whmcsOrderId !== except && wasSent(one)).map((one) => one.whmcsOrderId),
  );
  return ids.size === 0 ? null : [...ids].join(' and ');
}

/** For whoever may have it accepted again, by another WHMCS order even. @param what the WHMCS orders, in words. */
export const ranText = (what: string): string =>
  `AcceptOrder was sent for ${what} before, and its modules may have run`;
