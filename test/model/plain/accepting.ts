/** AcceptOrder whose answer is lost, or is an error after the module ran (F6). */
import type { Model } from '../explorer';

export interface AcceptOptions {
  /** A durable intent: after an accept that was sent there is no second. */
  intent?: boolean;
}

interface State {
  order: 'Pending' | 'Active';
  running: { ran: boolean }[];
  modules: number;
  worker: 'look' | 'wait' | 'done' | 'stop';
  intent: boolean;
  calls: number;
}

export const accepting: Model<State, AcceptOptions> = {
  init: () => ({ order: 'Pending', running: [], modules: 0, worker: 'look', intent: false, calls: 0 }),
  next(state, options, go) {
    state.running.forEach(({ ran }, at) => {
      if (!ran)
        return go('the module makes the account', (next) => {
          next.modules += 1;
          next.running.forEach((one, place) => place === at && (one.ran = true));
        });
      const ends = (next: State): void => {
        next.running.splice(at, 1);
        if (next.worker === 'wait') next.worker = 'look';
      };
      go('the accept ends: Active', (next) => {
        ends(next);
        next.order = 'Active';
      });
      go('~it ends in an error after the module ran: Pending', ends);
    });
    if (state.worker === 'wait') go('~time-out, cut, crash: handed out again', (next) => void (next.worker = 'look'));
    if (state.worker !== 'look') return;
    const send = (next: State): void => {
      next.calls += 1;
      next.running.push({ ran: false });
      next.worker = 'wait';
    };
    if (state.order === 'Active') go('done', (next) => void (next.worker = 'done'));
    else if (!options.intent && state.calls < 2) go('Pending: AcceptOrder', send);
    else if (!options.intent) go('stop', (next) => void (next.worker = 'stop'));
    else if (!state.intent)
      go('intent, AcceptOrder', (next) => {
        next.intent = true;
        send(next);
      });
    else if (state.running.length === 0)
      go('still Pending after the quarantine: a person', (next) => void (next.worker = 'stop'));
  },
  bad: ({ modules }) => (modules > 1 ? 'MODULE RUN TWICE' : null),
};
