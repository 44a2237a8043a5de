/** Literals of SOQL: quoted text, LIKE patterns, dates by name. Salesforce reference §4.2. */
import { malformedQuery, notSimulated } from './errors';
import { toDatetime } from './records';

const escapes: Record<string, string> = { n: '\n', r: '\r', t: '\t', b: '\b', f: '\f', '"': '"', "'": "'", '\\': '\\' };
const dayMs = 86_400_000;

/**
 * The text of a quoted literal.
 * @throws ApiError MALFORMED_QUERY for a backslash that SOQL does not know.
 */
export function textOf(literal: string): string {
  return read(
    literal,
    (escaped) => escapes[escaped],
    (plain) => plain,
  );
}

/** LIKE: % is any text, _ one character, both literal after a backslash; case does not matter. */
export function likePattern(literal: string): RegExp {
  const source = read(
    literal,
    (escaped) => (escaped === '_' || escaped === '%' ? escaped : quote(escapes[escaped])),
    (plain) => (plain === '%' ? '[^]*' : plain === '_' ? '[^]' : quote(plain)),
  );
  return new RegExp(`^${source}$`, 'i');
}

function read(
  literal: string,
  onEscape: (character: string) => string | undefined,
  onPlain: (character: string) => string | undefined,
): string {
  let text = '';
  for (let at = 1; at < literal.length - 1; at += 1) {
    if (literal[at] !== '\\') {
      text += onPlain(literal.charAt(at)) ?? '';
      continue;
    }
    at += 1;
    const code = /^u([0-9a-fA-F]{4})/.exec(literal.slice(at));
    const meant = code?.[1] ? onPlain(String.fromCharCode(parseInt(code[1], 16))) : onEscape(literal.charAt(at));
    if (meant === undefined) {
      const sequence = `\\${literal.charAt(at)}`;
      throw malformedQuery(
        `Invalid string literal ${literal}. Illegal character sequence '${sequence}' in string literal.`,
      );
    }
    text += meant;
    if (code) at += 4;
  }
  return text;
}

function quote(text: string | undefined): string | undefined {
  return text?.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
}

/** From (inclusive) and to (exclusive) of a date literal, in days of UTC, as text that compares with stored values. */
export function dateRange(literal: string, type: 'date' | 'dateTime'): (now: number) => [string, string] {
  const [name = '', count = '0'] = literal.toUpperCase().split(':');
  const days = Number(count);
  const spans: Record<string, [number, number]> = {
    TODAY: [0, 1],
    YESTERDAY: [-1, 0],
    TOMORROW: [1, 2],
    LAST_N_DAYS: [-days, 1],
    NEXT_N_DAYS: [1, days + 1],
    N_DAYS_AGO: [-days, -days + 1],
  };
  const span = spans[name];
  if (!span) throw notSimulated(`the date literal ${literal}`);
  return (now) => {
    const today = Math.floor(now / dayMs) * dayMs;
    const write = (day: number) => {
      const at = toDatetime(today + day * dayMs);
      return type === 'date' ? at.slice(0, 10) : at;
    };
    return [write(span[0]), write(span[1])];
  };
}
