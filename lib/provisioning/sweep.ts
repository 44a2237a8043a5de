/**
 * The sweep: asks Salesforce for orders in Activating and takes in those that nothing here works on, so that a lost
 * publish, a deaf bus or an outage longer than Salesforce keeps its events leaves no order stuck.
 *
 * Left alone is an order on which something here works (`stuck-orders.ts`), or that changed within the last minute. A live
 * event of the same order may come all the same: events of an order run one at a time, and each run reads Salesforce and
 * the ledger first. Of the channels of one store one sweeps at a time, or both would take the same orders in.
 */
import type { Timer } from '../clock';
import type { ActivatingOrder, ActivatingPage, Place } from '../salesforce/activating-orders';
import { SalesforceError } from '../salesforce/contract';
import type { StateStore } from '../state/contract';
import { StuckOrders, type StuckOrder, type StuckOrdersParts } from './stuck-orders';

export interface SweepParts extends Omit<StuckOrdersParts, 'freshMs'> {
  /** The orders in Activating after a place, oldest change first. */
  read: (after: Place | null, limit: number, signal: AbortSignal) => Promise<ActivatingPage>;
  channel: string;
  /** Name of the event's field that holds the Order's id. */
  orderIdField: string;
  store: Pick<StateStore, 'inbox' | 'ledger' | 'leases'>;
  /** Events have been taken in: hand them out. */
  onTaken: () => void;
  settings?: Partial<SweepSettings>;
}

export interface SweepSettings {
  /** Between two sweeps, ms; each is put off or brought forward by up to a tenth. */
  everyMs: number;
  /** An order that changed more recently than this is left to its live event, ms of Salesforce's clock. */
  minAgeMs: number;
  /** Orders in one query. */
  pageSize: number;
  /** Queries of one sweep. */
  mostPages: number;
  /** Orders that one sweep takes in. */
  mostTaken: number;
  /** For a whole sweep, ms. */
  timeoutMs: number;
}

export const sweepDefaults: SweepSettings = {
  everyMs: 300_000,
  minAgeMs: 60_000,
  pageSize: 200,
  mostPages: 10,
  mostTaken: 200,
  timeoutMs: 60_000,
};

/** Why there is a sweep; for the log. */
export type SweepReason = 'start' | 'gap' | 'overflow' | 'time' | 'asked';

export interface Swept {
  /** Orders taken in. */
  taken: string[];
  /** Orders looked at. */
  seen: number;
  /**
   * - all: the end of the list was reached. more: the next sweep goes on. paused, failed: see the log.
   * - busy: another channel of the store sweeps just now. closed: nothing was done.
   */
  end: 'all' | 'more' | 'paused' | 'failed' | 'busy' | 'closed';
}

/** The stream gets so long to catch up before a sweep that waits for it goes ahead. */
const patienceMs = 60_000;
/** Until the next sweep where one did not reach the end of the list, or another channel was at it. */
const goOnMs = 30_000;
/** Until the next look after Salesforce's count of API requests came near its end. */
const limitPauseMs = 1_800_000;
const nearLimit = 0.95;
/** The last call to the store may outlast the time for a sweep. */
const leaseMarginMs = 30_000;
/** The server's times are whole seconds, of its answer and of the order alike. */
const secondsMs = 2_000;
/** How far our clock may be from Salesforce's where its answer bears no time; a login would fail long before. */
const clockSkewMs = 600_000;
export class Sweep {
  private readonly settings: SweepSettings;
  private readonly closing = new AbortController();
  private timer: Timer | null = null;
  /** Why the next sweep waits for the stream; null: it waits for its time alone. */
  private waiting: SweepReason | null = null;
  private running: Promise<Swept> | null = null;
  private next: Promise<Swept> | null = null;
  /** Where the next sweep goes on; null: at the oldest. */
  private place: Place | null = null;
  private problem: string | null = null;
  private readonly stuck: StuckOrders;

  constructor(private readonly parts: SweepParts) {
    this.settings = { ...sweepDefaults, ...parts.settings };
    this.stuck = new StuckOrders({ ...parts, freshMs: this.settings.minAgeMs });
  }

  /** The first sweep comes when the stream has caught up, a minute from now at the latest; then one at each interval. */
  start(): void {
    this.afterStream('start');
  }

  /** Events may have been lost: a sweep as soon as the stream has brought what is left, a minute from now at the latest. */
  afterStream(reason: SweepReason): void {
    if (this.closing.signal.aborted) return;
    this.waiting = reason;
    if (this.running === null) this.wait(patienceMs);
  }

  /** The stream has brought everything up to now. */
  caughtUp(): void {
    if (this.waiting !== null) void this.sweepNow(this.waiting);
  }

  /** One sweep, now. While another is under way: one more after it, for all who ask meanwhile. Never rejects. */
  sweepNow(reason: SweepReason): Promise<Swept> {
    if (this.running === null) return this.begin(reason);
    this.next ??= this.running.then(() => {
      this.next = null;
      return this.begin(reason);
    });
    return this.next;
  }

  /** Ends a sweep under way; no timer is left. Idempotent. */
  async close(): Promise<void> {
    this.closing.abort(new Error('The sweep is closing'));
    this.timer?.cancel();
    this.waiting = null;
    await this.next;
    await this.running;
  }

  private begin(reason: SweepReason): Promise<Swept> {
    if (this.closing.signal.aborted) return Promise.resolve({ taken: [], seen: 0, end: 'closed' });
    this.timer?.cancel();
    this.waiting = null;
    this.running = this.sweep(reason).then((swept) => {
      this.running = null;
      this.wait(this.waiting === null ? this.pauseAfter(swept) : patienceMs);
      return swept;
    });
    return this.running;
  }

  private wait(ms: number): void {
    this.timer?.cancel();
    if (this.closing.signal.aborted) return;
    this.timer = this.parts.clock.after(ms, () => void this.sweepNow(this.waiting ?? 'time'));
  }

  private pauseAfter({ end }: Swept): number {
    const { everyMs } = this.settings;
    if (end === 'paused') return jittered(Math.max(everyMs, limitPauseMs));
    return jittered(end === 'more' || end === 'busy' ? Math.min(everyMs, goOnMs) : everyMs);
  }

  private async sweep(reason: SweepReason): Promise<Swept> {
    const { clock, log } = this.parts;
    const { timeoutMs } = this.settings;
    const tooLong = new AbortController();
    const limit = clock.after(timeoutMs, () =>
      tooLong.abort(new SalesforceError('ETIMEOUT', `The sweep took longer than ${timeoutMs / 1000} s`, 'temporary')),
    );
    const swept: Swept = { taken: [], seen: 0, end: 'more' };
    try {
      swept.end = await this.alone(() => this.turnPages(swept, AbortSignal.any([this.closing.signal, tooLong.signal])));
      if (swept.end === 'all' || swept.end === 'more') this.works();
    } catch (error) {
      if (this.closing.signal.aborted) swept.end = 'closed';
      else swept.end = this.failed(error, factsOf(reason, swept));
    } finally {
      limit.cancel();
    }
    if (swept.taken.length === 0) return swept;
    if (swept.end !== 'failed') log.warn(recovered(swept.taken.length), factsOf(reason, swept));
    this.parts.onTaken();
    return swept;
  }

  /** Nobody else sweeps for this store meanwhile. */
  private async alone<T>(work: () => Promise<T>): Promise<T | 'busy'> {
    const { leases } = this.parts.store;
    const lease = await leases.acquire('sweep', this.settings.timeoutMs + leaseMarginMs);
    if (lease === null) return 'busy';
    try {
      return await work();
    } finally {
      // Left, it runs out by itself.
      await leases.release(lease).catch(() => undefined);
    }
  }

  /** From where the last sweep stopped: orders that are left, be they ever so many, don't keep later ones from their turn. */
  private async turnPages(swept: Swept, signal: AbortSignal): Promise<'all' | 'more' | 'paused'> {
    const { pageSize, mostPages, mostTaken } = this.settings;
    for (let pages = 0; pages < mostPages; pages++) {
      const page = await this.parts.read(this.place, pageSize, signal);
      if (isNearLimit(page)) {
        this.pause(page);
        return 'paused';
      }
      for (const order of page.orders) {
        signal.throwIfAborted();
        if (swept.taken.length === mostTaken) return 'more';
        // Those behind it are younger still.
        if (this.isYoung(order, page.serverNow)) return this.atEnd();
        swept.seen += 1;
        const stuck = await this.stuck.find(order);
        if (stuck !== null && (await this.take(order, stuck))) {
          swept.taken.push(order.id);
          // An embedded store answers without letting anything else run.
          await new Promise((resolve) => setImmediate(resolve));
        }
        this.place = { id: order.id, lastModifiedAt: order.lastModifiedAt };
      }
      if (!page.more || page.orders.length === 0) return this.atEnd();
    }
    return 'more';
  }

  private atEnd(): 'all' {
    this.place = null;
    return 'all';
  }

  private isYoung({ lastModifiedAt }: ActivatingOrder, serverNow: number | null): boolean {
    const margin = serverNow === null ? clockSkewMs : secondsMs;
    return (serverNow ?? this.parts.clock.now()) - lastModifiedAt < this.settings.minAgeMs + margin;
  }

  /** @returns false: this change of the order was taken in before, and no result has come to nothing since. */
  private async take({ id, lastModifiedAt }: ActivatingOrder, { resultsAt }: StuckOrder): Promise<boolean> {
    const { store, channel, orderIdField, clock } = this.parts;
    const times = [lastModifiedAt, ...resultsAt];
    const { isNew } = await store.inbox.add({
      channel,
      replayId: null,
      eventId: ['sweep', id, ...times.map((ms) => new Date(ms).toISOString())].join('-'),
      createdAt: lastModifiedAt,
      receivedAt: clock.now(),
      orderId: id,
      delivery: 'recovered',
      payload: { [orderIdField]: id },
    });
    return isNew;
  }

  private pause({ apiRequests }: ActivatingPage): void {
    if (this.problem !== 'limit')
      this.parts.log.warn('The org has nearly used up its API requests of the day; the sweep rests until it has more', {
        used: apiRequests?.used,
        allowed: apiRequests?.allowed,
      });
    this.problem = 'limit';
  }

  /** A refused login, or a spent allowance, is told once: nothing is sent while it is waited out. */
  private failed(error: unknown, facts: ReturnType<typeof factsOf>): 'failed' | 'paused' {
    const { log } = this.parts;
    const { kind, code } = error instanceof SalesforceError ? error : { kind: null, code: undefined };
    const lasts = kind === 'auth' || kind === 'limit';
    // A place that Salesforce does not take would stop every later sweep as well.
    if (kind === 'query') this.place = null;
    const text = `The sweep for stuck orders failed; ${lasts ? 'it rests until this is mended' : 'trying again'}`;
    const problem = error instanceof Error ? error.message : String(error);
    if (lasts && this.problem === code && facts.taken === 0) log.debug(text, { code, problem, ...facts });
    else log.warn(text, { code, problem, ...facts });
    this.problem = code ?? problem;
    return kind === 'limit' ? 'paused' : 'failed';
  }

  private works(): void {
    if (this.problem !== null) this.parts.log.info('The sweep for stuck orders works again');
    this.problem = null;
  }
}

const isNearLimit = ({ apiRequests }: ActivatingPage): boolean =>
  apiRequests !== null && apiRequests.used >= apiRequests.allowed * nearLimit;

const recovered = (count: number): string =>
  `Recovered by sweep: ${count} order${count === 1 ? ' that is' : 's that are'} Activating without an event`;

const factsOf = (reason: SweepReason, { taken, seen }: Swept) => ({
  reason,
  seen,
  taken: taken.length,
  orders: taken.length > 0 ? taken.join(' ') : undefined,
});

/** ± 10 %, so that several stores on one org don't ask at the same time. */
const jittered = (ms: number): number => Math.round(ms * (0.9 + Math.random() * 0.2));
