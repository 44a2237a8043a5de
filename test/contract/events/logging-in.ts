import assert from 'node:assert/strict';
import { defaultFieldNames } from '../../../lib/salesforce/contract';
import { username } from '../../unit/salesforce/org';
import { minute, pass, Scene } from './scene';
import type { TransportUnderTest } from './transport-under-test';

export function loggingIn(transport: TransportUnderTest): void {
  describe('logging in', () => {
    const scene = new Scene(transport);
    const order = (): string => scene.org.people.stories().good ?? '';

    it('happens once for an expired token in hand, and then it subscribes (B4)', async () => {
      const one = scene.listen();
      await one.connection.salesforce.auth.token();
      scene.org.people.act('expireAll');
      one.subscriber.start();
      await scene.connected(one);
      assert.equal(scene.logins(), 2);
      const { uuids } = scene.publish();
      await scene.stored(one, 1);
      assert.deepEqual(one.sink.order, uuids);
    });

    it('does not help a subscription that is refused although REST works: that is told, never silence (B5, B8)', async () => {
      transport.refuseSubscriptions(scene.org, 0);
      const one = scene.subscribe();
      await one.until('backing off', () => one.phases.includes('backingOff'), 500);
      assert.equal(one.phases.includes('connected'), false);
      assert.ok(one.state.problem);
      assert.equal(one.log.of('error').length, 1);
      assert.equal((await one.connection.salesforce.readOrder(order(), defaultFieldNames))?.id, order());
      scene.org.panel.clearFaults();
      await one.until('connected', () => one.state.phase === 'connected', 10_000);
    });

    it('is not repeated when fresh tokens are refused: two in ten minutes, one alarm, then it works (B35)', async () => {
      scene.org.panel.switches({ refuseEveryStream: true });
      const one = scene.subscribe();
      await one.until('the alarm', () => one.log.of('error').length > 0);
      assert.equal(scene.logins(), 2);
      // REST goes on with the token that the stream could not use.
      for (let n = 0; n < 19; n++) {
        await pass(one, 30_000, 30_000);
        assert.equal((await one.connection.salesforce.readOrder(order(), defaultFieldNames))?.id, order());
      }
      assert.equal(scene.logins(), 2);
      assert.equal(scene.calls(transport.firstCall), 2);
      assert.equal(one.log.of('error').length, 1);
      assert.equal(one.state.phase, 'backingOff');
      scene.org.panel.switches({ refuseEveryStream: false });
      await one.until('connected', () => one.state.phase === 'connected', 10_000);
    });

    it('is no storm when each token is good for a few events only (Stwissel#24)', async () => {
      const one = scene.subscribe();
      await scene.connected(one);
      const since = one.clock.monotonic();
      let events = 0;
      while (one.clock.monotonic() - since < 10 * minute) {
        scene.publish();
        events += 1;
        await scene.stored(one, events, 1_000);
        scene.org.people.act('revokeTokens');
      }
      const minutes = (one.clock.monotonic() - since) / minute;
      assert.ok(scene.logins() <= 2 + 2 * minutes, `${scene.logins()} logins in ${minutes} minutes`);
      assert.ok(events >= minutes / 2, 'it goes on all the same');
    });

    it('that is refused is not tried more often than the connection allows', async () => {
      scene.org.panel.switches({ approvedUsers: [] });
      const one = scene.subscribe();
      await one.until('backing off', () => one.state.phase === 'backingOff');
      assert.equal(one.state.problem?.code, 'invalid_grant');
      await pass(one, 10 * minute);
      assert.ok(scene.logins() <= 6, `${scene.logins()} logins in ten minutes`);
      scene.org.panel.switches({ approvedUsers: [username] });
      await one.until('connected', () => one.state.phase === 'connected', 10_000);
    });

    it('with an answer that holds no token is tried again until there is one (T22)', async () => {
      scene.org.panel.fault({ call: 'token', times: 3, do: { kind: 'json', body: { token_type: 'Bearer' } } });
      const one = scene.subscribe();
      await one.until('backing off', () => one.state.phase === 'backingOff');
      assert.equal(one.state.problem?.code, 'NO_TOKEN');
      await scene.connected(one);
      const { uuids } = scene.publish();
      await scene.stored(one, 1);
      assert.deepEqual(one.sink.order, uuids);
    });

    it('takes the host that came with the newest token (B36, jsforce#196)', async () => {
      scene.org.panel.switches({ tokensBoundToInstance: true });
      const one = scene.subscribe();
      await scene.connected(one);
      const moved = scene.org.url.replace('127.0.0.1', 'localhost');
      scene.org.panel.switches({ instanceUrl: moved });
      scene.org.people.act('revokeTokens');
      const { uuids } = scene.publish();
      await scene.stored(one, 1);
      assert.deepEqual(one.sink.order, uuids);
      assert.equal((await one.connection.salesforce.auth.token()).instanceUrl, moved);
      assert.equal(scene.logins(), 2);
    });
  });
}
