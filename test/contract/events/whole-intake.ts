import assert from 'node:assert/strict';
import { parseOperatorStart } from '../../../lib/salesforce/events/start-place';
import { until } from '../../until';
import { Desk, orderOf } from './intake-under-test';
import { channel, hour, minute, moment, Scene, untaken } from './scene';
import { held } from './test-sink';
import type { TransportUnderTest } from './transport-under-test';

/** The subscriber, the durable store and the hand-out together. */
export function wholeIntake(transport: TransportUnderTest): void {
  describe('with the durable store', () => {
    const scene = new Scene(transport);
    let desk: Desk;
    beforeEach(async () => {
      desk = await Desk.open(scene, transport);
      scene.ends.push(() => desk.close());
    });

    const publish = (from: number, count = 1): string[] =>
      Array.from({ length: count }, (_, n) => scene.publish(1, { OrderId__c: orderOf(from + n) }).uuids[0] ?? '');
    const drop = (): void => transport.losses[0]?.lose(scene.org);
    const orders = (from: number, count: number): string[] =>
      Array.from({ length: count }, (_, n) => orderOf(from + n));

    it('five deploys, each starting before the last has stopped, leave one stream, and one event is one message', async () => {
      let one = await desk.listening();
      for (let deploy = 0; deploy < 5; deploy++) {
        const next = desk.intake();
        const starting = next.intake.start();
        const stopping = one.intake.stop();
        await desk.until('the old one gone', settled(Promise.all([starting, stopping])));
        await desk.until('the new stream', () => scene.starts().length === deploy + 2 && scene.streams() === 1);
        await desk.connected(next);
        one = next;
      }
      publish(1);
      await desk.until('the message', () => one.delivered.length === 1);
      await moment();
      assert.equal(one.delivered.length, 1);
      assert.deepEqual([scene.streams(), scene.count('peakStreams')], [1, 1]);
    });

    it('two nodes on one channel: one stream, and the second takes over from the position when the first stops', async () => {
      const one = await desk.listening();
      const two = desk.intake();
      await two.intake.start();
      publish(1, 2);
      await desk.until('the messages', () => one.delivered.length === 2);
      assert.deepEqual([two.delivered.length, scene.streams()], [0, 1]);
      const position = await desk.position();
      await one.intake.stop();
      const left = desk.clock.monotonic();
      publish(3);
      await desk.until('the message', () => two.delivered.length === 1);
      // It does not wait for the lease to run out.
      assert.ok(desk.clock.monotonic() - left < 10_000);
      assert.equal(two.delivered[0]?.orderId, orderOf(3));
      assert.equal(scene.starts().at(-1)?.replayId === '', false);
      assert.notEqual(await desk.position(), position);
      assert.equal(scene.count('peakStreams'), 1);
    });

    it('an event at hand when the lease is lost moves the position of the next leader not back (exactly-one R21)', async () => {
      const gate = held();
      let lost = false;
      const { store } = desk;
      const slow = altered(store, {
        inbox: altered(store.inbox, {
          async add(event, position) {
            if (lost) await gate.wait();
            return store.inbox.add(event, position);
          },
        }),
        leases: altered(store.leases, {
          acquire: (name, ttl) => (lost ? Promise.resolve(null) : store.leases.acquire(name, ttl)),
          renew: (lease, ttl) => (lost ? Promise.resolve(false) : store.leases.renew(lease, ttl)),
        }),
      });
      const one = await desk.listening({ store: slow });
      publish(1);
      await desk.until('the first', () => one.delivered.length === 1);
      lost = true;
      publish(2);
      // Its lease runs out while the second event is at the store; another instance listens.
      const two = desk.intake();
      await two.intake.start();
      await desk.until('the next leader', () => two.delivered.length === 1, 1_000);
      publish(3);
      await desk.until('the third', () => two.delivered.length === 2);
      const position = await desk.position();
      gate.release();
      await moment();
      assert.equal(await desk.position(), position);
      assert.deepEqual(
        two.delivered.map((event) => event.orderId),
        [orderOf(2), orderOf(3)],
      );
    });

    describe('a first start at LATEST, before there is a position', () => {
      beforeEach(async () => {
        publish(1, 2);
        scene.org.panel.advance(20 * minute);
        await desk.clock.advance(20 * minute);
      });
      const named = ({ delivered }: { delivered: { orderId: string | null }[] }) => delivered.map((one) => one.orderId);

      it('loses nothing when its stream ends', async () => {
        const one = await desk.listening();
        drop();
        publish(3, 2);
        await desk.until('the messages', () => one.delivered.length === 2);
        assert.deepEqual(named(one), orders(3, 2));
      });

      it('loses nothing while its stream cannot begin', async () => {
        scene.org.panel.fault({ call: transport.firstCall, times: 2, do: { kind: 'html', page: 'maintenance' } });
        const one = desk.intake();
        await one.intake.start();
        await desk.until('backing off', () => one.intake.state.subscriber?.phase === 'backingOff');
        publish(3, 2);
        await desk.until('the messages', () => one.delivered.length === 2);
        assert.deepEqual(named(one), orders(3, 2));
      });

      it('loses nothing that is published between its end and the next start, however long after', async () => {
        const one = await desk.listening();
        await one.intake.stop();
        publish(3, 2);
        scene.org.panel.advance(40 * hour);
        desk.clock.setWall(desk.clock.now() + 40 * hour);
        const two = await desk.listening();
        publish(5);
        await desk.until('the messages', () => two.delivered.length === 3);
        assert.deepEqual(named(two), orders(3, 3));
        assert.equal(desk.log.of('error').length, 0);
        drop();
        publish(6);
        await desk.until('the next', () => two.delivered.length === 4);
        assert.deepEqual(scene.presets(), ['LATEST', 'EARLIEST', 'CUSTOM']);
      });

      it('begins with all that is kept when it is set so meanwhile', async () => {
        const one = await desk.listening();
        await one.intake.stop();
        const two = await desk.listening({ replay: 'ALL' });
        await desk.until('the messages', () => two.delivered.length === 2);
        assert.deepEqual(named(two), orders(1, 2));
      });

      if (transport.namesPlaces)
        it('goes on from the place that a sign of life named', async () => {
          const one = await desk.listening();
          const before = await desk.position();
          scene.org.panel.advance(transport.quietMs);
          await desk.until('the place', () => one.intake.state.subscriber?.position !== null, 1);
          assert.notEqual(await desk.position(), before);
          await one.intake.stop();
          publish(3);
          const two = await desk.listening();
          await desk.until('the message', () => two.delivered.length === 1);
          assert.deepEqual([named(two), scene.presets()], [orders(3, 1), ['LATEST', 'CUSTOM']]);
        });
    });

    it('a store that cannot give the lease at first is asked again, and the stream comes by itself', async () => {
      let fails = 3;
      const { store } = desk;
      const away = altered(store, {
        leases: altered(store.leases, {
          acquire: (name, ttl) =>
            fails-- > 0 ? Promise.reject(new Error('the store is away')) : store.leases.acquire(name, ttl),
        }),
      });
      const one = desk.intake({ store: away });
      await one.intake.start();
      await desk.until('connected', () => one.intake.state.subscriber?.phase === 'connected', 500);
      publish(1);
      await desk.until('the message', () => one.delivered.length === 1);
    });

    it('a flow that throws on one event of three touches neither the others nor the stream (N3, N7)', async () => {
      const seen: string[] = [];
      const one = desk.intake({
        deliver: (event) => {
          seen.push(event.orderId ?? '');
          if (event.orderId === orderOf(1)) throw new Error('a node threw');
        },
      });
      await one.intake.start();
      await desk.connected(one);
      one.intake.pause();
      publish(1, 3);
      await desk.until('all three stored', () => one.intake.state.subscriber?.received === 3, 1);
      await moment();
      const thrown = await untaken(async () => {
        one.intake.resume();
        await desk.until('all three', () => new Set(seen).size === 3, 500);
      });
      assert.deepEqual(thrown, []);
      assert.equal(scene.count('openedStreams'), 1);
      assert.equal(one.intake.state.subscriber?.phase, 'connected');
    });

    it('an event that the store can never take goes to the dead, bytes and reason kept; the next one comes (N3)', async () => {
      const { store } = desk;
      const odd = altered(store, {
        inbox: altered(store.inbox, {
          add(event, position) {
            if (event.orderId === orderOf(1)) throw new TypeError('cannot be written down');
            return store.inbox.add(event, position);
          },
        }),
      });
      const one = await desk.listening({ store: odd });
      publish(1, 2);
      await desk.until('the second', () => one.delivered.length === 1);
      const [dead] = await store.inbox.inState(channel, 'dead', 10);
      assert.equal(dead?.reason, 'cannot be written down');
      assert.ok(((await store.inbox.raw(dead?.id ?? '')) ?? '').length > 0);
      assert.equal(one.delivered[0]?.orderId, orderOf(2));
      assert.equal(scene.count('openedStreams'), 1);
    });

    it('a backlog is handed out four at a time, while the stream takes it all in (B29, damoclark#11)', async () => {
      publish(1, 30);
      let inWork = 0;
      let most = 0;
      const ends: (() => void)[] = [];
      const one = desk.intake({
        replay: 'ALL',
        deliver: ({ id: eventId, handout, orderId }) => {
          most = Math.max(most, ++inWork);
          ends.push(() => {
            inWork -= 1;
            void one.provisioning.endings.done({ eventId, handout, orderId: orderId ?? '' });
          });
        },
      });
      await one.intake.start();
      let ended = 0;
      await desk.until('the end of all', () => {
        for (const end of ends.splice(0)) {
          end();
          ended += 1;
        }
        return ended === 30;
      });
      assert.ok(most <= 4, `${most} at once`);
      assert.deepEqual([scene.count('openedStreams'), scene.count('deliveries')], [1, 30]);
    });

    it('what comes twice is run once; the same uuid in another place is told by the guard, not dropped (B32, R16)', async () => {
      const one = await desk.listening();
      const [uuid] = publish(1);
      await desk.until('the message', () => one.delivered.length === 1);
      scene.org.people.act('duplicateLast');
      scene.org.people.act('duplicateLast', { renumber: true });
      await desk.until('the second place', () => one.delivered.length === 2);
      await moment();
      assert.deepEqual(
        one.delivered.map((event) => event.eventId),
        [uuid, uuid],
      );
      const [first, second] = one.delivered;
      assert.notEqual(first?.id, second?.id);
      const lines = desk.log.lines.filter((line) => line.text.startsWith('Platform Event enqueued'));
      assert.deepEqual(
        lines.map((line) => line.facts.uuid),
        [uuid, uuid],
      );
    });

    it('the position deleted by hand: all that is kept comes again, and nothing is run twice (T20, T07)', async () => {
      const one = await desk.listening();
      publish(1, 40);
      await desk.until('all', () => one.delivered.length === 40);
      await one.intake.stop();
      await desk.store.cursor.clear(channel);
      const two = desk.intake({ replay: 'ALL' });
      await two.intake.start();
      await desk.until('caught up', () => two.intake.state.subscriber?.phase === 'connected');
      publish(41);
      await desk.until('the new one', () => two.delivered.length === 1);
      await moment();
      assert.deepEqual(
        two.delivered.map((event) => event.orderId),
        [orderOf(41)],
      );
      // What it cost is in the log.
      const line = desk.log.lines.find((one) => one.text.startsWith('Caught up with the event channel'));
      assert.equal(line?.facts.deliveries, 40);
    });

    it('a position that is too old names the gap from the newest event on, over a restart (B17, T17)', async () => {
      const one = await desk.listening();
      publish(1, 2);
      await desk.until('both', () => one.delivered.length === 2);
      const newest = Math.max(...one.delivered.map((event) => event.createdAt ?? 0));
      await one.intake.stop();
      scene.org.panel.advance(80 * hour);
      desk.clock.setWall(desk.clock.now() + 80 * hour);
      publish(3);
      const two = desk.intake();
      await two.intake.start();
      await desk.until('what is left', () => two.delivered.length === 1);
      assert.equal(two.delivered[0]?.orderId, orderOf(3));
      const alarms = desk.log.lines.filter((line) => line.level === 'error');
      assert.equal(alarms.length, 1);
      assert.equal(alarms[0]?.facts.from, new Date(newest).toISOString());
      assert.equal(two.intake.state.subscriber?.gap?.from, newest);
    });

    describe('a person starts it', () => {
      it('from everything that is kept, once: what is known is not run again, and the position goes on from there', async () => {
        publish(1, 3);
        const one = await desk.listening();
        publish(4, 2);
        await desk.until('the new ones', () => one.delivered.length === 2);
        assert.equal(await one.intake.startFrom(parseOperatorStart('ALL', desk.clock.now())), true);
        await desk.until('the old ones', () => one.delivered.length === 5);
        await desk.connected(one);
        assert.deepEqual(
          one.delivered.map((event) => event.orderId),
          [...orders(4, 2), ...orders(1, 3)],
        );
        drop();
        publish(6);
        await desk.until('the next', () => one.delivered.length === 6);
        assert.deepEqual(scene.presets(), ['LATEST', 'EARLIEST', 'CUSTOM']);
        assert.equal(scene.streams(), 1);
        assert.equal(scene.count('peakStreams'), 1);
      });

      it('from a time: older events are passed over before they reach the inbox', async () => {
        publish(1, 3);
        scene.org.panel.advance(10 * minute);
        await desk.clock.advance(10 * minute);
        const time = new Date(scene.org.panel.now()).toISOString();
        publish(4, 2);
        scene.org.panel.advance(minute);
        await desk.clock.advance(minute);
        const one = await desk.listening();
        assert.equal(await one.intake.startFrom(parseOperatorStart(time, desk.clock.now())), true);
        await desk.until('those since', () => one.delivered.length === 2);
        await desk.connected(one);
        assert.deepEqual(
          one.delivered.map((event) => event.orderId),
          orders(4, 2),
        );
        const counts = await desk.store.inbox.counts(channel);
        assert.equal(counts.finished, 2);
        assert.equal(scene.count('deliveries'), 5);
      });

      it('after a replay id; one that Salesforce does not know changes nothing and is no gap', async () => {
        const { places } = scene.publish(2, { OrderId__c: orderOf(1) });
        scene.publish(1, { OrderId__c: orderOf(2) });
        const one = await desk.listening();
        publish(3);
        await desk.until('the new one', () => one.delivered.length === 1);
        const position = await desk.position();
        const unknown = transport.placeOf(Buffer.from('ffffffffffffffff0000', 'hex').toString('base64'));
        assert.equal(await one.intake.startFrom({ from: 'replayId', replayId: unknown }), true);
        await desk.connected(one);
        await desk.until('the stored place', () => scene.starts().at(-1)?.replayId !== '');
        assert.equal(await desk.position(), position);
        assert.equal(one.intake.state.subscriber?.gap, null);

        const asked = parseOperatorStart(places[1] ?? '', desk.clock.now());
        assert.equal(await one.intake.startFrom(asked), true);
        await desk.until('what follows it', () => one.delivered.length === 2);
        await desk.connected(one);
        assert.equal(one.delivered[1]?.orderId, orderOf(2));
      });

      for (const [from, found] of [
        ['ALL', orders(1, 3)],
        ['the time of the third', orders(3, 1)],
      ] as const)
        it(`from ${from}, and another instance takes over before anything has come from there: it begins there`, async () => {
          publish(1, 2);
          scene.org.panel.advance(10 * minute);
          await desk.clock.advance(10 * minute);
          const time = new Date(scene.org.panel.now()).toISOString();
          publish(3);
          scene.org.panel.advance(minute);
          await desk.clock.advance(minute);
          const one = await desk.listening();
          publish(4);
          await desk.until('the new one', () => one.delivered.length === 1);
          scene.org.panel.switches({ canSubscribe: false });
          const asked = parseOperatorStart(from === 'ALL' ? from : time, desk.clock.now());
          assert.equal(await one.intake.startFrom(asked), true);
          await desk.until('nothing to be read', () => one.intake.state.subscriber?.phase === 'misconfigured', 500);
          await one.intake.stop();
          scene.org.panel.switches({ canSubscribe: true });
          const two = desk.intake();
          await two.intake.start();
          await desk.until('what was asked for', () => two.delivered.length === found.length);
          await desk.connected(two);
          assert.deepEqual(
            two.delivered.map((event) => event.orderId),
            found,
          );
        });

      it('while an event of before hangs at the store: its late end does not undo what was asked for', async () => {
        const gate = held();
        let hangs = false;
        const { store } = desk;
        const slow = altered(store, {
          inbox: altered(store.inbox, {
            async add(event, position) {
              if (hangs) await gate.wait();
              return store.inbox.add(event, position);
            },
          }),
        });
        publish(1, 3);
        const one = await desk.listening({ store: slow });
        hangs = true;
        publish(4);
        await desk.until('an event at the store', () => one.intake.state.subscriber?.received === 1);
        const begun = one.intake.startFrom({ from: 'ALL' });
        const over = settled(begun);
        scene.org.panel.switches({ canSubscribe: false });
        await desk.until('the old stream is given up', over, 500);
        assert.equal(await begun, true);
        await desk.until('nothing to be read', () => one.intake.state.subscriber?.phase === 'misconfigured', 500);
        hangs = false;
        gate.release();
        await desk.until('the old event', () => one.delivered.length === 1);
        await one.intake.stop();
        scene.org.panel.switches({ canSubscribe: true });
        const two = desk.intake();
        await two.intake.start();
        await desk.until('all of before', () => two.delivered.length === 3);
        assert.deepEqual(
          two.delivered.map((event) => event.orderId),
          orders(1, 3),
        );
      });

      it('while the store does not take it: it is told, and the stream goes on where it was', async () => {
        let fails = false;
        const { store } = desk;
        const away = altered(store, {
          cursor: altered(store.cursor, {
            write: (of, position) =>
              fails ? Promise.reject(new Error('the store is away')) : store.cursor.write(of, position),
          }),
        });
        const one = await desk.listening({ store: away });
        publish(1);
        await desk.until('the first', () => one.delivered.length === 1);
        fails = true;
        await assert.rejects(one.intake.startFrom({ from: 'ALL' }), /the store is away/);
        fails = false;
        publish(2);
        await desk.until('the next', () => one.delivered.length === 2);
        assert.equal(one.delivered[1]?.orderId, orderOf(2));
      });

      it('on an instance that only stands by: nothing happens there', async () => {
        await desk.listening();
        const two = desk.intake();
        await two.intake.start();
        assert.equal(await two.intake.startFrom({ from: 'ALL' }), false);
        assert.equal(scene.count('openedStreams'), 1);
      });

      it('and hears beforehand what it may cost: an upper bound where it is known, else why not', async () => {
        const one = await desk.listening();
        publish(1, 3);
        await desk.until('three', () => one.delivered.length === 3);
        const young = await one.intake.startCost({ from: 'ALL' });
        assert.equal(young.atMost, null);
        assert.match(young.text, /unknown: .*less than the 72 hours/);
        scene.org.panel.switches({ suppressKeepalives: true });
        scene.org.panel.advance(73 * hour);
        desk.clock.setWall(desk.clock.now() + 73 * hour);
        publish(4, 2);
        scene.org.panel.advance(minute);
        await desk.clock.advance(minute);
        publish(6, 3);
        await desk.until('eight', () => one.delivered.length === 8);
        await desk.connected(one);
        const known = await one.intake.startCost({ from: 'ALL' });
        assert.equal(known.atMost, 5);
        const since = one.delivered[5];
        const { atMost } = await one.intake.startCost({ from: 'replayId', replayId: since?.replayId ?? '' });
        assert.equal(atMost, 3);
        assert.match((await one.intake.startCost({ from: 'time', at: 0 })).text, /passed over/);
        // It keeps its word.
        const before = scene.count('deliveries');
        await one.intake.startFrom({ from: 'ALL' });
        await desk.until('the stream', () => scene.presets().at(-1) === 'EARLIEST');
        await desk.connected(one);
        await until('no more', () => scene.count('deliveries') - before === 5);
        assert.equal(one.delivered.length, 8);
      });
    });
  });
}

/** Whether a promise has ended. */
function settled(work: Promise<unknown>): () => boolean {
  let over = false;
  void work.finally(() => (over = true));
  return () => over;
}

/** The same, with some of its members replaced; the others keep their own `this`. */
function altered<T extends object>(of: T, changes: Partial<T>): T {
  return new Proxy(of, {
    get: (target, name) => {
      if (Object.hasOwn(changes, name)) return Reflect.get(changes, name) as unknown;
      const value: unknown = Reflect.get(target, name, target);
      return typeof value === 'function' ? (value.bind(target) as unknown) : value;
    },
  });
}
