/** How one of two installations accepts its order, and a person’s word on a twin. See `two-stores.ts`. */
import type { Go } from '../explorer';
import { isAlive, minute, names, other } from './two-stores-state';
import type { Accept, Name, State, Store, TwoStoresOptions } from './two-stores-state';

const olderLooks = 'the wait for what leaves on older looks';

export function accepting(state: State, options: TwoStoresOptions, name: Name, go: Go<State>): void {
  const me = state.stores[name];
  const { adopted, cancel } = me;
  if (adopted === '') return;
  const { status } = state.rows[adopted];
  const at = me.accepts.findIndex((one) => one.row === adopted && !one.settled);
  const open = me.accepts[at];
  const step = (label: string, change: (next: State, mine: Store) => void): void =>
    go(`${name} ${label}`, (next) => change(next, next.stores[name]));
  /** `lookAtAccept`, then `conclude`. */
  const look = (next: State, mine: Store, isStep: boolean): void => {
    const now = mine.accepts[at];
    const ends = (settled: Accept['settled'], to?: Store['status']): void => {
      if (now) now.settled = settled;
      mine.pc = 'idle';
      if (to) Object.assign(mine, { open: false, status: to });
    };
    if (status === 'Active') return ends('done', mine.open ? 'Activated' : undefined);
    if (status === 'Cancelled') return ends('dead', mine.open ? 'GONE' : undefined);
    const over = now !== undefined && now.past && !isStep;
    if (now && !over) return void (mine.pc = 'idle');
    const sent = mine.accepts.some((one) => one.row === adopted && one.settled !== 'nothing');
    if (now || sent) return ends('unknown', mine.open ? 'UNKNOWN' : undefined);
    // It is not accepted while a CancelOrder may be carried out.
    const mayBeCancelled =
      cancel?.sent === true && cancel.row === adopted && options.without !== 'the wait for a cancel';
    mine.pc = isStep && !mayBeCancelled ? 'accept intent' : 'idle';
    if (mine.pc === 'idle' || mine.fresh || options.without === 'the second look for twins') return;
    if (!isAlive(next, other(adopted))) return;
    next.named = true;
    Object.assign(mine, { pc: 'idle', open: false, status: 'TWIN' });
  };
  if (me.pc === 'accept') step(`reads its order: ${status}`, (next, mine) => look(next, mine, true));
  // Its intent settles as not sent, which counts for nothing; it is made again, and looks again then.
  if (me.pc === 'accept intent' && me.old && options.without !== 'the age of the last look')
    step('is too late to send AcceptOrder', (_, mine) => void Object.assign(mine, { pc: 'idle', old: false }));
  else if (me.pc === 'accept intent')
    step('writes the intent, and sends AcceptOrder', (next, mine) => {
      mine.accepts.push({ row: adopted, unknown: false, settled: '', ended: false, past: false });
      Object.assign(mine, { pc: 'accepts', old: false });
      const late = names.some((one) => {
        const word = state.stores[one].cancel;
        return word?.row === adopted && (word.waited !== '' || options.without === olderLooks);
      });
      next.accepts.push({ by: name, row: adopted, running: false, late });
    });
  if (me.pc !== 'idle' || !open) return;
  step('settles its accept', (next, mine) => look(next, mine, false));
  if (!open.past && !state.accepts.some(({ row }) => row === adopted))
    step('has waited out the quarantine of its accept', (_, mine) => {
      const now = mine.accepts[at];
      if (now) now.past = true;
    });
}

export function people(state: State, options: TwoStoresOptions, name: Name, go: Go<State>): void {
  const { cancels, paused, without } = options;
  const me = state.stores[name];
  if (me.pc === 'cancel intent')
    return go(`${name} sends CancelOrder`, (next) => {
      const mine = next.stores[name];
      if (!mine.cancel) return false;
      mine.pc = 'cancels';
      mine.cancel.sent = true;
      next.cancels.push({ by: name, row: mine.cancel.row });
    });
  if (me.pc !== 'idle') return;
  if (!me.open && me.status !== 'Activated')
    go(
      `~a person presses Retry at ${name}`,
      ({ stores }) => void Object.assign(stores[name], { open: true, status: 'Activating' }),
    );
  if (!cancels || name !== 'A' || !state.named || me.add === 'open' || me.add === '') return;
  for (const row of names) {
    // A person decides for one of the two.
    if (me.cancel && me.cancel.row !== row) continue;
    if (state.rows[row].status !== 'Pending' || !isAlive(state, other(row)) || me.cancel?.sent) continue;
    const wasSent = me.accepts.some((one) => one.row === row && one.settled !== 'nothing');
    if (wasSent && without !== 'what was accepted') continue;
    const foreign = row !== name && without !== 'the second word';
    const word = `~a person says at ${name}: cancel ${row}’s order`;
    if (foreign && !me.cancel) go(word, ({ stores }) => void (stores[name].cancel = noted(row)));
    if (!foreign || me.cancel?.waited === 'quarantine')
      go(word, ({ stores }) => {
        stores[name].cancel ??= noted(row);
        stores[name].pc = 'cancel intent';
      });
    const isSending = state.stores[row].pc === 'accept intent' && !paused;
    if (!foreign || !me.cancel || isSending) continue;
    const wait = (what: string, waited: NonNullable<Store['cancel']>['waited']): void =>
      go(`${what} at ${name}`, ({ stores }) => {
        const { cancel } = stores[name];
        if (cancel) cancel.waited = waited;
        minute({ stores });
      });
    // `onOldLooksMs`: what leaves after that has looked for twins again.
    if (me.cancel.waited === '' && without !== olderLooks) wait('two minutes pass', 'older looks');
    else if (me.cancel.waited !== 'quarantine') {
      // Whatever was under way when it began has ended; what left later may run on.
      const isUnderWay = state.accepts.some((one) => one.row === row && !one.late);
      if (!isUnderWay) wait('the quarantine passes', 'quarantine');
    }
  }
}

const noted = (row: Name) => ({ row, waited: '' as const, sent: false });
