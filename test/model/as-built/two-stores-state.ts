/** What the model of two installations with a store each keeps, and what its options are. See `two-stores.ts`. */

export interface TwoStoresOptions {
  /**
   * A person may ask A for one of two to be cancelled. Processes are killed between the read-back and AcceptOrder only, and
   * no AcceptOrder ends in an error.
   */
  cancels?: boolean;
  /** Whose answer of AddOrder is not lost, nor its process killed before it has come. */
  answered?: 'A and B' | 'B';
  /** A process may be paused for five minutes between its last look and AcceptOrder. */
  paused?: boolean;
  /** One guard that is taken out. */
  without?: Guard;
}

export type Guard =
  | 'the read-back'
  | 'the other’s accept counted as sent'
  | 'the second word'
  | 'what was accepted'
  | 'the wait for a cancel'
  | 'the look-out'
  | 'the second look for twins'
  | 'the age of the last look'
  | 'the wait for what leaves on older looks';

export type Name = 'A' | 'B';
export const names: readonly Name[] = ['A', 'B'];
type Place =
  | 'idle'
  | 'rows'
  | 'intent'
  | 'adds'
  | 'answered'
  | 'read back'
  | 'accept'
  | 'accept intent'
  | 'accepts'
  | 'cancel intent'
  | 'cancels';

/** An intent to accept. */
export interface Accept {
  row: Name;
  /** Sent by nobody known, as far as the record tells. */
  unknown: boolean;
  settled: '' | 'done' | 'unknown' | 'nothing' | 'dead';
  ended: boolean;
  past: boolean;
}
export interface Store {
  pc: Place;
  /** Its one intent to add; settled with an order or not. */
  add: '' | 'open' | 'stopped' | 'settled';
  /** A fact: the id that WHMCS answered with. */
  seen: boolean;
  past: boolean;
  adopted: Name | '';
  verified: boolean;
  /** It came on record within the last minute. */
  fresh: boolean;
  /** AcceptOrder is about to leave, and the last look before it is older than a minute. */
  old: boolean;
  /** A twin is looked out for. */
  watched: boolean;
  accepts: Accept[];
  open: boolean;
  status: 'Activating' | 'Activated' | 'TWIN' | 'UNKNOWN' | 'GONE';
  /** A word on a twin: what was waited for since the first one; CancelOrder sent, and perhaps to be carried out. */
  cancel: { row: Name; waited: '' | 'older looks' | 'quarantine'; sent: boolean } | null;
}

export interface State {
  stores: Record<Name, Store>;
  /** The row of each store's AddOrder, and how often its modules have run. */
  rows: Record<Name, { status: '' | 'Pending' | 'Active' | 'Cancelled'; ran: number }>;
  /** Calls in WHMCS. */
  adds: Name[];
  accepts: {
    by: Name;
    row: Name;
    running: boolean;
    /** It left when the quarantine before the second word had begun: its modules may run on beyond that. */
    late: boolean;
  }[];
  cancels: { by: Name; row: Name }[];
  named: boolean;
  broken: string;
}

export const newStore = (): Store => ({
  pc: 'idle',
  add: '',
  seen: false,
  past: false,
  adopted: '',
  verified: false,
  fresh: false,
  old: false,
  watched: false,
  accepts: [],
  open: true,
  status: 'Activating',
  cancel: null,
});

export const isAlive = ({ rows }: State, name: Name): boolean => ['Pending', 'Active'].includes(rows[name].status);
export const other = (name: Name): Name => (name === 'A' ? 'B' : 'A');

/** What came on record before is not fresh any more, and no look before AcceptOrder is. */
export function minute({ stores }: Pick<State, 'stores'>): void {
  for (const one of names) {
    stores[one].fresh = false;
    stores[one].old = stores[one].pc === 'accept intent';
  }
}
