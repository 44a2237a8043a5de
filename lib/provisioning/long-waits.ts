/**
 * Waits of a step that have a limit, such as for a payment method. Since when an order waits is on its record, so that a
 * restart begins nothing anew; each attempt waits for itself.
 */
import type { Failure } from './failure';
import { orderLease } from './held-order';
import { orderBusy, parkedFor } from './held-step';
import { readRecord, type OrderRecord } from './order-record';
import type { Parking, StepContext } from './step';

export interface LongWait {
  /** Names it on the record. */
  what: string;
  /** ms from when it was first met. */
  limitMs: number;
  /** ms between two looks; the last goes on. */
  pausesMs: readonly number[];
}

export class LongWaits {
  private constructor(
    private readonly context: StepContext,
    private readonly record: OrderRecord,
  ) {}

  /** @throws StoreError */
  static async of(context: StepContext): Promise<LongWaits> {
    return new LongWaits(context, readRecord((await context.desk.store.ledger.read(context.orderId)).state));
  }

  /**
   * Has the event wait for what `cause` says is missing; the Order shows why.
   * @param meanwhile what a person reads on the Order, given until when it is looked at again.
   * @throws `cause` once the limit is over; StoreError.
   */
  async park(
    cause: Failure,
    { what, limitMs, pausesMs }: LongWait,
    meanwhile: (until: string) => Failure,
  ): Promise<{ parked: Parking; note: string }> {
    const { clock, desk, orderId } = this.context;
    const now = clock.now();
    const { since, tries } = this.known(what) ?? { since: now, tries: 0 };
    const end = since + limitMs;
    if (now >= end) throw cause;
    const turn = desk.turns.look(orderLease(orderId));
    const { attempt } = this.record;
    const saved = await desk.hold(orderId, (order) =>
      order.save((record) => ({
        ...record,
        waits: [...record.waits.filter((wait) => wait.what !== what), { what, attempt, since, tries: tries + 1 }],
      })),
    );
    if (saved === null) return parkedFor(orderBusy(turn), clock);
    const pause = pausesMs[Math.min(tries, pausesMs.length - 1)] ?? limitMs;
    const told = meanwhile(`${new Date(end).toISOString().slice(0, 16).replace('T', ' ')} UTC`);
    const reason = `${told.code}: ${told.message}`;
    return { parked: { until: Math.min(now + pause, end), reason, told }, note: reason };
  }

  /** What it waited for is there: the next such wait begins anew. @throws StoreError */
  async over({ what }: Pick<LongWait, 'what'>): Promise<void> {
    if (!this.known(what)) return;
    const left = (record: OrderRecord): OrderRecord => ({
      ...record,
      waits: record.waits.filter((wait) => wait.what !== what),
    });
    // Where another holds the order the next look does it.
    await this.context.desk.hold(this.context.orderId, (order) => order.save(left));
  }

  private known(what: string): OrderRecord['waits'][number] | undefined {
    return this.record.waits.find((wait) => wait.what === what && wait.attempt === this.record.attempt);
  }
}
