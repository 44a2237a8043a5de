/** One SQLite connection: prepared statements, transactions, and every error as a StoreError. */
import type { DatabaseSync, SQLInputValue, StatementSync } from 'node:sqlite';
import { z } from 'zod';
import type { JsonObject } from '../../json';
import { StoreError } from '../contract';
import { databaseClass } from './load-sqlite';
import { storeError } from './sqlite-errors';

export type Parameters = Record<string, SQLInputValue>;

/** How long a foreign reader or writer of the file is waited for; the event loop stands still meanwhile. */
const busyMs = 250;

export class Connection {
  private database: DatabaseSync | null;
  private fileGuard: (() => void) | null = null;
  private ownerGuard: (() => void) | null = null;

  constructor(path: string, options: { readOnly?: boolean } = {}) {
    const Database = databaseClass();
    this.database = attempt(() => new Database(path, { readOnly: options.readOnly ?? false }));
    try {
      this.run(`PRAGMA busy_timeout = ${busyMs}`);
    } catch (error) {
      this.close();
      throw error;
    }
  }

  /**
   * Both run inside each transaction and throw when it must not be. `file`: what is written would not be found again.
   * `owner`: this process has lost the store; facts are written all the same.
   */
  guardWrites(guards: { file: () => void; owner: () => void }): void {
    this.fileGuard = guards.file;
    this.ownerGuard = guards.owner;
  }

  /** Statements without parameters or rows. */
  run(sql: string): void {
    attempt(() => this.open().exec(sql));
  }

  /** A statement that gives rows, each parsed by `row`. */
  query<T>(sql: string, row: z.ZodType<T>): Query<T> {
    return new Query(this.prepare(sql), row, this.assertOpen);
  }

  /** A statement that changes rows. */
  command(sql: string): Command {
    return new Command(this.prepare(sql), this.assertOpen);
  }

  /** The one value of a pragma. */
  pragma<T>(name: string, value: z.ZodType<T>): T {
    const row = attempt(() => this.open().prepare(`PRAGMA ${name}`).get());
    return attempt(() => value.parse(Object.values(row ?? {})[0]));
  }

  /**
   * Runs `work` in one durable transaction.
   * @throws StoreError; nothing of `work` is kept, unless the commit itself failed: then its effect is unknown.
   */
  write<T>(work: () => T): T {
    return this.transaction(() => {
      this.ownerGuard?.();
      return work();
    });
  }

  /** As `write`, for what is kept even by a process that has lost the store: facts. */
  writeAnyway<T>(work: () => T): T {
    return this.transaction(work);
  }

  close(): void {
    const { database } = this;
    this.database = null;
    if (database) attempt(() => database.close());
  }

  private transaction<T>(work: () => T): T {
    this.run('BEGIN IMMEDIATE');
    try {
      this.fileGuard?.();
      const value = attempt(work);
      this.run('COMMIT');
      return value;
    } catch (error) {
      this.rollBack();
      throw error;
    }
  }

  private rollBack(): void {
    try {
      this.run('ROLLBACK');
    } catch {
      // SQLite has rolled back by itself, as it does after some errors of the disk.
    }
  }

  private prepare(sql: string): StatementSync {
    return attempt(() => this.open().prepare(sql));
  }

  private readonly assertOpen = (): void => void this.open();

  private open(): DatabaseSync {
    if (this.database) return this.database;
    throw new StoreError('UNAVAILABLE', 'The store is closed.');
  }
}

export class Query<T> {
  constructor(
    private readonly statement: StatementSync,
    private readonly row: z.ZodType<T>,
    private readonly assertOpen: () => void,
  ) {}

  get(parameters: Parameters = {}): T | undefined {
    return attempt(() => {
      this.assertOpen();
      const found = this.statement.get(parameters);
      return found === undefined ? undefined : this.row.parse(found);
    });
  }

  all(parameters: Parameters = {}): T[] {
    this.assertOpen();
    return attempt(() => this.statement.all(parameters).map((found) => this.row.parse(found)));
  }
}

export class Command {
  constructor(
    private readonly statement: StatementSync,
    private readonly assertOpen: () => void,
  ) {}

  /** @returns how many rows changed. */
  run(parameters: Parameters = {}): number {
    this.assertOpen();
    return attempt(() => Number(this.statement.run(parameters).changes));
  }
}

/** A column that holds a JSON object as text. */
export const jsonObject = z.string().transform((text, context): JsonObject => {
  try {
    const value: unknown = JSON.parse(text);
    // What JSON.parse gives is JSON by construction; only its outermost shape is open.
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as JsonObject;
  } catch {
    // Said below, as for any other text that is no object.
  }
  context.addIssue({ code: 'custom', message: 'is not a JSON object' });
  return z.NEVER;
});

function attempt<T>(work: () => T): T {
  try {
    return work();
  } catch (error) {
    throw storeError(error);
  }
}
