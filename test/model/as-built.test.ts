/**
 * Models that follow lib step by step. What holds is walked whole; each guard is taken out once, to show that the model
 * would tell.
 */
import assert from 'node:assert/strict';
import { accepting } from './as-built/accepting';
import { adding, type AddingOptions } from './as-built/adding';
import { explore, type Model } from './explorer';

function holds<S, O>(title: string, model: Model<S, O>, options: O): void {
  it(`holds: ${title}`, () => {
    const { breaches } = explore(model, options);
    for (const [what, steps] of breaches) assert.fail(`${what}\n  ${steps.join('\n  ')}`);
  });
}

function breaks<S, O>(title: string, model: Model<S, O>, options: O): void {
  it(`breaks: ${title}`, () => {
    assert.equal(explore(model, options, 'first').breaches.size, 1);
  });
}

describe('The protocols as built, every interleaving walked', () => {
  describe('adding: two threads, killed and paused as often as one likes', () => {
    const built: AddingOptions = { kept: true, resend: 'once' };
    const unmarked: AddingOptions = { ...built, kept: false };
    const late: AddingOptions = { ...built, late: true, calm: true };
    const presumed: AddingOptions = { ...built, presumed: true, calm: true };
    holds('one order, accepted once, and never Failed over an order', adding, built);
    holds('the same in one process', adding, { ...built, oneProcess: true });
    holds('the same where WHMCS drops the mark', adding, unmarked);
    holds('the same where nothing is sent again', adding, { ...built, resend: 'never' });
    holds('WHMCS commits after the quarantine: a twin that is named, and not accepted', adding, late);
    holds('so, and the mark is dropped', adding, { ...late, kept: false });
    holds('a paused process counts as dead: a twin only by a pause between test and write', adding, presumed);
    breaks('without the intent', adding, { ...built, without: 'intent' });
    breaks('without facts', adding, { ...unmarked, resend: 'never', without: 'facts' });
    breaks('without the fence', adding, { ...built, without: 'fence' });
    breaks('without the quarantine', adding, { ...built, without: 'quarantine' });
    breaks('without the register of calls', adding, { ...built, oneProcess: true, without: 'register of calls' });
    breaks('without the send-by test', adding, { ...presumed, without: 'send-by test' });
    breaks('without a look at unexplained rows', adding, { ...unmarked, without: 'unexplained rows' });
    breaks('without closing the attempt', adding, { ...built, without: 'closing' });
    breaks('without the look-out', adding, { ...late, without: 'look-out' });
  });

  describe('accepting, and the end of the attempt', () => {
    holds('one account, no Activated without a live order, no Failed over one', accepting, {});
    holds('the same in one process', accepting, { oneProcess: true });
    holds('the same where the call goes on after the quarantine', accepting, { late: true, calm: true });
    breaks('without the intent', accepting, { without: 'intent' });
    breaks('without the fence', accepting, { without: 'fence' });
    breaks('without the quarantine', accepting, { without: 'quarantine' });
    breaks('without the register of calls', accepting, { oneProcess: true, without: 'register of calls' });
    breaks('without a memory of what was sent', accepting, { without: 'what was sent' });
    breaks('without closing the attempt', accepting, { without: 'closing' });
    breaks('where the message decides', accepting, { without: 'the ledger’s answer' });
  });
});
