/**
 * A dry run: what the flow would do for orders, up to the exact body of AddOrder, by the flow's own steps and settings.
 * Everything in it is a read: nothing is written to WHMCS, to Salesforce or to the store, and no lease is taken.
 */
import type { Clock } from '../clock';
import { mostNewest } from '../salesforce/newest-orders';
import { orderIdOf } from '../salesforce/ids';
import { cut } from '../salesforce/texts';
import type { IdMappings, Sender, StateStore } from '../state/contract';
import { addOrderBody } from '../whmcs/call-body';
import { subjectsIn } from './control';
import { entryOf, type DryRunEntry } from './dry-run-entry';
import { Failure, toFailure } from './failure';
import { faultOf, type ForeseenAdding, type ForeseenFault, type KnownOrder } from './foresight';
import type { Travelling } from './message';
import { readRecord } from './order-record';
import { sharedClientNotes } from './shared-clients';
import type { Step } from './step';

export type { DryRunEntry } from './dry-run-entry';

/** At most so many orders in one message. */
export const mostDryRun = mostNewest;
/** Between them WHMCS has room for the orders that are really provisioned. */
const atOnce = 2;
const orderLimitMs = 60_000;
const wholeLimitMs = 600_000;

export type AnyStep = Step<keyof Travelling, keyof Travelling, string>;

export interface DryRunParts {
  /** Those of the flow that an order passes, in its order; each with its part of a dry run. */
  steps: readonly AnyStep[];
  store: Pick<StateStore, 'id' | 'doubt' | 'doubtId' | 'claims' | 'ledger'>;
  idMappings: IdMappings | null;
  sender: Sender;
  clock: Clock;
  signal: AbortSignal;
  /** Orders looked at so far, and all. */
  onProgress?: (done: number, of: number) => void;
}

/** What a person asks for: orders by their ids, or the newest. */
export type DryRunAsked = { ids: string[] } | { last: number } | { problem: string };

const askUsage = 'Put ids of Orders into msg.payload, or { last: 20 } for the newest 20';

/** @param payload ids in a text, apart by spaces or commas; a list of them; `{ last: 20 }`, or the text `last 20`. */
export function dryRunAsked(payload: unknown): DryRunAsked {
  const last = lastIn(payload);
  if (last !== null)
    return Number.isInteger(last) && last >= 1 && last <= mostDryRun
      ? { last }
      : { problem: `The newest 1 to ${mostDryRun} Orders can be looked at` };
  const subjects = subjectsIn(payload);
  const problem = subjects.find((one) => one.problem !== null)?.problem;
  if (problem) return { problem: askUsage };
  const ids = [...new Set(subjects.map(({ id }) => orderIdOf(id) ?? id))];
  if (ids.length === 0) return { problem: askUsage };
  return ids.length > mostDryRun ? { problem: `At most ${mostDryRun} Orders at a time` } : { ids };
}

/** null: it does not ask for the newest. */
function lastIn(payload: unknown): number | null {
  if (typeof payload === 'object' && payload !== null && 'last' in payload) return Number(payload.last);
  const digits = typeof payload === 'string' ? /^\s*last\s+(\S+)\s*$/i.exec(payload)?.[1] : undefined;
  return digits === undefined ? null : Number(digits);
}

/**
 * @returns an entry for each order, in the order in which they were asked for.
 * @throws SalesforceError when the newest cannot be read; the reason of `signal` when it is aborted.
 */
export async function dryRun(
  asked: Exclude<DryRunAsked, { problem: string }>,
  parts: DryRunParts,
): Promise<DryRunEntry[]> {
  const { clock, onProgress } = parts;
  const over = new AbortController();
  const timer = clock.after(wholeLimitMs, () =>
    over.abort(tooLong('Not looked at: the dry run ended after 10 minutes')),
  );
  const signal = AbortSignal.any([parts.signal, over.signal]);
  try {
    const ids = 'ids' in asked ? asked.ids : await newest(asked.last, { ...parts, signal });
    const looked: Seen[] = [];
    let next = 0;
    let done = 0;
    const work = async (): Promise<void> => {
      for (let at = next++; at < ids.length; at = next++) {
        looked[at] = await lookAt(ids[at] ?? '', { ...parts, signal });
        parts.signal.throwIfAborted();
        onProgress?.(++done, ids.length);
      }
    };
    onProgress?.(0, ids.length);
    await Promise.all(Array.from({ length: atOnce }, work));
    const shared = sharedClientNotes(looked.map(({ message }) => message));
    return looked.map((seen, at) => entryFrom(seen, shared[at] ?? null));
  } finally {
    timer.cancel();
  }
}

async function newest(count: number, { steps, signal }: DryRunParts): Promise<string[]> {
  const reads = steps.find(({ dry }) => dry?.newest)?.dry;
  return (await reads?.newest?.(count, signal)) ?? [];
}

/** Never rejects: what keeps it from being looked at is a fault of the order. */
async function lookAt(id: string, parts: DryRunParts): Promise<Seen> {
  const orderId = orderIdOf(id);
  const seen: Seen = { subject: orderId ?? cut(id, 80), message: {}, faults: [], notes: [], adding: null };
  if (orderId === null) return { ...seen, faults: [faultOf(notAnId)] };
  const late = new AbortController();
  const timer = parts.clock.after(orderLimitMs, () => late.abort(tooLong('It could not be looked at within a minute')));
  try {
    await foresee(orderId, seen, { ...parts, signal: AbortSignal.any([parts.signal, late.signal]) });
  } catch (thrown) {
    seen.faults.push(faultOf(toFailure(thrown, 'event')));
  } finally {
    timer.cancel();
  }
  return seen;
}

/** @param shared what is to be said of it beside the others. */
const entryFrom = ({ subject, message, faults, notes, adding }: Seen, shared: string | null): DryRunEntry =>
  entryOf(
    subject,
    message,
    faults,
    shared === null ? notes : [...notes, shared],
    adding && { ...adding, body: bodyOf(adding) },
  );

const bodyOf = ({ request }: ForeseenAdding): string | null => (request === null ? null : addOrderBody(request));

/** What is found of an order, as it is found. */
interface Seen {
  /** Id of the Order; what was asked for where it is none. */
  subject: string;
  message: Partial<Travelling>;
  faults: ForeseenFault[];
  notes: string[];
  adding: ForeseenAdding | null;
}

/** Asks each step in turn; a rule of ours that an order breaks does not keep the steps after it from looking. */
async function foresee(orderId: string, seen: Seen, parts: DryRunParts): Promise<void> {
  const { steps, store, sender, clock, idMappings, signal } = parts;
  signal.throwIfAborted();
  const { state, facts } = await store.ledger.read(orderId);
  let order: KnownOrder = { orderId, record: readRecord(state), facts, store, sender, clock };
  for (const step of steps) {
    try {
      const found = await step.dry?.foresee(seen.message, { order, idMappings, signal });
      signal.throwIfAborted();
      if (!found) continue;
      if (found.value !== undefined) Object.assign(seen.message, { [step.adds]: found.value });
      if (found.record) order = { ...order, record: found.record };
      seen.faults.push(...found.faults);
      seen.notes.push(...found.notes);
      seen.adding = found.adding ?? seen.adding;
    } catch (thrown) {
      signal.throwIfAborted();
      const failure = toFailure(thrown, step.name);
      if (!(thrown instanceof Failure)) throw failure;
      seen.faults.push(faultOf(failure));
    }
  }
}

const notAnId = new Failure('ORDER_ID_INVALID', 'It is no id of an Order (801…)', 'validation', {
  describe: {
    owner: 'Salesforce admin',
    retryable: false,
    fix: 'Give the id of an Order: 15 or 18 characters that begin with 801.',
  },
});

const tooLong = (message: string): Failure =>
  new Failure('ETIMEOUT', message, 'event', {
    describe: {
      owner: 'Development team',
      retryable: true,
      fix: 'Ask for fewer Orders, or again when less is under way.',
    },
  });
