import assert from 'node:assert/strict';
import { clientCheck, clientIdIn, type ClientCheckSettings } from '../../../lib/provisioning/client-check';
import { Failure } from '../../../lib/provisioning/failure';
import type { OrderPart } from '../../../lib/provisioning/message';
import type { Client, PayMethod } from '../../../lib/whmcs/contract';
import { input, orderId, World, type Process } from './vendor-doubles/world';

const accountId = '001000000000001AAA';
const card = (expiresAt: number | null): PayMethod => ({
  id: 1,
  type: 'CreditCard',
  description: '',
  gateway: '',
  expiresAt,
});

describe('client check', () => {
  let world: World;
  let process: Process;
  let client: Client;
  let methods: PayMethod[];
  /** Gateway modules, as each read of them finds them; the last stays. */
  let gateways: string[][];
  let asked: string[];
  let account: OrderPart['account'];

  beforeEach(async () => {
    world = new World();
    process = await world.process(world.directory());
    client = {
      id: 1001,
      status: 'Active',
      currency: 'USD',
      defaultGateway: 'stripe',
      name: 'Dana Okafor',
      companyName: 'Northwind',
      customFields: [],
    };
    methods = [card(null)];
    gateways = [['mailin', 'stripe']];
    asked = [];
    account = { id: accountId, name: 'Northwind', whAccount: '#1001 - Northwind Traders' };
  });
  afterEach(() => world.close());

  const run = (settings: Partial<ClientCheckSettings> = {}) => {
    const step = clientCheck(
      { paymentMethod: 'mailin', ...settings },
      {
        getClient: (id) => {
          asked.push(`client ${id}`);
          return Promise.resolve(id === client.id ? client : null);
        },
        getPayMethods: (id) => {
          asked.push(`pay methods ${id}`);
          return Promise.resolve(methods);
        },
      },
      {
        gateways: (_signal, options) => {
          asked.push(options?.fresh ? 'gateways anew' : 'gateways');
          const modules = gateways.length > 1 ? gateways.shift() : gateways[0];
          return Promise.resolve((modules ?? []).map((module) => ({ module, name: module })));
        },
      },
    );
    return step.run({ order: { ...input().order, account } }, process.context(orderId));
  };
  const found = async (settings: Partial<ClientCheckSettings> = {}) => {
    const outcome = await run(settings);
    assert.ok('way' in outcome && outcome.value);
    return outcome.value;
  };
  const fails = (code: string, message: RegExp) =>
    assert.rejects(run(), (error: unknown) => {
      assert.ok(error instanceof Failure, String(error));
      assert.equal(error.code, code);
      assert.match(error.message, message);
      assert.equal(error.step, 'validation');
      return true;
    });
  const map = (whmcsClientId: number, sfAccountId = accountId) =>
    process.real.idMappings.put({ portalUserId: null, whmcsClientId, sfAccountId });

  it('finds the client that the Account names', async () => {
    assert.deepEqual(await found(), {
      id: 1001,
      source: 'account',
      status: 'Active',
      currency: 'USD',
      paymentMethod: 'mailin',
    });
    assert.deepEqual(asked, ['client 1001', 'pay methods 1001', 'gateways']);
  });

  it('finds the client in id_mappings first, and where the Account is silent', async () => {
    await map(1001);
    assert.equal((await found()).source, 'id_mappings');
    if (account) account.whAccount = null;
    assert.equal((await found()).source, 'id_mappings');
    if (account) account.whAccount = 'Northwind, see WHMCS';
    assert.equal((await found()).source, 'id_mappings');
  });

  it('finds an account that was written into id_mappings with 15 characters', async () => {
    await map(1001, accountId.slice(0, 15));
    if (account) account.whAccount = '';
    assert.equal((await found()).source, 'id_mappings');
  });

  it('reads the id in each of its spellings, and no other number for it', () => {
    const spellings: [text: string | null, id: number | null][] = [
      ['#1234 - Northwind', 1234],
      ['#1234', 1234],
      ['1234', 1234],
      [' # 1234 – Fish & Sons', 1234],
      ['1234.0', 1234],
      ['#1234 - 99 Luftballons\nGmbH', 1234],
      ['1234: x', 1234],
      ['Northwind #1234', null],
      ['12 34', null],
      ['1234 Northwind', null],
      ['1234.5', null],
      ['-5', null],
      ['#0', null],
      ['', null],
      [null, null],
    ];
    for (const [text, id] of spellings) assert.equal(clientIdIn(text), id, String(text));
  });

  it('does not choose between two sources that differ', async () => {
    await map(1002);
    await fails('CLIENT_MAPPING_CONFLICT', /id_mappings says WHMCS client 1002, WH_Account__c says 1001/);
    assert.deepEqual(asked, []);
  });

  it('fails where nothing names a client', async () => {
    if (account) account.whAccount = ' ';
    await fails('CLIENT_NOT_MAPPED', /WH_Account__c is empty/);
    if (account) account.whAccount = 'Northwind #1001';
    await fails('CLIENT_NOT_MAPPED', /reads 'Northwind #1001'/);
    account = null;
    await fails('CLIENT_NOT_MAPPED', /has no account/);
    assert.deepEqual(asked, []);
  });

  it('fails where WHMCS has no such client', async () => {
    client.id = 1;
    await fails('CLIENT_NOT_FOUND', /no client 1001/);
  });

  it('fails for a closed client, not for an inactive one', async () => {
    client.status = 'inactive';
    assert.equal((await found()).status, 'inactive');
    client.status = 'Closed';
    await fails('CLIENT_CLOSED', /1001 is closed/);
  });

  it('fails for a client without a payment method, in the runbook’s words', async () => {
    methods = [];
    await fails('PAYMENT_METHOD_MISSING', /^409: WHMCS client 1001 has no payment method/);
  });

  it('fails when every payment method has expired, by the last instant of its month', async () => {
    const now = world.clock.now();
    methods = [card(now - 1), card(Date.UTC(2025, 9, 31))];
    await fails('PAYMENT_METHOD_EXPIRED', /1001 have expired, the last at the end of 2026-01/);
    methods = [card(now - 1), card(now)];
    assert.equal((await found()).id, 1001);
    methods = [card(now - 1), card(null)];
    assert.equal((await found()).id, 1001);
  });

  it('fails where WHMCS does not have the gateway, naming those that it has, after it has read them anew', async () => {
    gateways = [['stripe', 'paypalcheckout']];
    await fails('PAYMENT_GATEWAY_UNKNOWN', /no active gateway 'mailin'; it has stripe, paypalcheckout$/);
    assert.deepEqual(asked.slice(-2), ['gateways', 'gateways anew']);
    gateways = [['stripe'], ['stripe', 'mailin']];
    assert.equal((await found()).paymentMethod, 'mailin');
  });

  it('spells the gateway as WHMCS does, and takes the client’s own where none is set', async () => {
    assert.equal((await found({ paymentMethod: ' MailIn ' })).paymentMethod, 'mailin');
    assert.equal((await found({ paymentMethod: '' })).paymentMethod, 'stripe');
    client.defaultGateway = '';
    await assert.rejects(
      run({ paymentMethod: '' }),
      /No gateway is set, and the client has none; it has mailin, stripe/,
    );
  });
});
