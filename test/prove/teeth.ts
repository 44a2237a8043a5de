/** Rules that are taken out, one at a time, and the seeds that must show it. */
import type { Patch } from './bundle';
import type { EngineName } from './engines';
import { slowFailed } from './faults';
import { planOf } from './plan';
import type { Plan, Row } from './rows';
import type { StoreTooth } from './toothless';

export interface Tooth {
  /** The rule, as people call it. */
  name: string;
  engine: EngineName;
  /** A rule of the store, taken out by a decorator … */
  store?: StoreTooth;
  /** … or one of the source, taken out of the worker's copy. */
  patches?: Patch[];
  plans: Plan[];
  /**
   * How fast its time runs; none: as asked for. What has to come about within minutes must not be starved by a busy machine:
   * a process starts by the machine's own time.
   */
  rate?: number;
}

const from = (engine: EngineName, row: Row, count: number, shape: (plan: Plan) => void): Plan[] =>
  Array.from({ length: count }, (_, at) => {
    const plan = planOf(at + 1, engine, row);
    plan.retries = 0;
    shape(plan);
    return plan;
  });

const lateAdd = (ms: number): Plan['faults'] => [
  { vendor: 'whmcs', fault: { call: 'AddOrder', times: 1, skip: 0, do: { kind: 'commitLate', ms } } },
];

export const teeth: readonly Tooth[] = [
  {
    name: 'the read-back before the accept',
    engine: 'sqlite',
    patches: [
      {
        file: 'lib/provisioning/adopted-order.ts',
        from: 'const [twin] = twins;',
        to: 'const [twin] = twins.slice(twins.length);',
      },
    ],
    // Each store adds before it can see the other's order.
    plans: from('sqlite', 'two stores', 12, (plan) => {
      plan.faults = [
        { vendor: 'whmcs', fault: { call: 'AddOrder', times: 2, skip: 0, do: { kind: 'delay', ms: 30_000 } } },
      ];
      for (const seat of plan.seats) seat.lives = [[]];
    }),
  },
  {
    name: 'the fence',
    engine: 'redis',
    store: 'fence',
    rate: 20,
    // The first is stopped at a write and loses its lease; the second goes on, and sends an accept whose module runs for long.
    // What the first then writes over it lacks that intent.
    plans: from('redis', 'second instance', 6, (plan) => {
      plan.faults = [];
      plan.orders = [[{ code: 'HOST-M', quantity: 1 }]];
      plan.moduleMs = 280_000;
      const stopped = {
        name: 'ledger.write:before',
        nth: 2 + (plan.seed % 3),
        deed: { kind: 'stop', ms: 240_000 } as const,
      };
      for (const [at, seat] of plan.seats.entries()) {
        seat.host = null;
        seat.startMs = at === 0 ? null : 20_000;
        seat.lives = at === 0 ? [[stopped]] : [[]];
      }
    }),
  },
  {
    name: 'the intent to add',
    engine: 'sqlite',
    store: 'intents',
    // Another process has to add again before the first call is carried out.
    rate: 20,
    plans: from('sqlite', 'late commit', 12, (plan) => {
      plan.faults = lateAdd(280_000);
      const [seat] = plan.seats;
      if (seat) seat.lives = [[{ name: 'whmcs.addOrder:after', nth: 1, deed: { kind: 'kill' } }]];
    }),
  },
  {
    name: 'the claim',
    engine: 'sqlite',
    store: 'claims',
    // Salesforce would tell that the model names it too: that is another rule, which catches the same clone.
    patches: [
      {
        file: 'lib/provisioning/named-order.ts',
        from: 'if (!isKnown) refuseShared(named);',
        to: 'if (!isKnown && named.others === null) refuseShared(named);',
      },
    ],
    // Salesforce's Clone has copied the id, and WHMCS has kept no mark that would tell whose it is.
    plans: from('sqlite', 'cloned order', 8, (plan) => {
      plan.keepsNotes = false;
      for (const seat of plan.seats) seat.lives = [[]];
    }),
  },
  {
    name: 'the send-by test',
    engine: 'redis',
    patches: [
      {
        file: 'lib/whmcs/write-connection.ts',
        from: 'if (clock.monotonic() > sendBy) return new NotConnected(late.code, late.message);',
        to: '',
      },
      {
        file: 'lib/whmcs/write-connection.ts',
        from: 'this.giveUpUnsent(new GivenUp(late.code, late.message))',
        to: 'undefined',
      },
    ],
    // Stopped between the intent and the send, on another host, for longer than ten minutes of silence and the quarantine.
    rate: 25,
    plans: from('redis', 'second instance', 2, (plan) => {
      plan.faults = [];
      for (const [at, seat] of plan.seats.entries()) {
        seat.host = `host-${at}`;
        seat.startMs = at === 0 ? null : 60_000;
        seat.lives =
          at > 0 ? [[]] : [[{ name: 'whmcs.addOrder:before', nth: 1, deed: { kind: 'stop', ms: 1_300_000 } }]];
      }
    }),
  },
  {
    name: 'the closing of the attempt',
    engine: 'sqlite',
    patches: [{ file: 'lib/provisioning/endings.ts', from: "attemptState: 'closed',", to: "attemptState: 'open'," }],
    // The event comes once more while Failed is on its way to Salesforce.
    plans: from('sqlite', 'definite refusal', 12, (plan) => {
      const name = plan.seed % 2 ? 'salesforce.writeOrder:before' : 'inbox.finish:before';
      plan.faults.push(slowFailed(20_000));
      for (const seat of plan.seats) seat.lives = [[{ name, nth: 1, deed: { kind: 'ask', what: 'publish again' } }]];
    }),
  },
  {
    name: 'the facts',
    engine: 'sqlite',
    store: 'facts',
    // WHMCS keeps no mark: only the answer's fact says which order is ours.
    plans: from('sqlite', 'marker dropped', 4, (plan) => {
      plan.faults = [];
      plan.orders = plan.orders.slice(0, 1);
      for (const seat of plan.seats) seat.lives = [[]];
    }),
  },
];
