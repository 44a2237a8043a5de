/** What goes wrong in a soak: each begins, lasts for a while of virtual time, and is over. */
import type { Org } from './org';
import type { Seeded } from '../seeded';

export interface SoakFault {
  name: string;
  /** How often, against the others. */
  weight: number;
  /** Virtual minutes that it lasts, from and to; 0: it is over at once. */
  minutes: [number, number];
  begin(org: Org, seeded: Seeded): Promise<void>;
  end?(org: Org): Promise<void>;
}

const everyCall = (org: Org, what: object, call = '*'): Promise<void> => org.fault({ call, times: 0, do: what });
const clear = (org: Org): Promise<void> => org.clearFaults();

export const soakFaults: readonly SoakFault[] = [
  {
    name: 'stream dropped',
    weight: 10,
    minutes: [0, 0],
    begin: (org, seeded) => org.act('endStreams', { code: seeded.pick([0, 13, 14, 2, 4]) }),
  },
  { name: 'connections reset', weight: 6, minutes: [0, 0], begin: (org) => org.act('resetConnections') },
  { name: 'tokens revoked', weight: 6, minutes: [0, 0], begin: (org) => org.act('revokeTokens') },
  { name: 'sessions expired', weight: 4, minutes: [0, 0], begin: (org) => org.act('expireAll') },
  {
    name: 'half-open silence',
    weight: 4,
    minutes: [5, 30],
    begin: (org) => org.act('silence', { on: true }),
    end: (org) => org.act('silence', { on: false }),
  },
  {
    name: 'no keepalives',
    weight: 3,
    minutes: [10, 60],
    begin: (org) => org.switches({ suppressKeepalives: true }),
    end: (org) => org.switches({ suppressKeepalives: false }),
  },
  {
    name: 'keepalives without a replay id',
    weight: 2,
    minutes: [30, 300],
    begin: (org) => org.switches({ keepaliveReplayId: false }),
    end: (org) => org.switches({ keepaliveReplayId: true }),
  },
  {
    name: 'maintenance page everywhere',
    weight: 4,
    minutes: [10, 180],
    begin: (org) => everyCall(org, { kind: 'html', page: 'maintenance' }),
    end: clear,
  },
  {
    name: 'no logins',
    weight: 3,
    minutes: [5, 60],
    begin: async (org) => {
      await everyCall(org, { kind: 'html', page: 'maintenance' }, 'token');
      await org.act('revokeTokens');
    },
    end: clear,
  },
  {
    name: 'schemas are slow or refused',
    weight: 3,
    minutes: [5, 20],
    begin: async (org, seeded) => {
      await org.act('changeSchema', { name: `Note${seeded.whole(1, 1_000_000)}__c` });
      await everyCall(org, { kind: 'grpc', code: 14 }, 'GetSchema');
    },
    end: clear,
  },
  {
    name: 'delivered twice',
    weight: 6,
    minutes: [0, 0],
    begin: (org, seeded) => org.act('duplicateLast', { n: seeded.whole(1, 20) }),
  },
  {
    name: 'published again with new replay ids',
    weight: 3,
    minutes: [0, 0],
    begin: (org, seeded) => org.act('duplicateLast', { n: seeded.whole(1, 10), renumber: true }),
  },
  { name: 'bytes that cannot be read', weight: 2, minutes: [0, 0], begin: (org) => org.act('undecodable', {}) },
  { name: 'bus moved to a new epoch', weight: 1, minutes: [0, 0], begin: (org) => org.act('resetBus') },
  {
    name: 'nothing is published',
    weight: 2,
    minutes: [5, 60],
    begin: (org) => org.switches({ flowPublishes: false }),
    end: (org) => org.switches({ flowPublishes: true }),
  },
];

/** By weight. */
export function pickFault(seeded: Seeded): SoakFault {
  const all = soakFaults.reduce((sum, fault) => sum + fault.weight, 0);
  let at = seeded.next() * all;
  for (const fault of soakFaults) {
    at -= fault.weight;
    if (at < 0) return fault;
  }
  return seeded.pick(soakFaults);
}
