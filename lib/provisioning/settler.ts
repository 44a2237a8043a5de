/**
 * Background settling: for every order whose record has something unsettled it looks at WHMCS, at once and then with
 * back-off, until the outcome is known or a person must decide. It belongs to the store, not to a flow: a skip, a deploy or
 * a status edited by hand does not stop it (exactly-one R20).
 */
import type { Clock, Timer } from '../clock';
import type { Log } from '../log';
import type { Whmcs } from '../whmcs/contract';
import { failure, type Failure } from './failure';
import { LeaseLost } from './held-order';
import type { OrderDesk } from './order-desk';
import { Quarantines } from './quarantine';
import { look, type Looked, type Next, type Settled, type Waits } from './settling-look';

export type { Settled } from './settling-look';

export interface SettlerParts {
  desk: Pick<OrderDesk, 'store' | 'hold'>;
  clock: Clock;
  log: Log;
  /** The live connection to a WHMCS installation, by its key; undefined while no node has one. */
  whmcsOf: (key: string) => Whmcs | undefined;
  /** Told of each outcome, after it is on record and while the order is free. A throw is logged. */
  onSettled: (orderId: string, settled: Settled) => Promise<void> | void;
  /** Told of an order that waits for longer than most: why, and until when. */
  onWaiting?: (orderId: string, failure: Failure) => void;
  /** The least quarantine of this installation; the protocol's own minimum and a node's wish stand beside it. */
  quarantineMs?: number;
  /** Orders looked at at a time, default 4. */
  concurrency?: number;
}

const backoffMs = [1_000, 2_000, 5_000, 10_000, 30_000, 60_000];
const busyMs = 1_500;
const alarmAfterMs = 1_800_000;
/** Most lost answers are settled, and a connection appears, within seconds: before so many looks nothing is told of a wait. */
const patientLooks = 3;

interface Entry {
  readonly orderId: string;
  looks: number;
  state: 'waiting' | 'ready' | 'looking';
  /** Asked for again while it was looked at. */
  again: boolean;
  timer: Timer | null;
  /** Monotonic ms since which WHMCS could not be read. */
  unreadSince: number | null;
  alarmed: boolean;
}

export class Settler {
  private readonly entries = new Map<string, Entry>();
  private readonly ready: Entry[] = [];
  private readonly looking = new Set<Promise<void>>();
  private readonly quarantines: Quarantines;
  private readonly closing = new AbortController();
  private listing: Timer | null = null;

  constructor(private readonly parts: SettlerParts) {
    this.quarantines = new Quarantines(parts.clock);
  }

  /** Takes up what an earlier process left. A store that cannot be read is asked again. */
  async start(): Promise<void> {
    if (this.closing.signal.aborted) return;
    const { store } = this.parts.desk;
    try {
      await this.quarantines.note(store);
      for (const todo of ['settle', 'watch'])
        for (const orderId of await store.ledger.withTodo(todo, 10_000)) this.soon(orderId);
    } catch (error) {
      this.parts.log.error('The unsettled orders could not be listed; trying again', { error: String(error) });
      if (!this.closing.signal.aborted) this.listing = this.parts.clock.after(5_000, () => void this.start());
    }
  }

  /** Takes up what another instance left; what is looked after here keeps its pace. @throws StoreError */
  async takeUp(): Promise<void> {
    for (const todo of ['settle', 'watch'])
      for (const orderId of await this.parts.desk.store.ledger.withTodo(todo, 10_000))
        if (!this.entries.has(orderId)) this.soon(orderId);
  }

  /** The order has something unsettled in its record: look now. */
  settleSoon(orderId: string): void {
    this.soon(orderId);
  }

  /** Orders that are being settled or watched. */
  get orders(): string[] {
    return [...this.entries.keys()];
  }

  /** Ends the looks under way; no timer is left. Idempotent. */
  async close(): Promise<void> {
    this.closing.abort(new Error('closing'));
    this.listing?.cancel();
    for (const entry of this.entries.values()) entry.timer?.cancel();
    this.entries.clear();
    this.ready.length = 0;
    await Promise.allSettled([...this.looking]);
  }

  private soon(orderId: string): void {
    if (this.closing.signal.aborted) return;
    const entry = this.entries.get(orderId) ?? this.enter(orderId);
    entry.looks = 0;
    if (entry.state === 'looking') entry.again = true;
    else if (entry.state === 'waiting') this.queue(entry);
  }

  private enter(orderId: string): Entry {
    const entry: Entry = {
      orderId,
      looks: 0,
      state: 'waiting',
      again: false,
      timer: null,
      unreadSince: null,
      alarmed: false,
    };
    this.entries.set(orderId, entry);
    return entry;
  }

  private queue(entry: Entry): void {
    entry.timer?.cancel();
    entry.timer = null;
    entry.state = 'ready';
    this.ready.push(entry);
    this.pump();
  }

  private pump(): void {
    while (this.looking.size < (this.parts.concurrency ?? 4)) {
      const entry = this.ready.shift();
      if (!entry) return;
      entry.state = 'looking';
      const run = this.lookAt(entry);
      this.looking.add(run);
      void run.then(() => {
        this.looking.delete(run);
        this.pump();
      });
    }
  }

  /** Never rejects. */
  private async lookAt(entry: Entry): Promise<void> {
    const { desk, clock, log, whmcsOf, quarantineMs = 0 } = this.parts;
    const parts = { clock, log, whmcsOf, quarantineMs, quarantines: this.quarantines, signal: this.closing.signal };
    let next: Next = { inMs: busyMs };
    try {
      const held = await desk.hold(entry.orderId, (order) => look(parts, order));
      if (held) {
        next = held.value.next;
        await this.tell(entry, held.value);
      }
    } catch (error) {
      next = 'backoff';
      if (!(error instanceof LeaseLost) && !this.closing.signal.aborted)
        log.error('An unsettled order could not be looked at; trying again', {
          order: entry.orderId,
          error: String(error),
        });
    }
    this.next(entry, next);
  }

  /** The outcome is on record by now; whoever is told may fail, or be told again. */
  private async tell(entry: Entry, looked: Looked): Promise<void> {
    const settled = looked.unread ? this.unread(entry, looked.unread) : (looked.settled ?? null);
    if (!looked.unread) entry.unreadSince = null;
    if (looked.waits && entry.looks >= patientLooks) this.waiting(entry, looked.waits);
    if (settled === null) return;
    try {
      await this.parts.onSettled(entry.orderId, settled);
    } catch (error) {
      const facts = { order: entry.orderId, kind: settled.kind, error: String(error) };
      this.parts.log.error('What settling found could not be passed on; it is on record', facts);
    }
  }

  private unread(entry: Entry, { why, step, noConnection }: NonNullable<Looked['unread']>): Settled | null {
    const { clock, log } = this.parts;
    if (noConnection && entry.looks < patientLooks) return null;
    const until = clock.now() + pauseOf(entry);
    const facts = { order: entry.orderId, reason: why, until: new Date(until).toISOString() };
    entry.unreadSince ??= clock.monotonic();
    if (!entry.alarmed && clock.monotonic() - entry.unreadSince >= alarmAfterMs) {
      entry.alarmed = true;
      log.error('For half an hour WHMCS could not show what became of an order', facts);
    } else log.warn('WHMCS cannot be read; looking again', facts);
    const text = `Checking WHMCS (${why}); looking again at ${facts.until}`;
    return { kind: 'cannotRead', until, failure: failure('WHMCS_OUTCOME_UNKNOWN', text, step) };
  }

  private waiting(entry: Entry, { why, step, leftMs }: Waits): void {
    const { clock, onWaiting } = this.parts;
    const until = leftMs === null ? '' : ` until ${new Date(clock.now() + leftMs).toISOString()}`;
    const text = `${why}. WHMCS is watched${until}; then it goes on by itself, or says what a person must do`;
    onWaiting?.(entry.orderId, failure('WHMCS_OUTCOME_UNKNOWN', text, step));
  }

  private next(entry: Entry, next: Next): void {
    if (this.closing.signal.aborted || this.entries.get(entry.orderId) !== entry) return;
    entry.state = 'waiting';
    if (entry.again) {
      entry.again = false;
      return this.queue(entry);
    }
    if (next === 'never') return void this.entries.delete(entry.orderId);
    const pause = pauseOf(entry);
    entry.looks += 1;
    const ms = next === 'backoff' ? pause : 'inMs' in next ? next.inMs : Math.min(pause, next.withinMs);
    entry.timer = this.parts.clock.after(ms, () => this.queue(entry));
  }
}

const pauseOf = (entry: Entry): number => backoffMs[Math.min(entry.looks, backoffMs.length - 1)] ?? 60_000;
