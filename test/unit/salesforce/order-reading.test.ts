import assert from 'node:assert/strict';
import { FakeClock } from '../../fake-clock';
import type { SalesforceSimulator } from '../../../simulators/salesforce/server';
import { defaultFieldNames as fields, type SalesforceError } from '../../../lib/salesforce/contract';
import { literal } from '../../../lib/salesforce/soql';
import { until } from '../../until';
import { connect, drive, inAnOrg, refusal } from './org';

describe('Reading an order', () => {
  let org: SalesforceSimulator;
  let connection: ReturnType<typeof connect>;
  inAnOrg((...made) => void ([org, connection] = made));

  const good = (): string => org.people.stories()['good'] ?? '';
  const queries = (): number => org.panel.requests('query').length;

  it('gives the order, its account, its items and their products in one query', async () => {
    const id = good();
    org.people.editOrder(id, { Activation_Status__c: 'Activating' });
    const order = await connection.salesforce.readOrder(id.slice(0, 15), fields);
    assert.ok(order);
    const truth = org.people.order(id);
    assert.deepEqual(
      { ...order, items: order.items.length },
      {
        id,
        number: truth.OrderNumber,
        url: `${org.url}/${id}`,
        activationStatus: 'Activating',
        whmcsOrderId: null,
        attempt: truth.Activation_Attempt__c,
        pricebookId: truth.Pricebook2Id,
        totalAmount: truth.TotalAmount,
        createdAt: Date.parse(String(truth.CreatedDate)),
        lastModifiedAt: Date.parse(String(truth.LastModifiedDate)),
        lastModifiedById: truth.LastModifiedById,
        serverNow: order.serverNow,
        fence: 'attempt',
        account: { id: truth.AccountId, name: 'Northwind Traders', whAccount: '#1001 - Northwind Traders' },
        items: 2,
      },
    );
    const seats = order.items.find((item) => item.product?.code === 'SEAT-A');
    assert.ok(seats);
    assert.deepEqual(
      {
        ...seats,
        id: seats.id.slice(0, 3),
        pricebookEntryId: seats.pricebookEntryId?.slice(0, 3),
        product: { ...seats.product, id: seats.product?.id.slice(0, 3) },
      },
      {
        id: '802',
        quantity: 3,
        unitPrice: 149,
        pricebookEntryId: '01u',
        product: {
          id: '01t',
          name: 'Pro seat, yearly',
          code: 'SEAT-A',
          productId: '14',
          billingCycle: 'Annually',
          isActive: true,
        },
      },
    );
    assert.equal(queries(), 1);
  });

  it('reads further fields of the item, its product, price book entry, order and account in the same query', async () => {
    const { id } = org.people.createOrder({ items: [{ code: 'SEAT-M', quantity: 1 }] });
    const further = [
      'OrderItem.Description',
      'Product2.Family',
      'ProductCode',
      'pricebookentry.PRICEBOOK2ID',
      'Order.PoNumber',
      'Account.Name',
      'Account.Phone',
    ];
    const order = await connection.salesforce.readOrder(id, { ...fields, further });
    assert.deepEqual(order?.items[0]?.further, {
      'OrderItem.Description': null,
      'Product2.Family': null,
      ProductCode: 'SEAT-M',
      'pricebookentry.PRICEBOOK2ID': order?.pricebookId,
      'Order.PoNumber': null,
      'Account.Name': 'Northwind Traders',
      'Account.Phone': null,
    });
    assert.equal(queries(), 1);
  });

  it('reads in which currency the order is where the org has several, and nothing where it has one', async () => {
    const { id } = org.people.createOrder({ items: [{ code: 'SEAT-M', quantity: 1 }] });
    const wanted = { ...fields, further: ['Order.CurrencyIsoCode', 'Product2.CurrencyIsoCode', 'Order.PoNumber'] };
    const read = async () => (await connection.salesforce.readOrder(id, wanted))?.items[0]?.further;
    const none = { 'Order.CurrencyIsoCode': null, 'Product2.CurrencyIsoCode': null, 'Order.PoNumber': null };
    assert.deepEqual(await read(), none);
    assert.deepEqual(await read(), none);
    // It was asked for once; then the org was known to have none.
    assert.equal(queries(), 3);
    assert.deepEqual(connection.log.of('warn'), []);

    connection.close();
    connection = connect(org.url);
    org.panel.switches({ severalCurrencies: true });
    org.people.editOrder(id, { CurrencyIsoCode: 'EUR' });
    assert.deepEqual(await read(), { ...none, 'Order.CurrencyIsoCode': 'EUR' });
    assert.equal(queries(), 4);
  });

  it('says which further field the org does not know, and sends no path that is none', async () => {
    const { id } = org.people.createOrder({ items: [{ code: 'SEAT-M', quantity: 1 }] });
    const read = (path: string) => connection.salesforce.readOrder(id, { ...fields, further: [path] });
    await assert.rejects(read('OrderItem.Nope__c'), /Nope__c/);
    const before = queries();
    for (const path of ['OrderItem.Id FROM User', "Id') FROM Account", 'User.Name', 'OrderItem.', ''])
      await assert.rejects(read(path), { code: 'INVALID_FIELD' }, path);
    assert.equal(queries(), before);
  });

  it('gives null for an order that is not there', async () => {
    assert.equal(await connection.salesforce.readOrder('801Ql00000ZZZZZ', fields), null);
  });

  it('tells an order that was deleted from one that is there, or that Salesforce does not know', async () => {
    const { id } = org.people.createOrder({ items: [{ code: 'SEAT-M', quantity: 1 }] });
    assert.equal(await connection.salesforce.isDeleted(id), false);
    org.people.deleteRecord(id);
    assert.equal(await connection.salesforce.readOrder(id, fields), null);
    assert.equal(await connection.salesforce.isDeleted(id), true);
    for (const other of ['801Ql00000ZZZZZ', 'no id']) assert.equal(await connection.salesforce.isDeleted(other), false);
    const hidden = { kind: 'error', status: 403, errorCode: 'INSUFFICIENT_ACCESS_OR_READONLY', message: 'no' };
    org.panel.fault({ call: 'get', do: hidden });
    assert.equal(await connection.salesforce.isDeleted(id), false);
    org.panel.fault({ call: 'get', do: { ...hidden, errorCode: 'REQUEST_LIMIT_EXCEEDED' } });
    assert.equal((await refusal(connection.salesforce.isDeleted(id))).kind, 'limit');
  });

  it('gives no items where Salesforce says null', async () => {
    const [account] = org.people.records('Account');
    const { id } = org.people.putRecord({
      type: 'Order',
      fields: { AccountId: account?.Id ?? '', Status: 'Draft', EffectiveDate: '2026-01-05' },
    });
    const order = await connection.salesforce.readOrder(id, fields);
    assert.deepEqual(order?.items, []);
    assert.equal(order?.activationStatus, '');
  });

  it('reads items that come in several pages, in their order', async () => {
    org.panel.switches({ childPageSize: 2 });
    const items = Array.from({ length: 7 }, () => ({ code: 'SEAT-M', quantity: 1 }));
    const { id } = org.people.createOrder({ items });
    const order = await connection.salesforce.readOrder(id, fields);
    const ids = order?.items.map((item) => item.id);
    assert.equal(ids?.length, 7);
    assert.deepEqual(ids, [...(ids ?? [])].sort());
    assert.equal(new Set(ids).size, 7);
    assert.equal(queries(), 4);
  });

  it('sends nothing for a text that is no id, so no query can be smuggled in', async () => {
    for (const text of ["801Ql000001AbCd' OR Name != '", "801Ql000001AbCdIAK' --", '802Ql000001AbCeIAK', '']) {
      const error = await refusal(connection.salesforce.readOrder(text, fields));
      assert.deepEqual([error.code, error.kind], ['MALFORMED_ID', 'query']);
    }
    const smuggled = { ...fields, whmcsOrderId: "Id FROM Order WHERE Name != '' --" };
    assert.equal((await refusal(connection.salesforce.readOrder(good(), smuggled))).code, 'INVALID_FIELD');
    assert.equal(queries(), 0);
  });

  it('writes SOQL texts so that they stay texts', () => {
    assert.equal(literal("O'Neil"), String.raw`'O\'Neil'`);
    assert.equal(literal('ends in \\'), String.raw`'ends in \\'`);
    assert.equal(literal(String.raw`\' OR Name != '`), String.raw`'\\\' OR Name != \''`);
    assert.equal(literal('"a"\n\r\t\f\u0000\u0008'), String.raw`'\"a\"\n\r\t\f\u0000\u0008'`);
  });

  it('leaves out an attempt field that the org lacks, learnt once', async () => {
    org.panel.switches({ missingFields: ['Order.Activation_Attempt__c'] });
    for (let n = 0; n < 3; n++) assert.equal((await connection.salesforce.readOrder(good(), fields))?.attempt, null);
    assert.equal(queries(), 4);
    assert.equal(connection.log.of('info').filter((text) => text.includes('no such field')).length, 1);
  });

  const fences: [what: string, switches: Record<string, string[]>, fence: string][] = [
    ['both attempt fields can be used', {}, 'attempt'],
    ['the org has no result attempt', { missingFields: ['Order.Activation_Result_Attempt__c'] }, 'lastModified'],
    ['our user may not read the result attempt', { hiddenFields: ['Activation_Result_Attempt__c'] }, 'lastModified'],
    ['our user may not read the attempt', { hiddenFields: ['Activation_Attempt__c'] }, 'lastModified'],
    [
      'the org has neither',
      { missingFields: ['Activation_Attempt__c', 'Activation_Result_Attempt__c'] },
      'lastModified',
    ],
  ];
  for (const [what, switches, fence] of fences) {
    it(`names the fence of a result: ${fence} where ${what}`, async () => {
      org.people.approve(good());
      org.panel.switches(switches);
      for (let n = 0; n < 2; n++) assert.equal((await connection.salesforce.readOrder(good(), fields))?.fence, fence);
      assert.equal(queries(), 2 + Object.values(switches).flat().length);
    });
  }

  it('finds fields whatever case of letters their names are set in', async () => {
    org.people.approve(good());
    org.people.editOrder(good(), { WHMCS_Order_ID__c: '5001' });
    const lower = {
      ...fields,
      activationStatus: 'activation_status__c',
      whmcsOrderId: 'whmcs_order_id__c',
      account: 'wh_account__C',
    };
    const [order, usual] = [
      await connection.salesforce.readOrder(good(), lower),
      await connection.salesforce.readOrder(good(), fields),
    ];
    assert.deepEqual({ ...order, serverNow: 0 }, { ...usual, serverNow: 0 });
    assert.deepEqual([order?.activationStatus, order?.whmcsOrderId], ['Activating', '5001']);
    assert.match(order?.account?.whAccount ?? '', /^#1001/);
  });

  it('names LastModifiedDate as the fence of an order whose attempts nobody counts', async () => {
    org.people.approve(good());
    org.people.putRecord({ type: 'Order', id: good(), fields: { Activation_Attempt__c: null } });
    assert.equal((await connection.salesforce.readOrder(good(), fields))?.fence, 'lastModified');
  });

  it("tells the server's own time of the answer, or that it bore none", async () => {
    org.panel.advance(7_200_000);
    const order = await connection.salesforce.readOrder(good(), fields);
    const behind = org.panel.now() - (order?.serverNow ?? 0);
    assert.ok(behind >= 0 && behind < 5_000, String(behind));
    assert.equal((order?.serverNow ?? 1) % 1_000, 0);
    org.panel.switches({ dateHeader: false });
    assert.equal((await connection.salesforce.readOrder(good(), fields))?.serverNow, null);
  });

  it('ends when Salesforce goes on naming a field that is left out already', async () => {
    const message = "No such column 'Activation_Attempt__c' on entity 'Order'.";
    org.panel.fault({ call: 'query', times: 0, do: { kind: 'error', errorCode: 'INVALID_FIELD', message } });
    assert.equal((await refusal(connection.salesforce.readOrder(good(), fields))).code, 'INVALID_FIELD');
    assert.equal(queries(), 2);
  });

  it('names a needed field that the org lacks, and its setting', async () => {
    org.panel.switches({ missingFields: ['Account.WH_Account__c'] });
    const error = await refusal(connection.salesforce.readOrder(good(), fields));
    assert.deepEqual([error.code, error.kind], ['INVALID_FIELD', 'query']);
    assert.match(error.message, /WH_Account__c \(account\) does not exist/);
    assert.equal(queries(), 1);
  });

  it('is tried three times on passing errors, with pauses by the clock', async () => {
    const clock = new FakeClock(Date.now());
    const { salesforce } = connect(org.url, { clock });
    await salesforce.auth.token();
    org.panel.fault({ call: 'query', do: { kind: 'html', page: 'maintenance' } });
    org.panel.fault({ call: 'query', do: { kind: 'reset' } });
    assert.equal((await drive(clock, salesforce.readOrder(good(), fields)))?.id, good());
    assert.equal(queries(), 3);
    assert.ok(clock.monotonic() >= 750 + 1_500, `after ${clock.monotonic()} ms`);

    org.panel.fault({ call: 'query', times: 0, do: { kind: 'html', page: 'maintenance' } });
    const error = await drive(clock, refusal(salesforce.readOrder(good(), fields)));
    assert.deepEqual([error.code, error.kind], ['503', 'temporary']);
    assert.equal(salesforce.health().error?.code, '503');
    assert.equal(salesforce.health().auth, 'ok');
    assert.equal(queries(), 6);
    assert.equal(clock.pending, 0);
    salesforce.close();
  });

  it('survives an answer that breaks off', async () => {
    const clock = new FakeClock(Date.now());
    const { salesforce } = connect(org.url, { clock });
    org.panel.fault({ call: 'query', do: { kind: 'cut', bytes: 40 } });
    assert.equal((await drive(clock, salesforce.readOrder(good(), fields)))?.id, good());
    assert.equal(queries(), 2);
    salesforce.close();
  });

  it('is given up at once when the caller leaves', async () => {
    org.panel.fault({ call: 'query', do: { kind: 'hang' } });
    const leaving = new AbortController();
    const read = connection.salesforce.readOrder(good(), fields, leaving.signal);
    await until('the login', () => org.panel.requests('token').length === 1);
    leaving.abort(new Error('I leave'));
    await assert.rejects(read, /I leave/);
  });

  it('leaves no timer when the connection closes between two tries', async () => {
    const clock = new FakeClock(Date.now());
    const { salesforce } = connect(org.url, { clock });
    org.panel.fault({ call: 'query', do: { kind: 'html', page: 'maintenance' } });
    const read = refusal(salesforce.readOrder(good(), fields));
    await until('the first try', () => queries() === 1 && clock.pending > 0);
    salesforce.close();
    assert.equal((await read).code, 'ECLOSED');
    assert.equal(clock.pending, 0);
  });

  const answers: [string, number, string, SalesforceError['kind']][] = [
    ['REQUEST_LIMIT_EXCEEDED', 403, 'TotalRequests Limit exceeded.', 'limit'],
    ['API_DISABLED_FOR_ORG', 403, 'The REST API is not enabled for this Organization.', 'permission'],
    ['INSUFFICIENT_ACCESS_OR_READONLY', 400, 'insufficient access rights on object id', 'permission'],
    ['INVALID_TYPE', 400, "sObject type 'Ordr' is not supported", 'query'],
    ['NOT_FOUND', 404, 'The requested resource does not exist', 'query'],
  ];
  for (const [errorCode, status, message, kind] of answers) {
    it(`that ends with ${errorCode} is of kind ${kind}, and is not repeated`, async () => {
      org.panel.fault({ call: 'query', times: 0, do: { kind: 'error', errorCode, status, message } });
      const error = await refusal(connection.salesforce.readOrder(good(), fields));
      assert.deepEqual([error.code, error.kind, error.message], [errorCode, kind, message]);
      assert.equal(queries(), 1);
    });
  }

  it('does not log in anew for a 401 that a new token cannot cure', async () => {
    const message = 'This session is not valid for use with the REST API';
    org.panel.fault({
      call: 'query',
      times: 0,
      do: { kind: 'error', errorCode: 'INVALID_SESSION_ID', status: 401, message },
    });
    assert.equal((await refusal(connection.salesforce.readOrder(good(), fields))).message, message);
    assert.equal(org.panel.ledger('login').length, 1);
  });
});
