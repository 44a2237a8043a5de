/** What the faults of HTTP mean on gRPC, and the gRPC fault itself. */
import { status } from '@grpc/grpc-js';
import { z } from 'zod';
import type { CommonDo } from '../shared/faults';
import type { Refusal } from './pubsub-errors';

export const grpcFault = z.strictObject({
  kind: z.literal('grpc'),
  code: z.number().int().min(0).max(16),
  errorCode: z.string().nullable().default(null),
  details: z.string().default('fault'),
});

/** How a struck call goes on. `work`: the call's work is done, now or after `workAfterMs`. */
export interface Struck {
  end: 'hang' | 'reset' | Refusal;
  work: boolean;
  workAfterMs?: number;
}

/** As a gRPC client reads an HTTP status that is not 200. */
function codeOfHttp(httpStatus: number): number {
  switch (httpStatus) {
    case 400:
      return status.INTERNAL;
    case 401:
      return status.UNAUTHENTICATED;
    case 403:
      return status.PERMISSION_DENIED;
    case 404:
      return status.UNIMPLEMENTED;
    case 429:
    case 502:
    case 503:
    case 504:
      return status.UNAVAILABLE;
    default:
      return status.UNKNOWN;
  }
}

const pageStatus = { maintenance: 503, oops: 500, cloudflare: 403, badGateway: 502 } as const;

const asHttp = (httpStatus: number): Refusal => ({
  code: codeOfHttp(httpStatus),
  errorCode: null,
  details: `Received HTTP status code ${httpStatus}`,
});

export function struckBy(fault: Exclude<CommonDo, { kind: 'delay' }> | z.output<typeof grpcFault>): Struck {
  switch (fault.kind) {
    case 'grpc':
      return { end: fault, work: false };
    case 'refuse':
    case 'reset':
      return { end: 'reset', work: false };
    case 'hang':
      return { end: 'hang', work: false };
    case 'status':
      return { end: asHttp(fault.status), work: false };
    case 'html':
      return { end: asHttp(fault.status ?? pageStatus[fault.page]), work: fault.commit };
    case 'cut':
    case 'commitThenDrop':
      return { end: 'reset', work: true };
    case 'commitThenHang':
      return { end: 'hang', work: true };
    case 'commitLate':
      return { end: 'reset', work: true, workAfterMs: fault.ms };
    case 'prefix':
    case 'empty':
    case 'json':
      return { end: asHttp(200), work: fault.kind === 'prefix' || (fault.kind === 'empty' && fault.commit) };
  }
}
