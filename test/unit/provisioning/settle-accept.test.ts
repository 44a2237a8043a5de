/** What has become of an order that is to be accepted: each rule of the decision, without effects. */
import assert from 'node:assert/strict';
import { unknownSender } from '../../../lib/provisioning/add-record';
import type { AcceptIntent } from '../../../lib/provisioning/order-record';
import { lookAtAccept, type AcceptDecision, type AcceptSight } from '../../../lib/provisioning/settle-accept';
import type { Order, Service } from '../../../lib/whmcs/contract';
import { FakeClock } from '../../fake-clock';
import { InMemoryWhmcs } from './vendor-doubles/in-memory-whmcs';
import { asked, clientId } from './vendor-doubles/world';

interface Case {
  status?: string | null;
  services?: string[];
  /** How earlier accepts were settled; null: unsettled. */
  accepts?: (NonNullable<AcceptIntent['settled']>['how'] | null)[];
  /** The end of the unsettled call, as its fact says. */
  ended?: string;
  /** That nothing was sent is on record, and the end is not: the process ended in between. */
  notSent?: true;
  quarantine?: AcceptSight['quarantine'];
}

function look({
  status = 'Active',
  services = ['Active', 'Active'],
  accepts = [],
  ended,
  notSent,
  quarantine = 'over',
}: Case): AcceptDecision {
  const server = new InMemoryWhmcs(new FakeClock());
  const order: Order = { ...server.add({ clientId, items: asked() }), status: status ?? '' };
  const intents = accepts.map((how, at): AcceptIntent => ({
    id: `c${at + 1}`,
    at: 0,
    sender: unknownSender,
    whmcs: '',
    whmcsOrderId: order.id,
    quarantineMs: 0,
    settled: how === null ? null : { how, at: 0, detail: '' },
  }));
  return lookAtAccept({
    found: status === null ? null : order,
    services: services.map((one, at): Service => ({
      ...(server.services[at] ?? assert.fail('two at most')),
      status: one,
    })),
    accepts: intents,
    facts: [
      ...(notSent ? [{ intent: `c${intents.length}`, kind: 'not-sent', at: 0 } as const] : []),
      ...(ended === undefined
        ? []
        : [{ intent: `c${intents.length}`, kind: 'call-ended', at: 0, detail: ended } as const]),
    ],
    quarantine,
  });
}

describe('What has become of an order that is to be accepted', () => {
  it('sends when it is Pending and nothing was ever sent', () => {
    assert.deepEqual(look({ status: 'Pending' }), { do: 'send' });
  });

  it('sends when all that was sent did nothing', () => {
    assert.deepEqual(look({ status: 'Pending', accepts: ['not-sent', 'refused'] }), { do: 'send' });
  });

  it('knows that nothing was done where that alone is on record', () => {
    const seen = look({ status: 'Pending', accepts: [null], notSent: true, quarantine: 'sender' });
    assert.deepEqual(seen, { do: 'nothing-done', how: 'not-sent', text: '' });
  });

  for (const how of ['done', 'partial', 'unknown', 'dead'] as const) {
    it(`never sends again after one that was settled as ${how}`, () => {
      assert.deepEqual(look({ status: 'Pending', accepts: [how, 'refused'] }), { do: 'unknown', text: '' });
    });
  }

  it('is done when the order is Active and all its services are live', () => {
    assert.deepEqual(look({ services: ['Active', 'completed'] }), { do: 'done', warning: null });
  });

  it('is done with a warning when they are live after an error', () => {
    assert.deepEqual(look({ accepts: [null], ended: 'unclear: mail failed' }), { do: 'done', warning: 'mail failed' });
  });

  it('is done although the call may still run', () => {
    assert.deepEqual(look({ accepts: [null], quarantine: 'sender' }), { do: 'done', warning: null });
  });

  it('puts services that are not live before an Active order', () => {
    const decision = look({ services: ['Active', 'Pending'], accepts: [null], ended: 'success: ' });
    assert.deepEqual(decision.do === 'partial' && decision.notLive.map(({ status }) => status), ['Pending']);
  });

  it('does not call an order live of which it sees no services', () => {
    assert.equal(look({ services: [] }).do, 'partial');
  });

  for (const quarantine of ['sender', 'running'] as const) {
    it(`waits for a call whose end is not known (${quarantine})`, () => {
      assert.deepEqual(look({ status: 'Pending', accepts: [null], quarantine }), { do: 'wait' });
      assert.deepEqual(look({ services: ['Pending'], accepts: [null], quarantine }), { do: 'wait' });
      assert.deepEqual(look({ status: 'Pending', accepts: [null], ended: 'unknown: ETIMEOUT', quarantine }), {
        do: 'wait',
      });
    });
  }

  it('asks a person about a Pending order after the quarantine', () => {
    assert.deepEqual(look({ status: 'Pending', accepts: [null] }), { do: 'unknown', text: '' });
  });

  it('asks a person at once after a complete answer that left it Pending', () => {
    const decision = look({ status: 'Pending', accepts: [null], ended: 'unclear: HTTP 500', quarantine: 'sender' });
    assert.deepEqual(decision, { do: 'unknown', text: 'HTTP 500' });
  });

  for (const how of ['not-sent', 'refused'] as const) {
    it(`knows that a call did nothing which was ${how}`, () => {
      const decision = look({ status: 'Pending', accepts: [null], ended: `${how}: so: it was`, quarantine: 'sender' });
      assert.deepEqual(decision, { do: 'nothing-done', how, text: 'so: it was' });
    });
  }

  for (const status of [null, 'Cancelled', 'Fraud']) {
    it(`is gone when WHMCS says ${status ?? 'that there is none'}`, () => {
      assert.deepEqual(look({ status }), { do: 'gone' });
    });
  }

  it('stops at a status that a person made up', () => {
    assert.deepEqual(look({ status: 'On Hold' }), { do: 'status' });
  });
});
