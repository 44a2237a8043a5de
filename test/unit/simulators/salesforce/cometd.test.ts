import assert from 'node:assert/strict';
import type { SalesforceSimulator } from '../../../../simulators/salesforce/server';
import { until } from '../../../until';
import { BayeuxClient, eventsOf, uuidsOf, type BayeuxReply } from './cometd-client';
import { login, start } from './start';

const channel = '/event/OrderProvisionRequested__e';
const seats = '/event/SeatChangeRequested__e';
const hour = 3_600_000;

describe('salesforce simulator: Streaming API', () => {
  let sim: SalesforceSimulator;
  let token: string;
  let clients: BayeuxClient[];
  beforeEach(async () => {
    sim = await start();
    ({ token } = await login(sim));
    clients = [];
  });
  afterEach(async () => {
    for (const client of clients) client.abort();
    await sim.close();
  });

  const client = (path?: string, bearer = token): BayeuxClient => {
    const made = new BayeuxClient(sim, bearer, path);
    clients.push(made);
    return made;
  };
  const publish = (times = 1): string[] => sim.people.publish({ fields: { OrderId__c: '801' }, times }).uuids;
  const numbers = (replies: BayeuxReply[]): number[] =>
    eventsOf(replies).map((reply) => reply.data?.event.replayId ?? 0);
  const count = (name: string) => sim.people.counts()[name];
  /** A connect that the server has taken up and holds. @param clients that then wait in all. */
  const held = async (one: BayeuxClient, clients = 1): Promise<{ answer: Promise<BayeuxReply[]>; open(): boolean }> => {
    let open = true;
    const answer = one.connect().finally(() => (open = false));
    answer.catch(() => undefined);
    await until('the connect to be held', () => count('heldConnects') === clients);
    return { answer, open: () => open };
  };

  it('shakes hands, answers the first connect at once with its advice, and subscribes', async () => {
    const one = client();
    const hello = await one.handshake();
    assert.deepEqual(hello, {
      ext: { replay: true, 'payload.format': true },
      minimumVersion: '1.0',
      clientId: one.clientId,
      supportedConnectionTypes: ['long-polling'],
      channel: '/meta/handshake',
      id: '1',
      version: '1.0',
      successful: true,
    });
    assert.deepEqual(await one.connect(), [
      {
        clientId: one.clientId,
        advice: { interval: 0, timeout: 110_000, reconnect: 'retry' },
        channel: '/meta/connect',
        id: '2',
        successful: true,
      },
    ]);
    assert.deepEqual(await one.subscribe(channel, { [channel]: -2 }), {
      clientId: one.clientId,
      channel: '/meta/subscribe',
      id: '3',
      subscription: channel,
      successful: true,
    });
  });

  it('delivers an event with every field, and its number maps one to one to the opaque replay id', async () => {
    const one = await client().open(seats, -2);
    const due = Date.UTC(2026, 0, 5, 9);
    const fields = { OrderId__c: '801', Seats__c: 25, DueAt__c: due };
    const { uuids, replayIds } = sim.people.publish({ channel: seats, fields });
    const [event, connect] = await one.connect();
    const data = event?.data;
    assert.ok(data);
    assert.match(data.schema, /^[\w-]{22}$/);
    assert.match(String(data.payload.CreatedById), /^005/);
    assert.ok(Math.abs(Date.parse(String(data.payload.CreatedDate)) - sim.panel.now()) < 5000);
    assert.match(String(data.payload.CreatedDate), /^\d{4}-.+\.\d{3}Z$/);
    const { CreatedDate: _date, CreatedById: _by, ...rest } = data.payload;
    const dueAt = '2026-01-05T09:00:00.000Z';
    assert.deepEqual(rest, { OrderId__c: '801', Seats__c: 25, DueAt__c: dueAt, Urgent__c: null });
    assert.equal(data.event.EventUuid, uuids[0]);
    const opaque = Buffer.from(replayIds[0] ?? '', 'base64');
    assert.equal(BigInt(data.event.replayId ?? 0), opaque.readBigUInt64BE());
    assert.deepEqual([event.channel, connect?.channel, connect?.successful], [seats, '/meta/connect', true]);
  });

  it('writes doubles with their point and numbers beyond 2^53 with every digit', async () => {
    sim.people.act('resetBus', { from: '9007199254740994' });
    sim.panel.switches({ replayIdGap: 1 });
    const one = await client().open(seats, -2);
    const { replayIds } = sim.people.publish({ channel: seats, fields: { Seats__c: 25 } });
    const connect = one.message({ channel: '/meta/connect', connectionType: 'long-polling' });
    const { text } = await one.post([connect]);
    const place = Buffer.from(replayIds[0] ?? '', 'base64').readBigUInt64BE();
    // Odd, so that no number of JavaScript is the same.
    assert.equal(place, 9007199254740995n);
    assert.match(text, new RegExp(`"replayId":${place},`));
    assert.match(text, /"Seats__c":25\.0,/);
    publish();
    const subscribe = `[{"channel":"/meta/subscribe","clientId":"${one.clientId}","subscription":"${seats}","ext":{"replay":{"${seats}":${place}}}}]`;
    assert.equal((await one.post(subscribe)).replies[0]?.successful, true);
    assert.equal(sim.panel.ledger('subscribed').at(-1)?.replayId, replayIds[0]);
  });

  it('holds a connect until there is an event; events and the reply come in one array', async () => {
    const one = await client().open(channel);
    const { answer, open } = await held(one);
    sim.panel.advance(109_000);
    await new Promise(setImmediate);
    assert.equal(open(), true);
    const uuids = publish(3);
    const replies = await answer;
    assert.deepEqual(uuidsOf(replies), uuids);
    assert.deepEqual(
      replies.map((reply) => reply.channel),
      [channel, channel, channel, '/meta/connect'],
    );
    assert.equal(replies[3]?.advice, undefined);
  });

  it('answers a held connect after 110 s without events, or after what the switch says', async () => {
    const one = await client().open(channel);
    const first = await held(one);
    sim.panel.advance(110_000);
    assert.deepEqual(await first.answer, [
      { clientId: one.clientId, channel: '/meta/connect', id: '4', successful: true },
    ]);
    sim.panel.switches({ connectHoldMs: 5_000 });
    const second = await held(one);
    sim.panel.advance(5_000);
    assert.equal((await second.answer)[0]?.successful, true);
    const other = client();
    await other.handshake();
    sim.panel.switches({ connectPauseMs: 2_000 });
    assert.deepEqual((await other.connect())[0]?.advice, { interval: 2_000, timeout: 5_000, reconnect: 'retry' });
  });

  it('does not hold a connect that comes with other messages, or that asks for no waiting', async () => {
    const one = client();
    await one.handshake();
    await one.connect();
    const connect = { channel: '/meta/connect', connectionType: 'long-polling' };
    const { replies } = await one.post([
      one.message({ channel: '/meta/subscribe', subscription: channel }),
      one.message(connect),
    ]);
    assert.deepEqual(
      replies.map((reply) => [reply.channel, reply.successful]),
      [
        ['/meta/subscribe', true],
        ['/meta/connect', true],
      ],
    );
    assert.equal((await one.connect({ advice: { timeout: 0 } }))[0]?.successful, true);
  });

  it('answers an older connect when a newer one comes', async () => {
    const one = await client().open(channel);
    const older = await held(one);
    const newer = one.connect();
    assert.equal((await older.answer)[0]?.successful, true);
    const uuids = publish();
    assert.deepEqual(uuidsOf(await newer), uuids);
  });

  it('takes one object for an array of one, and nothing that is neither', async () => {
    const one = client();
    const hello = { channel: '/meta/handshake', version: '1.0', supportedConnectionTypes: ['long-polling'] };
    assert.equal((await one.post(hello)).replies[0]?.successful, true);
    for (const body of ['', '[]', 'hello', '[{"id":"1"}]', '{']) {
      const { status, text } = await one.post(body);
      assert.equal(status, 400, body);
      assert.match(text, /^<html>/);
    }
  });

  it('starts new only, at everything retained, or strictly after an id, as a number or as text', async () => {
    const old = publish(3);
    const [all, asText, none] = [client(), client(), client()];
    await all.open(channel, -2);
    await asText.open(channel, '-2');
    await none.open(channel);
    const retained = await all.connect();
    assert.deepEqual(uuidsOf(retained), old);
    assert.deepEqual(uuidsOf(await asText.connect()), old);
    const second = numbers(retained)[1] ?? 0;
    for (const from of [second, String(second)]) {
      const after = await client().open(channel, from);
      assert.deepEqual(uuidsOf(await after.connect()), [old[2]]);
    }
    const newOnly = await client().open(channel, -1);
    const fresh = publish();
    assert.deepEqual(uuidsOf(await none.connect()), fresh);
    assert.deepEqual(uuidsOf(await newOnly.connect()), fresh);
    assert.deepEqual(
      sim.panel.ledger('subscribed').map((entry) => entry.preset),
      ['EARLIEST', 'EARLIEST', 'LATEST', 'CUSTOM', 'CUSTOM', 'LATEST'],
    );
  });

  it('shares its events, ids and retention with Pub/Sub', async () => {
    const { replayIds } = sim.people.publish({ times: 2 });
    const place = Buffer.from(replayIds[0] ?? '', 'base64').readBigUInt64BE();
    const one = await client().open(channel, String(place));
    assert.deepEqual(numbers(await one.connect()).map(BigInt), [
      Buffer.from(replayIds[1] ?? '', 'base64').readBigUInt64BE(),
    ]);
    sim.panel.advance(73 * hour);
    ({ token } = await login(sim));
    const fresh = publish();
    const late = client(undefined, token);
    await late.handshake();
    await late.connect();
    const refused = await late.subscribe(channel, { [channel]: Number(place) });
    assert.equal(
      refused.error,
      `400::The replayId {${place}} you provided was invalid.  Please provide a valid ID, -2 to replay all events, or -1 to replay only new events.`,
    );
    await late.subscribe(channel, { [channel]: -2 });
    assert.deepEqual(uuidsOf(await late.connect()), fresh);
  });

  it('refuses ids that were never given out, and those of before a reset', async () => {
    publish(2);
    const one = await client().open(channel, -2);
    const [first = 0, second = 0] = numbers(await one.connect());
    for (const from of [first - 1, second + 1, -3, 1.5, 'abc', '', null]) {
      const { successful, error } = await one.subscribe(channel, { [channel]: from });
      assert.deepEqual([successful, error?.startsWith(`400::The replayId {${from}} you provided`)], [false, true]);
    }
    sim.people.act('resetBus');
    await one.open(channel, second);
    assert.match(String(sim.panel.requests('/meta/subscribe').at(-1)?.outcome), /^400::The replayId/);
  });

  it('refuses a replay map that lacks the channel, and prints the map', async () => {
    const one = client();
    await one.handshake();
    const { error } = await one.subscribe(channel, { [seats]: -2 });
    assert.equal(
      error,
      `400::The replayId for channel {${channel}} wasn't found using the provided replay ID map {{${seats}=-2}}. Ensure that the channel name you provided in the replay map is valid and matches the channel name used for subscribing.`,
    );
  });

  it('refuses channels that are none, and users without permission', async () => {
    const one = client();
    await one.handshake();
    const error = async (subscription: string) => (await one.subscribe(subscription)).error;
    assert.equal(await error(''), '400::Channel name not specified');
    assert.equal(await error('event/X__e'), "400::Channel subscriptions must start with a leading '/'");
    const wrongCase = '/event/orderprovisionrequested__e';
    assert.equal(await error(wrongCase), `400::The channel you requested to subscribe to doesn't exist {${wrongCase}}`);
    sim.panel.switches({ canSubscribe: false });
    assert.equal(await error(channel), '403:denied_by_security_policy:create_denied');
    const published = await one.send({ channel, data: {} });
    assert.deepEqual([published[0]?.successful, published[0]?.error?.slice(0, 3)], [false, '403']);
  });

  it('serves several channels to one client, each from its own place, in the order of the bus', async () => {
    const one = await client().open(channel);
    const [kept] = publish();
    const { uuids } = sim.people.publish({ channel: seats, fields: {} });
    const [last] = publish();
    assert.equal((await one.subscribe(seats, { [seats]: -2 })).successful, true);
    assert.deepEqual(uuidsOf(await one.connect()), [kept, ...uuids, last]);
    await one.send({ channel: '/meta/unsubscribe', subscription: channel });
    publish();
    const more = sim.people.publish({ channel: seats, fields: {} }).uuids;
    assert.deepEqual(uuidsOf(await one.connect()), more);
  });

  it('answers each channel of a list on its own', async () => {
    const one = client();
    await one.handshake();
    const replies = await one.send({ channel: '/meta/subscribe', subscription: [channel, '/event/No__e'] });
    assert.deepEqual(
      replies.map((reply) => [reply.subscription, reply.successful]),
      [
        [channel, true],
        ['/event/No__e', false],
      ],
    );
  });

  it('wants the version in the address, and none below 37', async () => {
    for (const path of ['/cometd', '/cometd/', '/cometd/latest']) {
      const { status, replies } = await client(path).post([{ channel: '/meta/handshake' }]);
      const error = "400::API version in the URI is mandatory. URI format: '/cometd/68.0'";
      assert.deepEqual([status, replies], [400, [{ error, successful: false }]], path);
    }
    const { replies } = await client('/cometd/36.0').post([{ channel: '/meta/handshake' }]);
    assert.match(replies[0]?.error ?? '', /^400::Unsupported API version\. Only API versions '37\.0' and later/);
    assert.equal((await client('/cometd/37.0').handshake()).successful, true);
  });

  it('tells the uuid of an event from version 52 on', async () => {
    publish();
    for (const [version, known] of [
      ['51.0', false],
      ['52.0', true],
    ] as const) {
      const one = await client(`/cometd/${version}`).open(channel, -2);
      const [event] = await one.connect();
      assert.equal(event?.data?.event.EventUuid !== undefined, known, version);
    }
  });

  it('knows long polling alone', async () => {
    const one = client();
    const hello = { channel: '/meta/handshake', version: '1.0', supportedConnectionTypes: ['websocket'] };
    assert.equal((await one.send(hello))[0]?.error, '400::Invalid connection type {websocket}');
    await one.handshake();
    const [reply] = await one.connect({ connectionType: 'callback-polling' });
    assert.equal(reply?.error, '400::Invalid connection type {callback-polling}');
  });

  it('wants its cookie back, unless told not to', async () => {
    const one = await client().open(channel);
    assert.match(one.cookie, /^BAYEUX_BROWSER=\w+$/);
    const kept = one.cookie;
    one.cookie = '';
    const error = `400::Client ${one.clientId} has established a session, but no BAYEUX_BROWSER cookie present`;
    assert.equal((await one.connect({ advice: { timeout: 0 } }))[0]?.error, error);
    one.cookie = kept;
    assert.equal((await one.connect({ advice: { timeout: 0 } }))[0]?.successful, true);
    sim.panel.switches({ cookiesRequired: false });
    one.cookie = '';
    assert.equal((await one.connect({ advice: { timeout: 0 } }))[0]?.successful, true);
    const other = client();
    await other.handshake();
    assert.equal(other.cookie, '');
  });

  it('refuses a call without a token, naming neither channel nor id', async () => {
    const { status, replies } = await client(undefined, '').post([{ channel: '/meta/handshake', id: '1' }]);
    assert.deepEqual([status, replies], [401, [{ error: '401::Request requires authentication', successful: false }]]);
  });

  it('denies the handshake of a bad token, the reason in ext', async () => {
    const reply = await client(undefined, '00D!no').handshake();
    assert.deepEqual(reply, {
      channel: '/meta/handshake',
      id: '1',
      ext: { sfdc: { failureReason: '401::Authentication invalid' }, replay: true },
      advice: { reconnect: 'none' },
      error: '403::Handshake denied',
      successful: false,
    });
    sim.panel.switches({ refuseEveryStream: true });
    assert.equal((await client().handshake()).error, '403::Handshake denied');
  });

  it('tells a waiting client of a revoked token at once, and one that comes later when it comes', async () => {
    const [waiting, absent] = [await client().open(channel), await client().open(channel)];
    const { answer } = await held(waiting);
    sim.people.act('revokeTokens');
    const refused = {
      advice: { reconnect: 'none', interval: 0 },
      channel: '/meta/connect',
      error: '401::Authentication invalid',
      successful: false,
    };
    assert.deepEqual(await answer, [{ clientId: waiting.clientId, ...refused, id: '4' }]);
    const [late] = await absent.connect();
    assert.equal(late?.error, refused.error);
    assert.equal(count('openStreams'), 0);
    assert.equal((await waiting.handshake()).error, '403::Handshake denied');
  });

  it('removes a client whose token has expired when it connects', async () => {
    const one = await client().open(channel);
    sim.people.act('expireAll');
    assert.equal(count('cometdClients'), 1);
    assert.equal((await one.connect())[0]?.error, '401::Authentication invalid');
    assert.equal(count('cometdClients'), 0);
  });

  it('keeps the session of a connected client alive, however long', async () => {
    const one = await client().open(channel);
    for (let n = 0; n < 80; n += 1) {
      sim.panel.advance(100_000);
      assert.equal((await one.connect({ advice: { timeout: 0 } }))[0]?.successful, true);
    }
  });

  it('drops a client with either advice, and after a bare disconnect', async () => {
    const expected = {
      handshake: [['/meta/connect', '403::Unknown client', { interval: 0, reconnect: 'handshake' }]],
      none: [['/meta/connect', '403::Unknown client', { reconnect: 'none', interval: 0 }]],
      disconnectThenNone: [
        ['/meta/disconnect', undefined, undefined],
        ['/meta/connect', '403::Unknown client', { reconnect: 'none', interval: 0 }],
      ],
    };
    for (const unknownClientAdvice of ['handshake', 'none', 'disconnectThenNone'] as const) {
      sim.panel.switches({ unknownClientAdvice });
      const one = await client().open(channel);
      const { answer } = await held(one);
      assert.equal(sim.people.act('endStreams').ended, 1);
      const told = (replies: BayeuxReply[]) => replies.map((reply) => [reply.channel, reply.error, reply.advice]);
      assert.deepEqual(told(await answer), expected[unknownClientAdvice]);
      assert.deepEqual(told(await one.connect()), expected[unknownClientAdvice]);
      assert.equal((await one.handshake()).successful, true);
      await one.send({ channel: '/meta/disconnect' });
    }
  });

  it('removes a client that does not connect again in time: 40 s after events, 110 s otherwise', async () => {
    const silent = await client().open(channel);
    const busy = await client().open(channel);
    publish();
    await busy.connect();
    assert.equal(count('cometdClients'), 2);
    sim.panel.advance(41_000);
    assert.equal(count('cometdClients'), 1);
    assert.equal((await busy.connect())[0]?.error, '403::Unknown client');
    assert.equal(uuidsOf(await silent.connect()).length, 1);
    await silent.connect({ advice: { timeout: 0 } });
    sim.panel.advance(109_000);
    assert.equal((await silent.connect({ advice: { timeout: 0 } }))[0]?.successful, true);
    sim.panel.advance(111_000);
    assert.equal((await silent.connect())[0]?.error, '403::Unknown client');
    assert.equal(sim.panel.ledger('streamEnded').at(-1)?.outcome, 'removed: no connect in time');
  });

  it('keeps what it has for a client whose line broke while it waited, and removes it when it stays away', async () => {
    const one = await client().open(channel);
    await held(one);
    sim.people.act('resetConnections');
    const uuids = publish(2);
    assert.deepEqual(uuidsOf(await one.connect()), uuids);
    const { answer } = await held(one);
    one.abort();
    await assert.rejects(answer);
    await until('the line to be gone', () => count('openStreams') === 0);
    assert.equal(count('cometdClients'), 1);
    sim.panel.advance(111_000);
    assert.equal(count('cometdClients'), 0);
  });

  it('counts a client as an open stream while it keeps connecting', async () => {
    const one = await client().open(channel);
    assert.deepEqual([count('cometdClients'), count('openStreams'), count('openedStreams')], [1, 0, 0]);
    await held(one);
    publish();
    await until('the answer', () => count('heldConnects') === 0);
    assert.deepEqual([count('openStreams'), count('openedStreams')], [1, 1]);
    await held(one);
    one.abort();
    await until('the line to be gone', () => count('openStreams') === 0);
    const other = await client().open(channel, -2);
    await other.connect();
    assert.deepEqual([count('cometdClients'), count('openStreams'), count('openedStreams')], [2, 1, 2]);
  });

  it('cuts off the next connect of a client that has none waiting when connections are reset', async () => {
    const one = await client().open(channel);
    publish();
    await one.connect();
    sim.people.act('resetConnections');
    const [uuid] = publish();
    await assert.rejects(one.connect());
    assert.deepEqual(uuidsOf(await one.connect()), [uuid]);
  });

  it('says goodbye to a client that disconnects, and answers the connect that is held', async () => {
    const one = await client().open(channel);
    const { answer } = await held(one);
    const [bye] = await one.send({ channel: '/meta/disconnect' });
    assert.deepEqual([bye?.channel, bye?.successful], ['/meta/disconnect', true]);
    assert.equal((await answer)[0]?.successful, true);
    assert.equal(count('openStreams'), 0);
    assert.equal((await one.connect())[0]?.error, '403::Unknown client');
  });

  it('takes no more clients than allowed', async () => {
    sim.panel.switches({ maxCometdClients: 1 });
    const one = client();
    assert.equal((await one.handshake()).successful, true);
    const other = client();
    const refused = await other.handshake();
    assert.deepEqual(
      [refused.error, refused.clientId],
      ['403::Organization concurrent user limit exceeded', undefined],
    );
    await one.send({ channel: '/meta/disconnect' });
    assert.equal((await other.handshake()).successful, true);
  });

  it('refuses deliveries over the daily limit, which it shares with Pub/Sub, and keeps the events', async () => {
    const one = await client().open(channel);
    publish(2);
    await one.connect();
    const { answer } = await held(one);
    sim.panel.switches({ maxDeliveries: 2 });
    const [uuid] = publish();
    const error = '403::Organization total events daily limit exceeded';
    assert.equal((await answer)[0]?.error, error);
    assert.equal((await one.connect())[0]?.error, error);
    assert.equal((await one.subscribe(channel)).error, error);
    assert.equal(sim.people.counts().deliveries, 2);
    sim.panel.switches({ maxDeliveries: null });
    assert.deepEqual(uuidsOf(await one.connect()), [uuid]);
  });

  it('falls silent for the clients it has, or for new ones too, and revives', async () => {
    const one = await client().open(channel);
    const { answer, open } = await held(one);
    sim.people.act('silence', { newStreams: true });
    const [uuid] = publish();
    sim.panel.advance(130_000);
    await new Promise((resolve) => setTimeout(resolve, 20));
    assert.equal(open(), true);
    const other = client();
    assert.equal((await other.handshake()).successful, true);
    const first = await held(other, 2);
    sim.people.act('silence', { on: false });
    assert.deepEqual(uuidsOf(await answer), [uuid]);
    sim.panel.advance(110_000);
    assert.equal((await first.answer)[0]?.successful, true);
  });

  it('forgets a client that it does not answer once that one hangs up', async () => {
    const one = await client().open(channel);
    await held(one);
    sim.people.act('silence');
    one.abort();
    await until('no client', () => count('openStreams') === 0);
  });

  it('sends events twice, as they were or anew, and those that cannot be decoded as text', async () => {
    const one = await client().open(channel);
    const [uuid] = publish();
    await one.connect();
    sim.people.act('duplicateLast');
    assert.deepEqual(uuidsOf(await one.connect()), [uuid]);
    sim.people.act('duplicateLast', { renumber: true });
    assert.deepEqual(uuidsOf(await one.connect()), [uuid]);
    sim.people.act('undecodable', { orderId: '801' });
    const [broken] = await one.connect();
    assert.equal(typeof broken?.data?.payload, 'string');
  });

  it('splits answers as told, and leaves replay ids out', async () => {
    sim.panel.switches({ eventsPerResponse: 2, eventReplayId: false });
    const uuids = publish(3);
    const one = await client().open(channel, -2);
    const first = await one.connect();
    assert.deepEqual(uuidsOf(first), uuids.slice(0, 2));
    assert.equal(eventsOf(first)[0]?.data?.event.replayId, undefined);
    assert.deepEqual(uuidsOf(await one.connect()), uuids.slice(2));
  });

  it('gives an event the schema it was published with', async () => {
    const one = await client().open(channel);
    publish();
    sim.people.act('changeSchema', { name: 'Note__c' });
    sim.people.publish({ fields: { Note__c: 'x' } });
    const [old, fresh] = eventsOf(await one.connect());
    assert.notEqual(old?.data?.schema, fresh?.data?.schema);
    assert.deepEqual([old?.data?.payload.Note__c, fresh?.data?.payload.Note__c], [undefined, 'x']);
  });

  it('writes handshakes, subscriptions and deliveries into the ledger, and every message into the requests', async () => {
    const one = await client().open(channel, -2);
    const { uuids, replayIds } = sim.people.publish({ fields: { OrderId__c: '801' } });
    await one.connect();
    const entry = (what: string) => {
      const { seq: _seq, at: _at, what: _what, ...rest } = sim.panel.ledger(what)[0] ?? {};
      return rest;
    };
    const stream = 'cometd 1';
    assert.deepEqual(entry('handshake'), { version: 68, outcome: 'success', stream });
    assert.deepEqual(entry('subscribed'), { channel, preset: 'EARLIEST', replayId: '', stream });
    const delivered = { channel, replayId: replayIds[0], uuid: uuids[0], orderId: '801', stream };
    assert.deepEqual(entry('delivered'), delivered);
    const calls = sim.panel.requests().filter((request) => request.call.startsWith('/meta/'));
    assert.deepEqual(
      calls.map((request) => [request.call, request.auth, request.status, request.outcome]),
      ['/meta/handshake', '/meta/connect', '/meta/subscribe', '/meta/connect'].map((call) => [
        call,
        'token 1',
        200,
        'success',
      ]),
    );
  });

  it('is put back to the seed with everything else', async () => {
    const one = await client().open(channel);
    const { answer } = await held(one);
    sim.panel.reset();
    assert.equal((await answer)[0]?.error, '403::Unknown client');
    assert.equal(count('openStreams'), 0);
    ({ token } = await login(sim));
    assert.equal((await client().handshake()).successful, true);
    assert.equal(sim.panel.ledger('handshake')[0]?.stream, 'cometd 1');
  });
});
