/**
 * Tells Salesforce the results that the ledger holds. It belongs to the store, not to the flow: whatever happens to the
 * flow, a stored result is told, with back-off, for as long as it takes (exactly-one R7, R8).
 *
 * PATCHes of one order go out one at a time. One that was not answered is settled by reading before the next. A newer
 * attempt, or a person's edit, is never overwritten: the older result is dropped and logged.
 */
import { pause, type Timer } from '../clock';
import type { FieldNames, OrderChange, Salesforce, SalesforceOrder, WriteEnd } from '../salesforce/contract';
import { SalesforceError } from '../salesforce/contract';
import type { Failure } from './failure';
import { readRecord, withoutTodo, type Report } from './order-record';
import type { Provisioning } from './provisioning';

const backoffMs = [1_000, 2_000, 5_000, 10_000, 30_000, 60_000];
const refusedBackoffMs = [10_000, 60_000, 300_000];
/** Without attempt fields the fence is If-Unmodified-Since, which counts in seconds: not while the last change is younger. */
const settledModificationMs = 2_000;

/** How one attempt to tell went. */
type Told =
  | { done: true; how: 'written' | 'dropped'; why: string }
  | { done: false; again: 'soon' | 'refused'; code: string; problem: string; unsettled: boolean };

export class Writer {
  private salesforce: { connection: Salesforce; fields: FieldNames } | null = null;
  private readonly patches = new Map<string, Promise<unknown>>();
  private readonly retries = new Map<string, Timer>();
  private readonly waiters = new Map<string, Set<(outcome: TellOutcome) => void>>();
  private readonly closing = new AbortController();

  constructor(private readonly provisioning: Provisioning) {}

  use(connection: Salesforce, fields: FieldNames): void {
    this.salesforce = { connection, fields };
    void this.start();
  }

  /** The org that results go to; null until a source has told it. */
  get target(): { connection: Salesforce; fields: FieldNames } | null {
    return this.salesforce;
  }

  /** Takes up the results that are still to be told. */
  async start(): Promise<void> {
    if (this.salesforce === null) return;
    try {
      for (const orderId of await this.provisioning.store.ledger.withTodo('report', 10_000)) this.soon(orderId);
    } catch (error) {
      this.provisioning.log.error('The results still to be told could not be listed', { error: String(error) });
    }
  }

  /** The order has a result to tell. */
  soon(orderId: string): void {
    if (this.closing.signal.aborted || this.salesforce === null) return;
    this.retries.get(orderId)?.cancel();
    this.retries.delete(orderId);
    void this.oneAtATime(orderId, () => this.tell(orderId));
  }

  /** What became of telling an order's result within `ms`; 'waiting' when it goes on in the background. */
  outcome(orderId: string, ms: number): Promise<TellOutcome> {
    return new Promise((resolve) => {
      const set = this.waiters.get(orderId) ?? new Set();
      this.waiters.set(orderId, set);
      const end = (outcome: TellOutcome): void => {
        timer.cancel();
        set.delete(end);
        if (set.size === 0) this.waiters.delete(orderId);
        resolve(outcome);
      };
      const timer = this.provisioning.clock.after(ms, () => end({ kind: 'waiting', problem: null }));
      set.add(end);
      // It may have been told before anybody waited.
      this.toldAlready(orderId).then(
        (how) => how && end({ kind: how }),
        () => undefined,
      );
    });
  }

  /** Beside the accept: a second record of the order's id, so that a lost store is not the only one (exactly-one R2). Best effort. */
  noteWhmcsOrder(orderId: string, whmcsOrderId: number): void {
    this.note(orderId, { whmcsOrderId: String(whmcsOrderId) });
  }

  /** While WHMCS cannot show what became of a call the order stays Activating, with the reason in its error fields. Best effort. */
  noteChecking(orderId: string, failure: Failure): void {
    this.note(orderId, { errorCode: failure.code, errorMessage: failure.message });
  }

  async close(): Promise<void> {
    this.closing.abort(new Error('closing'));
    for (const timer of this.retries.values()) timer.cancel();
    this.retries.clear();
    for (const set of this.waiters.values()) for (const end of [...set]) end({ kind: 'waiting', problem: null });
    await Promise.allSettled([...this.patches.values()]);
  }

  private async toldAlready(orderId: string): Promise<'written' | 'dropped' | null> {
    return readRecord((await this.provisioning.store.ledger.read(orderId)).state).report?.told?.how ?? null;
  }

  private note(orderId: string, change: OrderChange): void {
    const { salesforce } = this;
    if (salesforce === null || this.closing.signal.aborted) return;
    void this.oneAtATime(orderId, async () => {
      const entry = await this.provisioning.store.ledger.read(orderId);
      const todo = entry.state?.['todo'];
      // A result that waits says all that a note would, and more.
      if (Array.isArray(todo) && todo.includes('report')) return;
      const end = await salesforce.connection.writeOrder(orderId, change, salesforce.fields, {
        signal: this.closing.signal,
      });
      if (end.kind !== 'written')
        this.provisioning.log.debug('A note could not be written to the Order; it is no result', {
          order: orderId,
          end: end.kind,
        });
    });
  }

  private oneAtATime(orderId: string, work: () => Promise<void>): Promise<void> {
    const before = this.patches.get(orderId) ?? Promise.resolve();
    const mine = before.then(work).catch((error: unknown) => {
      if (this.closing.signal.aborted) return;
      this.provisioning.log.error('A result could not be told; trying again', { order: orderId, error: String(error) });
      this.retry(orderId, backoffMs[2] ?? 5_000);
    });
    this.patches.set(orderId, mine);
    void mine.then(() => {
      if (this.patches.get(orderId) === mine) this.patches.delete(orderId);
    });
    return mine;
  }

  private async tell(orderId: string): Promise<void> {
    if (this.closing.signal.aborted || this.salesforce === null) return;
    const { connection, fields } = this.salesforce;
    const begun = await this.provisioning.hold(orderId, async (order) => {
      const { report } = order.record;
      if (report === null || report.told !== null) {
        if (order.record.todo.includes('report'))
          await order.save((record) => ({ ...record, todo: withoutTodo(record.todo, 'report') }));
        return null;
      }
      // Persist that a PATCH may be under way before it is.
      await order.save((record) => ({ ...record, report: record.report && { ...record.report, unsettled: true } }));
      return { report, whmcsOrderId: order.record.adopted };
    });
    if (begun === null) return this.retry(orderId, 500);
    if (begun.value === null) return;
    const { report } = begun.value;
    const told = await this.attempt(connection, fields, orderId, report);
    await this.record(orderId, report, told);
  }

  private async attempt(connection: Salesforce, fields: FieldNames, orderId: string, report: Report): Promise<Told> {
    try {
      const order = await connection.readOrder(orderId, fields, this.closing.signal);
      if (order === null) return { done: true, how: 'dropped', why: 'Salesforce shows no such Order' };
      const stands = standing(order, report, connection.userId);
      if (stands) return stands;
      if (order.attempt === null) {
        const age = this.provisioning.clock.now() - order.lastModifiedAt;
        if (age >= 0 && age < settledModificationMs)
          await pause(this.provisioning.clock, settledModificationMs - age, this.closing.signal);
      }
      const end = await connection.writeOrder(orderId, changeOf(order, report), fields, {
        signal: this.closing.signal,
        ...(order.attempt === null ? { ifUnmodifiedSince: order.lastModifiedAt } : {}),
      });
      return toldBy(end);
    } catch (error) {
      if (error instanceof SalesforceError) {
        // A read: nothing was sent.
        return {
          done: false,
          again: error.kind === 'query' || error.kind === 'permission' ? 'refused' : 'soon',
          code: error.code,
          problem: error.message,
          unsettled: report.unsettled,
        };
      }
      throw error;
    }
  }

  private async record(orderId: string, report: Report, told: Told): Promise<void> {
    const { clock, log } = this.provisioning;
    const tries = report.tries + 1;
    const held = await this.provisioning.hold(orderId, async (order) => {
      await order.save((record) => {
        // A newer result has taken its place meanwhile: it is the one to tell.
        if (record.report === null || record.report.at !== report.at || record.report.attempt !== report.attempt)
          return record;
        return told.done
          ? {
              ...record,
              report: {
                ...record.report,
                tries,
                unsettled: false,
                problem: null,
                told: { at: clock.now(), how: told.how },
              },
              todo: withoutTodo(record.todo, 'report'),
            }
          : {
              ...record,
              report: { ...record.report, tries, unsettled: told.unsettled, problem: `${told.code}: ${told.problem}` },
            };
      });
      return order.record.todo.includes('report');
    });
    if (!told.done) {
      const facts = { order: orderId, event: report.eventId, code: told.code, problem: told.problem, tries };
      if (told.again === 'refused' && !report.problem?.startsWith(told.code))
        log.error('Salesforce refuses the result of this order; it is kept and told as soon as it can be', facts);
      else log.warn('The result of this order could not be told yet; trying again', facts);
      const steps = told.again === 'refused' ? refusedBackoffMs : backoffMs;
      this.retry(orderId, jittered(steps[Math.min(tries - 1, steps.length - 1)] ?? 60_000));
      return this.tellWaiters(
        orderId,
        told.again === 'refused'
          ? { kind: 'refused', code: told.code, problem: told.problem }
          : { kind: 'waiting', problem: told.problem },
      );
    }
    const text = told.how === 'written' ? `Salesforce shows ${report.status}` : 'The result was not written';
    log[told.how === 'written' ? 'info' : 'warn'](text, {
      order: orderId,
      event: report.eventId,
      attempt: report.attempt,
      code: report.code,
      why: told.why,
      whmcsOrder: report.whmcsOrderId,
    });
    if (told.how === 'written') await this.tellItems(orderId, report);
    this.tellWaiters(orderId, { kind: told.how });
    if (held === null || held.value) this.retry(orderId, 500);
  }

  private async tellItems(orderId: string, report: Report): Promise<void> {
    if (this.salesforce === null || report.services.length === 0) return;
    const values = report.services.map(({ orderItemId, serviceId }) => ({
      itemId: orderItemId,
      serviceId: String(serviceId),
    }));
    const end = await this.salesforce.connection.writeItems(values, this.salesforce.fields, this.closing.signal);
    if (end.kind !== 'written')
      this.provisioning.log.warn('The service ids could not be written to the order items; the Order itself is right', {
        order: orderId,
        end: end.kind,
      });
  }

  private tellWaiters(orderId: string, outcome: TellOutcome): void {
    for (const end of [...(this.waiters.get(orderId) ?? [])]) end(outcome);
  }

  private retry(orderId: string, ms: number): void {
    if (this.closing.signal.aborted) return;
    this.retries.get(orderId)?.cancel();
    this.retries.set(
      orderId,
      this.provisioning.clock.after(ms, () => this.soon(orderId)),
    );
  }
}

export type TellOutcome =
  | { kind: 'written' }
  | { kind: 'dropped' }
  | { kind: 'refused'; code: string; problem: string }
  | { kind: 'waiting'; problem: string | null };

/** What Salesforce shows already decides: told before, or no longer ours to tell. null: go on and write. */
function standing(order: SalesforceOrder, report: Report, ourUserId: string | null): Told | null {
  if (order.attempt !== null && report.attempt !== 0 && order.attempt !== report.attempt) {
    return { done: true, how: 'dropped', why: `a newer attempt (${order.attempt}) stands in Salesforce` };
  }
  if (
    order.activationStatus === report.status &&
    (order.whmcsOrderId ?? null) === (report.whmcsOrderId ?? order.whmcsOrderId)
  ) {
    return report.unsettled || order.lastModifiedById === ourUserId
      ? { done: true, how: 'written', why: 'Salesforce shows it already' }
      : { done: true, how: 'dropped', why: `a person has set ${order.activationStatus}` };
  }
  if (order.activationStatus !== 'Activating')
    return { done: true, how: 'dropped', why: `the status was set to '${order.activationStatus}' meanwhile` };
  return null;
}

function changeOf(order: SalesforceOrder, report: Report): OrderChange {
  return {
    activationStatus: report.status,
    errorCode: report.code,
    errorMessage: report.message,
    errorAt: report.status === 'Failed' ? report.at : null,
    ...(report.whmcsOrderId === null ? {} : { whmcsOrderId: report.whmcsOrderId }),
    ...(order.attempt === null ? {} : { resultAttempt: report.attempt === 0 ? order.attempt : report.attempt }),
  };
}

function toldBy(end: WriteEnd): Told {
  switch (end.kind) {
    case 'written':
      return { done: true, how: 'written', why: '' };
    case 'changed':
      return { done: false, again: 'soon', code: '412', problem: 'the Order was changed meanwhile', unsettled: false };
    case 'refused':
      if (end.code === 'NOT_FOUND' || end.code === 'ENTITY_IS_DELETED')
        return { done: true, how: 'dropped', why: `${end.code}: ${end.message}` };
      return {
        done: false,
        again: 'refused',
        code: end.code,
        problem: end.fields.length > 0 ? `${end.message} (${end.fields.join(', ')})` : end.message,
        unsettled: false,
      };
    case 'later':
      return { done: false, again: 'soon', code: end.code, problem: end.message, unsettled: false };
    case 'unknown':
      return { done: false, again: 'soon', code: end.code, problem: end.message, unsettled: true };
  }
}

/** ± 20 %, so that many orders do not come back in one wave. */
const jittered = (ms: number): number => Math.round(ms * (0.8 + Math.random() * 0.4));
