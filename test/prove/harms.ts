/** Where a worker is killed or stopped, or asks for something: any boundary, but oftener one that decides about money. */
import type { Seeded } from '../seeded';
import { poll, salesforceCalls, storeCalls, whmcsReads, whmcsWrites } from './boundaries';
import type { EngineName } from './engines';
import type { Deed, Order } from './orders-to-worker';
import type { Ask, Plan } from './rows';

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
  ...(name === poll ? [] : [`${name}:before`]),
  ...(whmcsWrites.some((call) => name === `whmcs.${call}`) ? [`${name}:sending`] : []),
  `${name}:after`,
]);

/** About as many as an order has that goes well. */
const crossings = 100;

function at(seeded: Seeded, deed: Deed): Order {
  const draw = seeded.next();
  if (draw < 0.35) return { name: null, nth: seeded.whole(1, crossings), deed };
  const name = draw < 0.5 ? seeded.pick(boundaryNames) : seeded.pick(critical);
  const often = /^(ledger|leases|whmcs\.get|salesforce)/.test(name);
  return { name, nth: often ? seeded.whole(1, 6) : seeded.chance(0.85) ? 1 : 2, deed };
}

export const kill = (seeded: Seeded): Order => at(seeded, { kind: 'kill' });
/**
 * Virtual ms. On Redis also past the ten minutes after which a silent process of another host is taken for dead; then past
 * the quarantine too. The embedded store has one process, and nobody who would take it for dead.
 */
const stopsMs: Record<EngineName, readonly number[]> = {
  sqlite: [8_000, 25_000, 45_000, 100_000, 400_000],
  redis: [8_000, 25_000, 45_000, 100_000, 400_000, 700_000, 1_300_000],
};
export const stopMs = (seeded: Seeded, engine: EngineName): number => seeded.pick(stopsMs[engine]);
const stop = (seeded: Seeded, engine: EngineName): Order => at(seeded, { kind: 'stop', ms: stopMs(seeded, engine) });
export const ask = (seeded: Seeded, what: Ask): Order => at(seeded, { kind: 'ask', what });

export function lives(seeded: Seeded, hit: Plan['hit'], engine: EngineName): Order[][] {
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
