/**
 * Random orders against random catalogues: what WHMCS has in its books after AddOrder is what the mapping said, and what the
 * order asked for by the rules as they are written down here once more; and no order that is right is kept back.
 */
import assert from 'node:assert/strict';
import fc from 'fast-check';
import type { MappingPart } from '../../../lib/provisioning/message';
import type { BookedOrder } from '../../../simulators/whmcs/back-office';
import type { WhmcsSwitches } from '../../../simulators/whmcs/switches';
import { item, MappingUnderTest, type Item } from './mapping-under-test';

const cycles = ['monthly', 'quarterly', 'semiannually', 'annually', 'biennially', 'triennially'] as const;
const spelled: Record<string, string> = {
  monthly: 'Monthly',
  quarterly: 'Quarter',
  semiannually: 'Semi-Annual',
  annually: '12 months',
  biennially: 'Every Two Years',
  triennially: 'TRIENNIALLY',
};

type Currency = 'USD' | 'EUR';
interface Option {
  id: number;
  name: string;
  type: 'dropdown' | 'radio' | 'yesno' | 'quantity';
  min: number;
  max: number;
  choices: { id: number; name: string }[];
}
interface Sold {
  allowQuantity: 0 | 1 | 2;
  payType: 'recurring' | 'onetime' | 'free';
  stock: number | null;
  prices: Record<Currency, Record<string, string>>;
  fieldIds: number[];
  options: Option[];
}
interface Asked {
  /** Which of the products; '' is none, 9 is unknown to WHMCS. */
  place: number | '';
  quantity: number;
  /** null: the first one that it is priced for. */
  cycle: string | null;
  twelve: string | null;
  thirteen: string | null;
  price: string | null;
  domain: string | null;
  hostname: string | null;
  /** By option id, as Salesforce holds it. */
  options: Record<number, string | null>;
}
interface Setting {
  version: '8.11' | '8.13' | '9.0';
  currency: Currency;
  /** Of the Order; null: the org has one currency. */
  orderCurrency: Currency | null;
  marked: boolean;
  emptyList: WhmcsSwitches['emptyList'];
  oneItemList: WhmcsSwitches['oneItemList'];
  numbers: WhmcsSwitches['numbers'];
  entities: WhmcsSwitches['entities'];
}

const paths = {
  domain: 'Order.Domain__c',
  hostname: 'OrderItem.Host__c',
  priceOverride: 'OrderItem.UnitPrice',
  customFields: { 12: 'Twelve__c', 13: 'Account.Thirteen__c' },
  configOptions: { 3: 'Three__c', 4: 'Four__c', 5: 'Five__c', 6: 'Six__c' },
};
const markField = 99;

// ------------------------------------------------------------ what may come

const money = fc.integer({ min: -60, max: 99_999 }).map((cents) => (cents < 0 ? '-1.00' : (cents / 100).toFixed(2)));
const priceList = fc.record(Object.fromEntries(cycles.map((cycle) => [cycle, money])));
const choice = (names: string[], first: number) => names.map((name, at) => ({ id: first + at, name }));
const bounds = fc.constantFrom([0, 0], [1, 10], [2, 5], [0, 3]);
const option = (id: number, type: Option['type'], choices: Option['choices']) =>
  fc.option(
    bounds.map(([min = 0, max = 0]): Option => ({ id, name: `Option & ${id}`, type, min, max, choices })),
    { freq: 2 },
  );
const sold: fc.Arbitrary<Sold> = fc.record({
  allowQuantity: fc.constantFrom(0 as const, 1 as const, 2 as const),
  payType: fc.constantFrom('recurring', 'recurring', 'recurring', 'onetime', 'free'),
  stock: fc.option(fc.integer({ min: 1, max: 9 }), { nil: null, freq: 6 }),
  prices: fc.record({ USD: priceList, EUR: priceList }),
  fieldIds: fc.subarray([12, 13]),
  options: fc.oneof(
    fc.constant<Option[]>([]),
    fc
      .tuple(
        // '32' is the name of one choice and the id of another.
        option(3, 'dropdown', choice(['Small', 'Größer & mehr', '32'], 31)),
        option(4, 'radio', choice(['No', 'Yes'], 41)),
        option(5, 'yesno', []),
        option(6, 'quantity', []),
      )
      .map((all) => all.filter((one) => one !== null)),
  ),
});
const text = fc.option(fc.string({ unit: 'grapheme', maxLength: 12 }), { nil: null, freq: 2 });
/** Mostly right, so that many orders can be mapped; now and then not. */
const mostly = <T>(right: fc.Arbitrary<T>, ...wrong: T[]) => often(60, right, ...wrong);
const often = <T>(weight: number, right: fc.Arbitrary<T>, ...wrong: T[]) =>
  fc.oneof({ arbitrary: right, weight }, { arbitrary: fc.constantFrom(...wrong), weight: 1 });
const name = (...names: string[]) =>
  mostly(fc.constantFrom<string | null>(null, null, null, ...names), 'a b', 'https://x');
const said = (...values: string[]) => fc.constantFrom<string | null>(null, null, ...values);
const asked: fc.Arbitrary<Asked> = fc.record({
  place: mostly(fc.constantFrom<number | ''>(0, 1, 2), 9, ''),
  quantity: mostly(fc.constantFrom(1, 1, 2, 3), 0, 1.5, -1, 40, 120),
  cycle: mostly(fc.constant<string | null>(null), 'Quarterly', 'Annually', 'Biannual', 'Weekly', ''),
  twelve: text,
  thirteen: text,
  price: mostly(fc.constantFrom<string | null>(null, null, '0', '1', '2.50', '1234.5'), 'x', '-1', '1.005'),
  domain: name('a.example', 'ž.example'),
  hostname: name('host-1'),
  options: fc.record({
    3: often(16, said('small', '31', ' größer & MEHR ', '33'), '32', '32', 'true', 'Huge'),
    4: often(16, said('true', 'false', 'Yes', '41', 'no'), '1', '0', 'maybe'),
    5: often(16, said('true', 'false', '1', '0', 'Yes', 'no'), '2', 'maybe'),
    6: often(8, said('2', '3', '3.0'), '0', '1', '5', '7', '11', '1.5', 'true'),
  }),
});
const setting: fc.Arbitrary<Setting> = fc.record({
  version: fc.constantFrom('8.11', '8.13', '9.0'),
  currency: fc.constantFrom('USD', 'EUR'),
  orderCurrency: fc.constantFrom(null, null, null, null, 'USD', 'EUR'),
  marked: fc.boolean(),
  // Where a list without items is left out altogether, it is not told: see 'an old WHMCS' in the ledger's tests.
  emptyList: fc.constantFrom('inner', 'array', 'string', 'object', 'null'),
  oneItemList: fc.constantFrom('array', 'object', 'numericKeys'),
  numbers: fc.constantFrom('documented', 'strings', 'numbers'),
  entities: fc.constantFrom('encoded', 'plain'),
});

// ------------------------------------------------ what is right, by the rules

/** Before 8.12 WHMCS tells no bounds of a quantity, so that nothing can be said of them beforehand. */
const withoutBounds = (product: Sold): Sold => ({
  ...product,
  options: product.options.map((one) => ({ ...one, min: 0, max: 0 })),
});

/** What an option becomes; null: the text is none of its values. */
function optionValue({ type, min, max }: Option, said: string): number | null {
  const word = said.trim().toLowerCase();
  switch (type) {
    case 'dropdown':
      return { small: 31, '31': 31, 'größer & mehr': 32, '33': 33 }[word] ?? null;
    case 'radio':
      return { no: 41, false: 41, '41': 41, yes: 42, true: 42, '42': 42 }[word] ?? null;
    case 'yesno':
      return { true: 1, yes: 1, '1': 1, false: 0, no: 0, '0': 0 }[word] ?? null;
    case 'quantity': {
      const count = word === 'true' ? 1 : word === 'false' ? 0 : Number(word);
      return Number.isInteger(count) && count >= min && (max === 0 || count <= max) ? count : null;
    }
  }
}

/** What WHMCS stores for an option that is not fed. */
const leastOf = ({ type, min, choices }: Option): number =>
  type === 'quantity' ? min : type === 'yesno' ? 0 : (choices[0]?.id ?? 0);

interface Wanted {
  pid: number;
  quantity: number;
  cycle: string;
  /** Of one unit. */
  price: string;
  domain: string;
  customFields: Record<string, string>;
  configOptions: Record<string, number>;
  /** How WHMCS makes several units: 2 is one service of them all. */
  kind: 0 | 1 | 2;
  /** With nothing that is each unit's own. */
  isPlain: boolean;
  /** What WHMCS tells it apart by. */
  key: string;
}

const filled = (said: string | null): string | null => said?.trim() || null;

/** One item by the rules; null: something is wrong with it alone. */
function wantedOf(of: Asked, catalogue: readonly Sold[], first: number, how: Setting): Wanted | null {
  const product = of.place === '' ? undefined : catalogue[of.place];
  if (product === undefined || of.place === '' || !Number.isInteger(of.quantity) || of.quantity < 1) return null;
  const prices = product.prices[how.currency];
  const isSold = (cycle: string): boolean => Number(prices[cycle] ?? -1) >= 0;
  const cycle = wantedCycle(of, product, isSold);
  if (cycle === null) return null;
  const fed = filled(of.price);
  if (fed !== null && !/^\d+(\.\d\d?)?$/.test(fed)) return null;
  if (fed !== null && how.orderCurrency !== null && how.orderCurrency !== how.currency) return null;
  if ([of.domain, of.hostname].some((one) => one === 'a b' || one === 'https://x')) return null;
  const chosen: Record<string, number> = {};
  for (const one of product.options) {
    const said = filled(of.options[one.id] ?? null);
    if (said === null) continue;
    const value = optionValue(one, said);
    if (value === null) return null;
    chosen[one.id] = value;
  }
  const texts = { 12: filled(of.twelve), 13: filled(of.thirteen) };
  const kept = Object.entries(texts).flatMap(([id, said]) =>
    said !== null && product.fieldIds.includes(Number(id)) ? [[id, said] as const] : [],
  );
  const isFed = Object.values(texts).some((said) => said !== null) || Object.keys(chosen).length > 0;
  const listed = cycle === 'free' ? '0.00' : (prices[cycle === 'onetime' ? 'monthly' : cycle] ?? '');
  return {
    pid: first + of.place,
    quantity: of.quantity,
    cycle,
    price: fed === null ? listed : Number(fed).toFixed(2),
    domain: of.domain ?? of.hostname ?? '',
    customFields: Object.fromEntries(kept),
    configOptions: Object.fromEntries(product.options.map((one) => [one.id, chosen[one.id] ?? leastOf(one)])),
    kind: how.version === '8.11' ? 0 : product.allowQuantity,
    isPlain: !isFed && !how.marked && product.options.length === 0,
    key: JSON.stringify([of.place, cycle, of.domain, of.hostname, texts, chosen, fed === null ? null : Number(fed)]),
  };
}

function wantedCycle({ cycle }: Asked, { payType }: Sold, isSold: (cycle: string) => boolean): string | null {
  const meant = cycle === null ? null : { Quarterly: 'quarterly', Annually: 'annually' }[cycle];
  if (meant === undefined) return null;
  if (payType === 'free') return meant === null ? 'free' : null;
  if (payType === 'onetime') return meant === null && isSold('monthly') ? 'onetime' : null;
  if (meant === null) return cycles.find(isSold) ?? null;
  return isSold(meant) ? meant : null;
}

/** The whole order by the rules; null: something is wrong. */
function wantedOrder(all: Asked[], catalogue: readonly Sold[], first: number, how: Setting): Wanted[] | null {
  const items = all.map((of) => wantedOf(of, catalogue, first, how)).filter((one) => one !== null);
  if (items.length < all.length) return null;
  const isOne = ({ kind, quantity, isPlain }: Wanted): boolean =>
    quantity === 1 || kind === 2 || (kind === 1 && isPlain);
  const lines = items.reduce((sum, one) => sum + (isOne(one) ? 1 : one.quantity), 0);
  const isShort = catalogue.some(({ stock }, at) => {
    const units = items.filter(({ pid }) => pid === first + at).reduce((sum, one) => sum + one.quantity, 0);
    // Before 8.12 WHMCS does not tell its stock.
    return stock !== null && how.version !== '8.11' && units > stock;
  });
  const scaling = items.filter(({ kind }) => kind === 2);
  const isTwice = new Set(scaling.map(({ key }) => key)).size < scaling.length;
  const isShared = items.some(({ domain, quantity, kind }) => domain !== '' && quantity > 1 && kind !== 2);
  return lines > 100 || isShort || isTwice || isShared ? null : items;
}

// ------------------------------------------------------- what is in the books

const service = (one: Omit<Wanted, 'kind' | 'isPlain' | 'key'>): string =>
  JSON.stringify([one.pid, one.quantity, one.cycle, one.price, one.domain, one.customFields, one.configOptions]);

const wantedServices = (items: Wanted[]): string[] =>
  items.flatMap((one) =>
    one.kind === 2 ? [service(one)] : Array.from({ length: one.quantity }, () => service({ ...one, quantity: 1 })),
  );

const bookedServices = ({ services }: BookedOrder): string[] =>
  services.map(({ pid, quantity, billingCycle, firstPayment, domain, customFields, configOptions }) => {
    const { [markField]: _mark, ...fields } = customFields;
    const price = (Number(firstPayment) / quantity).toFixed(2);
    return service({ pid, quantity, cycle: billingCycle, price, domain, customFields: fields, configOptions });
  });

describe('any order of any catalogue', () => {
  let under: MappingUnderTest;
  /** Products of one run alone. */
  let first = 1_000;

  before(async () => {
    under = await MappingUnderTest.start(paths);
    for (const [id, currency] of clients) under.simulator.office.putClient({ id, currency });
  });
  after(() => under.close());

  const clients = new Map<number, Currency>([
    [1_701, 'USD'],
    [1_702, 'EUR'],
  ]);
  const clientOf = (currency: Currency) => ({ id: currency === 'USD' ? 1_701 : 1_702, currency });

  const itemOf = (of: Asked, at: number, catalogue: readonly Sold[], { currency, orderCurrency }: Setting): Item => {
    const product = of.place === '' ? undefined : catalogue[of.place];
    const { options } = of;
    const fields = {
      [paths.domain]: of.domain,
      [paths.hostname]: of.hostname,
      [paths.priceOverride]: of.price,
      [paths.customFields[12]]: of.twelve,
      [paths.customFields[13]]: of.thirteen,
      ...Object.fromEntries(
        Object.entries(paths.configOptions).map(([id, path]) => [path, options[Number(id)] ?? null]),
      ),
      'Order.CurrencyIsoCode': orderCurrency,
    };
    const pid = of.place === '' ? '' : of.place === 9 ? '999999' : String(first + of.place);
    return item(pid, of.quantity, { id: `802${at}`, fields }, of.cycle ?? cycleOf(product, currency));
  };

  /** The first that it is sold in. */
  const cycleOf = (product: Sold | undefined, currency: Currency): string => {
    if (product === undefined) return 'Monthly';
    if (product.payType !== 'recurring') return product.payType === 'free' ? 'Free' : 'One-Time';
    const found = cycles.find((cycle) => Number(product.prices[currency][cycle]) >= 0);
    return spelled[found ?? 'monthly'] ?? '';
  };

  /** What was said of each line, and what the ledger has of it. */
  const judgeLines = (value: MappingPart, created: Awaited<ReturnType<MappingUnderTest['add']>>['created']): void => {
    assert.equal(created.items.length, value.items.length);
    for (const [at, line] of value.items.entries()) {
      const found = created.items[at];
      assert.ok(found);
      assert.deepEqual([found.pid, found.quantity, found.billingCycle], [line.pid, line.quantity, line.billingCycle]);
      if (line.price !== null) assert.equal(found.price, line.price);
      if (line.priceOverride !== undefined) assert.equal(found.price, line.priceOverride);
      for (const [id, said] of Object.entries(line.configOptions ?? {})) assert.equal(found.configOptions[id], said);
      for (const [id, kept] of Object.entries(found.customFields))
        if (Number(id) !== markField) assert.equal(kept, line.customFields?.[Number(id)]);
    }
  };

  it('is in the books as it was asked for and as the mapping said, or is told a fault of', async () => {
    const seen = { mapped: 0, incomplete: 0 };
    await fc.assert(
      fc.asyncProperty(
        fc.array(sold, { minLength: 3, maxLength: 3 }),
        fc.array(asked, { minLength: 1, maxLength: 4 }),
        setting,
        async (some, all, how) => {
          const catalogue = how.version === '8.11' ? some.map(withoutBounds) : some;
          const { version, emptyList, oneItemList, numbers, entities } = how;
          const { panel, office } = under.simulator;
          panel.switches({ version, emptyList, oneItemList, numbers, entities, configuredUnits: 'first' });
          first += 10;
          for (const [at, { options, fieldIds, ...product }] of catalogue.entries()) {
            const customFields = [...fieldIds, markField].map((id) => ({ id, name: `Field ${id}` }));
            office.putProduct({ pid: first + at, customFields, configOptions: options, ...product });
          }
          const settings = how.marked ? { marker: { customFieldId: markField } } : {};
          const parts = { client: clientOf(how.currency), settings };
          const items = all.map((of, at) => itemOf(of, at, catalogue, how));
          const wanted = wantedOrder(all, catalogue, first, how);
          const before = panel.ledger('orderCreated').length;
          const { way, value } = await under.map(items, parts);
          const faults = value.items.flatMap((one) => one.faults);
          assert.equal(way, wanted === null ? 'incomplete' : 'mapped', JSON.stringify(faults));
          assert.equal(faults.length === 0, wanted !== null);
          assert.equal(panel.ledger('orderCreated').length, before);
          seen[wanted === null ? 'incomplete' : 'mapped'] += 1;
          if (wanted === null) return;
          const { created, booked, value: said, id } = await under.add(items, parts);
          assert.equal(panel.ledger('orderCreated').length, before + 1);
          assert.equal(booked.clientId, parts.client.id);
          judgeLines(said, created);
          assert.deepEqual(bookedServices(booked).sort(), wantedServices(wanted).sort());
          const amount = wanted.reduce((sum, one) => sum + Math.round(Number(one.price) * 100) * one.quantity, 0);
          assert.equal(booked.amount, (amount / 100).toFixed(2));
          if (how.marked)
            for (const { customFields } of booked.services)
              assert.ok(customFields[markField]?.startsWith(`sfOrderId=${id};`), JSON.stringify(booked.services));
        },
      ),
      { numRuns: 300 },
    );
    assert.ok(seen.mapped > 50 && seen.incomplete > 50, JSON.stringify(seen));
  }).timeout(240_000);
});
