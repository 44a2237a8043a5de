import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import type { SalesforceSimulator } from '../../../../simulators/salesforce/server';
import { certificateOf } from '../../../../simulators/salesforce/certificate';
import {
  askToken,
  assertion,
  grantType,
  jsforceConnection,
  keys,
  login,
  rest,
  start,
  username,
  type Claims,
} from './start';

describe('salesforce simulator: logins', () => {
  let sim: SalesforceSimulator;
  beforeEach(async () => {
    sim = await start();
  });
  afterEach(() => sim.close());

  const ask = async (claims: Claims = {}) =>
    askToken(sim, { grant_type: grantType, assertion: await assertion(claims) });

  it('gives jsforce a session by JWT, and names the user', async () => {
    const connection = await jsforceConnection(sim);
    assert.equal(connection.instanceUrl, sim.url);
    assert.equal(connection.userInfo?.organizationId, '00DQl000000xYzWMAU');
    assert.match(connection.userInfo?.id ?? '', /^005/);
    assert.match(connection.accessToken ?? '', /^00DQl000000xYzW!/);
    const identity = await connection.identity();
    assert.equal(identity.username, username);
  });

  it('answers a token with the five members and nothing else', async () => {
    const { status, body, headers } = await ask();
    assert.equal(status, 200);
    assert.deepEqual(Object.keys(body), ['access_token', 'scope', 'instance_url', 'id', 'token_type']);
    assert.equal(headers.get('cache-control'), 'no-store');
  });

  const stranger = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey;
  const refusals: [why: string, error: string, description: string, make: () => Promise<Record<string, string>>][] = [
    [
      'a misspelt grant type',
      'unsupported_grant_type',
      'grant type not supported',
      async () => ({ grant_type: 'jwt', assertion: await assertion() }),
    ],
    ['no assertion', 'invalid_request', 'assertion is required', () => Promise.resolve({ grant_type: grantType })],
    [
      'text that is no JWT',
      'invalid_grant',
      'invalid assertion',
      () => Promise.resolve({ grant_type: grantType, assertion: 'a.b' }),
    ],
    [
      'a foreign key',
      'invalid_grant',
      'invalid assertion',
      async () => ({ grant_type: grantType, assertion: await assertion({}, stranger) }),
    ],
    [
      'another algorithm',
      'invalid_grant',
      'invalid assertion',
      async () => ({ grant_type: grantType, assertion: await assertion({}, undefined, 'RS512') }),
    ],
    [
      'an unknown consumer key',
      'invalid_client_id',
      'client identifier invalid',
      async () => ({ grant_type: grantType, assertion: await assertion({ iss: 'other' }) }),
    ],
    [
      'another audience',
      'invalid_grant',
      'audience is invalid',
      async () => ({ grant_type: grantType, assertion: await assertion({ aud: sim.url }) }),
    ],
    [
      'a slash behind the audience',
      'invalid_grant',
      'audience is invalid',
      async () => ({ grant_type: grantType, assertion: await assertion({ aud: 'https://login.salesforce.com/' }) }),
    ],
    [
      'an expired assertion',
      'invalid_grant',
      'expired authorization code',
      async () => ({ grant_type: grantType, assertion: await assertion({ expiresIn: -181 }) }),
    ],
    [
      'exp in milliseconds',
      'invalid_grant',
      'invalid assertion',
      async () => ({ grant_type: grantType, assertion: await assertion({ expiresIn: Date.now() }) }),
    ],
    [
      'an unknown user',
      'invalid_grant',
      "user hasn't approved this consumer",
      async () => ({ grant_type: grantType, assertion: await assertion({ sub: 'who@acme.example' }) }),
    ],
  ];
  for (const [why, error, description, make] of refusals) {
    it(`refuses ${why}`, async () => {
      const { status, body, headers } = await askToken(sim, await make());
      assert.deepEqual([status, body], [400, { error, error_description: description }]);
      assert.equal(headers.get('cache-control'), 'no-store');
    });
  }

  it('takes an assertion a little past its time, and one up to ten minutes ahead', async () => {
    assert.equal((await ask({ expiresIn: -170 })).status, 200);
    assert.equal((await ask({ expiresIn: 590 })).status, 200);
  });

  it('goes by the wall clock too when its own has jumped ahead, unless told not to', async () => {
    sim.panel.advance(73 * 3_600_000);
    assert.equal((await ask()).status, 200);
    sim.panel.switches({ expClock: 'virtual' });
    assert.equal((await ask()).body.error_description, 'expired authorization code');
    assert.equal((await ask({ expiresIn: 73 * 3600 + 180 })).status, 200);
  });

  const states: [patch: object, error: string, description: string][] = [
    [{ approvedUsers: [] }, 'invalid_grant', "user hasn't approved this consumer"],
    [{ unapprovedByAdmin: [username] }, 'invalid_app_access', 'user is not admin approved to access this app'],
    [{ userState: 'inactive' }, 'invalid_grant', 'inactive user'],
    [{ userState: 'locked' }, 'invalid_grant', 'user is locked'],
    [{ userState: 'ipRestricted' }, 'invalid_grant', 'ip restricted'],
    [{ userState: 'authenticationFailure' }, 'invalid_grant', 'authentication failure'],
    [{ appState: 'notInstalled' }, 'app_not_found', 'External client app is not installed in this org'],
    [{ appState: 'tooYoung' }, 'invalid_client_id', 'client identifier invalid'],
    [{ orgState: 'inactive' }, 'inactive_org', 'organization is inactive'],
    [{ loginsPerHour: 0 }, 'rate_limit_exceeded', 'login rate exceeded'],
  ];
  for (const [patch, error, description] of states) {
    it(`refuses a login under ${JSON.stringify(patch)}`, async () => {
      sim.panel.switches(patch);
      assert.deepEqual((await ask()).body, { error, error_description: description });
    });
  }

  it('takes a certificate for the public key', async () => {
    const signer = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey;
    const other = await start({ publicKeyPem: certificateOf(keys.publicKey, signer) });
    const { status } = await askToken(other, { grant_type: grantType, assertion: await assertion() });
    await other.close();
    assert.equal(status, 200);
  });

  it('counts logins by user, and says of each how it ended', async () => {
    await ask();
    await ask({ aud: 'https://test.salesforce.com' });
    const outcomes = sim.panel.ledger('login').map((entry) => [entry.user, entry.outcome]);
    assert.deepEqual(outcomes, [
      [username, 'success'],
      [username, 'invalid_grant: audience is invalid'],
    ]);
    assert.deepEqual(sim.people.counts().logins, { [username]: 2 });
  });

  it('lets a session lapse after two hours without a call', async () => {
    const { token } = await login(sim);
    sim.panel.advance(2 * 3_600_000 - 1000);
    assert.equal((await rest(sim, token, '/limits')).status, 200);
    sim.panel.advance(3_600_000);
    assert.equal((await rest(sim, token, '/limits')).status, 200);
    sim.panel.advance(2 * 3_600_000 + 1000);
    const answer = await rest(sim, token, '/limits');
    assert.equal(answer.status, 401);
    assert.equal(answer.text, '[{"message":"Session expired or invalid","errorCode":"INVALID_SESSION_ID"}]');
  });

  it('revokes a token', async () => {
    const { token } = await login(sim);
    const revoke = () =>
      fetch(`${sim.url}/services/oauth2/revoke`, { method: 'POST', body: new URLSearchParams({ token }) });
    assert.equal((await revoke()).status, 200);
    assert.equal((await rest(sim, token, '/limits')).status, 401);
    assert.equal((await revoke()).status, 400);
  });

  it('tells who a token is, and answers 403 in plain text to a bad one', async () => {
    const { token } = await login(sim);
    const userinfo = (bearer: string) =>
      fetch(`${sim.url}/services/oauth2/userinfo`, { headers: { authorization: `Bearer ${bearer}` } });
    const good = (await (await userinfo(token)).json()) as Record<string, string>;
    assert.equal(good.preferred_username, username);
    assert.equal(good.organization_id, '00DQl000000xYzWMAU');
    const bad = await userinfo('00D!no');
    assert.deepEqual([bad.status, await bad.text()], [403, 'Bad_OAuth_Token']);
  });

  it('refuses a good token on a host that its answer did not name', async () => {
    const other = sim.url.replace('127.0.0.1', 'localhost');
    sim.panel.switches({ instanceUrl: other, tokensBoundToInstance: true });
    const { token, instanceUrl } = await login(sim);
    assert.equal(instanceUrl, other);
    assert.equal((await rest(sim, token, '/limits')).status, 401);
    const there = await fetch(`${other}/services/data/v68.0/limits`, { headers: { authorization: `Bearer ${token}` } });
    assert.equal(there.status, 200);
  });

  it('keeps tokens and assertions out of what it records', async () => {
    const { token } = await login(sim);
    await rest(sim, token, '/limits');
    const recorded = JSON.stringify([sim.panel.requests(), sim.panel.ledger()]);
    assert.ok(!recorded.includes(token.slice(16)));
    assert.deepEqual(
      sim.panel.requests().map((request) => [request.call, request.auth]),
      [
        ['token', 'none'],
        ['limits', 'token 1'],
      ],
    );
  });
});
