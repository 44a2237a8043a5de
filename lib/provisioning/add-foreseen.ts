/**
 * What add order would do for an order, by reads alone: in the order in which it does it. Nothing is claimed, leased or put
 * on record, and nothing is sent but reads.
 */
import type { Whmcs } from '../whmcs/contract';
import { isDoubtful, stopFailure } from './add-record';
import { newestRows, requestOf } from './add-now';
import { askedItems, draft, named, type AddOrderSettings, type Wanted } from './adding';
import { alive, gone, judgeNamed } from './adopted-order';
import { Failure, failure } from './failure';
import { faultOf, type ForesightContext, type Foreseen, type ForeseenAdding } from './foresight';
import type { Travelling, WhmcsPart } from './message';
import { unsettledAdd } from './order-record';
import { lifeOf, readOrder, type OrderReads } from './orders-reading';
import { byMark } from './settle-add';

type Reads = OrderReads & Pick<Whmcs, 'key'>;

const step = 'whmcs_create';

/** @throws Failure WHMCS_ORDER_GONE and its like, of a WHMCS order that it has; WhmcsError, StoreError. */
export async function foreseeAdding(
  settings: AddOrderSettings,
  whmcs: Reads,
  { order: asked, client, mapping }: Partial<Travelling>,
  { order, signal }: ForesightContext,
): Promise<Foreseen<WhmcsPart> | null> {
  if (asked === undefined) return null;
  const { record } = order;
  const intent = unsettledAdd(record);
  if (intent?.stopped) return { ...nothing, faults: [faultOf(stopFailure(intent))] };
  if (intent) {
    const at = new Date(intent.at).toISOString();
    return { ...nothing, notes: [`It is not known yet what became of the AddOrder of ${at}: WHMCS is read first`] };
  }
  const { adopted } = record;
  if (adopted && adopted.whmcs === whmcs.key)
    return has(await readOrder(whmcs, adopted.orderId, signal), adopted.orderId);
  if (adopted) {
    const note = `It has WHMCS order ${adopted.orderId} at another WHMCS address, which would be looked for here first`;
    return { ...nothing, notes: [note] };
  }
  const whole = client !== undefined && client.paymentMethod !== '' && mapping?.ok === true && mapping.items.length > 0;
  if (!whole) {
    const note = `Salesforce names WHMCS order ${asked.whmcsOrderId}, which was not looked at`;
    return { ...nothing, notes: asked.whmcsOrderId === null ? [] : [note] };
  }
  const input = { order: asked, client, mapping };
  return forWhole({ order, whmcs, settings, input, items: askedItems(mapping), signal });
}

/** Nothing keeps it from being added but what WHMCS shows. */
async function forWhole(wanted: Wanted & { whmcs: Reads; signal: AbortSignal }): Promise<Foreseen<WhmcsPart>> {
  const { order, whmcs, input, signal } = wanted;
  const doubt = await order.store.doubt();
  const notes: string[] = [];
  if (doubt !== null && isDoubtful(order.record, doubt))
    notes.push(
      'The store is new or was restored, and the Order is older: WHMCS would be read for an order of it first, through the quarantine',
    );
  if (input.order.whmcsOrderId !== null) {
    const judged = await judgeNamed(order, whmcs, named(wanted), signal);
    if (judged !== null) return has(judged.found, judged.found.id, notes);
  }
  const { orderId, store, record, facts } = order;
  const decision = byMark({ orderId, store: store.id, record, facts }, await newestRows(wanted));
  if (decision?.do === 'adopt') return has(decision.row?.order ?? null, decision.orderId, notes);
  if (decision?.do === 'stop') {
    const ids = decision.candidates.map((row) => row.order.id).join(' and ');
    throw failure(decision.code, `WHMCS holds order ${ids} for this Salesforce Order, or for another as well`, step);
  }
  return { ...nothing, notes, adding: { has: null, request: requestOf(wanted, draft(wanted)) } };
}

const none: ForeseenAdding = { has: null, request: null };
const nothing: Foreseen<WhmcsPart> = { faults: [], notes: [], adding: none };

/** It has a WHMCS order, which goes on as it is. */
function has(found: Parameters<typeof gone>[1], id: number, notes: string[] = []): Foreseen<WhmcsPart> {
  const adding = { has: id, request: null };
  try {
    if (found === null || lifeOf(found.status) === 'dead') throw gone(id, found, step);
    const { status } = alive(found, step);
    return {
      faults: [],
      notes: [...notes, `It has WHMCS order ${id} (${status}), which would be gone on with`],
      adding,
    };
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    return { faults: [faultOf(error)], notes, adding };
  }
}
