import assert from 'node:assert/strict';
import type { Connection } from 'jsforce';
import type { SalesforceSimulator } from '../../../../simulators/salesforce/server';
import { errorOf, jsforceConnection, login, rest, start, username } from './start';

describe('salesforce simulator: reading and writing records', () => {
  let sim: SalesforceSimulator;
  let token: string;
  let jsforce: Connection;
  let good: string;
  beforeEach(async () => {
    sim = await start();
    jsforce = await jsforceConnection(sim);
    ({ token } = await login(sim));
    good = sim.people.stories().good ?? '';
  });
  afterEach(() => sim.close());

  const patch = (body: unknown, headers: Record<string, string> = {}, id = good) =>
    rest(sim, token, `/sobjects/Order/${id}`, { method: 'PATCH', body, headers });
  const refused = async (body: unknown) => {
    const before = sim.people.order(good);
    const answer = await patch(body);
    assert.equal(answer.status, 400, answer.text);
    assert.deepEqual(sim.people.order(good), before);
    return errorOf(answer);
  };

  it('updates through jsforce, with 204 and an empty body on the wire', async () => {
    const result = await jsforce.sobject('Order').update({ Id: good, WHMCS_Order_ID__c: '77' });
    assert.deepEqual(result, { id: good, success: true, errors: [] });
    const answer = await patch({ Activation_Error_Message__c: null });
    assert.deepEqual([answer.status, answer.text], [204, '']);
    const order = sim.people.order(good);
    assert.equal(order.WHMCS_Order_ID__c, '77');
    const [written] = sim.panel.ledger('orderWritten');
    assert.deepEqual(written?.fields, { WHMCS_Order_ID__c: '77' });
  });

  it('keeps who changed a record last, and when by the virtual clock, in whole seconds', async () => {
    sim.panel.advance(3_600_000);
    const from = Math.floor(sim.panel.now() / 1000) * 1000;
    await patch({ WHMCS_Order_ID__c: '77' });
    const order = sim.people.order(good);
    assert.match(String(order.LastModifiedDate), /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.000\+0000$/);
    const at = Date.parse(String(order.LastModifiedDate));
    assert.ok(at >= from && at <= sim.panel.now());
    const user = (await jsforce.sobject('User').retrieve(String(order.LastModifiedById))) as { Username: string };
    assert.equal(user.Username, username);
  });

  it('gives a record by id, all fields or those asked for', async () => {
    const all = await rest(sim, token, `/sobjects/Order/${good.slice(0, 15)}`);
    const order = all.json as Record<string, unknown>;
    assert.equal(order.Id, good);
    assert.equal(order.Activation_Status__c, 'Not Started');
    const few = await rest(sim, token, `/sobjects/Order/${good}?fields=OrderNumber`);
    assert.deepEqual(Object.keys(few.json as object), ['attributes', 'OrderNumber']);
  });

  it('refuses an unknown field', async () => {
    assert.deepEqual(await refused({ Foo__c: 'x' }), {
      message: "No such column 'Foo__c' on sobject of type Order",
      errorCode: 'INVALID_FIELD',
      fields: ['Foo__c'],
    });
  });

  it('refuses a field that is hidden or missing as unknown, and a read-only one as such', async () => {
    sim.panel.switches({ hiddenFields: ['Activation_Error_At__c'], readOnlyFields: ['WHMCS_Order_ID__c'] });
    assert.equal((await refused({ Activation_Error_At__c: null })).errorCode, 'INVALID_FIELD');
    const error = await refused({ WHMCS_Order_ID__c: '1' });
    assert.equal(error.errorCode, 'INVALID_FIELD_FOR_INSERT_UPDATE');
    assert.match(error.message, /^Unable to create\/update fields: WHMCS_Order_ID__c\. Please check the security/);
    assert.deepEqual(error.fields, ['WHMCS_Order_ID__c']);
    assert.equal((await refused({ TotalAmount: 5 })).errorCode, 'INVALID_FIELD_FOR_INSERT_UPDATE');
  });

  it('refuses what a picklist does not have, by the label of the field', async () => {
    const error = await refused({ Activation_Status__c: 'Foo' });
    assert.equal(error.errorCode, 'INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST');
    assert.equal(error.message, 'Activation Status: bad value for restricted picklist field: Foo');
    assert.deepEqual(error.fields, ['Activation_Status__c']);
  });

  it('refuses a text longer than its field', async () => {
    const error = await refused({ Activation_Error_Message__c: 'x'.repeat(256) });
    assert.equal(error.errorCode, 'STRING_TOO_LONG');
    assert.match(error.message, /^Activation Error Message: data value too large: x+ \(max length=255\)$/);
    assert.equal((await patch({ Activation_Error_Message__c: 'x'.repeat(255) })).status, 204);
  });

  it('refuses values of the wrong JSON type', async () => {
    assert.match(
      (await refused({ Activation_Result_Attempt__c: '1' })).message,
      /^Cannot deserialize instance of double from VALUE_STRING value 1 /,
    );
    assert.match(
      (await refused({ WHMCS_Order_ID__c: 77 })).message,
      /^Cannot deserialize instance of string from VALUE_NUMBER_INT value 77 /,
    );
    assert.match(
      (await refused({ EffectiveDate: '2026-01-01T00:00:00Z' })).message,
      /instance of date from VALUE_STRING/,
    );
  });

  it('refuses an Id in the body, an empty required field, a foreign id', async () => {
    assert.equal((await refused({ Id: good })).message, 'The Id field should not be specified in the sobject data.');
    assert.equal((await refused({ EffectiveDate: null })).errorCode, 'REQUIRED_FIELD_MISSING');
    assert.equal((await refused({ AccountId: good })).errorCode, 'MALFORMED_ID');
  });

  it('refuses a body that is no JSON, and one of another type', async () => {
    assert.equal((await refused('{"a":')).errorCode, 'JSON_PARSER_ERROR');
    const answer = await patch('a=b', { 'content-type': 'application/x-www-form-urlencoded' });
    assert.deepEqual([answer.status, errorOf(answer).errorCode], [415, 'UNSUPPORTED_MEDIA_TYPE']);
  });

  it('tells a malformed id, an unknown one, a deleted one and a bad path apart', async () => {
    const error = async (path: string, method = 'PATCH') => {
      const answer = await rest(sim, token, path, { method, ...(method === 'GET' ? {} : { body: {} }) });
      return [answer.status, errorOf(answer).errorCode, errorOf(answer).message];
    };
    const missing = [404, 'NOT_FOUND', 'The requested resource does not exist'];
    assert.deepEqual(await error('/sobjects/Order/801zz'), [
      400,
      'MALFORMED_ID',
      'Order ID: id value of incorrect type: 801zz',
    ]);
    assert.deepEqual(await error('/sobjects/Order/801000000000001'), missing);
    assert.deepEqual(await error('/sobjects/Ordr/801000000000001'), missing);
    assert.deepEqual(await error('/nothing', 'GET'), missing);
    sim.people.deleteRecord(good);
    assert.deepEqual(await error(`/sobjects/Order/${good}`), [404, 'ENTITY_IS_DELETED', 'entity is deleted']);
    assert.deepEqual(await error('/sobjects/Order'), [
      405,
      'METHOD_NOT_ALLOWED',
      "HTTP Method 'PATCH' not allowed. Allowed are HEAD,GET,POST",
    ]);
  });

  it('honours If-Unmodified-Since, by whole seconds', async () => {
    const since = new Date(Date.parse(String(sim.people.order(good).LastModifiedDate))).toUTCString();
    assert.equal((await patch({ WHMCS_Order_ID__c: '1' }, { 'if-unmodified-since': since })).status, 204);
    sim.panel.advance(2000);
    await patch({ WHMCS_Order_ID__c: '2' });
    const late = await patch({ WHMCS_Order_ID__c: '3' }, { 'if-unmodified-since': since });
    assert.deepEqual([late.status, late.text], [412, '']);
    assert.equal(sim.people.order(good).WHMCS_Order_ID__c, '2');
    assert.equal((await patch({}, { 'if-unmodified-since': '2026-01-01' })).status, 400);
  });

  it('activates an order that has products, and closes it to users without the permission', async () => {
    const { id: empty } = sim.people.putRecord({ type: 'Order', fields: { Status: 'Draft' } });
    assert.equal(errorOf(await patch({ Status: 'Activated' }, {}, empty)).errorCode, 'FAILED_ACTIVATION');
    assert.equal((await patch({ Status: 'Activated' })).status, 204);
    assert.equal(sim.people.order(good).StatusCode, 'Activated');
    sim.panel.switches({ editActivatedOrders: false });
    assert.deepEqual(await refused({ WHMCS_Order_ID__c: '1' }), {
      message: 'entity is locked for editing',
      errorCode: 'ENTITY_IS_LOCKED',
      fields: [],
    });
  });

  it('writes collections record by record, or all or none', async () => {
    const items = sim.people.order(good).items.map((item) => String(item.Id));
    const write = (allOrNone: boolean, second: string) =>
      rest(sim, token, '/composite/sobjects', {
        method: 'PATCH',
        body: {
          allOrNone,
          records: [
            { attributes: { type: 'OrderItem' }, id: items[0], WHMCS_Service_ID__c: '501' },
            { attributes: { type: 'OrderItem' }, id: items[1], WHMCS_Service_ID__c: second },
          ],
        },
      });
    const services = () => sim.people.order(good).items.map((item) => item.WHMCS_Service_ID__c ?? null);
    const none = await write(true, 'x'.repeat(41));
    assert.equal(none.status, 200);
    const codes = (none.json as { success: boolean; errors: { statusCode: string }[] }[]).map(
      (one) => one.errors[0]?.statusCode,
    );
    assert.deepEqual(codes, ['ALL_OR_NONE_OPERATION_ROLLED_BACK', 'STRING_TOO_LONG']);
    assert.deepEqual(services(), [null, null]);
    const partly = (await write(false, 'x'.repeat(41))).json as { id?: string; success: boolean; errors: unknown[] }[];
    assert.deepEqual(partly[0], { id: items[0], success: true, errors: [] });
    assert.equal(partly[1]?.success, false);
    assert.deepEqual(services(), ['501', null]);
    const results = await jsforce.sobject('OrderItem').update(items.map((Id) => ({ Id, WHMCS_Service_ID__c: '502' })));
    assert.ok(results.every((result) => result.success));
    assert.deepEqual(services(), ['502', '502']);
    const many = { records: Array.from({ length: 201 }, () => ({ attributes: { type: 'Order' }, id: good })) };
    assert.equal((await rest(sim, token, '/composite/sobjects', { method: 'PATCH', body: many })).status, 400);
  });

  it('runs several requests in one, undone together with allOrNone', async () => {
    const composite = (allOrNone: boolean, number: string) =>
      rest(sim, token, '/composite', {
        method: 'POST',
        body: {
          allOrNone,
          compositeRequest: [
            {
              method: 'GET',
              url: `/services/data/v68.0/sobjects/Order/${good}?fields=OrderNumber`,
              referenceId: 'read',
            },
            {
              method: 'PATCH',
              url: `/services/data/v68.0/sobjects/Order/${good}`,
              referenceId: 'write',
              body: { WHMCS_Order_ID__c: '@{read.OrderNumber}' },
            },
            {
              method: 'PATCH',
              url: `/services/data/v68.0/sobjects/Order/${good}`,
              referenceId: 'fail',
              body: { Activation_Status__c: number },
            },
          ],
        },
      });
    const statuses = (answer: { json: unknown }) =>
      (answer.json as { compositeResponse: { httpStatusCode: number }[] }).compositeResponse.map(
        (one) => one.httpStatusCode,
      );
    assert.deepEqual(statuses(await composite(true, 'Foo')), [400, 400, 400]);
    assert.equal(sim.people.order(good).WHMCS_Order_ID__c, null);
    assert.deepEqual(statuses(await composite(false, 'Foo')), [200, 204, 400]);
    assert.equal(sim.people.order(good).WHMCS_Order_ID__c, sim.people.order(good).OrderNumber);
    assert.deepEqual(statuses(await composite(true, 'Failed')), [200, 204, 204]);
  });

  it('creates records, with what is required', async () => {
    const created = await jsforce.sobject('Account').create({ Name: 'New Ltd' });
    assert.ok(created.success && created.id?.startsWith('001'));
    const answer = await rest(sim, token, '/sobjects/Account', { method: 'POST', body: {} });
    assert.equal(errorOf(answer).message, 'Required fields are missing: [Name]');
  });

  it('describes its sObjects as the user sees them', async () => {
    sim.panel.switches({ missingFields: ['Activation_Error_At__c'] });
    const { fields } = await jsforce.sobject('Order').describe();
    const status = fields.find((field) => field.name === 'Activation_Status__c');
    assert.deepEqual(
      status?.picklistValues?.map((one) => one.value),
      ['Not Started', 'Activating', 'Activated', 'Failed'],
    );
    assert.ok(!fields.some((field) => field.name === 'Activation_Error_At__c'));
  });

  it('says how much of the API limit is used, and refuses everything above it', async () => {
    const first = await rest(sim, token, '/limits');
    const limit = /^api-usage=(\d+)\/1000000$/.exec(first.headers.get('sforce-limit-info') ?? '');
    assert.ok(limit);
    sim.panel.switches({ apiRequestsUsed: 1_000_000 });
    const answer = await rest(sim, token, '/limits');
    assert.deepEqual(
      [answer.status, errorOf(answer)],
      [403, { message: 'TotalRequests Limit exceeded.', errorCode: 'REQUEST_LIMIT_EXCEEDED' }],
    );
    const versions = await fetch(`${sim.url}/services/data`);
    assert.equal(versions.headers.get('sforce-limit-info'), null);
    assert.deepEqual(((await versions.json()) as { version: string }[]).at(-1)?.version, '68.0');
  });

  it('dates its answers by the virtual clock', async () => {
    sim.panel.advance(73 * 3_600_000);
    const { headers } = await rest(sim, token, '/limits');
    assert.ok(Math.abs(Date.parse(headers.get('date') ?? '') - sim.panel.now()) < 2000);
  });
});
