/** A Provisioning on a store on disk, with Salesforce in memory and a clock turned by hand. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Facts, Log } from '../../../lib/log';
import { newRecord, type OrderRecord } from '../../../lib/provisioning/order-record';
import { failure, type Failure } from '../../../lib/provisioning/failure';
import { Provisioning } from '../../../lib/provisioning/provisioning';
import { defaultFieldNames } from '../../../lib/salesforce/contract';
import type { InboxEvent, StateStore } from '../../../lib/state/contract';
import { thisProcess } from '../../../lib/state/sender';
import { openEmbeddedStore } from '../../../lib/state/sqlite/engine';
import type { Whmcs } from '../../../lib/whmcs/contract';
import { FakeClock } from '../../fake-clock';
import { InMemorySalesforce } from './vendor-doubles/in-memory-salesforce';
import type { Engine } from './vendor-doubles/world';

export const orderId = '801000000000001AAA';
export const channel = '/event/OrderProvisionRequested__e';

export class DeskUnderTest {
  readonly lines: { level: string; text: string; facts: Facts | undefined }[] = [];
  private made = 0;
  private shared: Engine | null = null;

  private constructor(
    readonly clock: FakeClock,
    readonly salesforce: InMemorySalesforce,
    readonly directory: string,
    readonly provisioning: Provisioning,
  ) {}

  static async open(
    options: {
      withAttempts?: boolean;
      directory?: string;
      clock?: FakeClock;
      salesforce?: InMemorySalesforce;
      whmcsOf?: (key: string) => Whmcs | undefined;
      /** Another engine than the embedded one, and the place of its store. */
      shared?: { engine: Engine; place: string };
      /** Spoils the store before anything uses it. */
      breakStore?: (store: StateStore) => void;
    } = {},
  ): Promise<DeskUnderTest> {
    const clock = options.clock ?? new FakeClock();
    const salesforce = options.salesforce ?? new InMemorySalesforce(clock, options.withAttempts ?? true);
    const directory = options.directory ?? mkdtempSync(join(tmpdir(), 'desk-'));
    const instance = `instance-${Math.random()}`;
    const { shared } = options;
    const store = shared
      ? await shared.engine.open(shared.place, clock, instance)
      : await openEmbeddedStore({ directory, clock, instance });
    options.breakStore?.(store);
    const lines: DeskUnderTest['lines'] = [];
    const at = (level: string) => (text: string, facts?: Facts) => void lines.push({ level, text, facts });
    const log: Log = { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') };
    const provisioning = new Provisioning({
      store,
      sender: thisProcess(instance),
      clock,
      log,
      whmcsOf: options.whmcsOf ?? (() => undefined),
    });
    const desk = new DeskUnderTest(clock, salesforce, directory, provisioning);
    Object.assign(desk, { lines });
    desk.shared = shared?.engine ?? null;
    provisioning.useSalesforce(salesforce, defaultFieldNames);
    return desk;
  }

  /** An event of the order, handed out. */
  async handOut(id = orderId): Promise<InboxEvent & { orderId: string }> {
    const { inbox } = this.provisioning.store;
    const now = this.clock.now();
    await inbox.add({
      channel,
      replayId: null,
      eventId: `e${++this.made}`,
      createdAt: now,
      receivedAt: now,
      orderId: id,
      delivery: 'live',
      payload: { OrderId__c: id },
    });
    const event = await inbox.take(channel, now);
    if (event === null) throw new Error('nothing was handed out');
    this.provisioning.handouts.begin(event, id, `m${this.made}`);
    return { ...event, orderId: id };
  }

  of(event: InboxEvent & { orderId: string }): { eventId: string; handout: number; orderId: string } {
    return { eventId: event.id, handout: event.handout, orderId: event.orderId };
  }

  async record(change: Partial<OrderRecord>, id = orderId): Promise<void> {
    await this.provisioning.hold(id, (order) => order.save((record) => ({ ...newRecord(), ...record, ...change })));
  }

  async readRecord(id = orderId): Promise<OrderRecord> {
    const held = await this.provisioning.hold(id, (order) => Promise.resolve(order.record));
    if (held === null) throw new Error('busy');
    return held.value;
  }

  /** Lets what runs in the background come to rest: work on disk, then timers up to `ms`. */
  async settle(ms = 0): Promise<void> {
    const { shared } = this;
    if (shared) {
      await shared.idle();
      for (let left = ms; left > 0; left -= shared.stepMs) {
        await this.clock.advance(Math.min(left, shared.stepMs));
        await shared.idle();
      }
      return;
    }
    for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve));
    await this.clock.advance(ms);
    for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve));
  }

  async close(): Promise<void> {
    await this.provisioning.close();
    rmSync(this.directory, { recursive: true, force: true });
  }
}

/** A record whose WHMCS order was accepted in attempt 1, and proven by reading. */
export const acceptedRecord: Partial<OrderRecord> = {
  attempt: 1,
  attemptState: 'open',
  adopted: {
    whmcs: 'w',
    orderId: 5012,
    orderNumber: '1',
    clientId: 1001,
    invoiceId: null,
    serviceIds: [9001],
    outcome: 'created',
    intent: 'a1',
    at: 0,
  } as OrderRecord['adopted'],
  accepted: { at: 0, attempt: 1, services: [{ orderItemId: '8021', serviceId: 9001 }], warning: null },
};

export const cause = (): Failure => failure('PAYMENT_METHOD_MISSING', '409: no payment method', 'validation');
