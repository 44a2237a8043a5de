/**
 * The durable side of all orders on one store: who holds an order, how it ends, what is still to be told or settled.
 * One for each store of the process; it outlives deploys.
 */
import { pause, type Clock } from '../clock';
import type { Log } from '../log';
import type { FieldNames, Salesforce } from '../salesforce/contract';
import type { IdMappings, IdMappingsTable, Sender, StateStore } from '../state/contract';
import type { Whmcs } from '../whmcs/contract';
import { Endings } from './endings';
import type { Failure } from './failure';
import { Handouts, type Visit } from './handouts';
import { HeldOrder } from './held-order';
import type { OrderDesk } from './order-desk';
import { Settler, type Settled } from './settler';
import type { Parking } from './step';
import { Turns } from './turns';
import { Upkeep } from './upkeep';
import { Writer } from './writer';

/** How long a second caller in this process waits for an order before it is told that it is busy. */
const localWaitMs = 2_000;

export interface ProvisioningParts {
  store: StateStore;
  sender: Sender;
  clock: Clock;
  log: Log;
  /** The live connection to a WHMCS installation, by its key; undefined while no node has one. */
  whmcsOf: (key: string) => Whmcs | undefined;
  /** How long absence in WHMCS must last before it is believed; lib/provisioning/quarantine.ts. */
  quarantineMs?: number;
}

export class Provisioning implements OrderDesk {
  readonly store: StateStore;
  readonly sender: Sender;
  readonly clock: Clock;
  readonly log: Log;
  readonly whmcsOf: ProvisioningParts['whmcsOf'];
  readonly handouts: Handouts;
  readonly turns: Turns;
  readonly writer: Writer;
  readonly endings: Endings;
  readonly settler: Settler;
  private mappings: IdMappingsTable | 'store' | null = 'store';
  private readonly upkeep: Upkeep;
  private readonly queues = new Map<string, Promise<unknown>>();
  private readonly wakeListeners = new Set<() => void>();

  constructor(parts: ProvisioningParts) {
    this.store = parts.store;
    this.sender = parts.sender;
    this.clock = parts.clock;
    this.log = parts.log;
    this.whmcsOf = parts.whmcsOf;
    this.handouts = new Handouts(parts.clock);
    this.turns = new Turns(parts, () => this.woke());
    this.handouts.onEnd((handout) => void this.turns.left(handout));
    this.writer = new Writer(this);
    this.endings = new Endings(this);
    this.settler = new Settler({
      desk: this,
      clock: parts.clock,
      log: parts.log,
      whmcsOf: parts.whmcsOf,
      ...(parts.quarantineMs === undefined ? {} : { quarantineMs: parts.quarantineMs }),
      onSettled: (orderId, settled) => this.settled(orderId, settled),
      onWaiting: (orderId, failure) => this.writer.notes.whmcsIsChecked(orderId, failure),
    });
    this.upkeep = new Upkeep({
      ...parts,
      takeUp: async () => {
        await this.writer.takeUp();
        await this.settler.takeUp();
      },
    });
  }

  /** Takes up what an earlier process left: results to report, intents to settle. */
  async start(): Promise<void> {
    await this.writer.start();
    await this.settler.start();
    this.upkeep.start();
  }

  get idMappings(): IdMappings | null {
    return this.mappings === 'store' ? this.store.idMappings : this.mappings;
  }

  /** The table of ids where it is kept apart from the store; null: it is not. */
  get idMappingsTable(): IdMappingsTable | null {
    return this.mappings === 'store' ? null : this.mappings;
  }

  /** Which table of ids to use: one of its own, which stays its owner's to close; that of the store; none. */
  useIdMappings(mappings: IdMappingsTable | 'store' | null): void {
    this.mappings = mappings;
  }

  /** The Salesforce org that the orders of this store are of; told by the source of the events. */
  useSalesforce(salesforce: Salesforce, fields: FieldNames): void {
    this.writer.use(salesforce, fields);
  }

  /**
   * Takes the order's lease for `work`. Callers of this process stand in line for two seconds at most; a holder
   * elsewhere is not waited for.
   */
  async hold<T>(orderId: string, work: (order: HeldOrder) => Promise<T>): Promise<{ value: T } | null> {
    const before = this.queues.get(orderId) ?? Promise.resolve();
    let free = (): void => undefined;
    const mine = new Promise<void>((resolve) => (free = resolve));
    const line = before.then(() => mine);
    this.queues.set(orderId, line);
    void line.then(() => {
      if (this.queues.get(orderId) === line) this.queues.delete(orderId);
    });
    try {
      if (!(await this.turn(before))) return null;
      return await HeldOrder.hold(
        { store: this.store, orderId, sender: this.sender, clock: this.clock, turns: this.turns, log: this.log },
        (order) => this.noting(order, work),
      );
    } finally {
      free();
    }
  }

  settleSoon(orderId: string): void {
    this.settler.settleSoon(orderId);
  }

  /** Tells intakes that an event may have become due. */
  onWake(listener: () => void): () => void {
    this.wakeListeners.add(listener);
    return () => this.wakeListeners.delete(listener);
  }

  /** The order's parked events may go at once. */
  async wake(orderId: string): Promise<void> {
    for (const event of await this.store.inbox.ofOrder(orderId)) {
      if (event.state === 'parked') await this.store.inbox.wake(event.id);
    }
    this.woke();
  }

  /** A step's event waits, with its place free; the step leaves it. @throws StoreError; it is looked after all the same. */
  async park(visit: Visit, { until, reason, waitsFor }: Parking): Promise<void> {
    const { eventId, handout } = visit;
    try {
      await this.store.inbox.park(eventId, handout, until, reason, waitsFor?.what);
    } catch (error) {
      // Its message goes nowhere: unless it was parked all the same, it goes out again when the store can be asked.
      this.handouts.lose(eventId, handout);
      throw error;
    }
    visit.leave();
    this.handouts.end(eventId, handout);
    if (waitsFor) await this.turns.parked(waitsFor);
  }

  async close(): Promise<void> {
    await this.upkeep.close();
    this.endings.stop();
    await this.settler.close();
    await this.writer.close();
    await this.store.close();
  }

  private woke(): void {
    for (const listener of [...this.wakeListeners]) listener();
  }

  /** A WHMCS order that became known while the order was held is noted in Salesforce too, beside the accept. */
  private async noting<T>(order: HeldOrder, work: (order: HeldOrder) => Promise<T>): Promise<T> {
    const before = order.record.adopted?.orderId;
    try {
      return await work(order);
    } finally {
      const known = order.record.adopted?.orderId;
      if (known !== undefined && known !== before) this.writer.notes.whmcsOrder(order.orderId, known);
    }
  }

  private async turn(before: Promise<unknown>): Promise<boolean> {
    const tooLate = new AbortController();
    const inTime = before.then(() => true);
    const late = pause(this.clock, localWaitMs, tooLate.signal).then(
      () => false,
      () => false,
    );
    const won = await Promise.race([inTime, late]);
    tooLate.abort(new Error('turn came'));
    return won;
  }

  private async settled(orderId: string, settled: Settled): Promise<void> {
    switch (settled.kind) {
      case 'adopted':
      case 'none':
      case 'accepted':
        await this.endings.decideOrder(orderId);
        return this.wake(orderId);
      case 'stopped':
      case 'acceptFailed':
        return this.endOpenEvents(orderId, settled.failure);
      case 'cannotRead':
        return this.writer.notes.whmcsIsChecked(orderId, settled.failure);
      case 'turnedUp':
        // The settler has raised the alarm; the end that was told stands until a person decides.
        return;
    }
  }

  /** A person must decide: the order's events that still wait for it end as failed. */
  private async endOpenEvents(orderId: string, failure: Failure): Promise<void> {
    // Those that died with their processes too: left open, the next start would fail a newer attempt for them.
    const open = (await this.store.inbox.ofOrder(orderId)).filter((event) => event.end === null);
    for (const event of open)
      await this.endings.fail({ eventId: event.id, handout: event.handout, orderId }, failure.part(), {
        settledAlready: true,
      });
    if (open.length === 0) await this.endings.failOrder(orderId, failure.part());
  }
}
