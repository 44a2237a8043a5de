/** Seeds in which the worker that adds stands still around its AddOrder, long enough for another one to take its order. */
import { planOf } from './plan';
import type { Plan } from './rows';

/** Virtual ms: twice the lease of an order. */
const stopMs = 60_000;

/** Just before the first byte leaves, and with the answer at hand that nothing has noted yet; the other one's host. */
const stops = [
  { name: 'whmcs.addOrder:sending', host: null },
  { name: 'whmcs.addOrder:sending', host: 'other' },
  { name: 'whmcs.addOrder:after', host: 'other' },
] as const;

export const pausedAtAdd = (): Plan[] =>
  stops.map(({ name, host }, at) => {
    const plan = planOf(at + 1, 'redis', 'second instance');
    const calm: Partial<Plan> = { hit: 'pause', faults: [], resend: 'once', allowances: [] };
    // A machine that is too busy for the time that it keeps may fail an order before anything is sent.
    const retried: Partial<Plan> = { retries: 2, retryAfterMs: 2_000 };
    Object.assign(plan, calm, retried);
    // Whichever of both has the order first is stopped.
    for (const [of, seat] of plan.seats.entries()) {
      seat.host = of === 0 ? null : host;
      seat.lives = [[{ name, nth: 1, deed: { kind: 'stop', ms: stopMs } }]];
    }
    return plan;
  });
