/**
 * The hand-out of a channel's events: at most N at a time and one an order; what was lost on its way goes out again. One
 * whose processes have died again and again goes out alone, so that no other is counted dead with it.
 */
import type { InboxEvent } from '../state/contract';
import { isSuspected, type Handout } from './handouts';
import type { Provisioning } from './provisioning';
import { SaidOnce } from './said-once';

export interface HandOutOptions {
  provisioning: Provisioning;
  channel: string;
  /** Name of the event's field that holds the Order's id. */
  orderIdField: string;
  maxInWork: number;
  /** Sends the event on its way; the message's `_msgid` is given, so that the event can be told from it. */
  deliver: (event: InboxEvent, messageId: string) => void;
  newMessageId: () => string;
  /** Whether the flow is being changed: a message would meet nodes that are gone. Nothing goes out then; default: never. */
  isDeploying?: () => boolean;
}

export class HandOut {
  private handing: Promise<void> | null = null;
  private handAgain = false;
  private stopped = true;
  /** Taken, and waiting until it can go alone: nothing else goes before it. */
  private suspect: InboxEvent | null = null;
  /** An answer of the store was lost: something may be in work here that nobody knows of. */
  private unheard = false;
  private readonly goingOut = new Set<string>();
  private readonly said: SaidOnce;

  constructor(
    private readonly options: HandOutOptions,
    /** Whether new events rest for now; what was lost goes out all the same. */
    private readonly rests: () => boolean,
    /** Something may have changed. */
    private readonly changed: () => void,
  ) {
    const texts = { fails: 'Events could not be handed out; trying again', works: 'Events are handed out again' };
    this.said = new SaidOnce(options.provisioning.log, texts);
  }

  /** Why events cannot be handed out; null: they can. */
  get problem(): string | null {
    return this.said.problem;
  }

  /** Hands out again what an earlier generation of this process left; where a step still runs, its end does so. */
  async start(): Promise<void> {
    this.stopped = false;
    const { provisioning, channel } = this.options;
    for (const event of await provisioning.store.inbox.inWorkHere(channel)) {
      const known = provisioning.handouts.of(event.id);
      if (event.orderId !== null && known && provisioning.handouts.running(event.orderId).length > 0)
        known.undelivered = true;
      else if (await provisioning.endings.decide(event)) continue;
      else await this.again({ eventId: event.id, handout: event.handout }, 'deploy');
    }
  }

  /** Nothing more goes out; resolved once what is going out has gone. */
  async stop(): Promise<void> {
    this.stopped = true;
    await this.handing;
    const { suspect } = this;
    const { store, log } = this.options.provisioning;
    this.suspect = null;
    if (suspect === null) return;
    await store.inbox.release(suspect.id, suspect.handout).catch((error: unknown) => {
      // It stays in work here, and the next generation takes it up.
      log.warn('An event could not be given back', { order: suspect.orderId, event: suspect.id, error: String(error) });
    });
  }

  /** Something may have become possible: a place is free, an event has come or is due. */
  poke(): void {
    if (this.stopped) return;
    if (this.handing) {
      this.handAgain = true;
      return;
    }
    this.handing = this.handOut()
      .then(
        () => this.said.worked(),
        (error: unknown) => {
          this.unheard = true;
          this.said.failed(error);
        },
      )
      .finally(() => {
        this.handing = null;
        if (this.handAgain) {
          this.handAgain = false;
          this.poke();
        }
        this.changed();
      });
  }

  /** Hands an event in work out again; one that is no longer in work under this hand-out is let go. */
  async again(handout: Pick<Handout, 'eventId' | 'handout'>, why: 'deploy' | 'silence'): Promise<void> {
    const { store, handouts } = this.options.provisioning;
    this.goingOut.add(handout.eventId);
    try {
      const event = await store.inbox.handOutAgain(handout.eventId, handout.handout, why);
      if (event === null) handouts.end(handout.eventId, handout.handout);
      else await this.send(event);
    } catch (error) {
      this.unheard = true;
      throw error;
    } finally {
      this.goingOut.delete(handout.eventId);
    }
  }

  private async handOut(): Promise<void> {
    const { provisioning, channel, maxInWork } = this.options;
    if (this.isDeploying()) return;
    await this.handOutLost();
    if (this.unheard) await this.handOutUnheard();
    while (
      !this.stopped &&
      !this.isDeploying() &&
      !this.rests() &&
      provisioning.handouts.inWork(channel).length < maxInWork
    ) {
      // An older hand-out of the same event is stale, and in nobody's way.
      const inWorkBeside = (id?: string): Handout[] =>
        provisioning.handouts.inWork(channel).filter(({ eventId }) => eventId !== id);
      const inWork = inWorkBeside(this.suspect?.id);
      if (inWork.some(({ suspected }) => suspected) || (this.suspect !== null && inWork.length > 0)) return;
      const event = this.suspect ?? (await provisioning.store.inbox.take(channel, provisioning.clock.now()));
      this.suspect = null;
      if (event === null) return;
      if (isSuspected(event) && inWorkBeside(event.id).length > 0) this.suspect = event;
      else await this.send(event);
    }
  }

  private isDeploying(): boolean {
    return this.options.isDeploying?.() ?? false;
  }

  private async handOutLost(): Promise<void> {
    const { provisioning, channel } = this.options;
    for (const handout of provisioning.handouts.inWork(channel)) {
      if (!handout.undelivered || provisioning.handouts.running(handout.orderId).length > 0) continue;
      const event = await provisioning.store.inbox.get(handout.eventId);
      if (!event || !(await provisioning.endings.decide(event))) await this.again(handout, 'deploy');
      // Not before: where the store fails it is still lost.
      handout.undelivered = false;
    }
  }

  /** What the store counts as in work here, and nobody has heard so. A step that still works on its order goes before. */
  private async handOutUnheard(): Promise<void> {
    const { provisioning, channel } = this.options;
    const { handouts, endings, store } = provisioning;
    let waits = false;
    for (const event of await store.inbox.inWorkHere(channel)) {
      const isKnown = handouts.isCurrent(event.id, event.handout) || event.id === this.suspect?.id;
      if (isKnown || this.goingOut.has(event.id)) continue;
      if (event.orderId !== null && handouts.running(event.orderId).length > 0) waits = true;
      else if (!(await endings.decide(event)))
        await this.again({ eventId: event.id, handout: event.handout }, 'deploy');
    }
    this.unheard = waits;
  }

  private async send(event: InboxEvent): Promise<void> {
    const { provisioning, newMessageId, deliver } = this.options;
    if (event.orderId === null) return this.bury(event);
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

  /** An event that names no order can be told to nobody. */
  private async bury(event: InboxEvent): Promise<void> {
    const { provisioning, orderIdField } = this.options;
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
  }
}
