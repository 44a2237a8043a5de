/** How ioredis is set up: where Redis is, and that nothing is ever sent twice. */
import type { RedisOptions } from 'ioredis';
import { StoreError } from '../contract';

export interface RedisConnection {
  /**
   * `redis://[user:password@]host[:port][/database]`, `rediss://` for TLS. With sentinels its host and port count for
   * nothing.
   */
  url: string;
  /** With `masterName`: who is asked for the master. */
  sentinels?: { host: string; port: number }[];
  masterName?: string;
  sentinelPassword?: string;
  /** PEM of the authority that signed the certificates of Redis and the sentinels; default: those of the system. */
  ca?: string;
}

/** Any answer takes less, or the connection is given up. */
export const answerMs = 5_000;

/** @throws StoreError INVALID for an address that cannot be read. */
export function clientOptions(connection: RedisConnection): RedisOptions {
  const { host, port, username, password, db, isTls } = readUrl(connection.url);
  const tls = isTls ? { tls: connection.ca === undefined ? {} : { ca: connection.ca } } : {};
  const { sentinels, masterName, sentinelPassword } = connection;
  const place =
    sentinels && sentinels.length > 0
      ? {
          sentinels,
          name: masterName ?? 'mymaster',
          ...(sentinelPassword === undefined ? {} : { sentinelPassword }),
          // Short, so that none is under way long after a close.
          sentinelRetryStrategy: () => 500,
          sentinelCommandTimeout: answerMs,
          // Tells at once of a failover, also where the old master still answers.
          failoverDetector: true,
          ...(isTls ? { enableTLSForSentinelMode: true, sentinelTLS: tls.tls } : {}),
        }
      : { host, port };
  return {
    ...place,
    ...tls,
    ...(username === '' ? {} : { username }),
    ...(password === '' ? {} : { password }),
    db,
    lazyConnect: true,
    connectionName: 'order-provisioning',
    // A Sentinel may name one that is no master any more. Else what the server is said to be is looked at when verified.
    enableReadyCheck: 'sentinels' in place,
    connectTimeout: answerMs,
    commandTimeout: answerMs,
    // A peer that has gone without a word is noticed, and its connection replaced.
    socketTimeout: 2 * answerMs,
    keepAlive: 10_000,
    // Never send again what may have been carried out.
    maxRetriesPerRequest: 0,
    enableOfflineQueue: false,
    autoResendUnfulfilledCommands: false,
    // A connection to what has become a replica, or is none any more, is opened anew; the command fails all the same.
    reconnectOnError: (error) => /^(READONLY|LOADING|MASTERDOWN)/.test(error.message),
    retryStrategy: waitMs,
  };
}

/** Until the next try to connect: grows to 5 s, scattered so that instances don't come back together. */
export const waitMs = (tries: number): number =>
  Math.min(5_000, 100 * 2 ** Math.min(tries, 6)) * (0.75 + Math.random() / 2);

function readUrl(text: string): {
  host: string;
  port: number;
  username: string;
  password: string;
  db: number;
  isTls: boolean;
} {
  const url = URL.parse(text.trim());
  if (!url || (url.protocol !== 'redis:' && url.protocol !== 'rediss:') || url.hostname === '')
    throw new StoreError(
      'INVALID',
      'The address of Redis (REDIS_URL) cannot be read: it looks like redis://user:password@host:6379/0, or rediss:// for TLS. Special characters of the password are percent-encoded.',
    );
  const path = url.pathname.replace(/^\//, '');
  if (!/^\d{0,5}$/.test(path))
    throw new StoreError('INVALID', 'The address of Redis (REDIS_URL) ends in the number of the database, like /0.');
  return {
    host: url.hostname.replace(/^\[|\]$/g, ''),
    port: url.port === '' ? 6379 : Number(url.port),
    username: decoded(url.username),
    password: decoded(url.password),
    db: path === '' ? 0 : Number(path),
    isTls: url.protocol === 'rediss:',
  };
}

function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}
