/** The answers of WHMCS's reads, as records of the contract. Passwords and tokens in them are never taken over. */
import { z } from 'zod';
import type { JsonObject } from '../json';
import {
  WhmcsError,
  type AddedOrder,
  type Client,
  type Gateway,
  type ModuleQueueItem,
  type Order,
  type OrdersPage,
  type PayMethod,
  type Service,
} from './contract';
import { date, flag, listOf, money, optionalCount, optionalId, text, whole } from './loose-values';

/**
 * Parses the object of a successful answer.
 * @throws WhmcsError unknown, UNREADABLE: it names the field, not its value.
 */
export function parseAnswer<T extends z.ZodType>(action: string, schema: T, answer: JsonObject): z.output<T> {
  const parsed = schema.safeParse(answer);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw unreadable(action, `its field ${issue?.path.join('.') || 'result'} has an unknown form`);
}

export const unreadable = (action: string, why: string): WhmcsError =>
  new WhmcsError(action, {
    kind: 'unknown',
    code: 'UNREADABLE',
    message: `The answer to ${action} cannot be used: ${why}`,
    edge: false,
  });

const customFields = listOf(
  z.object({ id: whole, value: text }).transform(({ id, value }) => ({ id, value })),
  'customfield',
);

// ---------------------------------------------------------------- orders

const line = z
  .object({
    type: text,
    relid: optionalCount,
    product: text,
    domain: text,
    billingcycle: text,
    amount: money,
    status: text,
  })
  .transform((row): Order['lines'][number] => ({
    type: row.type,
    relId: row.relid ?? 0,
    product: row.product,
    domain: row.domain,
    billingCycle: row.billingcycle,
    amount: row.amount,
    status: row.status,
  }));

const order = z
  .object({
    id: whole,
    ordernum: text,
    userid: whole,
    admin_requestor_id: optionalId,
    date,
    amount: money,
    paymentmethod: text,
    invoiceid: optionalId,
    paymentstatus: text,
    status: text,
    notes: text,
    lineitems: listOf(line, 'lineitem'),
  })
  .transform((row): Order => ({
    id: row.id,
    orderNumber: row.ordernum,
    clientId: row.userid,
    adminRequestorId: row.admin_requestor_id,
    date: row.date,
    amount: row.amount,
    paymentMethod: row.paymentmethod,
    invoiceId: row.invoiceid,
    paymentStatus: row.paymentstatus,
    status: row.status,
    notes: row.notes,
    lines: row.lineitems,
  }));

export const ordersPage = z
  .object({ totalresults: optionalCount, startnumber: optionalCount, orders: listOf(order, 'order') })
  .transform((page): OrdersPage => ({
    total: page.totalresults,
    start: page.startnumber ?? 0,
    orders: page.orders,
  }));

/** What AddOrder made. `serviceids` took the place of `productids` in 7.8; old versions have the latter alone. */
export const addedOrder = z
  .object({ orderid: whole, serviceids: idList(), productids: idList(), invoiceid: optionalId })
  .transform((row): AddedOrder => ({
    orderId: row.orderid,
    serviceIds: row.serviceids ?? row.productids ?? [],
    invoiceId: row.invoiceid,
  }))
  .refine((added) => added.orderId > 0);

/** "9001,9002", a number, '' or nothing; null when it is absent. */
function idList() {
  return z
    .union([z.string(), z.number(), z.null()])
    .optional()
    .transform((value) =>
      value === undefined || value === null
        ? null
        : String(value)
            .split(',')
            .map((id) => Number(id.trim()))
            .filter((id) => Number.isInteger(id) && id > 0),
    );
}

// -------------------------------------------------------------- services

/** Quantities alone: a choice of a list is told by its name, and of yes and no it is not documented how they are told. */
const optionValues = listOf(z.object({ id: whole, type: text, value: text }), 'configoption')
  .transform((options) =>
    options.flatMap(({ id, type, value }) => {
      const number = whole.safeParse(value);
      return /^(quantity|4)$/i.test(type) && number.success ? [{ id, value: number.data }] : [];
    }),
  )
  .catch([]);

const service = z
  .object({
    id: whole,
    clientid: whole,
    orderid: optionalCount,
    pid: whole,
    name: text,
    status: text,
    billingcycle: text,
    qty: optionalCount,
    recurringamount: money,
    firstpaymentamount: money,
    customfields: customFields,
    configoptions: optionValues,
  })
  .transform((row): Service => ({
    id: row.id,
    clientId: row.clientid,
    orderId: row.orderid ?? 0,
    pid: row.pid,
    name: row.name,
    status: row.status,
    billingCycle: row.billingcycle,
    // Before 8.12 there is no such field: one unit each.
    quantity: row.qty ?? 1,
    recurringAmount: row.recurringamount,
    firstPaymentAmount: row.firstpaymentamount,
    customFields: row.customfields,
    ...(row.configoptions.length > 0 ? { options: row.configoptions } : {}),
  }));

export const servicesPage = z
  .object({ totalresults: optionalCount, products: listOf(service, 'product') })
  .transform((page) => ({ total: page.totalresults, services: page.products }));

// --------------------------------------------------------------- clients

const clientRow = z
  .object({
    id: optionalId,
    client_id: optionalId,
    userid: optionalId,
    status: text,
    currency_code: text,
    defaultgateway: text,
    fullname: text,
    firstname: text,
    lastname: text,
    companyname: text,
    customfields: customFields,
  })
  .transform((row): Client => ({
    id: row.id ?? row.client_id ?? row.userid ?? 0,
    status: row.status,
    currency: row.currency_code,
    defaultGateway: row.defaultgateway,
    name: row.fullname || `${row.firstname} ${row.lastname}`.trim(),
    companyName: row.companyname,
    customFields: row.customfields,
  }))
  .refine((client) => client.id > 0, { path: ['id'] });

/** New versions have the client in `client`, older ones at the top. */
export const client: z.ZodType<Client> = z.preprocess((answer) => {
  const whole = answer as JsonObject;
  const inner = whole['client'];
  return typeof inner === 'object' && inner !== null && !Array.isArray(inner) ? inner : whole;
}, clientRow);

const payMethod = z
  .object({ id: whole, type: text, description: text, gateway_name: text, expiry_date: text })
  .transform((row): PayMethod => ({
    id: row.id,
    type: row.type,
    description: row.description,
    gateway: row.gateway_name,
    expiresAt: endOfMonth(row.expiry_date),
  }));

export const payMethods = z
  .object({ paymethods: listOf(payMethod, 'paymethod') })
  .transform((answer) => answer.paymethods);

/** Last ms (UTC) of the month that a card names as MM/YY; null when it names none. */
function endOfMonth(expiry: string): number | null {
  const [, month, year] = /^\s*(\d{1,2})\s*[/-]?\s*(\d{2}|\d{4})\s*$/.exec(expiry) ?? [];
  if (month === undefined || year === undefined || Number(month) < 1 || Number(month) > 12) return null;
  return Date.UTC(year.length === 2 ? 2000 + Number(year) : Number(year), Number(month), 1) - 1;
}

const gateway = z
  .object({ module: text, displayname: text })
  .transform((row): Gateway => ({ module: row.module, name: row.displayname }));

export const gateways = z
  .object({ paymentmethods: listOf(gateway, 'paymentmethod') })
  .transform((answer) => answer.paymentmethods);

/** None would mean that nothing has a price. */
export const currencies = z
  .object({ currencies: listOf(z.object({ code: text }), 'currency') })
  .transform((answer) => answer.currencies.map(({ code }) => code.trim()).filter((code) => code !== ''))
  .refine((codes) => codes.length > 0, { path: ['currencies'] });

// ---------------------------------------------------------------- others

const queueItem = z
  .object({
    serviceId: optionalCount,
    moduleName: text,
    moduleAction: text,
    lastAttemptError: text,
    completed: flag,
  })
  .transform((row): ModuleQueueItem => ({
    serviceId: row.serviceId ?? 0,
    moduleName: row.moduleName,
    action: row.moduleAction,
    lastError: row.lastAttemptError,
    completed: row.completed ?? false,
  }));

export const moduleQueue = z.object({ queue: listOf(queueItem, 'item') }).transform((answer) => answer.queue);

export const details = z.object({ whmcs: z.object({ version: text }) }).transform((answer) => answer.whmcs.version);
