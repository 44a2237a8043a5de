/**
 * Accepts the WHMCS order of a Salesforce Order. AcceptOrder runs modules, so it is sent once and never again by itself:
 * what it came to is read from the order and its services, whatever its answer was (exactly-one R6).
 */
import { WhmcsError, type Whmcs } from '../whmcs/contract';
import { conclude, lookAgain, type Seen } from './accept-settling';
import { nextIntentId, openAccept, settleAccept } from './add-record';
import { unread, withUnknownAccept, type Settling } from './add-settling';
import { adoptedOf, readBack, refuseTwins } from './adopted-order';
import { callOnce, describe, goesAgain } from './call-facts';
import { underWay } from './calls-under-way';
import { mayBeCancelled } from './cancel-under-way';
import { failure, toFailure } from './failure';
import { wasSent } from './settle-accept';
import { notInTime, settlingFor, whileHeld, type HeldResult } from './held-step';
import type { Travelling, WhmcsPart } from './message';
import { unsettledAccept, unsettledAdd, type AcceptIntent } from './order-record';
import { isSince, recordedNow } from './since-doubt';
import type { Step } from './step';

export interface AcceptOrderSettings {
  /** Run the modules; sent explicitly, since WHMCS's default depends on the product. */
  autoSetup: boolean;
  /** Send the welcome mails. */
  sendEmail: boolean;
  /** How long a Pending order may still become Active; never less than five minutes and two write time-outs. */
  quarantineMs: number;
  /** The first byte of AcceptOrder leaves within this time of its intent, or not at all. */
  sendByMs: number;
}

export const acceptOrderDefaults: AcceptOrderSettings = {
  autoSetup: true,
  sendEmail: true,
  quarantineMs: 300_000,
  sendByMs: 5_000,
};

const step = 'whmcs_accept';
/** A look counts for so long: for twins, that of the read-back which came with the order, and the last one before AcceptOrder. */
const freshMs = 60_000;
/** So much later than a twin was there to be seen AcceptOrder may still leave: on a look for twins, then on a last look. */
export const onOldLooksMs = 2 * freshMs;
/** Until it is looked again whether a CancelOrder was carried out. */
const cancelledMs = 30_000;
const unknown = 'It is not known yet what became of AcceptOrder';

interface Accepting extends Settling {
  settings: AcceptOrderSettings;
  input: Pick<Travelling, 'order' | 'whmcs'>;
}

/** One step for all orders of a node. Settings are plain values; `whmcs` is the live connection. */
export function acceptOrder(settings: AcceptOrderSettings, whmcs: Whmcs): Step<'order' | 'whmcs', 'whmcs'> {
  return {
    name: step,
    needs: ['order', 'whmcs'],
    adds: 'whmcs',
    run: (input, context) => whileHeld(context, whmcs, (settling) => accept({ ...settling, settings, input })),
  };
}

async function accept(accepting: Accepting): Promise<HeldResult> {
  const { order, whmcs, input } = accepting;
  const { record } = order;
  if (record.attemptState === 'closed')
    throw failure('ATTEMPT_CLOSED', `Attempt ${record.attempt} of this order has ended`, step);
  if (unsettledAdd(record)) return settlingFor('It is not known yet what became of AddOrder');
  if (record.adopted?.orderId !== input.whmcs.orderId)
    throw failure(
      'MESSAGE_INCOMPLETE',
      `The ledger does not know WHMCS order ${input.whmcs.orderId}: put add order before accept order`,
      step,
    );
  if (record.adopted.whmcs !== whmcs.key)
    throw failure(
      'WHMCS_ORDER_FOREIGN',
      `WHMCS order ${record.adopted.orderId} is of another WHMCS than this node's`,
      step,
    );
  if (!record.adopted.verified) await readBack(accepting, step);
  await countAsSent(accepting);
  let lookedAt = order.clock.monotonic();
  const first = lookAgain(accepting, 'sender');
  let seen = await (unsettledAccept(order.record) ? first.catch(unread) : first);
  if (seen?.decision.do === 'nothing-done') {
    // An earlier process put that on record and ended: nothing was done, so it may go out now.
    await conclude(accepting, { ...seen, decision: seen.decision });
    lookedAt = order.clock.monotonic();
    seen = await lookAgain(accepting, 'sender');
  }
  if (seen?.decision.do !== 'send') return concluded(accepting, seen);
  const { orderId, at } = adoptedOf(accepting);
  if (mayBeCancelled(order, whmcs, orderId)) return untilCancelled(orderId);
  // Another host's clock may have put that on record: a time to come says nothing.
  const age = order.clock.now() - at;
  if (age < 0 || age > freshMs) await refuseTwins(accepting, step);
  return send(accepting, lookedAt);
}

/**
 * What a store that may have lost records does not say, may be: the accept counts as sent (exactly-one R2), unless one that
 * is on record was sent, or was put there since.
 */
async function countAsSent({ order, settings }: Accepting): Promise<void> {
  const doubt = await order.store.doubt();
  const { adds, adopted, accepts } = order.record;
  if (!doubt || !adopted) return;
  // A copy from between AddOrder's intent and its end: the order is found now, and was made, and accepted maybe, before.
  const askedFor = adds.find((one) => one.id === adopted.intent) ?? adopted;
  if (isSince(doubt, askedFor) && isSince(doubt, adopted)) return;
  if (accepts.some((one) => one.whmcsOrderId === adopted.orderId && (isSince(doubt, one) || wasSent(one)))) return;
  await order.save((record) => withUnknownAccept(record, order, adopted.whmcs, adopted.orderId, settings.quarantineMs));
}

/** It is not accepted while it may be cancelled under its modules; they would have run for an order that is dead. */
const untilCancelled = (orderId: number): HeldResult => ({
  wait: cancelledMs,
  reason: `WHMCS order ${orderId} may still be cancelled, as a person has asked for; looking`,
});

/** @param lookedAt monotonic ms of the last look at the order; a process may stand still after it. */
async function send(accepting: Accepting, lookedAt: number): Promise<HeldResult> {
  const { order, whmcs, settings, signal, log } = accepting;
  const { orderId } = adoptedOf(accepting);
  const intent: AcceptIntent = {
    id: nextIntentId('c', order.record, order.facts),
    ...recordedNow(order),
    sender: order.sender,
    whmcs: whmcs.key,
    whmcsOrderId: orderId,
    quarantineMs: settings.quarantineMs,
    settled: null,
  };
  signal.throwIfAborted();
  const end = await underWay(order.store, order.orderId, intent.id, async () => {
    const sendBy = Math.min(order.clock.monotonic() + settings.sendByMs, lookedAt + freshMs);
    await order.save((record) => openAccept(record, intent));
    const { autoSetup, sendEmail } = settings;
    return callOnce(
      order,
      intent.id,
      sendBy,
      (options) => whmcs.acceptOrder({ orderId, autoSetup, sendEmail }, options),
      () => null,
    );
  });
  if (end.kind === 'not-sent' || (end.kind === 'refused' && end.fault !== 'business')) {
    const settled = { how: end.kind, at: order.clock.now(), detail: describe(end) };
    await order.save((record) => settleAccept(record, intent.id, settled));
    if (goesAgain(order.record.accepts)) return notInTime('AcceptOrder');
    throw toFailure(new WhmcsError('AcceptOrder', end), step);
  }
  if (end.kind === 'unknown')
    log.warn('No answer to AcceptOrder; looking at the order', {
      order: order.orderId,
      intent: intent.id,
      code: end.code,
    });
  return concluded(accepting, await lookAgain(accepting, 'sender').catch(unread));
}

async function concluded(accepting: Accepting, seen: Seen | null): Promise<HeldResult> {
  if (seen === null || seen.decision.do === 'wait' || seen.decision.do === 'send') return settlingFor(unknown);
  const out = await conclude(accepting, { ...seen, decision: seen.decision });
  if (out.kind === 'failed') throw out.failure;
  const { input, order } = accepting;
  const warning = order.record.accepted?.warning ?? input.whmcs.warning;
  const part: WhmcsPart = {
    ...input.whmcs,
    serviceIds: seen.services.map((service) => service.id),
    status: seen.found?.status ?? input.whmcs.status,
    ...(warning ? { warning } : {}),
  };
  return { part, note: `WHMCS order ${part.orderId} is live` };
}
