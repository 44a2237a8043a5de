import { Refusal, type Action, type Call } from './call';
import { toFloat, toInt, type PhpValue } from './php-body';
import { base64Decode, unserialize, type PhpData } from './php-unserialize';
import { firstOffered, placeOrder, priceOf, type Line } from './placing';
import { cents, type Cycle, type ProductOption, type StoredClient, type StoredProduct } from './store';
import { isAtLeast } from './switches';

/** Parameters that are arrays, one element an item. */
const ARRAYS = `pid qty billingcycle domain hostname ns1prefix ns2prefix rootpw customfields configoptions priceoverride
  addons addonsqty domaintype regperiod idnlanguage eppcode domainfields domainpriceoverride domainrenewoverride`.split(
  /\s+/,
);

/**
 * Places a Pending order. Products that WHMCS does not know are dropped without a word; server, username, password and
 * status cannot be set here; a custom field or option that does not unserialize is dropped too.
 */
export const addOrder: Action = (call) => {
  const { params, store, switches, shapes } = call;
  const client = store.clients.get(params.int('clientid'));
  if (!client) throw new Refusal('Client ID Not Found');
  if (client.status === 'Closed') throw new Refusal('Unable to add order when client status is Closed');
  const paymentMethod = params.text('paymentmethod');
  if (!store.gateways.some((gateway) => gateway.module === paymentMethod)) {
    const valid = store.gateways.map((gateway) => gateway.module).join(',');
    throw new Refusal(`Invalid Payment Method. Valid options include ${valid}`);
  }
  if (isAtLeast(switches.version, '8.6') && switches.scalarArrays === 'refused') {
    const scalar = ARRAYS.find((name) => typeof params.get(name) === 'string' && params.has(name));
    if (scalar !== undefined) throw new Refusal(`Expecting parameter '${scalar}' to be an array`);
  }
  const lines = linesOf(call, client);
  if (lines.length === 0) throw new Refusal('No items added to cart so order cannot proceed');

  const { order, services } = placeOrder(call, client, lines, {
    paymentMethod,
    notes: params.text('notes'),
    noInvoice: params.flag('noinvoice'),
    ipAddress: params.text('clientip') || call.ip,
    promoCode: '',
    by: 'api',
    adminId: call.adminId,
  });
  const serviceIds = services.map((service) => service.id).join(',');
  return {
    orderid: order.id,
    productids: serviceIds,
    ...(isAtLeast(switches.version, '7.8') ? { serviceids: serviceIds } : {}),
    addonids: '',
    domainids: '',
    invoiceid: shapes.invoiceId(order.invoiceId),
  };
};

function linesOf(call: Call, client: StoredClient): Line[] {
  const pids = call.params.get('pid');
  if (pids === undefined || pids === '') return [];
  const keys = pids instanceof Map ? [...pids.keys()] : [0];
  return keys.flatMap((key): Line[] => {
    const product = call.store.products.get(toInt(element(pids, key)));
    if (!product) return [];
    const of = (name: string): string => text(element(call.params.get(name), key));
    const { cycle, price } = cycleAndPrice(call, client, product, of('billingcycle').trim());
    return [
      {
        product,
        quantity: isAtLeast(call.switches.version, '8.12') ? Math.max(1, toInt(of('qty'))) : 1,
        cycle,
        price:
          of('priceoverride') === '' || !call.switches.priceOverrideTaken ? price : cents(toFloat(of('priceoverride'))),
        domain: of('domain') || of('hostname'),
        customFields: customFieldsOf(product, of('customfields')),
        configOptions: configOptionsOf(product, of('configoptions')),
      },
    ];
  });
}

/** An item's element; a scalar, where it is taken, is the first item's. */
function element(value: PhpValue | undefined, key: string | number): PhpValue | undefined {
  return value instanceof Map ? value.get(key) : key === 0 ? value : undefined;
}

function text(value: PhpValue | undefined): string {
  return typeof value === 'string' ? value : '';
}

function cycleAndPrice(
  call: Call,
  client: StoredClient,
  product: StoredProduct,
  asked: string,
): { cycle: Cycle; price: number } {
  const priced = priceOf(product, client, asked);
  if (priced) return priced;
  const first = firstOffered(product, client);
  switch (call.switches.invalidBillingCycle) {
    case 'firstOffered':
      if (first) return first;
      break;
    case 'zeroPrice':
      return { cycle: first?.cycle ?? 'monthly', price: 0 };
    case 'error':
  }
  throw new Refusal('Invalid Billing Cycle Requested');
}

/** base64 of a serialized array; null when it is not one. */
function serializedArray(encoded: string): Map<string | number, PhpData> | null {
  const data = encoded === '' ? undefined : unserialize(base64Decode(encoded));
  return data instanceof Map ? data : null;
}

function scalar(data: PhpData): string {
  if (data === null || data === false) return '';
  if (data === true) return '1';
  return data instanceof Map ? 'Array' : String(data);
}

/** Values of the product's own fields; ids of others are dropped. */
function customFieldsOf(product: StoredProduct, encoded: string): Map<number, string> {
  const given = serializedArray(encoded);
  return new Map(
    product.customFields.flatMap(({ id }): [number, string][] => {
      const value = given?.get(id);
      return value === undefined ? [] : [[id, scalar(value)]];
    }),
  );
}

/** A value for every option of the product: what was asked, where it is valid, else the least or first one. */
function configOptionsOf(product: StoredProduct, encoded: string): Map<number, number> {
  const given = serializedArray(encoded);
  return new Map(
    product.configOptions.map((option): [number, number] => {
      const value = given?.get(option.id);
      return [option.id, optionValue(option, value === undefined ? null : Number(scalar(value)))];
    }),
  );
}

function optionValue(option: ProductOption, asked: number | null): number {
  const known = asked !== null && Number.isInteger(asked);
  switch (option.type) {
    case 'quantity':
      return known && asked >= option.min && (option.max === 0 || asked <= option.max) ? asked : option.min;
    case 'yesno':
      return known && asked === 1 ? 1 : 0;
    case 'dropdown':
    case 'radio':
      return known && option.choices.some((choice) => choice.id === asked) ? asked : (option.choices[0]?.id ?? 0);
  }
}
