/** One error for everything that ends an order: code, step, owner, whether a retry can help, and what to do. */
import { SalesforceError } from '../salesforce/contract';
import { StoreError } from '../state/contract';
import { WhmcsError } from '../whmcs/contract';
import { errorCodes, vendorCode, type ErrorCode, type ErrorDescription, type Owner } from './error-codes';
import type { FailurePart } from './message';
import type { StepName } from './step';

/** Longest text that fits `Activation_Error_Message__c`. */
export const messageLimit = 255;

export class Failure extends Error {
  override readonly name = 'Failure';
  readonly owner: Owner;
  readonly retryable: boolean;
  readonly fix: string;

  constructor(
    /** One of ours, or a vendor's own. */
    readonly code: string,
    message: string,
    readonly step: StepName,
    options: { cause?: unknown; describe?: ErrorDescription } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    const found =
      options.describe ?? (code in errorCodes ? errorCodes[code as ErrorCode] : undefined) ?? vendorCode(code, 'whmcs');
    this.owner = found.owner;
    this.retryable = found.retryable;
    this.fix = found.fix;
  }

  /** As data on the message and in the store. */
  part(): FailurePart {
    const { code, message, step, owner, retryable, fix } = this;
    return { code, message, step, owner, retryable, fix };
  }
}

/** A failure of ours by its code. */
export function failure(code: ErrorCode, message: string, step: StepName, cause?: unknown): Failure {
  return new Failure(code, message, step, { cause });
}

/** Less of the fix than this says nothing. */
const leastFix = 40;

/** What ops read in Salesforce: what happened, then as much as the field holds of what to do. */
export function messageFor(cause: FailurePart): string {
  const sentence = cut(`${cause.message}${/[.!?…]$/.test(cause.message) ? '' : '.'}`, messageLimit);
  const left = messageLimit - sentence.length - 1;
  if (!(cause.code in errorCodes) || left < Math.min(leastFix, cause.fix.length)) return sentence;
  return `${sentence} ${cut(cause.fix, left)}`;
}

/** Cut between words, so that it shows that something is missing. */
function cut(text: string, limit: number): string {
  if (text.length <= limit) return text;
  const room = text.slice(0, limit - 1);
  const end = text[limit - 1] === ' ' ? room.length : room.lastIndexOf(' ');
  return `${(end > limit / 2 ? room.slice(0, end) : room).replace(/[\s.,;:]+$/, '')}…`;
}

/** Whatever a step threw, as a Failure of that step. */
export function toFailure(thrown: unknown, step: StepName): Failure {
  if (thrown instanceof Failure) return thrown;
  if (thrown instanceof WhmcsError) return whmcsFailure(thrown, step);
  if (thrown instanceof SalesforceError) return salesforceFailure(thrown, step);
  if (thrown instanceof StoreError) return failure('STORE_UNAVAILABLE', thrown.message, step, thrown);
  const message = thrown instanceof Error ? thrown.message : String(thrown);
  return failure('FLOW_ERROR', message, step, thrown);
}

function whmcsFailure(error: WhmcsError, step: StepName): Failure {
  const { end, action } = error;
  const text = `${action}: ${end.message}`;
  switch (end.kind) {
    case 'refused':
      return failure(end.fault === 'business' ? 'WHMCS_REFUSED' : 'WHMCS_CONFIG', text, step, error);
    case 'unclear':
      return failure('WHMCS_REFUSED', text, step, error);
    case 'not-sent':
      return failure('WHMCS_UNREACHABLE', text, step, error);
    case 'unknown':
      if (end.edge) return failure('WHMCS_EDGE_BLOCKED', text, step, error);
      if (/^(429|5\d\d|ETIMEOUT)$/.test(end.code)) {
        return new Failure(end.code, text, step, { cause: error, describe: vendorCode(end.code, 'whmcs') });
      }
      return failure('WHMCS_UNREADABLE', text, step, error);
  }
}

function salesforceFailure(error: SalesforceError, step: StepName): Failure {
  if (error.kind === 'auth') return failure('SF_AUTH', error.message, step, error);
  if (error.kind === 'query' || error.kind === 'permission')
    return failure('SF_QUERY', `${error.code}: ${error.message}`, step, error);
  return new Failure(error.code, error.message, step, { cause: error, describe: vendorCode(error.code, 'salesforce') });
}
