import assert from 'node:assert/strict';
import { coverageText } from '../../../lib/provisioning/coverage-text';
import { CatalogueUnderTest } from './catalogue-under-test';

describe("A coverage report's text", () => {
  let catalogue: CatalogueUnderTest;
  beforeEach(() => (catalogue = new CatalogueUnderTest()));
  const text = async (): Promise<string> => coverageText(await catalogue.run());
  const lines = async (): Promise<string[]> => (await text()).split('\n');

  it('says in two lines that all is well', async () => {
    catalogue.addSold(1);
    assert.deepEqual(await lines(), [
      'Price book "Portal" (01s000000000001AAA) against WHMCS in USD, EUR: 0 s',
      '1 product, none with a fault; 0 warnings, 0 for information.',
    ]);
  });

  it('tells each fault with its product, its page, its owner and its fix', async () => {
    catalogue.add('9', 'Monthly', { name: 'Seat' });
    assert.deepEqual((await lines()).slice(1), [
      '1 product: 0 can be ordered, 1 cannot; 1 fault (Salesforce admin 1), 0 warnings, 0 for information.',
      '',
      'FAULTS: an Order with one of these Products fails',
      '',
      '1 × PRODUCT_UNKNOWN (Salesforce admin): Correct WH_Product_ID__c, or create the product in WHMCS.',
      '  Seat | https://acme.my.salesforce.com/01t000000000001AAA | WHMCS has no product 9',
    ]);
  });

  it('says of a price that is missing in a currency whom it concerns, and not that every Order fails', async () => {
    catalogue.addSold(1, { name: 'Seat' });
    catalogue.sell(1, { prices: { USD: { monthly: '1.00' } } });
    catalogue.add(null, 'Monthly');
    const found = await lines();
    assert.match(found[1] ?? '', /^2 products: 0 can be ordered, 1 cannot, 1 not in every currency; 2 faults/);
    assert.ok(
      found.includes(
        '1 × CURRENCY_NOT_PRICED (WHMCS hosting support), for clients of the currencies named here alone: Set a price for this cycle in EUR in WHMCS; if no client has that currency, leave it out of the check.',
      ),
      found.join('\n'),
    );
  });

  it('tells a fault of the mapping before those of products, and not that an Order fails by it', async () => {
    catalogue.addSold(1);
    catalogue.sell(1, { configOptions: [] });
    const mapped = async (): Promise<string[]> =>
      coverageText(await catalogue.run({}, { configOptions: { 70: 'OrderItem.Seats__c' } })).split('\n');
    const told = [
      '',
      'MAPPING: Orders go on without what is fed here',
      '',
      '1 × OPTION_UNKNOWN (Development team): Correct the id under "Config options" on mapping check, or take it out. If its products are in another price book, check that one.',
      '  no checked product has option 70 in WHMCS: Orders go on without what OrderItem.Seats__c says',
    ];
    assert.deepEqual((await mapped()).slice(1), [
      '1 product, none with a fault, but the mapping has 1; 0 warnings, 0 for information.',
      ...told,
    ]);
    catalogue.add(null, 'Monthly', { name: 'Seat' });
    const lines = await mapped();
    assert.match(lines[1] ?? '', /: 1 can be ordered, 1 cannot; 2 faults \(Development team 1, Salesforce admin 1\)/);
    assert.deepEqual(lines.slice(2, 9), [...told, '', 'FAULTS: an Order with one of these Products fails']);
  });

  it('puts faults before warnings and those before what is for information, the most frequent first', async () => {
    catalogue.addSold(1);
    catalogue.sell(1, { withdrawn: 'hidden', allowQuantity: 0 });
    catalogue.add(null, 'Monthly');
    catalogue.add(null, 'Weekly');
    const found = (await text()).match(/\d × \w+/g);
    assert.deepEqual(found, [
      '2 × PRODUCT_ID_MISSING',
      '1 × CYCLE_UNSUPPORTED',
      '1 × PRODUCT_HIDDEN',
      '1 × QUANTITY_AS_LINES',
    ]);
  });

  it('says a fix of its own where those of a code differ', async () => {
    catalogue.add('1', 'Biannual', { name: 'A' });
    catalogue.add('2', 'Perpetual', { name: 'B' });
    for (const pid of [1, 2]) catalogue.sell(pid);
    const all = await text();
    assert.match(all, /2 × CYCLE_AMBIGUOUS \(Salesforce admin\): Set Billing_Cycle__c to the one that is meant\.\n/);
    assert.match(all, /A \|.* Set Billing_Cycle__c to semiannually or biennially\.\n/);
    assert.match(all, /B \|.* Set Billing_Cycle__c to onetime or free\.$/m);
  });

  it('shows twenty of a fault and says where the others are', async () => {
    for (let at = 0; at < 23; at++) catalogue.add(null, 'Monthly');
    const found = await lines();
    assert.equal(found.filter((line) => line.includes('is empty')).length, 20);
    assert.equal(found.at(-1), '  and 3 more, in the CSV and the JSON');
  });

  it('sorts names as people do', async () => {
    for (const name of ['Plan 10', 'plan 9', 'Álfa', 'Beta']) catalogue.add(null, 'Monthly', { name });
    const names = (await lines()).flatMap((line) => /^ {2}(.+?) \| http/.exec(line)?.[1] ?? []);
    assert.deepEqual(names, ['Álfa', 'Beta', 'plan 9', 'Plan 10']);
  });

  it('has notes, and says that there is nothing to check', async () => {
    const found = await lines();
    assert.equal(found[1], 'There is no product to check.');
    assert.match(found[2] ?? '', /^Note: The price book has no active product/);
  });

  it('lets no name steer a terminal, forge a line or a column, or turn text around', async () => {
    const names = [
      '\u{1B}[2J\u{1B}]0;x\u{7}A',
      'B\r\nFAULTS: none',
      'C | https://evil.example | fine',
      '\u{202E}D\u{2066}',
    ];
    for (const name of names) catalogue.add(null, 'Monthly', { name });
    const rows = (await lines()).filter((line) => line.includes('is empty'));
    assert.deepEqual(
      rows.map((line) => line.split(' | ').length),
      [3, 3, 3, 3],
    );
    assert.doesNotMatch(await text(), /[^\P{Cc}\n]/u);
    assert.doesNotMatch(await text(), /[\u202A-\u202E\u2066-\u2069]/);
  });
});
