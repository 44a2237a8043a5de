import assert from 'node:assert/strict';
import { failure } from '../../../lib/provisioning/failure';
import { Intake } from '../../../lib/provisioning/intake';
import { StoreError } from '../../../lib/state/contract';
import type { InboxEvent, StateStore } from '../../../lib/state/contract';
import { channel, DeskUnderTest, orderId } from './desk-under-test';
import { ScriptedSubscriber } from './scripted-subscriber';
import { intakeSettings } from '../../intake-settings';

describe('the intake on a store that fails', () => {
  let desk: DeskUnderTest;
  let subscriber: ScriptedSubscriber | null;
  let opened: number;
  let delivered: InboxEvent[];
  let intake: Intake;
  const full = new StoreError('UNAVAILABLE', 'The disk of the store is full; free some space.');

  beforeEach(async () => {
    desk = await DeskUnderTest.open();
    desk.salesforce.add(orderId);
    subscriber = null;
    opened = 0;
    delivered = [];
    intake = new Intake({
      provisioning: desk.provisioning,
      ...intakeSettings,
      channel,
      maxInWork: 2,
      createSubscriber: (sink) => {
        opened += 1;
        return (subscriber = new ScriptedSubscriber(sink));
      },
      deliver: (event) => void delivered.push(event),
      newMessageId: () => 'm',
    });
  });
  afterEach(async () => {
    await intake.stop();
    await desk.close();
  });

  /** A method of the store rejects until it is mended. */
  function breaks<Part extends 'inbox' | 'leases'>(part: Part, method: keyof StateStore[Part]): () => void {
    const whole = desk.provisioning.store[part] as unknown as Record<string, unknown>;
    whole[method as string] = () => Promise.reject(full);
    return () => delete whole[method as string];
  }
  const errors = (): string[] =>
    desk.lines
      .filter(({ level }) => level === 'error')
      .map(({ text, facts }) => `${text} ${String(facts?.['error'] ?? '')}`);
  const infos = (): string[] => desk.lines.filter(({ level }) => level === 'info').map(({ text }) => text);

  it('says once that it cannot hand out, shows it, and goes on by itself', async () => {
    await intake.start();
    const states: (string | null)[] = [];
    intake.onState((state) => states.push(state.held));
    const mend = breaks('inbox', 'take');
    await desk.settle(20_000);
    assert.equal(errors().length, 1);
    assert.match(errors()[0] ?? '', /Events could not be handed out; trying again .*disk of the store is full/);
    assert.equal(intake.state.held, 'STORE_UNAVAILABLE: The disk of the store is full; free some space.');
    assert.ok(states.includes(intake.state.held));
    mend();
    await desk.handOut();
    await desk.settle(1_000);
    assert.equal(intake.state.held, null);
    assert.deepEqual(
      infos().filter((text) => text.includes('again')),
      ['Events are handed out again'],
    );
    breaks('inbox', 'take');
    await desk.settle(2_000);
    assert.equal(errors().length, 2, 'it fails anew');
  });

  it('says once that it cannot look after stopped events', async () => {
    await intake.start();
    await desk.handOut();
    const mend = breaks('inbox', 'get');
    await desk.settle(320_000);
    assert.equal(errors().filter((text) => text.startsWith('Stopped events could not be')).length, 1);
    mend();
    await desk.settle(2_000);
    assert.equal(desk.salesforce.book.at(-1)?.change.errorCode, 'FLOW_TIMEOUT');
  });

  it('begins as soon as it can where the store fails at the start, once', async () => {
    const mend = breaks('inbox', 'inState');
    await intake.start();
    await desk.settle(20_000);
    assert.equal(opened, 0);
    assert.equal(errors().length, 1);
    assert.match(errors()[0] ?? '', /The intake could not begin; trying again .*disk of the store is full/);
    assert.match(intake.state.held ?? '', /^STORE_UNAVAILABLE/);
    mend();
    await desk.settle(2_000);
    assert.equal(opened, 1);
    assert.equal(intake.state.held, null);
    await desk.settle(20_000);
    assert.equal(opened, 1);
  });

  it('takes the channel as soon as it can where its lease cannot be asked for', async () => {
    const mend = breaks('leases', 'acquire');
    await intake.start();
    await desk.settle(30_000);
    assert.equal(opened, 0);
    assert.equal(errors().filter((text) => text.includes('lease of the channel')).length, 1);
    mend();
    await desk.settle(5_000);
    assert.equal(opened, 1);
  });

  it('stands by again when it has lost the channel and cannot ask for it', async () => {
    await intake.start();
    const { leases } = desk.provisioning.store;
    const renew = leases.renew.bind(leases);
    Object.assign(leases, { renew: () => Promise.resolve(false) });
    const mend = breaks('leases', 'acquire');
    await desk.settle(12_000);
    assert.equal(subscriber?.closed, true);
    assert.equal(intake.state.subscriber, null);
    Object.assign(leases, { renew });
    mend();
    await desk.settle(5_000);
    // The lease that was lost stands until it runs out.
    await desk.settle(30_000);
    assert.equal(opened, 2);
  });

  it('leaves no stream and no timer when it is stopped while it asks for the channel', async () => {
    let answer = (): void => undefined;
    const { leases } = desk.provisioning.store;
    const acquire = leases.acquire.bind(leases);
    const asked = new Promise<void>((resolve) => (answer = resolve));
    Object.assign(leases, {
      acquire: async (name: string, ttlMs: number) => {
        await asked;
        return acquire(name, ttlMs);
      },
    });
    const before = desk.clock.pending;
    const starting = intake.start();
    await desk.settle();
    const stopping = intake.stop();
    answer();
    await starting;
    await stopping;
    assert.equal(opened, 0);
    assert.equal(desk.clock.pending, before);
    Object.assign(leases, { acquire });
    assert.notEqual(await leases.acquire(`leader:${channel}`, 1_000), null, 'the channel is free for another');
  });

  it('stops in good order although the channel cannot be given back', async () => {
    await intake.start();
    const before = desk.clock.pending;
    const mend = breaks('leases', 'release');
    await intake.stop();
    assert.equal(subscriber?.closed, true);
    assert.ok(desk.clock.pending < before);
    assert.deepEqual(errors(), []);
    assert.match(
      desk.lines
        .filter(({ level }) => level === 'warn')
        .map(({ text, facts }) => `${text} ${JSON.stringify(facts)}`)
        .join(),
      /The channel could not be given back; it is free again in 30 s at most.*disk of the store is full/,
    );
    mend();
  });

  /** The method does what it is asked, and its answer is lost; once. */
  function losesAnswerOf(method: 'take' | 'handOutAgain' | 'park'): void {
    const whole = desk.provisioning.store.inbox as unknown as Record<string, unknown>;
    const does = (whole[method] as (...given: unknown[]) => Promise<unknown>).bind(whole);
    whole[method] = async (...given: unknown[]) => {
      delete whole[method];
      await does(...given);
      throw full;
    };
  }
  const add = (id = orderId): Promise<{ id: string }> =>
    desk.provisioning.store.inbox.add({
      channel,
      replayId: null,
      eventId: 'e',
      createdAt: 1,
      receivedAt: desk.clock.now(),
      orderId: id,
      delivery: 'live',
      payload: {},
    });
  const handoutOf = (): number | undefined => desk.provisioning.handouts.inWork(channel)[0]?.handout;

  it('hands out what it has taken without hearing of it', async () => {
    await intake.start();
    losesAnswerOf('take');
    await add();
    await desk.settle(3_000);
    assert.equal(delivered.length, 1);
    assert.equal(handoutOf(), (await desk.provisioning.store.inbox.inWorkHere(channel))[0]?.handout);
    await desk.settle(30_000);
    assert.equal(delivered.length, 1, 'once');
  });

  it('hands out again what it has handed out without hearing of it', async () => {
    await intake.start();
    await add();
    await desk.settle(1_000);
    losesAnswerOf('handOutAgain');
    desk.provisioning.handouts.lose(delivered[0]?.id ?? '', 1);
    await desk.settle(3_000);
    assert.deepEqual(
      delivered.map(({ handout }) => handout),
      [1, 3],
    );
    assert.equal(handoutOf(), 3);
    await desk.settle(30_000);
    assert.equal(delivered.length, 2);
  });

  it('does not hand out what a step still works on, although it has handed it out without hearing of it', async () => {
    await intake.start();
    await add();
    await desk.settle(1_000);
    const known = desk.provisioning.handouts.of(delivered[0]?.id ?? '');
    assert.ok(known);
    losesAnswerOf('handOutAgain');
    desk.provisioning.handouts.lose(known.eventId, 1);
    await desk.settle();
    const visit = desk.provisioning.handouts.enter(known, 'add order');
    await desk.settle(20_000);
    assert.equal(delivered.length, 1);
    visit.leave();
    await desk.settle(1_000);
    assert.equal(delivered.length, 2);
  });

  it('hands out again a lost message that it could not look up at first', async () => {
    await intake.start();
    await add();
    await desk.settle(1_000);
    const mend = breaks('inbox', 'get');
    desk.provisioning.handouts.lose(delivered[0]?.id ?? '', 1);
    await desk.settle(5_000);
    mend();
    await desk.settle(2_000);
    assert.equal(delivered.length, 2);
  });

  async function parkedInVain(until: number): Promise<void> {
    await intake.start();
    await add();
    await desk.settle(1_000);
    const known = desk.provisioning.handouts.of(delivered[0]?.id ?? '');
    assert.ok(known);
    const visit = desk.provisioning.handouts.enter(known, 'add order');
    await assert.rejects(desk.provisioning.park(visit, { until, reason: 'quarantine' }));
    visit.leave();
  }

  it('lets an event wait that was parked without hearing of it, and does not time it out', async () => {
    losesAnswerOf('park');
    await parkedInVain(desk.clock.now() + 400_000);
    await desk.settle(380_000);
    assert.deepEqual([desk.salesforce.book.length, delivered.length], [0, 1]);
    await desk.settle(30_000);
    assert.equal(delivered.length, 2);
  });

  it('hands out again at once what could not be parked', async () => {
    const mend = breaks('inbox', 'park');
    await parkedInVain(desk.clock.now() + 400_000);
    mend();
    await desk.settle(5_000);
    assert.deepEqual([desk.salesforce.book.length, delivered.length], [0, 2]);
  });

  it('does not subscribe when it is stopped while it hands out what was left', async () => {
    let answer = (): void => undefined;
    const { inbox } = desk.provisioning.store;
    const listed = new Promise<InboxEvent[]>((resolve) => (answer = () => resolve([])));
    Object.assign(inbox, { inState: () => listed });
    const before = desk.clock.pending;
    const starting = intake.start();
    await desk.settle();
    const stopping = intake.stop();
    answer();
    await Promise.all([starting, stopping]);
    await desk.settle(30_000);
    assert.equal(opened, 0);
    assert.equal(desk.clock.pending, before);
  });

  it('gives the channel back also where an event cannot be given back', async () => {
    const { store } = desk.provisioning;
    await intake.start();
    const working = await desk.handOut();
    const { id } = await store.inbox.add({ ...working, eventId: 'suspected', orderId: '801000000000002AAA' });
    const take = store.inbox.take.bind(store.inbox);
    store.inbox.take = async (...args) => {
      const event = await take(...args);
      return event && { ...event, crashes: 2 };
    };
    await desk.settle(2_000);
    assert.equal((await store.inbox.get(id))?.state, 'inWork', 'taken, and waiting until it can go alone');
    assert.deepEqual(delivered, []);
    const mend = breaks('inbox', 'release');
    await intake.stop();
    mend();
    assert.notEqual(await store.leases.acquire(`leader:${channel}`, 1_000), null);
  });

  it('subscribes, and hands out the others, beside an order whose record a newer pack wrote', async () => {
    const { store } = desk.provisioning;
    const damaged = await desk.handOut();
    await store.inbox.recordFailure(damaged.id, damaged.handout, {
      ...failure('CLIENT_CLOSED', 'closed', 'validation').part(),
      wish: true,
    });
    const lease = await store.leases.acquire(`order:${orderId}`, 30_000);
    assert.ok(lease);
    await store.ledger.write(orderId, lease.fence, { format: 99 });
    await store.leases.release(lease);
    await intake.start();
    await store.inbox.add({ ...damaged, eventId: 'another', orderId: '801000000000002AAA' });
    await desk.settle(2_000);
    assert.equal(opened, 1);
    assert.deepEqual(
      delivered.map((event) => event.orderId),
      ['801000000000002AAA'],
    );
    assert.match(errors().join(), /newer version of the pack \(format 99\)/);
    assert.equal((await store.inbox.get(damaged.id))?.end, null);
    assert.deepEqual((await store.ledger.read(orderId)).state, { format: 99 });
  });
});
