/**
 * What the rest of lib knows of WHMCS: records in one normalised shape, reads that are retried, writes that never are.
 *
 * Ids are numbers, money is a decimal string as WHMCS prints it ("149.00"), lists are arrays, entities are decoded once,
 * zero dates are null. `../../docs` and reference/whmcs.md tell where each shape comes from.
 */

/** Billing cycles as AddOrder spells them. */
export type BillingCycle =
  'free' | 'onetime' | 'monthly' | 'quarterly' | 'semiannually' | 'annually' | 'biennially' | 'triennially';

export interface Client {
  id: number;
  /** Active, Inactive, Closed; compared without case. */
  status: string;
  /** ISO code such as USD; prices are looked up by it. */
  currency: string;
  /** Gateway module name, '' when none. */
  defaultGateway: string;
  name: string;
  companyName: string;
  customFields: { id: number; value: string }[];
}

export interface PayMethod {
  id: number;
  type: string;
  description: string;
  gateway: string;
  /** Last instant of the month of expiry in UTC ms; null: does not expire. */
  expiresAt: number | null;
}

export interface Gateway {
  module: string;
  name: string;
}

export interface Product {
  pid: number;
  name: string;
  module: string;
  payType: 'free' | 'onetime' | 'recurring' | (string & {});
  /** 0 no, 1 several services, 2 one scaling service; null: this WHMCS does not tell. */
  allowQuantity: 0 | 1 | 2 | null;
  /** Units in stock; null: not told or not counted. */
  stock: number | null;
  /** `[]`: it has none; absent: this WHMCS does not tell. */
  configOptions?: ConfigOption[];
  /** Taken out of the shop, where this WHMCS tells: most do not. */
  withdrawn?: 'hidden' | 'retired';
  /** By currency code, then cycle; a cycle that is not offered (-1.00) is absent. */
  prices: Record<string, Partial<Record<BillingCycle, string>>>;
}

export interface ConfigOption {
  id: number;
  name: string;
  /** What AddOrder takes for it: the id of one of its choices, 1 or 0, or a number; null: this WHMCS does not tell. */
  kind: 'choice' | 'yesno' | 'quantity' | null;
  /** Of a list to choose from. */
  choices: { id: number; name: string }[];
  /** Of a quantity (8.12+); null: no bound, or not told. */
  least: number | null;
  most: number | null;
}

export interface OrderLine {
  type: string;
  /** Id of the service (or domain, addon). */
  relId: number;
  product: string;
  domain: string;
  billingCycle: string;
  amount: string;
  status: string;
}

export interface Order {
  id: number;
  orderNumber: string;
  clientId: number;
  adminRequestorId: number | null;
  /** As WHMCS prints it, without zone. */
  date: string | null;
  amount: string;
  paymentMethod: string;
  invoiceId: number | null;
  /** Of its invoice: Paid, Unpaid …; '' where it has none, or WHMCS does not tell. */
  paymentStatus: string;
  status: string;
  /** '' where this WHMCS keeps none. */
  notes: string;
  lines: OrderLine[];
}

export interface OrdersPage {
  /** null: the answer had none, which makes it no evidence (exactly-one R17). */
  total: number | null;
  start: number;
  orders: Order[];
}

export interface Service {
  id: number;
  clientId: number;
  orderId: number;
  pid: number;
  name: string;
  status: string;
  billingCycle: string;
  quantity: number;
  recurringAmount: string;
  firstPaymentAmount: string;
  customFields: { id: number; value: string }[];
  /** Of its configurable options the quantities; absent: there are none, or they are not told. */
  options?: { id: number; value: number }[];
}

export interface ModuleQueueItem {
  serviceId: number;
  moduleName: string;
  action: string;
  lastError: string;
  completed: boolean;
}

// ------------------------------------------------------------------- calls

/** What kind of configuration fault: the address of this machine, credentials, the API role, or an action this WHMCS lacks. */
export type ConfigFault = 'ip' | 'credentials' | 'role' | 'action' | 'address';

/**
 * How one call ended (reference/whmcs.md §0, §1.3; exactly-one R19).
 * - success: a complete JSON object with `result: success`.
 * - refused: complete JSON that says error with a text we know: nothing was done.
 * - unclear: complete JSON that is neither: the request is over, what it did is to be read.
 * - unknown: no complete answer: it may still be running.
 * - not-sent: not one byte of the request left.
 */
export type CallEnd<T> =
  | { kind: 'success'; value: T; warning: string | null; degraded: boolean }
  | { kind: 'refused'; fault: ConfigFault | 'business'; message: string }
  | { kind: 'unclear'; message: string }
  | { kind: 'unknown'; code: string; message: string; edge: boolean }
  | { kind: 'not-sent'; code: string; message: string };

/** Thrown by reads, after their bounded retries. */
export class WhmcsError extends Error {
  override readonly name = 'WhmcsError';
  constructor(
    readonly action: string,
    readonly end: Exclude<CallEnd<never>, { kind: 'success' }>,
    /** So many calls in a row, a harmless one the last, WHMCS has left without an answer; 0: it is not silent as a whole. */
    readonly silentCalls = 0,
  ) {
    super(end.message);
  }
}

export interface AddOrderItem {
  pid: number;
  billingCycle: BillingCycle;
  /** Sent as `qty` when above 1 or when any item's is; the mapping has checked that this WHMCS and product allow it. */
  quantity: number;
  domain?: string;
  hostname?: string;
  /** By custom field id. */
  customFields?: Record<number, string>;
  /** By option id. */
  configOptions?: Record<number, number>;
  priceOverride?: string;
}

export interface AddOrderRequest {
  clientId: number;
  paymentMethod: string;
  items: AddOrderItem[];
  notes?: string;
  noInvoice?: boolean;
  noInvoiceEmail?: boolean;
  noEmail?: boolean;
}

export interface AddedOrder {
  orderId: number;
  serviceIds: number[];
  invoiceId: number | null;
}

export interface WriteOptions {
  /** Monotonic instant (clock.monotonic) after which the first byte must not leave; tested once the connection stands. */
  sendBy: number;
  /** Told just before the first byte leaves. */
  onSending?: () => void;
  /** Ends the call: nothing is sent if nothing was; else its outcome is unknown. */
  signal?: AbortSignal;
}

export interface Whmcs {
  /** Names the installation: scheme, host, port and path of api.php. No credentials. */
  readonly key: string;
  readonly readTimeoutMs: number;
  readonly writeTimeoutMs: number;
  /** A page to open in the admin area, or null when no admin URL is set. */
  orderUrl(whmcsOrderId: number): string | null;
  /** Reads: bounded, jittered retries; throw WhmcsError. */
  getOrders(
    query: { id?: number; clientId?: number; start?: number; limit?: number },
    signal?: AbortSignal,
  ): Promise<OrdersPage>;
  getServices(query: { clientId?: number; serviceId?: number }, signal?: AbortSignal): Promise<Service[]>;
  /** null: WHMCS says that there is no such client. */
  getClient(clientId: number, signal?: AbortSignal): Promise<Client | null>;
  getPayMethods(clientId: number, signal?: AbortSignal): Promise<PayMethod[]>;
  getPaymentMethods(signal?: AbortSignal): Promise<Gateway[]>;
  /** Products that WHMCS knows of these; the missing ones are unknown to it. */
  getProducts(pids: number[], signal?: AbortSignal): Promise<Product[]>;
  getModuleQueue(serviceId: number, signal?: AbortSignal): Promise<ModuleQueueItem[]>;
  /** null: this WHMCS is too old to tell (below 8.0). */
  version(signal?: AbortSignal): Promise<string | null>;
  /** Writes: one request on a fresh connection, never repeated, never thrown from. */
  addOrder(request: AddOrderRequest, options: WriteOptions): Promise<CallEnd<AddedOrder>>;
  acceptOrder(
    request: { orderId: number; autoSetup: boolean; sendEmail: boolean },
    options: WriteOptions,
  ): Promise<CallEnd<null>>;
  cancelOrder(orderId: number, options: WriteOptions): Promise<CallEnd<null>>;
  moduleCreate(serviceId: number, options: WriteOptions): Promise<CallEnd<null>>;
}
