/**
 * Telling Salesforce a result as lib does it, step by step: two processes on one store, a PATCH that is applied late or not
 * at all, people who press Retry, set a status by hand, or change another field.
 *
 * - One try: `tellResult`, `tell`, `writeId` and `afterwards` in lib/provisioning/tell-result.ts; how it is put on record:
 *   `done` and `notYet` in writer.ts. What stands: `standingOf` in result-standing.ts. A PATCH, its mark, and how one that
 *   was not answered is settled: order-patches.ts. A result that has grown old: `compare` in old-result.ts.
 * - *Activating* on a person's word, or a flow's: `endAttempt` in control.ts, `setActivating` in writer.ts, then `write` in
 *   patch-now.ts. Notes: `writeNote` in order-notes.ts.
 * - The runs between: `open` in get-order.ts, `close` in endings.ts. Salesforce: the validation rule Result_of_older_attempt
 *   and the Flow that counts, in salesforce/.
 *
 * Left out: how long is waited between two tries, a first look that comes more than a minute late, the ids of the items, an
 * Order that is hidden or deleted, one that is changed second by second, permissions that change meanwhile, and an org that
 * honours no If-Unmodified-Since.
 */
import type { Go, Model } from '../explorer';
import { activate, apply, modify, newOrder, type Wire } from './order-in-salesforce';
import { atRest, names, resting, type State, type TellingOptions } from './telling-state';
import { answered, begin, faults, unanswered, work } from './telling-tries';

/** A run beyond these shows nothing new. */
const mostRuns = 2;

export const telling: Model<State, TellingOptions> = {
  stopAtBad: true,
  init: ({ org, two }) => ({
    // Two processes have enough to walk without.
    order: { ...newOrder(org), over: two === true },
    wires: [],
    processes: { A: resting(), B: resting() },
    record: { attempt: 0, counted: 0, open: false, report: null, patch: null },
    run: atRest(),
    live: false,
    dead: false,
    retried: false,
    edited: false,
    noted: false,
    turn: 'A',
    turns: 0,
    broken: '',
  }),
  next(state, options, goOn) {
    const go: Go<State> = (label, change) =>
      goOn(label, (next) => {
        const possible = change(next);
        forget(next);
        return possible;
      });
    salesforce(state, options, go);
    people(state, options, go);
    run(state, options, go);
    begin(state, options, state.turn, go);
    work(state, options, state.turn, go);
    faults(state, options, state.turn, go);
    if (options.two && state.turns < 2)
      go('~the other process goes on', (next) => {
        next.turns += 1;
        next.turn = state.turn === 'A' ? 'B' : 'A';
      });
  },
  bad: ({ broken }) => broken || null,
  end({ record: { report }, order, live }) {
    if (report === null || order.byHand || order.asked !== report.asked) return null;
    if (report.told === 'written' && order.status !== report.status)
      return 'A RESULT THAT COUNTS AS TOLD DOES NOT STAND';
    return live && report.status === 'Activated' && order.status === 'Failed' ? 'FAILED AT REST THOUGH LIVE' : null;
  },
  goal: ({ order, record: { report, attempt } }) =>
    report?.told !== '' && (order.status !== 'Activating' || attempt >= mostRuns),
};

/** What can matter no more is dropped; whole seconds, which are only compared, are counted anew. */
function forget(next: State): void {
  const { record, order, wires, processes } = next;
  if (record.report?.told) Object.assign(record.report, { seen: -1, tried: false, unsettled: false });
  for (const name of names) {
    const mine = processes[name];
    if (mine.pc !== 'read') mine.left = null;
    if (mine.report && !['read', 'refused', 'compare'].includes(mine.pc)) mine.report.seen = -1;
    if (record.patch === null) mine.settled = false;
  }
  const places = [
    ...[order, ...names.map((name) => processes[name])].map((one) => [one, 'second'] as const),
    ...wires.map((one) => [one, 'since'] as const),
    ...[record.report, record.patch].map((one) => [one, 'seen'] as const),
    ...names.flatMap((name) => {
      const { report, left, unanswered } = processes[name];
      return [report, left, unanswered].map((one) => [one, 'seen'] as const);
    }),
  ].flatMap(([one, key]) => (one === null ? [] : [{ one: one as unknown as Record<string, number>, key }]));
  const seconds = [...new Set(places.map(({ one, key }) => one[key] ?? 0))]
    .filter((at) => at >= 0)
    .sort((a, b) => a - b);
  for (const { one, key } of places) if ((one[key] ?? -1) >= 0) one[key] = seconds.indexOf(one[key] ?? 0);
}

function salesforce(state: State, options: TellingOptions, go: Go<State>): void {
  const { org, two, late, without } = options;
  const fence = without === 'the date' || without === 'the rule' ? without : '';
  state.wires.forEach((wire, at) => {
    const reach = (sameSecond: boolean) => (next: State) => {
      next.wires.splice(at, 1);
      const end = apply(next.order, wire, { org, without: fence, sameSecond });
      if (end === 'written') next.broken ||= wronged(state, options, wire);
      if (wire.by) answered(next, wire.by, end);
    };
    go(`the PATCH of ${wire.status || 'no status'} reaches Salesforce`, reach(false));
    if (!state.order.over) go('~so, within the same second', reach(true));
    if (two) return;
    go('~it dies on its way', (next) => {
      next.wires.splice(at, 1);
      if (wire.by) unanswered(next, wire.by);
    });
  });
  if (!state.order.over) go('two seconds pass', ({ order }) => void (order.over = true));
  for (const name of names) {
    const open = state.processes[name].unanswered;
    // exchangeTimeoutMs: whatever was sent is applied by then, or never.
    if (open && !open.over && (late || state.wires.length === 0))
      go(`half a minute passes for ${name}`, ({ processes }) => {
        const one = processes[name].unanswered;
        if (one) one.over = true;
      });
  }
}

function wronged(
  { order, dead }: State,
  { two, attempts }: TellingOptions,
  { by, status, asked, named }: Wire,
): string {
  if (status === 'Activating') return order.status === 'Activated' ? 'ACTIVATED IS RUN AGAIN' : '';
  if (status === '') return !named && order.status !== 'Activating' ? 'A NOTE GOES OVER AN END' : '';
  if (order.byHand && !attempts) return 'A STATUS THAT A PERSON HAS SET IS OVERWRITTEN';
  // Whoever waits for the answer has sent it after that.
  if (status === 'Activated' && dead && by && !two) return 'ACTIVATED IS TOLD OF A DEAD ORDER';
  return order.asked > asked ? 'AN OLDER RESULT GOES OVER A NEWER ATTEMPT' : '';
}

function people(state: State, options: TellingOptions, go: Go<State>): void {
  const { order, record, live } = state;
  const both = (label: string, change: (next: State) => void): void => {
    const person = (sameSecond: boolean) => (next: State) => {
      modify(next.order, 'person', sameSecond);
      change(next);
    };
    go(`~${label}`, person(false));
    if (!order.over && !options.apart) go(`~${label}, within the same second`, person(true));
  };
  if (!state.retried && order.status !== 'Activating' && !(live && order.status === 'Activated'))
    both('a person presses Retry', (next) => {
      next.retried = true;
      activate(next.order);
    });
  if (!state.edited && options.people === 'set')
    both('a person sets another status', (next) => {
      next.edited = true;
      Object.assign(next.order, { status: 'Other', byHand: true });
    });
  if (!state.edited && options.people === 'touch')
    both('a person changes another field', (next) => void (next.edited = true));
  // Ten minutes outlast a try, unless its process is paused.
  const isQuiet = state.processes.A.pc === 'idle';
  if (options.dies && !state.dead && live && record.report?.told === '' && (isQuiet || options.two))
    go('~ten minutes pass, and the WHMCS order is cancelled', (next) => void (next.dead = true));
}

/** `getOrder`: its first read; `open`: what it finds on record, and the second read; then how the attempt ends. */
function run(state: State, { without }: TellingOptions, go: Go<State>): void {
  const { record, order, live, run: at } = state;
  const { report } = record;
  const isAnother = ({ attempt }: { attempt: number }): boolean => attempt >= 0 && attempt !== record.counted;
  const leaves = (label: string): void => go(label, (next) => void (next.run = atRest()));
  const opens = (label: string): void =>
    go(label, (next) => {
      const goesOn = record.open && !isAnother(at);
      next.run = atRest();
      Object.assign(next.record, { open: true, counted: at.attempt });
      if (!goesOn) next.record.attempt = Math.max(record.attempt + 1, at.attempt);
    });
  const reads = (label: string, pc: 'read' | 'read again'): void =>
    go(label, (next) => {
      const { attempt, status } = next.order;
      next.run = status === 'Activating' ? { pc, attempt } : atRest();
    });
  if (at.pc !== 'idle') leaves('~the run is cut short');
  switch (at.pc) {
    case 'idle':
      if (order.status === 'Activating' && (!record.open || isAnother(order)) && record.attempt < mostRuns)
        reads('a run reads the Order', 'read');
      if (!record.open) return;
      for (const status of ['Failed', 'Activated'] as const)
        if (status === 'Activated' || !live)
          go(`the attempt ends as ${status}`, (next) => {
            // Where the org does not tell them apart it answers whatever was asked for while it was in work.
            const isCounted = record.counted >= 0;
            next.record.report = {
              nr: (report?.nr ?? 0) + 1,
              status,
              named: status === 'Activated',
              attempt: isCounted ? record.counted : record.attempt,
              asked: isCounted ? record.counted : order.asked,
              seen: -1,
              tried: false,
              unsettled: false,
              told: '',
            };
            next.record.open = false;
            next.live ||= status === 'Activated';
          });
      return;
    case 'read': {
      const hasEnded = !record.open && record.attempt > 0 && !isAnother(at);
      if (!hasEnded) return opens('it opens the attempt');
      if (report?.told === '' && without !== 'the wait for a result to be told')
        return leaves('it finds a result that is still to be told');
      if (without === 'the second read') return opens('it opens a new attempt');
      return go('it holds the order', (next) => void (next.run = { ...atRest(), pc: 'held' }));
    }
    case 'held':
      return reads('it reads the Order again', 'read again');
    case 'read again':
      return opens('it opens a new attempt');
  }
}
