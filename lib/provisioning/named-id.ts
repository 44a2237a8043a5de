/** The id of a WHMCS order as Salesforce Orders carry it: written by us, by people, and by *Clone*. */
import type { FieldNames, Salesforce, SalesforceOrder } from '../salesforce/contract';
import type { OrderPart } from './message';
import type { AddIntent } from './order-record';

/** null: the text is no id. */
export function namedId(field: string): number | null {
  const digits = /^\s*#?\s*(\d{1,15})\s*$/.exec(field)?.[1];
  return digits === undefined ? null : Number(digits);
}

/** How an Order may spell the id that `field` holds; none where it holds none. */
function spellingsOf(field: string): string[] {
  const id = namedId(field);
  return id === null ? [] : [...new Set([field.trim(), `${id}`, `#${id}`, `# ${id}`])];
}

/**
 * Whether Salesforce names a WHMCS order that it did not name when the call was made: that is a person's word. What it named
 * then may have come by *Clone*. An intent of an earlier version does not say what was named then.
 */
export const isNamedSince = ({ named }: AddIntent, field: string | null): field is string =>
  field !== null && (named === undefined || named?.trim() !== field.trim());

/**
 * Which other Orders carry the WHMCS order's id that this one carries: *Clone* copies it, and WHMCS may show no mark that
 * says whose it is (exactly-one R15). Not asked for where the record has that very WHMCS order.
 * @param has the one on record.
 * @throws SalesforceError
 */
export async function othersNaming(
  salesforce: Pick<Salesforce, 'ordersNaming'>,
  { id, whmcsOrderId }: SalesforceOrder,
  has: number | null,
  fields: FieldNames,
  signal: AbortSignal,
): Promise<Pick<OrderPart, 'sameWhmcsOrderId'>> {
  if (whmcsOrderId === null || (has !== null && namedId(whmcsOrderId) === has)) return {};
  const texts = spellingsOf(whmcsOrderId);
  const found = texts.length === 0 ? [] : await salesforce.ordersNaming(texts, id, fields, signal);
  return { sameWhmcsOrderId: found.map((other) => `Order ${other.number} (${other.id})`) };
}
