/** Two installations with a store each, on one org and one WHMCS (F10). */
import type { Model } from '../explorer';

export interface TwoStoresOptions {
  /** Looks for the marker before it adds. */
  before?: boolean;
  /** Looks again between adding and accepting. */
  after?: boolean;
}

type Name = 'A' | 'B';
interface State {
  pc: Record<Name, 'idle' | 'stop' | 'go' | 'insert' | 'answered' | 'twin' | 'accept' | 'done'>;
  rows: Name[];
  accepted: Name[];
}

const names: readonly Name[] = ['A', 'B'];

export const twoStores: Model<State, TwoStoresOptions> = {
  init: () => ({ pc: { A: 'idle', B: 'idle' }, rows: [], accepted: [] }),
  next(state, { before, after }, go) {
    for (const name of names) {
      const to = (label: string, change: (next: State) => State['pc'][Name]): void =>
        go(`${name} ${label}`, (next) => void (next.pc[name] = change(next)));
      switch (state.pc[name]) {
        case 'idle':
          to('looks for the marker', ({ rows }) => (before && rows.length > 0 ? 'stop' : 'go'));
          break;
        case 'go':
          to('sends AddOrder', () => 'insert');
          break;
        case 'insert':
          to('is answered: its row is there', ({ rows }) => {
            rows.push(name);
            return 'answered';
          });
          break;
        case 'answered':
          to('goes on', ({ rows }) => (after && rows.some((row) => row !== name) ? 'twin' : 'accept'));
          break;
        case 'accept':
          to('accepts', ({ accepted }) => {
            accepted.push(name);
            return 'done';
          });
          break;
        case 'stop':
        case 'twin':
        case 'done':
      }
    }
  },
  bad: ({ accepted }) => (accepted.length > 1 ? 'TWO ACCEPTED ORDERS' : null),
  end: ({ rows, pc }) =>
    rows.length > 1 && !names.some((name) => pc[name] === 'twin') ? 'TWIN NOT NOTICED BY ANYBODY' : null,
};
