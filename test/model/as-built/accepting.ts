/**
 * Accepting an order as lib does it, and how its attempt ends. AcceptOrder runs modules for minutes; it may end in an error
 * after they ran, or be carried out long after its caller has gone.
 *
 * - A step's look: `accept`, `send` and `concluded` in lib/provisioning/accept-order.ts, with `callOnce` in call-facts.ts.
 *   Background settling: `lookAtAccepting` in settling-look.ts. What a look decides: settle-accept.ts, and `conclude` in
 *   accept-settling.ts.
 * - The ends: `activate` and `decideFailed` in endings.ts. Retry: get-order.ts.
 */
import type { Go, Model } from '../explorer';
import { acquire, inBetween, leaseFaults, newLease, release, threads } from './order-lease';
import type { Lease, LeaseOptions, Thread } from './order-lease';

export interface AcceptingOptions extends LeaseOptions {
  /** WHMCS may carry a call out after any wait. */
  late?: boolean;
  /** One guard that is taken out. */
  without?:
    'intent' | 'fence' | 'quarantine' | 'register of calls' | 'what was sent' | 'closing' | 'the ledger’s answer';
}

interface Intent {
  by: Thread;
  gone: boolean;
  /** unknown: it may have run modules. nothing: it did not. */
  settled: '' | 'done' | 'unknown' | 'nothing';
  /** How its call ended, as facts tell. */
  end: '' | 'answered' | 'no answer' | 'not sent';
  past: boolean;
  wire: '' | 'out' | 'ran' | 'answer';
}
type Place = 'idle' | 'step' | 'settling' | 'send' | 'intent' | 'waiting' | 'answered' | 'no answer' | 'not sent';

interface State {
  lease: Lease;
  work: Record<Thread, { pc: Place; intent: number }>;
  intents: Intent[];
  order: 'Pending' | 'Active';
  modules: number;
  open: boolean;
  attempt: 1 | 2;
  /** The attempt in which the order was found live. */
  accepted: 0 | 1 | 2;
  salesforce: 'Activating' | 'Activated' | 'Failed' | 'UNKNOWN';
}

const idle = () => ({ pc: 'idle' as Place, intent: 0 });
/** A call beyond these shows nothing new. */
const mostCalls = 2;

export const accepting: Model<State, AcceptingOptions> = {
  stopAtBad: true,
  init: () => ({
    lease: newLease(),
    work: { A: idle(), B: idle() },
    intents: [],
    order: 'Pending',
    modules: 0,
    open: true,
    attempt: 1,
    accepted: 0,
    salesforce: 'Activating',
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
      for (const intent of next.intents)
        if (dead.includes(intent.by)) Object.assign(intent, { gone: true, past: intent.past && intent.settled !== '' });
    });
    whmcs(state, options, go);
    endings(state, options, go);
    for (const thread of threads) work(state, options, thread, go);
  },
  bad({ modules, salesforce, order, accepted, attempt, intents }, { late }) {
    if (modules > 1) return 'MODULE RUN TWICE';
    const isRunning = intents.some(({ settled, wire }) => settled === 'unknown' && ['out', 'ran'].includes(wire));
    if (isRunning && !late) return 'A PERSON IS ASKED WHILE THE CALL STILL RUNS';
    if (salesforce === 'Activated' && order !== 'Active') return 'ACTIVATED WITHOUT AN ACTIVE ORDER';
    return salesforce === 'Failed' && accepted === attempt ? 'FAILED THOUGH ACCEPTED' : null;
  },
  end: ({ salesforce, order }) => (salesforce === 'Failed' && order === 'Active' ? 'FAILED AT REST THOUGH LIVE' : null),
  goal: ({ salesforce, intents }) => salesforce !== 'Activating' || intents.length >= mostCalls,
};

/** What can matter no more is dropped: it would only tell apart states that are the same. */
function forget({ intents, work }: State): void {
  const isCalling = (id: number): boolean => threads.some((one) => work[one].intent === id);
  intents.forEach((intent, at) => {
    if (intent.settled === '') return;
    Object.assign(intent, { end: '', past: true });
    if (!isCalling(at + 1)) Object.assign(intent, { by: 'A', gone: true });
  });
  for (let last = intents.length; last > 0; last--) {
    const intent = intents[last - 1];
    if (intent?.settled !== 'nothing' || intent.wire !== '' || isCalling(last)) return;
    intents.pop();
  }
}

const intentOf = ({ intents }: State, id: number): Intent => {
  const found = intents[id - 1];
  if (!found) throw new Error('The model names an intent that is not there');
  return found;
};
const unsettledAt = ({ intents }: State): number => intents.findIndex(({ settled }) => settled === '') + 1;
const isOver = ({ end }: Intent): boolean => end !== '' && end !== 'no answer';

function whmcs(state: State, { late, without }: AcceptingOptions, go: Go<State>): void {
  state.intents.forEach((intent, at) => {
    const id = at + 1;
    const caller = state.work[intent.by];
    const underWay = !intent.gone && caller.intent === id;
    const waits = underWay && caller.pc === 'waiting';
    const on = (label: string, change: (intent: Intent, next: State) => void): void =>
      go(label, (next) => change(intentOf(next, id), next));
    const ends = (one: Intent): void => void (one.wire = waits ? 'answer' : '');
    if (intent.wire === 'out') {
      // WHMCS accepts none that is not Pending.
      if (state.order === 'Active') on(`WHMCS refuses c${id}`, ends);
      else
        on(`the module of c${id} makes the account`, (one, next) => {
          one.wire = 'ran';
          next.modules += 1;
        });
      on(`~the call of c${id} dies in WHMCS`, (one) => void (one.wire = ''));
    }
    if (intent.wire === 'ran') {
      on(`c${id} ends: Active`, (one, next) => {
        ends(one);
        next.order = 'Active';
      });
      on(`~c${id} ends in an error after the module ran: Pending`, ends);
    }
    if (intent.wire === 'answer' && waits)
      on(`WHMCS answers ${intent.by}`, (one, next) => {
        one.wire = '';
        next.work[one.by].pc = 'answered';
      });
    if (waits)
      on(`${intent.wire === '' ? '' : '~'}${intent.by} gets no answer`, (one, next) => {
        if (one.wire === 'answer') one.wire = '';
        next.work[one.by].pc = 'no answer';
      });
    if (intent.settled !== '' || intent.past) return;
    const known = intent.end !== '' || !underWay || without === 'register of calls' || without === 'quarantine';
    if (known && (late || !['out', 'ran'].includes(intent.wire)))
      on(`the quarantine of c${id} is over`, (one) => void (one.past = true));
  });
}

/** The message asks, the ledger answers. */
function endings(state: State, { without }: AcceptingOptions, go: Go<State>): void {
  const { lease, open, accepted, attempt, salesforce, intents } = state;
  if (lease.holder) return;
  const end = (label: string, status: State['salesforce']): void =>
    go(label, (next) => {
      inBetween(next.lease);
      next.open = false;
      next.salesforce = status;
    });
  const isAccepted = accepted === attempt;
  const unknown = intents.some(({ settled }) => settled === 'unknown');
  const decides = without !== 'the ledger’s answer';
  if (open && isAccepted) end('the flow asks for Activated', 'Activated');
  if (open && !isAccepted && !decides) end('~an edited flow asks for Activated', 'Activated');
  // Kept while an accept is not settled; Activated instead where it is done.
  if (open && decides && unsettledAt(state) === 0)
    end(
      `${unknown && !isAccepted ? '' : '~'}the flow asks for Failed`,
      isAccepted ? 'Activated' : unknown ? 'UNKNOWN' : 'Failed',
    );
  if (open && !decides) end('~the flow asks for Failed', 'Failed');
  if (!open && attempt === 1 && ['Failed', 'UNKNOWN'].includes(salesforce))
    go('~a person presses Retry', (next) => {
      inBetween(next.lease);
      Object.assign(next, { open: true, attempt: 2, salesforce: 'Activating' });
    });
}

function work(state: State, options: AcceptingOptions, thread: Thread, go: Go<State>): void {
  const me = state.work[thread];
  const { without } = options;
  const writes = state.lease.latest === thread || without === 'fence';
  const step = (label: string, change: (next: State, mine: State['work']['A']) => void): void =>
    go(`${thread} ${label}`, (next) => change(next, next.work[thread]));
  switch (me.pc) {
    case 'idle': {
      if (state.lease.holder) return;
      const take = (pc: Place) => (next: State, mine: State['work']['A']) => {
        acquire(next.lease, thread);
        mine.pc = pc;
      };
      const runs = state.open && state.accepted !== state.attempt;
      if (runs || (without === 'closing' && state.order === 'Pending')) step('runs the step', take('step'));
      if (unsettledAt(state) > 0) step('settles in the background', take('settling'));
      return;
    }
    case 'step':
    case 'settling':
      return step(`reads the order: ${state.order}`, (next) => look(next, options, thread));
    case 'send':
      if (!writes || state.intents.length >= mostCalls) return step('does not go on', (next) => leave(next, thread));
      return step('writes the intent', (next, mine) => {
        const none = { gone: false, settled: '', end: '', past: false, wire: '' } as const;
        mine.intent = next.intents.push({ by: thread, ...none });
        if (without === 'intent') intentOf(next, mine.intent).settled = 'nothing';
        mine.pc = 'intent';
      });
    case 'intent':
      step('~is past its send-by, or sees its lease lost: not sent', (_, mine) => void (mine.pc = 'not sent'));
      return step(`sends AcceptOrder, c${me.intent}`, (next, mine) => {
        intentOf(next, mine.intent).wire = 'out';
        mine.pc = 'waiting';
      });
    case 'waiting':
      return;
    case 'answered':
    case 'no answer':
    case 'not sent': {
      const { pc } = me;
      return step('records the end of its call', (next, mine) => {
        intentOf(next, mine.intent).end = pc;
        next.work[thread] = idle();
        if (writes) next.work[thread].pc = 'step';
        else leave(next, thread);
      });
    }
  }
}

/** `lookAtAccept`, then `conclude`. */
function look(next: State, { without }: AcceptingOptions, thread: Thread): void {
  const mine = next.work[thread];
  if (next.lease.latest !== thread && without !== 'fence') return leave(next, thread);
  const isStep = mine.pc === 'step';
  if (isStep && !next.open && without !== 'closing') return leave(next, thread);
  const at = unsettledAt(next);
  const intent = at > 0 ? intentOf(next, at) : null;
  const settle = (how: Intent['settled']): void => {
    if (intent) Object.assign(intent, { settled: how, past: true });
  };
  if (next.order === 'Active') {
    settle('done');
    next.accepted = next.attempt;
    return leave(next, thread);
  }
  if (intent?.end === 'not sent') {
    settle('nothing');
    // It may go out now, in a look of the same hold.
    if (!isStep) leave(next, thread);
    return;
  }
  if (intent && !isOver(intent) && !(intent.past && !isStep)) return leave(next, thread);
  const sent = next.intents.some(({ settled }) => settled === 'unknown' || settled === 'done');
  if (intent || (sent && without !== 'what was sent')) {
    settle('unknown');
    return leave(next, thread);
  }
  if (!isStep) return leave(next, thread);
  mine.pc = 'send';
}

function leave(next: State, thread: Thread): void {
  next.work[thread] = idle();
  release(next.lease, thread);
}
