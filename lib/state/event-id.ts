import { createHash } from 'node:crypto';
import type { EventEnd, InboxState, IncomingEvent } from './contract';

/** How long an event is known again: longer than the three days that Salesforce keeps it. */
export const rememberMs = 7 * 24 * 60 * 60 * 1000;

/**
 * An event's name in the inbox. All of these together: an event id is its publisher's own and may repeat, and replay ids
 * start anew after a stream was reset (exactly-one F16). A false "new" is harmless, a false "seen" is a loss.
 */
export function inboxId(
  event: Pick<IncomingEvent, 'channel' | 'replayId' | 'eventId' | 'createdAt' | 'orderId'>,
): string {
  const parts = [event.channel, event.replayId, event.eventId, event.createdAt, event.orderId];
  return `ev-${createHash('sha256').update(JSON.stringify(parts)).digest('hex').slice(0, 32)}`;
}

/**
 * ms that a parked event waits at most. The longest park of ours is half an hour: a longer wait is looked at in between. What
 * is parked for longer was parked while the clock was ahead, and may go at once; it only looks again.
 */
export const parkedAtMostMs = 2 * 60 * 60 * 1000;

/** Process deaths in work after which an event is dead. */
export const crashLimit = 5;

export function stateOfEnd(end: EventEnd): InboxState {
  if (end === 'Failed') return 'failed';
  return end === 'Dead' ? 'dead' : 'finished';
}
