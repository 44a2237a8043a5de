/** What the tests of the embedded store share: a directory of their own, opening, and its files seen from outside. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { StoreError, type StateStore } from '../../../lib/state/contract';
import { openEmbeddedStore, type EmbeddedStoreOptions } from '../../../lib/state/sqlite/engine';
import { databaseClass } from '../../../lib/state/sqlite/load-sqlite';
import { FakeClock } from '../../fake-clock';

export class Embedded {
  directory = '';
  clock = new FakeClock();
  private readonly open_: StateStore[] = [];

  constructor() {
    beforeEach(async () => {
      this.directory = await mkdtemp(join(tmpdir(), 'order-provisioning-state-'));
      this.clock = new FakeClock();
    });
    afterEach(async () => {
      for (const store of this.open_.splice(0)) await store.close();
      await rm(this.directory, { recursive: true, force: true });
    });
  }

  async open(options: Partial<EmbeddedStoreOptions> = {}): Promise<StateStore> {
    const { directory, clock } = this;
    const store = await openEmbeddedStore({ directory, clock, instance: 'instance-1', ...options });
    this.open_.push(store);
    return store;
  }

  /** A store with something in it, closed again. */
  async filled(): Promise<void> {
    const store = await this.open();
    for (let number = 0; number < 40; number++)
      await store.ledger.write(`order-${number}`, 0, { format: 1, todo: [], text: 'x'.repeat(3_500) });
    await store.close();
  }

  get database(): string {
    return join(this.directory, 'order-provisioning.sqlite');
  }

  get lock(): string {
    return join(this.directory, 'order-provisioning.lock');
  }

  /** Runs SQL on the database as another program would. */
  sql(text: string, file = this.database): void {
    const Database = databaseClass();
    const database = new Database(file);
    database.exec(text);
    database.close();
  }

  /** The first row of a query, as another program would see it. */
  row(text: string, file = this.database): Record<string, unknown> {
    const Database = databaseClass();
    const database = new Database(file, { readOnly: true });
    const row = { ...database.prepare(text).get() };
    database.close();
    return row;
  }

  /** Name and content of the database and its log, to see that nothing changed. */
  contents(): Record<string, string> {
    const names = readdirSync(this.directory).filter((name) => name.endsWith('.sqlite') || name.endsWith('-wal'));
    const hash = (name: string): string =>
      createHash('sha256')
        .update(readFileSync(join(this.directory, name)))
        .digest('hex');
    // An empty log says nothing; SQLite makes one for a reader.
    return Object.fromEntries(
      names
        .filter((name) => readFileSync(join(this.directory, name)).length > 0 || name.endsWith('.sqlite'))
        .map((name) => [name, hash(name)]),
    );
  }

  /** Opening is refused with this code, with a message that fits, and leaves the files as they were. */
  async refused(code: StoreError['code'], message: RegExp, options: Partial<EmbeddedStoreOptions> = {}): Promise<void> {
    const before = this.contents();
    await assert.rejects(this.open(options), (error) => {
      assert.ok(error instanceof StoreError, String(error));
      assert.equal(error.code, code, error.message);
      assert.match(error.message, message);
      assert.doesNotMatch(error.message, /\n/, 'a log holds it in one line');
      return true;
    });
    assert.deepEqual(this.contents(), before);
  }

  exists(name: string): boolean {
    return existsSync(join(this.directory, name));
  }
}

export const storeErrorWith =
  (code: StoreError['code']) =>
  (error: unknown): boolean =>
    error instanceof StoreError && error.code === code;
