/** SOQL as text. */
import { SalesforceError } from './contract';
import { toId18 } from './ids';

/**
 * A string literal. Backslash first, then the quote; line breaks and the like by their escapes, since SOQL knows no
 * others (jsforce escapes the quote alone, so a value that ends in a backslash would break out).
 */
export function literal(text: string): string {
  const escaped = text
    .replace(/\\/g, '\\\\')
    .replace(/'/g, "\\'")
    .replace(/"/g, '\\"')
    .replace(/\n/g, '\\n')
    .replace(/\r/g, '\\r')
    .replace(/\t/g, '\\t')
    .replace(/\f/g, '\\f')
    .replace(/\p{Cc}/gu, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`);
  return `'${escaped}'`;
}

/**
 * The name of a field, as it may stand in a query.
 * @throws SalesforceError INVALID_FIELD when it is no name: names come from settings.
 */
export function fieldName(name: string): string {
  if (!/^[A-Za-z]\w*$/.test(name))
    throw new SalesforceError('INVALID_FIELD', `"${name}" is no name of a field`, 'query');
  return name;
}

/**
 * The id of a price book, as a literal.
 * @throws SalesforceError MALFORMED_ID when the text is none: it comes from settings.
 */
export function pricebookLiteral(text: string): string {
  const id = toId18(text.trim());
  if (id === null) throw new SalesforceError('MALFORMED_ID', 'The price book is no id of a record', 'query');
  return literal(id);
}
