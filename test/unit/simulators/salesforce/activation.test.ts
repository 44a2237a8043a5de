import assert from 'node:assert/strict';
import type { Connection } from 'jsforce';
import type { SalesforceSimulator } from '../../../../simulators/salesforce/server';
import { person } from '../../../../simulators/salesforce/seed';
import { errorOf, jsforceConnection, login, rest, start, username } from './start';

describe('salesforce simulator: the Flow and the rule around an activation', () => {
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

  const patch = (body: unknown) => rest(sim, token, `/sobjects/Order/${good}`, { method: 'PATCH', body });
  const published = () => sim.panel.ledger('published').map((entry) => entry.orderId);
  const attempt = () => sim.people.order(good).Activation_Attempt__c;

  it('publishes the event and counts the attempt when a person approves', () => {
    sim.people.approve(good);
    assert.deepEqual(published(), [good]);
    assert.equal(attempt(), 1);
    const [written] = sim.panel.ledger('statusWritten');
    assert.deepEqual(
      [written?.orderId, written?.status, written?.by, written?.attempt],
      [good, 'Activating', person, 1],
    );
  });

  it('publishes on a change to Activating alone, whoever makes it', async () => {
    sim.people.approve(good);
    await patch({ Activation_Status__c: 'Activating', WHMCS_Order_ID__c: '5' });
    assert.deepEqual([published().length, attempt()], [1, 1]);
    await patch({ Activation_Status__c: 'Failed', Activation_Result_Attempt__c: 1 });
    await patch({ Activation_Status__c: 'Activating' });
    assert.deepEqual([published().length, attempt()], [2, 2]);
  });

  it('publishes nothing when the change is refused or the Flow is off', async () => {
    await patch({ Activation_Status__c: 'Activating', WHMCS_Order_ID__c: 'x'.repeat(41) });
    assert.deepEqual([published(), attempt()], [[], null]);
    sim.panel.switches({ flowPublishes: false });
    sim.people.approve(good);
    assert.deepEqual([published(), attempt()], [[], 1]);
  });

  it('counts no attempt where the org has no field for it', () => {
    sim.panel.switches({ missingFields: ['Activation_Attempt__c', 'Activation_Result_Attempt__c'] });
    sim.people.approve(good);
    assert.equal(published().length, 1);
    assert.ok(!('Activation_Attempt__c' in sim.people.order(good)));
    sim.panel.switches({ missingFields: [] });
    assert.equal(attempt(), null);
  });

  it('refuses the result of an older attempt', async () => {
    sim.people.approve(good);
    await patch({ Activation_Status__c: 'Failed', Activation_Result_Attempt__c: 1 });
    sim.people.approve(good);
    const answer = await patch({ Activation_Status__c: 'Activated', Activation_Result_Attempt__c: 1 });
    assert.equal(answer.status, 400);
    const error = errorOf(answer);
    assert.equal(error.errorCode, 'FIELD_CUSTOM_VALIDATION_EXCEPTION');
    assert.deepEqual(error.fields, ['Activation_Result_Attempt__c']);
    assert.equal(sim.people.order(good).Activation_Status__c, 'Activating');
    assert.equal((await patch({ Activation_Status__c: 'Activated', Activation_Result_Attempt__c: 2 })).status, 204);
  });

  it('refuses a result that names no attempt, and takes the one that stands there for it', async () => {
    sim.people.approve(good);
    assert.equal((await patch({ Activation_Status__c: 'Failed' })).status, 400);
    assert.equal((await patch({ Activation_Result_Attempt__c: 1 })).status, 204);
    assert.equal((await patch({ Activation_Status__c: 'Failed' })).status, 204);
    assert.equal((await patch({ Activation_Result_Attempt__c: 7 })).status, 400);
    assert.equal((await patch({ Activation_Error_Code__c: 'X' })).status, 204);
  });

  it('lets any result through where there is no such rule: it was not set up, or nobody counts', async () => {
    sim.people.approve(good);
    sim.panel.switches({ attemptRule: false });
    assert.equal((await patch({ Activation_Status__c: 'Activated', Activation_Result_Attempt__c: 9 })).status, 204);
    sim.people.approve(good);
    sim.panel.switches({ attemptRule: true, missingFields: ['Activation_Result_Attempt__c'] });
    assert.equal((await patch({ Activation_Status__c: 'Failed' })).status, 204);
    sim.panel.switches({ missingFields: [] });
    sim.people.putRecord({
      type: 'Order',
      id: good,
      fields: { Activation_Status__c: 'Activating', Activation_Attempt__c: null },
    });
    assert.equal((await patch({ Activation_Status__c: 'Failed' })).status, 204);
  });

  it('publishes before the commit when told so: old values, a locked row, then the new ones', async () => {
    sim.panel.switches({ publishImmediately: true, commitDelayMs: 5000 });
    assert.equal(sim.people.approve(good).committed, false);
    assert.deepEqual(published(), [good]);
    const status = async () =>
      (await jsforce.query(`SELECT Activation_Status__c FROM Order WHERE Id = '${good}'`)).records[0]
        ?.Activation_Status__c as unknown;
    assert.equal(await status(), 'Not Started');
    const locked = errorOf(await patch({ WHMCS_Order_ID__c: '5' }));
    assert.equal(locked.errorCode, 'UNABLE_TO_LOCK_ROW');
    assert.match(locked.message, new RegExp(good));
    assert.equal(sim.panel.ledger('statusWritten').length, 0);
    sim.panel.advance(5000);
    await new Promise(setImmediate);
    assert.equal(await status(), 'Activating');
    assert.equal((await patch({ WHMCS_Order_ID__c: '5' })).status, 204);
  });

  it('shows an order made in such a transaction only after its commit', async () => {
    sim.panel.switches({ publishImmediately: true, commitDelayMs: 5000 });
    const { id } = sim.people.createOrder({ items: [{ code: 'SEAT-M', quantity: 1 }], status: 'Activating' });
    assert.deepEqual(published(), [id]);
    const read = () => jsforce.query(`SELECT Id, (SELECT Id FROM OrderItems) FROM Order WHERE Id = '${id}'`);
    assert.equal((await read()).totalSize, 0);
    sim.panel.advance(5000);
    await new Promise(setImmediate);
    assert.equal((await read()).totalSize, 1);
  });

  it('answers a publish over REST with success and the uuid among the errors', async () => {
    const answer = await rest(sim, token, '/sobjects/OrderProvisionRequested__e/', {
      method: 'POST',
      body: { OrderId__c: good },
    });
    assert.equal(answer.status, 201);
    const [entry] = sim.panel.ledger('published');
    assert.deepEqual(answer.json, {
      id: 'e01xx0000000001AAA',
      success: true,
      errors: [{ statusCode: 'OPERATION_ENQUEUED', message: entry?.uuid, fields: [] }],
    });
    assert.equal(entry?.orderId, good);
    const wrong = await rest(sim, token, '/sobjects/OrderProvisionRequested__e', {
      method: 'POST',
      body: { Foo__c: 1 },
    });
    assert.equal(errorOf(wrong).errorCode, 'INVALID_FIELD');
    assert.equal((await rest(sim, token, '/sobjects/No__e', { method: 'POST', body: {} })).status, 404);
  });

  it('clones an order with its custom fields and items, as people do', async () => {
    await patch({ WHMCS_Order_ID__c: '77' });
    const { id } = sim.people.cloneOrder(good);
    const [copy, original] = [sim.people.order(id), sim.people.order(good)];
    assert.equal(copy.WHMCS_Order_ID__c, '77');
    assert.notEqual(copy.OrderNumber, original.OrderNumber);
    assert.deepEqual(
      copy.items.map((item) => [item.Product2Id, item.Quantity]),
      original.items.map((item) => [item.Product2Id, item.Quantity]),
    );
    assert.ok(copy.items.every((item) => item.OrderId === id));
  });

  it('keeps our writes and those of people apart in the ledger', async () => {
    sim.people.editOrder(good, { WHMCS_Order_ID__c: '1' });
    await patch({ WHMCS_Order_ID__c: '2' });
    assert.deepEqual(
      sim.panel.ledger('orderWritten').map((entry) => entry.by),
      [person, username],
    );
  });
});

describe('salesforce simulator: the panel over HTTP', () => {
  let sim: SalesforceSimulator;
  beforeEach(async () => {
    sim = await start();
  });
  afterEach(() => sim.close());

  const call = async (path: string, method = 'GET', body?: unknown) => {
    const json =
      body === undefined ? {} : { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } };
    const response = await fetch(`${sim.url}/_panel${path}`, { method, ...json });
    return { status: response.status, body: (await response.json()) as Record<string, unknown> };
  };

  it('makes, approves, edits and clones orders, and shows them whole', async () => {
    const made = await call('/orders', 'POST', {
      account: 'Cashless Ltd',
      items: [{ code: 'TRIAL', quantity: 2 }],
      story: 'mine',
    });
    const { id } = made.body as { id: string };
    assert.deepEqual((await call('/stories')).body.mine, id);
    assert.equal((await call(`/orders/${id}/approve`, 'POST')).body.committed, true);
    await call(`/orders/${id}`, 'POST', { fields: { Activation_Error_Code__c: 'X' } });
    const clone = (await call(`/orders/${id}/clone`, 'POST')).body as { id: string };
    const { orders } = (await call('/orders')).body as { orders: Record<string, unknown>[] };
    assert.equal(orders.length, 8);
    const mine = orders.find((order) => order.Id === id);
    assert.deepEqual(
      [mine?.AccountName, mine?.Activation_Status__c, mine?.Activation_Attempt__c, mine?.Activation_Error_Code__c],
      ['Cashless Ltd', 'Activating', 1, 'X'],
    );
    assert.ok(orders.some((order) => order.Id === clone.id));
  });

  it('says what is wrong with a call', async () => {
    assert.equal((await call('/orders/801zz/approve', 'POST')).status, 404);
    assert.equal((await call('/orders', 'POST', { items: [] })).status, 400);
    assert.match(String((await call('/actions/nothing', 'POST')).body.error), /known: revokeTokens/);
    const { good } = (await call('/stories')).body;
    const refused = await call(`/orders/${String(good)}`, 'POST', { fields: { Activation_Status__c: 'Foo' } });
    assert.deepEqual(refused.status, 409);
    assert.match(String(refused.body.error), /^INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST: /);
    assert.match(
      String((await call('/publish', 'POST', { fields: { Order_Id__c: 'x' } })).body.error),
      /has no field Order_Id__c/,
    );
  });

  it('changes any record past the rules, and deletes it', async () => {
    const { records } = (await call('/records?type=Account')).body as { records: Record<string, unknown>[] };
    const id = String(records[0]?.Id);
    await call('/records', 'POST', { type: 'Account', id, fields: { WH_Account__c: '#1 - Other' } });
    const again = (await call('/records?type=Account')).body as { records: Record<string, unknown>[] };
    assert.equal(again.records[0]?.WH_Account__c, '#1 - Other');
    assert.equal((await call(`/records/${id}`, 'DELETE')).status, 200);
    assert.equal(
      ((await call('/records?type=Account')).body as { records: unknown[] }).records.length,
      records.length - 1,
    );
  });

  it('goes back to the seed', async () => {
    const before = (await call('/orders')).body;
    await call('/orders', 'POST', { items: [{ code: 'TRIAL', quantity: 1 }] });
    await call('/switches', 'POST', { flowPublishes: false });
    const { token } = await login(sim);
    await call('/reset', 'POST');
    const ids = (body: unknown) => (body as { orders: { Id: string }[] }).orders.map((order) => order.Id);
    assert.deepEqual(ids((await call('/orders')).body), ids(before));
    assert.equal((await call('/switches')).body.flowPublishes, true);
    assert.deepEqual((await call('/ledger')).body, { entries: [] });
    assert.equal((await rest(sim, token, '/limits')).status, 401);
  });
});
