import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { copyFile, rm } from 'node:fs/promises';
import { Embedded } from './embedded';

describe('The embedded store that was replaced', () => {
  const embedded = new Embedded();
  const kept = (): string => `${embedded.database}.backup`;

  /** A backup as SQLite makes it, of an open store. */
  const backUp = async (): Promise<void> => {
    await rm(kept(), { force: true });
    embedded.sql(`VACUUM INTO '${kept()}'`);
  };
  const restore = async (): Promise<void> => {
    for (const suffix of ['-wal', '-shm']) await rm(`${embedded.database}${suffix}`, { force: true });
    await copyFile(kept(), embedded.database);
  };

  it('doubts everything up to now after an older copy was put in place', async () => {
    await embedded.filled();
    await copyFile(embedded.database, kept());
    await (await embedded.open()).close();
    await restore();
    await embedded.clock.advance(60_000);
    const store = await embedded.open();
    const doubt = await store.doubt();
    assert.equal(doubt?.reason, 'an older copy of the database was put in place');
    assert.equal(doubt?.until, embedded.clock.now());
    await store.close();
    await embedded.clock.advance(60_000);
    assert.deepEqual(await (await embedded.open()).doubt(), doubt, 'a later opening changes nothing');
  });

  it('sees it although the copy is of the very run that was to be restored', async () => {
    const store = await embedded.open();
    await store.setDoubt(null);
    await embedded.clock.advance(10_000);
    await backUp();
    await store.ledger.write('order-1', 0, { format: 1, todo: [], intent: 'a1' });
    await embedded.clock.advance(10_000);
    await store.close();
    await restore();
    const again = await embedded.open();
    assert.equal((await again.ledger.read('order-1')).state, null);
    assert.match((await again.doubt())?.reason ?? '', /older copy/);
  });

  it('sees it although that run ended by a crash', async () => {
    const store = await embedded.open();
    await store.setDoubt(null);
    await backUp();
    await store.ledger.write('order-1', 0, { format: 1, todo: [], intent: 'a1' });
    await embedded.clock.advance(10_000);
    // The lock file as a crash leaves it; copied by another process, or this one would lose the lock.
    execFileSync('cp', [embedded.lock, `${embedded.lock}.crashed`]);
    await store.close();
    await restore();
    await copyFile(`${embedded.lock}.crashed`, embedded.lock);
    assert.match((await (await embedded.open()).doubt())?.reason ?? '', /older copy/);
  });

  it('sees it although the copy was made an instant before a call was sent, and a crash came an instant after', async () => {
    const store = await embedded.open();
    await store.setDoubt(null);
    await backUp();
    await store.ledger.record('order-1', { intent: 'a1', kind: 'sent', at: embedded.clock.now() });
    execFileSync('cp', [embedded.lock, `${embedded.lock}.crashed`]);
    await store.close();
    await restore();
    await copyFile(`${embedded.lock}.crashed`, embedded.lock);
    assert.match((await (await embedded.open()).doubt())?.reason ?? '', /older copy/);
  });

  it('doubts nothing when the copy is as new as what it replaces', async () => {
    const store = await embedded.open();
    await store.setDoubt(null);
    await store.close();
    await copyFile(embedded.database, kept());
    await restore();
    assert.equal(await (await embedded.open()).doubt(), null);
  });

  it('is a new store, and doubts, when the file was removed', async () => {
    const before = await embedded.open();
    await before.close();
    await rm(embedded.database);
    await embedded.clock.advance(5_000);
    const store = await embedded.open();
    assert.notEqual(store.id, before.id);
    assert.equal(store.bornAt, embedded.clock.now());
    const doubt = await store.doubt();
    assert.equal(doubt?.reason, 'new store; the one before it was removed');
    assert.equal(doubt?.until, embedded.clock.now());
  });

  it('doubts when the database of another store was put in place', async () => {
    await embedded.filled();
    await copyFile(embedded.database, kept());
    await rm(embedded.database);
    await (await embedded.open()).close();
    await restore();
    assert.match((await (await embedded.open()).doubt())?.reason ?? '', /another store/);
  });

  it('doubts when the lock file is gone', async () => {
    await embedded.filled();
    await rm(embedded.lock);
    assert.match((await (await embedded.open()).doubt())?.reason ?? '', /lock file was missing/);
  });

  it('doubts nothing after a crash between the two marks', async () => {
    const store = await embedded.open();
    await store.setDoubt(null);
    await store.close();
    embedded.sql('UPDATE store SET mark = mark + 1');
    const again = await embedded.open();
    assert.equal(await again.doubt(), null);
    await again.close();
    assert.deepEqual(
      embedded.row('SELECT mark FROM store'),
      embedded.row('SELECT mark FROM side', embedded.lock),
      'the lock file has caught up',
    );
  });

  it('writes no mark while nothing happens', async () => {
    await embedded.open();
    await embedded.clock.advance(20_000);
    const { mark } = embedded.row('SELECT mark FROM store');
    const { beats } = embedded.row('SELECT beats FROM owner');
    await embedded.clock.advance(50_000);
    assert.deepEqual(embedded.row('SELECT mark FROM store'), { mark });
    assert.deepEqual(embedded.row('SELECT beats FROM owner'), { beats: Number(beats) + 5 });
  });
});
