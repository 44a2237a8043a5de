/**
 * One channel's way in: events from the subscriber are stored durably, then handed out, at most N at a time and one an
 * order, until each has ended. What stops on its way is handed out again or ended (design: how an order ends, 4-6).
 */
import type { Timer } from '../clock';
import type { SubscriberState } from '../salesforce/contract';
import type { OperatorStart } from '../salesforce/events/start-place';
import type { InboxEvent } from '../state/contract';
import { ChannelStream, type StreamOptions } from './channel-stream';
import type { Failure } from './failure';
import { HandOut, type HandOutOptions } from './hand-out';
import { HandOutHold } from './hand-out-hold';
import { LeftChannels } from './left-channels';
import type { EventPart } from './message';
import { startCost, type StartCost } from './operator-start';
import { SaidOnce } from './said-once';
import { StoppedEvents, type StoppedEventsOptions } from './stopped-events';
import { Sweep, type SweepParts, type SweepSettings } from './sweep';

export interface IntakeOptions extends StreamOptions, HandOutOptions, StoppedEventsOptions {
  /** A failure that no Catch leads to an end: told to Salesforce at once, or an alarm only. */
  uncaught: 'fail' | 'alarm';
  /** How to find orders that no event brought; without it they are not looked for. */
  sweep?: { read: SweepParts['read']; settings?: Partial<SweepSettings> };
}

export interface IntakeState {
  subscriber: SubscriberState | null;
  paused: boolean;
  /** Why nothing is handed out although events may wait; null: nothing holds it. */
  held: string | null;
  inWork: number;
}

const tickMs = 1_000;
/** On a shared store, work of another instance that died may have made an event dead. */
const endDeadMs = 30_000;

export class Intake {
  private readonly stream: ChannelStream;
  private readonly handOut: HandOut;
  private readonly stoppedEvents: StoppedEvents;
  private readonly leftChannels: LeftChannels;
  private readonly hold: HandOutHold;
  private readonly beginning: SaidOnce;
  private readonly looking: SaidOnce;
  private begun = false;
  /** Monotonic ms. */
  private deadEndedAt = 0;
  /** One for each time that the channel is ours. */
  private sweep: Sweep | null = null;
  private caughtUp = false;
  private timer: Timer | null = null;
  private stopped = true;
  private paused = false;
  private readonly listeners = new Set<(state: IntakeState) => void>();
  private offs: (() => void)[] = [];

  constructor(readonly options: IntakeOptions) {
    const told = (): void => this.told();
    this.hold = new HandOutHold(options.provisioning, () => this.poke());
    this.stream = new ChannelStream(options, {
      stored: () => {
        this.poke();
        this.told();
      },
      changed: () => {
        this.noticeStream();
        this.told();
      },
      leads: (leading) => this.sweepWhile(leading),
      gap: (why) => this.afterGap(why),
    });
    this.handOut = new HandOut(options, () => this.paused || this.hold.by !== null, told);
    this.stoppedEvents = new StoppedEvents(options, this.handOut);
    this.leftChannels = new LeftChannels(options);
    const { log } = options.provisioning;
    this.beginning = new SaidOnce(log, { fails: 'The intake could not begin; trying again' });
    this.looking = new SaidOnce(log, { fails: 'Stopped events could not be looked after; trying again' });
  }

  /** Hands out again what an earlier generation left, then subscribes; as soon as it can, where the store fails. Never rejects. */
  async start(): Promise<void> {
    this.stopped = false;
    const { handouts } = this.options.provisioning;
    this.offs = [handouts.onChange(() => this.poke()), this.options.provisioning.onWake(() => this.poke())];
    await this.begin();
    this.tick();
  }

  /** Stops the stream and the hand-out. Events under way stay in work: the next generation takes them up. */
  async stop(): Promise<void> {
    this.stopped = true;
    this.timer?.cancel();
    this.hold.stop();
    for (const off of this.offs) off();
    this.offs = [];
    this.listeners.clear();
    const swept = this.sweep?.close();
    const handed = this.handOut.stop();
    await this.stream.unsubscribe();
    await handed;
    await swept;
    await this.stream.leave();
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
   * again but never than `longestMs`, while intake goes on. One alarm, not one an order.
   */
  holdFor(cause: Failure, ms: number, longestMs: number): void {
    if (this.hold.begin(cause, ms, longestMs)) this.told();
  }

  /** The flows were deployed and this source stayed: messages may have been lost in nodes that did not. */
  deployed(): void {
    this.stoppedEvents.deployed();
    this.poke();
  }

  /**
   * Begins anew, once, where a person asks for: everything that is kept, after a replay id, or from a time on. What the
   * inbox knows is not run again.
   * @returns false when another instance listens to the channel, or this one stops.
   */
  startFrom(start: OperatorStart): Promise<boolean> {
    return this.stream.startFrom(start);
  }

  /** What `startFrom` may cost, told before. @throws StoreError */
  startCost(start: OperatorStart): Promise<StartCost> {
    const { provisioning, channel } = this.options;
    const caughtUp = this.stream.state?.phase === 'connected';
    return startCost(start, provisioning.store.inbox, channel, caughtUp, provisioning.clock.now());
  }

  get state(): IntakeState {
    return {
      subscriber: this.stream.state,
      paused: this.paused,
      held: this.hold.by ?? this.beginning.problem ?? this.handOut.problem,
      inWork: this.options.provisioning.handouts.inWork(this.options.channel).length,
    };
  }

  onState(listener: (state: IntakeState) => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  /** Something may have become possible: a place is free, an event has come or is due. */
  poke(): void {
    if (this.stopped) return;
    this.stream.poke();
    this.handOut.poke();
  }

  private sweepWhile(leading: boolean): void {
    void this.sweep?.close();
    this.sweep = null;
    this.caughtUp = false;
    const { provisioning, channel, orderIdField, sweep } = this.options;
    if (!leading || this.stopped || sweep === undefined) return;
    const { store, handouts, clock, log } = provisioning;
    this.sweep = new Sweep({
      ...sweep,
      store,
      isRunning: (orderId) => handouts.running(orderId).length > 0,
      channel,
      orderIdField,
      onTaken: () => this.poke(),
      clock,
      log,
    });
    this.sweep.start();
  }

  private afterGap(why: 'gap' | 'overflow'): void {
    if (this.sweep) return this.sweep.afterStream(why);
    const { provisioning, channel } = this.options;
    // What may be lost with a position is alarmed of by the stream.
    if (why === 'overflow')
      provisioning.log.error(
        'Salesforce had more changes than it tells one by one, and the sweep is off: Orders that became Activating among them are not taken in. Switch the sweep on, or retry those Orders by hand',
        { channel },
      );
  }

  /** A sweep that waits for the stream's backlog may go. */
  private noticeStream(): void {
    const before = this.caughtUp;
    this.caughtUp = this.stream.state?.phase === 'connected';
    if (this.caughtUp && !before) this.sweep?.caughtUp();
  }

  private async begin(): Promise<void> {
    try {
      await this.handOut.start();
      await this.stoppedEvents.endDead();
      if (this.stopped) return;
      this.begun = true;
      this.beginning.worked();
      await this.stream.start();
    } catch (error) {
      this.beginning.failed(error);
    }
    this.told();
  }

  private tick(): void {
    if (this.stopped) return;
    this.timer = this.options.provisioning.clock.after(tickMs, () => {
      void this.look().finally(() => {
        this.poke();
        this.tick();
      });
    });
  }

  private async look(): Promise<void> {
    if (!this.begun) return this.begin();
    await this.endStopped().then(
      () => this.looking.worked(),
      (error: unknown) => this.looking.failed(error),
    );
  }

  private async endStopped(): Promise<void> {
    await this.stoppedEvents.endSilent();
    const now = this.options.provisioning.clock.monotonic();
    if (now - this.deadEndedAt < endDeadMs) return;
    await this.stoppedEvents.endDead();
    await this.leftChannels.takeUp();
    this.deadEndedAt = now;
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
