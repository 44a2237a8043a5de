import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ask, guardedFiles } from './admin-access';
import { flowOf, node, type FlowNode } from './flow';
import { login } from './vendors';
import { seat, useWorld } from './world';

const test = '/order-provisioning/test/sf-connection';
const settings = '/order-provisioning/settings/sf-connection';

describe('sf-connection', () => {
  const world = useWorld();

  const flow = (change: Partial<FlowNode> = {}): FlowNode[] => flowOf(node('org', change), node('get'));
  const stored = { secretsFrom: 'stored' };
  const logins = (): unknown[] => world.salesforce.panel.ledger('login').map(({ outcome }) => outcome);
  /** Reads an Order, so that there is a login. */
  const reads = async () => world.pass('get', await world.handOut(world.approve('Northwind Traders', seat)));
  const worksNot = (text: string, error: RegExp): void => {
    assert.equal(world.connection<'sf-connection'>('org').connection, null);
    assert.deepEqual(world.status('org'), { fill: 'red', shape: 'ring', text });
    const errors = world.lines('error');
    assert.equal(errors.length, 1, errors.join('\n'));
    assert.match(errors[0] ?? '', error);
    assert.deepEqual(world.salesforce.panel.requests(), []);
    assert.deepEqual(world.status('get'), { fill: 'red', shape: 'ring', text: 'salesforce' });
  };

  it('takes its settings from the environment, says which defaults it takes, and calls nobody before it must', async () => {
    world.set({ SF_AUDIENCE: undefined, SF_PUBSUB_ENDPOINT: undefined });
    await world.load(flow());
    assert.deepEqual(world.lines('info', 'org'), [
      'audience: SF_AUDIENCE is not set; it goes without.',
      'pubsubEndpoint: SF_PUBSUB_ENDPOINT is not set; api.pubsub.salesforce.com:7443 is used.',
    ]);
    assert.equal(world.connection<'sf-connection'>('org').connection?.pubsubEndpoint, 'api.pubsub.salesforce.com:7443');
    assert.deepEqual(world.salesforce.panel.requests(), []);
  });

  it('reads over the login that the environment names', async () => {
    await world.load(flow());
    assert.equal((await reads()).error, null);
    assert.deepEqual(logins(), ['success']);
  });

  it('reads over the login that is stored in it, the key pasted', async () => {
    world.set({ SF_CLIENT_ID: undefined, SF_USERNAME: undefined, SF_PRIVATE_KEY_PATH: undefined });
    const org = { clientId: login.consumerKey, username: login.username, privateKey: login.privateKeyPem };
    await world.load(flow(stored), { credentials: { org } });
    assert.equal((await reads()).error, null);
    assert.deepEqual(logins(), ['success']);
  });

  it('takes a stored ${NAME} from the environment, as Node-RED replaces it', async () => {
    const org = {
      clientId: '${SF_CLIENT_ID}',
      username: login.username,
      privateKeyPath: join(world.directory, 'key.pem'),
    };
    await world.load(flow(stored), { credentials: { org } });
    assert.equal((await reads()).error, null);
  });

  const needed: [field: string, variable: string][] = [
    ['loginUrl', 'SF_LOGIN_URL'],
    ['clientId', 'SF_CLIENT_ID'],
    ['username', 'SF_USERNAME'],
    ['privateKeyPath', 'SF_PRIVATE_KEY_PATH'],
  ];
  for (const [field, variable] of needed) {
    it(`names ${field} and ${variable} once while that is not set, and calls nobody`, async () => {
      world.set({ [variable]: undefined });
      await world.load(flow());
      worksNot(variable, new RegExp(`^SETTING_MISSING: ${field} is not set: set the variable ${variable}`));
    });
  }

  it('names the field that names no variable', async () => {
    await world.load(flow({ clientIdVar: '' }));
    worksNot('clientIdVar', /^SETTING_MISSING: clientIdVar is empty: name the variable/);
  });

  it('shows nothing of a secret that stands where a variable’s name belongs', async () => {
    await world.load(flow({ clientIdVar: login.consumerKey }));
    worksNot('clientIdVar', /^SETTING_MISSING: clientIdVar names no variable that is set/);
  });

  it('does not take from the environment what is to be stored', async () => {
    await world.load(flow(stored));
    worksNot('clientId', /^SETTING_MISSING: clientId is not stored in this node.* username .* privateKeyPath/);
  });

  it('does not take what is stored when the environment is to have it', async () => {
    world.set({ SF_CLIENT_ID: undefined });
    await world.load(flow(), { credentials: { org: { clientId: login.consumerKey } } });
    worksNot('SF_CLIENT_ID', /^SETTING_MISSING: clientId is not set/);
  });

  for (const [what, change, words] of [
    ['an address without TLS', { loginUrl: 'http://login.example.test' }, /https/],
    ['no address at all', { loginUrl: 'salesforce' }, /login URL|address/i],
    ['an API version that is none', { apiVersion: 'newest' }, /"newest" is no API version/],
    ['a file of certificates that is not there', { tlsCa: '/nowhere/ca.pem' }, /tlsCa cannot be read \(ENOENT\)/],
    [
      'a variable inside a longer text',
      { loginUrl: 'https://${SF_HOST}' },
      /loginUrl holds a variable inside a longer text/,
    ],
  ] as const) {
    it(`is SETTING_INVALID with ${what}`, async () => {
      await world.load(flow(change));
      const field = 'loginUrl' in change && change.loginUrl.includes('$') ? 'loginUrl' : 'sf-connection';
      worksNot(field, new RegExp(`^SETTING_INVALID: .*(?:${words.source})`, words.flags));
    });
  }

  it('is one connection for two nodes that are set up alike, and stays over a deploy', async () => {
    const twin = { ...node('org'), id: 'twin' };
    const other = { ...node('get', { salesforce: 'twin' }), id: 'other' };
    const all = [...flow(), twin, other];
    await world.load(all);
    await reads();
    await world.pass('other', await world.handOut(world.approve()));
    await world.deploy(
      all.map((one) => (one.id === 'get' ? { ...one, name: 'new' } : one)),
      'full',
    );
    await reads();
    assert.deepEqual(logins(), ['success']);
  });

  it('is another one with another key', async () => {
    await world.load(flow());
    await reads();
    const other = join(world.directory, 'other.pem');
    writeFileSync(other, login.privateKeyPem);
    world.set({ SF_PRIVATE_KEY_PATH: other });
    await world.deploy(flow({ name: 'anew' }), 'full');
    await reads();
    assert.deepEqual(logins(), ['success', 'success']);
  });

  describe('with a key that does not work', () => {
    const encrypted = generateKeyPairSync('rsa', {
      modulusLength: 2048,
      publicKeyEncoding: { type: 'spki', format: 'pem' },
      privateKeyEncoding: { type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase: 'right and secret' },
    });
    const elliptic = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const damaged = login.privateKeyPem.replace(/\n[^\n]{20}/, '\nAAAA????????????????');
    const cases: { what: string; text: string | null; passphrase?: string; code: string; words: RegExp }[] = [
      { what: 'is missing', text: null, code: 'KEY_MISSING', words: /There is no private key file at / },
      { what: 'is empty', text: '\n', code: 'KEY_MISSING', words: /is empty/ },
      { what: 'is not PEM', text: 'hello, I am no key of yours', code: 'KEY_NOT_PEM', words: /is not PEM/ },
      { what: 'is damaged', text: damaged, code: 'KEY_NOT_PEM', words: /is damaged/ },
      {
        what: 'is a public key',
        text: String(encrypted.publicKey),
        code: 'KEY_NOT_PEM',
        words: /This is a public key/,
      },
      {
        what: 'is not RSA',
        text: elliptic.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
        code: 'KEY_NOT_RSA',
        words: /must be RSA; this one is ec/,
      },
      {
        what: 'is encrypted, and no passphrase is set',
        text: String(encrypted.privateKey),
        code: 'KEY_ENCRYPTED',
        words: /its passphrase is needed/,
      },
      {
        what: 'is encrypted, and the passphrase is wrong',
        text: String(encrypted.privateKey),
        passphrase: 'wrong and secret',
        code: 'KEY_PASSPHRASE',
        words: /does not open/,
      },
    ];
    /** Lines of the key or the passphrase that stand in a text. */
    const leaks = (shown: string, text: string | null, passphrase = ''): string[] =>
      [...(text ?? '').split('\n').filter((line) => line.length > 12 && !line.startsWith('-----')), passphrase].filter(
        (line) => line !== '' && shown.includes(line),
      );

    for (const { what, text, passphrase, code, words } of cases) {
      it(`says that it ${what}, in the log and in the form, and prints nothing of it`, async () => {
        const path = join(world.directory, 'other.pem');
        if (text !== null) writeFileSync(path, text);
        world.set({ SF_PRIVATE_KEY_PATH: path, SF_PRIVATE_KEY_PASSPHRASE: passphrase });
        await world.load(flow());
        const answer = await ask(world, test, { id: 'org', values: formOf(), credentials: {} });
        assert.deepEqual([answer.status, answer.body['ok'], answer.body['code']], [200, false, code]);
        assert.match(String(answer.body['message']), words);
        const message = await world.handOut(world.approve());
        const { error, sent } = await world.pass('get', message);
        assert.deepEqual([error, sent], [null, []], 'it is no order’s fault: the event waits');
        const event = await (await world.provisioning()).store.inbox.get(message.event.id);
        assert.match(event?.reason ?? '', words);
        assert.deepEqual(world.salesforce.panel.requests(), []);
        const shown = [world.watch.shown, ...world.answers].join('\n');
        assert.deepEqual(leaks(shown, text, passphrase), []);
      });
    }

    it('says that the file cannot be read', async () => {
      world.set({ SF_PRIVATE_KEY_PATH: world.directory });
      await world.load(flow());
      const { body } = await ask(world, test, { id: 'org', values: formOf(), credentials: {} });
      assert.deepEqual([body['ok'], body['code']], [false, 'KEY_UNREADABLE']);
      assert.match(String(body['message']), /cannot be read: EISDIR/);
    });

    it('logs in again once the file is right, without a deploy', async () => {
      const path = join(world.directory, 'other.pem');
      writeFileSync(path, 'hello');
      world.set({ SF_PRIVATE_KEY_PATH: path });
      await world.load(flow());
      await reads();
      writeFileSync(path, login.privateKeyPem);
      world.clock.advance(60_000);
      assert.equal((await world.pass('get', await world.handOutNext())).sent.length, 1);
    });
  });

  /** The form as the editor sends it. */
  const formOf = (change: Record<string, string> = {}): Record<string, unknown> => {
    const { id: _id, type: _type, x: _x, y: _y, ...values } = node('org');
    return { ...values, ...change };
  };

  describe('its Test button', () => {
    it('says that Salesforce accepts the login, and which org that is', async () => {
      await world.load(flow());
      const { body } = await ask(world, test, { id: 'org', values: formOf(), credentials: {} });
      assert.deepEqual([body['ok'], body['code']], [true, 'OK']);
      assert.match(String(body['details']), /Organisation 00D/);
      assert.deepEqual(logins(), ['success']);
    });

    it('tests what the form holds, not what is deployed, and a secret that was left as it is', async () => {
      await world.load(flow(stored), {
        credentials: { org: { clientId: login.consumerKey, username: 'x@y.z', privateKey: login.privateKeyPem } },
      });
      const credentials = { clientId: '__PWRD__', privateKey: '__PWRD__', username: login.username };
      const { body } = await ask(world, test, { id: 'org', values: formOf(stored), credentials });
      assert.deepEqual([body['ok'], body['code']], [true, 'OK']);
    });

    it('names what is missing, and calls nobody', async () => {
      world.set({ SF_USERNAME: undefined });
      await world.load(flow());
      const { body } = await ask(world, test, { id: 'org', values: formOf(), credentials: {} });
      assert.deepEqual([body['ok'], body['code']], [false, 'SETTING_MISSING']);
      assert.match(String(body['message']), /username is not set: set the variable SF_USERNAME/);
      assert.deepEqual(world.salesforce.panel.requests(), []);
    });

    it('gives the reason for which Salesforce refuses the login', async () => {
      world.salesforce.panel.switches({ userState: 'inactive' });
      await world.load(flow());
      const { body } = await ask(world, test, { id: 'org', values: formOf(), credentials: {} });
      assert.equal(body['ok'], false);
      assert.match(String(body['message']), /inactive/i);
    });

    it('strikes out a secret that Salesforce echoes', async () => {
      await world.load(flow());
      const refusal = { kind: 'oauth', error: 'invalid_client', description: `no app ${login.consumerKey} is known` };
      world.salesforce.panel.fault({ call: 'token', times: 0, do: refusal });
      const { body } = await ask(world, test, { id: 'org', values: formOf(), credentials: {} });
      assert.equal(body['ok'], false);
      assert.match(String(body['message']), /no app \*\*\* is known/);
    });

    it('says that nobody answers there', async () => {
      await world.load(flow());
      const values = formOf({ loginUrl: 'http://127.0.0.1:9' });
      const { body } = await ask(world, test, { id: 'org', values, credentials: {} });
      assert.deepEqual([body['ok'], body['code']], [false, 'ECONNREFUSED']);
    });

    it('is for those who may deploy; what is in force may be read by those who may read', async () => {
      await world.load(flow(), { files: guardedFiles() });
      const form = { id: 'org', values: formOf(), credentials: {} };
      assert.equal((await ask(world, test, form)).status, 401);
      assert.equal((await ask(world, settings, form)).status, 401);
      assert.equal((await ask(world, test, form, 'of-a-reader')).status, 401);
      assert.deepEqual(logins(), []);
      assert.equal((await ask(world, settings, form, 'of-a-reader')).status, 200);
      const { status, body } = await ask(world, test, form, 'of-a-deployer');
      assert.deepEqual([status, body['ok']], [200, true]);
    });

    it('shows in the form what is in force, and of secrets only that they are set', async () => {
      world.set({ SF_PRIVATE_KEY_PASSPHRASE: undefined });
      await world.load(flow());
      const { body } = await ask(world, settings, { id: 'org', values: formOf() });
      const fields = body['fields'] as Record<string, { value: string; variable: string }>;
      assert.deepEqual(
        [fields['loginUrl']?.value, fields['loginUrl']?.variable],
        [world.salesforce.url, 'SF_LOGIN_URL'],
      );
      assert.deepEqual(body['secrets'], {
        clientId: { variable: 'SF_CLIENT_ID', set: true, needed: true },
        username: { variable: 'SF_USERNAME', set: true, needed: true },
        privateKeyPath: { variable: 'SF_PRIVATE_KEY_PATH', set: true, needed: true },
        passphrase: { variable: 'SF_PRIVATE_KEY_PASSPHRASE', set: false, needed: false },
      });
    });
  });
});
