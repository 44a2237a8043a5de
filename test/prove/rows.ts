/** The rows of the proof's table, and what each seed's plan holds. */
import type { EngineName } from './engines';
import type { Allowance } from './judge';
import type { Marker, Order } from './orders-to-worker';

export const rows = [
  'nothing else',
  'lost answer',
  'late commit',
  'commit after the quarantine',
  '502 page',
  'cut body',
  'reset',
  'unanswered read',
  'WHMCS away',
  'definite refusal',
  'duplicate event',
  'retry click',
  'second instance',
  'two stores',
  'twin cancelled',
  'store restarted, everysec',
  'store restarted, always',
  'store lost',
  'older backup put back',
  'marker dropped',
  'marker in a field',
  'no marker',
  'equal orders',
  'old customer',
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
  /** Virtual ms after which the vendor is well again; absent: it strikes its number of times. */
  endsAfterMs?: number;
}

export interface Plan {
  seed: number;
  /** It is of the walk: boundaries are given, not drawn. */
  walk: boolean;
  row: Row;
  hit: 'none' | 'kill' | 'pause' | 'both';
  places: number;
  seats: Seat[];
  faults: PlannedFault[];
  /** Product codes and quantities of each order; all are of one customer. */
  orders: { code: string; quantity: number }[][];
  /** WHMCS orders that people have made for the customer before: more than a page holds, or none. */
  older: number;
  /** An order that is provisioned before anything goes wrong: its mark is kept, and it may be cloned. */
  prelude: boolean;
  /** The (only) order is a clone of that one. */
  clone: boolean;
  keepsNotes: boolean;
  marker: Marker;
  /** Virtual ms that the module takes; 0: none. */
  moduleMs: number;
  resend: 'once' | 'never';
  /** How often a person presses Retry on an order that has failed, and after how many virtual ms. */
  retries: number;
  retryAfterMs: number;
  /** When Redis writes its append-only file through to the disk; without a sense on the other engine. */
  fsync: 'everysec' | 'always';
  backup: Backup | null;
  /** Which of two Pending orders a person lets the first store cancel, before they press Retry; null: none. */
  cancels: 'the older' | 'the newer' | null;
  allowances: Allowance[];
}

/** A backup is made when things begin to go wrong, and maybe once more at a boundary; this is how it is put back. */
export type Backup = (typeof backups)[EngineName][number];
export const backups = {
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
