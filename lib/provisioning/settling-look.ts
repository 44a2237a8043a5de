/** One background look at an order that is unsettled: what it found, and when to look again. */
import type { Clock } from '../clock';
import type { Log } from '../log';
import { WhmcsError, type Whmcs } from '../whmcs/contract';
import { conclude, lookAgain } from './accept-settling';
import { isUnknown } from './add-record';
import { carryOut, lookOnce, lookThrough, own, type CarriedOut, type Settling } from './add-settling';
import { withClient } from './client-lease';
import type { Failure } from './failure';
import type { HeldOrder } from './held-order';
import { lookForLate, nextLookMs, watchedIntent } from './late-orders';
import { unsettledAccept, unsettledAdd, withoutTodo, type AcceptIntent, type AddIntent } from './order-record';
import { quarantineMs, type Quarantine, type Quarantines } from './quarantine';
import type { StepName } from './step';

const clientBusyMs = 2_000;
/** A look-out whose WHMCS is away. */
const watchAgainMs = 60_000;

/**
 * - adopted: the WHMCS order is known. none: the call made none, and the order may be added.
 * - stopped: a person must decide. accepted: the order is live. acceptFailed: it is not, and why.
 * - cannotRead: nothing is known yet; the next look is at `until` (wall ms).
 * - turnedUp: an order that may be ours appeared late. It is not accepted; the end that was told stands.
 */
export type Settled =
  | { kind: 'adopted'; whmcsOrderId: number }
  | { kind: 'none' }
  | { kind: 'stopped'; failure: Failure }
  | { kind: 'accepted'; whmcsOrderId: number }
  | { kind: 'acceptFailed'; failure: Failure }
  | { kind: 'cannotRead'; until: number; failure: Failure }
  | { kind: 'turnedUp'; whmcsOrderIds: number[]; failure: Failure };

/** When to look again: by the settler's back-off, at an instant, by back-off but no later than that, or not at all. */
export type Next = 'backoff' | 'never' | { inMs: number } | { withinMs: number };

export interface Looked {
  next: Next;
  settled?: Exclude<Settled, { kind: 'cannotRead' }>;
  /** WHMCS could not be read, or (noConnection) is not set up here. */
  unread?: { why: string; step: StepName; noConnection: boolean };
  /** WHMCS was read, and shows nothing yet that settles it. */
  waits?: Waits;
}

export interface Waits {
  /** What is waited for, in words. */
  why: string;
  step: StepName;
  /** Of the quarantine; null: it has not begun, since the sender may still be at work. */
  leftMs: number | null;
}

export interface LookParts {
  clock: Clock;
  log: Log;
  whmcsOf: (key: string) => Whmcs | undefined;
  quarantines: Quarantines;
  /** The installation's own wish, beside that of the node. */
  quarantineMs: number;
  signal: AbortSignal;
}

const found = (settled: Looked['settled']): Looked => ({ settled, next: { inMs: 0 } });

/** The order is held. */
export async function look(parts: LookParts, order: HeldOrder): Promise<Looked> {
  const add = unsettledAdd(order.record);
  const accept = unsettledAccept(order.record);
  if (add && !add.stopped)
    return guarded(parts, order, add.whmcs, 'whmcs_create', (settling) => lookAtAdding(parts, settling, add));
  if (accept)
    return guarded(parts, order, accept.whmcs, 'whmcs_accept', (settling) => lookAtAccepting(parts, settling, accept));
  // A stopped intent is settled anew on Retry; what is known of its sender still holds then.
  if (!add) parts.quarantines.forget(order.orderId);
  if (order.record.todo.includes('settle'))
    await order.save((record) => ({ ...record, todo: withoutTodo(record.todo, 'settle') }));
  return watch(parts, order);
}

/** WHMCS away, or not set up (yet), is no end: the order waits, and says why. */
async function guarded(
  parts: LookParts,
  order: HeldOrder,
  key: string,
  step: StepName,
  work: (settling: Settling) => Promise<Looked>,
): Promise<Looked> {
  const whmcs = parts.whmcsOf(key);
  if (!whmcs)
    return { next: 'backoff', unread: { why: `no connection to ${key} is set up`, step, noConnection: true } };
  try {
    return await work({ order, whmcs, log: parts.log, signal: AbortSignal.any([parts.signal, order.signal]) });
  } catch (error) {
    if (!(error instanceof WhmcsError)) throw error;
    return { next: 'backoff', unread: { why: `${error.action}: ${error.message}`, step, noConnection: false } };
  }
}

async function lookAtAdding(parts: LookParts, settling: Settling, intent: AddIntent): Promise<Looked> {
  const { order, whmcs } = settling;
  const first = await lookOnce(settling, intent);
  if (first.do !== 'wait') return told(settling, await carryOut(settling, intent, first));
  const length = quarantineMs(whmcs, parts.quarantineMs, intent.terms.quarantineMs);
  const quarantine = await parts.quarantines.of(order, intent, length);
  const why = isUnknown(intent.sender)
    ? 'The store may have lost what was done for this order'
    : 'AddOrder was not answered';
  const waits = waitsFor(`${why}, and WHMCS shows no order of it yet`, 'whmcs_create', quarantine);
  if (quarantine.is === 'sender') return { next: 'backoff', waits };
  const unclear = first.for === 'passes';
  if (quarantine.is === 'running' && !unclear) return { next: { withinMs: quarantine.leftMs }, waits };
  const passed = await withClient(order, intent.whmcs, intent.clientId, () => lookThrough(settling, intent));
  // Steps come and go with the client's lease: soon it is free for a moment.
  if (passed === null) return { next: { withinMs: clientBusyMs } };
  if (passed.value.do === 'wait') return { next: 'backoff' };
  return told(settling, await carryOut(settling, own(order.record, intent), passed.value));
}

const waitsFor = (why: string, step: StepName, quarantine: Quarantine): Waits => ({
  why,
  step,
  leftMs: quarantine.is === 'running' ? quarantine.leftMs : null,
});

function told({ order }: Settling, out: CarriedOut): Looked {
  switch (out.kind) {
    case 'adopted':
      return found({ kind: 'adopted', whmcsOrderId: order.record.adopted?.orderId ?? 0 });
    case 'settled':
      return found({ kind: 'none' });
    case 'stopped':
      return found({ kind: 'stopped', failure: out.failure });
  }
}

async function lookAtAccepting(parts: LookParts, settling: Settling, intent: AcceptIntent): Promise<Looked> {
  const { order, whmcs } = settling;
  const length = quarantineMs(whmcs, parts.quarantineMs, intent.quarantineMs);
  const quarantine = await parts.quarantines.of(order, intent, length);
  const seen = await lookAgain(settling, quarantine.is);
  if (seen.decision.do === 'wait' || seen.decision.do === 'send') {
    const why = `It is not known yet whether AcceptOrder was carried out: WHMCS order ${intent.whmcsOrderId} is not live`;
    return {
      next: quarantine.is === 'running' ? { withinMs: quarantine.leftMs } : 'backoff',
      waits: waitsFor(why, 'whmcs_accept', quarantine),
    };
  }
  const out = await conclude(settling, { ...seen, decision: seen.decision });
  const nothingDone = seen.decision.do === 'nothing-done';
  if (out.kind === 'accepted') return found({ kind: 'accepted', whmcsOrderId: intent.whmcsOrderId });
  // Nothing was done, so the step may send it: the event goes on.
  return found(nothingDone ? { kind: 'none' } : { kind: 'acceptFailed', failure: out.failure });
}

async function watch(parts: LookParts, order: HeldOrder): Promise<Looked> {
  const intent = watchedIntent(order.record);
  const dueMs = nextLookMs(order.record, parts.clock.now());
  if (!intent || dueMs === null) return { next: 'never' };
  if (dueMs > 0) return { next: { inMs: dueMs } };
  const whmcs = parts.whmcsOf(intent.whmcs);
  if (!whmcs) return { next: { inMs: watchAgainMs } };
  const signal = AbortSignal.any([parts.signal, order.signal]);
  try {
    const late = await lookForLate({ order, whmcs, log: parts.log, signal }, intent);
    return late ? found({ kind: 'turnedUp', ...late }) : { next: { inMs: 0 } };
  } catch (error) {
    if (!(error instanceof WhmcsError)) throw error;
    return { next: { inMs: watchAgainMs } };
  }
}
