/**
 * One channel's way in: events from the subscriber are stored durably, then handed out, at most N at a time and one an
 * order, until each has ended. What stops on its way is handed out again or ended here (design: how an order ends, 4-6).
 */
import { keepAlive } from './held-order';
import type { Timer } from '../clock';
import type { EventSink, ReceivedEvent, Subscriber, SubscriberState, UnreadableEvent } from '../salesforce/contract';
import { orderIdOf } from '../salesforce/ids';
import type { Delivery, IncomingEvent, InboxEvent, Lease } from '../state/contract';
import { failure, type Failure } from './failure';
import type { Handout } from './handouts';
import type { EventPart } from './message';
import type { Provisioning } from './provisioning';
import { failurePart } from './stored-failure';

export interface IntakeOptions {
  provisioning: Provisioning;
  channel: string;
  /** Name of the event's field that holds the Order's id. */
  orderIdField: string;
  /** Where to start when no position is stored. */
  replay: 'LATEST' | 'ALL';
  maxInWork: number;
  /** Silence of our nodes after which an event counts as stopped, ms. */
  silenceMs: number;
  /** A failure that no Catch leads to an end: told to Salesforce at once, or an alarm only. */
  uncaught: 'fail' | 'alarm';
  createSubscriber: (sink: EventSink) => Subscriber;
  /** Sends the event on its way; the message's `_msgid` is given, so that the event can be told from it. */
  deliver: (event: InboxEvent, messageId: string) => void;
  newMessageId: () => string;
}

export interface IntakeState {
  subscriber: SubscriberState | null;
  paused: boolean;
  /** Why nothing is handed out although events may wait; null: nothing holds it. */
  held: string | null;
  inWork: number;
}

const tickMs = 1_000;
const silenceAfterDeployMs = 30_000;
const fruitlessLimit = 3;
const standbyMs = 5_000;
const leaderTtlMs = 30_000;
const holdLimitMs = 300_000;
const holdMemoryMs = 600_000;

export class Intake {
  private subscriber: Subscriber | null = null;
  private leader: { lease: Lease; keep: { stop(): void } } | null = null;
  private sequence = 0;
  private timer: Timer | null = null;
  private standby: Timer | null = null;
  private stopped = true;
  private paused = false;
  private heldBy: string | null = null;
  private holdTimer: Timer | null = null;
  private lastHold: { code: string; ms: number; endedAt: number } | null = null;
  private handing: Promise<void> | null = null;
  private handAgain = false;
  private deployedAt: number | null = null;
  private readonly fruitless = new Map<string, number>();
  private readonly listeners = new Set<(state: IntakeState) => void>();
  private offs: (() => void)[] = [];

  constructor(readonly options: IntakeOptions) {}

  /** Hands out again what an earlier generation left, then subscribes. */
  async start(): Promise<void> {
    this.stopped = false;
    const { handouts } = this.options.provisioning;
    this.offs = [handouts.onChange(() => this.poke()), this.options.provisioning.onWake(() => this.poke())];
    await this.resumeWork();
    await this.endDead();
    await this.lead();
    this.tick();
  }

  /** Stops the stream and the hand-out. Events under way stay in work: the next generation takes them up. */
  async stop(): Promise<void> {
    this.stopped = true;
    this.timer?.cancel();
    this.standby?.cancel();
    this.holdTimer?.cancel();
    for (const off of this.offs) off();
    this.offs = [];
    this.listeners.clear();
    await this.subscriber?.close();
    this.subscriber = null;
    await this.handing;
    if (this.leader) {
      this.leader.keep.stop();
      await this.options.provisioning.store.leases.release(this.leader.lease);
      this.leader = null;
    }
  }

  pause(): void {
    this.paused = true;
    this.told();
  }

  resume(): void {
    this.paused = false;
    this.poke();
    this.told();
  }

  /**
   * A fault that concerns every order (a refused login, say): the hand-out rests for a while, longer each time it comes
   * again, while intake goes on. One alarm, not one an order.
   */
  holdFor(cause: Failure, ms: number): void {
    const { clock, log } = this.options.provisioning;
    if (this.heldBy !== null) return;
    const again = this.lastHold?.code === cause.code && clock.monotonic() - this.lastHold.endedAt < holdMemoryMs;
    const wait = again ? Math.min((this.lastHold?.ms ?? ms) * 2, holdLimitMs) : ms;
    const text = `${cause.code}: ${cause.message}. Orders wait; the hand-out goes on by itself once this is mended`;
    if (again) log.warn(text, { retryInMs: wait });
    else log.error(text, { owner: cause.owner, fix: cause.fix });
    this.heldBy = `${cause.code}: ${cause.message}`;
    this.holdTimer = clock.after(wait, () => {
      this.lastHold = { code: cause.code, ms: wait, endedAt: clock.monotonic() };
      this.heldBy = null;
      this.poke();
    });
    this.told();
  }

  /** The flows were deployed and this source stayed: messages may have been lost in nodes that did not. */
  deployed(): void {
    this.deployedAt = this.options.provisioning.clock.monotonic();
  }

  get state(): IntakeState {
    return {
      subscriber: this.subscriber?.state ?? null,
      paused: this.paused,
      held: this.heldBy,
      inWork: this.options.provisioning.handouts.inWork(this.options.channel).length,
    };
  }

  onState(listener: (state: IntakeState) => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  // ---------------------------------------------------------- the subscriber's side

  private async event(received: ReceivedEvent): Promise<void> {
    const { provisioning, orderIdField } = this.options;
    const named = received.payload[orderIdField];
    const orderId = typeof named === 'string' ? orderIdOf(named) : null;
    const incoming: IncomingEvent = {
      channel: received.channel,
      replayId: received.replayId,
      eventId: received.eventId,
      createdAt: received.createdAt,
      receivedAt: provisioning.clock.now(),
      orderId,
      delivery: this.deliveryNow(),
      payload: received.payload,
    };
    const { id, isNew } = await provisioning.store.inbox.add(incoming, this.positionOf(received.replayId));
    if (isNew)
      provisioning.log.info('Platform Event enqueued for provisioning', {
        order: orderId,
        event: id,
        uuid: received.eventId,
        delivery: incoming.delivery,
      });
    else provisioning.log.debug('This event is in the inbox already', { order: orderId, event: id });
    this.poke();
    this.told();
  }

  private async unreadable(event: UnreadableEvent): Promise<void> {
    const { provisioning } = this.options;
    const { id } = await provisioning.store.inbox.addUnreadable(
      {
        channel: event.channel,
        replayId: event.replayId,
        eventId: event.eventId,
        createdAt: null,
        receivedAt: provisioning.clock.now(),
        orderId: null,
        delivery: this.deliveryNow(),
        raw: event.raw,
        reason: event.reason,
      },
      this.positionOf(event.replayId),
    );
    provisioning.log.error(
      'EVENT_UNREADABLE: an event could not be decoded; its raw bytes are kept with the dead events',
      { event: id, uuid: event.eventId, reason: event.reason },
    );
  }

  private async position(replayId: string): Promise<void> {
    const position = this.positionOf(replayId);
    if (position) await this.options.provisioning.store.cursor.write(this.options.channel, position);
  }

  private capacity(): number {
    // The inbox is durable, so the stream need not wait for the flow; it is kept short all the same.
    return this.stopped ? 0 : 100;
  }

  private async startPosition(): Promise<{ replayId: string } | { preset: 'LATEST' | 'EARLIEST' }> {
    const stored = await this.options.provisioning.store.cursor.read(this.options.channel);
    if (stored) return { replayId: stored.replayId };
    return { preset: this.options.replay === 'ALL' ? 'EARLIEST' : 'LATEST' };
  }

  // ---------------------------------------------------------------- the hand-out

  /** Something may have become possible: a place is free, an event has come or is due. */
  poke(): void {
    if (this.stopped) return;
    this.subscriber?.poke();
    if (this.handing) {
      this.handAgain = true;
      return;
    }
    this.handing = this.handOut()
      .catch((error: unknown) =>
        this.options.provisioning.log.error('Events could not be handed out; trying again', { error: String(error) }),
      )
      .finally(() => {
        this.handing = null;
        if (this.handAgain) {
          this.handAgain = false;
          this.poke();
        }
        this.told();
      });
  }

  private async handOut(): Promise<void> {
    const { provisioning, channel, maxInWork } = this.options;
    await this.handOutLost();
    while (
      !this.stopped &&
      !this.paused &&
      this.heldBy === null &&
      provisioning.handouts.inWork(channel).length < maxInWork
    ) {
      const event = await provisioning.store.inbox.take(channel, provisioning.clock.now());
      if (event === null) return;
      await this.send(event);
    }
  }

  private async send(event: InboxEvent): Promise<void> {
    const { provisioning, orderIdField, newMessageId, deliver } = this.options;
    if (event.orderId === null) {
      const named = event.payload[orderIdField];
      const code = named === undefined || named === null ? 'EVENT_NO_ORDER' : 'ORDER_ID_INVALID';
      const text =
        code === 'EVENT_NO_ORDER' ? `The event has no ${orderIdField}` : `${orderIdField} holds no id of an Order`;
      await provisioning.store.inbox.finish(
        event.id,
        event.handout,
        'Dead',
        `${code}: ${text}`,
        provisioning.clock.now(),
      );
      provisioning.log.error(`${code}: ${text}; the event is kept with the dead events`, {
        event: event.id,
        uuid: event.eventId,
      });
      return;
    }
    const messageId = newMessageId();
    provisioning.handouts.begin(event, event.orderId, messageId);
    provisioning.log.info('Starting fulfillment orchestration', {
      order: event.orderId,
      event: event.id,
      handout: event.handout,
      delivery: event.delivery,
    });
    deliver(event, messageId);
  }

  private async again(handout: Pick<Handout, 'eventId' | 'handout'>, why: 'deploy' | 'silence'): Promise<void> {
    const event = await this.options.provisioning.store.inbox.handOutAgain(handout.eventId, handout.handout, why);
    if (event === null) return this.options.provisioning.handouts.end(handout.eventId, handout.handout);
    await this.send(event);
  }

  /** Events in work of an earlier generation of this process; where a step still runs, its end hands them out again. */
  private async resumeWork(): Promise<void> {
    const { provisioning, channel } = this.options;
    for (const event of await provisioning.store.inbox.inState(channel, 'inWork', 10_000)) {
      const known = provisioning.handouts.of(event.id);
      if (event.orderId !== null && known && provisioning.handouts.running(event.orderId).length > 0)
        known.undelivered = true;
      else if (await this.decided(event)) continue;
      else await this.again({ eventId: event.id, handout: event.handout }, 'deploy');
    }
  }

  private async handOutLost(): Promise<void> {
    const { provisioning, channel } = this.options;
    for (const handout of provisioning.handouts.inWork(channel)) {
      if (!handout.undelivered || provisioning.handouts.running(handout.orderId).length > 0) continue;
      handout.undelivered = false;
      const event = await provisioning.store.inbox.get(handout.eventId);
      if (event && (await this.decided(event))) continue;
      await this.again(handout, 'deploy');
    }
  }

  /** Events that died with their processes: told as failed, unless the ledger knows better. */
  private async endDead(): Promise<void> {
    const { provisioning, channel } = this.options;
    for (const event of await provisioning.store.inbox.inState(channel, 'dead', 1_000)) {
      if (event.end !== null || event.orderId === null) continue;
      const cause = failure(
        'EVENT_CRASHED',
        event.reason ?? 'Node-RED ended five times while it worked on this event',
        'event',
      );
      provisioning.log.error(cause.message, { order: event.orderId, event: event.id });
      await provisioning.endings.fail(
        { eventId: event.id, handout: event.handout, orderId: event.orderId },
        cause.part(),
      );
    }
  }

  private tick(): void {
    if (this.stopped) return;
    this.timer = this.options.provisioning.clock.after(tickMs, () => {
      void this.endSilent()
        .catch((error: unknown) =>
          this.options.provisioning.log.error('Stopped events could not be looked after; trying again', {
            error: String(error),
          }),
        )
        .finally(() => {
          this.poke();
          this.tick();
        });
    });
  }

  private async endSilent(): Promise<void> {
    const { provisioning, channel, silenceMs } = this.options;
    const now = provisioning.clock.monotonic();
    for (const handout of provisioning.handouts.inWork(channel)) {
      if (provisioning.handouts.running(handout.orderId).length > 0) continue;
      const silence = now - handout.lastSign;
      const lostInDeploy =
        this.deployedAt !== null && handout.lastSign < this.deployedAt && silence >= silenceAfterDeployMs;
      if (!lostInDeploy && silence < silenceMs) continue;
      const event = await provisioning.store.inbox.get(handout.eventId);
      if (event === null || event.end !== null) provisioning.handouts.end(handout.eventId, handout.handout);
      else if (await this.decided(event)) continue;
      else if (lostInDeploy && (this.fruitless.get(event.id) ?? 0) + 1 < fruitlessLimit) {
        this.fruitless.set(event.id, (this.fruitless.get(event.id) ?? 0) + 1);
        provisioning.log.warn('The message was lost in a deploy; it is handed out again', {
          order: handout.orderId,
          event: event.id,
          lastNode: handout.lastNode,
        });
        await this.again(handout, 'silence');
      } else await this.timeOut(event, handout);
    }
  }

  private async timeOut(event: InboxEvent, handout: Handout): Promise<void> {
    const { provisioning } = this.options;
    const recorded = failurePart(event.failure)?.part;
    const where = handout.lastNode === null ? 'right after the platform event' : `after "${handout.lastNode}"`;
    const cause =
      recorded ??
      failure('FLOW_TIMEOUT', `The message stopped ${where}; no box of the flow ended the order`, 'event').part();
    provisioning.log.error(cause.message, { order: handout.orderId, event: event.id, code: cause.code });
    await provisioning.endings.fail(handout, cause);
  }

  /** A kept wish, decided now if it can be. */
  private async decided(event: InboxEvent): Promise<boolean> {
    return this.options.provisioning.endings.decide(event);
  }

  // ------------------------------------------------------------------- leadership

  /** Subscribes once the channel's lease is ours; else stands by. */
  private async lead(): Promise<void> {
    if (this.stopped) return;
    const { provisioning, channel, createSubscriber } = this.options;
    const lease = await provisioning.store.leases.acquire(`leader:${channel}`, leaderTtlMs);
    if (lease === null) {
      this.standby = provisioning.clock.after(
        standbyMs,
        () =>
          void this.lead().catch((error: unknown) =>
            provisioning.log.error('The lease of the channel could not be taken; trying again', {
              channel,
              error: String(error),
            }),
          ),
      );
      return;
    }
    const keep = keepAlive(provisioning.store, lease, provisioning.clock, () => void this.follow());
    this.leader = { lease, keep };
    this.sequence = 0;
    this.subscriber = createSubscriber({
      event: (event) => this.event(event),
      unreadable: (event) => this.unreadable(event),
      position: (replayId) => this.position(replayId),
      capacity: () => this.capacity(),
      start: () => this.startPosition(),
    });
    this.subscriber.onState(() => this.told());
    this.subscriber.start();
    this.told();
  }

  /** The lease is lost: another instance subscribes. */
  private async follow(): Promise<void> {
    this.leader?.keep.stop();
    this.leader = null;
    await this.subscriber?.close();
    this.subscriber = null;
    this.told();
    await this.lead();
  }

  private positionOf(replayId: string | null): { replayId: string; fence: number; sequence: number } | undefined {
    if (replayId === null || this.leader === null) return undefined;
    return { replayId, fence: this.leader.lease.fence, sequence: ++this.sequence };
  }

  private deliveryNow(): Delivery {
    return this.subscriber?.state.phase === 'catchingUp' ? 'replay' : 'live';
  }

  private told(): void {
    const { state } = this;
    for (const listener of [...this.listeners]) listener(state);
  }
}

/** The `msg.event` of a hand-out. */
export function eventPart(event: InboxEvent): EventPart {
  return {
    id: event.id,
    uuid: event.eventId,
    replayId: event.replayId ?? '',
    channel: event.channel,
    createdAt: event.createdAt === null ? null : new Date(event.createdAt).toISOString(),
    receivedAt: new Date(event.receivedAt).toISOString(),
    handout: event.handout,
    delivery: event.delivery,
  };
}
