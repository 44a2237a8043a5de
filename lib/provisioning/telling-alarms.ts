/** Alarms about results that Salesforce cannot be told: one for each condition, however many orders and tries it meets. */
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

/** What should pass by itself is an alarm once a result has waited so long, and it was met so often in a row. */
const awayAlarmMs = 300_000;
const awayAlarmTimes = 3;

interface Condition {
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
    const condition = this.conditions.get(key) ?? { orders: new Set(), times: 0, alarmed: false };
    this.conditions.set(key, condition);
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

  /** The order's result is told, or no longer to be. */
  over(orderId: string): void {
    this.end(orderId, null);
  }

  private end(orderId: string, except: string | null): void {
    for (const [key, { orders, alarmed }] of this.conditions) {
      if (key === except || !orders.delete(orderId) || orders.size > 0) continue;
      this.conditions.delete(key);
      if (alarmed) this.log.info('Results can be told again', { order: orderId, condition: key });
    }
  }
}

/** A network's errors and a server's are one condition: the org is away. */
function keyOf({ kind, code, fields }: Trouble): string {
  if (kind === 'refused') return [code, ...[...fields].sort()].join(' ');
  return /^(E[A-Z_]+|\d{3}|NOT_JSON|SERVER_UNAVAILABLE|SERVICE_UNAVAILABLE|UNKNOWN_EXCEPTION)$/.test(code)
    ? 'away'
    : code;
}
