/**
 * Two installations with a store each, on one org and one WHMCS that keeps the marks, as lib does it: both get every event,
 * neither sees the other's records, and only the marks tell them of each other.
 *
 * - Adding: `settleFirst` in lib/provisioning/add-order.ts, `takeMarked`, `send` and `concluded` in add-now.ts. Settling:
 *   `lookAtAdd` and `byMark` in settle-add.ts, `adoptRow` in add-settling.ts, `lookAtAdding` in settling-look.ts.
 * - The read-back: `readBack` and `adoptTwin` in adopted-order.ts. Accepting: `accept` and `send` in accept-order.ts,
 *   `lookAtAccept` in settle-accept.ts, `lookAtAccepting` in settling-look.ts.
 * - A person's word on a twin: `cancel`, `whyNot` and `untilNobodyAccepts` in cancel-twin.ts, `mayBeCancelled` in
 *   cancel-under-way.ts.
 *
 * A store is one thread: several on one store are `adding.ts` and `accepting.ts`. WHMCS acts within the quarantine.
 */
import type { Go, Model } from '../explorer';

export interface TwoStoresOptions {
  /**
   * A person may ask A for one of two to be cancelled. Processes are killed between the read-back and AcceptOrder only, and
   * no AcceptOrder ends in an error.
   */
  cancels?: boolean;
  /** Whose answer of AddOrder is not lost, nor its process killed before it has come. */
  answered?: 'A and B' | 'B';
  /** Between the read-back and AcceptOrder there may lie more than five minutes. */
  slow?: boolean;
  /** It is not asked that a twin be named. */
  unnamed?: boolean;
  /** One guard that is taken out. */
  without?: Guard;
}

export type Guard =
  | 'the read-back'
  | 'the other’s accept counted as sent'
  | 'the second word'
  | 'what was accepted'
  | 'the wait for a cancel';

type Name = 'A' | 'B';
const names: readonly Name[] = ['A', 'B'];
type Place =
  | 'idle'
  | 'rows'
  | 'intent'
  | 'adds'
  | 'answered'
  | 'read back'
  | 'accept'
  | 'accept intent'
  | 'accepts'
  | 'cancel intent'
  | 'cancels';

/** An intent to accept. */
interface Accept {
  row: Name;
  /** Sent by nobody known, as far as the record tells. */
  unknown: boolean;
  settled: '' | 'done' | 'unknown' | 'nothing' | 'dead';
  ended: boolean;
  past: boolean;
}
interface Store {
  pc: Place;
  /** Its one intent to add; settled with an order or not. */
  add: '' | 'open' | 'stopped' | 'settled';
  /** A fact: the id that WHMCS answered with. */
  seen: boolean;
  past: boolean;
  adopted: Name | '';
  verified: boolean;
  accepts: Accept[];
  open: boolean;
  status: 'Activating' | 'Activated' | 'TWIN' | 'UNKNOWN' | 'GONE';
  /** A word on a twin: noted, and five minutes ago; CancelOrder sent, and perhaps to be carried out. */
  cancel: { row: Name; noted: boolean; past: boolean; sent: boolean } | null;
}

interface State {
  stores: Record<Name, Store>;
  /** The row of each store's AddOrder, and how often its modules have run. */
  rows: Record<Name, { status: '' | 'Pending' | 'Active' | 'Cancelled'; ran: number }>;
  /** Calls in WHMCS. */
  adds: Name[];
  accepts: { by: Name; row: Name; running: boolean }[];
  cancels: { by: Name; row: Name }[];
  named: boolean;
  broken: string;
}

const newStore = (): Store => ({
  pc: 'idle',
  add: '',
  seen: false,
  past: false,
  adopted: '',
  verified: false,
  accepts: [],
  open: true,
  status: 'Activating',
  cancel: null,
});

export const twoStores: Model<State, TwoStoresOptions> = {
  stopAtBad: true,
  init: () => ({
    stores: { A: newStore(), B: newStore() },
    rows: { A: { status: '', ran: 0 }, B: { status: '', ran: 0 } },
    adds: [],
    accepts: [],
    cancels: [],
    named: false,
    broken: '',
  }),
  next(state, options, go) {
    whmcs(state, options, go);
    for (const name of names) {
      store(state, options, name, go);
      accepting(state, options, name, go);
      people(state, options, name, go);
    }
  },
  bad({ rows, stores, broken }) {
    if (rows.A.ran + rows.B.ran > 1) return 'MODULES RUN TWICE FOR ONE ORDER';
    const isLive = names.some((name) => rows[name].status === 'Active');
    if (!isLive && names.some((name) => stores[name].status === 'Activated'))
      return 'ACTIVATED WITHOUT AN ACTIVE ORDER';
    return broken || null;
  },
  end: (state, { unnamed }) =>
    names.every((name) => isAlive(state, name)) && !state.named && !unnamed ? 'TWIN NOT NAMED TO ANYBODY' : null,
  goal: ({ stores }) => names.every((name) => stores[name].status !== 'Activating'),
};

const isAlive = ({ rows }: State, name: Name): boolean => ['Pending', 'Active'].includes(rows[name].status);
const other = (name: Name): Name => (name === 'A' ? 'B' : 'A');

function whmcs(state: State, { answered, cancels }: TwoStoresOptions, go: Go<State>): void {
  for (const name of state.adds) {
    const isWaiting = state.stores[name].pc === 'adds';
    const over = (next: State): void => void (next.adds = next.adds.filter((one) => one !== name));
    go(`WHMCS carries out the AddOrder of ${name}`, (next) => {
      over(next);
      next.rows[name].status = 'Pending';
      if (isWaiting) Object.assign(next.stores[name], { pc: 'answered', seen: true });
    });
    if (answered?.includes(name)) continue;
    if (isWaiting) {
      go(`~so, and the answer to ${name} is lost`, (next) => {
        over(next);
        next.rows[name].status = 'Pending';
        next.stores[name].pc = 'answered';
      });
      go(`~${name} gets no answer to AddOrder`, (next) => void (next.stores[name].pc = 'answered'));
    }
    go(`~the AddOrder of ${name} dies in WHMCS`, (next) => {
      over(next);
      if (isWaiting) next.stores[name].pc = 'answered';
    });
  }
  state.accepts.forEach(({ by, row, running }, at) => {
    const isWaiting = state.stores[by].pc === 'accepts';
    const ends = (next: State): void => {
      next.accepts.splice(at, 1);
      if (isWaiting) finished(next.stores[by]);
    };
    if (!running && state.rows[row].status !== 'Pending') go(`WHMCS refuses the AcceptOrder of ${by}`, ends);
    else if (!running)
      go(`the module of ${row}’s order makes the account`, (next) => {
        Object.assign(next.accepts[at] ?? {}, { running: true });
        next.rows[row].ran += 1;
      });
    else {
      go(`AcceptOrder of ${row}’s order ends: Active`, (next) => {
        ends(next);
        next.rows[row].status = 'Active';
      });
      if (!cancels) go(`~AcceptOrder of ${row}’s order ends in an error: Pending`, ends);
    }
    if (!running) go(`~the AcceptOrder of ${by} dies in WHMCS`, ends);
    if (isWaiting) go(`~${by} gets no answer to AcceptOrder`, (next) => finished(next.stores[by]));
  });
  state.cancels.forEach(({ by, row }, at) => {
    const isWaiting = state.stores[by].pc === 'cancels';
    go(`WHMCS carries out the CancelOrder of ${row}’s order`, (next) => {
      next.cancels.splice(at, 1);
      const { status } = next.rows[row];
      // WHMCS cancels none that is Active; one whose modules run is Pending still.
      if (status === 'Pending') next.rows[row].status = 'Cancelled';
      if (state.accepts.some((one) => one.row === row && one.running)) next.broken = 'CANCELLED UNDER ITS MODULES';
      const { cancel } = next.stores[by];
      if (isWaiting) next.stores[by].pc = 'idle';
      if (isWaiting && cancel) cancel.sent = false;
    });
    if (isWaiting) go(`~${by} gets no answer to CancelOrder`, (next) => void (next.stores[by].pc = 'idle'));
  });
}

/** Its call has ended, with an answer or without; what became of it is read. */
function finished(mine: Store): void {
  for (const one of mine.accepts) if (!one.settled && !one.unknown) one.ended = true;
  mine.pc = 'accept';
}

function store(state: State, options: TwoStoresOptions, name: Name, go: Go<State>): void {
  const me = state.stores[name];
  const step = (label: string, change: (next: State, mine: Store) => void): void =>
    go(`${name} ${label}`, (next) => change(next, next.stores[name]));
  const fails = (mine: Store, status: Store['status']): void =>
    void Object.assign(mine, { pc: 'idle', open: false, status });
  const twin = (next: State, mine: Store): void => {
    next.named = true;
    fails(mine, 'TWIN');
  };
  const marked = names.filter((one) => isAlive(state, one));
  /** `byMark`: a mark of another store counts as ours; two of them stop. */
  const byMark = (next: State, mine: Store): boolean => {
    const any = names.filter((one) => state.rows[one].status !== '');
    const [first] = marked.length > 0 ? marked : any;
    if (first === undefined) return false;
    if (marked.length > 1) {
      mine.add = 'stopped';
      twin(next, mine);
      return true;
    }
    adopt(mine, name, first, options);
    return true;
  };
  const isKilled = options.cancels
    ? me.pc === 'accept'
    : me.pc !== 'idle' && !(options.answered?.includes(name) && ['intent', 'adds', 'answered'].includes(me.pc));
  if (isKilled) go(`~kill -9 of ${name}`, (next) => void (next.stores[name].pc = 'idle'));
  switch (me.pc) {
    case 'idle':
      if (me.open && me.add === '' && me.adopted === '')
        step('looks for the mark', (next, mine) => {
          if (!byMark(next, mine)) mine.pc = 'rows';
        });
      if (me.open && me.adopted !== '') step('takes what is on record', (_, mine) => void (mine.pc = 'read back'));
      // A Retry settles a stop anew; else the background does.
      if (me.adopted === '' && (me.add === 'open' || (me.add === 'stopped' && me.open)))
        step('looks what became of AddOrder', (next, mine) => {
          if (mine.seen) adopt(mine, name, name, options);
          else if (!byMark(next, mine)) {
            // Absence, after the quarantine: resend is never.
            if (!mine.past) return void (mine.add = 'open');
            mine.add = 'stopped';
            fails(mine, 'UNKNOWN');
          }
        });
      if (me.add === 'open' && !me.past && !state.adds.includes(name))
        go(`the quarantine of ${name}’s AddOrder is over`, (next) => void (next.stores[name].past = true));
      return;
    case 'rows':
      return step('writes its intent', (_, mine) => void Object.assign(mine, { pc: 'intent', add: 'open' }));
    case 'intent':
      return step('sends AddOrder', (next, mine) => {
        mine.pc = 'adds';
        next.adds.push(name);
      });
    case 'answered':
      return step('looks at once', (next, mine) => {
        mine.pc = 'idle';
        if (mine.seen) adopt(mine, name, name, options);
        else byMark(next, mine);
      });
    case 'read back': {
      const { adopted } = me;
      if (adopted === '') return;
      return step('reads its order back', (next, mine) => {
        const dead = !isAlive(state, adopted);
        if (mine.verified && !dead) return void (mine.pc = 'accept');
        const twins = marked.filter((one) => one !== adopted);
        const [first] = twins;
        if (dead && first !== undefined) return adoptTwin(mine, name, first, options);
        if (first !== undefined && options.without !== 'the read-back') return twin(next, mine);
        if (dead) return fails(mine, 'GONE');
        Object.assign(mine, { verified: true, pc: 'accept' });
      });
    }
    case 'adds':
    case 'accept':
    case 'accept intent':
    case 'accepts':
    case 'cancel intent':
    case 'cancels':
  }
}

/** `adoptRow`: whoever else has made it may have accepted it, too. */
function adopt(mine: Store, name: Name, row: Name, { without }: TwoStoresOptions): void {
  Object.assign(mine, { pc: mine.open ? 'read back' : 'idle', add: 'settled', adopted: row, verified: false });
  if (row !== name && without !== 'the other’s accept counted as sent') mine.accepts.push(sentBySomebody(row));
}

/** Of two a person has cancelled ours. */
function adoptTwin(mine: Store, name: Name, row: Name, { without }: TwoStoresOptions): void {
  const ran = mine.accepts.some((one) => one.row === mine.adopted && one.settled !== 'nothing');
  for (const one of mine.accepts) if (one.row === mine.adopted && !one.settled) one.settled = 'dead';
  Object.assign(mine, { adopted: row, verified: false });
  const elsewhere = row !== name && without !== 'the other’s accept counted as sent';
  if (elsewhere || ran) mine.accepts.push(sentBySomebody(row));
}

const sentBySomebody = (row: Name): Accept => ({ row, unknown: true, settled: '', ended: true, past: false });

function accepting(state: State, options: TwoStoresOptions, name: Name, go: Go<State>): void {
  const me = state.stores[name];
  const { adopted, cancel } = me;
  if (adopted === '') return;
  const { status } = state.rows[adopted];
  const at = me.accepts.findIndex((one) => one.row === adopted && !one.settled);
  const open = me.accepts[at];
  const step = (label: string, change: (next: State, mine: Store) => void): void =>
    go(`${name} ${label}`, (next) => change(next, next.stores[name]));
  /** `lookAtAccept`, then `conclude`. */
  const look = (_: State, mine: Store, isStep: boolean): void => {
    const now = mine.accepts[at];
    const ends = (settled: Accept['settled'], to?: Store['status']): void => {
      if (now) now.settled = settled;
      mine.pc = 'idle';
      if (to) Object.assign(mine, { open: false, status: to });
    };
    if (status === 'Active') return ends('done', mine.open ? 'Activated' : undefined);
    if (status === 'Cancelled') return ends('dead', mine.open ? 'GONE' : undefined);
    const over = now !== undefined && now.past && !isStep;
    if (now && !over) return void (mine.pc = 'idle');
    const sent = mine.accepts.some((one) => one.row === adopted && one.settled !== 'nothing');
    if (now || sent) return ends('unknown', mine.open ? 'UNKNOWN' : undefined);
    // It is not accepted while a CancelOrder may be carried out.
    const mayBeCancelled =
      cancel?.sent === true && cancel.row === adopted && options.without !== 'the wait for a cancel';
    mine.pc = isStep && !mayBeCancelled ? 'accept intent' : 'idle';
  };
  if (me.pc === 'accept') step(`reads its order: ${status}`, (next, mine) => look(next, mine, true));
  if (me.pc === 'accept intent')
    step('writes the intent, and sends AcceptOrder', (next, mine) => {
      mine.accepts.push({ row: adopted, unknown: false, settled: '', ended: false, past: false });
      mine.pc = 'accepts';
      next.accepts.push({ by: name, row: adopted, running: false });
    });
  if (me.pc !== 'idle' || !open) return;
  step('settles its accept', (next, mine) => look(next, mine, false));
  if (!open.past && !state.accepts.some(({ row }) => row === adopted))
    step('has waited out the quarantine of its accept', (_, mine) => {
      const now = mine.accepts[at];
      if (now) now.past = true;
    });
}

function people(state: State, { cancels, slow, without }: TwoStoresOptions, name: Name, go: Go<State>): void {
  const me = state.stores[name];
  if (me.pc === 'cancel intent')
    return go(`${name} sends CancelOrder`, (next) => {
      const mine = next.stores[name];
      if (!mine.cancel) return false;
      mine.pc = 'cancels';
      mine.cancel.sent = true;
      next.cancels.push({ by: name, row: mine.cancel.row });
    });
  if (me.pc !== 'idle') return;
  if (!me.open && me.status !== 'Activated')
    go(
      `~a person presses Retry at ${name}`,
      ({ stores }) => void Object.assign(stores[name], { open: true, status: 'Activating' }),
    );
  if (!cancels || name !== 'A' || !state.named || me.add === 'open' || me.add === '') return;
  for (const row of names) {
    // A person decides for one of the two.
    if (me.cancel && me.cancel.row !== row) continue;
    if (state.rows[row].status !== 'Pending' || !isAlive(state, other(row)) || me.cancel?.sent) continue;
    const wasSent = me.accepts.some((one) => one.row === row && one.settled !== 'nothing');
    if (wasSent && without !== 'what was accepted') continue;
    const foreign = row !== name && without !== 'the second word';
    const word = `~a person says at ${name}: cancel ${row}’s order`;
    if (foreign && !me.cancel) go(word, ({ stores }) => void (stores[name].cancel = noted(row)));
    if (!foreign || me.cancel?.past)
      go(word, ({ stores }) => {
        stores[name].cancel ??= noted(row);
        stores[name].pc = 'cancel intent';
      });
    // Whatever was under way when it was noted has ended.
    const its = state.stores[row];
    const goesOn = its.open && its.verified && its.adopted === row && its.accepts.length === 0;
    const isUnderWay = state.accepts.some((one) => one.row === row) || (goesOn && !slow);
    if (foreign && me.cancel && !me.cancel.past && !isUnderWay)
      go(`five minutes pass at ${name}`, ({ stores }) => {
        const { cancel } = stores[name];
        if (cancel) cancel.past = true;
      });
  }
}

const noted = (row: Name) => ({ row, noted: true, past: false, sent: false });
