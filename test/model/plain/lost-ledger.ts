/** A store that is wiped, or whose replica is promoted without the intent, while AddOrder may be under way (F2). */
import type { Model } from '../explorer';

export interface LossOptions {
  /** What a worker does that finds no ledger after the loss: nothing, look for the marker first, or act as with an unsettled intent. */
  doubt: 'no' | 'preflight' | 'intent';
}

interface State {
  ledger: { intent: boolean; order: number };
  rows: number;
  wire: number;
  worker: 'idle' | 'ready' | 'intent' | 'wait' | 'done' | 'unknown';
  wiped: boolean;
  quarantineOver: boolean;
  runs: number;
}

export const lostLedger: Model<State, LossOptions> = {
  stopAtBad: true,
  init: () => ({
    ledger: { intent: false, order: 0 },
    rows: 0,
    wire: 0,
    worker: 'idle',
    wiped: false,
    quarantineOver: false,
    runs: 0,
  }),
  next(state, { doubt }, go) {
    if (!state.wiped && state.worker !== 'idle')
      go('~the store is wiped, the worker dies', (next) => {
        next.ledger = { intent: false, order: 0 };
        next.wiped = true;
        next.worker = 'idle';
      });
    if (state.wire > 0)
      go('WHMCS commits', (next) => {
        next.wire = 0;
        next.rows += 1;
      });
    if (state.wiped && !state.quarantineOver && state.wire === 0)
      go('the quarantine since the loss passes', (next) => void (next.quarantineOver = true));
    const take = (next: State, none: 'ready' | 'unknown'): void => {
      next.runs += 1;
      next.worker = next.rows > 0 ? 'done' : none;
      if (next.rows > 0) next.ledger.order = 1;
    };
    if (state.worker === 'idle' && state.runs < 3) {
      if (state.ledger.order)
        return go('already', (next) => {
          next.worker = 'done';
          next.runs += 1;
        });
      if (state.ledger.intent) {
        if (state.wire === 0) go('settle', (next) => take(next, 'unknown'));
        return;
      }
      if (state.wiped && doubt === 'preflight') return go('look for our marker first', (next) => take(next, 'ready'));
      if (state.wiped && doubt === 'intent') {
        if (state.quarantineOver) go('settle without a watermark', (next) => take(next, 'ready'));
        return;
      }
      go('sweep or replay hands the order out', (next) => {
        next.worker = 'ready';
        next.runs += 1;
      });
    }
    if (state.worker === 'ready')
      go('watermark and intent', (next) => {
        next.ledger.intent = true;
        next.worker = 'intent';
      });
    if (state.worker === 'intent')
      go('AddOrder is sent', (next) => {
        next.wire += 1;
        next.worker = 'wait';
      });
    if (state.worker === 'wait' && state.wire === 0 && state.rows > 0)
      go('success is recorded', (next) => {
        next.ledger.order = next.rows;
        next.worker = 'done';
      });
  },
  bad: ({ rows }) => (rows > 1 ? 'TWO WHMCS ORDERS' : null),
};
