/** The store's own row: its id, its birth, its mark, and the doubt about records that may be missing. */
import { randomBytes } from 'node:crypto';
import { z } from 'zod';
import type { Clock } from '../../clock';
import type { Doubt, Sender } from '../contract';
import { endOf, trustedAfterMs } from '../doubt-end';
import { sameBoot } from '../sender';
import type { Command, Connection, Query } from './connection';

const storeRow = z.object({
  id: z.string(),
  born_at: z.number(),
  mark: z.number(),
  doubt_reason: z.string().nullable(),
  doubt_until: z.number().nullable(),
  doubt_id: z.string().nullable(),
  doubt_ends: z.number().nullable(),
  doubt_boot: z.string().nullable(),
  doubt_since_boot: z.number().nullable(),
  doubt_watched: z.number(),
});
type StoreRow = z.infer<typeof storeRow>;

export class StoreIdentity {
  readonly id: string;
  readonly bornAt: number;
  private readonly row: Query<StoreRow>;
  private readonly doubting: Command;
  private readonly dating: Command;
  private readonly watching: Command;
  private readonly moving: Command;
  private readonly raiseMark: Command;
  /** Monotonic ms up to which the time with the doubt is on record. */
  private watchedTo: number;

  /**
   * Inside the transaction that opens the store. Raises the mark.
   * @param side what the side file keeps; null when it is new.
   * @param me this process, for the boot of its host.
   */
  constructor(
    connection: Connection,
    side: { storeId: string; mark: number } | null,
    private readonly clock: Clock,
    private readonly me: Pick<Sender, 'bootId'>,
  ) {
    this.row = connection.query(
      `SELECT id, born_at, mark, doubt_reason, doubt_until, doubt_id, doubt_ends, doubt_boot, doubt_since_boot, doubt_watched
        FROM store`,
      storeRow,
    );
    this.doubting = connection.command(
      `UPDATE store SET doubt_reason = $reason, doubt_until = $until, doubt_id = $id, doubt_ends = NULL, doubt_boot = NULL,
        doubt_watched = 0`,
    );
    this.dating = connection.command('UPDATE store SET doubt_boot = $boot, doubt_since_boot = $sinceBoot');
    this.watching = connection.command(
      'UPDATE store SET doubt_watched = doubt_watched + $ms WHERE doubt_boot IS NOT NULL AND doubt_watched < $limit',
    );
    this.moving = connection.command('UPDATE store SET doubt_ends = $ends');
    this.raiseMark = connection.command('UPDATE store SET mark = max(mark, $atLeast) + 1');
    this.watchedTo = clock.monotonic();
    const now = Math.round(clock.now());
    const found = this.row.get();
    const doubt = doubtOf(found, side, now);
    if (!found) {
      connection
        .command('INSERT INTO store (one, id, born_at, mark) VALUES (1, $id, $now, 0)')
        .run({ id: randomBytes(4).toString('hex'), now });
    }
    if (doubt) {
      this.doubting.run({ ...doubt, id: randomBytes(4).toString('hex') });
      this.date();
    } else if (found) this.takeOverDoubt(found);
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
    return row ? this.doubtIn(row) : null;
  }

  /** Whether the span in doubt ends at another time, as our clock shows it now, than is on record. */
  get endHasMoved(): boolean {
    const row = this.row.get();
    return row !== undefined && (this.doubtIn(row)?.until ?? null) !== (row.doubt_ends ?? row.doubt_until);
  }

  /** Inside a transaction: the end as our clock shows it goes on record. */
  keepEnd(): void {
    if (this.endHasMoved) this.moving.run({ ends: this.doubt?.until ?? null });
  }

  /** Inside the transaction of each beat. */
  watchDoubt(): void {
    const now = this.clock.monotonic();
    this.watching.run({ ms: Math.round(now - this.watchedTo), limit: trustedAfterMs });
    this.watchedTo = now;
    this.keepEnd();
  }

  /** An operator's word, whose time stands as it is. Inside a transaction. */
  setDoubt(doubt: Omit<Doubt, 'id'> | null): void {
    this.doubting.run({ reason: doubt?.reason ?? null, until: doubt?.until ?? null, id: null });
  }

  /** The doubt was noticed now, at the latest. */
  private date(): void {
    this.dating.run({ boot: this.me.bootId, sinceBoot: Math.round(this.clock.sinceBoot()) });
  }

  /**
   * How long a host was off, or how old a doubt of another host is, no clock tells that nobody sets: until the clock is
   * trusted, the first opening in each boot of a host, or on another host, dates the doubt anew.
   */
  private takeOverDoubt(row: StoreRow): void {
    if (row.doubt_boot === null || this.ageOf(row) !== null) return;
    if (row.doubt_watched < trustedAfterMs) this.date();
    else this.dating.run({ boot: null, sinceBoot: null });
    this.keepEnd();
  }

  private doubtIn(row: StoreRow): Doubt | null {
    const { doubt_reason: reason, doubt_until: written, doubt_id: id, doubt_ends: kept } = row;
    if (reason === null || written === null) return null;
    if (id === null) return { reason, until: written, id };
    const age = this.ageOf(row);
    const now = this.clock.now();
    const noticedAt = age === null ? null : now - age;
    // Without an age nothing would put right what a clock makes of it that is slow just after the start of its host.
    const isRight = age !== null || this.clock.sinceBoot() >= trustedAfterMs;
    const isOld = row.doubt_watched >= trustedAfterMs && isRight;
    return { reason, until: endOf({ written, kept, noticedAt, isOld }, now), id };
  }

  /** ms since the doubt was noticed; null where it was noticed in another boot, or is a person's. */
  private ageOf({ doubt_boot: bootId, doubt_since_boot: from }: StoreRow): number | null {
    if (bootId === null || from === null || !sameBoot({ bootId }, this.me)) return null;
    const age = Math.round(this.clock.sinceBoot()) - from;
    // An uptime that went back, as in a container that counts its own, or a machine that was put back to a snapshot.
    return age < 0 ? null : age;
  }
}

/** What opening this database beside this side file must make us doubt; null: nothing new. */
function doubtOf(
  row: StoreRow | undefined,
  side: { storeId: string; mark: number } | null,
  now: number,
): Omit<Doubt, 'id'> | null {
  const doubt = (reason: string) => ({ reason, until: now });
  if (!row) return doubt(side ? 'new store; the one before it was removed' : 'new store');
  if (!side) return doubt('the lock file was missing, so the database may be an older copy');
  if (row.id !== side.storeId) return doubt('the database of another store was put in place');
  if (row.mark < side.mark) return doubt('an older copy of the database was put in place');
  return null;
}
