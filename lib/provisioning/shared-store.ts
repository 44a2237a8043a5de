/**
 * A store as all of a process share it: open, or tried again for as long as what stands in its way may pass by itself,
 * such as another process that owns the file. Whoever uses it is told of each change.
 */
import type { Clock, Timer } from '../clock';
import type { Log } from '../log';
import { StoreError } from '../state/contract';
import type { Provisioning } from './provisioning';

/** Why the store is not open. */
export interface StoreProblem {
  /** `ERROR`: none of the store's own. */
  code: StoreError['code'] | 'ERROR';
  /** What it is and what to do; may name a path. */
  message: string;
  /** Of the process that owns it, where that is known. */
  ownerPid: number | null;
  /** It is tried again by itself. */
  triesAgain: boolean;
}

const againMs = [1_000, 2_000, 5_000, 10_000] as const;
/**
 * INVALID: a deploy asks for a store that this process is only just closing. Not for a damaged or a newer file: while
 * somebody puts a backup in its place, a try in between would find none there and make a new one.
 */
const mayPass: readonly StoreError['code'][] = ['LOCKED', 'READ_ONLY', 'UNAVAILABLE', 'INVALID'];

export class SharedStore {
  /** Resolved once it is open. Rejects with what does not pass by itself, or when it is closed before. */
  readonly ready: Promise<Provisioning>;
  private opened: Provisioning | null = null;
  private why: StoreProblem | null = null;
  private attempt: Promise<void> | null = null;
  private timer: Timer | null = null;
  private tries = 0;
  private closed = false;
  private settle!: { resolve: (opened: Provisioning) => void; reject: (error: unknown) => void };
  private readonly listeners = new Set<() => void>();

  /** Begins to open it at once. `open` lets go of everything where it fails. */
  constructor(
    private readonly open: () => Promise<Provisioning>,
    /** `place`: where it is, for whoever has to mend it. */
    private readonly parts: { place: string; clock: Clock; log: Log },
  ) {
    this.ready = new Promise((resolve, reject) => (this.settle = { resolve, reject }));
    // Not everyone waits for it.
    this.ready.catch(() => undefined);
    this.try();
  }

  /** null: not open. */
  get provisioning(): Provisioning | null {
    return this.opened;
  }

  /** null: it is open, or being opened for the first time. */
  get problem(): StoreProblem | null {
    return this.why;
  }

  /** Tells when it has opened, and of each problem that is another. */
  onChange(listener: () => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  /** Where it waits for its next try: now. */
  tryNow(): void {
    if (this.timer === null) return;
    this.tries = 0;
    this.try();
  }

  /** No try, no timer and no file is left. Idempotent. */
  async close(): Promise<void> {
    this.closed = true;
    this.timer?.cancel();
    this.timer = null;
    this.listeners.clear();
    this.settle.reject(new Error('The store was closed before it was open'));
    await this.attempt;
    const { opened } = this;
    this.opened = null;
    await opened?.close();
  }

  private try(): void {
    this.timer?.cancel();
    this.timer = null;
    this.attempt = this.open().then(
      (provisioning) => this.hasOpened(provisioning),
      (error: unknown) => this.hasFailed(error),
    );
  }

  private hasOpened(provisioning: Provisioning): void {
    this.opened = provisioning;
    if (this.closed) return;
    if (this.why) this.parts.log.info('The store is open now');
    this.why = null;
    this.settle.resolve(provisioning);
    this.changed();
  }

  private hasFailed(error: unknown): void {
    if (this.closed) return;
    const { place, clock, log } = this.parts;
    const before = this.why;
    const found = error instanceof StoreError ? error : null;
    const triesAgain = found !== null && mayPass.includes(found.code);
    const said = error instanceof Error ? error.message : String(error);
    const message = said.includes(place) ? said : `${said} (The store is in ${place}.)`;
    this.why = { code: found?.code ?? 'ERROR', message, ownerPid: found?.ownerPid ?? null, triesAgain };
    if (triesAgain) {
      const wait = againMs[Math.min(this.tries, againMs.length - 1)] ?? 10_000;
      this.tries += 1;
      this.timer = clock.after(wait, () => this.try());
    } else this.settle.reject(error);
    if (before?.message === message) return;
    log.error(`STORE_UNAVAILABLE: ${message}${triesAgain ? ' It is tried again by itself.' : ''}`);
    this.changed();
  }

  private changed(): void {
    for (const listener of [...this.listeners]) listener();
  }
}
