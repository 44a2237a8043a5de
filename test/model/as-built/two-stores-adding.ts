/** How one of two installations adds its order and reads it back. See `two-stores.ts`. */
import type { Go } from '../explorer';
import { isAlive, names } from './two-stores-state';
import type { Accept, Name, State, Store, TwoStoresOptions } from './two-stores-state';

export function store(state: State, options: TwoStoresOptions, name: Name, go: Go<State>): void {
  const me = state.stores[name];
  const step = (label: string, change: (next: State, mine: Store) => void): void =>
    go(`${name} ${label}`, (next) => change(next, next.stores[name]));
  const fails = (mine: Store, status: Store['status']): void =>
    void Object.assign(mine, { pc: 'idle', open: false, status });
  const twin = (next: State, mine: Store): void => {
    next.named = true;
    fails(mine, 'TWIN');
  };
  const marked = names.filter((one) => isAlive(state, one));
  /** `byMark`: a mark of another store counts as ours; two of them stop. */
  const byMark = (next: State, mine: Store): boolean => {
    const any = names.filter((one) => state.rows[one].status !== '');
    const [first] = marked.length > 0 ? marked : any;
    if (first === undefined) return false;
    if (marked.length > 1) {
      Object.assign(mine, { add: 'stopped', watched: true });
      twin(next, mine);
      return true;
    }
    adopt(mine, name, first, options);
    return true;
  };
  const isKilled = options.cancels
    ? me.pc === 'accept'
    : me.pc !== 'idle' && !(options.answered?.includes(name) && ['intent', 'adds', 'answered'].includes(me.pc));
  if (isKilled) go(`~kill -9 of ${name}`, (next) => void (next.stores[name].pc = 'idle'));
  switch (me.pc) {
    case 'idle':
      if (me.open && me.add === '' && me.adopted === '')
        step('looks for the mark', (next, mine) => {
          if (!byMark(next, mine)) mine.pc = 'rows';
        });
      if (me.open && me.adopted !== '') step('takes what is on record', (_, mine) => void (mine.pc = 'read back'));
      // A Retry settles a stop anew; else the background does.
      if (me.adopted === '' && (me.add === 'open' || (me.add === 'stopped' && me.open)))
        step('looks what became of AddOrder', (next, mine) => {
          if (mine.seen) adopt(mine, name, name, options);
          else if (!byMark(next, mine)) {
            // Absence, after the quarantine: resend is never.
            if (!mine.past) return void (mine.add = 'open');
            Object.assign(mine, { add: 'stopped', watched: true });
            fails(mine, 'UNKNOWN');
          }
        });
      if (me.add === 'open' && !me.past && !state.adds.includes(name))
        go(`the quarantine of ${name}’s AddOrder is over`, (next) => void (next.stores[name].past = true));
      // Four looks within a day: WHMCS has acted by the last one. Nothing is unsettled then.
      if (me.watched && me.add !== 'open' && !state.named && marked.some((one) => one !== me.adopted))
        step('names a twin that has turned up', (next) => void (next.named = true));
      return;
    case 'rows':
      return step('writes its intent', (_, mine) => void Object.assign(mine, { pc: 'intent', add: 'open' }));
    case 'intent':
      return step('sends AddOrder', (next, mine) => {
        mine.pc = 'adds';
        next.adds.push(name);
      });
    case 'answered':
      return step('looks at once', (next, mine) => {
        mine.pc = 'idle';
        if (mine.seen) adopt(mine, name, name, options);
        else byMark(next, mine);
      });
    case 'read back': {
      const { adopted } = me;
      if (adopted === '') return;
      return step('reads its order back', (next, mine) => {
        const dead = !isAlive(state, adopted);
        if (mine.verified && !dead) return void (mine.pc = 'accept');
        const twins = marked.filter((one) => one !== adopted);
        const [first] = twins;
        if (dead && first !== undefined) return adoptTwin(mine, name, first, options);
        if (first !== undefined && options.without !== 'the read-back') return twin(next, mine);
        if (dead) return fails(mine, 'GONE');
        Object.assign(mine, { verified: true, pc: 'accept' });
      });
    }
    case 'adds':
    case 'accept':
    case 'accept intent':
    case 'accepts':
    case 'cancel intent':
    case 'cancels':
  }
}

/** `adoptRow`: whoever else has made it may have accepted it, too. */
function adopt(mine: Store, name: Name, row: Name, { without }: TwoStoresOptions): void {
  Object.assign(mine, { pc: mine.open ? 'read back' : 'idle', add: 'settled', adopted: row, verified: false });
  mine.fresh = true;
  // What our own call makes may be still to come.
  if (row !== name && without !== 'the look-out') mine.watched = true;
  if (row !== name && without !== 'the other’s accept counted as sent') mine.accepts.push(sentBySomebody(row));
}

/** Of two a person has cancelled ours. */
function adoptTwin(mine: Store, name: Name, row: Name, { without }: TwoStoresOptions): void {
  const ran = mine.accepts.some((one) => one.row === mine.adopted && one.settled !== 'nothing');
  for (const one of mine.accepts) if (one.row === mine.adopted && !one.settled) one.settled = 'dead';
  Object.assign(mine, { adopted: row, verified: false, fresh: true });
  const elsewhere = row !== name && without !== 'the other’s accept counted as sent';
  if (elsewhere || ran) mine.accepts.push(sentBySomebody(row));
}

const sentBySomebody = (row: Name): Accept => ({ row, unknown: true, settled: '', ended: true, past: false });
