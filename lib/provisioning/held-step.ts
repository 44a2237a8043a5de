/** What the two steps that change WHMCS have in common: they hold their order, and never wait inside (exactly-one R20). */
import type { Clock } from '../clock';
import type { Whmcs } from '../whmcs/contract';
import type { Settling } from './add-settling';
import type { WhmcsPart } from './message';
import { orderLease } from './held-order';
import type { Parking, StepContext, StepOutcome } from './step';
import type { Turn } from './turns';

/**
 * The event goes on with `part`, or waits `wait` ms with its place free, or until `waitsFor` was let go. `settling`:
 * background settling wakes it.
 */
export type HeldResult =
  { part: WhmcsPart; note: string } | { wait: number; reason: string; settling?: true; waitsFor?: Turn };

/** Whoever lets the order go wakes its event; this is for the case that nobody could. */
const orderBusyMs = 2_000;
/** The same of a client; longer, since many may wait for one. */
const clientBusyMs = 15_000;
/** Settling wakes the event; this is for the case that its word was lost with a process. */
const settlingMs = 60_000;
/** For a call that was not sent because its instant had passed. */
const notInTimeMs = 15_000;

export const clientBusy = (waitsFor: Turn): HeldResult => ({
  wait: clientBusyMs,
  reason: 'Another order of this WHMCS client is being added',
  waitsFor,
});
export const orderBusy = (waitsFor: Turn) => ({
  wait: orderBusyMs,
  reason: 'Another step of this order is under way',
  waitsFor,
});
export const settlingFor = (what: string): HeldResult => ({
  wait: settlingMs,
  reason: `${what}; looking`,
  settling: true,
});

export const notInTime = (action: string): HeldResult => ({
  wait: notInTimeMs,
  reason: `${action} could not leave in time, so it was not sent; it is tried again`,
});

/** The outcome of a step whose event waits. */
export const parkedFor = (
  { wait, reason, waitsFor }: { wait: number; reason: string; waitsFor?: Turn },
  clock: Clock,
): { parked: Parking; note: string } => ({
  parked: { until: clock.now() + wait, reason, ...(waitsFor ? { waitsFor } : {}) },
  note: reason,
});

/** Runs `work` while the order is held. Reads end with the node or the lease; calls with an effect do not. */
export async function whileHeld(
  context: StepContext,
  whmcs: Whmcs,
  work: (settling: Settling) => Promise<HeldResult>,
): Promise<StepOutcome<WhmcsPart, 'next'>> {
  const { desk, orderId, log, clock } = context;
  const turn = desk.turns.look(orderLease(orderId));
  const held = await desk.hold(orderId, (order) =>
    work({ order, whmcs, log, signal: AbortSignal.any([context.signal, order.signal]) }),
  );
  const result: HeldResult = held?.value ?? orderBusy(turn);
  if ('part' in result) {
    const { part, note } = result;
    return { way: 'next', value: part, note, ...(part.warning === undefined ? {} : { warning: part.warning }) };
  }
  if (result.settling) desk.settleSoon(orderId);
  return parkedFor(result, clock);
}
