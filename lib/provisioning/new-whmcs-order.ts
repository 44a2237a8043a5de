/**
 * A person's word that an order may get a new WHMCS order: the one it had is dead (exactly-one R24), or its call was stopped
 * and is not sent again by itself (R14). WHMCS is read before the word is taken, and again before anything is added.
 */
import { conclude } from './accept-settling';
import { addsOf, askNewOrder, newGeneration } from './add-record';
import { carryOut, lookOnce, type Settling } from './add-settling';
import type { HeldOrder } from './held-order';
import { unsettledAccept, unsettledAdd, type AddIntent, type Adopted, type OrderRecord } from './order-record';
import { lifeOf, readOrder, type Row } from './orders-reading';
import { idsOf, livingOfAll, ownOf, rowsNow } from './own-rows';
import { isDead, unexplainedRows } from './settle-add';
import { withWhmcs, type WordParts } from './word';

/**
 * - taken: the next run makes a new order if WHMCS still shows none of it. `instead`: the dead one whose place it takes.
 * - refused: why, in words. Nothing has changed but what was found out.
 */
export type WordTaken = { taken: true; instead: number | null } | { taken: false; why: string };

const madeToo = (living: readonly Row[]): string =>
  `WHMCS order ${idsOf(living)} of client ${clientsOf(living)} was made for it too, and is not cancelled: retry without the word`;
const clientsOf = (rows: readonly Row[]): string => [...new Set(rows.map(({ order }) => order.clientId))].join(' and ');
const refused = (why: string): WordTaken => ({ taken: false, why });

/**
 * Takes the word for an order that is held. Never throws for a WHMCS that cannot be read: the word is refused then.
 * @param named what Salesforce shows as WHMCS_Order_ID__c.
 */
export async function takeWord(parts: WordParts, order: HeldOrder, named: string | null): Promise<WordTaken> {
  const { adopted } = order.record;
  const intent = unsettledAdd(order.record);
  if (intent) return withWhmcs(parts, order, intent.whmcs, (settling) => forStopped(settling, intent), refused);
  if (adopted) return withWhmcs(parts, order, adopted.whmcs, (settling) => forDead(settling, adopted), refused);
  if (isWordTaken(order.record)) return { taken: true, instead: order.record.past.at(-1)?.orderId ?? null };
  if (named === null) return { taken: true, instead: null };
  return refused(`WHMCS order ${named}, which Salesforce names, was not read yet: retry without the word, or clear it`);
}

/** The word was taken for the dead order before, and nothing was asked of WHMCS since: Activating could not be written, say. */
export const isWordTaken = (record: OrderRecord): boolean =>
  record.adopted === null && record.past.length > 0 && addsOf(record).length === 0;

/** A call of which a person must decide. */
async function forStopped(settling: Settling, intent: AddIntent): Promise<WordTaken> {
  const { order } = settling;
  if (!intent.stopped) return refused('It is not known yet what became of AddOrder: WHMCS is being read');
  const decision = await lookOnce(settling, intent);
  if (decision.do !== 'wait') {
    const out = await carryOut(settling, intent, decision);
    if (out.kind === 'stopped') return refused(out.failure.message);
    const { adopted } = order.record;
    return adopted ? forDead(settling, adopted) : { taken: true, instead: null };
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
  return { taken: true, instead: null };
}

/** The WHMCS order that is on record. */
async function forDead(settling: Settling, adopted: Adopted): Promise<WordTaken> {
  const { order, whmcs, signal, log } = settling;
  const { orderId } = adopted;
  const found = await readOrder(whmcs, orderId, signal);
  const life = found === null ? 'dead' : lifeOf(found.status);
  if (found !== null && life !== 'dead')
    return refused(
      life === 'other'
        ? `WHMCS order ${orderId} has the status '${found.status}': set it to Cancelled first`
        : `WHMCS order ${orderId} is ${found.status}: retry without the word goes on with it, or cancel it in WHMCS first`,
    );
  const living = await livingOfAll(settling, adopted);
  if (living.length > 0) return refused(madeToo(living));
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
  return { taken: true, instead: orderId };
}
