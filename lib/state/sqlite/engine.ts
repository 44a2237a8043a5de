/** The embedded store: one SQLite file in a directory, owned by one process for as long as it lives. */
import { z } from 'zod';
import type { Clock, Timer } from '../../clock';
import { StoreError, type Doubt, type Sender, type StateStore, type StoreHealth } from '../contract';
import { thisProcess } from '../sender';
import { SqliteClaims, SqliteOpenIntents } from './claims';
import { Connection, type Query } from './connection';
import { handBack, takeUpDeadWork } from './crash-count';
import { SqliteCursor } from './cursor';
import { filesOf, inspect, realDirectory, refuseMovedFiles, refuseReadOnly, type StoreFiles } from './directory';
import { SqliteIdMappings } from './id-mappings';
import { SqliteInbox } from './inbox';
import { SqliteLeases } from './leases';
import { SqliteLedger } from './ledger';
import { refuseNetworkFs, type StatFs } from './network-fs';
import { beatMs, lockedByOwner, Ownership, refuseLivingOwner } from './ownership';
import { migrate } from './schema';
import { SideFile } from './side-file';
import { storeError } from './sqlite-errors';
import { StoreIdentity } from './store-identity';
import { SqliteTimeline } from './timeline';

export interface EmbeddedStoreOptions {
  /** Must exist; Node-RED's user directory. */
  directory: string;
  clock: Clock;
  /** Made anew by each process; see `Sender`. */
  instance: string;
  /** Opens the store on a network file system all the same. Default false. */
  allowNetworkFs?: boolean;
  /** How many orders keep their timeline. Default 5,000. */
  keepOrders?: number;
  /** Tells the type of the file system; tests put their own in its place. */
  statfs?: StatFs;
}

/** Directories that this process has open: the kernel's lock does not hold off the process that owns it. */
const openHere = new Set<string>();

/**
 * Opens the store in `directory`, makes it when there is none. One process owns it; within this process it is opened once
 * and shared. Waits up to 30 s where the owner before was of another boot and may still live.
 * @throws StoreError; its message says what to do. A damaged or newer file is left as it is.
 */
export async function openEmbeddedStore(options: EmbeddedStoreOptions): Promise<StateStore> {
  const directory = await realDirectory(options.directory);
  if (openHere.has(directory))
    throw new StoreError('INVALID', 'This process has the store open already; it is opened once and shared.');
  openHere.add(directory);
  const release = (): void => void openHere.delete(directory);
  try {
    if (options.allowNetworkFs !== true) await refuseNetworkFs(directory, options.statfs);
    const files = filesOf(directory);
    await refuseReadOnly(directory, files);
    return await openLocked(files, options, release);
  } catch (error) {
    release();
    throw storeError(error);
  }
}

async function openLocked(files: StoreFiles, options: EmbeddedStoreOptions, release: () => void): Promise<StateStore> {
  const side = lock(files);
  try {
    const me = thisProcess(options.instance);
    const reader = await inspect(files, side.kept !== null);
    try {
      if (reader) await refuseLivingOwner(reader, me, options.clock);
    } finally {
      reader?.close();
    }
    return EmbeddedStore.open(files, side, me, options, release);
  } catch (error) {
    side.release();
    throw error;
  }
}

/** @throws StoreError LOCKED, naming the owner. */
function lock(files: StoreFiles): SideFile {
  try {
    return SideFile.lock(files.lock);
  } catch (error) {
    const found = storeError(error);
    if (found.code === 'LOCKED') throw lockedByOwner(files.database);
    if (found.code !== 'CORRUPT') throw found;
    throw new StoreError(
      'CORRUPT',
      'The file order-provisioning.lock is damaged. Make sure that no Node-RED runs on this directory, then delete that one file: the store opens again, and checks older orders against WHMCS.',
      { cause: error },
    );
  }
}

class EmbeddedStore implements StateStore {
  readonly engine = 'embedded';
  readonly id: string;
  readonly bornAt: number;
  readonly cursor: SqliteCursor;
  readonly inbox: SqliteInbox;
  readonly ledger: SqliteLedger;
  readonly claims: SqliteClaims;
  readonly openIntents: SqliteOpenIntents;
  readonly leases: SqliteLeases;
  readonly idMappings: SqliteIdMappings;
  readonly timeline: SqliteTimeline;
  private readonly changes: Query<number>;
  private markedAt = -1;
  private timer: Timer | null = null;
  private closed = false;
  /**
   * A process that ends as it should gives its work back; one that ends by an error has crashed, and that counts: an event
   * whose fault ends the process must not be handed out for ever.
   */
  private readonly onExit = (code: number): void => {
    if (code === 0) this.shut();
  };

  private constructor(
    private readonly connection: Connection,
    private readonly side: SideFile,
    private readonly identity: StoreIdentity,
    private readonly ownership: Ownership,
    private readonly me: Sender,
    private readonly clock: Clock,
    private readonly release: () => void,
    keepOrders: number,
  ) {
    this.id = identity.id;
    this.bornAt = identity.bornAt;
    this.cursor = new SqliteCursor(connection);
    this.inbox = new SqliteInbox(connection, this.cursor, clock, me.instance);
    this.ledger = new SqliteLedger(connection, {
      raise: () => identity.raise(),
      keep: () => this.keepMarkIfPossible(),
    });
    this.claims = new SqliteClaims(connection);
    this.openIntents = new SqliteOpenIntents(connection);
    this.leases = new SqliteLeases(connection, clock);
    this.idMappings = new SqliteIdMappings(connection);
    this.timeline = new SqliteTimeline(connection, keepOrders);
    this.changes = connection.query('SELECT total_changes() AS changes', changesRow);
    this.keepMark();
    process.on('exit', this.onExit);
    this.tick();
  }

  static open(
    files: StoreFiles,
    side: SideFile,
    me: Sender,
    options: EmbeddedStoreOptions,
    release: () => void,
  ): EmbeddedStore {
    const { clock, keepOrders = 5_000 } = options;
    const now = Math.round(clock.now());
    const connection = new Connection(files.database);
    try {
      makeDurable(connection);
      migrate(connection, now);
      const ownership = new Ownership(connection, me, clock);
      const identity = connection.write(() => {
        const opened = new StoreIdentity(connection, side.kept, clock, me);
        ownership.take();
        takeUpDeadWork(connection, me.instance);
        return opened;
      });
      connection.guardWrites({ file: refuseMovedFiles(files), owner: () => ownership.assertOurs() });
      return new EmbeddedStore(connection, side, identity, ownership, me, clock, release, keepOrders);
    } catch (error) {
      connection.close();
      throw error;
    }
  }

  async doubt(): Promise<Doubt | null> {
    try {
      if (this.identity.endHasMoved) this.connection.write(() => this.identity.keepEnd());
    } catch {
      // The next beat keeps it.
    }
    return this.identity.doubt;
  }

  get doubtId(): string | null {
    return this.identity.doubt?.id ?? null;
  }

  async setDoubt(doubt: Omit<Doubt, 'id'> | null): Promise<void> {
    this.connection.write(() => this.identity.setDoubt(doubt));
  }

  /** The lock proves it: while this process owns the store, no other that ever owned it lives. */
  async isDead(sender: Sender): Promise<boolean> {
    return sender.instance !== this.me.instance;
  }

  /** Writes durably, so it tells of the disk as it is. */
  async health(): Promise<StoreHealth> {
    const from = this.clock.monotonic();
    try {
      this.beat();
      return { ok: true, detail: 'embedded, writes are durable', latencyMs: this.clock.monotonic() - from };
    } catch (error) {
      return { ok: false, detail: storeError(error).message, latencyMs: this.clock.monotonic() - from };
    }
  }

  async close(): Promise<void> {
    this.shut();
  }

  private tick(): void {
    this.timer = this.clock.after(beatMs, () => {
      try {
        this.beat();
      } catch {
        // `health` says so; a beat that is missing only makes a takeover easier.
      }
      this.tick();
    });
  }

  /** A sign of life, and, when anything was written since the last, a new mark in both files. */
  private beat(): void {
    const isNew = this.changes.get() !== this.markedAt;
    this.connection.write(() => {
      if (isNew) this.identity.raise();
      this.identity.watchDoubt();
      this.ownership.beat();
    });
    if (isNew) this.keepMark();
    else this.markedAt = this.changes.get() ?? -1;
  }

  /** The side file follows the database, never the other way: a crash between the two raises no doubt. */
  private keepMark(): void {
    this.side.keep(this.id, this.identity.mark);
    this.markedAt = this.changes.get() ?? -1;
  }

  /** What a fact says stands in the database already; a mark that cannot be kept now is kept by the next beat. */
  private keepMarkIfPossible(): void {
    try {
      this.keepMark();
    } catch {
      this.markedAt = -1;
    }
  }

  private shut(): void {
    if (this.closed) return;
    this.closed = true;
    this.timer?.cancel();
    process.off('exit', this.onExit);
    try {
      this.connection.write(() => {
        handBack(this.connection, this.me.instance);
        this.ownership.leave();
        this.identity.raise();
      });
      this.keepMark();
    } catch {
      // Let go all the same: what could not be written now looks like a crash to the next process, and is handled as one.
    } finally {
      try {
        this.connection.close();
      } finally {
        this.side.release();
        this.release();
      }
    }
  }
}

const changesRow = z.object({ changes: z.number() }).transform((row) => row.changes);

/** @throws StoreError UNAVAILABLE where SQLite cannot keep a write-ahead log. */
export function makeDurable(connection: Connection): void {
  const mode = connection.pragma('journal_mode = WAL', z.string());
  if (mode !== 'wal') {
    throw new StoreError(
      'UNAVAILABLE',
      `The file system of the store cannot keep a write-ahead log (journal mode ${mode}); use a directory on a local disk.`,
    );
  }
  connection.run('PRAGMA synchronous = FULL');
  // Without these, macOS answers before the data is on the disk; elsewhere they do nothing.
  connection.run('PRAGMA fullfsync = ON; PRAGMA checkpoint_fullfsync = ON');
  connection.run(`PRAGMA journal_size_limit = ${16 * 1024 * 1024}`);
}
