/** Rules whose whole story is a few steps: skips and the sweep, a cloned id, a refused result, duplicates, the lease's length. */
import type { Model } from '../explorer';

/** An event that comes before its transaction is visible, and the sweep (F11). */
export const skippedEvent: Model<
  { salesforce: 'Draft' | 'Activating' | 'Activated'; event: 'new' | 'work' | 'skipped' | 'done'; reads: number },
  { sweepTakes: 'never seen' | 'no open work' }
> = {
  init: () => ({ salesforce: 'Draft', event: 'new', reads: 0 }),
  next({ salesforce, event }, { sweepTakes }, go) {
    if (salesforce === 'Draft')
      go('the publishing transaction commits', (next) => void (next.salesforce = 'Activating'));
    if (event === 'new')
      go(`the guard reads ${salesforce}`, (next) => {
        if (next.salesforce === 'Activating') next.event = 'work';
        else if (next.reads++ > 1) next.event = 'skipped';
      });
    if (event === 'work')
      go('provisioned', (next) => {
        next.salesforce = 'Activated';
        next.event = 'done';
      });
    if (salesforce === 'Activating' && sweepTakes === 'no open work' && event !== 'new' && event !== 'work')
      go('the sweep takes it in', (next) => {
        next.event = 'new';
        next.reads = 0;
      });
  },
  end: ({ salesforce }) => (salesforce === 'Activating' ? 'STUCK IN ACTIVATING' : null),
};

/** Clone copies the id of the WHMCS order into another Salesforce order (F15). */
export const clonedId: Model<{ got: boolean; foreign: boolean }, { claims: boolean }> = {
  init: () => ({ got: false, foreign: false }),
  next({ got, foreign }, { claims }, go) {
    if (!got && !foreign)
      go('the clone reads back the order that it names', (next) => void (next[claims ? 'foreign' : 'got'] = true));
  },
  bad: ({ got }) => (got ? 'THE CLONE IS TOLD AS ACTIVATED, AND ITS OWN ORDER NEVER MADE' : null),
};

/** A Failed that Salesforce refuses, and the sweep (F11). */
export const refusedResult: Model<{ event: 'new' | 'ended'; runs: number; untold: boolean }, { outbox: boolean }> = {
  init: () => ({ event: 'new', runs: 0, untold: false }),
  next({ event, runs, untold }, { outbox }, go) {
    if (event === 'new')
      go('a run that fails', (next) => {
        next.runs += 1;
        next.event = 'ended';
        next.untold = true;
      });
    if (untold) go('~Salesforce refuses the result', () => undefined);
    if (event === 'ended' && runs < 6 && !(outbox && untold))
      go('the sweep takes it in', (next) => void (next.event = 'new'));
  },
  bad: ({ runs }) => (runs > 1 ? 'A FAILED EVENT IS RUN AGAIN BY ITSELF, WITHOUT END' : null),
};

const published = [
  { order: 1, id: 'x', replay: 10, epoch: 1 },
  { order: 2, id: 'x', replay: 11, epoch: 1 },
  { order: 3, id: 'y', replay: 10, epoch: 2 },
] as const;
type Published = (typeof published)[number];
const keys = {
  id: ({ id }: Published) => id,
  replay: ({ replay }: Published) => String(replay),
  all: ({ replay, id, order, epoch }: Published) => [replay, id, order, epoch].join(),
};

/** Event ids that publishers choose, and replay ids that begin anew (F16). */
export const duplicates: Model<
  { next: number; seen: string[]; handled: number[]; replayed: boolean },
  { key: keyof typeof keys }
> = {
  init: () => ({ next: 0, seen: [], handled: [], replayed: false }),
  next(state, options, go) {
    const event = published[state.next];
    if (event)
      go(`event ${state.next} is delivered`, (next) => {
        next.next += 1;
        const key = keys[options.key](event);
        if (next.seen.includes(key)) return;
        next.seen.push(key);
        next.handled.push(event.order);
      });
    else if (!state.replayed)
      go('~all are delivered again', (next) => {
        next.replayed = true;
        next.next = 0;
      });
  },
  bad: ({ handled }) => (new Set(handled).size !== handled.length ? 'HANDLED TWICE' : null),
  end: ({ handled }) => (handled.length < published.length ? 'AN EVENT OF ANOTHER ORDER DROPPED AS A DUPLICATE' : null),
};

/** A lease that must outlast the call (F13). */
export const leaseLength: Model<{ sent: boolean; tries: number }, { leaseS: number; callS: number; outlast: boolean }> =
  {
    init: () => ({ sent: false, tries: 0 }),
    next({ sent, tries }, { leaseS, callS, outlast }, go) {
      if (!sent && tries < 5)
        go('the lease is renewed', (next) => {
          next.tries += 1;
          next.sent = !outlast || leaseS >= callS + 5;
        });
    },
    end: ({ sent }) => (sent ? null : 'NEVER SENDS'),
  };
