/** One soak: virtual days of seeded orders and faults against the intake, and what they showed. */
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import type { Facts, Log } from '../../lib/log';
import { FakeClock } from '../fake-clock';
import { pickFault, type SoakFault } from './faults';
import { CallsUnderWay, Listener, type Transport } from './listener';
import { Org } from './org';
import { Seeded } from '../seeded';

export interface SoakOptions {
  seed: number;
  transport: Transport;
  /** Ends after so many virtual days, or so many real minutes, whichever is first. */
  days: number;
  minutes: number;
  onDay: (sample: Sample) => void;
}

/** Taken once a virtual day, while no fault is under way. */
export interface Sample {
  day: number;
  published: number;
  handled: number;
  skipped: number;
  heapMb: number;
  timers: number;
  handles: number;
  openStreams: number;
}

export interface Soaked {
  seed: number;
  days: number;
  realSeconds: number;
  faults: Map<string, number>;
  samples: Sample[];
  published: number;
  handled: number;
  skipped: number;
  deliveries: number;
  /** Orders that were never handled, and those that were handled more than once. */
  lost: string[];
  twice: string[];
  /** Longest from an order's approval to its handling, virtual minutes. */
  longestMinutes: number;
  errors: Map<string, number>;
}

const minute = 60_000;
const day = 24 * 60 * minute;
/** Steps of the clock: long while nothing but the stream is open, short while something is under way. */
const longStep = 15_000;
const shortStep = 1_000;
/** Longest that a step waits for our calls, real ms: a call that the simulator lets hang is not waited for. */
const callsMs = 100;

/** A disk in memory where there is one: what a commit costs is not what a soak looks at. */
const memoryDisk = existsSync('/dev/shm') ? '/dev/shm' : tmpdir();

export async function soak(options: SoakOptions): Promise<Soaked> {
  const directory = mkdtempSync(join(memoryDisk, 'soak-'));
  const org = await Org.start(directory);
  const calls = new CallsUnderWay();
  try {
    return await new Soak(options, org, calls, join(directory, 'store')).run();
  } finally {
    calls.stop();
    await org.stop();
    rmSync(directory, { recursive: true, force: true });
  }
}

class Soak {
  private readonly seeded: Seeded;
  private clock = new FakeClock();
  private orgNow = 0;
  private startedAt = 0;
  private listener: Listener | null = null;
  /** Approved and not handled yet, with the virtual ms of the approval. */
  private readonly outstanding = new Map<string, number>();
  private readonly result: Soaked;
  private fault: { of: SoakFault; until: number } | null = null;
  private nextFault = 0;
  private nextOrder = 0;
  private offUntil: number | null = null;

  constructor(
    private readonly options: SoakOptions,
    private readonly org: Org,
    private readonly calls: CallsUnderWay,
    private readonly directory: string,
  ) {
    this.seeded = new Seeded(options.seed);
    this.result = {
      seed: options.seed,
      days: 0,
      realSeconds: 0,
      faults: new Map(),
      samples: [],
      published: 0,
      handled: 0,
      skipped: 0,
      deliveries: 0,
      lost: [],
      twice: [],
      longestMinutes: 0,
      errors: new Map(),
    };
  }

  async run(): Promise<Soaked> {
    const began = performance.now();
    const { days, minutes, onDay } = this.options;
    this.orgNow = await this.org.now();
    this.startedAt = this.orgNow;
    this.clock = new FakeClock(this.orgNow);
    // Years of virtual time pass while the simulator's certificate of our login stays the same; its cap on logins too.
    await this.org.switches({ loginsPerHour: 100 });
    await this.open();
    let nextSample = this.orgNow + day;
    while (this.virtual < days * day && performance.now() - began < minutes * minute) {
      await this.happen();
      await this.step();
      if (this.orgNow >= nextSample && this.fault === null && this.offUntil === null) {
        await this.calm();
        const sample = await this.sample();
        this.result.samples.push(sample);
        onDay(sample);
        nextSample += day;
      }
    }
    await this.calm();
    this.result.samples.push(await this.sample());
    await this.close();
    this.result.deliveries = (await this.org.counts()).deliveries ?? 0;
    this.result.lost = [...this.outstanding.keys()];
    this.result.days = this.virtual / day;
    this.result.realSeconds = (performance.now() - began) / 1_000;
    return this.result;
  }

  private get virtual(): number {
    return this.orgNow - this.startedAt;
  }

  private async open(): Promise<void> {
    const { org, clock, directory } = this;
    const { transport } = this.options;
    this.listener = await Listener.open({
      org,
      clock,
      directory,
      transport,
      log: this.log(),
      onHandled: (orderId) => this.handled(orderId),
    });
  }

  private async close(): Promise<void> {
    if (!this.listener) return;
    let closed = false;
    const closing = this.listener.close().finally(() => (closed = true));
    for (let turn = 0; !closed && turn < 200; turn++) await this.step(shortStep);
    await closing;
    this.result.skipped += this.listener.skipped;
    this.listener = null;
  }

  private handled(orderId: string): void {
    const approvedAt = this.outstanding.get(orderId);
    if (approvedAt === undefined) {
      this.result.twice.push(orderId);
      return;
    }
    this.outstanding.delete(orderId);
    this.result.handled += 1;
    this.result.longestMinutes = Math.max(this.result.longestMinutes, (this.orgNow - approvedAt) / minute);
  }

  /** What the seed brings about at this instant. */
  private async happen(): Promise<void> {
    if (this.orgNow >= this.nextOrder) {
      for (let count = this.seeded.chance(0.05) ? this.seeded.whole(5, 150) : 1; count > 0; count--)
        await this.approve();
      this.nextOrder = this.orgNow + this.seeded.whole(0, 20 * minute);
    }
    if (this.offUntil !== null && this.orgNow >= this.offUntil) {
      this.offUntil = null;
      await this.open();
    }
    if (this.fault && this.orgNow >= this.fault.until) {
      await this.fault.of.end?.(this.org);
      this.fault = null;
      this.nextFault = this.orgNow + this.seeded.whole(10, 240) * minute;
    }
    if (this.fault || this.offUntil !== null || this.orgNow < this.nextFault) return;
    if (this.seeded.chance(0.08)) return this.stopProcess();
    const of = pickFault(this.seeded);
    this.count(this.result.faults, of.name);
    await of.begin(this.org, this.seeded);
    this.fault = { of, until: this.orgNow + this.seeded.whole(...of.minutes) * minute };
  }

  /** Node-RED ends: for a deploy, a night, or longer than Salesforce keeps its events. */
  private async stopProcess(): Promise<void> {
    const hours = this.seeded.pick([0, 0, 0, 0.1, 1, 12, 80]);
    this.count(this.result.faults, hours > 72 ? 'stopped for 80 hours' : 'stopped and started');
    await this.close();
    this.offUntil = this.orgNow + hours * 60 * minute;
  }

  private async approve(): Promise<void> {
    const orderId = await this.org.approveNew();
    this.result.published += 1;
    this.outstanding.set(orderId, this.orgNow);
  }

  /** Both clocks move by the same, and what that brings about over the network may end. */
  private async step(ms = this.busy ? shortStep : longStep): Promise<void> {
    const now = await this.org.advance(ms);
    await this.clock.advance(now - this.orgNow);
    this.orgNow = now;
    const until = performance.now() + callsMs;
    do await new Promise((resolve) => setTimeout(resolve, 1));
    while (this.calls.count > 0 && performance.now() < until);
  }

  private get busy(): boolean {
    if (this.offUntil !== null) return false;
    return this.calls.count > 0 || this.listener?.state?.phase === 'connecting' || (this.listener?.inWork ?? 0) > 0;
  }

  /** Lets everything come to an end: faults over, what is outstanding handled. */
  private async calm(): Promise<void> {
    if (this.fault) await this.fault.of.end?.(this.org);
    this.fault = null;
    this.nextFault = this.orgNow + 60 * minute;
    if (this.offUntil !== null) {
      this.offUntil = null;
      await this.open();
    }
    const patience = this.orgNow + 6 * 60 * minute;
    while (this.outstanding.size > 0 && this.orgNow < patience) await this.step();
    const settled = this.orgNow + 10 * minute;
    while (this.orgNow < settled || this.listener?.state?.phase !== 'connected') {
      await this.step();
      if (this.orgNow > patience) break;
    }
    this.nextOrder = this.orgNow;
  }

  private async sample(): Promise<Sample> {
    collectGarbage();
    await new Promise((resolve) => setTimeout(resolve, 5));
    collectGarbage();
    return {
      day: Math.round(this.virtual / day),
      published: this.result.published,
      handled: this.result.handled,
      skipped: this.result.skipped + (this.listener?.skipped ?? 0),
      heapMb: process.memoryUsage().heapUsed / 2 ** 20,
      timers: this.clock.pending,
      handles: process.getActiveResourcesInfo().filter((name) => !['Timeout', 'Immediate'].includes(name)).length,
      openStreams: (await this.org.counts()).openStreams,
    };
  }

  private log(): Log {
    const keep = (text: string, facts?: Facts): void => {
      const code = typeof facts?.code === 'string' ? ` (${facts.code})` : '';
      this.count(this.result.errors, `${text.slice(0, 100)}${code}`);
    };
    const drop = (): void => undefined;
    return { debug: drop, info: drop, warn: drop, error: keep };
  }

  private count(counts: Map<string, number>, name: string): void {
    counts.set(name, (counts.get(name) ?? 0) + 1);
  }
}

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;
