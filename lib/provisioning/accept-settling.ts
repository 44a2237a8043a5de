/** Settling an AcceptOrder with effects: reads the order and its services, asks `settle-accept`, puts it on record. */
import type { Order } from '../whmcs/contract';
import { acceptedElsewhere, settleAccept } from './add-record';
import type { Settling } from './add-settling';
import { adoptedOf, gone } from './adopted-order';
import { failure, type Failure } from './failure';
import { servicesOfItems } from './order-comparison';
import { unsettledAccept, type AcceptIntent, type OrderRecord } from './order-record';
import { lifeOf, readOrder, servicesOf } from './orders-reading';
import { lookAtAccept, mayHaveRun, ranBefore, ranText, type AcceptDecision, type AcceptSight } from './settle-accept';

const step = 'whmcs_accept';

export interface Seen {
  found: Order | null;
  services: AcceptSight['services'];
  decision: AcceptDecision;
}

/**
 * Reads the order back and says what that means.
 * @param quarantine of the unsettled accept; 'sender' where absence is not judged.
 * @throws WhmcsError when it cannot be read.
 */
export async function lookAgain(settling: Settling, quarantine: AcceptSight['quarantine']): Promise<Seen> {
  const { order, whmcs, signal } = settling;
  await order.refreshFacts();
  const adopted = adoptedOf(settling);
  const found = await readOrder(whmcs, adopted.orderId, signal);
  const read = found !== null && lifeOf(found.status) === 'active';
  const services = read ? await servicesOf(whmcs, found, adopted.serviceIds, signal) : [];
  const accepts = order.record.accepts.filter((intent) => intent.whmcsOrderId === adopted.orderId);
  return { found, services, decision: lookAtAccept({ found, services, accepts, facts: order.facts, quarantine }) };
}

type How = NonNullable<AcceptIntent['settled']>['how'];

export type Concluded = { kind: 'accepted' } | { kind: 'failed'; failure: Failure };

/** Puts what was seen on record, and settles the unsettled accept with it. */
export async function conclude(
  settling: Settling,
  seen: Seen & { decision: Exclude<AcceptDecision, { do: 'wait' | 'send' }> },
): Promise<Concluded> {
  const { order } = settling;
  const { decision, found, services } = seen;
  const adopted = adoptedOf(settling);
  const { orderId } = adopted;
  switch (decision.do) {
    case 'done': {
      const known = order.record.accepted?.warning ?? null;
      await order.save((record) => ({
        ...ran(record, 'done', decision.warning ?? ''),
        accepted: {
          at: order.clock.now(),
          attempt: record.attempt,
          services: servicesOfItems(adopted.items, services),
          warning: decision.warning ?? known,
        },
      }));
      settling.log.info('The WHMCS order is live', {
        order: order.orderId,
        whmcsOrder: orderId,
        warning: decision.warning,
      });
      return { kind: 'accepted' };
    }
    case 'partial': {
      const names = decision.notLive.map((service) => `${service.id} ${service.name} (${service.status})`).join(', ');
      const what = names === '' ? 'it shows no services' : `not live: ${names}`;
      return fail(
        'partial',
        failure(
          'WHMCS_PARTIALLY_PROVISIONED',
          `WHMCS order ${orderId} is Active, but ${what}${said(decision.text)}`,
          step,
        ),
      );
    }
    case 'nothing-done':
      return fail(decision.how, failure('WHMCS_ACCEPT_REFUSED', `WHMCS order ${orderId}: ${decision.text}`, step));
    case 'unknown':
      return fail(
        'unknown',
        failure(
          'WHMCS_ACCEPT_UNKNOWN',
          `WHMCS order ${orderId} is still Pending${said(decision.text)}${inPlaceOf(order.record, orderId)}`,
          step,
        ),
      );
    case 'gone':
      return fail('dead', gone(orderId, found, step));
    case 'status':
      return fail(
        'unknown',
        failure('WHMCS_ORDER_STATUS', `WHMCS order ${orderId} has the status '${found?.status ?? ''}'`, step),
      );
  }

  /** What is seen now holds over an accept that was proven before. */
  async function fail(how: How, cause: Failure): Promise<Concluded> {
    await order.save((record) => ({
      ...(how === 'partial' ? ran(record, how, cause.message) : settled(record, how, cause.message)),
      accepted: null,
    }));
    return { kind: 'failed', failure: cause };
  }

  function settled(record: OrderRecord, how: How, detail: string) {
    const accept = open(record);
    return accept ? settleAccept(record, accept.id, { how, at: order.clock.now(), detail }) : record;
  }

  /** The order is Active: whoever has accepted it, its modules have run. */
  function ran(record: OrderRecord, how: 'done' | 'partial', detail: string): OrderRecord {
    const next = settled(record, how, detail);
    return mayHaveRun(next, orderId)
      ? next
      : acceptedElsewhere(next, order.facts, adopted, { how, at: order.clock.now(), detail });
  }

  /** What was seen says nothing of an accept of another WHMCS order. */
  function open(record: OrderRecord): AcceptIntent | undefined {
    const accept = unsettledAccept(record);
    return accept?.whmcsOrderId === orderId ? accept : undefined;
  }
}

/** Of the orders in whose place this one is. */
function inPlaceOf(record: OrderRecord, whmcsOrderId: number): string {
  const ran = ranBefore(record, whmcsOrderId);
  return ran === null ? '' : `; ${ranText(ran)}: look there first`;
}

const said = (text: string): string => (text === '' ? '' : `; WHMCS said: ${text}`);
