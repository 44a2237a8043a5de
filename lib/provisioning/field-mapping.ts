/** Which Salesforce field feeds which field of an AddOrder item, and what it feeds. Pure. */
import { defaultFieldNames } from '../salesforce/contract';
import { cut } from '../salesforce/texts';
import type { AddOrderItem, Product } from '../whmcs/contract';
import { chosenOf } from './chosen-option';
import type { Faults } from './mapping-faults';
import type { OrderPart } from './message';

/** All values are paths of fields: `OrderItem.Domain__c`, `Order.…`, `Account.…`; a name alone is of the product. */
export interface FieldMapping {
  productId: string;
  billingCycle: string;
  domain: string | null;
  hostname: string | null;
  priceOverride: string | null;
  /** By id in WHMCS. */
  customFields: Readonly<Record<number, string>>;
  configOptions: Readonly<Record<number, string>>;
}

export const defaultFieldMapping: FieldMapping = {
  productId: defaultFieldNames.productId,
  billingCycle: defaultFieldNames.billingCycle,
  domain: null,
  hostname: null,
  priceOverride: null,
  customFields: {},
  configOptions: {},
};

/** What an item of AddOrder may have besides product, cycle and quantity. */
export type ItemFields = Pick<AddOrderItem, 'domain' | 'hostname' | 'customFields' | 'configOptions' | 'priceOverride'>;

type Item = OrderPart['items'][number];

/** The paths that are to be read for a mapping, beside those of product and cycle. */
export function furtherPaths({ domain, hostname, priceOverride, customFields, configOptions }: FieldMapping): string[] {
  const single = [domain, hostname, priceOverride].filter((path) => path !== null);
  return [...new Set([...single, ...Object.values(customFields), ...Object.values(configOptions)])];
}

/** Values by id, from `id=path` texts. */
export const pathsById = (pairs: readonly string[]): Record<number, string> =>
  Object.fromEntries(
    pairs.map((pair) => {
      const [id = '', path = ''] = pair.split('=');
      return [Number(id), path.trim()];
    }),
  );

/** The fields of an item, and their faults. An empty field of Salesforce feeds nothing. */
export function itemFields(
  item: Pick<Item, 'fields'>,
  mapping: FieldMapping,
  product: Product | undefined,
  faults: Faults,
): ItemFields {
  const value = (path: string | null): string | null =>
    path === null ? null : (item.fields?.[path]?.trim() ?? '') || null;
  const name = (path: string | null, isRight: (text: string) => boolean, what: string): string | undefined => {
    const text = value(path);
    if (path === null || text === null) return undefined;
    if (isRight(text)) return text;
    if (isRight(text.replace(unseen, '')))
      faults.tell('DOMAIN_INVALID', `${path} '${shown(text)}' holds a sign that cannot be seen`, typeAnew);
    else faults.tell('DOMAIN_INVALID', `${path} '${shown(text)}' is no ${what} name`);
    return undefined;
  };
  const fields: ItemFields = {};
  const domain = name(mapping.domain, isDomain, 'domain');
  if (domain !== undefined) fields.domain = domain;
  const hostname = name(mapping.hostname, isHostname, 'host');
  if (hostname !== undefined) fields.hostname = hostname;
  const price = value(mapping.priceOverride);
  if (price !== null) {
    const money = moneyOf(price);
    if (money === null) faults.tell('PRICE_INVALID', `${mapping.priceOverride} '${shown(price)}' is no price`);
    else fields.priceOverride = money;
    // Whether WHMCS bills it then, or leaves the price out, is not documented.
    if (money !== null && Number(money) > 0 && product?.payType === 'free')
      faults.tell(
        'PRICE_OF_FREE',
        `WHMCS product ${product.pid} is free, and ${mapping.priceOverride} says ${money}: WHMCS may bill that, or nothing`,
      );
  }
  const texts = Object.entries(mapping.customFields).flatMap(([id, path]) => {
    const text = value(path);
    return text === null ? [] : [[Number(id), text] as const];
  });
  if (texts.length > 0) fields.customFields = Object.fromEntries(texts);
  const options = Object.entries(mapping.configOptions).flatMap(([id, path]) => {
    const text = value(path);
    // Of a product that WHMCS does not know there is nothing to say.
    if (text === null || product === undefined) return [];
    const option = product.configOptions?.find((one) => one.id === Number(id));
    // An option that the product does not have: it is another product's.
    if (product.configOptions !== undefined && option === undefined) return [];
    const chosen = chosenOf(text, option);
    if ('value' in chosen) return [[Number(id), chosen.value] as const];
    const message = `${path} '${shown(text)}' is no value of option ${id}, ${chosen.wrong}`;
    faults.tell('OPTION_INVALID', message, chosen.fix);
    return [];
  });
  if (options.length > 0) fields.configOptions = Object.fromEntries(options);
  return fields;
}

const shown = (text: string): string => cut(text, 30);

/** Comes along when a name is copied from a page or a mail. The two joiners are letters' own in some scripts. */
const unseen = /(?![\u200C\u200D])\p{Cf}/gu;
const typeAnew = 'Delete the value of the field named here, and type it anew instead of copying it.';

/** Of any script; WHMCS takes whatever it is given, and sets it up. A service may be ordered for `*.` and `_sip.` names. */
const signs = /^[^\s\p{Cc}\p{Cs}<>"'/\\@:,;=&?#|%$!()[\]{}^`~+]{1,253}$/u;
/** DNS takes no label that is empty, longer than 63, or with a hyphen at an end. */
const label = /^(?!-).{1,63}(?<!-)$/u;

/** The labels of a name; null: it is none. A dot at the end is the root. */
function labelsOf(text: string): string[] | null {
  if (!signs.test(text) || text.replace(unseen, '') !== text) return null;
  const labels = text.replace(/\.$/, '').split('.');
  return labels.every((one) => label.test(one)) ? labels : null;
}

/** With a dot, so no TBD; the last label is a top-level domain: no number, so no 12.50, and no single letter, so no n.a. */
function isDomain(text: string): boolean {
  const labels = labelsOf(text);
  return labels !== null && labels.length > 1 && !/^(?:\d+|[a-z])$/i.test(labels.at(-1) ?? '');
}

/** What people write where they have no name yet; a host may have one of a single label. */
const placeholders: ReadonlySet<string> = new Set(
  'na n.a tba tbc tbd todo nil none null undefined unknown pending x xx xxx'.split(' '),
);

/** Also one of a single label: nothing says that WHMCS needs a host name with a domain. */
const isHostname = (text: string): boolean =>
  labelsOf(text) !== null && !placeholders.has(text.replace(/\.$/, '').toLowerCase());

/** "15.50": dot decimal, no more than two places, which WHMCS would cut off. */
function moneyOf(text: string): string | null {
  const [, whole, cents = ''] = /^(\d{1,9})(?:\.(\d{1,2})0*)?$/.exec(text) ?? [];
  return whole === undefined ? null : `${Number(whole)}.${cents.padEnd(2, '0')}`;
}
