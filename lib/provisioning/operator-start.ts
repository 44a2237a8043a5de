/** What a start that a person asks for may cost: each event that Salesforce sends again counts against the org's allowance. */
import { isChangeChannel } from '../salesforce/events/change-event';
import { retentionMs, type OperatorStart } from '../salesforce/events/start-place';
import type { Inbox, InboxEvent, InboxState } from '../state/contract';

export interface StartCost {
  /** Deliveries, as far as the inbox knows; null: not known. */
  atMost: number | null;
  /** The same in words. */
  text: string;
}

const states: InboxState[] = ['waiting', 'inWork', 'parked', 'finished', 'failed', 'dead'];
/** Rows of one state that are read. */
const mostRows = 5_000;
const rowsForNewest = 200;

/**
 * How many deliveries a start may cost: the events of the last 72 hours that the inbox knows. That is an upper bound only
 * where intake has listened for longer than that, and has read everything up to now.
 * @param caughtUp everything published up to now has come.
 */
export async function startCost(
  start: OperatorStart,
  inbox: Inbox,
  channel: string,
  caughtUp: boolean,
  now: number,
): Promise<StartCost> {
  if (isChangeChannel(channel)) return unknown('changes that do not concern us are not kept');
  if (!caughtUp) return unknown('events still wait at Salesforce');
  const { events, all } = await fromTheBus(inbox, channel, mostRows);
  if (!all) return unknown(`the inbox holds more than ${mostRows} of them`);
  if (!events.some((event) => timeOf(event) < now - retentionMs))
    return unknown('intake has listened for less than the 72 hours that Salesforce keeps events');
  const marker = start.from === 'replayId' ? events.find((event) => event.replayId === start.replayId) : undefined;
  const since = Math.max(now - retentionMs, marker ? timeOf(marker) : 0);
  const atMost = new Set(events.filter((event) => timeOf(event) >= since).map((event) => event.replayId)).size;
  const passed = start.from === 'time' ? '; those created before the time count too, and are passed over' : '';
  return { atMost, text: `at most ${atMost} deliveries, as far as the inbox knows${passed}` };
}

/** Wall ms at which the newest event of the channel was created that is known to have come; null: none is. */
export async function newestEventAt(inbox: Inbox, channel: string): Promise<number | null> {
  const { events } = await fromTheBus(inbox, channel, rowsForNewest);
  return events.length === 0 ? null : Math.max(...events.map(timeOf));
}

const unknown = (why: string): StartCost => ({ atMost: null, text: `number of deliveries unknown: ${why}` });

const timeOf = (event: InboxEvent): number => event.createdAt ?? event.receivedAt;

/** Events that the bus has brought; not retries and swept orders, which it never knew. */
async function fromTheBus(
  inbox: Inbox,
  channel: string,
  limit: number,
): Promise<{ events: InboxEvent[]; all: boolean }> {
  const lists = await Promise.all(states.map((state) => inbox.inState(channel, state, limit)));
  return {
    events: lists.flat().filter((event) => event.replayId !== null),
    all: lists.every((list) => list.length < limit),
  };
}
