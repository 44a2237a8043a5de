/**
 * A result that could not be told for ten minutes is compared with WHMCS before it is (exactly-one R7): what was true then
 * may not be now, and Salesforce must not show *Activated* for an order that was cancelled meanwhile.
 */
import type { Clock } from '../clock';
import type { Log } from '../log';
import { WhmcsError, type Whmcs } from '../whmcs/contract';
import { failure, messageFor, type Failure } from './failure';
import type { OrderDesk } from './order-desk';
import { isStill, type OrderRecord, type Report } from './order-record';
import { lifeOf, readOrder } from './orders-reading';

const oldMs = 600_000;
/** A connection to WHMCS appears a little after the store does; where there is none after so many looks, none will. */
const patientLooks = 4;

export interface OldResultParts {
  clock: Clock;
  log: Log;
  desk: Pick<OrderDesk, 'hold'>;
  whmcsOf: (key: string) => Whmcs | undefined;
  signal: AbortSignal;
}

/**
 * - sound: it may be told. changed: WHMCS says otherwise, and the ledger has another result now. busy: the order is held.
 * - unread: WHMCS cannot be asked; it waits.
 */
export type Comparison = { is: 'sound' } | { is: 'changed' | 'busy' } | { is: 'unread'; code: string; problem: string };

export class OldResults {
  /** Looks in vain for a connection, by order. */
  private readonly looks = new Map<string, number>();

  constructor(private readonly parts: OldResultParts) {}

  async compare(orderId: string, record: OrderRecord, report: Report): Promise<Comparison> {
    const { clock, log, whmcsOf, signal } = this.parts;
    const { adopted } = record;
    if (report.whmcsOrderId === null || adopted === null || clock.now() - report.at <= oldMs) return { is: 'sound' };
    const whmcs = whmcsOf(adopted.whmcs);
    if (!whmcs) return this.withoutConnection(orderId, adopted.whmcs);
    this.looks.delete(orderId);
    const id = Number(report.whmcsOrderId);
    let status: string | null;
    try {
      status = (await readOrder(whmcs, id, signal))?.status ?? null;
    } catch (error) {
      if (!(error instanceof WhmcsError)) throw error;
      const code = 'code' in error.end ? error.end.code : error.end.kind;
      return { is: 'unread', code, problem: `The result is old, and WHMCS cannot be asked: ${error.message}` };
    }
    const next = changed(report, id, status, clock.now());
    if (next === null) return { is: 'sound' };
    const held = await this.parts.desk.hold(orderId, (order) =>
      order.save((now) => {
        if (!isStill(now, report)) return now;
        const failed = report.status === 'Activated' && now.ended?.attempt === now.attempt;
        return {
          ...now,
          report: next,
          ended: now.ended && failed ? { ...now.ended, end: 'Failed', code: next.code } : now.ended,
        };
      }),
    );
    if (held === null) return { is: 'busy' };
    log.warn('WHMCS has changed since this result was stored; Salesforce is told what WHMCS shows now', {
      order: orderId,
      event: report.eventId,
      whmcsOrder: id,
      whmcsStatus: status ?? 'gone',
      was: report.status,
    });
    return { is: 'changed' };
  }

  /** The order's result is told, or no longer to be. */
  over(orderId: string): void {
    this.looks.delete(orderId);
  }

  private withoutConnection(orderId: string, key: string): Comparison {
    const looks = (this.looks.get(orderId) ?? 0) + 1;
    this.looks.set(orderId, looks);
    const problem = `The result is old, and no connection to ${key} is set up`;
    if (looks < patientLooks) return { is: 'unread', code: 'SETTING_MISSING', problem };
    if (looks === patientLooks)
      this.parts.log.warn(`${problem}: it is told without a look at WHMCS`, { order: orderId });
    return { is: 'sound' };
  }
}

/** The result that WHMCS's own word makes of it; null: it stays as it is. */
function changed(report: Report, id: number, status: string | null, now: number): Report | null {
  const life = status === null ? 'dead' : lifeOf(status);
  if (report.status === 'Activated') {
    if (life === 'active') return null;
    const cause = notLive(id, status, life).part();
    return { ...report, status: 'Failed', code: cause.code, message: messageFor(cause), services: [], at: now };
  }
  // It names the order; that it has come to life, or died, is told beside it.
  const news = status === null ? 'does not exist any more' : `is ${status}`;
  if (life === 'pending' || report.message?.includes(news)) return null;
  return { ...report, message: `WHMCS order ${id} ${news} by now. ${report.message ?? ''}`.trim() };
}

function notLive(id: number, status: string | null, life: 'pending' | 'dead' | 'other'): Failure {
  const step = 'sf_success_update';
  const was = `WHMCS order ${id} was live, but`;
  switch (life) {
    case 'pending':
      return failure('WHMCS_ACCEPT_UNKNOWN', `${was} is Pending again`, step);
    case 'other':
      return failure('WHMCS_ORDER_STATUS', `${was} has the status '${status ?? ''}'`, step);
    case 'dead':
      return failure(
        'WHMCS_ORDER_GONE',
        `${was} ${status === null ? 'does not exist any more' : `is ${status}`}`,
        step,
      );
  }
}
