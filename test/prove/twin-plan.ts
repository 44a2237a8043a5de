/** A seed in which two stores add, and a person lets the first one cancel one of both orders, then presses Retry. */
import type { Seeded } from '../seeded';
import { late, lost } from './faults';
import type { Order } from './orders-to-worker';
import type { Plan, Seat } from './rows';

const decisive = [
  'whmcs.cancelOrder:before',
  'whmcs.cancelOrder:sending',
  'whmcs.cancelOrder:sending',
  'whmcs.cancelOrder:after',
];

/** @param others what becomes of the second store's process, besides. */
export function shapeTwin(plan: Plan, first: Seat, seeded: Seeded, others: Order[][]): void {
  plan.places = 2;
  plan.cancels = seeded.pick(['the older', 'the newer']);
  plan.retries = 5;
  const hit = seeded.pick(['none', 'kill', 'kill', 'stop'] as const);
  const name = seeded.pick(decisive);
  if (hit === 'none') first.lives = [[]];
  else first.lives = [[{ name, nth: 1, deed: hit === 'kill' ? { kind: 'kill' } : { kind: 'stop', ms: 100_000 } }]];
  plan.seats.push({ ...first, place: 1, lives: seeded.chance(0.3) ? others : [[]] });
  // Each store adds before it can see the other's order, and reads back when both are there.
  const slow = (call: string, times: number, ms: number): Plan['faults'][number] => ({
    vendor: 'whmcs',
    fault: { call, times, skip: 0, do: { kind: 'delay', ms } },
  });
  plan.faults = [slow('AddOrder', 2, 30_000), slow('GetOrders', 12, 8_000)];
  if (seeded.chance(0.6)) {
    const what = seeded.chance(0.5) ? lost(seeded) : late(seeded);
    plan.faults.push({ vendor: 'whmcs', fault: { call: 'CancelOrder', times: 1, skip: 0, do: what } });
  }
  plan.allowances = ['two stores'];
}
