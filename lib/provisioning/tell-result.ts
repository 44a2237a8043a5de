/**
 * One try to tell Salesforce the result of an order: read what stands, judge it, write over just that. What stands decides;
 * a newer attempt and a person's edit are never overwritten (exactly-one R7).
 */
import { SalesforceError, type SalesforceOrder, type WriteEnd } from '../salesforce/contract';
import type { OldResults } from './old-result';
import type { OrderPatches, PatchEnd, Target } from './order-patches';
import { anyAttempt, isStill, readRecord, withoutTodo, type OrderRecord, type Report } from './order-record';
import type { Provisioning } from './provisioning';
import { changeOf, standingOf, type Standing } from './result-standing';
import type { Trouble } from './telling-alarms';

/** An Order that Salesforce does not show may just be hidden from our user for a while; after so long it is gone. */
const goneMs = 86_400_000;
/**
 * One that is known to be deleted is gone sooner, if two tries in a row say so, the later this long after the result. One
 * that is restored after that is Activating still: the sweep takes it up as a new attempt.
 */
const deletedMs = 300_000;
const deletedCode = 'ENTITY_IS_DELETED';

/** It needs no further try: written, or dropped because something newer stands. `trouble`: its service ids were refused. */
export interface Done {
  kind: 'done';
  report: Report;
  how: 'written' | 'dropped';
  why: string;
  trouble: Trouble | null;
}

export interface NotYet {
  kind: 'not';
  report: Report;
  trouble: Trouble;
  /** LastModifiedDate that this try read. */
  seenModifiedAt: number | null;
  /** It may have been applied, or was. */
  unsettled: boolean;
  /** The Order shows it; its service ids are still to come. */
  statusStands: boolean;
  /** What may still be under way is over after so many ms. */
  leastMs: number;
}

/** nothing: no result waits. busy: the order is held. changed: another result waits now. */
export type Told = { kind: 'nothing' | 'busy' | 'changed' } | Done | NotYet;

export interface TellParts {
  provisioning: Pick<Provisioning, 'clock' | 'store' | 'hold'>;
  patches: OrderPatches;
  oldResults: OldResults;
  target: Target;
  signal: AbortSignal;
}

export async function tellResult(parts: TellParts, orderId: string): Promise<Told> {
  const record = readRecord((await parts.provisioning.store.ledger.read(orderId)).state);
  const { report } = record;
  if (report === null || report.told !== null) return nothing(parts, orderId, record);
  const not = notYet(report);
  try {
    return await tell(parts, orderId, record, report);
  } catch (error) {
    // Only reads throw it.
    if (error instanceof SalesforceError) return not(readTrouble(error));
    throw error;
  }
}

async function nothing({ provisioning }: TellParts, orderId: string, record: OrderRecord): Promise<Told> {
  if (!record.todo.includes('report')) return { kind: 'nothing' };
  const held = await provisioning.hold(orderId, (order) =>
    order.save((now) =>
      now.report === null || now.report.told !== null ? { ...now, todo: withoutTodo(now.todo, 'report') } : now,
    ),
  );
  return { kind: held === null ? 'busy' : 'nothing' };
}

async function tell(parts: TellParts, orderId: string, record: OrderRecord, report: Report): Promise<Told> {
  const { patches, oldResults, target } = parts;
  const { order, settled } = await patches.read(
    target,
    orderId,
    (read) => isToWrite(judge(parts, record, report, read)),
    (read) => isByDate(read, report),
  );
  const standing = judge(parts, record, report, order);
  if (order === null || standing === null) return hidden(parts, orderId, report);
  if (standing.is === 'overtaken' && !standing.lacksId) return done(report, 'dropped', standing.why);
  if (standing.is === 'shown') {
    patches.shown(record, orderId);
    return withItems(parts, report, order, report.unsettled ? 'Salesforce shows it already' : '');
  }
  const not = notYet(report, order);
  if (!settled) return not(quiet('BUSY', 'The Order is changed again and again'));
  const openMs = patches.openMs(record, order, target.connection.userId);
  if (openMs > 0) {
    const trouble = quiet('UNSETTLED', 'The last write was not answered, and may still be applied');
    return { ...not(trouble), leastMs: openMs };
  }
  if (standing.is === 'overtaken') return writeId(parts, report, order, standing.why);
  const old = await oldResults.compare(orderId, record, report);
  if (old.is === 'unread') {
    // A connection that is not set up is waited for a few times only.
    const kind = old.code === 'SETTING_MISSING' ? 'quiet' : 'away';
    const trouble: Trouble = { kind, code: `WHMCS ${old.code}`, problem: old.problem, fields: [] };
    return { ...not(trouble), unsettled: false };
  }
  if (old.is !== 'sound') return { kind: old.is };
  const end = await patches.send(target, {
    order,
    change: changeOf(order, report, false),
    // Beside the rule too, which knows attempts only: a person may set the status between our read and this.
    ifUnmodified: true,
    onRecord: (now) =>
      isStill(now, report)
        ? { ...now, report: { ...report, unsettled: true, seenModifiedAt: order.lastModifiedAt } }
        : null,
  });
  return afterwards(parts, record, { ...report, unsettled: false }, order, end);
}

/** A person's status stands; which WHMCS order the Order has is told beside it, and nothing else. */
async function writeId(parts: TellParts, report: Report, order: SalesforceOrder, why: string): Promise<Told> {
  const end = await parts.patches.send(parts.target, {
    order,
    change: changeOf(order, report, true),
    ifUnmodified: true,
    // Looked at, in another process too: a status that changes after this may be a new attempt's.
    onRecord: (now) =>
      isStill(now, report)
        ? { ...now, report: { ...report, tries: report.tries + 1, seenModifiedAt: order.lastModifiedAt } }
        : null,
  });
  if (end.kind === 'written')
    return done(report, 'dropped', `${why}; only the id of WHMCS order ${report.whmcsOrderId} was`);
  return unwritten(report, order, end);
}

async function afterwards(
  parts: TellParts,
  record: OrderRecord,
  report: Report,
  order: SalesforceOrder,
  end: PatchEnd,
): Promise<Told> {
  switch (end.kind) {
    case 'written':
      return withItems(parts, report, order, '');
    case 'refused': {
      const { connection, fields: names } = parts.target;
      // A rule that refuses an older attempt is no fault: what stands by now says so.
      const standing = judge(parts, record, report, await connection.readOrder(order.id, names, parts.signal));
      if (standing?.is !== 'overtaken') return unwritten(report, order, end);
      return standing.lacksId ? { kind: 'changed' } : done(report, 'dropped', standing.why);
    }
    case 'unknown':
      return { ...notYet(report, order)(awayTrouble(end)), unsettled: true };
    default:
      return unwritten(report, order, end);
  }
}

function unwritten(report: Report, order: SalesforceOrder, end: Exclude<PatchEnd, { kind: 'written' }>): Told {
  const not = notYet(report, order);
  switch (end.kind) {
    case 'busy':
      return { kind: 'busy' };
    case 'overtaken':
      return { kind: 'changed' };
    case 'changed':
      return not(quiet('412', 'The Order was changed just before'));
    case 'unknown':
    case 'later':
      return not(awayTrouble(end));
    case 'refused': {
      const { code, message, fields } = end;
      const named = fields.length > 0 ? ` (${fields.join(', ')})` : '';
      return not({ kind: 'refused', code, problem: message + named, fields });
    }
  }
}

/** What is newer shows by the Order's LastModifiedDate. */
const isByDate = (order: SalesforceOrder, report: Report): boolean =>
  order.fence === 'lastModified' || report.attempt === anyAttempt;

const isToWrite = (standing: Standing | null): boolean =>
  standing?.is === 'open' || (standing?.is === 'overtaken' && standing.lacksId);

function judge(
  { provisioning, target, patches }: TellParts,
  record: OrderRecord,
  report: Report,
  order: SalesforceOrder | null,
): Standing | null {
  if (order === null) return null;
  const { userId } = target.connection;
  return standingOf(order, report, userId, patches.isOwn(record, order, userId), provisioning.clock.now());
}

/** The Order shows the result; its service ids belong to it. */
async function withItems(
  { target, signal }: TellParts,
  report: Report,
  order: SalesforceOrder,
  why: string,
): Promise<Told> {
  const values = report.services.map(({ orderItemId, serviceId }) => ({
    itemId: orderItemId,
    serviceId: String(serviceId),
  }));
  const end: WriteEnd =
    values.length === 0 ? { kind: 'written' } : await target.connection.writeItems(values, target.fields, signal);
  if (end.kind === 'written') return done(report, 'written', why);
  const what = 'The service ids of the order items';
  if (end.kind === 'refused') {
    const { code, message, fields } = end;
    return {
      ...done(report, 'written', why),
      trouble: { kind: 'refused', code, problem: `${what}: ${message}`, fields },
    };
  }
  const trouble =
    end.kind === 'changed' ? quiet('412', what) : awayTrouble({ ...end, message: `${what}: ${end.message}` });
  return { ...notYet(report, order)(trouble), unsettled: true, statusStands: true };
}

async function hidden({ provisioning, target, signal }: TellParts, orderId: string, report: Report): Promise<Told> {
  const waited = provisioning.clock.now() - report.at;
  const refused = (code: string, problem: string): Told =>
    notYet(report)({ kind: 'refused', code, problem, fields: [] });
  if (await target.connection.isDeleted(orderId, signal)) {
    const problem = 'The Order was deleted in Salesforce';
    if (waited >= deletedMs && report.problem?.startsWith(deletedCode)) return done(report, 'dropped', problem);
    return refused(deletedCode, problem);
  }
  const problem = 'Salesforce shows no such Order to the integration user';
  if (waited > goneMs) return done(report, 'dropped', `${problem}, for a day`);
  return refused('ORDER_NOT_FOUND', problem);
}

const done = (report: Report, how: Done['how'], why: string): Done => ({
  kind: 'done',
  report,
  how,
  why,
  trouble: null,
});

const notYet =
  (report: Report, order?: SalesforceOrder) =>
  (trouble: Trouble): NotYet => ({
    kind: 'not',
    report,
    trouble,
    seenModifiedAt: order?.lastModifiedAt ?? report.seenModifiedAt,
    unsettled: report.unsettled,
    statusStands: false,
    leastMs: 0,
  });

const quiet = (code: string, problem: string): Trouble => ({ kind: 'quiet', code, problem, fields: [] });

const awayTrouble = ({ code, message }: { code: string; message: string }): Trouble => ({
  kind: 'away',
  code,
  problem: message,
  fields: [],
});

function readTrouble({ kind, code, message }: SalesforceError): Trouble {
  const problem = message;
  if (kind === 'query' || kind === 'permission') return { kind: 'refused', code, problem, fields: [] };
  // The login raises its own alarm.
  return { kind: kind === 'auth' ? 'quiet' : 'away', code, problem, fields: [] };
}
