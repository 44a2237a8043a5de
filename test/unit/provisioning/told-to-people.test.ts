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

  it('fills the field with what happened and as much as fits of what to do, cut between words', () => {
    const text = `WHMCS order 5001 differs: ${'product 11 monthly: asked for 2, WHMCS has 1; '.repeat(2)}`;
    const whole = told('WHMCS_ORDER_DIFFERS', text, 'whmcs_create');
    assert.ok(whole.startsWith(text) && whole.endsWith('cancel the WHMCS order; then press Provision / Retry.'), whole);
    const more = `${text}${'x'.repeat(40)}`;
    const long = told('WHMCS_ORDER_DIFFERS', more, 'whmcs_create');
    assert.ok(long.length <= 255 && long.startsWith(`${more}. Correct what is wrong`), long);
    assert.match(long, / or cancel the…$/);
  });

  it('cuts what happened between words when that alone is too long', () => {
    const text = told('WHMCS_REFUSED', `AddOrder: ${'because '.repeat(60)}`, 'whmcs_create');
    assert.ok(text.length <= 255 && text.length > 240, text);
    assert.match(text, / because…$/);
  });

  it('leaves out what to do where no more than a word or two of it would fit', () => {
    const sentence = `${'x'.repeat(235)}.`;
    assert.equal(told('WHMCS_REFUSED', sentence, 'whmcs_create'), sentence);
  });
});
