import assert from 'node:assert/strict';
import type { SalesforceSimulator } from '../../../../simulators/salesforce/server';
import { PubSubClient, type Stream } from './pubsub-client';
import { askToken, assertion, errorOf, grantType, login, rest, start } from './start';

const channel = '/event/OrderProvisionRequested__e';

describe('salesforce simulator: faults', () => {
  let sim: SalesforceSimulator;
  let token: string;
  let good: string;
  let client: PubSubClient;
  beforeEach(async () => {
    sim = await start();
    ({ token } = await login(sim));
    good = sim.people.stories().good ?? '';
    client = new PubSubClient(sim.pubsub, { token, instanceUrl: sim.url });
  });
  afterEach(async () => {
    client.close();
    await sim.close();
  });

  const patch = (body: unknown = { WHMCS_Order_ID__c: '77' }) =>
    rest(sim, token, `/sobjects/Order/${good}`, { method: 'PATCH', body });
  const written = () => sim.people.order(good).WHMCS_Order_ID__c;
  const outcomes = (call: string) => sim.panel.requests(call).map((request) => [request.status, request.outcome]);

  it('locks a row as often as told, then lets the write through', async () => {
    sim.panel.fault({
      call: 'patch',
      where: { id: good },
      times: 2,
      do: { kind: 'error', errorCode: 'UNABLE_TO_LOCK_ROW', message: 'unable to obtain exclusive access', fields: [] },
    });
    for (let n = 0; n < 2; n += 1) {
      const answer = await patch();
      assert.equal(answer.status, 400);
      assert.deepEqual(errorOf(answer), {
        message: 'unable to obtain exclusive access',
        errorCode: 'UNABLE_TO_LOCK_ROW',
        fields: [],
      });
    }
    assert.equal(written(), null);
    assert.equal((await patch()).status, 204);
    assert.equal(written(), '77');
    assert.deepEqual(outcomes('patch'), [
      [400, 'fault: UNABLE_TO_LOCK_ROW'],
      [400, 'fault: UNABLE_TO_LOCK_ROW'],
      [204, 'success'],
    ]);
  });

  it('applies a patch and loses the answer', async () => {
    sim.panel.fault({ call: 'patch', do: { kind: 'commitThenDrop' } });
    await assert.rejects(patch());
    assert.equal(written(), '77');
  });

  it('resets a patch before anything is done', async () => {
    sim.panel.fault({ call: 'patch', do: { kind: 'reset' } });
    await assert.rejects(patch());
    assert.equal(written(), null);
  });

  it('applies a patch late, by the virtual clock', async () => {
    sim.panel.fault({ call: 'patch', do: { kind: 'commitLate', ms: 60_000 } });
    await assert.rejects(patch());
    assert.equal(written(), null);
    sim.panel.advance(60_000);
    await new Promise(setImmediate);
    assert.equal(written(), '77');
  });

  it('answers any pair of a login error, and any page instead of a token', async () => {
    const ask = async () => askToken(sim, { grant_type: grantType, assertion: await assertion() });
    sim.panel.fault({
      call: 'token',
      do: { kind: 'oauth', error: 'inactive_org', description: 'organization locked' },
    });
    const refused = await ask();
    assert.deepEqual(
      [refused.status, refused.body],
      [400, { error: 'inactive_org', error_description: 'organization locked' }],
    );
    sim.panel.fault({ call: 'token', do: { kind: 'html', page: 'maintenance' } });
    await assert.rejects(ask(), SyntaxError);
    assert.equal((await ask()).status, 200);
    assert.deepEqual(
      outcomes('token')
        .slice(1)
        .map(([status]) => status),
      [400, 503, 200],
    );
    assert.equal(sim.panel.ledger('login').length, 2);
  });

  it('matches queries, publishes and collections by name', async () => {
    const fault = {
      kind: 'error',
      status: 403,
      errorCode: 'REQUEST_LIMIT_EXCEEDED',
      message: 'TotalRequests Limit exceeded.',
    };
    for (const call of ['query', 'publish', 'collections', 'get']) sim.panel.fault({ call, do: fault });
    const answers = await Promise.all([
      rest(sim, token, '/query?q=SELECT+Id+FROM+Order'),
      rest(sim, token, '/sobjects/OrderProvisionRequested__e', { method: 'POST', body: {} }),
      rest(sim, token, '/composite/sobjects', { method: 'PATCH', body: {} }),
      rest(sim, token, `/sobjects/Order/${good}`),
    ]);
    assert.deepEqual(
      answers.map((answer) => answer.status),
      [403, 403, 403, 403],
    );
    assert.ok(sim.panel.faults().every((one) => one.hits === 1));
    assert.equal(sim.panel.ledger('published').length, 0);
  });

  it('refuses a token that is fresh, on and on', async () => {
    sim.panel.switches({ refuseEverySession: true });
    const fresh = await login(sim);
    assert.equal((await rest(sim, fresh.token, '/limits')).status, 401);
  });

  const subscribe = (): Stream => client.subscribe({ topic_name: channel, replay_preset: 'LATEST', num_requested: 5 });
  const open = async (): Promise<Stream> => {
    const before = sim.panel.ledger('subscribed').length;
    const stream = subscribe();
    while (sim.panel.ledger('subscribed').length === before) await new Promise(setImmediate);
    return stream;
  };
  const publish = (times = 1): string[] => sim.people.publish({ times }).uuids;

  it('ends a Subscribe with any status and error code', async () => {
    const errorCode = 'sfdc.platform.eventbus.grpc.service.unavailable';
    sim.panel.fault({
      call: 'Subscribe',
      where: { topic: channel },
      do: { kind: 'grpc', code: 13, errorCode, details: 'The service is unavailable.' },
    });
    const end = await subscribe().end();
    assert.deepEqual([end.code, end.errorCode], [13, errorCode]);
    assert.match(end.details, /^The service is unavailable\. rpcId: /);
    const next = await open();
    assert.equal(next.ended, null);
  });

  it('fails, delays and hangs unary calls', async () => {
    sim.panel.fault({ call: 'GetSchema', do: { kind: 'grpc', code: 14 } });
    await assert.rejects(client.getSchema('x'), { code: 14 });
    sim.panel.fault({ call: 'GetTopic', do: { kind: 'delay', ms: 60_000 } });
    let answered = false;
    const slow = client.getTopic(channel).then(() => (answered = true));
    while (sim.panel.faults().at(-1)?.hits === 0) await new Promise(setImmediate);
    assert.equal(answered, false);
    sim.panel.advance(60_000);
    assert.equal(await slow, true);
    sim.panel.fault({ call: 'GetTopic', do: { kind: 'hang' } });
    const hung = client.getTopic(channel);
    while (sim.panel.faults().at(-1)?.hits === 0) await new Promise(setImmediate);
    assert.deepEqual(outcomes('GetTopic').at(-1), [4, 'fault: hang']);
    client.close();
    await sim.close();
    await assert.rejects(hung);
  });

  it('reads as UNAVAILABLE over gRPC while everything answers 503', async () => {
    sim.panel.fault({ call: '*', times: 0, do: { kind: 'html', page: 'maintenance' } });
    assert.equal((await subscribe().end()).code, 14);
    await assert.rejects(client.getTopic(channel), { code: 14 });
    assert.equal((await rest(sim, token, '/limits')).status, 503);
    sim.panel.clearFaults();
    assert.equal((await client.getTopic(channel)).topic_name, channel);
  });

  it('publishes and loses the answer', async () => {
    const { schema_id } = await client.getTopic(channel);
    sim.panel.fault({ call: 'Publish', do: { kind: 'commitThenDrop' } });
    const payload = Buffer.from([0x02, 0x06, 0x30, 0x30, 0x35, 0x00, 0x00]);
    await assert.rejects(client.publish({ topic_name: channel, events: [{ id: 'mine', schema_id, payload }] }), {
      code: 14,
    });
    assert.equal(sim.panel.ledger('published')[0]?.uuid, 'mine');
  });

  it('ends all streams at once, plainly or with a status', async () => {
    const first = await open();
    sim.people.act('endStreams', { code: 0 });
    assert.equal((await first.end()).code, 0);
    const second = await open();
    sim.people.act('endStreams', {});
    assert.equal((await second.end()).code, 14);
  });

  it('resets the connections of streams', async () => {
    const stream = await open();
    sim.people.act('resetConnections');
    assert.equal((await stream.end()).code, 14);
    while (sim.people.counts().openStreams !== 0) await new Promise(setImmediate);
    const again = await open();
    const uuids = publish();
    assert.deepEqual(await again.events(1), uuids);
  });

  it('falls silent on an open stream, while a new one works', async () => {
    const old = await open();
    sim.people.act('silence');
    const fresh = await open();
    const uuids = publish(2);
    assert.deepEqual(await fresh.events(2), uuids);
    sim.panel.advance(10 * 60_000);
    await fresh.received(3);
    assert.deepEqual([old.responses.length, old.ended], [0, null]);
    sim.people.act('silence', { on: false });
    assert.deepEqual(await old.events(2), uuids);
  });

  it('keeps new streams silent too when told so', async () => {
    sim.people.act('silence', { newStreams: true });
    const stream = subscribe();
    while (sim.people.counts().openStreams !== 1) await new Promise(setImmediate);
    publish();
    await client.getTopic(channel);
    assert.deepEqual([stream.responses.length, stream.ended], [0, null]);
  });

  it('refuses a fault for a call it does not know', () => {
    assert.throws(() => sim.panel.fault({ call: 'query', do: { kind: 'oauth' } }), /oauth/);
    assert.throws(() => sim.panel.fault({ call: 'AddOrder', do: { kind: 'reset' } }), /no call is named "AddOrder"/);
  });
});
