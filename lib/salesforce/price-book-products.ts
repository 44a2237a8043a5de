/** The active products of one price book, read page by page: what the catalogue's coverage looks through. */
import { isDeepStrictEqual } from 'node:util';
import { z } from 'zod';
import { defaultFieldNames, SalesforceError, type FieldNames } from './contract';
import { furtherColumns, furtherField, furtherValue } from './further-fields';
import { id18, nameField, parse, wordOf } from './query-answers';
import type { Read, Rest } from './rest';
import { pricebookLiteral } from './soql';

export interface PriceBook {
  id: string;
  name: string;
  isActive: boolean;
  isStandard: boolean;
}

/** What an entry says, of its own and of its product. */
export interface PriceBookReading {
  productId: string | null;
  billingCycle: string | null;
  /** The further fields that were asked for, by path. */
  fields: Record<string, string | null>;
}

export interface PriceBookProduct extends PriceBookReading {
  /** Of the Product2, 18 characters. */
  id: string;
  name: string;
  code: string | null;
  /** A page to open in Salesforce. */
  url: string;
  /** What entries of further currencies say otherwise, each once; absent: nothing. */
  others?: PriceBookReading[];
}

/** All that its entries say, each once. */
export const readingsOf = ({ productId, billingCycle, fields, others = [] }: PriceBookProduct): PriceBookReading[] => [
  { productId, billingCycle, fields },
  ...others,
];

export interface PriceBookPage {
  /** Each product once, however many entries (one a currency) it has; on the page where the last of them was read, or the next. */
  products: PriceBookProduct[];
  /** Entries of the whole price book, and those of the products given by now. */
  entries: { total: number; read: number };
}

export interface PriceBookQuery {
  /** Of `PriceBook.id`. */
  pricebookId: string;
  /** Paths as in `FieldNames`, all of them `isOfPriceBook`; null: not read. */
  productId: string | null;
  billingCycle: string | null;
  further: readonly string[];
}

/** What the coverage asks of an org; implemented by the connection. */
export interface PriceBooks {
  /**
   * @param pricebookId 15 or 18 characters; null: the standard price book, which has an entry of every product that can be sold.
   * @throws SalesforceError: MALFORMED_ID, NOT_FOUND (or not visible to our user); see `Rest.read`.
   */
  priceBook(pricebookId: string | null, signal?: AbortSignal): Promise<PriceBook>;
  /** See `readPriceBookProducts`. */
  priceBookProducts(query: PriceBookQuery, signal?: AbortSignal): AsyncIterable<PriceBookPage>;
}

/** Whether a field is known without an order: one of the Product or of its entry. */
export function isOfPriceBook(path: string): boolean {
  const object = furtherField(path)?.object;
  return object === 'Product2' || object === 'PricebookEntry';
}

const bookAnswer = z.object({
  records: z.array(
    z.object({ Id: id18, Name: z.string().nullish(), IsActive: z.boolean(), IsStandard: z.boolean() }).loose(),
  ),
});

/** See `PriceBooks.priceBook`. */
export async function readPriceBook(rest: Rest, idText: string | null, signal?: AbortSignal): Promise<PriceBook> {
  const which = idText === null ? 'IsStandard = true' : `Id = ${pricebookLiteral(idText)}`;
  const soql = `SELECT Id, Name, IsActive, IsStandard FROM Pricebook2 WHERE ${which} LIMIT 1`;
  const { body } = await rest.read(`/query?q=${encodeURIComponent(soql)}`, signal);
  const [book] = parse(bookAnswer, body).records;
  if (book === undefined) {
    const named = idText === null ? 'no standard price book' : `no price book ${idText.trim()}`;
    throw new SalesforceError('NOT_FOUND', `Salesforce shows our user ${named}`, 'query');
  }
  return { id: book.Id, name: book.Name ?? '', isActive: book.IsActive, isStandard: book.IsStandard };
}

// Loose: the fields whose names are settings come besides.
const entryPage = z.object({
  totalSize: z.number().int().nonnegative(),
  done: z.boolean(),
  nextRecordsUrl: z.string().optional(),
  records: z.array(
    z
      .object({
        Id: id18,
        Product2Id: id18,
        Product2: z.object({ Name: z.string().nullish(), ProductCode: z.string().nullish() }).loose(),
      })
      .loose(),
  ),
});

/**
 * Active entries of active products, ordered by product. The server keeps the list as it was at the first page, so what is
 * read is the whole of it, or an error: never a part that looks like the whole.
 * @throws SalesforceError: INVALID_FIELD naming a field that cannot be used; UNEXPECTED_ANSWER when the list does not come
 *   to its end; see `Rest.read`.
 */
export async function* readPriceBookProducts(
  rest: Rest,
  query: PriceBookQuery,
  signal?: AbortSignal,
): AsyncGenerator<PriceBookPage, void, undefined> {
  let path: string | null = `/query?q=${encodeURIComponent(soqlOf(query))}`;
  let read = 0;
  /** Its entries may go on on the next page. */
  let open: PriceBookProduct | null = null;
  let openEntries = 0;
  while (path !== null) {
    const { body, token }: Read = await rest.read(path, signal).catch((error: unknown) => {
      throw error instanceof SalesforceError && error.code === 'INVALID_FIELD'
        ? nameField(error, namesOf(query))
        : error;
    });
    const { records, totalSize, done, nextRecordsUrl }: EntryPage = parse(entryPage, body);
    read += records.length;
    if (done ? read !== totalSize : records.length === 0 || read >= totalSize)
      throw unfinished(`it counts ${totalSize} and has ${read}`);
    const products: PriceBookProduct[] = [];
    for (const record of records) {
      const next = productOf(record, query, token.instanceUrl);
      if (open?.id === next.id) addReading(open, next);
      else {
        if (open) products.push(open);
        open = next;
        openEntries = 0;
      }
      openEntries += 1;
    }
    if (done && open) products.push(open);
    yield { products, entries: { total: totalSize, read: done ? read : read - openEntries } };
    if (!done && !nextRecordsUrl?.startsWith('/services/')) throw unfinished('it names no next page');
    path = done ? null : (nextRecordsUrl ?? null);
  }
}

function addReading(product: PriceBookProduct, { productId, billingCycle, fields }: PriceBookReading): void {
  const reading = { productId, billingCycle, fields };
  if (readingsOf(product).some((known) => isDeepStrictEqual(known, reading))) return;
  product.others = [...(product.others ?? []), reading];
}

const unfinished = (why: string): SalesforceError =>
  new SalesforceError('UNEXPECTED_ANSWER', `The price book could not be read to its end: ${why}`, 'query');

const pathsOf = ({ productId, billingCycle, further }: PriceBookQuery): string[] =>
  [productId, billingCycle, ...further].filter((path) => path !== null);

function soqlOf(query: PriceBookQuery): string {
  const own = ['Id', 'Product2Id', 'Product2.Name', 'Product2.ProductCode'];
  const columns = [...own, ...furtherColumns(pathsOf(query).map(fromEntry)).items];
  // A field that stands twice in a query, in whatever case of letters, is refused.
  const unique = new Map(columns.map((column) => [column.toLowerCase(), column]));
  const conditions = `Pricebook2Id = ${pricebookLiteral(query.pricebookId)} AND IsActive = true AND Product2.IsActive = true`;
  return `SELECT ${[...unique.values()].join(', ')} FROM PricebookEntry WHERE ${conditions} ORDER BY Product2Id, Id`;
}

/** `furtherColumns` starts from an item; here the record is the entry itself. */
function fromEntry(path: string): string {
  const field = furtherField(path);
  return field?.object === 'PricebookEntry' ? `OrderItem.${field.name}` : path;
}

type EntryPage = z.infer<typeof entryPage>;
type Entry = EntryPage['records'][number];

function productOf(entry: Entry, query: PriceBookQuery, instanceUrl: string): PriceBookProduct {
  const value = (path: string | null): string | null =>
    path === null ? null : wordOf(furtherValue(fromEntry(path), entry, {}));
  return {
    id: entry.Product2Id,
    name: entry.Product2.Name ?? '',
    code: entry.Product2.ProductCode ?? null,
    url: `${instanceUrl}/${entry.Product2Id}`,
    productId: value(query.productId),
    billingCycle: value(query.billingCycle),
    fields: Object.fromEntries(query.further.map((path) => [path, value(path)])),
  };
}

function namesOf({ productId, billingCycle, further }: PriceBookQuery): FieldNames {
  return {
    ...defaultFieldNames,
    ...(productId === null ? {} : { productId }),
    ...(billingCycle === null ? {} : { billingCycle }),
    further,
  };
}
