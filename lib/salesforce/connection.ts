/** The connection to one org as one user: what the rest of lib calls Salesforce. */
import type { Clock } from '../clock';
import type { Log } from '../log';
import { AbsentFields } from './absent-fields';
import { readActivating, type ActivatingOrders } from './activating-orders';
import { secureBase } from './addresses';
import { deriveAudience } from './audience';
import { JwtTokenSource, type TokenSource } from './auth';
import { exchangeTimeoutMs, SalesforceError, type Salesforce } from './contract';
import { HealthRecord } from './health';
import { Http } from './http';
import { readNewest, type NewestOrders } from './newest-orders';
import { isDeleted, readOrder } from './order-reading';
import { readNaming } from './orders-naming';
import { writeItems, writeOrder } from './order-writing';
import { readPriceBook, readPriceBookProducts, type PriceBooks } from './price-book-products';
import type { PrivateKeySource } from './private-key';
import { Rest } from './rest';

export interface SalesforceOptions {
  /** https, or http on a loopback address. */
  loginUrl: string;
  /** Derived from the login URL when it is not given (see `deriveAudience`). */
  audience?: string | undefined;
  clientId: string;
  username: string;
  privateKey: PrivateKeySource;
  /** Such as `68.0`, the default. */
  apiVersion?: string | undefined;
  /** PEM of the only certificate authorities to be trusted; without it those of the system. */
  ca?: string | undefined;
  clock: Clock;
  log: Log;
  /** For one exchange, ms; 30 s by default. */
  timeoutMs?: number | undefined;
}

const defaultApiVersion = '68.0';

/**
 * A connection to an org. Nothing is loaded or sent before the first call; `close` ends every connection and call.
 * @throws Error when the login URL or the API version cannot be used.
 */
export function createSalesforce(
  options: SalesforceOptions,
): Salesforce & ActivatingOrders & NewestOrders & PriceBooks & { auth: TokenSource; close(): void } {
  const { clientId, username, privateKey, clock, log } = options;
  const loginUrl = secureBase(options.loginUrl, 'The login URL');
  const apiVersion = versionOf(options.apiVersion ?? defaultApiVersion);
  const timeoutMs = options.timeoutMs ?? exchangeTimeoutMs;
  const audience = options.audience || deriveAudience(loginUrl);

  const http = new Http(clock, options.ca);
  const health = new HealthRecord(clock);
  const auth = new JwtTokenSource({
    loginUrl,
    audience,
    clientId,
    username,
    privateKey,
    http,
    clock,
    log,
    health,
    timeoutMs,
  });
  const rest = new Rest({ auth, http, apiVersion, clock, health, timeoutMs });
  const absent = new AbsentFields(log, clock);
  const closing = new AbortController();
  /** Aborted by the caller or by `close`, so that no pause between tries outlives the connection. */
  const until = (signal?: AbortSignal): AbortSignal => AbortSignal.any([closing.signal, ...(signal ? [signal] : [])]);

  return {
    key: `${new URL(loginUrl).host} ${username}`,
    auth,
    get userId() {
      return health.userId;
    },
    readOrder: (orderId, fields, signal) => readOrder(rest, absent, orderId, fields, until(signal)),
    ordersNaming: (texts, except, fields, signal) => readNaming(rest, texts, except, fields, until(signal)),
    isDeleted: (orderId, signal) => isDeleted(rest, orderId, until(signal)),
    newestOrders: (query, signal) => readNewest(rest, query, until(signal)),
    activatingOrders: (query, signal) => readActivating(rest, absent, query, until(signal)),
    priceBook: (pricebookId, signal) => readPriceBook(rest, pricebookId, until(signal)),
    priceBookProducts: (query, signal) => readPriceBookProducts(rest, query, until(signal)),
    writeOrder: (orderId, change, fields, how) =>
      writeOrder(rest, absent, orderId, change, fields, { ...how, signal: until(how?.signal) }),
    writeItems: (values, fields, signal) => writeItems(rest, absent, values, fields, until(signal)),
    health: () => health.now,
    close: () => {
      closing.abort(new SalesforceError('ECLOSED', 'The connection to Salesforce is closed', 'temporary'));
      http.close();
    },
  };
}

/** `62`, `62.0` and `v62.0` are the same. */
function versionOf(text: string): string {
  const number = /^v?(\d{2,3})(\.0)?$/.exec(text.trim())?.[1];
  if (number === undefined) throw new Error(`"${text}" is no API version; write it like ${defaultApiVersion}`);
  return `${number}.0`;
}
