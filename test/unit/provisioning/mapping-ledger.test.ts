/** What the mapping says against what WHMCS has in its books after AddOrder: the simulator reads the body as PHP does. */
import assert from 'node:assert/strict';
import fc from 'fast-check';
import { silentLog } from '../../../lib/log';
import { addOrder, addOrderDefaults } from '../../../lib/provisioning/add-order';
import { defaultFieldMapping, type FieldMapping } from '../../../lib/provisioning/field-mapping';
import { mapping } from '../../../lib/provisioning/mapping';
import type { MappingPart, OrderPart } from '../../../lib/provisioning/message';
import { Catalogue } from '../../../lib/whmcs/catalogue';
import { createWhmcs, type WhmcsConnection } from '../../../lib/whmcs/connection';
import { demoCredentials } from '../../../simulators/whmcs/authentication';
import { startWhmcsSimulator, type WhmcsSimulator } from '../../../simulators/whmcs/server';
import type { WhmcsSwitches } from '../../../simulators/whmcs/switches';
import { input, World, type Process } from './vendor-doubles/world';

type Item = OrderPart['items'][number];
type BookedItem = {
  pid: number;
  quantity: number;
  billingCycle: string;
  price: string;
  serviceIds: number[];
  customFields: Record<string, string>;
  configOptions: Record<string, number>;
};

const paths: FieldMapping = {
  ...defaultFieldMapping,
  domain: 'Domain',
  hostname: 'Host',
  priceOverride: 'Price',
  customFields: { 12: 'Twelve', 13: 'Thirteen' },
  configOptions: { 3: 'Three' },
};

const item = (pid: number | string, quantity = 1, over: Partial<Item> = {}, cycle = 'Monthly'): Item => ({
  id: `802${pid}`,
  quantity,
  price: null,
  product: { id: '01t', name: `Product ${pid}`, productId: String(pid), billingCycle: cycle },
  ...over,
});

const customFields = [12, 13].map((id) => ({ id, name: `Field ${id}`, showOnOrder: id === 12 }));

describe('what WHMCS has in its books', () => {
  let simulator: WhmcsSimulator;
  let world: World;
  let process: Process;
  let whmcs: WhmcsConnection;
  let orders = 0;
  /** A product of this test alone. */
  let pid = 1_000;

  before(async () => {
    simulator = await startWhmcsSimulator();
    world = new World();
    process = await world.process(world.directory());
    const { identifier, secret } = demoCredentials;
    whmcs = createWhmcs({ url: simulator.url, identifier, secret, clock: world.clock, log: silentLog });
  });
  // The books are kept: an order id that WHMCS gives twice would be another order's.
  beforeEach(() => {
    pid += 10;
    switches({ version: '8.13', hiddenTold: false });
  });
  after(async () => {
    whmcs.close();
    await world.close();
    await simulator.close();
  });

  const switches = (change: Partial<WhmcsSwitches>) => simulator.panel.switches(change);

  /** Maps the items of an Order that is never added, with a catalogue of its own. */
  const map = async (items: Item[], fields = paths): Promise<{ way: string; value: MappingPart }> => {
    const { order, client } = input({ id: '801000000999999AAA' });
    const step = mapping(new Catalogue(whmcs, world.clock), fields);
    const outcome = await step.run({ order: { ...order, items }, client }, process.context(order.id));
    assert.ok('way' in outcome && outcome.value);
    return { way: outcome.way, value: outcome.value };
  };

  /** Maps the items and adds what was mapped; a new Salesforce order each time. */
  const add = async (items: Item[], settings: Partial<typeof addOrderDefaults> = {}, fields = paths) => {
    const { way, value } = await map(items, fields);
    assert.equal(way, 'mapped', JSON.stringify(value.items.map((one) => one.faults)));
    const id = `801${String(++orders).padStart(12, '0')}AAA`;
    const { order, client } = input({ id });
    await process.begin(id);
    const step = addOrder({ ...addOrderDefaults, ...settings }, whmcs);
    const outcome = await step.run({ order: { ...order, items }, client, mapping: value }, process.context(id));
    assert.ok('way' in outcome && outcome.value, JSON.stringify(outcome));
    const created = simulator.panel.ledger('orderCreated').at(-1) as unknown as { items: BookedItem[]; notes: string };
    const booked = simulator.office.orders().find((one) => one.id === outcome.value?.orderId);
    assert.ok(booked);
    return { value, created, booked, part: outcome.value };
  };

  const units = (allowQuantity: 0 | 1 | 2) =>
    simulator.office.putProduct({ pid, allowQuantity, prices: { USD: { monthly: '10.00' } } });

  it('has an item for each pid: keys have indices, and nothing is joined by commas', async () => {
    const { created, booked } = await add([item(11), item(20)]);
    assert.deepEqual(
      created.items.map(({ pid, quantity }) => [pid, quantity]),
      [
        [11, 1],
        [20, 1],
      ],
    );
    assert.equal(booked.services.length, 2);
  });

  describe('of three units', () => {
    const wanted: [version: WhmcsSwitches['version'], allowQuantity: 0 | 1 | 2, services: number[]][] = [
      ['8.11', 0, [1, 1, 1]],
      ['8.11', 1, [1, 1, 1]],
      ['8.11', 2, [1, 1, 1]],
      ['8.13', 0, [1, 1, 1]],
      ['8.13', 1, [1, 1, 1]],
      ['8.13', 2, [3]],
      ['9.0', 2, [3]],
    ];
    for (const [version, allowQuantity, services] of wanted) {
      it(`is ${services.length} service${services.length > 1 ? 's' : ''} in ${version} where quantities are set to ${allowQuantity}`, async () => {
        switches({ version });
        units(allowQuantity);
        const { booked, created } = await add([item(pid, 3)]);
        assert.deepEqual(
          booked.services.map(({ quantity }) => quantity),
          services,
        );
        assert.equal(booked.amount, '30.00');
        const lines = version !== '8.11' && allowQuantity > 0 ? 1 : 3;
        assert.equal(created.items.length, lines);
      });
    }
  });

  it('has the quantity option at what was asked for, not at its least', async () => {
    const options = [{ id: 3, name: 'Seats', type: 'quantity', min: 1, max: 10 }];
    simulator.office.putProduct({ pid, configOptions: options });
    const { created } = await add([item(pid, 1, { fields: { Three: '5' } })]);
    assert.deepEqual(created.items[0]?.configOptions, { 3: 5 });
  });

  it('has the choice that was named', async () => {
    const choices = ['Small', 'Größer & mehr'].map((name, at) => ({ id: 31 + at, name }));
    simulator.office.putProduct({ pid, configOptions: [{ id: 3, name: 'Size', type: 'dropdown', choices }] });
    const { created } = await add([item(pid, 1, { fields: { Three: 'größer & MEHR' } }), item(pid)]);
    assert.deepEqual(
      created.items.map((one) => one.configOptions),
      [{ 3: 32 }, { 3: 31 }],
    );
    const { value } = await map([item(pid, 1, { fields: { Three: 'Huge' } })]);
    assert.match(value.items[0]?.faults[0]?.message ?? '', /'Huge' is no value of option 3, which takes Small, Größer/);
  });

  it('has an invoice unless none is wanted: no is never sent as a word', async () => {
    assert.notEqual((await add([item(11)])).booked.invoiceId, null);
    assert.equal((await add([item(11)], { noInvoice: true })).booked.invoiceId, null);
  });

  it('has each unit as a service of its own where units are configured', async () => {
    simulator.office.putProduct({ pid, allowQuantity: 1, customFields });
    const { booked, created } = await add([item(pid, 2, { fields: { Twelve: 'x' } })]);
    assert.equal(created.items.length, 2);
    assert.deepEqual(
      booked.services.map((one) => [one.quantity, one.customFields]),
      [
        [1, { 12: 'x' }],
        [1, { 12: 'x' }],
      ],
    );
  });

  it('has domain, price and custom fields on the service that they are of', async () => {
    simulator.office.putProduct({ pid, customFields });
    const { booked, created } = await add([
      item(11),
      item(pid, 1, { fields: { Domain: 'žilina.example', Price: '12.5', Thirteen: 'Škoda 🚀' } }),
      item(20, 1, { fields: { Host: 'host-1' } }),
    ]);
    assert.deepEqual(
      booked.services.map(({ domain, firstPayment, customFields: kept }) => [domain, firstPayment, kept]),
      [
        ['', '15.00', {}],
        ['žilina.example', '12.50', { 13: 'Škoda 🚀' }],
        ['host-1', '9.50', {}],
      ],
    );
    assert.match(created.notes, /^sfOrderId=801/);
  });

  it('has our mark beside the fields that are mapped', async () => {
    simulator.office.putProduct({ pid, customFields: [...customFields, { id: 99, name: 'Mark' }] });
    const { booked } = await add([item(pid, 1, { fields: { Twelve: 'x' } })], { marker: { customFieldId: 99 } });
    assert.equal(booked.services[0]?.customFields['12'], 'x');
    assert.match(booked.services[0]?.customFields['99'] ?? '', /^sfOrderId=801/);
  });

  it('has no order of a domain that several services would share, a shortage, or an unmapped product', async () => {
    const before = simulator.panel.ledger('orderCreated').length;
    units(0);
    simulator.office.putProduct({ pid: pid + 1, stock: 2, prices: { USD: { monthly: '1.00' } } });
    const { value } = await map([
      item(pid, 2, { fields: { Domain: 'a.example' } }),
      item(pid + 1, 3),
      item(99),
      item('12,31'),
      item(11, 1, {}, 'Annually'),
    ]);
    assert.deepEqual(
      value.items.map((one) => one.faults.map(({ code }) => code)),
      [['DOMAIN_SHARED'], ['STOCK_SHORT'], ['PRODUCT_UNKNOWN'], ['PRODUCT_ID_INVALID'], ['CYCLE_NOT_OFFERED']],
    );
    assert.equal(simulator.panel.ledger('orderCreated').length, before);
  });

  it('has a product that is hidden, since the mapping names it; where WHMCS tells, it is a warning', async () => {
    assert.equal((await add([item(21)])).value.items[0]?.warnings, undefined);
    switches({ hiddenTold: true });
    assert.deepEqual(
      (await add([item(21)])).value.items[0]?.warnings?.map(({ code }) => code),
      ['PRODUCT_HIDDEN'],
    );
  });

  describe('of contents that were made to do harm', () => {
    const harmful = [
      `x&pid[1]=20&clientid=1002`,
      `x";}i:13;s:5:"taken`,
      `a:1:{i:12;s:4:"evil";}`,
      `O:8:"stdClass":0:{}`,
      `<script>alert(1)</script>`,
      `' OR Id != null; --`,
      `%26pid%5B1%5D=20`,
      `+ + %2B`,
      'line\r\nbreak\tand \u0000 nul',
      '\ufeff‮🏳️‍🌈 e\u0301',
      'a'.repeat(5_000),
    ];
    for (const text of harmful) {
      it(`keeps ${JSON.stringify(text.slice(0, 40))} as the text that it is`, async () => {
        simulator.office.putProduct({ pid, customFields });
        const { booked, created } = await add([item(pid, 1, { fields: { Twelve: text } })]);
        assert.deepEqual(created.items[0]?.customFields, { 12: text.trim() });
        assert.deepEqual(
          booked.services.map((one) => [one.pid, booked.clientId]),
          [[pid, 1001]],
        );
      });
    }

    it('keeps the rest of a text with half a character', async () => {
      simulator.office.putProduct({ pid, customFields });
      const { created } = await add([item(pid, 1, { fields: { Twelve: 'Š\ud83d!' } })]);
      assert.deepEqual(created.items[0]?.customFields, { 12: 'Š\ufffd!' });
    });

    it('takes none of them for a domain, a price or an option', async () => {
      for (const text of harmful.filter((one) => one.length < 200)) {
        const fields = { Domain: text, Host: text, Price: text, Three: text };
        const { value } = await map([item(11, 1, { fields })]);
        assert.ok((value.items[0]?.faults.length ?? 0) >= 3, text);
      }
    });
  });

  describe('for any order and any catalogue', () => {
    const price = fc
      .integer({ min: -100, max: 99_999 })
      .map((cents) => (cents < 0 ? '-1.00' : (cents / 100).toFixed(2)));
    const product = fc.record({
      allowQuantity: fc.constantFrom(0 as const, 1 as const, 2 as const),
      payType: fc.constantFrom('recurring' as const, 'recurring' as const, 'onetime' as const, 'free' as const),
      stock: fc.option(fc.integer({ min: 1, max: 9 }), { nil: null, freq: 4 }),
      prices: fc.record({ USD: fc.record({ monthly: price, quarterly: price, annually: price }) }),
    });
    const text = fc.option(fc.string({ unit: 'grapheme', maxLength: 12 }), { nil: null });
    /** Mostly right, so that many orders can be mapped; now and then not. */
    const mostly = <T>(right: fc.Arbitrary<T>, ...wrong: T[]) =>
      fc.oneof({ arbitrary: right, weight: 12 }, { arbitrary: fc.constantFrom(...wrong), weight: 1 });
    const one = fc.record({
      place: mostly(fc.constantFrom<number | ''>(0, 1, 2), 3, ''),
      quantity: mostly(fc.constantFrom(1, 1, 2, 3), 0, 1.5, -1),
      /** null: one that the product is priced for. */
      cycle: mostly(fc.constant<string | null>(null), 'Quarterly', 'Annually', 'Biannual', ''),
      twelve: text,
      price: mostly(fc.constantFrom<string | null>(null, null, '1', '2.50'), 'x', '-1'),
      domain: mostly(fc.constantFrom<string | null>(null, null, null, 'a.example', 'ž.example'), 'a b'),
    });
    type Sold = { payType: 'recurring' | 'onetime' | 'free'; prices: { USD: Record<string, string> } };
    const cycleOf = ({ payType, prices }: Sold): string =>
      payType === 'free'
        ? 'Free'
        : payType === 'onetime'
          ? 'One-Time'
          : (Object.entries(prices.USD).find(([, amount]) => amount !== '-1.00')?.[0] ?? 'monthly');

    it('is what the mapping said, and nothing where it named a fault', async () => {
      let mapped = 0;
      await fc.assert(
        fc.asyncProperty(
          fc.array(product, { minLength: 3, maxLength: 3 }),
          fc.array(one, { minLength: 1, maxLength: 4 }),
          fc.constantFrom('8.11' as const, '8.13' as const),
          async (catalogue, asked, version) => {
            switches({ version });
            pid += 10;
            for (const [at, of] of catalogue.entries())
              simulator.office.putProduct({ pid: pid + at, customFields, ...of });
            const items = asked.map((of) => {
              const sold = catalogue[Number(of.place)];
              return item(
                of.place === '' ? '' : pid + of.place,
                of.quantity,
                { fields: { Twelve: of.twelve, Price: of.price, Domain: of.domain } },
                of.cycle ?? (sold ? cycleOf(sold) : 'Monthly'),
              );
            });
            const { way, value } = await map(items);
            assert.equal(
              way === 'mapped',
              value.items.every((found) => found.faults.length === 0),
            );
            if (way !== 'mapped') return assert.ok(value.items.some((found) => found.faults.length > 0));
            mapped += 1;
            const { created, booked } = await add(items);
            assert.deepEqual(
              created.items.map((line) => [line.pid, line.quantity, line.billingCycle, line.price, line.customFields]),
              value.items.map((line) => [
                line.pid,
                line.quantity,
                line.billingCycle,
                line.price,
                Object.fromEntries(Object.entries(line.customFields ?? {})),
              ]),
            );
            assert.deepEqual(
              [...new Set(booked.services.map((service) => `${service.pid} ${service.domain}`))].sort(),
              [...new Set(value.items.map((line) => `${line.pid} ${line.domain ?? ''}`))].sort(),
            );
            assert.equal(
              created.items.reduce((sum, line) => sum + line.quantity, 0),
              asked.reduce((sum, of) => sum + of.quantity, 0),
            );
          },
        ),
        { numRuns: 150 },
      );
      assert.ok(mapped > 15, `only ${mapped} orders could be mapped`);
    }).timeout(120_000);
  });
});
