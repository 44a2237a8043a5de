/** Records are lost with AddOrder on its way, and a clock that is slow notices it and is set right after: one order. */
import assert from 'node:assert/strict';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import Redis from 'ioredis';
import { startRedis, type RedisServer } from '../../redis-server';
import { RedisEngine } from './vendor-doubles/redis-engine';
import { orderId, World, type Process } from './vendor-doubles/world';

const hourMs = 3_600_000;

describe('A loss of records that a slow clock notices, with AddOrder still on its way', function () {
  this.timeout(60_000);
  let world: World;
  let server: RedisServer | null = null;
  let client: Redis | null = null;

  afterEach(async () => {
    await world.close();
    client?.disconnect();
    await server?.stop();
    server = client = null;
  });

  /** AddOrder has gone out, and WHMCS carries it out in a while. @returns when the Order was created, by a right clock. */
  const send = async (first: Process): Promise<number> => {
    await first.real.setDoubt(null);
    world.whmcs.addFaults = [{ end: 'unknown', commit: 90_000 }];
    const createdAt = world.clock.now() - 5_000;
    await first.begin(orderId, 1, createdAt);
    await world.until(first.add(), 60_000);
    assert.deepEqual(world.whmcs.added, []);
    assert.ok(world.whmcs.calls.includes('AddOrder'));
    await world.bury(first);
    return createdAt;
  };
  const goesSlow = (): void => world.clock.setWall(world.clock.now() - hourMs);
  const isSetRight = (): void => world.clock.setWall(world.clock.now() + hourMs);
  const hasOneOrder = async (next: Process, createdAt: number): Promise<void> => {
    await next.begin(orderId, 1, createdAt);
    const end = await world.until(next.flow());
    await world.clock.advance(600_000);
    assert.deepEqual(world.whmcs.added, [5001], JSON.stringify(end));
    assert.deepEqual(world.whmcs.accepted, []);
  };

  for (const restarts of [false, true])
    it(`adds no second one, embedded${restarts ? ', started anew before the clock is right' : ''}`, async () => {
      world = new World();
      const place = world.directory();
      const createdAt = await send(await world.process(place));
      for (const suffix of ['', '-wal', '-shm'])
        rmSync(join(place, `order-provisioning.sqlite${suffix}`), { force: true });
      goesSlow();
      let next = await world.process(place);
      await world.clock.advance(5_000);
      if (restarts) {
        await world.bury(next);
        next = await world.process(place);
      }
      isSetRight();
      await hasOneOrder(next, createdAt);
    });

  it('adds no second one, shared, looked at first by an instance whose clock is slow', async () => {
    server = await startRedis();
    client = new Redis(server.url);
    world = new World(new RedisEngine());
    const createdAt = await send(await world.process(server.url));
    await client.flushdb();
    goesSlow();
    await world.process(server.url);
    isSetRight();
    await hasOneOrder(await world.process(server.url), createdAt);
  });
});
