/**
 * `order-provisioning.lock`, beside the database: who holds its lock owns the store. The kernel frees the lock when the
 * process ends, however it ends. It also keeps what the database must not forget: the store's id and the last mark. A
 * database whose mark is behind was replaced by an older copy (exactly-one F2).
 *
 * Nothing in this process may open the file with node:fs while it is held: closing any descriptor of a file drops all
 * POSIX locks that the process has on it. The owner row is there for when somebody else does (see ownership.ts).
 */
import { z } from 'zod';
import { Connection } from './connection';

const kept = z.object({ store_id: z.string(), mark: z.number() });

export class SideFile {
  private constructor(
    private readonly connection: Connection,
    /** null: the file is new. */
    readonly kept: { storeId: string; mark: number } | null,
  ) {}

  /** @throws StoreError LOCKED when another process holds it; CORRUPT when it isn't ours. */
  static lock(path: string): SideFile {
    const connection = new Connection(path);
    try {
      // Exclusive locking mode keeps the lock that the first transaction takes, through every commit, until the close.
      connection.pragma('locking_mode = EXCLUSIVE', z.literal('exclusive'));
      connection.run('PRAGMA synchronous = FULL');
      connection.run('BEGIN EXCLUSIVE');
      connection.run(`
        CREATE TABLE IF NOT EXISTS side (one INTEGER PRIMARY KEY CHECK (one = 1), store_id TEXT NOT NULL, mark INTEGER NOT NULL) STRICT;
        CREATE TABLE IF NOT EXISTS openings (one INTEGER PRIMARY KEY CHECK (one = 1), count INTEGER NOT NULL) STRICT;
        INSERT INTO openings (one, count) VALUES (1, 1) ON CONFLICT (one) DO UPDATE SET count = count + 1;
        COMMIT`);
      const row = connection.query('SELECT store_id, mark FROM side', kept).get();
      return new SideFile(connection, row ? { storeId: row.store_id, mark: row.mark } : null);
    } catch (error) {
      connection.close();
      throw error;
    }
  }

  /** Keeps the mark that the database carries by now; called after the database's own commit, never before. */
  keep(storeId: string, mark: number): void {
    this.connection.writeAnyway(() =>
      this.connection
        .command(
          `INSERT INTO side (one, store_id, mark) VALUES (1, $storeId, $mark)
           ON CONFLICT (one) DO UPDATE SET store_id = $storeId, mark = $mark`,
        )
        .run({ storeId, mark }),
    );
  }

  release(): void {
    this.connection.close();
  }
}
