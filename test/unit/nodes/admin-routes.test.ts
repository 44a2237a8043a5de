import assert from 'node:assert/strict';
import type { NodeAPI } from 'node-red';
import {
  connectionTest,
  registerAdminRoutes,
  runTest,
  shownSecrets,
  shownSettings,
  testLimitMs,
  withoutSecrets,
  type ConnectionTest,
  type TestAnswer,
} from '../../../nodes/shared/admin-routes';
import { optionalSecret, secret, secretWhen } from '../../../nodes/shared/secrets';
import { choice, needed, text } from '../../../nodes/shared/settings';
import { FakeClock } from '../../fake-clock';

const settings = {
  url: needed(),
  replay: choice(['LATEST', 'ALL'], 'LATEST'),
  pricebookId: text(),
  channel: text('/event/X__e'),
};
const secrets = { identifier: secret('identifierVar'), accessKey: optionalSecret('accessKeyVar') };
const good: TestAnswer = { ok: true, code: 'OK', message: 'It works', details: [] };

interface Answer {
  status: number;
  body: unknown;
}

/** A Node-RED with these parts, its routes, and what its people may do. */
function nodeRed(
  parts: Parameters<typeof registerAdminRoutes>[1],
  known: { node?: object; credentials?: object } = {},
) {
  const routes = new Map<string, ((request: object, response: object, next: () => void) => void)[]>();
  const asked: string[] = [];
  const RED = {
    httpAdmin: {
      post: (path: string, ...handlers: never[]) => routes.set(path, [...(routes.get(path) ?? []), ...handlers]),
    },
    auth: {
      needsPermission: (name: string) => (_request: object, _response: object, next: () => void) => (
        asked.push(name),
        next()
      ),
    },
    nodes: { getNode: () => known.node ?? null, getCredentials: () => known.credentials },
    util: { getSetting: (node: { env: Record<string, string> }, name: string) => node.env[name] },
  } as unknown as NodeAPI;
  registerAdminRoutes(RED, parts);
  const closers: (() => void)[] = [];
  const post = (path: string, type: string, body: unknown, headers: Record<string, string> = {}): Promise<Answer> =>
    new Promise((resolve) => {
      const answer: Answer = { status: 200, body: null };
      const response = {
        destroyed: false,
        on: (_name: string, listener: () => void) => closers.push(listener),
        status: (status: number) => ((answer.status = status), response),
        json: (sent: unknown) => resolve({ ...answer, body: JSON.parse(JSON.stringify(sent)) }),
      };
      const type_ = headers['content-type'] ?? 'application/json';
      const request = {
        params: { type },
        body,
        is: (wanted: string) => (type_ === wanted ? wanted : false),
        get: (name: string) => headers[name],
      };
      const handlers = [...(routes.get(path) ?? [])];
      const next = (): void => handlers.shift()?.(request, response, next);
      next();
    });
  return {
    RED,
    routes,
    asked,
    hangUp: () => closers.forEach((close) => close()),
    settings: (type: string, values: unknown, headers?: Record<string, string>) =>
      post('/order-provisioning/settings/:type', type, { id: 'n1', values }, headers),
    test: (type: string, values: unknown, credentials: unknown = {}, headers?: Record<string, string>) =>
      post('/order-provisioning/test/:type', type, { id: 'n1', values, credentials }, headers),
  };
}

/** Sets variables of this process for one test. */
function withVariables(variables: Record<string, string>): void {
  const before = Object.fromEntries(Object.keys(variables).map((name) => [name, process.env[name]]));
  Object.assign(process.env, variables);
  undo = () => {
    for (const [name, value] of Object.entries(before)) {
      if (value === undefined) delete process.env[name];
      else process.env[name] = value;
    }
  };
}
let undo = (): void => undefined;
afterEach(() => {
  undo();
  undo = () => undefined;
});

describe('the routes behind the forms', () => {
  it('are registered once, however many node files add to them', async () => {
    const red = nodeRed({ settings: { 'sf-get-order': settings } });
    registerAdminRoutes(red.RED, { settings: { other: { name: text('x') } } });
    assert.deepEqual([...red.routes.keys()], ['/order-provisioning/settings/:type', '/order-provisioning/test/:type']);
    for (const handlers of red.routes.values()) assert.ok(handlers.length <= 3);
    assert.equal((await red.settings('other', {})).status, 200);
    assert.equal((await red.settings('sf-get-order', {})).status, 200);
  });

  it('each need a permission; testing needs that of deploying too, since it sends secrets to the address in the form', async () => {
    const red = nodeRed({ settings: { a: settings }, testWhmcs: () => Promise.resolve(good) });
    await red.settings('a', {});
    assert.deepEqual(red.asked.splice(0), ['order-provisioning.read']);
    await red.test('whmcs-connection', {});
    assert.deepEqual(red.asked, ['order-provisioning.write', 'flows.write']);
  });

  it('refuse what another site’s page can send', async () => {
    let ran = 0;
    const red = nodeRed({ settings: { a: settings }, testWhmcs: () => Promise.resolve(((ran += 1), good)) });
    const foreign: Record<string, string>[] = [
      { 'content-type': 'application/x-www-form-urlencoded' },
      { 'content-type': 'text/plain' },
      { 'sec-fetch-site': 'cross-site' },
      { 'sec-fetch-site': 'same-site' },
    ];
    for (const headers of foreign) {
      assert.equal((await red.test('whmcs-connection', {}, {}, headers)).status, 403);
      assert.equal((await red.settings('a', {}, headers)).status, 403);
    }
    assert.equal(ran, 0);
    assert.equal((await red.test('whmcs-connection', {}, {}, { 'sec-fetch-site': 'same-origin' })).status, 200);
  });

  it('refuse unknown types and malformed bodies', async () => {
    const red = nodeRed({ settings: { a: settings }, testWhmcs: () => Promise.resolve(good) });
    for (const type of ['b', 'constructor', '__proto__']) {
      assert.equal((await red.settings(type, {})).status, 404, type);
      assert.equal((await red.test(type, {})).status, 404, type);
    }
    assert.equal((await red.settings('a', { url: { deep: 1 } })).status, 400);
    assert.equal((await red.test('whmcs-connection', {}, { identifier: 5 })).status, 400);
  });

  it('look up variables as the deployed node sees them, else those of the process', async () => {
    withVariables({ WHMCS_URL: 'https://of.the.process' });
    const deployed = nodeRed({ settings: { a: settings } }, { node: { env: { WHMCS_URL: 'https://of.the.flow' } } });
    const fresh = nodeRed({ settings: { a: settings } });
    const url = (answer: Answer): unknown => (answer.body as { fields: { url: { value: string } } }).fields.url.value;
    assert.equal(url(await deployed.settings('a', { url: '${WHMCS_URL}' })), 'https://of.the.flow');
    assert.equal(url(await fresh.settings('a', { url: '${WHMCS_URL}' })), 'https://of.the.process');
  });
});

describe('the settings that a form shows', () => {
  const show = (values: Record<string, unknown>, env: Record<string, unknown> = {}) =>
    shownSettings(settings, values, (name) => env[name]);

  it('are the values in force', () => {
    assert.deepEqual(
      show(
        { url: '${WHMCS_URL}', replay: '${SF_EVENTS_REPLAY}', pricebookId: '${PORTAL_PRICEBOOK_ID}', channel: '' },
        { WHMCS_URL: 'https://whmcs.test', SF_EVENTS_REPLAY: 'all' },
      ),
      {
        url: { state: 'value', variable: 'WHMCS_URL', value: 'https://whmcs.test', fault: null },
        replay: { state: 'value', variable: 'SF_EVENTS_REPLAY', value: 'ALL', fault: null },
        pricebookId: { state: 'unset', variable: 'PORTAL_PRICEBOOK_ID', value: null, fault: null },
        channel: { state: 'default', variable: null, value: '/event/X__e', fault: null },
      },
    );
  });

  it('say what is missing, and what is wrong without the value', () => {
    const { url, replay } = show(
      { url: '${WHMCS_URL}', replay: '${AWS_SECRET_ACCESS_KEY}' },
      { AWS_SECRET_ACCESS_KEY: 'hush' },
    );
    assert.deepEqual(url, { state: 'missing', variable: 'WHMCS_URL', value: null, fault: null });
    assert.deepEqual(replay, {
      state: 'invalid',
      variable: 'AWS_SECRET_ACCESS_KEY',
      value: null,
      fault: 'must be one of LATEST, ALL',
    });
  });

  it('tell of a variable that is not in our documentation only that it is set', () => {
    const shown = show(
      { url: '${AWS_SECRET_ACCESS_KEY}', channel: '${WHMCS_API_SECRET}' },
      { AWS_SECRET_ACCESS_KEY: 'hush', WHMCS_API_SECRET: 'hush' },
    );
    assert.deepEqual([shown['url']?.state, shown['url']?.value, shown['channel']?.value], ['value', null, null]);
  });

  it('hide a login within an address', () => {
    assert.equal(
      show({ url: '${WHMCS_URL}' }, { WHMCS_URL: 'https://user:pass@whmcs.test/' })['url']?.value,
      'https://whmcs.test/',
    );
  });
});

describe('the secrets that a form shows', () => {
  const config = { secretsFrom: 'environment', identifierVar: 'ID', accessKeyVar: 'KEY' };

  it('are told as set or not, and no more', () => {
    assert.deepEqual(shownSecrets(secrets, config, { ID: 'hush', KEY: ' ' }), {
      identifier: { variable: 'ID', set: true, needed: true },
      accessKey: { variable: 'KEY', set: false, needed: false },
    });
  });

  it('are not needed while the setting that they hang on has another value', () => {
    const hanging = { url: secretWhen('engine', 'redis', 'urlVar') };
    const needed = (engine: string): boolean | undefined =>
      shownSecrets(hanging, { urlVar: 'REDIS_URL' }, {}, { engine })['url']?.needed;
    assert.deepEqual([needed('redis'), needed('embedded')], [true, false]);
  });

  it('are not looked up while they are stored in the node', () => {
    assert.deepEqual(shownSecrets(secrets, { ...config, secretsFrom: 'stored' }, { ID: 'hush' }), {});
  });
});

describe('the test of a connection', () => {
  const seen: unknown[] = [];
  const noting: ConnectionTest = (form) => Promise.resolve((seen.push(form), good));
  beforeEach(() => void seen.splice(0));

  it('gets what the form holds, with variables replaced and stored secrets filled in', async () => {
    withVariables({ WHMCS_URL: 'https://whmcs.test', OTHER: 'from a variable' });
    const red = nodeRed({ testWhmcs: noting }, { credentials: { identifier: 'stored one', secret: 'stored two' } });
    await red.test(
      'whmcs-connection',
      { url: '${WHMCS_URL}', adminUrl: '${UNSET_HERE}', readTimeout: 30 },
      { identifier: '__PWRD__', secret: 'typed now', accessKey: '${OTHER}', gone: '__PWRD__' },
    );
    assert.deepEqual(seen, [
      {
        config: { url: 'https://whmcs.test', adminUrl: '${UNSET_HERE}', readTimeout: 30 },
        credentials: { identifier: 'stored one', secret: 'typed now', accessKey: 'from a variable' },
      },
    ]);
  });

  it('answers by itself where a setting or a secret is missing', async () => {
    const test = connectionTest(settings, secrets, () => assert.fail('must not run'), {});
    const answer = await test({ config: { identifierVar: 'ID' }, credentials: {} }, new AbortController().signal);
    assert.equal(answer.ok, false);
    assert.equal(answer.code, 'SETTING_MISSING');
    assert.match(answer.message, /^url /);
    assert.deepEqual(answer.details, ['identifier is not set: set the variable ID.']);
  });

  it('gets its settings and secrets read', async () => {
    const test = connectionTest(
      settings,
      secrets,
      (values, hidden) => Promise.resolve({ ...good, message: `${values.url} ${hidden.identifier}` }),
      { ID: 'me' },
    );
    const answer = await test(
      { config: { url: 'https://w', identifierVar: 'ID' }, credentials: {} },
      new AbortController().signal,
    );
    assert.equal(answer.message, 'https://w me');
  });

  it('ends after 10 s, aborts what it began, and leaves no timer', async () => {
    const clock = new FakeClock();
    let aborted = false;
    const hangs: ConnectionTest = (_form, signal) =>
      new Promise(() => signal.addEventListener('abort', () => (aborted = true)));
    const answer = runTest(hangs, { config: {}, credentials: {} }, clock);
    await clock.advance(testLimitMs - 1);
    assert.equal(aborted, false);
    await clock.advance(1);
    assert.deepEqual(await answer, { ok: false, code: 'ETIMEOUT', message: 'No answer within 10 s.', details: [] });
    assert.equal(aborted, true);
    assert.equal(clock.pending, 0);
  });

  it('leaves no timer when it ends in time', async () => {
    const clock = new FakeClock();
    assert.deepEqual(await runTest(() => Promise.resolve(good), { config: {}, credentials: {} }, clock), good);
    assert.equal(clock.pending, 0);
  });

  it('turns whatever is thrown into an answer', async () => {
    const thrown = Object.assign(new Error('invalid_grant: user hasn’t approved'), { code: 'invalid_grant' });
    const answer = async (test: ConnectionTest): Promise<TestAnswer> =>
      runTest(test, { config: {}, credentials: {} }, new FakeClock());
    assert.deepEqual(await answer(() => Promise.reject(thrown)), {
      ok: false,
      code: 'invalid_grant',
      message: thrown.message,
      details: [],
    });
    assert.equal(
      (
        await answer(() => {
          throw new Error('at once');
        })
      ).message,
      'at once',
    );
    assert.equal((await answer(() => Promise.reject('text' as unknown as Error))).message, 'text');
  });

  it('is aborted when the form is gone', async () => {
    let signal: AbortSignal | undefined;
    const red = nodeRed({ testWhmcs: (_form, given) => new Promise(() => void (signal = given)) });
    const answer = red.test('whmcs-connection', {});
    await new Promise(setImmediate);
    assert.equal(signal?.aborted, false);
    red.hangUp();
    assert.equal(signal?.aborted, true);
    await answer;
  });

  it('never echoes a secret, whatever the vendor said', async () => {
    withVariables({ WHMCS_ID: 'identifier-of-env' });
    const echo: ConnectionTest = ({ credentials }) =>
      Promise.resolve({
        ok: false,
        code: `x ${credentials['secret']}`,
        message: 'identifier-of-env was refused',
        details: [`secret ${credentials['secret']}`],
      });
    const red = nodeRed(
      {
        testWhmcs: echo,
        secrets: { 'whmcs-connection': { identifier: secret('identifierVar'), secret: secret('secretVar') } },
      },
      { credentials: { secret: 'stored-secret' } },
    );
    const { body } = await red.test('whmcs-connection', { identifierVar: 'WHMCS_ID' }, { secret: '__PWRD__' });
    assert.deepEqual(body, { ok: false, code: 'x ***', message: '*** was refused', details: ['secret ***'] });
  });

  it('strikes out the longer of two secrets whole, and nothing so short that it would blot the text', () => {
    const answer = { ...good, message: 'abcdef abcd ab' };
    assert.equal(
      withoutSecrets(answer, { config: {}, credentials: { a: 'abcd', b: 'abcdef\n', c: 'ab' } }, {}, {}).message,
      '*** *** ab',
    );
  });
});
