/**
 * What keeps results from being told, over all orders: one alarm for each condition, however many orders and tries it
 * meets, and no more tries than show when it is over. Thousands of results that wait must not use up the org's API
 * requests, neither while nothing can be told nor when it can be again.
 */
import type { Log } from '../log';

/** Why a result was not told this time. */
export interface Trouble {
  /** Salesforce's errorCode, an HTTP status, ETIMEOUT … */
  code: string;
  problem: string;
  /**
   * - refused: it stays so until a person mends something. away: it passes by itself, or it should.
   * - quiet: no fault, or one for which another part raises its alarm.
   */
  kind: 'refused' | 'away' | 'quiet';
  /** Fields that Salesforce named. */
  fields: string[];
}

/** Stands for all orders where service ids are refused: their results are told all the same. */
export const orderItems = 'order items';

/** What should pass by itself is an alarm once a result has waited so long, and it was met so often in a row. */
const awayAlarmMs = 300_000;
const awayAlarmTimes = 3;
/** So many orders that meet one condition keep their own pace; with more, all of them together try once in `paceMs`. */
const few = 20;
const paceMs = 10_000;
/** Stands for what a start finds waiting: nothing is known of it yet. */
const sinceStart = 'not tried since the start';
/** However many there are, one result is tried within this time: 5,000 of them are 2,500 requests an hour. */
const longestMs = 7_200_000;
/** Each result that is told again has so many others tried: the queue drains ever faster, and stops at the first refusals. */
const others = 2;
/** But no more than these are in line at a time, or as many as there are would meet the org's limit at once. */
const line = 8;

interface Condition {
  kind: 'refused' | 'away';
  /** The one that was tried longest ago comes first. */
  orders: Set<string>;
  /** How often it was met. */
  times: number;
  alarmed: boolean;
}

export class TellingAlarms {
  private readonly conditions = new Map<string, Condition>();

  constructor(private readonly log: Log) {}

  /**
   * An order has met it, for the first time or again.
   * @param waits how long its result has waited, and what was returned for it before, perhaps in an earlier process.
   * @returns the condition that there has been an alarm for, to be kept with the order; null: none yet.
   */
  met(orderId: string, trouble: Trouble, waits: { ms: number; alarmed: string | null }): string | null {
    const { code, problem, kind, fields } = trouble;
    if (kind === 'quiet') return waits.alarmed;
    const key = keyOf(trouble);
    // Salesforce has judged this order: what was away before is not. What is away now has not mended a refusal.
    if (kind === 'refused') this.end(orderId, key);
    const condition = this.conditions.get(key) ?? { kind, orders: new Set(), times: 0, alarmed: false };
    this.conditions.set(key, condition);
    condition.orders.delete(orderId);
    condition.orders.add(orderId);
    condition.times += 1;
    if (waits.alarmed === key) condition.alarmed = true;
    if (condition.alarmed) return key;
    if (kind === 'away' && (waits.ms < awayAlarmMs || condition.times < awayAlarmTimes)) return waits.alarmed;
    condition.alarmed = true;
    const text =
      kind === 'refused'
        ? 'Salesforce refuses the result of an order; it is kept, and told as soon as it can be'
        : 'Results cannot be told to Salesforce; they are kept, and told as soon as they can be';
    this.log.error(text, { order: orderId, code, problem, fields: fields.join(', ') });
    return key;
  }

  /** How long an order that has met this should wait at least, ms: the longer the more of them there are. */
  paceMs(trouble: Trouble): number {
    if (trouble.kind === 'quiet') return 0;
    return paced((this.conditions.get(keyOf(trouble))?.orders.size ?? 0) - few);
  }

  /**
   * Results that a start finds waiting, or that another process has left.
   * @returns how long each waits, ms: the first few not at all, and as those are told they have the others tried.
   */
  found(orderIds: readonly string[]): { orderId: string; ms: number }[] {
    const later = orderIds.slice(few);
    if (later.length > 0) {
      const orders = new Set([...(this.conditions.get(sinceStart)?.orders ?? []), ...later]);
      this.conditions.set(sinceStart, { kind: 'away', orders, times: 0, alarmed: false });
    }
    return orderIds.map((orderId, at) => ({ orderId, ms: paced(at - few + 1) }));
  }

  /**
   * The order's result is told, or needs no telling any more.
   * @param how dropped: the Order could be read, and that is all that it shows.
   * @param inLine tries that wait for their turn.
   * @returns others that may be told by now: that have met what this one had met, or that Salesforce was away.
   */
  told(orderId: string, how: 'written' | 'dropped', inLine: number): string[] {
    const most = Math.min(others, Math.max(0, line - inLine));
    const next = [...this.conditions.values()].flatMap(({ kind, orders }) => {
      if (kind === 'refused' && (how === 'dropped' || !orders.has(orderId))) return [];
      return longestAgo(orders, orderId, most);
    });
    this.over(orderId);
    return next;
  }

  /** The order's result is told, or no longer to be. */
  over(orderId: string): void {
    this.end(orderId, null);
  }

  /** Of all results, those that still wait: the others were told by another instance. */
  only(waiting: readonly string[]): void {
    const left = new Set([...waiting, orderItems]);
    const gone = [...this.conditions.values()].flatMap(({ orders }) => [...orders].filter((id) => !left.has(id)));
    for (const orderId of gone) this.over(orderId);
  }

  private end(orderId: string, except: string | null): void {
    for (const [key, { orders, alarmed }] of this.conditions) {
      if (key === except || !orders.delete(orderId) || orders.size > 0) continue;
      this.conditions.delete(key);
      if (alarmed) this.log.info('Results can be told again', { order: orderId, condition: key });
    }
  }
}

/** @param count of results that come before. */
const paced = (count: number): number => Math.min(longestMs, Math.max(0, count) * paceMs);

/** The ones that were tried longest ago, now counted as tried. */
function longestAgo(orders: Set<string>, except: string, most: number): string[] {
  const found: string[] = [];
  for (const id of orders) {
    if (found.length >= most) break;
    if (id !== except) found.push(id);
  }
  for (const id of found) {
    orders.delete(id);
    orders.add(id);
  }
  return found;
}

/** A network's errors and a server's are one condition: the org is away. */
function keyOf({ kind, code, fields }: Trouble): string {
  if (kind === 'refused') return [code, ...[...fields].sort()].join(' ');
  return /^(E[A-Z_]+|\d{3}|NOT_JSON|SERVER_UNAVAILABLE|SERVICE_UNAVAILABLE|UNKNOWN_EXCEPTION)$/.test(code)
    ? 'away'
    : code;
}
