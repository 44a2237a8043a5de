import assert from 'node:assert/strict';
import type { SalesforceSimulator } from '../../../../simulators/salesforce/server';
import { BayeuxClient, uuidsOf } from './cometd-client';
import { login, start } from './start';

const channel = '/event/OrderProvisionRequested__e';

describe('salesforce simulator: faults of the Streaming API', () => {
  let sim: SalesforceSimulator;
  let one: BayeuxClient;
  beforeEach(async () => {
    sim = await start();
    const { token } = await login(sim);
    one = new BayeuxClient(sim, token);
  });
  afterEach(async () => {
    one.abort();
    await sim.close();
  });

  const fault = (call: string, what: object, more: object = {}) => sim.panel.fault({ call, do: what, ...more });
  const outcomes = (call: string) => sim.panel.requests(call).map((request) => [request.status, request.outcome]);
  const soon = () => new Promise((resolve) => setTimeout(resolve, 20));

  it('answers one message with any error, advice and ext, and does nothing', async () => {
    const error = '503::Server is too busy. Please try your request again later.';
    fault('/meta/handshake', { kind: 'bayeux', error });
    assert.deepEqual(await one.handshake(), { channel: '/meta/handshake', id: '1', error, successful: false });
    assert.equal(sim.people.counts().openStreams, 0);
    await one.handshake();
    const advice = { reconnect: 'retry', interval: 5000 };
    fault(
      '/meta/subscribe',
      { kind: 'bayeux', error, advice, ext: { why: 'x' } },
      { where: { subscription: channel } },
    );
    assert.equal((await one.subscribe('/event/SeatChangeRequested__e')).successful, true);
    const refused = await one.subscribe(channel);
    assert.deepEqual(
      [refused.error, refused.advice, refused.ext, refused.subscription, refused.successful],
      [error, advice, { why: 'x' }, channel, false],
    );
    assert.equal(sim.panel.ledger('subscribed').length, 1);
    assert.deepEqual(outcomes('/meta/handshake')[0], [200, `fault: ${error}`]);
  });

  it('answers with an error that names neither channel nor id', async () => {
    await one.open(channel);
    fault('/meta/connect', { kind: 'bayeux', error: '401::Request requires authentication', bare: true });
    assert.deepEqual(await one.connect(), [{ error: '401::Request requires authentication', successful: false }]);
  });

  it('drops a client in answer to the message it strikes, with the variant it names', async () => {
    for (const advice of ['handshake', 'none'] as const) {
      await one.open(channel);
      fault('/meta/connect', { kind: 'dropClient', advice });
      const [reply] = await one.connect();
      assert.deepEqual([reply?.error, reply?.advice?.reconnect], ['403::Unknown client', advice]);
      assert.equal(sim.people.counts().openStreams, 0);
    }
    sim.panel.switches({ unknownClientAdvice: 'disconnectThenNone' });
    await one.open(channel);
    fault('/meta/subscribe', { kind: 'dropClient' });
    const replies = await one.send({ channel: '/meta/subscribe', subscription: channel });
    assert.deepEqual(
      replies.map((reply) => reply.channel),
      ['/meta/disconnect', '/meta/subscribe'],
    );
  });

  it('strikes single messages of a call that holds several', async () => {
    await one.handshake();
    fault('/meta/connect', { kind: 'bayeux', error: '503::Server is too busy' });
    const { replies } = await one.post([
      one.message({ channel: '/meta/subscribe', subscription: channel }),
      one.message({ channel: '/meta/connect', connectionType: 'long-polling' }),
    ]);
    assert.deepEqual(
      replies.map((reply) => reply.successful),
      [true, false],
    );
  });

  it('puts a page for people before the API, refuses, resets, and answers with any status', async () => {
    await one.open(channel);
    fault('/meta/connect', { kind: 'html', page: 'maintenance' });
    const connect = () => one.post([one.message({ channel: '/meta/connect', connectionType: 'long-polling' })]);
    const page = await connect();
    assert.equal(page.status, 503);
    assert.match(page.text, /^<!DOCTYPE html>/);
    fault('/meta/connect', { kind: 'status', status: 401 });
    const empty = await connect();
    assert.deepEqual([empty.status, empty.text], [401, '']);
    for (const kind of ['refuse', 'reset', 'commitThenDrop']) {
      fault('/meta/connect', { kind }, {});
      sim.people.publish({});
      await assert.rejects(connect(), kind);
    }
    fault('/meta/connect', { kind: 'error', status: 403, errorCode: 'API_DISABLED_FOR_ORG' });
    assert.equal((await connect()).status, 403);
    assert.deepEqual(
      sim.panel.faults().map((listed) => listed.hits),
      [1, 1, 1, 1, 1, 1],
    );
    // What was done and not told is lost to the client, as over any long poll: only a replay brings it back.
    assert.equal(sim.people.counts().deliveries, 3);
  });

  it('delays by the virtual clock, hangs, and cuts an answer short', async () => {
    await one.open(channel);
    const [uuid] = sim.people.publish({}).uuids;
    fault('/meta/connect', { kind: 'delay', ms: 60_000 });
    let over = false;
    const late = one.connect().finally(() => (over = true));
    await soon();
    assert.equal(over, false);
    sim.panel.advance(60_000);
    assert.deepEqual(uuidsOf(await late), [uuid]);
    fault('/meta/connect', { kind: 'cut', bytes: 5 });
    sim.people.publish({});
    await assert.rejects(one.connect());
    fault('/meta/connect', { kind: 'hang' });
    const never = one.connect().finally(() => (over = true));
    never.catch(() => undefined);
    over = false;
    await soon();
    sim.panel.advance(110_000);
    await soon();
    assert.equal(over, false);
  });

  it('keeps faults of Bayeux to the Streaming API, and those of gRPC away from it', async () => {
    fault('token', { kind: 'bayeux', error: 'x' });
    const answer = await fetch(`${sim.url}/services/oauth2/token`, { method: 'POST' });
    assert.deepEqual([answer.status, await answer.text()], [500, 'the fault bayeux is for another API']);
    fault('/meta/handshake', { kind: 'grpc', code: 14 });
    assert.equal((await one.post([{ channel: '/meta/handshake' }])).status, 500);
    assert.throws(() => fault('/meta/hello', { kind: 'hang' }), /no call is named/);
  });
});
