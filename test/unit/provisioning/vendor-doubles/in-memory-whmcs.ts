/**
 * WHMCS in memory: an independent truth for the protocols. It keeps a ledger of what it did, and can lose answers, commit
 * late, drop marks, answer nonsense. Its connections implement `Whmcs`.
 */
import type { Clock } from '../../../../lib/clock';
import {
  WhmcsError,
  type AddedOrder,
  type AddOrderRequest,
  type CallEnd,
  type Order,
  type OrdersPage,
  type Service,
  type Whmcs,
  type WriteOptions,
} from '../../../../lib/whmcs/contract';

/** What becomes of the next AddOrder. `commit`: at once, after so many ms, or never. */
export interface AddFault {
  end: CallEnd<AddedOrder>['kind'];
  commit?: 'now' | 'never' | number;
  code?: string;
  message?: string;
  fault?: 'ip' | 'credentials' | 'role' | 'business';
  edge?: boolean;
}

/** What becomes of the next AcceptOrder. `run`: at once, after so many ms, or never. */
export interface AcceptFault extends Omit<AddFault, 'commit'> {
  run?: 'now' | 'never' | number;
  /** Services, by position, whose module fails. */
  failing?: number[];
  /** Status of the order after modules have failed. */
  leaves?: 'Active' | 'Pending';
}

/** What becomes of the next CancelOrder or ModuleCreate. `done`: at once, after so many ms, or never. */
export interface RepairFault extends Omit<AddFault, 'commit'> {
  done?: 'now' | 'never' | number;
}

export type LedgerLine =
  | { what: 'added'; orderId: number; clientId: number; notes: string }
  | { what: 'accepted'; orderId: number; autoSetup: boolean; sendEmail: boolean }
  | { what: 'module'; orderId: number; serviceId: number }
  | { what: 'cancelled'; orderId: number };

export class InMemoryWhmcs {
  readonly ledger: LedgerLine[] = [];
  readonly orders: Order[] = [];
  readonly services: Service[] = [];
  /** The action of each call that came in, in order. */
  readonly calls: string[] = [];
  keepsNotes = true;
  keepsCustomFields = true;
  /** One service for each unit, instead of one that scales. */
  manyServices = false;
  /** Page one holds the oldest orders. */
  oldestFirst = false;
  /** The longest page that it gives. */
  pageLength = 100;
  /** Prices by pid; 15.00 else. */
  prices: Record<number, string> = {};
  addFaults: AddFault[] = [];
  acceptFaults: AcceptFault[] = [];
  repairFaults: RepairFault[] = [];
  /** Called before each read; may throw WhmcsError. */
  beforeRead: (action: string) => void = () => undefined;
  /** May change an answer to GetOrders. */
  answerOrders: (page: OrdersPage) => OrdersPage = (page) => page;
  /** AddOrder is carried out, and its answer held back until this resolves. */
  answers: Promise<void> = Promise.resolve();
  /** Called after an order was added. */
  onAdded: (orderId: number) => void = () => undefined;
  /** Called when an AcceptOrder has come in. */
  onAccepted: () => void = () => undefined;
  private nextOrder = 5001;
  private nextService = 9001;

  constructor(private readonly clock: Clock) {}

  get added(): number[] {
    return this.ledger.flatMap((line) => (line.what === 'added' ? line.orderId : []));
  }

  get cancelled(): number[] {
    return this.ledger.flatMap((line) => (line.what === 'cancelled' ? line.orderId : []));
  }

  get accepted(): number[] {
    return this.ledger.flatMap((line) => (line.what === 'accepted' ? line.orderId : []));
  }

  /** Modules run, for each service. */
  get moduleRuns(): number[] {
    const runs = new Map<number, number>();
    for (const line of this.ledger)
      if (line.what === 'module') runs.set(line.serviceId, (runs.get(line.serviceId) ?? 0) + 1);
    return [...runs.values()];
  }

  order(id: number): Order {
    const found = this.orders.find((order) => order.id === id);
    if (!found) throw new Error(`The test's WHMCS has no order ${id}`);
    return found;
  }

  /** As a person, or another installation, makes an order. */
  add(
    request: Pick<AddOrderRequest, 'clientId' | 'items'> & { notes?: string; by?: 'person'; date?: string | null },
  ): Order {
    const id = this.nextOrder++;
    const services = request.items.flatMap((item) => this.servicesFor(id, request.clientId, item));
    const order: Order = {
      id,
      orderNumber: String(4_000_000_000 + id),
      clientId: request.clientId,
      adminRequestorId: request.by === 'person' ? 3 : null,
      date: request.date === undefined ? dateText(this.clock.now()) : request.date,
      amount: '0.00',
      paymentMethod: 'mailin',
      invoiceId: id + 2000,
      paymentStatus: 'Unpaid',
      status: 'Pending',
      notes: this.keepsNotes ? (request.notes ?? '') : '',
      lines: services.map((service) => ({
        type: 'product',
        relId: service.id,
        product: service.name,
        domain: '',
        billingCycle: service.billingCycle,
        amount: service.recurringAmount,
        status: 'Pending',
      })),
    };
    this.orders.push(order);
    this.services.push(...services);
    this.ledger.push({ what: 'added', orderId: id, clientId: request.clientId, notes: request.notes ?? '' });
    this.onAdded(id);
    return order;
  }

  /** As a person accepts an order by hand. */
  accept(id: number, fault: AcceptFault = { end: 'success' }): void {
    const order = this.order(id);
    if (order.status !== 'Pending') return;
    this.services
      .filter((service) => service.orderId === id)
      .forEach((service, at) => {
        this.ledger.push({ what: 'module', orderId: id, serviceId: service.id });
        if (!fault.failing?.includes(at)) service.status = 'Active';
      });
    order.status = fault.leaves ?? 'Active';
  }

  cancel(id: number): void {
    const order = this.order(id);
    if (order.status !== 'Pending') return;
    order.status = 'Cancelled';
    this.ledger.push({ what: 'cancelled', orderId: id });
  }

  runModule(serviceId: number): void {
    const service = this.services.find((one) => one.id === serviceId);
    if (!service) return;
    this.ledger.push({ what: 'module', orderId: service.orderId, serviceId });
    service.status = 'Active';
  }

  /** A connection to it, as one process has one. */
  connect(): Whmcs {
    return new Connection(this, this.clock);
  }

  private servicesFor(orderId: number, clientId: number, item: AddOrderRequest['items'][number]): Service[] {
    const price = this.prices[item.pid] ?? '15.00';
    const count = this.manyServices ? item.quantity : 1;
    const units = this.manyServices ? 1 : item.quantity;
    const amount = (Number(price) * units).toFixed(2);
    const fields = Object.entries(item.customFields ?? {}).map(([id, value]) => ({ id: Number(id), value }));
    return Array.from({ length: count }, () => ({
      id: this.nextService++,
      clientId,
      orderId,
      pid: item.pid,
      name: `Product ${item.pid}`,
      status: 'Pending',
      billingCycle: shownCycle[item.billingCycle] ?? item.billingCycle,
      quantity: units,
      recurringAmount: amount,
      firstPaymentAmount: amount,
      customFields: this.keepsCustomFields ? fields : [],
    }));
  }
}

/** As WHMCS prints an instant, in a zone that is its own: here UTC. */
export const dateText = (at: number): string => new Date(at).toISOString().slice(0, 19).replace('T', ' ');

/** Read-backs spell cycles in their own way. */
const shownCycle: Record<string, string> = {
  monthly: 'Monthly',
  semiannually: 'Semi-Annually',
  onetime: 'One Time',
  free: 'Free Account',
};

class Connection implements Whmcs {
  readonly key = 'https://whmcs.example:443/includes/api.php';
  readonly readTimeoutMs = 10_000;
  readonly writeTimeoutMs = 60_000;

  constructor(
    private readonly server: InMemoryWhmcs,
    private readonly clock: Clock,
  ) {}

  orderUrl = (id: number): string => `https://whmcs.example/admin/orders.php?action=view&id=${id}`;

  async getOrders(query: { id?: number; clientId?: number; start?: number; limit?: number }): Promise<OrdersPage> {
    this.read('GetOrders');
    const { start = 0, limit = 25 } = query;
    const all = this.server.orders
      .filter(
        (order) =>
          (query.id === undefined || order.id === query.id) &&
          (query.clientId === undefined || order.clientId === query.clientId),
      )
      .sort((a, b) => (this.server.oldestFirst ? a.id - b.id : b.id - a.id));
    const orders = structuredClone(all.slice(start, start + Math.min(limit, this.server.pageLength)));
    return this.server.answerOrders({ total: all.length, start, orders });
  }

  async getServices(query: { clientId?: number; serviceId?: number }): Promise<Service[]> {
    this.read('GetClientsProducts');
    const { clientId, serviceId } = query;
    return structuredClone(
      this.server.services.filter(
        (one) =>
          (clientId === undefined || one.clientId === clientId) && (serviceId === undefined || one.id === serviceId),
      ),
    );
  }

  async addOrder(request: AddOrderRequest, options: WriteOptions): Promise<CallEnd<AddedOrder>> {
    const fault = this.server.addFaults.shift() ?? { end: 'success' };
    if (this.clock.monotonic() > options.sendBy)
      return { kind: 'not-sent', code: 'ESENDBY', message: 'Too late to send' };
    if (fault.end === 'not-sent') return unsuccessful(fault);
    options.onSending?.();
    this.server.calls.push('AddOrder');
    const commit = fault.commit ?? (fault.end === 'success' ? 'now' : 'never');
    if (typeof commit === 'number') this.clock.after(commit, () => void this.server.add(request));
    const order = commit === 'now' ? this.server.add(request) : undefined;
    await this.server.answers;
    if (fault.end !== 'success' || !order) return unsuccessful(fault);
    const serviceIds = order.lines.map((line) => line.relId);
    return {
      kind: 'success',
      value: { orderId: order.id, serviceIds, invoiceId: order.invoiceId },
      warning: null,
      degraded: false,
    };
  }

  async acceptOrder(
    request: { orderId: number; autoSetup: boolean; sendEmail: boolean },
    options: WriteOptions,
  ): Promise<CallEnd<null>> {
    const fault: AcceptFault = this.server.acceptFaults.shift() ?? { end: 'success' };
    if (this.clock.monotonic() > options.sendBy)
      return { kind: 'not-sent', code: 'ESENDBY', message: 'Too late to send' };
    if (fault.end === 'not-sent') return unsuccessful(fault);
    options.onSending?.();
    this.server.calls.push('AcceptOrder');
    if (fault.end === 'refused' && fault.fault !== 'business') return unsuccessful(fault);
    this.server.ledger.push({ what: 'accepted', ...request });
    this.server.onAccepted();
    if (this.server.orders.find((order) => order.id === request.orderId)?.status !== 'Pending')
      return { kind: 'refused', fault: 'business', message: 'Order ID not found or Status not Pending' };
    const run = fault.run ?? (fault.end === 'success' || fault.failing ? 'now' : 'never');
    if (typeof run === 'number') this.clock.after(run, () => this.server.accept(request.orderId, fault));
    if (run === 'now') this.server.accept(request.orderId, fault);
    return fault.end === 'success'
      ? { kind: 'success', value: null, warning: null, degraded: false }
      : unsuccessful(fault);
  }

  getClient = (): Promise<null> => Promise.resolve(null);
  getPayMethods = (): Promise<[]> => Promise.resolve([]);
  getPaymentMethods = (): Promise<[]> => Promise.resolve([]);
  getProducts = (): Promise<[]> => Promise.resolve([]);
  getModuleQueue = (): Promise<[]> => Promise.resolve([]);
  version = (): Promise<string> => Promise.resolve('8.13.1');

  cancelOrder = (orderId: number, options: WriteOptions): Promise<CallEnd<null>> =>
    this.repair('CancelOrder', options, () => this.server.cancel(orderId));

  moduleCreate = (serviceId: number, options: WriteOptions): Promise<CallEnd<null>> =>
    this.repair('ModuleCreate', options, () => this.server.runModule(serviceId));

  private async repair(action: string, options: WriteOptions, work: () => void): Promise<CallEnd<null>> {
    const fault: RepairFault = this.server.repairFaults.shift() ?? { end: 'success' };
    if (this.clock.monotonic() > options.sendBy)
      return { kind: 'not-sent', code: 'ESENDBY', message: 'Too late to send' };
    if (fault.end === 'not-sent') return unsuccessful(fault);
    options.onSending?.();
    this.server.calls.push(action);
    const done = fault.done ?? (fault.end === 'success' ? 'now' : 'never');
    if (typeof done === 'number') this.clock.after(done, work);
    if (done === 'now') work();
    await Promise.resolve();
    return fault.end === 'success'
      ? { kind: 'success', value: null, warning: null, degraded: false }
      : unsuccessful(fault);
  }

  private read(action: string): void {
    this.server.beforeRead(action);
    this.server.calls.push(action);
  }
}

function unsuccessful<T>(fault: AddFault | AcceptFault | RepairFault): CallEnd<T> {
  const { code = 'ETIMEOUT', message = 'as the test says' } = fault;
  switch (fault.end) {
    case 'refused':
      return { kind: 'refused', fault: fault.fault ?? 'business', message };
    case 'unclear':
      return { kind: 'unclear', message };
    case 'not-sent':
      return { kind: 'not-sent', code, message };
    default:
      return { kind: 'unknown', code, message, edge: fault.edge ?? false };
  }
}

/** A read that fails as one behind a proxy does. */
export const awayError = (action: string): WhmcsError =>
  new WhmcsError(action, { kind: 'unknown', code: '503', message: 'HTTP 503', edge: false });
