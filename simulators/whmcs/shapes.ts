import { type WhmcsSwitches } from './switches';

/** Keys whose documented strings some installations print as numbers. */
const ID_KEYS = new Set(
  `id qty clientid orderid ordernumber ordernum pid serverid promoid totalresults startnumber numreturned invoiceid
  serviceid serviceids productids relid userid contact_id count`.split(/\s+/),
);

/** What the switches do to an answer's JSON. One is made for each call. */
export class Shapes {
  constructor(private readonly switches: Readonly<WhmcsSwitches>) {}

  /** A user's text as WHMCS stores and prints it: htmlspecialchars with quotes, unless switched off. */
  text(value: string): string {
    if (this.switches.entities === 'plain') return value;
    return value
      .replaceAll('&', '&amp;')
      .replaceAll('"', '&quot;')
      .replaceAll("'", '&#039;')
      .replaceAll('<', '&lt;')
      .replaceAll('>', '&gt;');
  }

  /** A list in WHMCS's way: `{ order: [...] }`. undefined: leave the key out. */
  list(name: string, items: object[]): unknown {
    if (items.length === 0) return this.empty({ [name]: [] });
    return { [name]: this.few(items) };
  }

  /** A list without a name inside, such as paymethods. undefined: leave the key out. */
  plainList(items: object[]): unknown {
    return items.length === 0 ? this.empty([]) : this.few(items);
  }

  /** `2026-11-20 09:14:02` in the installation's local time. */
  dateTime(at: number): string {
    const local = new Date(at + this.switches.timeZoneOffsetMinutes * 60_000);
    return local.toISOString().slice(0, 19).replace('T', ' ');
  }

  date(at: number): string {
    return this.dateTime(at).slice(0, 10);
  }

  /** AddOrder's invoiceid. undefined: leave the key out. */
  invoiceId(id: number | null): unknown {
    if (id !== null) return id;
    return { zero: 0, empty: '', null: null, absent: undefined }[this.switches.noInvoiceId];
  }

  /** The whole answer: JSON as PHP's json_encode writes it, numbers and prefix as the switches say. */
  json(body: Record<string, unknown>): string {
    const isError = body.result === 'error';
    return this.prefix() + phpJson(this.numbers(body, ''), isError);
  }

  private prefix(): string {
    const warning =
      '<br />\n<b>Warning</b>:  Undefined array key "language" in <b>/home/billing/includes/hooks/crm.php</b> on line <b>12</b><br />\n';
    return { none: '', bom: '\uFEFF', warning }[this.switches.prefix];
  }

  private empty(inner: object): unknown {
    const forms = { inner, array: [], string: '', object: {}, missing: undefined, null: null };
    return forms[this.switches.emptyList];
  }

  private few(items: object[]): unknown {
    const [item] = items;
    if (items.length > 1 || item === undefined) return items;
    return { array: items, object: item, numericKeys: { 0: item } }[this.switches.oneItemList];
  }

  private numbers(value: unknown, key: string): unknown {
    const mode = this.switches.numbers;
    if (mode === 'documented') return value;
    if (Array.isArray(value)) return value.map((item: unknown) => this.numbers(item, key));
    if (typeof value === 'object' && value !== null) {
      return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, this.numbers(inner, name)]));
    }
    if (mode === 'strings') return typeof value === 'number' ? String(value) : value;
    const canonical = typeof value === 'string' && ID_KEYS.has(key) && /^(0|[1-9]\d{0,14})$/.test(value);
    return canonical ? Number(value) : value;
  }
}

/** json_encode: `\/`, non-ASCII as \uXXXX; in errors quotes as \u0022. */
function phpJson(body: unknown, hexQuotes: boolean): string {
  return JSON.stringify(body).replace(/\\.|\/|[\u0080-\uffff]/g, (found) => {
    if (found === '/') return '\\/';
    if (found.startsWith('\\')) return hexQuotes && found === '\\"' ? '\\u0022' : found;
    return `\\u${found.charCodeAt(0).toString(16).padStart(4, '0')}`;
  });
}

/** The old default form, `result=error;message=...;`: the top level's scalars. */
export function nvp(body: Record<string, unknown>): string {
  return Object.entries(body)
    .filter(([, value]) => typeof value !== 'object')
    .map(([name, value]) => `${name}=${String(value)};`)
    .join('');
}
