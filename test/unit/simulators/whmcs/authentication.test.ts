import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { demoCredentials } from '../../../../simulators/whmcs/authentication';
import { apiCredentials, Caller, form, type Fields } from './start';

describe('who may call', () => {
  let caller: Caller;
  beforeEach(async () => {
    caller = await Caller.start();
  });
  afterEach(() => caller.close());

  const send = async (fields: Fields, query?: string): Promise<[number, string]> => {
    const heard = await caller.raw(form({ action: 'WhmcsDetails', responsetype: 'json', ...fields }), {
      ...(query === undefined ? {} : { query }),
    });
    const body = heard.json();
    return [heard.status, String(body['message'] ?? body['result'])];
  };
  const login = { username: demoCredentials.username };
  const md5 = (text: string): string => createHash('md5').update(text).digest('hex');

  it('takes the credentials as identifier and secret, and as username and password', async () => {
    assert.deepEqual(await send(apiCredentials), [200, 'success']);
    const { identifier, secret } = apiCredentials;
    assert.deepEqual(await send({ username: identifier, password: secret }), [200, 'success']);
  });

  it('takes the old login with an MD5 password', async () => {
    assert.deepEqual(await send({ ...login, password: md5(demoCredentials.password) }), [200, 'success']);
    assert.deepEqual(await send({ ...login, password: demoCredentials.password }), [403, 'Invalid password provided']);
  });

  it('refuses wrong, missing and revoked credentials', async () => {
    assert.deepEqual(await send({ ...apiCredentials, secret: 'x' }), [403, 'Authentication Failed']);
    assert.deepEqual(await send({ ...apiCredentials, identifier: 'x' }), [403, 'Authentication Failed']);
    assert.deepEqual(await send({}), [403, 'Invalid or missing credentials']);
    caller.panel.switches({ credentialRevoked: true });
    assert.deepEqual(await send(apiCredentials), [403, 'Authentication Failed']);
  });

  it('refuses an address that is not listed, before it looks at the credentials', async () => {
    caller.panel.switches({ allowedIps: ['198.51.100.7'], seenAs: ['::1'] });
    assert.deepEqual(await send({ ...apiCredentials, secret: 'x' }), [403, 'Invalid IP ::1']);
    caller.panel.switches({ seenAs: [] });
    assert.deepEqual(await send(apiCredentials), [403, 'Invalid IP 127.0.0.1']);
    caller.panel.switches({ ipRefusal: 'Forbidden IP', ipRefusalStatus: 400 });
    assert.deepEqual(await send(apiCredentials), [400, 'Forbidden IP 127.0.0.1']);
  });

  it('lets the access key in from anywhere, in the body or the query', async () => {
    caller.panel.switches({ allowedIps: [] });
    const { accessKey } = demoCredentials;
    assert.deepEqual(await send({ ...apiCredentials, accesskey: accessKey }), [200, 'success']);
    assert.deepEqual(await send(apiCredentials, `?accesskey=${encodeURIComponent(accessKey)}`), [200, 'success']);
    assert.deepEqual(await send({ ...apiCredentials, accesskey: 'guess' }), [403, 'Invalid IP 127.0.0.1']);
  });

  it('sees a caller whose address changes from call to call', async () => {
    caller.panel.switches({ allowedIps: ['198.51.100.7'], seenAs: ['198.51.100.7', '198.51.100.8'] });
    assert.deepEqual(await send(apiCredentials), [200, 'success']);
    assert.deepEqual(await send(apiCredentials), [403, 'Invalid IP 198.51.100.8']);
    assert.deepEqual(await send(apiCredentials), [200, 'success']);
  });

  it('refuses a disabled admin and one without API access', async () => {
    caller.panel.switches({ adminDisabled: true });
    assert.deepEqual(await send(apiCredentials), [403, 'Administrator Account Disabled']);
    caller.panel.switches({ adminDisabled: false, apiAccess: false });
    assert.deepEqual(await send(apiCredentials), [403, 'Access Denied']);
  });

  it('refuses an action that the role lacks, with its name in lower case and quotes as \\u0022', async () => {
    caller.panel.switches({ deniedActions: ['AcceptOrder'] });
    const heard = await caller.hear('AcceptOrder', { orderid: 1 });
    assert.equal(heard.status, 403);
    assert.match(heard.text, /API action \\u0022acceptorder\\u0022 is not allowed/);
    assert.equal(heard.json()['message'], 'Invalid Permissions: API action "acceptorder" is not allowed');
    assert.equal((await caller.call('WhmcsDetails'))['result'], 'success');
  });

  it('refuses no action with 400, and any other method than POST', async () => {
    const heard = await caller.raw(form({ responsetype: 'json' }));
    assert.deepEqual([heard.status, heard.json()['message']], [400, 'Empty action request']);
    const got = await caller.raw('', {
      method: 'GET',
      query: `?${form({ action: 'WhmcsDetails', ...apiCredentials })}`,
    });
    assert.equal(got.status, 400);
    const put = await caller.raw(form({ action: 'WhmcsDetails', ...apiCredentials }), { method: 'PUT' });
    assert.equal(put.status, 400);
  });

  it('says in the words of its version that it has no such action', async () => {
    const words = async (version: '7.2' | '7.7' | '8.5', action: string): Promise<unknown> => {
      caller.panel.switches({ version });
      return (await caller.call(action))['message'];
    };
    assert.equal(await words('7.2', 'NoSuch'), 'Command Not Found');
    assert.equal(await words('7.7', 'GetPayMethods'), 'API Function Not Found');
    assert.equal(await words('8.5', 'NoSuch'), 'The requested API Action could not be found.');
    caller.panel.switches({ unknownActionStatus: 404 });
    assert.equal((await caller.hear('NoSuch')).status, 404);
  });

  it('takes the name of an action in any case', async () => {
    assert.equal((await caller.call('whmcsdetails'))['result'], 'success');
  });

  it('keeps no secret in the request log', async () => {
    await send(apiCredentials);
    await send({ ...apiCredentials, secret: 'another-secret', accesskey: demoCredentials.accessKey });
    const log = JSON.stringify(caller.panel.requests());
    for (const secret of [
      apiCredentials.secret,
      apiCredentials.identifier,
      'another-secret',
      demoCredentials.accessKey,
    ]) {
      assert.ok(!log.includes(secret));
    }
    assert.deepEqual(
      caller.panel.requests().map(({ call, status, outcome }) => [call, status, outcome]),
      [
        ['WhmcsDetails', 200, 'success'],
        ['WhmcsDetails', 403, 'Authentication Failed'],
      ],
    );
  });
});
