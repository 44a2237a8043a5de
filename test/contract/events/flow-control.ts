import assert from 'node:assert/strict';
import { until } from '../../until';
import { moment, Scene } from './scene';
import { held, TestSink } from './test-sink';
import type { TransportUnderTest } from './transport-under-test';

export function flowControl(transport: TransportUnderTest): void {
  describe('the flow of events', () => {
    const scene = new Scene(transport);

    it('goes on beyond 100: 350 events one at a time and in order, on one stream (B28)', async () => {
      const one = scene.subscribe();
      await scene.connected(one);
      let waits = 0;
      one.sink.before = async () => {
        if (++waits % 50 === 0) await moment();
      };
      const { uuids } = scene.publish(350);
      await scene.stored(one, 350);
      assert.deepEqual(one.sink.order, uuids);
      assert.equal(one.sink.mostAtOnce, 1);
      assert.equal(scene.count('openedStreams'), 1);
      assert.equal(scene.count('deliveries'), 350);
      assert.equal(one.state.received, 350);
      if (!transport.pulls) return;
      assert.ok(scene.count('peakOwedEvents') <= 100);
      assert.ok(scene.count('requestedEvents') <= 450);
    });

    it('of a backlog of 2000 never runs ahead of what is stored by more than 100 (B29)', async () => {
      const sink = new TestSink();
      sink.preset = 'EARLIEST';
      const { uuids } = scene.publish(2000);
      let ahead = 0;
      sink.before = async () => {
        ahead = Math.max(ahead, scene.count('requestedEvents') - sink.events.length);
        if (sink.events.length % 100 === 0) await moment();
      };
      const one = scene.subscribe(sink);
      await scene.stored(one, 2000);
      assert.deepEqual(sink.order, uuids);
      assert.equal(sink.mostAtOnce, 1);
      assert.equal(scene.count('openedStreams'), 1);
      if (transport.pulls) assert.ok(ahead <= 100, `${ahead} ahead`);
    });

    it('is kept while one event takes longer than Salesforce waits for a request (B14, T16)', async () => {
      const sink = new TestSink();
      sink.room = 1;
      const one = scene.subscribe(sink);
      await scene.connected(one);
      const gate = held();
      sink.before = gate.wait;
      const { uuids } = scene.publish(2);
      await until('the first event at the sink', () => sink.mostAtOnce === 1);
      for (const seconds of [30, 20, 20, 20]) {
        await one.clock.advance(seconds * 1_000);
        await moment();
        scene.org.panel.advance(seconds * 1_000);
      }
      sink.before = () => Promise.resolve();
      gate.release();
      await scene.stored(one, 2);
      assert.deepEqual(sink.order, uuids);
      assert.equal(sink.tries, 2);
      assert.equal(scene.count('openedStreams'), 1);
    });

    it('stops for a sink without room, and goes on when it is poked', async () => {
      const sink = new TestSink();
      sink.room = 0;
      const one = scene.subscribe(sink);
      await one.clock.advance(1_000);
      assert.equal(scene.count('openedStreams'), 0);
      sink.before = () => Promise.resolve(void (sink.room -= 1));
      sink.room = 7;
      one.subscriber.poke();
      await scene.connected(one);
      const { uuids } = scene.publish(20);
      await scene.stored(one, 7);
      await one.clock.advance(5_000);
      await moment();
      assert.equal(sink.events.length, 7);
      if (transport.pulls) assert.equal(scene.count('requestedEvents'), 7);
      sink.room = 100;
      one.subscriber.poke();
      // At once: our clock stands.
      await until('the rest', () => sink.events.length === 20);
      assert.deepEqual(sink.order, uuids);
      assert.equal(scene.count('openedStreams'), 1);
    });

    it('keeps its stream although the sink has had no room for minutes (B14, forcedotcom/pub-sub-api#34)', async () => {
      const sink = new TestSink();
      sink.room = 1;
      const one = scene.subscribe(sink);
      await scene.connected(one);
      sink.before = () => Promise.resolve(void (sink.room = 0));
      const { uuids } = scene.publish(4);
      await scene.stored(one, 1);
      for (let n = 0; n < 12; n++) {
        await one.clock.advance(25_000);
        await moment();
        scene.org.panel.advance(25_000);
        await moment();
      }
      assert.equal(sink.events.length, 1);
      sink.before = () => Promise.resolve();
      sink.room = 100;
      one.subscriber.poke();
      await scene.stored(one, 4);
      assert.deepEqual(
        sink.events.map((event) => event.eventId),
        uuids,
      );
      assert.equal(scene.count('openedStreams'), 1);
      assert.equal(scene.count('deliveries'), 4);
    });

    for (const room of [Number.POSITIVE_INFINITY, 101, 2.9, Number.NaN, -5])
      it(`takes a room of ${room} for what it can be (B31)`, async () => {
        const sink = new TestSink();
        sink.room = room;
        const one = scene.subscribe(sink);
        if (!(room >= 1)) {
          await one.clock.advance(5_000);
          await moment();
          assert.equal(scene.logins(), 0);
          sink.room = 5;
          one.subscriber.poke();
        }
        await scene.connected(one);
        if (transport.pulls && room >= 1) assert.equal(scene.count('requestedEvents'), Math.min(100, Math.floor(room)));
        const { uuids } = scene.publish(3);
        await scene.stored(one, 3);
        assert.deepEqual(sink.order, uuids);
      });
  });
}
