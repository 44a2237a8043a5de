/** What a seed is: which row, what goes wrong at the vendors, and where which worker is killed or stopped. */
import { markerField } from '../../simulators/whmcs/store';
import { Seeded } from '../seeded';
import { shapeBackup } from './backup-plan';
import { shapeTwin } from './twin-plan';
import type { EngineName } from './engines';
import { away, faultAt, late, lost, maybeLost, slowFailed, unansweredRead, type Do } from './faults';
import { ask, kill, lives } from './harms';
import type { Order } from './orders-to-worker';
import { rowOf, type Plan, type Row, type Seat } from './rows';

const seatPid = 11;
const seat = (quantity: number) => ({ code: 'SEAT-M', quantity });

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
    walk: false,
    row,
    hit,
    places: 1,
    seats: [first],
    faults: [],
    orders: [items()],
    older: 0,
    prelude: false,
    clone: false,
    keepsNotes: true,
    marker: 'notes',
    moduleMs: seeded.chance(0.2) ? 20_000 : 0,
    resend: seeded.chance(0.9) ? 'once' : 'never',
    retries: seeded.pick([0, 0, 1, 1, 2]),
    retryAfterMs: seeded.pick([2_000, 20_000, 90_000]),
    fsync: seed % 2 ? 'everysec' : 'always',
    backup: null,
    cancels: null,
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
    case 'unanswered read':
      plan.faults = [unansweredRead(seeded), ...(seeded.chance(0.5) ? [unansweredRead(seeded)] : [])];
      plan.faults.push(...maybeLost(seeded, 0.5));
      break;
    case 'WHMCS away':
      plan.faults = [...maybeLost(seeded, 0.4), away(seeded)];
      if (seeded.chance(0.5)) plan.orders = [items(), items(), items()];
      break;
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
    case 'twin cancelled':
      shapeTwin(plan, first, seeded, lives(seeded, hit, engine));
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
    case 'marker in a field': {
      // A field is of one product alone.
      const quantity = seeded.whole(1, 3);
      plan.orders = seeded.chance(0.5) ? [[seat(quantity)]] : [[seat(quantity)], [seat(quantity)]];
      plan.marker = { customFieldId: markerField(seatPid) };
      plan.keepsNotes = false;
      plan.faults = maybeLost(seeded, 0.7);
      break;
    }
    case 'no marker':
      // The checker knows by nothing but the mark which order WHMCS made for whom: there is one.
      plan.marker = 'none';
      if (seeded.chance(0.3)) also(ask(seeded, 'look-alike'));
      plan.faults = maybeLost(seeded, 0.7);
      break;
    case 'equal orders': {
      const same = items();
      plan.orders = [same, same, ...(seeded.chance(0.3) ? [same] : [])];
      plan.keepsNotes = seeded.chance(0.6);
      plan.faults = maybeLost(seeded, 0.6);
      break;
    }
    case 'old customer':
      plan.older = seeded.whole(30, 120);
      plan.keepsNotes = seeded.chance(0.7);
      if (seeded.chance(0.4)) also(ask(seeded, 'look-alike'));
      plan.faults = maybeLost(seeded, 0.7);
      break;
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
