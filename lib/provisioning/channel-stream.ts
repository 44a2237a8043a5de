/** A channel's stream: subscribed while the channel's lease is ours, standing by else; what comes in is stored durably. */
import type { Timer } from '../clock';
import {
  EventRefused,
  type EventSink,
  type ReceivedEvent,
  type Subscriber,
  type SubscriberState,
  type UnreadableEvent,
} from '../salesforce/contract';
import type { OperatorStart } from '../salesforce/events/start-place';
import { StoreError, type Delivery, type IncomingEvent, type Lease, type Position } from '../state/contract';
import { eventOrders, type EventFields } from './event-orders';
import { keepAlive } from './held-order';
import type { Provisioning } from './provisioning';
import { SaidOnce } from './said-once';
import { StreamPlace, type Leader } from './stream-place';

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

export class ChannelStream {
  private subscriber: Subscriber | null = null;
  private place: StreamPlace | null = null;
  private leader: (Leader & { keep: { stop(): void } }) | null = null;
  private standby: Timer | null = null;
  private stopped = true;
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
   * Begins anew where a person asked for, once: until something from there has come, each stream begins there, after a
   * restart and in another process too. The inbox knows what has come before.
   * @returns false when another instance listens to the channel, or this one stops. @throws StoreError
   */
  async startFrom(start: OperatorStart): Promise<boolean> {
    const { subscriber, leader, place } = this;
    const { log } = this.options.provisioning;
    if (subscriber === null || leader === null || this.stopped) return false;
    this.subscriber = null;
    this.closing = subscriber.close();
    await this.closing;
    const gone = (): boolean => this.leader !== leader || this.stopped;
    if (gone()) return false;
    place?.end();
    const next = this.newPlace(leader);
    try {
      const kept = await next.ask(start);
      if (kept)
        log.warn('The channel begins anew where a person asked for', { channel: this.options.channel, ...start });
      return kept;
    } finally {
      if (!gone()) this.listen(next);
    }
  }

  /** Gives the channel's lease back, or lets it run out where the store cannot be written. Never rejects. */
  async leave(): Promise<void> {
    const { leader } = this;
    if (!leader) return;
    this.leader = null;
    leader.keep.stop();
    const { channel, provisioning } = this.options;
    await provisioning.store.leases.release(leader.lease).catch((error: unknown) => {
      provisioning.log.warn(
        `The channel could not be given back; it is free again in ${leaderTtlMs / 1_000} s at most`,
        { channel, error: String(error) },
      );
    });
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
  private async event(received: ReceivedEvent, place: StreamPlace): Promise<void> {
    try {
      await this.take(received, place);
    } catch (error) {
      if (error instanceof StoreError && error.code !== 'INVALID') throw error;
      throw new EventRefused(error instanceof Error ? error.message : String(error), { cause: error });
    }
    place.came(received.createdAt);
  }

  private async take(received: ReceivedEvent, place: StreamPlace): Promise<void> {
    const { replayId } = received;
    const about = eventOrders(received, this.options);
    if (about.kind === 'overflow') this.tell.gap('overflow');
    if (about.kind !== 'orders') return replayId === null ? undefined : place.moved(replayId);
    // The position moves with the last: before that, not every Order of this event is stored.
    for (const [at, orderId] of about.orderIds.entries())
      await this.store(received, orderId, at === about.orderIds.length - 1 ? place.positionOf(replayId) : undefined);
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

  private async unreadable(event: UnreadableEvent, place: StreamPlace): Promise<void> {
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
      place.positionOf(event.replayId),
    );
    provisioning.log.error(
      'EVENT_UNREADABLE: an event could not be decoded; its raw bytes are kept with the dead events',
      { event: id, uuid: event.eventId, reason: event.reason },
    );
  }

  private capacity(): number {
    // The inbox is durable, so the stream need not wait for the flow; it is kept short all the same.
    return this.stopped ? 0 : 100;
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
    this.leader = { lease, keep, sequence: 0 };
    this.tell.leads(true);
    this.listen(this.newPlace(this.leader));
  }

  private newPlace(leader: Leader): StreamPlace {
    const { provisioning, channel, replay } = this.options;
    return new StreamPlace({ provisioning, channel, replay, leader });
  }

  private listen(place: StreamPlace): void {
    this.place = place;
    this.subscriber = this.options.createSubscriber({
      event: (event) => this.event(event, place),
      unreadable: (event) => this.unreadable(event, place),
      position: (replayId) => place.moved(replayId),
      passed: (replayId) => place.passed(replayId),
      capacity: () => this.capacity(),
      start: () => place.start(),
      gap: (gap) => {
        if (place.gap(gap)) this.tell.gap('gap');
      },
    });
    this.subscriber.onState(this.tell.changed);
    this.subscriber.start();
    this.tell.changed();
  }

  /** The lease is lost: another instance subscribes. Never rejects. */
  private async follow(): Promise<void> {
    this.leader?.keep.stop();
    this.leader = null;
    this.place?.end();
    this.tell.leads(false);
    await this.subscriber?.close().catch(() => undefined);
    this.subscriber = null;
    this.tell.changed();
    await this.lead();
  }

  private deliveryNow(): Delivery {
    return this.subscriber?.state.phase === 'catchingUp' ? 'replay' : 'live';
  }
}
