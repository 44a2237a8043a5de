/** Opens the store of a place, in a worker. */
import type { Clock } from '../../lib/clock';
import type { StateStore } from '../../lib/state/contract';
import { openEmbeddedStore } from '../../lib/state/sqlite/engine';
import type { PlaceOf } from './orders-to-worker';

export function openPlace(place: PlaceOf, clock: Clock, instance: string): Promise<StateStore> {
  if (place.engine === 'redis') return openRedis(place.url, clock, instance);
  return openEmbeddedStore({ directory: place.directory, clock, instance });
}

async function openRedis(url: string, clock: Clock, instance: string): Promise<StateStore> {
  const { openRedisStore } = await import('../../lib/state/redis/engine');
  return openRedisStore({ connection: { url }, clock, instance });
}
