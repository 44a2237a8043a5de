/** Tries a Redis without a word written to it: for the Test button of a form. */
import type { RedisConnection } from './client-options';
import { Connection } from './connection';
import { storeKey } from './keys';
import { redisError } from './redis-errors';
import { bare } from './script';
import { refuseUnfit, warningsOf } from './server';

/** Scripts may be forbidden to the user where all else is allowed. */
const look = bare(`return redis.call('EXISTS', '${storeKey}')`);

export interface RedisTrial {
  version: string;
  replicas: number;
  /** A store of ours lies there already. */
  holdsStore: boolean;
  /** What endangers orders although it works; plain words that say what to do. */
  warnings: string[];
}

/**
 * Whether the store could be kept there.
 * @throws StoreError that says why not, and names no host and no password; the signal's reason.
 */
export async function tryRedis(options: RedisConnection, signal: AbortSignal): Promise<RedisTrial> {
  signal.throwIfAborted();
  const connection = new Connection(
    options,
    '',
    () => '',
    () => Promise.resolve(),
  );
  const stop = (): void => connection.end();
  signal.addEventListener('abort', stop);
  try {
    await connection.open();
    const server = await connection.info();
    refuseUnfit(server);
    const holdsStore = (await connection.bare(look)) === 1;
    return { version: server.version, replicas: server.replicas, holdsStore, warnings: warningsOf(server) };
  } catch (error) {
    signal.throwIfAborted();
    throw redisError(error);
  } finally {
    signal.removeEventListener('abort', stop);
    connection.end();
  }
}
