/**
 * What Retry would come to for an order whose AddOrder was stopped for a person: by one read of the client's orders, judged
 * as settling judges two equal ones after the quarantine.
 */
import type { Order } from '../whmcs/contract';
import { lowestWatermark, reopenAdd } from './add-record';
import { own, reasonOf } from './add-settling';
import type { AddOrderSettings } from './adding';
import { failure, type Failure } from './failure';
import type { KnownOrder } from './foresight';
import type { AddIntent } from './order-record';
import { allOrders, rowsOf, type OrderReads } from './orders-reading';
import { lookAtAdd, maxPasses } from './settle-add';

/**
 * - has: the order is found, and taken. `found` null: known by its id alone.
 * - absent: nothing is found. `stops`: why Retry would stop all the same; null: it would be added once more.
 * - stops: as `fault` says.
 */
export type StoppedForeseen =
  | { kind: 'has'; orderId: number; found: Order | null }
  | { kind: 'absent'; stops: Failure | null }
  | { kind: 'stops'; fault: Failure };

const step = 'whmcs_create';

/**
 * @param whmcs to which it was sent.
 * @throws WhmcsError when WHMCS cannot be read.
 */
export async function foreseeStopped(
  { resend }: Pick<AddOrderSettings, 'resend'>,
  whmcs: OrderReads,
  intent: AddIntent,
  { orderId, store, facts, record: before }: KnownOrder,
  signal: AbortSignal,
): Promise<StoppedForeseen> {
  const record = reopenAdd(before, intent.id, resend);
  const reopened = own(record, intent);
  const orders = await allOrders(whmcs, intent.clientId, signal);
  const inField = intent.terms.markerIn === 'field';
  const services = inField ? await whmcs.getServices({ clientId: intent.clientId }, signal) : [];
  const above = lowestWatermark(record);
  const rows = await rowsOf(store, intent.whmcs, orders, services, above);
  const pass = orders.map(({ id }) => id).filter((id) => id > above);
  const passes = Array.from({ length: maxPasses }, () => pass);
  const sight = {
    orderId,
    store: store.id,
    record,
    intent: reopened,
    facts,
    rows,
    quarantine: 'over' as const,
    passes,
  };
  const decision = lookAtAdd(sight);
  if (decision.do === 'adopt') {
    const found = decision.row?.order ?? null;
    return { kind: 'has', orderId: decision.orderId, found };
  }
  if (decision.do !== 'stop') return { kind: 'absent', stops: null };
  const reason = await reasonOf({ whmcs, signal }, reopened, decision.why, decision.candidates);
  const fault = failure(decision.code, reason, step);
  const isAbsent = decision.why === 'not-again' || decision.why === 'unexplained' || decision.why === 'vanished';
  return isAbsent ? { kind: 'absent', stops: fault } : { kind: 'stops', fault };
}
