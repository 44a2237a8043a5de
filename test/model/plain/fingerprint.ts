/** Two Salesforce orders of one client with the same product, a look-alike that a person keys in, and no marker (F3). */
import type { Model } from '../explorer';

export interface FingerprintOptions {
  /** A claimed row is no candidate, and an unsettled order of the client forbids the next call. */
  claims?: boolean;
  /** A fingerprint names candidates to a person, and never adopts. */
  strict?: boolean;
}

/** 0: a person's; 1, 2: of that Salesforce order. */
type Owner = 0 | 1 | 2;
type Which = 1 | 2;
interface Work {
  pc: 'idle' | 'send' | 'wait' | 'unknown' | 'person' | 'done';
  watermark: number;
}
interface State {
  orders: Record<Which, Work>;
  client: Owner;
  barrier: Owner;
  rows: Owner[];
  wire: Which[];
  got: Record<Which, number>;
  keyedIn: boolean;
}

export const fingerprint: Model<State, FingerprintOptions> = {
  stopAtBad: true,
  init: () => ({
    orders: { 1: { pc: 'idle', watermark: 0 }, 2: { pc: 'idle', watermark: 0 } },
    client: 0,
    barrier: 0,
    rows: [],
    wire: [],
    got: { 1: 0, 2: 0 },
    keyedIn: false,
  }),
  next(state, options, go) {
    if (!state.keyedIn)
      go('~a person makes a look-alike', (next) => {
        next.keyedIn = true;
        next.rows.push(0);
      });
    state.wire.forEach((which, at) => {
      go(`WHMCS commits the order of O${which}`, (next) => {
        next.wire.splice(at, 1);
        next.rows.push(which);
      });
      go(`~the call of O${which} dies`, (next) => void next.wire.splice(at, 1));
    });
    for (const which of [1, 2] as const) {
      const { pc } = state.orders[which];
      const barred = options.claims && state.barrier !== 0 && state.barrier !== which;
      if (pc === 'idle' && !state.client && !barred)
        go(`O${which} takes the client, writes watermark and intent`, (next) => {
          next.client = which;
          next.barrier = which;
          next.orders[which] = { pc: 'send', watermark: next.rows.length };
        });
      if (pc === 'send')
        go(`O${which} sends AddOrder`, (next) => {
          next.wire.push(which);
          next.orders[which].pc = 'wait';
        });
      if (pc === 'wait' && state.rows.includes(which))
        go(`O${which} gets its answer`, (next) => {
          next.got[which] = next.rows.indexOf(which) + 1;
          next.orders[which].pc = 'done';
          next.client = 0;
          if (next.barrier === which) next.barrier = 0;
        });
      if (pc === 'wait')
        go(`~the answer to O${which} is lost, the client is free`, (next) => {
          next.orders[which].pc = 'unknown';
          if (next.client === which) next.client = 0;
        });
      if (pc === 'unknown' && !state.wire.includes(which))
        go(`O${which} settles by fingerprint`, (next) => settle(next, which, options));
    }
  },
  bad({ got, rows }) {
    for (const which of [1, 2] as const) {
      const owner = got[which] ? rows[got[which] - 1] : which;
      if (owner !== which)
        return owner ? 'ADOPTED THE OTHER SALESFORCE ORDER’S WHMCS ORDER' : 'ADOPTED A PERSON’S ORDER';
    }
    return null;
  },
};

function settle(next: State, which: Which, { claims, strict }: FingerprintOptions): void {
  const other: Which = which === 1 ? 2 : 1;
  const candidates = next.rows
    .map((_, at) => at + 1)
    .filter((row) => row > next.orders[which].watermark && !(claims && next.got[other] === row));
  const [only] = candidates;
  if (strict || only === undefined || candidates.length > 1) {
    next.orders[which].pc = 'person';
    return;
  }
  next.got[which] = only;
  next.orders[which].pc = 'done';
  if (next.barrier === which) next.barrier = 0;
}
