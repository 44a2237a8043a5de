/**
 * A person's word that an order may get a new WHMCS order: the one it had is dead (exactly-one R24), or its call was stopped
 * and is not sent again by itself (R14). WHMCS is read before the word is taken, and again before anything is added.
 */
import type { Log } from '../log';
import { WhmcsError, type Whmcs } from '../whmcs/contract';
import { conclude } from './accept-settling';
import { askNewOrder, newGeneration } from './add-record';
import { carryOut, lookOnce, type Settling } from './add-settling';
import type { HeldOrder } from './held-order';
import { unsettledAccept, unsettledAdd, type Adopted, type AddIntent } from './order-record';
import { allOrders, lifeOf, readOrder, rowsOf, type Row } from './orders-reading';
import { bearsMarkOf, isDead, isOurRow, unexplainedRows } from './settle-add';

export interface WordParts {
  whmcsOf: (key: string) => Whmcs | undefined;
  log: Log;
}

/**
 * - taken: the next run makes a new order if WHMCS still shows none of it. `instead`: the dead one whose place it takes.
 * - refused: why, in words. Nothing has changed but what was found out.
 */
export type WordTaken = { taken: true; instead: number | null } | { taken: false; why: string };

const refused = (why: string): WordTaken => ({ taken: false, why });

/**
 * Takes the word for an order that is held. Never throws for a WHMCS that cannot be read: the word is refused then.
 * @param named what Salesforce shows as WHMCS_Order_ID__c.
 */
export async function takeWord(parts: WordParts, order: HeldOrder, named: string | null): Promise<WordTaken> {
  const { adopted } = order.record;
  const intent = unsettledAdd(order.record);
  if (intent) return reading(parts, order, intent.whmcs, (settling) => forStopped(settling, intent));
  if (adopted) return reading(parts, order, adopted.whmcs, (settling) => forDead(settling, adopted));
  if (named === null) return { taken: true, instead: null };
  return refused(`WHMCS order ${named}, which Salesforce names, was not read yet: retry without the word, or clear it`);
}

async function reading(
  { whmcsOf, log }: WordParts,
  order: HeldOrder,
  key: string,
  work: (settling: Settling) => Promise<WordTaken>,
): Promise<WordTaken> {
  const whmcs = whmcsOf(key);
  if (!whmcs) return refused('WHMCS cannot be read: no node with a connection to it has started');
  try {
    return await work({ order, whmcs, log, signal: order.signal });
  } catch (error) {
    if (error instanceof WhmcsError) return refused(`WHMCS cannot be read (${error.action}: ${error.message})`);
    throw error;
  }
}

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
  const own = ownOf(order);
  const living = (await rowsNow(settling, adopted)).filter(
    (row) => !isDead(row) && (isOurRow(row, own) || bearsMarkOf(row, order.orderId)),
  );
  if (living.length > 0)
    return refused(`WHMCS order ${idsOf(living)} was made for it too, and is not cancelled: retry without the word`);
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

const ownOf = ({ orderId, store, record, facts }: HeldOrder) => ({ orderId, store: store.id, record, facts });

/** One complete pass over the client's orders. */
async function rowsNow(
  { order, whmcs, signal }: Settling,
  { whmcs: key, clientId }: { whmcs: string; clientId: number },
): Promise<Row[]> {
  await order.refreshFacts();
  const orders = await allOrders(whmcs, clientId, signal);
  const inField = order.record.adds.some((one) => one.terms.markerIn === 'field');
  const services = inField ? await whmcs.getServices({ clientId }, signal) : [];
  return rowsOf(order.store, key, orders, services);
}

const idsOf = (rows: readonly Row[]): string =>
  rows
    .map((row) => row.order.id)
    .sort((a, b) => a - b)
    .join(' and ');
