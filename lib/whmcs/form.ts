/** The body of a call, byte for byte as PHP's `http_build_query` writes it. */

export type FormValue = string | number | boolean | null | undefined;
/** Lists and maps become `key[0]=…`, `key[name]=…`. */
export type FormFields = Record<string, FormValue | readonly FormValue[] | Record<string, FormValue>>;

/**
 * Encodes fields in their order.
 *
 * - true is `1`; false, null and undefined are left out, since PHP takes the text "false" for true.
 * - In a list each place keeps its index, an empty one as an empty text: lists of one order must stay aligned.
 * - A blank is `+`, a plus `%2B`.
 * @throws TypeError for a number that is not finite.
 */
export function encodeForm(fields: FormFields): string {
  const pairs: string[] = [];
  const add = (key: string, text: string): void => void pairs.push(`${urlEncode(key)}=${urlEncode(text)}`);
  for (const [key, value] of Object.entries(fields)) {
    if (isList(value)) value.forEach((one, index) => add(`${key}[${index}]`, textOf(one) ?? ''));
    else if (typeof value === 'object' && value !== null) {
      for (const [name, one] of Object.entries(value)) {
        const text = textOf(one);
        if (text !== null) add(`${key}[${name}]`, text);
      }
    } else {
      const text = textOf(value);
      if (text !== null) add(key, text);
    }
  }
  return pairs.join('&');
}

const isList = (value: FormFields[string]): value is readonly FormValue[] => Array.isArray(value);

function textOf(value: FormValue): string | null {
  if (value === null || value === undefined || value === false) return null;
  if (value === true) return '1';
  if (typeof value === 'number' && !Number.isFinite(value)) throw new TypeError(`${value} cannot be sent to WHMCS`);
  return String(value);
}

/** PHP's urlencode: all but letters, digits and `-_.` is escaped. A lone surrogate becomes U+FFFD. */
function urlEncode(text: string): string {
  return encodeURIComponent(Buffer.from(text, 'utf8').toString('utf8'))
    .replace(/[!'()*~]/g, (sign) => `%${sign.charCodeAt(0).toString(16).toUpperCase()}`)
    .replaceAll('%20', '+');
}
