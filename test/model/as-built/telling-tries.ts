/** The steps of a process that tells, in the order in which lib takes them. See `telling.ts`. */
import type { Go } from '../explorer';
import type { SalesforceOrder, Wire } from './order-in-salesforce';
import { names, resting } from './telling-state';
import type { Name, Open, Process, Purpose, Report, State, TellingOptions } from './telling-state';

/** A third PATCH under way shows nothing new. */
const mostWires = 2;

/** A run holds the order's lease. */
const holds = ({ run: { pc } }: State): boolean => pc === 'held' || pc === 'read again';

/** What brings a process to the Order: a result, a person's word, a note. */
export function begin(state: State, options: TellingOptions, name: Name, go: Go<State>): void {
  const { record, processes, order } = state;
  if (processes[name].pc !== 'idle') return;
  const start = (label: string, purpose: Purpose): void =>
    go(`${name} ${label}`, (next) => {
      const mine = next.processes[name];
      Object.assign(mine, { pc: 'read', purpose, report: purpose === 'result' ? record.report : null });
      // leftBehind
      mine.left =
        record.patch && !mine.settled && options.without !== 'the mark' ? { ...record.patch, marked: true } : null;
      if (purpose === 'Activating') next.retried = true;
      if (purpose === 'note') next.noted = true;
    });
  const { report } = record;
  if (report?.told === '') start('takes up the result', 'result');
  // The end that stands is told first.
  const waits = report?.told === '' && options.without !== 'the end that is told first';
  if (options.ours && !state.retried && !record.open && !holds(state) && !waits && record.attempt > 0)
    start('~is asked for Activating', 'Activating');
  if (options.notes && record.open && !state.noted && order.status === 'Activating') start('~has a note', 'note');
}

export function work(state: State, options: TellingOptions, name: Name, go: Go<State>): void {
  const { record } = state;
  const me = state.processes[name];
  const { report, second, purpose } = me;
  const step = (label: string, change: (next: State, mine: Process) => void): void =>
    go(`${name} ${label}`, (next) => change(next, next.processes[name]));
  const isStill = report !== null && record.report?.nr === report.nr && record.report.told === '';
  switch (me.pc) {
    case 'idle':
    case 'wait':
      return;
    case 'read':
      return read(state, options, name, go);
    case 'compare':
      return step('finds that WHMCS says otherwise by now', ({ record: now }, mine) => {
        rest(mine);
        if (!isStill || holds(state)) return;
        now.report = { ...report, nr: report.nr + 1, status: 'Failed' };
      });
    case 'mark':
      return step('puts its mark on record', (next, mine) => {
        // evenIfHeld
        const held = holds(state);
        if (held && (purpose === 'result' || purpose === 'id')) return rest(mine);
        if (report && !isStill) return rest(mine);
        if (purpose === 'note' && !record.open) return rest(mine);
        mine.pc = 'send';
        if (held) return;
        const status = statusOf(mine);
        next.record.patch = { status, seen: second, marked: true };
        for (const one of names) {
          const { left, unanswered: open } = next.processes[one];
          if (left) left.marked = false;
          if (open) open.marked = false;
          Object.assign(next.processes[one], { settled: false, bears: one === name });
        }
        if (purpose === 'result' && next.record.report && isStill)
          Object.assign(next.record.report, { unsettled: true, seen: second, asked: report.asked });
        if (purpose === 'id' && next.record.report && isStill && options.without !== 'the look beside the id')
          Object.assign(next.record.report, { tried: true, seen: second });
      });
    case 'send':
      if (state.wires.length === mostWires) return;
      return step('sends its PATCH', (next, mine) => {
        mine.pc = 'wait';
        const byRule = options.org === 'rule' && purpose === 'result';
        next.wires.push({
          by: name,
          status: statusOf(mine),
          since: byRule && options.without === 'the date beside the rule' ? -1 : second,
          asked: report?.asked ?? 0,
          attempt: report?.attempt ?? 0,
          named: report?.named ?? false,
        });
      });
    case 'refused':
      return step('reads the Order after the refusal', (_, mine) => {
        const standing = report && standingOf(state, options, me, state.order);
        mine.pc = 'save';
        mine.end = 'not';
        if (standing?.is !== 'overtaken') return;
        if (standing.lacksId) rest(mine);
        else mine.end = 'dropped';
      });
    case 'save':
      return step('puts on record how it went', (next, mine) => {
        const { end } = mine;
        rest(mine);
        if (holds(state)) return;
        if (mine.settled) next.record.patch = null;
        mine.settled = false;
        const { report: now } = next.record;
        if (!isStill || now === null) return;
        if (end === 'written' || end === 'dropped') now.told = end;
        else Object.assign(now, { tried: true, seen: second, unsettled: end === 'unsettled' });
      });
  }
}

/** `read` of OrderPatches, the judgement, and what is still open. */
function read(state: State, options: TellingOptions, name: Name, go: Go<State>): void {
  const { order, record } = state;
  const me = state.processes[name];
  const standing = me.report ? standingOf(state, options, me, order) : { is: 'open', lacksId: false };
  const step = (label: string, change: (next: State, mine: Process) => void): void =>
    go(`${name} ${label}`, (next) => {
      const mine = next.processes[name];
      mine.second = order.second;
      change(next, mine);
    });
  const isOpen = {
    result: standing.is === 'open' || standing.lacksId,
    id: false,
    Activating: order.status !== 'Activating' && order.status !== 'Activated',
    // `isOpen` of order-notes.ts
    note: order.status === 'Activating' && record.open && (order.attempt < 0 || order.attempt === record.counted),
  }[me.purpose];
  if (!isOpen) {
    if (me.purpose !== 'result') return step('has nothing to write', (_, mine) => rest(mine));
    return step(`finds it ${standing.is}`, (_, mine) => {
      if (standing.is === 'shown') settle(mine, me.unanswered ?? me.left);
      Object.assign(mine, { pc: 'save', end: standing.is === 'shown' ? 'written' : 'dropped' });
    });
  }
  const byDate = options.org !== 'rule' || me.purpose !== 'result';
  // It is read again until that second is over.
  if (byDate && !order.over && options.without !== 'whole seconds') return;
  step('reads the Order, which is to be written', (_, mine) => {
    const open = me.unanswered ?? (me.left && { ...me.left, over: false });
    const isApplied = open !== null && (open.status === '' || open.status === order.status) && wroteLast(order, open);
    if (open && !isApplied && !open.over && options.without !== 'settling') {
      mine.unanswered = open;
      if (me.purpose === 'result') Object.assign(mine, { pc: 'save', end: me.report?.unsettled ? 'unsettled' : 'not' });
      else rest(mine);
      return;
    }
    settle(mine, open);
    mine.pc = 'mark';
    if (me.report === null || me.purpose !== 'result') return;
    if (standing.lacksId) mine.purpose = 'id';
    else if (state.dead && me.report.status === 'Activated' && options.without !== 'the comparison')
      mine.pc = 'compare';
    // lastSeen: whatever was changed before the first look is no new attempt.
    else if (mine.report && isFirst(me.report) && order.attempt < 0) mine.report.asked = order.asked;
  });
}

const wroteLast = (order: SalesforceOrder, { seen }: Open): boolean => order.by === 'us' && order.second > seen;
const isFirst = ({ tried, unsettled }: Report): boolean => !tried && !unsettled;

function standingOf(
  { record }: State,
  { org, without }: TellingOptions,
  { report, unanswered: open, left }: Process,
  order: SalesforceOrder,
): { is: 'open' | 'shown' | 'overtaken'; lacksId: boolean } {
  const overtaken = (lacksId = false) => ({ is: 'overtaken' as const, lacksId });
  const is = (what: 'open' | 'shown') => ({ is: what, lacksId: false });
  if (report === null || without === 'the judgement') return is('open');
  const isOurs = order.by === 'us';
  if (order.attempt >= 0 && order.attempt !== report.attempt && without !== 'the attempt') return overtaken();
  if (order.status === report.status && (!report.named || order.named))
    return report.unsettled || isOurs ? is('shown') : overtaken();
  const late = open ?? left;
  const isOwn = late !== null && late.status === order.status && wroteLast(order, late);
  if (order.status !== 'Activating' && !isOwn) return overtaken(report.named && !order.named);
  const lastSeen = isFirst(report) ? order.second : report.seen;
  if (org !== 'rule' && !isOurs && order.second > lastSeen && without !== 'the last change seen') return overtaken();
  return record.report === null ? overtaken() : is('open');
}

function statusOf({ purpose, report }: Process): Wire['status'] {
  if (purpose === 'Activating') return 'Activating';
  return purpose === 'result' && report ? report.status : '';
}

function settle(mine: Process, open: Open | null): void {
  mine.unanswered = null;
  if (open?.marked) mine.settled = true;
}

export function answered(next: State, name: Name, end: 'written' | 'changed' | 'refused'): void {
  const mine = next.processes[name];
  mine.settled = mine.bears;
  if (mine.purpose === 'result' && end === 'refused') mine.pc = 'refused';
  else {
    const ends = { result: 'written', id: 'dropped', Activating: 'not', note: 'not' } as const;
    Object.assign(mine, { pc: 'save', end: end === 'written' ? ends[mine.purpose] : unwritten(mine) });
  }
}

/** `writeId` leaves it as it is whether the result may have been applied. */
const unwritten = ({ purpose, report }: Process): 'not' | 'unsettled' =>
  purpose === 'id' && report?.unsettled ? 'unsettled' : 'not';

/** The end of a PATCH is not known. */
export function unanswered(next: State, name: Name): void {
  const mine = next.processes[name];
  mine.unanswered = { status: statusOf(mine), seen: mine.second, marked: mine.bears, over: false };
  Object.assign(mine, { pc: 'save', end: mine.purpose === 'result' ? 'unsettled' : unwritten(mine) });
}

function rest(mine: Process): void {
  Object.assign(mine, { pc: 'idle', purpose: 'result', report: null, left: null, second: -1, end: '', bears: false });
}

export function faults(state: State, { two }: TellingOptions, name: Name, go: Go<State>): void {
  const { pc, unanswered: open, settled } = state.processes[name];
  const orphan = (next: State): void => {
    for (const wire of next.wires) if (wire.by === name) wire.by = '';
  };
  if (pc === 'wait')
    go(`~${name} gets no answer`, (next) => {
      unanswered(next, name);
      orphan(next);
    });
  if (two) return;
  if (pc === 'send')
    go(`~Salesforce takes nothing of ${name} just now`, (next) => {
      const mine = next.processes[name];
      mine.settled = mine.bears;
      Object.assign(mine, { pc: 'save', end: unwritten(mine) });
    });
  if (pc !== 'idle' || open !== null || settled)
    go(`~kill -9 of ${name}`, (next) => {
      orphan(next);
      next.processes[name] = resting();
    });
}
