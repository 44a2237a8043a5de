import assert from 'node:assert/strict';
import { credentials } from '@grpc/grpc-js';
import avsc from 'avsc';
import type { SalesforceSimulator } from '../../../../simulators/salesforce/server';
import { PubSubClient, type Stream } from './pubsub-client';
import { login, start } from './start';

const channel = '/event/OrderProvisionRequested__e';
const hour = 3_600_000;
const root = 'sfdc.platform.eventbus.grpc';
const corrupted = `${root}.subscription.fetch.replayid.corrupted`;

describe('salesforce simulator: Pub/Sub', () => {
  let sim: SalesforceSimulator;
  let client: PubSubClient;
  let token: string;
  /** A session of its own: one lapses after two hours without a call. */
  const connect = async (): Promise<void> => {
    ({ token } = await login(sim));
    client = new PubSubClient(sim.pubsub, { token, instanceUrl: sim.url });
  };
  beforeEach(async () => {
    sim = await start();
    await connect();
  });
  afterEach(async () => {
    client.close();
    await sim.close();
  });

  const publish = (times: number): string[] => sim.people.publish({ fields: { OrderId__c: '801' }, times }).uuids;
  const count = (name: string) => sim.people.counts()[name];

  /** Once the server has taken up a subscription. */
  const subscribed = async (stream: Stream, streams = 1): Promise<Stream> => {
    const deadline = Date.now() + 30_000;
    while (sim.panel.ledger('subscribed').length < streams && !stream.ended && Date.now() < deadline) {
      await new Promise(setImmediate);
    }
    return stream;
  };
  const open = (num_requested = 10) =>
    subscribed(client.subscribe({ topic_name: channel, replay_preset: 'LATEST', num_requested }));
  const from = (replay_id: Buffer, num_requested = 10) =>
    client.subscribe({ topic_name: channel, replay_preset: 'CUSTOM', replay_id, num_requested });
  const earliest = (num_requested = 100) =>
    client.subscribe({ topic_name: channel, replay_preset: 'EARLIEST', num_requested });
  const replayIds = (stream: Stream) =>
    stream.responses.flatMap((response) => response.events ?? []).map((event) => event.replay_id ?? Buffer.alloc(0));

  it('tells a topic and its schema, by which a payload decodes', async () => {
    const topic = await client.getTopic(channel);
    assert.deepEqual([topic.topic_name, topic.can_subscribe, topic.can_publish], [channel, true, true]);
    assert.match(topic.schema_id, /^[\w-]{22}$/);
    const schema = await client.getSchema(topic.schema_id);
    const stream = await open();
    const good = sim.people.stories().good ?? '';
    sim.people.approve(good);
    const [response] = await stream.received(1);
    const event = response?.events?.[0]?.event;
    assert.equal(event?.schema_id, topic.schema_id);
    const type = avsc.Type.forSchema(JSON.parse(schema.schema_json) as avsc.Schema);
    const decoded = type.fromBuffer(event.payload) as Record<string, unknown>;
    assert.deepEqual(Object.keys(decoded), ['CreatedDate', 'CreatedById', 'BusinessKey__c', 'OrderId__c']);
    assert.equal(decoded.OrderId__c, good);
    assert.equal(decoded.BusinessKey__c, `${good}-1`);
    assert.ok(Math.abs(Number(decoded.CreatedDate) - sim.panel.now()) < 5000);
    assert.match(String(decoded.CreatedById), /^005/);
    assert.equal(event.id, sim.panel.ledger('published')[0]?.uuid);
  });

  it('speaks TLS with the certificate it names', async () => {
    const secure = new PubSubClient(
      sim.pubsubTls,
      { token, instanceUrl: sim.url },
      credentials.createSsl(Buffer.from(sim.tlsCertificatePem)),
    );
    assert.equal((await secure.getTopic(channel)).topic_name, channel);
    secure.close();
  });

  it('starts at the tip, at the oldest retained event, or strictly after an id', async () => {
    const old = publish(3);
    const latest = await open();
    const all = earliest();
    assert.deepEqual(await all.events(3), old);
    const after = from(replayIds(all)[1] ?? Buffer.alloc(0));
    assert.deepEqual(await after.events(1), [old[2]]);
    const fresh = publish(1);
    assert.deepEqual(await latest.events(1), fresh);
    assert.deepEqual(await after.events(2), [old[2], ...fresh]);
  });

  it('gives opaque 10-byte ids that rise with gaps', async () => {
    publish(50);
    const stream = earliest();
    await stream.events(50);
    const ids = replayIds(stream);
    assert.ok(ids.every((id) => id.length === 10 && id.readUInt16BE(8) === 0));
    const numbers = ids.map((id) => id.readBigUInt64BE());
    const steps = numbers.slice(1).map((one, index) => one - (numbers[index] ?? 0n));
    assert.ok(steps.every((step) => step > 0n));
    assert.ok(steps.some((step) => step > 1n));
  });

  it('delivers no more than was asked for, and says how much it still owes', async () => {
    const uuids = publish(5);
    const stream = earliest(2);
    assert.deepEqual(await stream.events(2), uuids.slice(0, 2));
    assert.equal(stream.responses.at(-1)?.pending_num_requested, 0);
    stream.request({ num_requested: 10 });
    assert.deepEqual(await stream.events(5), uuids);
    assert.equal(stream.responses.at(-1)?.pending_num_requested, 7);
    assert.deepEqual([count('deliveries'), count('requestedEvents')], [5, 12]);
  });

  it('never owes more than 100', async () => {
    publish(150);
    const stream = earliest(500);
    await stream.events(100);
    assert.equal(stream.responses.at(-1)?.pending_num_requested, 0);
    assert.equal(stream.uuids().length, 100);
    assert.equal(count('peakOwedEvents'), 100);
  });

  it('splits answers as told', async () => {
    sim.panel.switches({ eventsPerResponse: 2 });
    publish(5);
    const stream = earliest();
    await stream.events(5);
    assert.deepEqual(
      stream.responses.map((response) => response.events?.length),
      [2, 2, 1],
    );
    assert.deepEqual(
      stream.responses.map((response) => response.pending_num_requested),
      [98, 96, 95],
    );
    assert.deepEqual(stream.responses.at(-1)?.latest_replay_id, replayIds(stream).at(-1));
  });

  it('refuses a request for nothing', async () => {
    for (const num_requested of [0, -1]) {
      const end = await client.subscribe({ topic_name: channel, replay_preset: 'LATEST', num_requested }).end();
      assert.deepEqual([end.code, end.errorCode], [3, `${root}.subscription.fetch.requested.events.invalid`]);
      assert.match(end.details, /^The requested number of events in a fetch request must be greater than zero/);
      assert.match(end.details, / rpcId: [0-9a-f-]{36}$/);
    }
  });

  it('refuses another topic on the same stream, and takes an empty one', async () => {
    const stream = await open();
    stream.request({ topic_name: '', num_requested: 1 });
    publish(1);
    await stream.events(1);
    stream.request({ topic_name: '/event/SeatChangeRequested__e', num_requested: 1 });
    assert.equal((await stream.end()).code, 3);
  });

  it('refuses an unknown topic, and a user without permission', async () => {
    const wrong = await client.subscribe({ topic_name: '/event/orderprovisionrequested__e', num_requested: 1 }).end();
    assert.equal(wrong.code, 5);
    await assert.rejects(client.getTopic('/event/No__e'), { code: 5 });
    sim.panel.switches({ canSubscribe: false });
    assert.equal((await client.subscribe({ topic_name: channel, num_requested: 1 }).end()).code, 7);
    assert.equal((await client.getTopic(channel)).can_subscribe, false);
  });

  it('ends a stream to which it owes nothing for a minute', async () => {
    const stream = await open(1);
    publish(1);
    await stream.events(1);
    sim.panel.advance(59_000);
    stream.request({ num_requested: 1 });
    publish(1);
    await stream.events(2);
    sim.panel.advance(61_000);
    assert.equal((await stream.end()).code, 0);
    assert.equal(count('openStreams'), 0);
  });

  it('keeps a stream alive every minute with an empty answer that names the newest place', async () => {
    const stream = await open();
    sim.panel.advance(60_000);
    await stream.received(1);
    sim.panel.advance(60_000);
    const [first, second] = await stream.received(2);
    assert.deepEqual(first?.events, []);
    assert.equal(first?.pending_num_requested, 10);
    const place = (response = first) => (response?.latest_replay_id ?? Buffer.alloc(8)).readBigUInt64BE();
    assert.ok(place(second) > place(first));
    sim.panel.switches({ suppressKeepalives: true });
    sim.panel.advance(10 * 60_000);
    sim.panel.switches({ suppressKeepalives: false, keepaliveReplayId: false });
    sim.panel.advance(60_000);
    const third = (await stream.received(3))[2];
    assert.equal(third?.latest_replay_id?.length, 0);
  });

  it('forgets events after 72 hours, and refuses ids that are older', async () => {
    const [old] = publish(1);
    const first = earliest();
    await first.events(1);
    const [id] = replayIds(first);
    assert.ok(id && old);
    first.cancel();
    client.close();
    sim.panel.advance(71 * hour);
    await connect();
    const fresh = publish(1);
    assert.deepEqual(await from(id).events(1), fresh);
    sim.panel.advance(2 * hour - 60_000);
    const end = await from(id).end();
    assert.deepEqual([end.code, end.errorCode], [3, corrupted]);
    assert.deepEqual(await earliest().events(1), fresh);
  });

  it('takes the place a keepalive named, long after the last event', async () => {
    const stream = await open();
    publish(1);
    await stream.events(1);
    sim.panel.advance(73 * hour);
    const last = stream.responses.length;
    await stream.received(last + 73 * 60 - 10);
    const kept = stream.responses.at(-1)?.latest_replay_id;
    assert.ok(kept);
    client.close();
    await connect();
    const resumed = await subscribed(from(kept), 2);
    const fresh = publish(1);
    assert.deepEqual(await resumed.events(1), fresh);
  });

  it('refuses ids it never gave: digits, computed ones, wrong lengths, none', async () => {
    publish(2);
    const stream = earliest();
    await stream.events(2);
    const id = replayIds(stream)[1] ?? Buffer.alloc(0);
    const computed = Buffer.from(id);
    computed.writeBigUInt64BE(id.readBigUInt64BE() + 1n);
    for (const wrong of [Buffer.from('1104717'), computed, id.subarray(0, 8), Buffer.concat([id, id])]) {
      assert.equal((await from(wrong).end()).errorCode, corrupted, wrong.toString('hex'));
    }
    const none = await from(Buffer.alloc(0)).end();
    assert.equal(none.errorCode, `${root}.subscription.fetch.replayid.validation.failed`);
    sim.panel.switches({ lenientReplayId: true });
    const lenient = await subscribed(from(id.subarray(0, 8)), 2);
    const fresh = publish(1);
    assert.deepEqual(await lenient.events(1), fresh);
  });

  it('knows no old id and no old event after a reset of the bus', async () => {
    publish(1);
    const stream = earliest();
    await stream.events(1);
    const [id] = replayIds(stream);
    assert.ok(id);
    sim.people.act('resetBus', { from: '9007199254740993' });
    assert.equal((await stream.end()).code, 13);
    assert.equal((await from(id).end()).errorCode, corrupted);
    const fresh = publish(1);
    const again = earliest();
    assert.deepEqual(await again.events(1), fresh);
    assert.ok((replayIds(again)[0] ?? Buffer.alloc(8)).readBigUInt64BE() > 2n ** 53n);
  });

  it('refuses bad tokens, foreign tenants and missing metadata with 16', async () => {
    for (const identity of [
      { token: '00D!no', instanceUrl: sim.url },
      { token, instanceUrl: sim.url, tenantId: '00D000000000000' },
      { token, instanceUrl: '' },
    ]) {
      const other = new PubSubClient(sim.pubsub, identity);
      const end = await other.subscribe({ topic_name: channel, num_requested: 1 }).end();
      assert.deepEqual([end.code, end.errorCode], [16, `${root}.service.auth.error`]);
      await assert.rejects(other.getTopic(channel), { code: 16 });
      other.close();
    }
    assert.equal(count('openedStreams'), 0);
  });

  it('ends live streams when tokens are revoked, and leaves them when sessions expire', async () => {
    const stream = await open();
    sim.people.act('expireAll');
    const uuids = publish(1);
    assert.deepEqual(await stream.events(1), uuids);
    const refused = await client.subscribe({ topic_name: channel, num_requested: 1 }).end();
    assert.equal(refused.code, 16);
    sim.people.act('revokeTokens');
    assert.deepEqual((await stream.end()).code, 16);
  });

  it('refuses every stream, however fresh its token, by switch', async () => {
    sim.panel.switches({ refuseEveryStream: true });
    assert.equal((await client.subscribe({ topic_name: channel, num_requested: 1 }).end()).code, 16);
  });

  it('counts open streams: a cancelled one and a finished one are none', async () => {
    const [one, two] = [await open(), await subscribed(earliest(), 2)];
    assert.equal(count('openStreams'), 2);
    one.cancel();
    two.finish();
    assert.equal((await two.end()).code, 0);
    await one.end();
    while (count('openStreams') !== 0) await new Promise(setImmediate);
    assert.deepEqual([count('openedStreams'), count('peakStreams')], [2, 2]);
    assert.deepEqual(
      sim.panel
        .ledger('streamEnded')
        .map((entry) => entry.code)
        .sort(),
      [0, 1],
    );
  });

  it('caps streams and deliveries', async () => {
    sim.panel.switches({ maxStreams: 1, maxDeliveries: 2 });
    const stream = await open();
    const second = await client.subscribe({ topic_name: channel, num_requested: 1 }).end();
    assert.deepEqual([second.code, second.errorCode], [8, `${root}.concurrent.client.limit.exceeded`]);
    publish(2);
    await stream.events(2);
    publish(1);
    assert.equal((await stream.end()).errorCode, `${root}.subscription.limit.exceeded`);
  });

  it('publishes through gRPC, with the uuid and payload of the publisher', async () => {
    const { schema_id } = await client.getTopic(channel);
    const { schema_json } = await client.getSchema(schema_id);
    const type = avsc.Type.forSchema(JSON.parse(schema_json) as avsc.Schema);
    const payload = type.toBuffer({ CreatedDate: 1, CreatedById: '005', OrderId__c: '801x' });
    const events = [
      { id: 'mine', schema_id, payload },
      { id: 'broken', schema_id, payload: Buffer.from([0xff]) },
    ];
    const { results } = await client.publish({ topic_name: channel, events });
    assert.equal(results[0]?.correlation_key, 'mine');
    assert.equal(results[1]?.error?.code, 'PUBLISH');
    const stream = earliest();
    assert.deepEqual(await stream.events(1), ['mine']);
    assert.deepEqual(replayIds(stream)[0], results[0]?.replay_id);
    assert.deepEqual(stream.responses[0]?.events?.[0]?.event.payload, payload);
    assert.equal(sim.panel.ledger('published')[0]?.orderId, '801x');
  });

  it('changes the schema from the next event on, and still knows the old one', async () => {
    publish(1);
    sim.people.act('changeSchema', { name: 'Note__c' });
    publish(1);
    const stream = earliest();
    await stream.events(2);
    const schemas = stream.responses.flatMap((response) => response.events ?? []).map((event) => event.event.schema_id);
    assert.equal(new Set(schemas).size, 2);
    const [oldSchema, newSchema] = await Promise.all(schemas.map((id) => client.getSchema(id)));
    assert.ok(!oldSchema?.schema_json.includes('Note__c'));
    assert.ok(newSchema?.schema_json.includes('Note__c'));
    await assert.rejects(client.getSchema('none'), { code: 3 });
  });

  it('sends an event that cannot be decoded', async () => {
    const { schema_json } = await client.getSchema((await client.getTopic(channel)).schema_id);
    const type = avsc.Type.forSchema(JSON.parse(schema_json) as avsc.Schema);
    sim.people.act('undecodable', { orderId: '801' });
    const stream = earliest();
    await stream.events(1);
    const payload = stream.responses[0]?.events?.[0]?.event.payload ?? Buffer.alloc(0);
    assert.throws(() => type.fromBuffer(payload, undefined, true) as unknown, /truncated/);
  });

  it('sends events twice: as they were, or anew with the same uuid', async () => {
    const stream = await open();
    const [uuid] = publish(1);
    await stream.events(1);
    sim.people.act('duplicateLast');
    assert.deepEqual(await stream.events(2), [uuid, uuid]);
    assert.deepEqual(replayIds(stream)[0], replayIds(stream)[1]);
    sim.people.act('duplicateLast', { renumber: true });
    assert.deepEqual(await stream.events(3), [uuid, uuid, uuid]);
    assert.notDeepEqual(replayIds(stream)[0], replayIds(stream)[2]);
    assert.equal(stream.responses.at(-1)?.pending_num_requested, 7);
  });

  it('leaves replay ids out, or makes them longer or shorter, by switch', async () => {
    sim.panel.switches({ eventReplayId: false, latestReplayId: false });
    const stream = await open();
    publish(1);
    await stream.events(1);
    assert.equal(stream.responses[0]?.latest_replay_id?.length, 0);
    assert.equal(replayIds(stream)[0]?.length, 0);
    for (const replayIdBytes of [8, 12] as const) {
      sim.panel.switches({ eventReplayId: true, replayIdBytes });
      const other = earliest();
      await other.events(1);
      const [id] = replayIds(other);
      assert.equal(id?.length, replayIdBytes);
      const resumed = await subscribed(from(id));
      assert.equal(resumed.ended, null);
    }
  });

  it('writes each delivery with its stream, and each subscription with its start, into the ledger', async () => {
    const stream = await open();
    const [uuid] = publish(1);
    await stream.events(1);
    const [delivered] = sim.panel.ledger('delivered');
    const id = replayIds(stream)[0]?.toString('base64');
    assert.deepEqual(
      [delivered?.channel, delivered?.replayId, delivered?.uuid, delivered?.orderId, delivered?.stream],
      [channel, id, uuid, '801', 'stream 1'],
    );
    const [start] = sim.panel.ledger('subscribed');
    assert.deepEqual([start?.channel, start?.preset, start?.replayId], [channel, 'LATEST', '']);
  });
});
