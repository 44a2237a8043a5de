import assert from 'node:assert/strict';
import { EventRefused } from '../../../lib/salesforce/contract';
import { StoreError } from '../../../lib/state/contract';
import { until } from '../../until';
import { minute, moment, pass, Scene } from './scene';
import { held, TestSink } from './test-sink';
import type { TransportUnderTest } from './transport-under-test';

export function storing(transport: TransportUnderTest): void {
  describe('a store in trouble', () => {
    const scene = new Scene(transport);
    const away = (): Promise<void> => Promise.reject(new StoreError('UNAVAILABLE', 'the store is away'));

    it('leaves the stream alone: the event is kept and tried again, ever more rarely, and nothing comes twice (T21, T25)', async () => {
      const one = scene.subscribe();
      await scene.connected(one);
      one.sink.before = away;
      const { uuids } = scene.publish(3);
      await one.until('backing off', () => one.state.phase === 'backingOff');
      assert.deepEqual(one.state.problem, { code: 'UNAVAILABLE', message: 'the store is away' });
      await one.until('eight tries', () => one.sink.tries >= 8, 1_000);
      assert.ok(one.clock.monotonic() >= minute, `${one.clock.monotonic()} ms`);
      assert.ok(one.waits.every((wait) => wait <= minute));
      assert.equal(one.sink.events.length, 0);
      one.sink.before = () => Promise.resolve();
      await scene.stored(one, 3, 1_000);
      assert.deepEqual(one.sink.order, uuids);
      assert.equal(one.sink.mostAtOnce, 1);
      assert.equal(one.state.phase, 'connected');
      assert.equal(one.state.problem, null);
      assert.deepEqual([scene.count('openedStreams'), scene.count('deliveries')], [1, 3]);
      assert.deepEqual(one.log.of('error').length, 1);
      assert.ok(one.log.of('info').includes('Events are stored again'));
    });

    it('that refuses one event of three for good gets it as unreadable, with its bytes; the others go on (N3, N7)', async () => {
      const one = scene.subscribe();
      await scene.connected(one);
      let seen = 0;
      one.sink.before = () => (++seen === 1 ? Promise.reject(new EventRefused('it is too odd')) : Promise.resolve());
      const { uuids, places } = scene.publish(3);
      await one.until('all', () => one.sink.order.length === 3);
      assert.deepEqual(one.sink.order, [`!${uuids[0] ?? ''}`, uuids[1], uuids[2]]);
      const [dead] = one.sink.unreadables;
      assert.deepEqual([dead?.replayId, dead?.reason], [places[0], 'it is too odd']);
      assert.ok(Buffer.from(dead?.raw ?? '', 'base64').length > 0);
      assert.equal(scene.count('openedStreams'), 1);
      assert.equal(one.state.phase, 'connected');
    });

    it('whose call throws before it returns a promise is no different (jsforce: S11)', async () => {
      const one = scene.subscribe();
      await scene.connected(one);
      let seen = 0;
      one.sink.before = () => {
        if (++seen === 1) throw new TypeError('undefined is not a function');
        return Promise.resolve();
      };
      const { event } = one.sink;
      one.sink.event = (received) => {
        if (seen === 0) {
          seen = 1;
          throw new TypeError('undefined is not a function');
        }
        return event.call(one.sink, received);
      };
      const { uuids } = scene.publish(3);
      await scene.stored(one, 3);
      assert.deepEqual(one.sink.order, uuids);
      assert.equal(scene.count('openedStreams'), 1);
      // Nothing waits for that call any more.
      await pass(one, 25_000);
      assert.equal(one.state.problem, null);
    });

    it('that does not answer is told of within 30 s, and waited for; after two minutes the call counts as lost (T21, WV#23)', async () => {
      const one = scene.subscribe();
      await scene.connected(one);
      const gate = held();
      one.sink.before = gate.wait;
      const { uuids } = scene.publish(1);
      await until('the event at the sink', () => one.sink.mostAtOnce === 1);
      await pass(one, 25_000);
      assert.equal(one.state.problem?.code, 'STORE_SILENT');
      assert.equal(one.log.of('error').length, 1);
      assert.equal(one.sink.tries, 1);
      gate.release();
      await one.until('connected', () => one.state.phase === 'connected');
      assert.deepEqual(one.sink.order, uuids);

      one.sink.before = () => new Promise(() => undefined);
      uuids.push(...scene.publish(1).uuids);
      await one.until('the second event at the sink', () => one.sink.tries === 2);
      await pass(one, 110_000);
      assert.equal(one.sink.tries, 2);
      one.sink.before = () => Promise.resolve();
      await scene.stored(one, 2, 1_000);
      assert.deepEqual(one.sink.order, uuids);
      assert.equal(one.sink.tries, 3);
      assert.equal(scene.count('openedStreams'), 1);
    });

    it('while the stream ends: what came is stored first, then the next stream goes on from there', async () => {
      const one = scene.subscribe();
      await scene.connected(one);
      one.sink.before = away;
      const { uuids } = scene.publish(2);
      await one.until('backing off', () => one.state.phase === 'backingOff');
      transport.losses[0]?.lose(scene.org);
      await until('no stream', () => scene.streams() === 0);
      await pass(one, 5_000, 1_000);
      assert.equal(scene.count('openedStreams'), 1);
      assert.equal(one.state.problem?.code, 'UNAVAILABLE');
      one.sink.before = () => Promise.resolve();
      uuids.push(...scene.publish(1).uuids);
      await scene.stored(one, 3, 500);
      assert.deepEqual(one.sink.order, uuids);
      await scene.connected(one);
      assert.equal(scene.count('deliveries'), 3);
    });

    it('that cannot tell where to start, or does not answer that, is asked again', async () => {
      const sink = new TestSink();
      const start = sink.start.bind(sink);
      sink.start = () => Promise.reject(new StoreError('LOCKED', 'another process has it'));
      const one = scene.subscribe(sink);
      await one.until('backing off', () => one.state.phase === 'backingOff');
      assert.equal(one.state.problem?.code, 'LOCKED');
      let asked = 0;
      sink.start = () => {
        asked += 1;
        return new Promise(() => undefined);
      };
      await one.until('the question', () => asked === 1);
      await one.until('silence', () => one.state.problem?.code === 'ETIMEOUT', 1_000);
      sink.start = start;
      await scene.connected(one);
    });

    it('of a listener that throws is no trouble of the stream', async () => {
      const one = scene.listen();
      const heard: string[] = [];
      one.subscriber.onState(() => {
        throw new Error('mine');
      });
      const leave = one.subscriber.onState((state) => void heard.push(state.phase));
      one.subscriber.start();
      await scene.connected(one);
      leave();
      const count = heard.length;
      scene.publish();
      await scene.stored(one, 1);
      await moment();
      assert.equal(heard.length, count);
      assert.ok(heard.includes('connected'));
    });
  });
}
