/** Fields of an order's items that are read besides, named by a path from the item: `OrderItem.Domain__c`, `Account.Site`. */
import { fieldName } from './soql';

export const furtherObjects = ['OrderItem', 'Product2', 'PricebookEntry', 'Order', 'Account'] as const;
type FurtherObject = (typeof furtherObjects)[number];

interface FurtherField {
  object: FurtherObject;
  name: string;
}

/**
 * The object and field that a path names; null: it is no path.
 * A name alone is of the product.
 */
export function furtherField(path: string): FurtherField | null {
  const [, object, name] = /^\s*(?:([A-Za-z]\w*)\.)?([A-Za-z]\w*)\s*$/.exec(path) ?? [];
  if (name === undefined) return null;
  if (object === undefined) return { object: 'Product2', name };
  const known = furtherObjects.find((one) => one.toLowerCase() === object.toLowerCase());
  return known ? { object: known, name } : null;
}

/** The columns of a query for these paths: of the items, and of the order. */
export function furtherColumns(paths: readonly string[]): { items: string[]; order: string[] } {
  const columns = { items: [] as string[], order: [] as string[] };
  for (const path of paths) {
    // A path that is none is refused by its name, before anything is sent.
    const { object, name } = furtherField(path) ?? { object: 'OrderItem' as const, name: fieldName(path) };
    if (object === 'OrderItem') columns.items.push(name);
    else if (object === 'Order') columns.order.push(name);
    else columns[object === 'Account' ? 'order' : 'items'].push(`${object}.${name}`);
  }
  return columns;
}

type Row = Readonly<Record<string, unknown>>;

/** The value of a path in what came back. */
export function furtherValue(path: string, item: Row, order: Row): unknown {
  const field = furtherField(path);
  if (field === null) return undefined;
  const { object, name } = field;
  const record =
    object === 'OrderItem' ? item : object === 'Order' ? order : (object === 'Account' ? order : item)[object];
  if (typeof record !== 'object' || record === null) return undefined;
  const key = Object.keys(record).find((one) => one.toLowerCase() === name.toLowerCase());
  return key === undefined ? undefined : (record as Row)[key];
}

/** A field of every record of an org with several currencies, and of none in any other. */
export const currencyField = 'CurrencyIsoCode';

export const isCurrency = (path: string): boolean =>
  furtherField(path)?.name.toLowerCase() === currencyField.toLowerCase();
