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

export interface LossOptions {
  /** WHMCS keeps the mark. */
  kept: boolean;
  resend: 'once' | 'never';
  /** What is lost: all, or what came after a copy; a late copy has the WHMCS order already. */
  loss: 'all' | 'copy' | 'late copy';
  /** The process that makes a call outlives the loss. */
  lives?: boolean;
  /** What is judged is WHMCS's orders alone, not how often their modules ran. */
  orders?: boolean;
  /** One guard that is taken out. */
  without?: Guard;
}

export type Guard =
  | 'the doubt'
  | 'its quarantine'
  | 'the mark'
  | 'unexplained rows'
  | 'an accept of whoever made it'
  | 'an accept of before the loss';

interface Add {
  /** `a1`, `a2` … */
  id: number;
  unknown: boolean;
  /** Rows that there were before; -1: not known. */
  watermark: number;
  settled: '' | 'order' | 'none';
  stopped: boolean;
  /** Younger than the loss. */
  young: boolean;
  ended: boolean;
  past: boolean;
}
interface Accept {
  unknown: boolean;
  settled: '' | 'done' | 'unknown';
  ended: boolean;
  past: boolean;
  young: boolean;
}
interface Book {
  adds: Add[];
  adopted: number;
  adoptedYoung: boolean;
  verified: boolean;
  accepts: Accept[];
  open: boolean;
}
type Place = 'idle' | 'rows' | 'intent' | 'adds' | 'answered' | 'read back' | 'accept' | 'accept intent' | 'accepts';

interface State {
  book: Book;
  /** Intent → the row that WHMCS has named; kept beside the record, and lost with it. */
  facts: { id: number; row: number }[];
  pc: Place;
  /** The rows that were read before the intent. */
  watermark: number;
  /** The process of before the loss: what it does, and the record as it knows it. */
  old: { pc: 'intent' | 'adds' | 'answered' | 'accept intent' | 'accepts'; book: Book } | null;
  /** Since the loss another has taken the order's lease. */
  taken: boolean;
  copy: { book: Book; facts: State['facts'] } | null;
  lost: boolean;
  /** By intent: its mark. */
  rows: { mark: number; status: 'Pending' | 'Active' }[];
  /** AddOrders under way, by intent; AcceptOrders, and whether the module runs. */
  adds: number[];
  accepts: { running: boolean }[];
  ran: number;
  salesforce: 'Activating' | 'Activated' | 'UNKNOWN' | 'TWIN';
  retried: boolean;
  /** A person was asked although the mark tells. */
  missed: boolean;
}

const newBook = (): Book => ({
  adds: [],
  adopted: 0,
  adoptedYoung: false,
  verified: false,
  accepts: [],
  open: true,
});

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
  bad({ rows, ran, salesforce, missed }, { orders }) {
    if (missed) return 'AN ORDER THAT BEARS THE MARK IS NOT FOUND';
    if (ran > 1 && !orders) return 'MODULES RUN TWICE';
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

function adding(state: State, options: LossOptions, go: Go<State>): void {
  const { book, rows, lost } = state;
  // getOrder goes on with what is Activating alone.
  const runs = book.open && state.salesforce === 'Activating';
  const { kept, without } = options;
  const step = (label: string, change: (next: State, mine: Book) => void): void =>
    go(label, (next) => {
      next.taken ||= next.lost;
      change(next, next.book);
    });
  const at = book.adds.findIndex(({ settled }) => settled === '');
  const intent = book.adds[at];
  const marked = kept && without !== 'the mark' ? rows.map((_, row) => row + 1) : [];
  const seen = state.facts.filter(({ id }) => book.adds.some((one) => one.id === id)).map(({ row }) => row);
  const fails = (next: State, salesforce: State['salesforce']): void => {
    next.pc = 'idle';
    next.book.open = false;
    next.salesforce = salesforce;
  };
  /** Facts, then marks; false: nothing is found. */
  const finds = (next: State, mine: Book, add: Add): boolean => {
    const ours = [...new Set(seen.length > 0 ? seen : marked)];
    const [first] = ours;
    if (first === undefined) return false;
    if (ours.length > 1) {
      add.stopped = true;
      fails(next, 'TWIN');
      return true;
    }
    // isMadeElsewhere: the ledger lacks the call, or lacked it when the intent was written.
    const elsewhere = add.unknown || !book.adds.some(({ id }) => id === rows[first - 1]?.mark);
    Object.assign(add, { settled: 'order', stopped: false });
    Object.assign(mine, { adopted: first, adoptedYoung: next.lost, verified: false });
    if (elsewhere && without !== 'an accept of whoever made it') mine.accepts.push(sentBySomebody(next.lost));
    next.pc = mine.open ? 'read back' : 'idle';
    return true;
  };
  switch (state.pc) {
    case 'idle': {
      // It has ended on record, and Salesforce shows Activating all the same: a new attempt, by the sweep at the latest.
      if (!book.open && state.salesforce === 'Activating' && state.lost)
        step('a new attempt is opened', (_, mine) => void (mine.open = true));
      if (book.adopted > 0) {
        if (runs) step('takes what is on record', (next) => void (next.pc = 'read back'));
        return;
      }
      const isDoubtful = lost && !book.adds.some(({ young }) => young) && without !== 'the doubt';
      if (!intent && runs && isDoubtful)
        step('acts as if a call of nobody known were unsettled', (_, mine) => {
          mine.adds.push({ ...intend(book, -1, true), unknown: true, ended: true });
        });
      else if (!intent && runs)
        step('reads the newest orders', (next, mine) => {
          if (marked.length === 0) {
            next.pc = 'rows';
            next.watermark = rows.length;
            return;
          }
          // takeMarked
          const add = { ...intend(book, 0, lost), unknown: !book.adds.some(({ id }) => id === rows[0]?.mark) };
          mine.adds.push(add);
          finds(next, mine, add);
        });
      if (!intent) return;
      // The sender of before is dead, or nobody known: only its own process could tell that it goes on.
      const goesOn = state.old !== null && ['intent', 'adds'].includes(state.old.pc);
      const mayEnd = (!goesOn && state.adds.length === 0) || without === 'its quarantine';
      if (!intent.past && mayEnd)
        go('the quarantine is over', (next) => void Object.assign(next.book.adds[at] ?? {}, { past: true }));
      if (intent.stopped && !runs) return;
      return step('looks what became of it', (next, mine) => {
        const add = mine.adds[at];
        if (!add || finds(next, mine, add)) return;
        if (!add.past) return;
        const above = Math.min(...mine.adds.map(({ watermark }) => watermark));
        const unexplained = rows.length > Math.max(above, 0) && without !== 'unexplained rows';
        const again =
          options.resend === 'once' && (state.retried || !mine.adds.some(({ settled }) => settled === 'none'));
        if (!unexplained && again) return void (add.settled = 'none');
        add.stopped = true;
        next.missed = kept && rows.length > 0;
        if (mine.open) fails(next, 'UNKNOWN');
      });
    }
    case 'rows':
      // Calls beyond these show nothing new.
      if (book.adds.length > 2) return step('does not go on', (next) => fails(next, 'UNKNOWN'));
      return step('writes its intent', (next, mine) => {
        mine.adds.push(intend(book, next.watermark, lost));
        next.pc = 'intent';
      });
    case 'intent':
      return step('sends AddOrder', (next, mine) => {
        next.adds.push(mine.adds.at(-1)?.id ?? 0);
        next.pc = 'adds';
      });
    case 'answered':
      return step('looks at once', (next, mine) => {
        next.pc = 'idle';
        const add = mine.adds.at(-1);
        if (!add) return;
        add.ended = true;
        finds(next, mine, add);
      });
    case 'read back':
      return step('reads its order back', (next, mine) => {
        if (kept && rows.length > 1 && !mine.verified) return fails(next, 'TWIN');
        mine.verified = true;
        next.pc = 'accept';
      });
    case 'adds':
    case 'accept':
    case 'accept intent':
    case 'accepts':
  }
}

/** nextIntentId: after a loss the ids begin anew. */
const intend = ({ adds }: Book, watermark: number, young: boolean): Add => ({
  id: Math.max(0, ...adds.map(({ id }) => id)) + 1,
  unknown: false,
  watermark,
  settled: '',
  stopped: false,
  young,
  ended: false,
  past: false,
});
const sentBySomebody = (young: boolean): Accept => ({ unknown: true, settled: '', ended: true, past: false, young });

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
    // countAsSent: a store in doubt may lack the accept of what it had adopted before.
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
