import assert from 'node:assert/strict';
import { until } from '../../until';
import { minute, moment, pass, Scene } from './scene';
import type { TransportUnderTest } from './transport-under-test';

export function silence(transport: TransportUnderTest): void {
  describe('silence', () => {
    const scene = new Scene(transport);

    it('is noticed when a stream says nothing any more, not before, and nothing is lost (B6, B15, T15, jsforce#857)', async () => {
      const one = scene.subscribe();
      await scene.connected(one);
      const { replayIds } = scene.publish();
      await scene.stored(one, 1);
      scene.org.people.act('silence');
      const { uuids } = scene.publish();
      await one.clock.advance(transport.silenceMs - 5_000);
      await moment();
      assert.equal(one.state.phase, 'connected');
      await one.clock.advance(5_000);
      await one.until('deaf', () => one.phases.includes('deaf'), 1);
      const deaf = one.states.find((state) => state.phase === 'deaf');
      assert.equal(deaf?.problem?.code, 'SILENT');
      assert.ok(deaf?.retryAt !== null);
      await scene.stored(one, 2);
      assert.equal(one.sink.order[1], uuids[0]);
      assert.deepEqual(scene.starts().at(-1)?.replayId, replayIds[0]);
      await until('one stream', () => scene.streams() === 1);
    });

    it('is noticed on a stream that was accepted and never said a word (B6, node-red#4432)', async () => {
      scene.org.people.act('silence', { newStreams: true });
      const one = scene.subscribe();
      await pass(one, transport.silenceMs + 40_000);
      await one.until('deaf', () => one.phases.includes('deaf'));
      scene.org.people.act('silence', { on: false });
      const { uuids } = scene.publish();
      await scene.stored(one, 1, 1_000);
      assert.deepEqual(one.sink.order, uuids);
    });

    it('is not taken for death on a quiet channel that shows signs of life for an hour', async () => {
      const one = scene.subscribe();
      await scene.connected(one);
      for (let passed = 0; passed < 60 * minute; passed += transport.quietMs) {
        const before = one.state.lastKeepaliveAt;
        await until('the server to wait', () => transport.awaitsSign?.(scene.org) ?? true);
        await one.clock.advance(transport.quietMs);
        scene.org.panel.advance(transport.quietMs);
        await until('the sign of life', () => one.state.lastKeepaliveAt !== before);
      }
      assert.equal(scene.count('openedStreams'), 1);
      assert.equal(one.state.phase, 'connected');
      const { uuids } = scene.publish();
      await scene.stored(one, 1, 1);
      assert.deepEqual(
        one.sink.events.map((event) => event.eventId),
        uuids,
      );
    });

    it('of a call that is never answered ends by a time-out, and the next one works', async () => {
      scene.org.panel.fault({ call: transport.firstCall, do: { kind: 'hang' } });
      const one = scene.subscribe();
      await until('the call', () => scene.calls(transport.firstCall) === 1);
      await one.until('backing off', () => one.phases.includes('backingOff') || one.phases.includes('deaf'), 1_000);
      await scene.connected(one);
    });
  });
}
