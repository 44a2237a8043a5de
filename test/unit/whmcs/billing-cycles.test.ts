import assert from 'node:assert/strict';
import { parseBillingCycle } from '../../../lib/whmcs/billing-cycles';

describe('a billing cycle as people write it', () => {
  const accepted: Record<string, string> = {
    free: 'Free, Free Account, no-charge, Complimentary',
    onetime: 'One-Time, One Time, onetime, once, One_Off, single, non-recurring',
    monthly: 'Monthly, MONTH, per month, 1 month, m, every month',
    quarterly: 'Quarterly, quarter, 3 Months, every three months, Q',
    semiannually: 'Semi-Annually, Semi Annual, Half-Yearly, 6 months, semesterly',
    annually: 'Annually, annual, Yearly, year, 12 months, per/year, a, Y',
    biennially: 'Biennially, biennial, 2 years, 24 months, every two years',
    triennially: 'Triennially, Triennial, 3 Years, 36-months',
  };
  for (const [cycle, spellings] of Object.entries(accepted)) {
    it(`reads ${cycle} in its spellings`, () => {
      for (const spelling of spellings.split(', ')) assert.deepEqual(parseBillingCycle(spelling), { cycle }, spelling);
    });
  }

  it('does not guess what biannual means', () => {
    for (const text of ['Biannual', 'bi-annually'])
      assert.deepEqual(parseBillingCycle(text), { fault: 'ambiguous', meanings: ['semiannually', 'biennially'] });
  });

  it('refuses what WHMCS cannot bill', () => {
    for (const text of ['weekly', 'Daily', 'usage', 'constructor', '__proto__', 'toString'])
      assert.deepEqual(parseBillingCycle(text), { fault: 'unsupported' }, text);
  });

  it('tells an empty one apart', () => {
    for (const text of [null, '', '  ', ' - ']) assert.deepEqual(parseBillingCycle(text), { fault: 'empty' });
  });
});
