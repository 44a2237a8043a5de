/** What ops ask for by hand: retry, defer, pause, resume. Each answer says what was done, or why not. */
import { z } from 'zod';
import { orderIdOf } from '../salesforce/ids';
import type { InboxEvent } from '../state/contract';
import { toFailure } from './failure';
import type { Intake } from './intake';
import { mayHaveDied, takeWord, type WordTaken } from './new-whmcs-order';
import { readRecord } from './order-record';
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

/** Orders whose Retry is under way: of clicks that follow each other faster than Salesforce answers, one counts. */
const underWay = new WeakMap<Provisioning, Set<string>>();
/** How long a retry waits for an earlier result to be told. */
const tellWaitMs = 5_000;
const notShown = 'Salesforce shows no such Order to the integration user';
const justChanged = 'the Order, or what is known of it, has just changed; try again in a moment';
const activatedAlready = 'The Order is Activated already';
const underWayElsewhere = 'Another step of this order is under way; try again in a moment';

/** An order or an event, by its id. */
export interface Subject {
  id: string;
  /** A person's word: the WHMCS order of before is dead, or none was made; make a new one. */
  newWhmcsOrder: boolean;
  /** Why this is no subject. */
  problem: string | null;
}

const asked = z.object({ orderId: z.string(), newWhmcsOrder: z.boolean().default(false) });

/**
 * The subjects in a message's payload: ids in a text, apart by spaces or commas; `{ orderId, newWhmcsOrder: true }`; or a
 * list of either. What is neither is a subject with a problem.
 */
export function subjectsIn(payload: unknown): Subject[] {
  if (Array.isArray(payload)) return payload.flatMap(subjectsIn);
  if (typeof payload === 'string')
    return payload
      .split(/[\s,;]+/)
      .filter(Boolean)
      .map((id) => ({ id, newWhmcsOrder: false, problem: null }));
  if (payload === undefined || payload === null) return [];
  const parsed = asked.safeParse(payload);
  if (parsed.success) return [{ id: parsed.data.orderId, newWhmcsOrder: parsed.data.newWhmcsOrder, problem: null }];
  const problem = 'Not understood: give an id, or { orderId: "801…", newWhmcsOrder: true }';
  return [{ id: JSON.stringify(payload).slice(0, 80), newWhmcsOrder: false, problem }];
}

/** @throws what every one of them has met: Salesforce or the store cannot be read. */
export async function control(
  topic: ControlTopic,
  subjects: readonly Subject[],
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
  const thrown: unknown[] = [];
  for (const subject of subjects) {
    if (subject.problem !== null) answers.push({ subject: subject.id, done: false, text: subject.problem });
    else {
      const asked = topic === 'retry' ? retry(subject, parts) : defer(subject.id, until, parts);
      // What was done for the others must be told.
      answers.push(await asked.catch((error: unknown) => (thrown.push(error), failed(subject.id, error))));
    }
  }
  for (const intake of parts.intakes) intake.poke();
  if (thrown.length === subjects.length) throw thrown[0];
  return answers;
}

function failed(subject: string, thrown: unknown): ControlAnswer {
  const { code, message } = toFailure(thrown, 'event');
  return { subject, done: false, text: `${code}: ${message}` };
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
 * Starts a new attempt, as Provision / Retry in Salesforce does: *Activating* is written first, with the org's number of
 * the attempt raised and the error fields cleared. Safe at any time: what an earlier attempt did is on record, and is
 * settled anew before anything is added.
 */
async function retry(asked: Subject, parts: ControlParts): Promise<ControlAnswer> {
  const { provisioning } = parts;
  const subject = asked.id;
  const { event, orderId } = await eventOf(subject, parts);
  if (orderId === null) {
    const text = event
      ? 'This event names no order; publish it again from Salesforce'
      : 'No such event, and no id of an Order (801…)';
    return { subject, done: false, text };
  }
  const busy = underWay.get(provisioning) ?? new Set<string>();
  underWay.set(provisioning, busy);
  if (busy.has(orderId)) return { subject, done: false, text: 'Already in progress: it was asked for just now' };
  busy.add(orderId);
  try {
    return await retryOrder(asked, orderId, event, parts);
  } finally {
    busy.delete(orderId);
  }
}

async function retryOrder(
  { id: subject, newWhmcsOrder }: Subject,
  orderId: string,
  event: InboxEvent | null,
  parts: ControlParts,
): Promise<ControlAnswer> {
  const { provisioning } = parts;
  const no = (text: string): ControlAnswer => ({ subject, done: false, text });
  const open = (await provisioning.store.inbox.ofOrder(orderId)).find(
    (one) => one.end === null && one.state !== 'dead' && one.state !== 'failed',
  );
  if (open?.state === 'parked' && !newWhmcsOrder && (await waitsForSomebody(orderId, provisioning))) {
    await provisioning.wake(orderId);
    return { subject, done: true, text: `It waits, and is looked at again now (${open.reason ?? ''})` };
  }
  if (open) return no(`Already in progress: its event is ${open.state === 'inWork' ? 'in work' : open.state}`);
  if (provisioning.writer.target === null)
    return no('No platform event node has started on this store, so no Salesforce org is known');
  const waits = await endAttempt(orderId, provisioning);
  if (waits !== null) return no(waits);
  const { word, named } = newWhmcsOrder ? await newOrder(orderId, provisioning) : { word: null, named: null };
  if (word && !word.taken) return no(word.why);
  const instead = word?.instead ?? null;
  const { was, end } = await provisioning.writer.setActivating(orderId, instead === null ? {} : { anew: true, named });
  if (was === null && end.kind === 'written') return no(notShown);
  if (was === 'Activated' && instead === null) return no(activatedAlready);
  if (end.kind !== 'written')
    return no(`Activating could not be written: ${'message' in end ? end.message : justChanged}`);
  const answer = await handOut(subject, orderId, event, parts);
  const place = instead === null ? '' : `In place of WHMCS order ${instead}: `;
  return { ...answer, text: `${place}${answer.text}${word?.ran ? `. ${word.ran}: look there too` : ''}` };
}

/** Whether the order is held for what a person may just have mended, such as a payment method. */
async function waitsForSomebody(orderId: string, { store }: Provisioning): Promise<boolean> {
  const { waits, attempt } = readRecord((await store.ledger.read(orderId)).state);
  return waits.some((wait) => wait.attempt === attempt);
}

/**
 * Takes a person's word for a new WHMCS order; of an Order that is Activated only for one that has died since. `named`: the
 * WHMCS order that Salesforce showed then.
 */
async function newOrder(
  orderId: string,
  provisioning: Provisioning,
): Promise<{ word: WordTaken; named: string | null }> {
  const { target } = provisioning.writer;
  const shown = target && (await target.connection.readOrder(orderId, target.fields));
  if (!shown) return { word: { taken: false, why: notShown }, named: null };
  const { whmcsOrderId: named } = shown;
  const held = await provisioning.hold(orderId, (order) => {
    const hasNone = !mayHaveDied(order.record, named);
    return shown.activationStatus === 'Activated' && hasNone
      ? Promise.resolve<WordTaken>({ taken: false, why: activatedAlready })
      : takeWord(provisioning, order, named);
  });
  return { word: held?.value ?? { taken: false, why: underWayElsewhere }, named };
}

/**
 * Ends an attempt that no event works on any more, so that the retry is a new one, and sees its result told first: one that
 * waits would overwrite the retry, or be run instead of told (exactly-one R7, R11).
 * @returns why the retry has to wait, or null.
 */
async function endAttempt(orderId: string, provisioning: Provisioning): Promise<string | null> {
  const held = await provisioning.hold(orderId, async (order) => {
    const { report, attemptState } = order.record;
    if (attemptState === 'open') await order.save((record) => ({ ...record, attemptState: 'closed' }));
    return report !== null && report.told === null ? report.status : null;
  });
  if (held === null) return underWayElsewhere;
  if (held.value === null) return null;
  const { writer } = provisioning;
  writer.soon(orderId);
  const told = await writer.outcome(orderId, tellWaitMs);
  if (told.kind === 'written' || told.kind === 'dropped') return null;
  const why = told.problem === null ? '' : ` (${told.problem})`;
  return `It has ended as ${held.value}, and Salesforce is still to be told${why}; retry once it is`;
}

async function handOut(
  subject: string,
  orderId: string,
  event: InboxEvent | null,
  { provisioning, intakes }: ControlParts,
): Promise<ControlAnswer> {
  if (event !== null && (await provisioning.store.inbox.retry(event.id)))
    return { subject, done: true, text: `Handed out again as ${event.id}` };
  const options = intakes[0]?.options;
  if (options === undefined) return { subject, done: false, text: 'No platform event node has started on this store' };
  const now = provisioning.clock.now();
  const added = await provisioning.store.inbox.add({
    channel: options.channel,
    replayId: null,
    eventId: `retry-${orderId}-${now}`,
    createdAt: now,
    receivedAt: now,
    orderId,
    delivery: 'retry',
    payload: { [options.orderIdField]: orderId },
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
