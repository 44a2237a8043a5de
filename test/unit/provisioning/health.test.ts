import assert from 'node:assert/strict';
import { noteMark } from '../../../lib/provisioning/kept-marks';
import { health, healthWithoutStore, type Health } from '../../../lib/provisioning/health';
import type { IntakeState } from '../../../lib/provisioning/intake';
import type { SubscriberState } from '../../../lib/salesforce/contract';
import { stoppedState } from '../../../lib/salesforce/events/subscriber-state';
import { channel, DeskUnderTest } from './desk-under-test';

describe('health', () => {
  let desk: DeskUnderTest;
  beforeEach(async () => (desk = await DeskUnderTest.open()));
  afterEach(() => desk.close());

  const connected = {
    state: {
      subscriber: { ...stoppedState(channel), phase: 'connected' as const },
      paused: false,
      held: null,
      inWork: 0,
    },
  };
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

  it('tells of the worst of several channels, and of what is wrong with each', async () => {
    const problem = { code: 'PERMISSION_DENIED', message: 'no' };
    const deaf = { ...connected.state, subscriber: { ...connected.state.subscriber, phase: 'deaf' as const, problem } };
    const told = await health(desk.provisioning, [connected, { state: deaf }], 'test');
    assert.deepEqual([told.status, told.integrations.salesforce.stream], ['down', 'deaf']);
    assert.deepEqual(told.problems, ['stream: PERMISSION_DENIED']);
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
    assert.equal(held.integrations.whmcs.breaker, 'open');
  });

  it('keeps the breaker of WHMCS closed while another fault holds the hand-out', async () => {
    const { held, breaker } = (await of({}, { held: 'SF_AUTH: refused' })).integrations.whmcs;
    assert.deepEqual([held, breaker], [null, 'closed']);
  });

  it('is degraded while a WHMCS cannot be reached, and says so of none that was not called yet', async () => {
    const reachable = async (...all: (boolean | null)[]): Promise<[boolean | null, string[]]> => {
      const connections = all.map((one) => ({ reachable: one }));
      const told = await health(desk.provisioning, [connected], 'test', connections);
      return [told.integrations.whmcs.reachable, told.problems];
    };
    assert.deepEqual(await reachable(), [null, []]);
    assert.deepEqual(await reachable(null), [null, []]);
    assert.deepEqual(await reachable(null, true), [true, []]);
    assert.deepEqual(await reachable(true, false), [false, ['WHMCS cannot be reached']]);
  });

  it('is degraded where WHMCS has dropped our mark, until one is kept', async () => {
    const { store } = desk.provisioning;
    const told = () => health(desk.provisioning, [connected], 'test');
    assert.equal((await told()).integrations.whmcs.mark, null);
    noteMark(store, 'w', 'dropped');
    const dropped = await told();
    assert.deepEqual([dropped.status, dropped.integrations.whmcs.mark], ['degraded', 'dropped']);
    assert.match(dropped.problems.join(), /does not keep our mark/);
    noteMark(store, 'w', 'kept');
    assert.deepEqual((await told()).problems, []);
  });

  it('is degraded, not down, by what endangers the store', async () => {
    const { store } = desk.provisioning;
    const before = store.health.bind(store);
    store.health = async () => ({ ...(await before()), warnings: ['Redis may evict keys. Set noeviction'] });
    const told = await health(desk.provisioning, [connected], 'test');
    assert.deepEqual(
      [told.status, told.database, told.problems],
      ['degraded', 'ok', ['store: Redis may evict keys. Set noeviction']],
    );
  });

  it('tells which store it is that is not open', () => {
    assert.deepEqual(healthWithoutStore('redis', 'test', 'Redis is full'), {
      status: 'down',
      environment: 'test',
      database: 'down',
      redis: 'down',
      integrations: { redis: 'down' },
      problems: ['the store cannot be used: Redis is full'],
    });
    const embedded = healthWithoutStore('embedded', 'test', 'locked');
    assert.deepEqual([embedded.redis, embedded.integrations.redis], ['not used', 'not used']);
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
