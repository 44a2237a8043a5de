/** Why a stream of events ended or could not begin, and what follows from it. Common to all transports. */
import { SalesforceError } from '../contract';

/**
 * - auth: the token was refused; one new login, then a long wait.
 * - corrupted: the stored position is not known any more.
 * - limit: an allocation of the org is used up; stay away for long.
 * - misconfigured: it can't work before somebody changes a setting here or in Salesforce.
 * - sink: our own side could not store an event.
 * - silent: nothing came, not even a keepalive.
 * - temporary: anything else.
 */
export type FaultKind = 'auth' | 'corrupted' | 'limit' | 'misconfigured' | 'sink' | 'silent' | 'temporary';

export class StreamFault extends Error {
  override readonly name = 'StreamFault';
  constructor(
    readonly kind: FaultKind,
    /** A gRPC status by name, an error code of Salesforce, ETIMEOUT …; what people look up. */
    readonly code: string,
    message: string,
    options?: { cause?: unknown },
  ) {
    super(message, options);
  }
}

/** Whatever was thrown on the way, as a fault. */
export function toFault(thrown: unknown): StreamFault {
  if (thrown instanceof StreamFault) return thrown;
  const options = { cause: thrown };
  if (thrown instanceof SalesforceError)
    return new StreamFault(thrown.kind === 'limit' ? 'limit' : 'temporary', thrown.code, thrown.message, options);
  return new StreamFault('temporary', 'FAILED', thrown instanceof Error ? thrown.message : String(thrown), options);
}

/** Our own side failed. */
export function sinkFault(thrown: unknown): StreamFault {
  const code = thrown instanceof Error && 'code' in thrown ? String(thrown.code) : 'FAILED';
  const message = thrown instanceof Error ? thrown.message : String(thrown);
  return new StreamFault('sink', code, message, { cause: thrown });
}
