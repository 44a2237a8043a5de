/** Any wiring: nodes in any order, a Catch for the whole tab, FLOW_TIMEOUT, a dead letter, an edited flow (F5). */
import type { Model } from '../explorer';

export interface WiringOptions {
  /** The message only asks; the ledger answers. */
  ledger?: boolean;
  /** Failed closes the attempt first; in a closed one nothing is added and nothing accepted. */
  close?: boolean;
}

interface State {
  closed: boolean;
  add: 'none' | 'open' | 'refused' | 'known';
  row: boolean;
  accepted: boolean;
  salesforce: 'Activating' | 'Activated' | 'Failed' | 'Failed with id';
  calls: number;
}

export const wiring: Model<State, WiringOptions> = {
  init: () => ({ closed: false, add: 'none', row: false, accepted: false, salesforce: 'Activating', calls: 0 }),
  next(state, { ledger, close }, go) {
    const shut = close && state.closed;
    if (state.add === 'none' && !shut) go('add order: AddOrder is in flight', (next) => void (next.add = 'open'));
    if (state.add === 'open' && !state.row) {
      go('WHMCS commits', (next) => void (next.row = true));
      go('~the call dies, and is settled so', (next) => void (next.add = 'refused'));
    }
    if (state.add === 'open' && state.row) go('the id is on record', (next) => void (next.add = 'known'));
    if (state.add === 'known' && !state.accepted && !shut)
      go('accept order: Active, read back', (next) => void (next.accepted = true));
    if (state.calls > 1) return;
    if (!ledger || state.accepted)
      go('update order is told Activated', (next) => {
        next.calls += 1;
        next.salesforce = 'Activated';
      });
    // Parked until it is settled.
    if (ledger && state.add === 'open') return;
    go('update order is told Failed', (next) => {
      next.calls += 1;
      if (ledger && next.accepted) return void (next.salesforce = 'Activated');
      next.closed = true;
      next.salesforce = next.add === 'known' ? 'Failed with id' : 'Failed';
    });
  },
  bad: ({ salesforce, accepted }) =>
    salesforce === 'Activated' && !accepted ? 'ACTIVATED WITHOUT AN ACCEPTED ORDER' : null,
  end({ salesforce, row, accepted }) {
    if (salesforce === 'Failed' && row) return 'FAILED AT REST, HIDES AN ORDER';
    return salesforce === 'Failed with id' && accepted ? 'FAILED AT REST THOUGH ACCEPTED' : null;
  },
};
