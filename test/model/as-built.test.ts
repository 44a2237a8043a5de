/**
 * Models that follow lib step by step. What holds is walked whole; each guard is taken out once, to show that the model
 * would tell.
 */
import assert from 'node:assert/strict';
import { accepting } from './as-built/accepting';
import { adding, type AddingOptions } from './as-built/adding';
import { handingOut, type Guard as HandingOutGuard, type HandingOutOptions } from './as-built/handing-out';
import { lostRecords } from './as-built/lost-records';
import type { LossOptions } from './as-built/lost-records-state';
import { telling } from './as-built/telling';
import type { Guard as TellingGuard, TellingOptions } from './as-built/telling-state';
import { twoStores } from './as-built/two-stores';
import type { TwoStoresOptions } from './as-built/two-stores-state';
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

  describe('telling Salesforce, its processes killed as often as one likes, its PATCHes applied late or never', () => {
    const orgs: { org: TellingOptions['org']; what: string }[] = [
      { org: 'rule', what: 'an org with both attempt fields and the rule' },
      { org: 'count', what: 'an org that counts attempts' },
      { org: 'date', what: 'an org that counts none' },
    ];
    for (const { org, what } of orgs) {
      const built: TellingOptions = { org };
      holds(`${what}: no older result over a newer attempt, and each is told at last`, telling, built);
      holds('so, where a PATCH is applied after any wait', telling, { ...built, late: true });
      holds('so, where people change other fields', telling, { ...built, people: 'touch' });
      holds('so, where a person or a flow asks for Activating by our own user', telling, { ...built, ours: true });
      holds('so, with notes', telling, { ...built, notes: true });
      holds('so, and never Activated for an order that has died', telling, { ...built, dies: true });
      if (org !== 'count') holds('so, and a second process goes on meanwhile', telling, { ...built, two: true });
    }
    const apart: TellingOptions = { org: 'rule', people: 'set', apart: true };
    const anySecond: TellingOptions = { org: 'rule', people: 'set', attempts: true };
    holds('no older result over a newer attempt beside the rule, whatever people set, and when', telling, anySecond);
    holds('a status that a person sets stands, where attempts are counted', telling, { org: 'count', people: 'set' });
    holds('so, where none are', telling, { org: 'date', people: 'set' });
    holds('so, beside the rule, if it is set in another second than the change before it', telling, apart);

    const without = (guard: TellingGuard, options: TellingOptions): void =>
      breaks(`without ${guard}`, telling, { ...options, without: guard });
    without('the judgement', { org: 'count' });
    without('the rule', anySecond);
    without('the date beside the rule', apart);
    without('the date', { org: 'date', late: true });
    without('whole seconds', { org: 'date', people: 'touch' });
    without('the last change seen', { org: 'date' });
    without('the attempt', { org: 'count', notes: true });
    without('settling', { org: 'rule', dies: true });
    without('the mark', { org: 'rule', dies: true });
    without('the wait for a result to be told', { org: 'date' });
    without('the end that is told first', { org: 'date', ours: true });
    without('the look beside the id', { org: 'date', people: 'set' });
    without('the second read', { org: 'date' });
    without('the comparison', { org: 'date', dies: true });

    // What the code does not hold: an org that does both is not waited for (docs/guarantees.md, What is not covered).
    breaks('a status set in the second of the change before it, between our read and our PATCH', telling, {
      ...apart,
      apart: false,
    });
  });

  describe('two installations with a store each, where the mark is kept', () => {
    const built: TwoStoresOptions = { answered: 'A and B' };
    const lost: TwoStoresOptions = { answered: 'B' };
    const cancels: TwoStoresOptions = { ...built, cancels: true };
    const paused: TwoStoresOptions = { ...cancels, paused: true };
    holds('one order is accepted, once, and a twin is named', twoStores, built);
    holds('the same where answers of AddOrder are lost', twoStores, lost);
    holds('a twin is cancelled on a person’s word, never under its modules, as slow as they are', twoStores, cancels);
    holds('so, and a process stands still between its last look and its intent', twoStores, paused);
    breaks('without the read-back', twoStores, { ...built, without: 'the read-back' });
    const counted = 'the other’s accept counted as sent';
    breaks('without an accept that counts as sent by the other', twoStores, { ...built, without: counted });
    breaks('without the look-out', twoStores, { ...lost, without: 'the look-out' });
    breaks('without the second word', twoStores, { ...cancels, without: 'the second word' });
    breaks('without a look at what was accepted', twoStores, { ...cancels, without: 'what was accepted' });
    breaks('without a second look for twins', twoStores, { ...cancels, without: 'the second look for twins' });
    breaks('without waiting for a cancel under way', twoStores, { ...cancels, without: 'the wait for a cancel' });
    breaks('without a limit to the age of the last look', twoStores, {
      ...paused,
      without: 'the age of the last look',
    });
    const olderLooks = 'the wait for what leaves on older looks';
    breaks('without a wait for what leaves on older looks', twoStores, { ...cancels, without: olderLooks });
  });

  describe('a store that loses records while a first call is under way', () => {
    const built: LossOptions = { kept: true, resend: 'once', loss: 'all', lives: true };
    const unmarked: LossOptions = { ...built, kept: false };
    const late: LossOptions = { ...built, loss: 'late copy' };
    const copy: LossOptions = { ...built, loss: 'copy' };
    holds('one order, found by its mark, and its module runs once', lostRecords, built);
    holds('the same where WHMCS drops the mark: else a person is asked', lostRecords, unmarked);
    holds('the same where nothing is sent again', lostRecords, { ...built, resend: 'never' });
    holds('the same with a copy that has the order, and may lack the accept', lostRecords, late);
    holds('the same with an older copy, whatever it lacks', lostRecords, copy);
    holds('so, and the mark is dropped', lostRecords, { ...unmarked, loss: 'copy' });
    holds('so, and nothing is sent again', lostRecords, { ...copy, resend: 'never' });
    breaks('without the doubt', lostRecords, { ...built, without: 'the doubt' });
    breaks('without its quarantine', lostRecords, { ...built, without: 'its quarantine' });
    breaks('without the mark', lostRecords, { ...built, without: 'the mark' });
    breaks('without a look at unexplained rows', lostRecords, { ...unmarked, without: 'unexplained rows' });
    const whoever = 'an accept of whoever made it';
    breaks('without an accept that whoever made it may have sent', lostRecords, { ...built, without: whoever });
    const before = 'an accept of before the loss';
    breaks('without an accept that may be lost', lostRecords, { ...late, without: before });
    breaks('without the time of the intent', lostRecords, { ...copy, without: 'the time of the intent' });
  });

  describe('handing an event out, over deploys, deaths and silence', () => {
    holds('it comes to an end, and fails over no deploy alone', handingOut, {});
    holds('the same where steps fail, and a flow goes two ways', handingOut, { failures: true });
    holds('the same where the publish is lost', handingOut, { unpublished: true });

    const without = (guard: HandingOutGuard, options: HandingOutOptions = {}): void =>
      breaks(`without ${guard}`, handingOut, { ...options, without: guard });
    without('the hand-out’s number');
    without('handing out again');
    without('what a closed node loses');
    without('the wait for a running step', { failures: true });
    without('the look at what is left at the start');
    without('the end of the dead');
    without('the time-out');
    without('the sweep', { unpublished: true });
  });
});
