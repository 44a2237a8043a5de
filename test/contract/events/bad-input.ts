import assert from 'node:assert/strict';
import { minute, pass, Scene } from './scene';
import { TestSink } from './test-sink';
import type { TransportUnderTest } from './transport-under-test';

export function badInput(transport: TransportUnderTest): void {
  describe('what cannot work', () => {
    const scene = new Scene(transport);
    const misconfigured = async (one: ReturnType<Scene['subscribe']>): Promise<string> => {
      await one.until('misconfigured', () => one.state.phase === 'misconfigured', 500);
      return one.state.problem?.message ?? '';
    };

    it('is a channel that does not exist: it stops and says so, with the permission that may be lacking', async () => {
      const one = scene.subscribe(new TestSink(), { channel: '/event/Nothing__e' });
      const message = await misconfigured(one);
      assert.match(message, /knows no channel \/event\/Nothing__e/);
      assert.match(message, /Read on the platform event Nothing__e/);
      const { retryAt } = one.state;
      assert.equal(retryAt, null);
      const tries = scene.calls(transport.firstCall);
      await pass(one, 60 * minute, 5_000);
      assert.equal(scene.calls(transport.firstCall), tries);
      assert.equal(scene.logins(), 1);
      assert.deepEqual(one.log.of('error').length, 1);
    });

    it('is a channel that our user may not read: it stops and names the permission', async () => {
      scene.org.panel.switches({ canSubscribe: false });
      const one = scene.subscribe();
      const message = await misconfigured(one);
      assert.match(message, /the object permission Read on the platform event OrderProvisionRequested__e/);
      // Where the channel is asked about beforehand, that is enough.
      if (transport.pulls) assert.equal(scene.calls(transport.subscribeCall), 0);
      const tries = scene.calls(transport.firstCall);
      await pass(one, 60 * minute, 5_000);
      assert.equal(scene.calls(transport.firstCall), tries);
      assert.deepEqual(one.log.of('error').length, 1);
    });

    it('may work again too where another instance listened before: a takeover stops for nothing that passes (T38)', async () => {
      const one = scene.subscribe();
      await scene.connected(one);
      scene.publish();
      await scene.stored(one, 1);
      await one.close();
      scene.org.panel.switches({ canSubscribe: false });
      const next = new TestSink();
      next.stored = one.sink.stored;
      const two = scene.subscribe(next);
      assert.match(await misconfigured(two), /Read on the platform event/);
      assert.ok(two.state.retryAt !== null);
      const { uuids } = scene.publish();
      scene.org.panel.switches({ canSubscribe: true });
      await scene.stored(two, 1, 10_000);
      assert.equal(next.order[0], uuids[0]);
    });

    it('may work again: a permission lost while it listened is told, and looked for every ten to twenty minutes (T38)', async () => {
      const one = scene.subscribe();
      await scene.connected(one);
      scene.publish();
      await scene.stored(one, 1);
      scene.org.panel.switches({ canSubscribe: false });
      transport.losses[0]?.lose(scene.org);
      assert.match(await misconfigured(one), /Read on the platform event/);
      assert.ok(one.state.retryAt !== null);
      const tries = scene.calls(transport.firstCall);
      await pass(one, 60 * minute, 5_000);
      const looks = scene.calls(transport.firstCall) - tries;
      assert.ok(looks >= 3 && looks <= 6, `${looks} looks in an hour`);
      assert.equal(one.log.of('error').length, 1);
      const { uuids } = scene.publish();
      scene.org.panel.switches({ canSubscribe: true });
      await scene.stored(one, 2, 10_000);
      assert.equal(one.sink.order[1], uuids[0]);
    });

    it('is an allowance of deliveries that is used up: it stays away for minutes and resumes where it was (n8n#21582)', async () => {
      const one = scene.subscribe();
      await scene.connected(one);
      scene.publish();
      await scene.stored(one, 1);
      scene.org.panel.switches({ maxDeliveries: 1 });
      const { uuids } = scene.publish();
      await one.until('backing off', () => one.state.phase === 'backingOff');
      assert.match(one.state.problem?.message ?? '', /limit/);
      assert.ok((one.waits[0] ?? 0) > 2 * minute, String(one.waits));
      await pass(one, 60 * minute, 5_000);
      assert.ok(scene.calls(transport.firstCall) <= 10);
      scene.org.panel.switches({ maxDeliveries: null });
      await scene.stored(one, 2, 5_000);
      assert.equal(one.sink.order[1], uuids[0]);
    });
  });
}
