/**
 * The walk through the product: each boundary with each row of the table, once killed there and once stopped. A seed takes
 * one row and three boundaries, one early, one in the middle and one late, so that a life is left for the next.
 */
import { Seeded } from '../seeded';
import type { EngineName } from './engines';
import { boundaryNames, stopMs } from './harms';
import type { Deed, Order } from './orders-to-worker';
import { planOf } from './plan';
import { rowsOf, type Plan, type Seat } from './rows';

/** The calls as an order comes to them; then those that few orders come to. */
const calls = [
  'inbox.add',
  'cursor.write',
  'inbox.take',
  'leases.acquire',
  'timeline.append',
  'salesforce.readOrder',
  'whmcs.getClient',
  'whmcs.getPayMethods',
  'whmcs.getProducts',
  'ledger.write',
  'openIntents.open',
  'whmcs.getOrders',
  'whmcs.addOrder',
  'claims.claim',
  'ledger.record',
  'openIntents.close',
  'whmcs.getServices',
  'whmcs.acceptOrder',
  'salesforce.writeItems',
  'salesforce.writeOrder',
  'leases.release',
  'inbox.finish',
];
const place = (boundary: string): number => {
  const at = calls.indexOf(boundary.replace(/:.*$/, ''));
  return at < 0 ? calls.length : at;
};
const inOrder = [...boundaryNames].sort((one, other) => place(one) - place(other));
const groupCount = Math.ceil(inOrder.length / 3);
/** Three boundaries each, in the order in which they are come to. */
export const groups: readonly (readonly string[])[] = Array.from({ length: groupCount }, (_, at) =>
  [0, 1, 2].flatMap((third) => inOrder[at + third * groupCount] ?? []),
);

/** Only a death loses a store, or has an older one put in place. */
const needsDeath = (plan: Plan): boolean => plan.seats.some(({ between }) => between !== 'nothing');

/** How many seeds the whole walk has. */
export const seedsOfWalk = (engine: EngineName): number => rowsOf(engine).length * groups.length * 2;

/** @param seed from 1; after the last one it begins anew, with other faults. */
export function walkPlan(seed: number, engine: EngineName): Plan {
  const rows = rowsOf(engine);
  const step = Math.floor((seed - 1) / rows.length);
  const plan = planOf(seed, engine, rows[(seed - 1) % rows.length]);
  const names = groups[step % groups.length] ?? [];
  const stops = Math.floor(step / groups.length) % 2 === 1 && !needsDeath(plan);
  const seeded = new Seeded(seed);
  plan.walk = true;
  plan.hit = stops ? 'pause' : 'kill';
  const deed = (): Deed => (stops ? { kind: 'stop', ms: stopMs(seeded, engine) } : { kind: 'kill' });
  const orders = names.map((name): Order => ({ name, nth: 1, deed: deed() }));
  const asks = (seat: Seat): Order[] => (seat.lives[0] ?? []).filter((order) => order.deed.kind === 'ask');
  // Where both work on one store nobody knows who comes by; of two stores the second one goes as the seed has it.
  for (const seat of plan.seats.filter((one) => one.place === 0))
    seat.lives = stops
      ? [[...asks(seat), ...orders]]
      : orders.map((_, at) => [...(at === 0 ? asks(seat) : []), ...orders.slice(at)]);
  return plan;
}
