/** The faults of a seed's plan at the two vendors: begun, ended in their time, and how often each has struck. */
import type { PlannedFault } from './rows';
import type { Vendors } from './vendors';

type Vendor = PlannedFault['vendor'];
type Listed = ReturnType<Vendors[Vendor]['panel']['faults']>[number];

/** A commit that is still to come is waited for so much longer: it must do no harm. */
const afterCommitMs = 5_000;

export class VendorFaults {
  private readonly timers: NodeJS.Timeout[] = [];
  private readonly ended: Listed[] = [];
  private readonly lateSeen = new Set<string>();
  private lateUntil = 0;

  /** @param note is told when a vendor is well again. */
  constructor(
    private readonly vendors: Vendors,
    private readonly note: (what: string) => void,
  ) {}

  begin(faults: readonly PlannedFault[]): void {
    for (const { vendor, fault, endsAfterMs } of faults) {
      const id = this.vendors[vendor].panel.fault(fault);
      if (endsAfterMs === undefined) continue;
      this.timers.push(setTimeout(() => this.end(vendor, id), endsAfterMs / this.vendors.pace.rate));
    }
  }

  /** Those that have struck. */
  get struck(): Listed[] {
    return [...this.ended, ...this.of('whmcs'), ...this.of('salesforce')].filter(({ hits }) => hits > 0);
  }

  /** @returns until when, in virtual ms, something may still be carried out. */
  busyUntil(now: number): number {
    for (const vendor of ['whmcs', 'salesforce'] as const) {
      for (const { id, hits, do: what } of this.of(vendor)) {
        const key = `${vendor} ${id} ${hits}`;
        if (hits === 0 || this.lateSeen.has(key)) continue;
        this.lateSeen.add(key);
        const ms = 'ms' in what && typeof what.ms === 'number' ? what.ms : 0;
        if (what.kind === 'commitLate') this.lateUntil = Math.max(this.lateUntil, now + ms + afterCommitMs);
      }
    }
    return this.lateUntil;
  }

  close(): void {
    for (const timer of this.timers.splice(0)) clearTimeout(timer);
  }

  private end(vendor: Vendor, id: string): void {
    this.ended.push(...this.of(vendor).filter((fault) => fault.id === id));
    this.vendors[vendor].panel.clearFaults(id);
    this.note(`${vendor} is well again`);
  }

  private of(vendor: Vendor): Listed[] {
    return this.vendors[vendor].panel.faults();
  }
}
