import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { copyFile, open, readFile, rename, rm, stat, truncate, writeFile } from 'node:fs/promises';
import { mkdirSync } from 'node:fs';
import { Embedded, storeErrorWith } from './embedded';

describe('A damaged file of the embedded store', () => {
  const embedded = new Embedded();

  it('is refused and left as it is when its head is garbage', async () => {
    await embedded.filled();
    const file = await open(embedded.database, 'r+');
    await file.write(Buffer.alloc(100, 0x5a), 0, 100, 0);
    await file.close();
    await embedded.refused('CORRUPT', /does not begin as an SQLite database.*left as it is.*backup/s);
  });

  it('is refused when it was cut short', async () => {
    await embedded.filled();
    await truncate(embedded.database, Math.floor((await stat(embedded.database)).size / 2));
    await embedded.refused('CORRUPT', /malformed|damaged/);
  });

  it('is refused when it was cut down to less than a page, or to nothing', async () => {
    await embedded.filled();
    await truncate(embedded.database, 9);
    await embedded.refused('CORRUPT', /does not begin/);
    await truncate(embedded.database, 0);
    await embedded.refused('CORRUPT', /is empty/);
  });

  it('is refused when a page in its middle is garbage', async () => {
    await embedded.filled();
    const file = await open(embedded.database, 'r+');
    const { size } = await file.stat();
    for (let page = 8; page < Math.min(24, size / 4096); page++)
      await file.write(Buffer.alloc(4096, 0xff), 0, 4096, page * 4096);
    await file.close();
    // In one line, whatever SQLite finds.
    await embedded.refused('CORRUPT', /damaged: .*left as it is/);
  });

  it('is refused, in one line, when its first tables are garbage', async () => {
    await embedded.filled();
    const bytes = await readFile(embedded.database);
    await writeFile(embedded.database, bytes.fill(0xa5, 4_096, 16_384));
    await embedded.refused('CORRUPT', /damaged: \*\*\* in database main \*\*\* Tree 2/);
  });

  it('is refused when one page is garbage that opening would not touch', async () => {
    await embedded.filled();
    const file = await open(embedded.database, 'r+');
    const { size } = await file.stat();
    await file.write(Buffer.alloc(4096, 0xff), 0, 4096, size - 4096);
    await file.close();
    await embedded.refused('CORRUPT', /damaged/);
  });

  it('is left as it is together with a log that a crash left', async () => {
    await embedded.filled();
    const store = await embedded.open();
    for (let order = 0; order < 50; order++) await store.claims.claim('w', order, 'A');
    // Copied by another process: this one would lose its locks.
    execFileSync('cp', [`${embedded.database}-wal`, `${embedded.database}.log`]);
    execFileSync('cp', [embedded.database, `${embedded.database}.kept`]);
    await store.close();
    await rename(`${embedded.database}.log`, `${embedded.database}-wal`);
    await rename(`${embedded.database}.kept`, embedded.database);
    const file = await open(embedded.database, 'r+');
    const { size } = await file.stat();
    await file.write(Buffer.alloc(4096, 0xff), 0, 4096, size - 4096);
    await file.close();
    await embedded.refused('CORRUPT', /damaged/);
    assert.ok((await stat(`${embedded.database}-wal`)).size > 0);
  });

  it('is refused when only its log is left', async () => {
    await embedded.filled();
    await writeFile(`${embedded.database}-wal`, 'the last records');
    await rm(embedded.database);
    await embedded.refused('CORRUPT', /its log \(-wal\) is there/);
    assert.equal(embedded.exists('order-provisioning.sqlite'), false);
    assert.equal(await readFile(`${embedded.database}-wal`, 'utf8'), 'the last records');
  });

  it('is refused when it is the database of another program', async () => {
    embedded.sql('CREATE TABLE photos (name TEXT); INSERT INTO photos VALUES (1)');
    await embedded.refused('CORRUPT', /not one of this pack/);
    assert.deepEqual(embedded.row('SELECT count(*) AS count FROM photos'), { count: 1 });
  });

  it('opens again as it was once the file is put back', async () => {
    await embedded.filled();
    await copyFile(embedded.database, `${embedded.database}.kept`);
    await truncate(embedded.database, 5_000);
    await embedded.refused('CORRUPT', /damaged/);
    await copyFile(`${embedded.database}.kept`, embedded.database);
    const store = await embedded.open();
    assert.equal((await store.ledger.read('order-7')).state?.format, 1);
    assert.equal((await store.doubt())?.reason, 'new store');
  });

  it('is told of when it is the lock file, with what to do', async () => {
    await embedded.filled();
    await writeFile(embedded.lock, 'not a lock '.repeat(500));
    await embedded.refused('CORRUPT', /order-provisioning\.lock is damaged.*delete that one file/s);
    await rm(embedded.lock);
    const store = await embedded.open();
    assert.match((await store.doubt())?.reason ?? '', /lock file was missing/);
  });

  it('is told of when a record in it cannot be read', async () => {
    await embedded.filled();
    embedded.sql(`UPDATE ledger SET state = '[1]' WHERE order_id = 'order-3'`);
    const store = await embedded.open();
    await assert.rejects(store.ledger.read('order-3'), storeErrorWith('CORRUPT'));
    assert.equal((await store.ledger.read('order-4')).state?.format, 1);
  });

  it('is not made when something else has its name', async () => {
    mkdirSync(embedded.database);
    await assert.rejects(embedded.open(), storeErrorWith('UNAVAILABLE'));
  });
});

describe('The directory of the embedded store', () => {
  const embedded = new Embedded();

  it('must exist', async () => {
    await embedded.refused('UNAVAILABLE', /does not exist; create it/, { directory: `${embedded.directory}/none` });
  });
});
