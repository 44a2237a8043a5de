import { clients, products, type DemoClient, type DemoProduct } from '../demo-data';
import { type VirtualClock } from '../shared/virtual-clock';

/** Cycles as AddOrder and the price table spell them. */
export const cycles = ['monthly', 'quarterly', 'semiannually', 'annually', 'biennially', 'triennially'] as const;
export type PricedCycle = (typeof cycles)[number];
export type Cycle = 'free' | 'onetime' | PricedCycle;

/** Cycles as services print them; order lines print One-Time. */
export const cycleNames: Record<Cycle, string> = {
  free: 'Free Account',
  onetime: 'One Time',
  monthly: 'Monthly',
  quarterly: 'Quarterly',
  semiannually: 'Semi-Annually',
  annually: 'Annually',
  biennially: 'Biennially',
  triennially: 'Triennially',
};

export const currencies = [
  { id: 1, code: 'USD', prefix: '$', suffix: ' USD' },
  { id: 2, code: 'EUR', prefix: '', suffix: ' €' },
] as const;
export type Currency = (typeof currencies)[number]['code'];

export interface StoredPayMethod {
  id: number;
  type: 'CreditCard' | 'RemoteCreditCard' | 'BankAccount' | 'RemoteBankAccount';
  description: string;
  /** MM/YY; null: does not expire. */
  expiry: string | null;
  lastFour: string | null;
  /** Gateway module, '' when stored locally. */
  gateway: string;
}

export interface StoredClient {
  id: number;
  firstName: string;
  lastName: string;
  company: string;
  email: string;
  status: string;
  currency: Currency;
  defaultGateway: string;
  payMethods: StoredPayMethod[];
  customFields: { id: number; value: string }[];
}

export interface ProductField {
  id: number;
  name: string;
  /** Fields that only admins see are not in GetProducts. */
  showOnOrder: boolean;
}

export interface ProductOption {
  id: number;
  name: string;
  type: 'dropdown' | 'radio' | 'yesno' | 'quantity';
  /** Of a quantity. */
  min: number;
  /** 0: no bound. */
  max: number;
  /** Of a list to choose from; the first is the default. */
  choices: { id: number; name: string }[];
}

export const hasChoices = ({ type }: ProductOption): boolean => type === 'dropdown' || type === 'radio';

export interface StoredProduct {
  pid: number;
  groupId: number;
  name: string;
  /** hostingaccount, reselleraccount, server, other. */
  type: string;
  /** Provisioning module, '' none. */
  module: string;
  payType: 'free' | 'onetime' | 'recurring';
  /** By currency; a one-time price sits in `monthly`; what is absent is not offered. */
  prices: Partial<Record<Currency, Partial<Record<PricedCycle, string>>>>;
  allowQuantity: 0 | 1 | 2;
  /** Units left; null: no stock control. */
  stock: number | null;
  hidden: boolean;
  /** '' never; on (on accept), order, payment. */
  autoSetup: '' | 'on' | 'order' | 'payment';
  customFields: ProductField[];
  configOptions: ProductOption[];
}

export interface StoredService {
  id: number;
  orderId: number;
  clientId: number;
  pid: number;
  quantity: number;
  cycle: Cycle;
  /** Cents, for all units. */
  firstPayment: number;
  recurring: number;
  domain: string;
  status: string;
  paymentMethod: string;
  createdAt: number;
  /** By field id. */
  customFields: Map<number, string>;
  /** By option id: choice, 0 or 1, or number. */
  configOptions: Map<number, number>;
  moduleRuns: number;
  /** The account on the server behind the module. */
  remoteAccount: boolean;
}

export interface StoredOrder {
  id: number;
  orderNumber: number;
  clientId: number;
  /** Admin that placed it. */
  adminId: number;
  createdAt: number;
  /** Cents. */
  amount: number;
  paymentMethod: string;
  invoiceId: number | null;
  status: string;
  /** As kept. */
  notes: string;
  ipAddress: string;
  promoCode: string;
  /** Who made it: api, or person. */
  by: string;
  /** AcceptOrders that answered success or ran modules. */
  accepts: number;
}

export interface QueuedFailure {
  id: number;
  serviceId: number;
  module: string;
  lastAttempt: number;
  lastError: string;
  retries: number;
  completed: boolean;
}

export interface Gateway {
  module: string;
  name: string;
}

/** WHMCS's tables. */
export class Store {
  clients = new Map<number, StoredClient>();
  products = new Map<number, StoredProduct>();
  orders = new Map<number, StoredOrder>();
  services = new Map<number, StoredService>();
  invoices = new Map<number, { status: 'Unpaid' | 'Paid' | 'Cancelled' }>();
  moduleQueue: QueuedFailure[] = [];
  gateways: Gateway[] = [];
  private next = { order: 5001, service: 9001, invoice: 7001 };

  constructor(private readonly clock: VirtualClock) {
    this.reset();
  }

  /** Back to the demo's data. */
  reset(): void {
    this.clients = new Map(clients.map((client) => [client.clientId, seededClient(client, this.clock.now())]));
    this.products = new Map(
      products
        .flatMap((one): [number, StoredProduct][] => {
          // Two demo products may share one pid; the first is what WHMCS sells.
          return one.pid === null ? [] : [[one.pid, seededProduct(one, one.pid)]];
        })
        .reverse(),
    );
    this.orders = new Map();
    this.services = new Map();
    this.invoices = new Map();
    this.moduleQueue = [];
    this.gateways = [
      { module: 'mailin', name: 'Bank Transfer' },
      { module: 'stripe', name: 'Credit Card (Stripe)' },
      { module: 'banktransfer', name: 'Wire Transfer' },
    ];
    this.next = { order: 5001, service: 9001, invoice: 7001 };
  }

  /** The next id; ids are never used twice. */
  nextId(kind: 'order' | 'service' | 'invoice'): number {
    return this.next[kind]++;
  }

  servicesOf(orderId: number): StoredService[] {
    return [...this.services.values()].filter((service) => service.orderId === orderId);
  }

  gatewayName(module: string): string {
    return this.gateways.find((gateway) => gateway.module === module)?.name ?? module;
  }
}

/** Looks random, has ten digits and exceeds 2^31, as WHMCS's order numbers do. */
export function orderNumber(id: number): number {
  return 4_000_000_000 + ((id * 1_103_515_245 + 12_345) % 5_999_999_999);
}

/** "149.00" from 14900. */
export function money(cents: number): string {
  return (cents / 100).toFixed(2);
}

export function cents(amount: string | number): number {
  return Math.round(Number(amount) * 100);
}

/** The last month of a card, MM/YY, some years from now. */
function expiryIn(years: number, now: number): string {
  const date = new Date(now);
  const month = String(date.getUTCMonth() + 1).padStart(2, '0');
  return `${month}/${String((date.getUTCFullYear() + years) % 100).padStart(2, '0')}`;
}

function seededClient(demo: DemoClient, now: number): StoredClient {
  const { clientId, firstName, lastName, company, status, currency } = demo;
  return {
    id: clientId,
    firstName,
    lastName,
    company,
    email: `client${clientId}@example.test`,
    status,
    currency,
    defaultGateway: '',
    payMethods: demo.payMethods.map((method) => ({
      ...method,
      expiry:
        method.expiry === 'valid' ? expiryIn(2, now) : method.expiry === 'past' ? expiryIn(-1, now) : method.expiry,
    })),
    customFields: [],
  };
}

function seededProduct(demo: DemoProduct, pid: number): StoredProduct {
  return {
    pid,
    groupId: demo.module === '' ? 1 : 2,
    name: demo.name,
    type: demo.module === '' ? 'other' : 'hostingaccount',
    module: demo.module,
    payType: demo.payType,
    prices: { USD: demo.prices, EUR: demo.prices },
    allowQuantity: demo.allowQuantity,
    stock: null,
    hidden: demo.hidden ?? false,
    autoSetup: demo.module === '' ? '' : 'payment',
    customFields: [{ id: markerField(pid), name: 'Order reference', showOnOrder: false }],
    configOptions: [],
  };
}

/** Id of the seeded product's admin-only custom field. */
export function markerField(pid: number): number {
  return 1000 + pid;
}

export const groups: Record<number, string> = { 1: 'Licences', 2: 'Hosting' };
