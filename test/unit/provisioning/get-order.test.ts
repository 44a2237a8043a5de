import assert from 'node:assert/strict';
import { Failure } from '../../../lib/provisioning/failure';
import { getOrder, type GetOrderSettings } from '../../../lib/provisioning/get-order';
import type { EventPart } from '../../../lib/provisioning/message';
import { anyAttempt, type OrderRecord } from '../../../lib/provisioning/order-record';
import type { StepContext } from '../../../lib/provisioning/step';
import {
  defaultFieldNames,
  type FieldNames,
  type NamingOrder,
  type SalesforceOrder,
} from '../../../lib/salesforce/contract';
import { World, orderId, type Process } from './vendor-doubles/world';

const salesforceOrder = (over: Partial<SalesforceOrder> = {}): SalesforceOrder => ({
  id: orderId,
  number: '00000101',
  url: `https://sf.example/${orderId}`,
  activationStatus: 'Activating',
  whmcsOrderId: null,
  attempt: null,
  pricebookId: '01s000000000001AAA',
  totalAmount: 45,
  createdAt: 500,
  lastModifiedAt: 1_000,
  lastModifiedById: '005000000000001AAA',
  serverNow: null,
  fence: 'lastModified',
  account: { id: '001000000000001AAA', name: 'Northwind', whAccount: '#1001 - Northwind' },
  items: [
    {
      id: '802000000000001AAA',
      quantity: 3,
      unitPrice: 15,
      pricebookEntryId: '01u000000000001AAA',
      product: { id: '01t000000000001AAA', name: 'Pro seat', code: 'SEAT-M', productId: '11', billingCycle: 'Monthly' },
    },
  ],
  ...over,
});

describe('get order', () => {
  let world: World;
  let process: Process;
  let context: StepContext;
  /** What Salesforce shows at each read; the last one stays. */
  let shows: (SalesforceOrder | null)[];
  let reads: number;
  let asked: FieldNames | null;
  /** What was asked about other Orders that carry an id, and what Salesforce answers. */
  let naming: unknown[][];
  let others: NamingOrder[];

  beforeEach(async () => {
    world = new World();
    process = await world.process(world.directory());
    context = process.context(orderId);
    shows = [salesforceOrder()];
    reads = 0;
    asked = null;
    naming = [];
    others = [];
  });
  afterEach(() => world.close());

  const event = (over: Partial<EventPart> = {}): EventPart => ({
    id: 'ev-1',
    uuid: 'u',
    replayId: '',
    channel: '/event/X',
    createdAt: new Date(world.clock.now()).toISOString(),
    receivedAt: new Date(world.clock.now()).toISOString(),
    handout: 1,
    delivery: 'live',
    ...over,
  });

  const run = (settings: Partial<GetOrderSettings> = {}, of = event()) => {
    const step = getOrder(
      { fields: defaultFieldNames, pricebookId: null, ...settings },
      {
        readOrder: (_orderId, fields) => {
          reads += 1;
          asked = fields;
          return Promise.resolve((shows.length > 1 ? shows.shift() : shows[0]) ?? null);
        },
        ordersNaming: (...given) => {
          naming.push(given);
          return Promise.resolve(others);
        },
      },
    );
    return world.until(step.run({ event: of }, context), 60_000);
  };
  const wayOf = async (running: ReturnType<typeof run>): Promise<string> => {
    const outcome = await running;
    if ('parked' in outcome) return 'parked';
    if ('dropped' in outcome) return 'dropped';
    return outcome.skipped ? `${outcome.way} ${outcome.skipped.code}` : outcome.way;
  };
  const fails = (code: string) => (error: unknown) =>
    error instanceof Failure && error.code === code && error.step === 'validation';
  /** The attempt has ended and its result was told, or not. */
  const ended = (attempt: number, told: 'written' | 'dropped' | null, over: Partial<OrderRecord> = {}) =>
    process.edit((record) => ({
      ...record,
      attempt,
      attemptState: 'closed',
      ended: { attempt, end: 'Failed', code: 'X', at: 1 },
      report: {
        attempt,
        status: 'Failed',
        code: 'X',
        message: 'x',
        whmcsOrderId: null,
        services: [],
        at: 1,
        eventId: 'ev-0',
        seenModifiedAt: null,
        tries: 1,
        problem: null,
        unsettled: false,
        alarmed: null,
        told: told && { at: 2, how: told },
      },
      ...over,
    }));
  const attempt = async () => {
    const { attempt: number, attemptState, ended: end } = await process.record();
    return { number, state: attemptState, ended: end };
  };

  it('puts the order on the message, small and without what later steps do not need', async () => {
    const outcome = await run();
    assert.ok('way' in outcome);
    assert.equal(outcome.way, 'go');
    assert.deepEqual(outcome.value, {
      id: orderId,
      number: '00000101',
      url: `https://sf.example/${orderId}`,
      status: 'Activating',
      account: { id: '001000000000001AAA', name: 'Northwind', whAccount: '#1001 - Northwind' },
      whmcsOrderId: null,
      items: [
        {
          id: '802000000000001AAA',
          product: { id: '01t000000000001AAA', name: 'Pro seat', productId: '11', billingCycle: 'Monthly' },
          quantity: 3,
          price: 15,
        },
      ],
    });
  });

  it('tells the price book of each item only where one is set, and that a product is not active any more', async () => {
    const book = '01s000000000001AAA';
    const [first] = salesforceOrder().items;
    assert.ok(first?.product);
    const product = { ...first.product, isActive: false };
    shows = [
      salesforceOrder({
        items: [{ ...first, product, further: { 'PricebookEntry.Pricebook2Id': '01s000000000002AAA' } }, first],
      }),
    ];
    const outcome = await run({ pricebookId: book });
    assert.ok('way' in outcome);
    assert.equal(outcome.value?.pricebookId, book);
    assert.deepEqual(
      outcome.value?.items.map((item) => [item.pricebookId, item.product?.isActive]),
      [
        ['01s000000000002AAA', false],
        [null, undefined],
      ],
    );
    assert.deepEqual(asked?.further, ['PricebookEntry.Pricebook2Id']);
  });

  describe('of an event that may have come before its own transaction', () => {
    /** Runs the step until the event waits no more; `places`: how long each run kept the event's place, ms. */
    const arrives = async (): Promise<{ way: string; waited: number; places: number[] }> => {
      const of = event();
      const from = world.clock.monotonic();
      const places: number[] = [];
      for (;;) {
        const begun = world.clock.monotonic();
        const outcome = await run({}, of);
        places.push(world.clock.monotonic() - begun);
        if (!('parked' in outcome))
          return { way: await wayOf(Promise.resolve(outcome)), waited: world.clock.monotonic() - from, places };
        await world.clock.advance(outcome.parked.until - world.clock.now());
      }
    };
    const notStarted = salesforceOrder({ activationStatus: 'Not Started' });

    it('reads the order again half a second later, in the same place', async () => {
      shows = [notStarted, salesforceOrder()];
      assert.equal(await wayOf(run()), 'go');
      assert.equal(reads, 2);
    });

    it('reads it four times within five seconds, with the place free but for the first half second', async () => {
      shows = [salesforceOrder({ activationStatus: 'Activated' })];
      const { way, waited, places } = await arrives();
      assert.equal(way, 'skip ORDER_NOT_ACTIVATING');
      assert.equal(reads, 4);
      assert.ok(waited >= 5_000 && waited < 8_000, `${waited} ms`);
      assert.ok(
        places.every((ms) => ms < 2_000),
        places.join(', '),
      );
    });

    it('takes it at whichever of these reads it is Activating', async () => {
      shows = [null, notStarted, notStarted, salesforceOrder()];
      assert.equal((await arrives()).way, 'go');
      assert.equal(reads, 4);
    });

    it('does not wait where the event has waited long enough already, nor for a clock that was set back', async () => {
      shows = [notStarted];
      for (const ms of [-5_000, 3_600_000]) {
        const of = event({ receivedAt: new Date(world.clock.now() + ms).toISOString() });
        assert.equal(await wayOf(run({}, of)), 'skip ORDER_NOT_ACTIVATING');
      }
      assert.equal(reads, 2);
    });
  });

  it('does not wait for the transaction of an old event, so that a backlog is worked off fast', async () => {
    shows = [salesforceOrder({ activationStatus: 'Activated' })];
    const old = event({ createdAt: new Date(world.clock.now() - 61_000).toISOString(), delivery: 'replay' });
    assert.equal(await wayOf(run({}, old)), 'skip ORDER_NOT_ACTIVATING');
    assert.equal(reads, 1);
  });

  it('stops waiting when the node closes', async () => {
    shows = [null];
    const stop = new AbortController();
    context = { ...context, signal: stop.signal };
    const running = run();
    stop.abort(new Error('closing'));
    await assert.rejects(running, { message: 'closing' });
  });

  /** It waits no more for its transaction. */
  const late = (): EventPart => event({ receivedAt: new Date(world.clock.now() - 5_000).toISOString() });

  it('skips an order that is not Activating, naming its status, and opens nothing', async () => {
    shows = [salesforceOrder({ activationStatus: 'Activated' })];
    const outcome = await run({}, late());
    assert.ok('way' in outcome);
    assert.deepEqual(outcome.skipped, {
      code: 'ORDER_NOT_ACTIVATING',
      message: "Activation_Status__c of Order 00000101 is 'Activated'",
    });
    assert.equal(outcome.value?.status, 'Activated');
    assert.deepEqual(await attempt(), { number: 0, state: 'closed', ended: null });
  });

  it('skips an order of another price book at once; ids of 15 and 18 characters are the same', async () => {
    assert.equal(await wayOf(run({ pricebookId: '01s000000000002AAA' })), 'skip ORDER_OTHER_PRICEBOOK');
    shows = [salesforceOrder({ pricebookId: null })];
    assert.equal(await wayOf(run({ pricebookId: '01s000000000001AAA' })), 'skip ORDER_OTHER_PRICEBOOK');
    shows = [salesforceOrder({ pricebookId: '01s000000000002AAA', activationStatus: 'Not Started' })];
    assert.equal(await wayOf(run({ pricebookId: '01s000000000001AAA' })), 'skip ORDER_OTHER_PRICEBOOK');
    assert.equal(reads, 3);
    shows = [salesforceOrder()];
    assert.equal(await wayOf(run({ pricebookId: '01s000000000001' })), 'go');
  });

  it('fails when there is no such order', async () => {
    shows = [null];
    await assert.rejects(run({}, late()), fails('ORDER_NOT_FOUND'));
    assert.equal(reads, 1);
  });

  it('fails for an order without items in the attempt that it opened, so that this attempt ends', async () => {
    shows = [salesforceOrder({ items: [], attempt: 2 })];
    await assert.rejects(run(), fails('ORDER_EMPTY'));
    assert.deepEqual(await attempt(), { number: 2, state: 'open', ended: null });
  });

  it('waits with its place free while another step holds the order', async () => {
    const lease = await process.real.leases.acquire(`order:${orderId}`, 60_000);
    const from = world.clock.now();
    const outcome = await run();
    assert.ok('parked' in outcome);
    assert.ok(outcome.parked.until >= from + 2_000);
    assert.equal(reads, 1);
    if (lease) await process.real.leases.release(lease);
  });

  describe('the attempt', () => {
    it('is Salesforce’s own number where the org counts, else the first of ours', async () => {
      shows = [salesforceOrder({ attempt: 4 })];
      await run();
      assert.deepEqual(await attempt(), { number: 4, state: 'open', ended: null });
    });

    it('is counted here where the org does not', async () => {
      await run();
      assert.deepEqual(await attempt(), { number: 1, state: 'open', ended: null });
      await run();
      assert.equal((await attempt()).number, 1, 'a run that was cut short goes on in its attempt');
      assert.equal(reads, 2);
      await ended(1, 'written');
      assert.equal(await wayOf(run()), 'go');
      assert.deepEqual(await attempt(), { number: 2, state: 'open', ended: null });
    });

    it('keeps what was seen of the order', async () => {
      shows = [salesforceOrder({ lastModifiedAt: 77 })];
      await run();
      assert.deepEqual((await process.record()).seen, {
        status: 'Activating',
        createdAt: 500,
        modifiedAt: 77,
        modifiedById: '005000000000001AAA',
      });
    });

    it('that is newer in Salesforce is opened, though the older was never ended or its result never told', async () => {
      shows = [salesforceOrder({ attempt: 1 })];
      await run();
      shows = [salesforceOrder({ attempt: 2 })];
      await run();
      assert.deepEqual(await attempt(), { number: 2, state: 'open', ended: null });
      await ended(2, null);
      shows = [salesforceOrder({ attempt: 3 })];
      assert.equal(await wayOf(run()), 'go');
      assert.deepEqual(await attempt(), { number: 3, state: 'open', ended: null });
      assert.equal((await process.record()).report?.attempt, 2, 'the writer drops it: Salesforce is the fence');
    });

    for (const [org, shown] of [
      ['counts', 1],
      ['does not count', null],
    ] as const) {
      it(`whose result is still to be told is not run again, where the org ${org}`, async () => {
        await ended(1, null);
        shows = [salesforceOrder({ attempt: shown })];
        assert.equal(await wayOf(run()), 'skip ATTEMPT_CLOSED');
        assert.equal((await attempt()).state, 'closed');
        assert.equal(reads, 1);
      });

      it(`that ended while Salesforce was read is not run again, where the org ${org}`, async () => {
        await ended(1, 'written');
        shows = [salesforceOrder({ attempt: shown }), salesforceOrder({ attempt: shown, activationStatus: 'Failed' })];
        assert.equal(await wayOf(run()), 'skip ORDER_NOT_ACTIVATING');
        assert.equal((await attempt()).state, 'closed');
        assert.equal(reads, 2);
      });
    }

    it('is a new one of ours when somebody sets Activating by hand and the org’s number stays', async () => {
      shows = [salesforceOrder({ attempt: 1 })];
      await run();
      await ended(1, 'written');
      reads = 0;
      assert.equal(await wayOf(run()), 'go');
      assert.equal(reads, 2);
      assert.deepEqual(await attempt(), { number: 2, state: 'open', ended: null });
      assert.equal((await process.record()).salesforceAttempt, 1, 'its result is told with the org’s number');
      await ended(2, 'written', { report: { ...(await process.record()).report!, attempt: 1 } });
      shows = [salesforceOrder({ attempt: 2 })];
      assert.equal(await wayOf(run()), 'go');
      assert.equal((await attempt()).number, 3, 'ours never goes back to the org’s');
    });

    it('whose result is still to be told is not run again when the org’s number is first seen', async () => {
      await run();
      await ended(1, null);
      shows = [salesforceOrder({ attempt: 4 })];
      assert.equal(await wayOf(run()), 'skip ATTEMPT_CLOSED');
    });

    it('with a result from before any attempt is not run again until that is told', async () => {
      await ended(anyAttempt, null);
      shows = [salesforceOrder({ attempt: 1 })];
      assert.equal(await wayOf(run()), 'skip ATTEMPT_CLOSED');
      await ended(anyAttempt, 'written');
      assert.equal(await wayOf(run()), 'go');
      assert.deepEqual(await attempt(), { number: 1, state: 'open', ended: null });
    });

    it('that is open goes on, though an older result was never told', async () => {
      await ended(anyAttempt, null, { attemptState: 'open', attempt: 1 });
      shows = [salesforceOrder({ attempt: 1 })];
      assert.equal(await wayOf(run()), 'go');
    });

    it('whose order is gone by then is not opened', async () => {
      await ended(1, 'written');
      shows = [salesforceOrder(), null];
      const outcome = await run();
      assert.ok('way' in outcome);
      assert.equal(outcome.skipped?.code, 'ORDER_NOT_ACTIVATING');
      assert.equal(outcome.value?.number, '00000101');
    });

    it('leaves all else in the ledger as it was', async () => {
      await ended(1, 'dropped', { generation: 3, todo: ['settle'] });
      const before = await process.record();
      await run();
      const after = await process.record();
      assert.deepEqual({ ...after, attempt: 1, attemptState: 'closed', seen: null, ended: before.ended }, before);
    });
  });

  describe('of an Order that carries the id of a WHMCS order', () => {
    const valueOf = async (running: ReturnType<typeof run>) => {
      const outcome = await running;
      return 'way' in outcome ? outcome.value : undefined;
    };

    it('asks which other Orders carry it, however they spell it, and tells of them', async () => {
      shows = [salesforceOrder({ whmcsOrderId: ' #5001' })];
      others = [{ id: '801000000000009AAA', number: '00000109' }];
      assert.deepEqual((await valueOf(run()))?.sameWhmcsOrderId, ['Order 00000109 (801000000000009AAA)']);
      assert.deepEqual(
        naming.map((given) => given.slice(0, 3)),
        [[['#5001', '5001', '# 5001'], orderId, defaultFieldNames]],
      );
    });

    it('tells that there are none', async () => {
      shows = [salesforceOrder({ whmcsOrderId: '5001' })];
      assert.deepEqual((await valueOf(run()))?.sameWhmcsOrderId, []);
      assert.equal(naming.length, 1);
    });

    it('asks nothing where there is no id, or it is none', async () => {
      assert.equal('sameWhmcsOrderId' in ((await valueOf(run())) ?? {}), false);
      shows = [salesforceOrder({ whmcsOrderId: 'see notes' })];
      assert.deepEqual((await valueOf(run()))?.sameWhmcsOrderId, []);
      assert.deepEqual(naming, []);
    });

    it('asks nothing where that WHMCS order is on record, and does where another one is', async () => {
      const adopted = {
        ...{ whmcs: 'w', orderId: 5001, orderNumber: '', clientId: 1001, invoiceId: null, serviceIds: [] },
        ...{ outcome: 'created' as const, intent: 'a1', at: 0, items: [], verified: true, warning: null },
      };
      await process.edit((record) => ({ ...record, adopted }));
      shows = [salesforceOrder({ whmcsOrderId: '5001' })];
      assert.equal('sameWhmcsOrderId' in ((await valueOf(run())) ?? {}), false);
      shows = [salesforceOrder({ whmcsOrderId: '5002' })];
      assert.deepEqual((await valueOf(run()))?.sameWhmcsOrderId, []);
      assert.deepEqual(naming[0]?.[0], ['5002', '#5002', '# 5002']);
    });
  });
});
