import assert from 'node:assert/strict';
import { FakeClock } from '../../fake-clock';
import type { SalesforceSimulator } from '../../../simulators/salesforce/server';
import { defaultFieldNames as fields, type OrderChange, type WriteEnd } from '../../../lib/salesforce/contract';
import { until } from '../../until';
import { connect, inAnOrg, serve } from './org';

describe('Writing an order', () => {
  let org: SalesforceSimulator;
  let connection: ReturnType<typeof connect>;
  let id: string;
  inAnOrg((...made) => {
    [org, connection] = made;
    id = org.people.stories()['good'] ?? '';
    org.people.approve(id);
  });

  const failed: OrderChange = {
    activationStatus: 'Failed',
    errorCode: 'PAYMENT_METHOD_MISSING',
    errorMessage: 'none',
    resultAttempt: 1,
  };
  const patches = (): number => org.panel.requests('patch').length;
  const write = (change: OrderChange = failed): Promise<WriteEnd> =>
    connection.salesforce.writeOrder(id, change, fields);
  const kindOf = async (change?: OrderChange): Promise<string> => (await write(change)).kind;

  it('puts each value into its field, and leaves the others alone', async () => {
    const attempt = Number(org.people.order(id).Activation_Attempt__c);
    const end = await write({
      ...failed,
      whmcsOrderId: '77',
      errorAt: Date.UTC(2026, 0, 5, 9, 30),
      resultAttempt: attempt,
    });
    assert.deepEqual(end, { kind: 'written' });
    const order = org.people.order(id);
    assert.equal(order.Activation_Status__c, 'Failed');
    assert.equal(order.WHMCS_Order_ID__c, '77');
    assert.equal(order.Activation_Error_Code__c, 'PAYMENT_METHOD_MISSING');
    assert.equal(order.Activation_Error_Message__c, 'none');
    assert.equal(Date.parse(String(order.Activation_Error_At__c)), Date.UTC(2026, 0, 5, 9, 30));
    assert.equal(order.Activation_Result_Attempt__c, attempt);

    assert.equal(await kindOf({ errorCode: null, errorMessage: null }), 'written');
    assert.equal(org.people.order(id).Activation_Error_Code__c, null);
    assert.equal(org.people.order(id).WHMCS_Order_ID__c, '77');
    assert.equal(org.people.order(id).LastModifiedById, connection.salesforce.userId);
  });

  it('makes no call when there is nothing to write', async () => {
    assert.equal(await kindOf({}), 'written');
    assert.equal(patches(), 0);
  });

  it('cuts texts to 255 between whole characters', async () => {
    const family = '👨‍👩‍👧';
    await write({ errorMessage: 'x'.repeat(250) + family });
    assert.equal(org.people.order(id).Activation_Error_Message__c, `${'x'.repeat(250)}…`);
    await write({ errorMessage: 'ž'.repeat(255) });
    assert.equal(org.people.order(id).Activation_Error_Message__c, 'ž'.repeat(255));
    await write({ errorMessage: 'e\u0301'.repeat(200) });
    assert.equal(org.people.order(id).Activation_Error_Message__c, `${'e\u0301'.repeat(127)}…`);
  });

  it('is refused, with the fields, by a validation rule, a missing permission and an invalid id', async () => {
    const message = 'Only finance may do this';
    org.panel.fault({
      call: 'patch',
      do: { kind: 'error', errorCode: 'FIELD_CUSTOM_VALIDATION_EXCEPTION', message, fields: ['Status'] },
    });
    assert.deepEqual(await write(), {
      kind: 'refused',
      code: 'FIELD_CUSTOM_VALIDATION_EXCEPTION',
      message,
      fields: ['Status'],
    });
    for (const field of ['Activation_Status__c', 'WHMCS_Order_ID__c']) {
      org.panel.switches({ readOnlyFields: [`Order.${field}`, 'Order.Activation_Error_Code__c'] });
      const readOnly = await write({ ...failed, whmcsOrderId: '77' });
      assert.ok(readOnly.kind === 'refused', field);
      assert.equal(readOnly.code, 'INVALID_FIELD_FOR_INSERT_UPDATE');
      assert.deepEqual([...readOnly.fields].sort(), ['Activation_Error_Code__c', field].sort());
    }
    assert.equal(org.people.order(id).Activation_Status__c, 'Activating');
    assert.deepEqual(await connection.salesforce.writeOrder('802Ql000001AbCe', failed, fields), {
      kind: 'refused',
      code: 'MALFORMED_ID',
      message: 'The text is no id of an Order',
      fields: [],
    });
    assert.equal((await connection.salesforce.writeOrder('801Ql00000ZZZZZ', failed, fields)).kind, 'refused');
  });

  it('names a needed field that the org lacks', async () => {
    org.panel.switches({ missingFields: ['Order.WHMCS_Order_ID__c'] });
    const end = await write({ ...failed, whmcsOrderId: '77' });
    assert.ok(end.kind === 'refused');
    assert.deepEqual([end.code, end.fields], ['INVALID_FIELD', ['WHMCS_Order_ID__c']]);
  });

  const notices = (level: 'warn' | 'error'): string[] =>
    connection.log.lines.filter((line) => line.level === level).map((line) => String(line.facts['field']));

  it('leaves out optional fields that the org lacks or that our user may not write, learnt once and told once', async () => {
    org.panel.switches({
      missingFields: ['Order.Activation_Error_At__c', 'Order.Activation_Error_Message__c'],
      readOnlyFields: ['Order.Activation_Error_Code__c'],
    });
    for (let n = 0; n < 3; n++) assert.equal(await kindOf({ ...failed, errorAt: 1_000 }), 'written');
    assert.equal(patches(), 6);
    assert.equal(org.people.order(id).Activation_Status__c, 'Failed');
    assert.deepEqual(notices('warn'), ['Order.Activation_Error_At__c'], 'an org may lack it');
    assert.deepEqual(notices('error').sort(), ['Order.Activation_Error_Code__c', 'Order.Activation_Error_Message__c']);
  });

  it('tries a field that was left out again after a quarter of an hour, without another alarm', async () => {
    const clock = new FakeClock(Date.now());
    const { salesforce, log, close } = connect(org.url, { clock });
    const field = 'Activation_Error_Code__c';
    const code = (): unknown => org.people.order(id)[field];
    org.panel.switches({ readOnlyFields: [`Order.${field}`] });
    for (const ms of [0, 900_000, 899_999]) {
      await clock.advance(ms);
      assert.equal((await salesforce.writeOrder(id, failed, fields)).kind, 'written');
    }
    assert.deepEqual([patches(), code(), log.of('error').length], [5, null, 1]);
    org.panel.switches({ readOnlyFields: [] });
    await salesforce.writeOrder(id, failed, fields);
    assert.equal(code(), null);
    await clock.advance(1);
    await salesforce.writeOrder(id, failed, fields);
    assert.equal(code(), failed.errorCode);
    close();
  });

  it('leaves out a value that its field does not take, each time, and tells of it once', async () => {
    const tooLong = { kind: 'error', errorCode: 'STRING_TOO_LONG', message: 'data value too large: … (max length=80)' };
    const field = 'Activation_Error_Message__c';
    org.panel.fault({ call: 'patch', times: 3, where: { [field]: 'none' }, do: { ...tooLong, fields: [field] } });
    for (let n = 0; n < 2; n++) assert.equal(await kindOf(), 'written');
    assert.equal(patches(), 4);
    assert.equal(org.people.order(id).Activation_Error_Code__c, 'PAYMENT_METHOD_MISSING');
    assert.equal(org.people.order(id).Activation_Error_Message__c, null);
    assert.deepEqual(notices('error'), [`Order.${field}`]);
    org.panel.clearFaults();
    await write();
    assert.equal(org.people.order(id).Activation_Error_Message__c, 'none', 'it is tried anew');
  });

  it('never goes unfenced because the result attempt may not be written', async () => {
    const readOnly = ['Order.Activation_Result_Attempt__c'];
    org.panel.switches({ readOnlyFields: readOnly, attemptRule: false });
    const result = { ...failed, resultAttempt: 1 };
    assert.equal((await connection.salesforce.readOrder(id, fields))?.fence, 'attempt');
    assert.equal(await kindOf(result), 'later');
    assert.equal(org.people.order(id).Activation_Status__c, 'Activating', 'nothing was written');
    const order = await connection.salesforce.readOrder(id, fields);
    assert.equal(order?.fence, 'lastModified');
    assert.equal(order?.attempt, Number(org.people.order(id).Activation_Attempt__c), 'it is read all the same');
    const ifUnmodifiedSince = order?.lastModifiedAt ?? 0;
    const end = await connection.salesforce.writeOrder(id, result, fields, { ifUnmodifiedSince });
    assert.equal(end.kind, 'written');
    assert.deepEqual(notices('error'), readOnly);
  });

  it('never takes the rule that keeps an older attempt out for a field to be left out', async () => {
    await write({ ...failed, resultAttempt: Number(org.people.order(id).Activation_Attempt__c) });
    org.people.approve(id);
    const end = await write({ ...failed, resultAttempt: 1 });
    assert.ok(end.kind === 'refused');
    assert.deepEqual([end.code, end.fields], ['FIELD_CUSTOM_VALIDATION_EXCEPTION', ['Activation_Result_Attempt__c']]);
    // Where the rule is not set up, either.
    org.panel.switches({ attemptRule: false });
    const value = { kind: 'error', errorCode: 'NUMBER_OUTSIDE_VALID_RANGE', message: 'too large', fields: end.fields };
    org.panel.fault({ call: 'patch', do: value });
    assert.equal((await write({ ...failed, resultAttempt: 1 })).kind, 'refused');
    const ofTheOrg = { kind: 'error', errorCode: 'FIELD_CUSTOM_VALIDATION_EXCEPTION', message: 'Ask finance' };
    org.panel.fault({ call: 'patch', do: { ...ofTheOrg, fields: ['Activation_Error_Code__c'] } });
    assert.equal((await write({ ...failed, resultAttempt: 1 })).kind, 'refused');
    assert.equal(org.people.order(id).Activation_Status__c, 'Activating');
  });

  it('raises the attempt with Activating, once beside the Flow, and goes on where our user may not', async () => {
    const attempt = (): number => Number(org.people.order(id).Activation_Attempt__c);
    const before = attempt();
    await write({ ...failed, resultAttempt: before });
    assert.equal(await kindOf({ activationStatus: 'Activating', attempt: before + 1 }), 'written');
    assert.equal(attempt(), before + 1);
    await write({ attempt: before + 2 });
    assert.equal(attempt(), before + 2, 'where no Flow counts, we do');

    org.panel.switches({ readOnlyFields: ['Order.Activation_Attempt__c'] });
    assert.equal(await kindOf({ activationStatus: 'Activating', attempt: before + 7 }), 'written');
    assert.equal(attempt(), before + 2);
    const read = await connection.salesforce.readOrder(id, fields);
    assert.equal(read?.attempt, before + 2, 'it is read all the same');
  });

  it('is changed when somebody else wrote since it was read', async () => {
    const order = await connection.salesforce.readOrder(id, fields);
    const ifUnmodifiedSince = order?.lastModifiedAt ?? 0;
    org.panel.advance(3_000);
    org.people.editOrder(id, { Description: 'mine' });
    assert.deepEqual(await connection.salesforce.writeOrder(id, failed, fields, { ifUnmodifiedSince }), {
      kind: 'changed',
    });
    assert.equal(org.people.order(id).Activation_Status__c, 'Activating');
    const again = await connection.salesforce.readOrder(id, fields);
    const end = await connection.salesforce.writeOrder(id, failed, fields, {
      ifUnmodifiedSince: again?.lastModifiedAt ?? 0,
    });
    assert.equal(end.kind, 'written');
  });

  const laters: [string, object][] = [
    [
      'a locked row',
      { kind: 'error', errorCode: 'UNABLE_TO_LOCK_ROW', message: 'unable to obtain exclusive access to this record' },
    ],
    [
      'a trigger that met a locked row',
      {
        kind: 'error',
        errorCode: 'CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY',
        message: 'T: execution of AfterUpdate: UNABLE_TO_LOCK_ROW',
      },
    ],
    [
      'the daily limit',
      { kind: 'error', status: 403, errorCode: 'REQUEST_LIMIT_EXCEEDED', message: 'TotalRequests Limit exceeded.' },
    ],
    [
      'an unexpected error',
      { kind: 'error', status: 500, errorCode: 'UNKNOWN_EXCEPTION', message: 'An unexpected error occurred.' },
    ],
    ['maintenance', { kind: 'html', page: 'maintenance' }],
    ['too many requests', { kind: 'status', status: 429 }],
    [
      'the page of a proxy',
      { kind: 'status', status: 403, body: '<html>Blocked</html>', headers: { 'content-type': 'text/html' } },
    ],
  ];
  for (const [what, fault] of laters) {
    it(`goes later for ${what}, and is sent once`, async () => {
      org.panel.fault({ call: 'patch', do: fault });
      assert.equal(await kindOf(), 'later');
      assert.equal(patches(), 1);
      assert.equal(org.people.order(id).Activation_Status__c, 'Activating');
    });
  }

  it('is repeated once with a new token after a refused one, then goes later', async () => {
    await connection.salesforce.readOrder(id, fields);
    org.people.act('expireAll');
    assert.equal(await kindOf(), 'written');
    assert.equal(org.panel.ledger('login').length, 2);
    org.panel.switches({ refuseEverySession: true });
    assert.deepEqual(await write(), {
      kind: 'later',
      code: 'INVALID_SESSION_ID',
      message: 'Session expired or invalid',
    });
    assert.equal(patches(), 3, 'a new token that is refused as well is not followed by a third');
  });

  it('goes later when no login is to be had, or nobody listens there', async () => {
    org.panel.fault({ call: 'token', do: { kind: 'oauth', error: 'invalid_grant', description: 'inactive user' } });
    const end = await write();
    assert.ok(end.kind === 'later');
    assert.equal(end.code, 'invalid_grant');

    const gone = connect(org.url);
    const closed = await serve(() => undefined);
    await closed.close();
    org.panel.switches({ instanceUrl: closed.url });
    const refused = await gone.salesforce.writeOrder(id, failed, fields);
    assert.deepEqual([refused.kind, refused.kind === 'later' && refused.code], ['later', 'ECONNREFUSED']);
    gone.close();
  });

  const unknowns: [string, object, string][] = [
    ['a connection reset before the answer', { kind: 'commitThenDrop' }, 'ECONNRESET'],
    ['a connection reset, whatever was done', { kind: 'reset' }, 'ECONNRESET'],
    ['a page of a gateway that lost the server', { kind: 'html', page: 'badGateway', commit: true }, '502'],
  ];
  for (const [what, fault, code] of unknowns) {
    it(`is unknown after ${what}`, async () => {
      org.panel.fault({ call: 'patch', do: fault });
      const end = await write();
      assert.deepEqual([end.kind, end.kind === 'unknown' && end.code], ['unknown', code]);
      assert.equal(patches(), 1);
    });
  }

  it('is unknown when no answer comes in time, though it was written', async () => {
    const clock = new FakeClock(Date.now());
    const { salesforce } = connect(org.url, { clock, timeoutMs: 15_000 });
    await salesforce.auth.token();
    org.panel.fault({ call: 'patch', do: { kind: 'commitThenHang' } });
    const end = salesforce.writeOrder(id, failed, fields);
    await until('the write', () => org.people.order(id).Activation_Status__c === 'Failed');
    await clock.advance(15_000);
    assert.deepEqual(((await end) as { code: string }).code, 'ETIMEOUT');
    assert.equal((await end).kind, 'unknown');
    assert.equal(clock.pending, 0);
    salesforce.close();
  });

  it('is unknown when it is given up under way, and later when it was not yet sent', async () => {
    await connection.salesforce.auth.token();
    org.panel.fault({ call: 'patch', do: { kind: 'commitThenHang' } });
    const leaving = new AbortController();
    const end = connection.salesforce.writeOrder(id, failed, fields, { signal: leaving.signal });
    await until('the write', () => org.people.order(id).Activation_Status__c === 'Failed');
    leaving.abort();
    assert.equal((await end).kind, 'unknown');
    assert.equal(
      (await connection.salesforce.writeOrder(id, failed, fields, { signal: leaving.signal })).kind,
      'later',
    );
    assert.equal(patches(), 1);
  });

  it('is unknown when somebody in between answers 200 with a page of his own', async () => {
    org.panel.fault({
      call: 'patch',
      do: { kind: 'status', status: 200, body: '<html>Welcome</html>', headers: { 'content-type': 'text/html' } },
    });
    assert.equal(await kindOf(), 'unknown');
  });
});

describe('Writing service ids onto items', () => {
  let org: SalesforceSimulator;
  let connection: ReturnType<typeof connect>;
  inAnOrg((...made) => void ([org, connection] = made));

  function order(count: number): { itemId: string; serviceId: string }[] {
    const items = Array.from({ length: count }, () => ({ code: 'SEAT-M', quantity: 1 }));
    const { id } = org.people.createOrder({ items });
    return org.people
      .order(id)
      .items.map((item, index) => ({ itemId: String(item.Id), serviceId: String(9_000 + index) }));
  }
  const written = (): unknown[] => org.people.records('OrderItem').flatMap((item) => item.WHMCS_Service_ID__c ?? []);
  const calls = (): number => org.panel.requests('collections').length;

  it('goes at most 200 at a time', async () => {
    const values = order(450);
    assert.deepEqual(await connection.salesforce.writeItems(values, fields), { kind: 'written' });
    assert.equal(calls(), 3);
    assert.deepEqual(written().map(String).sort(), values.map((value) => value.serviceId).sort());
  });

  it('is no error where the org lacks the field, or none is set; nothing is sent then', async () => {
    const values = order(2);
    assert.equal((await connection.salesforce.writeItems(values, { ...fields, itemServiceId: null })).kind, 'written');
    assert.equal(calls(), 0);
    org.panel.switches({ missingFields: ['OrderItem.WHMCS_Service_ID__c'] });
    for (let n = 0; n < 3; n++) assert.equal((await connection.salesforce.writeItems(values, fields)).kind, 'written');
    assert.equal(calls(), 1);
    const told = connection.log.lines.filter((line) => line.level === 'warn' || line.level === 'error');
    assert.deepEqual(
      told.map((line) => [line.level, line.facts['field']]),
      [['warn', 'OrderItem.WHMCS_Service_ID__c']],
    );
  });

  it('is an alarm, and no error, where our user may not write the field', async () => {
    const values = order(2);
    org.panel.switches({ readOnlyFields: ['OrderItem.WHMCS_Service_ID__c'] });
    for (let n = 0; n < 3; n++) assert.equal((await connection.salesforce.writeItems(values, fields)).kind, 'written');
    assert.equal(calls(), 1);
    assert.equal(connection.log.of('error').length, 1);
  });

  it('tells the worst of the items: a deleted one is refused, the others are written', async () => {
    const values = order(3);
    org.people.deleteRecord(values[1]?.itemId ?? '');
    const end = await connection.salesforce.writeItems(values, fields);
    assert.ok(end.kind === 'refused');
    assert.equal(end.code, 'ENTITY_IS_DELETED');
    assert.equal(written().length, 2);
  });

  it('goes later for a locked row, and is unknown without an answer', async () => {
    const values = order(1);
    org.panel.fault({ call: 'collections', do: { kind: 'error', errorCode: 'UNABLE_TO_LOCK_ROW', message: 'locked' } });
    assert.equal((await connection.salesforce.writeItems(values, fields)).kind, 'later');
    const locked = [{ success: false, errors: [{ statusCode: 'UNABLE_TO_LOCK_ROW', message: 'locked', fields: [] }] }];
    org.panel.fault({ call: 'collections', do: { kind: 'json', body: locked } });
    assert.equal((await connection.salesforce.writeItems(values, fields)).kind, 'later');
    org.panel.fault({ call: 'collections', do: { kind: 'json', body: [] } });
    assert.equal((await connection.salesforce.writeItems(values, fields)).kind, 'unknown');
    org.panel.fault({ call: 'collections', do: { kind: 'commitThenDrop' } });
    assert.equal((await connection.salesforce.writeItems(values, fields)).kind, 'unknown');
  });
});
