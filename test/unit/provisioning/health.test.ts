import assert from 'node:assert/strict';
import { health, type Health } from '../../../lib/provisioning/health';
import type { IntakeState } from '../../../lib/provisioning/intake';
import type { SubscriberState } from '../../../lib/salesforce/contract';
import { stoppedState } from '../../../lib/salesforce/events/subscriber-state';
import { channel, DeskUnderTest } from './desk-under-test';

describe('health', () => {
  let desk: DeskUnderTest;
  beforeEach(async () => (desk = await DeskUnderTest.open()));
  afterEach(() => desk.close());

  const of = (stream: Partial<SubscriberState> | null, intake: Partial<IntakeState> = {}): Promise<Health> => {
    const subscriber = stream && { ...stoppedState(channel), phase: 'connected' as const, ...stream };
    return health(
      desk.provisioning,
      [{ state: { subscriber, paused: false, held: null, inWork: 0, ...intake } }],
      'test',
    );
  };

  it('is well while the stream is open, and tells what it last heard', async () => {
    const now = desk.clock.now();
    const told = await of({
      lastEventAt: now - 5_000,
      lastKeepaliveAt: now - 30_000,
      position: 'AAAAAAAAAAE=',
      delayMs: 1_900,
    });
    assert.equal(told.status, 'ok');
    assert.deepEqual(told.problems, []);
    assert.deepEqual(told.integrations.salesforce, {
      auth: 'ok',
      stream: 'connected',
      lastEventAt: new Date(now - 5_000).toISOString(),
      keepaliveAge: 30,
      position: 'AAAAAAAAAAE=',
      delay: 2,
      deliveries: { today: 0, allowance: null },
      gap: null,
    });
  });

  it('is down while the stream is deaf or cannot work, and degraded while it connects', async () => {
    const problem = { code: 'PERMISSION_DENIED', message: 'no' };
    for (const [phase, status] of [
      ['misconfigured', 'down'],
      ['deaf', 'down'],
      ['backingOff', 'degraded'],
      ['connecting', 'degraded'],
      ['catchingUp', 'ok'],
    ] as const) {
      const told = await of({ phase, problem: status === 'ok' ? null : problem });
      assert.equal(told.status, status, phase);
      assert.deepEqual(told.problems, status === 'ok' ? [] : ['stream: PERMISSION_DENIED']);
    }
  });

  it('is down without a source, and well while another instance subscribes', async () => {
    assert.equal((await health(desk.provisioning, [], 'test')).status, 'down');
    const told = await of(null);
    assert.deepEqual([told.status, told.integrations.salesforce.stream], ['ok', 'standingBy']);
  });

  it('is degraded while it is paused, and while a fault holds the hand-out', async () => {
    assert.deepEqual((await of({}, { paused: true })).problems, ['paused by hand']);
    const held = await of({}, { held: 'WHMCS_CONFIG: Invalid IP' });
    assert.equal(held.status, 'degraded');
    assert.equal(held.integrations.whmcs.held, 'WHMCS_CONFIG: Invalid IP');
  });

  it('tells from four fifths of the allowance of deliveries on that it runs out', async () => {
    const since = desk.clock.now();
    assert.equal((await of({ deliveries: { today: 799, since, allowance: 1_000 } })).status, 'ok');
    const told = await of({ deliveries: { today: 800, since, allowance: 1_000 } });
    assert.deepEqual(told.problems, ['stream: 800 of 1000 deliveries of 24 hours are used up']);
  });

  it('tells between which instants events may have been lost', async () => {
    const until = desk.clock.now();
    const told = await of({ gap: { channel, from: null, until, position: 'AAAA' } });
    assert.deepEqual(told.integrations.salesforce.gap, { from: null, until: new Date(until).toISOString() });
  });
});
