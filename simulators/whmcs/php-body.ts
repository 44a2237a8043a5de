/**
 * Request bodies as PHP 8 turns them into $_POST: `a[0]`, `a[]`, `a[k][j]`, the last of two wins, `+` is a space, dots
 * and spaces in names become `_`, and what exceeds max_input_vars is dropped.
 */

/** A PHP array: integer keys are numbers, all others strings, in order of insertion. */
export type PhpArray = Map<string | number, PhpValue>;
export type PhpValue = string | PhpArray;

export interface PhpBody {
  post: PhpArray;
  /** Name and value of each variable as sent, before brackets were read; later ones win. */
  sent: Record<string, string>;
  /** Variables that were dropped because there were too many. */
  dropped: number;
}

/** PHP's max_input_nesting_level. */
const DEEPEST = 64;

/**
 * Parses a body. Types other than urlencoded and multipart leave $_POST empty, as in PHP.
 * @param maxVars PHP's max_input_vars.
 */
export function parseBody(body: Buffer, contentType: string, maxVars = 1000): PhpBody {
  const type = contentType.split(';', 1)[0]?.trim().toLowerCase();
  if (type === 'application/x-www-form-urlencoded') return register(urlencoded(body.toString('latin1')), maxVars);
  if (type === 'multipart/form-data') {
    const boundary = /boundary=(?:"([^"]+)"|([^;,\s]+))/i.exec(contentType);
    if (boundary) return register(multipart(body, boundary[1] ?? boundary[2] ?? ''), maxVars);
  }
  return register([], maxVars);
}

/** Parses a query string, as PHP does for $_GET. */
export function parseQuery(query: string): PhpArray {
  return register(urlencoded(query), 1000).post;
}

type Pair = [name: string, value: string];

function urlencoded(text: string): Pair[] {
  return text
    .split('&')
    .filter((part) => part !== '')
    .map((part) => {
      const equals = part.indexOf('=');
      return equals < 0 ? [urldecode(part), ''] : [urldecode(part.slice(0, equals)), urldecode(part.slice(equals + 1))];
    });
}

/** PHP's urldecode of bytes held as latin1; a `%` without two hex digits stays as it is. The result is UTF-8. */
function urldecode(text: string): string {
  const bytes = text
    .replaceAll('+', ' ')
    .replace(/%([0-9a-f]{2})/gi, (_whole, hex: string) => String.fromCharCode(parseInt(hex, 16)));
  return Buffer.from(bytes, 'latin1').toString('utf8');
}

/** Form fields of a multipart body; parts with a file name go to $_FILES and are left out. */
function multipart(body: Buffer, boundary: string): Pair[] {
  const pairs: Pair[] = [];
  const delimiter = `--${boundary}`;
  const text = `\r\n${body.toString('latin1')}`;
  for (const part of text.split(`\r\n${delimiter}`).slice(1)) {
    if (part.startsWith('--')) break;
    const blank = part.indexOf('\r\n\r\n');
    if (blank < 0) continue;
    const disposition = /^content-disposition:(.*)$/im.exec(part.slice(0, blank))?.[1] ?? '';
    const name = /[;\s]name=(?:"((?:[^"\\]|\\.)*)"|([^;\s]+))/i.exec(disposition);
    if (!name || /[;\s]filename=/i.test(disposition)) continue;
    const utf8 = (bytes: string): string => Buffer.from(bytes, 'latin1').toString('utf8');
    pairs.push([utf8((name[1] ?? name[2] ?? '').replace(/\\(["\\])/g, '$1')), utf8(part.slice(blank + 4))]);
  }
  return pairs;
}

function register(pairs: Pair[], maxVars: number): PhpBody {
  const post: PhpArray = new Map();
  const sent: Record<string, string> = {};
  for (const [name, value] of pairs.slice(0, maxVars)) {
    sent[name] = value;
    setVariable(post, name, value);
  }
  return { post, sent, dropped: Math.max(0, pairs.length - maxVars) };
}

/** php_register_variable_ex: what a name with brackets means. */
function setVariable(post: PhpArray, name: string, value: string): void {
  const given = name.replace(/^ +/, '').split('\0', 1)[0] ?? '';
  const bracket = given.indexOf('[');
  const base = (bracket < 0 ? given : given.slice(0, bracket)).replace(/[. ]/g, '_');
  if (base === '') return;
  const path: (string | null)[] = [];
  let rest = bracket < 0 ? '' : given.slice(bracket);
  while (rest.startsWith('[')) {
    const end = rest.indexOf(']');
    if (end < 0) {
      // An opening bracket that never closes becomes `_` when it is the first, and ends the name otherwise.
      if (path.length === 0) return void post.set(key(`${base}_${rest.slice(1)}`), value);
      break;
    }
    const index = rest.slice(1, end).replace(/^\s+/, '');
    path.push(index === '' ? null : index);
    rest = rest.slice(end + 1);
  }
  if (path.length > DEEPEST) return;
  let array = post;
  let at: string | number = key(base);
  for (const step of path) {
    let inner = array.get(at);
    if (!(inner instanceof Map)) {
      inner = new Map();
      array.set(at, inner);
    }
    array = inner;
    at = step === null ? nextIndex(array) : key(step);
  }
  array.set(at, value);
}

/** PHP stores keys that read as canonical decimal integers as integers. */
function key(text: string): string | number {
  return /^(0|-?[1-9]\d{0,14})$/.test(text) ? Number(text) : text;
}

function nextIndex(array: PhpArray): number {
  let next = 0;
  for (const one of array.keys()) if (typeof one === 'number' && one >= next) next = one + 1;
  return next;
}

// ------------------------------------------------------------------ casts

/** PHP's (int): the leading number, cut towards zero; "1,2" is 1, "abc" is 0; an array is 1 unless it is empty. */
export function toInt(value: PhpValue | undefined): number {
  return Math.trunc(toFloat(value));
}

/** PHP's (float): the leading number, or 0. */
export function toFloat(value: PhpValue | undefined): number {
  if (value === undefined) return 0;
  if (value instanceof Map) return value.size > 0 ? 1 : 0;
  const number = Number.parseFloat(/^[ \t\n\r\v\f]*[+-]?(\d+(\.\d*)?|\.\d+)(e[+-]?\d+)?/i.exec(value)?.[0] ?? '0');
  return Object.is(number, -0) ? 0 : number;
}

/** PHP's truth: "" and "0" are false, everything else is true, "false" included. */
export function isTrue(value: PhpValue | undefined): boolean {
  if (value === undefined) return false;
  return value instanceof Map ? value.size > 0 : value !== '' && value !== '0';
}

/** Texts that a client hardly means: JavaScript's values turned into words, all true to PHP. */
const ODD = new Set(['false', 'undefined', 'null', 'NaN', '[object Object]']);

/** Names of the variables whose value is such a text. */
export function oddTexts(body: PhpBody): string[] {
  return Object.entries(body.sent).flatMap(([name, value]) => (ODD.has(value) ? name : []));
}
