import assert from 'node:assert/strict';
import { hour, minute, Scene } from './scene';
import { TestSink } from './test-sink';
import { channel } from './scene';
import type { TransportUnderTest } from './transport-under-test';

export function telling(transport: TransportUnderTest): void {
  describe('what it tells', () => {
    const scene = new Scene(transport);

    it('of an event is each field as it was sent, and of itself one state', async () => {
      scene.publish();
      const one = scene.subscribe();
      await scene.connected(one);
      const { uuids, places } = scene.publish(1, { OrderId__c: '801Ql000001AbCdIAK' });
      await scene.stored(one, 1);
      const [event] = one.sink.events;
      assert.ok(event);
      const createdAt = event.createdAt ?? 0;
      assert.ok(Math.abs(createdAt - scene.org.panel.now()) < 10_000);
      assert.equal(event.eventId, uuids[0]);
      assert.match(String(event.payload.CreatedById), /^005/);
      assert.deepEqual(event.payload, {
        ...event.payload,
        OrderId__c: '801Ql000001AbCdIAK',
        CreatedDate: new Date(createdAt).toISOString(),
      });
      assert.deepEqual(one.phases, ['connecting', 'connected']);
      const { lastEventAt, delayMs, deliveries, ...state } = one.state;
      assert.deepEqual(state, {
        ...{ phase: 'connected', channel, problem: null, retryAt: null, lastKeepaliveAt: null, gap: null },
        position: event.replayId,
        received: 1,
      });
      assert.ok(lastEventAt !== null && delayMs !== null && delayMs < minute);
      assert.equal(deliveries.allowance, null);
      assert.equal(event.replayId, places[0]);
    });

    it('is catching up while old events come, and no longer once a new one does', async () => {
      const phases: string[] = [];
      const sink = new TestSink();
      sink.preset = 'EARLIEST';
      scene.publish(3);
      const one = scene.listen(sink);
      sink.before = () => Promise.resolve(void phases.push(one.state.phase));
      scene.org.panel.advance(minute);
      await one.clock.advance(minute);
      one.subscriber.start();
      await scene.stored(one, 3, 1);
      scene.org.panel.advance(10_000);
      scene.publish();
      await scene.stored(one, 4, 1);
      assert.deepEqual(phases, ['catchingUp', 'catchingUp', 'catchingUp', 'connected']);
      const caught = one.log.lines.filter((line) => line.text.startsWith('Caught up'));
      assert.deepEqual(
        caught.map((line) => line.facts.deliveries),
        [4],
      );
    });

    it('is the delay between publishing and receipt', async () => {
      const one = scene.subscribe();
      await scene.connected(one);
      scene.publish();
      await scene.stored(one, 1);
      const soon = one.state.delayMs ?? Infinity;
      // Our clock goes on and the org's stands: what is published now was published half a minute ago.
      await one.clock.advance(30_000);
      scene.publish();
      await scene.stored(one, 2);
      assert.ok((one.state.delayMs ?? 0) >= soon + 25_000, `${one.state.delayMs} after ${soon}`);
    });

    it('is how many deliveries came in 24 hours, over a deploy and replays, and when the allowance is nearly used up (n8n#21582)', async () => {
      const sink = new TestSink();
      const one = scene.subscribe(sink, { deliveryAllowance: 100_000 });
      await scene.connected(one);
      const before = one.state.deliveries.today;
      scene.publish(10);
      await scene.stored(one, 10);
      assert.deepEqual([one.state.deliveries.today, one.state.deliveries.allowance], [before + 10, 100_000]);
      await one.close();

      sink.asked = { preset: 'EARLIEST' };
      const clock = one.clock;
      const two = scene.subscribe(sink, { deliveryAllowance: before + 25, clock });
      await scene.stored(two, 20);
      assert.equal(two.state.deliveries.today, before + 20);
      assert.deepEqual(
        two.log.lines.filter((line) => line.level === 'warn').map((line) => line.facts.allowance),
        [before + 25],
      );
      await clock.advance(25 * hour);
      scene.publish(1);
      await scene.stored(two, 21);
      assert.equal(two.state.deliveries.today, 1);
      assert.ok(clock.now() - two.state.deliveries.since <= 24 * hour + minute);
    });

    it('is every delivery: telling a repeat from a new event is the inbox’s work (B32)', async () => {
      const one = scene.subscribe();
      await scene.connected(one);
      const [uuid] = scene.publish().uuids;
      await scene.stored(one, 1);
      scene.org.people.act('duplicateLast', { renumber: true });
      await scene.stored(one, 2);
      assert.deepEqual(one.sink.order, [uuid, uuid]);
      assert.notEqual(one.sink.events[0]?.replayId, one.sink.events[1]?.replayId);
      const other = scene.publish(1, { OrderId__c: '801Ql000001AbCdIAK' });
      await scene.stored(one, 3);
      assert.equal(one.sink.order[2], other.uuids[0]);
    });
  });
}
