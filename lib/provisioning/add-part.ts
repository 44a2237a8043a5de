/** `msg.whmcs` of an order that is on record: nothing goes on that was not read back. */
import { WhmcsError } from '../whmcs/contract';
import { adoptedOf, readBack } from './adopted-order';
import { named, type Adding } from './adding';
import { failure } from './failure';
import type { HeldResult } from './held-step';
import type { WhmcsPart } from './message';
import { adoptNamed } from './named-order';
import { changedSince } from './wanted-now';

const step = 'whmcs_create';
const readBackAgainMs = 15_000;
const readBackForMs = 600_000;

/** The ledger has a WHMCS order: it is as it should be, or a Failure says how it is not. */
export async function already(adding: Adding): Promise<HeldResult> {
  const { order } = adding;
  const adopted = order.record.adopted;
  if (adopted && adopted.whmcs !== adding.whmcs.key) {
    // The address of WHMCS has changed: is it the same order there?
    const field = String(adopted.orderId);
    const same = await adoptNamed(adding, { ...named(adding), field, others: [], known: adopted }, null);
    if (!same)
      throw failure('WHMCS_ORDER_FOREIGN', `WHMCS order ${adopted.orderId} was made at another WHMCS address`, step);
  }
  const found = order.record.accepted === null && order.record.adopted?.outcome === 'adopted';
  return readBackPart(adding, found ? 'adopted' : 'already');
}

/** Reads the order back and makes the message's part of it. */
export async function readBackPart(adding: Adding, outcome: WhmcsPart['outcome']): Promise<HeldResult> {
  const { order, whmcs, log } = adding;
  const now = { clientId: adding.input.client.id, items: adding.items };
  const found = await readBack(adding, step, now).catch((error: unknown) => {
    // The order is made and its id on record: nothing is lost by waiting a while for WHMCS.
    const waits = error instanceof WhmcsError && error.end.kind !== 'refused';
    if (waits && order.clock.now() - adoptedOf(adding).at < readBackForMs) return null;
    throw error;
  });
  const { orderId, orderNumber, invoiceId, serviceIds, warning: seen } = adoptedOf(adding);
  if (found === null) return { wait: readBackAgainMs, reason: `WHMCS order ${orderId} cannot be read back yet` };
  const changed = changedSince(order.record, found, now);
  if (changed !== null) log.warn(changed, { order: order.orderId, whmcsOrder: orderId });
  const warning = [seen, changed].filter((one) => one !== null).join('; ');
  const part: WhmcsPart = {
    orderId,
    orderNumber,
    url: whmcs.orderUrl(orderId),
    invoiceId,
    serviceIds,
    outcome,
    status: found.status,
    ...(warning === '' ? {} : { warning }),
  };
  return { part, note: `WHMCS order ${orderId} ${outcome}` };
}
