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

const reads = {
  whmcs: ['GetClientsDetails', 'GetPayMethods', 'GetProducts', 'GetOrders', 'GetOrders', 'GetClientsProducts'],
  salesforce: ['query'],
} as const;

/** A call that only asks has no answer, or half of one, as often as it is tried or oftener. */
export function unansweredRead(seeded: Seeded): PlannedFault {
  const vendor = seeded.pick(['whmcs', 'whmcs', 'whmcs', 'salesforce'] as const);
  const what = seeded.pick<Do>([
    { kind: 'reset' },
    { kind: 'empty' },
    { kind: 'hang' },
    { kind: 'cut', bytes: seeded.whole(0, 200) } as Do,
    { kind: 'html', page: 'badGateway' } as Do,
  ]);
  const call = seeded.pick(reads[vendor]);
  return { vendor, fault: { call, times: seeded.whole(1, 8), skip: seeded.whole(0, 4), do: what } };
}

/** WHMCS answers nobody for a while, from its n-th call on. */
export function away(seeded: Seeded): PlannedFault {
  const what = seeded.pick<Do>([
    { kind: 'refuse' },
    { kind: 'hang' },
    { kind: 'html', page: 'maintenance' } as Do,
    { kind: 'html', page: 'badGateway' } as Do,
  ]);
  const endsAfterMs = seeded.pick([20_000, 90_000, 400_000, 1_200_000]);
  return { vendor: 'whmcs', fault: { call: '*', times: 0, skip: seeded.whole(0, 12), do: what }, endsAfterMs };
}

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
