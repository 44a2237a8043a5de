/**
 * Notes on an Order that is still being activated: which WHMCS order it has, beside the accept, and why it waits: WHMCS is
 * being looked at, or lets nobody in. A note is no result: it is dropped where anything newer stands, and never outlives the
 * attempt. All are best effort.
 */
import type { Timer } from '../clock';
import { SalesforceError, type OrderChange, type SalesforceOrder } from '../salesforce/contract';
import type { StateStore } from '../state/contract';
import { messageFor, type Failure } from './failure';
import type { OrderPatches, Target } from './order-patches';
import { readRecord, unsettledAccept, unsettledAdd, type OrderRecord } from './order-record';
import type { Provisioning } from './provisioning';

export interface NoteParts {
  provisioning: Pick<Provisioning, 'store' | 'clock' | 'log'>;
  patches: OrderPatches;
  target: () => Target | null;
  signal: AbortSignal;
}

interface Note {
  change: OrderChange;
  /** Whether it still says what is. */
  holds: (record: OrderRecord) => boolean;
}

interface Reason extends Pick<Note, 'holds'> {
  code: string;
  message: string;
}

/** An order that ends within this time needs no note of its WHMCS order: its result names it. */
const besideAcceptMs = 2_000;
/** WHMCS is looked at each minute; that it is need not be told as often. */
const checkingEveryMs = 300_000;
const againMs = [2_000, 5_000, 15_000, 60_000];

export class OrderNotes {
  /** The next try of an order's note. */
  private readonly timers = new Map<string, Timer>();
  /** The last note of why an order waits, by order. */
  private readonly reasons = new Map<string, { code: string; at: number }>();

  constructor(private readonly parts: NoteParts) {}

  /** Beside the accept, where that takes its time: a second record of the order's id, should the store be lost (exactly-one R2). */
  whmcsOrder(orderId: string, whmcsOrderId: number): void {
    const note: Note = {
      change: { whmcsOrderId: String(whmcsOrderId) },
      holds: (record) => record.adopted?.orderId === whmcsOrderId,
    };
    this.later(besideAcceptMs, orderId, note, 0);
  }

  /** WHMCS can't show yet what became of a call: the order stays Activating, the reason in its error fields (exactly-one R12). */
  whmcsIsChecked(orderId: string, cause: Failure): void {
    const holds = (record: OrderRecord): boolean => Boolean(unsettledAdd(record) ?? unsettledAccept(record));
    this.whyItWaits(orderId, { ...cause.part(), holds }, checkingEveryMs);
  }

  /** It met a fault that holds the hand-out of all orders: told once, however often it meets it again. */
  isHeld(orderId: string, cause: Failure): void {
    const { code } = cause;
    this.whyItWaits(orderId, { code, message: messageFor(cause.part()), holds: () => true }, Infinity);
  }

  /** An event of it has ended without a result: whoever sets the Order again clears what was told. */
  forget(orderId: string): void {
    this.reasons.delete(orderId);
  }

  /** The order has ended: nothing is left to note. */
  end(orderId: string): void {
    this.timers.get(orderId)?.cancel();
    this.timers.delete(orderId);
    this.reasons.delete(orderId);
  }

  close(): void {
    for (const orderId of [...this.timers.keys()]) this.end(orderId);
  }

  private whyItWaits(orderId: string, reason: Reason, everyMs: number): void {
    const { code, message, holds } = reason;
    const now = this.parts.provisioning.clock.monotonic();
    const last = this.reasons.get(orderId);
    if (last?.code === code && now - last.at < everyMs) return;
    this.reasons.set(orderId, { code, at: now });
    void this.write(orderId, { change: { errorCode: code, errorMessage: message }, holds }).then((noted) => {
      // It is told again when the order meets it again.
      if (noted.kind === 'later') this.reasons.delete(orderId);
    });
  }

  private later(ms: number, orderId: string, note: Note, tries: number): void {
    if (this.parts.signal.aborted) return;
    this.timers.get(orderId)?.cancel();
    const timer = this.parts.provisioning.clock.after(ms, () => {
      this.timers.delete(orderId);
      void this.write(orderId, note).then((noted) => {
        const pause = againMs[tries];
        if (noted.kind === 'later' && pause !== undefined)
          this.later(Math.max(pause, noted.leastMs), orderId, note, tries + 1);
      });
    });
    this.timers.set(orderId, timer);
  }

  /** Never rejects. */
  private async write(orderId: string, note: Note): Promise<Noted> {
    const { patches, provisioning, signal } = this.parts;
    const target = this.parts.target();
    if (target === null || signal.aborted) return { kind: 'done', why: 'closing' };
    const noted = await patches
      .inLine(orderId, () => writeNote(provisioning.store, patches, target, orderId, note))
      .catch((error: unknown): Noted => ({ kind: 'later', why: String(error), leastMs: 0 }));
    provisioning.log.debug('A note on the Order', { order: orderId, end: noted.why });
    return noted;
  }
}

/** - done: written, or not to be. later: not now; `leastMs`: no sooner than what may still be under way is over. */
type Noted = { kind: 'done'; why: string } | { kind: 'later'; why: string; leastMs: number };

async function writeNote(
  store: StateStore,
  patches: OrderPatches,
  target: Target,
  orderId: string,
  note: Note,
): Promise<Noted> {
  const record = readRecord((await store.ledger.read(orderId)).state);
  const overtaken: Noted = { kind: 'done', why: 'not written: it does not hold any more' };
  if (!fits(note, record)) return overtaken;
  const later = (why: string, leastMs = 0): Noted => ({ kind: 'later', why, leastMs });
  let read: { order: SalesforceOrder | null; settled: boolean };
  try {
    read = await patches.read(
      target,
      orderId,
      (order) => isOpen(order, note, record),
      () => true,
    );
  } catch (error) {
    if (error instanceof SalesforceError) return later(`${error.code}: ${error.message}`);
    throw error;
  }
  const { order, settled } = read;
  if (order === null || !isOpen(order, note, record)) return overtaken;
  if (!settled) return later('the Order is changed again and again');
  const openMs = patches.openMs(record, order, target.connection.userId);
  if (openMs > 0) return later('an earlier write may still be applied', openMs);
  const end = await patches.send(target, {
    order,
    change: note.change,
    ifUnmodified: true,
    onRecord: (now) => (fits(note, now) && now.attempt === record.attempt ? now : null),
    // An accept holds the order for minutes. What the note tells, the result will tell too.
    evenIfHeld: true,
  });
  await patches.clearMark(orderId);
  switch (end.kind) {
    case 'written':
      return { kind: 'done', why: 'written' };
    case 'overtaken':
      return overtaken;
    case 'refused':
      return { kind: 'done', why: `refused: ${end.code}: ${end.message}` };
    case 'changed':
    case 'busy':
      return later(end.kind);
    case 'later':
    case 'unknown':
      return later(`${end.code}: ${end.message}`);
  }
}

/** After an end there is nothing to note: the result says all, and more. */
const fits = (note: Note, record: OrderRecord): boolean => record.attemptState === 'open' && note.holds(record);

function isOpen(order: SalesforceOrder, { change }: Note, record: OrderRecord): boolean {
  if (order.activationStatus !== 'Activating') return false;
  const { salesforceAttempt } = record;
  if (order.attempt !== null && salesforceAttempt !== null && order.attempt !== salesforceAttempt) return false;
  return change.whmcsOrderId === undefined || change.whmcsOrderId !== order.whmcsOrderId;
}
