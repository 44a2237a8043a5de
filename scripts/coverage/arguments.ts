/** The words after `npm run coverage --`. */
import { parseArgs } from 'node:util';
import { isOfPriceBook } from '../../lib/salesforce/price-book-products';

/** Thrown for a mistake of the caller: a line for people. */
export class UsageError extends Error {}

export interface Arguments {
  help: boolean;
  demo: boolean;
  /** Of the demo's catalogue; null: the demo's own few. */
  products: number | null;
  /** `-`: standard output; null: not written. */
  json: string | null;
  csv: string | null;
  strict: boolean;
  productIdField: string | null;
  billingCycleField: string | null;
  /** File of the flow whose settings count; null: the fields above, or their defaults. */
  flow: string | null;
  /** Name or id of the mapping check in it; null: the one there is. */
  mappingCheck: string | null;
  /** That clients have; null: all of WHMCS. */
  currencies: string[] | null;
}

export const help = `Checks every active product of the price book against WHMCS. It only reads.

  npm run coverage                      with the connections of the environment, as the reference flow
  npm run coverage -- --demo            against simulators on this machine

  --json FILE    the whole report as JSON; - for standard output
  --csv FILE     one row a finding, for a spreadsheet; - for standard output
  --strict       exit code 1 when a product or the mapping has a fault, or when there is no product to check
  --flow FILE    the fields of mapping check, and the price book of get order, as set in this flow: an exported
                 one, or Node-RED's own flows.json. What the flow maps is what is checked
  --mapping-check NAME         the one that is meant, where the flow has several that differ
  --currencies USD,EUR         those that clients have (else: all that WHMCS has)
  --product-id-field NAME      field of the product with the WHMCS product's number (WH_Product_ID__c)
  --billing-cycle-field NAME   field of the product with the billing cycle (Billing_Cycle__c)
  --products N   with --demo: a made-up catalogue of N products with faults of every kind
  --help         this text

Variables: SF_LOGIN_URL, SF_CLIENT_ID, SF_USERNAME, SF_PRIVATE_KEY_PATH, WHMCS_URL, WHMCS_API_IDENTIFIER,
WHMCS_API_SECRET; and where they are needed SF_AUDIENCE, SF_PRIVATE_KEY_PASSPHRASE, WHMCS_API_ACCESS_KEY,
PORTAL_PRICEBOOK_ID (without it: the standard price book).

Exit codes: 0 checked, 1 faults found with --strict, 2 wrong option or missing variable, 3 not checked to the end: no report,
130 interrupted: no report.`;

const text = { type: 'string' } as const;
const yes = { type: 'boolean', default: false } as const;
const options = {
  help: { ...yes, short: 'h' },
  demo: yes,
  strict: yes,
  products: text,
  json: text,
  csv: text,
  'product-id-field': text,
  'billing-cycle-field': text,
  flow: text,
  'mapping-check': text,
  currencies: text,
} as const;

/** @throws UsageError */
export function argumentsOf(words: string[]): Arguments {
  const { values } = parsed(words);
  const { help, demo, strict, json = null, csv = null } = values;
  if (json === '-' && csv === '-') throw new UsageError('Only one of --json and --csv can go to standard output.');
  for (const [name, file] of Object.entries({ json, csv }))
    if (file?.trim() === '') throw new UsageError(`--${name} needs the name of a file, or - for standard output.`);
  if (json !== null && json !== '-' && json === csv) throw new UsageError('--json and --csv name the same file.');
  if (values.products !== undefined && !demo) throw new UsageError('--products is for --demo alone.');
  const products = values.products === undefined ? null : Number(values.products);
  if (products !== null && !(Number.isInteger(products) && products > 0 && products <= 100_000))
    throw new UsageError(`--products needs a whole number from 1 to 100000, not "${values.products}".`);
  const { flow = null, 'mapping-check': mappingCheck = null } = values;
  if (flow?.trim() === '') throw new UsageError('--flow needs the name of a file.');
  if (flow !== null && (values['product-id-field'] ?? values['billing-cycle-field']) !== undefined)
    throw new UsageError('--flow names the fields; leave out --product-id-field and --billing-cycle-field.');
  if (flow === null && mappingCheck !== null) throw new UsageError('--mapping-check is for --flow alone.');
  const fieldOf = (name: 'product-id-field' | 'billing-cycle-field'): string | null => {
    const field = values[name] ?? null;
    if (field === null || isOfPriceBook(field)) return field;
    throw new UsageError(`--${name} needs a field of the product, such as WH_Product_ID__c, not "${field}".`);
  };
  return {
    ...{ help, demo, strict, products, json, csv },
    productIdField: fieldOf('product-id-field'),
    billingCycleField: fieldOf('billing-cycle-field'),
    ...{ flow, mappingCheck },
    currencies: currenciesIn(values.currencies),
  };
}

function currenciesIn(listed: string | undefined): string[] | null {
  if (listed === undefined) return null;
  const codes = listed.split(',').map((code) => code.trim().toUpperCase());
  if (codes.every((code) => /^[A-Z]{3}$/.test(code))) return codes;
  throw new UsageError(`--currencies needs codes with commas between them, such as USD,EUR, not "${listed}".`);
}

function parsed(words: string[]) {
  try {
    return parseArgs({ args: words, options, allowPositionals: false });
  } catch (error) {
    const { code = '', message = '' } = error as NodeJS.ErrnoException;
    if (!code.startsWith('ERR_PARSE_ARGS')) throw error;
    throw new UsageError(`${message.split('. ')[0] ?? ''}. See npm run coverage -- --help`);
  }
}
