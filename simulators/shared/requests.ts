import { type VirtualClock } from './virtual-clock';

/** One request to the vendor as it ended. Holds no secret value. */
export interface RequestEntry {
  seq: number;
  /** Virtual time of its arrival, ISO. */
  at: string;
  /** Name of the call, as faults name it. */
  call: string;
  /** How it authenticated, in the vendor's words; '' for not at all. */
  auth: string;
  /** HTTP status sent, or 0 when no answer was. */
  status: number;
  /** What became of it: `success`, an error's text, or the kind of the fault that struck. */
  outcome: string;
  /** Real time taken. */
  ms: number;
}

const KEPT = 20_000;

/** The last requests, oldest first. */
export class RequestLog {
  private list: RequestEntry[] = [];
  private made = 0;

  constructor(private readonly clock: VirtualClock) {}

  /** @param ms real time since arrival; `at` is set back by it. */
  add(request: Omit<RequestEntry, 'seq' | 'at'>): void {
    const at = new Date(this.clock.now() - Math.round(request.ms)).toISOString();
    this.list.push({ seq: ++this.made, at, ...request, ms: Math.round(request.ms) });
    if (this.list.length > KEPT) this.list.splice(0, this.list.length - KEPT);
  }

  entries(call?: string): RequestEntry[] {
    return structuredClone(call === undefined ? this.list : this.list.filter((entry) => entry.call === call));
  }

  reset(): void {
    this.list = [];
    this.made = 0;
  }
}
