/** A made-up catalogue of any size for both simulators, with what is wrong with each product: the truth that a check of it is held against. */
import type { People } from './salesforce/people';
import type { BackOffice } from './whmcs/back-office';

/** What stands in both systems. */
export interface CataloguedProduct {
  name: string;
  code: string;
  productIdField: string | null;
  billingCycleField: string | null;
  /** What WHMCS sells under that number; null: nothing. Several products may share one. */
  whmcs: WhmcsProduct | null;
  /** Where it is not to be seen at all: out of use in Salesforce in one of three ways. */
  absent: 'inactiveProduct' | 'inactiveEntry' | 'otherBook' | null;
  /** Codes of what is wrong with it or worth knowing, in the order of the alphabet. */
  expected: string[];
}

interface WhmcsProduct {
  pid: number;
  payType: 'free' | 'onetime' | 'recurring';
  prices: Partial<Record<'USD' | 'EUR', Partial<Record<'monthly' | 'annually', string>>>>;
  allowQuantity: 0 | 1 | 2;
  stock: number | null;
  hidden: boolean;
}

type Kind = (at: number) => Pick<CataloguedProduct, 'productIdField' | 'billingCycleField' | 'whmcs' | 'expected'> & {
  absent?: CataloguedProduct['absent'];
};

const both = { USD: { monthly: '10.00', annually: '100.00' }, EUR: { monthly: '9.00', annually: '90.00' } };
const firstPid = 100_000;

const sold = (pid: number, more: Partial<WhmcsProduct> = {}): WhmcsProduct => ({
  pid,
  payType: 'recurring',
  prices: both,
  allowQuantity: 2,
  stock: null,
  hidden: false,
  ...more,
});

/** A recurring product, paid each month. */
function recurring(at: number, expected: string[], more: Partial<WhmcsProduct> = {}): ReturnType<Kind> {
  const pid = firstPid + at;
  return { productIdField: String(pid), billingCycleField: 'Monthly', whmcs: sold(pid, more), expected };
}

const good: Kind = (at) => recurring(at, []);
/** Two products a number, one for each cycle, as shops have it. */
const month: Kind = (at) => recurring(at, []);
const year: Kind = (at) => ({ ...recurring(at - 1, []), billingCycleField: 'Annually' });
const once: Kind = (at) => ({ ...recurring(at, [], { payType: 'onetime' }), billingCycleField: 'One-Time' });
const free: Kind = (at) => ({ ...recurring(at, [], { payType: 'free', prices: {} }), billingCycleField: 'Free' });

const wrong: readonly Kind[] = [
  () => ({ productIdField: null, billingCycleField: 'Monthly', whmcs: null, expected: ['PRODUCT_ID_MISSING'] }),
  () => ({ productIdField: '  ', billingCycleField: 'Monthly', whmcs: null, expected: ['PRODUCT_ID_MISSING'] }),
  () => ({ productIdField: 'twelve', billingCycleField: 'Monthly', whmcs: null, expected: ['PRODUCT_ID_INVALID'] }),
  (at) => ({ ...recurring(at, ['PRODUCT_UNKNOWN']), whmcs: null }),
  (at) => ({ ...recurring(at, ['CYCLE_MISSING']), billingCycleField: null }),
  (at) => ({ ...recurring(at, ['CYCLE_AMBIGUOUS']), billingCycleField: 'Biannual' }),
  (at) => ({ ...recurring(at, ['CYCLE_UNSUPPORTED']), billingCycleField: 'Weekly' }),
  (at) => ({ ...recurring(at, ['CYCLE_NOT_OFFERED']), billingCycleField: 'Triennially' }),
  (at) => recurring(at, ['CYCLE_NOT_OFFERED'], { payType: 'onetime' }),
  (at) => recurring(at, ['CURRENCY_NOT_PRICED'], { prices: { USD: both.USD } }),
  (at) => recurring(at, ['STOCK_SHORT'], { stock: 0 }),
  () => ({
    productIdField: null,
    billingCycleField: 'Biannual',
    whmcs: null,
    expected: ['CYCLE_AMBIGUOUS', 'PRODUCT_ID_MISSING'],
  }),
  (at) => ({ ...recurring(at, ['CYCLE_UNSUPPORTED', 'PRODUCT_UNKNOWN']), billingCycleField: 'Daily', whmcs: null }),
  (at) => recurring(at, ['PRODUCT_HIDDEN'], { hidden: true }),
  (at) => recurring(at, ['QUANTITY_AS_LINES'], { allowQuantity: 0 }),
  // A pair, and not beside each other's: read in another order they may be far apart.
  (at) => recurring(at, ['SAME_WHMCS_PRODUCT']),
  (at) => recurring(at - 1, ['SAME_WHMCS_PRODUCT']),
  (at) => ({ ...recurring(at, []), absent: 'inactiveProduct' }),
  (at) => ({ ...recurring(at, []), absent: 'inactiveEntry' }),
  () => ({ productIdField: null, billingCycleField: null, whmcs: null, absent: 'otherBook', expected: [] }),
];
const right: readonly Kind[] = [good, month, year, once, free, month, year];
/** 80 right ones, then one of each that is wrong or odd. */
const hundred: readonly Kind[] = [...Array.from({ length: 80 }, (_, at) => right[at % right.length] ?? good), ...wrong];

/** Names that try to be more than a name, for every reader of a report. */
const hostileNames = [
  '=HYPERLINK("http://evil.example","open")',
  "+cmd|' /C calc'!A0",
  '-2+3+cmd|calc',
  '@SUM(1+1)*9',
  '\t=1+1',
  'Plan;=1+1',
  '<img src=x onerror=alert(1)>',
  "x' OR Name != '",
  'Line one\r\n"forged","row"',
  '\u{1B}[2J\u{1B}]0;owned\u{7}Plan',
  '\u{202E}nalp oduesP',
  'Škoda 🚀 "quoted", with | bar',
];

/** @param count of active products; those that are absent come besides. The same for each call. */
export function largeCatalogue(count: number): CataloguedProduct[] {
  const catalogue: CataloguedProduct[] = [];
  for (let at = 0, active = 0; active < count; at++) {
    const kind = (hundred[at % hundred.length] ?? good)(at);
    const hostile = at % 7 === 0 ? hostileNames[(at / 7) % hostileNames.length] : undefined;
    const name = hostile === undefined ? `Product ${at + 1}` : `${hostile} ${at + 1}`;
    const code = `P-${String(at + 1).padStart(6, '0')}`;
    catalogue.push({ absent: null, ...kind, name, code });
    if (kind.absent === undefined) active += 1;
  }
  return catalogue;
}

/**
 * Puts a catalogue into both, in price books of their own.
 * @returns the book that it is in.
 */
export function layOut(
  catalogue: readonly CataloguedProduct[],
  people: Pick<People, 'putRecord'>,
  office: Pick<BackOffice, 'putProduct'>,
): { pricebookId: string } {
  const put = (type: string, fields: Record<string, string | number | boolean | null>): string =>
    people.putRecord({ type, fields }).id;
  const book = put('Pricebook2', { Name: 'Portal', IsActive: true, IsStandard: false });
  const other = put('Pricebook2', { Name: 'Partners', IsActive: true, IsStandard: false });
  for (const { name, code, productIdField, billingCycleField, absent, whmcs } of catalogue) {
    const product = put('Product2', {
      Name: name,
      ProductCode: code,
      IsActive: absent !== 'inactiveProduct',
      WH_Product_ID__c: productIdField,
      Billing_Cycle__c: billingCycleField,
    });
    put('PricebookEntry', {
      Pricebook2Id: absent === 'otherBook' ? other : book,
      Product2Id: product,
      UnitPrice: 10,
      IsActive: absent !== 'inactiveEntry',
    });
    if (whmcs !== null) office.putProduct({ ...whmcs, name });
  }
  return { pricebookId: book };
}
