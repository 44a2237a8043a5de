/**
 * How an event is handed out, lost and handed out again, as lib does it: deploys that drop messages and close nodes, a
 * source that is restarted, processes that are killed, foreign nodes that swallow a message, a publish that never came.
 *
 * - Taking and handing out again: `take` of the inbox, `start`, `handOutLost` and `again` in lib/provisioning/hand-out.ts,
 *   the register in handouts.ts. What a node does with a message: `take`, `pass` and `sendOn` in nodes/shared/step-runner.ts.
 * - Silence and death: `endSilent` and `endDead` in stopped-events.ts; `fail` and `decideFailed` in endings.ts.
 * - The sweep: `find` in stuck-orders.ts. An event of an Order that is not Activating: `getOrder` in get-order.ts.
 *
 * Left to other models: what the calls do (`adding.ts`, `accepting.ts`), and how Salesforce is told (`telling.ts`).
 */
import type { Go, Model } from '../explorer';

export interface HandingOutOptions {
  /** The publish is lost: no event ever comes. */
  unpublished?: boolean;
  /** A step may fail. */
  failures?: boolean;
  /** One guard that is taken out. */
  without?: Guard;
}

export type Guard =
  | 'the hand-out’s number'
  | 'handing out again'
  | 'what a closed node loses'
  | 'the wait for a running step'
  | 'the look at what is left at the start'
  | 'the end of the dead'
  | 'the time-out'
  | 'the sweep';

const stages = ['read', 'add', 'accept', 'tell'] as const;
type Stage = (typeof stages)[number] | 'catch';

/** A message between two nodes, or in one: `closed`, the node has been closed since. */
interface Message {
  handout: number;
  at: Stage;
  step: boolean;
  closed: boolean;
}

interface State {
  event: { state: '' | 'waiting' | 'in work' | 'dead' | 'ended'; handout: number; crashes: number; fruitless: number };
  /** A failure is wished for, and kept until no step runs. */
  wish: boolean;
  /** The register of this process; `deployed`: since its last sign of life. */
  known: { handout: number; undelivered: boolean; silent: boolean; deployed: boolean } | null;
  /** The source has started. */
  started: boolean;
  messages: Message[];
  deploys: number;
  done: 'nothing' | 'added' | 'accepted';
  open: boolean;
  salesforce: 'Activating' | 'Activated' | 'Failed';
  retried: boolean;
  /** Something but deploys has gone wrong. */
  excused: boolean;
  broken: string;
}

const mostDeploys = 2;
const fruitlessLimit = 3;
/** Five deaths in lib; fewer show the same. */
const mostCrashes = 2;

const newEvent = (handout: number): State['event'] => ({ state: 'waiting', handout, crashes: 0, fruitless: 0 });

export const handingOut: Model<State, HandingOutOptions> = {
  stopAtBad: true,
  init: ({ unpublished }) => ({
    event: { ...newEvent(0), state: unpublished ? '' : 'waiting' },
    wish: false,
    known: null,
    started: false,
    messages: [],
    deploys: 0,
    done: 'nothing',
    open: false,
    salesforce: 'Activating',
    retried: false,
    excused: false,
    broken: '',
  }),
  next(state, options, goOn) {
    const go: Go<State> = (label, change) =>
      goOn(label, (next) => {
        const possible = change(next);
        rank(next);
        return possible;
      });
    intake(state, options, go);
    for (const message of state.messages) flow(state, options, message, go);
    changes(state, go);
  },
  bad: ({ broken }) => broken || null,
  goal: ({ salesforce, event }) =>
    salesforce !== 'Activating' && event.state !== 'in work' && event.state !== 'waiting',
};

/** The numbers of hand-outs are only compared. */
function rank(next: State): void {
  const { event, known, messages } = next;
  const all = [event, ...(known ? [known] : []), ...messages];
  const numbers = [...new Set(all.map(({ handout }) => handout))].sort((a, b) => a - b);
  for (const one of all) one.handout = numbers.indexOf(one.handout);
  messages.sort((a, b) => JSON.stringify(a).localeCompare(JSON.stringify(b)));
}

const runs = ({ messages }: State): boolean => messages.some(({ step }) => step);

function send(next: State): void {
  next.event.state = 'in work';
  next.event.handout += 1;
  const { handout } = next.event;
  next.known = { handout, undelivered: false, silent: false, deployed: false };
  next.messages.push({ handout, at: 'read', step: false, closed: false });
}

/** `fail`: kept while a step runs; an order that is accepted is Activated. */
function fail(next: State, handout: number, { without }: HandingOutOptions): void {
  if (next.event.state === 'ended' || next.event.handout !== handout) return;
  if (runs(next) && without !== 'the wait for a running step') {
    next.wish = true;
    return;
  }
  if (runs(next)) next.broken = 'FAILED WHILE A STEP OF THE ORDER RUNS';
  if (next.done !== 'accepted' && !next.excused) next.broken = 'FAILED OVER A DEPLOY ALONE';
  end(next, next.done === 'accepted' ? 'Activated' : 'Failed');
}

function end(next: State, status: 'Activated' | 'Failed'): void {
  if (next.open || next.salesforce === 'Activating') next.salesforce = status;
  finish(next);
}
/** The event is over, whatever Salesforce shows. */
function finish(next: State): void {
  Object.assign(next, { open: false, wish: false, known: null });
  next.event.state = 'ended';
}

function intake(state: State, options: HandingOutOptions, go: Go<State>): void {
  const { event, known, started } = state;
  const { without } = options;
  const working = runs(state);
  if (!started)
    go('the source starts', (next) => {
      next.started = true;
      if (event.state !== 'in work' || without === 'the look at what is left at the start') return;
      if (known && working) next.known = { ...known, undelivered: true };
      else send(next);
    });
  if (!started) return;
  if (event.state === 'waiting' && !working) go('the event is handed out', send);
  if (event.state === 'dead' && without !== 'the end of the dead')
    go('an event that died with its processes is ended', (next) => {
      next.event.state = 'in work';
      fail(next, event.handout, options);
    });
  if (known && !working) {
    if (state.wish) go('the wish for Failed is decided', (next) => fail(next, known.handout, options));
    if (known.undelivered && without !== 'handing out again') go('what was lost is handed out again', send);
    // A foreign node may keep a message for long, too.
    const isKept = state.messages.some(({ handout }) => handout === known.handout);
    // What is handed out again is so within seconds of a loss, or half a minute after a deploy.
    const goesAgain = (known.undelivered || known.deployed) && without !== 'handing out again';
    if (!known.silent && !goesAgain)
      go(`${isKept ? '~' : ''}ten minutes of silence`, (next) => {
        next.known = { ...known, silent: true };
        next.excused ||= isKept;
      });
    const lost = known.deployed && without !== 'handing out again';
    if (lost && event.fruitless + 1 < fruitlessLimit)
      go('half a minute after a deploy it is handed out again', (next) => {
        next.event.fruitless += 1;
        send(next);
      });
    else if ((known.silent || lost) && without !== 'the time-out')
      go('FLOW_TIMEOUT', (next) => fail(next, known.handout, options));
  }
  const isOpen = ['waiting', 'in work', 'dead'].includes(event.state);
  if (state.salesforce === 'Activating' && !isOpen && !working && without !== 'the sweep')
    go('the sweep takes the order in', (next) => void (next.event = newEvent(event.handout)));
}

function flow(state: State, options: HandingOutOptions, message: Message, go: Go<State>): void {
  const { known } = state;
  const { without } = options;
  const { at, handout } = message;
  const place = state.messages.indexOf(message);
  const drop = (next: State): void => void next.messages.splice(place, 1);
  if (!message.step) {
    const isCurrent = known?.handout === handout || without === 'the hand-out’s number';
    if (!isCurrent) return go(`a message that is replaced ends at ${at}`, drop);
    go(`~a foreign node swallows the message before ${at}`, (next) => {
      drop(next);
      next.excused = true;
    });
    if (options.failures && state.messages.length < 2 && at !== 'catch')
      go('~the flow goes two ways: a copy goes to Catch', (next) => {
        next.messages.push({ handout, at: 'catch', step: false, closed: false });
        next.excused = true;
      });
    // One step of an order at a time, by its lease; an end asks for none before it knows that no step runs.
    if (runs(state) && at !== 'catch') return;
    return go(`the step ${at} begins`, (next) => {
      if (known?.handout !== handout) next.broken = 'A MESSAGE THAT IS REPLACED IS WORKED ON';
      Object.assign(next.messages[place] ?? {}, { step: true });
      if (next.known) next.known = { ...next.known, undelivered: false, silent: false, deployed: false };
    });
  }
  if (options.failures && at !== 'catch' && at !== 'tell')
    go(`~the step ${at} fails, and its message goes to Catch`, (next) => {
      drop(next);
      next.excused = true;
      if (!message.closed) next.messages.push({ handout, at: 'catch', step: false, closed: false });
      else if (next.known) next.known.undelivered = true;
    });
  go(`the step ${at} ends`, (next) => {
    drop(next);
    // visit.leave is a sign of life.
    if (next.known?.handout === handout) Object.assign(next.known, { silent: false, deployed: false });
    if (at === 'catch') return fail(next, handout, options);
    if (at === 'read') {
      if (state.salesforce !== 'Activating') return finish(next);
      next.open = true;
    }
    if (at === 'add' && next.done === 'nothing') next.done = 'added';
    if (at === 'accept') next.done = 'accepted';
    if (at === 'tell') return end(next, 'Activated');
    // A wish that came meanwhile is decided now.
    if (next.wish) {
      fail(next, handout, options);
      if (next.event.state === 'ended') return;
    }
    if (message.closed) {
      const mine = next.known?.handout === handout;
      if (next.known && mine && without !== 'what a closed node loses') next.known.undelivered = true;
      return;
    }
    next.messages.push({ handout, at: stages[stages.indexOf(at) + 1] ?? 'tell', step: false, closed: false });
  });
}

/** Deploys, deaths, people. */
function changes(state: State, go: Go<State>): void {
  const { event } = state;
  const drops = (next: State): void => {
    next.deploys += 1;
    next.messages = next.messages.filter(({ step }) => step).map((one) => ({ ...one, closed: true }));
  };
  if (state.deploys < mostDeploys) {
    go('~a deploy of modified flows: messages between nodes are gone, nodes close', (next) => {
      drops(next);
      if (next.known) next.known.deployed = true;
    });
    if (state.started)
      go('~a full deploy: the source is closed, too', (next) => {
        drops(next);
        next.started = false;
      });
  }
  if (event.crashes < mostCrashes)
    go('~kill -9', (next) => {
      Object.assign(next, { messages: [], known: null, started: false });
      if (event.state !== 'in work') return;
      next.event.crashes += 1;
      next.excused = true;
      next.event.state = next.event.crashes >= mostCrashes ? 'dead' : 'waiting';
    });
  if (!state.retried && state.salesforce === 'Failed' && !runs(state) && event.state === 'ended')
    go('~a person presses Retry', (next) => {
      next.retried = true;
      next.salesforce = 'Activating';
      next.event = newEvent(event.handout);
    });
}
