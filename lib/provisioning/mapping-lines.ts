/** The items of an order seen together: what is in stock, what WHMCS would merge, and the lines of AddOrder. Pure. */
import { cut } from '../salesforce/texts';
import type { Product } from '../whmcs/contract';
import { Faults, type MappedFieldNames } from './mapping-faults';
import type { MappedItem } from './message';

/** PHP drops all fields beyond the 1,000th without a word; a line of AddOrder may have nine. */
const maxLines = 100;

export interface Selling {
  /** What WHMCS sells, by pid. */
  known: ReadonlyMap<number, Product>;
  /** Whether it takes quantities. */
  takes: boolean;
  /** Whether its stock is less by this very Order. unknown: the store may have lost that. */
  stockTaken: 'yes' | 'no' | 'unknown';
  /** Whether our mark goes into a custom field of each service. */
  marked: boolean;
}

const several = (item: MappedItem): boolean => item.quantity > 1;
/** 0 where the product is not set up for quantities, or does not tell. */
const allowed = (item: MappedItem, known: Selling['known']): 0 | 1 | 2 => known.get(item.pid ?? 0)?.allowQuantity ?? 0;
/** What WHMCS tells two lines apart by. */
const keyOf = (item: MappedItem): string => {
  const { pid, billingCycle, domain, hostname, customFields, configOptions, priceOverride } = item;
  return JSON.stringify([pid, billingCycle, domain, hostname, customFields, configOptions, priceOverride]);
};

/** Whether it matters if this WHMCS takes quantities. */
export function asksForQuantities(items: readonly MappedItem[], known: Selling['known']): boolean {
  return items.some((item) => several(item) && allowed(item, known) > 0) || twins(items, known).size > 0;
}

/**
 * Quantities exist since 8.12, for products that are set up for them; else each unit is a line. Units that are services of
 * their own take no configuration each (reference whmcs §1.7): nothing says that all get a field or an option, be it the
 * first choice of one that is not fed, so those are a line each, too. Our mark in a custom field is one.
 */
function isOneLine(item: MappedItem, selling: Selling): boolean {
  if (!several(item)) return true;
  const { known, takes } = selling;
  return takes && (allowed(item, known) === 2 || (allowed(item, known) === 1 && !isConfigured(item, selling)));
}

const isConfigured = (item: MappedItem, { known, marked }: Selling): boolean =>
  marked ||
  item.customFields !== undefined ||
  item.configOptions !== undefined ||
  (known.get(item.pid ?? 0)?.configOptions ?? []).length > 0;

/** The items with those faults added that show only when they are seen together. */
export function checkTogether(items: readonly MappedItem[], selling: Selling, names: MappedFieldNames): MappedItem[] {
  const units = new Map<number, number>();
  for (const item of items) {
    const { pid, quantity } = item;
    if (pid !== null && isCount(item)) units.set(pid, (units.get(pid) ?? 0) + quantity);
  }
  const same = selling.takes ? twins(items, selling.known) : new Map<MappedItem, MappedItem[]>();
  const count = items.reduce((sum, item) => sum + linesOf(item, selling), 0);
  return items.map((item, at) => {
    const faults = new Faults(names);
    const stock = selling.known.get(item.pid ?? 0)?.stock ?? null;
    const asked = units.get(item.pid ?? 0) ?? 0;
    if (stock !== null && asked > stock) {
      const message = `WHMCS has ${stock} of product ${item.pid} in stock, the order asks for ${asked}`;
      const lost = 'the store may have lost that WHMCS holds this Order already';
      if (selling.stockTaken === 'no') faults.tell('STOCK_SHORT', message);
      else if (selling.stockTaken === 'unknown') faults.tell('STOCK_UNSURE', `${message}; ${lost}`);
    }
    const group = same.get(item);
    if (group) {
      const places = group.map((one) => items.indexOf(one) + 1).join(' and ');
      faults.tell('ITEMS_MERGE', `WHMCS may make one service of items ${places}, which are the same to it`);
    }
    if (isCount(item) && several(item) && !isOneService(item, selling) && (item.domain ?? item.hostname)) {
      const message = `${item.quantity} services cannot share '${cut(item.domain ?? item.hostname ?? '', 60)}'`;
      faults.tell('DOMAIN_SHARED', message);
    }
    if (at >= maxLines) {
      const message = `item ${at + 1} of ${items.length}: an order has ${maxLines} lines in WHMCS at most`;
      faults.tell('TOO_MANY_ITEMS', message);
    }
    if (count > maxLines && linesOf(item, selling) > 1) {
      const message = `quantity ${item.quantity}: the order would have ${count} lines in WHMCS, ${maxLines} at most`;
      faults.tell('TOO_MANY_LINES', message, fewerLines(item, selling));
    }
    const warnings = [...(item.warnings ?? []), ...faults.warnings];
    return {
      ...item,
      faults: [...item.faults, ...faults.faults],
      ...(warnings.length > 0 ? { warnings } : {}),
    };
  });
}

/** Not with a quantity that is wrong by itself: what comes of it is no fault of the others. */
const isCount = ({ quantity, faults }: MappedItem): boolean =>
  Number.isInteger(quantity) && quantity > 0 && !faults.some(({ code }) => code === 'QUANTITY_TOO_HIGH');

/** undefined: as the table says. */
function fewerLines(item: MappedItem, selling: Selling): string | undefined {
  if (!selling.takes || allowed(item, selling.known) !== 1) return undefined;
  return 'Set Allow Multiple Quantities of the product to Scaling Service in WHMCS, if its units may be one service, or split the Order.';
}

const isOneService = (item: MappedItem, { known, takes }: Selling): boolean => takes && allowed(item, known) === 2;

const linesOf = (item: MappedItem, selling: Selling): number =>
  isCount(item) && !isOneLine(item, selling) ? item.quantity : 1;

/**
 * Items that WHMCS may take for one: a scaling service holds its units itself, so two equal ones can end as one service, and
 * nothing would tell which item it is of. Services that are made one for each unit stay apart.
 */
function twins(items: readonly MappedItem[], known: Selling['known']): Map<MappedItem, MappedItem[]> {
  const groups = new Map<string, MappedItem[]>();
  for (const item of items) {
    if (item.billingCycle === null || allowed(item, known) !== 2) continue;
    groups.set(keyOf(item), [...(groups.get(keyOf(item)) ?? []), item]);
  }
  return new Map(
    [...groups.values()].filter((group) => group.length > 1).flatMap((group) => group.map((item) => [item, group])),
  );
}

/** The lines of AddOrder for items without a fault. */
export function inLines(items: readonly MappedItem[], selling: Selling): MappedItem[] {
  return items.flatMap((item) =>
    isOneLine(item, selling) ? [item] : Array.from({ length: item.quantity }, () => ({ ...item, quantity: 1 })),
  );
}
