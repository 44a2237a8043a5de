/** A client's orders, newest first, two a page, while rows come and go between the pages (F17). Mirrors `lookThrough`. */
import type { Model } from '../explorer';

export interface PagingOptions {
  /** What makes a pass complete: that it ended, that it has as many rows as WHMCS counts, that the one before was equal. */
  rule: 'one' | 'count' | 'twice';
}

interface State {
  rows: number[];
  next: number;
  got: number[];
  before: string | null;
  start: number;
  changes: number;
  passes: number;
  said: '' | 'found' | 'none' | 'stop';
}

/** The row that is looked for; it is there all the time. */
const ours = 4;
const pageLength = 2;
const maxPasses = 5;

export const paging: Model<State, PagingOptions> = {
  init: () => ({ rows: [6, 5, 4, 3, 2, 1], next: 7, got: [], before: null, start: 0, changes: 0, passes: 0, said: '' }),
  next(state, { rule }, go) {
    if (state.said) return;
    if (state.changes < 2) {
      go('~a row is added', (next) => {
        next.changes += 1;
        next.rows.unshift(next.next++);
      });
      state.rows.forEach((row, at) => {
        if (row !== ours)
          go(`~row ${row} is deleted`, (next) => {
            next.changes += 1;
            next.rows.splice(at, 1);
          });
      });
    }
    go(`the page at ${state.start} is read`, (next) => {
      next.got.push(...next.rows.slice(next.start, next.start + pageLength));
      next.start += pageLength;
      if (next.start >= next.rows.length) pass(next, rule);
    });
  },
  bad: ({ said }) => (said === 'none' ? 'SAYS NONE ALTHOUGH THE ORDER IS THERE' : null),
};

function pass(next: State, rule: PagingOptions['rule']): void {
  const ids = [...new Set(next.got)].sort((a, b) => a - b);
  const complete = { one: true, count: ids.length === next.rows.length, twice: next.before === ids.join() }[rule];
  next.passes += 1;
  if (complete) next.said = ids.includes(ours) ? 'found' : 'none';
  else if (next.passes >= maxPasses) next.said = 'stop';
  next.before = ids.join();
  next.got = [];
  next.start = 0;
}
