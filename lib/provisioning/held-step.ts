/** What the two steps that change WHMCS have in common: they hold their order, and never wait inside (exactly-one R20). */
import type { Whmcs } from '../whmcs/contract';
import type { Settling } from './add-settling';
import type { WhmcsPart } from './message';
import type { StepContext, StepOutcome } from './step';

/** The event goes on with `part`, or waits `wait` ms with its place free. `settling`: background settling wakes it. */
export type HeldResult = { part: WhmcsPart; note: string } | { wait: number; reason: string; settling?: true };

const busyMs = 2_000;
/** Settling wakes the event; this is for the case that its word was lost with a process. */
const settlingMs = 60_000;

export const busy = (reason: string): HeldResult => ({ wait: busyMs, reason });
export const settlingFor = (what: string): HeldResult => ({
  wait: settlingMs,
  reason: `${what}; looking`,
  settling: true,
});

/** Runs `work` while the order is held. Reads end with the node or the lease; calls with an effect do not. */
export async function whileHeld(
  context: StepContext,
  whmcs: Whmcs,
  work: (settling: Settling) => Promise<HeldResult>,
): Promise<StepOutcome<WhmcsPart, 'next'>> {
  const { desk, orderId, log, clock } = context;
  const held = await desk.hold(orderId, (order) =>
    work({ order, whmcs, log, signal: AbortSignal.any([context.signal, order.signal]) }),
  );
  const result = held?.value ?? busy('Another step of this order is under way');
  if ('part' in result) return { way: 'next', value: result.part, note: result.note };
  if (result.settling) desk.settleSoon(orderId);
  return { parked: { until: clock.now() + result.wait, reason: result.reason }, note: result.reason };
}
