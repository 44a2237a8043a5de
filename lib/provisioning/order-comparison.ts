/** What was asked for against what WHMCS holds. Pure. */
import type { Service } from '../whmcs/contract';
import type { AskedItem } from './order-record';

/** WHMCS spells a cycle differently in each answer: `semiannually`, `Semi-Annually`, `One Time`, `Free Account`. */
const cycleKey = (cycle: string): string => {
  const letters = cycle.toLowerCase().replace(/[^a-z]/g, '');
  return letters === 'freeaccount' ? 'free' : letters;
};

const keyOf = (pid: number, cycle: string): string => `product ${pid} ${cycleKey(cycle)}`;
/** 0 and absence mean one. */
const unitsOf = (service: Service): number => Math.max(1, service.quantity);
const hasOptions = ({ options = [] }: Service): boolean => options.length > 0;

function counted<T>(things: readonly T[], key: (thing: T) => string, units: (thing: T) => number): Map<string, number> {
  const counts = new Map<string, number>();
  for (const thing of things) counts.set(key(thing), (counts.get(key(thing)) ?? 0) + units(thing));
  return counts;
}

/**
 * Products × quantity and cycles that differ, in plain words; none: they are the same. Ten services of one unit equal one
 * service of ten, since the product's own setting decides that.
 */
export function differences(asked: readonly AskedItem[], services: readonly Service[]): string[] {
  const wanted = counted(
    asked,
    (item) => keyOf(item.pid, item.billingCycle),
    (item) => item.quantity,
  );
  const there = counted(services, (service) => keyOf(service.pid, service.billingCycle), unitsOf);
  return [...new Set([...wanted.keys(), ...there.keys()])]
    .filter((key) => wanted.get(key) !== there.get(key))
    .map((key) => `${key}: asked for ${wanted.get(key) ?? 0}, WHMCS has ${there.get(key) ?? 0}`);
}

/**
 * Configurable options that WHMCS has at another value than was asked for, in plain words: it takes what it does not
 * understand, or what is out of bounds, for the least. Options that are no quantity are not compared, nor those that it does
 * not tell of every service of the product: silence is no value. Which service is whose is not asked: as many units must have
 * a value as were asked for.
 */
export function optionDifferences(asked: readonly AskedItem[], services: readonly Service[]): string[] {
  const wanted = asked.flatMap((item) =>
    Object.entries(item.options ?? {}).map(([id, value]) => ({
      product: keyOf(item.pid, item.billingCycle),
      of: `${keyOf(item.pid, item.billingCycle)}, option ${id}`,
      value,
      units: item.quantity,
    })),
  );
  const there = services.flatMap((service) =>
    (service.options ?? []).map(({ id, value }) => ({
      of: `${keyOf(service.pid, service.billingCycle)}, option ${id}`,
      value,
      units: unitsOf(service),
    })),
  );
  const sold = counted(
    services,
    (service) => keyOf(service.pid, service.billingCycle),
    () => 1,
  );
  const told = counted(
    there,
    ({ of }) => of,
    () => 1,
  );
  const byValue = (one: { of: string; value: number }): string => `${one.of}: ${one.value}`;
  const needed = counted(wanted, byValue, (one) => one.units);
  const found = counted(there, byValue, (one) => one.units);
  const lacking = wanted.filter(
    (one, at) =>
      told.get(one.of) === sold.get(one.product) &&
      (found.get(byValue(one)) ?? 0) < (needed.get(byValue(one)) ?? 0) &&
      wanted.findIndex((other) => byValue(other) === byValue(one)) === at,
  );
  return lacking.map(({ of, value }) => {
    const values = new Set(there.filter((one) => one.of === of).map((one) => one.value));
    return `${of}: asked for ${value}, WHMCS has ${[...values].join(' and ')}`;
  });
}

/**
 * Products and cycles for which WHMCS charges more than the prices that Salesforce gave, in plain words: the customer would
 * be billed another price than was sold, and an invoice cannot be mended afterwards (whmcs.md §1.7: what AddOrder makes of
 * `priceoverride` is not documented beyond one unit of a product without options, so that alone is compared). Less may be
 * this client's discount, which `amountNote` tells of.
 */
function overcharges(asked: readonly AskedItem[], services: readonly Service[]): string[] {
  const kindOf = (one: { pid: number; billingCycle: string }): string => keyOf(one.pid, one.billingCycle);
  return [...new Set(asked.map(kindOf))].flatMap((kind) => {
    const items = asked.filter((item) => kindOf(item) === kind);
    const sold = services.filter((service) => kindOf(service) === kind);
    // An item of a product with options has no price: what they cost is not known.
    const isPlain = items.every((item) => item.priceOverride !== undefined && item.price !== null);
    if (!isPlain || sold.some((service) => unitsOf(service) > 1 || hasOptions(service))) return [];
    const given = items.reduce((sum, item) => sum + cents(item.priceOverride ?? '') * item.quantity, 0);
    const charged = sold.reduce((sum, service) => sum + cents(service.recurringAmount), 0);
    const told = `${kind}: Salesforce says ${money(given)}, WHMCS charges ${money(charged)} a cycle`;
    return charged > given ? [told] : [];
  });
}

/** All that keeps a WHMCS order from being the one that was asked for, in plain words; none: it is. */
export function unlike(asked: readonly AskedItem[], services: readonly Service[]): string[] {
  return [differences, optionDifferences, overcharges].flatMap((compare) => compare(asked, services));
}

/**
 * The price of one cycle, summed over the services, against what the prices come to. Tax and set-up fees are not in it; a
 * discount of this client is. null: equal, or not to be told.
 */
export function amountNote(asked: readonly AskedItem[], services: readonly Service[]): string | null {
  const expected = priceOf(asked);
  if (services.length === 0 || expected === null) return null;
  const there = services.map((service) =>
    cents(cycleKey(service.billingCycle) === 'onetime' ? service.firstPaymentAmount : service.recurringAmount),
  );
  const has = there.reduce((sum, one) => sum + one, 0);
  if (Number.isNaN(has) || has === cents(expected)) return null;
  const by = asked.some((item) => item.priceOverride !== undefined)
    ? 'by the prices of the Order it is'
    : 'its price list says';
  return `WHMCS charges ${money(has)} a cycle, ${by} ${expected}`;
}

/** What items cost for one cycle by their prices, without tax and set-up fees; null where one is not known. */
export function priceOf(items: readonly Pick<AskedItem, 'price' | 'quantity'>[]): string | null {
  if (items.some((item) => item.price === null)) return null;
  const sum = items.reduce((so, item) => so + cents(item.price ?? '0') * item.quantity, 0);
  return money(sum);
}

const cents = (amount: string): number => Math.round(Number(amount) * 100);
const money = (sum: number): string => (sum / 100).toFixed(2);

/**
 * Which service is whose: items and services of the same product and cycle, both in the order in which they were made,
 * as many services as the item's quantity fills.
 */
export function servicesOfItems(
  asked: readonly AskedItem[],
  services: readonly Service[],
): { orderItemId: string; serviceId: number }[] {
  const free = [...services].sort((a, b) => a.id - b.id);
  const pairs: { orderItemId: string; serviceId: number }[] = [];
  for (const item of asked) {
    for (let units = 0; units < item.quantity;) {
      const at = free.findIndex(
        (service) => keyOf(service.pid, service.billingCycle) === keyOf(item.pid, item.billingCycle),
      );
      const [service] = at < 0 ? [] : free.splice(at, 1);
      if (!service) break;
      pairs.push({ orderItemId: item.orderItemId, serviceId: service.id });
      units += unitsOf(service);
    }
  }
  return pairs;
}

/** Live: it works for the customer. */
export const isLive = (service: Service): boolean => /^(active|completed)$/i.test(service.status.trim());
