/**
 * Tells Salesforce the results that the ledger holds. It belongs to the store, not to the flow: whatever happens to the
 * flow, a stored result is told, with back-off, for as long as it takes (exactly-one R7, R8).
 */
import type { Timer } from '../clock';
import type { FieldNames, Salesforce, WriteEnd } from '../salesforce/contract';
import { LeaseLost } from './held-order';
import { OldResults } from './old-result';
import { OrderNotes } from './order-notes';
import { OrderPatches, type Target } from './order-patches';
import { anyAttempt, isStill, isUntold, readRecord, withoutTodo, type OrderRecord, type Report } from './order-record';
import { patchNow } from './patch-now';
import type { Provisioning } from './provisioning';
import { tellResult, type Done, type NotYet } from './tell-result';
import { orderItems, TellingAlarms } from './telling-alarms';

const backoffMs = [1_000, 2_000, 5_000, 10_000, 30_000, 60_000];
const refusedBackoffMs = [10_000, 60_000, 300_000];
const busyMs = 500;
const failedMs = 5_000;
const listLimit = 10_000;
const listAgainMs = 60_000;

export type TellOutcome =
  | { kind: 'written' }
  /** `why`, in words. */
  | { kind: 'dropped'; why: string }
  | { kind: 'refused'; code: string; problem: string }
  | { kind: 'waiting'; problem: string | null };

export class Writer {
  private salesforce: Target | null = null;
  private readonly retries = new Map<string, Timer>();
  private listing: Timer | null = null;
  /** The last try ended in an error of our own. */
  private failing = false;
  /** Orders with a try that has not begun yet. */
  private readonly asked = new Set<string>();
  private readonly waiters = new Map<string, Set<(outcome: TellOutcome) => void>>();
  private readonly closing = new AbortController();
  private readonly patches: OrderPatches;
  private readonly oldResults: OldResults;
  /** What is said on Orders that are still being activated. */
  readonly notes: OrderNotes;
  private readonly alarms: TellingAlarms;

  constructor(private readonly provisioning: Provisioning) {
    const { clock, log, whmcsOf } = provisioning;
    const { signal } = this.closing;
    this.patches = new OrderPatches({ clock, desk: provisioning, signal });
    this.oldResults = new OldResults({ clock, log, desk: provisioning, whmcsOf, signal });
    this.notes = new OrderNotes({ provisioning, patches: this.patches, target: () => this.salesforce, signal });
    this.alarms = new TellingAlarms(log);
  }

  use(connection: Salesforce, fields: FieldNames): void {
    this.salesforce = { connection, fields };
    void this.start();
  }

  /** The org that results go to; null until a source has told it. */
  get target(): Target | null {
    return this.salesforce;
  }

  /** Takes up the results that are still to be told. A store that cannot be read is asked again. */
  async start(): Promise<void> {
    const { store, log, clock } = this.provisioning;
    if (this.salesforce === null || this.closing.signal.aborted) return;
    this.listing?.cancel();
    let againMs = failedMs;
    try {
      const orders = await store.ledger.withTodo('report', listLimit);
      this.found(orders);
      if (orders.length < listLimit) return;
      againMs = listAgainMs;
    } catch (error) {
      log.error('The results still to be told could not be listed; trying again', { error: String(error) });
    }
    if (!this.closing.signal.aborted) this.listing = clock.after(againMs, () => void this.start());
  }

  /** Takes up what another instance left; what is told here keeps its pace. @throws StoreError */
  async takeUp(): Promise<void> {
    if (this.salesforce === null) return;
    const waiting = await this.provisioning.store.ledger.withTodo('report', listLimit);
    if (waiting.length < listLimit) this.alarms.only(waiting);
    const left = waiting.filter((orderId) => !this.retries.has(orderId) && !this.patches.isBusy(orderId));
    if (left.length > 0) this.found(left);
  }

  /** Tries the first at once; one of the others that has a try of its own to come keeps it. */
  private found(orders: readonly string[]): void {
    for (const { orderId, ms } of this.alarms.found(orders))
      if (ms === 0) this.soon(orderId);
      else if (!this.retries.has(orderId) && !this.patches.isBusy(orderId)) this.retry(orderId, jittered(ms));
  }

  /** The order has a result to tell. */
  soon(orderId: string): void {
    if (this.closing.signal.aborted || this.salesforce === null) return;
    this.retries.get(orderId)?.cancel();
    this.retries.delete(orderId);
    if (this.asked.has(orderId)) return;
    this.asked.add(orderId);
    void this.patches.inLine(orderId, () => {
      this.asked.delete(orderId);
      return this.tell(orderId);
    });
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
        (told) => told && end(told),
        () => undefined,
      );
    });
  }

  /**
   * Sets *Activating*, as Provision / Retry in Salesforce does: the attempt is raised, the error cleared; in line with the
   * order's other PATCHes, over what is read then. What is live is left alone.
   * @param how anew: a person's word; the WHMCS order that Salesforce shows is dead, so its id is cleared, and *Activated* no
   * end. `named`: that id, where it is known: another one, which a person has put in since, is left alone (`changed`).
   * @returns the status that was there, null where Salesforce shows no such Order; `written` also where nothing was to be.
   * @throws SalesforceError when the Order cannot be read; Error when no org is known.
   */
  async setActivating(
    orderId: string,
    how: { anew?: boolean; named?: string | null } = {},
  ): Promise<{ was: string | null; end: WriteEnd }> {
    const { provisioning, patches, salesforce: target } = this;
    if (target === null) throw new Error('No Salesforce org is known yet');
    const seen: { status: string | null; renamed: boolean } = { status: null, renamed: false };
    // The end that stands is told first: it would not be known from a new attempt's.
    if (!how.anew && isUntold(readRecord((await provisioning.store.ledger.read(orderId)).state)))
      return { was: null, end: { kind: 'changed' } };
    const end = await patchNow({ provisioning, patches, target }, orderId, (order) => {
      seen.status = order?.activationStatus ?? null;
      seen.renamed = how.named !== undefined && order !== null && order.whmcsOrderId !== how.named;
      if (order === null || seen.renamed || order.activationStatus === 'Activating') return null;
      if (order.activationStatus === 'Activated' && !how.anew) return null;
      return {
        activationStatus: 'Activating',
        attempt: (order.attempt ?? 0) + 1,
        errorCode: null,
        errorMessage: null,
        errorAt: null,
        ...(how.anew ? { whmcsOrderId: null } : {}),
      };
    });
    return { was: seen.status, end: seen.renamed ? { kind: 'changed' } : end };
  }

  async close(): Promise<void> {
    this.closing.abort(new Error('closing'));
    this.listing?.cancel();
    this.notes.close();
    for (const timer of this.retries.values()) timer.cancel();
    this.retries.clear();
    for (const set of this.waiters.values()) for (const end of [...set]) end({ kind: 'waiting', problem: null });
    await this.patches.idle();
  }

  private async toldAlready(orderId: string): Promise<TellOutcome | null> {
    const { report } = readRecord((await this.provisioning.store.ledger.read(orderId)).state);
    if (!report?.told) return null;
    const { how, why = '' } = report.told;
    return how === 'written' ? { kind: how } : { kind: how, why };
  }

  /** One try, and when the next is. Never rejects. */
  private async tell(orderId: string): Promise<void> {
    const { provisioning, patches, oldResults, salesforce: target } = this;
    const { signal } = this.closing;
    if (signal.aborted || target === null) return;
    try {
      const told = await tellResult({ provisioning, patches, oldResults, target, signal }, orderId);
      this.failing = false;
      switch (told.kind) {
        case 'nothing':
          // Told by another instance, or by nobody any more.
          return this.alarms.over(orderId);
        case 'busy':
          return this.retry(orderId, busyMs);
        case 'changed':
          return this.retry(orderId, 0);
        case 'done':
          return await this.done(orderId, told);
        case 'not':
          return await this.notYet(orderId, told);
      }
    } catch (error) {
      if (signal.aborted) return;
      // Another process holds the order now, and goes on from the record.
      if (error instanceof LeaseLost) return this.retry(orderId, jittered(failedMs));
      // The store, most likely: one alarm, not one an order and try.
      const level = this.failing ? 'warn' : 'error';
      this.failing = true;
      provisioning.log[level]('A result could not be told; trying again', { order: orderId, error: String(error) });
      this.retry(orderId, jittered(failedMs));
    }
  }

  private async done(orderId: string, told: Done): Promise<void> {
    const { clock, log, store } = this.provisioning;
    const { report, how, why, trouble } = told;
    const tries = report.tries + 1;
    if (trouble) this.alarms.met(orderItems, trouble, { ms: 0, alarmed: null });
    else if (report.services.length > 0) this.alarms.over(orderItems);
    const saved = await this.save(orderId, report, (record) => ({
      ...record,
      report: { ...report, tries, unsettled: false, problem: null, told: { at: clock.now(), how, why } },
      todo: withoutTodo(record.todo, 'report'),
    }));
    // What stands decides: the next look finds the same again.
    if (saved === null) return this.retry(orderId, busyMs);
    for (const other of this.alarms.told(orderId, how, this.asked.size)) if (other !== orderItems) this.soon(other);
    this.notes.end(orderId);
    this.oldResults.over(orderId);
    const text = how === 'written' ? `Salesforce shows ${report.status}` : 'The result was not written';
    log[how === 'written' ? 'info' : 'warn'](text, {
      order: orderId,
      event: report.eventId,
      attempt: report.attempt === anyAttempt ? undefined : report.attempt,
      code: report.code,
      why,
      whmcsOrder: report.whmcsOrderId,
    });
    // A step that waits says so itself.
    if (how === 'dropped' || !this.waiters.has(orderId)) {
      await store.timeline.append({
        orderId,
        eventId: report.eventId,
        attempt: saved.attempt,
        step: report.status === 'Failed' ? 'sf_failure_update' : 'sf_success_update',
        status: how === 'written' ? 'done' : 'skipped',
        startedAt: clock.now(),
        ms: null,
        detail: why === '' ? text : `${text}: ${why}`,
      });
    }
    this.tellWaiters(orderId, how === 'written' ? { kind: how } : { kind: how, why });
    if (saved.todo.includes('report')) this.soon(orderId);
  }

  private async notYet(orderId: string, told: NotYet): Promise<void> {
    const { report, trouble, leastMs, statusStands, seenModifiedAt, unsettled } = told;
    const { code, problem, kind } = trouble;
    const tries = report.tries + 1;
    const waitedMs = this.provisioning.clock.now() - report.at;
    const alarmed = this.alarms.met(orderId, trouble, { ms: waitedMs, alarmed: report.alarmed });
    await this.save(orderId, report, (record) => ({
      ...record,
      report: { ...report, tries, seenModifiedAt, unsettled, problem: `${code}: ${problem}`, alarmed },
    }));
    const again = kind === 'refused' ? refusedBackoffMs : backoffMs;
    const pause = again[Math.min(tries, again.length) - 1] ?? failedMs;
    const ms = jittered(Math.max(pause, this.alarms.paceMs(trouble)));
    this.provisioning.log.warn('The result of this order could not be told yet; trying again', {
      order: orderId,
      event: report.eventId,
      code,
      problem,
      tries,
    });
    this.retry(orderId, leastMs > 0 ? Math.min(ms, leastMs) : ms);
    if (statusStands) this.tellWaiters(orderId, { kind: 'written' });
    else this.tellWaiters(orderId, kind === 'refused' ? { kind, code, problem } : { kind: 'waiting', problem });
  }

  /** Puts on record how a try went, unless another result has taken its place. null: the order is held. */
  private async save(
    orderId: string,
    report: Report,
    change: (record: OrderRecord) => OrderRecord,
  ): Promise<OrderRecord | null> {
    const held = await this.provisioning.hold(orderId, async (order) => {
      const patch = this.patches.markLeft(order.record);
      await order.save((record) => ({ ...(isStill(record, report) ? change(record) : record), patch }));
      return order.record;
    });
    return held?.value ?? null;
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

/** ± 20 %, so that many orders do not come back in one wave. */
const jittered = (ms: number): number => Math.round(ms * (0.8 + Math.random() * 0.4));
