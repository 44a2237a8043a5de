import assert from 'node:assert/strict';
import { at, Caller } from './start';

describe('the control surface of the WHMCS simulator', () => {
  let caller: Caller;
  beforeEach(async () => {
    caller = await Caller.start({ base: '/billing' });
  });
  afterEach(() => caller.close());

  const panel = async (method: string, path: string, body?: object): Promise<{ status: number; body: unknown }> => {
    const answer = await fetch(`${caller.whmcs.url}/_panel${path}`, {
      method,
      ...(body ? { headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) } : {}),
    });
    return { status: answer.status, body: await answer.json() };
  };

  it('stands beside api.php, which may live in a folder', async () => {
    assert.equal(caller.whmcs.apiUrl, `${caller.whmcs.url}/billing/includes/api.php`);
    assert.equal((await caller.addOrder())['result'], 'success');
    const { body } = await panel('GET', '/ledger');
    assert.equal(at(body, 'entries', 0, 'what'), 'orderCreated');
    assert.match(String(at(body, 'entries', 0, 'at')), /^\d{4}-\d\d-\d\dT.*Z$/);
    assert.equal(at((await panel('GET', '/requests')).body, 'requests', 0, 'call'), 'AddOrder');
  });

  it('adds, lists and removes faults', async () => {
    const added = await panel('POST', '/faults', { call: 'AddOrder', do: { kind: 'status', status: 503 } });
    assert.deepEqual(added, { status: 200, body: { id: 'f1' } });
    assert.equal((await caller.hear('AddOrder')).status, 503);
    const { body } = await panel('GET', '/faults');
    assert.deepEqual([at(body, 'faults', 0, 'id'), at(body, 'faults', 0, 'hits')], ['f1', 1]);
    assert.equal((await panel('DELETE', '/faults/f9')).status, 404);
    assert.deepEqual(await panel('DELETE', '/faults/f1'), { status: 200, body: { faults: [] } });
    await panel('POST', '/faults', { call: '*', do: { kind: 'hang' } });
    assert.deepEqual(await panel('DELETE', '/faults'), { status: 200, body: { faults: [] } });
  });

  it('says what is wrong with a fault or a switch', async () => {
    const fault = await panel('POST', '/faults', { call: 'AddOrder', do: { kind: 'hang' }, twice: true });
    assert.deepEqual(fault, { status: 400, body: { error: 'fault: Unrecognized key: "twice"' } });
    const unknown = await panel('POST', '/switches', { notesKep: false });
    assert.deepEqual(unknown, { status: 400, body: { error: 'switches: Unrecognized key: "notesKep"' } });
    assert.equal((await panel('POST', '/switches', { version: '6.0' })).status, 400);
  });

  it('merges switches and moves the clock', async () => {
    await panel('POST', '/switches', { version: '8.5' });
    const { body } = await panel('POST', '/switches', { notesKept: false });
    assert.deepEqual([at(body, 'version'), at(body, 'notesKept')], ['8.5', false]);
    const before = caller.panel.now();
    const now = Date.parse(String(at((await panel('POST', '/clock', { advanceMs: 3_600_000 })).body, 'now')));
    assert.ok(now - before >= 3_600_000 && now - before < 3_605_000);
  });

  it('goes back to the seed', async () => {
    await caller.addOrder();
    await panel('POST', '/faults', { call: '*', skip: 5, do: { kind: 'hang' } });
    await panel('POST', '/switches', { version: '8.5' });
    await panel('POST', '/clock', { advanceMs: 86_400_000 });
    assert.equal((await panel('POST', '/reset')).status, 200);
    assert.deepEqual(caller.panel.ledger(), []);
    assert.deepEqual(caller.panel.requests(), []);
    assert.deepEqual(caller.panel.faults(), []);
    assert.equal(caller.panel.switches().version, '8.13');
    assert.ok(Math.abs(caller.panel.now() - Date.now()) < 60_000);
    assert.deepEqual(caller.office.orders(), []);
    assert.equal((await caller.addOrder())['orderid'], 5001);
  });

  it('lets a person key in a look-alike, set a status and delete', async () => {
    const look = { clientId: 1001, items: [{ pid: 14, quantity: 2, billingCycle: 'annually' }] };
    const keyed = await panel('POST', '/orders', look);
    assert.deepEqual(
      [at(keyed.body, 'by'), at(keyed.body, 'amount'), at(keyed.body, 'services', 0, 'quantity')],
      ['person', '298.00', 2],
    );
    assert.equal(caller.panel.ledger('orderCreated')[0]?.['by'], 'person');
    const held = await panel('POST', '/orders/5001/status', { status: 'On Hold' });
    assert.equal(at(held.body, 'status'), 'On Hold');
    assert.equal((await panel('DELETE', '/orders/5001')).status, 200);
    assert.deepEqual((await panel('GET', '/orders')).body, { orders: [] });
    assert.equal((await panel('DELETE', '/orders/5001')).status, 404);
    assert.equal((await panel('POST', '/orders/5001/status', {})).status, 404);
    assert.equal((await panel('POST', '/orders', { ...look, clientId: 4 })).status, 404);
  });

  it('changes a client or a product in part, or adds one', async () => {
    await panel('POST', '/clients', { id: 1001, status: 'Closed' });
    await panel('POST', '/clients', { id: 2000, currency: 'EUR' });
    const details = async (clientid: number): Promise<unknown[]> => {
      const { client } = await caller.call('GetClientsDetails', { clientid });
      return [at(client, 'status'), at(client, 'firstname'), at(client, 'currency_code')];
    };
    assert.deepEqual(await details(1001), ['Closed', 'Dana', 'USD']);
    assert.deepEqual(await details(2000), ['Active', 'Test', 'EUR']);
    await panel('POST', '/products', { pid: 14, allowQuantity: 0 });
    await panel('POST', '/products', { pid: 90, prices: { EUR: { monthly: '3.00' } } });
    const [seat, made] = [14, 90].map((pid) => caller.call('GetProducts', { pid }));
    assert.equal(at(await seat, 'products', 'product', 0, 'allowqty'), 0);
    assert.equal(at(await seat, 'products', 'product', 0, 'pricing', 'USD', 'annually'), '149.00');
    assert.equal(at(await made, 'products', 'product', 0, 'pricing', 'EUR', 'monthly'), '3.00');
    assert.equal((await panel('POST', '/products', { pid: 14, colour: 'red' })).status, 400);
  });

  it('has a page for people that needs nothing from outside', async () => {
    const answer = await fetch(`${caller.whmcs.url}/_panel`);
    const text = await answer.text();
    assert.match(String(answer.headers.get('content-type')), /^text\/html/);
    assert.match(text, /<h1>WHMCS simulator<\/h1>/);
    assert.match(text, /color-scheme: light dark/);
    assert.ok(!/(src|href)="?http/.test(text));
  });

  it('refuses what is not JSON', async () => {
    const answer = await fetch(`${caller.whmcs.url}/_panel/faults`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: '{',
    });
    assert.deepEqual([answer.status, await answer.json()], [400, { error: 'the body is not JSON' }]);
  });
});
