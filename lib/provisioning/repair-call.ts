/**
 * One call with an effect that a person asked for: its intent is on record before the call, its end before anything else is
 * done (exactly-one R9). What it came to is read from WHMCS, never from its answer.
 */
import type { CallEnd, WriteOptions } from '../whmcs/contract';
import { acceptOrderDefaults } from './accept-order';
import { nextIntentId } from './add-record';
import type { Settling } from './add-settling';
import { callOnce, describe, endOfCall } from './call-facts';
import { underWay } from './calls-under-way';
import type { HeldOrder } from './held-order';
import type { RepairIntent } from './order-record';
import { recordedNow } from './since-doubt';

export type RepairCall = RepairIntent['call'];
type RepairEnd = NonNullable<RepairIntent['settled']>['how'];

/** What came of a person's word, in words for that person. `done`: what was asked for is so now. */
export interface Repaired {
  done: boolean;
  text: string;
}

export const refused = (text: string): Repaired => ({ done: false, text });

/** Calls of this kind for this order or service, oldest first. */
export const repairsOf = ({ record }: HeldOrder, call: RepairCall, target: number): RepairIntent[] =>
  record.repairs.filter((one) => one.call === call && one.target === target);

export const settleRepair = (order: HeldOrder, id: string, how: RepairEnd, detail: string): Promise<void> =>
  order.save((record) => ({
    ...record,
    repairs: record.repairs.map((one) =>
      one.id === id ? { ...one, settled: { how, at: order.clock.now(), detail } } : one,
    ),
  }));

/** Settles calls whose intent an earlier process left open, with what their facts tell or `seen` in WHMCS shows. */
export async function settleOld(order: HeldOrder, olds: readonly RepairIntent[], seen: boolean): Promise<void> {
  for (const old of olds) {
    if (old.settled !== null) continue;
    const end = endOfCall(order.facts, old.id);
    if (seen) await settleRepair(order, old.id, 'done', 'seen in WHMCS');
    else if (end?.kind === 'not-sent') await settleRepair(order, old.id, 'not-sent', end.text);
    else if (end?.kind === 'refused') await settleRepair(order, old.id, 'refused', end.text);
    else if (end?.kind === 'unclear') await settleRepair(order, old.id, 'failed', end.text);
    else if (end?.kind === 'success') await settleRepair(order, old.id, 'unknown', end.text);
  }
}

type Target = Pick<RepairIntent, 'whmcs' | 'call' | 'target'>;

const newRepair = (order: HeldOrder, of: Target): RepairIntent => ({
  id: nextIntentId('r', order.record, order.facts),
  ...recordedNow(order),
  sender: order.sender,
  ...of,
  settled: null,
});

const withRepair = (order: HeldOrder, repair: RepairIntent): Promise<void> =>
  order.save((record) => ({ ...record, repairs: [...record.repairs, repair] }));

/** Notes that it was asked for, and not sent yet. */
export const noteUnsent = (order: HeldOrder, of: Target, why: string): Promise<void> =>
  withRepair(order, { ...newRepair(order, of), settled: { how: 'not-sent', at: order.clock.now(), detail: why } });

/** Makes the call, once. Its intent stays unsettled: the caller reads, and settles it. */
export async function callOnWord(
  { order, whmcs, log, signal }: Settling,
  call: RepairCall,
  target: number,
  send: (options: WriteOptions) => Promise<CallEnd<null>>,
): Promise<{ id: string; end: CallEnd<null> }> {
  signal.throwIfAborted();
  const intent = newRepair(order, { whmcs: whmcs.key, call, target });
  log.warn(`A person asks for ${call}`, { order: order.orderId, intent: intent.id, target });
  const end = await underWay(order.store, order.orderId, intent.id, async () => {
    const sendBy = order.clock.monotonic() + acceptOrderDefaults.sendByMs;
    await withRepair(order, intent);
    return callOnce(order, intent.id, sendBy, send, () => null);
  });
  log.info(`${call} has ended`, { order: order.orderId, intent: intent.id, target, end: describe(end) });
  return { id: intent.id, end };
}
