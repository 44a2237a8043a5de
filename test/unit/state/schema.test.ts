import assert from 'node:assert/strict';
import { z } from 'zod';
import { Connection } from '../../../lib/state/sqlite/connection';
import { makeDurable } from '../../../lib/state/sqlite/engine';
import { migrate, schemaVersion } from '../../../lib/state/sqlite/schema';
import { channel, eventOf } from '../../contract/state/samples';
import { Embedded, storeErrorWith } from './embedded';

describe('The tables of the embedded store', () => {
  const embedded = new Embedded();

  it('are refused when a newer version of the pack made them, and stay as they are', async () => {
    await embedded.filled();
    embedded.sql('INSERT INTO schema_version (version, applied_at) VALUES (99, 0)');
    await embedded.refused('NEWER', /newer version of the pack \(tables 99, this one knows 3\)/);
  });

  it('are brought forward one version after the other, and each once', () => {
    const connection = new Connection(':memory:');
    const steps = ['CREATE TABLE one (a INTEGER) STRICT', 'ALTER TABLE one ADD COLUMN b TEXT'];
    migrate(connection, 5, steps.slice(0, 1));
    assert.equal(schemaVersion(connection, 2), 1);
    connection.run('INSERT INTO one (a) VALUES (1)');
    migrate(connection, 6, steps);
    migrate(connection, 7, steps);
    const versions = connection.query('SELECT version, applied_at FROM schema_version ORDER BY version', z.unknown());
    assert.deepEqual(
      versions.all().map((row) => ({ ...(row as object) })),
      [
        { version: 1, applied_at: 5 },
        { version: 2, applied_at: 6 },
      ],
    );
    assert.deepEqual(connection.query('SELECT a, b FROM one', z.object({ a: z.number(), b: z.null() })).all(), [
      { a: 1, b: null },
    ]);
    connection.close();
  });

  it('stay as they were when a step fails', () => {
    const connection = new Connection(':memory:');
    const first = 'CREATE TABLE one (a INTEGER) STRICT';
    migrate(connection, 5, [first]);
    assert.throws(() => migrate(connection, 6, [first, 'CREATE TABLE two (a INTEGER) STRICT', 'NOT SQL']));
    assert.equal(schemaVersion(connection, 3), 1);
    const tables = connection.query(
      `SELECT count(*) AS count FROM sqlite_schema WHERE name = 'two'`,
      z.object({ count: z.number() }),
    );
    assert.deepEqual(tables.get(), { count: 0 });
    connection.close();
  });

  it('are not kept where SQLite has no write-ahead log', () => {
    const connection = new Connection(':memory:');
    assert.throws(() => makeDurable(connection), storeErrorWith('UNAVAILABLE'));
    connection.close();
  });

  it('are written through to the disk at each commit', () => {
    const connection = new Connection(embedded.database);
    makeDurable(connection);
    assert.equal(connection.pragma('synchronous', z.number()), 2);
    assert.equal(connection.pragma('journal_mode', z.string()), 'wal');
    connection.close();
  });

  it('say so when the disk is full, and keep nothing of the transaction', () => {
    const connection = new Connection(embedded.database);
    makeDurable(connection);
    connection.run('CREATE TABLE big (text TEXT) STRICT');
    connection.run('PRAGMA max_page_count = 8');
    const insert = connection.command('INSERT INTO big (text) VALUES ($text)');
    assert.throws(
      () =>
        connection.write(() => {
          insert.run({ text: 'small' });
          insert.run({ text: 'x'.repeat(100_000) });
        }),
      (error) => storeErrorWith('UNAVAILABLE')(error) && /full/.test(String(error)),
    );
    assert.deepEqual(connection.query('SELECT count(*) AS count FROM big', z.object({ count: z.number() })).get(), {
      count: 0,
    });
    connection.write(() => insert.run({ text: 'small' }));
    connection.close();
  });

  it('find the next event, and open work, without reading all of them', async () => {
    await embedded.filled();
    const plan = (sql: string): string => {
      const connection = new Connection(embedded.database, { readOnly: true });
      const rows = connection.query(`EXPLAIN QUERY PLAN ${sql}`, z.object({ detail: z.string() })).all();
      connection.close();
      return rows.map((row) => row.detail).join('; ');
    };
    const next = plan(
      `SELECT seq FROM inbox AS event WHERE channel = 'c' AND state IN ('waiting', 'parked')
         AND (not_before IS NULL OR not_before <= 5 OR (state = 'parked' AND not_before > 9)) AND NOT EXISTS (
         SELECT 1 FROM inbox AS busy WHERE busy.state = 'inWork' AND busy.order_id = event.order_id)
       ORDER BY place LIMIT 1`,
    );
    assert.match(next, /inbox_line/);
    assert.match(next, /inbox_order_in_work/);
    assert.doesNotMatch(next, /SCAN|TEMP B-TREE/);
    assert.match(
      plan(`SELECT order_id FROM ledger_todo WHERE todo = 'report' ORDER BY seq LIMIT 5`),
      /ledger_todo_by_word/,
    );
    const waiter = plan(`SELECT id FROM inbox WHERE state = 'parked' AND waits_for = 'x' ORDER BY place LIMIT 1`);
    assert.match(waiter, /inbox_waiters/);
    assert.doesNotMatch(waiter, /SCAN|TEMP B-TREE/);
  });

  it('of the first version are brought up to date with what is in them', async () => {
    const store = await embedded.open();
    const { id } = await store.inbox.add(eventOf(1));
    await store.inbox.take(channel, embedded.clock.now());
    await store.inbox.park(id, 1, embedded.clock.now() + 60_000, 'busy');
    await store.close();
    embedded.sql(`
      ALTER TABLE store DROP COLUMN doubt_id; ALTER TABLE store DROP COLUMN doubt_ends;
      ALTER TABLE store DROP COLUMN doubt_boot; ALTER TABLE store DROP COLUMN doubt_since_boot;
      ALTER TABLE store DROP COLUMN doubt_watched;
      DROP INDEX inbox_waiters; ALTER TABLE inbox DROP COLUMN waits_for;
      DELETE FROM schema_version WHERE version > 1`);
    const again = await embedded.open();
    assert.deepEqual(await again.doubt(), { reason: 'new store', until: store.bornAt, id: null });
    const { inbox } = again;
    const parked = await inbox.get(id);
    assert.deepEqual([parked?.state, parked?.reason, parked?.waitsFor], ['parked', 'busy', null]);
    await inbox.park(id, 1, embedded.clock.now() + 60_000, 'busy', 'lease');
    assert.equal((await inbox.wakeNext('lease'))?.id, id);
  });
});
