/** Opens the store of a place, in a worker. */
import Redis from 'ioredis';
import type { Clock } from '../../lib/clock';
import type { Leases, StateStore } from '../../lib/state/contract';
import { openRedisStore } from '../../lib/state/redis/engine';
import { storeKey } from '../../lib/state/redis/keys';
import { openEmbeddedStore } from '../../lib/state/sqlite/engine';
import type { PlaceOf } from './orders-to-worker';

/** @param rate how many times as fast as the machine's the clock runs. */
export async function openPlace(place: PlaceOf, clock: Clock, rate: number, instance: string): Promise<StateStore> {
  if (place.engine === 'sqlite') return openEmbeddedStore({ directory: place.directory, clock, instance });
  const store = await openRedisStore({ connection: { url: place.url }, clock, instance });
  await undated(place.url);
  const leases = inRealTime(store.leases, rate);
  return new Proxy(store, {
    get(target, name) {
      if (name === 'leases') return leases;
      const found: unknown = Reflect.get(target, name, target);
      return typeof found === 'function' ? (found as (...given: unknown[]) => unknown).bind(target) : found;
    },
  });
}

/** Redis dates a doubt by its own clock, which nobody can hurry: to another host it would seem younger than it is. */
async function undated(url: string): Promise<void> {
  const client = new Redis(url);
  await client.hdel(storeKey, 'doubtTime', 'doubtBoot', 'doubtSinceBoot');
  client.disconnect();
}

/** Redis ends leases by its own clock, which nobody can hurry. */
const inRealTime = (leases: Leases, rate: number): Leases => ({
  acquire: (name, ttlMs) => leases.acquire(name, Math.ceil(ttlMs / rate)),
  renew: (lease, ttlMs) => leases.renew(lease, Math.ceil(ttlMs / rate)),
  release: (lease) => leases.release(lease),
});
