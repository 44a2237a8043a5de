/** The tables, and how an older file is brought up to date. */
import { z } from 'zod';
import { StoreError } from '../contract';
import type { Connection } from './connection';

/**
 * Each entry brings the file one version further; entries are added, never changed.
 *
 * 1. `inbox.place` is the place in the line: it stays when an event is parked or handed back, and is new after a retry.
 *    `inbox.worker` is the instance that has it in work. `fences` outlive their leases, which live in memory only.
 *    `ledger_todo` is derived from the states, so that open work is found without reading every order.
 * 2. `inbox.waits_for` is what a parked event waits for.
 * 3. `store.doubt_id` names the doubt; without one it is a person's, or of a version before. `doubt_until` is as it was
 *    written, `doubt_ends` where later looks have put it. `doubt_boot` and `doubt_since_boot` are the boot id and the uptime
 *    (ms) at which it was noticed, none where it is too old to be dated anew; `doubt_watched` is for how many ms the store
 *    was open since.
 */
const migrations: readonly string[] = [
  `
  CREATE TABLE store (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    id TEXT NOT NULL,
    born_at INTEGER NOT NULL,
    mark INTEGER NOT NULL,
    doubt_reason TEXT,
    doubt_until INTEGER
  ) STRICT;
  CREATE TABLE owner (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    instance TEXT NOT NULL,
    boot_id TEXT NOT NULL,
    pid INTEGER NOT NULL,
    start_time TEXT NOT NULL,
    since INTEGER NOT NULL,
    heartbeat INTEGER NOT NULL,
    beats INTEGER NOT NULL
  ) STRICT;
  CREATE TABLE cursors (
    channel TEXT PRIMARY KEY,
    replay_id TEXT NOT NULL,
    fence INTEGER NOT NULL,
    sequence INTEGER NOT NULL
  ) STRICT;
  CREATE TABLE inbox (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    place INTEGER NOT NULL,
    channel TEXT NOT NULL,
    replay_id TEXT,
    event_id TEXT NOT NULL,
    created_at INTEGER,
    received_at INTEGER NOT NULL,
    order_id TEXT,
    delivery TEXT NOT NULL,
    payload TEXT NOT NULL,
    raw TEXT,
    state TEXT NOT NULL,
    worker TEXT,
    handout INTEGER NOT NULL DEFAULT 0,
    crashes INTEGER NOT NULL DEFAULT 0,
    fruitless INTEGER NOT NULL DEFAULT 0,
    waiting_since INTEGER NOT NULL,
    not_before INTEGER,
    reason TEXT,
    ending TEXT,
    ended_at INTEGER,
    failure TEXT
  ) STRICT;
  CREATE INDEX inbox_by_place ON inbox (place);
  CREATE INDEX inbox_line ON inbox (channel, place) WHERE state IN ('waiting', 'parked');
  CREATE INDEX inbox_order_in_work ON inbox (order_id) WHERE state = 'inWork';
  CREATE INDEX inbox_by_order ON inbox (order_id);
  CREATE INDEX inbox_by_state ON inbox (state, channel, place);
  CREATE INDEX inbox_ended ON inbox (ended_at) WHERE state = 'finished';
  CREATE TABLE fences (name TEXT PRIMARY KEY, fence INTEGER NOT NULL) STRICT;
  CREATE TABLE ledger (order_id TEXT PRIMARY KEY, fence INTEGER NOT NULL, state TEXT NOT NULL) STRICT;
  CREATE TABLE ledger_todo (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    todo TEXT NOT NULL,
    order_id TEXT NOT NULL,
    UNIQUE (order_id, todo)
  ) STRICT;
  CREATE INDEX ledger_todo_by_word ON ledger_todo (todo, seq);
  CREATE TABLE facts (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    order_id TEXT NOT NULL,
    intent TEXT NOT NULL,
    kind TEXT NOT NULL,
    whmcs_order_id INTEGER,
    at INTEGER NOT NULL,
    detail TEXT
  ) STRICT;
  CREATE UNIQUE INDEX facts_once ON facts (order_id, intent, kind, ifnull(whmcs_order_id, -1));
  CREATE TABLE claims (
    whmcs TEXT NOT NULL,
    whmcs_order_id INTEGER NOT NULL,
    order_id TEXT NOT NULL,
    PRIMARY KEY (whmcs, whmcs_order_id)
  ) STRICT;
  CREATE TABLE open_intents (
    whmcs TEXT NOT NULL,
    client_id INTEGER NOT NULL,
    order_id TEXT NOT NULL,
    intent TEXT NOT NULL,
    PRIMARY KEY (whmcs, client_id, order_id, intent)
  ) STRICT;
  CREATE TABLE id_mappings (
    sf_account_id TEXT PRIMARY KEY,
    whmcs_client_id INTEGER NOT NULL UNIQUE,
    portal_user_id TEXT UNIQUE
  ) STRICT;
  CREATE TABLE timeline (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    order_id TEXT NOT NULL,
    event_id TEXT NOT NULL,
    attempt INTEGER NOT NULL,
    step TEXT NOT NULL,
    status TEXT NOT NULL,
    started_at INTEGER NOT NULL,
    ms INTEGER,
    detail TEXT NOT NULL,
    UNIQUE (event_id, attempt, step, started_at)
  ) STRICT;
  CREATE INDEX timeline_by_order ON timeline (order_id, seq);
  CREATE TABLE timeline_orders (order_id TEXT PRIMARY KEY, touched INTEGER NOT NULL) STRICT;
  CREATE INDEX timeline_orders_by_age ON timeline_orders (touched);
  `,
  `
  ALTER TABLE inbox ADD COLUMN waits_for TEXT;
  CREATE INDEX inbox_waiters ON inbox (waits_for, place) WHERE state = 'parked' AND waits_for IS NOT NULL;
  `,
  `
  ALTER TABLE store ADD COLUMN doubt_id TEXT;
  ALTER TABLE store ADD COLUMN doubt_ends INTEGER;
  ALTER TABLE store ADD COLUMN doubt_boot TEXT;
  ALTER TABLE store ADD COLUMN doubt_since_boot INTEGER;
  ALTER TABLE store ADD COLUMN doubt_watched INTEGER NOT NULL DEFAULT 0;
  `,
];

/** Marks the file as ours for people and for `file(1)`: "SfWh". */
export const applicationId = 0x53665768;

const versionRow = z.object({ version: z.number().nullable() });
const countRow = z.object({ count: z.number() });

/**
 * The version of the tables in a file; 0 for a file without any.
 * @throws StoreError NEWER for one that a later pack wrote, CORRUPT for a database that is not a store.
 */
export function schemaVersion(connection: Connection, known = migrations.length): number {
  const tables = connection.query('SELECT count(*) AS count FROM sqlite_schema', countRow).get()?.count ?? 0;
  if (tables === 0) return 0;
  const ours = connection
    .query(`SELECT count(*) AS count FROM sqlite_schema WHERE type = 'table' AND name = 'schema_version'`, countRow)
    .get();
  if (ours?.count !== 1 || connection.pragma('application_id', z.number()) !== applicationId) {
    throw new StoreError(
      'CORRUPT',
      'The file order-provisioning.sqlite is a database, but not one of this pack; it was left as it is. Move it away, or give the store another directory.',
    );
  }
  const version =
    connection.query('SELECT max(version) AS version FROM schema_version', versionRow).get()?.version ?? 0;
  if (version <= known) return version;
  throw new StoreError(
    'NEWER',
    `The store was written by a newer version of the pack (tables ${version}, this one knows ${known}); nothing was changed. Install that version again.`,
  );
}

/** Brings the tables up to date, all steps in one transaction. */
export function migrate(connection: Connection, now: number, steps = migrations): void {
  const from = schemaVersion(connection, steps.length);
  if (from === steps.length) return;
  connection.writeAnyway(() => {
    if (from === 0) {
      connection.run(`PRAGMA application_id = ${applicationId}`);
      connection.run('CREATE TABLE schema_version (version INTEGER PRIMARY KEY, applied_at INTEGER NOT NULL) STRICT');
    }
    const done = connection.command('INSERT INTO schema_version (version, applied_at) VALUES ($version, $now)');
    for (let version = from + 1; version <= steps.length; version++) {
      connection.run(steps[version - 1] ?? '');
      done.run({ version, now });
    }
  });
}
