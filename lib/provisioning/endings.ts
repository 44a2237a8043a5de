/**
 * How an order ends. The message asks, the ledger answers (exactly-one R5):
 *
 * - The first end of an attempt stands. The same again makes no call; another is refused.
 * - *Activated* needs an accept that was proven by reading back.
 * - *Failed* waits for running steps and unsettled intents: it is kept as a wish. Once the accept is done it becomes
 *   *Activated*; else the attempt is closed first, so that add and accept refuse, and then it is told with the known id.
 * - A result is stored first and told by the writer, which goes on trying.
 */
import type { Timer } from '../clock';
import type { InboxEvent } from '../state/contract';
import { failure } from './failure';
import type { Visit } from './handouts';
import type { HeldOrder } from './held-order';
import type { FailurePart, SkippedPart } from './message';
import { reportOf, reportOfEvent } from './new-report';
import {
  isUnreadable,
  isUntold,
  readRecord,
  unsettledAccept,
  unsettledAdd,
  withTodo,
  type OrderRecord,
} from './order-record';
import type { Provisioning } from './provisioning';
import { failurePart } from './stored-failure';

export interface EndingOf {
  eventId: string;
  handout: number;
  orderId: string;
}

/**
 * - ended: stored, and being told. `end` may differ from what was asked for (Failed of an accepted order).
 * - repeat: this end stands already. refused: another stands. stale: a newer hand-out exists.
 * - kept: decided later by itself, when what it waits for has ended.
 */
export type Ending =
  | { kind: 'ended'; end: 'Activated' | 'Failed' | 'Skipped' | 'Done' }
  | { kind: 'repeat' }
  | { kind: 'refused'; standing: string }
  | { kind: 'stale' }
  | { kind: 'kept'; waitsFor: string };

/** Another instance holds an order for the moments of a step, mostly. */
const againMs = 2_000;

export class Endings {
  /** Orders whose kept wishes are decided a little later. */
  private readonly later = new Map<string, Timer>();
  private closed = false;
  /** Events of orders whose record cannot be read, and were told of. */
  private readonly left = new Set<string>();

  constructor(private readonly provisioning: Provisioning) {}

  /**
   * The order is live: say so.
   * @throws Failure NOT_ACCEPTED when no proven accept is on record; nothing is written.
   */
  async activate(of: EndingOf): Promise<Ending> {
    const standing = await this.standing(of, 'Activated');
    if (standing) return standing;
    const held = await this.provisioning.hold(of.orderId, async (order) => {
      const { record } = order;
      if (!isAccepted(record)) {
        throw failure(
          'NOT_ACCEPTED',
          'Activated was asked for, but WHMCS shows no accepted order for this attempt',
          'sf_success_update',
        );
      }
      if (record.ended?.end === 'Failed' && record.ended.attempt === record.attempt)
        return { kind: 'refused', standing: 'Failed' } as const;
      await this.close(order, of.eventId, 'Activated', null);
      return { kind: 'ended', end: 'Activated' } as const;
    });
    if (held === null) return { kind: 'kept', waitsFor: 'another step of this order' };
    return this.finish(of, held.value, 'Activated', null);
  }

  /** The order failed, unless the ledger knows better. `settledAlready`: settling itself says so. */
  async fail(
    of: EndingOf,
    cause: FailurePart,
    options: { settledAlready?: boolean; exceptVisit?: Visit } = {},
  ): Promise<Ending> {
    const standing = await this.standing(of, 'Failed');
    if (standing) return standing;
    await this.provisioning.store.inbox.recordFailure(of.eventId, of.handout, { ...cause, wish: true });
    const others = this.provisioning.handouts.running(of.orderId).filter((visit) => visit !== options.exceptVisit);
    if (others.length > 0) return { kind: 'kept', waitsFor: `${others[0]?.node ?? 'a step'}, which is still working` };
    const held = await this.provisioning.hold(of.orderId, (order) =>
      this.decideFailed(order, of.eventId, cause, options.settledAlready ?? false),
    );
    if (held === null) {
      this.decideLater(of.orderId);
      return { kind: 'kept', waitsFor: 'another step of this order' };
    }
    if (held.value.kind === 'kept') {
      this.provisioning.settleSoon(of.orderId);
      return held.value;
    }
    return this.finish(of, held.value, held.value.kind === 'ended' ? held.value.end : 'Failed', cause.message);
  }

  /** A failure that settling found after every event of the order had ended. */
  async failOrder(orderId: string, cause: FailurePart): Promise<void> {
    const { attempt } = readRecord((await this.provisioning.store.ledger.read(orderId)).state);
    return this.failAttempt(orderId, attempt, cause);
  }

  /** Nobody but us knows of it: while a step holds the order it waits, and a newer attempt is not failed for it. */
  private async failAttempt(orderId: string, attempt: number, cause: FailurePart): Promise<void> {
    const held = await this.provisioning.hold(orderId, (order) =>
      order.record.attempt === attempt ? this.decideFailed(order, '', cause, true) : Promise.resolve(null),
    );
    if (held === null) this.failLater(orderId, attempt, cause);
    else this.provisioning.writer.soon(orderId);
  }

  private failLater(orderId: string, attempt: number, cause: FailurePart): void {
    const { clock, log } = this.provisioning;
    const key = `fail ${orderId}`;
    if (this.closed) return;
    this.later.get(key)?.cancel();
    const timer = clock.after(againMs, () => {
      this.later.delete(key);
      this.failAttempt(orderId, attempt, cause).catch((error: unknown) => {
        log.warn('What settling found could not be put on record; trying again', {
          order: orderId,
          code: cause.code,
          error: String(error),
        });
        this.failLater(orderId, attempt, cause);
      });
    });
    this.later.set(key, timer);
  }

  /** Not ours to provision: the event ends, Salesforce is left as it is. */
  async skip(of: EndingOf, skipped: SkippedPart): Promise<Ending> {
    return (
      (await this.standing(of, 'Skipped')) ??
      this.finish(of, { kind: 'ended', end: 'Skipped' }, 'Skipped', `${skipped.code}: ${skipped.message}`)
    );
  }

  /** The event ends without a result. */
  async done(of: EndingOf): Promise<Ending> {
    return (await this.standing(of, 'Done')) ?? this.finish(of, { kind: 'ended', end: 'Done' }, 'Done', null);
  }

  /** Decides the wishes that were kept for an order's events, now that something it waited for has ended. */
  async decideOrder(orderId: string): Promise<void> {
    for (const event of await this.provisioning.store.inbox.ofOrder(orderId)) await this.decide(event);
  }

  /** @returns whether the event has ended by now. */
  async decide(event: InboxEvent, exceptVisit?: Visit): Promise<boolean> {
    if (event.end !== null || event.orderId === null) return event.end !== null;
    const wish = failurePart(event.failure);
    if (!wish?.wish) return false;
    const of = { eventId: event.id, handout: event.handout, orderId: event.orderId };
    try {
      const ending = await this.fail(of, wish.part, exceptVisit ? { exceptVisit } : {});
      return ending.kind !== 'kept' && ending.kind !== 'stale';
    } catch (error) {
      if (!isUnreadable(error)) throw error;
      this.leaveToPeople(of, error);
      return true;
    }
  }

  /** The order's record cannot be read: its event stays as it is, its place is free, and a person is told, once. */
  leaveToPeople({ eventId, handout, orderId }: EndingOf, error: Error): void {
    this.provisioning.handouts.end(eventId, handout);
    if (this.left.has(eventId)) return;
    this.left.add(eventId);
    this.provisioning.log.error(error.message, { order: orderId, event: eventId });
  }

  /** No timer is left; what was kept is decided by the next process. */
  stop(): void {
    this.closed = true;
    for (const timer of this.later.values()) timer.cancel();
    this.later.clear();
  }

  /** Whoever holds the order may be another instance, whose end nobody here is told of. */
  private decideLater(orderId: string): void {
    const { clock, log } = this.provisioning;
    if (this.closed) return;
    this.later.get(orderId)?.cancel();
    const timer = clock.after(againMs, () => {
      this.later.delete(orderId);
      this.decideOrder(orderId).catch((error: unknown) => {
        log.warn('A failure that was kept could not be decided; trying again', {
          order: orderId,
          error: String(error),
        });
        this.decideLater(orderId);
      });
    });
    this.later.set(orderId, timer);
  }

  private async standing(of: EndingOf, wanted: string): Promise<Ending | null> {
    const event = await this.provisioning.store.inbox.get(of.eventId);
    if (event !== null && event.end !== null)
      return event.end === wanted ? { kind: 'repeat' } : { kind: 'refused', standing: event.end };
    if (event?.handout === of.handout) return null;
    // Others took the event up, while this process was paused, say: what is known here of it holds nothing up any more.
    this.provisioning.handouts.end(of.eventId, of.handout);
    return { kind: 'stale' };
  }

  private async decideFailed(
    order: HeldOrder,
    eventId: string,
    cause: FailurePart,
    settledAlready: boolean,
  ): Promise<Ending> {
    const { record } = order;
    if (isAccepted(record) && !(await this.isRetried(record, eventId))) {
      await this.close(order, eventId, 'Activated', null);
      return { kind: 'ended', end: 'Activated' };
    }
    const open = unsettledAdd(record) ?? unsettledAccept(record);
    if (open && !settledAlready && !('stopped' in open && open.stopped))
      return { kind: 'kept', waitsFor: 'WHMCS to show what became of the call' };
    await this.close(order, eventId, 'Failed', cause);
    return { kind: 'ended', end: 'Failed' };
  }

  /**
   * A retry has closed the attempt, and has handed its event out again: what was proven before has to be read anew, and a run
   * that failed before it came to that proves nothing.
   */
  private async isRetried(record: OrderRecord, eventId: string): Promise<boolean> {
    if (record.attemptState === 'open' || isUntold(record)) return false;
    return (await this.provisioning.store.inbox.get(eventId))?.state !== 'dead';
  }

  /**
   * Closes the attempt and stores the result to report, in one write. When no attempt is open the event failed before one
   * was opened: its result is for the attempt that the event was made for, unless an earlier result is still to be told. An
   * accepted one that a retry has closed has its own result all the same.
   */
  private async close(
    order: HeldOrder,
    eventId: string,
    end: 'Activated' | 'Failed',
    cause: FailurePart | null,
  ): Promise<void> {
    const { clock, store } = this.provisioning;
    const isClosed = order.record.attemptState === 'closed';
    const event = isClosed && eventId !== '' ? await store.inbox.get(eventId) : null;
    const of = { eventId, end, cause, at: clock.now() };
    await order.save((record) => {
      const todo = withTodo(record.todo, 'report');
      if (record.attemptState === 'closed' && (end === 'Failed' || hasEnded(record))) {
        if (end === 'Activated' || isUntold(record)) return record;
        return { ...record, report: reportOfEvent(record, of, event), todo };
      }
      return {
        ...record,
        attemptState: 'closed',
        ended: { attempt: record.attempt, end, code: cause?.code ?? null, at: of.at },
        report: reportOf(record, of),
        todo,
      };
    });
  }

  private async finish(
    of: EndingOf,
    ending: Ending,
    end: 'Activated' | 'Failed' | 'Skipped' | 'Done',
    reason: string | null,
  ): Promise<Ending> {
    if (ending.kind !== 'ended') return ending;
    const { store, handouts, writer, clock, log } = this.provisioning;
    const finished = await store.inbox.finish(of.eventId, of.handout, end, reason, clock.now());
    const handout = handouts.of(of.eventId);
    handouts.end(of.eventId, of.handout);
    if (end === 'Activated' || end === 'Failed') writer.soon(of.orderId);
    else writer.notes.forget(of.orderId);
    if (finished !== 'finished')
      return finished === 'other' ? { kind: 'refused', standing: 'another end' } : { kind: finished };
    log.info(end, {
      order: of.orderId,
      event: of.eventId,
      reason,
      ms: handout ? clock.now() - handout.receivedAt : undefined,
    });
    return ending;
  }
}

/** An accept proven by reading back, in an attempt that has no end yet, or whose result is still to be told. */
const isAccepted = (record: OrderRecord): boolean =>
  record.accepted?.attempt === record.attempt && (!hasEnded(record) || isUntold(record));

/** A retry closes the attempt of an event that has died, and how that one ended may be decided after it. */
const hasEnded = ({ attempt, attemptState, ended }: OrderRecord): boolean =>
  attemptState === 'closed' && ended?.attempt === attempt;
