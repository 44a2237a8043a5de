/** Stores on Redis servers that the tests break, and a client beside them. All are let go after each test. */
import assert from 'node:assert/strict';
import Redis from 'ioredis';
import type { Clock } from '../../../lib/clock';
import { StoreError, type StateStore } from '../../../lib/state/contract';
import type { RedisConnection } from '../../../lib/state/redis/client-options';
import { openRedisStore } from '../../../lib/state/redis/engine';
import { FakeClock } from '../../fake-clock';
import { startRedis, type RedisOptions, type RedisServer } from '../../redis-server';

/** A store whose clock stands still gives no beats: nothing but the test's own commands is sent. */
export const still = (): Clock => new FakeClock(Date.now());

export class RedisStores {
  private readonly stores: StateStore[] = [];
  private readonly clients: Redis[] = [];
  private readonly servers: RedisServer[] = [];
  private made = 0;

  constructor() {
    afterEach(() => this.letGo());
  }

  async server(options: RedisOptions = {}): Promise<RedisServer> {
    const server = await startRedis(options);
    this.servers.push(server);
    return server;
  }

  async open(
    to: string | RedisConnection,
    { clock = still(), instance = `instance-${++this.made}` }: { clock?: Clock; instance?: string } = {},
  ): Promise<StateStore> {
    const connection = typeof to === 'string' ? { url: to } : to;
    const store = await openRedisStore({ connection, clock, instance });
    this.stores.push(store);
    return store;
  }

  client(url: string): Redis {
    const client = new Redis(url, { retryStrategy: () => 50, maxRetriesPerRequest: null });
    client.on('error', () => undefined);
    this.clients.push(client);
    return client;
  }

  async letGo(): Promise<void> {
    for (const server of this.servers) server.resume();
    await Promise.all(this.stores.splice(0).map((store) => store.close()));
    for (const client of this.clients.splice(0)) client.disconnect();
    await Promise.all(this.servers.splice(0).map((server) => server.stop()));
  }
}

/** Refused by the store, in words without a host or a secret. */
export async function refused(work: Promise<unknown>, code: StoreError['code'], words: RegExp): Promise<StoreError> {
  const error = await work.then(
    () => assert.fail('It was not refused'),
    (thrown: unknown) => thrown,
  );
  assert.ok(error instanceof StoreError, String(error));
  assert.equal(error.code, code, error.message);
  assert.match(error.message, words);
  assert.doesNotMatch(error.message, /127\.0\.0\.1|localhost|secret/);
  return error;
}

/** All keys but those that tell of life alone, each with its content. */
export async function contents(client: Redis): Promise<Record<string, unknown>> {
  const all: Record<string, unknown> = {};
  for (const key of (await client.keys('*')).sort())
    if (!key.startsWith('sf:{inst}')) all[key] = await contentOf(client, key);
  return all;
}

async function contentOf(client: Redis, key: string): Promise<unknown> {
  switch (await client.type(key)) {
    case 'hash':
      return client.hgetall(key);
    case 'set':
      return (await client.smembers(key)).sort();
    case 'zset':
      return client.call('ZRANGE', key, '0', '-1', 'WITHSCORES');
    default:
      return client.get(key);
  }
}
