/**
 * Two installations with a store each, on one org and one WHMCS that keeps the marks, as lib does it: both get every event,
 * neither sees the other's records, and only the marks tell them of each other.
 *
 * - Adding: `settleFirst` in lib/provisioning/add-order.ts, `takeMarked`, `send` and `concluded` in add-now.ts. Settling:
 *   `lookAtAdd` and `byMark` in settle-add.ts, `adoptRow` in add-settling.ts, `lookAtAdding` in settling-look.ts.
 * - The read-back: `readBack` and `adoptTwin` in adopted-order.ts. The look-out: `watchFrom` in add-record.ts, `lookForLate`
 *   in late-orders.ts.
 * - Accepting: `accept` and `send` in accept-order.ts, with `refuseTwins` in adopted-order.ts for an order that has been on
 *   record for more than a minute, and `sendBy`, which counts from the last look; `lookAtAccept` in settle-accept.ts,
 *   `lookAtAccepting` in settling-look.ts.
 * - A person's word on a twin: `cancel`, `whyNot` and `untilNobodyAccepts` in cancel-twin.ts, `mayBeCancelled` in
 *   cancel-under-way.ts.
 *
 * A store is one thread: several on one store are `adding.ts` and `accepting.ts`. WHMCS acts within the quarantine.
 */
import type { Go, Model } from '../explorer';
import { accepting, people } from './two-stores-accepting';
import { store } from './two-stores-adding';
import { isAlive, minute, names, newStore } from './two-stores-state';
import type { State, Store, TwoStoresOptions } from './two-stores-state';

export const twoStores: Model<State, TwoStoresOptions> = {
  stopAtBad: true,
  init: () => ({
    stores: { A: newStore(), B: newStore() },
    rows: { A: { status: '', ran: 0 }, B: { status: '', ran: 0 } },
    adds: [],
    accepts: [],
    cancels: [],
    named: false,
    broken: '',
  }),
  next(state, options, go) {
    whmcs(state, options, go);
    for (const name of names) {
      store(state, options, name, go);
      accepting(state, options, name, go);
      people(state, options, name, go);
    }
    const isAnyNew = names.some((name) => {
      const { fresh, old, pc } = state.stores[name];
      return fresh || (pc === 'accept intent' && !old);
    });
    if (isAnyNew) go('~a minute passes', minute);
  },
  bad({ rows, stores, broken }) {
    if (rows.A.ran + rows.B.ran > 1) return 'MODULES RUN TWICE FOR ONE ORDER';
    const isLive = names.some((name) => rows[name].status === 'Active');
    if (!isLive && names.some((name) => stores[name].status === 'Activated'))
      return 'ACTIVATED WITHOUT AN ACTIVE ORDER';
    return broken || null;
  },
  end: (state) => (names.every((name) => isAlive(state, name)) && !state.named ? 'TWIN NOT NAMED TO ANYBODY' : null),
  goal: ({ stores }) => names.every((name) => stores[name].status !== 'Activating'),
};

function whmcs(state: State, { answered, cancels }: TwoStoresOptions, go: Go<State>): void {
  for (const name of state.adds) {
    const isWaiting = state.stores[name].pc === 'adds';
    const over = (next: State): void => void (next.adds = next.adds.filter((one) => one !== name));
    go(`WHMCS carries out the AddOrder of ${name}`, (next) => {
      over(next);
      next.rows[name].status = 'Pending';
      if (isWaiting) Object.assign(next.stores[name], { pc: 'answered', seen: true });
    });
    if (answered?.includes(name)) continue;
    if (isWaiting) {
      go(`~so, and the answer to ${name} is lost`, (next) => {
        over(next);
        next.rows[name].status = 'Pending';
        next.stores[name].pc = 'answered';
      });
      go(`~${name} gets no answer to AddOrder`, (next) => void (next.stores[name].pc = 'answered'));
    }
    go(`~the AddOrder of ${name} dies in WHMCS`, (next) => {
      over(next);
      if (isWaiting) next.stores[name].pc = 'answered';
    });
  }
  state.accepts.forEach(({ by, row, running }, at) => {
    const isWaiting = state.stores[by].pc === 'accepts';
    const ends = (next: State): void => {
      next.accepts.splice(at, 1);
      if (isWaiting) finished(next.stores[by]);
    };
    if (!running && state.rows[row].status !== 'Pending') go(`WHMCS refuses the AcceptOrder of ${by}`, ends);
    else if (!running)
      go(`the module of ${row}’s order makes the account`, (next) => {
        Object.assign(next.accepts[at] ?? {}, { running: true });
        next.rows[row].ran += 1;
      });
    else {
      go(`AcceptOrder of ${row}’s order ends: Active`, (next) => {
        ends(next);
        next.rows[row].status = 'Active';
      });
      if (!cancels) go(`~AcceptOrder of ${row}’s order ends in an error: Pending`, ends);
    }
    if (!running) go(`~the AcceptOrder of ${by} dies in WHMCS`, ends);
    if (isWaiting) go(`~${by} gets no answer to AcceptOrder`, (next) => finished(next.stores[by]));
  });
  state.cancels.forEach(({ by, row }, at) => {
    const isWaiting = state.stores[by].pc === 'cancels';
    go(`WHMCS carries out the CancelOrder of ${row}’s order`, (next) => {
      next.cancels.splice(at, 1);
      const { status } = next.rows[row];
      // WHMCS cancels none that is Active; one whose modules run is Pending still.
      if (status === 'Pending') next.rows[row].status = 'Cancelled';
      if (state.accepts.some((one) => one.row === row && one.running)) next.broken = 'CANCELLED UNDER ITS MODULES';
      const { cancel } = next.stores[by];
      if (isWaiting) next.stores[by].pc = 'idle';
      if (isWaiting && cancel) cancel.sent = false;
    });
    if (isWaiting) go(`~${by} gets no answer to CancelOrder`, (next) => void (next.stores[by].pc = 'idle'));
  });
}

/** Its call has ended, with an answer or without; what became of it is read. */
function finished(mine: Store): void {
  for (const one of mine.accepts) if (!one.settled && !one.unknown) one.ended = true;
  mine.pc = 'accept';
}
