/**
 * Settings of a node, declared once and read from its config: text, numbers, yes or no, a choice.
 *
 * Node-RED has replaced a whole `${NAME}` by its value before a node sees it, and leaves it as it is when the variable
 * is not set. So the empty text and a `${NAME}` that is still there both mean unset: a setting that may be absent takes
 * its default (an empty limit alone is no limit), one that is needed is SETTING_MISSING. Pure: the same reading serves the
 * nodes and the form's hints.
 */
import { furtherField } from '../../lib/salesforce/further-fields';

export {
  optionalSecret,
  readSecrets,
  secret,
  secretUnless,
  secretWhen,
  type DeclaredSecrets,
  type Environment,
  type Secrets,
} from './secrets';

/** How one raw value reads: a value, or what is wrong with it ("must be …", without the value itself). */
type Parsed<T> = { value: T } | { fault: string };

export interface Setting<T> {
  /** Taken when unset. null: it goes without. */
  readonly fallback: T;
  readonly needed: boolean;
  /** What an empty field stands for where that is not the default. A property that an older flow lacks is unset all the same. */
  readonly empty?: { readonly value: T };
  /** Never called with an empty text or an unset variable. */
  parse(raw: string | number | boolean): Parsed<T>;
}

export type Declared = Readonly<Record<string, Setting<unknown>>>;
export type ValuesOf<D extends Declared> = { [K in keyof D]: D[K] extends Setting<infer T> ? T : never };

export interface SettingProblem {
  code: 'SETTING_MISSING' | 'SETTING_INVALID';
  /** Name of the property. */
  field: string;
  /** The variable that the field names and that is not set. */
  variable?: string;
  /** A whole sentence with the field's name in it. */
  message: string;
  /** The fault is another node's, which has said so. */
  elsewhere?: true;
}

export interface Settings<D extends Declared> {
  /** To be used only when there are no problems: a field with a problem holds its default, or '' when it is needed. */
  values: ValuesOf<D>;
  problems: SettingProblem[];
  /** Defaults that were taken because a variable or field is empty: to be told once at start. */
  notes: string[];
}

/** How one field reads. `variable` is the one that is named and not set. */
export type Reading<T> =
  | { state: 'value'; value: T }
  | { state: 'default' | 'unset' | 'missing'; value: T; variable: string | null }
  | { state: 'invalid'; value: T; fault: string };

// ------------------------------------------------------------------ kinds

/** Text, trimmed. Without a default it may be absent: null. */
export function text(fallback: string): Setting<string>;
export function text(): Setting<string | null>;
export function text(fallback: string | null = null): Setting<string | null> {
  return { fallback, needed: false, parse: plainText };
}

/** Text that must be there. */
export function needed(): Setting<string> {
  return { fallback: '', needed: true, parse: plainText };
}

/** A whole number between `min` and `max`, both included. With null for a default it may be absent. */
export function whole(fallback: number, range: { min: number; max: number }): Setting<number>;
export function whole(fallback: null, range: { min: number; max: number }): Setting<number | null>;
export function whole(fallback: number | null, range: { min: number; max: number }): Setting<number | null> {
  return { fallback, needed: false, parse: (raw) => wholeNumber(raw, range, '') };
}

/** A limit, a whole number up to `max`. An empty field and 0 are no limit: null. */
export function limit(fallback: number, { max }: { max: number }): Setting<number | null> {
  return {
    fallback,
    needed: false,
    empty: { value: null },
    parse(raw) {
      const read = wholeNumber(raw, { min: 0, max }, '');
      return 'value' in read && read.value === 0 ? { value: null } : read;
    },
  };
}

/** A duration. The value stays in whole seconds, as the form shows it. */
export function secondsSetting(fallback: number, range: { min: number; max: number }): Setting<number> {
  return { fallback, needed: false, parse: (raw) => wholeNumber(raw, range, ' of seconds') };
}

/** true or false; from the environment also yes, no, on, off, 1 and 0, in any case. */
export function yesNo(fallback: boolean): Setting<boolean> {
  return {
    fallback,
    needed: false,
    parse(raw) {
      const word = String(raw).trim().toLowerCase();
      if (['true', 'yes', 'on', '1'].includes(word)) return { value: true };
      if (['false', 'no', 'off', '0'].includes(word)) return { value: false };
      return { fault: 'must be true or false' };
    },
  };
}

/** One of these words, in any case. */
export function choice<const T extends string>(options: readonly T[], fallback: NoInfer<T>): Setting<T> {
  return {
    fallback,
    needed: false,
    parse(raw) {
      const word = String(raw).trim().toLowerCase();
      const found = options.find((option) => option.toLowerCase() === word);
      return found === undefined ? { fault: `must be one of ${options.join(', ')}` } : { value: found };
    },
  };
}

/** Servers as `host:port`, with commas between them; without a port, this one. It may be absent: null. */
export function servers(defaultPort: number): Setting<readonly string[] | null> {
  return {
    fallback: null,
    needed: false,
    parse(raw) {
      const found = String(raw)
        .split(/[\s,;]+/)
        .filter((word) => word !== '')
        .map((word) => (/:\d+$/.test(word) ? word : `${word}:${defaultPort}`));
      const right = found.every((word) => /^(?:[\w.-]+|\[[\da-fA-F:.]+\]):\d{1,5}$/.test(word));
      return right ? { value: found } : { fault: 'must be host:port, with commas between several' };
    },
  };
}

/** A field of Salesforce, by its path from an item: `OrderItem.Domain__c`; a name alone is of the product. */
export function fieldPath(fallback: string): Setting<string>;
export function fieldPath(): Setting<string | null>;
export function fieldPath(fallback: string | null = null): Setting<string | null> {
  return { fallback, needed: false, parse: (raw) => onePath(String(raw)) };
}

/** Ids in WHMCS, each with the path that feeds it: `12=OrderItem.Seat__c, 13=Order.PoNumber`. It may be absent: null. */
export function pathsByIds(): Setting<readonly string[] | null> {
  return {
    fallback: null,
    needed: false,
    parse(raw) {
      const pairs = String(raw)
        .split(/[,;\n]+/)
        .map((pair) => pair.trim())
        .filter((pair) => pair !== '');
      const found = pairs.map((pair) => /^([1-9]\d{0,8})\s*=\s*(\S+)$/.exec(pair));
      const ids = found.map((one) => one?.[1]);
      const right = found.every((one) => one?.[2] !== undefined && furtherField(one[2]) !== null);
      return right && new Set(ids).size === ids.length
        ? { value: found.map((one) => `${one?.[1]}=${one?.[2]}`) }
        : { fault: 'must be id=field, each id once, with commas between several' };
    },
  };
}

function onePath(raw: string): Parsed<string> {
  return furtherField(raw) === null ? { fault: 'must be a field such as OrderItem.Domain__c' } : { value: raw.trim() };
}

// ---------------------------------------------------------------- reading

/** The variable in a text that is `${NAME}` or `$(NAME)` as a whole, else null. */
export function variableIn(raw: unknown): string | null {
  const found = typeof raw === 'string' ? /^\s*\$(?:\{([^{}\s]+)\}|\(([^()\s]+)\))\s*$/.exec(raw) : null;
  return found?.[1] ?? found?.[2] ?? null;
}

/** Reads one field as Node-RED hands it to the node. */
export function readSetting<T>(setting: Setting<T>, raw: unknown): Reading<T> {
  const { fallback } = setting;
  const variable = variableIn(raw);
  if (setting.empty !== undefined && typeof raw === 'string' && isEmpty(raw))
    return { state: 'value', value: setting.empty.value };
  if (variable !== null || isEmpty(raw)) {
    if (setting.needed) return { state: 'missing', value: fallback, variable };
    return { state: fallback === null ? 'unset' : 'default', value: fallback, variable };
  }
  if (typeof raw !== 'string' && typeof raw !== 'number' && typeof raw !== 'boolean') {
    return { state: 'invalid', value: fallback, fault: 'must be a text, a number, or true or false' };
  }
  if (typeof raw === 'string' && /\$\{[^{}\s]+\}/.test(raw)) {
    return {
      state: 'invalid',
      value: fallback,
      fault: 'holds a variable inside a longer text, which is not replaced: put the whole value into one variable',
    };
  }
  const parsed = setting.parse(raw);
  return 'value' in parsed
    ? { state: 'value', value: parsed.value }
    : { state: 'invalid', value: fallback, fault: parsed.fault };
}

/** Reads every declared setting of a node's config. Pure; never throws. */
export function readSettings<D extends Declared>(declared: D, config: Readonly<Record<string, unknown>>): Settings<D> {
  const values: Record<string, unknown> = {};
  const problems: SettingProblem[] = [];
  const notes: string[] = [];
  for (const [field, setting] of Object.entries(declared)) {
    const raw = config[field];
    const reading = readSetting(setting, raw);
    values[field] = reading.value;
    switch (reading.state) {
      case 'missing':
        problems.push(missing(field, reading.variable));
        break;
      case 'invalid':
        problems.push({ code: 'SETTING_INVALID', field, message: `${field} ${reading.fault}; it is ${shown(raw)}.` });
        break;
      case 'default':
        // A property that an older flow does not have is no news.
        if (raw !== undefined)
          notes.push(
            `${field}: ${reading.variable === null ? 'empty' : `${reading.variable} is not set`}; ${String(reading.value)} is used.`,
          );
        break;
      case 'unset':
        if (reading.variable !== null) notes.push(`${field}: ${reading.variable} is not set; it goes without.`);
        break;
      case 'value':
    }
  }
  return { values: values as ValuesOf<D>, problems, notes };
}

function missing(field: string, variable: string | null): SettingProblem {
  if (variable === null) {
    return {
      code: 'SETTING_MISSING',
      field,
      message: `${field} is empty: fill it in, or name a variable there as \${NAME}.`,
    };
  }
  return {
    code: 'SETTING_MISSING',
    field,
    variable,
    message: `${field} is not set: set the variable ${variable}, or fill in the field.`,
  };
}

/** Settings that do not work together, or at all, by the error that says why. */
export function invalid(field: string, error: unknown): SettingProblem {
  return { code: 'SETTING_INVALID', field, message: error instanceof Error ? error.message : String(error) };
}

const isEmpty = (raw: unknown): boolean =>
  raw === undefined || raw === null || (typeof raw === 'string' && raw.trim() === '');

function plainText(raw: string | number | boolean): Parsed<string> {
  return { value: String(raw).trim() };
}

function wholeNumber(
  raw: string | number | boolean,
  { min, max }: { min: number; max: number },
  unit: string,
): Parsed<number> {
  const number = typeof raw === 'boolean' ? NaN : Number(raw);
  if (Number.isInteger(number) && number >= min && number <= max) return { value: number };
  return { fault: `must be a whole number${unit} from ${min} to ${max}` };
}

/** A wrong value as a message may show it: short, on one line. */
function shown(raw: unknown): string {
  const line = JSON.stringify(raw) ?? String(raw);
  return line.length > 40 ? `${line.slice(0, 39)}…` : line;
}
