/**
 * Adding an order as lib does it, step by step: every durable write, every call and every send-on is a step of its own, so
 * that a process may end, or be paused, between any two. Two threads share the order: steps of events that were handed out
 * twice, background settling, a second instance.
 *
 * - A step's look: `add` and `settleFirst` in lib/provisioning/add-order.ts. The intent and the call: `addNow` and `send` in
 *   add-now.ts, `callOnce` in call-facts.ts. Background settling: `lookAtAdding` in settling-look.ts, with quarantine.ts.
 * - What a look decides: settle-add.ts. The read-back: `readBack` in adopted-order.ts. Late orders: late-orders.ts.
 * - How the attempt ends, and a person's Retry: endings.ts and get-order.ts.
 *
 * Left to other models: what the pages of GetOrders show (`../plain/paging.ts`), other orders of the client
 * (`../plain/fingerprint.ts`), how AcceptOrder ends (`accepting.ts`), a store that loses records (`lost-records.ts`),
 * and a second store (`two-stores.ts`).
 */
import type { Go, Model } from '../explorer';
import { acquire, inBetween, leaseFaults, newLease, release, threads } from './order-lease';
import type { Lease, LeaseOptions, Thread } from './order-lease';

export interface AddingOptions extends LeaseOptions {
  /** WHMCS keeps the mark. */
  kept: boolean;
  resend: 'once' | 'never';
  /** WHMCS may carry a call out after any wait. */
  late?: boolean;
  /** A process that is silent for ten minutes counts as dead, though it may only be paused. */
  presumed?: boolean;
  /** A call beyond these is not walked; 2 where nothing is said. */
  calls?: number;
  /** One guard that is taken out. */
  without?: Guard;
}

export type Guard =
  | 'intent'
  | 'facts'
  | 'fence'
  | 'quarantine'
  | 'register of calls'
  | 'send-by test'
  | 'unexplained rows'
  | 'closing'
  | 'look-out';

interface Intent {
  by: Thread;
  /** Its process has been killed, or counts as dead. */
  gone: boolean;
  watermark: number;
  settled: '' | 'order' | 'not sent' | 'none';
  stopped: boolean;
  askedAgain: boolean;
  /** Facts: what is known of it, and that its call is over. */
  fact: '' | 'seen' | 'not sent';
  ended: boolean;
  /** The quarantine is over; it is kept in memory, and counted from when the sender can send no more. */
  past: boolean;
  wire: '' | 'out' | 'done';
}

interface Work {
  pc: Place;
  /** The intent whose call this thread makes. */
  intent: number;
  /** Rows that there were when the newest orders were read. */
  watermark: number;
  /** So long paused that it counts as dead. */
  overdue: boolean;
}
type Place =
  | 'idle'
  | 'step'
  | 'settling'
  | 'rows'
  | 'intent'
  | 'sending'
  | 'waiting'
  | 'answered'
  | 'ended'
  | 'read back'
  | 'accept';

interface State {
  lease: Lease;
  work: Record<Thread, Work>;
  intents: Intent[];
  adopted: number;
  verified: boolean;
  acceptSent: boolean;
  open: boolean;
  watched: boolean;
  rows: { intent: number }[];
  accepted: number;
  salesforce: 'Activating' | 'Activated' | 'Failed' | 'UNKNOWN' | 'TWIN';
  retried: boolean;
  /** A person has been told of a row beside ours. */
  named: boolean;
  /** An id that was told to us is on no record. */
  thrownAway: boolean;
  /** The one harm that the design admits has been done. */
  admitted: boolean;
}

const idle = (): Work => ({ pc: 'idle', intent: 0, watermark: 0, overdue: false });

export const adding: Model<State, AddingOptions> = {
  stopAtBad: true,
  init: () => ({
    lease: newLease(),
    work: { A: idle(), B: idle() },
    intents: [],
    adopted: 0,
    verified: false,
    acceptSent: false,
    open: true,
    watched: false,
    rows: [],
    accepted: 0,
    salesforce: 'Activating',
    retried: false,
    named: false,
    thrownAway: false,
    admitted: false,
  }),
  next(state, options, goOn) {
    const go: Go<State> = (label, change) =>
      goOn(label, (next) => {
        change(next);
        forget(next);
      });
    const isIdle = (thread: Thread): boolean => state.work[thread].pc === 'idle';
    leaseFaults(state, options, go, isIdle, (next, dead) => {
      for (const thread of dead) next.work[thread] = idle();
      for (const intent of next.intents) {
        if (!dead.includes(intent.by)) continue;
        intent.gone = true;
        if (intent.settled === '') intent.past = false;
      }
    });
    whmcs(state, options, go);
    people(state, options, go);
    for (const thread of threads) work(state, options, thread, go);
  },
  bad({ rows, accepted, admitted, salesforce, thrownAway }) {
    if (thrownAway && salesforce === 'UNKNOWN') return 'THE ID WAS KNOWN TO US AND THROWN AWAY BY THE FENCE';
    if (accepted > 1) return 'TWO ACCEPTED ORDERS';
    if (rows.length > 1 && !admitted) return 'TWO WHMCS ORDERS';
    return salesforce === 'Failed' && accepted > 0 ? 'FAILED THOUGH ACCEPTED' : null;
  },
  end({ rows, salesforce, adopted, named }) {
    if (rows.length > 1 && !named) return 'TWIN NOT NAMED TO ANYBODY';
    return salesforce === 'Failed' && rows.length > 0 && adopted === 0 && !named
      ? 'FAILED AT REST, HIDES AN ORDER'
      : null;
  },
  goal: ({ salesforce, intents }, { calls = 2 }) => salesforce !== 'Activating' || intents.length >= calls,
};

const unsettledAt = ({ intents }: State): number => intents.findIndex(({ settled }) => settled === '') + 1;

function intentOf({ intents }: State, id: number): Intent {
  const found = intents[id - 1];
  if (!found) throw new Error('The model names an intent that is not there');
  return found;
}

const rowOf = ({ rows }: State, id: number): number => rows.findIndex(({ intent }) => intent === id) + 1;

/** What can matter no more is dropped: it would only tell apart states that are the same. */
function forget({ intents, work }: State): void {
  for (const intent of intents) {
    if (intent.settled === '') continue;
    const isCalling = threads.some((one) => intents[work[one].intent - 1] === intent);
    if (!isCalling) Object.assign(intent, { by: 'A', gone: true });
    Object.assign(intent, { stopped: false, askedAgain: false, ended: false, past: true });
    if (intent.settled === 'not sent') intent.watermark = 0;
  }
  for (let last = intents.length; last > 0; last--) {
    const intent = intents[last - 1];
    const isCalling = threads.some((one) => work[one].intent === last);
    if (intent?.settled !== 'not sent' || isCalling || intent.wire !== '') return;
    intents.pop();
  }
}

function whmcs(state: State, { late, presumed, without }: AddingOptions, go: Go<State>): void {
  state.intents.forEach((intent, at) => {
    const id = at + 1;
    const caller = state.work[intent.by];
    const waits = !intent.gone && caller.pc === 'waiting' && caller.intent === id;
    const on = (label: string, change: (intent: Intent, next: State) => void): void =>
      go(label, (next) => change(intentOf(next, id), next));
    if (intent.wire === 'out') {
      on(`WHMCS carries out the call of a${id}`, (one, next) => {
        if (late && (one.past || one.settled !== '')) next.admitted = true;
        one.wire = waits ? 'done' : '';
        next.rows.push({ intent: id });
      });
      on(`~the call of a${id} dies in WHMCS`, (one) => void (one.wire = ''));
    }
    if (intent.wire === 'done' && waits)
      on(`WHMCS answers ${intent.by}`, (one, next) => {
        one.wire = '';
        next.work[one.by].pc = 'answered';
      });
    if (waits)
      on(`${intent.wire === '' ? '' : '~'}${intent.by} gets no answer`, (one, next) => {
        if (one.wire === 'done') one.wire = '';
        next.work[one.by].pc = 'ended';
      });
    if (intent.settled !== '' || intent.past) return;
    // By a process that can know: the sender's own, whose register has no such call, or another, to which it is dead.
    const underWay = !intent.gone && caller.intent === id && caller.pc !== 'idle';
    const known = intent.ended || intent.gone || !underWay || without === 'register of calls';
    if ((intent.wire !== 'out' || late) && (known || without === 'quarantine'))
      on(`the quarantine of a${id} is over`, (one) => void (one.past = true));
    if (presumed && underWay && !['waiting', 'answered', 'ended'].includes(caller.pc))
      on(`~${intent.by} is silent for ten minutes, and counts as dead`, (one, next) => {
        one.gone = true;
        next.work[one.by].overdue = true;
        release(next.lease, one.by);
      });
  });
}

/** What people do, and what the flow asks for: the wish for Failed of a Catch, or of a time-out, may come at any time. */
function people(state: State, { without }: AddingOptions, go: Go<State>): void {
  const { rows, adopted, named, lease, salesforce } = state;
  if (lease.holder) return;
  const at = unsettledAt(state);
  const stopped = at > 0 && intentOf(state, at).stopped;
  // Endings.fail: kept while a call is not settled; the attempt is closed before anything is told.
  if (state.open && !state.acceptSent && (at === 0 || stopped))
    go(`${stopped ? '' : '~'}the flow asks for Failed`, (next) => {
      inBetween(next.lease);
      next.open = false;
      next.salesforce = stopped ? 'UNKNOWN' : 'Failed';
    });
  if (!state.retried && !state.open && !['Activating', 'Activated'].includes(salesforce))
    go('~a person presses Retry', (next) => {
      inBetween(next.lease);
      next.retried = true;
      next.open = true;
      next.salesforce = 'Activating';
    });
  // late-orders.ts: four looks over a day, each over the newest orders.
  const turnedUp = rows.some((_, row) => row + 1 !== adopted);
  if (state.watched && turnedUp && !named && without !== 'look-out')
    go('the look-out names an order that has turned up', (next) => void (next.named = true));
}

function work(state: State, options: AddingOptions, thread: Thread, go: Go<State>): void {
  const me = state.work[thread];
  const { without } = options;
  const writes = state.lease.latest === thread || without === 'fence';
  const step = (label: string, change: (next: State, mine: Work) => void): void =>
    go(`${thread} ${label}`, (next) => change(next, next.work[thread]));
  switch (me.pc) {
    case 'idle': {
      const at = unsettledAt(state);
      if (state.lease.holder || state.acceptSent) return;
      const take = (pc: Place) => (next: State, mine: Work) => {
        acquire(next.lease, thread);
        mine.pc = pc;
      };
      if (state.open || without === 'closing') step('runs a step', take('step'));
      if (at > 0 && !intentOf(state, at).stopped) step('settles in the background', take('settling'));
      return;
    }
    case 'step':
    case 'settling':
      return step('looks', (next) => look(next, options, thread));
    case 'rows':
      // What was read is put on record, with the intent, under the fence of this hold.
      if (!writes) return step('finds its lease lost', (next) => leave(next, thread));
      return step('writes the intent', (next, mine) => {
        mine.intent = intend(next, thread, mine.watermark);
        mine.pc = 'intent';
        if (without === 'intent') intentOf(next, mine.intent).settled = 'not sent';
      });
    case 'intent': {
      // The lease is looked at, the connection made, the send-by tested; then comes the first byte.
      const tooLate = me.overdue && without !== 'send-by test';
      if (!tooLate) step('is within its send-by', (_, mine) => void (mine.pc = 'sending'));
      return step(`${tooLate ? '' : '~'}sends nothing: its lease is lost, or its send-by is over`, (next, mine) => {
        intentOf(next, mine.intent).fact = 'not sent';
        mine.pc = 'ended';
      });
    }
    case 'sending':
      return step(`sends AddOrder for a${me.intent}`, (next, mine) => {
        if (mine.overdue && without !== 'send-by test') next.admitted = true;
        intentOf(next, mine.intent).wire = 'out';
        mine.pc = 'waiting';
        mine.overdue = false;
      });
    case 'waiting':
      return;
    case 'answered':
      return step('records the id as a fact', (next, mine) => {
        if (writes || without !== 'facts') intentOf(next, mine.intent).fact = 'seen';
        else next.thrownAway = true;
        mine.pc = 'ended';
      });
    case 'ended':
      return step('records the end of its call', (next, mine) => {
        intentOf(next, mine.intent).ended = true;
        if (!writes) return leave(next, thread);
        // `concluded`: one look at once, in the same hold.
        next.work[thread] = { ...idle(), pc: 'step' };
      });
    case 'read back':
      return step('reads the order back', (next, mine) => {
        if (!writes) return leave(next, thread);
        const twin = options.kept && next.rows.length > 1;
        if (twin && !next.verified) {
          next.named = true;
          next.open = false;
          next.salesforce = 'TWIN';
          return leave(next, thread);
        }
        next.verified = true;
        mine.pc = 'accept';
      });
    case 'accept':
      // The intent to accept; `accepting.ts` tells the rest.
      if (!writes) return step('finds its lease lost', (next) => leave(next, thread));
      return step('accepts', (next) => {
        next.acceptSent = true;
        next.accepted += 1;
        // Endings.activate: the first end of an attempt stands.
        if (next.open) next.salesforce = 'Activated';
        next.open = false;
        leave(next, thread);
      });
  }
}

function look(next: State, options: AddingOptions, thread: Thread): void {
  const mine = next.work[thread];
  const isStep = mine.pc === 'step';
  // What was read decides; it is written under the fence of this hold, or not at all.
  if (next.lease.latest !== thread && options.without !== 'fence') return leave(next, thread);
  if (isStep && !next.open && options.without !== 'closing') return leave(next, thread);
  const at = unsettledAt(next);
  if (at > 0) return settle(next, options, thread, at, isStep);
  if (!isStep) return leave(next, thread);
  if (next.adopted > 0) return void (mine.pc = 'read back');
  // takeMarked: a row with our mark is ours, whatever the ledger says.
  if (options.kept && next.rows.length > 0) return settle(next, options, thread, intend(next, thread, 0), true);
  // Calls beyond these show nothing new.
  if (next.intents.length >= (options.calls ?? 2)) return leave(next, thread);
  mine.watermark = next.rows.length;
  mine.pc = 'rows';
}

/** `lookAtAdd`: facts, then rows with our mark, then absence. */
function settle(
  next: State,
  { kept, resend, without }: AddingOptions,
  thread: Thread,
  id: number,
  isStep: boolean,
): void {
  const intent = intentOf(next, id);
  const seen = next.intents.flatMap(({ fact }, at) => (fact === 'seen' ? [rowOf(next, at + 1)] : []));
  const marked = kept ? next.rows.map((_, at) => at + 1) : [];
  const ours = seen.length === 1 ? seen : [...new Set([...seen, ...marked])];
  const [first] = ours;
  if (first === undefined && intent.fact === 'not sent') {
    intent.settled = 'not sent';
    return leave(next, thread);
  }
  if (ours.length > 1) return stop(next, thread, intent);
  if (first !== undefined) {
    Object.assign(intent, { settled: 'order', stopped: false });
    next.adopted = first;
    if (!isStep) return leave(next, thread);
    next.work[thread] = { ...idle(), pc: 'read back' };
    return;
  }
  if (isStep) {
    // Nothing is found at once. A Retry after a stop settles anew.
    if (intent.stopped && next.retried) Object.assign(intent, { stopped: false, askedAgain: true });
    return leave(next, thread);
  }
  if (!intent.past) return leave(next, thread);
  const mayHaveMade = next.intents.filter(({ settled }) => settled !== 'not sent');
  const above = Math.min(...mayHaveMade.map(({ watermark }) => watermark));
  if (next.rows.length > above && without !== 'unexplained rows') return stop(next, thread, intent);
  const again = intent.askedAgain || !next.intents.some(({ settled }) => settled === 'none');
  if (resend === 'never' || !again) return stop(next, thread, intent);
  intent.settled = 'none';
  next.watched = true;
  leave(next, thread);
}

/** A person must decide: what may be ours is named, and is looked out for. */
function stop(next: State, thread: Thread, intent: Intent): void {
  intent.stopped = true;
  next.watched = true;
  next.named ||= next.rows.length > 0;
  leave(next, thread);
}

function intend(next: State, by: Thread, watermark: number): number {
  const none = {
    settled: '',
    stopped: false,
    askedAgain: false,
    fact: '',
    ended: false,
    past: false,
    wire: '',
  } as const;
  return next.intents.push({ by, gone: false, watermark, ...none });
}

function leave(next: State, thread: Thread): void {
  next.work[thread] = idle();
  release(next.lease, thread);
}
