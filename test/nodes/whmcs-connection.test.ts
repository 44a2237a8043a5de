import assert from 'node:assert/strict';
import { ask, guardedFiles } from './admin-access';
import { flowOf, node, type FlowNode } from './flow';
import { demoCredentials } from './vendors';
import { useWorld } from './world';

const test = '/order-provisioning/test/whmcs-connection';
const settings = '/order-provisioning/settings/whmcs-connection';

describe('whmcs-connection', () => {
  const world = useWorld();

  const flow = (change: Partial<FlowNode> = {}): FlowNode[] =>
    flowOf(node('whmcs', change), node('get'), node('client'));
  const stored = { secretsFrom: 'stored' };
  const connection = () => world.connection<'whmcs-connection'>('whmcs').connection;
  /** Finds the client of an order, so that WHMCS is asked. */
  const asks = async () => world.pass('client', await world.through(['get'], await world.handOut(world.approve())));
  const worksNot = (text: string, error: RegExp): void => {
    assert.equal(connection(), null);
    assert.deepEqual(world.status('whmcs'), { fill: 'red', shape: 'ring', text });
    const errors = world.lines('error');
    assert.equal(errors.length, 1, errors.join('\n'));
    assert.match(errors[0] ?? '', error);
    assert.deepEqual(world.whmcs.panel.requests(), []);
    assert.deepEqual(world.status('client'), { fill: 'red', shape: 'ring', text: 'whmcs' });
  };
  const formOf = (change: Record<string, unknown> = {}): Record<string, unknown> => {
    const { id: _id, type: _type, x: _x, y: _y, ...values } = node('whmcs');
    return { ...values, ...change };
  };

  it('takes its settings from the environment, says which defaults it takes, and no word of what is off', async () => {
    await world.load(flow());
    assert.deepEqual(world.lines('info', 'whmcs'), [
      'adminUrl: WHMCS_ADMIN_URL is not set; it goes without.',
      'paymentMethod: WHMCS_PAYMENT_METHOD is not set; mailin is used.',
    ]);
    assert.deepEqual(connection()?.order, { paymentMethod: 'mailin', marker: 'notes' });
    assert.deepEqual(world.whmcs.panel.requests(), []);
  });

  it('asks with the credentials of the environment', async () => {
    await world.load(flow());
    assert.equal((await asks()).error, null);
  });

  it('asks with the credentials that are stored in it, over the full address', async () => {
    world.set({
      WHMCS_API_IDENTIFIER: undefined,
      WHMCS_API_SECRET: undefined,
      WHMCS_API_ACCESS_KEY: undefined,
      WHMCS_URL: world.whmcs.apiUrl,
    });
    const { identifier, secret } = demoCredentials;
    await world.load(flow(stored), { credentials: { whmcs: { identifier, secret } } });
    assert.equal((await asks()).error, null);
  });

  it('asks with the access key from an address that WHMCS does not know', async () => {
    world.whmcs.panel.switches({ allowedIps: ['203.0.113.1'] });
    await world.load(flow());
    assert.equal((await asks()).error, null);
  });

  const needed: [field: string, variable: string][] = [
    ['url', 'WHMCS_URL'],
    ['identifier', 'WHMCS_API_IDENTIFIER'],
    ['secret', 'WHMCS_API_SECRET'],
  ];
  for (const [field, variable] of needed) {
    it(`names ${field} and ${variable} once while that is not set, and calls nobody`, async () => {
      world.set({ [variable]: undefined });
      await world.load(flow());
      worksNot(variable, new RegExp(`^SETTING_MISSING: ${field} is not set: set the variable ${variable}`));
    });
  }

  it('goes without an access key where none is set', async () => {
    world.set({ WHMCS_API_ACCESS_KEY: undefined });
    await world.load(flow());
    assert.equal((await asks()).error, null);
  });

  it('does not take from the environment what is to be stored', async () => {
    await world.load(flow(stored));
    worksNot('identifier', /^SETTING_MISSING: identifier is not stored in this node/);
  });

  for (const [what, change, field, words] of [
    ['an address without TLS', { url: 'http://billing.example.test' }, 'whmcs-connection', /https/],
    ['an address with a login in it', { url: 'https://me:hidden-word@billing.example.test' }, 'whmcs-connection', /./],
    [
      'a time-out that is too long',
      { readTimeout: 301 },
      'readTimeout',
      /whole number of seconds from 1 to 300; it is 301/,
    ],
    ['a marker that is none', { marker: 'stamp' }, 'marker', /one of notes, customField, none; it is "stamp"/],
    ['a marker field without its id', { marker: 'customField' }, 'whmcs-connection', /markerFieldId is empty/],
    ['a marker field of 0', { marker: 'customField', markerFieldId: 0 }, 'markerFieldId', /from 1 to 1000000; it is 0/],
  ] as const) {
    it(`is SETTING_INVALID with ${what}`, async () => {
      await world.load(flow(change));
      worksNot(field, new RegExp(`^SETTING_INVALID: .*${words.source}`));
      assert.equal(world.watch.shown.includes('hidden-word'), false);
    });
  }

  it('keeps the mark in a custom field of the products where it is set so', async () => {
    await world.load(flow({ marker: 'customField', markerFieldId: '7' }));
    assert.deepEqual(connection()?.order.marker, { customFieldId: 7 });
  });

  it('is one connection for two nodes that are set up alike, and another with other credentials', async () => {
    await world.load([
      ...flow(),
      { ...node('whmcs'), id: 'twin' },
      { ...node('whmcs', { identifierVar: 'OTHER_IDENTIFIER' }), id: 'other' },
    ]);
    const [one, twin] = [connection(), world.connection<'whmcs-connection'>('twin').connection];
    assert.equal(one?.whmcs, twin?.whmcs);
    assert.equal(world.connection<'whmcs-connection'>('other').connection, null);
    world.set({ OTHER_IDENTIFIER: 'another identifier' });
    await world.deploy([...flow(), { ...node('whmcs', { identifierVar: 'OTHER_IDENTIFIER' }), id: 'other' }], 'full');
    assert.notEqual(world.connection<'whmcs-connection'>('other').connection?.whmcs, connection()?.whmcs);
  });

  it('calls WHMCS no more than so many times at once', async () => {
    await world.load(flow({ maxParallel: 1 }));
    world.whmcs.panel.fault({ call: 'GetClientsDetails', do: { kind: 'hang' } });
    const first = await world.through(['get'], await world.handOut(world.approve()));
    const second = await world.through(['get'], await world.handOut(world.approve()));
    const passing = Promise.all([world.pass('client', first), world.pass('client', second)]);
    await world.until('the first hangs', () => world.whmcs.panel.requests('GetClientsDetails').length === 1);
    assert.equal(world.watch.ended.filter(({ node: id }) => id === 'client').length, 0);
    assert.equal(world.whmcs.panel.requests().length, 1);
    await world.until('both have been done', () => {
      world.clock.advance(1_000);
      return world.watch.ended.filter(({ node: id }) => id === 'client').length === 2;
    });
    for (const { error } of await passing) assert.equal(error, null);
  });

  describe('its Test button', () => {
    it('says which WHMCS accepts every action that is needed, and changes nothing there', async () => {
      await world.load(flow());
      const { body } = await ask(world, test, { id: 'whmcs', values: formOf(), credentials: {} });
      assert.deepEqual(
        [body['ok'], body['code'], body['message']],
        [true, 'OK', 'WHMCS 8.13.1 accepts every action that is needed.'],
      );
      assert.deepEqual(world.whmcs.panel.ledger(), []);
    });

    it('names each action that the API role lacks', async () => {
      world.whmcs.panel.switches({ deniedActions: ['AddOrder', 'GetProducts'] });
      await world.load(flow());
      const { body } = await ask(world, test, { id: 'whmcs', values: formOf(), credentials: {} });
      assert.deepEqual([body['ok'], body['code']], [false, 'WHMCS_CONFIG']);
      assert.deepEqual((body['details'] as string[]).sort(), [
        '✗ AddOrder: tick it in the API role',
        '✗ GetProducts: tick it in the API role',
      ]);
    });

    for (const [what, switches, words] of [
      ['refuses our address', { allowedIps: ['203.0.113.1'] }, /Invalid IP/],
      ['refuses our credentials', { credentialRevoked: true }, /Authentication Failed/],
    ] as const) {
      it(`says that WHMCS ${what}`, async () => {
        world.set({ WHMCS_API_ACCESS_KEY: undefined });
        world.whmcs.panel.switches(switches as never);
        await world.load(flow());
        const { body } = await ask(world, test, { id: 'whmcs', values: formOf(), credentials: {} });
        assert.equal(body['ok'], false);
        assert.match(JSON.stringify(body), words);
      });
    }

    it('says that there is no WHMCS', async () => {
      await world.load(flow());
      const values = formOf({ url: world.salesforce.url });
      const { body } = await ask(world, test, { id: 'whmcs', values, credentials: {} });
      assert.equal(body['ok'], false);
      assert.ok(body['code'] && body['message']);
    });

    it('tests what the form holds, and a secret that was left as it is', async () => {
      const { identifier, secret } = demoCredentials;
      await world.load(flow(stored), { credentials: { whmcs: { identifier: 'wrong', secret } } });
      const credentials = { identifier, secret: '__PWRD__' };
      const { body } = await ask(world, test, { id: 'whmcs', values: formOf(stored), credentials });
      assert.deepEqual([body['ok'], body['code']], [true, 'OK']);
    });

    it('names what is missing, and calls nobody', async () => {
      world.set({ WHMCS_API_SECRET: undefined });
      await world.load(flow());
      const { body } = await ask(world, test, { id: 'whmcs', values: formOf(), credentials: {} });
      assert.deepEqual([body['ok'], body['code']], [false, 'SETTING_MISSING']);
      assert.match(String(body['message']), /secret is not set: set the variable WHMCS_API_SECRET/);
      assert.deepEqual(world.whmcs.panel.requests(), []);
    });

    it('strikes out a secret that WHMCS echoes', async () => {
      await world.load(flow());
      const echo = { result: 'error', message: `Authentication Failed for ${demoCredentials.identifier}` };
      const page = `${JSON.stringify(echo)} ${demoCredentials.secret}`;
      world.whmcs.panel.fault({ call: '*', times: 0, do: { kind: 'status', status: 500, body: page } });
      const { body } = await ask(world, test, { id: 'whmcs', values: formOf(), credentials: {} });
      assert.equal(body['ok'], false);
      assert.match(JSON.stringify(body), /\*\*\*/);
    });

    it('is for those who may deploy; what is in force may be read by those who may read', async () => {
      await world.load(flow(), { files: guardedFiles() });
      const form = { id: 'whmcs', values: formOf(), credentials: {} };
      assert.equal((await ask(world, test, form)).status, 401);
      assert.equal((await ask(world, test, form, 'of-a-reader')).status, 401);
      assert.deepEqual(world.whmcs.panel.requests(), []);
      assert.equal((await ask(world, settings, form)).status, 401);
      const { status, body } = await ask(world, settings, form, 'of-a-reader');
      assert.equal(status, 200);
      assert.deepEqual((body['secrets'] as Record<string, unknown>)['secret'], {
        variable: 'WHMCS_API_SECRET',
        set: true,
        needed: true,
      });
      assert.equal((await ask(world, test, form, 'of-a-deployer')).body['ok'], true);
    });
  });
});
