/** What a Redis server tells of itself (INFO), and whether money may be trusted to it. */
import { z } from 'zod';
import { StoreError } from '../contract';

const count = z.coerce.number().catch(0);

const info = z
  .object({
    redis_version: z.string(),
    cluster_enabled: z.string().default('0'),
    loading: z.string().default('0'),
    role: z.string(),
    master_replid: z.string(),
    master_replid2: z.string().default(''),
    connected_slaves: count,
    aof_enabled: z.string().default('0'),
    aof_last_write_status: z.string().default('ok'),
    rdb_last_bgsave_status: z.string().default('ok'),
    maxmemory: count,
    maxmemory_policy: z.string().default('noeviction'),
    used_memory: count,
    evicted_keys: count,
    /** Told only where `min-replicas-to-write` is set. */
    min_slaves_good_slaves: z.string().optional(),
  })
  .transform((row) => ({
    version: row.redis_version,
    isCluster: row.cluster_enabled === '1',
    isLoading: row.loading === '1',
    isMaster: row.role === 'master',
    /** Names the history of the data; another one after a restart and after a failover. */
    replid: row.master_replid,
    /** The history before a failover; zeros where there was none. */
    wasPromoted: /[1-9a-f]/.test(row.master_replid2),
    replicas: row.connected_slaves,
    needsReplicas: row.min_slaves_good_slaves !== undefined,
    hasAof: row.aof_enabled === '1',
    aofWritten: row.aof_last_write_status === 'ok',
    snapshotWritten: row.rdb_last_bgsave_status === 'ok',
    /** Bytes; 0: no limit. */
    memoryLimit: row.maxmemory,
    memoryUsed: row.used_memory,
    evictionPolicy: row.maxmemory_policy,
    evictedKeys: row.evicted_keys,
  }));

export type Server = z.infer<typeof info>;

/** Redis 6.2 is the oldest that is tried; the scripts need no newer. */
const oldest = [6, 2] as const;

/** @param text the answer to INFO. @throws StoreError where it is no such answer. */
export function readInfo(text: string): Server {
  const rows = text
    .split(/\r?\n/)
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map((line): [string, string] => {
      const colon = line.indexOf(':');
      return [line.slice(0, colon), line.slice(colon + 1)];
    });
  const parsed = info.safeParse(Object.fromEntries(rows));
  if (parsed.success) return parsed.data;
  throw new StoreError(
    'UNAVAILABLE',
    'Redis does not tell about itself (INFO); it may be behind a proxy that hides it.',
  );
}

/** @throws StoreError where the state must not be kept here. */
export function refuseUnfit(server: Server): void {
  if (server.isCluster)
    throw new StoreError(
      'INVALID',
      'This is a Redis Cluster. The store needs all its keys on one server: name a single server, or use Sentinel.',
    );
  const [major = 0, minor = 0] = server.version.split('.').map(Number);
  if (major < oldest[0] || (major === oldest[0] && minor < oldest[1]))
    throw new StoreError('INVALID', `Redis ${server.version} is too old; 6.2 is needed.`);
  if (server.isLoading) throw new StoreError('UNAVAILABLE', 'Redis is still loading its data from the disk.');
  if (!server.isMaster)
    throw new StoreError('READ_ONLY', 'This Redis is a replica and takes no writes; name the master, or use Sentinel.');
}

/** What makes the server unsafe for this use, in words for the person who runs it. */
export function warningsOf(server: Server): string[] {
  const warnings: string[] = [];
  if (!server.hasAof)
    warnings.push('Redis keeps no append-only file: a restart may lose orders in work. Set appendonly yes');
  if (server.replicas > 0 && !server.needsReplicas)
    warnings.push(
      'A master that is cut off from its replicas would go on taking orders beside the new one. Set min-replicas-to-write 1',
    );
  if (!server.snapshotWritten && !server.hasAof) warnings.push('Redis could not save its last snapshot');
  if (server.evictionPolicy !== 'noeviction')
    warnings.push(`Redis may evict keys (maxmemory-policy ${server.evictionPolicy}). Set noeviction`);
  if (server.evictedKeys > 0) warnings.push(`Redis has evicted ${server.evictedKeys} keys since it started`);
  if (server.memoryLimit > 0 && server.memoryUsed > 0.9 * server.memoryLimit)
    warnings.push('Redis has used over 90 % of its memory (maxmemory)');
  return warnings;
}
