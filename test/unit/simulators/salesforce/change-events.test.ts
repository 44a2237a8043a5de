import assert from 'node:assert/strict';
import { payloadDecoder } from '../../../../lib/salesforce/events/avro';
import type { JsonObject } from '../../../../lib/json';
import { orderChange } from '../../../../lib/salesforce/events/change-event';
import type { SalesforceSimulator } from '../../../../simulators/salesforce/server';
import { BayeuxClient, eventsOf } from './cometd-client';
import { PubSubClient } from './pubsub-client';
import { login, start } from './start';

const channel = '/data/OrderChangeEvent';
const status = 'Activation_Status__c';

describe('salesforce simulator: Change Data Capture', () => {
  let sim: SalesforceSimulator;
  let token: string;
  let client: PubSubClient;
  beforeEach(async () => {
    sim = await start();
    ({ token } = await login(sim));
    client = new PubSubClient(sim.pubsub, { token, instanceUrl: sim.url });
    sim.panel.switches({ changeDataCapture: true });
  });
  afterEach(async () => {
    client.close();
    await sim.close();
  });

  /** All that is retained, decoded by the schema that each event names. */
  async function retained(count: number): Promise<JsonObject[]> {
    const stream = client.subscribe({ topic_name: channel, replay_preset: 'EARLIEST', num_requested: 100 });
    const events = async () => (await stream.received(1)).flatMap((response) => response.events ?? []);
    const received = await events();
    assert.equal(received.length, count);
    return Promise.all(
      received.map(async ({ event }) => {
        const { schema_json } = await client.getSchema(event?.schema_id ?? '');
        return payloadDecoder(schema_json)(event?.payload ?? Buffer.alloc(0)).fields;
      }),
    );
  }

  it('tells a change of an Order: which fields, by bitmap, and their new values', async () => {
    const good = sim.people.stories().good ?? '';
    sim.people.approve(good);
    const [change] = await retained(1);
    assert.ok(change);
    const header = change.ChangeEventHeader as JsonObject;
    assert.deepEqual(header.recordIds, [good]);
    assert.deepEqual([header.entityName, header.changeType], ['Order', 'UPDATE']);
    assert.ok((header.changedFields as string[]).includes(status));
    assert.ok(!(header.changedFields as string[]).includes('AccountId'));
    assert.equal(change[status], 'Activating');
    assert.equal(change.AccountId, null);
    assert.deepEqual(orderChange(change, status), { kind: 'orders', orderIds: [good] });
  });

  it('tells nothing of other objects, and nothing at all where Orders are not selected', async () => {
    const good = sim.people.stories().good ?? '';
    sim.panel.switches({ changeDataCapture: false });
    sim.people.approve(good);
    sim.panel.switches({ changeDataCapture: true });
    sim.people.editOrder(good, { Activation_Status__c: 'Failed' });
    const [change] = await retained(1);
    assert.equal(change?.[status], 'Failed');
  });

  it('tells a gap without its fields, and an overflow without its records', async () => {
    const good = sim.people.stories().good ?? '';
    sim.people.act('changeGap', { orderIds: [good] });
    sim.people.act('changeGap');
    const [gap, overflow] = await retained(2);
    assert.deepEqual(orderChange(gap ?? {}, status), { kind: 'orders', orderIds: [good] });
    assert.deepEqual(orderChange(overflow ?? {}, status), { kind: 'overflow' });
  });

  it('tells the same over the Streaming API, the changed fields by name and no others', async () => {
    const good = sim.people.stories().good ?? '';
    const bayeux = new BayeuxClient(sim, token);
    await bayeux.handshake();
    await bayeux.connect();
    await bayeux.subscribe(channel);
    sim.people.approve(good);
    const payload = eventsOf(await bayeux.connect())[0]?.data?.payload as JsonObject;
    bayeux.abort();
    const header = payload.ChangeEventHeader as JsonObject;
    assert.ok((header.changedFields as string[]).includes(status));
    assert.equal('nulledFields' in header, false);
    assert.equal('AccountId' in payload, false);
    assert.deepEqual(orderChange(payload, status), { kind: 'orders', orderIds: [good] });
  });
});
