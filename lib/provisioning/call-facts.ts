/** One call with an effect, and the facts of how it ended: recorded whoever holds the order by then (exactly-one R9). */
import type { Fact } from '../state/contract';
import type { CallEnd, WriteOptions } from '../whmcs/contract';
import type { HeldOrder } from './held-order';

type Options = Pick<WriteOptions, 'sendBy' | 'onSending'>;

/**
 * Makes the call of an intent that is on record. Its end is recorded always, and last, since settling may begin with it;
 * what is known of money comes before.
 * @param sendBy monotonic ms after which the first byte must not leave.
 * @param orderSeen the WHMCS order id that a success names.
 */
export async function callOnce<T>(
  order: HeldOrder,
  intent: string,
  sendBy: number,
  call: (options: Options) => Promise<CallEnd<T>>,
  orderSeen: (value: T) => number | null,
): Promise<CallEnd<T>> {
  let end: CallEnd<T> = { kind: 'unknown', code: 'ELOST', message: 'The call broke off', edge: false };
  let sending: Promise<void> = Promise.resolve();
  try {
    end = order.signal.aborted
      ? { kind: 'not-sent', code: 'ELEASE', message: 'Another worker has taken this order over' }
      : await call({ sendBy, onSending: () => void (sending = order.remember({ intent, kind: 'sent' })) });
  } catch (error) {
    end = { kind: 'unknown', code: 'ETHROWN', message: String(error), edge: false };
  } finally {
    const id = end.kind === 'success' ? orderSeen(end.value) : null;
    if (id !== null) await order.remember({ intent, kind: 'order-seen', whmcsOrderId: id });
    if (end.kind === 'not-sent') await order.remember({ intent, kind: 'not-sent', detail: describe(end) });
    await sending;
    await order.remember({ intent, kind: 'call-ended', detail: describe(end) });
  }
  return end;
}

/** How a call ended, as facts keep it: its kind, then its words. */
export function describe(end: CallEnd<unknown>): string {
  switch (end.kind) {
    case 'success':
      return `success: ${end.warning ?? ''}`;
    case 'refused':
    case 'unclear':
      return `${end.kind}: ${end.message}`;
    case 'unknown':
    case 'not-sent':
      return `${end.kind}: ${end.code} ${end.message}`;
  }
}

/** So many in a row are no hiccup any more: WHMCS takes no connection, or this machine stands still. */
const mostMissed = 3;
const missed = /^not-sent: ESENDBY /;

/**
 * Whether a call that could not leave by its instant is made again by itself: nothing was sent, and nothing is known to be
 * wrong with the order. Each third one in a row fails instead.
 * @param intents of one kind of call, oldest first, the one that has just ended last.
 */
export function goesAgain(intents: readonly { settled: { detail: string } | null }[]): boolean {
  const inTime = intents.findLastIndex(({ settled }) => !missed.test(settled?.detail ?? ''));
  return (intents.length - 1 - inTime) % mostMissed !== 0;
}

/**
 * How the call of an intent ended, as its facts tell; null: no end is on record. That nothing was sent is on record before the
 * end is: a process may have ended in between.
 */
export function endOfCall(facts: readonly Fact[], intent: string): { kind: string; text: string } | null {
  const told = (kind: Fact['kind']) => facts.find((fact) => fact.intent === intent && fact.kind === kind);
  const ended = told('call-ended') ?? told('not-sent');
  if (!ended) return null;
  if (ended.kind === 'not-sent') return { kind: 'not-sent', text: ended.detail?.replace(/^not-sent: /, '') ?? '' };
  const [kind = '', ...rest] = (ended.detail ?? '').split(': ');
  return { kind, text: rest.join(': ') };
}
