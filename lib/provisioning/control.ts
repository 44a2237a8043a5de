/** What ops ask for by hand: retry, defer, pause, resume. Each answer says what was done, or why not. */
import { orderIdOf } from '../salesforce/ids';
import type { InboxEvent } from '../state/contract';
import type { Intake } from './intake';
import type { Provisioning } from './provisioning';

export const controlTopics = ['retry', 'defer', 'pause', 'resume'] as const;
export type ControlTopic = (typeof controlTopics)[number];

export interface ControlAnswer {
  /** The order or event asked about; null for pause and resume. */
  subject: string | null;
  done: boolean;
  text: string;
}

export interface ControlParts {
  provisioning: Provisioning;
  intakes: readonly Intake[];
}

/** At most so many orders or events in one message. */
const most = 500;

export async function control(
  topic: ControlTopic,
  subjects: readonly string[],
  until: number | null,
  parts: ControlParts,
): Promise<ControlAnswer[]> {
  if (topic === 'pause' || topic === 'resume') {
    for (const intake of parts.intakes) intake[topic]();
    const text =
      topic === 'pause'
        ? 'Nothing is handed out until resume; events are still taken in'
        : 'Events are handed out again';
    return [
      {
        subject: null,
        done: parts.intakes.length > 0,
        text: parts.intakes.length > 0 ? text : 'No platform event node has started on this store',
      },
    ];
  }
  if (subjects.length === 0)
    return [
      { subject: null, done: false, text: 'Put the id of an order or an event into msg.payload, or a list of them' },
    ];
  if (subjects.length > most) return [{ subject: null, done: false, text: `At most ${most} at a time` }];
  const answers: ControlAnswer[] = [];
  for (const subject of subjects) {
    answers.push(topic === 'retry' ? await retry(subject, parts) : await defer(subject, until, parts));
  }
  for (const intake of parts.intakes) intake.poke();
  return answers;
}

/** The latest event of what was named: an event's id, or an order's in 15 or 18 characters. */
async function eventOf(
  subject: string,
  { provisioning }: ControlParts,
): Promise<{ event: InboxEvent | null; orderId: string | null }> {
  const { inbox } = provisioning.store;
  if (subject.startsWith('ev-')) {
    const event = await inbox.get(subject);
    return { event, orderId: event?.orderId ?? null };
  }
  const orderId = orderIdOf(subject);
  if (orderId === null) return { event: null, orderId: null };
  return { event: (await inbox.ofOrder(orderId))[0] ?? null, orderId };
}

/**
 * Starts a new attempt, as Provision / Retry in Salesforce does: *Activating* is written first, the error fields cleared.
 * Safe at any time: what an earlier attempt did is on record and is read before anything is added.
 */
async function retry(subject: string, parts: ControlParts): Promise<ControlAnswer> {
  const { provisioning } = parts;
  const no = (text: string): ControlAnswer => ({ subject, done: false, text });
  const { event, orderId } = await eventOf(subject, parts);
  if (orderId === null)
    return no(
      event
        ? 'This event names no order; publish it again from Salesforce'
        : 'No such event, and no id of an Order (801…)',
    );
  const open = (await provisioning.store.inbox.ofOrder(orderId)).find(
    (one) => one.end === null && one.state !== 'dead' && one.state !== 'failed',
  );
  if (open) return no(`Already in progress: its event is ${open.state === 'inWork' ? 'in work' : open.state}`);
  const { target } = provisioning.writer;
  if (target === null) return no('No platform event node has started on this store, so no Salesforce org is known');
  const order = await target.connection.readOrder(orderId, target.fields);
  if (order === null) return no('Salesforce shows no such Order to the integration user');
  if (order.activationStatus === 'Activated') return no('The Order is Activated already');
  if (order.activationStatus !== 'Activating') {
    const end = await target.connection.writeOrder(
      orderId,
      { activationStatus: 'Activating', errorCode: null, errorMessage: null, errorAt: null },
      target.fields,
    );
    if (end.kind !== 'written')
      return no(`Activating could not be written: ${'message' in end ? end.message : end.kind}`);
  }
  if (event !== null && (await provisioning.store.inbox.retry(event.id)))
    return { subject, done: true, text: `Handed out again as ${event.id}` };
  const now = provisioning.clock.now();
  const channel = parts.intakes[0]?.options.channel;
  if (channel === undefined) return no('No platform event node has started on this store');
  const added = await provisioning.store.inbox.add({
    channel,
    replayId: null,
    eventId: `retry-${orderId}-${now}`,
    createdAt: now,
    receivedAt: now,
    orderId,
    delivery: 'retry',
    payload: { [parts.intakes[0]?.options.orderIdField ?? 'OrderId__c']: orderId },
  });
  return { subject, done: true, text: `Handed out as ${added.id}` };
}

async function defer(subject: string, until: number | null, parts: ControlParts): Promise<ControlAnswer> {
  const { inbox } = parts.provisioning.store;
  if (until === null || !Number.isFinite(until))
    return { subject, done: false, text: 'Put the time into msg.until: ISO text or ms since 1970' };
  const { orderId, event } = await eventOf(subject, parts);
  const named = orderId === null || subject.startsWith('ev-') ? [event] : await inbox.ofOrder(orderId);
  let deferred = 0;
  for (const one of named) if (one && (await inbox.defer(one.id, until, 'deferred by hand'))) deferred += 1;
  const text =
    deferred > 0
      ? `Deferred until ${new Date(until).toISOString()}`
      : 'Nothing of it is waiting: only what waits or is parked can be deferred';
  return { subject, done: deferred > 0, text };
}
