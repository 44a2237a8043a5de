/**
 * Which hand-outs of events are under way in this process, and which of our steps work on them. One register a store.
 *
 * It outlives a deploy: a step of an older generation stays in it until its call has ended, so that the new generation
 * waits for it instead of calling again (exactly-one R8).
 */
import type { Clock } from '../clock';
import type { InboxEvent } from '../state/contract';

export interface Handout {
  readonly eventId: string;
  readonly handout: number;
  readonly orderId: string;
  readonly channel: string;
  /** Processes have died again and again while they worked on it: it goes alone. */
  readonly suspected: boolean;
  /** Wall ms at which the event was received, for the log's duration. */
  readonly receivedAt: number;
  /** Monotonic ms of the last sign of life from one of our nodes. */
  lastSign: number;
  /** Name of the node that gave it; null: none since it was handed out. */
  lastNode: string | null;
  /** The message went to nobody: its node was closed while it worked. */
  undelivered: boolean;
}

export interface Visit {
  readonly orderId: string;
  readonly eventId: string;
  readonly handout: number;
  readonly node: string;
  leave(): void;
}

/** Deaths of the process from which on an event is suspected: a crash counts for all events that were in work. */
const suspectedFrom = 2;

export const isSuspected = (event: InboxEvent): boolean => event.crashes >= suspectedFrom;

export class Handouts {
  private readonly byEvent = new Map<string, Handout>();
  private readonly byMessage = new Map<string, Handout>();
  private readonly visits = new Set<Visit>();
  private readonly watchers = new Set<() => void>();
  private readonly enders = new Set<(handout: Handout) => void>();

  constructor(private readonly clock: Clock) {}

  /** A new hand-out of an event; an older one of the same event is stale from now on. */
  begin(event: InboxEvent, orderId: string, messageId: string): Handout {
    this.forget(event.id);
    const handout: Handout = {
      eventId: event.id,
      handout: event.handout,
      orderId,
      channel: event.channel,
      suspected: isSuspected(event),
      receivedAt: event.receivedAt,
      lastSign: this.clock.monotonic(),
      lastNode: null,
      undelivered: false,
    };
    this.byEvent.set(event.id, handout);
    this.byMessage.set(messageId, handout);
    return handout;
  }

  /** The hand-out under way for an event. */
  of(eventId: string): Handout | undefined {
    return this.byEvent.get(eventId);
  }

  /** The hand-out whose message had this `_msgid`; most nodes keep it even when they make a new message. */
  ofMessage(messageId: string): Handout | undefined {
    return this.byMessage.get(messageId);
  }

  isCurrent(eventId: string, handout: number): boolean {
    return this.byEvent.get(eventId)?.handout === handout;
  }

  inWork(channel: string): Handout[] {
    return [...this.byEvent.values()].filter((handout) => handout.channel === channel);
  }

  /** One of our steps begins to work on a hand-out. `leave` must be called, whatever happens. */
  enter(handout: Handout, node: string): Visit {
    this.sign(handout, node);
    const visit: Visit = {
      orderId: handout.orderId,
      eventId: handout.eventId,
      handout: handout.handout,
      node,
      leave: () => {
        if (!this.visits.delete(visit)) return;
        this.sign(handout, node);
        this.changed();
      },
    };
    this.visits.add(visit);
    // Its message has come after all.
    handout.undelivered = false;
    return visit;
  }

  /** Steps that work on an order, of whatever event and generation. */
  running(orderId: string): Visit[] {
    return [...this.visits].filter((visit) => visit.orderId === orderId);
  }

  get anyRunning(): boolean {
    return this.visits.size > 0;
  }

  sign(handout: Handout, node: string): void {
    handout.lastSign = this.clock.monotonic();
    handout.lastNode = node;
  }

  /** The message was lost with a node that closed: hand it out again as soon as nothing works on it. */
  lose(eventId: string, handout: number): void {
    const current = this.byEvent.get(eventId);
    if (current?.handout !== handout) return;
    current.undelivered = true;
    this.changed();
  }

  /**
   * Nodes are about to be replaced: a message that was sent on within the last `ms` and has come to none of our steps may
   * never come. It goes out again, unless it comes after all.
   */
  loseJustSent(ms: number): void {
    const since = this.clock.monotonic() - ms;
    for (const handout of this.byEvent.values())
      if (handout.lastSign >= since && this.running(handout.orderId).length === 0) handout.undelivered = true;
    this.changed();
  }

  /** The event has ended, or waits outside of the flow: its place is free. With `only`: unless a newer hand-out has begun. */
  end(eventId: string, only?: number): void {
    const handout = this.byEvent.get(eventId);
    if (!handout || (only !== undefined && handout.handout !== only)) return;
    this.forget(eventId);
    for (const listener of [...this.enders]) listener(handout);
    this.changed();
  }

  /** Tells of each hand-out that has ended, or waits outside of the flow; not of one that a newer has replaced. */
  onEnd(listener: (handout: Handout) => void): () => void {
    this.enders.add(listener);
    return () => this.enders.delete(listener);
  }

  /** Tells when a place became free, a step ended, or a message was lost. */
  onChange(listener: () => void): () => void {
    this.watchers.add(listener);
    return () => this.watchers.delete(listener);
  }

  private forget(eventId: string): void {
    const handout = this.byEvent.get(eventId);
    this.byEvent.delete(eventId);
    for (const [message, other] of this.byMessage) if (other === handout) this.byMessage.delete(message);
  }

  private changed(): void {
    for (const listener of [...this.watchers]) listener();
  }
}
