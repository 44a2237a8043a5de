/** One connection to a WHMCS installation: its typed reads and writes. */
import type { Clock } from '../clock';
import type { JsonObject } from '../json';
import type { Log } from '../log';
import { addOrderFields } from './add-order-fields';
import { apiUrl, installationKey, orderLinks } from './address';
import { WhmcsError, type AddedOrder, type CallEnd, type Whmcs, type WriteOptions } from './contract';
import type { FormFields } from './form';
import { saysNoClient } from './known-texts';
import { testPermissions, type Permissions } from './permissions';
import {
  addedOrder,
  client,
  currencies,
  details,
  gateways,
  moduleQueue,
  ordersPage,
  parseAnswer,
  payMethods,
  unreadable,
} from './records';
import { readProducts } from './products-reading';
import { readServices } from './services-reading';
import { Transport } from './transport';

export interface WhmcsOptions {
  /** Base URL, or the whole address of includes/api.php. */
  url: string;
  /** For links alone. */
  adminUrl?: string;
  identifier: string;
  secret: string;
  accessKey?: string;
  /** For one try of a read, ms. */
  readTimeoutMs?: number;
  /** For a write from its connection to its answer, ms: AcceptOrder runs modules. */
  writeTimeoutMs?: number;
  /** Calls at once; each holds one of WHMCS's PHP workers. Reads keep to it; a write waits half of its time at most. */
  maxParallel?: number;
  /** PEM of the authorities to be trusted instead of the system's. */
  ca?: string;
  clock: Clock;
  log: Log;
}

export interface WhmcsConnection extends Whmcs {
  /** Whether WHMCS gave an answer of its own to the last call; null: none was made yet. */
  readonly reachable: boolean | null;
  /** Codes of the currencies that this WHMCS has, such as USD; its clients have one of them each. @throws WhmcsError */
  getCurrencies(signal?: AbortSignal): Promise<string[]>;
  /**
   * What the credentials may do, asked without any effect.
   * @throws WhmcsError when WHMCS cannot be asked at all.
   */
  testPermissions(signal?: AbortSignal): Promise<Permissions>;
  /** Ends reads and what waits. A write that has left runs on to its end, at most `writeTimeoutMs`. */
  close(): void;
}

/**
 * Makes a connection; nothing is called yet.
 * @throws AddressError when an address cannot be used.
 */
export function createWhmcs(options: WhmcsOptions): WhmcsConnection {
  const { identifier, secret, accessKey, clock, log, ca } = options;
  const { readTimeoutMs = 30_000, writeTimeoutMs = 120_000, maxParallel = 2 } = options;
  const url = apiUrl(options.url);
  const credentials = { identifier, secret, accessKey };
  const transport = new Transport({ url, credentials, readTimeoutMs, writeTimeoutMs, maxParallel, ca, clock, log });
  const read = (action: string, fields: FormFields, signal?: AbortSignal): Promise<JsonObject> =>
    transport.read(action, fields, signal);
  const write = async (action: string, fields: FormFields, how: WriteOptions): Promise<CallEnd<null>> => {
    const end = await transport.write(action, fields, how);
    return end.kind === 'success' ? { ...end, value: null } : end;
  };
  return {
    key: installationKey(url),
    get reachable() {
      return transport.reachable;
    },
    readTimeoutMs,
    writeTimeoutMs,
    orderUrl: orderLinks(options.adminUrl),

    async getOrders({ id, clientId, start = 0, limit = 25 }, signal) {
      const fields = { id, userid: clientId, limitstart: start, limitnum: limit };
      return parseAnswer('GetOrders', ordersPage, await read('GetOrders', fields, signal));
    },
    getServices: (query, signal) => readServices(transport, query, signal),
    async getClient(clientId, signal) {
      let answer: JsonObject;
      try {
        answer = await read('GetClientsDetails', { clientid: clientId }, signal);
      } catch (error) {
        if (isNoClient(error)) return null;
        throw error;
      }
      const found = parseAnswer('GetClientsDetails', client, answer);
      if (found.id !== clientId)
        throw unreadable('GetClientsDetails', `it is about client ${found.id}, not ${clientId}`);
      return found;
    },
    async getPayMethods(clientId, signal) {
      return parseAnswer('GetPayMethods', payMethods, await read('GetPayMethods', { clientid: clientId }, signal));
    },
    async getPaymentMethods(signal) {
      return parseAnswer('GetPaymentMethods', gateways, await read('GetPaymentMethods', {}, signal));
    },
    async getCurrencies(signal) {
      return parseAnswer('GetCurrencies', currencies, await read('GetCurrencies', {}, signal));
    },
    getProducts: (pids, signal) => readProducts(transport, pids, signal),
    async getModuleQueue(serviceId, signal) {
      const fields = { relatedId: serviceId, serviceType: 'service' };
      const queue = parseAnswer('GetModuleQueue', moduleQueue, await read('GetModuleQueue', fields, signal));
      return queue.filter((item) => item.serviceId === serviceId);
    },
    async version(signal) {
      try {
        return parseAnswer('WhmcsDetails', details, await read('WhmcsDetails', {}, signal));
      } catch (error) {
        if (error instanceof WhmcsError && error.end.kind === 'refused' && error.end.fault === 'action') return null;
        throw error;
      }
    },

    async addOrder(request, how): Promise<CallEnd<AddedOrder>> {
      const end = await transport.write('AddOrder', addOrderFields(request), how);
      if (end.kind !== 'success') return end;
      const added = addedOrder.safeParse(end.value);
      if (added.success) return { ...end, value: added.data };
      return { kind: 'unclear', message: 'AddOrder says success and names no order' };
    },
    acceptOrder({ orderId, autoSetup, sendEmail }, how) {
      // Three states: left out means "as the product is set up", so no is said in so many words.
      const fields = { orderid: orderId, autosetup: autoSetup ? 1 : 0, sendemail: sendEmail ? 1 : 0 };
      return write('AcceptOrder', fields, how);
    },
    cancelOrder: (orderId, how) => write('CancelOrder', { orderid: orderId }, how),
    moduleCreate: (serviceId, how) => write('ModuleCreate', { serviceid: serviceId }, how),

    testPermissions: (signal) => testPermissions(transport, clock, signal),
    close: () => transport.close(),
  };
}

const isNoClient = (error: unknown): boolean =>
  error instanceof WhmcsError &&
  error.end.kind === 'refused' &&
  error.end.fault === 'business' &&
  saysNoClient(error.end.message);
