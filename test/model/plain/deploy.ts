/** A deploy of modified flows drops the message, while the source stays (F8). */
import type { Model } from '../explorer';

export interface DeployOptions {
  /** FLOW_TIMEOUT tells Failed. */
  write?: boolean;
  /** A claimed event in which no step runs is handed out again. */
  again?: boolean;
}

interface State {
  message: '' | 'add' | 'add, closing' | 'accept' | 'update';
  ledger: 'none' | 'order' | 'accepted';
  salesforce: 'Activating' | 'Activated' | 'Failed';
  event: 'claimed' | 'done' | 'failed';
  deployed: boolean;
}

export const deploy: Model<State, DeployOptions> = {
  init: () => ({ message: 'add', ledger: 'none', salesforce: 'Activating', event: 'claimed', deployed: false }),
  next(state, { write, again }, go) {
    const { message, event } = state;
    if (message && !state.deployed)
      go('~a deploy restarts the neighbours of what has changed', (next) => {
        next.deployed = true;
        next.message = next.message === 'add' ? 'add, closing' : '';
      });
    if (message === 'add' || message === 'add, closing')
      go(
        message === 'add'
          ? 'AddOrder is recorded, the message goes on'
          : 'AddOrder is recorded, the message goes nowhere',
        (next) => {
          next.ledger = 'order';
          next.message = message === 'add' ? 'accept' : '';
        },
      );
    if (message === 'accept')
      go('accepted', (next) => {
        next.ledger = 'accepted';
        next.message = 'update';
      });
    if (message === 'update')
      go('Activated is told', (next) => {
        next.salesforce = 'Activated';
        next.event = 'done';
        next.message = '';
      });
    if (message || event !== 'claimed') return;
    if (again)
      go('no step runs for the event: it is handed out again', (next) => {
        next.message = ({ none: 'add', order: 'accept', accepted: 'update' } as const)[next.ledger];
      });
    else
      go('FLOW_TIMEOUT', (next) => {
        next.event = 'failed';
        if (write) next.salesforce = 'Failed';
      });
  },
  end({ salesforce, ledger }) {
    if (salesforce === 'Activating') return 'STUCK IN ACTIVATING';
    return salesforce === 'Failed' && ledger !== 'none' ? 'FAILED WITHOUT ID ALTHOUGH AN ORDER EXISTS' : null;
  },
};
