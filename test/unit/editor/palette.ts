/** The html of the nodes as the editor runs it: each script in a context of its own, with a stand-in for RED. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createContext, runInContext } from 'node:vm';

export const root = join(__dirname, '..', '..', '..');

/** In the order of the palette; config nodes first. */
export const types = [
  'sf-connection',
  'whmcs-connection',
  'provisioning-store',
  'sf-platform-event-in',
  'sf-get-order',
  'whmcs-client-check',
  'mapping-check',
  'whmcs-add-order',
  'whmcs-accept-order',
  'sf-update-order',
  'sf-event-done',
  'provisioning-control',
  'provisioning-health',
] as const;
export type Type = (typeof types)[number];
export const configTypes: readonly Type[] = ['sf-connection', 'whmcs-connection', 'provisioning-store'];

export interface Property {
  value: unknown;
  type?: string;
  required?: boolean;
  validate?: (this: unknown, value: unknown, opt: object) => true | string;
}

type InNode<T> = (this: object, ...args: never[]) => T;

export interface Definition {
  category: string;
  color?: string;
  icon?: string;
  align?: string;
  inputs?: number;
  outputs?: number;
  defaults: Record<string, Property>;
  credentials?: Record<string, { type: string }>;
  label: InNode<string>;
  paletteLabel?: InNode<string>;
  outputLabels?: (this: object, index: number) => string;
  oneditprepare: InNode<void>;
  oneditsave: InNode<void>;
}

export interface Loaded {
  definition: Definition;
  /** What is inside of `<script type="text/html" data-template-name>`. */
  form: string;
  /** What is inside of `<script type="text/html" data-help-name>`. */
  help: string;
  /** The whole html of the node, and the catalogue of its words. */
  source: string;
  words: Record<string, unknown>;
}

const fileOf = (type: Type, ...rest: string[]): string => join(root, 'nodes', type, ...rest);

export const resourceFile = join(root, 'resources', 'order-provisioning-editor.js');
export const resourceUrl = 'resources/@sf-whmcs/node-red-order-provisioning/order-provisioning-editor.js';

/** Keys of RED._ that were asked for, with their values, since the last `asked.length = 0`. */
export const asked: { key: string; values: Record<string, unknown> }[] = [];
/** Fields of the form that is open, as `$('#node-input-x').val()` gives them; none is open by default. */
export const openForm: { nodeId: string | null; values: Record<string, string> } = { nodeId: null, values: {} };

function $(selector: string): object {
  const id = selector.replace(/^#node-(config-)?input-/, '');
  const there = openForm.nodeId !== null && id in openForm.values;
  return {
    length: there ? 1 : 0,
    val: () => openForm.values[id],
    closest: () => ({ data: () => openForm.nodeId }),
  };
}

/** Runs a node's html, after the script that all forms share. */
export function load(type: Type): Loaded {
  const source = readFileSync(fileOf(type, `${type}.html`), 'utf8');
  const help = readFileSync(fileOf(type, 'locales', 'en-US', `${type}.html`), 'utf8');
  const words = JSON.parse(readFileSync(fileOf(type, 'locales', 'en-US', `${type}.json`), 'utf8')) as Record<
    string,
    unknown
  >;
  const registered: [string, Definition][] = [];
  const RED = {
    _(key: string, values: Record<string, unknown> = {}) {
      asked.push({ key, values });
      return key;
    },
    nodes: { registerType: (name: string, definition: Definition) => registered.push([name, definition]) },
  };
  const document = { createElement: () => ({}), head: { appendChild: () => undefined } };
  const context = createContext({ RED, $, document });
  runInContext('window = globalThis', context);
  runInContext(readFileSync(resourceFile, 'utf8'), context);
  runInContext(between(source, /<script type="text\/javascript">/), context);
  const only = registered[0];
  if (registered.length !== 1 || only === undefined || only[0] !== type)
    throw new Error(`${type}.html registers ${registered.map(([name]) => name).join(', ') || 'nothing'}`);
  return {
    definition: only[1],
    form: between(source, new RegExp(`<script type="text/html" data-template-name="${type}">`)),
    help: between(help, new RegExp(`<script type="text/html" data-help-name="${type}">`)),
    source,
    words,
  };
}

function between(source: string, opening: RegExp): string {
  const found = opening.exec(source);
  if (found === null) throw new Error(`no ${opening.source}`);
  const from = found.index + found[0].length;
  return source.slice(from, source.indexOf('</script>', from));
}

/** The word of a key in a catalogue; undefined when there is none. */
export function word(words: Record<string, unknown>, key: string): string | undefined {
  const found = key
    .split('.')
    .reduce<unknown>(
      (at, part) =>
        typeof at === 'object' && at !== null ? Object.entries(at).find(([name]) => name === part)?.[1] : undefined,
      words,
    );
  return typeof found === 'string' ? found : undefined;
}

/** A node of this type in the editor, with its defaults and with words in English. */
export function nodeOf(
  type: Type,
  { definition, words }: Loaded,
  properties: Record<string, unknown> = {},
): Record<string, unknown> {
  const defaults = Object.fromEntries(Object.entries(definition.defaults).map(([name, { value }]) => [name, value]));
  return {
    id: `${type}-1`,
    type,
    _def: definition,
    _: (key: string) => word(words, key) ?? key,
    ...defaults,
    ...properties,
  };
}

/** The verdict of a property's validator on a value. */
export function verdict(
  type: Type,
  loaded: Loaded,
  field: string,
  value: unknown,
  properties: Record<string, unknown> = {},
): true | string {
  const validate = loaded.definition.defaults[field]?.validate;
  return validate === undefined ? true : validate.call(nodeOf(type, loaded, properties), value, {});
}

/** HTML entities as text. */
export const decoded = (html: string): string =>
  html.replaceAll('&lt;', '<').replaceAll('&gt;', '>').replaceAll('&quot;', '"').replaceAll('&amp;', '&');

/** Text of a piece of html, on one line. */
export const textOf = (html: string): string =>
  decoded(html.replace(/<[^>]*>/g, ''))
    .replace(/\s+/g, ' ')
    .trim();
