/** One seed: the world is put back, its workers are started, killed, stopped; at the end the checker reads the books. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { newPlace, type EngineName, type Place } from './engines';
import { judge, type Allowance, type HeldSalesforceOrder, type Verdict } from './judge';
import type { Plan } from './rows';
import { Seats } from './seats';
import type { StoreTooth } from './toothless';
import { VendorFaults } from './vendor-faults';
import type { Vendors } from './vendors';

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
/** A person who was told to ask again does so after eight minutes, a few times. */
const betweenWordsMs = 480_000;
const mostWords = 4;
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

class SeedRun {
  private readonly directory = mkdtempSync(join(tmpdir(), 'prove-seed-'));
  private readonly places: Place[] = [];
  private readonly seats: Seats;
  private readonly deeds: string[] = [];
  private readonly logs: string[] = [];
  private readonly troubles: string[] = [];
  private account = '';
  private orderIds: string[] = [];
  private readonly retried = new Map<string, number>();
  private readonly faults: VendorFaults;
  private clicked = false;

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
    this.account = vendors.customer(channelClient);
    await this.seats.startFirst();
    // Salesforce's times are whole seconds, and an order of the second of a store's birth is doubted.
    await this.virtually(2_500);
    for (let count = 0; count < plan.older; count++) this.placeAlike();
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
        this.placeAlike();
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

  /** A person makes by hand what the first Salesforce Order asks for. */
  private placeAlike(): void {
    this.vendors.whmcs.office.placeOrder({
      clientId: channelClient,
      items: (this.plan.orders[0] ?? []).map(({ code, quantity }) => ({
        pid: code === 'HOST-M' ? 20 : 11,
        quantity,
        billingCycle: 'monthly',
      })),
    });
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
      const again = open.length === 0 && this.retryFailed(now);
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
      if (this.cancelsFirst(id, now)) continue;
      this.failedAt.delete(id);
      this.retried.set(id, done + 1);
      this.note(`a person presses Retry on ${id}`);
      this.vendors.salesforce.people.approve(id);
    }
    return any;
  }

  /** When a person may press Retry after the word to cancel. */
  private readonly wordAt = new Map<string, { again: number; words: number }>();
  /**
   * A person gives the word to cancel, once more where the first one only notes it, and then waits a while for what comes of it.
   * @returns whether there is still something to wait for.
   */
  private cancelsFirst(id: string, now: number): boolean {
    const { cancels } = this.plan;
    const living = this.vendors.whmcs.office
      .orders()
      .filter(({ status, notes }) => status === 'Pending' && notes.includes(id))
      .map((order) => order.id)
      .sort((one, other) => one - other);
    const word = this.wordAt.get(id) ?? { again: now, words: 0 };
    if (cancels === null || living.length < 2 || word.words >= mostWords) {
      const waits = now < word.again;
      if (!waits) this.wordAt.delete(id);
      return waits;
    }
    if (now < word.again) return true;
    this.wordAt.set(id, { again: now + betweenWordsMs, words: word.words + 1 });
    const whmcsOrderId = (cancels === 'the older' ? living[0] : living.at(-1)) ?? 0;
    this.note(`a person lets WHMCS order ${whmcsOrderId} be cancelled`);
    this.seats.tell({ do: 'cancel twin', orderId: id, whmcsOrderId });
    return true;
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
      },
    );
    verdict.breaches.push(...this.troubles);
    return verdict;
  }

  /** A limit that hangs on what a worker or a person does in time counts only where it was done. */
  private cameAbout(allowance: Allowance): boolean {
    if (allowance === 'edited') return this.clicked;
    return allowance !== 'paused sender' || this.seats.pausedSender;
  }

  // -------------------------------------------------------------------- time

  private virtually(ms: number): Promise<void> {
    return pause(ms / this.vendors.pace.rate);
  }
}
