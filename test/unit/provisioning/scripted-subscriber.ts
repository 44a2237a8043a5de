import type { EventSink, Subscriber, SubscriberState } from '../../../lib/salesforce/contract';
import { stoppedState } from '../../../lib/salesforce/events/subscriber-state';
import { channel } from './desk-under-test';

/** A subscriber that a test speaks through. */
export class ScriptedSubscriber implements Subscriber {
  readonly state: SubscriberState = { ...stoppedState(channel), phase: 'connected' };
  started = false;
  closed = false;
  constructor(readonly sink: EventSink) {}
  start(): void {
    this.started = true;
  }
  poke(): void {}
  onState(): () => void {
    return () => undefined;
  }
  close(): Promise<void> {
    this.closed = true;
    return Promise.resolve();
  }
}
