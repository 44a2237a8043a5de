/**
 * A store that loses records while a first AddOrder or AcceptOrder is under way, as lib acts then: all of them are gone, or
 * an older copy is put in their place. The process that made the call is dead, or goes on and finds other records.
 *
 * - The loss is noticed, and is a doubt: `look` in lib/state/redis/identity.ts, `doubtOf` in state/sqlite/store-identity.ts.
 * - Adding: `settleFirst` and `intentOfDoubt` in add-order.ts with `isDoubtful` in add-record.ts, `takeMarked` and `send` in
 *   add-now.ts; `lookAtAdd` in settle-add.ts; `adoptRow` in add-settling.ts; how the quarantine of a doubt is counted in
 *   quarantine.ts; `readBack` in adopted-order.ts.
 * - Accepting: `countAsSent` in accept-order.ts, `lookAtAccept` in settle-accept.ts.
 * - What the process of before may still write: facts always, the record only until another has taken the order's lease:
 *   `write` in state/redis/ledger.ts.
 *
 * The Order was created before the loss. WHMCS acts within the quarantine. Left out: the id that Salesforce may name, and
 * dates of rows, which explain only what is older than the Order.
 */
import type { Go, Model } from '../explorer';
import { adding } from './lost-records-adding';
import { newBook, sentBySomebody, type Book, type LossOptions, type State } from './lost-records-state';

export const lostRecords: Model<State, LossOptions> = {
  stopAtBad: true,
  init: () => ({
    book: newBook(),
    facts: [],
    pc: 'idle',
    watermark: 0,
    old: null,
    taken: false,
    copy: null,
    lost: false,
    rows: [],
    adds: [],
    accepts: [],
    ran: 0,
    salesforce: 'Activating',
    retried: false,
    missed: false,
  }),
  next(state, options, go) {
    whmcs(state, go);
    loss(state, options, go);
    old(state, go);
    adding(state, options, go);
    accepting(state, options, go);
    if (!state.retried && !state.book.open && state.salesforce !== 'Activated' && state.pc === 'idle')
      go('~a person presses Retry', (next) => {
        Object.assign(next, { retried: true, salesforce: 'Activating' });
        next.book.open = true;
      });
  },
  bad({ rows, ran, salesforce, missed }) {
    if (missed) return 'AN ORDER THAT BEARS THE MARK IS NOT FOUND';
    if (ran > 1) return 'MODULES RUN TWICE';
    if (rows.length > 1) return 'TWO WHMCS ORDERS';
    return salesforce === 'Activated' && rows[0]?.status !== 'Active' ? 'ACTIVATED WITHOUT AN ACTIVE ORDER' : null;
  },
  goal: ({ salesforce }) => salesforce !== 'Activating',
};

function whmcs(state: State, go: Go<State>): void {
  const waits = (id: number): 'new' | 'old' | '' => {
    if (state.old?.pc === 'adds' && state.old.book.adds.at(-1)?.id === id && state.lost) return 'old';
    return state.pc === 'adds' && state.book.adds.at(-1)?.id === id ? 'new' : '';
  };
  for (const id of state.adds) {
    const by = waits(id);
    const over = (next: State): void => {
      next.adds.splice(state.adds.indexOf(id), 1);
      if (by === 'new') next.pc = 'answered';
      if (by === 'old' && next.old) next.old.pc = 'answered';
    };
    go(`WHMCS carries out a${id}`, (next) => {
      over(next);
      next.rows.push({ mark: id, status: 'Pending' });
      // A fact is never refused.
      if (by) next.facts.push({ id, row: next.rows.length });
    });
    go(`~so, and nobody hears of it`, (next) => {
      over(next);
      next.rows.push({ mark: id, status: 'Pending' });
    });
    go(`~a${id} dies in WHMCS`, over);
  }
  state.accepts.forEach(({ running }, at) => {
    const row = state.rows[0];
    const over = (next: State): void => {
      next.accepts.splice(at, 1);
      if (next.accepts.length > 0) return;
      if (next.pc === 'accepts') ended(next);
      else if (next.old?.pc === 'accepts') next.old = null;
    };
    if (!running && row?.status === 'Active') go('WHMCS refuses AcceptOrder', over);
    else if (!running)
      go('the module makes the account', (next) => {
        Object.assign(next.accepts[at] ?? {}, { running: true });
        next.ran += 1;
      });
    else {
      go('AcceptOrder ends: Active', (next) => {
        over(next);
        for (const one of next.rows) one.status = 'Active';
      });
      go('~AcceptOrder ends in an error: Pending', over);
    }
  });
}

function ended(next: State): void {
  next.pc = 'accept';
  for (const one of next.book.accepts) if (!one.settled) one.ended = true;
}

function loss(state: State, { loss: how, lives }: LossOptions, go: Go<State>): void {
  if (state.lost) return;
  if (how !== 'all' && !state.copy && (how === 'copy' || state.book.adopted > 0))
    go('~a copy of the store is made', (next) => {
      next.copy = { book: next.book, facts: next.facts };
    });
  if (how !== 'all' && !state.copy) return;
  if (state.book.adds.length === 0) return;
  const isCalling = ['intent', 'adds', 'answered', 'accept intent', 'accepts'].includes(state.pc);
  for (const goesOn of lives && isCalling ? [true, false] : [false])
    go(`~the records are lost${goesOn ? ', the process goes on' : ''}`, (next) => {
      next.old = goesOn ? { pc: next.pc as 'intent', book: next.book } : null;
      next.book = next.copy?.book ?? newBook();
      next.facts = next.copy?.facts ?? [];
      next.copy = null;
      next.lost = true;
      next.pc = 'idle';
    });
}

/** The process of before: it makes its call to the end, and writes what it knows unless another has taken the order. */
function old(state: State, go: Go<State>): void {
  const mine = state.old;
  if (mine === null) return;
  const comesBack = (label: string, change: (next: State, book: Book) => void): void =>
    go(label, (next) => {
      next.old = null;
      if (state.taken) return;
      next.book = mine.book;
      change(next, next.book);
    });
  switch (mine.pc) {
    case 'intent':
      go('the process of before sends nothing', (next) => void (next.old = null));
      return go('the process of before sends AddOrder', (next) => {
        if (next.old) next.old.pc = 'adds';
        next.adds.push(mine.book.adds.at(-1)?.id ?? 0);
      });
    case 'answered':
      return comesBack('the process of before puts on record how it ended', (_, book) => {
        const add = book.adds.at(-1);
        if (add) add.ended = true;
      });
    case 'accept intent':
      go('the process of before sends nothing', (next) => void (next.old = null));
      return go('the process of before sends AcceptOrder', (next) => {
        if (next.old) next.old.pc = 'accepts';
        next.accepts.push({ running: false });
      });
    case 'adds':
    case 'accepts':
  }
}

function accepting(state: State, { without }: LossOptions, go: Go<State>): void {
  const { book, lost, pc } = state;
  if (book.adopted === 0) return;
  const status = state.rows[book.adopted - 1]?.status;
  const at = book.accepts.findIndex(({ settled }) => settled === '');
  const open = book.accepts[at];
  const step = (label: string, change: (next: State, mine: Book) => void): void =>
    go(label, (next) => {
      next.taken ||= next.lost;
      change(next, next.book);
    });
  const look = (next: State, mine: Book, isStep: boolean): void => {
    const now = mine.accepts[at];
    next.pc = 'idle';
    const ends = (settled: 'done' | 'unknown', salesforce: State['salesforce']): void => {
      if (now) now.settled = settled;
      if (mine.open) next.salesforce = salesforce;
      mine.open = false;
    };
    if (status === 'Active') return ends('done', 'Activated');
    if (now && !now.past && !(now.ended && !now.unknown)) return;
    if (mine.accepts.length > 0) return ends('unknown', 'UNKNOWN');
    if (isStep) next.pc = 'accept intent';
  };
  if (pc === 'accept') {
    // countAsSent: a store in doubt may lack the accept of what it had adopted, or asked for, before.
    if (lost && !book.adoptedYoung && book.accepts.length === 0 && without !== 'an accept of before the loss')
      return step('counts AcceptOrder as sent', (_, mine) => void mine.accepts.push(sentBySomebody(true)));
    return step('reads its order', (next, mine) => look(next, mine, true));
  }
  if (pc === 'accept intent')
    return step('writes the intent, and sends AcceptOrder', (next, mine) => {
      mine.accepts.push({ unknown: false, settled: '', ended: false, past: false, young: lost });
      next.accepts.push({ running: false });
      next.pc = 'accepts';
    });
  if (pc !== 'idle' || !open) return;
  step('settles its accept', (next, mine) => look(next, mine, false));
  const goesOn = state.old !== null && ['accept intent', 'accepts'].includes(state.old.pc);
  if (!open.past && state.accepts.length === 0 && !goesOn)
    go(
      'the quarantine of the accept is over',
      (next) => void Object.assign(next.book.accepts[at] ?? {}, { past: true }),
    );
}
