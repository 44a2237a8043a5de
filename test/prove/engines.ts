/** Where workers keep their state: each place is one store. */
import { mkdirSync, mkdtempSync, rmSync, existsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startRedis } from '../redis-server';
import type { PlaceOf } from './orders-to-worker';

export type EngineName = PlaceOf['engine'];
export const engineNames: readonly EngineName[] = ['sqlite', 'redis'];

export interface Place {
  /** What a worker opens it by. */
  readonly of: PlaceOf;
  /** The engine's server is ended and started again on what it has written. Only where there is one. */
  restart(): Promise<void>;
  /** All that was kept is gone, while no worker has it open. */
  lose(): Promise<void>;
  close(): Promise<void>;
}

/** A disk in memory where there is one: a kill of a process loses nothing that it wrote, on no disk. */
const memoryDisk = existsSync('/dev/shm') ? '/dev/shm' : tmpdir();

export function newPlace(engine: EngineName): Promise<Place> {
  return engine === 'sqlite' ? sqlitePlace() : redisPlace();
}

async function sqlitePlace(): Promise<Place> {
  const directory = mkdtempSync(join(memoryDisk, 'prove-'));
  return {
    of: { engine: 'sqlite', directory },
    restart: () => Promise.reject(new Error('the embedded store has no server')),
    async lose() {
      rmSync(directory, { recursive: true });
      mkdirSync(directory);
    },
    async close() {
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

async function redisPlace(): Promise<Place> {
  const redis = await startRedis();
  return {
    of: { engine: 'redis', url: redis.url },
    restart: () => redis.restart(),
    lose: () => redis.restart({ wipe: true }),
    close: () => redis.stop(),
  };
}
