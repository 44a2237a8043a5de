/** Id mappings in a real PostgreSQL: found, kept unique, refused in words, and never waited for without a bound. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Client } from 'pg';
import { systemClock } from '../../../lib/clock';
import { IdMappingsError, type IdMappingsTable } from '../../../lib/state/contract';
import { shippedTable, type DescribedTable } from '../../../lib/state/postgres/described-table';
import { openPostgresIdMappings } from '../../../lib/state/postgres/id-mappings';
import { postgresPassword, startPostgres, type PostgresServer } from '../../postgres-server';
import { TcpBetween } from '../../tcp-between';

const shipped = readFileSync(join(__dirname, '../../../postgres/id_mappings.sql'), 'utf8');
const account = '001Ql0000000001IAA';
const other = '001Ql0000000002IAA';
const third = '001Ql0000000003IAA';

describe('id mappings in PostgreSQL', function () {
  this.timeout(120_000);
  let server: PostgresServer;
  const open: { close(): Promise<unknown> }[] = [];

  before(async () => (server = await startPostgres()));
  after(() => server.stop());
  afterEach(async () => {
    for (const one of open.splice(0)) await one.close();
    await sql('DROP TABLE IF EXISTS id_mappings; DROP SCHEMA IF EXISTS "Portal" CASCADE; DROP ROLE IF EXISTS reader;');
    const sockets = process.getActiveResourcesInfo().filter((kind) => kind === 'TCPSocketWrap');
    assert.deepEqual(sockets, [], 'closed means closed');
  });

  const sql = async (text: string): Promise<void> => {
    const client = new Client({ connectionString: server.url });
    await client.connect();
    try {
      await client.query(text);
    } finally {
      await client.end();
    }
  };
  const table = (
    how: {
      url?: string;
      described?: Partial<DescribedTable>;
      connectTimeoutMs?: number;
      statementTimeoutMs?: number;
    } = {},
  ): IdMappingsTable => {
    const { url = server.url, described = {}, connectTimeoutMs, statementTimeoutMs } = how;
    const opened = openPostgresIdMappings({
      url,
      table: { ...shippedTable, ...described },
      clock: systemClock,
      ...(connectTimeoutMs === undefined ? {} : { connectTimeoutMs }),
      ...(statementTimeoutMs === undefined ? {} : { statementTimeoutMs }),
    });
    open.push(opened);
    return opened;
  };
  /** What it says, of itself and of its health; never with the password or the port. */
  const says = async (mappings: IdMappingsTable, words: RegExp): Promise<void> => {
    await assert.rejects(mappings.bySfAccount(account), (error: unknown) => {
      assert.ok(error instanceof IdMappingsError, String(error));
      assert.equal(error.code, 'UNAVAILABLE');
      assert.match(error.message, words);
      for (const secret of [postgresPassword, String(server.port), '127.0.0.1', 'tester'])
        assert.ok(!error.message.includes(secret), error.message);
      return true;
    });
    const health = await mappings.health();
    assert.equal(health.ok, false);
    assert.match(health.detail, words);
    assert.equal(mappings.problem, health.detail);
  };

  it('keeps each id unique, each way, in the table that is shipped', async () => {
    await sql(shipped);
    await sql(shipped);
    const mappings = table();
    const mapping = { portalUserId: null, whmcsClientId: 3, sfAccountId: account };
    assert.equal(await mappings.put(mapping), 'written');
    assert.equal(await mappings.put({ ...mapping, portalUserId: 'p1' }), 'written');
    assert.equal(await mappings.put(mapping), 'written');
    for (const one of [
      { portalUserId: null, whmcsClientId: 4, sfAccountId: account },
      { portalUserId: null, whmcsClientId: 3, sfAccountId: other },
      { portalUserId: 'p1', whmcsClientId: 5, sfAccountId: third },
      { portalUserId: 'p2', whmcsClientId: 3, sfAccountId: account },
    ])
      assert.equal(await mappings.put(one), 'conflict');
    assert.deepEqual(await mappings.byWhmcsClient(3), { ...mapping, portalUserId: 'p1' });
    assert.deepEqual(await mappings.bySfAccount(account), { ...mapping, portalUserId: 'p1' });
    assert.equal(await mappings.bySfAccount(other), null);
    assert.equal(await mappings.byWhmcsClient(4), null);
    assert.deepEqual({ ...(await mappings.health()), latencyMs: 0 }, { ok: true, detail: 'ok', latencyMs: 0 });
    await assert.rejects(
      sql(`INSERT INTO id_mappings VALUES ('${other}', 3, NULL)`),
      /id_mappings_whmcs_client_id_key/,
      'also for others that write',
    );
  });

  it('lets one of two that write the same client at a time', async () => {
    await sql(shipped);
    const [one, two] = [table(), table()];
    const ends = await Promise.all([
      one.put({ portalUserId: null, whmcsClientId: 9, sfAccountId: account }),
      two.put({ portalUserId: null, whmcsClientId: 9, sfAccountId: other }),
    ]);
    assert.deepEqual(ends.sort(), ['conflict', 'written']);
  });

  it('reads a table of others, by its own names, whatever its columns are made of', async () => {
    const described = { table: 'Portal.IdMapping', accountColumn: 'sfAccountId', clientColumn: 'whmcsClientId' };
    const forms: [client: string, account: string, portal: string, user: string][] = [
      ['integer', 'text', 'uuid', '6e0b5d1c-0000-4000-8000-000000000001'],
      ['bigint', 'varchar(18)', 'integer', '77'],
      ['text', 'char(18)', 'text', 'u1'],
      ['numeric', 'text', 'bigint', '78'],
    ];
    for (const [client, sf, portal, user] of forms) {
      await sql(`DROP SCHEMA IF EXISTS "Portal" CASCADE; CREATE SCHEMA "Portal";
        CREATE TABLE "Portal"."IdMapping" (created timestamptz DEFAULT now(),
          "userId" ${portal}, "whmcsClientId" ${client}, "sfAccountId" ${sf});
        INSERT INTO "Portal"."IdMapping" ("userId", "whmcsClientId", "sfAccountId")
        VALUES ('${user}', 1001, '${account}'), (NULL, NULL, '${other}')`);
      const mappings = table({ described: { ...described, portalColumn: 'userId' } });
      const found = { portalUserId: user, whmcsClientId: 1001, sfAccountId: account };
      assert.deepEqual(await mappings.bySfAccount(account), found, client);
      assert.deepEqual(await mappings.byWhmcsClient(1001), found, client);
      assert.equal(await mappings.bySfAccount(other), null, 'a row without a client names none');
    }
    const without = table({ described: { ...described, portalColumn: null } });
    assert.equal((await without.bySfAccount(account))?.portalUserId, null);
    assert.equal(await without.put({ portalUserId: 'u', whmcsClientId: 1002, sfAccountId: third }), 'written');
    assert.equal(await without.put({ portalUserId: null, whmcsClientId: 1002, sfAccountId: other }), 'conflict');
  });

  it('does not choose where a table without constraints names two', async () => {
    await sql(`CREATE TABLE id_mappings (portal_user_id text, whmcs_client_id int, sf_account_id text);
      INSERT INTO id_mappings VALUES ('a', 7, '${account}'), ('b', 7, '${account}'), ('c', 8, '${other}'),
        ('d', 9, '${other}'), ('e', 8, '${third}')`);
    const mappings = table();
    assert.equal((await mappings.bySfAccount(account))?.whmcsClientId, 7);
    const ambiguous = (words: RegExp) => (error: unknown) => {
      assert.ok(error instanceof IdMappingsError && error.code === 'AMBIGUOUS');
      assert.match(error.message, words);
      return true;
    };
    await assert.rejects(mappings.bySfAccount(other), ambiguous(/both WHMCS clients 8 and 9/));
    await assert.rejects(mappings.byWhmcsClient(8), ambiguous(new RegExp(`both accounts ${other} and ${third}`)));
    assert.equal(mappings.problem, null, 'that is no fault of the database');
  });

  it('does not choose either where many rows, one for each user of the portal, say the same before', async () => {
    const alike = Array.from({ length: 40 }, (_, at) => `('u${at}', 7, '${account}')`);
    await sql(`CREATE TABLE id_mappings (portal_user_id text, whmcs_client_id int, sf_account_id text);
      INSERT INTO id_mappings VALUES ${alike.join()}, ('x', 8, '${account}'), ('y', 7, '${other}')`);
    const ambiguous = (error: unknown) => error instanceof IdMappingsError && error.code === 'AMBIGUOUS';
    await assert.rejects(table().bySfAccount(account), ambiguous);
    await assert.rejects(table().byWhmcsClient(7), ambiguous);
  });

  it('takes an id of 15 characters and the same of 18 for one account', async () => {
    await sql(`CREATE TABLE id_mappings (portal_user_id text, whmcs_client_id int, sf_account_id text);
      INSERT INTO id_mappings VALUES ('a', 7, '${account}'), ('b', 7, '${account.slice(0, 15)}')`);
    assert.equal((await table().byWhmcsClient(7))?.whmcsClientId, 7);
  });

  it('takes no SQL for a name, and no SQL from an id', async () => {
    await sql(shipped);
    for (const described of [
      { table: 'id_mappings; DROP TABLE id_mappings' },
      { table: 'a.b.c' },
      { table: '' },
      { accountColumn: 'x" OR "1"="1' },
      { clientColumn: 'whmcs client' },
      { portalColumn: 'ü' },
      { portalColumn: 'x'.repeat(64) },
    ])
      assert.throws(
        () => table({ described }),
        /^Error: (mappingTable|accountColumn|clientColumn|portalColumn) must be/,
      );
    const mappings = table();
    await mappings.put({ portalUserId: null, whmcsClientId: 3, sfAccountId: account });
    for (const id of [`' OR '1'='1`, `${account}'; DROP TABLE id_mappings; --`, '\\', '%'])
      assert.equal(await mappings.bySfAccount(id), null);
    assert.equal((await mappings.bySfAccount(account))?.whmcsClientId, 3);
  });

  it('says what is wrong with the table', async () => {
    await says(table(), /has no table id_mappings .* Run postgres\/id_mappings\.sql/);
    await says(table({ described: { table: 'portal.ids' } }), /has no table portal\.ids/);
    await sql('CREATE TABLE id_mappings (sf_account_id text, whmcs_client_id int)');
    await says(table(), /lacks one of the columns sf_account_id, whmcs_client_id, portal_user_id/);
    await sql(
      `DROP TABLE id_mappings; CREATE TABLE id_mappings (sf_account_id int, whmcs_client_id int, portal_user_id text)`,
    );
    await assert.rejects(table().bySfAccount(account), /of a type that holds no such id/);
    await sql(`DROP TABLE id_mappings; CREATE TABLE id_mappings (sf_account_id text, whmcs_client_id text, portal_user_id text);
      INSERT INTO id_mappings VALUES ('${account}', 'Northwind', NULL)`);
    await assert.rejects(table().bySfAccount(account), /holds something that is no id, such as in whmcs_client_id/);
    await sql(`CREATE ROLE reader LOGIN PASSWORD '${postgresPassword}'`);
    await says(table({ url: server.url.replace('tester', 'reader') }), /may not use table id_mappings: GRANT SELECT/);
  });

  it('says what is wrong with the address', async () => {
    const to = (path: string) => table({ url: server.url.replace(/\/postgres$/, path) });
    await says(to('/nowhere'), /no database of this name/);
    await says(to('/postgres?sslmode=verify-full'), /speaks no TLS/);
    await says(table({ url: server.url.replace(postgresPassword, 'wrong') }), /refuses the user name or the password/);
    await says(table({ url: server.url.replace(`:${postgresPassword}`, '') }), /refuses the user name or the password/);
    for (const url of [`not ${postgresPassword}`, `mysql://x:${postgresPassword}@y/z`, 'postgres//x'])
      assert.throws(
        () => table({ url }),
        (error: unknown) =>
          error instanceof Error &&
          /DATABASE_URL must be/.test(error.message) &&
          !error.message.includes(postgresPassword),
      );
  });

  it('is well again by itself when the server is', async () => {
    await sql(shipped);
    const mappings = table();
    await mappings.put({ portalUserId: null, whmcsClientId: 3, sfAccountId: account });
    const told: (string | null)[] = [];
    mappings.onProblem(() => told.push(mappings.problem));
    await server.stopOnly();
    try {
      await says(mappings, /cannot be reached \(ECONNREFUSED\)/);
    } finally {
      await server.restart();
    }
    assert.equal((await mappings.bySfAccount(account))?.whmcsClientId, 3);
    assert.equal((await mappings.health()).ok, true);
    assert.equal(told.at(-1), null);
    assert.equal(told.filter((one) => one === null).length, 1);
  });

  it('waits no longer than its limit for a table that somebody holds', async () => {
    await sql(shipped);
    const holder = new Client({ connectionString: server.url });
    await holder.connect();
    open.push({ close: () => holder.end() });
    await holder.query('BEGIN; LOCK TABLE id_mappings IN ACCESS EXCLUSIVE MODE');
    const mappings = table({ statementTimeoutMs: 150 });
    const from = performance.now();
    await says(mappings, /does not answer in time/);
    assert.ok(performance.now() - from < 3_000);
    const ours = `FROM pg_stat_activity WHERE application_name = 'order-provisioning' AND wait_event_type = 'Lock'`;
    const { rows } = await holder.query(`SELECT state ${ours}`);
    assert.deepEqual(rows, [], 'nothing of ours goes on waiting in the server');
    await holder.query('ROLLBACK');
    assert.equal(await mappings.bySfAccount(account), null);
  });

  it('waits no longer than its limit for a server that has stopped answering, and closes all the same', async () => {
    await sql(shipped);
    const between = await TcpBetween.open(server.port);
    open.push(between);
    const mappings = table({
      url: server.url.replace(String(server.port), String(between.port)),
      connectTimeoutMs: 200,
      statementTimeoutMs: 150,
    });
    assert.equal(await mappings.bySfAccount(account), null);
    between.holdRequests();
    const from = performance.now();
    await says(mappings, /does not answer in time/);
    assert.ok(performance.now() - from < 4_000);
    const closing = performance.now();
    await mappings.close();
    assert.ok(performance.now() - closing < 2_000);
    await assert.rejects(mappings.bySfAccount(account), /is closed/);
  });
});
