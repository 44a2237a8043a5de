import assert from 'node:assert/strict';
import { until } from '../../until';
import { channel, hour, minute, moment, pass, Scene } from './scene';
import { held, TestSink } from './test-sink';
import type { TransportUnderTest } from './transport-under-test';

/** base64 of an id that the org never gave out. */
const nowhere = Buffer.from('ffffffffffffffff0000', 'hex').toString('base64');

export function positions(transport: TransportUnderTest): void {
  describe('the position', () => {
    const scene = new Scene(transport);
    const otherChannel = '/event/SeatChangeRequested__e';
    const drop = (): void => transport.losses[0]?.lose(scene.org);

    it('that is stored is where it goes on, strictly after; without one it begins as it is told', async () => {
      const first = scene.publish(3);
      const stored = new TestSink();
      stored.stored = first.places[1] ?? null;
      const one = scene.subscribe(stored);
      await scene.stored(one, 1);
      assert.deepEqual(stored.order, [first.uuids[2]]);
      await one.close();

      const all = new TestSink();
      all.preset = 'EARLIEST';
      const other = scene.subscribe(all);
      await scene.stored(other, 3);
      assert.deepEqual(all.order, first.uuids);
      await other.close();

      const late = scene.subscribe();
      await scene.connected(late);
      await moment();
      assert.deepEqual(late.sink.order, []);
      assert.deepEqual(scene.starts(), [
        { channel, preset: 'CUSTOM', replayId: first.replayIds[1] },
        { channel, preset: 'EARLIEST', replayId: '' },
        { channel, preset: 'LATEST', replayId: '' },
      ]);
    });

    for (const replayIdBytes of transport.replayIdBytes)
      it(`of ${replayIdBytes} bytes, beyond what a number holds, comes back byte for byte (B21)`, async () => {
        scene.org.panel.switches({ replayIdBytes });
        scene.org.people.act('resetBus', { from: '9007199254740993' });
        const one = scene.subscribe();
        await scene.connected(one);
        const { replayIds } = scene.publish(3);
        await scene.stored(one, 3);
        drop();
        await one.until('the next stream', () => scene.starts().length === 2);
        assert.deepEqual(scene.starts().at(-1), { channel, preset: 'CUSTOM', replayId: replayIds[2] });
        const { uuids } = scene.publish();
        await scene.stored(one, 4);
        assert.equal(one.sink.order.at(-1), uuids[0]);
      });

    it('older than Salesforce remembers: everything it still keeps, and one alarm that names the gap (B17, T17)', async () => {
      const { places } = scene.publish(2);
      const through = scene.org.panel.now();
      scene.org.panel.advance(73 * hour);
      const { uuids } = scene.publish(3);
      const sink = new TestSink();
      sink.stored = places[1] ?? null;
      sink.through = through;
      const one = scene.subscribe(sink);
      await scene.stored(one, 3);
      assert.deepEqual(sink.order, uuids);
      const alarms = one.log.lines.filter((line) => line.level === 'error');
      assert.equal(alarms.length, 1);
      const [alarm] = alarms;
      const [gap] = sink.gaps;
      assert.ok(gap && alarm);
      assert.deepEqual(gap, { channel, from: through, until: gap.until, position: places[1] });
      assert.ok(Math.abs(gap.until - one.clock.now()) < minute);
      assert.ok(
        alarm.text.includes(`between ${new Date(through).toISOString()} and ${new Date(gap.until).toISOString()}`),
      );
      assert.deepEqual(one.state.gap, gap);
      // Told once, and the next streams go on from what was stored.
      drop();
      uuids.push(...scene.publish().uuids);
      await scene.stored(one, 4);
      assert.deepEqual(sink.order, uuids);
      assert.deepEqual(scene.presets(), ['EARLIEST', 'CUSTOM']);
      assert.equal(sink.gaps.length, 1);
      assert.equal(one.log.of('error').length, 1);
    });

    it('that is unknown is told once although nothing has come since, and is not asked for again (camel#18396)', async () => {
      const { places } = scene.publish();
      scene.org.panel.advance(73 * hour);
      const sink = new TestSink();
      sink.stored = places[0] ?? null;
      sink.position = () => Promise.resolve();
      const one = scene.subscribe(sink);
      for (let round = 1; round <= 3; round++) {
        await one.until('the stream', () => scene.starts().length === round);
        await scene.connected(one);
        drop();
        await until('no stream', () => scene.streams() === 0);
      }
      assert.deepEqual(scene.presets(), ['EARLIEST', 'EARLIEST', 'EARLIEST']);
      assert.equal(sink.gaps.length, 1);
      assert.equal(one.log.of('error').length, 1);
    });

    it('that is garbage: it starts all the same, with an alarm (B25, wso2#4768)', async () => {
      const { uuids } = scene.publish(1);
      for (const garbage of ['', 'abc', 'AAAA', '!!!', '1104717', 'ZmZmZmZmZmZmZmZmZg==']) {
        const sink = new TestSink();
        sink.stored = garbage;
        const one = scene.subscribe(sink);
        await scene.stored(one, 1);
        assert.deepEqual(sink.order, uuids, garbage);
        assert.deepEqual(
          sink.gaps.map(({ from, position }) => ({ from, position })),
          [{ from: null, position: garbage }],
        );
        assert.match(one.log.of('error')[0] ?? '', /events published before \d{4}-.* may be lost/);
        await one.close();
      }
    });

    it('of a bus that has moved: old places are gone, new events come (help 005321562)', async () => {
      const one = scene.subscribe();
      await scene.connected(one);
      scene.publish(2);
      await scene.stored(one, 2);
      scene.org.people.act('resetBus');
      const { uuids } = scene.publish(2);
      await scene.stored(one, 4);
      assert.deepEqual(one.sink.order.slice(2), uuids);
      assert.equal(one.sink.gaps.length, 1);
    });

    it('of each channel is its own (B19)', async () => {
      const here = scene.publish(2);
      const there = scene.org.people.publish({ channel: otherChannel, fields: {}, times: 2 });
      const sinks = [new TestSink(), new TestSink()] as const;
      sinks[0].stored = here.places[0] ?? null;
      sinks[1].stored = transport.placeOf(there.replayIds[0] ?? '');
      const one = scene.subscribe(sinks[0]);
      const two = scene.subscribe(sinks[1], { channel: otherChannel });
      await scene.stored(one, 1);
      await scene.stored(two, 1);
      const starts = scene.starts().sort((a, b) => String(a.channel).localeCompare(String(b.channel)));
      assert.deepEqual(starts, [
        { channel, preset: 'CUSTOM', replayId: here.replayIds[0] },
        { channel: otherChannel, preset: 'CUSTOM', replayId: there.replayIds[0] },
      ]);
      assert.deepEqual([sinks[0].order, sinks[1].order], [[here.uuids[1]], [there.uuids[1]]]);
    });

    if (transport.mayLackReplayId)
      it('stays where it was when an event bears none, and that is said once (B21)', async () => {
        scene.org.panel.switches({ latestReplayId: false, keepaliveReplayId: false });
        const one = scene.subscribe();
        await scene.connected(one);
        const { places } = scene.publish();
        await scene.stored(one, 1);
        scene.org.panel.switches({ eventReplayId: false });
        const { uuids } = scene.publish(3);
        await scene.stored(one, 4);
        await scene.quietUntil(one, 'a sign of life', () => one.state.lastKeepaliveAt !== null);
        assert.deepEqual(one.sink.order.slice(1), uuids);
        assert.deepEqual(one.sink.events.at(-1)?.replayId, null);
        assert.equal(one.sink.stored, places[0]);
        assert.equal(one.state.position, places[0]);
        assert.equal(one.log.of('warn').filter((text) => text.includes('without a replay id')).length, 1);
      });

    it('that an operator asked for is tried once; unknown, it is no gap and the stored one holds (pozil#22)', async () => {
      const { places, uuids } = scene.publish(3);
      const sink = new TestSink();
      sink.stored = places[1] ?? null;
      sink.asked = { replayId: transport.placeOf(nowhere) };
      const one = scene.subscribe(sink);
      await scene.stored(one, 1);
      assert.deepEqual(sink.order, [uuids[2]]);
      assert.equal(one.state.gap, null);
      assert.match(one.log.of('error')[0] ?? '', /asked for/);
      await one.close();

      sink.asked = { replayId: places[0] ?? '' };
      const again = scene.listen(sink);
      const told: (string | null)[] = [];
      sink.before = () => Promise.resolve(void told.push(again.state.position));
      again.subscriber.start();
      await scene.stored(again, 3);
      // What was asked for is no position: nothing is stored up to there.
      assert.equal(told[0], null);
      assert.deepEqual(sink.order.slice(1), [uuids[1], uuids[2]]);
    });

    it('from a time: what was created before is passed over, and what is passed over moves nothing (pozil#22)', async () => {
      const before = scene.publish(3);
      scene.org.panel.advance(10 * minute);
      const time = scene.org.panel.now();
      const since = scene.publish(2);
      const sink = new TestSink();
      sink.stored = since.places[1] ?? null;
      sink.asked = { preset: 'EARLIEST', createdSince: time };
      const one = scene.subscribe(sink);
      await scene.stored(one, 2);
      assert.deepEqual(sink.order, since.uuids);
      assert.equal(scene.count('deliveries'), before.uuids.length + 2);
      assert.equal(one.state.deliveries.today >= 5, true);

      // Cut off before anything was kept: the next stream passes over what is still to come, and no event twice.
      const later = new TestSink();
      later.stored = since.places[1] ?? null;
      later.asked = { preset: 'EARLIEST', createdSince: scene.org.panel.now() + hour };
      await one.close();
      const two = scene.subscribe(later);
      await two.until('all passed over', () => scene.count('deliveries') === 10 && later.passedTo !== null);
      await two.until('up to the last', () => placeIn(later) === since.places[1]);
      drop();
      await two.until('again', () => later.starts === 2 && two.state.phase === 'connected');
      const { places: more } = scene.publish();
      await two.until('what came since is passed over too', () => placeIn(later) === more[0]);
      assert.equal(scene.count('deliveries'), 11);
      assert.deepEqual(later.order, []);
      assert.equal(later.stored, since.places[1]);
    });

    if (transport.namesPlaces) places(transport, scene);
  });
}

/** Signs of life name places. */
function places(transport: TransportUnderTest, scene: Scene): void {
  const quiet = (): void => void scene.org.panel.advance(transport.quietMs);

  it('is taken from signs of life: nothing is lost on a channel quiet for longer than Salesforce remembers (B18)', async () => {
    const one = scene.subscribe();
    await scene.connected(one);
    scene.publish();
    await scene.stored(one, 1);
    const { order } = one.sink;
    for (let day = 0; day < 3; day++) {
      scene.org.panel.advance(25 * hour);
      await one.until('the places', () => order.length > day + 1, 1);
    }
    await one.until('the newest place', () => one.state.position === one.sink.stored, 1);
    quiet();
    const count = order.length;
    await one.until('the last place', () => order.length > count, 1);
    transport.losses[0]?.lose(scene.org);
    const { uuids } = scene.publish();
    await scene.stored(one, 2);
    assert.equal(one.sink.events[1]?.eventId, uuids[0]);
    assert.deepEqual(scene.presets(), ['LATEST', 'CUSTOM']);
    assert.deepEqual([one.sink.gaps, one.log.of('error')], [[], []]);
  });

  it('of a sign of life counts only once the events before it are stored', async () => {
    const one = scene.subscribe();
    await scene.connected(one);
    const gate = held();
    one.sink.before = gate.wait;
    const { uuids, places } = scene.publish();
    await until('the event at the sink', () => one.sink.mostAtOnce === 1);
    quiet();
    await one.until('the sign of life', () => one.state.lastKeepaliveAt !== null, 1);
    assert.deepEqual(one.sink.order, []);
    gate.release();
    await one.until('the place', () => one.sink.order.length === 2, 1);
    assert.equal(one.sink.order[0], uuids[0]);
    assert.match(one.sink.order[1] ?? '', /^@/);
    assert.notEqual(one.sink.stored, places[0]);
    assert.equal(one.state.position, one.sink.stored);
  });

  it('is written one at a time, the newest only, in the way of no event, and never after a later one', async () => {
    const one = scene.subscribe();
    await scene.connected(one);
    const gate = held();
    let writes = 0;
    let atOnce = 0;
    let most = 0;
    one.sink.beforePosition = async () => {
      writes += 1;
      most = Math.max(most, ++atOnce);
      await gate.wait();
      atOnce -= 1;
    };
    quiet();
    await one.until('the first write', () => writes === 1, 1);
    for (let n = 0; n < 5; n++) quiet();
    const { uuids } = scene.publish(2);
    await scene.stored(one, 2, 1);
    assert.deepEqual(one.sink.order, uuids);
    gate.release();
    await moment();
    assert.equal(writes, 1, 'the places before the events are written after them');
    quiet();
    await one.until('the second write', () => writes === 2, 1);
    for (let n = 0; n < 5; n++) quiet();
    await moment();
    gate.release();
    await one.until('the third write', () => writes === 3, 1);
    gate.release();
    await moment();
    assert.deepEqual([writes, most], [3, 1]);
    assert.equal(one.sink.order.length, 5);
  });

  it('whose write hangs or fails is said once and left to the next, and the stream goes on (T21)', async () => {
    const one = scene.subscribe();
    await scene.connected(one);
    let writes = 0;
    one.sink.beforePosition = () => {
      writes += 1;
      if (writes === 1) return new Promise(() => undefined);
      return writes === 2 ? Promise.reject(new Error('the store is away')) : Promise.resolve();
    };
    for (let n = 1; n <= 3; n++) {
      quiet();
      await one.until('the write', () => writes === n, 1);
      await pass(one, 21_000);
    }
    await one.until('the place', () => one.sink.order.length === 1, 1);
    assert.equal(one.log.of('warn').length, 1);
    assert.equal(scene.count('openedStreams'), 1);
    assert.equal(one.state.phase, 'connected');
  });
}

const placeIn = ({ passedTo }: TestSink): string | null =>
  passedTo !== null && 'replayId' in passedTo ? passedTo.replayId : null;
