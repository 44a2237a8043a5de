import assert from 'node:assert/strict';
import type { CoverageProgress } from '../../../lib/provisioning/coverage';
import type { CoverageReport, Finding } from '../../../lib/provisioning/coverage-report';
import { Failure } from '../../../lib/provisioning/failure';
import { SalesforceError } from '../../../lib/salesforce/contract';
import { WhmcsError } from '../../../lib/whmcs/contract';
import { bookId, CatalogueUnderTest } from './catalogue-under-test';

const codesOf = ({ findings }: CoverageReport, id?: string): string[] =>
  findings.filter(({ product }) => id === undefined || product?.id === id).map(({ code }) => code);
const findingOf = (report: CoverageReport, code: string): Finding => {
  const found = report.findings.find((one) => one.code === code);
  assert.ok(found, `${code} is not among ${codesOf(report).join(', ')}`);
  return found;
};
const failed = async (run: Promise<unknown>): Promise<Failure> => {
  const error: unknown = await run.then(
    () => assert.fail('there is a report'),
    (thrown: unknown) => thrown,
  );
  assert.ok(error instanceof Failure, String(error));
  return error;
};

describe('The coverage of a catalogue', () => {
  let catalogue: CatalogueUnderTest;
  beforeEach(() => (catalogue = new CatalogueUnderTest()));

  it('finds nothing where everything can be ordered', async () => {
    catalogue.addSold(1);
    catalogue.addSold(2);
    const report = await catalogue.run();
    assert.equal(report.ok, true);
    assert.deepEqual(report.findings, []);
    assert.deepEqual(report.totals, {
      products: 2,
      good: 2,
      faulty: 0,
      notInEveryCurrency: 0,
      findings: { fault: 0, warning: 0, information: 0 },
      codes: [],
      owners: {},
    });
    assert.deepEqual(report.priceBook, catalogue.book);
    assert.deepEqual([report.currencies, report.notes, catalogue.books], [['USD', 'EUR'], [], [bookId]]);
  });

  const single: [code: string, what: string, lay: (c: CatalogueUnderTest) => void, message: RegExp, owner: string][] = [
    ['PRODUCT_ID_MISSING', 'no number', (c) => c.add(null, 'Monthly'), /WH_Product_ID__c is empty/, 'Salesforce admin'],
    ['PRODUCT_ID_INVALID', 'no number at all', (c) => c.add('x', 'Monthly'), /is 'x'/, 'Salesforce admin'],
    ['PRODUCT_UNKNOWN', 'unknown to WHMCS', (c) => c.add('9', 'Monthly'), /WHMCS has no product 9/, 'Salesforce admin'],
    [
      'CYCLE_NOT_OFFERED',
      'priced in no currency, told once',
      (c) => (c.sell(9), c.add('9', 'Annually')),
      /does not sell product 9 annually in USD, EUR, but monthly/,
      'Salesforce admin',
    ],
    [
      'CURRENCY_NOT_PRICED',
      'priced in some of the currencies',
      (c) => (c.sell(9, { prices: { USD: { monthly: '1.00' }, EUR: {} } }), c.add('9', 'Monthly')),
      /no price of product 9 monthly in EUR, but in USD/,
      'WHMCS hosting support',
    ],
    [
      'STOCK_SHORT',
      'out of stock',
      (c) => (c.sell(9, { stock: 0 }), c.add('9', 'Monthly')),
      /WHMCS has none of product 9 in stock/,
      'WHMCS hosting support',
    ],
  ];
  for (const [code, what, lay, message, owner] of single)
    it(`tells ${code}: ${what}`, async () => {
      lay(catalogue);
      const report = await catalogue.run();
      assert.deepEqual(codesOf(report), [code]);
      const [finding] = report.findings;
      assert.match(finding?.message ?? '', message);
      assert.deepEqual([finding?.severity, finding?.owner, finding?.product?.name], ['fault', owner, 'Product 1']);
      assert.ok(finding?.fix);
      assert.deepEqual([report.ok, report.totals.good, report.totals.faulty], [false, 0, 1]);
      assert.deepEqual(report.totals.owners, { [owner]: 1 });
    });

  it('names the currencies in which a price is missing, in the fix too', async () => {
    catalogue.currencies = ['USD', 'EUR', 'GBP'];
    catalogue.addSold(1);
    catalogue.sell(1, { prices: { USD: { monthly: '1.00' } } });
    const report = await catalogue.run();
    assert.equal(
      findingOf(report, 'CURRENCY_NOT_PRICED').fix,
      'Set a price for this cycle in EUR, GBP in WHMCS; if no client has those currencies, leave them out of the check.',
    );
  });

  it('tells all faults of a product, and counts it once', async () => {
    const id = catalogue.add(null, 'Biannual');
    const report = await catalogue.run();
    assert.deepEqual(codesOf(report, id).sort(), ['CYCLE_AMBIGUOUS', 'PRODUCT_ID_MISSING']);
    assert.deepEqual([report.totals.faulty, report.totals.findings.fault], [1, 2]);
  });

  it('lets a product with stock left, or without a count, pass', async () => {
    catalogue.addSold(1);
    catalogue.sell(1, { stock: 1 });
    assert.equal((await catalogue.run()).ok, true);
  });

  it('warns of what is hidden or retired, and still calls it good', async () => {
    catalogue.addSold(1);
    catalogue.addSold(2);
    catalogue.sell(1, { withdrawn: 'hidden' });
    catalogue.sell(2, { withdrawn: 'retired' });
    const report = await catalogue.run();
    assert.deepEqual(codesOf(report), ['PRODUCT_HIDDEN', 'PRODUCT_RETIRED']);
    assert.deepEqual([report.ok, report.totals.good, report.totals.findings.warning], [true, 2, 2]);
  });

  it('says what takes no quantities, as an information', async () => {
    catalogue.addSold(1);
    catalogue.addSold(2);
    catalogue.sell(1, { allowQuantity: 0 });
    catalogue.sell(2, { allowQuantity: null });
    const report = await catalogue.run();
    assert.deepEqual(codesOf(report), ['QUANTITY_AS_LINES']);
    assert.equal(report.ok, true);
  });

  it('says it also where the API role may not tell the version: the product knows', async () => {
    catalogue.takesQuantities = null;
    catalogue.addSold(1);
    catalogue.sell(1, { allowQuantity: 0 });
    assert.deepEqual(codesOf(await catalogue.run()), ['QUANTITY_AS_LINES']);
  });

  it('says once of a WHMCS before 8.12 that it takes no quantities, instead of each product', async () => {
    catalogue.takesQuantities = false;
    catalogue.addSold(1);
    catalogue.sell(1, { allowQuantity: 0 });
    const report = await catalogue.run();
    assert.deepEqual(report.findings, []);
    assert.match(report.notes.join(), /takes no quantities/);
  });

  it('says which Products are the same in WHMCS, however they write it and wherever they stand', async () => {
    catalogue.pageLength = 2;
    const first = catalogue.addSold(7, { name: 'Seat' });
    catalogue.addSold(8);
    const second = catalogue.add(' 7 ', 'per month');
    const third = catalogue.add('7.0', 'M');
    catalogue.sell(9, { prices: { USD: { annually: '1.00' }, EUR: { annually: '1.00' } } });
    catalogue.add('9', 'Annually');
    const report = await catalogue.run();
    assert.deepEqual(
      report.findings.map(({ code, severity, product }) => [code, severity, product?.id]),
      [second, third, first].map((id) => ['SAME_WHMCS_PRODUCT', 'information', id]),
    );
    assert.match(
      findingOf(report, 'SAME_WHMCS_PRODUCT').message,
      /^'Seat' \(01t0+1AAA\) and 1 more is WHMCS product 7 monthly/,
    );
    assert.equal(report.ok, true);
  });

  it('names the other of two that are the same in WHMCS', async () => {
    catalogue.addSold(7, { name: 'Seat' });
    catalogue.addSold(7, { name: 'Chair' });
    const { findings } = await catalogue.run();
    assert.deepEqual(
      findings.map(({ product, message }) => [product?.name, message.slice(0, 9)]),
      [
        ['Chair', "'Seat' (0"],
        ['Seat', "'Chair' ("],
      ],
    );
  });

  it('tells faults before warnings before informations, whatever the names, and counts owners of faults alone', async () => {
    catalogue.addSold(1, { name: 'A' });
    catalogue.sell(1, { allowQuantity: 0 });
    catalogue.addSold(2, { name: 'B' });
    catalogue.sell(2, { withdrawn: 'hidden' });
    catalogue.add(null, 'Monthly', { name: 'C' });
    const report = await catalogue.run();
    assert.deepEqual(
      report.findings.map(({ product }) => product?.name),
      ['C', 'B', 'A'],
    );
    assert.deepEqual(report.totals.owners, { 'Salesforce admin': 1 });
  });

  it('checks what else the Product feeds, and leaves to the order what the order feeds', async () => {
    catalogue.addSold(1, { fields: { Price__c: 'ten' } });
    const report = await catalogue.run({}, { priceOverride: 'Price__c', domain: 'OrderItem.Domain__c' });
    assert.deepEqual(codesOf(report), ['PRICE_INVALID']);
    assert.deepEqual(catalogue.queries[0]?.further, ['Price__c']);
  });

  it('warns of a price that is fed for a product which is free in WHMCS', async () => {
    const free = { payType: 'free', prices: { USD: { free: '0.00' }, EUR: { free: '0.00' } } } as const;
    for (const [pid, price] of [
      [1, '9.5'],
      [2, '0.00'],
      [3, null],
    ] as const) {
      catalogue.add(String(pid), 'Free', { fields: { Price__c: price } });
      catalogue.sell(pid, free);
    }
    const report = await catalogue.run({}, { priceOverride: 'Price__c' });
    assert.deepEqual(
      report.findings.map(({ severity, code, message, product }) => [severity, code, message, product?.name]),
      [
        [
          'warning',
          'PRICE_OF_FREE',
          'WHMCS product 1 is free, and Price__c says 9.50: WHMCS may bill that, or nothing',
          'Product 1',
        ],
      ],
    );
    assert.equal(report.ok, true);
  });

  describe('of a mapping that feeds options', () => {
    const option = (id: number) => ({ id, name: `Option ${id}`, kind: null, choices: [], least: null, most: null });
    const options = { 3: 'OrderItem.Disk__c', 7: 'Seats__c', 70: 'OrderItem.Seats__c' };
    const sellWith = (pid: number, ...ids: number[]) => {
      catalogue.addSold(pid);
      catalogue.sell(pid, { configOptions: ids.map(option) });
    };

    it('tells each option that no checked product has, once, as a fault of the mapping', async () => {
      catalogue.pageLength = 1;
      sellWith(1, 3);
      sellWith(2);
      sellWith(3, 7, 3);
      catalogue.add('99', 'Monthly');
      const report = await catalogue.run({}, { configOptions: { ...options, 71: 'A__c' } });
      assert.deepEqual(
        report.findings.map(({ severity, code, message, owner, product, pid }) => [
          severity,
          code,
          message,
          owner,
          product?.name ?? null,
          pid,
        ]),
        [
          ...[
            [70, 'OrderItem.Seats__c'],
            [71, 'A__c'],
          ].map(([id, path]) => [
            'fault',
            'OPTION_UNKNOWN',
            `no checked product has option ${id} in WHMCS: Orders go on without what ${path} says`,
            'Development team',
            null,
            null,
          ]),
          ['fault', 'PRODUCT_UNKNOWN', 'WHMCS has no product 99', 'Salesforce admin', 'Product 4', 99],
        ],
      );
      assert.match(findingOf(report, 'OPTION_UNKNOWN').fix, /^Correct the id under "Config options" on mapping check/);
      assert.deepEqual(report.totals.owners, { 'Development team': 2, 'Salesforce admin': 1 });
    });

    it('is not well by that alone, though every product can be ordered', async () => {
      sellWith(1, 3, 7);
      const { ok, totals } = await catalogue.run({}, { configOptions: options });
      assert.deepEqual([ok, totals.good, totals.faulty, totals.findings.fault], [false, 1, 0, 1]);
      assert.equal((await catalogue.run({}, { configOptions: { 3: 'A__c' } })).ok, true);
    });

    it('says that it cannot tell where WHMCS does not tell all options, and nothing where it was asked of none', async () => {
      sellWith(1, 3);
      catalogue.addSold(2);
      const report = await catalogue.run({}, { configOptions: options });
      assert.deepEqual([report.ok, report.findings], [true, []]);
      assert.deepEqual(report.notes, [
        'WHMCS does not tell the options of all products: whether the mapping names right ones (7, 70) was not checked.',
      ]);
      catalogue.products.length = 0;
      catalogue.add('99', 'Monthly');
      const none = await catalogue.run({}, { configOptions: options });
      assert.deepEqual([codesOf(none), none.notes], [['PRODUCT_UNKNOWN'], []]);
    });
  });

  it('checks what every entry of a product feeds, not the first currency’s alone, and counts the product once', async () => {
    const fields = (price: string) => ({ 'PricebookEntry.Price__c': price });
    const reading = { productId: '1', billingCycle: 'Monthly' };
    catalogue.sell(2);
    const id = catalogue.addSold(1, {
      fields: fields('10.00'),
      others: [
        { ...reading, fields: fields('ten') },
        { ...reading, fields: fields('zehn') },
        { ...reading, billingCycle: 'weekly', fields: fields('9.00') },
        { ...reading, productId: '2', fields: fields('9.00') },
        { ...reading, productId: '77', billingCycle: 'weekly', fields: fields('9.00') },
      ],
    });
    const report = await catalogue.run({}, { priceOverride: 'PricebookEntry.Price__c' });
    assert.deepEqual(
      report.findings.map(({ code, message, product }) => [code, message.slice(0, 40), product?.id]),
      [
        ['PRICE_INVALID', "PricebookEntry.Price__c 'ten' is no pric", id],
        ['PRICE_INVALID', "PricebookEntry.Price__c 'zehn' is no pri", id],
        ['CYCLE_UNSUPPORTED', "Billing_Cycle__c 'weekly' is no WHMCS cy", id],
        ['PRODUCT_UNKNOWN', 'WHMCS has no product 77', id],
      ],
    );
    assert.deepEqual([report.totals.products, report.totals.faulty], [1, 1]);
    assert.deepEqual(catalogue.lists, [[1, 2, 77]]);
  });

  it('does not call a product the same as itself', async () => {
    catalogue.addSold(1, {
      fields: { 'PricebookEntry.Price__c': '1.00' },
      others: [{ productId: '1', billingCycle: 'Monthly', fields: { 'PricebookEntry.Price__c': '2.00' } }],
    });
    assert.deepEqual((await catalogue.run({}, { priceOverride: 'PricebookEntry.Price__c' })).findings, []);
  });

  describe('where WHMCS has currencies that no client uses', () => {
    beforeEach(() => {
      catalogue.addSold(1);
      catalogue.addSold(2);
      catalogue.sell(1, { prices: { USD: { monthly: '1.00' }, EUR: {} } });
      catalogue.add(null, 'Monthly');
    });

    it('counts apart what can be ordered, but not in every currency', async () => {
      const { totals, findings } = await catalogue.run();
      assert.deepEqual([totals.good, totals.faulty, totals.notInEveryCurrency], [1, 2, 1]);
      const found = findings.find(({ code }) => code === 'CURRENCY_NOT_PRICED');
      assert.equal(
        found?.fix,
        'Set a price for this cycle in EUR in WHMCS; if no client has that currency, leave it out of the check.',
      );
    });

    it('looks at those alone that are asked for, in any case of letters, and says which it left out', async () => {
      const report = await catalogue.run({ currencies: [' usd '] });
      assert.deepEqual(codesOf(report), ['PRODUCT_ID_MISSING']);
      assert.deepEqual([report.currencies, report.totals.notInEveryCurrency], [['USD'], 0]);
      assert.match(report.notes.join(), /^Prices in EUR were not looked at: only USD was asked for\.$/);
      assert.deepEqual((await catalogue.run({ currencies: ['EUR', 'USD'] })).notes, []);
    });

    it('does not begin with one that WHMCS does not have', async () => {
      const error = await failed(catalogue.run({ currencies: ['USD', 'GBP'] }));
      assert.equal(error.code, 'SETTING_INVALID');
      assert.match(error.message, /WHMCS has no currency GBP; it has USD, EUR/);
      assert.equal(error.fix, 'Name currencies that WHMCS has, then check the catalogue again.');
      assert.deepEqual(catalogue.lists, []);
    });

    it('takes those that are asked for where the API role may not ask for all', async () => {
      catalogue.currencies = null;
      const report = await catalogue.run({ currencies: ['usd'] });
      assert.deepEqual([codesOf(report), report.currencies, report.notes], [['PRODUCT_ID_MISSING'], ['USD'], []]);
    });
  });

  it('does not check a cycle that only the order tells, and says so', async () => {
    catalogue.addSold(1, { billingCycle: null });
    catalogue.add('99', null);
    const report = await catalogue.run({}, { billingCycle: 'OrderItem.Cycle__c' });
    assert.deepEqual(codesOf(report), ['PRODUCT_UNKNOWN']);
    assert.match(report.notes.join(), /OrderItem\.Cycle__c.*was not checked/);
    assert.equal(catalogue.queries[0]?.billingCycle, null);
  });

  it('does not begin where only the order tells the product', async () => {
    const error = await failed(catalogue.run({}, { productId: 'OrderItem.Pid__c' }));
    assert.equal(error.code, 'SETTING_INVALID');
    assert.match(error.message, /OrderItem\.Pid__c/);
    assert.deepEqual([catalogue.books, catalogue.lists], [[], []]);
  });

  it('checks each product in the currencies of its own prices where the API role may not ask for all', async () => {
    catalogue.currencies = null;
    catalogue.addSold(1);
    catalogue.sell(1, { prices: { USD: { monthly: '1.00' }, EUR: {} } });
    catalogue.addSold(2);
    catalogue.sell(2, { prices: {} });
    const report = await catalogue.run();
    assert.deepEqual(codesOf(report), ['CURRENCY_NOT_PRICED', 'CYCLE_NOT_OFFERED']);
    assert.match(report.notes.join(), /GetCurrencies/);
    assert.deepEqual(report.currencies, []);
  });

  it('is not made without the currencies where WHMCS fails to tell them', async () => {
    catalogue.addSold(1);
    catalogue.currenciesFail = true;
    assert.equal((await failed(catalogue.run())).code, 'ETIMEOUT');
    assert.deepEqual(catalogue.lists, []);
  });

  it('is not well with a price book without a product, or one that is not active', async () => {
    catalogue.book = { ...catalogue.book, isActive: false };
    const report = await catalogue.run();
    assert.equal(report.ok, false);
    assert.match(report.notes.join(), /not active.*no active product/);
  });

  describe('asks WHMCS as little as it can', () => {
    it('with lists of a hundred, and for each product once, known or not', async () => {
      catalogue.pageLength = 70;
      for (let pid = 1; pid <= 250; pid++) catalogue.addSold(pid);
      for (let pid = 1; pid <= 250; pid++) catalogue.add(String(pid), 'Monthly');
      for (let at = 0; at < 20; at++) catalogue.add('9999', 'Monthly');
      const report = await catalogue.run();
      assert.deepEqual(
        catalogue.lists.map((list) => list.length),
        [100, 100, 51],
      );
      assert.deepEqual([report.totals.products, report.totals.faulty], [520, 20]);
    });

    it('and keeps no more than 5,000 of its products', async () => {
      for (let pid = 1; pid <= 6_000; pid++) catalogue.addSold(pid);
      catalogue.add('1', 'Monthly');
      catalogue.add('6000', 'Monthly');
      const report = await catalogue.run();
      assert.deepEqual(catalogue.lists.at(-1), [1]);
      assert.equal(catalogue.lists.length, 61);
      assert.deepEqual([report.ok, report.totals.products], [true, 6_002]);
    });

    it('and not at all where no Product names one', async () => {
      for (let at = 0; at < 4_500; at++) catalogue.add(null, 'Monthly');
      const seen: CoverageProgress[] = [];
      await catalogue.run({ onProgress: (progress) => seen.push(progress) });
      assert.deepEqual(catalogue.lists, []);
      assert.deepEqual(
        seen.map(({ checked }) => checked),
        [2_000, 4_000, 4_500],
      );
    });
  });

  it('shows how far it is', async () => {
    for (let pid = 1; pid <= 150; pid++) catalogue.addSold(pid);
    catalogue.add(null, 'Monthly');
    const seen: CoverageProgress[] = [];
    await catalogue.run({ onProgress: (progress) => seen.push(progress) });
    assert.deepEqual(seen, [
      { checked: 100, total: 151, faulty: 0 },
      { checked: 151, total: 151, faulty: 1 },
    ]);
  });

  it('counts products where each has an entry for several currencies', async () => {
    catalogue.entriesEach = 3;
    catalogue.pageLength = 100;
    for (let pid = 1; pid <= 150; pid++) catalogue.addSold(pid);
    const seen: CoverageProgress[] = [];
    const report = await catalogue.run({ onProgress: (progress) => seen.push(progress) });
    assert.deepEqual(seen.at(-1), { checked: 150, total: 150, faulty: 0 });
    assert.equal(report.totals.products, 150);
  });

  it('tells when it began and how long it took', async () => {
    const from = catalogue.clock.now();
    catalogue.addSold(1);
    catalogue.callMs = 2_340;
    const report = await catalogue.run();
    assert.deepEqual([report.startedAt, report.seconds], [new Date(from).toISOString(), 2.3]);
  });

  describe('that does not come to its end', () => {
    beforeEach(() => {
      for (let pid = 1; pid <= 250; pid++) catalogue.addSold(pid);
    });
    const unknown = (code: string, edge = false): WhmcsError =>
      new WhmcsError('GetProducts', { kind: 'unknown', code, message: 'no answer within 30 s', edge });

    it('ends with a failure that says how far it came, and with no report', async () => {
      catalogue.failing = { call: 2, with: unknown('ETIMEOUT') };
      const error = await failed(catalogue.run());
      assert.deepEqual([error.code, error.owner, error.retryable], ['ETIMEOUT', 'WHMCS hosting support', true]);
      assert.match(error.message, /stopped after 100 of 250 products, so there is no report\. GetProducts: no answer/);
      assert.match(error.fix, /then check the catalogue again/);
    });

    it('says what WHMCS refuses, and does not speak of Retry', async () => {
      const message = 'Invalid IP 203.0.113.9';
      const refused = new WhmcsError('GetProducts', { kind: 'refused', fault: 'ip', message });
      catalogue.failing = { call: 1, with: refused };
      const error = await failed(catalogue.run());
      assert.equal(error.code, 'WHMCS_CONFIG');
      assert.match(error.message, /could not begin.*Invalid IP 203\.0\.113\.9/);
      assert.doesNotMatch(error.fix, /Retry|by itself/);
    });

    it('says what Salesforce refuses, by kind', async () => {
      const cases: [SalesforceError, string, RegExp][] = [
        [new SalesforceError('invalid_grant', 'no', 'auth'), 'SF_AUTH', /private key and audience/],
        [new SalesforceError('NOT_FOUND', 'no', 'query'), 'SF_QUERY', /PORTAL_PRICEBOOK_ID/],
        [new SalesforceError('INVALID_TYPE', 'no', 'query'), 'SF_QUERY', /read access to Pricebook2/],
        [new SalesforceError('503', 'no', 'temporary'), '503', /Salesforce is well/],
      ];
      for (const [thrown, code, fix] of cases) {
        catalogue.failing = { call: catalogue.lists.length + 1, with: thrown };
        const error = await failed(catalogue.run());
        assert.deepEqual([error.code, error.owner], [code, 'Salesforce admin']);
        assert.match(error.fix, fix);
      }
    });

    it('lets a fault of our own through as it is', async () => {
      const bug = new TypeError('bug');
      catalogue.failing = { call: 1, with: bug };
      await assert.rejects(catalogue.run(), bug);
    });

    it('ends when it is given up, before the next call', async () => {
      const stop = new AbortController();
      const reason = new Error('enough');
      const run = catalogue.run({ signal: stop.signal, onProgress: () => stop.abort(reason) });
      await assert.rejects(run, reason);
      assert.equal(catalogue.lists.length, 1);
    });
  });

  it('refuses a price book that is too large to be held', async () => {
    catalogue.products.length = 100_001;
    const error = await failed(catalogue.run());
    assert.match(error.message, /100001 active entries; 100000 are checked at most/);
  });
});
