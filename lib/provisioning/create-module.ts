/**
 * Runs the module of one service once more, on a person's word: its WHMCS order is Active, and the service is not. The
 * module makes a real account, and is not idempotent (reference/whmcs.md §3): what may have made one is never run again.
 */
import { WhmcsError, type Service } from '../whmcs/contract';
import { unread, type Settling } from './add-settling';
import { endOfCall } from './call-facts';
import type { HeldOrder } from './held-order';
import { isLive } from './order-comparison';
import { unsettledAccept, unsettledAdd, type Adopted, type RepairIntent } from './order-record';
import { lifeOf, readOrder, servicesOf } from './orders-reading';
import { callOnWord, refused, repairsOf, settleOld, settleRepair, type Repaired } from './repair-call';
import { isSince } from './since-doubt';
import { withWhmcs, type WordParts } from './word';

const call = 'ModuleCreate';
/** Runs that ended with an error, for one service; then a person goes on in WHMCS. */
const mostFailures = 3;
/** What modules say of an account that is there already: the earlier run has made it. */
const isThere = /already\s+(exists?|taken|in use|registered)|exists already|duplicate/i;

/** Ends of a run that may have made the account all the same: an answer that did not come, in whatever words. */
const maybeMade = /time[sd]?[ -]?out|reset|closed|empty|no response|gateway|interrupted|\b50[0-9]\b|\berror 28\b/i;

/** @param looked the person's word that the service's server was looked at, and has no account of it. */
export interface ModuleAsked {
  serviceId: number;
  looked: boolean;
}

/** A repeat is a read: a service that is live already is told, and nothing is sent. */
export async function createModule(parts: WordParts, order: HeldOrder, asked: ModuleAsked): Promise<Repaired> {
  const { adopted } = order.record;
  if (adopted === null) return refused('This Order has no WHMCS order on record: press Provision / Retry first');
  if (unsettledAdd(order.record) || unsettledAccept(order.record))
    return refused('It is not known yet what became of AddOrder or AcceptOrder: WHMCS is being read');
  if (await mayBeAccepting(order, adopted))
    return refused('The store may have lost that AcceptOrder was sent: press Provision / Retry first, which reads it');
  return withWhmcs(parts, order, adopted.whmcs, (settling) => create(settling, adopted, asked), refused);
}

/** A lost record's AcceptOrder may still run the module (exactly-one R2); the accept step settles it. */
async function mayBeAccepting({ store, record }: HeldOrder, adopted: Adopted): Promise<boolean> {
  const doubt = await store.doubt();
  return (
    doubt !== null && !isSince(doubt, adopted) && !record.accepts.some((one) => one.whmcsOrderId === adopted.orderId)
  );
}

/** A lost record may have told of a ModuleCreate of ours, which may still be at work (exactly-one R2). */
async function mayBeCreating({ store, record }: HeldOrder, tried: readonly RepairIntent[]): Promise<boolean> {
  const doubt = await store.doubt();
  if (doubt === null || (record.seen?.createdAt ?? -Infinity) >= doubt.until) return false;
  return !tried.some((one) => isSince(doubt, one));
}

async function create(settling: Settling, adopted: Adopted, { serviceId, looked }: ModuleAsked): Promise<Repaired> {
  const { order, whmcs } = settling;
  await order.refreshFacts();
  const services = await servicesNow(settling, adopted);
  if ('done' in services) return services;
  const service = services.find((one) => one.id === serviceId);
  if (service === undefined)
    return refused(`WHMCS order ${adopted.orderId} has no service ${serviceId}: it has ${named(services)}`);
  await settleOld(order, repairsOf(order, call, serviceId), isLive(service));
  if (isLive(service)) return { done: true, text: `${told(service)}; ${afterwards(services)}` };
  if (!/^pending$/i.test(service.status.trim()))
    return refused(`${told(service)}: only a Pending one can be created from here`);
  const tried = repairsOf(order, call, serviceId);
  const isLost = await mayBeCreating(order, tried);
  const why = whyNot(tried) ?? (looked ? null : isLost ? whyLookAfterLoss : whyLook(tried, acceptedAs(order, adopted)));
  if (why !== null) return refused(`${told(service)}: ${why}`);

  const { id, end } = await callOnWord(settling, call, serviceId, (options) => whmcs.moduleCreate(serviceId, options));
  const after = await servicesNow(settling, adopted).catch(unread);
  const now = after !== null && !('done' in after) ? after : null;
  const made = now?.find((one) => one.id === serviceId);
  if (now && made && isLive(made)) {
    await settleOld(order, repairsOf(order, call, serviceId), true);
    return { done: true, text: `${told(made)}; ${afterwards(now)}` };
  }
  switch (end.kind) {
    case 'not-sent':
    case 'refused':
      await settleRepair(order, id, end.kind, end.message);
      return refused(`The module of service ${serviceId} was not run: ${end.message}`);
    case 'unclear':
      await settleRepair(order, id, 'failed', end.message);
      return refused(`The module of service ${serviceId} ended with an error: ${end.message}${await queued(settling)}`);
    case 'success':
      await settleRepair(order, id, 'unknown', 'success, and the service is not live');
      return refused(`WHMCS said success, and service ${serviceId} is still not live: ${onServer}`);
    case 'unknown':
      return refused(`No answer to ModuleCreate (${end.message}): ask again in a few minutes, it is read first`);
  }

  /** What WHMCS's own queue says of it, where the API role lets us see. */
  async function queued({ whmcs: of, signal }: Settling): Promise<string> {
    const items = await of.getModuleQueue(serviceId, signal).catch((error: unknown) => {
      if (error instanceof WhmcsError) return [];
      throw error;
    });
    const open = items.find((item) => item.serviceId === serviceId && !item.completed);
    return open ? `. It is in WHMCS’s Module Queue too; do not run it there while it is run from here` : '';
  }
}

/** The services of the order, if it is Active. @throws WhmcsError */
async function servicesNow({ whmcs, signal }: Settling, adopted: Adopted): Promise<Service[] | Repaired> {
  const { orderId } = adopted;
  const found = await readOrder(whmcs, orderId, signal);
  if (found === null) return refused(`WHMCS order ${orderId} does not exist any more`);
  const life = lifeOf(found.status);
  if (life === 'active') return servicesOf(whmcs, found, adopted.serviceIds, signal);
  return refused(
    life === 'pending'
      ? `WHMCS order ${orderId} is Pending: Provision / Retry accepts it, which runs its modules`
      : `WHMCS order ${orderId} has the status '${found.status}'`,
  );
}

/** Why the module may not be run again; null: it may. */
function whyNot(tried: readonly RepairIntent[]): string | null {
  const open = tried.find((one) => one.settled === null);
  if (open)
    return `ModuleCreate was sent at ${new Date(open.at).toISOString()}, and what became of it is not known: ${onServer}`;
  if (tried.some((one) => one.settled?.how === 'unknown'))
    return `ModuleCreate has succeeded for it by WHMCS’s word: ${onServer}`;
  const failures = tried.filter((one) => one.settled?.how === 'failed');
  const there = failures.find((one) => isThere.test(one.settled?.detail ?? ''));
  if (there)
    return `WHMCS said “${there.settled?.detail ?? ''}”. An earlier run has made the account: look on its server, then set the service to Active in WHMCS`;
  return failures.length >= mostFailures
    ? `its module has failed ${failures.length} times from here (${failures.at(-1)?.settled?.detail ?? ''}): go on in WHMCS`
    : null;
}

const askAgainLooked = 'Look on its server; if it has none, ask again with looked: true';
const whyLookAfterLoss = `the store may have lost that its module was run from here before. ${askAgainLooked}`;

/** Why a person must look at the server first; null: the last run is sure to have made nothing. */
function whyLook(tried: readonly RepairIntent[], accepted: string | null): string | null {
  const last = tried.filter((one) => one.settled?.how === 'failed').at(-1)?.settled?.detail ?? accepted;
  if (last !== null && !maybeMade.test(last)) return null;
  const what = last ?? 'how the AcceptOrder that ran it has ended is not known';
  return `its last run may have made the account (${what}). ${askAgainLooked}`;
}

/**
 * What AcceptOrder's own run of the modules came to, in words; null: not known. Its answer was lost, or it did nothing as far
 * as anybody can tell, and the order is Active all the same.
 */
function acceptedAs({ record, facts }: HeldOrder, { orderId }: Adopted): string | null {
  const last = record.accepts.filter((one) => one.whmcsOrderId === orderId).at(-1);
  const isKnown = last?.settled?.how === 'done' || last?.settled?.how === 'partial';
  const end = last && isKnown ? endOfCall(facts, last.id)?.kind : undefined;
  return end === 'success' || end === 'unclear' ? (last?.settled?.detail ?? null) : null;
}

const onServer =
  'look whether its server has the account. If so, set the service to Active in WHMCS; if not, run Create in WHMCS';

const told = ({ id, name, status }: Service): string => `Service ${id} ${name} is ${status}`;
const named = (services: readonly Service[]): string =>
  services.map(({ id, name, status }) => `${id} ${name} (${status})`).join(', ') || 'none';

function afterwards(services: readonly Service[]): string {
  const left = services.filter((one) => !isLive(one));
  return left.length === 0
    ? 'all services of the order are live: press Provision / Retry, so that Salesforce is told'
    : `still not live: ${named(left)}`;
}
