/**
 * Which of the orders in Activating are stuck: those with no open event and no result to report (exactly-one R11). A skip is
 * no end; a result that Salesforce refuses is written by the writer, not run again; a call to WHMCS that is being settled is
 * left to settling.
 */
import type { Clock } from '../clock';
import type { Log } from '../log';
import type { ActivatingOrder } from '../salesforce/activating-orders';
import type { InboxEvent, StateStore } from '../state/contract';
import {
  isAnotherAttempt,
  isUnreadable,
  readRecord,
  unsettledAccept,
  unsettledAdd,
  type OrderRecord,
} from './order-record';

export interface StuckOrdersParts {
  store: Pick<StateStore, 'inbox' | 'ledger'>;
  /** Whether a step works on the order right now. */
  isRunning: (orderId: string) => boolean;
  /** What happened here within so many ms, the page that shows the order may not know yet. */
  freshMs: number;
  clock: Clock;
  log: Log;
}

export interface StuckOrder {
  /**
   * What its results came to, wall ms: when the last was dropped, and when the last event ended that had one. Salesforce
   * shows none of them, be it that a person has asked anew, or that one was lost with its record.
   */
  resultsAt: number[];
}

/**
 * The same attempt is taken up so often in a day; then the order is left to people. An attempt that no run has opened yet is
 * told by the change that began it.
 */
const mostRecoveries = 3;
const dayMs = 86_400_000;

export class StuckOrders {
  /** Orders that were told of as left to people. */
  private readonly told = new Set<string>();

  constructor(private readonly parts: StuckOrdersParts) {}

  /** Says that nothing here works on the order, or will; null: something does, or it is left to people. */
  async find(order: ActivatingOrder): Promise<StuckOrder | null> {
    const { store, isRunning } = this.parts;
    try {
      const events = await store.inbox.ofOrder(order.id);
      if (events.some((event) => event.end === null || this.isFresh(event.receivedAt) || this.isFresh(event.endedAt)))
        return null;
      if (isRunning(order.id)) return null;
      const record = readRecord((await store.ledger.read(order.id)).state);
      const told = record.report?.told ?? null;
      if (record.report !== null && (told === null || this.isFresh(told.at))) return null;
      if (isBeingSettled(record)) return null;
      if (!mayBeSettledAnew(record, order)) {
        this.leaveToPeople(order.id, 'What became of its call to WHMCS is for a person to decide');
        return null;
      }
      const isNewer = isAnotherAttempt(record, order.attempt);
      const times = events.filter(
        (event) => this.isRecoveryOfToday(event) && (!isNewer || event.createdAt === order.lastModifiedAt),
      ).length;
      const droppedAt = told?.how === 'dropped' ? told.at : null;
      const endedAt = events.find(hadResult)?.endedAt ?? null;
      if (times < mostRecoveries) return { resultsAt: [droppedAt, endedAt].filter((at) => at !== null) };
      this.leaveToPeople(order.id, `It was taken in ${times} times within a day, and is Activating again`);
    } catch (error) {
      // One order's damaged record must not keep the others waiting.
      if (!isUnreadable(error)) throw error;
      this.leaveToPeople(order.id, error.message);
    }
    return null;
  }

  /** It happened while the page was on its way, or nearly so: the page may show the order as it was before. */
  private isFresh(at: number | null): boolean {
    return at !== null && Math.abs(this.parts.clock.now() - at) < this.parts.freshMs;
  }

  private isRecoveryOfToday({ delivery, receivedAt }: InboxEvent): boolean {
    return delivery === 'recovered' && this.parts.clock.now() - receivedAt < dayMs;
  }

  private leaveToPeople(orderId: string, why: string): void {
    if (this.told.has(orderId)) return;
    this.told.add(orderId);
    this.parts.log.error('This order is still Activating, and the sweep leaves it to people', { order: orderId, why });
  }
}

/** It ended with something to tell. A skip, and an end without a result, leave the Order as it is on purpose. */
const hadResult = ({ end }: InboxEvent): boolean => end === 'Failed' || end === 'Activated';

/** Background work will end it. */
const isBeingSettled = (record: OrderRecord): boolean =>
  unsettledAdd(record)?.stopped === null || unsettledAccept(record) !== undefined;

/**
 * Settling that stopped begins anew once its result is no more to be told: Salesforce shows Activating although it was told
 * Failed, so a person has pressed Retry; or the result was dropped, so that nobody was told, and nothing is added by itself
 * (`reopenAdd`). While the attempt is open a run is no new one: it ends with what the stop said.
 */
const mayBeSettledAnew = (record: OrderRecord, { attempt }: ActivatingOrder): boolean =>
  unsettledAdd(record) === undefined ||
  record.attemptState === 'open' ||
  isAnotherAttempt(record, attempt) ||
  record.report !== null;
