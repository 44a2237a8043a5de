/**
 * Faults that are nobody's order: Salesforce is away, WHMCS answers nobody, our login or WHMCS access is refused, what is
 * read of every Order is hidden from our user. The event waits and is tried again, instead of one order after another
 * falling to *Failed*; where every order would meet the fault the hand-out is held as a whole.
 */
import { SalesforceError } from '../salesforce/contract';
import { StoreError } from '../state/contract';
import { WhmcsError } from '../whmcs/contract';
import { failure, type Failure } from './failure';

export interface Wait {
  ms: number;
  /** Hold the hand-out of all events, not just of this one: `longestMs` at most where it comes again and again. */
  holdsAll: { longestMs: number } | null;
  /** What is waited for, as people are told it. */
  cause: Failure;
  /** The Order itself can bear the reason: Salesforce is not what is at fault. */
  toldOnOrder: boolean;
}

const temporaryMs = 15_000;
const configurationMs = 30_000;
const configuration = { longestMs: 300_000 };
/** Short: what has come back shows only when it is tried. */
const silence = { longestMs: 60_000 };
/** To a user who may not read it, a field or an object does not exist. */
const hiddenCodes = /^INVALID_(FIELD|TYPE)$/;

/** null: the failure is this order's own. */
export function waitInstead(thrown: unknown, found: Failure): Wait | null {
  if (found.code === 'WHMCS_CONFIG')
    return { ms: configurationMs, holdsAll: configuration, cause: found, toldOnOrder: true };
  const silent = silentWhmcs(found);
  if (silent) return { ms: temporaryMs, holdsAll: silence, cause: silent, toldOnOrder: true };
  const cause = thrown instanceof SalesforceError ? thrown : found.cause;
  if (!(cause instanceof SalesforceError)) return null;
  if (cause.kind === 'temporary') return { ms: temporaryMs, holdsAll: null, cause: found, toldOnOrder: false };
  // Each Order is read by the same query: what is hidden from our user in one is so in all.
  const isOwn = cause.kind === 'query' && !hiddenCodes.test(cause.code);
  return isOwn ? null : { ms: configurationMs, holdsAll: configuration, cause: found, toldOnOrder: false };
}

/** WHMCS answers nobody, so no other order would fare better; null: it does. */
function silentWhmcs({ cause, message, step }: Failure): Failure | null {
  if (!(cause instanceof WhmcsError) || cause.silentCalls === 0) return null;
  const text = `WHMCS has left ${cause.silentCalls} calls in a row without an answer: ${message}`;
  return failure('WHMCS_SILENT', text, step, cause);
}

/**
 * Whether the store itself could not be read or written for now. What it did is unknown, and nothing can be put on record
 * or parked: the event is to be handed out again once the store answers, and goes on from its record.
 */
export function isStoreAway(thrown: unknown): boolean {
  const cause = thrown instanceof Error && !(thrown instanceof StoreError) ? thrown.cause : thrown;
  return cause instanceof StoreError && (cause.code === 'UNAVAILABLE' || cause.code === 'READ_ONLY');
}
