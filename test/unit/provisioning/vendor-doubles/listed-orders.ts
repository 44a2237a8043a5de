import type { Clock } from '../../../../lib/clock';
import type { ActivatingPage, Place } from '../../../../lib/salesforce/activating-orders';
import type { SalesforceError } from '../../../../lib/salesforce/contract';
import type { SweepParts } from '../../../../lib/provisioning/sweep';
import type { InMemorySalesforce } from './in-memory-salesforce';

/** The orders of an org as its query answers, the org's clock being so far ahead of ours. */
export class ListedOrders {
  readonly reads: { after: Place | null; limit: number }[] = [];
  /** What the next reads end with, instead. */
  readonly faults: SalesforceError[] = [];
  ahead = 0;
  withDate = true;
  apiRequests: ActivatingPage['apiRequests'] = { used: 10, allowed: 1_000 };
  /** Runs while a page is on its way: after the org has read it, before we have it. */
  onTheWay: () => Promise<void> = () => Promise.resolve();

  constructor(
    private readonly clock: Clock,
    private readonly salesforce: InMemorySalesforce,
  ) {}

  readonly read: SweepParts['read'] = async (after, limit, signal) => {
    this.reads.push({ after, limit });
    const fault = this.faults.shift();
    if (fault) throw fault;
    const rows = [...this.salesforce.orders.values()]
      .filter((order) => order.activationStatus === 'Activating')
      .map(({ id, lastModifiedAt, attempt }) => ({ id, lastModifiedAt: lastModifiedAt + this.ahead, attempt }))
      .sort((a, b) => a.lastModifiedAt - b.lastModifiedAt || (a.id < b.id ? -1 : 1))
      .filter(
        (row) =>
          after === null ||
          row.lastModifiedAt > after.lastModifiedAt ||
          (row.lastModifiedAt === after.lastModifiedAt && row.id > after.id),
      );
    await Promise.race([this.onTheWay(), aborted(signal)]);
    return {
      orders: rows.slice(0, limit),
      more: rows.length >= limit,
      serverNow: this.withDate ? this.clock.now() + this.ahead : null,
      apiRequests: this.apiRequests,
    };
  };
}

/** Rejects when the signal is aborted. */
export const aborted = (signal: AbortSignal): Promise<never> =>
  new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true }));
