/** What a gRPC status of the Pub/Sub API means. */
import { StreamFault } from './stream-fault';

/** As grpc-js gives it, by number. */
export interface GrpcStatus {
  code: number;
  details: string;
  /** Trailer `error-code`; '' when there is none. A proxy may drop it, so the details are looked at too. */
  errorCode: string;
}

const names = [
  ...['OK', 'CANCELLED', 'UNKNOWN', 'INVALID_ARGUMENT', 'DEADLINE_EXCEEDED', 'NOT_FOUND', 'ALREADY_EXISTS'],
  ...['PERMISSION_DENIED', 'RESOURCE_EXHAUSTED', 'FAILED_PRECONDITION', 'ABORTED', 'OUT_OF_RANGE', 'UNIMPLEMENTED'],
  ...['INTERNAL', 'UNAVAILABLE', 'DATA_LOSS', 'UNAUTHENTICATED'],
];
const [invalidArgument, notFound, permissionDenied, resourceExhausted, unimplemented, unauthenticated] = [
  3, 5, 7, 8, 12, 16,
];

/** The end of a call, as a fault; a plain end is one as well, since a stream of events has none. */
export function faultOfStatus({ code, details, errorCode }: GrpcStatus): StreamFault {
  const name = names[code] ?? `gRPC ${code}`;
  const said = details.trim().slice(0, 300);
  const has = (trailer: RegExp, words: RegExp): boolean =>
    errorCode === '' ? words.test(details) : trailer.test(errorCode);

  if (code === unauthenticated || has(/auth\.(error|refresh\.invalid)$/, /authentication exception occurred/i))
    return new StreamFault('auth', name, said || 'Salesforce refused the token');
  if (has(/replayid\.(corrupted|validation\.failed)$/, /replay ?id validation failed/i))
    return new StreamFault('corrupted', name, said);
  if (has(/subscription\.limit\.exceeded$/, /exceeded the event delivery limit/i))
    return new StreamFault('limit', name, said);
  if (code === resourceExhausted || /concurrent\.client\.limit\.exceeded$/.test(errorCode))
    return new StreamFault('limit', name, said || 'Salesforce has too many connections');
  if (code === notFound)
    return new StreamFault(
      'misconfigured',
      name,
      `Salesforce knows no such channel: ${said}. Check its name, and that it is deployed`,
    );
  if (code === permissionDenied)
    return new StreamFault(
      'misconfigured',
      name,
      `The run-as user may not read the channel: ${said}. Give it read access to the platform event`,
    );
  if (code === unimplemented)
    return new StreamFault(
      'misconfigured',
      name,
      'The Pub/Sub endpoint does not speak the Pub/Sub API. Check the endpoint',
    );
  if (code === 0) return new StreamFault('temporary', name, 'Salesforce ended the stream');
  return new StreamFault('temporary', name, said || 'The stream broke');
}

/** Whether GetSchema or GetTopic said that there is no such thing, so that asking again is no use. */
export const isUnknownName = (status: GrpcStatus): boolean =>
  (status.code === notFound || status.code === invalidArgument) && faultOfStatus(status).kind !== 'auth';
