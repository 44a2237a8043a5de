import assert from 'node:assert/strict';
import type { SalesforceSimulator } from '../../../simulators/salesforce/server';
import { channel, listen, TestSink, type Listening } from './listener';
import { startOrg, until } from './org';

describe('The subscriber', () => {
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
    await until('no stream', () => org.people.counts().openStreams === 0);
    org.panel.reset();
  });

  function subscribe(sink = new TestSink(), options: Parameters<typeof listen>[2] = {}): Listening {
    const listening = listen(org, sink, options);
    open.push(listening);
    listening.subscriber.start();
    return listening;
  }
  const connected = (one: Listening): Promise<void> =>
    one.until(
      'connected',
      () => one.subscriber.state.phase === 'connected' && org.panel.ledger('subscribed').length > 0,
    );
  const publish = (times = 1, fields = {}): { uuids: string[]; replayIds: string[] } =>
    org.people.publish({ fields, times });
  const subscribed = (): unknown[] => org.panel.ledger('subscribed').map((entry) => [entry.preset, entry.replayId]);

  it('hands on what is published from now on, each field as it was sent', async () => {
    publish();
    const one = subscribe();
    await connected(one);
    const { uuids, replayIds } = publish(1, { OrderId__c: '801Ql000001AbCdIAK' });
    await one.until('the event', () => one.sink.events.length > 0);
    const [event] = one.sink.events;
    assert.ok(event);
    const createdAt = event.createdAt ?? 0;
    assert.ok(Math.abs(createdAt - org.panel.now()) < 10_000);
    assert.deepEqual(event, {
      channel,
      replayId: replayIds[0],
      eventId: uuids[0],
      createdAt,
      payload: {
        ...event.payload,
        OrderId__c: '801Ql000001AbCdIAK',
        CreatedDate: new Date(createdAt).toISOString(),
      },
    });
    assert.match(String(event.payload.CreatedById), /^005/);
    assert.deepEqual(subscribed(), [['LATEST', '']]);
    assert.deepEqual(one.phases, ['connecting', 'connected']);
    const { state } = one.subscriber;
    assert.deepEqual(
      { ...state, lastEventAt: null, delayMs: null, deliveries: null },
      {
        phase: 'connected',
        channel,
        problem: null,
        retryAt: null,
        lastEventAt: null,
        lastKeepaliveAt: null,
        position: replayIds[0],
        received: 1,
        delayMs: null,
        deliveries: null,
        gap: null,
      },
    );
    assert.ok(state.lastEventAt !== null);
  });

  it('goes on after the stored position, and before everything that is retained when asked to', async () => {
    const first = publish(3);
    const stored = new TestSink();
    stored.position_ = first.replayIds[1] ?? null;
    const one = subscribe(stored);
    await one.until('the event', () => stored.events.length === 1);
    assert.deepEqual(stored.order, [first.uuids[2]]);
    assert.equal(one.phases.includes('catchingUp'), true);
    await one.close();

    const all = new TestSink();
    all.preset = 'EARLIEST';
    const other = subscribe(all);
    await other.until('the events', () => all.events.length === 3);
    assert.deepEqual(all.order, first.uuids);
    await other.until('caught up', () => other.subscriber.state.phase === 'connected');
    assert.deepEqual(subscribed(), [
      ['CUSTOM', first.replayIds[1]],
      ['EARLIEST', ''],
    ]);
  });

  it('is catching up while old events come, and no longer once a new one does', async () => {
    const phases: string[] = [];
    const sink = new TestSink();
    sink.preset = 'EARLIEST';
    publish(3);
    const one = listen(org, sink);
    open.push(one);
    sink.before = () => Promise.resolve(void phases.push(one.subscriber.state.phase));
    org.panel.advance(60_000);
    await one.clock.advance(60_000);
    one.subscriber.start();
    await one.until('the old events', () => sink.events.length === 3, 1);
    org.panel.advance(10_000);
    publish();
    await one.until('the new event', () => sink.events.length === 4, 1);
    assert.deepEqual(phases, ['catchingUp', 'catchingUp', 'catchingUp', 'connected']);
  });

  it('takes 350 events one at a time, in order, with never more than 100 owed', async () => {
    const one = subscribe();
    await connected(one);
    let waits = 0;
    one.sink.before = async () => {
      if (++waits % 50 === 0) await new Promise((resolve) => setTimeout(resolve, 5));
    };
    const { uuids } = publish(350);
    await one.until('all events', () => one.sink.events.length === 350);
    assert.deepEqual(one.sink.order, uuids);
    assert.equal(one.sink.mostAtOnce, 1);
    const counts = org.people.counts();
    assert.equal(counts.openedStreams, 1);
    assert.equal(counts.deliveries, 350);
    assert.ok(Number(counts.peakOwedEvents) <= 100);
    assert.ok(Number(counts.requestedEvents) <= 450);
    assert.equal(one.subscriber.state.received, 350);
    assert.equal(org.panel.requests('GetSchema').length, 1);
  });

  it('asks for no more than the sink takes, and for more when it is poked', async () => {
    const sink = new TestSink();
    sink.room = 0;
    const one = subscribe(sink);
    await one.clock.advance(1_000);
    assert.equal(org.people.counts().openedStreams, 0);
    sink.before = () => Promise.resolve(void (sink.room -= 1));
    sink.room = 7;
    one.subscriber.poke();
    await connected(one);
    const { uuids } = publish(20);
    await one.until('seven events', () => sink.events.length === 7);
    await one.clock.advance(5_000);
    assert.equal(org.people.counts().requestedEvents, 7);
    sink.room = 100;
    one.subscriber.poke();
    await one.until('all events', () => sink.events.length === 20);
    assert.deepEqual(sink.order, uuids);
    assert.equal(org.people.counts().openedStreams, 1);
  });

  it('keeps the stream while one event takes longer than the server waits for a request', async () => {
    const sink = new TestSink();
    sink.room = 1;
    const one = subscribe(sink);
    await connected(one);
    let release = (): void => undefined;
    sink.before = () => new Promise((resolve) => (release = resolve));
    const { uuids } = publish(2);
    await until('the first event at the sink', () => sink.mostAtOnce === 1);
    for (const seconds of [30, 20, 20]) {
      await one.clock.advance(seconds * 1_000);
      await until('what was asked', () => true);
      await new Promise((resolve) => setTimeout(resolve, 20));
      org.panel.advance(seconds * 1_000);
    }
    sink.before = () => Promise.resolve();
    release();
    await one.until('both events', () => sink.events.length === 2);
    assert.deepEqual(sink.order, uuids);
    assert.equal(org.people.counts().openedStreams, 1);
  });

  it('decodes each event by its own schema when it changes mid-stream, asking for each once', async () => {
    const one = subscribe();
    await connected(one);
    // Both kinds in one answer.
    one.sink.room = 100;
    const before = publish(3);
    org.people.act('changeSchema', { name: 'Seats__c', type: 'long' });
    const after = publish(3, { Seats__c: 25 });
    await one.until('the events', () => one.sink.events.length === 6);
    assert.deepEqual(one.sink.order, [...before.uuids, ...after.uuids]);
    assert.equal(one.sink.events[0]?.payload.Seats__c, undefined);
    assert.equal(one.sink.events[5]?.payload.Seats__c, '25');
    assert.equal(org.panel.requests('GetSchema').length, 2);
  });

  it('keeps the order when the first schema is slow to come', async () => {
    org.panel.fault({ call: 'GetSchema', do: { kind: 'delay', ms: 150 } });
    const one = subscribe();
    await connected(one);
    const uuids: string[] = [];
    for (let n = 0; n < 4; n++) {
      uuids.push(...publish().uuids);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    await one.until('the events', () => one.sink.events.length === 4);
    assert.deepEqual(one.sink.order, uuids);
    assert.equal(org.panel.requests('GetSchema').length, 1);
  });

  it('hands on an event that cannot be decoded as unreadable, with its bytes, and goes on', async () => {
    const one = subscribe();
    await connected(one);
    const before = publish();
    const broken = org.people.act('undecodable', { orderId: '801Ql000001AbCdIAK' });
    const after = publish();
    await one.until('the events', () => one.sink.order.length === 3);
    assert.deepEqual(one.sink.order, [before.uuids[0], `!${String(broken.uuid)}`, after.uuids[0]]);
    const [unreadable] = one.sink.unreadables;
    assert.equal(unreadable?.replayId, broken.replayId);
    assert.ok(Buffer.from(unreadable?.raw ?? '', 'base64').length > 0);
    assert.match(unreadable?.reason ?? '', /does not fit its schema/);
    assert.equal(one.subscriber.state.position, after.replayIds[0]);
  });

  it('hands on an event of a schema that Salesforce does not know as unreadable', async () => {
    org.panel.fault({ call: 'GetSchema', do: { kind: 'grpc', code: 5, details: 'no such schema' } });
    const one = subscribe();
    await connected(one);
    const { uuids } = publish();
    await one.until('the event', () => one.sink.order.length === 1);
    assert.deepEqual(one.sink.order, [`!${uuids[0] ?? ''}`]);
    assert.match(one.sink.unreadables[0]?.reason ?? '', /knows no schema/);
  });

  it('does not lose an event when its schema cannot be had for a while', async () => {
    org.panel.fault({ call: 'GetSchema', times: 2, do: { kind: 'grpc', code: 14, details: 'away' } });
    const one = subscribe();
    await connected(one);
    const { uuids } = publish(2);
    await one.until('the events', () => one.sink.events.length === 2);
    assert.deepEqual(one.sink.order, uuids);
    assert.equal(one.sink.unreadables.length, 0);
  });

  it('takes a position from a keepalive, after the events before it', async () => {
    const one = subscribe();
    await connected(one);
    let release = (): void => undefined;
    one.sink.before = () => new Promise((resolve) => (release = resolve));
    const { uuids, replayIds } = publish();
    await until('the event at the sink', () => one.sink.mostAtOnce === 1);
    org.panel.advance(61_000);
    await one.until('the keepalive', () => one.subscriber.state.lastKeepaliveAt !== null, 1);
    assert.deepEqual(one.sink.order, []);
    release();
    await one.until('the position', () => one.sink.order.length === 2, 1);
    assert.equal(one.sink.order[0], uuids[0]);
    assert.match(one.sink.order[1] ?? '', /^@/);
    assert.notEqual(one.sink.position_, replayIds[0]);
    assert.equal(one.subscriber.state.position, one.sink.position_);
  });

  it('copes with events and keepalives that carry no replay id', async () => {
    org.panel.switches({ eventReplayId: false, latestReplayId: false, keepaliveReplayId: false });
    const one = subscribe();
    await connected(one);
    publish(2);
    org.panel.advance(61_000);
    await one.until('the keepalive', () => one.subscriber.state.lastKeepaliveAt !== null, 1);
    await one.until('the events', () => one.sink.events.length === 2, 1);
    assert.deepEqual(
      one.sink.events.map((event) => event.replayId),
      [null, null],
    );
    assert.equal(one.subscriber.state.position, null);
  });

  it('speaks TLS where it is asked to, to a server that it trusts', async () => {
    const endpoint = `https://${org.pubsubTls}`;
    const one = subscribe(new TestSink(), { endpoint, ca: org.tlsCertificatePem });
    await connected(one);
    const { uuids } = publish();
    await one.until('the event', () => one.sink.events.length === 1);
    assert.deepEqual(one.sink.order, uuids);
  });

  it('says nothing to a server that it does not trust, nor in plaintext to one that speaks TLS', async () => {
    for (const endpoint of [`https://${org.pubsubTls}`, org.pubsubTls]) {
      const one = subscribe(new TestSink(), { endpoint });
      await one.until('backing off', () => one.subscriber.state.phase === 'backingOff');
      assert.match(one.subscriber.state.problem?.code ?? '', /TLS_REFUSED|UNAVAILABLE/);
      assert.ok(one.subscriber.state.problem?.message.includes(org.pubsubTls));
      await one.close();
    }
    assert.equal(org.panel.requests('GetTopic').length, 0);
  });

  it('takes no endpoint that is no address', () => {
    assert.throws(() => listen(org, new TestSink(), { endpoint: 'https://' }), /host:port/);
  });

  it('lets go of every socket when it is closed, and of the old ones when it connects again', async () => {
    const sockets = (): number => process.getActiveResourcesInfo().filter((name) => name === 'TCPSocketWrap').length;
    const before = sockets();
    const one = subscribe();
    await connected(one);
    const connectedSockets = sockets();
    assert.ok(connectedSockets > before);
    for (let n = 0; n < 3; n++) {
      org.people.act('endStreams', { code: 14 });
      publish();
      await one.until('the event', () => one.sink.events.length === n + 1);
    }
    await until('the old sockets gone', () => sockets() <= connectedSockets);
    await one.close();
    await until('all sockets gone', () => sockets() <= before);
  });

  it('leaves no stream and no timer when it is closed, before, while and after it works', async () => {
    const one = listen(org);
    await one.close();
    one.subscriber.start();
    assert.equal(one.subscriber.state.phase, 'stopped');

    const two = subscribe();
    const closing = two.close();
    await closing;
    assert.equal(two.clock.pending, 0);

    const three = subscribe();
    await connected(three);
    let release = (): void => undefined;
    three.sink.before = () => new Promise((resolve) => (release = resolve));
    publish(5);
    await until('the event at the sink', () => three.sink.mostAtOnce === 1);
    const closed = three.subscriber.close();
    await until('the end of the stream', () => org.people.counts().openStreams === 0);
    assert.equal(three.sink.events.length, 0);
    release();
    await closed;
    assert.equal(three.sink.events.length, 1);
    assert.equal(three.subscriber.state.phase, 'stopped');
    assert.equal(three.clock.pending, 0);
    org.people.act('endStreams', { code: 13 });
    publish();
    assert.equal(three.sink.events.length, 1);
  });

  it('waits ten seconds at most for the event at hand when it closes', async () => {
    const one = subscribe();
    await connected(one);
    let release = (): void => undefined;
    one.sink.before = () => new Promise((resolve) => (release = resolve));
    publish();
    await until('the event at the sink', () => one.sink.mostAtOnce === 1);
    let over = false;
    const closed = one.subscriber.close().then(() => (over = true));
    await one.clock.advance(9_000);
    assert.equal(over, false);
    await one.clock.advance(1_000);
    await closed;
    release();
  });

  it('tells its state to those who listen, whatever one of them does, until they leave', async () => {
    const one = listen(org);
    open.push(one);
    const heard: string[] = [];
    one.subscriber.onState(() => {
      throw new Error('mine');
    });
    const leave = one.subscriber.onState((state) => void heard.push(state.phase));
    one.subscriber.start();
    await connected(one);
    leave();
    const count = heard.length;
    publish();
    await one.until('the event', () => one.sink.events.length === 1);
    assert.equal(heard.length, count);
    assert.ok(heard.includes('connected'));
  });
});
