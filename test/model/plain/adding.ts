/**
 * Two workers on one order and one ledger: pauses, lost leases, lost answers, late commits, one kill.
 * What lib does is walked more closely in `../as-built/adding.ts`; this is the reference's model with its plainer variants.
 */
import type { Go, Model } from '../explorer';
import { the } from '../explorer';

export interface AddOptions {
  /** deadline: counted from the intent. dead: only once the sender has recorded its call's end or is proven dead. */
  resend: 'deadline' | 'dead' | 'never';
  /** The quarantine runs from the recorded end of the call, or from the proven death of its sender. */
  fromEnd?: boolean;
  /** WHMCS keeps the marker. */
  kept?: boolean;
  /** We believe that it does. */
  believed?: boolean;
  /** A row that nothing explains forbids the second call. */
  block?: boolean;
  /** What a stale holder knows of the order is recorded, though its write of the state is refused. */
  facts?: boolean;
  /** WHMCS may commit after the deadline. */
  late?: boolean;
  /** The deadline seems to have passed too early. */
  skew?: boolean;
  /** The send-by test and the send are one. */
  atomicSend?: boolean;
}

type Name = 'A' | 'B';
interface Intent {
  id: number;
  by: Name;
  past: boolean;
  settled: boolean;
  ended: boolean;
}
interface Worker {
  pc: 'idle' | 'look' | 'check' | 'send' | 'wait' | 'reply' | 'done' | 'dead';
  fence: number;
  intent?: number;
  row?: number;
  timedOut?: true;
}
interface State {
  rounds: Record<Name, number>;
  workers: Record<Name, Worker>;
  fence: number;
  holder: Name | '';
  intents: Intent[];
  order: number;
  stopped: '' | 'TWIN' | 'UNKNOWN';
  facts: number[];
  wire: { by: Name; intent: number; committed: boolean }[];
  rows: { intent: number; marked: boolean }[];
  kills: number;
  expired: number;
  idRefused: boolean;
}

const names: readonly Name[] = ['A', 'B'];
const worker = (pc: Worker['pc'], fence = 0): Worker => ({ pc, fence });

export const adding: Model<State, AddOptions> = {
  stopAtBad: true,
  init: () => ({
    rounds: { A: 0, B: 0 },
    workers: { A: worker('idle'), B: worker('idle') },
    fence: 0,
    holder: '',
    intents: [],
    order: 0,
    stopped: '',
    facts: [],
    wire: [],
    rows: [],
    kills: 0,
    expired: 0,
    idRefused: false,
  }),
  next(state, options, go) {
    if (state.holder && state.expired < 2)
      go(`~the lease of ${state.holder} expires`, (next) => {
        next.holder = '';
        next.expired += 1;
      });
    whmcs(state, options, go);
    for (const name of names) work(state, options, name, go);
  },
  bad({ rows, idRefused, stopped }) {
    if (rows.length > 1) return 'TWO WHMCS ORDERS';
    return idRefused && stopped === 'UNKNOWN' ? 'THE ID WAS KNOWN TO US AND THROWN AWAY BY THE FENCE' : null;
  },
  end({ order, stopped, workers }) {
    const over = names.every((name) => ['dead', 'done'].includes(workers[name].pc));
    return order || stopped || over ? null : 'PARKED FOR EVER';
  },
};

function whmcs(state: State, { late, skew, fromEnd, kept }: AddOptions, go: Go<State>): void {
  for (const intent of state.intents) {
    const quiet = late || skew || !state.wire.some((call) => call.intent === intent.id);
    const counts = !fromEnd || intent.ended || state.workers[intent.by].pc === 'dead';
    if (!intent.past && quiet && counts)
      go(`the deadline of intent ${intent.id} passes`, (next) => {
        the(next.intents, ({ id }) => id === intent.id).past = true;
      });
  }
  state.wire.forEach((call, at) => {
    const waits = state.workers[call.by].pc === 'wait' && state.workers[call.by].intent === call.intent;
    const cut = (next: State): void => void next.wire.splice(at, 1);
    if (!call.committed) {
      go(`WHMCS commits the call of intent ${call.intent}`, (next) => {
        next.wire.forEach((one, place) => place === at && (one.committed = true));
        next.rows.push({ intent: call.intent, marked: kept ?? false });
      });
      go(`~the call of intent ${call.intent} dies in WHMCS`, cut);
    } else if (waits) {
      go(`WHMCS answers ${call.by}`, (next) => {
        cut(next);
        next.workers[call.by].pc = 'reply';
        next.workers[call.by].row = next.rows.findIndex(({ intent }) => intent === call.intent) + 1;
      });
      go(`~the answer to ${call.by} is lost`, cut);
    } else go('the answer goes to nobody', cut);
  });
}

function work(state: State, options: AddOptions, name: Name, go: Go<State>): void {
  const me = state.workers[name];
  const mine = state.holder === name && state.fence === me.fence;
  const own = (): Intent => the(state.intents, ({ id }) => id === me.intent);
  if (!['dead', 'done', 'idle'].includes(me.pc) && state.kills < 1)
    go(`~kill -9 ${name}`, (next) => {
      next.workers[name] = worker('dead');
      next.kills += 1;
      if (next.holder === name) next.holder = '';
    });
  switch (me.pc) {
    case 'idle':
      if (!state.holder && !state.stopped)
        go(`${name} takes the lease`, (next) => {
          next.fence += 1;
          next.rounds[name] += 1;
          next.holder = name;
          next.workers[name] = worker('look', next.fence);
        });
      return;
    case 'look':
      return look(state, options, name, mine, go);
    case 'check':
      if (mine) go(`${name} finds its lease long enough`, (next) => void (next.workers[name].pc = 'send'));
      else
        go(`${name} finds its lease gone before it sends`, (next) => {
          if (options.facts) ended(next, me.intent);
          leave(next, name);
        });
      return;
    case 'send':
      if (options.atomicSend && own().past)
        go(`${name} is past its send-by: not sent`, (next) => {
          ended(next, me.intent);
          leave(next, name);
        });
      else
        go(`${name} sends AddOrder for intent ${me.intent}`, (next) => {
          next.wire.push({ by: name, intent: me.intent ?? 0, committed: false });
          next.workers[name].pc = 'wait';
        });
      return;
    case 'wait': {
      const answered = !state.wire.some((call) => call.by === name && call.intent === me.intent);
      if (!answered && !own().past) return;
      go(`${name} times out: unknown`, (next) => {
        if (options.facts || mine) ended(next, me.intent);
        if (!mine) return leave(next, name);
        next.workers[name].pc = 'look';
        next.workers[name].timedOut = true;
      });
      return;
    }
    case 'reply':
      go(`${name} records the order's id`, (next) => {
        if (mine) found(next, me.row ?? 0);
        else if (options.facts) next.facts.push(me.row ?? 0);
        else next.idRefused = true;
        leave(next, name);
      });
      return;
    case 'done':
    case 'dead':
  }
}

function look(state: State, options: AddOptions, name: Name, mine: boolean, go: Go<State>): void {
  const [fact] = state.facts;
  const open = state.intents.find((intent) => !intent.settled);
  if (!mine) return go(`${name} finds its lease gone, and stops`, (next) => leave(next, name));
  if (state.order) return go(`${name}: already`, (next) => leave(next, name));
  if (options.facts && fact !== undefined)
    return go(`${name} takes what a fact names`, (next) => {
      found(next, fact);
      leave(next, name);
    });
  if (!open) return go(`${name} writes watermark and intent`, (next) => intend(next, name));
  if (open.past) go(`${name} settles intent ${open.id}`, (next) => settle(next, options, name));
}

function settle(next: State, options: AddOptions, name: Name): void | false {
  const intent = the(next.intents, ({ settled }) => !settled);
  const marked = next.rows.flatMap((row, at) => (row.marked ? [at + 1] : []));
  const [first] = marked;
  const stop = (why: State['stopped']): void => {
    next.stopped = why;
    leave(next, name);
  };
  if (marked.length > 1) return stop('TWIN');
  if (first !== undefined) {
    found(next, first);
    return leave(next, name);
  }
  if (!options.believed || (options.block && next.rows.length > 0)) return stop('UNKNOWN');
  if (options.resend === 'never' || next.intents.length > 1) return stop('UNKNOWN');
  const gone = intent.ended || next.workers[intent.by].pc === 'dead' || intent.by === name;
  // It stays parked and is looked at again.
  if (options.resend === 'dead' && !gone) return false;
  intent.settled = true;
  intend(next, name);
}

function intend(next: State, by: Name): void {
  const id = next.intents.length + 1;
  next.intents.push({ id, by, past: false, settled: false, ended: false });
  next.workers[by] = { ...worker('check', next.workers[by].fence), intent: id };
}

function found(next: State, row: number): void {
  next.order = row;
  for (const intent of next.intents) intent.settled = true;
}

function ended(next: State, id: number | undefined): void {
  the(next.intents, (intent) => intent.id === id).ended = true;
}

function leave(next: State, name: Name): void {
  next.workers[name] = worker(next.order || next.stopped || next.rounds[name] > 2 ? 'done' : 'idle');
  if (next.holder === name) next.holder = '';
}
