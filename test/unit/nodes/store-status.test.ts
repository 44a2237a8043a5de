import assert from 'node:assert/strict';
import type { StoreProblem } from '../../../lib/provisioning/shared-store';
import { redisError } from '../../../lib/state/redis/redis-errors';
import { shippedTable } from '../../../lib/state/postgres/described-table';
import { postgresError } from '../../../lib/state/postgres/postgres-errors';
import { storeStatus, tableStatus } from '../../../nodes/shared/store-status';

describe('The status of a node whose store is not open', () => {
  const text = (code: StoreProblem['code'], triesAgain: boolean, ownerPid: number | null = null): string =>
    storeStatus({ code, message: 'not shown: /a/path; or use the Redis store', ownerPid, triesAgain }, 'embedded')
      .text ?? '';

  it('names the process that owns it, where that is known, and whether it is tried again', () => {
    assert.equal(text('LOCKED', true, 4711), 'locked by pid 4711, trying again');
    assert.equal(text('LOCKED', true), 'locked, trying again');
  });

  it('says in a few words what is wrong, never where', () => {
    const words = (['READ_ONLY', 'CORRUPT', 'NEWER', 'NETWORK_FS', 'UNAVAILABLE', 'INVALID', 'ERROR'] as const).map(
      (code) => text(code, code === 'READ_ONLY'),
    );
    assert.deepEqual(words, [
      'store read-only, trying again',
      'store damaged',
      'store of a newer version',
      'store on a network drive',
      'store',
      'store',
      'store',
    ]);
  });

  for (const [said, words] of [
    ['READONLY You can not write against a read only replica.', 'Redis is read-only'],
    ['LOADING Redis is loading the dataset in memory', 'Redis is loading'],
    ["OOM command not allowed when used memory > 'maxmemory'.", 'Redis is full'],
    ['MISCONF Redis is configured to save RDB snapshots, but it is unable to persist to disk.', 'Redis cannot save'],
    ['NOAUTH Authentication required.', 'Redis login refused'],
    ['WRONGPASS invalid username-password pair or user is disabled.', 'Redis login refused'],
    ["NOPERM User app has no permissions to run the 'eval' command", 'Redis ACL'],
    ['MOVED 3999 127.0.0.1:6381', 'Redis Cluster'],
    ['NOREPLICAS Not enough good replicas to write.', 'Redis replicas are away'],
    ['MASTERDOWN Link with MASTER is down', 'Redis master is away'],
    ['All sentinels are unreachable. Retrying from scratch after 10ms.', 'Redis not reachable'],
    ['Command timed out', 'Redis not reachable'],
    ['Connection is closed.', 'Redis not reachable'],
    ['BUSY Redis is busy running a script.', 'Redis'],
  ] as const)
    it(`says "${words}" of a Redis that says ${said.split(' ')[0]}`, () => {
      const { code, message } = redisError(new Error(said));
      assert.equal(
        storeStatus({ code, message, ownerPid: null, triesAgain: true }, 'redis').text,
        `${words}, trying again`,
      );
    });

  it('says that Redis cannot be reached, whatever the network calls it', () => {
    for (const code of ['ECONNREFUSED', 'ENOTFOUND', 'EHOSTUNREACH', 'EAI_AGAIN']) {
      const { message } = redisError(Object.assign(new Error('connect to a.host:6379'), { code }));
      assert.equal(
        storeStatus({ code: 'UNAVAILABLE', message, ownerPid: null, triesAgain: false }, 'redis').text,
        'Redis not reachable',
      );
    }
  });

  it('is red', () => {
    assert.equal(
      storeStatus({ code: 'CORRUPT', message: '', ownerPid: null, triesAgain: false }, 'embedded').fill,
      'red',
    );
  });
});

describe('The status of a store node whose table of ids cannot be read', () => {
  for (const [code, message, words] of [
    ['ECONNREFUSED', 'connect ECONNREFUSED 10.0.0.1:5432', 'PostgreSQL not reachable'],
    ['ENOTFOUND', 'getaddrinfo ENOTFOUND db.internal', 'PostgreSQL not reachable'],
    ['', 'Connection terminated unexpectedly', 'PostgreSQL not reachable'],
    ['57P03', 'the database system is starting up', 'PostgreSQL not reachable'],
    ['53300', 'sorry, too many clients already', 'PostgreSQL not reachable'],
    ['', 'timeout exceeded when trying to connect', 'PostgreSQL is too slow'],
    ['', 'Query read timeout', 'PostgreSQL is too slow'],
    ['57014', 'canceling statement due to statement timeout', 'PostgreSQL is too slow'],
    ['28P01', 'password authentication failed for user "crm"', 'PostgreSQL login refused'],
    ['28000', 'no pg_hba.conf entry for host "10.0.0.2"', 'PostgreSQL login refused'],
    ['', 'The server does not support SSL connections', 'PostgreSQL certificate'],
    ['SELF_SIGNED_CERT_IN_CHAIN', 'self-signed certificate in certificate chain', 'PostgreSQL certificate'],
    ['3D000', 'database "crm" does not exist', 'no such database'],
    ['42P01', 'relation "id_mappings" does not exist', 'table of id mappings'],
    ['42703', 'column "whmcs_client_id" does not exist', 'table of id mappings'],
    ['42501', 'permission denied for table id_mappings', 'table of id mappings'],
    ['XX000', 'something else', 'PostgreSQL'],
  ] as const) {
    it(`says ${words} for ${code || message}, and never where or who`, () => {
      const found = postgresError(Object.assign(new Error(message), { code }), shippedTable);
      assert.equal(tableStatus(found.message).text, `${words}, orders wait`);
      assert.doesNotMatch(found.message, /10\.0\.0|internal|crm/);
    });
  }
});
