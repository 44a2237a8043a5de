/** Records that are gone: noticed, doubted, and nothing is added or handed out twice for it. */
import assert from 'node:assert/strict';
import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type Redis from 'ioredis';
import type { StateStore } from '../../../lib/state/contract';
import type { RedisServer } from '../../redis-server';
import { TcpBetween } from '../../tcp-between';
import { until } from '../../until';
import { contents, refused, RedisStores } from './redis-stores';
import { channel, eventOf, orderOf, positionOf, stateWith } from './samples';

describe('A Redis that has lost records', function () {
  this.timeout(60_000);
  const stores = new RedisStores();
  let server: RedisServer;
  let store: StateStore;
  let client: Redis;

  beforeEach(async () => {
    server = await stores.server();
    store = await stores.open(server.url);
    client = stores.client(server.url);
    await store.setDoubt(null);
  });

  const reasonOf = async (of = store): Promise<string> => (await of.doubt())?.reason ?? '';
  const works = (of = store): Promise<void> => until('it works', async () => (await of.health()).ok);
  const keep = async (number: number, fence = 1): Promise<void> => {
    await store.ledger.write(orderOf(number), fence, stateWith(['settle'], { number }));
    await store.ledger.record(orderOf(number), { intent: 'a1', kind: 'sent', at: number });
  };

  it('knows its events again when the cursor was deleted', async () => {
    for (let number = 1; number <= 200; number++) {
      const { id } = await store.inbox.add(eventOf(number), positionOf(number));
      await store.inbox.take(channel, Date.now());
      await store.inbox.finish(id, 1, 'Activated', null, Date.now());
    }
    await client.del(`sf:pe:replay:${channel}`);
    assert.equal(await store.cursor.read(channel), null);
    for (let number = 1; number <= 200; number++)
      assert.equal((await store.inbox.add(eventOf(number), positionOf(number, 0))).isNew, false);
    assert.equal(await store.inbox.take(channel, Date.now()), null);
    assert.deepEqual(await store.cursor.read(channel), positionOf(200, 0));
  });

  for (const [what, keys] of [
    ['the ledger of an order', ['sf:{o:*}:ledger', 'sf:{o:*}:facts']],
    ['the state of an order alone', ['sf:{o:*}:ledger']],
    ['all keys of an order', ['sf:{o:*}:*']],
  ] as const)
    it(`doubts when ${what} was deleted`, async () => {
      const lease = await store.leases.acquire(`order:${orderOf(1)}`, 30_000);
      await keep(1, lease?.fence ?? 0);
      assert.equal(await store.doubt(), null);
      for (const pattern of keys) await client.del(await client.keys(pattern));
      assert.equal((await store.ledger.read(orderOf(1))).state, null);
      assert.match(await reasonOf(), /records of an order were removed/);
      await store.setDoubt(null);
      await store.ledger.read(orderOf(1));
      assert.equal(await store.doubt(), null, 'one loss is one doubt');
    });

  it('does not take a fact that came before any state for a loss', async () => {
    await store.ledger.record(orderOf(1), { intent: 'a1', kind: 'sent', at: 1 });
    await store.ledger.read(orderOf(1));
    assert.equal(await store.doubt(), null);
  });

  for (const how of ['FLUSHDB', 'the key of the store alone'] as const)
    it(`goes on under the same name after ${how} under an open store, in doubt`, async () => {
      const { id, bornAt } = store;
      const lease = await store.leases.acquire(`order:${orderOf(1)}`, 30_000);
      await keep(1, lease?.fence ?? 0);
      if (how === 'FLUSHDB') await client.flushdb();
      else await client.del('sf:{store}');
      await keep(2);
      assert.match(await reasonOf(), /records of this store were removed/);
      const next = await stores.open(server.url);
      assert.deepEqual([next.id, next.bornAt], [id, bornAt]);
      const again = await next.leases.acquire('order:2', 30_000);
      assert.ok(again && lease && again.fence > lease.fence);
    });

  it('is doubted also for a user that may not ask Redis for the time', async () => {
    await client.call('ACL', 'SETUSER', 'timeless', 'on', '>word', '~*', '&*', '+@all', '-time');
    const timeless = await stores.open(server.url.replace('redis://', 'redis://timeless:word@'));
    assert.equal(await timeless.doubt(), null);
    await keep(1);
    await client.del(await client.keys('sf:{o:*'));
    await timeless.ledger.read(orderOf(1));
    assert.match(await reasonOf(timeless), /records of an order were removed/);
    await timeless.setDoubt(null);
    await client.flushdb();
    await timeless.ledger.read(orderOf(1));
    assert.match(await reasonOf(timeless), /records of this store were removed/);
  });

  it('is used by nobody who had another store there, until they start anew', async () => {
    await keep(1);
    await client.flushdb();
    const other = await stores.open(server.url);
    assert.notEqual(other.id, store.id);
    const before = await contents(client);
    await refused(store.ledger.write(orderOf(2), 1, stateWith([])), 'UNAVAILABLE', /Another store lies in this Redis/);
    await refused(store.inbox.take(channel, Date.now()), 'UNAVAILABLE', /Another store/);
    assert.equal((await store.health()).ok, false);
    assert.deepEqual(await contents(client), before);
    await other.ledger.write(orderOf(3), 1, stateWith([]));
  });

  it('is doubted when an older dump of it was restored', async () => {
    const dump = mkdtempSync(join(tmpdir(), 'redis-dump-'));
    try {
      await keep(1);
      await server.stopOnly();
      cpSync(server.directory, dump, { recursive: true });
      await server.restart();
      await works();
      await keep(2);
      await server.stopOnly();
      rmSync(server.directory, { recursive: true, force: true });
      cpSync(dump, server.directory, { recursive: true });
      await server.restart();
      await works();
      assert.equal((await store.ledger.read(orderOf(2))).state, null);
      assert.match(await reasonOf(), /lost records that it had confirmed/);
      const next = await stores.open(server.url);
      assert.match(await reasonOf(next), /lost records/);
    } finally {
      rmSync(dump, { recursive: true, force: true });
    }
  });

  it('is doubted when older keys were put in place behind a connection that stands', async () => {
    await keep(1);
    const older = await client.dumpBuffer('sf:{store}');
    await keep(2);
    await client.restore('sf:{store}', 0, older ?? Buffer.alloc(0), 'REPLACE');
    await client.del(`sf:{o:${orderOf(2)}}:ledger`);
    assert.match(await reasonOf(), /lost records that it had confirmed/);
    assert.equal((await store.ledger.read(orderOf(2))).state, null);
  });

  it('is doubted after a restart where another writes, and had given this one up meanwhile', async () => {
    await keep(1);
    const [own = ''] = await client.smembers('sf:{inst}');
    // As another does with one that was silent for half a minute: stopped, or cut off.
    await client.smove('sf:{inst}', 'sf:{inst}:away', own);
    await client.sadd('sf:{inst}', 'another');
    await server.stopOnly();
    await server.restart();
    await works();
    assert.match(await reasonOf(), /was restarted/);
  });

  it('is doubted once the server has taken another’s data over and is master again', async () => {
    const other = await stores.server();
    await client.replicaof('127.0.0.1', other.port);
    await until('it has taken them over', async () => /master_link_status:up/.test(await client.info('replication')));
    await client.replicaof('NO', 'ONE');
    await works();
    assert.match(await reasonOf(), /records of this store were removed/);
  });

  it('is doubted once it was a replica for a while, which no command met', async () => {
    await keep(1);
    await client.replicaof('127.0.0.1', 1);
    await client.replicaof('NO', 'ONE');
    await works();
    assert.match(await reasonOf(), /promoted/);
    assert.deepEqual((await store.ledger.read(orderOf(1))).state, stateWith(['settle'], { number: 1 }));
  });

  describe('with a replica', () => {
    let replica: RedisServer;

    beforeEach(async () => {
      replica = await stores.server({ replicaOf: server.port });
      const beside = stores.client(replica.url);
      await until('it follows', async () => /master_link_status:up/.test(await beside.info('replication')));
      // Looked at anew by each connection, and from time to time.
      await store.health();
    });

    for (const cached of [true, false])
      it(`counts as not written what no replica has confirmed${cached ? '' : ', with scripts that the server has not seen yet'}`, async () => {
        const lease = await store.leases.acquire(`order:${orderOf(1)}`, 60_000);
        await keep(1, lease?.fence ?? 0);
        const claimed = await store.claims.claim('w', 1, orderOf(1));
        assert.equal(claimed.isNew, true);
        await store.openIntents.open('w', 1, orderOf(1), 'a1');
        replica.pause();
        const money = [
          (): Promise<unknown> => store.ledger.write(orderOf(1), lease?.fence ?? 0, stateWith([])),
          () => store.ledger.record(orderOf(1), { intent: 'a2', kind: 'sent', at: 1 }),
          // A repeat that finds itself written rests on the same word.
          () => store.ledger.record(orderOf(1), { intent: 'a2', kind: 'sent', at: 1 }),
          () => store.claims.claim('w', 2, orderOf(1)),
          () => store.openIntents.open('w', 1, orderOf(1), 'a2'),
        ];
        for (const write of money) {
          if (!cached) await client.script('FLUSH');
          await refused(write(), 'UNAVAILABLE', /No replica of Redis has confirmed.*counts as not written/);
        }
        replica.resume();
        for (const write of money) await write();
      });

    it('follows a name that leads to the promoted one only after a while', async () => {
      const name = await TcpBetween.open(server.port);
      try {
        const named = await stores.open(`redis://127.0.0.1:${name.port}`);
        const lease = await named.leases.acquire(`order:${orderOf(1)}`, 60_000);
        await named.ledger.write(orderOf(1), lease?.fence ?? 0, stateWith([]));
        await stores.client(replica.url).replicaof('NO', 'ONE');
        await client.replicaof('127.0.0.1', 1);
        await until('it has met the old one anew', async () => /name the master/.test((await named.health()).detail));
        name.leadTo(replica.port);
        await works(named);
        assert.deepEqual((await named.ledger.read(orderOf(1))).state, stateWith([]));
        assert.match(await reasonOf(named), /promoted/);
        await named.close();
      } finally {
        await name.close();
      }
    });

    it('goes on once the last replica has gone', async () => {
      await replica.stop();
      await until('it goes on', async () => {
        await keep(3);
        return true;
      });
    });

    it('hands no fence out twice, and doubts, when one that lacks the last writes is promoted', async () => {
      const at = stores.client(replica.url);
      const before = await store.leases.acquire(`order:${orderOf(1)}`, 60_000);
      await keep(1, before?.fence ?? 0);
      replica.pause();
      const late = await store.leases.acquire(`order:${orderOf(2)}`, 60_000);
      assert.ok(late);
      await refused(
        store.ledger.write(orderOf(2), late.fence, stateWith(['settle'])),
        'UNAVAILABLE',
        /counts as not written/,
      );
      await server.kill();
      replica.resume();
      await at.replicaof('NO', 'ONE');
      const promoted = await stores.open(replica.url);
      assert.equal(promoted.id, store.id);
      assert.match(await reasonOf(promoted), /replica of Redis was promoted/);
      const next = await promoted.leases.acquire(`order:${orderOf(2)}`, 60_000);
      // What the killed one had still sent may have arrived: then the lease stands.
      if (next) assert.ok(next.fence > late.fence, `${next.fence} after ${late.fence}`);
    });
  });

  it('is refused when a newer version of the pack wrote it, and left as it is', async () => {
    await store.close();
    await client.hset('sf:{store}', 'format', 2);
    const before = await contents(client);
    await refused(stores.open(server.url), 'NEWER', /newer version of the pack.*Install that version again/);
    assert.deepEqual(await contents(client), before);
  });
});
