/** Why an endpoint of events cannot be spoken to, in words that name it and tell what to look at. */
import { StreamFault, type FaultKind } from './stream-fault';

interface Known {
  /** What gRPC tells of the connection. */
  said: RegExp;
  code: string;
  message: (endpoint: string) => string;
}

const known: Known[] = [
  {
    said: /Name resolution failed|ENOTFOUND|EAI_AGAIN/,
    code: 'ENOTFOUND',
    message: (endpoint) =>
      `The host of the Pub/Sub endpoint ${endpoint} is not known: check its name and this machine's DNS`,
  },
  {
    said: /ECONNREFUSED/,
    code: 'ECONNREFUSED',
    message: (endpoint) =>
      `Nothing listens at the Pub/Sub endpoint ${endpoint}, or a firewall refuses it: check host and port (7443, or 443 where a firewall closes 7443)`,
  },
  {
    said: /ETIMEDOUT|EHOSTUNREACH|ENETUNREACH/,
    code: 'ETIMEDOUT',
    message: (endpoint) => `The Pub/Sub endpoint ${endpoint} cannot be reached: ${blocked}`,
  },
  {
    said: /wrong version number|packet length too long|http request/,
    code: 'TLS_REFUSED',
    message: (endpoint) => `The Pub/Sub endpoint ${endpoint} does not speak TLS: check host and port`,
  },
  {
    said: /no application protocol|Protocol error/,
    code: 'NOT_PUBSUB',
    message: (endpoint) =>
      `What answers at the Pub/Sub endpoint ${endpoint} does not speak HTTP/2: it is no Pub/Sub API, or a proxy stands between`,
  },
  {
    said: /certificate|altnames|self.signed|unable to (get|verify)|SSL|TLS|EPROTO/i,
    code: 'TLS_REFUSED',
    message: (endpoint) =>
      `The certificate of the Pub/Sub endpoint ${endpoint} is not trusted: check the host, and set the TLS CA if a proxy of yours opens TLS`,
  },
  {
    said: /No connection established/,
    code: 'UNAVAILABLE',
    message: (endpoint) =>
      `What answers at the Pub/Sub endpoint ${endpoint} closes the connection: check host and port (a loopback address that speaks TLS is written with https:// before it)`,
  },
];

const blocked = 'a firewall may drop its port (7443, or 443 where a firewall closes 7443)';

/** The fault with the endpoint named, where it is one of the connection. */
export function atEndpoint(fault: StreamFault, endpoint: string): StreamFault {
  const as = (kind: FaultKind, code: string, message: string): StreamFault =>
    new StreamFault(kind, code, message, { cause: fault });
  if (fault.code === 'UNIMPLEMENTED' || fault.code.startsWith('HTTP_'))
    return as(
      fault.kind,
      fault.code,
      `The Pub/Sub endpoint ${endpoint} does not speak the Pub/Sub API: check the endpoint`,
    );
  if (fault.code === 'ETIMEOUT' && fault.kind === 'temporary')
    return as(fault.kind, fault.code, `The Pub/Sub endpoint ${endpoint} does not answer: ${blocked}`);
  if (fault.code !== 'UNAVAILABLE') return fault;
  const one = known.find(({ said }) => said.test(fault.message));
  if (!one) return fault;
  return as(fault.kind, one.code, `${one.message(endpoint)} (${reason(fault.message)})`);
}

/** What the system says, on one line, without OpenSSL's coordinates. */
const reason = (message: string): string =>
  message
    .replace(/^.*Last error:\s*(Error:\s*)?/s, '')
    .replace(/Resolution note:.*$/s, '')
    .replace(/error:[0-9A-F]+:|\b[0-9A-F]{12,}:|:\.\.[^\s]*|\(\d{4}-[^)]*\)/g, '')
    .replace(/\s+/g, ' ')
    .replace(/[:.\s]+$/, '')
    .trim()
    .slice(0, 120);
