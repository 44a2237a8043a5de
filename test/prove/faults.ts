/** What goes wrong at the vendors. */
import type { Seeded } from '../seeded';
import type { PlannedFault } from './rows';

export type Do = PlannedFault['fault']['do'];

/** At one of the three calls that change something; most often at AddOrder. */
export function faultAt(seeded: Seeded, make: () => Do, times = 1): PlannedFault {
  const call = seeded.pick(['AddOrder', 'AddOrder', 'AddOrder', 'AcceptOrder', 'AcceptOrder', 'patch'] as const);
  const vendor = call === 'patch' ? 'salesforce' : 'whmcs';
  return { vendor, fault: { call, times, skip: 0, do: make() } };
}

export const lost = (seeded: Seeded): Do =>
  seeded.pick<Do & { commit?: boolean; page?: string }>([
    { kind: 'commitThenDrop' },
    { kind: 'commitThenHang' },
    { kind: 'empty', commit: true },
    { kind: 'html', page: 'oops', commit: true },
  ]);
export const late = (seeded: Seeded): Do => ({
  kind: 'commitLate',
  ms: seeded.pick([500, 5_000, 30_000, 120_000, 280_000]),
});

/** Salesforce takes its time over a *Failed*. */
export const slowFailed = (ms: number): PlannedFault => ({
  vendor: 'salesforce',
  fault: { call: 'patch', times: 1, skip: 0, where: { Activation_Status__c: 'Failed' }, do: { kind: 'delay', ms } },
});

/** For rows whose danger shows only where an answer is lost besides. */
export function maybeLost(seeded: Seeded, share: number): PlannedFault[] {
  if (!seeded.chance(share)) return [];
  const what = seeded.chance(0.5) ? lost(seeded) : late(seeded);
  return [{ vendor: 'whmcs', fault: { call: 'AddOrder', times: 1, skip: 0, do: what } }];
}
