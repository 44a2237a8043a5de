import { Refusal, page, type Action, type Call, type World } from './call';
import { ownerOf } from './clients';
import { placeOrder, priceOf } from './placing';
import { cycleNames, currencies, groups, money, type StoredOrder, type StoredService } from './store';
import { PERSON_ADMIN } from './authentication';
import { isAtLeast } from './switches';

/**
 * Filters: id, userid, requestor_id, status. Any other name is ignored, so that a wrong one returns everyone's orders.
 * Orders can be keyed in between two pages.
 */
export const getOrders: Action = (call) => {
  const { params, store, shapes, switches } = call;
  const id = params.int('id');
  const userId = params.int('userid');
  const requestor = params.int('requestor_id');
  const status = params.text('status').toLowerCase();
  const found = [...store.orders.values()].filter((order) => {
    const client = store.clients.get(order.clientId);
    return (
      (id === 0 || order.id === id) &&
      (userId === 0 || order.clientId === userId) &&
      (requestor === 0 || (client !== undefined && ownerOf(client) === requestor)) &&
      (status === '' || order.status.toLowerCase() === status)
    );
  });
  if (switches.ordering === 'newestFirst') found.reverse();
  const { start, rows, isLast } = page(call, found);
  const orders = rows.map((order) => orderShape(call, order));
  if (!isLast) insertLookAlikes(call, rows);
  return {
    totalresults: found.length,
    startnumber: start,
    numreturned: orders.length,
    orders: shapes.list('order', orders),
  };
};

function orderShape(call: Call, order: StoredOrder): Record<string, unknown> {
  const { store, shapes, switches } = call;
  const client = store.clients.get(order.clientId);
  const currency = currencies.find((one) => one.code === client?.currency) ?? currencies[0];
  const invoice = order.invoiceId === null ? undefined : store.invoices.get(order.invoiceId);
  return {
    id: order.id,
    ordernum: order.orderNumber,
    userid: order.clientId,
    contactid: 0,
    ...(isAtLeast(switches.version, '8.0')
      ? { requestor_id: client ? ownerOf(client) : 0, admin_requestor_id: order.adminId }
      : {}),
    date: shapes.dateTime(order.createdAt),
    nameservers: '',
    transfersecret: '',
    renewals: '',
    renewalsByType: { domains: [], services: [], addons: [] },
    promocode: order.promoCode,
    promotype: '',
    promovalue: '',
    orderdata: '',
    amount: money(order.amount),
    paymentmethod: order.paymentMethod,
    invoiceid: order.invoiceId ?? 0,
    status: order.status,
    ipaddress: order.ipAddress,
    fraudmodule: '',
    fraudoutput: '',
    notes: shapes.text(order.notes),
    paymentmethodname: shapes.text(store.gatewayName(order.paymentMethod)),
    paymentstatus: invoice?.status ?? '',
    name: client ? shapes.text(`${client.firstName} ${client.lastName}`) : '',
    currencyprefix: currency.prefix,
    currencysuffix: currency.suffix,
    frauddata: '',
    validationdata: '',
    lineitems: shapes.list(
      'lineitem',
      store.servicesOf(order.id).map((service) => lineShape(call, service)),
    ),
  };
}

function lineShape({ store, shapes }: Call, service: StoredService): Record<string, unknown> {
  const product = store.products.get(service.pid);
  return {
    type: 'product',
    relid: service.id,
    producttype: product?.type === 'hostingaccount' ? 'Shared Hosting' : 'Other Product/Service',
    product: shapes.text(`${groups[product?.groupId ?? 1] ?? ''} - ${product?.name ?? ''}`),
    domain: shapes.text(service.domain),
    billingcycle: service.cycle === 'onetime' ? 'One-Time' : cycleNames[service.cycle],
    amount: money(service.firstPayment),
    status: service.status,
  };
}

/** Someone orders the same products while a caller turns pages. */
function insertLookAlikes(call: Call, rows: StoredOrder[]): void {
  const [model] = rows;
  const client = model && call.store.clients.get(model.clientId);
  const product = model && call.store.products.get(call.store.servicesOf(model.id)[0]?.pid ?? 0);
  if (!client || !product) return;
  const priced = priceOf(product, client, '');
  if (!priced) return;
  for (let made = 0; made < call.switches.insertsBetweenPages; made++) {
    const line = { product, quantity: 1, domain: '', customFields: new Map(), configOptions: new Map(), ...priced };
    placeOrder(call, client, [line], {
      paymentMethod: model.paymentMethod,
      notes: '',
      noInvoice: false,
      ipAddress: '198.51.100.9',
      promoCode: '',
      by: 'person',
      adminId: PERSON_ADMIN,
    });
  }
}

/** The four fixed ones and those that an installation adds. */
export const defaultStatuses = ['Pending', 'Active', 'Fraud', 'Cancelled'];

export const getOrderStatuses: Action = ({ store, switches, shapes }) => {
  const counts = new Map([...defaultStatuses, ...switches.customStatuses].map((title) => [title, 0]));
  for (const { status } of store.orders.values()) counts.set(status, (counts.get(status) ?? 0) + 1);
  const statuses = [...counts].map(([title, count]) => ({ title: shapes.text(title), count, color: '#cccccc' }));
  return { totalresults: statuses.length, statuses: shapes.list('status', statuses) };
};

/** Sets an order's status and, for those that WHMCS carries over, its services' and the invoice's. */
export function setStatus(world: World, order: StoredOrder, status: string, by: string): void {
  const { store, ledger } = world;
  order.status = status;
  for (const service of store.servicesOf(order.id)) {
    if (status === 'Cancelled' || status === 'Fraud' || status === 'Pending') service.status = status;
    else if (status === 'Active' && service.status === 'Pending') service.status = 'Active';
  }
  if ((status === 'Cancelled' || status === 'Fraud') && order.invoiceId !== null) {
    const invoice = store.invoices.get(order.invoiceId);
    if (invoice?.status === 'Unpaid') invoice.status = 'Cancelled';
  }
  ledger.add('orderStatus', { orderId: order.id, status, by });
}

export const cancelOrder: Action = (call) => {
  const order = call.store.orders.get(call.params.int('orderid'));
  if (order?.status !== 'Pending') throw new Refusal('Order ID not found or Status not Pending');
  setStatus(call, order, 'Cancelled', 'api');
  return {};
};

/** From any status; sets all items to Pending too, live ones included. */
export const pendingOrder: Action = (call) => statusFromAny(call, 'Pending');

export const fraudOrder: Action = (call) => statusFromAny(call, 'Fraud');

function statusFromAny(call: Call, status: string): Record<string, never> {
  const order = call.store.orders.get(call.params.int('orderid'));
  if (!order) throw new Refusal('Order ID Not Found');
  setStatus(call, order, status, 'api');
  return {};
}

export const deleteOrder: Action = (call) => {
  const order = call.store.orders.get(call.params.int('orderid'));
  if (!order) throw new Refusal('Order ID not found');
  if (order.status !== 'Cancelled' && order.status !== 'Fraud') {
    throw new Refusal('The order status must be in Cancelled or Fraud to be deleted');
  }
  removeOrder(call, order, 'api');
  return {};
};

/** Removes an order with its services and invoice. */
export function removeOrder({ store, ledger }: World, order: StoredOrder, by: string): void {
  for (const service of store.servicesOf(order.id)) store.services.delete(service.id);
  if (order.invoiceId !== null) store.invoices.delete(order.invoiceId);
  store.orders.delete(order.id);
  ledger.add('orderDeleted', { orderId: order.id, by });
}
