/** Billing cycles as people write them, told apart for AddOrder. */
import type { BillingCycle } from './contract';

export type CycleFault =
  | { fault: 'empty' }
  /** It can mean two things; `meanings` are what to write instead. */
  | { fault: 'ambiguous'; meanings: BillingCycle[] }
  | { fault: 'unsupported' };

const spellings: Record<BillingCycle, string> = {
  free: 'free freeaccount nocharge complimentary',
  onetime: 'onetime once oneoff single nonrecurring',
  monthly: 'monthly month permonth 1month m everymonth',
  quarterly: 'quarterly quarter 3months everythreemonths q',
  semiannually: 'semiannually semiannual halfyearly 6months semesterly',
  annually: 'annually annual yearly year 1year 12months peryear a y',
  biennially: 'biennially biennial 2years 24months everytwoyears',
  triennially: 'triennially triennial 3years 36months',
};

/** In the order in which WHMCS lists them. */
export const billingCycles = Object.keys(spellings) as readonly BillingCycle[];

const known = new Map(
  billingCycles.flatMap((cycle) => spellings[cycle].split(' ').map((spelling) => [spelling, cycle] as const)),
);
const ambiguous: Record<string, BillingCycle[]> = {
  biannual: ['semiannually', 'biennially'],
  biannually: ['semiannually', 'biennially'],
  perpetual: ['onetime', 'free'],
};

/** Case, blanks, `-`, `_` and `/` don't matter. WHMCS knows no cycle below a month. */
export function parseBillingCycle(text: string | null): { cycle: BillingCycle } | CycleFault {
  const key = (text ?? '').toLowerCase().replace(/[\s\-_/]/g, '');
  if (key === '') return { fault: 'empty' };
  const cycle = known.get(key);
  if (cycle) return { cycle };
  const meanings = Object.hasOwn(ambiguous, key) ? ambiguous[key] : undefined;
  return meanings ? { fault: 'ambiguous', meanings } : { fault: 'unsupported' };
}
