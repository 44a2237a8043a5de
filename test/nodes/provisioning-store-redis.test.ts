import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import Redis from 'ioredis';
import { markIn } from '../../lib/salesforce/events/start-place';
import { startSentinel, type Sentinel } from '../redis-sentinel';
import { startRedis, type RedisOptions, type RedisServer } from '../redis-server';
import { ask, guardedFiles } from './admin-access';
import { catching, flowOf, node, sink, type FlowNode } from './flow';
import { useWorld } from './world';

const test = '/order-provisioning/test/provisioning-store';
const settings = '/order-provisioning/settings/provisioning-store';
const password = 'hush-pass/word';
const channel = '/event/OrderProvisionRequested__e';

/** A source and what asks the store, as sound as the reference flow. */
const asking = (change: Partial<FlowNode> = {}): FlowNode[] =>
  flowOf(
    node('store', change),
    node('source', { wires: [['skipped']] }),
    node('skipped'),
    node('health', { wires: [[sink]] }),
    ...catching(false),
  );

describe('provisioning-store on Redis', function () {
  this.timeout(90_000);
  const started: RedisServer[] = [];
  const sentinels: Sentinel[] = [];
  // Before the world looks for what was left open.
  afterEach(async () => {
    await world.unload();
    for (const one of [...sentinels.splice(0), ...started.splice(0)]) await one.stop();
  });
  const world = useWorld();

  const start = async (options: RedisOptions = {}): Promise<RedisServer> => {
    const redis = await startRedis(options);
    started.push(redis);
    return redis;
  };
  /** Names it in the environment, as the reference flow is set up. */
  const use = ({ url }: { url: string }): void => world.set({ PROVISIONING_STORE: 'redis', REDIS_URL: url });
  const streams = (): number => Number(world.salesforce.people.counts()['openStreams']);
  const subscribed = (): Promise<void> => world.until('the stream is open', () => streams() === 1);
  const errors = (): string[] => world.lines('error', 'store');
  const passing = async (seconds: number): Promise<void> => {
    for (let second = 0; second < seconds; second++) {
      world.clock.advance(1_000);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  };
  const shows = (id: string, text: string | undefined): Promise<void> =>
    world.until(
      () => `${id} shows ${text}, not ${world.status(id)?.text}: ${errors().join('\n')}`,
      () => world.status(id)?.text === text,
    );
  const health = async (): Promise<{ statusCode: number; payload: Record<string, unknown> }> => {
    // One answer serves for two seconds.
    world.clock.advance(2_000);
    const { sent } = await world.pass('health', { _msgid: `h${world.clock.now()}` });
    const message = sent[0]?.message as unknown as { statusCode: number; payload: Record<string, unknown> };
    world.answers.push(JSON.stringify(message.payload));
    return message;
  };
  const command = async (redis: RedisServer, ...words: [string, ...string[]]): Promise<unknown> => {
    const client = new Redis(redis.url, { lazyConnect: true, ...(redis.ca ? { tls: { ca: redis.ca } } : {}) });
    client.on('error', () => undefined);
    try {
      await client.connect();
      const [name, ...args] = words;
      return await client.call(name, ...args);
    } finally {
      client.disconnect();
    }
  };
  const ends = (orderId: string): Promise<void> =>
    world.until('the event has come to its end', async () => {
      const { inbox } = (await world.provisioning()).store;
      return (await inbox.ofOrder(orderId)).some((event) => event.end !== null);
    });
  const tells = (...words: string[]): void => {
    const shown = [world.watch.shown, ...world.answers].join('\n');
    for (const word of words) assert.equal(shown.includes(word), false, `${word} was shown`);
  };

  it('keeps events there, and the position under the name that the runbook knows', async () => {
    const redis = await start({ password });
    use(redis);
    await world.load(asking());
    await subscribed();
    const id = world.approve();
    await ends(id);
    const { store } = await world.provisioning();
    assert.equal(store.engine, 'redis');
    await world.until('the position has moved', async () => {
      const position = await store.cursor.read(channel);
      return position !== null && markIn(position.replayId) === null;
    });
    assert.equal(await command(redis, 'GET', `sf:pe:replay:${channel}`), (await store.cursor.read(channel))?.replayId);
    const { statusCode, payload } = await health();
    assert.deepEqual(
      [statusCode, payload['status'], payload['database'], payload['redis'], payload['integrations']],
      [200, 'ok', 'ok', 'ok', { ...(payload['integrations'] as object), redis: 'ok' }],
    );
    tells('hush-pass', encodeURIComponent(password), `:${redis.port}`);
  });

  it('is one store for two nodes that connect alike, another with another database, and stays over a deploy', async () => {
    const redis = await start();
    use(redis);
    world.set({ OTHER_URL: `${redis.url}/1` });
    const twin = { ...node('store'), id: 'twin' };
    const other = { ...node('store', { redisUrlVar: 'OTHER_URL' }), id: 'other' };
    await world.load([...asking(), twin, other]);
    const first = await world.provisioning();
    const ready = (id: string) => world.connection<'provisioning-store'>(id).connection?.ready;
    assert.equal(await ready('twin'), first);
    assert.notEqual((await ready('other'))?.store.id, first.store.id);
    await world.deploy([...asking({ name: 'new' }), twin, other], 'full');
    assert.equal(await world.provisioning(), first);
  });

  it('leaves no connection when it is closed, and finds its records again', async () => {
    const redis = await start();
    use(redis);
    await world.load(asking());
    const { store } = await world.provisioning();
    await store.idMappings.put({ portalUserId: null, whmcsClientId: 7, sfAccountId: '001Ql0000000001IAA' });
    await world.unload();
    // The one that asks.
    assert.equal(
      String(await command(redis, 'CLIENT', 'LIST'))
        .trim()
        .split('\n').length,
      1,
    );
    await world.load(asking());
    const again = (await world.provisioning()).store;
    assert.equal(again.id, store.id);
    assert.equal((await again.idMappings.byWhmcsClient(7))?.sfAccountId, '001Ql0000000001IAA');
  });

  it('waits for a Redis where nobody listens, and starts by itself when it comes up', async () => {
    const redis = await start({ password });
    await redis.kill();
    use(redis);
    await world.load(asking());
    await shows('store', 'Redis not reachable, trying again');
    await shows('source', 'Redis not reachable, trying again');
    assert.deepEqual(await health().then(({ statusCode, payload }) => ({ statusCode, payload })), {
      statusCode: 503,
      payload: {
        status: 'down',
        environment: 'production',
        database: 'down',
        redis: 'down',
        integrations: { redis: 'down' },
        problems: ['the store cannot be used: Redis not reachable, trying again'],
      },
    });
    await passing(20);
    assert.equal(errors().length, 1, 'it is said once');
    assert.match(errors()[0] ?? '', /^STORE_UNAVAILABLE: Redis cannot be reached \(ECONNREFUSED\)/);
    assert.equal(streams(), 0);
    await redis.restart();
    world.clock.advance(10_000);
    await subscribed();
    await ends(world.approve());
    await shows('store', undefined);
    assert.equal((await health()).statusCode, 200);
    tells('hush-pass', encodeURIComponent(password), `:${redis.port}`);
  });

  it('says that the login is refused with a wrong password, and never which it is', async () => {
    const redis = await start({ password });
    use({ url: redis.url.replace(encodeURIComponent(password), 'hushed-guess') });
    await world.load(asking());
    await shows('store', 'Redis login refused, trying again');
    assert.match(errors()[0] ?? '', /refuses the user name or the password \(REDIS_URL\)/);
    assert.equal((await health()).statusCode, 503);
    tells('hush-pass', encodeURIComponent(password), 'hushed-guess', `:${redis.port}`);
  });

  it('shows that Redis went away while it worked, and goes on where it was once it is back', async () => {
    const redis = await start();
    use(redis);
    await world.load(asking());
    await subscribed();
    await ends(world.approve());
    await redis.kill();
    world.clock.advance(5_000);
    await shows('store', 'Redis not reachable, trying again');
    await shows('source', 'Redis not reachable, trying again');
    const { statusCode, payload } = await health();
    assert.deepEqual([statusCode, payload['database'], payload['redis']], [503, 'down', 'down']);
    assert.match(JSON.stringify(payload['problems']), /store: .*Redis/);
    const id = world.approve();
    await redis.restart();
    await world.until('the event has come to its end', async () => {
      world.clock.advance(1_000);
      const { inbox } = (await world.provisioning()).store;
      return inbox.ofOrder(id).then(
        (events) => events.some((event) => event.end !== null),
        () => false,
      );
    });
    await world.until('it is well again', async () => (await health()).statusCode === 200);
    await shows('store', undefined);
    await world.until('the source is green', () => world.status('source')?.fill === 'green');
    tells(`:${redis.port}`);
  });

  it('says that a Redis is full, and goes on once it has room', async () => {
    const redis = await start();
    use(redis);
    await world.load(asking());
    await subscribed();
    await command(redis, 'CONFIG', 'SET', 'maxmemory', '1mb');
    world.clock.advance(5_000);
    await shows('store', 'Redis is full, trying again');
    assert.equal((await health()).statusCode, 503);
    await command(redis, 'CONFIG', 'SET', 'maxmemory', '0');
    const id = world.approve();
    await world.until('the event has come to its end', async () => {
      world.clock.advance(1_000);
      const { inbox } = (await world.provisioning()).store;
      return (await inbox.ofOrder(id)).some((event) => event.end !== null);
    });
    await shows('store', undefined);
  });

  it('says of a replica that it takes no writes', async () => {
    const master = await start();
    const replica = await start({ replicaOf: master.port });
    use(replica);
    await world.load(asking());
    await shows('store', 'Redis is read-only, trying again');
  });

  it('works, yellow and degraded, on a Redis that may evict keys, and says once what to set', async () => {
    const redis = await start({ args: ['--maxmemory-policy', 'allkeys-lru'] });
    use(redis);
    await world.load(asking());
    await subscribed();
    await shows('store', 'check Redis');
    assert.equal(world.status('store')?.fill, 'yellow');
    await passing(20);
    const warnings = world.lines('warn', 'store').filter((text) => text.includes('noeviction'));
    assert.equal(warnings.length, 1, world.lines('warn', 'store').join('\n'));
    const { statusCode, payload } = await health();
    assert.deepEqual([statusCode, payload['status'], payload['redis']], [200, 'degraded', 'ok']);
    assert.match(JSON.stringify(payload['problems']), /allkeys-lru.*noeviction/);
    await command(redis, 'CONFIG', 'SET', 'maxmemory-policy', 'noeviction');
    world.clock.advance(5_000);
    await shows('store', undefined);
  });

  it('refuses what a newer version has written, and writes nothing into it', async () => {
    const redis = await start();
    use(redis);
    await world.load(asking());
    await world.provisioning();
    await world.unload();
    await command(redis, 'HSET', 'sf:{store}', 'format', '99');
    const before = await command(redis, 'HGETALL', 'sf:{store}');
    await world.load(asking());
    await shows('store', 'store of a newer version');
    await passing(20);
    assert.deepEqual(await command(redis, 'HGETALL', 'sf:{store}'), before);
  });

  it('speaks TLS to a server of the authority that is named, and to no other', async () => {
    const redis = await start({ tls: true });
    const ca = join(world.directory, 'authority.pem');
    writeFileSync(ca, redis.ca ?? '');
    use(redis);
    await world.load(asking({ tlsCa: ca }));
    assert.equal((await world.provisioning()).store.engine, 'redis');
    await world.deploy(asking(), 'full');
    await shows('store', 'Redis certificate, trying again');
    tells(`:${redis.port}`);
  });

  it('is SETTING_INVALID with authorities that cannot be read, or Sentinels that are none', async () => {
    use(await start());
    await world.load(asking({ tlsCa: join(world.directory, 'none.pem') }));
    assert.match(errors().join(), /^SETTING_INVALID: tlsCa cannot be read \(ENOENT\)/);
    await world.deploy(asking({ sentinels: 'redis://one' }), 'full');
    assert.deepEqual(world.status('store'), { fill: 'red', shape: 'ring', text: 'sentinels' });
  });

  it('asks the Sentinels that are named for the master, not the host of the URL, and follows a failover', async () => {
    const master = await start();
    const replica = await start({ replicaOf: master.port });
    const sentinel = await startSentinel(master.port);
    sentinels.push(sentinel);
    use({ url: 'redis://nobody.example.test' });
    await world.load(asking({ sentinels: `127.0.0.1:${sentinel.port}` }));
    await subscribed();
    await ends(world.approve());
    const { store } = await world.provisioning();
    await master.kill();
    await world.until(
      'the replica takes the writes',
      // Sentinel ends the connections of a replica that it promotes.
      () =>
        command(replica, 'ROLE').then(
          (role) => String(role).startsWith('master'),
          () => false,
        ),
      20_000,
    );
    const id = world.approve();
    let found = 'nothing was read';
    await world.until(
      () => `the event has come to its end: ${found}; ${[...world.lines('warn'), ...errors()].slice(-20).join('\n')}`,
      async () => {
        // No faster: on a busy machine each reach for Salesforce would run into its time limit.
        await passing(1);
        const events = await store.inbox.ofOrder(id).catch((thrown: unknown) => String(thrown));
        found = JSON.stringify(events);
        return typeof events !== 'string' && events.some((event) => event.end !== null);
      },
      60_000,
    );
    tells(`:${master.port}`, `:${replica.port}`, `:${sentinel.port}`);
  });

  describe('its address', () => {
    it('is missing: named with its variable, and the source takes no work', async () => {
      world.set({ PROVISIONING_STORE: 'redis', REDIS_URL: undefined });
      await world.load(asking());
      assert.deepEqual(world.status('store'), { fill: 'red', shape: 'ring', text: 'REDIS_URL' });
      assert.match(errors().join(), /^SETTING_MISSING: redisUrl is not set: set the variable REDIS_URL\.$/);
      assert.deepEqual(world.salesforce.panel.requests(), []);
    });

    it('is not needed, and not used, by the embedded store', async () => {
      world.set({ PROVISIONING_STORE: 'embedded', REDIS_URL: 'redis://127.0.0.1:1' });
      await world.load(asking());
      assert.equal((await world.provisioning()).store.engine, 'embedded');
      world.set({ REDIS_URL: undefined });
      await world.deploy(asking({ name: 'new' }), 'full');
      assert.deepEqual(errors(), []);
    });

    it('is taken from the credentials where it is stored there', async () => {
      const { url } = await start({ password });
      world.set({ REDIS_URL: undefined });
      await world.load(asking({ engine: 'redis', secretsFrom: 'stored' }), {
        credentials: { store: { redisUrl: url } },
      });
      assert.equal((await world.provisioning()).store.engine, 'redis');
    });

    it('cannot be read: says how it looks, and does not show it', async () => {
      use({ url: 'hush-pass@host' });
      await world.load(asking());
      await shows('store', 'address of Redis, trying again');
      assert.match(errors()[0] ?? '', /looks like redis:\/\/user:password@host:6379\/0/);
      tells('hush-pass');
    });
  });

  describe('its Test button', () => {
    const formOf = (change: Record<string, unknown> = {}): Record<string, unknown> => {
      const { id: _id, type: _type, x: _x, y: _y, ...values } = node('store');
      return { ...values, ...change };
    };
    const press = async (values = formOf(), credentials: Record<string, string> = {}) =>
      (await ask(world, test, { id: 'store', values, credentials })).body;

    it('says that a Redis can keep the store, what endangers it there, and writes nothing', async () => {
      const redis = await start({ password, args: ['--maxmemory-policy', 'allkeys-lru'] });
      use({ url: 'redis://127.0.0.1:1' });
      await world.load(flowOf(node('store', { engine: 'embedded' })));
      world.set({ REDIS_URL: redis.url });
      const body = await press();
      assert.deepEqual([body['ok'], body['code']], [true, 'OK']);
      assert.match(String(body['message']), /^Redis \d+\.\d+\.\d+ can keep the store; none is there yet\.$/);
      assert.match(String(body['details']), /⚠ Redis may evict keys/);
      assert.equal(await command(redis, 'DBSIZE'), 0);
      tells('hush-pass', `:${redis.port}`);
    });

    it('says that it holds a store of the pack already', async () => {
      use(await start());
      await world.load(asking());
      await world.provisioning();
      assert.match(String((await press())['message']), /holds a store of this pack/);
    });

    it('says why it does not work, without the host', async () => {
      const redis = await start({ password });
      const replica = await start({ replicaOf: redis.port, password });
      await world.load(flowOf(node('store', { engine: 'embedded' })));
      for (const [url, words] of [
        [redis.url.replace(encodeURIComponent(password), 'hushed-guess'), /refuses the user name or the password/],
        ['redis://127.0.0.1:1', /cannot be reached \(ECONNREFUSED\)/],
        [replica.url, /is a replica/],
        ['hush-pass@host', /looks like redis/],
      ] as const) {
        const body = await press(formOf({ engine: 'redis', secretsFrom: 'stored' }), { redisUrl: url });
        assert.deepEqual([body['ok'], body['code']], [false, 'STORE_UNAVAILABLE']);
        assert.match(String(body['message']), words);
      }
      tells('hush-pass', 'hushed-guess', `:${redis.port}`);
    });

    it('is for those who may deploy; what is in force may be read by those who may read', async () => {
      use(await start({ password }));
      await world.load(asking(), { files: guardedFiles() });
      const form = { id: 'store', values: formOf(), credentials: {} };
      assert.equal((await ask(world, test, form, 'of-a-reader')).status, 401);
      assert.equal((await ask(world, test, form, 'of-a-deployer')).body['ok'], true);
      const { body } = await ask(world, settings, form, 'of-a-reader');
      assert.deepEqual((body['secrets'] as Record<string, unknown>)['redisUrl'], {
        variable: 'REDIS_URL',
        set: true,
        needed: true,
      });
      tells('hush-pass', encodeURIComponent(password));
    });
  });
});
