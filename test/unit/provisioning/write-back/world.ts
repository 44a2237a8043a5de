/**
 * A store with orders that are done in WHMCS, and the simulated org that is to be told: real HTTP between them, and two
 * clocks, theirs and ours, that are turned together. Judged by the org's ledger.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { failure } from '../../../../lib/provisioning/failure';
import { newRecord, type OrderRecord } from '../../../../lib/provisioning/order-record';
import { Provisioning } from '../../../../lib/provisioning/provisioning';
import { defaultFieldNames, type FieldNames, type Salesforce } from '../../../../lib/salesforce/contract';
import { thisProcess } from '../../../../lib/state/sender';
import { openEmbeddedStore } from '../../../../lib/state/sqlite/engine';
import type { Whmcs } from '../../../../lib/whmcs/contract';
import type { SalesforceSimulator } from '../../../../simulators/salesforce/server';
import { FakeClock } from '../../../fake-clock';
import { connect, username } from '../../salesforce/org';
import { channel } from '../desk-under-test';
import { InMemoryWhmcs } from '../vendor-doubles/in-memory-whmcs';

/** A small step while a call is under way, so that no time-out comes before its answer; a long one else. */
const steps = { calling: { ms: 500, realMs: 8 }, resting: { ms: 10_000, realMs: 1 } };

export interface WorldOptions {
  fields?: Partial<FieldNames>;
  /** No connection to WHMCS is set up. */
  withoutWhmcs?: boolean;
  /** By how much our clock is ahead of the org's. */
  hours?: number;
}

interface StatusWritten {
  status: string;
  by: string;
  fields: Record<string, unknown>;
}

export class WriteBackWorld {
  readonly clock: FakeClock;
  readonly whmcs: InMemoryWhmcs;
  readonly orderId: string;
  /** Lines of all processes. */
  readonly lines: ReturnType<typeof connect>['log']['lines'] = [];
  provisioning!: Provisioning;
  private readonly directory = mkdtempSync(join(tmpdir(), 'write-back-'));
  private readonly connection: Whmcs;
  private salesforce!: ReturnType<typeof connect>;
  private calls = 0;
  private made = 0;

  private constructor(
    readonly org: SalesforceSimulator,
    private readonly options: WorldOptions,
  ) {
    this.clock = new FakeClock(org.panel.now() + (options.hours ?? 0) * 3_600_000);
    this.whmcs = new InMemoryWhmcs(this.clock);
    this.connection = this.whmcs.connect();
    const { id } = org.people.createOrder({ items: [{ code: 'SEAT-M', quantity: 1 }] });
    org.people.approve(id);
    this.orderId = id;
  }

  /** An approved order whose WHMCS order is live, in an open attempt. */
  static async open(org: SalesforceSimulator, options: WorldOptions = {}): Promise<WriteBackWorld> {
    const world = new WriteBackWorld(org, options);
    await world.begin();
    // What people did just now is over: nobody edits in the second in which we begin.
    await world.turn(3_000);
    await world.opened();
    return world;
  }

  /** The next process on the same store. */
  async restart(): Promise<void> {
    await this.end();
    await this.begin();
  }

  /** As get order, add order and accept order leave the record. */
  async opened(over: Partial<OrderRecord> = {}): Promise<void> {
    const order = await this.salesforce.salesforce.readOrder(this.orderId, this.fields);
    if (order === null) throw new Error('The org has no such order');
    const known = this.whmcs.orders[0];
    const row = known ?? this.whmcs.add({ clientId: 1001, items: [{ pid: 11, billingCycle: 'monthly', quantity: 1 }] });
    if (!known) this.whmcs.accept(row.id);
    const attempt = order.attempt ?? 1;
    const item = String(this.org.people.order(this.orderId).items[0]?.Id);
    await this.record({
      attempt,
      salesforceAttempt: order.attempt,
      attemptState: 'open',
      seen: {
        status: order.activationStatus,
        createdAt: order.createdAt,
        modifiedAt: order.lastModifiedAt,
        modifiedById: order.lastModifiedById,
      },
      adopted: {
        whmcs: this.connection.key,
        orderId: row.id,
        orderNumber: row.orderNumber,
        clientId: 1001,
        invoiceId: null,
        serviceIds: row.lines.map((line) => line.relId),
        outcome: 'created',
        intent: null,
        at: this.clock.now(),
        items: [],
        verified: true,
        warning: null,
      },
      accepted: {
        at: this.clock.now(),
        attempt,
        services: [{ orderItemId: item, serviceId: row.lines[0]?.relId ?? 0 }],
        warning: null,
      },
      ...over,
    });
  }

  /** A person's Retry is taken up: the next attempt is open. */
  async nextAttempt(): Promise<void> {
    const { attempt } = await this.readRecord();
    const counted = this.order().Activation_Attempt__c;
    const next = typeof counted === 'number' ? counted : attempt + 1;
    await this.opened({ attempt: next, ended: null });
    const { accepted } = await this.readRecord();
    await this.record({ accepted: accepted && { ...accepted, attempt: next } });
  }

  async record(change: Partial<OrderRecord>): Promise<void> {
    const held = await this.provisioning.hold(this.orderId, (order) =>
      order.save((record) => ({ ...newRecord(), ...record, ...change })),
    );
    if (held === null) throw new Error('busy');
  }

  async readRecord(): Promise<OrderRecord> {
    const held = await this.provisioning.hold(this.orderId, (order) => Promise.resolve(order.record));
    if (held === null) throw new Error('busy');
    return held.value;
  }

  /** The flow ends the order. */
  async activate(): Promise<void> {
    await this.provisioning.endings.activate(await this.handOut());
  }

  async skip(): Promise<void> {
    const skipped = { code: 'ORDER_NOT_ACTIVATING', message: 'It was withdrawn' } as const;
    await this.provisioning.endings.skip(await this.handOut(), skipped);
  }

  async fail(): Promise<void> {
    await this.record({ accepted: null });
    const cause = failure('PAYMENT_METHOD_MISSING', '409: no payment method', 'validation');
    await this.provisioning.endings.fail(await this.handOut(), cause.part());
  }

  /** Turns both clocks. */
  async turn(ms: number): Promise<void> {
    const end = this.clock.monotonic() + ms;
    await real(steps.resting.realMs);
    while (this.clock.monotonic() < end) {
      const step = this.calls > 0 ? steps.calling : steps.resting;
      const by = Math.min(step.ms, end - this.clock.monotonic());
      this.org.panel.advance(by);
      await this.clock.advance(by);
      await real(step.realMs);
    }
    // What began at the last instant may come to its end.
    for (let waits = 0; this.calls > 0 && waits < 40; waits++) await real(2);
  }

  /** Turns both until it holds. */
  async until(what: string, holds: () => boolean | Promise<boolean>, limitMs = 3_600_000): Promise<void> {
    const end = this.clock.monotonic() + limitMs;
    while (!(await holds())) {
      if (this.clock.monotonic() >= end) throw new Error(`not within ${limitMs / 1_000} s: ${what}\n${this.log()}`);
      await this.turn(500);
    }
  }

  /** Until the result is told, or dropped. */
  async told(limitMs?: number): Promise<'written' | 'dropped' | undefined> {
    await this.until('the result is told', async () => (await this.readRecord()).report?.told !== null, limitMs);
    return (await this.readRecord()).report?.told?.how;
  }

  // --------------------------------------------------------------- the org's own books

  order(): ReturnType<SalesforceSimulator['people']['order']> {
    return this.org.people.order(this.orderId);
  }

  status(): string {
    return String(this.order().Activation_Status__c);
  }

  /** What our user wrote as a status, in order. */
  statuses(): string[] {
    return this.written()
      .filter((one) => one.by === username)
      .map((one) => one.status);
  }

  written(): StatusWritten[] {
    return this.org.panel.ledger('statusWritten') as unknown as StatusWritten[];
  }

  /** PATCHes of Orders that came in, whatever became of them. */
  patches(): number {
    return this.org.panel.requests('patch').length;
  }

  person(fields: Record<string, unknown>): void {
    this.org.people.editOrder(this.orderId, fields);
  }

  /** Something else that works under our own user. */
  async otherWrite(): Promise<void> {
    await this.salesforce.salesforce.writeOrder(this.orderId, { errorMessage: 'by another' }, this.fields);
  }

  /** Provision / Retry: Failed, say, becomes Activating; the Flow counts where the org has the field. */
  retry(): void {
    this.org.people.approve(this.orderId);
  }

  alarms(): string[] {
    return this.lines
      .filter((line) => line.level === 'error')
      .map(({ text, facts }) => `${text} ${JSON.stringify(facts)}`);
  }

  log(): string {
    return this.lines.map(({ level, text, facts }) => `${level} ${text} ${JSON.stringify(facts)}`).join('\n');
  }

  async timeline(): Promise<string[]> {
    const entries = await this.provisioning.store.timeline.ofOrder(this.orderId);
    return entries.map(({ step, status, detail }) => `${step} ${status}: ${detail}`);
  }

  /** Calls that change WHMCS. */
  whmcsWrites(): string[] {
    return this.whmcs.calls.filter((call) => call === 'AddOrder' || call === 'AcceptOrder');
  }

  async close(): Promise<void> {
    await this.end();
    rmSync(this.directory, { recursive: true, force: true });
    this.org.panel.reset();
  }

  private get fields(): FieldNames {
    return { ...defaultFieldNames, ...this.options.fields };
  }

  private async begin(): Promise<void> {
    const instance = `instance-${++this.made}`;
    const store = await openEmbeddedStore({ directory: this.directory, clock: this.clock, instance });
    this.salesforce = connect(this.org.url, { clock: this.clock });
    this.salesforce.log.lines.push = (...lines) => this.lines.push(...lines);
    this.provisioning = new Provisioning({
      store,
      sender: thisProcess(instance),
      clock: this.clock,
      log: this.salesforce.log,
      whmcsOf: (key) => (this.options.withoutWhmcs || key !== this.connection.key ? undefined : this.connection),
    });
    this.provisioning.useSalesforce(this.counted(this.salesforce.salesforce), this.fields);
  }

  private async end(): Promise<void> {
    const closing = this.provisioning.close();
    await closing;
    this.salesforce.close();
  }

  /** The connection, its calls under way counted. */
  private counted(salesforce: Salesforce): Salesforce {
    const count = async <T>(call: Promise<T>): Promise<T> => {
      this.calls += 1;
      try {
        return await call;
      } finally {
        this.calls -= 1;
      }
    };
    return {
      key: salesforce.key,
      get userId() {
        return salesforce.userId;
      },
      readOrder: (...of) => count(salesforce.readOrder(...of)),
      ordersNaming: (...of) => count(salesforce.ordersNaming(...of)),
      isDeleted: (...of) => count(salesforce.isDeleted(...of)),
      writeOrder: (...of) => count(salesforce.writeOrder(...of)),
      writeItems: (...of) => count(salesforce.writeItems(...of)),
      health: () => salesforce.health(),
    };
  }

  private async handOut(): Promise<{ eventId: string; handout: number; orderId: string }> {
    const { inbox } = this.provisioning.store;
    const now = this.clock.now();
    await inbox.add({
      channel,
      replayId: null,
      eventId: `e${++this.made}`,
      createdAt: now,
      receivedAt: now,
      orderId: this.orderId,
      delivery: 'live',
      payload: { OrderId__c: this.orderId },
    });
    const event = await inbox.take(channel, now);
    if (event === null) throw new Error('nothing was handed out');
    this.provisioning.handouts.begin(event, this.orderId, `m${this.made}`);
    return { eventId: event.id, handout: event.handout, orderId: this.orderId };
  }
}

const real = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
