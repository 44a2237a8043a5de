/**
 * Id mappings in a table of PostgreSQL, which others own and fill. Every wait is bounded, a few connections do for all,
 * and closing leaves no socket, whatever the server does.
 */
import { Socket } from 'node:net';
import { Pool, type PoolClient } from 'pg';
import { z } from 'zod';
import type { Clock } from '../../clock';
import { IdMappingsError, type IdMapping, type IdMappingsTable, type StoreHealth } from '../contract';
import { quoted, type DescribedTable, type QuotedTable } from './described-table';
import { postgresError } from './postgres-errors';

export interface PostgresOptions {
  /** `postgres://user:password@host:5432/database`; `sslmode` and `sslrootcert` as its client knows them. */
  url: string;
  table: DescribedTable;
  clock: Pick<Clock, 'monotonic'>;
  /** ms a connection may take. Default 5,000. */
  connectTimeoutMs?: number;
  /** ms an answer may take. Default 5,000. */
  statementTimeoutMs?: number;
}

const connections = 3;
const idleMs = 30_000;
/** Beyond the server's own limit, for one that does not keep it. */
const graceMs = 500;
/** Of a server that answers no goodbye. */
const goodbyeMs = 1_000;

const idText = z.union([z.string(), z.number(), z.bigint()]).transform((id) => String(id).trim());
const clientId = z
  .union([
    z.number(),
    z.bigint(),
    z
      .string()
      .trim()
      .regex(/^\d{1,15}$/),
  ])
  .transform(Number);
const row = z
  .object({
    account: idText,
    client: clientId.pipe(z.number().int().positive()),
    portal: idText.nullable(),
  })
  .transform(({ account, client, portal }): IdMapping => ({
    portalUserId: portal || null,
    whmcsClientId: client,
    sfAccountId: account,
  }));

/**
 * Connects when first asked.
 * @throws Error for an address that is none, or a table whose name is none; without the address, which holds a password.
 */
export function openPostgresIdMappings(options: PostgresOptions): IdMappingsTable {
  return new PostgresIdMappings(options);
}

class PostgresIdMappings implements IdMappingsTable {
  private readonly pool: Pool;
  private readonly sockets = new Set<Socket>();
  private readonly described: DescribedTable;
  private readonly sql: QuotedTable;
  private readonly clock: Pick<Clock, 'monotonic'>;
  private readonly listeners = new Set<() => void>();
  private why: string | null = null;
  private closing: Promise<void> | null = null;

  constructor({ url, table, clock, connectTimeoutMs = 5_000, statementTimeoutMs = 5_000 }: PostgresOptions) {
    this.sql = quoted(table);
    this.described = table;
    this.clock = clock;
    this.pool = new Pool({
      connectionString: checked(url),
      max: connections,
      connectionTimeoutMillis: connectTimeoutMs,
      statement_timeout: statementTimeoutMs,
      query_timeout: statementTimeoutMs + graceMs,
      idleTimeoutMillis: idleMs,
      application_name: 'order-provisioning',
      stream: () => this.socket(),
    });
    // An idle connection that ends: the next question opens another. Without a listener it would end the process.
    this.pool.on('error', () => undefined);
  }

  get problem(): string | null {
    return this.why;
  }

  onProblem(listener: () => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  bySfAccount(sfAccountId: string): Promise<IdMapping | null> {
    return this.only('account', sfAccountId);
  }

  byWhmcsClient(whmcsClientId: number): Promise<IdMapping | null> {
    return this.only('client', whmcsClientId);
  }

  /**
   * The same pair of client and account may learn its portal user later; nothing else ever changes by itself. The table is
   * locked meanwhile: one that others made may lack the constraints that would keep it unique.
   */
  put(mapping: IdMapping): Promise<'written' | 'conflict'> {
    const { table, account, client, portal, hasPortal } = this.sql;
    const { portalUserId, whmcsClientId, sfAccountId } = mapping;
    return this.asking(async (connection) => {
      await connection.query('BEGIN');
      try {
        await connection.query(`LOCK TABLE ${table} IN SHARE ROW EXCLUSIVE MODE`);
        const shared = await connection.query<Record<string, unknown>>(
          `${this.select} WHERE ${account} = $1 OR ${client} = $2${hasPortal ? ` OR ${portal} = $3` : ''}`,
          [sfAccountId, whmcsClientId, ...(hasPortal ? [portalUserId] : [])],
        );
        // A row of others that lacks an id is theirs to fill.
        const isFull = shared.rows.every((found) => found['account'] !== null && found['client'] !== null);
        const known = isFull ? shared.rows.map((found) => this.read(found)) : [];
        if (!isFull || known.some((other) => !isSame(other, mapping))) {
          await connection.query('ROLLBACK');
          return 'conflict';
        }
        if (known.length === 0)
          await connection.query(
            `INSERT INTO ${table} (${account}, ${client}${hasPortal ? `, ${portal}` : ''}) VALUES ($1, $2${hasPortal ? ', $3' : ''})`,
            [sfAccountId, whmcsClientId, ...(hasPortal ? [portalUserId] : [])],
          );
        else if (hasPortal && portalUserId !== null)
          await connection.query(`UPDATE ${table} SET ${portal} = $2 WHERE ${account} = $1`, [
            sfAccountId,
            portalUserId,
          ]);
        await connection.query('COMMIT');
        return 'written';
      } catch (error) {
        await connection.query('ROLLBACK').catch(() => undefined);
        throw error;
      }
    });
  }

  async health(): Promise<StoreHealth> {
    const from = this.clock.monotonic();
    try {
      await this.asking((connection) => connection.query(`${this.select} LIMIT 1`));
      return { ok: true, detail: 'ok', latencyMs: this.clock.monotonic() - from };
    } catch (error) {
      return {
        ok: false,
        detail: postgresError(error, this.described).message,
        latencyMs: this.clock.monotonic() - from,
      };
    }
  }

  close(): Promise<void> {
    return (this.closing ??= this.end());
  }

  private get select(): string {
    return `SELECT ${this.columns}`;
  }

  private get columns(): string {
    const { table, account, client, portal } = this.sql;
    return `${account} AS "account", ${client} AS "client", ${portal} AS "portal" FROM ${table}`;
  }

  /** The one row; of a table without constraints several that say the same are one, however many they are. */
  private only(by: 'account' | 'client', id: string | number): Promise<IdMapping | null> {
    const { account, client } = this.sql;
    return this.asking(async (connection) => {
      const { rows } = await connection.query<Record<string, unknown>>(
        `SELECT DISTINCT ON (${account}, ${client}) ${this.columns} WHERE ${this.sql[by]} = $1 AND ${account} IS NOT NULL AND ${client} IS NOT NULL LIMIT 10`,
        [id],
      );
      const [first, ...others] = rows.map((found) => this.read(found));
      if (first === undefined) return null;
      const other = others.find(
        (one) => one.whmcsClientId !== first.whmcsClientId || !isSameAccount(one.sfAccountId, first.sfAccountId),
      );
      if (other === undefined) return first;
      const said =
        by === 'account'
          ? `account ${id} to both WHMCS clients ${first.whmcsClientId} and ${other.whmcsClientId}`
          : `WHMCS client ${id} to both accounts ${first.sfAccountId} and ${other.sfAccountId}`;
      throw new IdMappingsError('AMBIGUOUS', `${this.described.table} links ${said}`);
    });
  }

  private read(found: unknown): IdMapping {
    const parsed = row.safeParse(found);
    if (parsed.success) return parsed.data;
    const { table, clientColumn } = this.described;
    throw new IdMappingsError(
      'UNAVAILABLE',
      `Table ${table} holds something that is no id, such as in ${clientColumn}. Name the columns as they are.`,
    );
  }

  /** @throws IdMappingsError */
  private async asking<T>(ask: (connection: PoolClient) => Promise<T>): Promise<T> {
    let connection: PoolClient | null = null;
    try {
      if (this.closing) throw new IdMappingsError('UNAVAILABLE', 'The connection to PostgreSQL is closed.');
      connection = await this.pool.connect();
      const answer = await ask(connection);
      connection.release();
      this.is(null);
      return answer;
    } catch (error) {
      const found = postgresError(error, this.described);
      // After a limit its answer may still come: no other question may get that one.
      connection?.release(error !== found);
      if (found.code === 'UNAVAILABLE' && !this.closing) this.is(found.message);
      throw found;
    }
  }

  private is(problem: string | null): void {
    if (problem === this.why) return;
    this.why = problem;
    for (const listener of [...this.listeners]) listener();
  }

  private socket(): Socket {
    const socket = new Socket();
    this.sockets.add(socket);
    socket.once('close', () => this.sockets.delete(socket));
    return socket;
  }

  private async end(): Promise<void> {
    this.listeners.clear();
    const limit = setTimeout(() => this.cut(), goodbyeMs);
    await this.pool.end().catch(() => undefined);
    clearTimeout(limit);
    this.cut();
  }

  private cut(): void {
    for (const socket of this.sockets) socket.destroy();
  }
}

/** @throws Error without the address. */
function checked(url: string): string {
  const fault = 'DATABASE_URL must be a PostgreSQL address: postgres://user:password@host:5432/database.';
  let parsed: URL;
  try {
    parsed = new URL(url);
  } catch {
    throw new Error(fault);
  }
  if (!/^postgres(ql)?:$/.test(parsed.protocol)) throw new Error(fault);
  return url;
}

/** An id of 18 characters is one of 15 with a suffix. */
const isSameAccount = (one: string, other: string): boolean => one.slice(0, 15) === other.slice(0, 15);

function isSame(one: IdMapping, other: IdMapping): boolean {
  return (
    one.whmcsClientId === other.whmcsClientId &&
    one.sfAccountId === other.sfAccountId &&
    (one.portalUserId === null || other.portalUserId === null || one.portalUserId === other.portalUserId)
  );
}
