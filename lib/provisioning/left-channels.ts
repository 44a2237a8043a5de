/**
 * Events of a channel that nobody listens to any more, since its source was set to another one or taken out. Their orders
 * would stay Activating without a word, as the sweep leaves alone what has an open event: they go on in this channel. Those
 * that have failed, or died with their processes, end as in their own.
 */
import type { InboxEvent } from '../state/contract';
import { parkedAtMostMs } from '../state/event-id';
import type { Provisioning } from './provisioning';
import { endDeadEvent } from './stopped-events';
import { failurePart } from './stored-failure';

export interface LeftChannelsParts {
  provisioning: Provisioning;
  /** The channel that takes them up. */
  channel: string;
  /** Name of the event's field that holds the Order's id. */
  orderIdField: string;
}

/** Longer than a listener elsewhere takes to start anew: its channel is free meanwhile, and not left. */
const leftMs = 300_000;
/** Long enough to move what one look finds. */
const leaseMs = 30_000;
const mostAtOnce = 1_000;

export class LeftChannels {
  /** Monotonic ms since which nobody was seen to lead a channel. */
  private readonly since = new Map<string, number>();

  constructor(private readonly parts: LeftChannelsParts) {}

  /** To be called from time to time. @throws StoreError */
  async takeUp(): Promise<void> {
    const channels = await this.others();
    for (const known of this.since.keys()) if (!channels.has(known)) this.since.delete(known);
    for (const [channel, events] of channels) await this.ofChannel(channel, events);
  }

  /** Open events of other channels, the dead first; a deferred or parked one stays until its time. */
  private async others(): Promise<Map<string, InboxEvent[]>> {
    const { provisioning, channel } = this.parts;
    const now = provisioning.clock.now();
    const channels = new Map<string, InboxEvent[]>();
    for (const state of ['dead', 'inWork', 'waiting', 'parked'] as const)
      for (const event of await provisioning.store.inbox.inState(null, state, mostAtOnce))
        if (event.channel !== channel && event.end === null && isDue(event, now))
          channels.set(event.channel, [...(channels.get(event.channel) ?? []), event]);
    return channels;
  }

  private async ofChannel(channel: string, events: readonly InboxEvent[]): Promise<void> {
    const { store, clock, log } = this.parts.provisioning;
    // Whoever listens holds it.
    const lease = await store.leases.acquire(`leader:${channel}`, leaseMs);
    if (lease === null) {
      this.since.delete(channel);
      return;
    }
    try {
      const since = this.since.get(channel) ?? clock.monotonic();
      this.since.set(channel, since);
      if (clock.monotonic() - since < leftMs) return;
      let taken = 0;
      for (const event of events) if (await this.goesOn(event)) taken += 1;
      if (taken > 0)
        log.warn('Nobody listens to this channel any more; its open events go on in another', {
          channel,
          into: this.parts.channel,
          events: taken,
        });
    } finally {
      await store.leases.release(lease).catch(() => undefined);
    }
  }

  /** @returns whether it goes on in this channel; else it ends here, or something is still at it. */
  private async goesOn(event: InboxEvent): Promise<boolean> {
    const { provisioning } = this.parts;
    const { orderId } = event;
    if (event.state === 'dead') await endDeadEvent(provisioning, event);
    // What a step still works on ends that step first.
    else if (orderId !== null && provisioning.handouts.running(orderId).length > 0) return false;
    // The failure stands, and only the hand-out of its own channel would decide it.
    else if (failurePart(event.failure)?.wish) await provisioning.endings.decide(event);
    else {
      await this.move(event);
      return true;
    }
    return false;
  }

  /** Added first, ended then: a process that ends in between does it again, and the inbox knows what was added. */
  private async move(event: InboxEvent): Promise<void> {
    const { provisioning, channel, orderIdField } = this.parts;
    const { store, handouts, clock } = provisioning;
    const { orderId } = event;
    const { id } = await store.inbox.add({
      channel,
      replayId: null,
      eventId: `left-${event.id}-${event.handout}`,
      createdAt: event.createdAt,
      receivedAt: clock.now(),
      orderId,
      delivery: 'recovered',
      // One that names no order is told as such by the hand-out.
      payload: orderId === null ? event.payload : { [orderIdField]: orderId },
    });
    const reason = `Nobody listens to ${event.channel} any more; it goes on as ${id}`;
    await store.inbox.finish(event.id, event.handout, 'Done', reason, clock.now());
    handouts.end(event.id, event.handout);
  }
}

/** As the hand-out of its own channel has it: a time too far ahead was set by a clock that was wrong. */
const isDue = ({ state, notBefore }: InboxEvent, now: number): boolean =>
  notBefore === null || notBefore <= now || (state === 'parked' && notBefore > now + parkedAtMostMs);
