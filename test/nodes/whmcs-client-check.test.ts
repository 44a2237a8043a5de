import assert from 'node:assert/strict';
import { catching, flowOf, node } from './flow';
import { arriving, itKeepsTheContract, stepFlow, type StepUnderTest } from './step-contract';
import { useWorld } from './world';

const step: StepUnderTest = {
  id: 'client',
  before: ['get'],
  needs: ['order'],
  adds: 'client',
  connection: 'whmcs',
  reads: { of: 'whmcs', call: 'GetClientsDetails' },
};

describe('whmcs-client-check', () => {
  const world = useWorld();

  itKeepsTheContract(world, step);

  it('finds the client that the Account names, and the payment method of the connection', async () => {
    await world.load(stepFlow(step));
    const { sent } = await world.pass('client', await arriving(world, step, world.approve('Škoda Žilina s.r.o.')));
    assert.deepEqual(
      sent.map(({ port }) => port),
      [0],
    );
    assert.deepEqual(sent[0]?.message.client, {
      id: 1007,
      source: 'account',
      status: 'Active',
      currency: 'EUR',
      paymentMethod: 'mailin',
    });
    assert.deepEqual(world.status('client'), {
      fill: 'green',
      shape: 'dot',
      text: String(sent[0]?.message.order?.number),
    });
  });

  it('takes the payment method from the environment', async () => {
    world.set({ WHMCS_PAYMENT_METHOD: 'Stripe' });
    await world.load(stepFlow(step));
    const { sent } = await world.pass('client', await arriving(world, step));
    assert.equal(sent[0]?.message.client?.paymentMethod, 'stripe');
  });

  it('takes the client of the id mappings', async () => {
    await world.load(stepFlow(step));
    const message = await arriving(world, step, world.approve('Nobody Knows GmbH'));
    const { store } = await world.provisioning();
    const sfAccountId = String(message.order?.account?.id);
    await store.idMappings.put({ portalUserId: 'u1', whmcsClientId: 1003, sfAccountId });
    const { sent } = await world.pass('client', message);
    assert.deepEqual([sent[0]?.message.client?.id, sent[0]?.message.client?.source], [1003, 'id_mappings']);
  });

  const refusals: [account: string, code: string, owner: string, words: RegExp][] = [
    ['Nobody Knows GmbH', 'CLIENT_NOT_MAPPED', 'Salesforce admin', /WH_Account__c is empty/],
    ['Gone & Co', 'CLIENT_CLOSED', 'Customer support', /client 1006 is closed/],
    ['Cashless Ltd', 'PAYMENT_METHOD_MISSING', 'Customer support', /^409: /],
    ['Expired Card Inc', 'PAYMENT_METHOD_EXPIRED', 'Customer support', /have expired/],
  ];
  const fails = async (account: string, code: string, words: RegExp, owner?: string): Promise<void> => {
    const message = await arriving(world, step, world.approve(account));
    const { sent, error, caught } = await world.pass('client', message);
    assert.deepEqual(sent, []);
    assert.equal(error?.code, code);
    assert.match(error?.message ?? '', words);
    assert.equal((caught?.['error'] as { code: string }).code, code);
    assert.deepEqual(Object.keys(caught?.['error'] as object).sort(), ['code', 'message', 'source']);
    assert.equal(caught?.failure?.code, code);
    assert.equal(caught?.failure?.step, 'validation');
    if (owner) assert.equal(caught?.failure?.owner, owner);
    assert.deepEqual(world.status('client'), { fill: 'red', shape: 'dot', text: code });
    const recorded = (await (await world.provisioning()).store.inbox.get(message.event.id))?.failure;
    assert.equal((recorded as { code: string }).code, code);
  };

  const accountId = (name: string): string =>
    String(world.salesforce.people.records('Account').find((account) => account['Name'] === name)?.['Id']);

  for (const [account, code, owner, words] of refusals) {
    it(`fails as ${code} for ${account}, and says whose it is`, async () => {
      await world.load(stepFlow(step));
      await fails(account, code, words, owner);
    });
  }

  it('fails as CLIENT_MAPPING_CONFLICT where id mappings and Account differ', async () => {
    await world.load(stepFlow(step));
    const { idMappings } = (await world.provisioning()).store;
    await idMappings.put({ portalUserId: null, whmcsClientId: 1002, sfAccountId: accountId('Northwind Traders') });
    await fails(
      'Northwind Traders',
      'CLIENT_MAPPING_CONFLICT',
      /id_mappings says WHMCS client 1002, WH_Account__c says 1001/,
    );
  });

  it('names the field of the Account that get order is set to', async () => {
    const get = node('get', { accountField: 'Name' });
    await world.load(flowOf(get, node('client'), node('failed'), ...catching(true)));
    await fails('Northwind Traders', 'CLIENT_NOT_MAPPED', /Name is not understood: 'Northwind Traders'\. It must read/);
  });

  it('fails as CLIENT_NOT_FOUND where WHMCS has no such client', async () => {
    await world.load(stepFlow(step));
    const id = accountId('Northwind Traders');
    world.salesforce.people.putRecord({ type: 'Account', id, fields: { WH_Account__c: '#4711' } });
    await fails('Northwind Traders', 'CLIENT_NOT_FOUND', /no client 4711/);
  });

  it('fails as PAYMENT_GATEWAY_UNKNOWN, naming those that there are', async () => {
    world.set({ WHMCS_PAYMENT_METHOD: 'bitcoin' });
    await world.load(stepFlow(step));
    await fails('Northwind Traders', 'PAYMENT_GATEWAY_UNKNOWN', /'bitcoin'; it has .*mailin/);
  });

  for (const [what, fault, code, words] of [
    ['answers 503', { kind: 'status', status: 503 }, '503', /GetClientsDetails/],
    ['sends a page', { kind: 'html', page: 'oops', status: 200 }, 'WHMCS_UNREADABLE', /GetClientsDetails/],
    [
      'is behind a firewall that blocks',
      { kind: 'html', page: 'cloudflare' },
      'WHMCS_EDGE_BLOCKED',
      /GetClientsDetails/,
    ],
  ] as const) {
    it(`fails as ${code} when WHMCS ${what}, after it has tried again`, async () => {
      await world.load(stepFlow(step));
      const message = await arriving(world, step);
      world.whmcs.panel.fault({ call: 'GetClientsDetails', times: 0, do: fault });
      const passing = world.pass('client', message);
      await world.until(
        'it gives up',
        () => (world.clock.advance(1_000), world.watch.ended.some(({ node }) => node === 'client')),
      );
      const { error, caught } = await passing;
      assert.equal(error?.code, code);
      assert.match(error?.message ?? '', words);
      assert.equal(caught?.failure?.code, code);
      assert.equal(world.whmcs.panel.requests('GetClientsDetails').length, 3);
    });
  }

  it('fails as ETIMEOUT when WHMCS does not answer', async () => {
    await world.load(stepFlow(step));
    const message = await arriving(world, step);
    world.whmcs.panel.fault({ call: 'GetClientsDetails', times: 0, do: { kind: 'hang' } });
    const passing = world.pass('client', message);
    await world.until(
      'it gives up',
      () => (world.clock.advance(10_000), world.watch.ended.some(({ node }) => node === 'client')),
    );
    assert.equal((await passing).error?.code, 'ETIMEOUT');
  });

  for (const [what, switches, words] of [
    ['our address', { allowedIps: ['203.0.113.1'] }, /IP/],
    ['our credentials', { credentialRevoked: true }, /Authentication Failed/],
    ['an action to our role', { deniedActions: ['GetClientsDetails'] }, /GetClientsDetails/],
  ] as const) {
    it(`lets the event wait while WHMCS refuses ${what}: no order fails for it`, async () => {
      world.set({ WHMCS_API_ACCESS_KEY: undefined });
      await world.load(stepFlow(step));
      const message = await arriving(world, step);
      world.whmcs.panel.switches(switches as never);
      const { sent, error } = await world.pass('client', message);
      assert.deepEqual([sent, error], [[], null]);
      const event = await (await world.provisioning()).store.inbox.get(message.event.id);
      assert.equal(event?.state, 'parked');
      assert.match(event?.reason ?? '', /^WHMCS_CONFIG: /);
      assert.match(event?.reason ?? '', words);
      assert.deepEqual(world.status('client'), { fill: 'yellow', shape: 'ring', text: 'waits' });
    });
  }
});
