import { type Action } from './call';
import { toInt } from './php-body';
import { currencies, cycles, hasChoices, type ProductOption, type StoredProduct } from './store';
import { isAtLeast, type Version } from './switches';

/**
 * All that match pid (one or a comma list), gid and module; hidden ones too, and nothing says that they are, unless a switch
 * makes it.
 */
export const getProducts: Action = ({ params, store, shapes, switches }) => {
  const pids = params.has('pid') ? params.text('pid').split(',').map(toInt) : null;
  const group = params.int('gid');
  const module = params.text('module');
  const found = [...store.products.values()]
    .filter((one) => pids === null || pids.includes(one.pid))
    .filter((one) => (group === 0 || one.groupId === group) && (module === '' || one.module === module))
    .sort((left, right) => left.pid - right.pid)
    .map((product) => ({
      ...shape(product, switches.version),
      ...(switches.stockControlTold ? { stockcontrol: product.stock === null ? 0 : 1 } : {}),
      ...(switches.hiddenTold ? { hidden: product.hidden ? 1 : 0 } : {}),
      name: shapes.text(product.name),
      description: shapes.text(product.name),
      customfields: shapes.list(
        'customfield',
        product.customFields
          .filter((field) => field.showOnOrder)
          .map(({ id, name }) => ({ id, name: shapes.text(name), description: '', required: '' })),
      ),
      configoptions: switches.optionsTold
        ? shapes.list(
            'configoption',
            product.configOptions.map((option) => optionShape(option, switches.version)),
          )
        : undefined,
    }));
  const most = switches.mostProducts;
  if (most === 0 || found.length <= most)
    return { totalresults: found.length, products: shapes.list('product', found) };
  const counts = { totalresults: found.length, startnumber: 0, numreturned: most };
  return { ...counts, products: shapes.list('product', found.slice(0, most)) };
};

function shape(product: StoredProduct, version: Version): Record<string, unknown> {
  const slug = product.name.toLowerCase().replace(/[^a-z0-9]+/g, '-');
  return {
    pid: product.pid,
    gid: product.groupId,
    type: product.type,
    name: '',
    ...(isAtLeast(version, '8.3') ? { slug, product_url: `https://billing.example.test/store/${slug}` } : {}),
    module: product.module,
    paytype: product.payType,
    ...(isAtLeast(version, '8.12') ? { allowqty: product.allowQuantity, quantity_available: product.stock ?? 0 } : {}),
    pricing: Object.fromEntries(currencies.map((currency) => [currency.code, priceTable(product, currency)])),
  };
}

function priceTable(product: StoredProduct, currency: (typeof currencies)[number]): Record<string, string> {
  const prices = product.prices[currency.code] ?? {};
  return {
    prefix: currency.prefix,
    suffix: currency.suffix,
    ...Object.fromEntries(cycles.map((cycle) => [`${cycle.charAt(0)}setupfee`, '0.00'])),
    ...Object.fromEntries(cycles.map((cycle) => [cycle, prices[cycle] ?? '-1.00'])),
  };
}

/** From 8.12 on with the bounds of a quantity, which stand on options of other types, too. */
function optionShape(option: ProductOption, version: Version): Record<string, unknown> {
  const types = { dropdown: '1', radio: '2', yesno: '3', quantity: '4' };
  const choices = hasChoices(option) ? option.choices : [{ id: option.id * 10, name: option.name }];
  return {
    id: option.id,
    name: option.name,
    type: types[option.type],
    ...(isAtLeast(version, '8.12') ? { minqty: option.min, maxqty: option.max } : {}),
    options: { option: choices.map(({ id, name }) => ({ id, name, rawName: null, recurring: 0, pricing: {} })) },
  };
}

export const getPaymentMethods: Action = ({ store, shapes }) => ({
  totalresults: store.gateways.length,
  paymentmethods: shapes.list(
    'paymentmethod',
    store.gateways.map(({ module, name }) => ({ module, displayname: shapes.text(name) })),
  ),
});

export const getCurrencies: Action = ({ shapes }) => ({
  totalresults: currencies.length,
  currencies: shapes.list(
    'currency',
    currencies.map(({ id, code, prefix, suffix }) => ({ id, code, prefix, suffix, format: 1, rate: '1.00000' })),
  ),
});

export const whmcsDetails: Action = ({ switches }) => {
  const patch: Record<Version, string> = {
    '7.2': '7.2.3',
    '7.7': '7.7.1',
    '8.5': '8.5.2',
    '8.11': '8.11.2',
    '8.13': '8.13.1',
    '9.0': '9.0.1',
  };
  const version = patch[switches.version];
  return { whmcs: { version, canonicalversion: `${version}-release.1` } };
};
