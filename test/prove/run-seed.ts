/** One seed: the world is put back, its workers are started, killed, stopped; at the end the checker reads the books. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { newPlace, type EngineName, type Place } from './engines';
import { judge, type Allowance, type HeldSalesforceOrder, type Verdict } from './judge';
import { Person } from './person';
import type { Plan } from './rows';
import { Seats } from './seats';
import type { StoreTooth } from './toothless';
import { VendorFaults } from './vendor-faults';
import { customerClient, type Vendors } from './vendors';

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
const pollMs = 40;

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

export async function runSeed(plan: Plan, vendors: Vendors, options: RunOptions): Promise<Ran> {
  const run = new SeedRun(plan, vendors, options);
  try {
    return await run.run();
  } finally {
    await run.close();
  }
}

class SeedRun {
  private readonly directory = mkdtempSync(join(tmpdir(), 'prove-seed-'));
  private readonly places: Place[] = [];
  private readonly seats: Seats;
  private readonly deeds: string[] = [];
  private readonly logs: string[] = [];
  private readonly troubles: string[] = [];
  private account = '';
  private orderIds: string[] = [];
  private readonly faults: VendorFaults;
  private readonly person: Person;

  constructor(
    private readonly plan: Plan,
    private readonly vendors: Vendors,
    private readonly options: RunOptions,
  ) {
    this.faults = new VendorFaults(vendors, (what) => this.note(what));
    this.seats = new Seats({
      plan,
      vendors,
      options,
      directory: this.directory,
      places: this.places,
      log: (line) => void this.logs.push(`${this.stamp()} ${line}`),
      note: (deed) => this.note(deed),
      trouble: (what) => void this.troubles.push(what),
      act: (what) => this.act(what),
      putBack: () => this.putBack(),
    });
    this.person = new Person({ plan, vendors, note: (what) => this.note(what), tell: (line) => this.seats.tell(line) });
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
    return {
      plan,
      engine: this.options.engine,
      verdict,
      deeds: this.deeds,
      struck: this.faults.struck.map(({ call, do: what, hits }) => `${call} ${what.kind} ×${hits}`),
      realMs: performance.now() - from,
      logs: this.logs,
    };
  }

  private async live(): Promise<void> {
    const { plan, vendors } = this;
    for (let count = 0; count < plan.places; count++) this.places.push(await newPlace(this.options.engine, plan.fsync));
    vendors.reset();
    this.account = vendors.customer(customerClient);
    await this.seats.startFirst();
    // Salesforce's times are whole seconds, and an order of the second of a store's birth is doubted.
    await this.virtually(2_500);
    for (let count = 0; count < plan.older; count++) this.person.placeAlike();
    const model = plan.prelude ? await this.prelude() : null;
    if (plan.backup) await this.places[0]?.backUp();
    this.goWrong();
    this.approve(model);
    this.seats.startLate();
    await this.untilRest();
  }

  async close(): Promise<void> {
    this.faults.close();
    await this.seats.close();
    await Promise.all(this.places.map((place) => place.close()));
    rmSync(this.directory, { recursive: true, force: true });
  }

  private async putBack(): Promise<void> {
    if (this.plan.backup) await this.places[0]?.putBack(this.plan.backup);
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
      case 'click':
        this.person.click(id);
        return;
      case 'look-alike':
        this.person.placeAlike();
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
    await this.seats.untilRest(this.vendors.now() + 60_000, pollMs);
    return id;
  }

  private goWrong(): void {
    const { plan, vendors } = this;
    vendors.whmcs.panel.switches({
      notesKept: plan.keepsNotes,
      ...(plan.moduleMs > 0 ? { moduleOutcomes: { '20': 'slow' as const }, moduleSlowMs: plan.moduleMs } : {}),
    });
    this.faults.begin(plan.faults);
    this.seats.begin();
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
    let quietSince: number | null = null;
    for (;;) {
      await pause(pollMs);
      const now = this.vendors.now();
      if (now > Math.max(limit, this.seats.lastStart + settleWindowMs) || this.troubles.length > 0) return;
      const busyUntil = this.faults.busyUntil(now);
      const open = this.orders().filter(({ status }) => status === 'Activating');
      const again = open.length === 0 && this.person.retryFailed(this.orders(), now);
      if (again) limit = now + settleWindowMs;
      if (open.length > 0 || again || this.seats.stopped > 0 || this.seats.starting > 0 || now < busyUntil) {
        quietSince = null;
        continue;
      }
      if (!(await this.seats.rest())) {
        quietSince = null;
        continue;
      }
      quietSince ??= now;
      if (now - quietSince >= quietMs) return;
    }
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

  private verdict(): Verdict {
    const { plan, vendors } = this;
    const harmed = this.deeds.some((deed) => !/duplicate|publish again|well again/.test(deed));
    const calm = this.faults.struck.length === 0 && !harmed && plan.places === 1;
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
        unmarked: plan.marker === 'none' ? (this.orderIds[0] ?? null) : null,
      },
    );
    verdict.breaches.push(...this.troubles);
    return verdict;
  }

  /** A limit that hangs on what a worker or a person does in time counts only where it was done. */
  private cameAbout(allowance: Allowance): boolean {
    if (allowance === 'edited') return this.person.clicked;
    return allowance !== 'paused sender' || this.seats.pausedSender;
  }

  // -------------------------------------------------------------------- time

  private virtually(ms: number): Promise<void> {
    return pause(ms / this.vendors.pace.rate);
  }
}
