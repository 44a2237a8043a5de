/**
 * The PATCHes of Orders: those of one order go out one at a time, those of all orders a few at a time, and one that was
 * not answered is settled by reading before the next is sent (exactly-one R7).
 *
 * That one is under way stands in the order's record before it leaves, so that the next process settles it too.
 */
import { pause, type Clock } from '../clock';
import {
  exchangeTimeoutMs,
  type FieldNames,
  type OrderChange,
  type Salesforce,
  type SalesforceOrder,
  type WriteEnd,
} from '../salesforce/contract';
import type { OrderDesk } from './order-desk';
import type { OrderRecord } from './order-record';

/** Orders that are told of at a time: a wave after an outage must not take the org's connections from others. */
const places = 8;
/** LastModifiedDate counts in whole seconds: this long after it, a later change shows. */
const wholeSecondMs = 2_000;
/** An Order that is changed again and again is written over later. */
const mostReads = 4;

/** Where results go: a connection to the org, and its field names. */
export interface Target {
  connection: Salesforce;
  fields: FieldNames;
}

export interface PatchParts {
  clock: Clock;
  desk: Pick<OrderDesk, 'hold' | 'sender'>;
  signal: AbortSignal;
}

/** One PATCH over an Order as it was just read. */
export interface Patch {
  order: SalesforceOrder;
  change: OrderChange;
  /** Refused by Salesforce when the Order was changed since it was read. */
  ifUnmodified: boolean;
  /** What goes on record together with the mark; null: it is not to be sent any more. */
  onRecord: (record: OrderRecord) => OrderRecord | null;
  /** Sent without a mark, too, when a step holds the order. */
  evenIfHeld?: true;
}

/** Nothing was sent: the record says that it is not to be (overtaken), or the order is held (busy). */
export type PatchEnd = WriteEnd | { kind: 'overtaken' } | { kind: 'busy' };

type Mark = NonNullable<OrderRecord['patch']>;

interface Unanswered extends Omit<Mark, 'token'> {
  /** null: no record bears its mark. */
  token: string | null;
  /** Monotonic ms from which on it can't be applied any more. */
  until: number;
}

export class OrderPatches {
  private readonly lines = new Map<string, Promise<unknown>>();
  private readonly waiting: (() => void)[] = [];
  private free = places;
  private made = 0;
  private readonly unanswered = new Map<string, Unanswered>();
  /** Tokens of PATCHes whose outcome is known, though a record may still bear their mark. */
  private readonly settled = new Set<string>();

  constructor(private readonly parts: PatchParts) {}

  /** Runs `work` once the work of this order before it has ended, and a place is free. */
  inLine<T>(orderId: string, work: () => Promise<T>): Promise<T> {
    const before = this.lines.get(orderId) ?? Promise.resolve();
    const mine = before.then(() => this.inPlace(work));
    const line = mine.then(
      () => undefined,
      () => undefined,
    );
    this.lines.set(orderId, line);
    void line.then(() => {
      if (this.lines.get(orderId) === line) this.lines.delete(orderId);
    });
    return mine;
  }

  /** Whether something of this order is under way, or in line for it. */
  isBusy(orderId: string): boolean {
    return this.lines.has(orderId);
  }

  /** Resolves when nothing is under way any more. */
  async idle(): Promise<void> {
    while (this.lines.size > 0) await Promise.all([...this.lines.values()]);
  }

  /**
   * Reads an Order that is to be written over. Where it will be fenced by its LastModifiedDate it is read again until that
   * second is over by the server's clock: a later change in the same second could not be told from what we read.
   * @param isOpen whether it is to be written over at all; if not, one read is enough.
   * @returns `settled: false`: it was changed each time; not now.
   * @throws SalesforceError; the signal's reason.
   */
  async read(
    target: Target,
    orderId: string,
    isOpen: (order: SalesforceOrder) => boolean,
    isFencedByDate: (order: SalesforceOrder) => boolean,
  ): Promise<{ order: SalesforceOrder | null; settled: boolean }> {
    const { clock, signal } = this.parts;
    let seen = { modifiedAt: NaN, since: 0 };
    for (let reads = 1; ; reads++) {
      const order = await target.connection.readOrder(orderId, target.fields, signal);
      if (order === null || !isOpen(order) || !isFencedByDate(order)) return { order, settled: true };
      const now = clock.monotonic();
      if (seen.modifiedAt !== order.lastModifiedAt) seen = { modifiedAt: order.lastModifiedAt, since: now };
      const age = Math.max((order.serverNow ?? clock.now()) - order.lastModifiedAt, now - seen.since);
      if (age >= wholeSecondMs) return { order, settled: true };
      if (reads === mostReads) return { order, settled: false };
      await pause(clock, Math.min(wholeSecondMs, wholeSecondMs - age), signal);
    }
  }

  /**
   * How long an earlier PATCH of this order that was not answered may still be applied, ms; 0: there is none, or what
   * `order` shows has settled it. One that an earlier process left is counted from now: it may have been sent just before.
   */
  openMs(record: OrderRecord, order: SalesforceOrder, ourUserId: string | null): number {
    const open = this.unanswered.get(order.id) ?? this.leftBehind(record);
    if (open === null) return 0;
    const shows = open.status === null || open.status === order.activationStatus;
    const isApplied = shows && wroteLast(order, open, ourUserId);
    const leftMs = open.until - this.parts.clock.monotonic();
    if (!isApplied && leftMs > 0) {
      this.unanswered.set(order.id, open);
      return leftMs;
    }
    this.settle(order.id, open);
    return 0;
  }

  /**
   * Whether the Order's status is what an unanswered PATCH of ours has written, late: no edit of a person's. Where nothing
   * fences older results it may be that of an earlier attempt.
   */
  isOwn(record: OrderRecord, order: SalesforceOrder, ourUserId: string | null): boolean {
    const open = this.unanswered.get(order.id) ?? this.leftBehind(record);
    return open !== null && open.status === order.activationStatus && wroteLast(order, open, ourUserId);
  }

  /** The mark that a record must go on bearing; null once its PATCH is settled. */
  markLeft(record: OrderRecord): OrderRecord['patch'] {
    if (record.patch === null || !this.settled.delete(record.patch.token)) return record.patch;
    return null;
  }

  /** Takes the mark of a settled PATCH from the record, if the order is free; a step that holds it is not waited for. */
  async clearMark(orderId: string): Promise<void> {
    if (this.settled.size === 0) return;
    await this.parts.desk.hold(orderId, async (held) => {
      const { patch } = held.record;
      if (patch !== null && this.markLeft(held.record) === null)
        await held.save((record) => ({ ...record, patch: null }));
    });
  }

  /** The Order shows the result that an unanswered PATCH told: it is settled. */
  shown(record: OrderRecord, orderId: string): void {
    const open = this.unanswered.get(orderId) ?? this.leftBehind(record);
    if (open) this.settle(orderId, open);
  }

  /** Marks it on record, sends it once, and remembers when no answer came. */
  async send(target: Target, patch: Patch): Promise<PatchEnd> {
    const { order, change } = patch;
    const mark = {
      token: `${this.parts.desk.sender.instance}-${++this.made}`,
      status: change.activationStatus ?? null,
      seenModifiedAt: order.lastModifiedAt,
    };
    const marked = await this.mark(patch, mark);
    if (marked === 'overtaken' || (marked === 'busy' && !patch.evenIfHeld)) return { kind: marked };
    const end = await target.connection.writeOrder(order.id, change, target.fields, {
      signal: this.parts.signal,
      ...(patch.ifUnmodified ? { ifUnmodifiedSince: order.lastModifiedAt } : {}),
    });
    if (end.kind === 'unknown') {
      const until = this.parts.clock.monotonic() + exchangeTimeoutMs;
      this.unanswered.set(order.id, { ...mark, token: marked === 'marked' ? mark.token : null, until });
    } else if (marked === 'marked') this.settled.add(mark.token);
    return end;
  }

  private async mark({ order, onRecord }: Patch, patch: Mark): Promise<'marked' | 'overtaken' | 'busy'> {
    const held = await this.parts.desk.hold(order.id, async (held) => {
      const next = onRecord(held.record);
      if (next === null) return 'overtaken';
      this.markLeft(held.record);
      await held.save(() => ({ ...next, patch }));
      return 'marked';
    });
    return held?.value ?? 'busy';
  }

  private leftBehind({ patch }: OrderRecord): Unanswered | null {
    if (patch === null || this.settled.has(patch.token)) return null;
    return { ...patch, until: this.parts.clock.monotonic() + exchangeTimeoutMs };
  }

  private settle(orderId: string, { token }: Unanswered): void {
    this.unanswered.delete(orderId);
    if (token !== null) this.settled.add(token);
  }

  private async inPlace<T>(work: () => Promise<T>): Promise<T> {
    if (this.free > 0) this.free -= 1;
    else await new Promise<void>((resolve) => this.waiting.push(resolve));
    try {
      return await work();
    } finally {
      const next = this.waiting.shift();
      if (next) next();
      else this.free += 1;
    }
  }
}

const wroteLast = (order: SalesforceOrder, open: Unanswered, ourUserId: string | null): boolean =>
  order.lastModifiedById === ourUserId && order.lastModifiedAt > open.seenModifiedAt;
