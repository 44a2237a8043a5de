/** A person's word that one of two WHMCS orders is not wanted, judged by what WHMCS was sent and holds. */
import assert from 'node:assert/strict';
import type { RepairIntent } from '../../../lib/provisioning/order-record';
import { orderId } from './desk-under-test';
import { JobUnderTest, type JobOptions } from './job-under-test';
import { awayError } from './vendor-doubles/in-memory-whmcs';
import { asked, clientId } from './vendor-doubles/world';

describe('The word to cancel a twin', () => {
  let job: JobUnderTest;
  const begin = async (options: JobOptions = {}): Promise<void> => {
    job = await JobUnderTest.open(options);
    job.approve();
  };
  afterEach(() => job.close());

  const cancel = (whmcsOrderId: number, of = orderId): Promise<string> =>
    job.repair('cancel twin', { orderId: of, whmcsOrderId });
  const run = async (): Promise<void> => {
    await job.arrives();
    await job.rest();
  };
  const retry = async (): Promise<void> => {
    const [answer] = await job.ask('retry', orderId);
    assert.equal(answer?.done, true, answer?.text);
    await job.rest();
  };
  const cancels = (): number => job.whmcs.calls.filter((call) => call === 'CancelOrder').length;
  const ownMark = (): string => `sfOrderId=${orderId};i=${job.desk.provisioning.store.id}-a1`;
  const twinOf = (notes: string): void => void job.whmcs.add({ clientId, items: asked(), notes });
  /** The first AddOrder is carried out when the second has gone out: 5002 and 5001, both Pending; the Order has failed for it. */
  const twins = async (options: JobOptions = {}): Promise<void> => {
    await begin(options);
    job.whmcs.addFaults = [{ end: 'unknown' }];
    job.whmcs.onAdded = (id) => {
      if (id === 5001) twinOf(ownMark());
    };
    await run();
    assert.deepEqual([job.errorCode(), job.status()], ['WHMCS_TWIN', 'Failed']);
    assert.deepEqual(job.whmcs.added, [5001, 5002]);
  };
  const assertNothingSent = (): void => {
    assert.equal(cancels(), 0);
    assert.deepEqual(job.whmcs.cancelled, []);
  };

  it('cancels the one that is named, and Retry goes on with the other', async () => {
    await twins();
    assert.match(await cancel(5002), /^done: WHMCS order 5002 is Cancelled, 5001 stays; press Provision \/ Retry/);
    assert.deepEqual(job.whmcs.cancelled, [5002]);
    await retry();
    assert.equal(job.status(), 'Activated', job.ends.join(' | '));
    assert.equal(job.salesforce.orders.get(orderId)?.whmcsOrderId, '5001');
    assert.deepEqual([job.whmcs.added, job.whmcs.accepted], [[5001, 5002], [5001]]);
  });

  it('cancels the one on record where a person wants the other, and Retry goes on with that', async () => {
    await twins();
    assert.match(await cancel(5001), /^done: WHMCS order 5001 is Cancelled, 5002 stays/);
    await retry();
    assert.equal(job.status(), 'Activated', job.ends.join(' | '));
    assert.equal(job.salesforce.orders.get(orderId)?.whmcsOrderId, '5002');
    assert.deepEqual([job.whmcs.cancelled, job.whmcs.accepted], [[5001], [5002]]);
  });

  it('cancels one of two that settling has found, none of which is on record yet', async () => {
    await begin();
    job.whmcs.addFaults = [{ end: 'unknown' }, { end: 'unknown', commit: 'now' }];
    job.whmcs.onAdded = (id) => {
      if (id === 5001) twinOf(ownMark());
    };
    await run();
    assert.equal(job.errorCode(), 'WHMCS_TWIN');
    assert.equal((await job.record()).adopted, null);
    assert.match(await cancel(5002), /^done/);
    await retry();
    assert.equal(job.status(), 'Activated', job.ends.join(' | '));
    assert.deepEqual([job.whmcs.added, job.whmcs.accepted], [[5001, 5002], [5001]]);
  });

  it('cancels one that has turned up late beside an Activated Order, which stays as it is', async () => {
    await begin();
    job.whmcs.addFaults = [{ end: 'unknown' }];
    await run();
    twinOf(ownMark());
    const written = job.salesforce.book.length;
    assert.match(await cancel(5002), /^done/);
    await job.desk.settle(60_000);
    assert.deepEqual([job.status(), job.whmcs.order(5001).status], ['Activated', 'Active']);
    assert.deepEqual([job.whmcs.cancelled, job.whmcs.accepted], [[5002], [5001]]);
    assert.equal(job.salesforce.book.length, written);
  });

  it('cancels one whose mark is a custom field', async () => {
    await begin({ marker: { customFieldId: 7 } });
    job.whmcs.addFaults = [{ end: 'unknown' }];
    job.whmcs.onAdded = (id) => {
      if (id !== 5001) return;
      const items = asked().map((item) => ({ ...item, customFields: { 7: ownMark() } }));
      job.whmcs.add({ clientId, items });
    };
    await run();
    assert.equal(job.errorCode(), 'WHMCS_TWIN');
    assert.match(await cancel(5001), /^done: WHMCS order 5001 is Cancelled, 5002 stays/);
    assert.deepEqual(job.whmcs.cancelled, [5001]);
  });

  it('sends nothing when it is asked again: a repeat is a read', async () => {
    await twins();
    await cancel(5002);
    assert.match(await cancel(5002), /^done: WHMCS order 5002 is Cancelled; press/);
    assert.equal(cancels(), 1);
  });

  it('leaves a line in the timeline of the Order', async () => {
    await twins();
    await cancel(5002);
    const entry = (await job.desk.provisioning.store.timeline.ofOrder(orderId)).at(-1);
    assert.deepEqual([entry?.step, entry?.status], ['cancel_twin', 'done']);
    assert.match(entry?.detail ?? '', /5002 is Cancelled/);
  });

  describe('that another installation has made', () => {
    const minutes = 60_000;

    for (const [what, mark] of [
      ['another store', `sfOrderId=${orderId};i=ffffffff-a1`],
      ['a copy of this one', null],
    ] as const) {
      const foreignTwin = async (): Promise<void> => {
        await begin();
        job.whmcs.onAdded = (id) => {
          if (id === 5001) twinOf(mark ?? ownMark());
        };
        await run();
        assert.equal(job.errorCode(), 'WHMCS_TWIN');
      };

      it(`is cancelled by the second word, seven minutes after the first, where that is ${what}`, async () => {
        await foreignTwin();
        const at = new Date(job.clock.now() + 7 * minutes).toISOString();
        const text = `no: WHMCS order 5002 was made by another installation, which may be accepting it just now: ask again after ${at}`;
        const first = await cancel(5002);
        assert.equal(first.slice(0, 100), text.slice(0, 100));
        await job.desk.settle(6 * minutes);
        assert.match(await cancel(5002), /ask again after/);
        assertNothingSent();
        await job.desk.settle(2 * minutes);
        assert.match(await cancel(5002), /^done/);
        await retry();
        assert.equal(job.status(), 'Activated', job.ends.join(' | '));
        assert.deepEqual([job.whmcs.cancelled, job.whmcs.accepted], [[5002], [5001]]);
      });

      it(`is not cancelled while an AcceptOrder of it runs its module, where that is ${what}`, async () => {
        await foreignTwin();
        // WHMCS sets the status at the end of the modules.
        job.clock.after(2 * minutes, () => job.whmcs.accept(5002));
        await cancel(5002);
        await job.desk.settle(6 * minutes);
        assert.match(await cancel(5002), /^no: WHMCS order 5002 is Active/);
        assertNothingSent();
        await retry();
        assert.deepEqual(job.whmcs.accepted, []);
      });
    }
  });

  describe('when its answer is lost', () => {
    const intents = async (): Promise<RepairIntent[]> => (await job.record()).repairs;

    it('tells what WHMCS shows', async () => {
      await twins();
      job.whmcs.repairFaults = [{ end: 'unknown', done: 'now' }];
      assert.match(await cancel(5002), /^done/);
      assert.equal((await intents())[0]?.settled?.how, 'done');
    });

    it('is read first when it is asked again, and a late one is not sent twice', async () => {
      await twins();
      job.whmcs.repairFaults = [{ end: 'unknown', done: 20_000 }];
      assert.match(await cancel(5002), /^no: No answer to CancelOrder .* ask again in a minute/);
      assert.equal((await intents())[0]?.settled, null);
      await job.desk.settle(20_000);
      assert.match(await cancel(5002), /^done/);
      assert.deepEqual([cancels(), job.whmcs.cancelled], [1, [5002]]);
      assert.equal((await intents())[0]?.settled?.how, 'done');
    });

    it('is sent again when WHMCS still shows it Pending', async () => {
      await twins();
      job.whmcs.repairFaults = [{ end: 'unknown', done: 'never' }];
      await cancel(5002);
      assert.match(await cancel(5002), /^done/);
      assert.deepEqual([cancels(), job.whmcs.cancelled], [2, [5002]]);
      assert.deepEqual(
        (await intents()).map((one) => one.settled?.how),
        ['done', 'done'],
      );
    });

    it('goes out under a new name where a process has died before its first byte', async () => {
      await twins();
      const sender = { instance: 'gone', bootId: 'b', pid: 1, startTime: '1' };
      const left = { id: 'r1', at: 0, sender, whmcs: job.connection.key, target: 5002, settled: null };
      await job.desk.record({ repairs: [{ ...left, call: 'CancelOrder' }] });
      assert.match(await cancel(5002), /^done/);
      assert.deepEqual(
        (await intents()).map((one) => [one.id, one.settled?.how]),
        [
          ['r1', 'done'],
          ['r2', 'done'],
        ],
      );
      assert.deepEqual([cancels(), job.whmcs.cancelled], [1, [5002]]);
    });

    it('keeps the intent where the read after it fails', async () => {
      await twins();
      job.whmcs.repairFaults = [{ end: 'unknown', done: 'now' }];
      job.whmcs.beforeRead = (action) => {
        if (cancels() > 0) throw awayError(action);
      };
      assert.match(await cancel(5002), /^no: No answer/);
      job.whmcs.beforeRead = () => undefined;
      assert.match(await cancel(5002), /^done/);
      assert.equal(cancels(), 1);
    });
  });

  describe('which WHMCS does not carry out', () => {
    for (const [what, fault, text, how] of [
      ['was not sent', { end: 'not-sent', message: 'ECONNREFUSED' }, /was not cancelled: ECONNREFUSED/, 'not-sent'],
      [
        'is refused by the API role',
        { end: 'refused', fault: 'role', message: 'Invalid Permissions' },
        /was not cancelled: Invalid Permissions/,
        'refused',
      ],
      ['is answered oddly', { end: 'unclear', message: 'Oops' }, /said “Oops”, and order 5002 is still not/, 'failed'],
      ['succeeds by word only', { end: 'success', done: 'never' }, /said “success”, and order 5002/, 'unknown'],
    ] as const) {
      it(`says so when it ${what}, and may be asked again`, async () => {
        await twins();
        job.whmcs.repairFaults = [fault];
        assert.match(await cancel(5002), text);
        assert.equal((await job.record()).repairs[0]?.settled?.how, how);
        assert.deepEqual(job.whmcs.cancelled, []);
        assert.match(await cancel(5002), /^done/);
        assert.deepEqual(job.whmcs.cancelled, [5002]);
      });
    }
  });

  describe('is refused, and nothing is sent,', () => {
    it('for an order that WHMCS does not have', async () => {
      await twins();
      assert.equal(await cancel(5999), 'no: WHMCS has no order 5999');
      assertNothingSent();
    });

    for (const [what, notes] of [
      ['that bears another Order’s mark', 'sfOrderId=801000000000002AAA;i=ffffffff-a1'],
      ['that bears no mark', ''],
      ['that bears two Orders’ marks', `sfOrderId=${orderId};i=ffffffff-a1 sfOrderId=801000000000002AAA;i=ffffffff-a1`],
    ] as const) {
      it(`for an order ${what}`, async () => {
        await twins();
        twinOf(notes);
        assert.match(await cancel(5003), /^no: WHMCS order 5003 does not bear the mark of this Order/);
        assertNothingSent();
      });
    }

    it('for an order that another Salesforce Order has claimed', async () => {
      await twins();
      const { claims } = job.desk.provisioning.store;
      await claims.claim(job.connection.key, 5002, '801000000000002AAA');
      assert.match(await cancel(5002), /^no: WHMCS order 5002 does not bear the mark/);
      assertNothingSent();
    });

    for (const [what, status] of [
      ['is Cancelled', 'Cancelled'],
      ['has a status that a person made up', 'Refunded'],
    ] as const) {
      it(`while the other one ${what}`, async () => {
        await twins();
        job.whmcs.order(5001).status = status;
        assert.match(await cancel(5002), /^no: WHMCS order 5002 is the only one of this Order that is sure to live/);
        assertNothingSent();
      });
    }

    it('while the other one belongs to another Salesforce Order', async () => {
      await twins();
      await job.desk.provisioning.store.claims.claim(job.connection.key, 5002, '801000000000002AAA');
      assert.match(await cancel(5001), /^no: WHMCS order 5001 is the only one of this Order that is sure to live/);
      assertNothingSent();
    });

    it('while the other one’s CancelOrder may still be carried out', async () => {
      await twins();
      job.whmcs.repairFaults = [{ end: 'unknown', done: 20_000 }];
      assert.match(await cancel(5002), /^no: No answer/);
      assert.match(await cancel(5001), /^no: WHMCS order 5001 is the only one of this Order that is sure to live/);
      await job.desk.settle(30_000);
      assert.deepEqual(job.whmcs.cancelled, [5002]);
    });

    it('while a lost record may have told of an AcceptOrder that is at work', async () => {
      await twins();
      await job.desk.provisioning.store.setDoubt({ until: job.clock.now() + 1, reason: 'restored' });
      assert.match(
        await cancel(5001),
        /^no: WHMCS order 5001 is of before the store’s loss, which may be accepting it/,
      );
      await job.desk.settle(6 * 60_000);
      assert.match(await cancel(5001), /^no: .*ask again after/);
      assertNothingSent();
      await job.desk.settle(2 * 60_000);
      assert.match(await cancel(5001), /^done/);
    });

    for (const [status, text] of [
      ['Active', /^no: WHMCS order 5002 is Active, and its services may be live/],
      ['On Hold', /^no: WHMCS order 5002 has the status 'On Hold'/],
    ] as const) {
      it(`for one that is ${status}`, async () => {
        await twins();
        job.whmcs.order(5002).status = status;
        assert.match(await cancel(5002), text);
        assertNothingSent();
      });
    }

    it('for one whose invoice is paid', async () => {
      await twins();
      job.whmcs.order(5002).paymentStatus = 'Paid';
      assert.match(await cancel(5002), /^no: WHMCS order 5002 has a paid invoice \(7002\)/);
      assertNothingSent();
    });

    it('for one whose AcceptOrder may have run its modules', async () => {
      await begin();
      job.whmcs.acceptFaults = [{ end: 'unknown', run: 'never' }];
      await run();
      assert.equal(job.errorCode(), 'WHMCS_ACCEPT_UNKNOWN');
      twinOf(ownMark());
      assert.match(await cancel(5001), /^no: WHMCS order 5001 may have been accepted/);
      assertNothingSent();
    });

    it('while it is not known what became of AddOrder', async () => {
      await begin();
      job.whmcs.addFaults = [{ end: 'unknown', commit: 'never' }];
      await job.arrives();
      await job.desk.settle(1_000);
      assert.match(await cancel(5001), /^no: It is not known yet what became of AddOrder/);
      assertNothingSent();
    });

    it('while WHMCS cannot be read, or no node has a connection to it', async () => {
      await twins();
      job.whmcs.beforeRead = (action) => {
        throw awayError(action);
      };
      assert.match(await cancel(5002), /^no: WHMCS cannot be read \(GetOrders: HTTP 503\)/);
      job.whmcs.beforeRead = () => undefined;
      job.connected = false;
      assert.match(await cancel(5002), /^no: WHMCS cannot be read: no node with a connection/);
      assertNothingSent();
    });

    it('for an Order that nothing was asked of WHMCS for', async () => {
      await begin();
      assert.match(await cancel(5001), /^no: Nothing was asked of WHMCS for this Order yet/);
    });

    it('while another step of the Order is under way', async () => {
      await twins();
      let free = (): void => undefined;
      const holding = job.desk.provisioning.hold(orderId, () => new Promise<void>((resolve) => (free = resolve)));
      await job.desk.settle();
      assert.match(await cancel(5002), /^no: Another step of this order is under way/);
      free();
      await holding;
      assertNothingSent();
    });

    for (const [what, payload] of [
      ['nothing', undefined],
      ['an id alone', orderId],
      ['no WHMCS order', { orderId }],
      ['a WHMCS order that is none', { orderId, whmcsOrderId: '12; 13' }],
      ['half an id', { orderId, whmcsOrderId: 1.5 }],
      ['0', { orderId, whmcsOrderId: 0 }],
      ['more than it knows', { orderId, whmcsOrderId: 5002, force: true }],
    ] as const) {
      it(`with ${what} in the payload`, async () => {
        await twins();
        assert.equal(
          await job.repair('cancel twin', payload),
          'no: Put { orderId: "801…", whmcsOrderId: 5002 } into msg.payload',
        );
        assertNothingSent();
      });
    }

    it('with what is no id of an Order', async () => {
      await twins();
      assert.equal(await cancel(5002, '001000000000001AAA'), 'no: No id of an Order (801…)');
      assertNothingSent();
    });
  });

  it('takes the WHMCS id as text, with or without #', async () => {
    await twins();
    assert.match(await job.repair('cancel twin', { orderId: orderId.slice(0, 15), whmcsOrderId: '#5002' }), /^done/);
    assert.deepEqual(job.whmcs.cancelled, [5002]);
  });

  it('is put on record before it is sent', async () => {
    await twins();
    let recorded = 0;
    job.whmcs.repairFaults = [{ end: 'success' }];
    const { cancel: carriedOut } = job.whmcs;
    const before = job.desk.provisioning.store.ledger.read.bind(job.desk.provisioning.store.ledger);
    const seen: Promise<void>[] = [];
    job.whmcs.cancel = (id) => {
      seen.push(
        before(orderId).then(({ state }) => {
          recorded = ((state as unknown as { repairs?: unknown[] })?.repairs ?? []).length;
        }),
      );
      carriedOut.call(job.whmcs, id);
    };
    await cancel(5002);
    await Promise.all(seen);
    assert.equal(recorded, 1);
  });
});
