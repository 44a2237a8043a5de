/** What people read in `Activation_Error_Message__c`. */
import assert from 'node:assert/strict';
import { failure, messageFor } from '../../../lib/provisioning/failure';

const told = (...of: Parameters<typeof failure>): string => messageFor(failure(...of).part());

describe('The message on a failed Order', () => {
  it('says how an order that may be its own is taken: by its id in WHMCS_Order_ID__c', () => {
    const text =
      'No answer to AddOrder. Orders of WHMCS client 2001 that may be ours: 5002 (same products, Pending, 2026-11-25 10:09:22, by admin 3)';
    assert.match(told('WHMCS_OUTCOME_UNKNOWN', text, 'whmcs_create'), /by admin 3\)\. .*WHMCS_Order_ID__c.*Retry/);
  });

  it('says one thing once', () => {
    const text = told('EVENT_CRASHED', 'Node-RED ended 5 times while it worked on this event', 'event');
    assert.equal(text.match(/Node-RED ended/g)?.length, 1);
  });
});
