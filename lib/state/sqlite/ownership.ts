/**
 * The owner's row in the database. The lock on the side file decides who owns the store; the row says who that is, and is
 * the second line where locks don't hold: on a shared disk, or after somebody's read of the lock file has dropped it.
 */
import { z } from 'zod';
import { pause, type Clock } from '../../clock';
import { StoreError, type Sender } from '../contract';
import { isRunning, sameBoot } from '../sender';
import { Connection, type Command, type Query } from './connection';

export const beatMs = 10_000;
/** Silence after which an owner of another boot has ended: three beats. */
const silentMs = 3 * beatMs;

const ownerRow = z.object({
  instance: z.string(),
  boot_id: z.string(),
  pid: z.number(),
  start_time: z.string(),
  since: z.number(),
  heartbeat: z.number(),
  beats: z.number(),
});
type OwnerRow = z.infer<typeof ownerRow>;

const selectOwner = 'SELECT instance, boot_id, pid, start_time, since, heartbeat, beats FROM owner';

export class Ownership {
  private readonly row: Query<OwnerRow>;
  private readonly beating: Command;
  private readonly takeRow: Command;
  private readonly leaveRow: Command;

  constructor(
    connection: Connection,
    private readonly me: Sender,
    private readonly clock: Clock,
  ) {
    this.row = connection.query(selectOwner, ownerRow);
    this.beating = connection.command(
      'UPDATE owner SET heartbeat = $now, beats = beats + 1 WHERE instance = $instance',
    );
    this.takeRow = connection.command(
      `INSERT INTO owner (one, instance, boot_id, pid, start_time, since, heartbeat, beats)
       VALUES (1, $instance, $bootId, $pid, $startTime, $now, $now, 0)
       ON CONFLICT (one) DO UPDATE SET instance = $instance, boot_id = $bootId, pid = $pid, start_time = $startTime,
         since = $now, heartbeat = $now, beats = 0`,
    );
    this.leaveRow = connection.command('DELETE FROM owner WHERE instance = $instance');
  }

  /** Inside the opening transaction. */
  take(): void {
    const { instance, bootId, pid, startTime } = this.me;
    this.takeRow.run({ instance, bootId, pid, startTime, now: this.clock.now() });
  }

  /** Inside a transaction. */
  beat(): void {
    this.beating.run({ instance: this.me.instance, now: this.clock.now() });
  }

  /** @throws StoreError UNAVAILABLE when another process has taken the store: this one must write no more. */
  assertOurs(): void {
    if (this.row.get()?.instance === this.me.instance) return;
    throw new StoreError(
      'UNAVAILABLE',
      'Another process has taken the store while this one had it open; this one writes nothing more. Run one Node-RED on a user directory.',
    );
  }

  /** Inside the closing transaction. */
  leave(): void {
    this.leaveRow.run({ instance: this.me.instance });
  }
}

/**
 * Called with the lock in hand, before anything is written. An owner of this boot is asked for by its process id. One of
 * another boot is either this machine before it was started anew, or another machine on a shared disk: it is watched until
 * it has been silent for three beats, by our own monotonic clock.
 * @throws StoreError LOCKED when it lives.
 */
export async function refuseLivingOwner(reader: Connection, me: Sender, clock: Clock): Promise<void> {
  const row = reader.query(selectOwner, ownerRow);
  const owner = row.get();
  if (!owner || owner.instance === me.instance) return;
  const sender = senderOf(owner);
  if (sameBoot(sender, me)) {
    if (isRunning(sender) === true) throw lockedBy(owner);
    return;
  }
  if (Math.abs(clock.now() - owner.heartbeat) > silentMs) return;
  for (let silent = 0; silent < silentMs; silent += beatMs / 2) {
    await pause(clock, beatMs / 2);
    const seen = row.get();
    if (seen && (seen.instance !== owner.instance || seen.beats !== owner.beats)) throw lockedBy(seen);
  }
}

/** What to tell a process that found the lock taken. */
export function lockedByOwner(database: string): StoreError {
  let reader: Connection | null = null;
  let owner: OwnerRow | undefined;
  try {
    reader = new Connection(database, { readOnly: true });
    owner = reader.query(selectOwner, ownerRow).get();
  } catch {
    // The owner is only just making its tables; the lock alone says enough.
  } finally {
    reader?.close();
  }
  // A row whose process has ended belongs to the owner before: the new one has not written its own yet.
  return lockedBy(owner && isRunning(senderOf(owner)) !== false ? owner : null);
}

function lockedBy(owner: OwnerRow | null): StoreError {
  const who =
    owner === null
      ? 'another process'
      : `another process (pid ${owner.pid}, which opened it at ${new Date(owner.since).toISOString()})`;
  return new StoreError(
    'LOCKED',
    `The store is in use by ${who}. One Node-RED owns it: stop the other, or give this one a user directory of its own, or use the Redis store.`,
    owner === null ? {} : { ownerPid: owner.pid },
  );
}

const senderOf = (owner: OwnerRow): Sender => ({
  instance: owner.instance,
  bootId: owner.boot_id,
  pid: owner.pid,
  startTime: owner.start_time,
});
