/** What a subscriber tells: its one state, and the log, where each trouble is told once and not at each try. */
import type { Clock } from '../../clock';
import type { Log } from '../../log';
import type { EventGap, SubscriberState } from '../contract';
import type { DeliveryCount } from './delivery-count';
import type { StreamFault } from './stream-fault';
import { StateHolder } from './subscriber-state';

/** Part of the allowance of deliveries that is told of. */
const nearAllowance = 0.8;

export class SubscriberReport {
  readonly holder: StateHolder;
  /** What to show when storing works. */
  private phase: 'connecting' | 'connected' | 'catchingUp' = 'connecting';
  private storingFails = false;
  private lastProblem: string | null = null;
  private readonly said = new Set<string>();

  constructor(
    private readonly parts: { channel: string; clock: Clock; log: Log; deliveryAllowance?: number | undefined },
  ) {
    this.holder = new StateHolder(parts.channel, parts.log);
  }

  get state(): SubscriberState {
    return this.holder.now;
  }

  // ------------------------------------------------------------------ the stream

  connecting(): void {
    this.show('connecting');
  }

  /** The server has taken the subscription. @param from where it began, for the log. */
  opened(phase: 'connected' | 'catchingUp', from: string): void {
    const { channel, log } = this.parts;
    this.show(phase);
    log.info(this.lastProblem === null ? 'Subscribed to the event channel' : 'The event stream is back', {
      channel,
      from,
    });
    this.lastProblem = null;
  }

  /** What was there has been read. @param deliveries what that took. */
  caughtUp(deliveries: number): void {
    if (this.phase !== 'catchingUp') return;
    this.show('connected');
    this.parts.log.info('Caught up with the event channel', { channel: this.parts.channel, deliveries });
  }

  keepalive(): void {
    this.holder.change({ lastKeepaliveAt: this.parts.clock.now() });
  }

  /** So many events came. */
  came(count: number, total: DeliveryCount | null): void {
    this.holder.change({ lastEventAt: this.parts.clock.now(), received: this.state.received + count });
    if (total) this.deliveries(total);
  }

  /** An event's turn has come. @param createdAt wall ms. */
  event(createdAt: number): void {
    this.holder.change({ delayMs: Math.max(0, this.parts.clock.now() - createdAt) });
  }

  position(replayId: string): void {
    this.holder.change({ position: replayId });
  }

  deliveries(total: DeliveryCount): void {
    const { channel, clock, log, deliveryAllowance: allowance = null } = this.parts;
    const deliveries = { ...total.now(clock.now()), allowance };
    this.holder.change({ deliveries });
    if (allowance === null) return;
    if (deliveries.today < allowance * nearAllowance) this.said.delete('allowance');
    else
      this.once('allowance', () =>
        log.warn(
          'The allowance of event deliveries is nearly used up by this channel; at its end Salesforce stops delivering',
          { channel, deliveries: deliveries.today, allowance },
        ),
      );
  }

  withoutReplayId(uuid: string): void {
    const { channel, log } = this.parts;
    this.once('no replay id', () =>
      log.warn('An event came without a replay id: the position stays where it was', { channel, uuid }),
    );
  }

  // ------------------------------------------------------------------- its troubles

  standingBy(): void {
    const { channel, log } = this.parts;
    this.holder.change({ phase: 'standingBy', problem: null, retryAt: null });
    log.warn('Another subscriber of this process listens to this channel of this org; this one stands by', { channel });
  }

  /** The stream is down, and tried again after `wait` ms. */
  down({ kind, code, message }: StreamFault, wait: number): void {
    const { channel, clock, log } = this.parts;
    const phase = kind === 'silent' ? 'deaf' : kind === 'misconfigured' ? 'misconfigured' : 'backingOff';
    this.holder.change({ phase, problem: { code, message }, retryAt: clock.now() + wait });
    const facts = { channel, code, problem: message, retryInMs: wait };
    if (this.lastProblem === code) log.debug('The event stream is still down', facts);
    else if (kind === 'auth' || kind === 'limit' || kind === 'misconfigured')
      log.error('The event stream is down; trying again later', facts);
    else log.warn('The event stream ended; connecting again', facts);
    this.lastProblem = code;
  }

  misconfigured({ code, message }: StreamFault): void {
    const { channel, log } = this.parts;
    this.holder.change({ phase: 'misconfigured', problem: { code, message }, retryAt: null });
    log.error('The event stream cannot work; mend it, then deploy again', { channel, code, problem: message });
  }

  /** The event at hand cannot be stored; null: it can. The stream goes on meanwhile. */
  storing(trouble: { fault: StreamFault; retryAt: number | null } | null): void {
    const { channel, log } = this.parts;
    this.storingFails = trouble !== null;
    if (trouble === null) {
      this.holder.change({ problem: null });
      this.show(this.phase);
      log.info('Events are stored again', { channel });
      this.said.delete('storing');
      return;
    }
    const { fault, retryAt } = trouble;
    const { code, message } = fault;
    this.holder.change({ phase: 'backingOff', problem: { code, message }, retryAt });
    this.once('storing', () =>
      log.error('An event could not be stored; it is kept and tried again', { channel, code, problem: message }),
    );
  }

  /** The place of a keepalive could not be stored; null: places are. */
  positionFailed(fault: StreamFault | null): void {
    const { channel, log } = this.parts;
    if (fault === null) this.said.delete('position');
    else
      this.once('position', () =>
        log.warn('The position of a keepalive could not be stored; the next one brings another', {
          channel,
          code: fault.code,
          problem: fault.message,
        }),
      );
  }

  /** Events may be lost. */
  gap(gap: EventGap, { message }: StreamFault): void {
    const { channel, position } = gap;
    this.holder.change({ gap });
    this.parts.log.error(
      `The stored position is not known to Salesforce any more: events published ${spanOf(gap)} may be lost to this channel. Reading everything that Salesforce still keeps (72 hours)`,
      { channel, position, problem: message, from: gap.from === null ? null : iso(gap.from), until: iso(gap.until) },
    );
  }

  /** The place that a person asked for is unknown. */
  unknownPlace(position: string, { message }: StreamFault): void {
    const { channel, log } = this.parts;
    log.error('Salesforce does not know the replay id that was asked for; going on from the stored position', {
      channel,
      position,
      problem: message,
    });
  }

  stopped(): void {
    this.holder.change({ phase: 'stopped', problem: null, retryAt: null });
  }

  private show(phase: SubscriberReport['phase']): void {
    this.phase = phase;
    if (this.storingFails) return;
    this.holder.change(phase === 'connecting' ? { phase, retryAt: null } : { phase, retryAt: null, problem: null });
  }

  private once(what: string, say: () => void): void {
    if (this.said.has(what)) return;
    this.said.add(what);
    say();
  }
}

const iso = (at: number): string => new Date(at).toISOString();

const spanOf = ({ from, until }: EventGap): string =>
  from === null ? `before ${iso(until)}` : `between ${iso(from)} and ${iso(until)}`;
