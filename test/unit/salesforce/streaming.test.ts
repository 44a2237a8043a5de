import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import path from 'node:path';
import { createStreamingSubscriber } from '../../../lib/salesforce/events/streaming';
import { positionOf } from '../../../lib/salesforce/events/streaming-position';
import type { SalesforceSimulator } from '../../../simulators/salesforce/server';
import { channel, Scene, type Listening } from '../../contract/events/scene';
import { transport } from '../../contract/events/streaming-transport';
import { TestSink } from '../../contract/events/test-sink';
import { until } from '../../until';

const minute = 60_000;
const seats = '/event/SeatChangeRequested__e';

describe('The subscriber over the Streaming API', () => {
  let apiVersion: string | undefined;
  const scene = new Scene({
    ...transport,
    create: (_org, options) => createStreamingSubscriber({ ...options, apiVersion }),
  });
  let org: SalesforceSimulator;
  before(() => void (org = scene.org));
  beforeEach(() => void (apiVersion = undefined));

  const subscribe = (sink?: TestSink, more: { channel?: string } = {}): Listening => scene.subscribe(sink, more);
  const streams = (): number => org.people.counts().cometdClients as number;
  const phase = (one: Listening) => one.subscriber.state.phase;
  const connected = (one: Listening) =>
    one.until('connected', () => phase(one) === 'connected' && org.people.counts().heldConnects === 1);
  const publish = (times = 1): string[] => org.people.publish({ times }).uuids;
  const stored = (one: Listening, count: number, step = 50) =>
    one.until(`${count} events`, () => one.sink.order.length >= count, step);
  const logins = (): number => org.panel.ledger('login').length;
  const starts = (): unknown[] => org.panel.ledger('subscribed').map((entry) => entry.preset);
  const decimal = (replayId: string | undefined): string =>
    Buffer.from(replayId ?? '', 'base64')
      .readBigUInt64BE()
      .toString();
  const held = () => until('the connect to be held', () => org.people.counts().heldConnects === 1);
  const soon = () => new Promise((resolve) => setTimeout(resolve, 30));

  it('hands on what is published from now on, each field as it was sent, with a position of its own', async () => {
    publish();
    const one = subscribe();
    await connected(one);
    const { uuids, replayIds } = org.people.publish({ fields: { OrderId__c: '801Ql000001AbCdIAK' } });
    await stored(one, 1);
    const [event] = one.sink.events;
    assert.ok(event);
    const createdAt = event.createdAt ?? 0;
    assert.ok(Math.abs(createdAt - org.panel.now()) < 10_000);
    const position = Buffer.from(`cometd:${decimal(replayIds[0])}`).toString('base64');
    assert.deepEqual(event, {
      channel,
      replayId: position,
      eventId: uuids[0],
      createdAt,
      payload: {
        ...event.payload,
        OrderId__c: '801Ql000001AbCdIAK',
        CreatedDate: new Date(createdAt).toISOString(),
      },
    });
    assert.match(String(event.payload.CreatedById), /^005/);
    assert.deepEqual(starts(), ['LATEST']);
    assert.deepEqual(one.phases, ['connecting', 'connected']);
    assert.equal(one.subscriber.state.position, position);
  });

  it('goes on after the stored position, and before everything that is retained when asked to', async () => {
    const { uuids, replayIds } = org.people.publish({ times: 3 });
    const sink = new TestSink();
    sink.stored = positionOf(decimal(replayIds[1]));
    const one = subscribe(sink);
    await stored(one, 1);
    assert.deepEqual(sink.order, [uuids[2]]);
    await one.close();
    const all = new TestSink();
    all.preset = 'EARLIEST';
    const other = subscribe(all);
    await stored(other, 3);
    assert.deepEqual(all.order, uuids);
    await other.until('caught up', () => phase(other) === 'connected');
    assert.deepEqual(other.phases, ['connecting', 'catchingUp', 'connected']);
    assert.deepEqual(
      org.panel.ledger('subscribed').map((entry) => [entry.preset, entry.replayId]),
      [
        ['CUSTOM', replayIds[1]],
        ['EARLIEST', ''],
      ],
    );
  });

  it('keeps every digit of a replay id and of a number beyond 2^53', async () => {
    // The first is odd, so that no number of JavaScript is the same.
    org.people.act('resetBus', { from: '9007199254740992' });
    org.panel.switches({ replayIdGap: 1 });
    const one = subscribe();
    await connected(one);
    const { replayIds, uuids } = org.people.publish({});
    await stored(one, 1);
    assert.equal(one.sink.stored, positionOf('9007199254740993'));
    org.people.act('endStreams');
    uuids.push(...publish());
    await stored(one, 2);
    assert.deepEqual(one.sink.order, uuids);
    assert.equal(org.panel.ledger('subscribed').at(-1)?.replayId, replayIds[0]);
  });

  it('reads everything retained when the stored position is one of the Pub/Sub API, and asks nobody about it', async () => {
    const { uuids, replayIds } = org.people.publish({ times: 2 });
    const sink = new TestSink();
    sink.stored = replayIds[1] ?? '';
    const one = subscribe(sink);
    await stored(one, 2);
    assert.deepEqual(sink.order, uuids);
    assert.deepEqual(starts(), ['EARLIEST']);
    assert.equal(one.log.of('error').length, 1);
    assert.equal(org.panel.requests('/meta/handshake').length, 1);
  });

  it('reads everything retained when its own position is unknown by now, and says so once', async () => {
    publish();
    org.panel.advance(73 * 60 * minute);
    const uuids = publish(2);
    const sink = new TestSink();
    sink.stored = positionOf('12345');
    const one = subscribe(sink);
    await stored(one, 2);
    assert.deepEqual(sink.order, uuids);
    assert.equal(one.log.of('error').length, 1);
    assert.ok(one.subscriber.state.gap);
    await connected(one);
    assert.match(String(org.panel.requests('/meta/subscribe')[0]?.outcome), /^400::The replayId \{12345\}/);
  });

  for (const advice of ['handshake', 'none', 'disconnectThenNone'] as const)
    it(`goes on when Salesforce forgets the client and advises ${advice}, five times over: each event once`, async () => {
      org.panel.switches({ unknownClientAdvice: advice });
      const one = subscribe();
      await connected(one);
      const uuids = publish(2);
      await stored(one, 2);
      for (let round = 1; round <= 5; round++) {
        org.people.act('endStreams');
        uuids.push(...publish(2));
        await stored(one, 2 + 2 * round);
        await connected(one);
      }
      assert.deepEqual(one.sink.order, uuids);
      assert.deepEqual(starts(), ['LATEST', 'CUSTOM', 'CUSTOM', 'CUSTOM', 'CUSTOM', 'CUSTOM']);
      assert.equal(org.people.counts().peakStreams, 1);
      assert.equal(org.people.counts().deliveries, 12);
      assert.equal(one.sink.mostAtOnce, 1);
      assert.equal(logins(), 1);
      // Who is forgotten need not say goodbye.
      assert.equal(org.panel.requests('/meta/disconnect').length, 0);
    });

  it('goes on after a revoked token with one new login and a new client', async () => {
    const one = subscribe();
    await connected(one);
    const uuids = publish(2);
    await stored(one, 2);
    org.people.act('revokeTokens');
    uuids.push(...publish(3));
    await stored(one, 5);
    assert.deepEqual(one.sink.order, uuids);
    assert.equal(logins(), 2);
    const handshakes = org.panel.requests('/meta/handshake').map((request) => [request.auth, request.outcome]);
    assert.deepEqual(handshakes, [
      ['token 1', 'success'],
      ['token 2', 'success'],
    ]);
    await connected(one);
    assert.equal(one.subscriber.state.problem, null);
  });

  it('starts with a token that has expired meanwhile: one new login, then the subscription', async () => {
    const one = scene.listen();
    await one.connection.salesforce.auth.token();
    org.people.act('expireAll');
    one.subscriber.start();
    await connected(one);
    const uuids = publish();
    await stored(one, 1);
    assert.deepEqual(one.sink.order, uuids);
    assert.equal(logins(), 2);
    assert.deepEqual(
      org.panel.requests('/meta/handshake').map((request) => request.outcome),
      ['403::Handshake denied', 'success'],
    );
  });

  it('stops hammering when fresh tokens are refused: two logins in ten minutes, and never says it is connected', async () => {
    org.panel.switches({ refuseEveryStream: true });
    const one = subscribe();
    await one.until('the alarm', () => one.log.of('error').some((text) => text.includes('The event stream is down')));
    for (let n = 0; n < 19; n++) {
      await one.clock.advance(30_000);
      await new Promise((resolve) => setTimeout(resolve, 2));
    }
    assert.equal(logins(), 2);
    assert.equal(org.panel.requests('/meta/handshake').length, 2);
    assert.equal(one.phases.includes('connected'), false);
    assert.equal(one.subscriber.state.problem?.code, '403');
    org.panel.switches({ refuseEveryStream: false });
    await one.until('connected', () => phase(one) === 'connected', 10_000);
  });

  it('notices a connect that is never answered, after 130 s and not before, and an open line that says nothing', async () => {
    const one = subscribe();
    await connected(one);
    publish();
    await stored(one, 1);
    await held();
    org.people.act('silence');
    const [uuid] = publish();
    await one.clock.advance(125_000);
    await soon();
    assert.equal(phase(one), 'connected');
    await one.clock.advance(10_000);
    await one.until('deaf', () => one.phases.includes('deaf'), 1);
    assert.equal(one.states.find((state) => state.phase === 'deaf')?.problem?.code, 'SILENT');
    await stored(one, 2);
    assert.equal(one.sink.order[1], uuid);
    await until('one client', () => streams() === 1);
  });

  it('stays on a quiet channel for an hour, with one client and one login', async () => {
    const one = subscribe();
    await connected(one);
    let answers = org.panel.requests('/meta/connect').length;
    for (let n = 0; n < 33; n++) {
      await held();
      org.panel.advance(110_000);
      await until('the answer', () => org.panel.requests('/meta/connect').length > answers);
      answers = org.panel.requests('/meta/connect').length;
      await one.clock.advance(110_000);
    }
    assert.equal(org.people.counts().openedStreams, 1);
    assert.equal(phase(one), 'connected');
    assert.ok((one.subscriber.state.lastKeepaliveAt ?? 0) > one.clock.now() - 2 * 110_000);
    const uuids = publish();
    await stored(one, 1, 1);
    assert.deepEqual(one.sink.order, uuids);
    assert.equal(logins(), 1);
  });

  const outages: [string, { kind: string; [more: string]: unknown }, string][] = [
    ['a page for people instead of an answer', { kind: 'html', page: 'maintenance' }, '503'],
    ['an empty answer', { kind: 'empty' }, '200'],
    ['an answer that is cut off', { kind: 'cut', bytes: 7 }, 'ECONNRESET'],
    ['a connection that is reset', { kind: 'reset' }, 'ECONNRESET'],
    ['an answer without a reply', { kind: 'json', body: [] }, 'UNEXPECTED_ANSWER'],
    [
      'a reply to something else',
      { kind: 'json', body: [{ channel: '/meta/connect', id: 'x', successful: true }] },
      'UNEXPECTED_ANSWER',
    ],
    ['a bare goodbye', { kind: 'json', body: [{ channel: '/meta/disconnect' }] }, 'UNEXPECTED_ANSWER'],
    ['a refusal that names no channel', { kind: 'bayeux', error: '503::Server is too busy', bare: true }, '503'],
    ['a channel that Bayeux does not have', { kind: 'json', body: [{ channel: '/meta/sleep' }] }, 'UNEXPECTED_ANSWER'],
  ];
  for (const call of ['/meta/handshake', '/meta/connect', '/meta/subscribe'])
    for (const [what, fault, code] of outages)
      it(`recovers from ${what} to ${call}, three times, and says what it was`, async () => {
        const sink = new TestSink();
        sink.preset = 'EARLIEST';
        const uuids = publish(2);
        org.panel.fault({ call, times: 3, do: fault });
        const one = subscribe(sink);
        await one.until('the fault', () => one.waits.length > 0, 5);
        const problem = one.states.find((state) => state.problem !== null)?.problem;
        assert.equal(problem?.code, code);
        // Nothing is said to be connected before Salesforce has taken the subscription (B8); one cut off was taken.
        if (call !== '/meta/connect' && fault.kind !== 'cut')
          assert.deepEqual(one.phases.slice(0, 2), ['connecting', 'backingOff']);
        await stored(one, 2);
        await one.until('connected', () => phase(one) === 'connected');
        assert.deepEqual(sink.order, uuids);
        assert.equal(one.subscriber.state.problem, null);
        assert.ok(one.log.of('info').includes('The event stream is back'));
        org.panel.advance(2 * minute);
      });

  it('takes a handshake that names no client, or advises another one, for none', async () => {
    const reply = { channel: '/meta/handshake', id: '1', successful: true };
    const advised = { ...reply, clientId: 'x', advice: { reconnect: 'handshake' } };
    for (const body of [[reply], [advised]]) {
      org.panel.fault({ call: '/meta/handshake', do: { kind: 'json', body } });
      const one = subscribe();
      await one.until('backing off', () => phase(one) === 'backingOff', 5);
      assert.equal(one.subscriber.state.problem?.code, 'UNEXPECTED_ANSWER');
      await connected(one);
      await one.close();
    }
  });

  it('does not take the first connect, which is answered at once, for a sign that all was read', async () => {
    org.panel.fault({ call: '/meta/connect', do: { kind: 'delay', ms: 100 } });
    const sink = new TestSink();
    sink.preset = 'EARLIEST';
    const one = subscribe(sink);
    await until('its connect to be held', () => org.people.counts().heldConnects === 1);
    assert.equal(phase(one), 'catchingUp');
    assert.equal(one.subscriber.state.lastKeepaliveAt, null);
  });

  it('notices silence the sooner the shorter Salesforce says that it holds a connect', async () => {
    org.panel.switches({ connectHoldMs: 5_000 });
    const one = subscribe();
    await one.until('connected', () => phase(one) === 'connected' && org.people.counts().heldConnects === 1, 1);
    org.people.act('silence');
    await one.clock.advance(26_000);
    await one.until('deaf', () => one.phases.includes('deaf'), 1);
    assert.ok(one.clock.monotonic() < minute);
  });

  it('stores the events of an answer that ends with a refusal, and goes on after them', async () => {
    const one = subscribe();
    await connected(one);
    const { uuids, replayIds } = org.people.publish({});
    await stored(one, 1);
    const data = { schema: 'x', payload: { OrderId__c: '801' }, event: { replayId: 0, EventUuid: 'carried along' } };
    const replayId = Number(decimal(replayIds[0]));
    const refusal = { channel: '/meta/connect', id: 'x', error: '403::Unknown client', successful: false };
    const body = [{ channel, data: { ...data, event: { ...data.event, replayId } } }, refusal];
    org.panel.fault({ call: '/meta/connect', do: { kind: 'json', body } });
    org.panel.advance(110_000);
    uuids.push('carried along', ...publish());
    await stored(one, 3);
    assert.deepEqual(one.sink.order, uuids);
    assert.equal(org.panel.ledger('subscribed').at(-1)?.replayId, replayIds[0]);
    // Salesforce has not forgotten the first client; it forgets it in time.
    org.panel.advance(2 * minute);
  });

  it('takes a bare 401 and one of HTTP for a refused token', async () => {
    for (const fault of [
      { kind: 'bayeux', error: '401::Request requires authentication', bare: true },
      { kind: 'status', status: 401, body: '<html>' },
      { kind: 'bayeux', error: '401::Authentication invalid', advice: { reconnect: 'none' } },
    ]) {
      org.panel.fault({ call: '/meta/handshake', do: fault });
      const before = logins();
      const one = subscribe();
      await connected(one);
      assert.equal(logins(), before + 2);
      await one.close();
      await until('no client', () => streams() === 0);
    }
  });

  it('waits longer each time while Salesforce is away, and never longer than a minute', async () => {
    org.panel.fault({ call: '/meta/handshake', times: 0, do: { kind: 'html', page: 'maintenance' } });
    const one = subscribe();
    await one.until('many tries', () => one.waits.length >= 12, 5_000);
    assert.ok((one.waits[0] ?? 0) <= 1_000 && (one.waits[3] ?? 0) >= 4_000, String(one.waits));
    assert.ok(one.waits.every((wait) => wait > 0 && wait <= minute));
    assert.equal(logins(), 1);
  });

  it('stays away for minutes when an allocation is used up, says goodbye, and then goes on', async () => {
    const one = subscribe();
    await connected(one);
    org.panel.switches({ maxDeliveries: 0 });
    const uuids = publish();
    await one.until('backing off', () => phase(one) === 'backingOff');
    assert.match(one.subscriber.state.problem?.message ?? '', /daily limit exceeded/);
    assert.ok((one.waits[0] ?? 0) > 2 * minute, String(one.waits));
    await until('no client', () => streams() === 0);
    org.panel.switches({ maxDeliveries: null });
    await stored(one, 1, 5_000);
    assert.deepEqual(one.sink.order, uuids);

    org.panel.switches({ maxCometdClients: 0 });
    org.people.act('endStreams');
    await one.until('backing off', () => /concurrent user limit/.test(one.subscriber.state.problem?.message ?? ''));
    org.panel.switches({ maxCometdClients: 2000 });
    await one.until('connected', () => phase(one) === 'connected', 10_000);
  });

  it('stops when there is no such channel, when it may not be read, or when the API version is too old', async () => {
    const unknown = subscribe(new TestSink(), { channel: '/event/Nothing__e' });
    await unknown.until('misconfigured', () => phase(unknown) === 'misconfigured');
    assert.match(unknown.subscriber.state.problem?.message ?? '', /check its name/);
    apiVersion = '36.0';
    const old = subscribe(new TestSink(), { channel: seats });
    apiVersion = undefined;
    await old.until('misconfigured', () => phase(old) === 'misconfigured');
    assert.match(old.subscriber.state.problem?.message ?? '', /API version/);
    org.panel.switches({ canSubscribe: false });
    const denied = subscribe();
    await denied.until('misconfigured', () => phase(denied) === 'misconfigured');
    assert.match(denied.subscriber.state.problem?.message ?? '', /may not read/);
    const tries = org.panel.requests('/meta/handshake').length;
    for (const one of [unknown, old, denied]) await one.clock.advance(60 * minute);
    assert.equal(org.panel.requests('/meta/handshake').length, tries);
    await until('no client', () => streams() === 0);
  });

  it('hands on an event without fields as unreadable, with what came, and goes on', async () => {
    const one = subscribe();
    await connected(one);
    const before = publish();
    const broken = org.people.act('undecodable', { orderId: '801Ql000001AbCdIAK' });
    const after = publish();
    await stored(one, 3);
    assert.deepEqual(one.sink.order, [before[0], `!${String(broken.uuid)}`, after[0]]);
    const [unreadable] = one.sink.unreadables;
    assert.equal(unreadable?.replayId, positionOf(decimal(String(broken.replayId))));
    const data = JSON.parse(Buffer.from(unreadable?.raw ?? '', 'base64').toString()) as { event: object };
    assert.equal((data.event as { EventUuid?: string }).EventUuid, broken.uuid);
  });

  it('copes with events that carry no replay id', async () => {
    org.panel.switches({ eventReplayId: false });
    const one = subscribe();
    await connected(one);
    publish(2);
    await stored(one, 2);
    assert.deepEqual(
      one.sink.events.map((event) => event.replayId),
      [null, null],
    );
    assert.equal(one.subscriber.state.position, null);
  });

  it('takes 1,000 events one at a time and in order, and holds no more than 200 of them', async () => {
    org.panel.switches({ eventsPerResponse: 50 });
    const { uuids } = org.people.publish({ times: 1000 });
    const sink = new TestSink();
    sink.preset = 'EARLIEST';
    let release = (): void => undefined;
    sink.before = () => new Promise((resolve) => (release = resolve));
    const one = subscribe(sink);
    await one.until('a few hundred', () => (org.people.counts().deliveries as number) >= 200, 1);
    await soon();
    await soon();
    // The first event is at the sink; no more are fetched than may wait.
    assert.equal(org.people.counts().deliveries, 200);
    await one.clock.advance(26_000);
    await until('no client', () => streams() === 0);
    sink.before = () => Promise.resolve();
    release();
    await stored(one, 1000, 200);
    assert.deepEqual(sink.order, uuids);
    assert.equal(sink.mostAtOnce, 1);
    assert.equal(org.people.counts().deliveries, 1000);
    assert.equal(org.people.counts().openedStreams, 2);
  });

  it('waits before each connect as Salesforce asks it to', async () => {
    org.panel.switches({ connectPauseMs: 20_000 });
    const one = subscribe();
    await one.until('connected', () => phase(one) === 'connected', 1);
    const [uuid] = publish();
    await one.clock.advance(19_000);
    await soon();
    assert.equal(one.sink.order.length, 0);
    await stored(one, 1);
    assert.deepEqual(one.sink.order, [uuid]);
  });

  it('logs in anew when nobody is at the instance that its token names: the org may have moved', async () => {
    org.panel.switches({ instanceUrl: 'http://127.0.0.1:1' });
    const one = subscribe();
    await one.until('backing off', () => phase(one) === 'backingOff');
    assert.equal(one.subscriber.state.problem?.code, 'ECONNREFUSED');
    org.panel.switches({ instanceUrl: null });
    await one.until('connected', () => phase(one) === 'connected', 1_000);
    assert.equal(logins(), 2);
  });

  it('fetches nothing while the sink takes nothing', async () => {
    const sink = new TestSink();
    sink.room = 0;
    const one = subscribe(sink);
    await one.clock.advance(1_000);
    assert.equal(org.panel.requests('/meta/handshake').length, 0);
    sink.room = 100;
    one.subscriber.poke();
    await connected(one);
  });

  it('leaves no client, no socket and no timer when it is closed, whatever it was about', async () => {
    const sockets = (): number => process.getActiveResourcesInfo().filter((name) => name === 'TCPSocketWrap').length;
    const timers = (): number => process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length;
    const [socketsBefore, timersBefore] = [sockets(), timers()];
    for (const call of ['token', '/meta/handshake', '/meta/subscribe', null]) {
      if (call) org.panel.fault({ call, do: { kind: 'hang' } });
      const one = subscribe();
      if (call) await until(`${call} to hang`, () => org.panel.faults().at(-1)?.hits === 1);
      else await connected(one);
      const closed = one.close();
      await one.until('the end', () => phase(one) === 'stopped', 100);
      await closed;
      assert.equal(one.clock.pending, 0);
      await until('no client', () => {
        org.panel.advance(1_000);
        return streams() === 0;
      });
      await until('no socket', () => sockets() <= socketsBefore);
      assert.ok(timers() <= timersBefore + 1, `${timers()} timers`);
    }
  });

  it('lets nothing that a sink throws reach the client (N3): the other events come, the stream lives', async () => {
    const one = subscribe();
    await connected(one);
    let throws = 1;
    one.sink.before = () => {
      if (throws-- > 0) throw new Error('the handler fails');
      return Promise.resolve();
    };
    const uuids = publish(3);
    await stored(one, 3);
    uuids.push(...publish());
    await stored(one, 4);
    assert.deepEqual(one.sink.order, uuids);
    assert.equal(org.people.counts().openedStreams, 1);
  });

  it('tells changes of Orders as the Pub/Sub API does', async () => {
    org.panel.switches({ changeDataCapture: true });
    const one = subscribe(new TestSink(), { channel: '/data/OrderChangeEvent' });
    await connected(one);
    const good = org.people.stories().good ?? '';
    org.people.approve(good);
    await stored(one, 1);
    const [event] = one.sink.events;
    const header = event?.payload.ChangeEventHeader as { recordIds?: string[]; changedFields?: string[] };
    assert.deepEqual(header.recordIds, [good]);
    assert.ok(header.changedFields?.includes('Activation_Status__c'));
    assert.ok(Math.abs((event?.createdAt ?? 0) - org.panel.now()) < 10_000);
  });

  it('opens no WebSocket, as jsforce would', async () => {
    const one = subscribe();
    await connected(one);
    assert.equal(org.panel.requests('cometd').length, 0);
  });

  it('loads jsforce only once it starts', () => {
    const script = `
      require('./lib/salesforce/events/streaming').createStreamingSubscriber({
        channel: '/event/X__e', auth: {}, sink: {},
        clock: require('./lib/clock').systemClock, log: require('./lib/log').silentLog,
      });
      const loaded = Object.keys(require.cache);
      console.log(['jsforce', 'faye'].filter((name) => loaded.some((file) => file.includes('node_modules/' + name))).join());
    `;
    const root = path.resolve(__dirname, '../../..');
    const said = execFileSync(process.execPath, ['-r', 'tsx/cjs', '-e', script], { cwd: root, encoding: 'utf8' });
    assert.equal(said.trim(), '');
  });
});
