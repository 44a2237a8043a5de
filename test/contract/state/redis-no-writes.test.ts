/** A Redis that takes no writes for a while, although it runs: orders wait, people are told, and it goes on by itself. */
import assert from 'node:assert/strict';
import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type Redis from 'ioredis';
import { Intake } from '../../../lib/provisioning/intake';
import type { InboxEvent, StateStore } from '../../../lib/state/contract';
import type { RedisServer } from '../../redis-server';
import { DeskUnderTest } from '../../unit/provisioning/desk-under-test';
import { ScriptedSubscriber } from '../../unit/provisioning/scripted-subscriber';
import { RedisEngine } from '../../unit/provisioning/vendor-doubles/redis-engine';
import { until } from '../../until';
import { contents, refused, RedisStores } from './redis-stores';
import { channel, eventOf, orderOf, positionOf, stateWith } from './samples';

interface Spell {
  what: string;
  words: RegExp;
  begin(): Promise<void>;
  end(): Promise<void>;
}

describe('A Redis that takes no writes for a while', function () {
  this.timeout(90_000);
  const stores = new RedisStores();
  let server: RedisServer;
  let client: Redis;
  let loading: Promise<void>;

  beforeEach(async () => {
    // With a snapshot to save, or it would not mind that it cannot.
    server = await stores.server({ args: ['--save', '3600 1000000'] });
    client = stores.client(server.url);
  });

  const savesAs = async (status: 'ok' | 'err'): Promise<void> => {
    await client.bgsave();
    await until(`its last snapshot is ${status}`, async () => {
      const info = await client.info('persistence');
      return info.includes('rdb_bgsave_in_progress:0') && info.includes(`rdb_last_bgsave_status:${status}`);
    });
  };
  const cannotSave: Spell = {
    what: 'cannot save its snapshot (stop-writes-on-bgsave-error)',
    words: /takes no writes since it cannot save to its disk \(MISCONF\)/,
    async begin() {
      mkdirSync(join(server.directory, 'dump.rdb'));
      await savesAs('err');
    },
    async end() {
      rmSync(join(server.directory, 'dump.rdb'), { recursive: true });
      await savesAs('ok');
    },
  };
  const loads: Spell = {
    what: 'is started on much data',
    words: /still loading/,
    async begin() {
      // While it loads it answers after each 1,024th command only.
      await Promise.all(Array.from({ length: 10_000 }, (_, at) => client.set(`filler:${at}`, 'x')));
      loading = server.restart({ args: ['--key-load-delay', '300'] });
    },
    async end() {
      await client.config('SET', 'key-load-delay', '0');
      await loading;
    },
  };

  it('half-writes nothing while it cannot save, answers what is asked, and goes on once it can', async () => {
    const store = await stores.open(server.url);
    const { id } = await store.inbox.add(eventOf(1), positionOf(1));
    const event = await store.inbox.take(channel, Date.now());
    const lease = await store.leases.acquire(`order:${orderOf(1)}`, 30_000);
    assert.ok(event && lease);
    await cannotSave.begin();
    const before = await contents(client);
    const writes = (): Promise<unknown>[] => [
      store.inbox.add(eventOf(2), positionOf(2)),
      store.inbox.park(id, 1, Date.now() + 9_000, 'busy', 'c'),
      store.inbox.finish(id, 1, 'Activated', null, 5),
      store.inbox.handOutAgain(id, 1, 'silence'),
      store.ledger.write(orderOf(1), lease.fence, stateWith(['settle'])),
      store.ledger.record(orderOf(1), { intent: 'a1', kind: 'sent', at: 5 }),
      store.claims.claim('w', 9, orderOf(1)),
      store.openIntents.open('w', 9, orderOf(1), 'a1'),
      store.leases.acquire('order:2', 30_000),
    ];
    await Promise.all(writes().map((work) => refused(work, 'UNAVAILABLE', cannotSave.words)));
    await refused(stores.open(server.url), 'UNAVAILABLE', cannotSave.words);
    assert.deepEqual(await contents(client), before);
    assert.equal((await store.inbox.get(id))?.state, 'inWork');
    await cannotSave.end();
    assert.equal(await store.inbox.finish(id, 1, 'Activated', null, 5), 'finished');
    assert.equal((await store.inbox.add(eventOf(2), positionOf(2))).isNew, true);
  });

  for (const spell of [cannotSave, loads])
    it(`keeps orders waiting while it ${spell.what}, says so, and loses none`, async () => {
      const engine = new RedisEngine();
      const desk = await DeskUnderTest.open({ shared: { engine, place: server.url } });
      const { store, handouts, endings } = desk.provisioning;
      const delivered: InboxEvent[] = [];
      let subscriber: ScriptedSubscriber | undefined;
      let messages = 0;
      const intake = new Intake({
        provisioning: desk.provisioning,
        channel,
        orderIdField: 'OrderId__c',
        activationStatusField: 'Activation_Status__c',
        replay: 'LATEST',
        maxInWork: 1,
        silenceMs: 86_400_000,
        uncaught: 'fail',
        createSubscriber: (sink) => (subscriber = new ScriptedSubscriber(sink)),
        deliver: (event) => void delivered.push(event),
        newMessageId: () => `m${++messages}`,
      });
      const arrives = async (number: number): Promise<void> =>
        subscriber?.sink.event({
          channel,
          replayId: Buffer.from(`replay-${number}`).toString('base64'),
          eventId: `e${number}`,
          createdAt: desk.clock.now(),
          payload: { OrderId__c: orderOf(number) },
        });
      const says = (words: RegExp): Promise<void> =>
        until(`it says ${words}`, async () => words.test((await store.health()).detail));
      const ends = async (at: number): Promise<void> => {
        const event = delivered[at];
        assert.ok(event?.orderId);
        await endings.done({ eventId: event.id, handout: event.handout, orderId: event.orderId });
      };
      const handsOut = (count: number): Promise<void> =>
        until(`${count} have gone out`, async () => {
          await desk.settle(1_000);
          return delivered.length === count;
        });
      try {
        await desk.provisioning.start();
        await intake.start();
        await until('it listens', async () => {
          await desk.settle(1_000);
          return subscriber !== undefined;
        });
        await arrives(1);
        await arrives(2);
        await handsOut(1);
        await spell.begin();
        await says(spell.words);
        // Not stored, so not taken: the bus will send it again from the stored position.
        await refused(arrives(3), 'UNAVAILABLE', /Redis/);
        await refused(ends(0), 'UNAVAILABLE', /Redis/);
        await desk.clock.advance(5_000);
        assert.deepEqual([delivered.length, handouts.inWork(channel).length], [1, 1]);
        await spell.end();
        await until('it works', async () => (await store.health()).ok);
        await arrives(3);
        for (const at of [0, 1, 2]) {
          await handsOut(at + 1);
          await ends(at);
        }
        assert.deepEqual(
          delivered.map(({ orderId, handout }) => [orderId, handout]),
          [1, 2, 3].map((number) => [orderOf(number), 1]),
        );
        await allEnded(store);
      } finally {
        await intake.stop();
        await desk.close();
      }
    });

  async function allEnded(store: StateStore): Promise<void> {
    const { waiting, inWork, parked } = await store.inbox.counts(null);
    assert.deepEqual([waiting, inWork, parked], [0, 0, 0]);
    for (const number of [1, 2, 3])
      assert.deepEqual(
        (await store.inbox.ofOrder(orderOf(number))).map(({ end }) => end),
        ['Done'],
      );
  }
});
