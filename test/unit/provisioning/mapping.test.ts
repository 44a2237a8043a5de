import assert from 'node:assert/strict';
import { silentLog } from '../../../lib/log';
import { defaultFieldMapping, type FieldMapping } from '../../../lib/provisioning/field-mapping';
import { mapping, type MappingSettings } from '../../../lib/provisioning/mapping';
import type { MappingPart, OrderPart } from '../../../lib/provisioning/message';
import type { Product } from '../../../lib/whmcs/contract';
import { unknownSender } from '../../../lib/provisioning/add-record';
import { newRecord, type AddIntent } from '../../../lib/provisioning/order-record';
import { clientId, input, orderId, World, type Process } from './vendor-doubles/world';

type Item = OrderPart['items'][number];

const product = (pid: number, over: Partial<Product> = {}): Product => ({
  pid,
  name: `Product ${pid}`,
  module: '',
  payType: 'recurring',
  allowQuantity: 2,
  stock: null,
  prices: { USD: { monthly: '15.00' } },
  ...over,
});

const item = (over: Partial<Item> = {}, of: Partial<NonNullable<Item['product']>> = {}): Item => ({
  id: '802000000000001AAA',
  quantity: 1,
  price: 15,
  product: { id: '01t', name: 'Pro seat', productId: '11', billingCycle: 'Monthly', ...of },
  ...over,
});

const addIntent: AddIntent = {
  id: 'a1',
  generation: 1,
  at: 0,
  sender: unknownSender,
  whmcs: 'https://whmcs.example:443/includes/api.php',
  clientId,
  items: [],
  marker: '',
  watermark: 5000,
  terms: { markerIn: 'notes', resend: 'once', quarantineMs: 300_000 },
  askedAgain: null,
  newOrderAsked: false,
  settled: null,
  stopped: null,
};

describe('mapping check', () => {
  let world: World;
  let process: Process;
  /** What WHMCS sells, and what the cache still thinks that it sells. */
  let sells: Product[];
  let cached: Product[] | null;
  let takes: boolean | null;
  let currency: string;
  let asked: string[];
  /** Warnings of the last run, which Node-RED shows in the debug sidebar. */
  const said: string[] = [];

  beforeEach(async () => {
    world = new World();
    process = await world.process(world.directory());
    await process.begin();
    sells = [
      product(11),
      product(12, { allowQuantity: 1 }),
      product(13, { allowQuantity: 0 }),
      product(14, { allowQuantity: null }),
    ];
    cached = null;
    takes = true;
    currency = 'USD';
    asked = [];
  });
  afterEach(() => world.close());

  const run = async (
    items: Item[],
    pricebookId: string | null = null,
    fields = defaultFieldMapping,
    options: MappingSettings = {},
  ) => {
    said.length = 0;
    const catalogue = {
      products: (pids: readonly number[], _signal?: AbortSignal, options?: { fresh?: boolean }) => {
        asked.push(`${pids.join(',')}${options?.fresh ? ' anew' : ''}`);
        const from = options?.fresh ? sells : (cached ?? sells);
        return Promise.resolve(new Map(from.filter(({ pid }) => pids.includes(pid)).map((one) => [one.pid, one])));
      },
      takesQuantities: () => {
        asked.push('version');
        return Promise.resolve(takes);
      },
    };
    const step = mapping(catalogue, fields, options);
    const { order, client } = input();
    const outcome = await step.run(
      { order: { ...order, pricebookId, items }, client: { ...client, currency } },
      { ...process.context(orderId), log: { ...silentLog, warn: (text) => void said.push(text) } },
    );
    assert.ok('way' in outcome && outcome.value);
    return { ...outcome, value: outcome.value as MappingPart };
  };
  const codes = async (...items: Item[]): Promise<string[]> => {
    const { way, value, failure } = await run(items);
    const found = value.items.flatMap((one) => one.faults.map((fault) => fault.code));
    assert.equal(way, found.length > 0 ? 'incomplete' : 'mapped');
    assert.equal(failure?.code, found.length > 0 ? 'MAPPING_INCOMPLETE' : undefined);
    assert.equal(value.ok, found.length === 0);
    return found;
  };

  it('maps an item to product, cycle and price', async () => {
    const { way, value, failure } = await run([item({ quantity: 3 })]);
    assert.equal(way, 'mapped');
    assert.equal(failure, undefined);
    assert.deepEqual(value, {
      ok: true,
      items: [
        {
          orderItemId: '802000000000001AAA',
          productId: '11',
          productName: 'Pro seat',
          pid: 11,
          billingCycle: 'monthly',
          quantity: 3,
          price: '15.00',
          faults: [],
        },
      ],
    });
  });

  describe('names the fault of', () => {
    const faulty: [name: string, item: Item, code: string, message: RegExp][] = [
      ['an item without a product', item({ product: null }), 'PRODUCT_MISSING', /no product/],
      [
        'a product without a WHMCS id',
        item({}, { productId: null }),
        'PRODUCT_ID_MISSING',
        /WH_Product_ID__c is empty/,
      ],
      ['a blank WHMCS id', item({}, { productId: '  ' }), 'PRODUCT_ID_MISSING', /WH_Product_ID__c is empty/],
      ['a WHMCS id that is no number', item({}, { productId: '11a' }), 'PRODUCT_ID_INVALID', /'11a'/],
      ['several WHMCS ids', item({}, { productId: '11,12' }), 'PRODUCT_ID_INVALID', /'11,12'/],
      ['the WHMCS id 0', item({}, { productId: '0' }), 'PRODUCT_ID_INVALID', /'0'/],
      ['a product that WHMCS does not know', item({}, { productId: '9999' }), 'PRODUCT_UNKNOWN', /no product 9999/],
      ['a missing cycle', item({}, { billingCycle: null }), 'CYCLE_MISSING', /Billing_Cycle__c is empty/],
      ['an ambiguous cycle', item({}, { billingCycle: 'Biannual' }), 'CYCLE_AMBIGUOUS', /semiannually or biennially/],
      ['a cycle that WHMCS does not have', item({}, { billingCycle: 'Weekly' }), 'CYCLE_UNSUPPORTED', /'Weekly'/],
      [
        'a cycle that is not sold',
        item({}, { billingCycle: 'Annually' }),
        'CYCLE_NOT_OFFERED',
        /11 annually in USD, but monthly/,
      ],
      ['the quantity 0', item({ quantity: 0 }), 'QUANTITY_INVALID', /quantity is 0/],
      ['a negative quantity', item({ quantity: -2 }), 'QUANTITY_INVALID', /-2/],
      ['half a unit', item({ quantity: 1.5 }), 'QUANTITY_INVALID', /1\.5/],
      ['no quantity', item({ quantity: NaN }), 'QUANTITY_INVALID', /NaN/],
      ['a typing error', item({ quantity: 1_000_000 }), 'QUANTITY_TOO_HIGH', /1000000, more than the 10000 that/],
      ['more units than WHMCS counts', item({ quantity: 2 ** 31 }), 'QUANTITY_INVALID', /2147483648/],
    ];
    for (const [name, one, code, message] of faulty) {
      it(name, async () => {
        assert.deepEqual(await codes(one), [code]);
        const { value } = await run([one]);
        const [fault] = value.items[0]?.faults ?? [];
        assert.match(fault?.message ?? '', message);
        assert.ok((fault?.fix ?? '').length > 10);
        assert.doesNotMatch(fault?.fix ?? '', /[{}]/);
        assert.equal(fault?.owner, 'Salesforce admin');
      });
    }
  });

  it('names every fault of every item at once', async () => {
    const found = await codes(
      item({ quantity: 0 }, { productId: null, billingCycle: null }),
      item(),
      item({}, { productId: '9999', billingCycle: 'Biannual' }),
    );
    assert.deepEqual(found, [
      'QUANTITY_INVALID',
      'CYCLE_MISSING',
      'PRODUCT_ID_MISSING',
      'CYCLE_AMBIGUOUS',
      'PRODUCT_UNKNOWN',
    ]);
  });

  it('says what is wrong in one short text that names the items', async () => {
    const { failure, note } = await run([item({}, { name: 'Consulting day', productId: null }), item()]);
    assert.equal(failure?.message, '1 of 2 items cannot be mapped; Consulting day: WH_Product_ID__c is empty');
    assert.equal(failure?.step, 'mapping');
    assert.match(note, /^MAPPING_INCOMPLETE/);
    const many = await run(
      Array.from({ length: 30 }, (_, at) => item({}, { name: `Product ${at} ${'x'.repeat(80)}`, productId: null })),
    );
    assert.ok((many.failure?.message.length ?? 0) <= 255);
    assert.match(many.failure?.message ?? '', /and \d\d more$/);
  });

  it('says the first fault in any case, as far as there is room, and how many items more', async () => {
    const book = '01s000000000001AAA';
    const long = item({ pricebookId: 'x'.repeat(300) });
    const short = item({}, { productId: null });
    /** As much of the long text as there is room for between these. */
    const filled = (before: string, after = ''): string =>
      `${before}${'x'.repeat(254 - before.length - after.length)}…${after}`;
    const fault = 'cannot be mapped; Pro seat: the item is from price book ';
    assert.equal((await run([long], book)).failure?.message, filled(`1 of 1 items ${fault}`));
    assert.equal(
      (await run([long, short, long], book)).failure?.message,
      filled(`3 of 3 items ${fault}`, '; and 2 more'),
    );
    assert.equal(
      (await run([short, long], book)).failure?.message,
      '2 of 2 items cannot be mapped; Pro seat: WH_Product_ID__c is empty; and 1 more',
    );
    // Two that fit to the last character are told whole.
    const first =
      '2 of 2 items cannot be mapped; Pro seat: WH_Product_ID__c is empty; Pro seat: the item is from price book ';
    const last = `, not from ${book}`;
    const room = 255 - first.length - last.length;
    const two = (length: number) => run([short, item({ pricebookId: 'y'.repeat(length) })], book);
    assert.equal((await two(room)).failure?.message, `${first}${'y'.repeat(room)}${last}`);
    assert.match((await two(room + 1)).failure?.message ?? '', /is empty; and 1 more$/);
  });

  it('puts no markup, line break or half a character of a name into Salesforce', async () => {
    const name = `<img src=x onerror=alert(1)>${'a'.repeat(38)}🚀🚀`;
    const productId = `${'9'.repeat(29)}🚀🚀`;
    const { failure, value } = await run([item({}, { name: `A\r\n${name}`, productId })]);
    assert.equal(
      failure?.message,
      `1 of 1 items cannot be mapped; A ${'a'.repeat(37)}…: WH_Product_ID__c is '${'9'.repeat(29)}…'`,
    );
    assert.ok(said.concat(JSON.stringify(value.items[0]?.faults)).every((text) => !/\p{Cs}/u.test(text)));
    await run([item({}, { name: 'a\u0000b', billingCycle: "Monthly' OR Id != ''" })]);
    assert.ok(!said.join().includes('\u0000'));
  });

  it('looks for the price in the client’s own currency', async () => {
    currency = 'EUR';
    assert.deepEqual(await codes(item()), ['CURRENCY_NOT_PRICED']);
    const { failure, value } = await run([item()]);
    assert.match(failure?.message ?? '', /no price of product 11 monthly in EUR, but in USD/);
    assert.equal(value.items[0]?.faults[0]?.owner, 'WHMCS hosting support');
    sells = [product(11, { prices: { USD: {}, EUR: { monthly: '14.00' } } })];
    assert.equal((await run([item()])).value.items[0]?.price, '14.00');
  });

  it('asks for a price in every currency where WHMCS does not tell the client’s, and expects none of them', async () => {
    currency = '';
    sells = [product(11, { prices: { USD: { monthly: '15.00' }, EUR: { monthly: '14.00' } } })];
    assert.deepEqual(await codes(item()), []);
    assert.equal((await run([item()])).value.items[0]?.price, null);
    sells = [product(11, { prices: { USD: { monthly: '15.00' }, EUR: { annually: '14.00' } } })];
    assert.match(
      (await run([item()])).failure?.message ?? '',
      /: WHMCS has no price of product 11 monthly in EUR, but in USD$/,
    );
    sells = [product(11, { prices: {} })];
    assert.match(
      (await run([item()])).failure?.message ?? '',
      /no price at all of product 11 in the client’s currency$/,
    );
  });

  it('says of a product without any price that it has none', async () => {
    sells = [product(11, { prices: { USD: {}, EUR: { annually: '1.00' } } })];
    const { value } = await run([item()]);
    assert.deepEqual(
      value.items[0]?.faults.map(({ code, message, fix }) => [code, message, fix]),
      [
        [
          'CYCLE_NOT_OFFERED',
          'WHMCS has no price at all of product 11 in USD',
          'Set a price for this cycle in WHMCS, or correct WH_Product_ID__c on the Product.',
        ],
      ],
    );
  });

  it('expects no price of a product with options: which ones WHMCS takes has a price, too', async () => {
    const option = { id: 3, name: 'Seats', kind: 'quantity' as const, choices: [], least: 1, most: null };
    for (const [configOptions, price] of [
      [[], '15.00'],
      [undefined, '15.00'],
      [[option], null],
    ] as const) {
      sells = [product(11, configOptions ? { configOptions: [...configOptions] } : {})];
      assert.equal((await run([item()])).value.items[0]?.price, price);
    }
  });

  describe('a price that Salesforce feeds', () => {
    const paths = { ...defaultFieldMapping, priceOverride: 'OrderItem.UnitPrice' };
    const priced = async (fields: Record<string, string | null>, mapped: FieldMapping = paths) => {
      const { value } = await run([item({ fields: { 'OrderItem.UnitPrice': '9.5', ...fields } })], null, mapped);
      return value.items[0]?.faults.map(({ code, message, owner }) => [code, message, owner]);
    };

    it('is of the currency that the client pays in, where the org tells it', async () => {
      assert.deepEqual(await priced({ 'Order.CurrencyIsoCode': 'USD' }), []);
      assert.deepEqual(await priced({ 'Order.CurrencyIsoCode': ' usd ' }), []);
      assert.deepEqual(await priced({ 'Order.CurrencyIsoCode': 'EUR' }), [
        [
          'CURRENCY_DIFFERS',
          `OrderItem.UnitPrice is in EUR, but WHMCS client ${clientId} pays in USD`,
          'Salesforce admin',
        ],
      ]);
    });

    it('is taken where the org has one currency, and tells none', async () => {
      assert.deepEqual(await priced({ 'Order.CurrencyIsoCode': null }), []);
      assert.deepEqual(await priced({}), []);
    });

    it('is in the currency of the record that holds it', async () => {
      const ofProduct = { ...paths, priceOverride: 'Special_Price__c' };
      const told = { Special_Price__c: '5', 'Product2.CurrencyIsoCode': 'EUR', 'Order.CurrencyIsoCode': 'USD' };
      assert.equal((await priced(told, ofProduct))?.[0]?.[0], 'CURRENCY_DIFFERS');
      const ofEntry = { ...paths, priceOverride: 'PricebookEntry.UnitPrice' };
      assert.deepEqual(await priced({ ...told, 'PricebookEntry.UnitPrice': '5' }, ofEntry), []);
    });

    it('is no matter where none is fed, or none is mapped', async () => {
      const told = { 'Order.CurrencyIsoCode': 'EUR' };
      assert.deepEqual(await priced({ ...told, 'OrderItem.UnitPrice': null }), []);
      assert.deepEqual(await priced(told, defaultFieldMapping), []);
    });
  });

  it('warns of a price that Salesforce feeds for a product which is free in WHMCS, and goes on', async () => {
    const paths = { ...defaultFieldMapping, priceOverride: 'OrderItem.UnitPrice' };
    sells = [product(11, { payType: 'free', prices: {} })];
    const priced = async (price: string | null) =>
      run([item({ fields: { 'OrderItem.UnitPrice': price } }, { billingCycle: 'Free' })], null, paths);
    const { way, value } = await priced('9.5');
    assert.equal(way, 'mapped');
    assert.deepEqual(
      value.items[0]?.warnings?.map(({ code, message, fix, owner }) => [code, message, fix, owner]),
      [
        [
          'PRICE_OF_FREE',
          'WHMCS product 11 is free, and OrderItem.UnitPrice says 9.50: WHMCS may bill that, or nothing',
          'Empty the field named here, or correct WH_Product_ID__c; if a price is meant, change the pay type of the product in WHMCS.',
          'Salesforce admin',
        ],
      ],
    );
    assert.match(
      said.join(),
      /^Order 00000101: 1 of 1 items with a warning\n.*\n1 Pro seat \| WHMCS product 11 is free/,
    );
    for (const price of ['0', '0.00', null]) assert.equal((await priced(price)).value.items[0]?.warnings, undefined);
    sells = [product(11)];
    const sold = await run([item({ fields: { 'OrderItem.UnitPrice': '9.5' } })], null, paths);
    assert.equal(sold.value.items[0]?.warnings, undefined);
  });

  it('knows free and one-time products by their own cycle', async () => {
    sells = [
      product(11, { payType: 'free', prices: {} }),
      product(12, { payType: 'onetime', prices: { USD: { onetime: '250.00' } } }),
    ];
    const { value } = await run([
      item({}, { billingCycle: 'Free' }),
      item({}, { productId: '12', billingCycle: 'One-Time' }),
    ]);
    assert.deepEqual(
      value.items.map((one) => one.price),
      ['0.00', '250.00'],
    );
    assert.deepEqual(await codes(item()), ['CYCLE_NOT_OFFERED']);
    assert.deepEqual(await codes(item({}, { productId: '12' })), ['CYCLE_NOT_OFFERED']);
  });

  it('takes no item of another price book than the one that is set', async () => {
    const of = (pricebookId: string | null) => item({ pricebookId }, { productId: '13' });
    const faulty = await run([of('01s000000000002AAA'), of('01s000000000001'), of(null)], '01s000000000001AAA');
    assert.deepEqual(
      faulty.value.items.map((one) => one.faults.map(({ code, message }) => [code, message])),
      [[['OTHER_PRICEBOOK', 'the item is from price book 01s000000000002AAA, not from 01s000000000001AAA']], [], []],
    );
    assert.equal((await run([of('01s000000000002AAA')])).way, 'mapped');
  });

  it('warns of what is not sold any more, and goes on', async () => {
    sells = [product(11, { withdrawn: 'hidden' }), product(12, { withdrawn: 'retired' })];
    const { way, value } = await run([item(), item({}, { productId: '12', isActive: false })]);
    assert.equal(way, 'mapped');
    assert.deepEqual(
      value.items.map((one) => [one.faults.length, one.warnings?.map(({ code }) => code)]),
      [
        [0, ['PRODUCT_HIDDEN']],
        [0, ['PRODUCT_INACTIVE', 'PRODUCT_RETIRED']],
      ],
    );
    assert.deepEqual(said.join('\n').split('\n'), [
      'Order 00000101: 2 of 2 items with a warning',
      'item | fault | fix | owner',
      '1 Pro seat | WHMCS product 11 is hidden | Check that the product is still to be sold; if not, correct WH_Product_ID__c. | Salesforce admin',
      '2 Pro seat | the Product is not active in Salesforce any more | Check that the Product is still to be sold; if not, use its successor on new Orders. | Salesforce admin',
      '2 Pro seat | WHMCS product 12 is retired | Check that the product is still to be sold; if not, correct WH_Product_ID__c. | Salesforce admin',
    ]);
  });

  describe('where AddOrder of this very Order may have lowered the stock', () => {
    const settlements: [what: string, settled: AddIntent['settled'], faults: string[]][] = [
      ['is not settled', null, []],
      ['went well', { how: 'success', at: 0, detail: '' }, []],
      ['was found', { how: 'adopted', at: 0, detail: '' }, []],
      ['made nothing', { how: 'none', at: 0, detail: '' }, ['STOCK_SHORT']],
      ['was refused', { how: 'refused', at: 0, detail: '' }, ['STOCK_SHORT']],
      ['was not sent', { how: 'not-sent', at: 0, detail: '' }, ['STOCK_SHORT']],
    ];
    for (const [what, settled, faults] of settlements)
      it(`${faults.length === 0 ? 'does not count' : 'counts'} what is left when it ${what}`, async () => {
        sells = [product(11, { stock: 1 })];
        assert.deepEqual(await codes(item({ quantity: 3 })), ['STOCK_SHORT']);
        const { desk } = process.context(orderId);
        await desk.hold(orderId, (order) =>
          order.save((record) => ({ ...record, adds: [{ ...addIntent, generation: record.generation, settled }] })),
        );
        assert.deepEqual(await codes(item({ quantity: 3 })), faults);
      });
  });

  it('counts the stock against all items of a product', async () => {
    sells = [product(11, { stock: 4 }), product(12, { stock: 0 })];
    assert.deepEqual(await codes(item({ quantity: 4 })), []);
    assert.deepEqual(await codes(item({ quantity: 5 })), ['STOCK_SHORT']);
    assert.deepEqual(await codes(item({}, { productId: '12' })), ['STOCK_SHORT']);
    sells = [product(11, { stock: 4, allowQuantity: 0 })];
    const { value } = await run([item({ quantity: 3 }), item({ quantity: 2 }), item({ quantity: -9 })]);
    assert.deepEqual(
      value.items.map((one) => one.faults.map(({ message }) => message)),
      [
        ['WHMCS has 4 of product 11 in stock, the order asks for 5'],
        ['WHMCS has 4 of product 11 in stock, the order asks for 5'],
        ['quantity is -9', 'WHMCS has 4 of product 11 in stock, the order asks for 5'],
      ],
    );
    assert.equal(value.items[0]?.faults[0]?.owner, 'WHMCS hosting support');
  });

  describe('two items that are the same to WHMCS', () => {
    it('are a fault where it holds the units in one service', async () => {
      sells = [product(11, { prices: { USD: { monthly: '1.00', annually: '9.00' } } })];
      const { value } = await run([
        item({ quantity: 2 }),
        item({}, { billingCycle: 'Annually' }),
        item({ quantity: 3 }, { productId: ' 11.0' }),
      ]);
      assert.deepEqual(
        value.items.map((one) => one.faults.map(({ code, message }) => [code, message])),
        [
          [['ITEMS_MERGE', 'WHMCS may make one service of items 1 and 3, which are the same to it']],
          [],
          [['ITEMS_MERGE', 'WHMCS may make one service of items 1 and 3, which are the same to it']],
        ],
      );
    });

    it('stay apart where each unit is a service, or WHMCS knows no quantities', async () => {
      for (const pid of ['12', '13', '14'])
        assert.deepEqual(await codes(item({}, { productId: pid }), item({}, { productId: pid })), []);
      takes = false;
      assert.deepEqual(await codes(item(), item()), []);
    });
  });

  it('tells every fault in a line with its fix and its owner, and who owns them all', async () => {
    sells = [product(11, { stock: 1 })];
    const { failure } = await run([item({ quantity: 2 }, { name: 'A |\n\u2028B' }), item({}, { productId: null })]);
    assert.equal(failure?.owner, 'Salesforce admin');
    assert.deepEqual(said.join('\n').split('\n'), [
      'Order 00000101: 2 of 2 items cannot be mapped',
      'item | fault | fix | owner',
      '1 A B | WHMCS has 1 of product 11 in stock, the order asks for 2 | Raise the stock of the product in WHMCS, or lower the quantity. | WHMCS hosting support',
      "2 Pro seat | WH_Product_ID__c is empty | Set WH_Product_ID__c on the Product to the WHMCS product's number. | Salesforce admin",
    ]);
    assert.equal((await run([item({ quantity: 2 })])).failure?.owner, 'WHMCS hosting support');
    await run(Array.from({ length: 50 }, () => item({}, { productId: null })));
    assert.ok(
      said.every(
        (block) => block.length <= 1_000 && block.startsWith('Order 00000101: 50 of 50 items cannot be mapped ('),
      ),
    );
    assert.equal(said.join('\n').match(/is empty/g)?.length, 30);
    assert.match(said.at(-1) ?? '', /\nand 20 more, in msg\.mapping$/);
  });

  it('sees what was mended in WHMCS a minute ago', async () => {
    cached = [product(11, { prices: { USD: { annually: '1.00' } } }), product(12)];
    assert.deepEqual(await codes(item(), item({}, { productId: '12' })), []);
    assert.deepEqual(asked, ['11,12', '11 anew']);
  });

  it('asks WHMCS nothing anew for faults that are Salesforce’s own', async () => {
    await codes(item({}, { productId: null }), item({}, { billingCycle: 'Biannual' }));
    assert.deepEqual(asked, ['11']);
  });

  describe('more units of an item than are allowed', () => {
    const limited = async (maxUnits: number | null, ...items: Item[]) =>
      (await run(items, null, defaultFieldMapping, { maxUnits })).value.items.map((one) =>
        one.faults.map(({ code }) => code),
      );

    it('are a fault, and as many as are allowed are none', async () => {
      assert.deepEqual(await codes(item({ quantity: 10_000 })), []);
      assert.deepEqual(await codes(item({ quantity: 10_001 })), ['QUANTITY_TOO_HIGH']);
      assert.deepEqual(await limited(5, item({ quantity: 5 }), item({ quantity: 6 }, { productId: '12' })), [
        [],
        ['QUANTITY_TOO_HIGH'],
      ]);
    });

    it('are told with what helps', async () => {
      const { value } = await run([item({ quantity: 1_000_000 })]);
      assert.deepEqual(
        value.items[0]?.faults.map(({ message, fix }) => [message, fix]),
        [
          [
            'quantity is 1000000, more than the 10000 that mapping check allows',
            'Correct the quantity; if it is meant, raise "Most units" on mapping check, or split the Order.',
          ],
        ],
      );
    });

    it('are as many as WHMCS counts where there is no limit', async () => {
      assert.deepEqual(await limited(null, item({ quantity: 2 ** 31 - 1 })), [[]]);
      assert.deepEqual(await limited(null, item({ quantity: 2 ** 31 })), [['QUANTITY_INVALID']]);
    });

    it('make no faults of lines, stock or domain beside it, nor any of the other items', async () => {
      sells = [product(13, { allowQuantity: 0, stock: 10 })];
      const fields = { D: 'a.example' };
      const items = [
        item({ quantity: 1_000_000, fields }, { productId: '13' }),
        item({ quantity: 3 }, { productId: '13' }),
      ];
      const { value } = await run(items, null, { ...defaultFieldMapping, domain: 'D' });
      assert.deepEqual(
        value.items.map((one) => one.faults.map(({ code }) => code)),
        [['QUANTITY_TOO_HIGH'], []],
      );
    });
  });

  it('tells in a dry run of too many units, of names that are none, and of a price of what is free', async () => {
    const catalogue = {
      products: () => Promise.resolve(new Map([[11, product(11, { payType: 'free', prices: {} })]])),
      takesQuantities: () => Promise.resolve(true),
    };
    const paths = { ...defaultFieldMapping, priceOverride: 'P', domain: 'D', hostname: 'H' };
    const { order, client } = input();
    const fields = { P: '9.50', D: 'TBD', H: '-' };
    const items = [item({ quantity: 1_000_000, fields }, { billingCycle: 'Free' })];
    const { desk } = process.context(orderId);
    const foreseen = await mapping(catalogue, paths).dry?.foresee(
      { order: { ...order, items }, client },
      {
        order: {
          ...{ orderId, record: newRecord(), facts: [], store: desk.store },
          ...{ sender: unknownSender, clock: world.clock },
        },
        idMappings: null,
        signal: new AbortController().signal,
      },
    );
    assert.deepEqual(
      foreseen?.faults.map(({ code, message, item: of, step }) => [code, message, of, step]),
      [
        [
          'QUANTITY_TOO_HIGH',
          'quantity is 1000000, more than the 10000 that mapping check allows',
          '1 Pro seat',
          'mapping',
        ],
        ['DOMAIN_INVALID', "D 'TBD' is no domain name", '1 Pro seat', 'mapping'],
        ['DOMAIN_INVALID', "H '-' is no host name", '1 Pro seat', 'mapping'],
      ],
    );
    assert.deepEqual(foreseen.notes, [
      '1 Pro seat: WHMCS product 11 is free, and P says 9.50: WHMCS may bill that, or nothing. Empty the field named here, or correct WH_Product_ID__c; if a price is meant, change the pay type of the product in WHMCS.',
    ]);
  });

  describe('several units', () => {
    const linesOf = async (pid: number, quantity = 3) =>
      (await run([item({ quantity }, { productId: String(pid) })])).value.items.map((one) => one.quantity);

    it('are one line where the product is set up for them', async () => {
      assert.deepEqual(await linesOf(11), [3]);
      assert.deepEqual(await linesOf(12), [3]);
    });

    it('are a line each where it is not', async () => {
      assert.deepEqual(await linesOf(13), [1, 1, 1]);
      assert.deepEqual(await linesOf(14), [1, 1, 1]);
    });

    it('are a line each before WHMCS 8.12, which ignores quantities', async () => {
      takes = false;
      assert.deepEqual(await linesOf(11), [1, 1, 1]);
    });

    it('are one line where the version may not be asked for, but the product tells', async () => {
      takes = null;
      assert.deepEqual(await linesOf(11), [3]);
      assert.deepEqual(await linesOf(14), [1, 1, 1]);
    });

    it('keep the item that they are of', async () => {
      const { value } = await run([item({ id: 'A', quantity: 2 }, { productId: '13' }), item({ id: 'B' })]);
      assert.deepEqual(
        value.items.map((one) => one.orderItemId),
        ['A', 'A', 'B'],
      );
    });

    it('do not make WHMCS tell its version where none is needed', async () => {
      await run([item(), item({ quantity: 2 }, { productId: '13' })]);
      assert.deepEqual(asked, ['11,13']);
    });

    it('are refused beyond 100 lines, where PHP would drop some without a word', async () => {
      assert.equal((await linesOf(13, 100)).length, 100);
      assert.deepEqual(await codes(item({ quantity: 101 }, { productId: '13' })), ['TOO_MANY_LINES']);
      assert.deepEqual(await codes(item(), item({ quantity: 100 }, { productId: '13' })), ['TOO_MANY_LINES']);
      assert.deepEqual(await codes(item({ quantity: 5_000 })), []);
      const many = Array.from({ length: 101 }, () => item({}, { productId: '12' }));
      assert.deepEqual(await codes(...many.slice(1)), []);
    });

    it('say what helps: a setting in WHMCS where one does', async () => {
      const fixOf = async (pid: string, marked = false) =>
        (await run([item({ quantity: 101 }, { productId: pid })], null, defaultFieldMapping, { marked })).value.items[0]
          ?.faults[0]?.fix;
      assert.match((await fixOf('13')) ?? '', /^Turn on Allow Multiple Quantities for the product in WHMCS \(8\.12/);
      assert.match((await fixOf('12', true)) ?? '', /^Set Allow Multiple Quantities of the product to Scaling Service/);
    });

    it('are no matter where an order has more than 100 items: those beyond are told, and to split it', async () => {
      const many = Array.from({ length: 102 }, (_, at) => item({}, { productId: '12', name: `Item ${at + 1}` }));
      const { value, failure } = await run(many);
      assert.deepEqual(
        value.items.flatMap((one, at) => one.faults.map(({ code, message, fix }) => [at, code, message, fix])),
        [101, 102].map((place) => [
          place - 1,
          'TOO_MANY_ITEMS',
          `item ${place} of 102: an order has 100 lines in WHMCS at most`,
          'Split the Order into several of 100 items at most.',
        ]),
      );
      assert.equal(failure?.owner, 'Salesforce admin');
      assert.match(
        failure.message,
        /^2 of 102 items cannot be mapped; Item 101: item 101 of 102: an order has 100 lines/,
      );
      const also = await codes(...many.slice(1), item({ quantity: 3 }, { productId: '13' }));
      assert.deepEqual(also, ['TOO_MANY_ITEMS', 'TOO_MANY_ITEMS', 'TOO_MANY_LINES']);
    });

    it('are a line each where our mark goes into a custom field, unless one service holds them', async () => {
      const lines = async (productId: string) =>
        (
          await run([item({ quantity: 3 }, { productId })], null, defaultFieldMapping, { marked: true })
        ).value.items.map((one) => one.quantity);
      assert.deepEqual(await lines('12'), [1, 1, 1]);
      assert.deepEqual(await lines('11'), [3]);
      assert.deepEqual(await lines('13'), [1, 1, 1]);
    });
  });
});
