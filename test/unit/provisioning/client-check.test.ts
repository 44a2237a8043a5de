import assert from 'node:assert/strict';
import { clientCheck, type ClientCheckSettings } from '../../../lib/provisioning/client-check';
import { clientIdIn } from '../../../lib/provisioning/client-link';
import { Failure } from '../../../lib/provisioning/failure';
import type { OrderPart } from '../../../lib/provisioning/message';
import { readRecord } from '../../../lib/provisioning/order-record';
import { IdMappingsError, type IdMappings } from '../../../lib/state/contract';
import type { Client, PayMethod } from '../../../lib/whmcs/contract';
import { input, orderId, World, type Process } from './vendor-doubles/world';

const accountId = '001000000000001AAA';
const card = (expiresAt: number | null, gateway = ''): PayMethod => ({
  id: 1,
  type: 'CreditCard',
  description: '',
  gateway,
  expiresAt,
});

describe('client check', () => {
  let world: World;
  let process: Process;
  let directory: string;
  let client: Client;
  let methods: PayMethod[];
  /** Gateway modules, as each read of them finds them; the last stays. */
  let gateways: string[][];
  /** displayname of all of them; null: as the module. */
  let gatewayName: string | null;
  let asked: string[];
  let account: OrderPart['account'];
  /** In place of the store's table; undefined: the store's. */
  let mappings: IdMappings | null | undefined;

  beforeEach(async () => {
    world = new World();
    directory = world.directory();
    process = await world.process(directory);
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
    gatewayName = null;
    asked = [];
    mappings = undefined;
    account = { id: accountId, name: 'Northwind', whAccount: '#1001 - Northwind Traders' };
  });
  afterEach(() => world.close());

  const stepOf = (settings: Partial<ClientCheckSettings>) =>
    clientCheck(
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
          return Promise.resolve((modules ?? []).map((module) => ({ module, name: gatewayName ?? module })));
        },
      },
    );
  const run = (settings: Partial<ClientCheckSettings> = {}) => {
    const context = process.context(orderId);
    const desk = mappings === undefined ? process : Object.create(process, { idMappings: { value: mappings } });
    return stepOf(settings).run({ order: { ...input().order, account } }, { ...context, desk: desk as Process });
  };
  const foreseen = async (settings: Partial<ClientCheckSettings> = {}) => {
    const { state, facts } = await process.real.ledger.read(orderId);
    const order = {
      ...{ orderId, record: readRecord(state), facts },
      ...{ store: process.store, sender: process.sender, clock: world.clock },
    };
    const idMappings = mappings === undefined ? process.real.idMappings : mappings;
    const context = { order, idMappings, signal: new AbortController().signal };
    const found = await stepOf(settings).dry?.foresee({ order: { ...input().order, account } }, context);
    assert.ok(found);
    return found;
  };
  const waits = async (settings: Partial<ClientCheckSettings> = {}) => {
    const outcome = await run(settings);
    assert.ok('parked' in outcome, JSON.stringify(outcome));
    return outcome.parked;
  };
  const found = async (settings: Partial<ClientCheckSettings> = {}) => {
    const outcome = await run(settings);
    assert.ok('way' in outcome && outcome.value);
    return outcome.value;
  };
  const fails = (code: string, message: RegExp, settings: Partial<ClientCheckSettings> = {}) =>
    assert.rejects(run(settings), (error: unknown) => {
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
      ['1234 - Northwind', 1234],
      [' # 1234 – Fish & Sons', 1234],
      ['#1234 -', 1234],
      ['1234.0', 1234],
      ['#1234 - 99 Luftballons\nGmbH', 1234],
      ['#1234 - 1234', 1234],
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

  it('takes no telephone number, date, time or code for a client id', () => {
    const others = [
      '555-1234',
      '2024-05-01',
      '12:30',
      '1234: Northwind',
      '#555-1234',
      '1234-Northwind',
      '1234–Northwind',
    ];
    for (const text of [...others, '555 - 1234', '2024 - 05 - 01', '1,234', '1234/5', '+1234', '1234 -Northwind'])
      assert.equal(clientIdIn(text), null, text);
  });

  it('says of a text that it does not understand how the field must read, and asks WHMCS for no client', async () => {
    for (const text of ['555-1234', '2024-05-01', 'Northwind #1001', '1001-Northwind']) {
      if (account) account.whAccount = text;
      await fails(
        'CLIENT_NOT_MAPPED',
        new RegExp(
          `^Account Northwind: WH_Account__c is not understood: '${text}'\\. It must read '#1234 - Name', or '1234' alone$`,
        ),
      );
    }
    assert.deepEqual(asked, []);
  });

  it('puts no markup, line break or half a character of what others have written into Salesforce', async () => {
    const html = '<img src=x onerror="alert(1)">';
    const text = `${html}\r\nA\u202e & <b${'a'.repeat(38)}🚀🚀${'b'.repeat(90)}`;
    if (account) account = { ...account, name: text, whAccount: text };
    const shown = `A & b${'a'.repeat(38)}🚀🚀bbbbbbbbbbbb…`;
    await fails('CLIENT_NOT_MAPPED', new RegExp(`^Account ${shown}: WH_Account__c is not understood: '${shown}'`));
    if (account) account = { ...account, name: html, whAccount: '#1001' };
    client.customFields = [{ id: 3, value: `${html}0\n1` }];
    await fails('CLIENT_MAPPING_CONFLICT', /^Account 0010+1AAA: .* custom field 3 names account '0 1'$/, {
      customFieldId: 3,
    });
    await map(1001, `${html}9`);
    await fails('CLIENT_MAPPING_CONFLICT', /^Account 0010+1AAA: .* which id_mappings links to account 9$/);
    assert.doesNotMatch(process.lines.map((line) => JSON.stringify(line)).join(), /<img/);
  });

  it('does not choose between two sources that differ', async () => {
    await map(1002);
    await fails('CLIENT_MAPPING_CONFLICT', /id_mappings says WHMCS client 1002, WH_Account__c says 1001/);
    assert.deepEqual(asked, []);
  });

  it('fails where nothing names a client', async () => {
    if (account) account.whAccount = ' ';
    await fails('CLIENT_NOT_MAPPED', /WH_Account__c is empty/);
    account = null;
    await fails('CLIENT_NOT_MAPPED', /has no account/);
    assert.deepEqual(asked, []);
  });

  it('names the field that the Account is really read by', async () => {
    account = { id: accountId, name: 'Northwind', whAccount: 'see WHMCS', whField: 'Billing_Client__c' };
    await fails('CLIENT_NOT_MAPPED', /Northwind: Billing_Client__c is not understood: 'see WHMCS'/);
    account.whAccount = '';
    await fails('CLIENT_NOT_MAPPED', /Northwind: Billing_Client__c is empty/);
    account.whAccount = '#1001';
    client.customFields = [{ id: 3, value: '001000000000002AAA' }];
    await fails('CLIENT_MAPPING_CONFLICT', /Billing_Client__c says WHMCS client 1001/, { customFieldId: 3 });
    await map(1002);
    await fails('CLIENT_MAPPING_CONFLICT', /id_mappings says WHMCS client 1002, Billing_Client__c says 1001/);
  });

  it('fails where WHMCS has no such client', async () => {
    client.id = 1;
    await fails('CLIENT_NOT_FOUND', /no client 1001/);
  });

  it('goes on with an inactive client, and warns of it on the node, in the sidebar and in the timeline', async () => {
    const warned = () => process.lines.filter(({ level }) => level === 'warn').map(({ text }) => text);
    await found();
    assert.deepEqual(warned(), []);
    client.status = 'inactive';
    const outcome = await run();
    assert.ok('way' in outcome);
    const { value, warning, note } = outcome;
    assert.equal(value?.status, 'inactive');
    const words =
      'WHMCS client 1001 is inactive: WHMCS takes its orders all the same. Check that it is the right client';
    assert.equal(warning, words);
    assert.deepEqual(warned(), [words]);
    assert.equal(note, 'WHMCS client 1001 (inactive), USD, pays by mailin');
  });

  it('says of a closed client of another account that it is another’s', async () => {
    client.status = 'Closed';
    client.customFields = [{ id: 3, value: '001000000000002AAA' }];
    await fails('CLIENT_MAPPING_CONFLICT', /names account/, { customFieldId: 3 });
  });

  it('fails for a closed client', async () => {
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

  it('takes the client’s own gateway first where that is wanted, the set one where the client has none', async () => {
    assert.equal((await found({ preferClientGateway: true })).paymentMethod, 'stripe');
    client.defaultGateway = '';
    assert.equal((await found({ preferClientGateway: true })).paymentMethod, 'mailin');
    client.defaultGateway = 'gone';
    await fails('PAYMENT_GATEWAY_UNKNOWN', /no active gateway 'gone'/, { preferClientGateway: true });
  });

  describe('of whether what the client has stored is of the gateway that AddOrder gets', () => {
    const byStripe = { paymentMethod: 'stripe' };
    /** What the node shows, what goes on with the message, and what a dry run says. */
    const said = async (settings: Partial<ClientCheckSettings> = byStripe) => {
      const outcome = await run(settings);
      assert.ok('way' in outcome && outcome.value);
      const { value, faults, notes } = await foreseen(settings);
      assert.deepEqual([faults, value], [[], outcome.value]);
      return { warning: outcome.warning ?? null, carried: outcome.value.warning ?? null, notes };
    };
    const silent = { warning: null, carried: null, notes: [] };

    it('warns of one whose stored methods are all of others, and goes on', async () => {
      methods = [card(null, 'authorize'), card(null, 'gocardless'), card(null, 'authorize')];
      const words =
        'WHMCS client 1001 pays by stripe, and has no stored payment method of it (only of authorize, gocardless). ' +
        'WHMCS takes its orders all the same, but may not be able to charge them. Check the gateway, or ask the customer for a method of it, unless they pay its invoices themselves';
      assert.deepEqual(await said(), { warning: words, carried: words, notes: [words] });
      assert.deepEqual(
        process.lines.filter(({ level }) => level === 'warn').map(({ text }) => text),
        [words],
      );
    });

    it('counts no expired one, and says none of it where all are', async () => {
      const past = world.clock.now() - 1;
      methods = [card(past, 'stripe'), card(null, 'authorize')];
      assert.match((await said()).warning ?? '', /\(only of authorize\)/);
      methods = [card(past, 'authorize')];
      const { faults, notes } = await foreseen({ ...byStripe, holdMs: null });
      assert.deepEqual([faults.map(({ code }) => code), notes], [['PAYMENT_METHOD_EXPIRED'], []]);
    });

    it('says nothing where one is of it, by its module or by its name, in any case', async () => {
      for (const gateway of ['stripe', ' Stripe ', 'Card (by Stripe)']) {
        methods = [card(null, 'authorize'), card(null, gateway)];
        gatewayName = 'Card (by Stripe)';
        assert.deepEqual(await said(), silent, gateway);
      }
    });

    it('says nothing where a method is of no gateway, so that any may charge it', async () => {
      methods = [card(null, 'authorize'), card(null, '')];
      assert.deepEqual(await said(), silent);
      methods = [card(null, ' ')];
      assert.deepEqual(await said(), silent);
    });

    it('warns by the gateway that is really used: the client’s own, where that comes first', async () => {
      methods = [card(null, 'authorize')];
      gateways = [['authorize', 'stripe']];
      const own = { paymentMethod: 'authorize', preferClientGateway: true };
      assert.match((await said(own)).warning ?? '', /pays by stripe,/);
      assert.deepEqual(await said({ paymentMethod: 'authorize' }), silent);
    });

    it('does not warn of a gateway by which people pay by hand, and says in a dry run that nothing is charged', async () => {
      gateways = [['BankTransfer', 'mailin', 'stripe']];
      methods = [card(null, 'stripe')];
      for (const paymentMethod of ['banktransfer', 'mailin']) {
        const { warning, carried, notes } = await said({ paymentMethod });
        assert.deepEqual([warning, carried], [null, null]);
        assert.match(
          notes.join(),
          /^It would be paid by hand, by (BankTransfer|mailin): what WHMCS client 1001 has stored \(of stripe\) is not charged for it$/,
        );
      }
    });

    it('warns of nothing where the gateway is not known', async () => {
      methods = [card(null, 'authorize')];
      const { faults, notes } = await foreseen({ paymentMethod: 'bitcoin' });
      assert.deepEqual([faults.map(({ code }) => code), notes], [['PAYMENT_GATEWAY_UNKNOWN'], []]);
    });

    it('says both of an inactive client, the one in a line of its own', async () => {
      client.status = 'Inactive';
      methods = [card(null, 'authorize')];
      const { warning, carried, notes } = await said();
      assert.deepEqual(
        notes.map((note) => note.slice(0, 26)),
        ['WHMCS client 1001 is Inact', 'WHMCS client 1001 pays by '],
      );
      assert.deepEqual([warning, carried], [notes.join('. '), notes.join('. ')]);
    });

    it('writes no more than fits of what WHMCS calls its gateways', async () => {
      methods = Array.from({ length: 40 }, (_, at) => card(null, `${at}`.padEnd(300, 'x')));
      const { warning } = await said();
      assert.ok((warning ?? '').length < 500, String(warning?.length));
      methods = [card(null, '<b>author\nize')];
      assert.match((await said()).warning ?? '', /\(only of author ize\)/);
    });
  });

  it('refuses a client that id_mappings links to another account', async () => {
    await map(1001, '001000000000009AAA');
    await fails(
      'CLIENT_MAPPING_CONFLICT',
      /WH_Account__c says WHMCS client 1001, which id_mappings links to account 001000000000009AAA/,
    );
    assert.deepEqual(asked, []);
  });

  it('does not choose between two rows, one with 15 and one with 18 characters', async () => {
    await map(1001);
    await map(1002, accountId.slice(0, 15));
    await fails('CLIENT_MAPPING_CONFLICT', /client 1001 for 001000000000001AAA, and 1002 for 001000000000001$/);
  });

  it('does not choose where the table itself names two', async () => {
    const names = () => Promise.reject(new IdMappingsError('AMBIGUOUS', 'ids names both WHMCS clients 1 and 2'));
    mappings = { bySfAccount: names, byWhmcsClient: names, put: names };
    await fails('CLIENT_MAPPING_CONFLICT', /Northwind: ids names both WHMCS clients 1 and 2/);
  });

  it('takes no client that a table without constraints links to a second account, whatever the Account says', async () => {
    const row = { portalUserId: null, whmcsClientId: 1001, sfAccountId: accountId };
    mappings = {
      bySfAccount: (id) => Promise.resolve(id === accountId ? row : null),
      byWhmcsClient: () =>
        Promise.reject(new IdMappingsError('AMBIGUOUS', `ids names both accounts ${accountId} and 001000000000002AAA`)),
      put: () => Promise.resolve('conflict' as const),
    };
    for (const text of ['#1001 - Northwind', '', null]) {
      if (account) account.whAccount = text;
      await fails('CLIENT_MAPPING_CONFLICT', /Northwind: ids names both accounts 001000000000001AAA and 0010+2AAA/);
    }
    assert.deepEqual(asked, []);
  });

  it('takes one row with 15 and one with 18 characters that say the same', async () => {
    const rows = [accountId, accountId.slice(0, 15)];
    mappings = {
      bySfAccount: (id) =>
        Promise.resolve(rows.includes(id) ? { portalUserId: null, whmcsClientId: 1001, sfAccountId: id } : null),
      byWhmcsClient: () => Promise.resolve({ portalUserId: null, whmcsClientId: 1001, sfAccountId: rows[1] ?? '' }),
      put: () => Promise.resolve('written' as const),
    };
    assert.equal((await found()).source, 'id_mappings');
  });

  it('asks no table where none is to be used', async () => {
    await map(1002);
    mappings = null;
    assert.equal((await found()).source, 'account');
    if (account) account.whAccount = '';
    await fails('CLIENT_NOT_MAPPED', /WH_Account__c is empty$/);
  });

  it('holds the client’s custom field against the account, in both its forms', async () => {
    for (const value of [accountId, accountId.slice(0, 15), ` ${accountId} `, '']) {
      client.customFields = [
        { id: 2, value: 'something else' },
        { id: 3, value },
      ];
      assert.equal((await found({ customFieldId: 3 })).id, 1001, value);
    }
    client.customFields = [];
    assert.equal((await found({ customFieldId: 3 })).id, 1001);
    client.customFields = [{ id: 3, value: '001000000000002AAA' }];
    const words = /says WHMCS client 1001, whose custom field 3 names account '001000000000002AAA'/;
    await fails('CLIENT_MAPPING_CONFLICT', new RegExp(`WH_Account__c ${words.source}`), { customFieldId: 3 });
    await map(1001);
    await fails('CLIENT_MAPPING_CONFLICT', new RegExp(`id_mappings ${words.source}`), { customFieldId: 3 });
    assert.equal((await found()).id, 1001, 'where no field is named, none is looked at');
  });

  describe('with an order that may wait for a payment method', () => {
    const hour = 3_600_000;
    const held = { holdMs: 24 * hour };

    it('looks again with back-off until the limit, then fails as ever', async () => {
      methods = [];
      const start = world.clock.now();
      const pauses: number[] = [];
      for (;;) {
        const before = world.clock.now();
        if (before - start >= held.holdMs) break;
        const { until, reason, told } = await waits(held);
        assert.match(reason, /^PAYMENT_METHOD_MISSING: 409: WHMCS client 1001 has no payment method; looked at again/);
        assert.equal(told?.code, 'PAYMENT_METHOD_MISSING');
        assert.match(told?.message ?? '', new RegExp(new Date(start + held.holdMs).toISOString().slice(11, 16)));
        assert.doesNotMatch(told?.fix ?? '', /Retry/, 'it goes on by itself');
        pauses.push((until - before) / 60_000);
        await world.clock.advance(until - before);
      }
      assert.deepEqual(pauses.slice(0, 8), [1, 2, 5, 10, 15, 30, 30, 30]);
      assert.ok(pauses.length < 60, 'about fifty looks a day');
      assert.equal(world.clock.now(), start + held.holdMs, 'the last look is at the limit');
      await fails('PAYMENT_METHOD_MISSING', /^409: WHMCS client 1001 has no payment method$/, held);
      assert.ok(!asked.includes('gateways'));
    });

    it('goes on as soon as there is one', async () => {
      methods = [card(world.clock.now() - 1)];
      assert.match((await waits(held)).reason, /^PAYMENT_METHOD_EXPIRED: /);
      await world.clock.advance(60_000);
      methods = [];
      const { until, reason } = await waits(held);
      assert.match(reason, /^PAYMENT_METHOD_MISSING: /);
      assert.equal(until - world.clock.now(), 2 * 60_000, 'both are one wait');
      methods = [card(null)];
      assert.equal((await found(held)).id, 1001);
    });

    it('begins nothing anew after a restart', async () => {
      methods = [];
      await waits(held);
      await world.clock.advance(23.5 * hour);
      await world.bury(process);
      process = await world.process(directory);
      const last = await waits(held);
      assert.equal(last.until - world.clock.now(), 2 * 60_000, 'the second look of the same wait');
      await world.clock.advance(hour / 2);
      await fails('PAYMENT_METHOD_MISSING', /^409: /, held);
    });

    it('counts a wait that came after a better time from its own start', async () => {
      methods = [];
      await waits(held);
      await world.clock.advance(20 * hour);
      methods = [card(null)];
      await found(held);
      await world.clock.advance(20 * hour);
      methods = [];
      assert.equal((await waits(held)).until - world.clock.now(), 60_000);
    });

    it('fails at once where waiting is not wanted', async () => {
      methods = [];
      await fails('PAYMENT_METHOD_MISSING', /^409: /, { holdMs: null });
    });
  });

  describe('in a dry run', () => {
    it('says of a closed client all that is wrong with it, and which client it is', async () => {
      client.status = 'Closed';
      methods = [];
      gateways = [['stripe']];
      const { value, faults, notes } = await foreseen();
      assert.deepEqual(
        faults.map(({ code }) => code),
        ['CLIENT_CLOSED', 'PAYMENT_METHOD_MISSING', 'PAYMENT_GATEWAY_UNKNOWN'],
      );
      assert.deepEqual([value?.id, value?.currency, value?.status, notes], [1001, 'USD', 'Closed', []]);
    });

    it('does not say of a table that it asked once that it was away for half an hour', async () => {
      const down = () => Promise.reject(new IdMappingsError('UNAVAILABLE', 'PostgreSQL cannot be reached.'));
      mappings = { bySfAccount: down, byWhmcsClient: down, put: down };
      const { value, faults } = await foreseen();
      assert.deepEqual(
        [value, faults.map(({ code, message, fix }) => [code, message, fix])],
        [
          undefined,
          [
            [
              'ID_MAPPINGS_UNAVAILABLE',
              'PostgreSQL cannot be reached.',
              'Mend what is named here. Orders wait for it, 30 minutes at most, before they fail.',
            ],
          ],
        ],
      );
    });
  });

  describe('while the table of ids cannot be asked', () => {
    let why: string | null;
    beforeEach(() => {
      why = 'PostgreSQL cannot be reached (ECONNREFUSED).';
      const answer = <T>(value: T) =>
        why === null ? Promise.resolve(value) : Promise.reject(new IdMappingsError('UNAVAILABLE', why));
      mappings = {
        bySfAccount: () => answer({ portalUserId: null, whmcsClientId: 1001, sfAccountId: accountId }),
        byWhmcsClient: () => answer(null),
        put: () => answer('written' as const),
      };
    });

    it('waits for it, whatever the Account says, and asks WHMCS nothing', async () => {
      const { until, reason, told } = await waits();
      assert.equal(until - world.clock.now(), 15_000);
      assert.match(reason, /^ID_MAPPINGS_UNAVAILABLE: PostgreSQL cannot be reached \(ECONNREFUSED\); looked at again/);
      assert.equal(told?.code, 'ID_MAPPINGS_UNAVAILABLE');
      assert.deepEqual(asked, []);
      why = null;
      assert.equal((await found()).source, 'id_mappings');
    });

    it('fails with a code of its own after half an hour, not as unmapped', async () => {
      const start = world.clock.now();
      while (world.clock.now() - start < 30 * 60_000) {
        const { until } = await waits();
        await world.clock.advance(until - world.clock.now());
      }
      await fails('ID_MAPPINGS_UNAVAILABLE', /cannot be reached/);
      assert.deepEqual(asked, []);
    });

    it('gives each outage its own half hour, and a payment method’s wait goes on over it', async () => {
      methods = [];
      const held = { holdMs: 2 * 3_600_000 };
      why = null;
      await waits(held);
      await world.clock.advance(25 * 60_000);
      why = 'slow';
      await waits(held);
      await world.clock.advance(25 * 60_000);
      why = null;
      await waits(held);
      await world.clock.advance(25 * 60_000);
      why = 'slow';
      assert.match((await waits(held)).reason, /^ID_MAPPINGS_UNAVAILABLE/);
      await world.clock.advance(25 * 60_000);
      why = null;
      await waits(held);
      await world.clock.advance(20 * 60_000);
      await fails('PAYMENT_METHOD_MISSING', /^409: /, held);
    });
  });
});
