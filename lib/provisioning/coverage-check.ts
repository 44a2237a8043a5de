/** One Product of the catalogue against what WHMCS sells, without an order: the checks of an item, and what shows beforehand. */
import type { PriceBookProduct } from '../salesforce/price-book-products';
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

export interface CheckedProduct {
  pid: number | null;
  billingCycle: BillingCycle | null;
  findings: Finding[];
}

/** All findings of one Product, but for what shows only beside others. Pure. */
export function checkOne(asked: PriceBookProduct, selling: Selling, mapping: FieldMapping): CheckedProduct {
  const faults = new Faults(mapping);
  const { known, takesQuantities } = selling;
  const sold = known.get(pidOf(asked.productId) ?? 0);
  const billingCycle = selling.cycleKnown ? asked.billingCycle : undefined;
  const listed = selling.currencies ?? Object.keys(sold?.prices ?? {});
  const currencies = listed.length > 0 ? listed : [''];
  const found = checkProduct({ productId: asked.productId, billingCycle }, known, currencies, mapping, faults);
  if (sold && sold.stock !== null && sold.stock < 1) {
    const fix = 'Raise the stock of the product in WHMCS, or turn its stock control off.';
    faults.tell('STOCK_SHORT', `WHMCS has none of product ${sold.pid} in stock`, fix);
  }
  itemFields(asked, mapping, sold, faults);
  const about: About = { product: covered(asked), pid: found.pid, billingCycle: found.billingCycle };
  const findings: Finding[] = [
    ...faults.faults.map((fault) => ({ severity: 'fault' as const, ...fault, ...about })),
    ...faults.warnings.map((warning) => ({ severity: 'warning' as const, ...warning, ...about })),
  ];
  // Where WHMCS takes no quantities at all, one note says it for all.
  if (sold?.allowQuantity === 0 && takesQuantities !== false) {
    const message = `WHMCS product ${sold.pid} takes no quantities: each unit of an Order becomes a line and a service of its own`;
    findings.push(information('QUANTITY_AS_LINES', message, about, mapping));
  }
  return { pid: found.pid, billingCycle: found.billingCycle, findings };
}

export const covered = ({ id, name, code, url }: PriceBookProduct): CoveredProduct => ({ id, name, code, url });

/** Products that are one and the same in WHMCS, as informations, one each. */
export function sameInWhmcs(
  { pid, billingCycle }: Pick<Finding, 'pid' | 'billingCycle'>,
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
