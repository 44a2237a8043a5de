import assert from 'node:assert/strict';
import { until } from '../../../until';
import { at, Caller } from './start';

const hosting = { 'pid[0]': 20, 'billingcycle[0]': 'monthly' };

describe('AcceptOrder and ModuleCreate', () => {
  let caller: Caller;
  beforeEach(async () => {
    caller = await Caller.start();
  });
  afterEach(() => caller.close());

  const accept = (fields = {}): Promise<Record<string, unknown>> =>
    caller.call('AcceptOrder', { orderid: 5001, ...fields });
  const state = (): unknown => {
    const [order] = caller.office.orders();
    return [order?.status, ...(order?.services.map((service) => service.status) ?? [])];
  };
  const runs = (): unknown[] => caller.panel.ledger('moduleRun').map(({ outcome }) => outcome);
  const notPending = { result: 'error', message: 'Order ID not found or Status not Pending' };

  it('makes order and services without a module Active, once', async () => {
    await caller.addOrder();
    assert.deepEqual(await accept({ autosetup: 1, sendemail: 0 }), { result: 'success' });
    assert.deepEqual(state(), ['Active', 'Active']);
    assert.deepEqual(await accept(), notPending);
    assert.equal(caller.office.orders()[0]?.accepts, 1);
    const [entry, ...others] = caller.panel.ledger('orderAccepted');
    assert.deepEqual([entry?.['orderId'], entry?.['autoSetup'], entry?.['sendEmail']], [5001, true, false]);
    assert.equal(others.length, 0);
  });

  it('says the same of an order that is not there', async () => {
    assert.deepEqual(await accept(), notPending);
  });

  it('runs the module if autosetup says so, else by the product, else leaves the service Pending', async () => {
    await caller.addOrder(hosting);
    assert.deepEqual(await accept({ autosetup: 0 }), { result: 'success' });
    assert.deepEqual(state(), ['Active', 'Pending']);
    assert.deepEqual(runs(), []);
    await caller.addOrder(hosting);
    await caller.call('AcceptOrder', { orderid: 5002 });
    assert.deepEqual(runs(), ['ok']);
    caller.office.putProduct({ pid: 20, autoSetup: '' });
    await caller.addOrder(hosting);
    await caller.call('AcceptOrder', { orderid: 5003 });
    assert.deepEqual(runs(), ['ok']);
    await caller.addOrder(hosting);
    await caller.call('AcceptOrder', { orderid: 5004, autosetup: 1 });
    assert.deepEqual(runs(), ['ok', 'ok']);
  });

  it('is true to "false" as PHP is', async () => {
    await caller.addOrder(hosting);
    await accept({ autosetup: 'false' });
    assert.deepEqual(runs(), ['ok']);
  });

  it('leaves the order Active or Pending when a module fails, by switch, and queues the failure', async () => {
    caller.panel.switches({ moduleOutcomes: { 20: 'fail' } });
    const refused = { result: 'error', message: 'Could not connect to host panel7.example.net: Connection refused' };
    await caller.addOrder({ 'pid[1]': 20, 'billingcycle[1]': 'monthly' });
    assert.deepEqual(await accept(), refused);
    assert.deepEqual(state(), ['Active', 'Active', 'Pending']);
    const queue = await caller.call('GetModuleQueue', { relatedId: 9002 });
    assert.equal(queue['count'], 1);
    assert.equal(at(queue, 'queue', 0, 'lastAttemptError'), refused.message);
    assert.equal(at(queue, 'queue', 0, 'completed'), 0);

    caller.panel.switches({ acceptFailurePolicy: 'orderPending', queueModuleFailures: false });
    await caller.addOrder(hosting);
    assert.deepEqual(await caller.call('AcceptOrder', { orderid: 5002 }), refused);
    assert.equal(caller.office.orders()[1]?.status, 'Pending');
    assert.equal((await caller.call('GetModuleQueue', { relatedId: 9003 }))['count'], 0);
  });

  it('lets ModuleCreate repair a service, and the queue know', async () => {
    caller.panel.switches({ moduleOutcomes: { 20: ['fail', 'ok'] } });
    await caller.addOrder(hosting);
    await accept();
    assert.deepEqual(await caller.call('ModuleCreate', { serviceid: 9001 }), { result: 'success' });
    assert.deepEqual(state(), ['Active', 'Active']);
    assert.deepEqual(runs(), ['fail', 'ok']);
    assert.equal(caller.office.orders()[0]?.services[0]?.moduleRuns, 2);
    const queue = await caller.call('GetModuleQueue', { relatedId: 9001 });
    assert.equal(at(queue, 'queue', 0, 'completed'), 1);
  });

  it('finds the account that a failure left behind', async () => {
    caller.panel.switches({ moduleOutcomes: { 20: 'after-commit-fail' } });
    await caller.addOrder(hosting);
    assert.match(String((await accept())['message']), /^Error 500/);
    assert.equal(caller.office.orders()[0]?.services[0]?.remoteAccount, true);
    const again = await caller.call('ModuleCreate', { serviceid: 9001 });
    assert.match(String(again['message']), /already exists$/);
    assert.deepEqual(state(), ['Active', 'Pending']);
    assert.deepEqual(runs(), ['after-commit-fail', 'exists']);
  });

  it('aborts in a hook, by outcome, or for every order with a note', async () => {
    caller.panel.switches({ moduleOutcomes: { 20: 'hook-abort' } });
    await caller.addOrder(hosting);
    assert.equal((await accept())['message'], 'Function Aborted by Action Hook Code');
    caller.panel.switches({ moduleOutcomes: {}, noteHook: true });
    await caller.addOrder({ ...hosting, notes: 'sf:1' });
    const answer = await caller.call('AcceptOrder', { orderid: 5002 });
    assert.equal(answer['message'], 'Function Aborted by Action Hook Code');
  });

  it('waits for a module that times out, in virtual time, and goes on when the caller has left', async () => {
    caller.panel.switches({ moduleOutcomes: { 20: 'timeout' }, moduleTimeoutMs: 60_000 });
    await caller.addOrder(hosting);
    const gone = new AbortController();
    const pending = assert.rejects(
      caller.raw(`action=AcceptOrder&orderid=5001&${credentials}`, { signal: gone.signal }),
    );
    await until('the module runs', () => caller.office.orders()[0]?.services[0]?.moduleRuns === 1);
    gone.abort();
    await pending;
    assert.deepEqual(state(), ['Pending', 'Pending']);
    caller.panel.advance(60_000);
    await until('it has ended', () => runs().length === 1);
    assert.deepEqual(state(), ['Active', 'Pending']);
    assert.deepEqual(runs(), ['timeout']);
  });

  it('runs a module twice for two calls at once', async () => {
    caller.panel.switches({ moduleOutcomes: { 20: 'slow' }, moduleSlowMs: 60_000 });
    await caller.addOrder(hosting);
    const both = Promise.all([accept(), accept()]);
    await until('both run', () => caller.office.orders()[0]?.services[0]?.moduleRuns === 2);
    caller.panel.advance(60_000);
    const results = (await both).map((answer) => answer['result']);
    assert.deepEqual(results.sort(), ['error', 'success']);
    assert.deepEqual(runs(), ['slow', 'exists']);
  });

  it('refuses ModuleCreate without a service, for one that is not there, and without a module', async () => {
    await caller.addOrder();
    const message = async (fields: { serviceid?: number }): Promise<unknown> =>
      (await caller.call('ModuleCreate', fields))['message'];
    assert.equal(await message({}), 'Service ID is required');
    assert.equal(await message({ serviceid: 1 }), 'Service ID not found');
    assert.equal(await message({ serviceid: 9001 }), 'Service not assigned to a module');
  });

  it('takes the old name accountid', async () => {
    await caller.addOrder(hosting);
    assert.deepEqual(await caller.call('ModuleCreate', { accountid: 9001 }), { result: 'success' });
  });
});

const credentials = 'identifier=DemoIdentifierDemoIdentifier0001&secret=DemoSecretDemoSecretDemoSecret01';
