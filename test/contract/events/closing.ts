import assert from 'node:assert/strict';
import { until } from '../../until';
import { moment, pass, Scene, untaken } from './scene';
import { held, TestSink } from './test-sink';
import type { TransportUnderTest } from './transport-under-test';

export function closing(transport: TransportUnderTest): void {
  describe('closing and starting anew', () => {
    const scene = new Scene(transport);

    it('leaves one stream fewer and no timer, before, while and after it works (N9)', async () => {
      const timers = (): number => process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length;
      const one = scene.listen();
      await one.close();
      const before = timers();
      one.subscriber.start();
      assert.equal(one.state.phase, 'stopped');
      assert.equal(timers(), before);

      const two = scene.subscribe();
      await two.close();
      assert.equal(two.clock.pending, 0);

      const three = scene.subscribe();
      await scene.connected(three);
      const gate = held();
      three.sink.before = gate.wait;
      scene.publish(5);
      await until('the event at the sink', () => three.sink.mostAtOnce === 1);
      const closed = three.subscriber.close();
      await until('the end of the stream', () => scene.streams() === 0);
      assert.equal(three.sink.events.length, 0);
      gate.release();
      await closed;
      assert.equal(three.sink.events.length, 1);
      assert.equal(three.state.phase, 'stopped');
      assert.equal(three.clock.pending, 0);
      scene.publish();
      await moment();
      assert.equal(three.sink.events.length, 1);

      const four = scene.subscribe();
      await scene.connected(four);
      four.sink.before = () => Promise.resolve(void (four.sink.room = 0));
      scene.publish(3);
      await until('the sink full', () => four.sink.events.length === 1);
      await moment();
      await four.close();
      assert.equal(four.sink.events.length, 1);
    });

    it('ends a pause at once', async () => {
      scene.org.panel.fault({ call: '*', times: 0, do: { kind: 'html', page: 'maintenance' } });
      const one = scene.subscribe();
      await one.until('a long pause', () => one.waits.length >= 6, 5_000);
      await one.close();
      assert.equal(one.clock.pending, 0);
    });

    it('waits ten seconds at most for the event at hand', async () => {
      const one = scene.subscribe();
      await scene.connected(one);
      const gate = held();
      one.sink.before = gate.wait;
      scene.publish();
      await until('the event at the sink', () => one.sink.mostAtOnce === 1);
      let over = false;
      const closed = one.subscriber.close().then(() => (over = true));
      await one.clock.advance(9_000);
      assert.equal(over, false);
      await one.clock.advance(1_000);
      await closed;
      gate.release();
    });

    it('five times over, as deploys do, leaves one stream, and one event comes once (node-red#280, Stwissel#16)', async () => {
      const sink = new TestSink();
      let one = scene.subscribe(sink);
      await scene.connected(one);
      for (let deploy = 0; deploy < 5; deploy++) {
        await one.close();
        one = scene.subscribe(sink);
        await scene.connected(one);
      }
      const { uuids } = scene.publish();
      await scene.stored(one, 1);
      await moment();
      assert.deepEqual(
        sink.order.filter((what) => !what.startsWith('@')),
        uuids,
      );
      assert.equal(scene.streams(), 1);
      assert.equal(scene.count('peakStreams'), 1);
    });

    it('while the next one starts already: never two streams of a channel and org, nothing lost or twice (n8n#21582)', async () => {
      const sink = new TestSink();
      let one = scene.subscribe(sink);
      await scene.connected(one);
      const uuids: string[] = [];
      for (let deploy = 0; deploy < 5; deploy++) {
        const next = scene.subscribe(sink);
        await next.until('standing by', () => next.state.phase === 'standingBy');
        uuids.push(...scene.publish().uuids);
        await scene.stored(one, uuids.length);
        const closed = one.close();
        await scene.connected(next);
        await closed;
        one = next;
      }
      uuids.push(...scene.publish().uuids);
      await scene.stored(one, uuids.length);
      assert.deepEqual(
        sink.order.filter((what) => !what.startsWith('@')),
        uuids,
      );
      assert.equal(scene.count('peakStreams'), 1);
      assert.equal(scene.count('deliveries'), uuids.length);
    });

    it('of many listeners on one channel: one stream, the others stand by and take over in their order (T06)', async () => {
      const first = scene.subscribe();
      await scene.connected(first);
      const ones = [first];
      while (ones.length < 4) {
        const one = scene.subscribe();
        await one.until('standing by', () => one.state.phase === 'standingBy');
        assert.equal(one.log.of('warn').length, 1);
        ones.push(one);
      }
      assert.equal(scene.streams(), 1);
      const [, second] = ones;
      assert.ok(second);
      await first.close();
      await scene.connected(second);
      assert.deepEqual(
        ones.map((one) => one.state.phase),
        ['stopped', 'connected', 'standingBy', 'standingBy'],
      );
      assert.equal(scene.count('peakStreams'), 1);
    });

    it('does not keep the next one waiting for a store that never answers (node-red#2934)', async () => {
      const one = scene.subscribe();
      await scene.connected(one);
      one.sink.before = () => new Promise(() => undefined);
      const { uuids } = scene.publish();
      await until('the event at the sink', () => one.sink.tries === 1);
      const closed = one.close();
      await one.clock.advance(10_000);
      await closed;
      const sink = new TestSink();
      sink.preset = 'EARLIEST';
      const next = scene.subscribe(sink);
      await scene.stored(next, 1);
      assert.deepEqual(sink.order, uuids);
    });

    it('has no old stream left that could harm anybody when Salesforce ends it (B12)', async () => {
      const thrown = await untaken(async () => {
        for (const { lose } of transport.losses) {
          const old = scene.subscribe();
          await scene.connected(old);
          const closed = old.close();
          lose(scene.org);
          await closed;
          const one = scene.subscribe();
          await scene.connected(one);
          lose(scene.org);
          await scene.connected(one);
          await one.close();
        }
      });
      assert.deepEqual(thrown, []);
    });

    it('lets go of every socket, and of the old ones when it connects again', async () => {
      const sockets = (): number => process.getActiveResourcesInfo().filter((name) => name === 'TCPSocketWrap').length;
      const before = sockets();
      const one = scene.subscribe();
      await scene.connected(one);
      const connectedSockets = sockets();
      assert.ok(connectedSockets > before);
      for (let n = 0; n < 3; n++) {
        transport.losses.at(-1)?.lose(scene.org);
        scene.publish();
        await scene.stored(one, n + 1);
        await scene.connected(one);
      }
      await pass(one, 20_000);
      await until('the old sockets gone', () => sockets() <= connectedSockets);
      await one.close();
      await until('all sockets gone', () => sockets() <= before);
    });
  });
}
