/** The status of a node whose store cannot be used. What to do is in the log and in the answer of health. */
import type { NodeStatus } from 'node-red';
import type { StoreProblem } from '../../lib/provisioning/shared-store';
import type { StateStore } from '../../lib/state/contract';

const texts: Record<StoreProblem['code'], string> = {
  LOCKED: 'locked',
  READ_ONLY: 'store read-only',
  CORRUPT: 'store damaged',
  NEWER: 'store of a newer version',
  NETWORK_FS: 'store on a network drive',
  UNAVAILABLE: 'store',
  INVALID: 'store',
  ERROR: 'store',
};

/** Few words for what the store says of its Redis; the first that fits. */
const ofRedis: [says: RegExp, text: string][] = [
  [/newer version/, 'store of a newer version'],
  [/Another store/, 'another store in Redis'],
  [/lost its master/, 'Redis master is away'],
  [/is a replica/, 'Redis is read-only'],
  [/still loading/, 'Redis is loading'],
  [/\(OOM\)/, 'Redis is full'],
  [/MISCONF|append-only file/, 'Redis cannot save'],
  [/refuses the/, 'Redis login refused'],
  [/user may not/, 'Redis ACL'],
  [/certificate of Redis/, 'Redis certificate'],
  [/Cluster/, 'Redis Cluster'],
  [/too old/, 'Redis is too old'],
  [/replica/, 'Redis replicas are away'],
  [/address of Redis/, 'address of Redis'],
  [/Sentinel|cannot be reached|does not answer|connection to Redis/, 'Redis not reachable'],
  [/Redis/, 'Redis'],
];

/** Few words for what PostgreSQL says; the first that fits. */
const ofPostgres: [says: RegExp, text: string][] = [
  [
    /cannot be reached|is lost|starting or shutting|shutting down|starts anew|no more connections/,
    'PostgreSQL not reachable',
  ],
  [/in time/, 'PostgreSQL is too slow'],
  [/refuses/, 'PostgreSQL login refused'],
  [/certificate|TLS/, 'PostgreSQL certificate'],
  [/no database/, 'no such database'],
  [/[Tt]able/, 'table of id mappings'],
];

/** The status of a store node whose table of ids cannot be read. */
export const tableStatus = (problem: string): NodeStatus => ({
  fill: 'red',
  shape: 'ring',
  text: `${ofPostgres.find(([says]) => says.test(problem))?.[1] ?? 'PostgreSQL'}, orders wait`,
});

export function storeStatus(
  { code, message, ownerPid, triesAgain }: StoreProblem,
  engine: StateStore['engine'],
): NodeStatus {
  const owner = ownerPid === null ? '' : ` by pid ${ownerPid}`;
  const known = engine === 'redis' ? ofRedis.find(([says]) => says.test(message)) : undefined;
  const text = known?.[1] ?? texts[code];
  return { fill: 'red', shape: 'ring', text: `${text}${owner}${triesAgain ? ', trying again' : ''}` };
}
