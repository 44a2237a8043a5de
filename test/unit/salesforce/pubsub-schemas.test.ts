import assert from 'node:assert/strict';
import { transport } from '../../contract/events/pubsub-transport';
import { Scene, moment } from '../../contract/events/scene';

describe('Schemas over Pub/Sub', () => {
  const scene = new Scene(transport);
  const asked = (): number => scene.calls('GetSchema');

  it('decode each event by its own when it changes mid-stream, and each is asked for once', async () => {
    const one = scene.subscribe();
    await scene.connected(one);
    const before = scene.publish(3);
    scene.org.people.act('changeSchema', { name: 'Seats__c', type: 'long' });
    const after = scene.publish(3);
    await scene.stored(one, 6);
    assert.deepEqual(one.sink.order, [...before.uuids, ...after.uuids]);
    assert.equal(one.sink.events[0]?.payload.Seats__c, undefined);
    assert.equal(one.sink.events[5]?.payload.Seats__c, null);
    assert.equal(asked(), 2);
  });

  it('that are slow to come do not reorder events: one question for four answers (N6)', async () => {
    scene.org.panel.fault({ call: 'GetSchema', do: { kind: 'delay', ms: 800 } });
    const one = scene.subscribe();
    await scene.connected(one);
    const uuids: string[] = [];
    for (let n = 0; n < 4; n++) {
      uuids.push(...scene.publish().uuids);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    scene.org.panel.advance(800);
    await scene.stored(one, 4, 1);
    assert.deepEqual(one.sink.order, uuids);
    assert.equal(asked(), 1);
  });

  it('that do not come for a while are asked for again, with the stream left alone', async () => {
    scene.org.panel.fault({ call: 'GetSchema', times: 3, do: { kind: 'grpc', code: 14, details: 'away' } });
    const one = scene.subscribe();
    await scene.connected(one);
    const { uuids } = scene.publish(2);
    await scene.stored(one, 2);
    assert.deepEqual(one.sink.order, uuids);
    assert.equal(one.sink.unreadables.length, 0);
    assert.deepEqual([asked(), scene.count('openedStreams'), scene.count('deliveries')], [4, 1, 2]);
  });

  it('that stay away end the stream in the end, which begins anew from the stored position', async () => {
    scene.org.panel.fault({ call: 'GetSchema', times: 6, do: { kind: 'grpc', code: 14, details: 'away' } });
    const one = scene.subscribe();
    await scene.connected(one);
    const { uuids } = scene.publish(2);
    await scene.stored(one, 2);
    assert.deepEqual(one.sink.order, uuids);
    assert.equal(scene.count('openedStreams'), 2);
  });

  it('are asked for with a new token when the one of the stream has expired', async () => {
    const one = scene.subscribe();
    await scene.connected(one);
    // Sessions time out; the live stream goes on.
    scene.org.people.act('expireAll');
    const before = one.clock.monotonic();
    const { uuids } = scene.publish(2);
    await scene.stored(one, 2);
    assert.deepEqual(one.sink.order, uuids);
    assert.ok(one.clock.monotonic() - before < 10_000, 'at once, not after a silence');
    assert.equal(scene.logins(), 2);
  });

  it('that Salesforce does not know make their events unreadable', async () => {
    scene.org.panel.fault({ call: 'GetSchema', do: { kind: 'grpc', code: 5, details: 'no such schema' } });
    const one = scene.subscribe();
    await scene.connected(one);
    const { uuids } = scene.publish();
    await one.until('the event', () => one.sink.order.length === 1);
    assert.deepEqual(one.sink.order, [`!${uuids[0] ?? ''}`]);
    assert.match(one.sink.unreadables[0]?.reason ?? '', /knows no schema/);
  });

  it('that an event does not fit make it unreadable: its exact bytes are handed on, and the stream goes on', async () => {
    const one = scene.subscribe();
    await scene.connected(one);
    const before = scene.publish();
    const broken = scene.org.people.act('undecodable', { orderId: '801Ql000001AbCdIAK' });
    const after = scene.publish();
    await one.until('the events', () => one.sink.order.length === 3);
    assert.deepEqual(one.sink.order, [before.uuids[0], `!${String(broken.uuid)}`, after.uuids[0]]);
    const [unreadable] = one.sink.unreadables;
    assert.equal(unreadable?.replayId, broken.replayId);
    assert.ok(
      Buffer.from(unreadable?.raw ?? '', 'base64')
        .toString()
        .endsWith('801Ql000001AbCdIAK'),
    );
    assert.match(unreadable?.reason ?? '', /does not fit its schema/);
    assert.equal(one.state.position, after.replayIds[0]);
    assert.equal(scene.count('openedStreams'), 1);
    await moment();
    assert.equal(one.sink.unreadables.length, 1);
  });
});
