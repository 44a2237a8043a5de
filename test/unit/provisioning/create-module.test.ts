/** A person's word that the module of one service is to run again, judged by the modules that WHMCS ran. */
import assert from 'node:assert/strict';
import type { RepairIntent } from '../../../lib/provisioning/order-record';
import { orderId } from './desk-under-test';
import { JobUnderTest, type JobOptions } from './job-under-test';
import { awayError, type AcceptFault } from './vendor-doubles/in-memory-whmcs';
import { clientId } from './vendor-doubles/world';

describe('The word to run a module again', () => {
  let job: JobUnderTest;
  const begin = async (options: JobOptions = {}): Promise<void> => {
    job = await JobUnderTest.open(options);
    job.approve();
  };
  afterEach(() => job.close());

  const create = (serviceId: number, more: object = {}): Promise<string> =>
    job.repair('create module', { orderId, serviceId, ...more });
  const run = async (): Promise<void> => {
    await job.arrives();
    await job.rest();
  };
  const creates = (): number => job.whmcs.calls.filter((call) => call === 'ModuleCreate').length;
  const runsOf = (serviceId: number): number =>
    job.whmcs.ledger.filter((line) => line.what === 'module' && line.serviceId === serviceId).length;
  /** Order 5001 is Active; of its services 9001 is live, and 9002's module has failed. */
  const partial = async (options: JobOptions = {}): Promise<void> => {
    await begin(options);
    job.whmcs.acceptFaults = [{ end: 'unclear', failing: [1], message: 'Connection refused' }];
    await run();
    assert.deepEqual([job.errorCode(), job.status()], ['WHMCS_PARTIALLY_PROVISIONED', 'Failed']);
    assert.match(job.errorMessage(), /9002/);
    assert.equal(runsOf(9002), 1);
  };
  const assertNothingRun = (): void => assert.equal(creates(), 0);

  it('runs it for that service alone, and Retry then finds all live', async () => {
    await partial();
    assert.match(
      await create(9002),
      /^done: Service 9002 Product 20 is Active; all services of the order are live: press Provision \/ Retry/,
    );
    const [answer] = await job.ask('retry', orderId);
    assert.equal(answer?.done, true, answer?.text);
    await job.rest();
    assert.equal(job.status(), 'Activated', job.ends.join(' | '));
    assert.deepEqual([job.whmcs.added, job.whmcs.accepted], [[5001], [5001]]);
    assert.deepEqual([runsOf(9001), runsOf(9002), creates()], [1, 2, 1]);
  });

  it('names the services that are still not live', async () => {
    await begin();
    job.whmcs.acceptFaults = [{ end: 'unclear', failing: [0, 1], message: 'Connection refused' }];
    await run();
    assert.match(await create(9001), /^done: Service 9001 .*; still not live: 9002 Product 20 \(Pending\)$/);
    assert.equal(runsOf(9002), 1);
  });

  it('runs nothing for a service that is live already: a repeat is a read', async () => {
    await partial();
    assert.match(await create(9001), /^done: Service 9001 Product 11 is Active; still not live: 9002/);
    assertNothingRun();
    await create(9002);
    assert.match(await create(9002), /^done/);
    assert.equal(creates(), 1);
  });

  it('leaves a line in the timeline of the Order', async () => {
    await partial();
    await create(9002);
    const entry = (await job.desk.provisioning.store.timeline.ofOrder(orderId)).at(-1);
    assert.deepEqual([entry?.step, entry?.status], ['create_module', 'done']);
  });

  describe('when its answer is lost', () => {
    it('tells what WHMCS shows', async () => {
      await partial();
      job.whmcs.repairFaults = [{ end: 'unknown', done: 'now' }];
      assert.match(await create(9002), /^done/);
      assert.equal(runsOf(9002), 2);
    });

    it('is read when it is asked again, and never sent a second time', async () => {
      await partial();
      job.whmcs.repairFaults = [{ end: 'unknown', done: 600_000 }];
      assert.match(await create(9002), /^no: No answer to ModuleCreate/);
      assert.match(
        await create(9002),
        /^no: .* what became of it is not known: look whether its server has the account/,
      );
      await job.desk.settle(3_600_000);
      assert.match(await create(9002), /^done/);
      assert.deepEqual([creates(), runsOf(9002)], [1, 2]);
      assert.equal((await job.record()).repairs[0]?.settled?.how, 'done');
    });

    it('stays a person’s matter however often it is asked', async () => {
      await partial();
      job.whmcs.repairFaults = [{ end: 'unknown', done: 'never' }];
      for (let asked = 0; asked < 4; asked++) assert.match(await create(9002), /^no/);
      assert.equal(creates(), 1);
    });
  });

  describe('which ends with an error', () => {
    it('says what the module said, and may be asked again, three times in all', async () => {
      await partial();
      for (let asked = 1; asked <= 3; asked++) {
        job.whmcs.repairFaults = [{ end: 'unclear', message: 'Connection refused' }];
        assert.match(await create(9002), /^no: The module of service 9002 ended with an error: Connection refused/);
        assert.equal(creates(), asked);
      }
      assert.match(await create(9002), /^no: .*its module has failed 3 times from here \(Connection refused\)/);
      assert.equal(creates(), 3);
    });

    for (const text of [
      'The account acct9002 already exists',
      'Username is already taken',
      'Domain exists already',
      'Duplicate entry acct9002',
    ]) {
      it(`is not run again once it says “${text}”`, async () => {
        await partial();
        job.whmcs.repairFaults = [{ end: 'unclear', message: text }];
        await create(9002);
        assert.match(await create(9002), /^no: .*An earlier run has made the account/);
        assert.equal(creates(), 1);
      });
    }

    for (const text of [
      'cURL error 28: Operation timed out after 30001 milliseconds',
      'Server response: 504 Gateway Time-out',
      'Connection reset by peer',
      'Error 500: the server answered with an empty response',
    ]) {
      it(`is run again only by one who has looked at the server, after “${text}”`, async () => {
        await partial();
        job.whmcs.repairFaults = [{ end: 'unclear', message: text }];
        await create(9002);
        assert.match(await create(9002), /^no: .*its last run may have made the account .*ask again with looked: true/);
        assert.equal(creates(), 1);
        assert.match(await create(9002, { looked: true }), /^done/);
        assert.equal(creates(), 2);
      });
    }

    it('is run only by one who has looked where AcceptOrder itself has ended so', async () => {
      await begin();
      job.whmcs.acceptFaults = [{ end: 'unclear', failing: [1], message: 'cURL error 28: Operation timed out' }];
      await run();
      assert.match(await create(9002), /^no: .*ask again with looked: true/);
      assertNothingRun();
      assert.match(await create(9002, { looked: true }), /^done/);
    });

    const lost: [what: string, AcceptFault][] = [
      ['which was not answered', { end: 'unknown', run: 'now', failing: [0], leaves: 'Active' }],
      ['which was not answered, and was carried out late', { end: 'unknown', run: 20_000, failing: [0] }],
    ];
    for (const [what, fault] of lost)
      it(`is run only by one who has looked after an AcceptOrder ${what}`, async () => {
        await begin();
        job.whmcs.acceptFaults = [fault];
        await run();
        assert.deepEqual([job.errorCode(), runsOf(9001)], ['WHMCS_PARTIALLY_PROVISIONED', 1]);
        assert.match(await create(9001), /^no: .*its last run may have made the account .*ask again with looked: true/);
        assertNothingRun();
        assert.equal(runsOf(9001), 1);
        assert.match(await create(9001, { looked: true }), /^done/);
        assert.equal(runsOf(9001), 2);
      });

    it('is run only by one who has looked where somebody else has accepted the order, after an AcceptOrder in vain', async () => {
      await begin();
      job.whmcs.acceptFaults = [{ end: 'unknown', run: 'never' }];
      await run();
      assert.equal(job.errorCode(), 'WHMCS_ACCEPT_UNKNOWN');
      job.whmcs.order(5001).status = 'Active';
      assert.match(await create(9001), /^no: .*ask again with looked: true/);
      assertNothingRun();
      assert.match(await create(9001, { looked: true }), /^done/);
    });

    it('is run only by one who has looked where AcceptOrder did nothing, and somebody else has accepted the order', async () => {
      await begin();
      job.whmcs.acceptFaults = [{ end: 'refused', message: 'no' }];
      await run();
      job.whmcs.order(5001).status = 'Active';
      assert.match(await create(9001), /^no: .*ask again with looked: true/);
      assertNothingRun();
    });

    it('is run only by one who has looked where how AcceptOrder ended is not on record', async () => {
      await partial();
      const [accept] = (await job.record()).accepts;
      assert.ok(accept);
      await job.desk.record({ accepts: [{ ...accept, id: 'c9' }] });
      assert.match(await create(9002), /^no: .*ask again with looked: true/);
      assertNothingRun();
    });

    it('is never run again after a lost answer, not even by one who has looked', async () => {
      await partial();
      job.whmcs.repairFaults = [{ end: 'unknown', done: 'never' }];
      await create(9002);
      assert.match(await create(9002, { looked: true }), /^no: .*what became of it is not known/);
      assert.equal(creates(), 1);
    });

    it('is not run again once WHMCS has said success, and the service is not live', async () => {
      await partial();
      job.whmcs.repairFaults = [{ end: 'success', done: 'never' }];
      assert.match(await create(9002), /^no: WHMCS said success, and service 9002 is still not live/);
      assert.match(await create(9002), /^no: .*has succeeded for it by WHMCS’s word/);
      assert.equal(creates(), 1);
    });

    for (const [what, fault] of [
      ['was not sent', { end: 'not-sent', message: 'ECONNREFUSED' }],
      ['is refused', { end: 'refused', message: 'Service not assigned to a module' }],
    ] as const) {
      it(`may be asked again when it ${what}`, async () => {
        await partial();
        job.whmcs.repairFaults = [fault];
        assert.equal(await create(9002), `no: The module of service 9002 was not run: ${fault.message}`);
        assert.match(await create(9002), /^done/);
        assert.equal(runsOf(9002), 2);
      });
    }
  });

  describe('that an earlier process has left open', () => {
    const left = async (
      facts: { kind: 'sent' | 'not-sent' | 'call-ended'; detail?: string }[],
      of: Pick<RepairIntent, 'call' | 'target'> = { call: 'ModuleCreate', target: 9002 },
    ): Promise<void> => {
      await partial();
      const sender = { instance: 'gone', bootId: 'b', pid: 1, startTime: '1' };
      await job.desk.record({
        repairs: [{ id: 'r1', at: 0, sender, whmcs: job.connection.key, settled: null, ...of }],
      });
      for (const fact of facts)
        await job.desk.provisioning.store.ledger.record(orderId, { intent: 'r1', at: 0, ...fact });
    };

    it('is not sent again when nothing is known of it, or that it was sent', async () => {
      await left([]);
      assert.match(await create(9002), /^no: .*what became of it is not known/);
      await left([{ kind: 'sent' }]);
      assert.match(await create(9002), /^no: .*what became of it is not known/);
      assertNothingRun();
    });

    for (const of of [
      { call: 'ModuleCreate', target: 9001 },
      { call: 'CancelOrder', target: 9002 },
    ] as const) {
      it(`goes out when that was ${of.call} of ${of.target}`, async () => {
        await left([{ kind: 'sent' }], of);
        assert.match(await create(9002), /^done/);
        assert.equal(runsOf(9002), 2);
      });
    }

    it('goes out when not one byte of it had left', async () => {
      await left([{ kind: 'not-sent' }]);
      assert.match(await create(9002), /^done/);
      assert.deepEqual(
        (await job.record()).repairs.map((one) => [one.id, one.settled?.how]),
        [
          ['r1', 'not-sent'],
          ['r2', 'done'],
        ],
      );
    });

    for (const [detail, how, sent] of [
      ['refused: Service not assigned to a module', 'refused', 1],
      ['unclear: The account already exists', 'failed', 0],
      ['success: ', 'unknown', 0],
      ['unknown: ETIMEOUT no answer', undefined, 0],
    ] as const) {
      it(`is settled by its end, ${detail}`, async () => {
        await left([{ kind: 'sent' }, { kind: 'call-ended', detail }]);
        await create(9002);
        assert.equal(creates(), sent);
        assert.equal((await job.record()).repairs[0]?.settled?.how, how);
      });
    }
  });

  describe('is refused, and nothing is run,', () => {
    for (const status of ['Suspended', 'Terminated', 'Cancelled', 'Fraud']) {
      it(`for a service that is ${status}`, async () => {
        await partial();
        const service = job.whmcs.services.find((one) => one.id === 9002);
        assert.ok(service);
        service.status = status;
        assert.match(await create(9002), new RegExp(`^no: Service 9002 .* is ${status}: only a Pending one`));
        assertNothingRun();
      });
    }

    it('for a service of another order', async () => {
      await partial();
      job.whmcs.add({ clientId, items: [{ pid: 11, billingCycle: 'monthly', quantity: 1 }] });
      assert.match(await create(9003), /^no: WHMCS order 5001 has no service 9003: it has 9001 .*, 9002/);
      assertNothingRun();
    });

    it('for an order that is not Active', async () => {
      await begin();
      job.whmcs.acceptFaults = [{ end: 'refused', message: 'no' }];
      await run();
      assert.match(await create(9002), /^no: WHMCS order 5001 is Pending: Provision \/ Retry accepts it/);
      job.whmcs.order(5001).status = 'Cancelled';
      assert.match(await create(9002), /^no: WHMCS order 5001 has the status 'Cancelled'/);
      job.whmcs.orders.length = 0;
      assert.match(await create(9002), /^no: WHMCS order 5001 does not exist any more/);
      assertNothingRun();
    });

    it('for an Order without a WHMCS order on record', async () => {
      await begin();
      assert.match(await create(9002), /^no: This Order has no WHMCS order on record/);
    });

    it('while it is not known what became of AcceptOrder', async () => {
      await begin();
      job.whmcs.acceptFaults = [{ end: 'unknown', run: 200_000, failing: [1] }];
      await job.arrives();
      await job.desk.settle(2_000);
      assert.match(await create(9002), /^no: It is not known yet what became of AddOrder or AcceptOrder/);
      assertNothingRun();
    });

    it('while a store that may have lost records knows of no AcceptOrder', async () => {
      await partial();
      const { store } = job.desk.provisioning;
      await store.setDoubt({ until: job.clock.now() + 1, reason: 'restored' });
      await job.desk.record({ accepts: [] });
      assert.match(await create(9002), /^no: The store may have lost that AcceptOrder was sent/);
      assertNothingRun();
    });

    it('while WHMCS cannot be read', async () => {
      await partial();
      job.whmcs.beforeRead = (action) => {
        throw awayError(action);
      };
      assert.match(await create(9002), /^no: WHMCS cannot be read \(GetOrders: HTTP 503\)/);
      assertNothingRun();
    });

    it('with a payload that names no service', async () => {
      await partial();
      for (const payload of [undefined, 9002, { orderId, serviceId: 'all' }, { orderId, whmcsOrderId: 5001 }])
        assert.equal(
          await job.repair('create module', payload),
          'no: Put { orderId: "801…", serviceId: 9002 } into msg.payload',
        );
      assertNothingRun();
    });
  });

  it('asks for a look where the store may have lost that the module was run, which may be at work still', async () => {
    await partial();
    const copy = await job.record();
    job.whmcs.repairFaults = [{ end: 'unknown', done: 120_000 }];
    assert.match(await create(9002), /No answer to ModuleCreate/);
    await job.desk.record(copy);
    await job.desk.provisioning.store.setDoubt({ until: job.clock.now() + 1, reason: 'an older copy' });
    await job.desk.settle(10);
    assert.match(await create(9002), /^no: .*may have lost that its module was run.*looked: true/);
    await job.desk.settle(300_000);
    assert.deepEqual([creates(), runsOf(9002)], [1, 2]);
    // What is on record since the loss is what there is.
    assert.match(await create(9002), /^done: Service 9002 .* is Active/);
  });
});
