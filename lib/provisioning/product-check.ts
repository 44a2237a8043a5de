/** What a Product of Salesforce is in WHMCS, and what is wrong with it: of an order's item, or of the catalogue. Pure. */
import { cut } from '../salesforce/texts';
import { parseBillingCycle } from '../whmcs/billing-cycles';
import type { BillingCycle, Product } from '../whmcs/contract';
import type { Faults, MappedFieldNames } from './mapping-faults';

/** What Salesforce says of it. */
export interface AskedProduct {
  productId: string | null;
  billingCycle: string | null;
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
 * @param currencies in which it must have a price: of the client, or all that clients have.
 */
export function checkProduct(
  asked: AskedProduct,
  known: ReadonlyMap<number, Product>,
  currencies: readonly string[],
  names: MappedFieldNames,
  faults: Faults,
): FoundProduct {
  if (asked.isActive === false) faults.tell('PRODUCT_INACTIVE', 'the Product is not active in Salesforce any more');
  const billingCycle = cycleOf(asked.billingCycle, names.billingCycle, faults);
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
  const prices = product && billingCycle ? currencies.map((one) => priceOf(product, billingCycle, one, faults)) : [];
  return { pid, billingCycle, price: prices[0] ?? null };
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

function priceOf(product: Product, cycle: BillingCycle, currency: string, faults: Faults): string | null {
  const { pid, payType, prices } = product;
  if (payType === 'free' && cycle === 'free') return '0.00';
  const price = prices[currency]?.[cycle];
  if (price !== undefined) return price;
  const elsewhere = Object.keys(prices).filter((one) => prices[one]?.[cycle] !== undefined);
  const inCurrency = currency || 'the client’s currency';
  if (elsewhere.length > 0 && payType !== 'free') {
    const message = `WHMCS has no price of product ${pid} ${cycle} in ${inCurrency}, but in ${elsewhere.join(', ')}`;
    faults.tell('CURRENCY_NOT_PRICED', message);
    return null;
  }
  const offered = payType === 'free' ? ['free'] : Object.keys(prices[currency] ?? {});
  const instead = offered.join(', ') || 'not at all';
  faults.tell('CYCLE_NOT_OFFERED', `WHMCS does not sell product ${pid} ${cycle} in ${inCurrency}, but ${instead}`);
  return null;
}
