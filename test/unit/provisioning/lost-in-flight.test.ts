/** Records are lost while the first AddOrder is still on its way: WHMCS has one order in the end, on either engine. */
import assert from 'node:assert/strict';
import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Redis from 'ioredis';
import { startRedis, type RedisServer } from '../../redis-server';
import { RedisEngine } from './vendor-doubles/redis-engine';
import { orderId, World, type Process } from './vendor-doubles/world';

interface Loss {
  what: string;
  engine: 'embedded' | 'redis';
  /** Called before the intent is written. */
  before?: () => Promise<void> | void;
  /** Called once AddOrder is under way. `first` ends where its place could not be changed under it. */
  lose: (first: Process) => Promise<void>;
  /** Where the next process finds the store. */
  place?: () => string;
}

describe('Records that are lost with the first AddOrder still on its way', function () {
  this.timeout(60_000);
  let world: World;
  let place: string;
  let kept: string;
  let server: RedisServer | null;
  let replica: RedisServer | null;
  let client: Redis;

  const wipeFiles = (): void => {
    for (const suffix of ['', '-wal', '-shm'])
      rmSync(join(place, `order-provisioning.sqlite${suffix}`), { force: true });
  };
  const redis = (): RedisServer => {
    assert.ok(server);
    return server;
  };

  const losses: Loss[] = [
    {
      what: 'the file is deleted',
      engine: 'embedded',
      lose: async (first) => {
        await world.bury(first);
        wipeFiles();
      },
    },
    {
      what: 'an older copy of the file is put in place',
      engine: 'embedded',
      before: () => cpSync(place, kept, { recursive: true }),
      lose: async (first) => {
        await world.bury(first);
        wipeFiles();
        cpSync(kept, place, { recursive: true, filter: (file) => !file.endsWith('.lock') });
      },
    },
    {
      what: 'the ledger keys of the order are deleted',
      engine: 'redis',
      lose: async () => void (await client.del(await client.keys('sf:{o:*'))),
    },
    { what: 'the database is flushed', engine: 'redis', lose: async () => void (await client.flushdb()) },
    {
      what: 'an older dump is put in place',
      engine: 'redis',
      before: async () => {
        await redis().stopOnly();
        cpSync(redis().directory, kept, { recursive: true });
        await redis().restart();
      },
      lose: async () => {
        await redis().stopOnly();
        rmSync(redis().directory, { recursive: true, force: true });
        cpSync(kept, redis().directory, { recursive: true });
        await redis().restart();
      },
    },
    {
      what: 'a replica without the intent is promoted',
      engine: 'redis',
      before: async () => {
        replica = await startRedis({ replicaOf: redis().port });
        const beside = new Redis(replica.url);
        while (!(await beside.info('replication')).includes('master_link_status:up')) await world.clock.advance(1);
        // It follows no more; the master knows of no replica when the intent is written.
        await beside.replicaof('NO', 'ONE');
        beside.disconnect();
        while (!(await client.info('replication')).includes('connected_slaves:0')) await world.clock.advance(1);
      },
      lose: () => redis().kill(),
      place: () => replica?.url ?? '',
    },
  ];

  afterEach(async () => {
    await world.close();
    client?.disconnect();
    await replica?.stop();
    await server?.stop();
    rmSync(kept, { recursive: true, force: true });
  });

  for (const loss of losses)
    for (const answered of [false, true]) {
      if (answered && loss.engine === 'embedded') continue;
      it(`${loss.what}${answered ? ', and its sender lives on and gets its answer' : ''}: one order, whoever looks next`, async () => {
        kept = mkdtempSync(join(tmpdir(), 'kept-'));
        [server, replica] = [null, null];
        if (loss.engine === 'redis') {
          server = await startRedis();
          client = new Redis(server.url, { retryStrategy: () => 50, maxRetriesPerRequest: null });
          client.on('error', () => undefined);
        }
        const engine = loss.engine === 'redis' ? new RedisEngine() : undefined;
        world = new World(engine);
        place = server?.url ?? world.directory();
        const opened = await world.process(place);
        await opened.real.setDoubt(null);
        await opened.begin();
        await world.bury(opened);
        await world.clock.advance(1_000);
        await loss.before?.();
        const first = await world.process(place);
        await first.real.setDoubt(null);
        let answer = (): void => undefined;
        // WHMCS carries it out a while after the loss, or answers only then.
        world.whmcs.addFaults = [answered ? { end: 'success' } : { end: 'unknown', commit: 90_000 }];
        if (answered) world.whmcs.answers = new Promise((resolve) => (answer = resolve));
        const createdAt = world.clock.now() - 5_000;
        const adding = first.add();
        const sent = new Promise<void>((resolve) => {
          const look = (): void => {
            if (world.whmcs.calls.includes('AddOrder')) resolve();
            else setImmediate(look);
          };
          look();
        });
        await world.until(sent, 60_000);
        if (!answered) await world.until(adding, 60_000);
        await world.clock.advance(1_000);
        await loss.lose(first);
        world.whmcs.answers = Promise.resolve();

        const next = await world.process(loss.place?.() ?? place);
        await next.begin(orderId, 1, createdAt);
        const going = next.flow();
        if (answered) {
          await world.until(Promise.race([going, engine?.idle() ?? going]), 60_000);
          answer();
          void adding.catch(() => undefined);
        }
        const end = await world.until(going);
        assert.deepEqual(world.whmcs.added, [5001]);
        assert.equal((await next.record()).adopted?.orderId, 5001);
        // Whoever made it may have accepted it too: it is not accepted a second time by itself.
        assert.equal(end.kind === 'failed' && end.failure.code, 'WHMCS_ACCEPT_UNKNOWN', JSON.stringify(end));
        assert.deepEqual(world.whmcs.moduleRuns, []);
      });
    }

  for (const [what, lose] of [
    ['the ledger keys of the order are deleted', async () => void (await client.del(await client.keys('sf:{o:*')))],
    ['the database is flushed', async () => void (await client.flushdb())],
  ] as const)
    it(`${what} under the second AddOrder, and its sender looks on: the quarantine of the first counts for nothing`, async () => {
      kept = mkdtempSync(join(tmpdir(), 'kept-'));
      [server, replica] = [await startRedis(), null];
      client = new Redis(server.url);
      world = new World(new RedisEngine());
      const sender = await world.process(server.url);
      await sender.real.setDoubt(null);
      const createdAt = world.clock.now();
      await sender.begin(orderId, 1, createdAt);
      await sender.settler.start();
      world.whmcs.addFaults = [
        { end: 'unknown', commit: 'never' },
        { end: 'unknown', commit: 250_000 },
      ];
      const first = sender.flow();
      first.catch(() => undefined);
      const sent = new Promise<void>((resolve) => {
        const look = (): void => {
          if (world.whmcs.calls.filter((call) => call === 'AddOrder').length === 2) resolve();
          else setImmediate(look);
        };
        look();
      });
      await world.until(sent);
      await world.clock.advance(30_000);
      await lose();
      await sender.begin(orderId, 1, createdAt);
      await world.until(sender.flow());
      await world.clock.advance(400_000);
      assert.deepEqual(world.whmcs.added, [5001]);
    });
});
