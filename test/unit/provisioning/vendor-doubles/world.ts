/** A world for the protocols: a WHMCS, a store on disk, processes that come and go, and a clock turned by hand. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Facts, Log } from '../../../../lib/log';
import { acceptOrder, acceptOrderDefaults, type AcceptOrderSettings } from '../../../../lib/provisioning/accept-order';
import { addOrder, addOrderDefaults, type AddOrderSettings } from '../../../../lib/provisioning/add-order';
import { Failure, toFailure } from '../../../../lib/provisioning/failure';
import { HeldOrder, LeaseLost } from '../../../../lib/provisioning/held-order';
import type { Travelling, WhmcsPart } from '../../../../lib/provisioning/message';
import type { OrderDesk } from '../../../../lib/provisioning/order-desk';
import { newRecord, readRecord, type OrderRecord } from '../../../../lib/provisioning/order-record';
import { Settler, type Settled } from '../../../../lib/provisioning/settler';
import type { Parking, StepContext } from '../../../../lib/provisioning/step';
import { Turns } from '../../../../lib/provisioning/turns';
import { thisProcess } from '../../../../lib/state/sender';
import type { IdMappings, Sender, StateStore } from '../../../../lib/state/contract';
import { openEmbeddedStore } from '../../../../lib/state/sqlite/engine';
import type { Whmcs } from '../../../../lib/whmcs/contract';
import type { Clock } from '../../../../lib/clock';
import { FakeClock } from '../../../fake-clock';
import { CrashPoints, type Kill } from './crash-points';
import { InMemoryWhmcs } from './in-memory-whmcs';

export const orderId = '801000000000001AAA';
export const otherOrderId = '801000000000002AAA';
export const clientId = 1001;

type Input = Pick<Travelling, 'order' | 'client' | 'mapping'>;

/** A Salesforce order of two items, as the steps before have put it on the message. */
export function input(
  over: { id?: string; clientId?: number; whmcsOrderId?: string; items?: [pid: number, quantity: number][] } = {},
): Input {
  const {
    id = orderId,
    items = [
      [11, 2],
      [20, 1],
    ],
  } = over;
  return {
    order: {
      id,
      number: '00000101',
      url: `https://sf.example/${id}`,
      status: 'Activating',
      account: null,
      whmcsOrderId: over.whmcsOrderId ?? null,
      sameWhmcsOrderId: [],
      items: [],
    },
    client: {
      id: over.clientId ?? clientId,
      source: 'account',
      status: 'Active',
      currency: 'USD',
      paymentMethod: 'mailin',
    },
    mapping: {
      ok: true,
      items: items.map(([pid, quantity], at) => ({
        orderItemId: `802${at}`,
        productId: String(pid),
        productName: `Product ${pid}`,
        pid,
        billingCycle: 'monthly',
        quantity,
        price: '15.00',
        faults: [],
      })),
    },
  };
}

/** The same items, as AddOrder is asked for them. */
export const asked = (
  items: [pid: number, quantity: number][] = [
    [11, 2],
    [20, 1],
  ],
) => items.map(([pid, quantity]) => ({ pid, billingCycle: 'monthly' as const, quantity }));

/** How a run of a step, or of the flow, ended. */
export type End =
  { kind: 'next'; part: WhmcsPart } | ({ kind: 'parked' } & Parking) | { kind: 'failed'; failure: Failure };

/** Opens the store of a place, and knows when it has nothing under way. */
export interface Engine {
  open(place: string, clock: Clock, instance: string): Promise<StateStore>;
  idle(): Promise<void>;
  /** The clock goes on by so much at a time at most, so that the store keeps pace. */
  stepMs: number;
}

const embedded: Engine = {
  open: (directory, clock, instance) => openEmbeddedStore({ directory, clock, instance }),
  idle: () => Promise.resolve(),
  stepMs: 20_000,
};

export class World {
  readonly clock = new FakeClock();
  readonly whmcs = new InMemoryWhmcs(this.clock);
  private readonly directories: string[] = [];
  private readonly stores = new Set<StateStore>();
  private readonly processes = new Set<Process>();
  private made = 0;

  constructor(private readonly engine: Engine = embedded) {}

  directory(): string {
    const directory = mkdtempSync(join(tmpdir(), 'add-order-'));
    this.directories.push(directory);
    return directory;
  }

  /** A process on the store in `place`: a directory, where the engine is the embedded one. */
  async process(
    place: string,
    options: { kill?: Kill; whmcsOf?: (key: string) => Whmcs | undefined } = {},
  ): Promise<Process> {
    const instance = `p${++this.made}`;
    // Its signs of life are for other hosts: they would only cost time here.
    const beatless = {
      now: () => this.clock.now(),
      monotonic: () => this.clock.monotonic(),
      sinceBoot: () => this.clock.sinceBoot(),
      after: () => ({ cancel() {} }),
    };
    const store = await this.engine.open(place, beatless, instance);
    this.stores.add(store);
    const process = new Process(
      this,
      store,
      thisProcess(instance),
      new CrashPoints(options.kill ?? null),
      options.whmcsOf,
    );
    this.processes.add(process);
    return process;
  }

  /** Another process on the same store, as engines allow that several processes share. `dead`: instances proven dead. */
  besides(first: Process, dead: string[] = []): Process {
    const sender = thisProcess(`p${++this.made}`);
    const shared = new Proxy(first.real, {
      get: (target, property) =>
        property === 'isDead'
          ? (other: Sender) => Promise.resolve(dead.includes(other.instance))
          : (Reflect.get(target, property, target) as unknown),
    });
    const process = new Process(this, shared, sender, new CrashPoints());
    this.processes.add(process);
    return process;
  }

  /** The process ends, killed already or not. */
  async bury(process: Process): Promise<void> {
    await Promise.race([process.settler.close(), process.crash.killed]);
    this.processes.delete(process);
    this.stores.delete(process.real);
    await process.real.close();
  }

  /** Turns the clock until `promise` is settled; `limitMs` of its time at most. */
  async until<T>(promise: Promise<T>, limitMs = 4 * 3_600_000): Promise<T> {
    let done = false;
    void promise.then(
      () => (done = true),
      () => (done = true),
    );
    const end = this.clock.monotonic() + limitMs;
    for (let step = 50; ; step = Math.min(step * 2, this.engine.stepMs)) {
      await this.engine.idle();
      await this.clock.advance(step);
      await this.engine.idle();
      if (done) return promise;
      if (this.clock.monotonic() >= end) throw new Error('It did not end in time');
    }
  }

  async close(): Promise<void> {
    // A killed process answers nothing, not even its own close.
    for (const process of this.processes) await Promise.race([process.settler.close(), process.crash.killed]);
    for (const store of this.stores) await store.close();
    for (const directory of this.directories) rmSync(directory, { recursive: true, force: true });
  }
}

export interface LogLine {
  level: keyof Log;
  text: string;
  facts: Facts;
}

export class Process implements OrderDesk {
  readonly store: StateStore;
  readonly whmcs: Whmcs;
  readonly settler: Settler;
  readonly turns: Turns;
  readonly settled: { orderId: string; settled: Settled }[] = [];
  readonly lines: LogLine[] = [];
  readonly log: Log;
  private readonly clock;
  private readonly wakers = new Set<() => void>();

  get idMappings(): IdMappings | null {
    return this.store.idMappings;
  }

  constructor(
    readonly world: World,
    readonly real: StateStore,
    readonly sender: Sender,
    readonly crash: CrashPoints,
    whmcsOf?: (key: string) => Whmcs | undefined,
  ) {
    this.clock = crash.clock(world.clock);
    this.store = crash.store(real);
    this.whmcs = crash.whmcs(world.whmcs.connect());
    const line =
      (level: keyof Log) =>
      (text: string, facts: Facts = {}) =>
        void this.lines.push({ level, text, facts });
    this.log = { debug: line('debug'), info: line('info'), warn: line('warn'), error: line('error') };
    this.turns = new Turns({ store: this.store, clock: this.clock, log: this.log });
    this.settler = new Settler({
      desk: this,
      clock: this.clock,
      log: this.log,
      whmcsOf: whmcsOf ?? (() => this.whmcs),
      onSettled: (id, settled) => {
        this.settled.push({ orderId: id, settled });
        if (settled.kind !== 'cannotRead') for (const wake of [...this.wakers]) wake();
      },
    });
  }

  hold<T>(id: string, work: (order: HeldOrder) => Promise<T>): Promise<{ value: T } | null> {
    return HeldOrder.hold(
      { store: this.store, orderId: id, sender: this.sender, clock: this.clock, turns: this.turns, log: this.log },
      work,
    );
  }

  settleSoon(id: string): void {
    this.settler.settleSoon(id);
  }

  context(id: string): StepContext {
    return {
      orderId: id,
      eventId: `ev-${id}`,
      handout: 1,
      clock: this.clock,
      log: this.log,
      signal: new AbortController().signal,
      desk: this,
    };
  }

  /** Runs add order once. */
  add(from: Input = input(), settings: Partial<AddOrderSettings> = {}): Promise<End> {
    const step = addOrder({ ...addOrderDefaults, ...settings }, this.whmcs);
    return ended(step.run(from, this.context(from.order.id)));
  }

  /** Runs accept order once. */
  accept(part: WhmcsPart, from: Input = input(), settings: Partial<AcceptOrderSettings> = {}): Promise<End> {
    const step = acceptOrder({ ...acceptOrderDefaults, ...settings }, this.whmcs);
    return ended(step.run({ order: from.order, whmcs: part }, this.context(from.order.id)));
  }

  /** Runs add order, then accept order, each again for as long as it is parked, as the source of the events does. */
  async flow(from: Input = input(), settings: Partial<AddOrderSettings> = {}): Promise<End> {
    const added = await this.again(() => this.add(from, settings));
    return added.kind === 'next' ? this.again(() => this.accept(added.part, from)) : added;
  }

  /** Runs a step until it is no longer parked. */
  async again(run: () => Promise<End>): Promise<End> {
    for (;;) {
      const end = await run();
      if (end.kind !== 'parked') return end;
      await new Promise<void>((resolve) => {
        const wake = (): void => {
          timer.cancel();
          this.wakers.delete(wake);
          resolve();
        };
        const timer = this.clock.after(Math.max(0, end.until - this.clock.now()), wake);
        this.wakers.add(wake);
      });
    }
  }

  async record(id = orderId): Promise<OrderRecord> {
    return readRecord((await this.real.ledger.read(id)).state);
  }

  /** Changes the record, as other parts of the product do. */
  async edit(change: (record: OrderRecord) => OrderRecord, id = orderId): Promise<void> {
    const lease = await this.real.leases.acquire(`order:${id}`, 1_000);
    if (!lease) throw new Error('The order is held');
    await this.real.ledger.write(id, lease.fence, change(await this.record(id)));
    await this.real.leases.release(lease);
  }

  /** As get order does: the attempt is open, and Salesforce changed the order just now; it is new, unless told otherwise. */
  async begin(id = orderId, attempt = 1, createdAt = this.world.clock.now()): Promise<void> {
    const seen = { status: 'Activating', createdAt, modifiedAt: this.world.clock.now(), modifiedById: '005' };
    await this.edit(
      (record) => ({ ...record, ...(record.attempt === 0 ? newRecord() : {}), attempt, attemptState: 'open', seen }),
      id,
    );
  }

  logged(level: keyof Log): string[] {
    return this.lines.filter((line) => line.level === level).map((line) => line.text);
  }
}

async function ended(run: ReturnType<ReturnType<typeof addOrder>['run']>): Promise<End> {
  try {
    const outcome = await run;
    if ('parked' in outcome) return { kind: 'parked', ...outcome.parked };
    if ('dropped' in outcome || !outcome.value) throw new Error('The step gave nothing');
    return { kind: 'next', part: outcome.value };
  } catch (error) {
    if (error instanceof Failure) return { kind: 'failed', failure: error };
    if (error instanceof LeaseLost) return { kind: 'parked', reason: 'the lease was lost', until: 0 };
    return { kind: 'failed', failure: toFailure(error, 'whmcs_create') };
  }
}
