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
const [invalidArgument, notFound, permissionDenied, resourceExhausted, unauthenticated] = [3, 5, 7, 8, 16];

/**
 * The permission that reading a channel takes (Platform Events Developer Guide; Change Data Capture Developer Guide,
 * "Required Permissions for Receiving Change Events").
 */
export function permissionFor(channel: string): string {
  const name = channel.split('/').pop() ?? '';
  if (name.endsWith('__chn')) return `read access to each event of the channel ${name}`;
  if (name === 'ChangeEvents') return 'View All Data';
  if (channel.startsWith('/data/')) return `View All on the object of ${name}`;
  return `the object permission Read on the platform event ${name}`;
}

/** Salesforce knows the channel, and our user may not read it. */
export const mayNotRead = (channel: string, said = ''): StreamFault =>
  new StreamFault(
    'misconfigured',
    'PERMISSION_DENIED',
    `The run-as user may not read ${channel}: give it ${permissionFor(channel)}, best by a permission set${said && ` (${said})`}`,
  );

/** Salesforce knows no such channel, or does not show it to our user. */
export const noSuchChannel = (channel: string, code: string, said = ''): StreamFault =>
  new StreamFault(
    'misconfigured',
    code,
    `Salesforce knows no channel ${channel}: check its name (letters count) and that it is deployed, and that the run-as user has ${permissionFor(channel)}${said && ` (${said})`}`,
  );

/**
 * The end of a call about a channel, as a fault; a plain end is one as well, since a stream of events has none.
 */
export function faultOfStatus({ code, details, errorCode }: GrpcStatus, channel: string): StreamFault {
  const name = names[code] ?? `gRPC ${code}`;
  const said = details.trim().slice(0, 300);
  const has = (trailer: RegExp, words: RegExp): boolean =>
    errorCode === '' ? words.test(details) : trailer.test(errorCode);

  // Not Salesforce's own answer: a proxy or a web server stands before it, or in its place. It may go away again.
  const http = /^Received HTTP status code (\d+)/.exec(details)?.[1];
  if (http !== undefined && errorCode === '') return new StreamFault('temporary', `HTTP_${http}`, said);
  if (code === unauthenticated || has(/auth\.(error|refresh\.invalid)$/, /authentication exception occurred/i))
    return new StreamFault('auth', name, said || 'Salesforce refused the token');
  if (has(/replayid\.(corrupted|validation\.failed)$/, /replay ?id validation failed/i))
    return new StreamFault('corrupted', name, said);
  if (has(/subscription\.limit\.exceeded$/, /exceeded the event delivery limit/i))
    return new StreamFault('limit', name, said);
  if (code === resourceExhausted || /concurrent\.client\.limit\.exceeded$/.test(errorCode))
    return new StreamFault('limit', name, said || 'Salesforce has too many connections');
  if (code === notFound) return noSuchChannel(channel, name, said);
  if (code === permissionDenied) return mayNotRead(channel, said);
  if (code === 0) return new StreamFault('temporary', name, 'Salesforce ended the stream');
  return new StreamFault('temporary', name, said || 'The stream broke');
}

/** Whether GetSchema or GetTopic said that there is no such thing, so that asking again is no use. */
export const isUnknownName = (status: GrpcStatus): boolean =>
  (status.code === notFound || status.code === invalidArgument) && faultOfStatus(status, '').kind !== 'auth';
