/** What Redis and its client say, in words that tell a person what to do. No host and no password is in them. */
import { StoreError } from '../contract';

type Code = StoreError['code'];

const said: [pattern: RegExp, code: Code, message: string][] = [
  [/^READONLY/, 'READ_ONLY', 'This Redis is a replica and takes no writes; name the master, or use Sentinel.'],
  [/^LOADING/, 'UNAVAILABLE', 'Redis is still loading its data from the disk.'],
  [
    /^OOM/,
    'UNAVAILABLE',
    'Redis is full (OOM): nothing can be stored. Give it more memory (maxmemory); never let it evict keys.',
  ],
  [
    /^MISCONF/,
    'UNAVAILABLE',
    'Redis takes no writes since it cannot save to its disk (MISCONF). Look at its disk and its log.',
  ],
  [/^(NOAUTH|WRONGPASS)/, 'UNAVAILABLE', 'Redis refuses the user name or the password (REDIS_URL).'],
  [/^ERR invalid password|^ERR AUTH|without any password/, 'UNAVAILABLE', 'Redis refuses the password (REDIS_URL).'],
  [/^(MOVED|ASK|CLUSTERDOWN|CROSSSLOT)/, 'INVALID', 'This is a Redis Cluster; name a single server, or Sentinel.'],
  [/^NOREPLICAS/, 'UNAVAILABLE', 'Redis takes no writes: too few of its replicas answer (min-replicas-to-write).'],
  [/^BUSY/, 'UNAVAILABLE', 'Redis is busy with a long script of somebody.'],
  [/^MASTERDOWN/, 'UNAVAILABLE', 'This Redis is a replica that has lost its master.'],
  [/All sentinels are unreachable/i, 'UNAVAILABLE', 'No Sentinel knows a master that can be reached.'],
  [/Command timed out|Socket timeout|connect ETIMEDOUT/i, 'UNAVAILABLE', 'Redis does not answer (ETIMEDOUT).'],
  [
    /Connection is closed|isn't writeable|max retries per request/i,
    'UNAVAILABLE',
    'The connection to Redis is lost; it is opened again by itself.',
  ],
];

/** Within a script no command is named. */
const deniedCommand = /user executing the script can't run this command/;
const deniedKeys = /^NOPERM|user executing the script can't access/;
/** Of a certificate that the system, or the authority that is set, does not vouch for. */
const untrusted = /^(DEPTH_ZERO_SELF_SIGNED_CERT|SELF_SIGNED_CERT_IN_CHAIN|UNABLE_TO_|CERT_|ERR_TLS_CERT_)/;

/** Of a network or TLS error: its code alone. Its text names the host. */
const networkCode = /^[A-Z][A-Z0-9_]{3,60}$/;

/** @returns a StoreError; what already is one stays itself. */
export function redisError(error: unknown): StoreError {
  if (error instanceof StoreError) return error;
  const { message, code } = partsOf(error);
  const found = said.find(([pattern]) => pattern.test(message));
  if (found) return new StoreError(found[1], found[2], { cause: error });
  const denied = /^NOPERM.*?'?([\w|]+)'? command/.exec(message);
  if (denied)
    return new StoreError('UNAVAILABLE', `The Redis user may not run ${denied[1] ?? 'a command'}; allow it (ACL).`, {
      cause: error,
    });
  if (deniedCommand.test(message))
    return new StoreError('UNAVAILABLE', 'The Redis user may not run a command of the store; allow +@all (ACL).', {
      cause: error,
    });
  if (deniedKeys.test(message))
    return new StoreError(
      'UNAVAILABLE',
      'The Redis user may not use the keys of the store; allow ~* and +@all (ACL).',
      {
        cause: error,
      },
    );
  if (code !== null && untrusted.test(code))
    return new StoreError(
      'UNAVAILABLE',
      `The certificate of Redis is not trusted (${code}); set the authority that signed it, and the name it is made for.`,
      { cause: error },
    );
  if (code !== null) return new StoreError('UNAVAILABLE', `Redis cannot be reached (${code}).`, { cause: error });
  return new StoreError('UNAVAILABLE', `Redis answered: ${message.slice(0, 200)}`, { cause: error });
}

function partsOf(error: unknown): { message: string; code: string | null } {
  if (!(error instanceof Error)) return { message: String(error), code: null };
  const code = 'code' in error && typeof error.code === 'string' && networkCode.test(error.code) ? error.code : null;
  return { message: error.message, code };
}
