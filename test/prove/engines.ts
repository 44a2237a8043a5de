/** Where workers keep their state: each place is one store. */
import { cpSync, existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Redis from 'ioredis';
import { filesOf } from '../../lib/state/sqlite/directory';
import { databaseClass } from '../../lib/state/sqlite/load-sqlite';
import { startRedis } from '../redis-server';
import type { PlaceOf } from './orders-to-worker';
import type { Backup, Plan } from './rows';

export type EngineName = PlaceOf['engine'];
export const engineNames: readonly EngineName[] = ['sqlite', 'redis'];

export interface Place {
  /** What a worker opens it by. */
  readonly of: PlaceOf;
  /** The engine's server is ended and started again on what it has written. Only where there is one. */
  restart(signal: 'SIGTERM' | 'SIGKILL'): Promise<void>;
  /** All that was kept is gone, while no worker has it open. */
  lose(): Promise<void>;
  /** A copy is made, as an operator would, in the place of the one before; workers may go on. */
  backUp(): Promise<void>;
  /** The copy takes the place of what there is; the embedded one's while no worker has it open. */
  putBack(how: Backup): Promise<void>;
  close(): Promise<void>;
}

/** A disk in memory where there is one: a kill of a process loses nothing that it wrote, on no disk. */
const memoryDisk = existsSync('/dev/shm') ? '/dev/shm' : tmpdir();

/** @param fsync of Redis's append-only file. */
export function newPlace(engine: EngineName, fsync: Plan['fsync']): Promise<Place> {
  return engine === 'sqlite' ? sqlitePlace() : redisPlace(fsync);
}

async function sqlitePlace(): Promise<Place> {
  const directory = mkdtempSync(join(memoryDisk, 'prove-'));
  const copies = mkdtempSync(join(memoryDisk, 'prove-backup-'));
  const copy = join(copies, 'copy.sqlite');
  const { database, log, lock } = filesOf(directory);
  return {
    of: { engine: 'sqlite', directory },
    restart: () => Promise.reject(new Error('the embedded store has no server')),
    async lose() {
      rmSync(directory, { recursive: true });
      mkdirSync(directory);
    },
    async backUp() {
      rmSync(copy, { force: true });
      const Database = databaseClass();
      const open = new Database(database);
      try {
        open.prepare('VACUUM INTO ?').run(copy);
      } finally {
        open.close();
      }
    },
    async putBack(how) {
      for (const file of [database, log, `${database}-shm`]) rmSync(file, { force: true });
      if (how === 'the database, without the lock file') rmSync(lock, { force: true });
      cpSync(copy, database);
    },
    async close() {
      for (const path of [directory, copies]) rmSync(path, { recursive: true, force: true });
    },
  };
}

async function redisPlace(fsync: Plan['fsync']): Promise<Place> {
  // Only on a real disk does it cost anything to write through.
  const under = fsync === 'always' ? tmpdir() : memoryDisk;
  const directory = mkdtempSync(join(under, 'prove-redis-'));
  const copies = mkdtempSync(join(under, 'prove-backup-'));
  const redis = await startRedis({ directory, args: ['--appendfsync', fsync] });
  const [files, dump] = ['appendonlydir', 'dump.rdb'];
  const asked = async (...words: [string, ...string[]]): Promise<void> => {
    const client = new Redis(redis.url);
    client.on('error', () => undefined);
    try {
      await client.call(...words);
    } finally {
      client.disconnect();
    }
  };
  // Two are asked for at a time, now and then, and there is one port.
  let last: Promise<void> = Promise.resolve();
  const inTurn = (work: () => Promise<void>): Promise<void> => (last = last.then(work, work));
  return {
    of: { engine: 'redis', url: redis.url },
    restart: (signal) =>
      inTurn(async () => {
        if (signal === 'SIGKILL') await redis.kill();
        await redis.restart();
      }),
    lose: () => inTurn(() => redis.restart({ wipe: true })),
    backUp: () =>
      inTurn(async () => {
        await asked('SAVE');
        for (const path of [files, dump]) {
          rmSync(join(copies, path), { recursive: true, force: true });
          cpSync(join(directory, path), join(copies, path), { recursive: true });
        }
      }),
    putBack: (how) =>
      inTurn(async () => {
        await redis.stopOnly();
        for (const path of [files, dump]) rmSync(join(directory, path), { recursive: true, force: true });
        if (how === 'the append-only file') {
          cpSync(join(copies, files), join(directory, files), { recursive: true });
          return redis.restart();
        }
        cpSync(join(copies, dump), join(directory, dump));
        // With an append-only file it would not look at the dump.
        await redis.restart({ args: ['--appendonly', 'no'] });
        await asked('CONFIG', 'SET', 'appendonly', 'yes');
      }),
    async close() {
      await redis.stop();
      for (const path of [directory, copies]) rmSync(path, { recursive: true, force: true });
    },
  };
}
