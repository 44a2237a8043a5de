/** One Product of the catalogue against what WHMCS sells, without an order: the checks of an item, and what shows beforehand. */
import { readingsOf, type PriceBookProduct, type PriceBookReading } from '../salesforce/price-book-products';
import { cut } from '../salesforce/texts';
import type { BillingCycle, Product } from '../whmcs/contract';
import type { CoveredProduct, Finding } from './coverage-report';
import type { Owner } from './error-codes';
import { itemFields, type FieldMapping } from './field-mapping';
import { Faults } from './mapping-faults';
import { checkProduct, pidOf } from './product-check';

/** What only the catalogue shows; nothing is wrong with it. `{…}` as in the table of faults. */
const informations = {
  QUANTITY_AS_LINES: [
    'WHMCS hosting support',
    'Nothing, if that is meant; else turn on Allow Multiple Quantities for the product in WHMCS.',
  ],
  SAME_WHMCS_PRODUCT: [
    'Salesforce admin',
    'Nothing, if they are meant to be the same in WHMCS; else correct {productId} or {billingCycle} of one.',
  ],
} as const satisfies Record<string, readonly [Owner, string]>;

type About = Pick<Finding, 'product' | 'pid' | 'billingCycle'>;

export function information(
  code: keyof typeof informations,
  message: string,
  about: About,
  { productId, billingCycle }: FieldMapping,
): Finding {
  const [owner, fix] = informations[code];
  const worded = fix.replace('{productId}', productId).replace('{billingCycle}', billingCycle);
  return { severity: 'information', code, message, fix: worded, owner, ...about };
}

export interface Selling {
  /** By pid; one that is missing is unknown to WHMCS. */
  known: ReadonlyMap<number, Product>;
  /** In which it must have a price; null: in those of its own price list. */
  currencies: readonly string[] | null;
  /** Whether AddOrder takes quantities here; null: not known. */
  takesQuantities: boolean | null;
  /** Whether the cycle is read of the Product; false: of each order. */
  cycleKnown: boolean;
}

/** What a Product is in WHMCS. */
export interface Target {
  pid: number | null;
  billingCycle: BillingCycle | null;
}

export interface CheckedProduct {
  /** One, or several where its entries differ. */
  targets: Target[];
  findings: Finding[];
  /** Nothing is wrong but that WHMCS lacks its price in some of the currencies. */
  inSomeCurrencies: boolean;
}

/** All findings of one Product, but for what shows only beside others: of all its entries, the same of several once. Pure. */
export function checkOne(asked: PriceBookProduct, selling: Selling, mapping: FieldMapping): CheckedProduct {
  const checked = readingsOf(asked).map((reading) => checkReading(covered(asked), reading, selling, mapping));
  const findings = new Map(
    checked.flatMap((one) => one.findings.map((found) => [`${found.code} ${found.message}`, found] as const)),
  );
  const targets = new Map(checked.map(({ target }) => [`${target.pid} ${target.billingCycle}`, target]));
  const found = [...findings.values()];
  const faults = found.filter(({ severity }) => severity === 'fault');
  return {
    targets: [...targets.values()],
    findings: found,
    inSomeCurrencies:
      faults.length > 0 &&
      faults.every(({ code }) => code === 'CURRENCY_NOT_PRICED') &&
      checked.every(({ isPriced }) => isPriced),
  };
}

/** `isPriced`: in at least one of the currencies. */
function checkReading(
  product: CoveredProduct,
  asked: PriceBookReading,
  selling: Selling,
  mapping: FieldMapping,
): { target: Target; findings: Finding[]; isPriced: boolean } {
  const faults = new Faults(mapping);
  const { known, takesQuantities } = selling;
  const sold = known.get(pidOf(asked.productId) ?? 0);
  const billingCycle = selling.cycleKnown ? asked.billingCycle : undefined;
  const listed = selling.currencies ?? Object.keys(sold?.prices ?? {});
  const currencies = listed.length > 0 ? listed : [''];
  const target = checkProduct({ productId: asked.productId, billingCycle }, known, currencies, mapping, faults);
  if (sold && sold.stock !== null && sold.stock < 1) {
    const fix = 'Raise the stock of the product in WHMCS, or turn its stock control off.';
    faults.tell('STOCK_SHORT', `WHMCS has none of product ${sold.pid} in stock`, fix);
  }
  itemFields(asked, mapping, sold, faults);
  const lacking = currencies.filter((currency) => !isPricedIn(currency, sold, target.billingCycle));
  const about: About = { product, pid: target.pid, billingCycle: target.billingCycle };
  const findings: Finding[] = [
    ...faults.faults.map((fault) => ({
      severity: 'fault' as const,
      ...fault,
      ...(fault.code === 'CURRENCY_NOT_PRICED' ? { fix: currencyFix(lacking) } : {}),
      ...about,
    })),
    ...faults.warnings.map((warning) => ({ severity: 'warning' as const, ...warning, ...about })),
  ];
  // Where WHMCS takes no quantities at all, one note says it for all.
  if (sold?.allowQuantity === 0 && takesQuantities !== false) {
    const message = `WHMCS product ${sold.pid} takes no quantities: each unit of an Order becomes a line and a service of its own`;
    findings.push(information('QUANTITY_AS_LINES', message, about, mapping));
  }
  return { target, findings, isPriced: lacking.length < currencies.length };
}

const isPricedIn = (currency: string, sold: Product | undefined, cycle: BillingCycle | null): boolean =>
  cycle !== null && sold?.prices[currency]?.[cycle] !== undefined;

/** WHMCS's API does not tell which currencies its clients have. */
function currencyFix(lacking: readonly string[]): string {
  const [those, them] = lacking.length === 1 ? ['that currency', 'it'] : ['those currencies', 'them'];
  return `Set a price for this cycle in ${lacking.join(', ')} in WHMCS; if no client has ${those}, leave ${them} out of the check.`;
}

export const covered = ({ id, name, code, url }: PriceBookProduct): CoveredProduct => ({ id, name, code, url });

/** Products that are one and the same in WHMCS, as informations, one each. */
export function sameInWhmcs(
  { pid, billingCycle }: Target,
  products: readonly CoveredProduct[],
  mapping: FieldMapping,
): Finding[] {
  if (products.length < 2) return [];
  return products.map((product, at) => {
    const other = products[at === 0 ? 1 : 0];
    const more = products.length > 2 ? ` and ${products.length - 2} more` : '';
    const message = `'${cut(other?.name ?? '', 60)}' (${other?.id})${more} is WHMCS product ${pid} ${billingCycle}, too`;
    return information('SAME_WHMCS_PRODUCT', message, { product, pid, billingCycle }, mapping);
  });
}
