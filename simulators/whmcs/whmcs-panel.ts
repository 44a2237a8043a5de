import { type FastifyInstance } from 'fastify';
import { z } from 'zod';
import { bodyOf, PanelError, type Panel } from '../shared/panel';
import { PERSON_ADMIN } from './authentication';
import { type World } from './call';
import { removeOrder, setStatus } from './orders';
import { placeOrder, priceOf, type Line } from './placing';
import { cycles, money, type StoredClient, type StoredOrder, type StoredProduct } from './store';
import { type WhmcsSwitches } from './switches';

const status = z.strictObject({ status: z.string().min(1) });

const keyedIn = z.strictObject({
  clientId: z.number().int(),
  items: z
    .array(
      z.strictObject({
        pid: z.number().int(),
        quantity: z.number().int().min(1).default(1),
        /** As AddOrder spells it; '' is the first one offered. */
        billingCycle: z.string().default(''),
        /** By field id. */
        customFields: z.record(z.string().regex(/^\d+$/), z.string()).default({}),
        price: z.string().optional(),
      }),
    )
    .min(1),
  notes: z.string().default(''),
  paymentMethod: z.string().default('mailin'),
  noInvoice: z.boolean().default(false),
});

const payMethod = z.strictObject({
  id: z.number().int(),
  type: z.enum(['CreditCard', 'RemoteCreditCard', 'BankAccount', 'RemoteBankAccount']),
  description: z.string().default(''),
  expiry: z.string().nullable().default(null),
  lastFour: z.string().nullable().default(null),
  gateway: z.string().default(''),
});

const clientPatch = z.strictObject({
  clientId: z.number().int().min(1),
  firstName: z.string().optional(),
  lastName: z.string().optional(),
  company: z.string().optional(),
  email: z.string().optional(),
  status: z.string().optional(),
  currency: z.enum(['USD', 'EUR']).optional(),
  defaultGateway: z.string().optional(),
  payMethods: z.array(payMethod).optional(),
  customFields: z.array(z.strictObject({ id: z.number().int(), value: z.string() })).optional(),
});

const prices = z.partialRecord(z.enum(cycles), z.string());

const productPatch = z.strictObject({
  pid: z.number().int().min(1),
  groupId: z.number().int().optional(),
  name: z.string().optional(),
  type: z.enum(['hostingaccount', 'reselleraccount', 'server', 'other']).optional(),
  module: z.string().optional(),
  payType: z.enum(['free', 'onetime', 'recurring']).optional(),
  prices: z.strictObject({ USD: prices.optional(), EUR: prices.optional() }).optional(),
  allowQuantity: z.union([z.literal(0), z.literal(1), z.literal(2)]).optional(),
  hidden: z.boolean().optional(),
  autoSetup: z.enum(['', 'on', 'order', 'payment']).optional(),
  customFields: z
    .array(z.strictObject({ id: z.number().int(), name: z.string(), showOnOrder: z.boolean().default(false) }))
    .optional(),
  configOptions: z
    .array(
      z.strictObject({
        id: z.number().int(),
        name: z.string(),
        type: z.enum(['dropdown', 'yesno', 'quantity']),
        min: z.number().int().default(1),
        max: z.number().int().default(10),
        choices: z.array(z.strictObject({ id: z.number().int(), name: z.string() })).default([]),
      }),
    )
    .optional(),
});

/** An order as it stands, for tests to judge by. */
export interface OrderView {
  orderId: number;
  orderNumber: number;
  clientId: number;
  status: string;
  /** As kept, not as sent: the ledger has what was sent. */
  notes: string;
  amount: string;
  invoiceId: number | null;
  paymentMethod: string;
  createdAt: string;
  by: string;
  /** AcceptOrders that got past "Status not Pending". */
  accepts: number;
  services: {
    serviceId: number;
    pid: number;
    quantity: number;
    billingCycle: string;
    status: string;
    firstPayment: string;
    recurring: string;
    domain: string;
    customFields: Record<string, string>;
    configOptions: Record<string, number>;
    moduleRuns: number;
    /** Whether the server behind the module has the account. */
    remoteAccount: boolean;
  }[];
}

/** A person's hand in the admin area, and the truth about orders. */
export interface WhmcsPanel extends Panel<WhmcsSwitches> {
  /** All orders but deleted ones, oldest first. */
  orders(): OrderView[];
  /** A person keys in an order, beside the API. */
  keyIn(order: z.input<typeof keyedIn>): OrderView;
  /** A person sets an order's status: one of WHMCS's or any other word. */
  setStatus(orderId: number, status: string): OrderView;
  /** A person deletes an order with its services, whatever its status. */
  deleteOrder(orderId: number): void;
  /** Adds a client or changes what is named. */
  client(patch: z.input<typeof clientPatch>): StoredClient;
  /** Adds a product or changes what is named. */
  product(patch: z.input<typeof productPatch>): StoredProduct;
}

/** @param world asked anew at each use, since the switches change. */
export function whmcsPanelOf(panel: Panel<WhmcsSwitches>, world: World): WhmcsPanel {
  const { store } = world;
  const orderOf = (id: number): StoredOrder => {
    const order = store.orders.get(id);
    if (!order) throw new PanelError(404, `no order ${id}`);
    return order;
  };
  return {
    ...panel,
    orders: () => [...store.orders.values()].map((order) => view(world, order)),
    keyIn: (order) => view(world, keyIn(world, bodyOf(keyedIn, order))),
    setStatus(orderId, wanted) {
      setStatus(world, orderOf(orderId), wanted, 'person');
      return view(world, orderOf(orderId));
    },
    deleteOrder: (orderId) => removeOrder(world, orderOf(orderId), 'person'),
    client(patch) {
      const { clientId, ...fields } = bodyOf(clientPatch, patch);
      const client = { ...(store.clients.get(clientId) ?? newClient(clientId)), ...given(fields) };
      store.clients.set(clientId, client);
      return structuredClone(client);
    },
    product(patch) {
      const { pid, ...fields } = bodyOf(productPatch, patch);
      const product = { ...(store.products.get(pid) ?? newProduct(pid)), ...given(fields) };
      store.products.set(pid, product);
      return structuredClone(product);
    },
  };
}

/** The same over HTTP, under /_panel. */
export function whmcsRoutes(scope: FastifyInstance, panel: WhmcsPanel): void {
  scope.get('/orders', () => ({ orders: panel.orders() }));
  scope.post('/orders', (request) => panel.keyIn(bodyOf(keyedIn, request.body)));
  scope.post<{ Params: { id: string } }>('/orders/:id/status', (request) =>
    panel.setStatus(Number(request.params.id), bodyOf(status, request.body).status),
  );
  scope.delete<{ Params: { id: string } }>('/orders/:id', (request) => {
    panel.deleteOrder(Number(request.params.id));
    return { orders: panel.orders() };
  });
  scope.post('/clients', (request) => panel.client(bodyOf(clientPatch, request.body)));
  scope.post('/products', (request) => panel.product(bodyOf(productPatch, request.body)));
}

function keyIn(world: World, { clientId, items, ...terms }: z.output<typeof keyedIn>): StoredOrder {
  const client = world.store.clients.get(clientId);
  if (!client) throw new PanelError(400, `no client ${clientId}`);
  const lines = items.map((item): Line => {
    const product = world.store.products.get(item.pid);
    if (!product) throw new PanelError(400, `no product ${item.pid}`);
    const priced = priceOf(product, client, item.billingCycle);
    if (!priced)
      throw new PanelError(400, `product ${item.pid} is not sold ${item.billingCycle} in ${client.currency}`);
    return {
      product,
      quantity: item.quantity,
      cycle: priced.cycle,
      price: item.price === undefined ? priced.price : Math.round(Number(item.price) * 100),
      domain: '',
      customFields: new Map(Object.entries(item.customFields).map(([id, value]) => [Number(id), value])),
      configOptions: new Map(),
    };
  });
  const { order } = placeOrder(world, client, lines, {
    ...terms,
    ipAddress: '198.51.100.9',
    promoCode: '',
    by: 'person',
    adminId: PERSON_ADMIN,
  });
  return order;
}

function view({ store }: World, order: StoredOrder): OrderView {
  return {
    orderId: order.id,
    orderNumber: order.orderNumber,
    clientId: order.clientId,
    status: order.status,
    notes: order.notes,
    amount: money(order.amount),
    invoiceId: order.invoiceId,
    paymentMethod: order.paymentMethod,
    createdAt: new Date(order.createdAt).toISOString(),
    by: order.by,
    accepts: order.accepts,
    services: store.servicesOf(order.id).map((service) => ({
      serviceId: service.id,
      pid: service.pid,
      quantity: service.quantity,
      billingCycle: service.cycle,
      status: service.status,
      firstPayment: money(service.firstPayment),
      recurring: money(service.recurring),
      domain: service.domain,
      customFields: Object.fromEntries(service.customFields),
      configOptions: Object.fromEntries(service.configOptions),
      moduleRuns: service.moduleRuns,
      remoteAccount: service.remoteAccount,
    })),
  };
}

/** Without the fields that are undefined. */
function given<T extends object>(fields: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as {
    [K in keyof T]?: Exclude<T[K], undefined>;
  };
}

function newClient(id: number): StoredClient {
  return {
    id,
    firstName: 'New',
    lastName: 'Client',
    company: '',
    email: `client${id}@example.test`,
    status: 'Active',
    currency: 'USD',
    defaultGateway: '',
    payMethods: [],
    customFields: [],
  };
}

function newProduct(pid: number): StoredProduct {
  return {
    pid,
    groupId: 1,
    name: `Product ${pid}`,
    type: 'other',
    module: '',
    payType: 'recurring',
    prices: {},
    allowQuantity: 0,
    hidden: false,
    autoSetup: '',
    customFields: [],
    configOptions: [],
  };
}
