/** The reference's table: each plainer protocol breaks as it says there, each rule closes its hole. */
import assert from 'node:assert/strict';
import { explore, type Model } from './explorer';
import { accepting } from './plain/accepting';
import { adding, type AddOptions } from './plain/adding';
import { deploy } from './plain/deploy';
import { fingerprint } from './plain/fingerprint';
import { lostLedger } from './plain/lost-ledger';
import { paging } from './plain/paging';
import { clonedId, duplicates, leaseLength, refusedResult, skippedEvent } from './plain/small-rules';
import { twoStores } from './plain/two-stores';
import { wiring } from './plain/wiring';
import { writeBack } from './plain/write-back';

const two = 'TWO WHMCS ORDERS';
const thrownAway = 'THE ID WAS KNOWN TO US AND THROWN AWAY BY THE FENCE';
const overwrote = 'AN OLDER ATTEMPT OVERWROTE THE NEWER';
const failedAtRest = 'FAILED AT REST ALTHOUGH ATTEMPT 2 PROVISIONED';
const hides = 'FAILED AT REST, HIDES AN ORDER';
const thoughAccepted = 'FAILED AT REST THOUGH ACCEPTED';
const unnoticed = 'TWIN NOT NOTICED BY ANYBODY';
const notThere = 'SAYS NONE ALTHOUGH THE ORDER IS THERE';
const dropped = 'AN EVENT OF ANOTHER ORDER DROPPED AS A DUPLICATE';

/** Fails where the model does not reach so many states, or does not break in just these ways. */
function row<S, O>(
  title: string,
  model: Model<S, O>,
  options: O,
  states: number,
  breaches: readonly string[] = [],
): void {
  it(`${breaches.length === 0 ? 'holds' : 'breaks'}: ${title}`, () => {
    const explored = explore(model, options);
    const traces = [...explored.breaches].map(([what, steps]) => `${what}\n  ${steps.join('\n  ')}`).join('\n');
    assert.deepEqual([...explored.breaches.keys()].sort(), [...breaches].sort(), traces);
    assert.equal(explored.states, states);
  });
}

describe('The plain protocols, every interleaving walked', () => {
  describe('adding: two workers, one kill, two lost leases', () => {
    const drafted: AddOptions = { resend: 'deadline', kept: true, believed: true };
    const settled: AddOptions = { resend: 'dead', fromEnd: true, facts: true, block: true, kept: true, believed: true };
    const unmarked: AddOptions = { resend: 'never', kept: false, believed: false };
    row('the deadline runs from the intent', adding, drafted, 49_558, [two, thrownAway]);
    row('so, and clocks differ', adding, { ...drafted, skew: true }, 49_558, [two, thrownAway]);
    row('a send-by test that is one with the send', adding, { ...drafted, atomicSend: true, facts: true }, 13_608);
    row('the quarantine runs from the sender’s end, facts, no unexplained row', adding, settled, 5_730);
    row('WHMCS drops a marker that is believed in', adding, { ...drafted, kept: false }, 43_782, [two, thrownAway]);
    row('unexplained rows are not looked at', adding, { ...settled, kept: false, block: false }, 7_476, [two]);
    row('WHMCS drops the marker, and unexplained rows stop', adding, { ...settled, kept: false }, 5_638);
    row('WHMCS commits after the quarantine', adding, { ...settled, late: true }, 7_302, [two]);
    row('so, and nothing is sent again', adding, { ...settled, resend: 'never', late: true }, 2_310);
    row('no marker, and the fence refuses facts', adding, unmarked, 3_866, [thrownAway]);
    row('no marker, and facts are never refused', adding, { ...settled, ...unmarked }, 2_092);
  });

  describe('a lost ledger', () => {
    row('nobody doubts', lostLedger, { doubt: 'no' }, 32, [two]);
    row('the marker is looked for first', lostLedger, { doubt: 'preflight' }, 34, [two]);
    row('absence counts as an unsettled intent', lostLedger, { doubt: 'intent' }, 17);
  });

  describe('two orders of one client without a marker', () => {
    const others = 'ADOPTED THE OTHER SALESFORCE ORDER’S WHMCS ORDER';
    const person = 'ADOPTED A PERSON’S ORDER';
    row('a fingerprint adopts', fingerprint, {}, 1_002, [others, person]);
    row('so, with claims and one unsettled call a client', fingerprint, { claims: true }, 170, [person]);
    row('a fingerprint only names candidates', fingerprint, { claims: true, strict: true }, 178);
  });

  describe('the write-back', () => {
    row('is applied again', writeBack, { fence: 'none' }, 90, [overwrote, failedAtRest]);
    row('is fenced by an exact version', writeBack, { fence: 'version' }, 57);
    row('is fenced by whole seconds', writeBack, { fence: 'second' }, 213, [overwrote, failedAtRest]);
    row('is fenced by the attempt’s number', writeBack, { fence: 'attempt' }, 78);
  });

  describe('any wiring of the nodes', () => {
    const activated = 'ACTIVATED WITHOUT AN ACCEPTED ORDER';
    row('the message decides', wiring, {}, 40, [activated, thoughAccepted, hides]);
    row('the ledger decides', wiring, { ledger: true }, 25, [thoughAccepted, hides]);
    row('so, and Failed closes the attempt first', wiring, { ledger: true, close: true }, 14);
  });

  describe('a deploy that drops the message', () => {
    row('FLOW_TIMEOUT writes nothing', deploy, {}, 9, ['STUCK IN ACTIVATING']);
    row('FLOW_TIMEOUT writes Failed', deploy, { write: true }, 9, ['FAILED WITHOUT ID ALTHOUGH AN ORDER EXISTS']);
    row('the event is handed out again', deploy, { again: true }, 10);
  });

  describe('two installations with a store each', () => {
    row('look at nothing', twoStores, {}, 47, ['TWO ACCEPTED ORDERS', unnoticed]);
    row('look before they add', twoStores, { before: true }, 53, ['TWO ACCEPTED ORDERS', unnoticed]);
    row('look again before they accept', twoStores, { before: true, after: true }, 49);
  });

  describe('accepting', () => {
    row('Pending is accepted again', accepting, {}, 37, ['MODULE RUN TWICE']);
    row('an intent forbids the second call', accepting, { intent: true }, 9);
  });

  describe('the smaller rules', () => {
    const clone = 'THE CLONE IS TOLD AS ACTIVATED, AND ITS OWN ORDER NEVER MADE';
    const endless = 'A FAILED EVENT IS RUN AGAIN BY ITSELF, WITHOUT END';
    row('the sweep leaves what was seen', skippedEvent, { sweepTakes: 'never seen' }, 14, ['STUCK IN ACTIVATING']);
    row('the sweep takes what has no open work', skippedEvent, { sweepTakes: 'no open work' }, 14);
    row('a cloned id is trusted', clonedId, { claims: false }, 2, [clone]);
    row('a cloned id is a candidate', clonedId, { claims: true }, 2);
    row('one pass over the pages', paging, { rule: 'one' }, 271, [notThere]);
    row('one pass with as many rows as WHMCS counts', paging, { rule: 'count' }, 370, [notThere]);
    row('two equal passes', paging, { rule: 'twice' }, 1_536);
    row('the sweep takes what failed and is not told', refusedResult, { outbox: false }, 12, [endless]);
    row('a result that waits is only told', refusedResult, { outbox: true }, 2);
    row('duplicates are told by the event’s id', duplicates, { key: 'id' }, 8, [dropped]);
    row('duplicates are told by the replay id', duplicates, { key: 'replay' }, 8, [dropped]);
    row('duplicates are told by all of it', duplicates, { key: 'all' }, 8);
    row('the lease must outlast the call', leaseLength, { leaseS: 60, callS: 120, outlast: true }, 6, ['NEVER SENDS']);
    row('the lease is renewed while the call runs', leaseLength, { leaseS: 60, callS: 120, outlast: false }, 2);
  });
});
