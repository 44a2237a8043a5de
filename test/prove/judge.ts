/**
 * The checker. It reads what the two vendors hold, and their ledgers, and nothing of ours.
 *
 * What AddOrder was sent as `notes` is in WHMCS's ledger whether WHMCS keeps it or not, so each order that the API made can be
 * told to be a Salesforce Order's. What a person keyed in can not, and must be left alone.
 */
import type { Entry } from '../../simulators/shared/ledger';
import type { BookedOrder } from '../../simulators/whmcs/back-office';

/** A Salesforce Order as it stands at the end. */
export interface HeldSalesforceOrder {
  id: string;
  status: string;
  whmcsOrderId: string | null;
  code: string | null;
  message: string | null;
}

export interface Books {
  orders: readonly HeldSalesforceOrder[];
  whmcs: readonly BookedOrder[];
  whmcsLedger: readonly Entry[];
  salesforceLedger: readonly Entry[];
}

/** Documented limits that a seed brings about; each is counted by its name. */
export type Allowance =
  /** WHMCS made an order after the quarantine: a second, Pending one. */
  | 'late twin'
  /** WHMCS ran an AcceptOrder after the quarantine, when a person had been asked. */
  | 'late accept'
  /** A sender on another host was stopped before the first byte, for longer than ten minutes of silence and the quarantine. */
  | 'paused sender'
  /** The store has lost what it knew, and WHMCS keeps no mark: a person is asked about an order that was accepted. */
  | 'lost record'
  /** Two stores on one org: both may add, at most one accepts. */
  | 'two stores'
  /** A person set the status in the middle of a run: what they wrote stands. */
  | 'edited';

export interface Expectation {
  allowances: readonly Allowance[];
  /** Nothing went wrong: each order must be Activated. */
  calm: boolean;
  /** Orders that a person has to put right: their clone, say. By id. */
  asking: readonly string[];
  /** The one order whose AddOrder bears no mark: what we had made without one is its own. */
  unmarked?: string | null;
}

const madeTwice = ['two stores', 'paused sender'] as const;
const acceptedAndFailed = [...madeTwice, 'lost record'] as const;

/** A WHMCS order too many. */
export interface Twin {
  /** Its status in WHMCS. */
  status: string;
  /** Whether another one of the same Salesforce Order was accepted. */
  besideAccepted: boolean;
  /** The Salesforce Order's status or, where it has failed, its code. */
  told: string;
  /** Whether the Salesforce Order's message names it. */
  named: boolean;
}

export interface Verdict {
  accepted: number;
  twins: Twin[];
  /** The code of each Salesforce Order that has failed and asks a person to decide … */
  asked: string[];
  /** … and of each that has failed otherwise. */
  failed: string[];
  allowed: Allowance[];
  breaches: string[];
}

/** Codes that ask a person to decide, with the WHMCS order in sight or in doubt. */
const asking = new Set([
  'WHMCS_OUTCOME_UNKNOWN',
  'WHMCS_TWIN',
  'WHMCS_ORDER_FOREIGN',
  'WHMCS_ORDER_DIFFERS',
  'WHMCS_ORDER_GONE',
  'WHMCS_ORDER_STATUS',
  'WHMCS_ACCEPT_UNKNOWN',
  'WHMCS_ACCEPT_REFUSED',
  'WHMCS_PARTIALLY_PROVISIONED',
  'WHMCS_CLIENT_BLOCKED',
]);

/** What a call may end with that WHMCS or Salesforce did not answer, or refused: it says nothing of what we did. */
const vendors = /^(\d{3}|E[A-Z]+|WHMCS_(REFUSED|CONFIG|UNREADABLE|UNREACHABLE|EDGE_BLOCKED)|SF_[A-Z_]+)$/;

/** As AddOrder was sent it, in the notes or in a custom field of its services. */
const markOf = (entry: Entry, { unmarked = null }: Expectation): string | null =>
  /sfOrderId=([A-Za-z0-9]{18});/.exec(`${String(entry['notes'] ?? '')} ${JSON.stringify(entry['items'] ?? '')}`)?.[1] ??
  unmarked;

export function judge(books: Books, expected: Expectation): Verdict {
  const verdict: Verdict = { accepted: 0, twins: [], asked: [], failed: [], allowed: [], breaches: [] };
  const made = books.whmcsLedger.filter((entry) => entry.what === 'orderCreated' && entry['by'] === 'api');
  const accepts = books.whmcsLedger.filter((entry) => entry.what === 'orderAccepted' && entry['by'] === 'api');
  const forOrders = new Set(books.orders.map(({ id }) => id));
  for (const entry of made) {
    const mark = markOf(entry, expected);
    if (mark === null || !forOrders.has(mark))
      verdict.breaches.push(`WHMCS order ${String(entry['orderId'])} bears no Salesforce Order of this run`);
  }
  const apiMade = new Set(made.map((entry) => Number(entry['orderId'])));
  for (const entry of accepts)
    if (!apiMade.has(Number(entry['orderId'])))
      verdict.breaches.push(`WHMCS order ${String(entry['orderId'])}, which a person made, was accepted by us`);
  // The ledger tells of a run that has ended, the service of one that has begun.
  const runs = new Map<number, number>();
  for (const run of books.whmcsLedger.filter((entry) => entry.what === 'moduleRun'))
    runs.set(Number(run['serviceId']), Number(run['run']));
  for (const service of books.whmcs.flatMap(({ services }) => services))
    runs.set(service.id, Math.max(service.moduleRuns, runs.get(service.id) ?? 0));
  for (const [service, count] of runs)
    if (count > 1) verdict.breaches.push(`the module of service ${service} ran ${count} times`);
  for (const order of books.orders) judgeOrder(order, { books, made, accepts, expected, verdict });
  return verdict;
}

interface Judging {
  books: Books;
  made: readonly Entry[];
  accepts: readonly Entry[];
  expected: Expectation;
  verdict: Verdict;
}

function judgeOrder(order: HeldSalesforceOrder, judging: Judging): void {
  const { books, expected, verdict } = judging;
  const own = judging.made
    .filter((entry) => markOf(entry, expected) === order.id)
    .map((entry) => Number(entry['orderId']));
  const accepted = [...new Set(judging.accepts.map((entry) => Number(entry['orderId'])))].filter((id) =>
    own.includes(id),
  );
  const breach = (what: string): void => void verdict.breaches.push(`${order.id}: ${what}`);
  const allow = (allowance: Allowance, what: string): void => {
    if (expected.allowances.includes(allowance)) verdict.allowed.push(allowance);
    else breach(what);
  };
  verdict.accepted += accepted.length;
  if (accepted.length > 1) breach(`${accepted.length} WHMCS orders were accepted: ${accepted.join(', ')}`);
  const stands = (id: number): string => books.whmcs.find((one) => one.id === id)?.status ?? 'absent';
  const twins: Twin[] = [];
  if (own.length > 1) {
    const [one = own[0]] = accepted;
    for (const id of own.filter((other) => other !== one))
      twins.push({
        status: stands(id),
        besideAccepted: accepted.length > 0,
        told: order.code ?? order.status,
        named: order.whmcsOrderId === String(id) || (order.message ?? '').includes(String(id)),
      });
    verdict.twins.push(...twins);
    const which = madeTwice.find((each) => expected.allowances.includes(each));
    allow(which ?? 'late twin', `WHMCS made ${own.length} orders for it: ${own.join(', ')}`);
  }
  judgeCancels(own, accepted, judging, breach);
  judgeHistory(order, judging, breach);
  const named = order.whmcsOrderId === null ? null : Number(order.whmcsOrderId);
  switch (order.status) {
    case 'Activated': {
      if (named === null) return breach('Activated, and Salesforce names no WHMCS order');
      if (!own.includes(named)) return breach(`Activated with WHMCS order ${named}, which bears another mark`);
      if (!accepted.includes(named)) breach(`Activated, and WHMCS order ${named} was never accepted`);
      if (stands(named) !== 'Active') breach(`Activated, and WHMCS order ${named} is ${stands(named)}`);
      return;
    }
    case 'Failed': {
      if (!order.code || !order.message) breach('Failed without a reason');
      const code = order.code ?? '';
      (asking.has(code) ? verdict.asked : verdict.failed).push(code);
      if (!asking.has(code) && !vendors.test(code)) breach(`Failed with ${code}, which no answer of a vendor explains`);
      if (code === 'WHMCS_TWIN' && twins.some(({ named }) => !named))
        breach('Failed with WHMCS_TWIN, which does not name both');
      if (expected.calm && !expected.asking.includes(order.id))
        breach(`Failed with ${code} although nothing went wrong`);
      if (named !== null && !own.includes(named) && code !== 'WHMCS_ORDER_FOREIGN')
        breach(`Failed with WHMCS order ${named}, which bears another mark`);
      if (own.length === 0) return;
      const told = named !== null && own.includes(named);
      const toldInWords = own.every((id) => (order.message ?? '').includes(String(id)));
      // What is known is told with the failure, whatever that is; what is not has this one code.
      if (code !== 'WHMCS_OUTCOME_UNKNOWN' && !told && !toldInWords)
        breach(`Failed with ${code}, which does not tell of WHMCS order ${own.join(', ')}`);
      if (accepted.length > 0) {
        const which = acceptedAndFailed.find((each) => expected.allowances.includes(each)) ?? 'late accept';
        const asks = which !== 'lost record' || code === 'WHMCS_OUTCOME_UNKNOWN';
        allow(
          asks ? which : 'late accept',
          `Failed with ${code} although WHMCS order ${accepted.join(', ')} was accepted`,
        );
      }
      return;
    }
    case 'Activating':
      return breach(
        order.code
          ? `Activating past the settle window, as ${order.code}: ${order.message ?? ''}`
          : 'Activating past the settle window, without a reason',
      );
    default:
      return breach(`its status is ${order.status || 'empty'}`);
  }
}

/** A person had one of two cancelled: never the last one, and never one that is accepted. */
function judgeCancels(
  own: readonly number[],
  accepted: readonly number[],
  { books }: Judging,
  breach: (what: string) => void,
): void {
  const cancelled = books.whmcsLedger
    .filter((entry) => entry.what === 'orderStatus' && entry['by'] === 'api' && entry['status'] === 'Cancelled')
    .map((entry) => Number(entry['orderId']))
    .filter((id) => own.includes(id));
  if (cancelled.length === 0) return;
  if (own.every((id) => cancelled.includes(id))) breach(`all its WHMCS orders were cancelled: ${own.join(', ')}`);
  for (const id of cancelled) if (accepted.includes(id)) breach(`WHMCS order ${id} was cancelled and accepted`);
}

/** What was written on the way. */
function judgeHistory(order: HeldSalesforceOrder, { books, expected }: Judging, breach: (what: string) => void): void {
  const written = books.salesforceLedger.filter(
    (entry) => entry.what === 'statusWritten' && entry['orderId'] === order.id,
  );
  let activated = false;
  for (const entry of written) {
    const status = String(entry['status']);
    if (status === 'Failed' && activated && !expected.allowances.includes('two stores'))
      breach('Failed was written over Activated');
    activated = status === 'Activated';
  }
}
