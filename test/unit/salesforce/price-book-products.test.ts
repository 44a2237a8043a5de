import assert from 'node:assert/strict';
import type { PriceBookPage, PriceBookProduct, PriceBookQuery } from '../../../lib/salesforce/price-book-products';
import { isOfPriceBook, readingsOf } from '../../../lib/salesforce/price-book-products';
import type { SalesforceSimulator } from '../../../simulators/salesforce/server';
import { connect, inAnOrg, refusal, serve } from './org';

describe('Reading a price book', () => {
  let org: SalesforceSimulator;
  let connection: ReturnType<typeof connect>;
  inAnOrg((...made) => void ([org, connection] = made));

  const put = (type: string, fields: Record<string, unknown>): string => org.people.putRecord({ type, fields }).id;
  const book = (fields: Record<string, unknown> = {}): string =>
    put('Pricebook2', { Name: 'Portal', IsActive: true, IsStandard: false, ...fields });
  const product = (fields: Record<string, unknown> = {}): string =>
    put('Product2', { Name: 'Plan', IsActive: true, WH_Product_ID__c: '7', Billing_Cycle__c: 'Monthly', ...fields });
  const entry = (pricebook: string, of: string, fields: Record<string, unknown> = {}): string =>
    put('PricebookEntry', { Pricebook2Id: pricebook, Product2Id: of, UnitPrice: 12.5, IsActive: true, ...fields });

  const queryOf = (pricebookId: string, more: Partial<PriceBookQuery> = {}): PriceBookQuery => ({
    pricebookId,
    productId: 'WH_Product_ID__c',
    billingCycle: 'Billing_Cycle__c',
    further: [],
    ...more,
  });
  async function pagesOf(query: PriceBookQuery, salesforce = connection.salesforce): Promise<PriceBookPage[]> {
    const pages: PriceBookPage[] = [];
    for await (const page of salesforce.priceBookProducts(query)) pages.push(page);
    return pages;
  }
  const all = async (query: PriceBookQuery): Promise<PriceBookProduct[]> =>
    (await pagesOf(query)).flatMap(({ products }) => products);

  it('finds a price book by its id, of 15 or 18 characters, and the standard one without', async () => {
    const id = book({ Name: 'Old', IsActive: false });
    const old = { id, name: 'Old', isActive: false, isStandard: false };
    assert.deepEqual(await connection.salesforce.priceBook(id), old);
    assert.deepEqual(await connection.salesforce.priceBook(` ${id.slice(0, 15)} `), old);
    const standard = await connection.salesforce.priceBook(null);
    assert.deepEqual([standard.name, standard.isStandard], ['Standard Price Book', true]);
  });

  it('says of a price book that is not there that it is not, instead of finding it empty', async () => {
    const found = await refusal(connection.salesforce.priceBook('01s000000000001'));
    assert.equal(found.code, 'NOT_FOUND');
    assert.match(found.message, /no price book 01s000000000001/);
  });

  it('sends nothing for a text that is no id', async () => {
    for (const text of ["01s' OR Name != '", '01s000000000001AAB', 'Portal', "'"]) {
      assert.equal((await refusal(connection.salesforce.priceBook(text))).code, 'MALFORMED_ID', text);
      assert.equal((await refusal(all(queryOf(text)))).code, 'MALFORMED_ID', text);
    }
    assert.equal(org.panel.requests('query').length, 0);
  });

  it('gives each active product of that book with what it says of WHMCS, and a page to open', async () => {
    const id = book();
    const other = book({ Name: 'Other' });
    const seat = product({
      Name: "Seat ' \\ <b>",
      ProductCode: 'S-1',
      WH_Product_ID__c: ' 11 ',
      Billing_Cycle__c: null,
    });
    entry(id, seat);
    entry(id, product({ Name: 'inactive product', IsActive: false }));
    entry(id, product({ Name: 'inactive entry' }), { IsActive: false });
    entry(other, product({ Name: 'in another book' }));
    const [found, ...others] = await all(queryOf(id));
    assert.deepEqual(others, []);
    assert.deepEqual(found, {
      id: seat,
      name: "Seat ' \\ <b>",
      code: 'S-1',
      url: `${org.url}/${seat}`,
      productId: ' 11 ',
      billingCycle: null,
      fields: {},
    });
  });

  it('gives a product with an entry for each currency once', async () => {
    const id = book();
    const [first, second] = [product(), product()];
    for (const of of [first, second, first, second, first]) entry(id, of);
    org.panel.switches({ pageSize: 2 });
    const pages = await pagesOf(queryOf(id));
    assert.deepEqual(
      pages.flatMap(({ products }) => products.map((one) => one.id)),
      [first, second],
    );
    assert.deepEqual(
      pages.map(({ entries }) => entries),
      [0, 3, 5].map((read) => ({ total: 5, read })),
      'the entries of those that were given',
    );
  });

  it('gives what entries of other currencies say otherwise, at their product, wherever a page ends', async () => {
    const id = book();
    const [first, second, third] = [product(), product({ WH_Product_ID__c: '8' }), product()];
    for (const [of, price] of [
      [first, 10],
      [first, 9],
      [first, 10],
      [second, 20],
      [third, 30],
      [third, 27],
    ] as const)
      entry(id, of, { UnitPrice: price });
    const query = queryOf(id, { further: ['PricebookEntry.UnitPrice', 'Family'] });
    const said = (price: string, productId = '7') => ({
      productId,
      billingCycle: 'Monthly',
      fields: { 'PricebookEntry.UnitPrice': price, Family: null },
    });
    for (const pageSize of [1, 2, 4, 2_000]) {
      org.panel.switches({ pageSize });
      const found = await all(query);
      assert.deepEqual(
        found.map((one) => [one.id, readingsOf(one)]),
        [
          [first, [said('10'), said('9')]],
          [second, [said('20', '8')]],
          [third, [said('30'), said('27')]],
        ],
        `${pageSize} a page`,
      );
      assert.equal('others' in (found[1] ?? {}), false);
    }
  });

  it('turns pages to the end, one call each', async () => {
    const id = book();
    const products = Array.from({ length: 23 }, (_, at) => product({ Name: `Plan ${at}` }));
    for (const one of products) entry(id, one);
    org.panel.switches({ pageSize: 5 });
    const found = await all(queryOf(id));
    assert.deepEqual(new Set(found.map((one) => one.id)), new Set(products));
    assert.equal(found.length, 23);
    assert.equal(org.panel.requests('query').length, 5);
  });

  it('reads further fields of the product and of its entry, by their paths, in any case of letters', async () => {
    const id = book();
    entry(id, product({ Family: 'Seats' }));
    const further = ['Family', 'product2.FAMILY', 'PricebookEntry.UnitPrice'];
    const [found] = await all(queryOf(id, { productId: 'product2.wh_product_id__c', billingCycle: null, further }));
    assert.equal(found?.productId, '7');
    assert.equal(found?.billingCycle, null);
    assert.deepEqual(found?.fields, {
      Family: 'Seats',
      'product2.FAMILY': 'Seats',
      'PricebookEntry.UnitPrice': '12.5',
    });
  });

  it('knows which fields are known without an order', () => {
    assert.deepEqual(
      [
        'WH_Product_ID__c',
        'Product2.X__c',
        'PricebookEntry.X__c',
        'OrderItem.X__c',
        'Order.X__c',
        'Account.X__c',
        'a b',
      ].map(isOfPriceBook),
      [true, true, true, false, false, false, false],
    );
  });

  it('names the field that the org does not have, and the setting that holds it', async () => {
    const id = book();
    const found = await refusal(all(queryOf(id, { productId: 'Plan_Number__c' })));
    assert.equal(found.code, 'INVALID_FIELD');
    assert.match(found.message, /Plan_Number__c \(productId\) does not exist/);
    const injected = await refusal(all(queryOf(id, { further: ['Id FROM Account'] })));
    assert.match(injected.message, /is no name of a field/);
  });

  describe('where the list does not come to its end', () => {
    const token = (url: string) => ({
      access_token: '00D!t',
      instance_url: url,
      id: `${url}/id/00DQl000000xYzWMAU/005Ql000000xYzWMAU`,
      token_type: 'Bearer',
    });
    const record = {
      Id: '01u000000000001AAA',
      Product2Id: '01t000000000001AAA',
      Product2: { Name: 'Plan', ProductCode: null, WH_Product_ID__c: '7', Billing_Cycle__c: 'Monthly' },
    };
    const cases: [string, object][] = [
      ['it ends before its count', { totalSize: 3, done: true, records: [record] }],
      ['it has more than its count', { totalSize: 1, done: true, records: [record, record] }],
      ['it goes on, and says not where', { totalSize: 3, done: false, records: [record] }],
      [
        'it goes on elsewhere',
        { totalSize: 3, done: false, nextRecordsUrl: 'https://evil.example/', records: [record] },
      ],
      [
        'it goes round',
        { totalSize: 3, done: false, nextRecordsUrl: '/services/data/v68.0/query/1', records: [record] },
      ],
      ['a page is empty', { totalSize: 3, done: false, nextRecordsUrl: '/services/data/v68.0/query/1', records: [] }],
    ];
    for (const [what, page] of cases)
      it(`${what}: an error, and it ends`, async () => {
        const server = await serve((request, response) => {
          const body = request.url === '/services/oauth2/token' ? token(server.url) : page;
          response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(body));
        });
        const { salesforce, close } = connect(server.url);
        try {
          const found = await refusal(pagesOf(queryOf('01s000000000001'), salesforce));
          assert.equal(found.code, 'UNEXPECTED_ANSWER');
          assert.match(found.message, /could not be read to its end/);
          assert.ok(server.calls.length <= 5, server.calls.join(', '));
        } finally {
          close();
          await server.close();
        }
      });
  });

  it('ends at once when it is given up', async () => {
    const id = book();
    for (let at = 0; at < 6; at++) entry(id, product());
    org.panel.switches({ pageSize: 2 });
    const stop = new AbortController();
    const given = new Error('enough');
    const read = async (): Promise<void> => {
      for await (const page of connection.salesforce.priceBookProducts(queryOf(id), stop.signal))
        if (page.entries.read === 1) stop.abort(given);
    };
    await assert.rejects(read(), given);
    assert.equal(org.panel.requests('query').length, 1);
  });
});
