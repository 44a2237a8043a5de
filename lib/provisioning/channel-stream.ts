/** A channel's stream: subscribed while the channel's lease is ours, standing by else; what comes in is stored durably. */
import type { Timer } from '../clock';
import {
  EventRefused,
  type EventGap,
  type EventSink,
  type ReceivedEvent,
  type StartPlace,
  type Subscriber,
  type SubscriberState,
  type UnreadableEvent,
} from '../salesforce/contract';
import { placeOf, placeSince, sinceOf, type OperatorStart } from '../salesforce/events/start-place';
import { StoreError, type Delivery, type IncomingEvent, type Lease, type Position } from '../state/contract';
import { eventOrders, type EventFields } from './event-orders';
import { keepAlive } from './held-order';
import { newestEventAt } from './operator-start';
import type { Provisioning } from './provisioning';
import { SaidOnce } from './said-once';

export interface StreamOptions extends EventFields {
  provisioning: Provisioning;
  /** Of a platform event, or of change events of Orders: `/data/OrderChangeEvent`. */
  channel: string;
  /** Where to start when no position is stored. */
  replay: 'LATEST' | 'ALL';
  createSubscriber: (sink: EventSink) => Subscriber;
}

const standbyMs = 5_000;
const leaderTtlMs = 30_000;
/** How far our clock may be ahead of Salesforce's; a login would fail long before. */
const clockSkewMs = 600_000;

export class ChannelStream {
  private subscriber: Subscriber | null = null;
  private leader: { lease: Lease; keep: { stop(): void } } | null = null;
  private sequence = 0;
  private standby: Timer | null = null;
  private stopped = true;
  /** Where a person let the channel begin anew; until something of it is stored. */
  private asked: StartPlace | null = null;
  /** Wall ms up to which everything is known to have come. */
  private through: number | null = null;
  /** Of a subscriber that gives way to another. */
  private closing: Promise<void> | null = null;
  private readonly said: SaidOnce;

  constructor(
    private readonly options: StreamOptions,
    private readonly tell: {
      /** An event was stored. */
      stored: () => void;
      /** `state` is another. */
      changed: () => void;
      /** The channel is ours from now on, or no longer. */
      leads: (leading: boolean) => void;
      /** Events may have been lost, or there were more changes than Salesforce tells one by one. */
      gap: (why: 'gap' | 'overflow') => void;
    },
  ) {
    this.said = new SaidOnce(options.provisioning.log, {
      fails: `The lease of the channel ${options.channel} could not be taken; trying again`,
    });
  }

  /** Never rejects: where the lease cannot be asked for it is asked for again. */
  async start(): Promise<void> {
    this.stopped = false;
    await this.lead();
  }

  /** Ends the stream; the lease stays until `leave`. */
  async unsubscribe(): Promise<void> {
    this.stopped = true;
    this.standby?.cancel();
    await Promise.all([this.subscriber?.close(), this.closing]);
    this.subscriber = null;
  }

  /**
   * Begins anew where a person asked for, once: until something from there is stored, each stream begins there; then the
   * position stands there. The inbox knows what has come before.
   * @returns false when another instance listens to the channel, or this one stops.
   */
  async startFrom(start: OperatorStart): Promise<boolean> {
    const { subscriber, leader } = this;
    const { log } = this.options.provisioning;
    if (subscriber === null || leader === null || this.stopped) return false;
    this.subscriber = null;
    this.closing = subscriber.close();
    await this.closing;
    if (this.leader !== leader || this.stopped) return false;
    this.asked = placeOf(start);
    log.warn('The channel begins anew where a person asked for', { channel: this.options.channel, ...start });
    this.listen();
    return true;
  }

  /** Gives the channel's lease back. */
  async leave(): Promise<void> {
    if (!this.leader) return;
    this.leader.keep.stop();
    await this.options.provisioning.store.leases.release(this.leader.lease);
    this.leader = null;
  }

  poke(): void {
    this.subscriber?.poke();
  }

  /** null while another instance subscribes. */
  get state(): SubscriberState | null {
    return this.subscriber?.state ?? null;
  }

  // ---------------------------------------------------------- the subscriber's side

  /** @throws StoreError: to be tried again. EventRefused: never to be stored as it is, whatever is wrong with it. */
  private async event(received: ReceivedEvent): Promise<void> {
    try {
      await this.take(received);
    } catch (error) {
      if (error instanceof StoreError && error.code !== 'INVALID') throw error;
      throw new EventRefused(error instanceof Error ? error.message : String(error), { cause: error });
    }
    this.came(received.createdAt);
  }

  private async take(received: ReceivedEvent): Promise<void> {
    const { replayId } = received;
    const about = eventOrders(received, this.options);
    if (about.kind === 'overflow') this.tell.gap('overflow');
    if (about.kind !== 'orders') return replayId === null ? undefined : this.position(replayId);
    // The position moves with the last: before that, not every Order of this event is stored.
    for (const [at, orderId] of about.orderIds.entries())
      await this.store(received, orderId, at === about.orderIds.length - 1 ? this.positionOf(replayId) : undefined);
    this.tell.stored();
  }

  private async store(received: ReceivedEvent, orderId: string | null, position?: Position): Promise<void> {
    const { provisioning } = this.options;
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
    const { id, isNew } = await provisioning.store.inbox.add(incoming, position);
    if (isNew)
      provisioning.log.info('Platform Event enqueued for provisioning', {
        order: orderId,
        event: id,
        uuid: received.eventId,
        delivery: incoming.delivery,
      });
    else provisioning.log.debug('This event is in the inbox already', { order: orderId, event: id });
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
    this.came(null);
    provisioning.log.error(
      'EVENT_UNREADABLE: an event could not be decoded; its raw bytes are kept with the dead events',
      { event: id, uuid: event.eventId, reason: event.reason },
    );
  }

  private async position(replayId: string): Promise<void> {
    const position = this.positionOf(replayId);
    if (!position) return;
    await this.options.provisioning.store.cursor.write(this.options.channel, position);
    this.came(this.options.provisioning.clock.now());
  }

  /** Something is stored, with its position: from here it goes on. */
  private came(createdAt: number | null): void {
    this.asked = null;
    if (createdAt !== null) this.through = Math.max(this.through ?? 0, createdAt);
  }

  private capacity(): number {
    // The inbox is durable, so the stream need not wait for the flow; it is kept short all the same.
    return this.stopped ? 0 : 100;
  }

  private async startPlace(): Promise<StartPlace> {
    if (this.asked) return { ...this.asked, asked: true };
    const { channel, provisioning, replay } = this.options;
    const { cursor, inbox } = provisioning.store;
    const stored = await cursor.read(channel);
    const since = stored === null ? null : sinceOf(stored.replayId);
    if (stored !== null && since === null) {
      this.through ??= await newestEventAt(inbox, channel);
      return { replayId: stored.replayId, through: this.through };
    }
    if (replay === 'ALL') return { preset: 'EARLIEST' };
    // LATEST was asked for before, and ended before there was a position: again, it would leave out what came between.
    if (since !== null) return { preset: 'EARLIEST', createdSince: since };
    const first = this.positionOf(placeSince(provisioning.clock.now() - clockSkewMs));
    if (first) await cursor.write(channel, first);
    return { preset: 'LATEST' };
  }

  private gap({ position }: EventGap): void {
    // A person's mistake loses nothing: the stored position holds.
    if (this.asked && 'replayId' in this.asked && this.asked.replayId === position) this.asked = null;
    else this.tell.gap('gap');
  }

  // ------------------------------------------------------------------- leadership

  /** Subscribes once the channel's lease is ours; else stands by, and asks for it again. Never rejects. */
  private async lead(): Promise<void> {
    if (this.stopped) return;
    const { store, clock } = this.options.provisioning;
    let lease: Lease | null = null;
    try {
      lease = await store.leases.acquire(`leader:${this.options.channel}`, leaderTtlMs);
      this.said.worked();
    } catch (error) {
      this.said.failed(error);
    }
    if (this.stopped) {
      if (lease !== null) await store.leases.release(lease).catch(() => undefined);
    } else if (lease === null) this.standby = clock.after(standbyMs, () => void this.lead());
    else this.subscribe(lease);
  }

  private subscribe(lease: Lease): void {
    const { provisioning } = this.options;
    const keep = keepAlive(provisioning.store, lease, provisioning.clock, () => void this.follow());
    this.leader = { lease, keep };
    this.sequence = 0;
    this.tell.leads(true);
    this.listen();
  }

  private listen(): void {
    this.subscriber = this.options.createSubscriber({
      event: (event) => this.event(event),
      unreadable: (event) => this.unreadable(event),
      position: (replayId) => this.position(replayId),
      capacity: () => this.capacity(),
      start: () => this.startPlace(),
      gap: (gap) => this.gap(gap),
    });
    this.subscriber.onState(this.tell.changed);
    this.subscriber.start();
    this.tell.changed();
  }

  /** The lease is lost: another instance subscribes. Never rejects. */
  private async follow(): Promise<void> {
    this.leader?.keep.stop();
    this.leader = null;
    this.asked = null;
    this.tell.leads(false);
    await this.subscriber?.close().catch(() => undefined);
    this.subscriber = null;
    this.tell.changed();
    await this.lead();
  }

  private positionOf(replayId: string | null): Position | undefined {
    if (replayId === null || this.leader === null) return undefined;
    return { replayId, fence: this.leader.lease.fence, sequence: ++this.sequence };
  }

  private deliveryNow(): Delivery {
    return this.subscriber?.state.phase === 'catchingUp' ? 'replay' : 'live';
  }
}
