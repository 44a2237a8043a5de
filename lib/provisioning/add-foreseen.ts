/**
 * What add order would do for an order, by reads alone: in the order in which it does it. Nothing is claimed, leased or put
 * on record, and nothing is sent but reads.
 */
import type { Order, Whmcs } from '../whmcs/contract';
import { isDoubtful, stopFailure } from './add-record';
import { newestRows, requestOf } from './add-now';
import { reasonOf } from './add-settling';
import { askedItems, draft, named, type AddOrderSettings, type Wanted } from './adding';
import { alive, gone, refuseUnlike } from './adopted-order';
import { Failure, failure } from './failure';
import { faultOf, type ForesightContext, type Foreseen, type ForeseenAdding, type KnownOrder } from './foresight';
import type { Travelling, WhmcsPart } from './message';
import { isNamedSince } from './named-id';
import { judgeNamed } from './named-order';
import { unsettledAdd, type AddIntent, type AskedItem, type OrderRecord } from './order-record';
import { lifeOf, readOrder, servicesOf, type OrderReads } from './orders-reading';
import { byMark } from './settle-add';
import { foreseeStopped } from './stopped-foreseen';
import { changedSince, otherClient, wantedAnew, type WantedNow } from './wanted-now';

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
  const whole = wholeOf({ order: asked, client, mapping });
  const wanted = whole && { order, whmcs, settings, input: whole, items: askedItems(whole.mapping), signal };
  if (intent?.stopped) return forStopped(intent, order, whmcs, { settings, wanted, signal });
  if (intent) {
    const note = `It is not known yet what became of the AddOrder of ${dateOf(intent)}: WHMCS is read first`;
    return { ...nothing, notes: [note] };
  }
  const { adopted } = record;
  if (adopted && adopted.whmcs === whmcs.key) {
    const { orderId: id, items, serviceIds, verified } = adopted;
    const found = await readOrder(whmcs, id, signal);
    const now = wanted && nowOf(wanted);
    const anew = now && found && wantedAnew(record, adopted, found, now);
    return has({ found, id, items: anew ?? (verified ? null : items), serviceIds, record, now }, { whmcs, signal });
  }
  if (adopted) {
    const note = `It has WHMCS order ${adopted.orderId} at another WHMCS address, which would be looked for here first`;
    return { ...nothing, notes: [note] };
  }
  if (wanted === null) {
    const note = `Salesforce names WHMCS order ${asked.whmcsOrderId}, which was not looked at`;
    return { ...nothing, notes: asked.whmcsOrderId === null ? [] : [note] };
  }
  return forWhole(wanted);
}

type Input = Wanted['input'];
type Foreseeable = Wanted & { whmcs: Reads; signal: AbortSignal };

const nowOf = ({ input, items }: Wanted): WantedNow => ({ clientId: input.client.id, items });
const dateOf = ({ at }: AddIntent): string => new Date(at).toISOString();

/** null: something is missing, so there is nothing to ask AddOrder for. */
function wholeOf({ order, client, mapping }: Pick<Input, 'order'> & Partial<Input>): Input | null {
  if (client === undefined || client.paymentMethod === '') return null;
  return mapping?.ok === true && mapping.items.length > 0 ? { order, client, mapping } : null;
}

/**
 * A person was asked about an AddOrder: what Retry would do then, in its own order. It looks, takes the order that Salesforce
 * names, else goes by what is not there.
 */
async function forStopped(
  intent: AddIntent,
  order: KnownOrder,
  whmcs: Reads,
  { settings, wanted, signal }: { settings: AddOrderSettings; wanted: Foreseeable | null; signal: AbortSignal },
): Promise<Foreseen<WhmcsPart>> {
  const asked = `A person was asked about the AddOrder of ${dateOf(intent)}. Retry reads WHMCS again`;
  if (intent.whmcs !== whmcs.key) {
    const note = `${asked}: the one that it was sent to, which is not the one of this flow`;
    return { ...nothing, faults: [faultOf(stopFailure(intent))], notes: [note] };
  }
  const seen = await foreseeStopped(settings, whmcs, intent, order, signal);
  if (seen.kind === 'has') {
    const found = seen.found ?? (await readOrder(whmcs, seen.orderId, signal));
    const now = wanted && nowOf(wanted);
    return has(
      { found, id: seen.orderId, items: now?.items ?? intent.items, record: order.record, now },
      { whmcs, signal },
    );
  }
  const stops = (fault: Failure): Foreseen<WhmcsPart> => ({
    ...nothing,
    faults: [faultOf(fault)],
    notes: [`${asked}, and stops again while this is so`],
  });
  if (seen.kind === 'stops') return stops(seen.fault);
  if (wanted !== null && isNamedSince(intent, wanted.input.order.whmcsOrderId)) {
    const judged = await judgeNamed(order, whmcs, named(wanted), signal);
    if (judged !== null) return has({ ...judged, id: judged.found.id, items: wanted.items }, { whmcs, signal });
  }
  if (seen.stops !== null) return stops(seen.stops);
  const notes = [`${asked}, which shows no order of it now; where that holds twice, it is added once more`];
  const request = wanted && requestOf(wanted, draft(wanted));
  return { ...nothing, notes, adding: { has: null, request } };
}

/** Nothing keeps it from being added but what WHMCS shows. */
async function forWhole(wanted: Foreseeable): Promise<Foreseen<WhmcsPart>> {
  const { order, whmcs, input, signal } = wanted;
  const doubt = await order.store.doubt();
  const notes: string[] = [];
  if (doubt !== null && isDoubtful(order.record, doubt))
    notes.push(
      'The store is new or was restored, and the Order is older: WHMCS would be read for an order of it first, through the quarantine',
    );
  if (input.order.whmcsOrderId !== null) {
    const judged = await judgeNamed(order, whmcs, named(wanted), signal);
    if (judged !== null) return has({ ...judged, id: judged.found.id, items: wanted.items }, wanted, notes);
  }
  const { orderId, store, record, facts } = order;
  const decision = byMark({ orderId, store: store.id, record, facts }, await newestRows(wanted));
  if (decision?.do === 'adopt') {
    const found = decision.row?.order ?? null;
    return has({ found, id: decision.orderId, items: wanted.items }, wanted, notes);
  }
  if (decision?.do === 'stop') {
    const reason = await reasonOf(wanted, draft(wanted), decision.why, decision.candidates);
    throw failure(decision.code, reason, step);
  }
  return { ...nothing, notes, adding: { has: null, request: requestOf(wanted, draft(wanted)) } };
}

const none: ForeseenAdding = { has: null, request: null };
const nothing: Foreseen<WhmcsPart> = { faults: [], notes: [], adding: none };

interface Had {
  /** null: there is none with this id. */
  found: Order | null;
  id: number;
  /** What it is compared with when it is read back; null: it was before. */
  items: readonly AskedItem[] | null;
  serviceIds?: readonly number[];
  /** Where it was made before: what is on record of it, and what the Order wants now; `now` null: that is not known. */
  record?: OrderRecord;
  now?: WantedNow | null;
}

/** It has a WHMCS order, which is gone on with, or stops where it would be read back. */
async function has(
  { found, id, items, serviceIds = [], record, now = null }: Had,
  { whmcs, signal }: Pick<Foreseeable, 'whmcs' | 'signal'>,
  notes: string[] = [],
): Promise<Foreseen<WhmcsPart>> {
  const adding = { has: id, request: null };
  try {
    if (found === null || lifeOf(found.status) === 'dead') throw gone(id, found, step);
    const { status } = alive(found, step);
    const wrong = record && now && otherClient(record, found, now);
    if (wrong) throw failure('WHMCS_ORDER_DIFFERS', wrong, step);
    const odd = record && now && changedSince(record, found, now);
    if (items !== null) {
      const services = await servicesOf(whmcs, found, serviceIds, signal);
      refuseUnlike(found, items, services, record ?? { accepts: [] }, step);
    }
    return {
      faults: [],
      notes: [...notes, `It has WHMCS order ${id} (${status}), which would be gone on with`, ...(odd ? [odd] : [])],
      adding,
    };
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    return { faults: [faultOf(error)], notes, adding };
  }
}
