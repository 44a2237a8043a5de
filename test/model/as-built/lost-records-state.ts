/** What the model of a store that loses records keeps, and what its options are. See `lost-records.ts`. */

export interface LossOptions {
  /** WHMCS keeps the mark. */
  kept: boolean;
  resend: 'once' | 'never';
  /** What is lost: all, or what came after a copy; a late copy has the WHMCS order already. */
  loss: 'all' | 'copy' | 'late copy';
  /** The process that makes a call outlives the loss. */
  lives?: boolean;
  /** One guard that is taken out. */
  without?: Guard;
}

export type Guard =
  | 'the doubt'
  | 'its quarantine'
  | 'the mark'
  | 'unexplained rows'
  | 'an accept of whoever made it'
  | 'an accept of before the loss'
  | 'the time of the intent';

export interface Add {
  /** `a1`, `a2` … */
  id: number;
  unknown: boolean;
  /** Rows that there were before; -1: not known. */
  watermark: number;
  settled: '' | 'order' | 'none';
  stopped: boolean;
  /** Younger than the loss. */
  young: boolean;
  ended: boolean;
  past: boolean;
}
export interface Accept {
  unknown: boolean;
  settled: '' | 'done' | 'unknown';
  ended: boolean;
  past: boolean;
  young: boolean;
}
export interface Book {
  adds: Add[];
  adopted: number;
  /** Asked for, and found, after the loss. */
  adoptedYoung: boolean;
  verified: boolean;
  accepts: Accept[];
  open: boolean;
}
export type Place =
  'idle' | 'rows' | 'intent' | 'adds' | 'answered' | 'read back' | 'accept' | 'accept intent' | 'accepts';

export interface State {
  book: Book;
  /** Intent → the row that WHMCS has named; kept beside the record, and lost with it. */
  facts: { id: number; row: number }[];
  pc: Place;
  /** The rows that were read before the intent. */
  watermark: number;
  /** The process of before the loss: what it does, and the record as it knows it. */
  old: { pc: 'intent' | 'adds' | 'answered' | 'accept intent' | 'accepts'; book: Book } | null;
  /** Since the loss another has taken the order's lease. */
  taken: boolean;
  copy: { book: Book; facts: State['facts'] } | null;
  lost: boolean;
  /** By intent: its mark. */
  rows: { mark: number; status: 'Pending' | 'Active' }[];
  /** AddOrders under way, by intent; AcceptOrders, and whether the module runs. */
  adds: number[];
  accepts: { running: boolean }[];
  ran: number;
  salesforce: 'Activating' | 'Activated' | 'UNKNOWN' | 'TWIN';
  retried: boolean;
  /** A person was asked although the mark tells. */
  missed: boolean;
}

export const newBook = (): Book => ({
  adds: [],
  adopted: 0,
  adoptedYoung: false,
  verified: false,
  accepts: [],
  open: true,
});

export const sentBySomebody = (young: boolean): Accept => ({
  unknown: true,
  settled: '',
  ended: true,
  past: false,
  young,
});
