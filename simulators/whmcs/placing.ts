import { type World } from './call';
import {
  cents,
  cycles,
  money,
  orderNumber,
  type Cycle,
  type PricedCycle,
  type StoredClient,
  type StoredOrder,
  type StoredProduct,
  type StoredService,
} from './store';
import { isAtLeast } from './switches';

/** One product of an order that is placed. */
export interface Line {
  product: StoredProduct;
  /** Units asked for, 1 or more. */
  quantity: number;
  cycle: Cycle;
  /** Cents for one unit and cycle. */
  price: number;
  domain: string;
  customFields: Map<number, string>;
  configOptions: Map<number, number>;
}

export interface Placed {
  order: StoredOrder;
  services: StoredService[];
}

/** Makes a Pending order with Pending services and, unless it is free or not wanted, an Unpaid invoice. */
export function placeOrder(
  { store, ledger, clock, switches }: World,
  client: StoredClient,
  lines: Line[],
  terms: {
    paymentMethod: string;
    /** As sent; kept only where WHMCS keeps notes. */
    notes: string;
    noInvoice: boolean;
    ipAddress: string;
    promoCode: string;
    by: string;
    adminId: number;
  },
): Placed {
  const id = store.nextId('order');
  const now = clock.now();
  const items: object[] = [];
  const services = lines.flatMap((line) => {
    const counts = unitsOf(line, isAtLeast(switches.version, '8.12'));
    // Nothing documents that the API refuses what is not in stock.
    if (line.product.stock !== null)
      line.product.stock = Math.max(0, line.product.stock - counts.reduce((sum, count) => sum + count, 0));
    const made = counts.map((quantity, unit): StoredService => {
      const isConfigured = unit === 0 || switches.configuredUnits === 'all';
      const recurs = line.cycle !== 'free' && line.cycle !== 'onetime';
      const service: StoredService = {
        id: store.nextId('service'),
        orderId: id,
        clientId: client.id,
        pid: line.product.pid,
        quantity,
        cycle: line.cycle,
        firstPayment: line.price * quantity,
        recurring: recurs ? line.price * quantity : 0,
        domain: line.domain,
        status: 'Pending',
        paymentMethod: terms.paymentMethod,
        createdAt: now,
        customFields: new Map(isConfigured ? line.customFields : []),
        configOptions: new Map(isConfigured ? line.configOptions : []),
        moduleRuns: 0,
        remoteAccount: false,
      };
      store.services.set(service.id, service);
      return service;
    });
    items.push({
      pid: line.product.pid,
      quantity: counts.reduce((sum, count) => sum + count, 0),
      billingCycle: line.cycle,
      price: money(line.price),
      serviceIds: made.map((service) => service.id),
      customFields: Object.fromEntries(line.customFields),
      configOptions: Object.fromEntries(line.configOptions),
    });
    return made;
  });
  const amount = services.reduce((sum, service) => sum + service.firstPayment, 0);
  const invoiceId = terms.noInvoice || amount === 0 ? null : store.nextId('invoice');
  if (invoiceId !== null) store.invoices.set(invoiceId, { status: 'Unpaid' });
  const order: StoredOrder = {
    id,
    orderNumber: orderNumber(id),
    clientId: client.id,
    adminId: terms.adminId,
    createdAt: now,
    amount,
    paymentMethod: terms.paymentMethod,
    invoiceId,
    status: 'Pending',
    notes: terms.by === 'api' && !switches.notesKept ? '' : terms.notes,
    ipAddress: terms.ipAddress,
    promoCode: terms.promoCode,
    by: terms.by,
    accepts: 0,
  };
  store.orders.set(id, order);
  ledger.add('orderCreated', {
    orderId: id,
    clientId: client.id,
    items,
    notes: terms.notes,
    amount: money(amount),
    invoiceId,
    by: terms.by,
  });
  return { order, services };
}

/**
 * How many units each service of a line gets: one service for each unit (allowqty 1), one for all (2), one unit
 * whatever was asked (0, and before 8.12).
 */
function unitsOf({ product, quantity }: Line, hasQuantities: boolean): number[] {
  if (!hasQuantities || product.allowQuantity === 0) return [1];
  return product.allowQuantity === 1 ? Array.from({ length: quantity }, () => 1) : [quantity];
}

/**
 * Cycle and price of one unit. Free and one-time products have no choice of cycle.
 * @returns null when the product does not offer this cycle in this currency.
 */
export function priceOf(
  product: StoredProduct,
  client: StoredClient,
  asked: string,
): { cycle: Cycle; price: number } | null {
  if (product.payType === 'free') return { cycle: 'free', price: 0 };
  const prices = offered(product, client);
  if (product.payType === 'onetime') {
    const price = prices.get('monthly');
    return price === undefined ? null : { cycle: 'onetime', price };
  }
  if (asked === '') return firstOffered(product, client);
  const cycle = asked.toLowerCase() as PricedCycle;
  const price = prices.get(cycle);
  return price === undefined ? null : { cycle, price };
}

/** The first cycle that a product offers, in WHMCS's order; null: none. */
export function firstOffered(product: StoredProduct, client: StoredClient): { cycle: Cycle; price: number } | null {
  const [first] = offered(product, client);
  return first ? { cycle: first[0], price: first[1] } : null;
}

function offered(product: StoredProduct, client: StoredClient): Map<PricedCycle, number> {
  const prices = product.prices[client.currency] ?? {};
  const found = new Map<PricedCycle, number>();
  for (const cycle of cycles) {
    const price = prices[cycle];
    if (price !== undefined && cents(price) >= 0) found.set(cycle, cents(price));
  }
  return found;
}
