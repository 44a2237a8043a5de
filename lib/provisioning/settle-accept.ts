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
import type { AcceptIntent } from './order-record';
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
