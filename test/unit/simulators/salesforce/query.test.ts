import assert from 'node:assert/strict';
import type { Connection } from 'jsforce';
import type { SalesforceSimulator } from '../../../../simulators/salesforce/server';
import { errorOf, jsforceConnection, login, rest, start } from './start';

interface Page {
  totalSize: number;
  done: boolean;
  nextRecordsUrl?: string;
  records: Record<string, unknown>[];
}

describe('salesforce simulator: queries', () => {
  let sim: SalesforceSimulator;
  let token: string;
  let jsforce: Connection;
  let good: string;
  before(async () => {
    sim = await start();
    jsforce = await jsforceConnection(sim);
    ({ token } = await login(sim));
    good = sim.people.stories().good ?? '';
  });
  after(() => sim.close());
  beforeEach(() =>
    sim.panel.switches({
      missingFields: [],
      hiddenFields: [],
      noChildren: 'null',
      pageSize: 2000,
      childPageSize: 2000,
    }),
  );

  const query = (soql: string) => rest(sim, token, `/query?q=${encodeURIComponent(soql)}`);
  const page = async (soql: string) => {
    const answer = await query(soql);
    assert.equal(answer.status, 200, answer.text);
    return answer.json as Page;
  };
  const names = async (soql: string) => (await page(soql)).records.map((record) => record.Name);
  const codes = async (where: string) =>
    (await page(`SELECT ProductCode FROM Product2 WHERE ${where} ORDER BY ProductCode`)).records.map(
      (record) => record.ProductCode,
    );

  it('answers an order with parents and children in the documented shape', async () => {
    const { records, ...rest } = await page(
      `SELECT Id, OrderNumber, StatusCode, TotalAmount, Account.Name, (SELECT Id, Quantity, Product2.ProductCode, PricebookEntry.Product2.Name FROM OrderItems ORDER BY Id) FROM Order WHERE Id='${good}'`,
    );
    assert.deepEqual(rest, { totalSize: 1, done: true });
    const [order] = records;
    assert.ok(order);
    const { AccountId } = (await jsforce.sobject('Order').retrieve(good)) as { AccountId: string };
    assert.deepEqual(Object.keys(order), [
      'attributes',
      'Id',
      'OrderNumber',
      'StatusCode',
      'TotalAmount',
      'Account',
      'OrderItems',
    ]);
    assert.deepEqual(order.attributes, { type: 'Order', url: `/services/data/v68.0/sobjects/Order/${good}` });
    assert.equal(order.StatusCode, 'Draft');
    assert.equal(order.TotalAmount, 3 * 149 + 250);
    assert.deepEqual(order.Account, {
      attributes: { type: 'Account', url: `/services/data/v68.0/sobjects/Account/${AccountId}` },
      Name: 'Northwind Traders',
    });
    const items = order.OrderItems as Page;
    assert.deepEqual([items.totalSize, items.done, items.records.length], [2, true, 2]);
    const [first] = items.records as {
      Quantity: number;
      Product2: object;
      PricebookEntry: { Product2: { Name: string } };
    }[];
    assert.equal(first?.Quantity, 3);
    assert.equal(first?.PricebookEntry.Product2.Name, 'Pro seat, yearly');
    assert.deepEqual(Object.keys(first?.Product2 ?? {}), ['attributes', 'ProductCode']);
  });

  it('reads the same through jsforce', async () => {
    const { records } = await jsforce.query<{ Id: string; Account: { Name: string } }>(
      `SELECT Id, Account.Name FROM Order WHERE Id = '${good.slice(0, 15)}'`,
    );
    assert.deepEqual(
      records.map((record) => [record.Id, record.Account.Name]),
      [[good, 'Northwind Traders']],
    );
  });

  it('writes null for a parent that is not there, and for an empty list of children', async () => {
    const { id } = sim.people.putRecord({ type: 'Order', fields: { Status: 'Draft' } });
    const soql = `SELECT Account.Name, (SELECT Id FROM OrderItems) FROM Order WHERE Id = '${id}'`;
    const [order] = (await page(soql)).records;
    assert.deepEqual([order?.Account, order?.OrderItems], [null, null]);
    sim.panel.switches({ noChildren: 'empty' });
    assert.deepEqual((await page(soql)).records[0]?.OrderItems, { totalSize: 0, done: true, records: [] });
    sim.people.deleteRecord(id);
  });

  it('answers no rows as success', async () => {
    assert.deepEqual(await page("SELECT Id FROM Order WHERE Id = '801000000000001'"), {
      totalSize: 0,
      done: true,
      records: [],
    });
  });

  it('counts', async () => {
    assert.deepEqual(await page('SELECT COUNT() FROM Product2'), { totalSize: 13, done: true, records: [] });
  });

  it('compares texts without regard to case, and knows = != IN NOT IN LIKE and null', async () => {
    assert.deepEqual(await codes("ProductCode = 'seat-m'"), ['SEAT-M']);
    assert.deepEqual(await codes("ProductCode LIKE 'seat-_' AND ProductCode NOT IN ('SEAT-A', 'SEAT-B')"), [
      'SEAT-M',
      'SEAT-Q',
      'SEAT-S',
      'SEAT-T',
    ]);
    assert.deepEqual(await codes('WH_Product_ID__c = null'), ['UNMAPPED']);
    assert.deepEqual(await codes("WH_Product_ID__c != '11' AND ProductCode IN ('UNMAPPED', 'SEAT-M', 'TRIAL')"), [
      'TRIAL',
      'UNMAPPED',
    ]);
    assert.deepEqual(await codes("ProductCode LIKE '%ME%' OR (NOT ProductCode LIKE '%-%')"), [
      'SETUP',
      'TRIAL',
      'UNMAPPED',
    ]);
  });

  it('compares numbers and dates', async () => {
    const dear = 'SELECT Id FROM PricebookEntry WHERE UnitPrice';
    assert.equal((await page(`${dear} >= 250`)).totalSize, 3);
    assert.equal((await page(`${dear} > 250.0`)).totalSize, 2);
    assert.equal((await page(`${dear} < 5`)).totalSize, 3);
    const now = new Date(sim.panel.now());
    const later = new Date(sim.panel.now() + 60_000).toISOString();
    assert.equal((await page(`SELECT Id FROM Order WHERE CreatedDate < ${later}`)).totalSize, 6);
    assert.equal((await page(`SELECT Id FROM Order WHERE CreatedDate > ${later}`)).totalSize, 0);
    assert.equal((await page('SELECT Id FROM Order WHERE CreatedDate = LAST_N_DAYS:1')).totalSize, 6);
    assert.equal((await page('SELECT Id FROM Order WHERE CreatedDate < YESTERDAY')).totalSize, 0);
    assert.equal(
      (await page(`SELECT Id FROM Order WHERE EffectiveDate = ${now.toISOString().slice(0, 10)}`)).totalSize,
      6,
    );
  });

  it('reads quotes and backslashes in a text as SOQL does', async () => {
    assert.deepEqual(await names("SELECT Name FROM Account WHERE Name = 'Fish & Sons O\\'Neil'"), [
      "Fish & Sons O'Neil",
    ]);
    const answer = await query("SELECT Id FROM Account WHERE Name = 'a\\q'");
    assert.deepEqual([answer.status, errorOf(answer).errorCode], [400, 'MALFORMED_QUERY']);
    assert.match(errorOf(answer).message, /Illegal character sequence '\\q'/);
  });

  it('filters by a parent, by a semi-join, and sorts by a parent', async () => {
    assert.equal((await page("SELECT Id FROM Order WHERE Account.Name LIKE 'fish%'")).totalSize, 2);
    const joined =
      "SELECT Id FROM Order WHERE Id IN (SELECT OrderId FROM OrderItem WHERE Product2.ProductCode = 'SETUP')";
    assert.deepEqual(
      (await page(joined)).records.map((record) => record.Id),
      [good],
    );
    const sorted = (await page('SELECT Account.Name FROM Order ORDER BY Account.Name DESC, Id LIMIT 2 OFFSET 1'))
      .records;
    assert.deepEqual(
      sorted.map((record) => (record.Account as { Name: string }).Name),
      ['Northwind Traders', "Fish & Sons O'Neil"],
    );
  });

  it('puts nulls first unless told otherwise', async () => {
    const first = 'SELECT Name FROM Account ORDER BY WH_Account__c LIMIT 1';
    assert.deepEqual(await names(first), ['Nobody Knows GmbH']);
    assert.deepEqual(await names(first.replace(' LIMIT', ' NULLS LAST LIMIT')), ['Northwind Traders']);
  });

  it('pages by nextRecordsUrl, children on their own', async () => {
    sim.panel.switches({ pageSize: 4, childPageSize: 1 });
    const first = await page('SELECT Id, (SELECT Id FROM OrderItems) FROM Order');
    assert.deepEqual([first.totalSize, first.done, first.records.length], [6, false, 4]);
    assert.match(first.nextRecordsUrl ?? '', /^\/services\/data\/v68\.0\/query\/01g\w{15}-4$/);
    const items = first.records[0]?.OrderItems as Page;
    assert.deepEqual([items.totalSize, items.done, items.records.length], [2, false, 1]);
    const all = (await jsforce
      .query('SELECT Id FROM Order')
      .then((one) => jsforce.queryMore(one.nextRecordsUrl ?? ''))) as Page;
    assert.deepEqual([all.totalSize, all.done, all.records.length], [6, true, 2]);
    const more = await rest(sim, token, (items.nextRecordsUrl ?? '').replace('/services/data/v68.0', ''));
    assert.equal((more.json as Page).records.length, 1);
    assert.equal(errorOf(await rest(sim, token, '/query/01gnone-4')).errorCode, 'INVALID_QUERY_LOCATOR');
  });

  const adviceField = 'If you are attempting to use a custom field';
  const refusals: [soql: string, errorCode: string, message: RegExp][] = [
    [
      'SELECT Id, Foo FROM Order',
      'INVALID_FIELD',
      /^\nSELECT Id, Foo FROM Order\n {11}\^\nERROR at Row:1:Column:12\nNo such column 'Foo' on entity 'Order'\. If you/,
    ],
    ['SELECT Id, Account.Foo FROM Order', 'INVALID_FIELD', /No such column 'Foo' on entity 'Account'/],
    ['SELECT Id, Acount.Name FROM Order', 'INVALID_FIELD', /Didn't understand relationship 'Acount' in field path/],
    [
      'SELECT Id, (SELECT Foo FROM OrderItems) FROM Order',
      'INVALID_FIELD',
      /No such column 'Foo' on entity 'OrderItem'/,
    ],
    [
      'SELECT Id, (SELECT Id FROM OrderItemz) FROM Order',
      'INVALID_TYPE',
      /Didn't understand relationship 'OrderItemz' in FROM part of query call/,
    ],
    ['SELECT Id FROM Ordr', 'INVALID_TYPE', /sObject type 'Ordr' is not supported/],
    ["SELECT Id FROM Order WHERE Foo = 'x'", 'INVALID_FIELD', /No such column 'Foo' on entity 'Order'/],
    ['SELECT Id FROM Order ORDER BY Foo', 'INVALID_FIELD', /No such column 'Foo'/],
    ['SELECT Id, Id FROM Order', 'INVALID_FIELD', /duplicate field selected: Id/],
    ['SELECT Id FORM Order', 'MALFORMED_QUERY', /unexpected token: 'Order'/],
    ['SELECT Id FROM Order WHERE', 'MALFORMED_QUERY', /unexpected token: '<EOF>'/],
    [
      "SELECT Id FROM Order WHERE Status = 'a' AND Status = 'b' OR Status = 'c'",
      'MALFORMED_QUERY',
      /unexpected token: 'OR'/,
    ],
    [
      'SELECT Id FROM Order WHERE Status = 5',
      'INVALID_FIELD',
      /field 'Status' must be of type string and should be enclosed in quotes/,
    ],
    [
      "SELECT Id FROM Order WHERE Activation_Attempt__c = '5'",
      'INVALID_FIELD',
      /must be of type double and should not be enclosed in quotes/,
    ],
    [
      "SELECT Id FROM Order WHERE LastModifiedDate > '2026-01-01T00:00:00Z'",
      'INVALID_FIELD',
      /must be of type dateTime/,
    ],
    ["SELECT Id FROM Order WHERE Id = 'abc'", 'INVALID_QUERY_FILTER_OPERATOR', /invalid ID field: abc/],
    ["SELECT Id FROM Order WHERE Description = 'x'", 'INVALID_FIELD', /can not be filtered/],
    ['SELECT Id FROM Order LIMIT 1 OFFSET 2001', 'NUMBER_OUTSIDE_VALID_RANGE', /offset/],
  ];
  for (const [soql, errorCode, message] of refusals) {
    it(`refuses: ${soql}`, async () => {
      const answer = await query(soql);
      assert.equal(answer.status, 400);
      const error = errorOf(answer);
      assert.equal(error.errorCode, errorCode, answer.text);
      assert.match(error.message, message);
      assert.ok(!('fields' in error));
    });
  }

  it('refuses a field that the org lacks, or that the user may not see, as one that does not exist', async () => {
    for (const patch of [
      { missingFields: ['Order.Activation_Attempt__c'] },
      { missingFields: [], hiddenFields: ['activation_attempt__c'] },
    ]) {
      sim.panel.switches(patch);
      const error = errorOf(await query('SELECT Id, Activation_Attempt__c FROM Order'));
      assert.equal(error.errorCode, 'INVALID_FIELD');
      assert.match(error.message, /No such column 'Activation_Attempt__c' on entity 'Order'/);
      assert.ok(error.message.includes(adviceField));
    }
  });

  it('says loudly what it cannot do', async () => {
    const answer = await query('SELECT Status, COUNT(Id) FROM Order GROUP BY Status');
    assert.deepEqual([answer.status, errorOf(answer).errorCode], [501, 'NOT_SIMULATED']);
  });
});
