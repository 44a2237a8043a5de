/** The store's own row: its id, its birth, its mark, and the doubt about records that may be missing. */
import { randomBytes } from 'node:crypto';
import { z } from 'zod';
import type { Doubt } from '../contract';
import type { Command, Connection, Query } from './connection';

const storeRow = z.object({
  id: z.string(),
  born_at: z.number(),
  mark: z.number(),
  doubt_reason: z.string().nullable(),
  doubt_until: z.number().nullable(),
});
type StoreRow = z.infer<typeof storeRow>;

export class StoreIdentity {
  readonly id: string;
  readonly bornAt: number;
  private readonly row: Query<StoreRow>;
  private readonly doubting: Command;
  private readonly raiseMark: Command;

  /**
   * Inside the transaction that opens the store. Raises the mark.
   * @param side what the side file keeps; null when it is new.
   */
  constructor(connection: Connection, side: { storeId: string; mark: number } | null, now: number) {
    this.row = connection.query('SELECT id, born_at, mark, doubt_reason, doubt_until FROM store', storeRow);
    this.doubting = connection.command('UPDATE store SET doubt_reason = $reason, doubt_until = $until');
    this.raiseMark = connection.command('UPDATE store SET mark = max(mark, $atLeast) + 1');
    const found = this.row.get();
    const doubt = doubtOf(found, side, now);
    if (!found) {
      connection
        .command('INSERT INTO store (one, id, born_at, mark) VALUES (1, $id, $now, 0)')
        .run({ id: randomBytes(4).toString('hex'), now });
    }
    if (doubt) this.setDoubt(doubt);
    this.raise(side?.mark ?? 0);
    const row = this.row.get();
    this.id = row?.id ?? '';
    this.bornAt = row?.born_at ?? now;
  }

  get mark(): number {
    return this.row.get()?.mark ?? 0;
  }

  /** Inside a transaction; the side file follows after its commit. */
  raise(atLeast = 0): void {
    this.raiseMark.run({ atLeast });
  }

  get doubt(): Doubt | null {
    const row = this.row.get();
    if (!row || row.doubt_reason === null || row.doubt_until === null) return null;
    return { reason: row.doubt_reason, until: row.doubt_until };
  }

  /** Inside a transaction. */
  setDoubt(doubt: Doubt | null): void {
    this.doubting.run({ reason: doubt?.reason ?? null, until: doubt?.until ?? null });
  }
}

/** What opening this database beside this side file must make us doubt; null: nothing new. */
function doubtOf(row: StoreRow | undefined, side: { storeId: string; mark: number } | null, now: number): Doubt | null {
  const doubt = (reason: string): Doubt => ({ reason, until: now });
  if (!row) return doubt(side ? 'new store; the one before it was removed' : 'new store');
  if (!side) return doubt('the lock file was missing, so the database may be an older copy');
  if (row.id !== side.storeId) return doubt('the database of another store was put in place');
  if (row.mark < side.mark) return doubt('an older copy of the database was put in place');
  return null;
}
