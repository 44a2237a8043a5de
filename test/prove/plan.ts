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
  'store restarted, everysec',
  'store restarted, always',
  'store lost',
  'older backup put back',
  'marker dropped',
  'equal orders',
  'look-alike',
  'cloned order',
] as const;
export type Row = (typeof rows)[number];

/** What people and the world around do when a worker comes to a boundary. */
export const asks = [
  'duplicate',
  'publish again',
  'click',
  'look-alike',
  'restart the store',
  'kill the store',
  'back the store up',
  'put the backup back',
] as const;
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
  /** What becomes of its place before its second life. */
  between: 'nothing' | 'loses all' | 'gets its backup back';
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
  /** When Redis writes its append-only file through to the disk; without a sense on the other engine. */
  fsync: 'everysec' | 'always';
  backup: Backup | null;
  allowances: Allowance[];
}

/** A backup is made when things begin to go wrong, and maybe once more at a boundary; this is how it is put back. */
export type Backup = (typeof backups)[EngineName][number];
const backups = {
  sqlite: ['the database', 'the database, without the lock file'],
  redis: ['the append-only file', 'the dump'],
} as const;

/** Rows that have a sense on this engine. */
export const rowsOf = (engine: EngineName): Row[] =>
  rows.filter((row) => !row.startsWith('store restarted') || engine === 'redis');

/** Which row a seed is of, where none is asked for. */
export function rowOf(seed: number, engine: EngineName): Row {
  const own = rowsOf(engine);
  return own[(seed - 1) % own.length] ?? 'nothing else';
}

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
/**
 * Virtual ms. On Redis also past the ten minutes after which a silent process of another host is taken for dead; then past
 * the quarantine too. The embedded store has one process, and nobody who would take it for dead.
 */
const stopsMs: Record<EngineName, readonly number[]> = {
  sqlite: [8_000, 25_000, 45_000, 100_000, 400_000],
  redis: [8_000, 25_000, 45_000, 100_000, 400_000, 700_000, 1_300_000],
};
const stop = (seeded: Seeded, engine: EngineName): Order =>
  at(seeded, { kind: 'stop', ms: seeded.pick(stopsMs[engine]) });
const ask = (seeded: Seeded, what: Ask): Order => at(seeded, { kind: 'ask', what });

function lives(seeded: Seeded, hit: Plan['hit'], engine: EngineName): Order[][] {
  switch (hit) {
    case 'none':
      return [[]];
    case 'kill':
      return Array.from({ length: seeded.pick([1, 1, 2, 3]) }, () => [kill(seeded)]);
    case 'pause':
      return [Array.from({ length: seeded.pick([1, 1, 2]) }, () => stop(seeded, engine))];
    case 'both':
      return [[stop(seeded, engine), kill(seeded)], ...(seeded.chance(0.4) ? [[kill(seeded)]] : [])];
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
  const row = only ?? rowOf(seed, engine);
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
    lives: lives(seeded, hit, engine),
    restartMs: seeded.pick([0, 0, 5_000, 40_000]),
    between: 'nothing',
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
    fsync: seed % 2 ? 'everysec' : 'always',
    backup: null,
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
        lives: seeded.chance(0.5) ? lives(seeded, hit, engine) : [[]],
        host: seeded.chance(0.5) ? 'other' : null,
      });
      plan.faults = maybeLost(seeded, 0.4);
      if (engine === 'redis') plan.allowances = ['paused sender'];
      break;
    case 'two stores':
      plan.places = 2;
      plan.seats.push({ ...first, place: 1, lives: seeded.chance(0.5) ? lives(seeded, hit, engine) : [[]] });
      plan.faults = maybeLost(seeded, 0.3);
      plan.allowances = ['two stores'];
      break;
    case 'store restarted, everysec':
    case 'store restarted, always':
      plan.fsync = row === 'store restarted, always' ? 'always' : 'everysec';
      for (let count = seeded.whole(1, 2); count > 0; count--)
        also(ask(seeded, seeded.pick(['restart the store', 'kill the store'])));
      plan.faults = maybeLost(seeded, 0.4);
      break;
    case 'store lost':
      plan.hit = 'kill';
      first.lives = [[kill(seeded)], ...(seeded.chance(0.3) ? [[kill(seeded)]] : [])];
      first.between = 'loses all';
      plan.faults = maybeLost(seeded, 0.6);
      break;
    case 'older backup put back':
      shapeBackup(plan, first, seeded, engine);
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

/** The calls that a copy of before does not know of. */
const money: readonly string[] = [
  'whmcs.addOrder:before',
  'whmcs.addOrder:sending',
  'whmcs.addOrder:after',
  'ledger.record:after',
  'claims.claim:after',
  'whmcs.acceptOrder:sending',
  'whmcs.acceptOrder:after',
  'salesforce.writeOrder:before',
  'salesforce.writeOrder:after',
];
/** Instants of backups: the closer to the call, the less the copy lacks. */
const before: readonly string[] = [
  'inbox.add:before',
  'inbox.add:after',
  'salesforce.readOrder:after',
  'whmcs.getClient:after',
  'openIntents.open:before',
  'openIntents.open:after',
  'whmcs.addOrder:before',
  'whmcs.addOrder:after',
  'whmcs.acceptOrder:before',
];

/** An older copy is put in place while AddOrder is in flight, or is just done. */
function shapeBackup(plan: Plan, first: Seat, seeded: Seeded, engine: EngineName): void {
  const once = (name: string, deed: Deed): Order => ({ name, nth: 1, deed });
  const again = seeded.chance(0.7) ? [once(seeded.pick(before), { kind: 'ask', what: 'back the store up' })] : [];
  const at = seeded.pick(money);
  plan.backup = seeded.pick<Backup>(backups[engine]);
  plan.moduleMs = seeded.chance(0.4) ? 20_000 : 0;
  plan.keepsNotes = seeded.chance(0.75);
  if (!plan.keepsNotes) plan.allowances = ['lost record'];
  plan.faults = maybeLost(seeded, 0.5);
  // Only a server can be put back under a worker that lives.
  if (engine === 'redis' && seeded.chance(0.5)) {
    plan.hit = 'none';
    first.lives = [[...again, once(at, { kind: 'ask', what: 'put the backup back' })]];
  } else {
    plan.hit = 'kill';
    first.lives = [[...again, once(at, { kind: 'kill' })], ...(seeded.chance(0.3) ? [[kill(seeded)]] : [])];
    first.between = 'gets its backup back';
  }
}
