/** A Redis that is away, refuses, or takes no writes: said in words, nothing half-written, and it goes on by itself. */
import assert from 'node:assert/strict';
import { StoreError, type StateStore } from '../../../lib/state/contract';
import type { RedisServer } from '../../redis-server';
import { freePort } from '../../../scripts/demo/node-red';
import { until } from '../../until';
import { contents, refused, RedisStores } from './redis-stores';
import { channel, eventOf, orderOf, positionOf, stateWith } from './samples';

describe('The shared store and a Redis', function () {
  this.timeout(60_000);
  const stores = new RedisStores();

  /** One of each write that money hangs on. */
  const writes = (store: StateStore, fence: number): Promise<unknown>[] => [
    store.inbox.add(eventOf(2), positionOf(2)),
    store.ledger.write(orderOf(1), fence, stateWith(['settle'])),
    store.ledger.record(orderOf(1), { intent: 'a1', kind: 'call-ended', at: 5 }),
    store.claims.claim('w', 9, orderOf(1)),
    store.openIntents.open('w', 9, orderOf(1), 'a1'),
    store.leases.acquire('order:2', 30_000),
    store.inbox.finish('ev-1', 'any', 'Failed', 'why', 5),
  ];

  const works = (store: StateStore): Promise<void> => until('it works', async () => (await store.health()).ok);

  describe('that does not answer', () => {
    it('says that nobody listens, at once, and leaves nothing open', async () => {
      const port = await freePort();
      const before = process.getActiveResourcesInfo().length;
      await refused(
        stores.open(`redis://:secret@127.0.0.1:${port}`),
        'UNAVAILABLE',
        /cannot be reached \(ECONNREFUSED\)/,
      );
      await until('nothing is left open', () => process.getActiveResourcesInfo().length <= before);
    });

    it('fails every call within its bound, and does each at most once', async () => {
      const server = await stores.server();
      const store = await stores.open(server.url);
      const other = await stores.open(server.url);
      const { id } = await store.inbox.add(eventOf(1));
      server.pause();
      const from = Date.now();
      const lease = store.leases.acquire('order:9', 30_000);
      const taken = store.inbox.take(channel, Date.now());
      const all = [...writes(store, 1), lease, taken, store.inbox.get(id), store.doubt()];
      await Promise.all(all.map((work) => refused(work, 'UNAVAILABLE', /does not answer \(ETIMEDOUT\)/)));
      assert.ok(Date.now() - from < 7_000, 'the bound');
      const { ok, detail } = await store.health();
      assert.deepEqual([ok, /does not answer|connection to Redis/.test(detail)], [false, true]);
      server.resume();
      await works(store);
      await works(other);
      const { facts } = await other.ledger.read(orderOf(1));
      assert.ok(facts.length <= 1);
      assert.equal(
        (await other.inbox.inState(channel, 'waiting', 9)).filter((one) => one.orderId === orderOf(2)).length,
        1,
      );
      const event = await other.inbox.get(id);
      assert.ok(event && event.handout <= 1);
      assert.deepEqual((await store.inbox.inWorkHere(channel)).length, event.state === 'inWork' ? 1 : 0);
    });

    it('closes within its bound, and leaves nothing open', async () => {
      const server = await stores.server();
      const before = process.getActiveResourcesInfo().length;
      const store = await stores.open(server.url);
      server.pause();
      const from = Date.now();
      await store.close();
      assert.ok(Date.now() - from < 7_000);
      await until('nothing is left open', () => process.getActiveResourcesInfo().length <= before);
    });

    it('does not open within its bound', async () => {
      const server = await stores.server();
      server.pause();
      const from = Date.now();
      await refused(stores.open(server.url), 'UNAVAILABLE', /does not answer \(ETIMEDOUT\)/);
      assert.ok(Date.now() - from < 12_000);
    });

    for (const how of ['is restarted in good order', 'is killed'] as const)
      it(`goes on by itself when Redis ${how}, without doubt where it alone wrote`, async () => {
        const server = await stores.server();
        const store = await stores.open(server.url);
        await store.setDoubt(null);
        const lease = await store.leases.acquire(`order:${orderOf(1)}`, 30_000);
        await store.ledger.write(orderOf(1), lease?.fence ?? 0, stateWith(['settle']));
        if (how === 'is killed') await server.kill();
        else await server.stopOnly();
        await until('it is missed', async () => !(await store.health()).ok);
        await refused(store.inbox.add(eventOf(1)), 'UNAVAILABLE', /Redis/);
        await server.restart();
        await works(store);
        assert.deepEqual((await store.ledger.read(orderOf(1))).state, stateWith(['settle']));
        assert.equal(await store.doubt(), null);
        assert.equal((await store.inbox.add(eventOf(1))).isNew, true);
      });

    it('doubts after a restart where others may have written', async () => {
      const server = await stores.server();
      const store = await stores.open(server.url);
      await stores.open(server.url);
      await store.setDoubt(null);
      await server.kill();
      await server.restart();
      await works(store);
      assert.match((await store.doubt())?.reason ?? '', /was restarted/);
    });
  });

  describe('that refuses', () => {
    it('the password, or that there is none', async () => {
      const server = await stores.server({ password: 'secret-1' });
      await (await stores.open(server.url)).health();
      const place = `127.0.0.1:${server.port}`;
      await refused(stores.open(`redis://:secret-2@${place}`), 'UNAVAILABLE', /refuses the user name or the password/);
      await refused(stores.open(`redis://nobody:secret-1@${place}`), 'UNAVAILABLE', /refuses the user name/);
      await refused(stores.open(`redis://${place}`), 'UNAVAILABLE', /refuses the user name or the password/);
    });

    for (const [denied, words] of [
      ['-info', /user may not run info; allow it/],
      ['-eval -evalsha', /user may not run evalsha; allow it/],
      ['-hset', /user may not run a command of the store/],
    ] as const)
      it(`a command (${denied})`, async () => {
        const server = await stores.server();
        await stores
          .client(server.url)
          .call('ACL', 'SETUSER', 'weak', 'on', '>secret', '~*', '&*', '+@all', ...denied.split(' '));
        await refused(stores.open(`redis://weak:secret@127.0.0.1:${server.port}`), 'UNAVAILABLE', words);
      });

    it('keys', async () => {
      const server = await stores.server();
      await stores.client(server.url).call('ACL', 'SETUSER', 'weak', 'on', '>secret', '~other:*', '&*', '+@all');
      await refused(
        stores.open(`redis://weak:secret@127.0.0.1:${server.port}`),
        'UNAVAILABLE',
        /user may not use the keys of the store/,
      );
    });

    it('to be one server: a cluster is told from it', async () => {
      const server = await stores.server({ args: ['--cluster-enabled', 'yes'] });
      await refused(stores.open(server.url), 'INVALID', /Redis Cluster.*single server, or use Sentinel/);
    });

    it('writes, being a replica', async () => {
      const server = await stores.server();
      const store = await stores.open(server.url);
      const client = stores.client(server.url);
      await store.ledger.write(orderOf(1), 1, stateWith([]));
      await store.setDoubt(null);
      await client.replicaof('127.0.0.1', 1);
      await refused(store.inbox.add(eventOf(1)), 'READ_ONLY', /replica and takes no writes/);
      await until('it says so', async () => /replica/.test((await store.health()).detail));
      await refused(stores.open(server.url), 'READ_ONLY', /name the master, or use Sentinel/);
      await client.replicaof('NO', 'ONE');
      await works(store);
      assert.deepEqual((await store.ledger.read(orderOf(1))).state, stateWith([]));
      assert.match((await store.doubt())?.reason ?? '', /promoted/);
    });

    it('everything while it loads its data', async () => {
      const server = await stores.server();
      const store = await stores.open(server.url);
      await store.ledger.record(orderOf(1), { intent: 'a1', kind: 'sent', at: 5 });
      // While it loads it answers after each 1,024th command.
      const client = stores.client(server.url);
      await Promise.all(Array.from({ length: 8_000 }, (_, at) => client.set(`filler:${at}`, at)));
      client.disconnect();
      const loading = server.restart({ args: ['--key-load-delay', '300'] });
      await until('it says so', async () => /still loading/.test((await store.health()).detail));
      await refused(stores.open(server.url), 'UNAVAILABLE', /still loading/);
      await loading;
      await works(store);
      assert.equal((await store.ledger.read(orderOf(1))).facts.length, 1);
    });

    it('writes, being full: nothing is half-written, and it goes on when there is room', async () => {
      const server = await stores.server();
      const store = await stores.open(server.url);
      const client = stores.client(server.url);
      await store.inbox.add(eventOf(1));
      const event = await store.inbox.take(channel, Date.now());
      const lease = await store.leases.acquire('order:9', 30_000);
      assert.ok(event && lease);
      for (const work of writes(store, 1)) await work;
      await client.config('SET', 'maxmemory', '1');
      const before = await contents(client);
      const { id, handout } = event;
      const tried = [
        store.inbox.add(eventOf(3), positionOf(3)),
        store.inbox.park(id, handout, Date.now() + 9_000, 'busy', 'c'),
        store.inbox.release(id, handout),
        store.inbox.finish(id, handout, 'Activated', null, 5),
        store.inbox.handOutAgain(id, handout, 'silence'),
        store.ledger.write(orderOf(5), 1, stateWith(['settle'])),
        store.ledger.record(orderOf(5), { intent: 'a1', kind: 'call-ended', at: 5 }),
        store.claims.claim('w', 10, orderOf(5)),
        store.openIntents.open('w', 10, orderOf(5), 'a1'),
        store.leases.acquire('order:5', 30_000),
        store.cursor.write(channel, positionOf(9)),
      ];
      await Promise.all(tried.map((work) => refused(work, 'UNAVAILABLE', /Redis is full \(OOM\)/)));
      assert.deepEqual(await contents(client), before);
      assert.equal(await store.leases.release(lease), true);
      const health = await store.health();
      assert.deepEqual([health.ok, /Redis is full/.test(health.detail)], [false, true]);
      await client.config('SET', 'maxmemory', '0');
      assert.equal(await store.inbox.finish(id, handout, 'Activated', null, 5), 'finished');
    });
  });

  describe('that holds odd things', () => {
    let server: RedisServer;
    let store: StateStore;
    beforeEach(async () => {
      server = await stores.server();
      store = await stores.open(server.url);
    });

    it('keeps ids of any characters apart', async () => {
      const odd = ['a}b{', 'a b', 'a\nb', 'ż🙂', 'q\'"\\', 'a:b', ':', '*', '%n'];
      for (const name of odd) {
        const lease = await store.leases.acquire(`order:${name}`, 30_000);
        assert.equal(await store.ledger.write(name, lease?.fence ?? 0, stateWith([name], { name })), 'written');
        await store.openIntents.open(name, 1, name, 'a1');
        await store.claims.claim(name, 1, name);
        const { id } = await store.inbox.add(eventOf(1, { channel: name, orderId: name }), positionOf(1));
        assert.equal((await store.inbox.take(name, Date.now()))?.id, id);
        assert.equal(await store.inbox.park(id, 1, 9_000_000_000_000, name, name), 'parked');
      }
      for (const name of odd) {
        assert.deepEqual((await store.ledger.read(name)).state, stateWith([name], { name }));
        assert.equal(await store.claims.holder(name, 1), name);
        assert.deepEqual(await store.openIntents.of(name, 1), [{ orderId: name, intent: 'a1' }]);
        assert.deepEqual(await store.cursor.read(name), positionOf(1));
        assert.equal((await store.inbox.wakeNext(name))?.orderId, name);
      }
    });

    it('takes a payload of a megabyte through every state', async () => {
      const payload = { text: 'ż'.repeat(500_000) };
      const { id } = await store.inbox.add(eventOf(1, { payload }));
      const event = await store.inbox.take(channel, Date.now());
      assert.deepEqual(event?.payload, payload);
      await store.inbox.park(id, 1, 5, 'r', 'w');
      await store.inbox.wakeNext('w');
      await store.inbox.finish(id, 'any', 'Done', null, 5);
      assert.deepEqual((await store.inbox.get(id))?.payload, payload);
    });

    it('refuses a number that it cannot keep before it touches anything', async () => {
      await store.inbox.add(eventOf(1));
      const event = await store.inbox.take(channel, Date.now());
      const client = stores.client(server.url);
      const before = await contents(client);
      for (const until of [NaN, Infinity, 1e21])
        await refused(store.inbox.park(event?.id ?? '', 1, until, 'r'), 'INVALID', /no whole number/);
      assert.deepEqual(await contents(client), before);
    });

    it('goes on past events whose keys were deleted by hand, and orders that they held up', async () => {
      const client = stores.client(server.url);
      for (const number of [1, 2, 3, 4]) await store.inbox.add(eventOf(number));
      await store.inbox.add(eventOf(5, { orderId: orderOf(1) }));
      await store.inbox.add(eventOf(6, { channel: 'parked' }));
      await store.inbox.add(eventOf(7, { channel: 'parked' }));
      for (let parked = 0; parked < 2; parked++) {
        const event = await store.inbox.take('parked', Date.now());
        await store.inbox.park(event?.id ?? '', 1, Date.now() + 3_600_000, 'r', 'w');
      }
      const first = await store.inbox.take(channel, Date.now());
      assert.equal(first?.orderId, orderOf(1));
      const gone = [
        first.id,
        ...(await Promise.all([2, 6].map(async (number) => (await store.inbox.ofOrder(orderOf(number)))[0]?.id))),
      ];
      for (const id of gone) await client.del(`{sf:q}:e:${id}`);
      const orders = [];
      for (
        let event = await store.inbox.take(channel, Date.now());
        event;
        event = await store.inbox.take(channel, Date.now())
      )
        orders.push(event.orderId);
      assert.deepEqual(orders, [3, 4, 1].map(orderOf));
      assert.equal((await store.inbox.wakeNext('w'))?.orderId, orderOf(7));
      await client.del(`{sf:q}:e:${(await store.inbox.ofOrder(orderOf(3)))[0]?.id}`);
      await store.close();
      const next = await stores.open(server.url);
      assert.equal((await next.inbox.take(channel, Date.now()))?.orderId, orderOf(4));
    });

    it('takes up what a process that ended had in work, whatever was deleted of it by hand', async () => {
      const other = await stores.open(server.url, { instance: 'other' });
      const client = stores.client(server.url);
      for (const number of [1, 2]) await other.inbox.add(eventOf(number));
      const [one, two] = [await other.inbox.take(channel, Date.now()), await other.inbox.take(channel, Date.now())];
      await client.del(`{sf:q}:e:${one?.id}`);
      // As one of this host that is no more.
      await client.hset('sf:{inst}:other', 'pid', 1, 'startTime', 'another');
      await stores.open(server.url);
      assert.deepEqual(
        [(await store.inbox.get(two?.id ?? ''))?.state, (await store.inbox.get(two?.id ?? ''))?.crashes],
        ['waiting', 1],
      );
    });

    it('opens beside a sign of life that nobody can read', async () => {
      await stores.client(server.url).hset('sf:{inst}:instance-x', 'pid', 'many');
      await stores.client(server.url).sadd('sf:{inst}', 'instance-x');
      await (await stores.open(server.url)).health();
    });

    it('lets many processes open an empty Redis at once: they have one store', async () => {
      const empty = await stores.server();
      const opened = await Promise.all(Array.from({ length: 12 }, () => stores.open(empty.url)));
      assert.equal(new Set(opened.map(({ id }) => id)).size, 1);
      assert.equal(new Set(opened.map(({ bornAt }) => bornAt)).size, 1);
    });

    it('takes nothing while it closes: nobody would give it back', async () => {
      await store.inbox.add(eventOf(1));
      const closing = store.close();
      const taken = await store.inbox.take(channel, Date.now()).catch((error: unknown) => error);
      await closing;
      assert.ok(taken instanceof StoreError);
      const next = await stores.open(server.url);
      assert.equal((await next.inbox.take(channel, Date.now()))?.handout, 1);
    });

    it('looks after an instance that takes work after it was given up', async () => {
      const client = stores.client(server.url);
      await store.inbox.add(eventOf(1));
      await client.srem('sf:{inst}', 'instance-1');
      await store.inbox.take(channel, Date.now());
      assert.equal((await client.smembers('sf:{inst}')).length, 1);
    });

    it('looks past many events of a busy order a thousand at a time, so that others come in between', async () => {
      const client = stores.client(server.url);
      const add = (number: number, orderId = 'busy'): Promise<unknown> =>
        store.inbox.add(eventOf(number, { orderId, payload: {} }));
      const scripts = async (): Promise<number> =>
        Number(/cmdstat_evalsha:calls=(\d+)/.exec(await client.info('commandstats'))?.[1] ?? 0);
      await add(1);
      await store.inbox.take(channel, Date.now());
      await Promise.all(Array.from({ length: 2_500 }, (_, at) => add(at + 2)));
      await client.config('RESETSTAT');
      assert.equal(await store.inbox.take(channel, Date.now()), null);
      assert.equal(await scripts(), 3);
      await add(2_502, 'free');
      await client.config('RESETSTAT');
      assert.equal((await store.inbox.take(channel, Date.now()))?.orderId, 'free');
      assert.equal(await scripts(), 3);
    });
  });
});
