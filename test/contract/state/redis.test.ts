import { join } from 'node:path';
import Redis from 'ioredis';
import { systemClock, pause } from '../../../lib/clock';
import { openRedisStore } from '../../../lib/state/redis/engine';
import { startRedis, type RedisServer } from '../../redis-server';
import { stateContract } from './suite';

const databases = 400;

describe('The shared store', () => {
  let server: RedisServer;
  let next = 0;

  before(async function () {
    this.timeout(30_000);
    server = await startRedis({ args: ['--databases', String(databases)] });
  });
  after(() => server.stop());

  // A place is a database of the one server.
  stateContract({
    name: 'redis',
    childModule: join(__dirname, 'redis-child.ts'),
    oneProcess: false,
    async newPlace() {
      return `${server.url}/${next++ % databases}`;
    },
    async forgetPlace(place) {
      const client = new Redis(place);
      await client.flushdb();
      client.disconnect();
    },
    async open(place, instance) {
      const store = await openRedisStore({ connection: { url: place }, clock: systemClock, instance });
      return { store, elapse: (ms) => pause(systemClock, ms) };
    },
  });
});
