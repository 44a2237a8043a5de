/** Errors of the REST API: what they say, and what they mean for a read and for a write. */
import type { HttpResponse } from 'jsforce/core';
import { z } from 'zod';
import { SalesforceError, type WriteEnd } from './contract';
import type { NoAnswer } from './http';

/** What one refused call says. `code` is Salesforce's errorCode, or the HTTP status where the body is none of its own. */
export interface RestFault {
  status: number;
  code: string;
  message: string;
  fields: string[];
}

const oneError = z.object({
  errorCode: z.string().optional(),
  /** In the results of composite calls. */
  statusCode: z.string().optional(),
  message: z.string().default(''),
  fields: z.array(z.string()).default([]),
});
const errorBody = z.array(oneError).min(1);

export type OneError = z.infer<typeof oneError>;
export { oneError };

const limitCodes = /^(REQUEST_LIMIT_EXCEEDED|.*CONCURRENT.*LIMIT.*|TXN_SECURITY_METERING_ERROR)$/;
const temporaryCodes =
  /^(UNABLE_TO_LOCK_ROW|SERVER_UNAVAILABLE|QUERY_TIMEOUT|REQUEST_RUNNING_TOO_LONG|UNKNOWN_EXCEPTION|SERVICE_UNAVAILABLE)$/;
const permissionCodes =
  /^(INSUFFICIENT_ACCESS.*|API_DISABLED_FOR_ORG|API_CURRENTLY_DISABLED|FUNCTIONALITY_NOT_ENABLED)$/;
/** 401s that a new token does not cure. */
const incurable = /This session is not valid for use with the REST API|Connected app is not attached to Agent/;

export function faultOf({ statusCode, body }: HttpResponse): RestFault {
  const said = errorBody.safeParse(json(body));
  if (said.success) return faultOfErrors(said.data, statusCode);
  return {
    status: statusCode,
    code: String(statusCode),
    message: statusCode === 412 ? 'The record was changed meanwhile' : `Salesforce answered ${statusCode}`,
    fields: [],
  };
}

export function faultOfErrors(errors: OneError[], status: number): RestFault {
  const first = errors[0];
  return {
    status,
    code: first?.errorCode ?? first?.statusCode ?? String(status),
    message: errors
      .map((error) => plain(error.message))
      .filter((text) => text !== '')
      .join('; '),
    fields: [...new Set(errors.flatMap((error) => [...error.fields, ...missingColumn(error.message)]))],
  };
}

/** Whether a new token may cure it: the session ended, or the org moved to another host. */
export const wantsNewToken = ({ statusCode, body }: HttpResponse): boolean =>
  (statusCode === 401 && !incurable.test(body)) || (statusCode >= 300 && statusCode < 400 && statusCode !== 304);

/** A read that was answered with an error. */
export function readError(fault: RestFault): SalesforceError {
  return new SalesforceError(fault.code, fault.message || `Salesforce answered ${fault.status}`, kindOf(fault));
}

function kindOf({ status, code }: RestFault): SalesforceError['kind'] {
  if (limitCodes.test(code)) return 'limit';
  if (temporaryCodes.test(code) || status === 429 || status === 420 || status >= 500) return 'temporary';
  if (status === 401 || (status >= 300 && status < 400)) return 'auth';
  if (permissionCodes.test(code)) return 'permission';
  // A page of some proxy, not Salesforce's own.
  if (status === 403 && code === '403') return 'temporary';
  return status === 403 ? 'permission' : 'query';
}

/** A write that was answered with an error. */
export function refusedWrite({ status, code, message, fields }: RestFault): WriteEnd {
  if (status === 412) return { kind: 'changed' };
  // A gateway lost sight of the server; what the server did is not known.
  if ((status === 502 || status === 504) && code === String(status)) return { kind: 'unknown', code, message };
  const kind = kindOf({ status, code, message, fields });
  // A trigger's failure carries the lock in its text.
  if (kind === 'query' || kind === 'permission')
    return message.includes('UNABLE_TO_LOCK_ROW')
      ? { kind: 'later', code: 'UNABLE_TO_LOCK_ROW', message }
      : { kind: 'refused', code, message, fields };
  return { kind: 'later', code, message };
}

/** A write that was not answered. */
export const lostWrite = ({ code, message, sent }: NoAnswer): WriteEnd => ({
  kind: sent ? 'unknown' : 'later',
  code,
  message,
});

/** The column that an INVALID_FIELD names: `No such column 'X' on entity 'Order'`, or `… on sobject of type Order`. */
function missingColumn(message: string): string[] {
  const name = /No such column '([^']+)'/.exec(message)?.[1];
  return name === undefined ? [] : [name.split('.').pop() ?? name];
}

export function json(body: string): unknown {
  try {
    return JSON.parse(body);
  } catch {
    return undefined;
  }
}

/** One line, without the picture of the query that some errors draw. */
const plain = (text: string): string =>
  text
    .replace(/^[\s\S]*?ERROR at Row:\d+:Column:\d+\s*/, '')
    .replace(/[\s\p{Cc}]+/gu, ' ')
    .trim()
    .slice(0, 500);
