/**
 * The whole job on one store: events go through get order, add order, accept order and update order as the reference flow
 * sends them, and a person may use the control. Judged by the books of both vendors.
 */
import { pause, type Clock } from '../../../lib/clock';
import { acceptOrder, acceptOrderDefaults } from '../../../lib/provisioning/accept-order';
import { addOrder, addOrderDefaults, type AddOrderSettings } from '../../../lib/provisioning/add-order';
import { control, subjectsIn, type ControlAnswer } from '../../../lib/provisioning/control';
import { type Failure, toFailure } from '../../../lib/provisioning/failure';
import { getOrder } from '../../../lib/provisioning/get-order';
import { eventPart, Intake } from '../../../lib/provisioning/intake';
import type { Travelling } from '../../../lib/provisioning/message';
import { repairByHand, type RepairTopic } from '../../../lib/provisioning/repair-by-hand';
import type { StepContext, StepOutcome } from '../../../lib/provisioning/step';
import { waitInstead } from '../../../lib/provisioning/waiting';
import { defaultFieldNames, type SalesforceOrder } from '../../../lib/salesforce/contract';
import { stoppedState } from '../../../lib/salesforce/events/subscriber-state';
import type { InboxEvent } from '../../../lib/state/contract';
import type { Whmcs } from '../../../lib/whmcs/contract';
import { FakeClock } from '../../fake-clock';
import { channel, DeskUnderTest, orderId } from './desk-under-test';
import { InMemorySalesforce } from './vendor-doubles/in-memory-salesforce';
import { InMemoryWhmcs } from './vendor-doubles/in-memory-whmcs';
import { clientId, input, type Engine } from './vendor-doubles/world';
import { intakeSettings } from '../../intake-settings';

export interface JobOptions {
  /** Whether the org has the attempt fields. */
  withAttempts?: boolean;
  resend?: AddOrderSettings['resend'];
  marker?: AddOrderSettings['marker'];
  /** The store is new, and may have lost what another knew. */
  lost?: boolean;
  /** What each call of WHMCS takes. */
  latencyMs?: number;
  /** Events in work at a time. */
  maxInWork?: number;
  /** The WHMCS client of an order; one for all where nothing is said. */
  clientOf?: (orderId: string) => number;
  /** Another WHMCS than the one in memory. */
  connect?: (clock: Clock) => Whmcs;
  /** Another engine than the embedded one. */
  shared?: { engine: Engine; place: string };
}

export class JobUnderTest {
  /** How the steps of each run ended, in words. */
  readonly ends: string[] = [];
  intake!: Intake;
  /** Whether a node has a connection to WHMCS. */
  connected = true;
  private made = 0;

  private constructor(
    readonly clock: FakeClock,
    readonly salesforce: InMemorySalesforce,
    readonly whmcs: InMemoryWhmcs,
    readonly connection: Whmcs,
    readonly desk: DeskUnderTest,
    readonly settings: AddOrderSettings,
    private readonly clientOf: (orderId: string) => number,
  ) {}

  static async open(options: JobOptions = {}): Promise<JobUnderTest> {
    const {
      withAttempts = true,
      resend = 'once',
      marker = 'notes',
      lost = false,
      latencyMs = 0,
      maxInWork = 4,
      clientOf = () => clientId,
      connect,
      shared,
    } = options;
    const clock = new FakeClock();
    const salesforce = new InMemorySalesforce(clock, withAttempts);
    const whmcs = new InMemoryWhmcs(clock);
    const connection = slow(connect?.(clock) ?? whmcs.connect(), clock, latencyMs);
    const desk = await DeskUnderTest.open({
      clock,
      salesforce,
      whmcsOf: (key) => (job.connected && key === connection.key ? connection : undefined),
      ...(shared ? { shared } : {}),
    });
    const settings = { ...addOrderDefaults, resend, marker };
    const job = new JobUnderTest(clock, salesforce, whmcs, connection, desk, settings, clientOf);
    if (!lost) await desk.provisioning.store.setDoubt(null);
    await desk.provisioning.start();
    job.intake = new Intake({
      provisioning: desk.provisioning,
      ...intakeSettings,
      channel,
      maxInWork,
      silenceMs: 86_400_000,
      createSubscriber: () => silentSubscriber,
      deliver: (event) => void job.run(event),
      newMessageId: () => `m${++job.made}`,
    });
    await job.intake.start();
    await desk.settle();
    return job;
  }

  /** An approved order in Salesforce. */
  approve(over: Partial<SalesforceOrder> = {}, id = orderId): SalesforceOrder {
    const item = { id: '802000000000001AAA', quantity: 1, unitPrice: null, pricebookEntryId: null, product: null };
    return this.salesforce.add(id, { items: [item], ...over });
  }

  /** An event of the order arrives, as the bus delivers it. */
  async arrives(id = orderId): Promise<void> {
    const now = this.clock.now();
    await this.desk.provisioning.store.inbox.add({
      channel,
      replayId: null,
      eventId: `e${++this.made}`,
      createdAt: now,
      receivedAt: now,
      orderId: id,
      delivery: 'live',
      payload: { OrderId__c: id },
    });
    this.intake.poke();
    await this.desk.settle();
  }

  /** Asks the control, as the node does. */
  ask(topic: 'retry' | 'defer', payload: unknown): Promise<ControlAnswer[]> {
    const { provisioning } = this.desk;
    return this.answered(control(topic, subjectsIn(payload), null, { provisioning, intakes: [this.intake] }));
  }

  /** Asks for a repair, as the node does; its answer in words. */
  async repair(topic: RepairTopic, payload: unknown): Promise<string> {
    const [answer] = await this.answered(repairByHand(topic, payload, this.desk.provisioning));
    return `${answer?.done ? 'done' : 'no'}: ${answer?.text ?? 'nothing'}`;
  }

  /** Turns the clock until no event of the order is open and its result is told, at most `limitMs`. */
  async rest(id = orderId, limitMs = 4 * 3_600_000): Promise<void> {
    const { store } = this.desk.provisioning;
    const end = this.clock.monotonic() + limitMs;
    for (let step = 100; ; step = Math.min(step * 2, 20_000)) {
      await this.desk.settle(step);
      const open = (await store.inbox.ofOrder(id)).some((event) => event.end === null);
      if (!open && !(await this.record(id)).todo.includes('report')) return;
      if (this.clock.monotonic() >= end) throw new Error(`It did not end in time: ${this.ends.join(' | ')}`);
    }
  }

  record(id = orderId): ReturnType<DeskUnderTest['readRecord']> {
    return this.desk.readRecord(id);
  }

  status(id = orderId): string | undefined {
    return this.salesforce.orders.get(id)?.activationStatus;
  }

  errorCode(): string | null | undefined {
    return [...this.salesforce.book].reverse().find((one) => one.change.activationStatus !== undefined)?.change
      .errorCode;
  }

  /** The error message that was written last. */
  errorMessage(): string {
    return [...this.salesforce.book].reverse().find((one) => one.change.errorMessage)?.change.errorMessage ?? '';
  }

  async close(): Promise<void> {
    await this.intake.stop();
    await this.desk.close();
  }

  private async answered(asked: Promise<ControlAnswer[]>): Promise<ControlAnswer[]> {
    let answers: ControlAnswer[] | null = null;
    asked.then(
      (them) => (answers = them),
      () => (answers = []),
    );
    for (let turn = 0; answers === null && turn < 200; turn++) await this.desk.settle(50);
    return asked;
  }

  /** One message on its way through the flow. */
  private async run(event: InboxEvent): Promise<void> {
    const { endings, handouts } = this.desk.provisioning;
    const id = event.orderId ?? '';
    const of = { eventId: event.id, handout: event.handout, orderId: id };
    const handout = handouts.of(event.id);
    if (!handout) return;
    const visit = handouts.enter(handout, 'flow');
    const context: StepContext = {
      ...of,
      clock: this.clock,
      log: this.desk.provisioning.log,
      signal: new AbortController().signal,
      desk: this.desk.provisioning,
    };
    try {
      const end = await this.steps(event, context);
      if ('parked' in end) {
        this.ends.push(`parked: ${end.parked.reason}`);
        return await this.desk.provisioning.park(visit, end.parked);
      }
      visit.leave();
      if ('dropped' in end) return;
      this.ends.push(end.skipped ? `skipped ${end.skipped.code}` : 'accepted');
      const ending = end.skipped ? await endings.skip(of, end.skipped) : await endings.activate(of);
      if (ending.kind === 'kept')
        throw new Error(`Nothing else works on the order, yet it waits for ${ending.waitsFor}`);
    } catch (thrown) {
      const found: Failure = toFailure(thrown, 'event');
      const wait = waitInstead(thrown, found);
      if (wait) {
        const { ms, cause, holdsAll } = wait;
        this.ends.push(`waits ${cause.code}`);
        if (holdsAll) this.intake.holdFor(cause, ms, holdsAll.longestMs);
        return await this.desk.provisioning.park(visit, { until: this.clock.now() + ms, reason: cause.message });
      }
      this.ends.push(`failed ${found.code}`);
      visit.leave();
      await endings.fail(of, found.part());
    }
  }

  private async steps(event: InboxEvent, context: StepContext): Promise<StepOutcome<unknown, string>> {
    const id = event.orderId ?? '';
    const message = input({ id, clientId: this.clientOf(id) });
    const got = await getOrder({ fields: defaultFieldNames, pricebookId: null }, this.salesforce).run(
      { event: eventPart(event) },
      context,
    );
    if (!('way' in got) || got.way === 'skip') return got;
    const order = got.value as Travelling['order'];
    const added = await addOrder(this.settings, this.connection).run({ ...message, order }, context);
    if (!('way' in added)) return added;
    const whmcs = added.value as Travelling['whmcs'];
    return acceptOrder(acceptOrderDefaults, this.connection).run({ order, whmcs }, context);
  }
}

/** Each call takes so long, there and back. */
function slow(whmcs: Whmcs, clock: Clock, latencyMs: number): Whmcs {
  if (latencyMs === 0) return whmcs;
  return new Proxy(whmcs, {
    get(target, name, receiver) {
      const found: unknown = Reflect.get(target, name, receiver);
      if (typeof found !== 'function' || name === 'orderUrl') return found;
      return async (...given: unknown[]): Promise<unknown> => {
        // A write leaves within its send-by, however long its answer takes.
        const there = Math.min(latencyMs / 2, 1_000);
        await pause(clock, there);
        const answer: unknown = await Reflect.apply(found, target, given);
        await pause(clock, latencyMs - there);
        return answer;
      };
    },
  });
}

const silentSubscriber = {
  state: { ...stoppedState(channel), phase: 'connected' as const },
  start: () => undefined,
  poke: () => undefined,
  onState: () => () => undefined,
  close: () => Promise.resolve(),
};
