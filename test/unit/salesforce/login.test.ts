import assert from 'node:assert/strict';
import { FakeClock } from '../../fake-clock';
import type { SalesforceSimulator } from '../../../simulators/salesforce/server';
import { defaultFieldNames, SalesforceError } from '../../../lib/salesforce/contract';
import { connect, consumerKey, privateKeyPem, refusal, serve, startOrg, username } from './org';

const minute = 60_000;

describe('The login', () => {
  let org: SalesforceSimulator;
  before(async () => (org = await startOrg()));
  after(() => org.close());
  // Our clock runs ahead of the org's in these tests.
  beforeEach(() => void org.panel.switches({ expFutureSeconds: 1_000_000 }));
  afterEach(() => org.panel.reset());

  const logins = (): unknown[] => org.panel.ledger('login');

  it('happens once for five parallel reads, and not before the first', async () => {
    const { salesforce } = connect(org.url);
    assert.equal(salesforce.userId, null);
    assert.deepEqual(salesforce.health(), { auth: 'never', error: null, lastOkAt: null });
    assert.equal(logins().length, 0);
    const id = org.people.stories()['good'] ?? '';
    const orders = await Promise.all([1, 2, 3, 4, 5].map(() => salesforce.readOrder(id, defaultFieldNames)));
    assert.ok(orders.every((order) => order?.id === id));
    assert.equal(logins().length, 1);
    assert.match(salesforce.userId ?? '', /^005\w{15}$/);
    assert.equal(salesforce.health().auth, 'ok');
    assert.equal(salesforce.key, `${new URL(org.url).host} ${username}`);
    salesforce.close();
  });

  it('sends an assertion signed for the audience, three minutes from the wall clock', async () => {
    const server = await serve((_request, response) => void response.writeHead(503).end());
    const clock = new FakeClock(Date.now());
    const { salesforce } = connect(server.url, { clock, audience: undefined });
    await refusal(salesforce.auth.token());
    const form = new URLSearchParams(server.bodies[0]);
    assert.equal(form.get('grant_type'), 'urn:ietf:params:oauth:grant-type:jwt-bearer');
    assert.deepEqual([...form.keys()].sort(), ['assertion', 'grant_type']);
    const [header = '', claims = ''] = (form.get('assertion') ?? '').split('.');
    const decoded = (part: string): unknown => JSON.parse(Buffer.from(part, 'base64url').toString());
    assert.deepEqual(decoded(header), { alg: 'RS256', typ: 'JWT' });
    assert.deepEqual(decoded(claims), {
      iss: consumerKey,
      sub: username,
      aud: server.url,
      exp: Math.floor(clock.now() / 1000) + 180,
    });
    salesforce.close();
    await server.close();
  });

  it('is made once more when the token has expired, for all calls together', async () => {
    const { salesforce } = connect(org.url);
    const id = org.people.stories()['good'] ?? '';
    await salesforce.readOrder(id, defaultFieldNames);
    org.people.act('expireAll');
    await Promise.all([1, 2, 3, 4, 5].map(() => salesforce.readOrder(id, defaultFieldNames)));
    assert.equal(logins().length, 2);
    salesforce.close();
  });

  it('is not repeated without end when fresh tokens are refused: two calls and two logins, then a pause that grows (B34)', async () => {
    const clock = new FakeClock(Date.now());
    const { salesforce, log } = connect(org.url, { clock });
    const id = org.people.stories()['good'] ?? '';
    org.panel.switches({ refuseEverySession: true });
    const read = () => refusal(salesforce.readOrder(id, defaultFieldNames));
    assert.equal((await read()).code, 'INVALID_SESSION_ID');
    assert.equal(org.panel.requests('query').length, 2);
    assert.equal(logins().length, 2);
    // Again and again within the pause: not one call.
    for (let n = 0; n < 20; n++) assert.equal((await read()).kind, 'auth');
    assert.equal(org.panel.requests('query').length, 2);
    assert.equal(logins().length, 2);
    assert.equal(salesforce.health().auth, 'failed');
    // An hour of tries, one each 10 s.
    for (let n = 0; n < 360; n++) {
      await clock.advance(10_000);
      await read();
    }
    assert.ok(logins().length <= 12, `${logins().length} logins in an hour`);
    assert.ok(log.of('error').length <= 12);
    org.panel.switches({ refuseEverySession: false });
    await clock.advance(10 * minute);
    assert.equal((await salesforce.readOrder(id, defaultFieldNames))?.id, id);
    assert.equal(salesforce.health().auth, 'ok');
    salesforce.close();
  });

  it('that is refused is not repeated for half a minute, then ever more rarely, and recovers', async () => {
    const clock = new FakeClock(Date.now());
    const { salesforce } = connect(org.url, { clock });
    org.panel.switches({ approvedUsers: [] });
    const error = await refusal(salesforce.auth.token());
    assert.equal(error.code, 'invalid_grant');
    assert.equal(error.kind, 'auth');
    assert.match(error.message, /hasn't approved this consumer\. Approve the app for the run-as user/);
    await clock.advance(29_000);
    assert.equal((await refusal(salesforce.auth.token())).message, error.message);
    assert.equal(logins().length, 1);
    for (let n = 0; n < 60; n++) {
      await clock.advance(minute);
      await refusal(salesforce.auth.token());
    }
    assert.ok(logins().length >= 6 && logins().length <= 12, `${logins().length} logins in an hour`);
    org.panel.switches({ approvedUsers: [username] });
    await clock.advance(10 * minute);
    await salesforce.auth.token();
    salesforce.close();
  });

  it('waits ten minutes when the number of logins is used up', async () => {
    const clock = new FakeClock(Date.now());
    const { salesforce } = connect(org.url, { clock });
    org.panel.fault({
      call: 'token',
      times: 0,
      do: { kind: 'oauth', error: 'login_rate_exceeded', description: 'login rate exceeded' },
    });
    const error = await refusal(salesforce.auth.token());
    assert.equal(error.kind, 'limit');
    await clock.advance(9 * minute);
    await refusal(salesforce.auth.token());
    assert.equal(org.panel.requests('token').length, 1);
    salesforce.close();
  });

  const hints: [string, string, RegExp][] = [
    ['invalid_grant', 'audience is invalid', /SF_AUDIENCE/],
    ['invalid_grant', 'invalid assertion', /certificate/],
    ['invalid_grant', 'expired authorization code', /clock right/],
    ['invalid_grant', 'inactive user', /Activate the run-as user/],
    ['invalid_grant', 'user is locked', /Unlock/],
    ['invalid_grant', 'ip restricted', /login IP ranges/],
    ['invalid_grant', 'authentication failure', /login history/],
    ['invalid_app_access', 'user is not admin approved to access this app', /permission set/],
    ['invalid_client_id', 'client identifier invalid', /SF_CLIENT_ID/],
    ['app_not_found', 'External client app is not installed in this org', /Install the External Client App/],
    ['unsupported_grant_type', 'grant type not supported', /grant type not supported\.$/],
  ];
  for (const [error, description, hint] of hints) {
    it(`that ends with ${error}, ${description}, says what to do`, async () => {
      const { salesforce } = connect(org.url);
      org.panel.fault({ call: 'token', do: { kind: 'oauth', error, description } });
      const refused = await refusal(salesforce.auth.token());
      assert.equal(refused.code, error);
      assert.match(refused.message, hint);
      assert.equal(refused.kind, 'auth');
      assert.deepEqual(salesforce.health().error, { code: error, message: refused.message });
      salesforce.close();
    });
  }

  it('answered with 200 and no token is an error, and the next call asks anew (T22)', async () => {
    let answers = 0;
    const server = await serve((_request, response) => {
      answers += 1;
      response.setHeader('content-type', answers === 1 ? 'text/html' : 'application/json');
      const { url } = server;
      const token = {
        access_token: '00D!x',
        instance_url: `${url}/`,
        id: `${url}/id/00DQl000000xYzWMAU/005Ql000000AbCdIAK`,
      };
      response.end(
        answers === 1
          ? '<html>Sign in to the guest network</html>'
          : JSON.stringify(answers === 2 ? { token_type: 'Bearer' } : token),
      );
    });
    const clock = new FakeClock(Date.now());
    const { salesforce, log } = connect(server.url, { clock });
    for (let n = 0; n < 2; n++) {
      const error = await refusal(salesforce.auth.token());
      assert.deepEqual([error.code, error.kind], ['NO_TOKEN', 'temporary']);
      await clock.advance(1_000);
    }
    assert.deepEqual(await salesforce.auth.token(), {
      accessToken: '00D!x',
      instanceUrl: server.url,
      organizationId: '00DQl000000xYzWMAU',
      userId: '005Ql000000AbCdIAK',
    });
    assert.ok(!JSON.stringify(log.lines).includes('guest network'));
    salesforce.close();
    await server.close();
  });

  it('does not trust an instance URL without TLS', async () => {
    const server = await serve((_request, response) => {
      response.setHeader('content-type', 'application/json');
      response.end(JSON.stringify({ access_token: '00D!x', instance_url: 'http://acme.example', id: 'x/00D/005' }));
    });
    const { salesforce } = connect(server.url);
    assert.match((await refusal(salesforce.auth.token())).message, /must begin with https/);
    salesforce.close();
    await server.close();
  });

  it('follows no redirect with its assertion', async () => {
    const other = await serve((_request, response) => void response.end());
    const server = await serve((_request, response) => void response.writeHead(302, { location: other.url }).end());
    const { salesforce } = connect(server.url);
    assert.match((await refusal(salesforce.auth.token())).message, /check that it is a login host/);
    assert.deepEqual(other.calls, []);
    salesforce.close();
    await server.close();
    await other.close();
  });

  it('that is not answered ends at the time-out, and a caller who leaves does not end it for the others', async () => {
    const clock = new FakeClock(Date.now());
    org.panel.fault({ call: 'token', do: { kind: 'hang' } });
    const { salesforce } = connect(org.url, { clock, timeoutMs: 20_000 });
    const leaving = new AbortController();
    const left = assert.rejects(salesforce.auth.token(leaving.signal), /I leave/);
    const stays = refusal(salesforce.auth.token());
    leaving.abort(new Error('I leave'));
    await left;
    await clock.advance(20_000);
    assert.deepEqual([(await stays).code, (await stays).kind], ['ETIMEOUT', 'temporary']);
    assert.equal(clock.pending, 0);
    salesforce.close();
  });

  it('with a key that cannot be used says so, and mends itself when the key does', async () => {
    const clock = new FakeClock(Date.now());
    const privateKey = { pem: 'not a key' };
    const { salesforce, log } = connect(org.url, { clock, privateKey });
    assert.equal((await refusal(salesforce.auth.token())).code, 'KEY_NOT_PEM');
    assert.equal(log.lines.filter((line) => JSON.stringify(line).includes('not a key')).length, 0);
    privateKey.pem = privateKeyPem;
    await clock.advance(minute);
    await salesforce.auth.token();
    salesforce.close();
  });

  it('uses the host that came with the token, and moves when the next one names another (B36)', async () => {
    const moved = await serve((_request, response) => {
      response.setHeader('content-type', 'application/json');
      response.end(JSON.stringify({ totalSize: 0, done: true, records: [] }));
    });
    const { salesforce } = connect(org.url);
    const id = org.people.stories()['good'] ?? '';
    assert.equal((await salesforce.readOrder(id, defaultFieldNames))?.id, id);
    org.people.act('expireAll');
    org.panel.switches({ instanceUrl: moved.url });
    assert.equal(await salesforce.readOrder(id, defaultFieldNames), null);
    assert.deepEqual(moved.calls, ['GET /services/data/v68.0/query']);
    salesforce.close();
    await moved.close();
  });

  it('takes no address without TLS but a loopback one', () => {
    assert.throws(() => connect('http://login.salesforce.com'), /must begin with https/);
    assert.throws(() => connect(org.url, { apiVersion: 'newest' }), /"newest" is no API version/);
  });

  it('is given up when the connection closes, and no timer is left', async () => {
    const clock = new FakeClock(Date.now());
    org.panel.fault({ call: 'token', do: { kind: 'hang' } });
    const { salesforce } = connect(org.url, { clock });
    const read = refusal(salesforce.readOrder('801Ql000001AbCd', defaultFieldNames));
    salesforce.close();
    assert.ok((await read) instanceof SalesforceError);
    await clock.advance(1);
    assert.equal(clock.pending, 0);
  });
});
