/** One seed: the world is put back, its workers are started, killed, stopped; at the end the checker reads the books. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { newPlace, type EngineName, type Place } from './engines';
import { judge, type Allowance, type HeldSalesforceOrder, type Verdict } from './judge';
import type { Said } from './orders-to-worker';
import type { Plan, Seat } from './rows';
import type { StoreTooth } from './toothless';
import type { Vendors } from './vendors';
import { WorkerProcess } from './worker-process';

export interface Ran {
  plan: Plan;
  engine: EngineName;
  verdict: Verdict;
  /** What workers did to themselves, and what was asked for, with the boundary. */
  deeds: string[];
  /** Faults that struck. */
  struck: string[];
  realMs: number;
  logs: string[];
}

export interface RunOptions {
  engine: EngineName;
  bundle: string;
  nodePath: string;
  tooth: StoreTooth | null;
}

/** Virtual ms: an hour after the last order was approved or set again, or a worker came to life, each has to have ended. */
const settleWindowMs = 3_600_000;
/** Nothing moves for so long before the books are read. */
const quietMs = 20_000;
/** Ten minutes of silence; for AddOrder the quarantine besides, but an AcceptOrder is given up with the first. */
const deadAndQuarantineMs = 600_000;
const pollMs = 40;
const channelClient = 3_001;

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

export async function runSeed(plan: Plan, vendors: Vendors, options: RunOptions): Promise<Ran> {
  const run = new SeedRun(plan, vendors, options);
  try {
    return await run.run();
  } finally {
    await run.close();
  }
}

interface Seated {
  seat: Seat;
  at: number;
  life: number;
  worker: WorkerProcess | null;
}

class SeedRun {
  private readonly directory = mkdtempSync(join(tmpdir(), 'prove-seed-'));
  private readonly places: Place[] = [];
  private readonly seated: Seated[];
  private readonly timers = new Set<NodeJS.Timeout>();
  private readonly deeds: string[] = [];
  private readonly logs: string[] = [];
  private readonly troubles: string[] = [];
  private stopped = 0;
  private starting = 0;
  private lastStart = 0;
  private closed = false;
  private began = false;
  private account = '';
  private orderIds: string[] = [];
  private readonly retried = new Map<string, number>();
  private busyUntil = 0;
  private clicked = false;
  private pausedSender = false;

  constructor(
    private readonly plan: Plan,
    private readonly vendors: Vendors,
    private readonly options: RunOptions,
  ) {
    this.seated = plan.seats.map((seat, at) => ({ seat, at, life: 0, worker: null }));
  }

  /** A proof that breaks off is a breach too. */
  async run(): Promise<Ran> {
    const from = performance.now();
    const { plan } = this;
    try {
      await this.live();
    } catch (error) {
      this.troubles.push(`it broke off: ${error instanceof Error ? error.message : String(error)}`);
    }
    const verdict = this.verdict();
    const struck = [...this.faultsOf('whmcs'), ...this.faultsOf('salesforce')].filter(({ hits }) => hits > 0);
    return {
      plan,
      engine: this.options.engine,
      verdict,
      deeds: this.deeds,
      struck: struck.map(({ call, do: what, hits }) => `${call} ${what.kind} ×${hits}`),
      realMs: performance.now() - from,
      logs: this.logs,
    };
  }

  private async live(): Promise<void> {
    const { plan, vendors } = this;
    for (let count = 0; count < plan.places; count++) this.places.push(await newPlace(this.options.engine, plan.fsync));
    vendors.reset();
    this.account = vendors.customer(channelClient);
    await Promise.all(
      this.seated.map((seated) => (seated.seat.startMs === null ? this.start(seated) : Promise.resolve())),
    );
    // Salesforce's times are whole seconds, and an order of the second of a store's birth is doubted.
    await this.virtually(2_500);
    const model = plan.prelude ? await this.prelude() : null;
    if (plan.backup) await this.places[0]?.backUp();
    this.goWrong();
    this.approve(model);
    for (const seated of this.seated) this.startLate(seated);
    await this.untilRest();
  }

  async close(): Promise<void> {
    this.closed = true;
    for (const timer of this.timers) clearTimeout(timer);
    await Promise.all(this.seated.map(({ worker }) => worker?.kill() ?? Promise.resolve()));
    await Promise.all(this.places.map((place) => place.close()));
    rmSync(this.directory, { recursive: true, force: true });
  }

  // -------------------------------------------------------------- the workers

  private async start(seated: Seated): Promise<void> {
    const { seat, at, life } = seated;
    const place = this.places[seat.place];
    if (this.closed || !place) return;
    this.starting += 1;
    const name = `w${at}-${life}`;
    const worker = new WorkerProcess(
      this.options.bundle,
      this.options.nodePath,
      join(this.directory, `${name}.json`),
      {
        pace: this.vendors.pace,
        instance: `${name}-${this.plan.seed}`,
        host: seat.host,
        place: place.of,
        ...this.vendors.addresses,
        resend: this.plan.resend,
        tooth: this.options.tooth,
        orders: seat.lives[life] ?? [],
        counts: this.began,
      },
      (line, from) => this.heard(name, line, from),
      (from, code) => this.ended(seated, from, code),
    );
    seated.worker = worker;
    // One that waits for another's store is ready only when that has gone.
    const waits = at > 0 && this.options.engine === 'sqlite' && seat.place === 0;
    await (waits ? pause(50) : worker.ready);
    this.starting -= 1;
    // A process starts by the machine's clock: on a busy one that alone takes a good part of a virtual hour.
    this.lastStart = this.vendors.now();
    // Others may have begun meanwhile.
    if (this.began) worker.tell({ do: 'count' });
  }

  private startLate(seated: Seated): void {
    const { startMs } = seated.seat;
    if (startMs === null) return;
    this.starting += 1;
    this.later(startMs, async () => {
      await this.start(seated);
      this.starting -= 1;
    });
  }

  private ended(seated: Seated, worker: WorkerProcess, code: number | null): void {
    if (this.closed || seated.worker !== worker) return;
    if (code !== null) this.troubles.push(`a worker ended with ${code}: ${worker.errors.slice(-16).join(' | ')}`);
    seated.life += 1;
    if (seated.life > 8) return void this.troubles.push('a worker dies again and again');
    this.starting += 1;
    this.later(seated.seat.restartMs, async () => {
      if (seated.life === 1) await this.between(seated.seat);
      await this.start(seated);
      this.starting -= 1;
    });
  }

  /** What becomes of a place while none of its workers lives. */
  private async between({ between, place }: Seat): Promise<void> {
    if (between === 'nothing') return;
    this.note(`the store ${between}`);
    if (between === 'loses all') await this.places[place]?.lose();
    else await this.putBack();
  }

  private async putBack(): Promise<void> {
    if (this.plan.backup) await this.places[0]?.putBack(this.plan.backup);
  }

  private heard(name: string, line: Said, worker: WorkerProcess): void {
    if (this.closed) return;
    switch (line.is) {
      case 'log':
        return void this.logs.push(`${this.stamp()} ${name} ${line.level} ${line.text}`);
      case 'deed': {
        const { deed, at } = line;
        this.note(`${name} ${deed.kind === 'stop' ? `stopped for ${deed.ms / 1_000} s` : 'killed'} at ${at}`);
        if (deed.kind !== 'stop') return;
        const others = new Set(this.plan.seats.map(({ host }) => host)).size > 1;
        if (others && deed.ms > deadAndQuarantineMs && at.endsWith(':sending')) this.pausedSender = true;
        this.stopped += 1;
        return this.later(deed.ms, async () => {
          await worker.goOn();
          this.stopped -= 1;
        });
      }
      case 'asks': {
        this.note(`${name} at ${line.at}: ${line.what}`);
        return void this.act(line.what)
          .catch((error: unknown) => this.troubles.push(`${line.what}: ${String(error)}`))
          .then(() => worker.tell({ do: 'go on', id: line.id }));
      }
      default:
        return;
    }
  }

  private note(what: string): void {
    this.deeds.push(what);
    this.logs.push(`${this.stamp()} == ${what}`);
  }

  private stamp(): string {
    return ((this.vendors.now() - this.vendors.pace.virtualAt) / 1_000).toFixed(1).padStart(8);
  }

  // ------------------------------------------------------ the world around

  /** What a worker's boundary sets off. */
  private async act(what: string): Promise<void> {
    const { people } = this.vendors.salesforce;
    const [id = ''] = this.orderIds;
    switch (what) {
      case 'duplicate':
        people.act('duplicateLast', { n: 1 });
        return;
      case 'publish again':
        people.act('duplicateLast', { n: 1, renumber: true });
        return;
      case 'click': {
        // A person who can't wait sets the status back and on again; what the Flow does then is a new attempt.
        const status = people.order(id)['Activation_Status__c'];
        if (status === 'Activated') return;
        if (status === 'Activating') people.editOrder(id, { Activation_Status__c: 'Not Started' });
        people.approve(id);
        this.clicked = true;
        return;
      }
      case 'look-alike':
        this.vendors.whmcs.office.placeOrder({
          clientId: channelClient,
          items: (this.plan.orders[0] ?? []).map(({ code, quantity }) => ({
            pid: code === 'HOST-M' ? 20 : 11,
            quantity,
            billingCycle: 'monthly',
          })),
        });
        return;
      case 'restart the store':
        await this.places[0]?.restart('SIGTERM');
        return;
      case 'kill the store':
        await this.places[0]?.restart('SIGKILL');
        return;
      case 'back the store up':
        await this.places[0]?.backUp();
        return;
      case 'put the backup back':
        await this.putBack();
        return;
      default:
        throw new Error('nobody knows how');
    }
  }

  /** An order that goes well before anything goes wrong. */
  private async prelude(): Promise<string> {
    const [items = []] = this.plan.orders;
    const { people } = this.vendors.salesforce;
    this.vendors.whmcs.panel.switches({ notesKept: this.plan.keepsNotes || !this.plan.clone });
    const { id } = people.createOrder({ account: this.account, items });
    people.approve(id);
    this.orderIds.push(id);
    const limit = this.vendors.now() + settleWindowMs;
    while (people.order(id)['Activation_Status__c'] !== 'Activated') {
      if (this.vendors.now() > limit) throw new Error('the order before all the others does not end');
      // On a machine that is too busy for the time that it keeps.
      if (people.order(id)['Activation_Status__c'] === 'Failed') people.approve(id);
      await pause(pollMs);
    }
    await this.untilWorkersRest(this.vendors.now() + 60_000);
    return id;
  }

  private goWrong(): void {
    const { plan, vendors } = this;
    vendors.whmcs.panel.switches({
      notesKept: plan.keepsNotes,
      ...(plan.moduleMs > 0 ? { moduleOutcomes: { '20': 'slow' as const }, moduleSlowMs: plan.moduleMs } : {}),
    });
    for (const { vendor, fault } of plan.faults) vendors[vendor].panel.fault(fault);
    this.began = true;
    for (const { worker } of this.seated) worker?.tell({ do: 'count' });
  }

  private approve(model: string | null): void {
    const { people } = this.vendors.salesforce;
    if (this.plan.clone && model !== null) {
      const { id } = people.cloneOrder(model);
      people.editOrder(id, { Activation_Status__c: 'Not Started' });
      people.approve(id);
      this.orderIds.unshift(id);
      return;
    }
    const ids = this.plan.orders.map((items) => people.createOrder({ account: this.account, items }).id);
    for (const id of ids) people.approve(id);
    this.orderIds.unshift(...ids);
  }

  // ----------------------------------------------------------------- the end

  private async untilRest(): Promise<void> {
    let limit = this.vendors.now() + settleWindowMs;
    this.busyUntil = 0;
    let quietSince: number | null = null;
    for (;;) {
      await pause(pollMs);
      const now = this.vendors.now();
      if (now > Math.max(limit, this.lastStart + settleWindowMs) || this.troubles.length > 0) return;
      this.noteLate(now);
      const open = this.orders().filter(({ status }) => status === 'Activating');
      const again = open.length === 0 && this.retryFailed(now);
      if (again) limit = now + settleWindowMs;
      if (open.length > 0 || again || this.stopped > 0 || this.starting > 0 || now < this.busyUntil) {
        quietSince = null;
        continue;
      }
      if (!(await this.workersRest())) {
        quietSince = null;
        continue;
      }
      quietSince ??= now;
      if (now - quietSince >= quietMs) return;
    }
  }

  /** A commit that is still to come is waited for: it must do no harm. */
  private readonly lateSeen = new Set<string>();
  private noteLate(now: number): void {
    for (const vendor of ['whmcs', 'salesforce'] as const) {
      for (const { id, hits, do: what } of this.faultsOf(vendor)) {
        const key = `${vendor} ${id} ${hits}`;
        if (hits === 0 || this.lateSeen.has(key)) continue;
        this.lateSeen.add(key);
        const ms = 'ms' in what && typeof what.ms === 'number' ? what.ms : 0;
        if (what.kind === 'commitLate') this.busyUntil = Math.max(this.busyUntil, now + ms + 5_000);
      }
    }
  }

  private readonly failedAt = new Map<string, number>();
  /** @returns whether a person has pressed Retry, or will. */
  private retryFailed(now: number): boolean {
    let any = false;
    for (const { id, status } of this.orders()) {
      const done = this.retried.get(id) ?? 0;
      if (status !== 'Failed' || done >= this.plan.retries) continue;
      any = true;
      const since = this.failedAt.get(id) ?? now;
      this.failedAt.set(id, since);
      if (now - since < this.plan.retryAfterMs) continue;
      this.failedAt.delete(id);
      this.retried.set(id, done + 1);
      this.note(`a person presses Retry on ${id}`);
      this.vendors.salesforce.people.approve(id);
    }
    return any;
  }

  private async untilWorkersRest(limit: number): Promise<void> {
    while (this.vendors.now() < limit && !(await this.workersRest())) await pause(pollMs);
  }

  private async workersRest(): Promise<boolean> {
    const whys = await Promise.all(
      this.seated.map(({ worker }) => worker?.rests(2_000) ?? Promise.resolve('it is not there')),
    );
    return whys.every((why) => why === '');
  }

  private orders(): HeldSalesforceOrder[] {
    const text = (value: unknown): string | null =>
      value === null || value === undefined || value === '' ? null : String(value);
    return this.orderIds.map((id) => {
      const order = this.vendors.salesforce.people.order(id);
      return {
        id,
        status: text(order['Activation_Status__c']) ?? '',
        whmcsOrderId: text(order['WHMCS_Order_ID__c']),
        code: text(order['Activation_Error_Code__c']),
        message: text(order['Activation_Error_Message__c']),
      };
    });
  }

  private faultsOf(vendor: 'whmcs' | 'salesforce') {
    return this.vendors[vendor].panel.faults();
  }

  private verdict(): Verdict {
    const { plan, vendors } = this;
    const faultsStruck = [...this.faultsOf('whmcs'), ...this.faultsOf('salesforce')].some(({ hits }) => hits > 0);
    const harmed = this.deeds.some((deed) => !/duplicate|publish again/.test(deed));
    const calm = !faultsStruck && !harmed && plan.row !== 'two stores';
    const verdict = judge(
      {
        orders: this.orders(),
        whmcs: vendors.whmcs.office.orders(),
        whmcsLedger: vendors.whmcs.panel.ledger(),
        salesforceLedger: vendors.salesforce.panel.ledger(),
      },
      {
        allowances: plan.allowances.filter((one) => this.cameAbout(one)),
        calm,
        asking: plan.clone ? this.orderIds.slice(0, 1) : [],
      },
    );
    verdict.breaches.push(...this.troubles);
    return verdict;
  }

  /** A limit that hangs on what a worker or a person does in time counts only where it was done. */
  private cameAbout(allowance: Allowance): boolean {
    if (allowance === 'edited') return this.clicked;
    return allowance !== 'paused sender' || this.pausedSender;
  }

  // -------------------------------------------------------------------- time

  private virtually(ms: number): Promise<void> {
    return pause(ms / this.vendors.pace.rate);
  }

  private later(ms: number, run: () => void | Promise<void>): void {
    const timer = setTimeout(() => {
      this.timers.delete(timer);
      if (this.closed) return;
      void Promise.resolve(run()).catch((error: unknown) => this.troubles.push(String(error)));
    }, ms / this.vendors.pace.rate);
    this.timers.add(timer);
  }
}
