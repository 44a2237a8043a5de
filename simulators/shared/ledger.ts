import { type VirtualClock } from './virtual-clock';

/** One thing that happened; `at` is virtual time (ISO, UTC). */
export interface Entry {
  seq: number;
  at: string;
  what: string;
  [field: string]: unknown;
}

/** What happened at the vendor, in order. Entries are added and never changed; only `reset` empties it. */
export class Ledger {
  private list: Entry[] = [];

  constructor(private readonly clock: VirtualClock) {}

  /** @param fields plain JSON values; they are copied. */
  add(what: string, fields: Record<string, unknown> = {}): Entry {
    const entry: Entry = { ...structuredClone(fields), seq: this.list.length + 1, at: this.clock.iso(), what };
    this.list.push(entry);
    return entry;
  }

  /** All entries, or those of one kind; oldest first. */
  entries(what?: string): Entry[] {
    return structuredClone(what === undefined ? this.list : this.list.filter((entry) => entry.what === what));
  }

  reset(): void {
    this.list = [];
  }
}
