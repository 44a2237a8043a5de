/**
 * A person's word that an order may get a new WHMCS order: the one it had is dead (exactly-one R24), or its call was stopped
 * and is not sent again by itself (R14). WHMCS is read before the word is taken, and again before anything is added.
 */
import type { Order } from '../whmcs/contract';
import { conclude } from './accept-settling';
import { addsOf, adopt, askNewOrder, newGeneration } from './add-record';
import { carryOut, lookOnce, type Settling } from './add-settling';
import type { HeldOrder } from './held-order';
import { namedId } from './named-id';
import { unsettledAccept, unsettledAdd, type AddIntent, type Adopted, type OrderRecord } from './order-record';
import { lifeOf, readOrder, type Row } from './orders-reading';
import { idsOf, livingOfAll, ownOf, rowsNow } from './own-rows';
import { ranBefore, ranText } from './settle-accept';
import { isDead, unexplainedRows } from './settle-add';
import { withWhmcs, type WordParts } from './word';

/**
 * - taken: the next run makes a new order if WHMCS still shows none of it. `instead`: the dead one whose place it takes.
 *   `ran`: of which orders modules may have run, in words; null: of none.
 * - refused: why, in words. Nothing has changed but what was found out.
 */
export type WordTaken = { taken: true; instead: number | null; ran: string | null } | { taken: false; why: string };

const madeToo = (living: readonly Row[]): string =>
  `WHMCS order ${idsOf(living)} of client ${clientsOf(living)} was made for it too, and is not cancelled: retry without the word`;
const clientsOf = (rows: readonly Row[]): string => [...new Set(rows.map(({ order }) => order.clientId))].join(' and ');
const refused = (why: string): WordTaken => ({ taken: false, why });
const taken = (record: OrderRecord, instead: number | null): WordTaken => {
  const ran = ranBefore(record);
  return { taken: true, instead, ran: ran === null ? null : ranText(ran) };
};

/**
 * Takes the word for an order that is held. Never throws for a WHMCS that cannot be read: the word is refused then.
 * @param named what Salesforce shows as WHMCS_Order_ID__c.
 */
export async function takeWord(parts: WordParts, order: HeldOrder, named: string | null): Promise<WordTaken> {
  const { adopted } = order.record;
  const intent = unsettledAdd(order.record);
  if (intent) return withWhmcs(parts, order, intent.whmcs, (settling) => forStopped(settling, intent, named), refused);
  if (adopted) return withWhmcs(parts, order, adopted.whmcs, (settling) => forDead(settling, adopted, named), refused);
  if (named !== null && !isOwnId(order.record, named))
    return refused(
      `WHMCS order ${named}, which Salesforce names, was not read yet: retry without the word takes it up; or clear it`,
    );
  const last = order.record.past.at(-1);
  if (last) return withWhmcs(parts, order, last.whmcs, (settling) => forTaken(settling, last), refused);
  return taken(order.record, null);
}

/** Whether what Salesforce names is a WHMCS order that this one has or had: a word for a new one may clear that id alone. */
const isOwnId = ({ adopted, past }: OrderRecord, named: string): boolean =>
  [...past, ...(adopted ? [adopted] : [])].some((one) => one.orderId === namedId(named));

/**
 * Whether the order has a WHMCS order, as far as is on record, that may have died since: what a word is taken for though
 * Salesforce shows the Order as Activated.
 * @param named what Salesforce shows as WHMCS_Order_ID__c.
 */
export function mayHaveDied(record: OrderRecord, named: string | null): boolean {
  if (record.adopted) return unsettledAdd(record) === undefined;
  return record.past.length > 0 && isJustTaken(record) && (named === null || isOwnId(record, named));
}

/** Nothing was asked of WHMCS since the word was taken: Activating could not be written, say, or the run ended before AddOrder. */
const isJustTaken = (record: OrderRecord): boolean => addsOf(record).length === 0;

/**
 * The word once more, after it was taken for an order that was dead: it is judged as the first time, since a person may have
 * brought that one back to life meanwhile.
 */
async function forTaken(settling: Settling, last: Adopted): Promise<WordTaken> {
  const { order } = settling;
  const { why } = await deadOr(settling, last);
  const isJust = isJustTaken(order.record);
  if (why === null) return taken(order.record, isJust ? last.orderId : null);
  // The word is taken back: a retry goes on with what lives, and adds nothing beside it.
  await order.save((record) => ({
    ...adopt(record, last),
    generation: isJust ? record.generation - 1 : record.generation,
  }));
  return refused(why);
}

/** A call of which a person must decide. */
async function forStopped(settling: Settling, intent: AddIntent, named: string | null): Promise<WordTaken> {
  const { order } = settling;
  if (!intent.stopped) return refused('It is not known yet what became of AddOrder: WHMCS is being read');
  const decision = await lookOnce(settling, intent);
  if (decision.do !== 'wait') {
    const out = await carryOut(settling, intent, decision);
    if (out.kind === 'stopped') return refused(out.failure.message);
    const { adopted } = order.record;
    return adopted ? forDead(settling, adopted, named) : taken(order.record, null);
  }
  const rows = await rowsNow(settling, intent);
  const candidates = unexplainedRows(rows, ownOf(order)).filter((row) => !isDead(row));
  if (candidates.length > 0)
    return refused(
      `WHMCS order ${idsOf(candidates)} may be its own: put the id into WHMCS_Order_ID__c and retry, or cancel it in WHMCS`,
    );
  // Of the clients that earlier calls went to: what bears a mark alone, since they may have bought more by themselves.
  const living = await livingOfAll(settling, intent);
  if (living.length > 0) return refused(madeToo(living));
  await order.save((record) => askNewOrder(record, intent.id));
  return taken(order.record, null);
}

/** Why an order of which `known` is on record may get no new one, as WHMCS shows it now; null: nothing of it lives. */
async function deadOr(settling: Settling, known: Adopted): Promise<{ why: string | null; found: Order | null }> {
  const { orderId } = known;
  const found = await readOrder(settling.whmcs, orderId, settling.signal);
  const life = found === null ? 'dead' : lifeOf(found.status);
  if (found !== null && life !== 'dead') {
    const why =
      life === 'other'
        ? `WHMCS order ${orderId} has the status '${found.status}': set it to Cancelled first`
        : `WHMCS order ${orderId} is ${found.status}: retry without the word goes on with it, or cancel it in WHMCS first`;
    return { why, found };
  }
  const living = await livingOfAll(settling, known);
  return { why: living.length > 0 ? madeToo(living) : null, found };
}

/** The WHMCS order that is on record. */
async function forDead(settling: Settling, adopted: Adopted, named: string | null): Promise<WordTaken> {
  const { order, log } = settling;
  const { orderId } = adopted;
  const { why, found } = await deadOr(settling, adopted);
  if (why !== null) return refused(why);
  if (named !== null && !isOwnId(order.record, named))
    return refused(
      `WHMCS order ${named}, which Salesforce names, is not the one on record (${orderId}): clear it if a new one is to be made all the same`,
    );
  // An accept that was not settled has nothing to accept any more.
  if (unsettledAccept(order.record)) await conclude(settling, { found, services: [], decision: { do: 'gone' } });
  const next = newGeneration(order.record);
  if (next === null) return refused(`What became of WHMCS order ${orderId} is not settled yet; try again in a moment`);
  await order.save(() => next);
  log.warn('A person asks for a new WHMCS order in place of one that is dead', {
    order: order.orderId,
    whmcsOrder: orderId,
    status: found?.status ?? 'deleted',
    generation: order.record.generation,
  });
  return taken(order.record, orderId);
}
