/**
 * Every fault that an item of an order, or a product of the catalogue, can have: who mends it, and how. Owners are those of
 * the runbook's escalation table. `docs/error-codes.md` lists them.
 */
import type { FieldNames } from '../salesforce/contract';
import type { Owner } from './error-codes';
import type { MappingFault } from './message';

/** `{productId}` and `{billingCycle}` stand for the fields that feed them. */
const table = {
  // the item
  PRODUCT_MISSING: ['Salesforce admin', 'Remove the item, or add it again from the price book.'],
  OTHER_PRICEBOOK: ['Salesforce admin', 'Remove the item, and add it again from the price book named here.'],
  QUANTITY_INVALID: ['Salesforce admin', 'Set the quantity to a whole number, 1 or more.'],
  QUANTITY_TOO_HIGH: [
    'Salesforce admin',
    'Correct the quantity; if it is meant, raise "Most units" on mapping check, or split the Order.',
  ],
  // what it is in WHMCS
  PRODUCT_ID_MISSING: ['Salesforce admin', "Set {productId} on the Product to the WHMCS product's number."],
  PRODUCT_ID_INVALID: ['Salesforce admin', "Set {productId} to the WHMCS product's number."],
  PRODUCT_UNKNOWN: ['Salesforce admin', 'Correct {productId}, or create the product in WHMCS.'],
  CYCLE_MISSING: ['Salesforce admin', 'Set {billingCycle} on the Product, to Monthly for instance.'],
  CYCLE_AMBIGUOUS: ['Salesforce admin', 'Set {billingCycle} to the one that is meant.'],
  CYCLE_UNSUPPORTED: [
    'Salesforce admin',
    'Set {billingCycle} to a cycle from Monthly to Triennially, One-Time or Free.',
  ],
  CYCLE_NOT_OFFERED: [
    'Salesforce admin',
    'Correct {billingCycle} on the Product, or set a price for this cycle in WHMCS.',
  ],
  CURRENCY_NOT_PRICED: ['WHMCS hosting support', 'Set a price for this cycle in the client’s currency in WHMCS.'],
  // how many
  STOCK_SHORT: ['WHMCS hosting support', 'Raise the stock of the product in WHMCS, or lower the quantity.'],
  TOO_MANY_LINES: [
    'WHMCS hosting support',
    'Turn on Allow Multiple Quantities for the product in WHMCS (8.12 or later), or split the Order.',
  ],
  TOO_MANY_ITEMS: ['Salesforce admin', 'Split the Order into several of 100 items at most.'],
  DOMAIN_SHARED: ['Salesforce admin', 'Give each unit an item of its own, with a domain of its own.'],
  // what else is mapped
  DOMAIN_INVALID: [
    'Salesforce admin',
    'Set the field named here to a whole domain or host name alone, such as shop.example.com, without https://.',
  ],
  PRICE_INVALID: ['Salesforce admin', 'Set the field named here to an amount of 0 or more with two decimals at most.'],
  CURRENCY_DIFFERS: [
    'Salesforce admin',
    'Make the Order in the currency of the WHMCS client, or link its Account to a client of the Order’s currency.',
  ],
  OPTION_INVALID: ['Salesforce admin', 'Set the field named here to one of the values that the option takes.'],
  ITEMS_MERGE: ['Salesforce admin', 'Make them one item with the sum of their quantities.'],
  // warnings: the order goes on
  PRODUCT_INACTIVE: [
    'Salesforce admin',
    'Check that the Product is still to be sold; if not, use its successor on new Orders.',
  ],
  PRODUCT_HIDDEN: ['Salesforce admin', 'Check that the product is still to be sold; if not, correct {productId}.'],
  PRODUCT_RETIRED: ['Salesforce admin', 'Check that the product is still to be sold; if not, correct {productId}.'],
  PRICE_OF_FREE: [
    'Salesforce admin',
    'Empty the field named here, or correct {productId}; if a price is meant, change the pay type of the product in WHMCS.',
  ],
  STOCK_UNSURE: ['WHMCS hosting support', 'If WHMCS holds no order of it yet, raise the stock of the product there.'],
} as const satisfies Record<string, readonly [Owner, string]>;

export type MappingFaultCode = keyof typeof table;

/** They keep nothing back. */
const warnings: ReadonlySet<string> = new Set<MappingFaultCode>([
  'PRODUCT_INACTIVE',
  'PRODUCT_HIDDEN',
  'PRODUCT_RETIRED',
  'PRICE_OF_FREE',
  'STOCK_UNSURE',
]);

/** Faults that a change in WHMCS may have mended a minute ago. */
const mendedInWhmcs: ReadonlySet<string> = new Set<MappingFaultCode>([
  'PRODUCT_UNKNOWN',
  'CYCLE_NOT_OFFERED',
  'CURRENCY_NOT_PRICED',
  'STOCK_SHORT',
  'TOO_MANY_LINES',
  'DOMAIN_SHARED',
  'OPTION_INVALID',
  'ITEMS_MERGE',
]);

export const isWhmcsFault = ({ code }: MappingFault): boolean => mendedInWhmcs.has(code);

export type MappedFieldNames = Pick<FieldNames, 'productId' | 'billingCycle'>;

/** All faults of one thing, told one by one. */
export class Faults {
  readonly faults: MappingFault[] = [];
  readonly warnings: MappingFault[] = [];

  constructor(private readonly names: MappedFieldNames) {}

  /** @param fix where more is known than the table says. */
  tell(code: MappingFaultCode, message: string, fix?: string): void {
    const [owner, usual] = table[code];
    const found = { code, message, fix: worded(fix ?? usual, this.names), owner };
    (warnings.has(code) ? this.warnings : this.faults).push(found);
  }
}

const worded = (text: string, names: MappedFieldNames): string =>
  text.replace('{productId}', names.productId).replace('{billingCycle}', names.billingCycle);

/** For the page of all codes. */
export const mappingFaults = (
  names: MappedFieldNames,
): { code: string; owner: Owner; isWarning: boolean; fix: string }[] =>
  Object.entries(table).map(([code, [owner, fix]]) => ({
    code,
    owner,
    isWarning: warnings.has(code),
    fix: worded(fix, names),
  }));
