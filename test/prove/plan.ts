/** What a seed is: which row, what goes wrong at the vendors, and where which worker is killed or stopped. */
import { Seeded } from '../seeded';
import type { EngineName } from './engines';
import { salesforceCalls, storeCalls, whmcsReads, whmcsWrites } from './boundaries';
import type { Allowance } from './judge';
import type { Deed, Order } from './orders-to-worker';

export const rows = [
  'nothing else',
  'lost answer',
  'late commit',
  'commit after the quarantine',
  '502 page',
  'cut body',
  'reset',
  'definite refusal',
  'duplicate event',
  'retry click',
  'second instance',
  'two stores',
  'store restarted',
  'store lost',
  'marker dropped',
  'equal orders',
  'look-alike',
  'cloned order',
] as const;
export type Row = (typeof rows)[number];

/** What people and the world around do when a worker comes to a boundary. */
export const asks = ['duplicate', 'publish again', 'click', 'look-alike', 'restart the store'] as const;
export type Ask = (typeof asks)[number];

export interface Seat {
  /** Which of the plan's places. */
  place: number;
  /** Another word makes it seem another host. */
  host: string | null;
  /** One a process: it is killed, started again, and so on; then without orders. */
  lives: Order[][];
  /** Virtual ms from a death to the next start. */
  restartMs: number;
  /** Its place loses all that was kept before its second life. */
  loses: boolean;
  /** Virtual ms from the approval to its first start; null: it takes work before that. */
  startMs: number | null;
}

export interface PlannedFault {
  vendor: 'whmcs' | 'salesforce';
  fault: {
    call: string;
    times: number;
    skip: number;
    where?: Record<string, string>;
    do: { kind: string; ms?: number } & object;
  };
}

export interface Plan {
  seed: number;
  row: Row;
  hit: 'none' | 'kill' | 'pause' | 'both';
  places: number;
  seats: Seat[];
  faults: PlannedFault[];
  /** Product codes and quantities of each order; all are of one customer. */
  orders: { code: string; quantity: number }[][];
  /** An order that is provisioned before anything goes wrong: its mark is kept, and it may be cloned. */
  prelude: boolean;
  /** The (only) order is a clone of that one. */
  clone: boolean;
  keepsNotes: boolean;
  /** Virtual ms that the module takes; 0: none. */
  moduleMs: number;
  resend: 'once' | 'never';
  /** How often a person presses Retry on an order that has failed, and after how many virtual ms. */
  retries: number;
  retryAfterMs: number;
  allowances: Allowance[];
}

/** Whether a row has a sense on this engine. */
export const rowsOf = (engine: EngineName): Row[] =>
  rows.filter((row) => row !== 'store restarted' || engine === 'redis');

/** Boundaries that decide about money, oftener than the others. */
const critical: readonly string[] = [
  'openIntents.open:before',
  'openIntents.open:after',
  'ledger.write:before',
  'ledger.write:after',
  'whmcs.addOrder:before',
  'whmcs.addOrder:sending',
  'whmcs.addOrder:sending',
  'whmcs.addOrder:after',
  'whmcs.addOrder:after',
  'ledger.record:before',
  'ledger.record:after',
  'claims.claim:before',
  'claims.claim:after',
  'openIntents.close:before',
  'whmcs.getOrders:before',
  'whmcs.getOrders:after',
  'whmcs.acceptOrder:before',
  'whmcs.acceptOrder:sending',
  'whmcs.acceptOrder:sending',
  'whmcs.acceptOrder:after',
  'salesforce.writeOrder:before',
  'salesforce.writeOrder:after',
  'inbox.finish:before',
  'inbox.finish:after',
];

/** All boundaries by name. */
export const boundaryNames: readonly string[] = [
  ...Object.entries(storeCalls).flatMap(([part, calls]) => calls.map((call) => `${part}.${call}`)),
  ...[...whmcsReads, ...whmcsWrites].map((call) => `whmcs.${call}`),
  ...salesforceCalls.map((call) => `salesforce.${call}`),
].flatMap((name) => [
  `${name}:before`,
  ...(whmcsWrites.some((call) => name === `whmcs.${call}`) ? [`${name}:sending`] : []),
  `${name}:after`,
]);

/** About as many as an order has that goes well. */
const crossings = 80;

function at(seeded: Seeded, deed: Deed): Order {
  const draw = seeded.next();
  if (draw < 0.35) return { name: null, nth: seeded.whole(1, crossings), deed };
  const name = draw < 0.5 ? seeded.pick(boundaryNames) : seeded.pick(critical);
  const often = /^(ledger|leases|whmcs\.get|salesforce)/.test(name);
  return { name, nth: often ? seeded.whole(1, 6) : seeded.chance(0.85) ? 1 : 2, deed };
}

const kill = (seeded: Seeded): Order => at(seeded, { kind: 'kill' });
const stop = (seeded: Seeded): Order =>
  at(seeded, { kind: 'stop', ms: seeded.pick([8_000, 25_000, 45_000, 100_000, 400_000]) });
const ask = (seeded: Seeded, what: Ask): Order => at(seeded, { kind: 'ask', what });

function lives(seeded: Seeded, hit: Plan['hit']): Order[][] {
  switch (hit) {
    case 'none':
      return [[]];
    case 'kill':
      return Array.from({ length: seeded.pick([1, 1, 2, 3]) }, () => [kill(seeded)]);
    case 'pause':
      return [Array.from({ length: seeded.pick([1, 1, 2]) }, () => stop(seeded))];
    case 'both':
      return [[stop(seeded), kill(seeded)], ...(seeded.chance(0.4) ? [[kill(seeded)]] : [])];
  }
}

type Do = PlannedFault['fault']['do'];

/** At one of the three calls that change something; most often at AddOrder. */
function faultAt(seeded: Seeded, make: () => Do, times = 1): PlannedFault {
  const call = seeded.pick(['AddOrder', 'AddOrder', 'AddOrder', 'AcceptOrder', 'AcceptOrder', 'patch'] as const);
  const vendor = call === 'patch' ? 'salesforce' : 'whmcs';
  return { vendor, fault: { call, times, skip: 0, do: make() } };
}

const lost = (seeded: Seeded): Do =>
  seeded.pick<Do & { commit?: boolean; page?: string }>([
    { kind: 'commitThenDrop' },
    { kind: 'commitThenHang' },
    { kind: 'empty', commit: true },
    { kind: 'html', page: 'oops', commit: true },
  ]);
const late = (seeded: Seeded): Do => ({ kind: 'commitLate', ms: seeded.pick([500, 5_000, 30_000, 120_000, 280_000]) });

/** Salesforce takes its time over a *Failed*. */
export const slowFailed = (ms: number): PlannedFault => ({
  vendor: 'salesforce',
  fault: { call: 'patch', times: 1, skip: 0, where: { Activation_Status__c: 'Failed' }, do: { kind: 'delay', ms } },
});

/** For rows whose danger shows only where an answer is lost besides. */
function maybeLost(seeded: Seeded, share: number): PlannedFault[] {
  if (!seeded.chance(share)) return [];
  const what = seeded.chance(0.5) ? lost(seeded) : late(seeded);
  return [{ vendor: 'whmcs', fault: { call: 'AddOrder', times: 1, skip: 0, do: what } }];
}

export function planOf(seed: number, engine: EngineName, only?: Row): Plan {
  const own = rowsOf(engine);
  const row = only ?? own[(seed - 1) % own.length] ?? 'nothing else';
  // Neighbouring seeds would begin alike.
  const seeded = new Seeded(Math.imul(seed, 2_654_435_761));
  for (let warm = 0; warm < 4; warm++) seeded.next();
  const hit = seeded.pick(['none', 'kill', 'kill', 'kill', 'kill', 'kill', 'pause', 'pause', 'pause', 'both'] as const);
  const items = (): Plan['orders'][number] =>
    seeded.pick([
      [{ code: 'SEAT-M', quantity: seeded.whole(1, 3) }],
      [{ code: 'HOST-M', quantity: 1 }],
      [
        { code: 'SEAT-M', quantity: 2 },
        { code: 'HOST-M', quantity: 1 },
      ],
    ]);
  const first: Seat = {
    place: 0,
    host: null,
    lives: lives(seeded, hit),
    restartMs: seeded.pick([0, 0, 5_000, 40_000]),
    loses: false,
    startMs: null,
  };
  const plan: Plan = {
    seed,
    row,
    hit,
    places: 1,
    seats: [first],
    faults: [],
    orders: [items()],
    prelude: false,
    clone: false,
    keepsNotes: true,
    moduleMs: seeded.chance(0.2) ? 20_000 : 0,
    resend: seeded.chance(0.9) ? 'once' : 'never',
    retries: seeded.pick([0, 0, 1, 1, 2]),
    retryAfterMs: seeded.pick([2_000, 20_000, 90_000]),
    allowances: [],
  };
  const also = (order: Order): void => void (first.lives[0] = [...(first.lives[0] ?? []), order]);
  switch (row) {
    case 'nothing else':
      break;
    case 'lost answer':
      plan.faults = [faultAt(seeded, () => lost(seeded), seeded.pick([1, 1, 2]))];
      break;
    case 'late commit':
      plan.faults = [faultAt(seeded, () => late(seeded))];
      break;
    case 'commit after the quarantine':
      plan.faults = [faultAt(seeded, () => ({ kind: 'commitLate', ms: seeded.whole(320_000, 600_000) }))];
      plan.allowances = ['late twin', 'late accept'];
      break;
    case '502 page':
      plan.faults = [
        faultAt(
          seeded,
          () => ({ kind: 'html', page: 'badGateway', commit: seeded.chance(0.5) }) as Do,
          seeded.pick([1, 1, 2]),
        ),
      ];
      break;
    case 'cut body':
      plan.faults = [faultAt(seeded, () => ({ kind: 'cut', bytes: seeded.whole(0, 60) }) as Do, seeded.pick([1, 2]))];
      break;
    case 'reset': {
      const call = seeded.pick(['AddOrder', 'AcceptOrder', 'GetOrders', '*']);
      const what: Do = seeded.pick([{ kind: 'reset' }, { kind: 'refuse' }]);
      plan.faults = [
        { vendor: 'whmcs', fault: { call, times: seeded.whole(1, 4), skip: seeded.whole(0, 6), do: what } },
      ];
      if (seeded.chance(0.5)) plan.faults.push(faultAt(seeded, () => ({ kind: 'reset' })));
      break;
    }
    case 'definite refusal': {
      const body = { result: 'error', message: 'No items added to cart so order cannot proceed' };
      plan.faults = [
        { vendor: 'whmcs', fault: { call: 'AddOrder', times: 1, skip: 0, do: { kind: 'json', body } as Do } },
      ];
      if (seeded.chance(0.7)) plan.faults.push(slowFailed(seeded.pick([5_000, 20_000])));
      also({
        name: seeded.pick([
          'whmcs.addOrder:after',
          'salesforce.writeOrder:before',
          'inbox.finish:before',
          'ledger.write:after',
        ]),
        nth: seeded.whole(1, 2),
        deed: { kind: 'ask', what: 'publish again' },
      });
      break;
    }
    case 'duplicate event':
      for (let count = seeded.whole(1, 3); count > 0; count--)
        also(ask(seeded, seeded.pick(['duplicate', 'publish again'])));
      plan.faults = maybeLost(seeded, 0.3);
      break;
    case 'retry click':
      for (let count = seeded.whole(1, 2); count > 0; count--) also(ask(seeded, 'click'));
      plan.faults = maybeLost(seeded, 0.5);
      plan.allowances = ['edited'];
      plan.retries = 2;
      break;
    case 'second instance':
      plan.seats.push({
        ...first,
        lives: seeded.chance(0.5) ? lives(seeded, hit) : [[]],
        host: seeded.chance(0.5) ? 'other' : null,
      });
      plan.faults = maybeLost(seeded, 0.4);
      break;
    case 'two stores':
      plan.places = 2;
      plan.seats.push({ ...first, place: 1, lives: seeded.chance(0.5) ? lives(seeded, hit) : [[]] });
      plan.faults = maybeLost(seeded, 0.3);
      plan.allowances = ['two stores'];
      break;
    case 'store restarted':
      for (let count = seeded.whole(1, 2); count > 0; count--) also(ask(seeded, 'restart the store'));
      plan.faults = maybeLost(seeded, 0.4);
      break;
    case 'store lost':
      plan.hit = 'kill';
      first.lives = [[kill(seeded)], ...(seeded.chance(0.3) ? [[kill(seeded)]] : [])];
      first.loses = true;
      plan.faults = maybeLost(seeded, 0.6);
      break;
    case 'marker dropped':
      plan.prelude = true;
      plan.keepsNotes = false;
      plan.faults = maybeLost(seeded, 0.5);
      if (seeded.chance(0.5)) {
        const same = items();
        plan.orders = [same, same];
      }
      break;
    case 'equal orders': {
      const same = items();
      plan.orders = [same, same, ...(seeded.chance(0.3) ? [same] : [])];
      plan.keepsNotes = seeded.chance(0.6);
      plan.faults = maybeLost(seeded, 0.6);
      break;
    }
    case 'look-alike':
      also(ask(seeded, 'look-alike'));
      plan.keepsNotes = seeded.chance(0.5);
      plan.faults = maybeLost(seeded, 0.7);
      break;
    case 'cloned order':
      plan.prelude = true;
      plan.clone = true;
      plan.keepsNotes = seeded.chance(0.5);
      break;
  }
  return plan;
}
