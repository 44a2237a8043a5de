import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import path from 'node:path';
import { backoff } from '../../../lib/salesforce/backoff';
import { privateKeyPem } from '../../unit/salesforce/org';
import { until } from '../../until';
import { channel, minute, moment, pass, Scene, seeded } from './scene';
import { held, TestSink } from './test-sink';
import type { TransportUnderTest } from './transport-under-test';

export function comingBack(transport: TransportUnderTest): void {
  describe('coming back', () => {
    const scene = new Scene(transport);

    for (const { what, lose } of transport.losses)
      it(`goes on after ${what}, five times over: each event once, in order, on one stream (B13, T14, B2)`, async () => {
        const one = scene.subscribe();
        await scene.connected(one);
        const { uuids } = scene.publish(2);
        await scene.stored(one, 2);
        for (let round = 1; round <= 5; round++) {
          lose(scene.org);
          uuids.push(...scene.publish(2).uuids);
          await scene.stored(one, 2 + 2 * round);
          assert.equal(scene.streams(), 1);
        }
        assert.deepEqual(one.sink.order, uuids);
        assert.deepEqual(scene.presets(), ['LATEST', 'CUSTOM', 'CUSTOM', 'CUSTOM', 'CUSTOM', 'CUSTOM']);
        assert.equal(scene.count('peakStreams'), 1);
        assert.equal(scene.logins(), 1);
      });

    it('resumes after the last event, not at the place it first had (B24, T18)', async () => {
      const [lose] = transport.losses;
      const sink = new TestSink();
      sink.stored = scene.publish(1).places[0] ?? '';
      const one = scene.subscribe(sink);
      let count = 0;
      for (let round = 0; round < 3; round++) {
        const { replayIds } = scene.publish(100);
        await scene.stored(one, (count += 100));
        lose?.lose(scene.org);
        await one.until('the next stream', () => scene.starts().length === round + 2);
        assert.equal(scene.starts().at(-1)?.replayId, replayIds.at(-1));
      }
      assert.equal(sink.events.length, 300);
      assert.equal(scene.count('deliveries'), 300);
    });

    it('takes a revoked token for one new login, and gets what was published meanwhile once each (B1, B10)', async () => {
      const one = scene.subscribe();
      await scene.connected(one);
      const { uuids } = scene.publish(2);
      await scene.stored(one, 2);
      const refused = scene.calls(transport.firstCall);
      scene.org.panel.fault({ call: 'token', do: { kind: 'delay', ms: 100 } });
      scene.org.people.act('revokeTokens');
      uuids.push(...scene.publish(3).uuids);
      await scene.stored(one, 5);
      assert.deepEqual(one.sink.order, uuids);
      assert.equal(scene.logins(), 2);
      // The very first call after it bore the new token.
      const { auth } = scene.org.panel.requests(transport.firstCall)[refused] ?? {};
      assert.notEqual(auth, scene.org.panel.requests(transport.firstCall)[0]?.auth);
      await scene.connected(one);
      assert.equal(one.state.problem, null);
    });

    it('sits out ten minutes of maintenance pages everywhere, and then loses nothing (B11)', async () => {
      const one = scene.subscribe();
      await scene.connected(one);
      const { uuids } = scene.publish(1);
      await scene.stored(one, 1);
      scene.org.panel.fault({ call: '*', times: 0, do: { kind: 'html', page: 'maintenance' } });
      transport.losses[0]?.lose(scene.org);
      uuids.push(...scene.publish(3).uuids);
      await pass(one, 10 * minute, 5_000);
      assert.equal(one.state.phase, 'backingOff');
      assert.ok(one.waits.length < 25, `${one.waits.length} tries`);
      assert.ok(one.waits.every((wait) => wait <= minute));
      assert.ok(one.log.of('warn').length <= 2, 'one for the end, one for the outage');
      scene.org.panel.clearFaults();
      await scene.stored(one, 4, 1_000);
      assert.deepEqual(one.sink.order, uuids);
      await scene.connected(one);
      assert.ok(one.log.of('info').includes('The event stream is back'));
    });

    it('waits ever longer, a minute at most, jittered by its own dice (MeowWolf#73)', async () => {
      const tries = async (seed: number): Promise<number[]> => {
        scene.org.panel.fault({ call: '*', times: 0, do: { kind: 'html', page: 'maintenance' } });
        const one = scene.subscribe(new TestSink(), { random: seeded(seed) });
        await one.until('many tries', () => one.waits.length >= 12, 5_000);
        await one.close();
        scene.org.panel.clearFaults();
        return one.waits.slice(0, 12);
      };
      const waits = await tries(7);
      const dice = seeded(7);
      assert.deepEqual(
        waits,
        Array.from({ length: 12 }, (_, n) => backoff(n + 1, 1_000, minute, dice)),
      );
      assert.ok((waits[0] ?? 0) >= 500 && (waits[0] ?? 0) <= 1_000);
      assert.ok(Math.max(...waits) > 30_000 && Math.max(...waits) <= minute);
      assert.notDeepEqual(await tries(8), waits);
    });

    it('says what is wrong while it waits, and when it will try again', async () => {
      const one = scene.subscribe();
      await scene.connected(one);
      scene.org.panel.fault({ call: '*', times: 0, do: { kind: 'html', page: 'maintenance' } });
      transport.losses[0]?.lose(scene.org);
      await one.until('backing off', () => one.waits.length >= 3, 200);
      const { problem } = one.state;
      assert.ok(problem !== null && problem.code !== '' && problem.message !== '');
      assert.equal(
        one.states.filter((state) => state.phase === 'backingOff').every((state) => state.retryAt !== null),
        true,
      );
    });

    it('stores what had come before the stream ended, then goes on from there', async () => {
      const one = scene.subscribe();
      await scene.connected(one);
      const gate = held();
      one.sink.before = gate.wait;
      const { uuids } = scene.publish(5);
      await until('the first event at the sink', () => one.sink.mostAtOnce === 1);
      await until('the delivery', () => scene.count('deliveries') === 5);
      transport.losses[0]?.lose(scene.org);
      await until('no stream', () => scene.streams() === 0);
      await one.clock.advance(5_000);
      await moment();
      assert.equal(scene.count('openedStreams'), 1);
      one.sink.before = () => Promise.resolve();
      gate.release();
      uuids.push(...scene.publish().uuids);
      await scene.stored(one, 6);
      assert.deepEqual(one.sink.order, uuids);
      assert.equal(scene.count('deliveries'), 6);
    });

    it('keeps its process alive while nothing but a pause is left, and recovers (B3)', async () => {
      const script = `
        const { transport } = require(${JSON.stringify(transport.module)});
        const { createSalesforce } = require('./lib/salesforce/connection');
        const { systemClock } = require('./lib/clock');
        const { silentLog } = require('./lib/log');
        const salesforce = createSalesforce({
          loginUrl: process.env.ORG, audience: 'https://login.salesforce.com', clientId: process.env.CLIENT,
          username: process.env.USERNAME, privateKey: { pem: process.env.KEY }, clock: systemClock, log: silentLog,
        });
        const done = () => Promise.resolve();
        const subscriber = transport.create({ url: process.env.ORG, pubsub: process.env.PUBSUB }, {
          channel: ${JSON.stringify(channel)}, auth: salesforce.auth, clock: systemClock, log: silentLog,
          sink: {
            event: (event) => (console.log(event.eventId), done()), unreadable: done, position: done,
            capacity: () => 100, start: () => Promise.resolve({ preset: 'EARLIEST' }),
          },
        });
        subscriber.onState((state) => console.log(state.phase));
        subscriber.start();
      `;
      const child = spawn(process.execPath, ['-r', 'tsx/cjs', '-e', script], {
        cwd: path.resolve(__dirname, '../../..'),
        env: {
          ...process.env,
          ORG: scene.org.url,
          PUBSUB: scene.org.pubsub,
          CLIENT: '3MVG9.consumer.key',
          USERNAME: 'integration@acme.example',
          KEY: privateKeyPem,
        },
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      let said = '';
      let code: number | null | undefined;
      child.stdout.on('data', (chunk: Buffer) => (said += chunk.toString()));
      child.on('exit', (exit) => (code = exit));
      const soon = async (what: string, holds: () => boolean): Promise<void> => {
        const end = performance.now() + 15_000;
        while (!holds()) {
          assert.equal(code, undefined, `the process ended by itself with code ${code} before ${what}`);
          assert.ok(performance.now() < end, `not within 15 s: ${what}`);
          await moment();
        }
      };
      try {
        await soon('connected', () => said.includes('connected'));
        scene.org.panel.fault({ call: 'token', times: 0, do: { kind: 'html', page: 'maintenance' } });
        scene.org.people.act('revokeTokens');
        // The connections go as well: nothing is left but the pause.
        await soon('backing off', () => said.includes('backingOff'));
        const since = performance.now();
        await soon('two seconds', () => performance.now() > since + 2_000);
        scene.org.panel.clearFaults();
        const [uuid = ''] = scene.publish().uuids;
        await soon('the event', () => said.includes(uuid));
      } finally {
        child.kill('SIGKILL');
        await until('the end of the child', () => code !== undefined);
        // Killed between two connects, its client is forgotten in time only.
        scene.org.panel.advance(2 * minute);
      }
    });
  });
}
