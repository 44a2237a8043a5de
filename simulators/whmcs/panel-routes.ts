/** What a person does in the admin area, and the books that tests judge by: under /_panel. */
import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import { bodyOf, PanelError } from '../shared/panel';
import { PERSON_ADMIN } from './authentication';
import type { World } from './call';
import { removeOrder, setStatus } from './orders';
import { firstOffered, placeOrder, priceOf, type Line } from './placing';
import { currencies, cycles, money, type StoredClient, type StoredOrder, type StoredProduct } from './store';

const statusBody = z.strictObject({ status: z.string().min(1) });
const orderBody = z.strictObject({
  clientId: z.number().int(),
  items: z
    .array(
      z.strictObject({
        pid: z.number().int(),
        quantity: z.number().int().min(1).default(1),
        billingCycle: z.string().default(''),
      }),
    )
    .min(1),
  notes: z.string().default(''),
});
const codes = currencies.map((currency) => currency.code);
const clientBody = z.strictObject({
  id: z.number().int(),
  firstName: z.string().default('Test'),
  lastName: z.string().default('Client'),
  company: z.string().default(''),
  email: z.string().default('client@example.test'),
  status: z.string().default('Active'),
  currency: z.enum(codes as [StoredClient['currency'], ...StoredClient['currency'][]]).default('USD'),
  defaultGateway: z.string().default(''),
  payMethods: z
    .array(
      z.strictObject({
        id: z.number().int(),
        type: z.enum(['CreditCard', 'RemoteCreditCard', 'BankAccount', 'RemoteBankAccount']).default('CreditCard'),
        description: z.string().default('Card'),
        expiry: z.string().nullable().default(null),
        lastFour: z.string().nullable().default(null),
        gateway: z.string().default(''),
      }),
    )
    .default([{ id: 1, type: 'BankAccount', description: 'Bank', expiry: null, lastFour: null, gateway: '' }]),
  customFields: z.array(z.strictObject({ id: z.number().int(), value: z.string() })).default([]),
});
const prices = z.partialRecord(z.enum(cycles), z.string());
const productBody = z.strictObject({
  pid: z.number().int(),
  groupId: z.number().int().default(1),
  name: z.string().default('Product'),
  type: z.string().default('other'),
  module: z.string().default(''),
  payType: z.enum(['free', 'onetime', 'recurring']).default('recurring'),
  prices: z
    .partialRecord(z.enum(codes as [StoredClient['currency'], ...StoredClient['currency'][]]), prices)
    .default({ USD: { monthly: '10.00' } }),
  allowQuantity: z.union([z.literal(0), z.literal(1), z.literal(2)]).default(0),
  hidden: z.boolean().default(false),
  autoSetup: z.enum(['', 'on', 'order', 'payment']).default(''),
});

/** The ledger's own view of an order, with its services. */
export interface BookedOrder {
  id: number;
  orderNumber: number;
  clientId: number;
  status: string;
  notes: string;
  amount: string;
  by: string;
  accepts: number;
  invoiceId: number | null;
  services: {
    id: number;
    pid: number;
    quantity: number;
    billingCycle: string;
    status: string;
    moduleRuns: number;
    customFields: Record<string, string>;
  }[];
}

export class BackOffice {
  constructor(private readonly world: World) {}

  /** All orders, oldest first. */
  orders(): BookedOrder[] {
    return [...this.world.store.orders.values()].map((order) => this.booked(order));
  }

  /** A person keys in an order. */
  placeOrder(given: z.input<typeof orderBody>): BookedOrder {
    const { clientId, items, notes } = bodyOf(orderBody, given);
    const { store } = this.world;
    const client = store.clients.get(clientId);
    if (!client) throw new PanelError(404, `no client ${clientId}`);
    const lines = items.map(({ pid, quantity, billingCycle }): Line => {
      const product = store.products.get(pid);
      if (!product) throw new PanelError(404, `no product ${pid}`);
      const offer = priceOf(product, client, billingCycle) ?? firstOffered(product, client);
      if (!offer) throw new PanelError(409, `product ${pid} has no price for client ${clientId}`);
      return {
        product,
        quantity,
        cycle: offer.cycle,
        price: offer.price,
        domain: '',
        customFields: new Map(),
        configOptions: new Map(),
      };
    });
    const terms = {
      paymentMethod: 'mailin',
      notes,
      noInvoice: false,
      ipAddress: '198.51.100.9',
      promoCode: '',
      by: 'person',
      adminId: PERSON_ADMIN,
    };
    return this.booked(placeOrder(this.world, client, lines, terms).order);
  }

  setStatus(id: number, status: string): BookedOrder {
    const order = this.orderOf(id);
    setStatus(this.world, order, status, 'person');
    return this.booked(order);
  }

  remove(id: number): void {
    removeOrder(this.world, this.orderOf(id), 'person');
  }

  putClient(given: z.input<typeof clientBody>): void {
    const client: StoredClient = bodyOf(clientBody, given);
    this.world.store.clients.set(client.id, client);
  }

  putProduct(given: z.input<typeof productBody>): void {
    const product: StoredProduct = { ...bodyOf(productBody, given), customFields: [], configOptions: [] };
    this.world.store.products.set(product.pid, product);
  }

  private orderOf(id: number): StoredOrder {
    const order = this.world.store.orders.get(id);
    if (!order) throw new PanelError(404, `no order ${id}`);
    return order;
  }

  private booked(order: StoredOrder): BookedOrder {
    const { id, orderNumber, clientId, status, notes, by, accepts, invoiceId } = order;
    const services = this.world.store.servicesOf(id).map((service) => ({
      id: service.id,
      pid: service.pid,
      quantity: service.quantity,
      billingCycle: service.cycle,
      status: service.status,
      moduleRuns: service.moduleRuns,
      customFields: Object.fromEntries(service.customFields),
    }));
    return { id, orderNumber, clientId, status, notes, amount: money(order.amount), by, accepts, invoiceId, services };
  }
}

/** The same over HTTP. */
export function panelRoutes(scope: FastifyInstance, office: BackOffice): void {
  scope.get('/orders', () => ({ orders: office.orders() }));
  scope.post('/orders', (request) => office.placeOrder(request.body as z.input<typeof orderBody>));
  scope.post<{ Params: { id: string } }>('/orders/:id/status', (request) =>
    office.setStatus(Number(request.params.id), bodyOf(statusBody, request.body).status),
  );
  scope.delete<{ Params: { id: string } }>('/orders/:id', (request) => {
    office.remove(Number(request.params.id));
    return { orders: office.orders() };
  });
  scope.post('/clients', (request) => {
    office.putClient(request.body as z.input<typeof clientBody>);
    return {};
  });
  scope.post('/products', (request) => {
    office.putProduct(request.body as z.input<typeof productBody>);
    return {};
  });
}
