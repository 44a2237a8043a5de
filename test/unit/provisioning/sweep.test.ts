import assert from 'node:assert/strict';
import type { Facts, Log } from '../../../lib/log';
import type { OrderRecord } from '../../../lib/provisioning/order-record';
import { Sweep, type SweepParts, type SweepSettings } from '../../../lib/provisioning/sweep';
import { SalesforceError } from '../../../lib/salesforce/contract';
import { StoreError, type InboxEvent } from '../../../lib/state/contract';
import { cause, channel, DeskUnderTest, orderId } from './desk-under-test';
import { aborted, ListedOrders } from './vendor-doubles/listed-orders';

const minute = 60_000;
const idOf = (n: number): string => `801${String(n).padStart(12, '0')}AAA`;

type Line = { level: string; text: string; facts: Facts };

type Intent = OrderRecord['adds'][number];

const sender = { instance: 'i', bootId: 'b', pid: 1, startTime: '1' };

const intent = (over: Partial<Intent>): Intent => ({
  id: 'a1',
  generation: 1,
  at: 0,
  sender,
  whmcs: 'w',
  clientId: 1001,
  items: [],
  marker: '',
  watermark: 0,
  terms: { markerIn: 'notes', resend: 'never', quarantineMs: 0 },
  askedAgain: null,
  newOrderAsked: false,
  settled: null,
  stopped: null,
  ...over,
});

const accept = (settled: OrderRecord['accepts'][number]['settled']): OrderRecord['accepts'][number] => ({
  id: 'c1',
  at: 0,
  sender,
  whmcs: 'w',
  whmcsOrderId: 5,
  quarantineMs: 0,
  settled,
});

const told = (at: number, how: 'written' | 'dropped' = 'written'): NonNullable<OrderRecord['report']> => ({
  attempt: 1,
  status: 'Failed',
  code: 'WHMCS_OUTCOME_UNKNOWN',
  message: null,
  whmcsOrderId: null,
  services: [],
  at,
  eventId: '',
  seenModifiedAt: null,
  tries: 1,
  problem: null,
  unsettled: false,
  alarmed: null,
  told: { at, how },
});

describe('the sweep', () => {
  let desk: DeskUnderTest;
  let org: ListedOrders;
  let lines: Line[];
  let poked: number;
  const sweeps: Sweep[] = [];

  const create = (settings: Partial<SweepSettings> = {}, over: Partial<SweepParts> = {}): Sweep => {
    const at =
      (level: string) =>
      (text: string, facts: Facts = {}): void =>
        void lines.push({ level, text, facts });
    const log: Log = { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') };
    const { store, handouts } = desk.provisioning;
    const sweep = new Sweep({
      read: org.read,
      store,
      isRunning: (id) => handouts.running(id).length > 0,
      channel,
      orderIdField: 'OrderId__c',
      onTaken: () => (poked += 1),
      clock: desk.clock,
      log,
      settings,
      ...over,
    });
    sweeps.push(sweep);
    return sweep;
  };
  const inbox = () => desk.provisioning.store.inbox;
  const eventsOf = (id = orderId): Promise<InboxEvent[]> => inbox().ofOrder(id);
  /** An event that ended, by now longer than a minute ago. */
  const ended = async (end: 'Skipped' | 'Done' | 'Failed' | 'Activated', id = orderId): Promise<void> => {
    const event = await desk.handOut(id);
    await inbox().finish(event.id, event.handout, end, null, desk.clock.now());
    desk.provisioning.handouts.end(event.id);
    await desk.clock.advance(2 * minute);
  };
  const takenBy = async (sweep: Sweep): Promise<string[]> => (await sweep.sweepNow('asked')).taken;
  const of = (level: string): Line[] => lines.filter((line) => line.level === level);

  beforeEach(async () => {
    desk = await DeskUnderTest.open();
    org = new ListedOrders(desk.clock, desk.salesforce);
    lines = [];
    poked = 0;
  });
  afterEach(async () => {
    for (const sweep of sweeps.splice(0)) await sweep.close();
    await desk.close();
  });

  // ------------------------------------------------------------------ what it takes

  it('takes in an order that no event has brought, as recovered, past the position of the channel', async () => {
    const { lastModifiedAt } = desk.salesforce.add(orderId, { lastModifiedAt: desk.clock.now() - 5 * minute });
    const position = { replayId: 'AAAB', fence: 1, sequence: 7 };
    await desk.provisioning.store.cursor.write(channel, position);
    assert.deepEqual(await create().sweepNow('asked'), { taken: [orderId], seen: 1, end: 'all' });
    const [event, ...others] = await eventsOf();
    assert.deepEqual(others, []);
    assert.ok(event);
    const { delivery, replayId, eventId, createdAt, payload, state } = event;
    assert.deepEqual(
      { delivery, replayId, createdAt, payload, state },
      {
        delivery: 'recovered',
        replayId: null,
        createdAt: lastModifiedAt,
        payload: { OrderId__c: orderId },
        state: 'waiting',
      },
    );
    assert.match(eventId, new RegExp(`^sweep-${orderId}-2026-01-05T`));
    assert.deepEqual(await desk.provisioning.store.cursor.read(channel), position);
    assert.equal(poked, 1);
    assert.deepEqual(
      lines.map((line) => [line.level, line.text, line.facts['orders'], line.facts['reason']]),
      [['warn', 'Recovered by sweep: 1 order that is Activating without an event', orderId, 'asked']],
    );
  });

  it('says nothing, and wakes nobody, when there is nothing to take', async () => {
    desk.salesforce.add(orderId, { activationStatus: 'Activated' });
    assert.deepEqual(await create().sweepNow('time'), { taken: [], seen: 0, end: 'all' });
    assert.deepEqual([lines, poked, org.reads.length], [[], 0, 1]);
  });

  it('leaves an order with an event that waits, is in work, or is parked', async () => {
    desk.salesforce.add(orderId, { lastModifiedAt: 0 });
    const sweep = create();
    const event = await desk.handOut();
    const inWork = await takenBy(sweep);
    await inbox().park(event.id, event.handout, desk.clock.now() + 60 * minute, 'busy');
    await desk.clock.advance(5 * minute);
    const parked = await takenBy(sweep);
    await inbox().wake(event.id);
    const waiting = await takenBy(sweep);
    assert.deepEqual([inWork, parked, waiting], [[], [], []]);
    assert.equal((await eventsOf()).length, 1);
  });

  it('takes an order whose event came before its commit and was skipped: a skip is no end', async () => {
    const order = desk.salesforce.add(orderId, { activationStatus: 'Draft' });
    await ended('Skipped');
    const sweep = create();
    assert.deepEqual(await takenBy(sweep), []);
    // The commit that was late.
    order.activationStatus = 'Activating';
    assert.deepEqual(await takenBy(sweep), [orderId]);
  });

  it('takes an order that is Activating again although its last attempt was told, since somebody pressed Retry', async () => {
    desk.salesforce.add(orderId, { lastModifiedAt: 0 });
    const event = await desk.handOut();
    await desk.record({ attempt: 1, attemptState: 'open' });
    await desk.provisioning.endings.fail(desk.of(event), cause().part());
    await desk.settle(3_000);
    assert.equal(desk.salesforce.orders.get(orderId)?.activationStatus, 'Failed');
    desk.salesforce.edit(orderId, { activationStatus: 'Activating', attempt: 2 });
    await desk.settle(2 * minute);
    assert.deepEqual(await takenBy(create()), [orderId]);
  });

  // ------------------------------------------------------------------ what it leaves

  for (const [ours, ahead] of [
    ['right', 0],
    ['an hour slow', 60 * minute],
    ['an hour fast', -60 * minute],
  ] as const) {
    it(`leaves an order that changed within the last minute of Salesforce's clock, when ours is ${ours}`, async () => {
      desk.salesforce.add(orderId, { lastModifiedAt: desk.clock.now() });
      org.ahead = ahead;
      const sweep = create();
      await desk.clock.advance(61_000);
      assert.deepEqual(await takenBy(sweep), []);
      await desk.clock.advance(1_000);
      assert.deepEqual(await takenBy(sweep), [orderId]);
    });
  }

  it('leaves a wide margin where the answer bears no time', async () => {
    desk.salesforce.add(orderId, { lastModifiedAt: desk.clock.now() });
    org.withDate = false;
    const sweep = create();
    await desk.clock.advance(11 * minute - 1_000);
    assert.deepEqual(await takenBy(sweep), []);
    await desk.clock.advance(1_000);
    assert.deepEqual(await takenBy(sweep), [orderId]);
  });

  it('leaves an order that a live event brought to its end while the page was on its way', async () => {
    desk.salesforce.add(orderId, { lastModifiedAt: 0 });
    org.onTheWay = async () => {
      const event = await desk.handOut();
      await inbox().finish(event.id, event.handout, 'Activated', null, desk.clock.now());
    };
    assert.deepEqual(await takenBy(create()), []);
  });

  it('leaves an order whose result was told while the page was on its way', async () => {
    desk.salesforce.add(orderId, { lastModifiedAt: 0 });
    await ended('Failed');
    const report = { ...told(desk.clock.now()), told: null };
    await desk.record({ attempt: 1, attemptState: 'closed', report });
    org.onTheWay = () => desk.record({ attempt: 1, attemptState: 'closed', report: told(desk.clock.now() - 1_000) });
    assert.deepEqual(await takenBy(create()), []);
  });

  it('is not misled by a wall clock that was set back', async () => {
    desk.salesforce.add(orderId, { lastModifiedAt: 0 });
    await ended('Skipped');
    desk.clock.setWall(desk.clock.now() - 60 * minute);
    assert.deepEqual(await takenBy(create()), [orderId]);
  });

  it('leaves an order on which a step still works', async () => {
    desk.salesforce.add(orderId, { lastModifiedAt: 0 });
    const event = await desk.handOut();
    const handout = desk.provisioning.handouts.of(event.id);
    assert.ok(handout);
    const visit = desk.provisioning.handouts.enter(handout, 'accept order');
    await inbox().finish(event.id, event.handout, 'Done', null, desk.clock.now());
    await desk.clock.advance(2 * minute);
    const sweep = create();
    assert.deepEqual(await takenBy(sweep), []);
    visit.leave();
    assert.deepEqual(await takenBy(sweep), [orderId]);
  });

  it('leaves an order with an unsettled intent, to add or to accept', async () => {
    for (const n of [1, 2, 3]) desk.salesforce.add(idOf(n), { lastModifiedAt: 0 });
    await desk.record({ adds: [intent({})] }, idOf(1));
    await desk.record({ accepts: [accept(null)] }, idOf(2));
    await desk.record(
      {
        adds: [intent({ settled: { how: 'none', at: 0, detail: '' } })],
        accepts: [accept({ how: 'done', at: 0, detail: '' })],
      },
      idOf(3),
    );
    assert.deepEqual(await takenBy(create()), [idOf(3)]);
  });

  const stopped = { at: 0, code: 'WHMCS_OUTCOME_UNKNOWN', reason: 'two rows', candidates: [1, 2], attempt: 1 };
  const closed: Partial<OrderRecord> = {
    attempt: 1,
    salesforceAttempt: 1,
    attemptState: 'closed',
    adds: [intent({ stopped })],
  };
  const stops: [when: string, Partial<OrderRecord>, attempt: number | null, taken: boolean][] = [
    ['and Salesforce was told Failed, so that somebody pressed Retry', { ...closed, report: told(0) }, null, true],
    ['and Salesforce counts another attempt', { ...closed, report: told(0, 'dropped') }, 2, true],
    ['while the attempt is open, so that Failed is still to be said', { ...closed, attemptState: 'open' }, 1, true],
    ['and whose result was dropped, so that nobody was told', { ...closed, report: told(0, 'dropped') }, 1, true],
    ['and nothing shows that anybody was told, or is to be', closed, 1, false],
  ];
  for (const [when, record, attempt, taken] of stops)
    it(`${taken ? 'takes' : 'leaves to people'} one whose settling has stopped ${when}`, async () => {
      desk.salesforce.add(orderId, { lastModifiedAt: 0, attempt });
      await desk.record(record);
      assert.deepEqual(await takenBy(create()), taken ? [orderId] : []);
      assert.deepEqual(
        of('error').map((line) => line.facts['order']),
        taken ? [] : [orderId],
      );
    });

  it('takes the others when the ledger of one cannot be read, and names that one, once', async () => {
    desk.salesforce.add(idOf(1), { lastModifiedAt: 0 });
    desk.salesforce.add(idOf(2), { lastModifiedAt: 1 });
    const lease = await desk.provisioning.store.leases.acquire(`order:${idOf(1)}`, 1_000);
    assert.ok(lease);
    await desk.provisioning.store.ledger.write(idOf(1), lease.fence, { format: 99 });
    const sweep = create();
    assert.deepEqual(await takenBy(sweep), [idOf(2)]);
    await takenBy(sweep);
    assert.deepEqual(
      of('error').map((line) => line.facts['order']),
      [idOf(1)],
    );
  });

  // ------------------------------------------------------------------ once, not for ever

  /** What waits is handed out, and ends so, by now longer than a minute ago. */
  const endRecovered = async (end: 'Skipped' | 'Done' | 'Failed' | 'Activated'): Promise<void> => {
    const event = await inbox().take(channel, desk.clock.now());
    if (event) await inbox().finish(event.id, event.handout, end, null, desk.clock.now());
    await desk.clock.advance(2 * minute);
  };
  /** How many each of so many sweeps took in, while the flow ends what they took in so. */
  const takenInTurn = async (
    sweep: Sweep,
    times: number,
    end: 'Skipped' | 'Failed' | 'Activated',
  ): Promise<number[]> => {
    const taken: number[] = [];
    for (let n = 0; n < times; n++) {
      taken.push((await takenBy(sweep)).length);
      await endRecovered(end);
    }
    return taken;
  };

  for (const end of ['Done', 'Skipped'] as const)
    it(`takes each change of an order once, when its flow ends it as ${end}`, async () => {
      const order = desk.salesforce.add(orderId, { lastModifiedAt: 0 });
      await ended('Failed');
      const sweep = create();
      assert.deepEqual(await takenBy(sweep), [orderId]);
      await endRecovered(end);
      assert.deepEqual(await takenBy(sweep), []);
      order.lastModifiedAt = 1_000;
      assert.deepEqual(await takenBy(sweep), [orderId]);
      assert.equal((await eventsOf()).length, 3);
    });

  for (const end of ['Failed', 'Activated'] as const) {
    it(`takes the same change again when it ended as ${end} and no record knows of that: three times in a day at most`, async () => {
      desk.salesforce.add(orderId, { lastModifiedAt: 0 });
      const sweep = create();
      assert.deepEqual(await takenInTurn(sweep, 6, end), [1, 1, 1, 0, 0, 0]);
      assert.deepEqual(
        of('error').map((line) => [line.facts['order'], line.facts['why']]),
        [[orderId, 'It was taken in 3 times within a day, and is Activating again']],
      );
      desk.clock.setWall(desk.clock.now() + 24 * 60 * minute);
      assert.deepEqual(await takenInTurn(sweep, 2, end), [1, 1], 'on the next day');
    });

    it(`takes a Retry again that ended as ${end} while the record knows the attempt before: as often at most`, async () => {
      const order = desk.salesforce.add(orderId, { lastModifiedAt: 0, attempt: 2 });
      await desk.record({ attempt: 1, salesforceAttempt: 1, attemptState: 'closed', report: told(0) });
      const sweep = create();
      assert.deepEqual(await takenInTurn(sweep, 5, end), [1, 1, 1, 0, 0]);
      order.attempt = 3;
      order.lastModifiedAt = 1_000;
      assert.deepEqual(await takenInTurn(sweep, 5, end), [1, 1, 1, 0, 0], 'a person’s Retry');
    });
  }

  it('takes the same change again after a wall clock that was set back', async () => {
    desk.salesforce.add(orderId, { lastModifiedAt: 0 });
    const sweep = create();
    await takenInTurn(sweep, 1, 'Failed');
    desk.clock.setWall(desk.clock.now() - 60 * minute);
    assert.deepEqual(await takenInTurn(sweep, 3, 'Failed'), [1, 1, 0]);
  });

  it('takes the same attempt up three times in a day at most, then leaves it to people, and says so once', async () => {
    const order = desk.salesforce.add(orderId, { lastModifiedAt: 0 });
    await desk.record({ attempt: 1, salesforceAttempt: 1, attemptState: 'open' });
    const sweep = create();
    const taken: number[] = [];
    // A flow that touches the Order and then ends the event without a result.
    const around = async (): Promise<void> => {
      taken.push((await takenBy(sweep)).length);
      const event = await inbox().take(channel, desk.clock.now());
      if (event) await inbox().finish(event.id, event.handout, 'Done', null, desk.clock.now());
      order.lastModifiedAt += 1_000;
      await desk.clock.advance(2 * minute);
    };
    for (let n = 0; n < 6; n++) await around();
    assert.deepEqual(taken, [1, 1, 1, 0, 0, 0]);
    assert.deepEqual(
      of('error').map((line) => line.facts['order']),
      [orderId],
    );
    order.attempt = 2;
    await around();
    assert.equal(taken.at(-1), 1, 'a new attempt is a person’s Retry');
    await desk.record({ attempt: 2, salesforceAttempt: 2, attemptState: 'open' });
    await around();
    assert.equal(taken.at(-1), 0);
    desk.clock.setWall(desk.clock.now() + 24 * 60 * minute);
    await around();
    assert.equal(taken.at(-1), 1, 'on the next day');
  });

  // ------------------------------------------------------------------ bounded and paged

  it('reaches a thousand stuck orders over several sweeps, each once', async () => {
    for (let n = 1; n <= 1_000; n++) desk.salesforce.add(idOf(n), { lastModifiedAt: Math.floor(n / 300) * 1_000 });
    const sweep = create({ pageSize: 50, mostPages: 4, mostTaken: 120 });
    const taken: string[][] = [];
    for (let n = 0; n < 20; n++) {
      const swept = await sweep.sweepNow('time');
      taken.push(swept.taken);
      if (swept.end === 'all') break;
    }
    assert.equal(taken.flat().length, 1_000);
    assert.equal(new Set(taken.flat()).size, 1_000);
    assert.ok(taken.every((one) => one.length <= 120));
    assert.ok(org.reads.length <= 4 * taken.length, `${org.reads.length} queries in ${taken.length} sweeps`);
  });

  it('is not kept from later orders by many that it leaves', async () => {
    for (let n = 1; n <= 50; n++) {
      desk.salesforce.add(idOf(n), { lastModifiedAt: 0 });
      await desk.handOut(idOf(n));
    }
    desk.salesforce.add(idOf(99), { lastModifiedAt: 1_000 });
    const sweep = create({ pageSize: 10, mostPages: 2 });
    sweep.start();
    await desk.settle(5 * minute);
    assert.equal((await eventsOf(idOf(99))).length, 1);
  });

  it('begins anew at the oldest after it has reached the end', async () => {
    desk.salesforce.add(idOf(5), { lastModifiedAt: 5_000 });
    const sweep = create();
    await takenBy(sweep);
    desk.salesforce.add(idOf(4), { lastModifiedAt: 0 });
    assert.deepEqual(await takenBy(sweep), [idOf(4)]);
  });

  it('begins anew too when it stops at orders that are too young', async () => {
    desk.salesforce.add(idOf(1), { lastModifiedAt: 0 });
    desk.salesforce.add(idOf(2), { lastModifiedAt: desk.clock.now() });
    const sweep = create();
    assert.equal((await sweep.sweepNow('time')).end, 'all');
    await sweep.sweepNow('time');
    assert.deepEqual(
      org.reads.map((read) => read.after),
      [null, null],
    );
  });

  it('asks with one query when all fit in a page', async () => {
    for (let n = 1; n <= 150; n++) desk.salesforce.add(idOf(n), { lastModifiedAt: 0 });
    await takenBy(create());
    assert.deepEqual(org.reads, [{ after: null, limit: 200 }]);
  });

  it('runs one at a time; those who ask meanwhile share the one that follows', async () => {
    let under = 0;
    let most = 0;
    org.onTheWay = async () => {
      most = Math.max(most, ++under);
      await new Promise((resolve) => setImmediate(resolve));
      under -= 1;
    };
    const sweep = create();
    const all = [sweep.sweepNow('asked'), sweep.sweepNow('gap'), sweep.sweepNow('asked')];
    assert.deepEqual(
      (await Promise.all(all)).map(({ end }) => end),
      ['all', 'all', 'all'],
    );
    assert.deepEqual([most, org.reads.length], [1, 2]);
  });

  it('is given up after a minute, names what it took by then, and goes on from there', async () => {
    for (let n = 1; n <= 3; n++) desk.salesforce.add(idOf(n), { lastModifiedAt: 0 });
    const sweep = create({ pageSize: 2 });
    org.onTheWay = () => (org.reads.length === 2 ? new Promise(() => undefined) : Promise.resolve());
    const swept = sweep.sweepNow('asked');
    await desk.settle(59_000);
    assert.deepEqual(of('warn'), []);
    await desk.settle(1_000);
    assert.deepEqual(await swept, { taken: [idOf(1), idOf(2)], seen: 2, end: 'failed' });
    const [line, ...others] = of('warn');
    assert.deepEqual(others, []);
    assert.deepEqual([line?.facts['code'], line?.facts['orders']], ['ETIMEOUT', `${idOf(1)} ${idOf(2)}`]);
    assert.equal(poked, 1);
    assert.deepEqual(await takenBy(sweep), [idOf(3)]);
  });

  it('rests for half an hour when the org has nearly used up its API requests, and takes nothing then', async () => {
    desk.salesforce.add(orderId, { lastModifiedAt: 0 });
    org.apiRequests = { used: 950, allowed: 1_000 };
    const sweep = create();
    assert.deepEqual(await sweep.sweepNow('time'), { taken: [], seen: 0, end: 'paused' });
    await desk.settle(26 * minute);
    assert.equal(org.reads.length, 1);
    await desk.settle(8 * minute);
    assert.equal(org.reads.length, 2);
    assert.equal(of('warn').length, 1);
    org.apiRequests = { used: 949, allowed: 1_000 };
    await desk.settle(34 * minute);
    assert.equal((await eventsOf()).length, 1);
    assert.equal(of('info').length, 1);
  });

  it('rests as long when Salesforce refuses for its limit', async () => {
    org.faults.push(new SalesforceError('REQUEST_LIMIT_EXCEEDED', 'TotalRequests Limit exceeded.', 'limit'));
    assert.equal((await create().sweepNow('time')).end, 'paused');
    await desk.settle(26 * minute);
    assert.equal(org.reads.length, 1);
  });

  it('tells a refused login once, and when it works again', async () => {
    desk.salesforce.add(orderId, { lastModifiedAt: 0 });
    const refused = new SalesforceError('invalid_grant', 'user hasn’t approved this consumer', 'auth');
    org.faults.push(refused, refused, refused);
    create().start();
    await desk.settle(30 * minute);
    assert.deepEqual(
      lines.filter((line) => line.level !== 'debug').map((line) => [line.level, line.facts['code'] ?? null]),
      [
        ['warn', 'invalid_grant'],
        ['info', null],
        ['warn', null],
      ],
    );
    assert.equal((await eventsOf()).length, 1);
  });

  it('tells each failure otherwise, and tries again at its next time', async () => {
    org.faults.push(...[1, 2].map(() => new SalesforceError('503', 'Salesforce answered 503', 'temporary')));
    create().start();
    await desk.settle(13 * minute);
    assert.equal(of('warn').length, 2);
    assert.ok(org.reads.length >= 3);
  });

  it('begins anew at the oldest when Salesforce does not take the query', async () => {
    for (let n = 1; n <= 4; n++) desk.salesforce.add(idOf(n), { lastModifiedAt: 0 });
    const sweep = create({ pageSize: 2, mostPages: 1 });
    await sweep.sweepNow('time');
    org.faults.push(new SalesforceError('MALFORMED_QUERY', 'unexpected token', 'query'));
    await sweep.sweepNow('time');
    await sweep.sweepNow('time');
    assert.deepEqual(
      org.reads.map((read) => read.after?.id ?? null),
      [null, idOf(2), null],
    );
  });

  it('fails as a whole when the store is away, keeps its place, and hands out what it took', async () => {
    for (let n = 1; n <= 3; n++) desk.salesforce.add(idOf(n), { lastModifiedAt: 0 });
    const { store } = desk.provisioning;
    let adds = 0;
    const failing = new Proxy(store.inbox, {
      get: (target, property) =>
        property === 'add'
          ? (event: Parameters<typeof target.add>[0]) => {
              adds += 1;
              if (adds === 2) throw new StoreError('UNAVAILABLE', 'the store does not answer');
              return target.add(event);
            }
          : (Reflect.get(target, property, target) as () => unknown).bind(target),
    });
    const sweep = create({}, { store: { inbox: failing, ledger: store.ledger, leases: store.leases } });
    assert.deepEqual((await sweep.sweepNow('time')).end, 'failed');
    assert.deepEqual([of('warn').length, of('warn')[0]?.facts['orders'], poked], [1, idOf(1), 1]);
    assert.deepEqual(await takenBy(sweep), [idOf(2), idOf(3)]);
  });

  it('waits half a minute where another channel of the store sweeps, and keeps nobody out once it has ended itself', async () => {
    const { leases } = desk.provisioning.store;
    const other = await leases.acquire('sweep', 60 * minute);
    assert.ok(other);
    const sweep = create();
    assert.deepEqual(await sweep.sweepNow('time'), { taken: [], seen: 0, end: 'busy' });
    assert.equal(org.reads.length, 0);
    await leases.release(other);
    await desk.settle(40_000);
    assert.equal(org.reads.length, 1);
    const again = await leases.acquire('sweep', minute);
    assert.ok(again, 'it keeps nobody out once it has ended');
    await leases.release(again);
  });

  // ------------------------------------------------------------------ when

  it('comes a minute after the start at the latest, then every five minutes, give or take a tenth', async () => {
    create().start();
    await desk.settle(59_000);
    assert.equal(org.reads.length, 0);
    await desk.settle(1_000);
    assert.equal(org.reads.length, 1);
    await desk.settle(4.5 * minute - 1);
    assert.equal(org.reads.length, 1);
    await desk.settle(minute + 1);
    assert.equal(org.reads.length, 2);
  });

  it('comes as soon as the stream has caught up after the start, and not each time that it does', async () => {
    const sweep = create();
    sweep.start();
    await desk.settle(3_000);
    sweep.caughtUp();
    await desk.settle();
    assert.equal(org.reads.length, 1);
    sweep.caughtUp();
    await desk.settle(2 * minute);
    assert.equal(org.reads.length, 1);
  });

  it('comes after a gap once the stream has brought what is left, a minute later at the latest', async () => {
    const sweep = create();
    sweep.start();
    sweep.caughtUp();
    await desk.settle();
    sweep.afterStream('gap');
    await desk.settle();
    assert.equal(org.reads.length, 1);
    sweep.caughtUp();
    await desk.settle();
    assert.equal(org.reads.length, 2);
    sweep.afterStream('gap');
    await desk.settle(minute);
    assert.equal(org.reads.length, 3);
  });

  it('goes on after half a minute where it has not reached the end', async () => {
    for (let n = 1; n <= 4; n++) desk.salesforce.add(idOf(n), { lastModifiedAt: 0 });
    const sweep = create({ pageSize: 2, mostPages: 1 });
    await sweep.sweepNow('time');
    await desk.settle(34_000);
    assert.equal(org.reads.length, 2);
  });

  it('leaves no timer and no read when it is closed, and does nothing afterwards', async () => {
    const before = desk.clock.pending;
    const sweep = create();
    sweep.start();
    let signal: AbortSignal | null = null;
    const reading = create(
      {},
      {
        read(_after, _limit, given) {
          signal = given;
          return aborted(given);
        },
      },
    );
    const swept = [reading.sweepNow('asked'), reading.sweepNow('asked')];
    await desk.settle();
    await sweep.close();
    await reading.close();
    assert.equal(desk.clock.pending, before);
    await reading.close();
    assert.equal((signal as AbortSignal | null)?.aborted, true);
    assert.deepEqual(
      (await Promise.all(swept)).map(({ end }) => end),
      ['closed', 'closed'],
    );
    assert.equal(desk.clock.pending, before);
    assert.equal((await sweep.sweepNow('asked')).end, 'closed');
    sweep.afterStream('gap');
    sweep.caughtUp();
    assert.deepEqual([desk.clock.pending, org.reads.length, lines], [before, 0, []]);
  });
});
