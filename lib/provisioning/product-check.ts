/** What a Product of Salesforce is in WHMCS, and what is wrong with it: of an order's item, or of the catalogue. Pure. */
import { cut } from '../salesforce/texts';
import { parseBillingCycle } from '../whmcs/billing-cycles';
import type { BillingCycle, Product } from '../whmcs/contract';
import type { Faults, MappedFieldNames } from './mapping-faults';

/** What Salesforce says of it. */
export interface AskedProduct {
  productId: string | null;
  /** undefined: not known before there is an order. */
  billingCycle: string | null | undefined;
  isActive?: boolean | undefined;
}

export interface FoundProduct {
  pid: number | null;
  billingCycle: BillingCycle | null;
  /** For one unit and cycle, as WHMCS prices it; null when not known. */
  price: string | null;
}

/**
 * Looks a Product up in what WHMCS sells, and tells all its faults.
 * @param known by pid; one that is missing is unknown to WHMCS.
 * @param currencies in which it must have a price: of the client, or all that clients may have; none: prices are not looked at.
 */
export function checkProduct(
  asked: AskedProduct,
  known: ReadonlyMap<number, Product>,
  currencies: readonly string[],
  names: MappedFieldNames,
  faults: Faults,
): FoundProduct {
  if (asked.isActive === false) faults.tell('PRODUCT_INACTIVE', 'the Product is not active in Salesforce any more');
  const cycle = asked.billingCycle;
  const billingCycle = cycle === undefined ? null : cycleOf(cycle, names.billingCycle, faults);
  const pid = pidOf(asked.productId);
  const product = pid === null ? undefined : known.get(pid);
  if (pid === null) {
    const text = asked.productId?.trim();
    if (text) faults.tell('PRODUCT_ID_INVALID', `${names.productId} is '${cut(text, 30)}'`);
    else faults.tell('PRODUCT_ID_MISSING', `${names.productId} is empty`);
  } else if (!product) {
    faults.tell('PRODUCT_UNKNOWN', `WHMCS has no product ${pid}`);
  } else if (product.withdrawn) {
    const code = product.withdrawn === 'retired' ? 'PRODUCT_RETIRED' : 'PRODUCT_HIDDEN';
    faults.tell(code, `WHMCS product ${pid} is ${product.withdrawn}`);
  }
  const price = product && billingCycle ? priceOf(product, billingCycle, currencies, faults) : null;
  return { pid, billingCycle, price };
}

/** The WHMCS product id in a text; null when it names none. */
export function pidOf(text: string | null | undefined): number | null {
  const digits = /^\s*(\d{1,10})(?:\.0+)?\s*$/.exec(text ?? '')?.[1];
  return Number(digits ?? 0) || null;
}

function cycleOf(text: string | null, field: string, faults: Faults): BillingCycle | null {
  const parsed = parseBillingCycle(text);
  if ('cycle' in parsed) return parsed.cycle;
  const shown = cut((text ?? '').trim(), 30);
  switch (parsed.fault) {
    case 'empty':
      faults.tell('CYCLE_MISSING', `${field} is empty`);
      break;
    case 'ambiguous': {
      const meanings = parsed.meanings.join(' or ');
      faults.tell('CYCLE_AMBIGUOUS', `${field} '${shown}' can mean ${meanings}`, `Set {billingCycle} to ${meanings}.`);
      break;
    }
    case 'unsupported':
      faults.tell('CYCLE_UNSUPPORTED', `${field} '${shown}' is no WHMCS cycle`);
  }
  return null;
}

/** In the first of the currencies; all those in which it has none are one fault. */
function priceOf(product: Product, cycle: BillingCycle, currencies: readonly string[], faults: Faults): string | null {
  const { pid, payType, prices } = product;
  if (payType === 'free' && cycle === 'free') return '0.00';
  const priceIn = (currency: string): string | null => prices[currency]?.[cycle] ?? null;
  const [first] = currencies;
  if (first === undefined) return null;
  const lacking = currencies.filter((currency) => priceIn(currency) === null);
  if (lacking.length === 0) return priceIn(first);
  const where = lacking.map((currency) => currency || 'the client’s currency').join(', ');
  const elsewhere = Object.keys(prices).filter((currency) => priceIn(currency) !== null);
  if (elsewhere.length > 0 && payType !== 'free') {
    const message = `WHMCS has no price of product ${pid} ${cycle} in ${where}, but in ${elsewhere.join(', ')}`;
    const fix = currencies.length > 1 ? `Set a price for this cycle in ${where} in WHMCS.` : undefined;
    faults.tell('CURRENCY_NOT_PRICED', message, fix);
    return priceIn(first);
  }
  const cycles = lacking.flatMap((currency) => Object.keys(prices[currency] ?? {}));
  const offered = payType === 'free' ? ['free'] : [...new Set(cycles)];
  if (offered.length === 0) {
    const fix = 'Set a price for this cycle in WHMCS, or correct {productId} on the Product.';
    faults.tell('CYCLE_NOT_OFFERED', `WHMCS has no price at all of product ${pid} in ${where}`, fix);
  } else
    faults.tell(
      'CYCLE_NOT_OFFERED',
      `WHMCS does not sell product ${pid} ${cycle} in ${where}, but ${offered.join(', ')}`,
    );
  return null;
}
