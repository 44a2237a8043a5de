/**
 * jsforce's own streaming client against the simulator: it must see what it sees at Salesforce, its faults included
 * (Salesforce reference §2.7).
 */
import assert from 'node:assert/strict';
import { StreamingExtension, type Client } from 'jsforce/api/streaming';
import type { SalesforceSimulator } from '../../../../simulators/salesforce/server';
import { until } from '../../../until';
import { jsforceConnection, start } from './start';

const channel = '/event/OrderProvisionRequested__e';
const seats = '/event/SeatChangeRequested__e';

interface Delivered {
  payload: { OrderId__c: string | null };
  event: { replayId: number; EventUuid: string };
}

/** It is thenable: it must never be awaited. */
type FayeClient = Client & { disconnect(): PromiseLike<void> | undefined };

describe('salesforce simulator: jsforce’s streaming client', () => {
  let sim: SalesforceSimulator;
  let clients: FayeClient[];
  beforeEach(async () => {
    sim = await start();
    clients = [];
  });
  afterEach(async () => {
    // A goodbye that is never answered is repeated for ever.
    const goodbyes = clients.map(async (client) => void (await client.disconnect()));
    await Promise.allSettled(goodbyes);
    await until('no client', () => sim.people.counts().openStreams === 0);
    await sim.close();
  });

  /** In an array: an async function that returned the client would wait for it for ever. */
  async function create(...extensions: object[]): Promise<[FayeClient]> {
    const connection = await jsforceConnection(sim);
    const client = connection.streaming.createClient(extensions) as FayeClient;
    clients.push(client);
    return [client];
  }
  const publish = (times = 1) => sim.people.publish({ fields: { OrderId__c: '801' }, times }).uuids;

  it('subscribes through the connection’s own streaming, and receives events as they come', async () => {
    const connection = await jsforceConnection(sim);
    const received: Delivered[] = [];
    await connection.streaming.subscribe(channel, (data: Delivered) => received.push(data));
    const [client] = Object.values(connection.streaming._fayeClients) as FayeClient[];
    assert.ok(client);
    clients.push(client);
    const uuids = [...publish(2)];
    await until('two events', () => received.length === 2);
    uuids.push(...publish());
    await until('the third', () => received.length === 3);
    assert.deepEqual(
      received.map((data) => data.event.EventUuid),
      uuids,
    );
    assert.equal(received[0]?.payload.OrderId__c, '801');
    assert.deepEqual(
      sim.panel.requests('/meta/handshake').map((request) => [request.auth, request.outcome]),
      [['token 1', 'success']],
    );
  });

  it('reads everything retained through the replay extension, in order', async () => {
    const uuids = publish(120);
    const received: string[] = [];
    const [client] = await create(new StreamingExtension.Replay(channel, -2));
    await client.subscribe(channel, (data: Delivered) => received.push(data.event.EventUuid));
    await until('all events', () => received.length === 120);
    assert.deepEqual(received, uuids);
    assert.equal(sim.panel.ledger('subscribed')[0]?.preset, 'EARLIEST');
  });

  it('shakes hands again when it is told so, and goes on after the last event it saw', async () => {
    const received: string[] = [];
    const [client] = await create(new StreamingExtension.Replay(channel, -1));
    await client.subscribe(channel, (data: Delivered) => received.push(data.event.EventUuid));
    const uuids = publish();
    await until('the first event', () => received.length === 1);
    await until('its connect to be held', () => sim.people.counts().heldConnects === 1);
    sim.people.act('endStreams');
    uuids.push(...publish(2));
    await until('the others', () => received.length === 3);
    assert.deepEqual(received, uuids);
    assert.deepEqual(
      sim.panel.ledger('subscribed').map((entry) => entry.preset),
      ['LATEST', 'CUSTOM'],
    );
  });

  it('goes silent for ever on the advice none (B7) and when its token is revoked (S5)', async () => {
    for (const act of ['endStreams', 'revokeTokens']) {
      sim.panel.switches({ unknownClientAdvice: 'none' });
      const received: Delivered[] = [];
      const [client] = await create(new StreamingExtension.Replay(channel, -1));
      await client.subscribe(channel, (data: Delivered) => received.push(data));
      await until('its connect to be held', () => sim.people.counts().heldConnects === 1);
      sim.people.act(act);
      publish();
      await new Promise((resolve) => setTimeout(resolve, 100));
      const before = sim.panel.requests().length;
      await new Promise((resolve) => setTimeout(resolve, 300));
      assert.equal(received.length, 0);
      assert.equal(sim.panel.requests().length, before);
    }
  });

  it('tells its extension for lost logins once, at connect and at handshake', async () => {
    let told: { channel?: string; error?: string }[] = [];
    const extension = () => new StreamingExtension.AuthFailure((message: object) => told.push(message));
    const [client] = await create(extension());
    await client.subscribe(channel, () => undefined);
    sim.people.act('revokeTokens');
    await until('the failure', () => told.length > 0);
    assert.deepEqual([told[0]?.channel, told[0]?.error], ['/meta/connect', '401::Authentication invalid']);

    told = [];
    const connection = await jsforceConnection(sim);
    sim.people.act('revokeTokens');
    const late = connection.streaming.createClient([extension()]) as FayeClient;
    void late.subscribe(channel, () => undefined);
    await until('the failure', () => told.length > 0);
    assert.deepEqual([told[0]?.channel, told[0]?.error], ['/meta/handshake', '403::Handshake denied']);
  });

  it('is refused the replay id of an event that is no longer kept', async () => {
    const [client] = await create(new StreamingExtension.Replay(channel, 12_345));
    const error = await client
      .subscribe(channel, () => undefined)
      .then(
        () => null,
        (reason: { message: string }) => reason.message,
      );
    assert.match(String(error), /^400::The replayId \{12345\} you provided was invalid/);
  });

  it('sends one map for two channels with two replay extensions, and is refused the first channel (S9)', async () => {
    const [client] = await create(new StreamingExtension.Replay(channel, -2), new StreamingExtension.Replay(seats, -2));
    const outcome = (name: string) =>
      client
        .subscribe(name, () => undefined)
        .then(
          () => 'subscribed',
          (reason: { message: string }) => reason.message,
        );
    assert.match(await outcome(channel), /wasn't found using the provided replay ID map \{\{.*SeatChange.*=-2\}\}/);
    assert.equal(await outcome(seats), 'subscribed');
  });
});
