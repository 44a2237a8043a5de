/** The one state of a subscriber, and those who want to know. Common to all transports. */
import type { Log } from '../../log';
import type { SubscriberState } from '../contract';

/** Of a subscriber that does nothing and has heard nothing. */
export const stoppedState = (channel: string): SubscriberState => ({
  phase: 'stopped',
  channel,
  problem: null,
  retryAt: null,
  lastEventAt: null,
  lastKeepaliveAt: null,
  position: null,
  received: 0,
  delayMs: null,
  deliveries: { today: 0, since: 0, allowance: null },
  gap: null,
});

export class StateHolder {
  private state: SubscriberState;
  private readonly listeners = new Set<(state: SubscriberState) => void>();

  constructor(
    channel: string,
    private readonly log: Log,
  ) {
    this.state = stoppedState(channel);
  }

  /** Never changed in place: each change makes a new one. */
  get now(): SubscriberState {
    return this.state;
  }

  change(part: Partial<SubscriberState>): void {
    const changed = (Object.keys(part) as (keyof SubscriberState)[]).some((key) => part[key] !== this.state[key]);
    if (!changed) return;
    this.state = { ...this.state, ...part };
    for (const listener of [...this.listeners]) {
      try {
        listener(this.state);
      } catch (error) {
        this.log.error('A listener of the subscriber failed', { error: String(error) });
      }
    }
  }

  listen(listener: (state: SubscriberState) => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }
}
