/** What an Order means for a result, where the org has nothing but LastModifiedDate to tell attempts by. */
import assert from 'node:assert/strict';
import type { Report } from '../../../../lib/provisioning/order-record';
import { standingOf } from '../../../../lib/provisioning/result-standing';
import type { SalesforceOrder } from '../../../../lib/salesforce/contract';

const ours = '005000000000001AAA';
const person = '005000000000002AAA';
const now = 1_000_000;

/** Activating, changed last by a person two seconds ago. */
const order = {
  activationStatus: 'Activating',
  attempt: null,
  whmcsOrderId: null,
  fence: 'lastModified',
  lastModifiedAt: now - 2_000,
  lastModifiedById: person,
} as SalesforceOrder;
/** Just stored, of an Order as it was read five seconds ago. */
const report = {
  attempt: 1,
  status: 'Failed',
  whmcsOrderId: null,
  at: now - 4_000,
  tries: 0,
  unsettled: false,
  seenModifiedAt: now - 5_000,
} as Report;

const standing = (of: Partial<Report>): string => standingOf(order, { ...report, ...of }, ours, false, now).is;

describe('A result whose Order a person has changed since it was read', () => {
  it('is told at the first look: nothing of it was ever sent, so this is no new attempt', () => {
    assert.equal(standing({}), 'open');
  });

  it('is overtaken where a PATCH was sent by a process that died before it heard of it: this may be a Retry', () => {
    assert.equal(standing({ unsettled: true }), 'overtaken');
  });

  it('is overtaken at a later look, or at a first one long after the end', () => {
    assert.equal(standing({ tries: 1 }), 'overtaken');
    assert.equal(standing({ at: now - 60_000 }), 'overtaken');
  });
});
