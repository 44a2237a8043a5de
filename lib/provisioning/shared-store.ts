/**
 * A store as all of a process share it: open, or tried again for as long as what stands in its way may pass by itself,
 * such as another process that owns the file. One behind a network is looked at while it is open. Whoever uses it is told
 * of each change.
 */
import type { Clock, Timer } from '../clock';
import type { Log } from '../log';
import { StoreError, type IdMappingsTable, type StateStore } from '../state/contract';
import type { Provisioning } from './provisioning';

/** Why the store cannot be used. */
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

export interface SharedStoreParts {
  /** Default: embedded. */
  engine?: StateStore['engine'];
  /** Where it is, for whoever has to mend it; it is logged. */
  place: string;
  clock: Clock;
  log: Log;
}

const againMs = [1_000, 2_000, 5_000, 10_000] as const;
/** Between two looks at an open store that is behind a network. */
const lookMs = 5_000;
/**
 * INVALID: a deploy asks for a store that this process is only just closing. Not for a damaged or a newer file: while
 * somebody puts a backup in its place, a try in between would find none there and make a new one.
 */
const mayPass: readonly StoreError['code'][] = ['LOCKED', 'READ_ONLY', 'UNAVAILABLE', 'INVALID'];

export class SharedStore {
  /** Resolved once it is open. Rejects with what does not pass by itself, or when it is closed before. */
  readonly ready: Promise<Provisioning>;
  private opened: Provisioning | null = null;
  private mappings: IdMappingsTable | 'store' | null = 'store';
  private why: StoreProblem | null = null;
  private attempt: Promise<void> | null = null;
  private warned: readonly string[] = [];
  private timer: Timer | null = null;
  private watch: Timer | null = null;
  private tries = 0;
  private closed = false;
  private settle!: { resolve: (opened: Provisioning) => void; reject: (error: unknown) => void };
  private readonly listeners = new Set<() => void>();

  /** Begins to open it at once. `open` lets go of everything where it fails. */
  constructor(
    private readonly open: () => Promise<Provisioning>,
    private readonly parts: SharedStoreParts,
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

  get engine(): StateStore['engine'] {
    return this.parts.engine ?? 'embedded';
  }

  /** Why it is not open, or cannot be used although it is; null: it can, or it is being opened for the first time. */
  get problem(): StoreProblem | null {
    return this.why;
  }

  /** What endangers orders although it works; plain words that say what to do. */
  get warnings(): readonly string[] {
    return this.warned;
  }

  /** As `Provisioning.useIdMappings`; it need not be open yet. */
  useIdMappings(mappings: IdMappingsTable | 'store' | null): void {
    this.mappings = mappings;
    this.opened?.useIdMappings(mappings);
  }

  /** Tells when it has opened, and of each problem or warning that is another. */
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
    this.watch?.cancel();
    this.watch = null;
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
    if (this.mappings !== 'store') provisioning.useIdMappings(this.mappings);
    if (this.closed) return;
    if (this.why) this.parts.log.info('The store is open now');
    this.why = null;
    this.settle.resolve(provisioning);
    this.changed();
    if (this.engine === 'redis') void this.look(provisioning.store);
  }

  /** Never rejects. */
  private async look(store: StateStore): Promise<void> {
    const { ok, detail, warnings = [] } = await store.health();
    if (this.closed) return;
    if (ok) this.works(warnings);
    else this.fails(detail);
    this.watch = this.parts.clock.after(lookMs, () => void this.look(store));
  }

  private works(warnings: readonly string[]): void {
    const { log } = this.parts;
    const isNew = warnings.filter((text) => !this.warned.includes(text));
    for (const text of isNew) log.warn(`The store is in danger: ${text}`);
    const differs = this.why !== null || isNew.length > 0 || warnings.length !== this.warned.length;
    if (this.why) log.info('The store can be used again');
    this.why = null;
    this.warned = warnings;
    if (differs) this.changed();
  }

  private fails(message: string): void {
    if (this.why?.message === message) return;
    this.why = { code: 'UNAVAILABLE', message, ownerPid: null, triesAgain: true };
    this.parts.log.error(`STORE_UNAVAILABLE: ${message} It is tried again by itself.`);
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
