import assert from 'node:assert/strict';
import type { SalesforceSimulator } from '../../../simulators/salesforce/server';
import { StoreError } from '../../../lib/state/contract';
import { listen, TestSink, type Listening } from './listener';
import { startOrg, until } from './org';

const minute = 60_000;

describe('The subscriber in trouble', () => {
  let org: SalesforceSimulator;
  let open: Listening[];
  before(async () => (org = await startOrg()));
  after(() => org.close());
  beforeEach(() => {
    open = [];
    org.panel.switches({ expFutureSeconds: 10_000_000 });
  });
  afterEach(async () => {
    for (const one of open) await one.close();
    for (const one of open) assert.equal(one.clock.pending, 0);
    await until('no stream', () => org.people.counts().openStreams === 0);
    org.panel.reset();
  });

  function subscribe(sink = new TestSink(), options: Parameters<typeof listen>[2] = {}): Listening {
    const listening = listen(org, sink, options);
    open.push(listening);
    listening.subscriber.start();
    return listening;
  }
  const streams = (): number => org.people.counts().openStreams as number;
  const connected = (one: Listening): Promise<void> =>
    one.until('connected', () => one.subscriber.state.phase === 'connected' && streams() === 1);
  const publish = (times = 1): string[] => org.people.publish({ times }).uuids;
  const logins = (): number => org.panel.ledger('login').length;
  const presets = (): unknown[] => org.panel.ledger('subscribed').map((entry) => entry.preset);
  const stored = (one: Listening, count: number): Promise<void> =>
    one.until(`${count} events`, () => one.sink.events.length >= count);

  const ends: [string, object][] = [
    ['a plain end', { code: 0 }],
    ['13, service unavailable', { code: 13, errorCode: 'sfdc.platform.eventbus.grpc.service.unavailable' }],
    ['13, a reset without a status', { code: 13, details: 'Received RST_STREAM with code 0' }],
    ['14', { code: 14 }],
    ['16', { code: 16, errorCode: 'sfdc.platform.eventbus.grpc.service.auth.error' }],
  ];
  for (const [what, end] of ends) {
    it(`goes on after ${what}, five times over: each event once, in order, one stream`, async () => {
      const one = subscribe();
      await connected(one);
      const uuids = publish(2);
      await stored(one, 2);
      for (let round = 1; round <= 5; round++) {
        org.people.act('endStreams', end);
        uuids.push(...publish(2));
        await one.until('two more', () => one.sink.events.length >= 2 + 2 * round, 500);
        assert.equal(streams(), 1);
      }
      assert.deepEqual(one.sink.order, uuids);
      assert.deepEqual(presets(), ['LATEST', 'CUSTOM', 'CUSTOM', 'CUSTOM', 'CUSTOM', 'CUSTOM']);
      assert.equal(org.people.counts().peakStreams, 1);
      assert.equal(one.sink.mostAtOnce, 1);
    });
  }

  it('goes on when every connection is reset, and after a revoked token with one new login', async () => {
    const one = subscribe();
    await connected(one);
    const uuids = publish();
    await stored(one, 1);
    org.people.act('resetConnections');
    uuids.push(...publish());
    await stored(one, 2);
    assert.equal(logins(), 1);
    org.people.act('revokeTokens');
    uuids.push(...publish(3));
    await stored(one, 5);
    assert.equal(logins(), 2);
    assert.deepEqual(one.sink.order, uuids);
    await connected(one);
    assert.equal(one.subscriber.state.problem, null);
  });

  it('loses nothing when its very first stream ends before there is a position', async () => {
    publish(3);
    org.panel.advance(20 * minute);
    const one = subscribe();
    await connected(one);
    org.people.act('endStreams', { code: 14 });
    const uuids = publish(2);
    await stored(one, 2);
    assert.deepEqual(one.sink.order, uuids);
  });

  it('says what is wrong while it waits, and when it will try again; then that it is back', async () => {
    const one = subscribe();
    await connected(one);
    publish();
    await stored(one, 1);
    org.panel.fault({
      call: 'GetTopic',
      times: 4,
      do: { kind: 'grpc', code: 14, details: 'No connection established' },
    });
    org.people.act('endStreams', { code: 14 });
    await one.until('backing off', () => one.subscriber.state.phase === 'backingOff', 1);
    const { problem } = one.subscriber.state;
    assert.equal(problem?.code, 'UNAVAILABLE');
    assert.match(problem?.message ?? '', /RST_STREAM closed stream/);
    const [wait = 0] = one.waits;
    assert.ok(wait > 0 && wait <= 1_000, `${wait} ms`);
    const warnings = one.log.of('warn').length;
    await one.until('connected again', () => one.subscriber.state.phase === 'connected', 500);
    assert.equal(one.log.of('warn').length, warnings);
    assert.ok(one.log.of('info').includes('The event stream is back'));
    assert.equal(one.waits.length, 5);
  });

  it('waits longer each time, and never longer than a minute', async () => {
    org.panel.fault({ call: 'GetTopic', times: 0, do: { kind: 'grpc', code: 14, details: 'away' } });
    const one = subscribe();
    await one.until('many tries', () => one.waits.length >= 12, 5_000);
    assert.ok((one.waits[0] ?? 0) <= 1_000 && (one.waits[3] ?? 0) >= 4_000, String(one.waits));
    assert.ok(one.waits.every((wait) => wait > 0 && wait <= minute));
    assert.equal(logins(), 1);
  });

  it('notices a stream that has fallen silent, after 130 s and not before', async () => {
    const one = subscribe();
    await connected(one);
    publish();
    await stored(one, 1);
    org.people.act('silence');
    const uuids = publish();
    await one.clock.advance(125_000);
    await new Promise((resolve) => setTimeout(resolve, 20));
    assert.equal(one.subscriber.state.phase, 'connected');
    await one.clock.advance(10_000);
    await one.until('deaf', () => one.phases.includes('deaf'), 1);
    const deaf = one.states.find((state) => state.phase === 'deaf');
    assert.equal(deaf?.problem?.code, 'SILENT');
    await stored(one, 2);
    assert.equal(one.sink.order[1], uuids[0]);
    await until('one stream', () => streams() === 1);
  });

  it('stays on a quiet channel for an hour as long as keepalives come', async () => {
    const one = subscribe();
    await connected(one);
    for (let n = 0; n < 60; n++) {
      const before = one.sink.order.length;
      org.panel.advance(minute);
      await until('the keepalive', () => one.sink.order.length > before);
      await one.clock.advance(minute);
    }
    assert.equal(org.people.counts().openedStreams, 1);
    assert.equal(one.subscriber.state.phase, 'connected');
    // Each position is stored, so a drop after the retention finds a place that is still known.
    org.people.act('endStreams', { code: 14 });
    const uuids = publish();
    await stored(one, 1);
    assert.deepEqual(
      one.sink.events.map((event) => event.eventId),
      uuids,
    );
    assert.deepEqual(presets(), ['LATEST', 'CUSTOM']);
  });

  it('stops hammering when fresh tokens are refused: two logins in ten minutes, and says so', async () => {
    org.panel.switches({ refuseEveryStream: true });
    const one = subscribe();
    await one.until('the alarm', () => one.log.of('error').some((text) => text.includes('The event stream is down')));
    assert.equal(logins(), 2);
    for (let n = 0; n < 19; n++) {
      await one.clock.advance(30_000);
      await new Promise((resolve) => setTimeout(resolve, 2));
    }
    assert.equal(logins(), 2);
    assert.equal(org.panel.requests('GetTopic').length, 2);
    assert.equal(one.subscriber.state.problem?.code, 'UNAUTHENTICATED');
    org.panel.switches({ refuseEveryStream: false });
    await one.until('connected', () => one.subscriber.state.phase === 'connected', 10_000);
  });

  it('has no more logins than the connection allows when the login is refused', async () => {
    org.panel.switches({ approvedUsers: [] });
    const one = subscribe();
    await one.until('backing off', () => one.subscriber.state.phase === 'backingOff');
    assert.equal(one.subscriber.state.problem?.code, 'invalid_grant');
    for (let n = 0; n < 60; n++) {
      await one.clock.advance(10_000);
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
    assert.ok(logins() <= 5, `${logins()} logins in ten minutes`);
  });

  it('reads everything that is retained when its position is unknown, and says so once', async () => {
    const uuids = publish(3);
    const sink = new TestSink();
    sink.position_ = Buffer.from('ffffffffffffffff0000', 'hex').toString('base64');
    const one = subscribe(sink);
    await stored(one, 3);
    assert.deepEqual(sink.order, uuids);
    assert.deepEqual(one.log.of('error').filter((text) => text.includes('position')).length, 1);
    org.people.act('endStreams', { code: 14 });
    uuids.push(...publish());
    await stored(one, 4);
    assert.deepEqual(sink.order, uuids);
    assert.deepEqual(presets(), ['EARLIEST', 'CUSTOM']);
  });

  it('starts with garbage for a position too', async () => {
    const uuids = publish(1);
    for (const garbage of ['', 'abc', 'AAAA', '!!!']) {
      const sink = new TestSink();
      sink.position_ = garbage;
      const one = subscribe(sink);
      await stored(one, 1);
      assert.deepEqual(sink.order, uuids);
      await one.close();
    }
  });

  it('goes on when the bus has moved: old positions gone, new events come', async () => {
    const one = subscribe();
    await connected(one);
    publish(2);
    await stored(one, 2);
    org.people.act('resetBus');
    const uuids = publish(2);
    await stored(one, 4);
    assert.deepEqual(one.sink.order.slice(2), uuids);
  });

  it('stops when there is no such channel, or it may not be read', async () => {
    const unknown = subscribe(new TestSink(), { channel: '/event/Nothing__e' });
    await unknown.until('misconfigured', () => unknown.subscriber.state.phase === 'misconfigured');
    assert.equal(unknown.subscriber.state.problem?.code, 'NOT_FOUND');
    assert.match(unknown.subscriber.state.problem?.message ?? '', /check its name/);

    org.panel.switches({ canSubscribe: false });
    const denied = subscribe();
    await denied.until('misconfigured', () => denied.subscriber.state.phase === 'misconfigured');
    assert.match(
      denied.subscriber.state.problem?.message ?? '',
      /the object permission Read on the platform event OrderProvisionRequested__e/,
    );
    const tries = org.panel.requests('GetTopic').length;
    await denied.clock.advance(60 * minute);
    await unknown.clock.advance(60 * minute);
    assert.equal(org.panel.requests('GetTopic').length, tries);
    assert.deepEqual(denied.log.of('error'), ['The event stream cannot work; mend it, then deploy again']);
  });

  it('takes a channel name that the API refuses for a wrong setting', async () => {
    org.panel.switches({ unknownTopicCode: 3 });
    const one = subscribe(new TestSink(), { channel: 'Nothing__e' });
    await one.until('misconfigured', () => one.subscriber.state.phase === 'misconfigured');
  });

  it('stays away for minutes when the allocation of deliveries is used up', async () => {
    const one = subscribe();
    await connected(one);
    org.panel.switches({ maxDeliveries: 0 });
    const uuids = publish();
    await one.until('backing off', () => one.subscriber.state.phase === 'backingOff');
    assert.equal(one.subscriber.state.problem?.code, 'RESOURCE_EXHAUSTED');
    assert.ok((one.waits[0] ?? 0) > 2 * minute, String(one.waits));
    org.panel.switches({ maxDeliveries: null });
    await one.until('the event', () => one.sink.events.length === 1, 5_000);
    assert.deepEqual(one.sink.order, uuids);
  });

  it('goes back to the stored position when the sink cannot store, ever more slowly, and loses nothing', async () => {
    const one = subscribe();
    await connected(one);
    const first = publish();
    await stored(one, 1);
    let tries = 0;
    one.sink.before = () => {
      tries += 1;
      return Promise.reject(new StoreError('UNAVAILABLE', 'the store is away'));
    };
    const uuids = publish(3);
    await one.until('backing off', () => one.subscriber.state.phase === 'backingOff');
    assert.deepEqual(one.subscriber.state.problem, { code: 'UNAVAILABLE', message: 'the store is away' });
    await one.until('five tries', () => tries >= 5, 1_000);
    assert.ok(one.clock.monotonic() >= 500 + 1_000 + 2_000 + 4_000, `${one.clock.monotonic()} ms`);
    one.sink.before = () => Promise.resolve();
    await one.until('the events', () => one.sink.events.length === 4, 1_000);
    assert.deepEqual(one.sink.order, [...first, ...uuids]);
    assert.equal(one.sink.mostAtOnce, 1);
  });

  it('backs off when the place to start cannot be read', async () => {
    const sink = new TestSink();
    const start = sink.start.bind(sink);
    sink.start = () => Promise.reject(new StoreError('LOCKED', 'another process has it'));
    const one = subscribe(sink);
    await one.until('backing off', () => one.subscriber.state.phase === 'backingOff');
    assert.equal(one.subscriber.state.problem?.code, 'LOCKED');
    sink.start = start;
    await connected(one);
  });

  it('stores what had come before the stream ended, then goes on from there', async () => {
    const one = subscribe();
    await connected(one);
    let release = (): void => undefined;
    one.sink.before = () => new Promise((resolve) => (release = resolve));
    const uuids = publish(5);
    await until('the first event at the sink', () => one.sink.mostAtOnce === 1);
    await until('the delivery', () => org.people.counts().deliveries === 5);
    org.people.act('endStreams', { code: 14 });
    await until('no stream', () => streams() === 0);
    await one.clock.advance(5_000);
    await new Promise((resolve) => setTimeout(resolve, 20));
    assert.equal(org.people.counts().openedStreams, 1);
    one.sink.before = () => Promise.resolve();
    release();
    uuids.push(...publish());
    await stored(one, 6);
    assert.deepEqual(one.sink.order, uuids);
    assert.equal(org.people.counts().deliveries, 6);
  });

  it('hands on what comes twice as often as it comes: telling them apart is the inbox’s work', async () => {
    const one = subscribe();
    await connected(one);
    const [uuid] = publish();
    await stored(one, 1);
    org.people.act('duplicateLast', { renumber: true });
    await stored(one, 2);
    assert.deepEqual(one.sink.order, [uuid, uuid]);
  });

  it('is not answered in time, and tries again', async () => {
    org.panel.fault({ call: 'GetTopic', do: { kind: 'hang' } });
    const one = subscribe();
    await until('the call', () => org.panel.requests('GetTopic').length === 1);
    await one.until('backing off', () => one.subscriber.state.phase === 'backingOff', 1_000);
    assert.equal(one.subscriber.state.problem?.code, 'ETIMEOUT');
    await connected(one);
  });
});
