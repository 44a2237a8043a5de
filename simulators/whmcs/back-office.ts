/** What a person does in the admin area, and the books that tests judge by. */
import { z } from 'zod';
import { bodyOf, PanelError } from '../shared/panel';
import { PERSON_ADMIN } from './authentication';
import type { World } from './call';
import { removeOrder, setStatus } from './orders';
import { placeOrder, priceOf, type Line } from './placing';
import { cents, cycles, money, type StoredClient, type StoredOrder, type StoredProduct } from './store';

const statusBody = z.strictObject({ status: z.string().min(1) });

const orderBody = z.strictObject({
  clientId: z.number().int(),
  items: z
    .array(
      z.strictObject({
        pid: z.number().int(),
        quantity: z.number().int().min(1).default(1),
        /** As AddOrder spells it; '' is the first one that the product offers. */
        billingCycle: z.string().default(''),
        /** By field id. */
        customFields: z.record(z.string().regex(/^\d+$/), z.string()).default({}),
        /** Of one unit, instead of the product's. */
        price: z.string().optional(),
      }),
    )
    .min(1),
  notes: z.string().default(''),
  paymentMethod: z.string().default('mailin'),
  noInvoice: z.boolean().default(false),
});

const currency = z.enum(['USD', 'EUR']);

const clientBody = z.strictObject({
  id: z.number().int().min(1),
  firstName: z.string().optional(),
  lastName: z.string().optional(),
  company: z.string().optional(),
  email: z.string().optional(),
  status: z.string().optional(),
  currency: currency.optional(),
  defaultGateway: z.string().optional(),
  payMethods: z
    .array(
      z.strictObject({
        id: z.number().int(),
        type: z.enum(['CreditCard', 'RemoteCreditCard', 'BankAccount', 'RemoteBankAccount']).default('CreditCard'),
        description: z.string().default('Card'),
        /** MM/YY; null: does not expire. */
        expiry: z.string().nullable().default(null),
        lastFour: z.string().nullable().default(null),
        gateway: z.string().default(''),
      }),
    )
    .optional(),
  customFields: z.array(z.strictObject({ id: z.number().int(), value: z.string() })).optional(),
});

const productBody = z.strictObject({
  pid: z.number().int().min(1),
  groupId: z.number().int().optional(),
  name: z.string().optional(),
  type: z.enum(['hostingaccount', 'reselleraccount', 'server', 'other']).optional(),
  module: z.string().optional(),
  payType: z.enum(['free', 'onetime', 'recurring']).optional(),
  /** By currency, then cycle; a one-time price sits in `monthly`. */
  prices: z.partialRecord(currency, z.partialRecord(z.enum(cycles), z.string())).optional(),
  allowQuantity: z.union([z.literal(0), z.literal(1), z.literal(2)]).optional(),
  /** null: no stock control. */
  stock: z.number().int().min(0).nullable().optional(),
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
        type: z.enum(['dropdown', 'radio', 'yesno', 'quantity']),
        min: z.number().int().default(1),
        max: z.number().int().default(10),
        choices: z.array(z.strictObject({ id: z.number().int(), name: z.string() })).default([]),
      }),
    )
    .optional(),
});

/** An order as it stands, with its services. */
export interface BookedOrder {
  id: number;
  orderNumber: number;
  clientId: number;
  status: string;
  /** As kept; what was sent is in the ledger. */
  notes: string;
  amount: string;
  paymentMethod: string;
  invoiceId: number | null;
  createdAt: string;
  /** `api` or `person`. */
  by: string;
  /** AcceptOrders that got past "Status not Pending". */
  accepts: number;
  services: {
    id: number;
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

export class BackOffice {
  constructor(private readonly world: World) {}

  /** All orders but deleted ones, oldest first. */
  orders(): BookedOrder[] {
    return [...this.world.store.orders.values()].map((order) => this.booked(order));
  }

  /** A person keys in an order: `{ clientId, items, notes? }`, as in orderBody. @throws PanelError */
  placeOrder(given: unknown): BookedOrder {
    const { clientId, items, ...terms } = bodyOf(orderBody, given);
    const client = this.world.store.clients.get(clientId);
    if (!client) throw new PanelError(404, `no client ${clientId}`);
    const lines = items.map((item): Line => {
      const product = this.world.store.products.get(item.pid);
      if (!product) throw new PanelError(404, `no product ${item.pid}`);
      const offer = priceOf(product, client, item.billingCycle);
      if (!offer) throw new PanelError(409, `product ${item.pid} has no such price for client ${clientId}`);
      return {
        product,
        quantity: item.quantity,
        cycle: offer.cycle,
        price: item.price === undefined ? offer.price : cents(item.price),
        domain: '',
        customFields: new Map(Object.entries(item.customFields).map(([id, value]) => [Number(id), value])),
        configOptions: new Map(),
      };
    });
    const byHand = { ipAddress: '198.51.100.9', promoCode: '', by: 'person', adminId: PERSON_ADMIN };
    return this.booked(placeOrder(this.world, client, lines, { ...terms, ...byHand }).order);
  }

  /** A person sets an order's status: one of WHMCS's or any other word. @throws PanelError */
  setStatus(id: number, status: string): BookedOrder {
    const order = this.orderOf(id);
    setStatus(this.world, order, bodyOf(statusBody, { status }).status, 'person');
    return this.booked(order);
  }

  /** A person deletes an order with its services, whatever its status. @throws PanelError */
  remove(id: number): void {
    removeOrder(this.world, this.orderOf(id), 'person');
  }

  /** Adds a client, or changes what is named. @throws PanelError */
  putClient(given: unknown): void {
    const { id, ...fields } = bodyOf(clientBody, given);
    const { clients } = this.world.store;
    clients.set(id, { ...(clients.get(id) ?? newClient(id)), ...named(fields) });
  }

  /** Adds a product, or changes what is named. @throws PanelError */
  putProduct(given: unknown): void {
    const { pid, ...fields } = bodyOf(productBody, given);
    const { products } = this.world.store;
    products.set(pid, { ...(products.get(pid) ?? newProduct(pid)), ...named(fields) });
  }

  private orderOf(id: number): StoredOrder {
    const order = this.world.store.orders.get(id);
    if (!order) throw new PanelError(404, `no order ${id}`);
    return order;
  }

  private booked(order: StoredOrder): BookedOrder {
    const { id, orderNumber, clientId, status, notes, paymentMethod, by, accepts, invoiceId } = order;
    const amount = money(order.amount);
    const createdAt = new Date(order.createdAt).toISOString();
    const services = this.world.store.servicesOf(id).map((service) => ({
      id: service.id,
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
    }));
    return {
      id,
      orderNumber,
      clientId,
      status,
      notes,
      amount,
      paymentMethod,
      invoiceId,
      createdAt,
      by,
      accepts,
      services,
    };
  }
}

type Named<T> = { [K in keyof T]?: Exclude<T[K], undefined> };

/** Without the fields that are undefined. */
function named<T extends object>(fields: T): Named<T> {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as Named<T>;
}

function newClient(id: number): StoredClient {
  return {
    id,
    firstName: 'Test',
    lastName: 'Client',
    company: '',
    email: `client${id}@example.test`,
    status: 'Active',
    currency: 'USD',
    defaultGateway: '',
    payMethods: [{ id, type: 'BankAccount', description: 'Bank', expiry: null, lastFour: null, gateway: '' }],
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
    prices: { USD: { monthly: '10.00' } },
    allowQuantity: 0,
    stock: null,
    hidden: false,
    autoSetup: '',
    customFields: [],
    configOptions: [],
  };
}
