/** A person's word that an order may get a new WHMCS order, judged by what WHMCS was sent. */
import assert from 'node:assert/strict';
import { errorCodes } from '../../../lib/provisioning/error-codes';
import { orderId } from './desk-under-test';
import { JobUnderTest, type JobOptions } from './job-under-test';
import { awayError } from './vendor-doubles/in-memory-whmcs';
import { asked, clientId } from './vendor-doubles/world';

describe('The word for a new WHMCS order', () => {
  let job: JobUnderTest;
  const begin = async (options: JobOptions = {}): Promise<void> => {
    job = await JobUnderTest.open(options);
    job.approve();
  };
  afterEach(() => job.close());

  const word = { orderId, newWhmcsOrder: true };
  const ask = async (payload: unknown = word): Promise<string> => {
    const [answer] = await job.ask('retry', payload);
    return `${answer?.done ? 'done' : 'no'}: ${answer?.text ?? 'nothing'}`;
  };
  const run = async (): Promise<void> => {
    await job.arrives();
    await job.rest();
  };
  const adds = (): number => job.whmcs.calls.filter((call) => call === 'AddOrder').length;
  /** Nothing was written, added or forgotten by a word that was refused. */
  const assertNothingDone = async (made: number[]): Promise<void> => {
    assert.deepEqual(job.whmcs.added, made);
    assert.deepEqual((await job.record()).generation, 1);
    assert.equal((await job.record()).attemptState, 'closed');
  };

  describe('in place of one that is on record', () => {
    /** Order 5001, accepted; then `end` befalls it, and a person starts anew. */
    const made = async (end: () => void, options: JobOptions = {}): Promise<void> => {
      await begin(options);
      await run();
      assert.equal(job.status(), 'Activated');
      end();
      job.salesforce.edit(orderId, { activationStatus: 'Activating' });
      await run();
      job.salesforce.book.length = 0;
    };
    const set = (status: string) => () => void (job.whmcs.order(5001).status = status);
    const deleted = (): void => void (job.whmcs.orders.length = 0);

    for (const [what, end] of [
      ['Cancelled', set('Cancelled')],
      ['Fraud', set('Fraud')],
      ['deleted', deleted],
    ] as const) {
      it(`makes exactly one, once the order is ${what}, and no plain retry does`, async () => {
        await made(end);
        assert.match(await ask(orderId), /^done/);
        await job.rest();
        assert.equal(job.errorCode(), 'WHMCS_ORDER_GONE');
        assert.match(job.errorMessage(), /newWhmcsOrder: true/);
        assert.deepEqual(job.whmcs.added, [5001]);

        assert.match(await ask(), /^done: In place of WHMCS order 5001: /);
        await job.rest();
        assert.equal(job.status(), 'Activated', job.ends.join(' | '));
        assert.deepEqual(job.whmcs.added, [5001, 5002]);
        assert.deepEqual(job.whmcs.accepted, [5001, 5002]);
        assert.equal(job.whmcs.order(5002).notes, `sfOrderId=${orderId};i=${job.desk.provisioning.store.id}-a2`);
        assert.equal(job.salesforce.orders.get(orderId)?.whmcsOrderId, '5002');
        assert.deepEqual(
          (await job.record()).past.map((one) => one.orderId),
          [5001],
        );
      });
    }

    it('clears the dead one’s id in Salesforce in the write of Activating', async () => {
      await made(set('Cancelled'));
      await ask();
      const [first] = job.salesforce.book;
      assert.equal(first?.change.activationStatus, 'Activating');
      assert.equal(first?.change.whmcsOrderId, null);
      await job.rest();
    });

    it('is taken for an Order that Salesforce shows as Activated', async () => {
      await begin();
      await run();
      set('Cancelled')();
      assert.match(await ask(orderId), /no: The Order is Activated already/);
      assert.match(await ask(), /^done/);
      await job.rest();
      assert.deepEqual(job.whmcs.added, [5001, 5002]);
    });

    it('takes a list of orders, and answers for each', async () => {
      await made(set('Cancelled'));
      const answers = await job.ask('retry', [word, { orderId: '801000000000009AAA', newWhmcsOrder: true }, 'hello']);
      assert.deepEqual(
        answers.map((one) => [one.subject, one.done]),
        [
          [orderId, true],
          ['801000000000009AAA', false],
          ['hello', false],
        ],
      );
      await job.rest();
      assert.deepEqual(job.whmcs.added, [5001, 5002]);
    });

    it('holds once: what becomes of the new one needs a new word', async () => {
      await made(set('Cancelled'));
      await ask();
      assert.match(await ask(), /^no: (Already in progress|Another step|WHMCS order 5002 is)/);
      await job.rest();
      job.whmcs.order(5002).status = 'Cancelled';
      job.salesforce.edit(orderId, { activationStatus: 'Activating' });
      await run();
      assert.equal(job.errorCode(), 'WHMCS_ORDER_GONE');
      assert.deepEqual(job.whmcs.added, [5001, 5002]);
      await ask();
      await job.rest();
      assert.deepEqual(job.whmcs.added, [5001, 5002, 5003]);
      assert.equal(job.status(), 'Activated');
    });

    for (const status of ['Pending', 'Active']) {
      it(`is refused while the order is ${status}`, async () => {
        await begin();
        await run();
        job.whmcs.order(5001).status = status;
        assert.match(await ask(), new RegExp(`^no: WHMCS order 5001 is ${status}: retry without the word`));
        await assertNothingDone([5001]);
      });
    }

    it('is refused while the order has a status that we do not judge', async () => {
      await begin();
      await run();
      set('On Hold')();
      assert.match(await ask(), /^no: WHMCS order 5001 has the status 'On Hold'/);
      await assertNothingDone([5001]);
    });

    it('is refused while WHMCS cannot be read', async () => {
      await made(set('Cancelled'));
      job.whmcs.beforeRead = (action) => {
        throw awayError(action);
      };
      assert.match(await ask(), /^no: WHMCS cannot be read \(GetOrders: HTTP 503\)/);
      job.whmcs.beforeRead = () => undefined;
      await assertNothingDone([5001]);
    });

    it('is refused while no node has a connection to that WHMCS', async () => {
      await made(set('Cancelled'));
      job.connected = false;
      assert.match(await ask(), /^no: WHMCS cannot be read: no node with a connection/);
      await assertNothingDone([5001]);
    });

    it('is refused while another order that was made for it lives', async () => {
      await made(set('Cancelled'));
      job.whmcs.add({ clientId, items: asked(), notes: `sfOrderId=${orderId};i=ffffffff-a1` });
      assert.match(await ask(), /^no: WHMCS order 5002 of client 1001 was made for it too/);
      await assertNothingDone([5001, 5002]);
    });

    it('does not accept the new one when the old one has come alive again', async () => {
      await made(set('Cancelled'));
      job.whmcs.onAdded = () => set('Pending')();
      await ask();
      await job.rest();
      assert.equal(job.errorCode(), 'WHMCS_TWIN');
      assert.match(job.errorMessage(), /5001 and 5002/);
      assert.deepEqual(job.whmcs.accepted, [5001]);
    });

    it('does not accept it either where WHMCS keeps no marks, and the client has had many orders since', async () => {
      await made(() => {
        set('Cancelled')();
        job.whmcs.keepsNotes = false;
        job.whmcs.order(5001).notes = '';
      });
      for (let made = 0; made < 60; made++) job.whmcs.add({ clientId, items: asked() });
      job.whmcs.onAdded = () => set('Active')();
      await ask();
      await job.rest();
      assert.equal(job.errorCode(), 'WHMCS_TWIN', job.ends.join(' | '));
      assert.match(job.errorMessage(), /5001 and 5062/);
      assert.deepEqual(job.whmcs.accepted, [5001]);
    });

    it('goes on with the old one when it has come alive again and the new one was cancelled', async () => {
      await made(set('Cancelled'));
      job.whmcs.onAdded = () => set('Active')();
      await ask();
      await job.rest();
      job.whmcs.order(5002).status = 'Cancelled';
      await ask(orderId);
      await job.rest();
      assert.equal(job.status(), 'Activated', job.ends.join(' | '));
      assert.equal(job.salesforce.orders.get(orderId)?.whmcsOrderId, '5001');
      assert.deepEqual(
        (await job.record()).past.map((one) => one.orderId),
        [5002],
      );
      assert.deepEqual(job.whmcs.accepted, [5001]);
    });

    it('leaves nothing of the dead one in what is told of the new one', async () => {
      await made(set('Cancelled'));
      job.whmcs.addFaults = [{ end: 'refused', message: 'Out of stock' }];
      await ask();
      await job.rest();
      const { report, accepted } = await job.record();
      assert.deepEqual([report?.status, report?.whmcsOrderId, report?.services, accepted], ['Failed', null, [], null]);
    });

    it('is taken though an accept of the dead one is not settled', async () => {
      await made(set('Cancelled'));
      const { accepts } = await job.record();
      await job.desk.record({ accepts: accepts.map((one) => ({ ...one, settled: null })) });
      assert.match(await ask(), /^done/);
      await job.rest();
      assert.equal(job.status(), 'Activated', job.ends.join(' | '));
      assert.equal((await job.record()).accepts[0]?.settled?.how, 'dead');
    });

    it('is told of a row that a call from before it makes late', async () => {
      await begin();
      job.whmcs.addFaults = [{ end: 'unknown' }];
      await run();
      assert.equal(adds(), 2);
      set('Cancelled')();
      await ask();
      await job.rest();
      assert.deepEqual(job.whmcs.added, [5001, 5002]);
      job.whmcs.add({ clientId, items: asked(), notes: `sfOrderId=${orderId};i=${job.desk.provisioning.store.id}-a1` });
      await job.intake.stop();
      await job.desk.settle(31 * 60_000);
      const alarms = job.desk.lines.filter((line) => line.level === 'error' && /turned up late/.test(line.text));
      assert.deepEqual(
        alarms.map((line) => line.facts?.['candidates']),
        ['5003'],
      );
      assert.deepEqual(job.whmcs.accepted, [5001, 5002]);
    });

    it('is taken though what became of the accept was never known', async () => {
      await begin();
      job.whmcs.acceptFaults = [{ end: 'unknown' }];
      await run();
      assert.equal(job.errorCode(), 'WHMCS_ACCEPT_UNKNOWN');
      set('Cancelled')();
      assert.match(await ask(), /^done/);
      await job.rest();
      assert.equal(job.status(), 'Activated', job.ends.join(' | '));
      assert.deepEqual(job.whmcs.accepted, [5001, 5002]);
    });
  });

  describe('for an order that Salesforce names', () => {
    const named = async (status: string): Promise<void> => {
      await begin();
      job.whmcs.add({ clientId, items: asked(), by: 'person' }).status = status;
      job.salesforce.edit(orderId, { whmcsOrderId: '5001' });
    };

    it('makes one in place of it once a run has found it dead', async () => {
      await named('Cancelled');
      assert.match(await ask(), /^no: WHMCS order 5001, which Salesforce names, was not read yet/);
      await run();
      assert.equal(job.errorCode(), 'WHMCS_ORDER_GONE');
      assert.equal(adds(), 0);
      assert.match(await ask(), /^done/);
      await job.rest();
      assert.equal(job.status(), 'Activated', job.ends.join(' | '));
      assert.deepEqual(job.whmcs.added, [5001, 5002]);
    });

    it('is not needed where nothing is known of the order: it is a plain retry', async () => {
      await begin();
      assert.match(await ask(), /^done: Handed out/);
      await job.rest();
      assert.deepEqual(job.whmcs.added, [5001]);
    });
  });

  describe('after a stop, where AddOrder is never sent twice by itself', () => {
    const stopped = async (): Promise<void> => {
      await begin({ resend: 'never' });
      job.whmcs.addFaults = [{ end: 'unknown' }];
      await run();
      assert.equal(job.errorCode(), 'WHMCS_OUTCOME_UNKNOWN');
      assert.equal(adds(), 1);
    };

    it('adds once, and a plain retry does not: it says so', async () => {
      await stopped();
      await ask(orderId);
      await job.rest();
      assert.equal(job.status(), 'Failed');
      assert.match(job.errorMessage(), /Resend is "never": .*newWhmcsOrder: true/);
      assert.equal(adds(), 1);

      assert.match(await ask(), /^done/);
      await job.rest();
      assert.equal(job.status(), 'Activated', job.ends.join(' | '));
      assert.deepEqual(job.whmcs.added, [5001]);
      assert.equal(adds(), 2);
    });

    it('holds for one settling: after the next stop a new word is needed', async () => {
      await stopped();
      job.whmcs.addFaults = [{ end: 'unknown' }];
      await ask();
      await job.rest();
      assert.equal(job.errorCode(), 'WHMCS_OUTCOME_UNKNOWN');
      assert.equal(adds(), 2);
      await ask(orderId);
      await job.rest();
      assert.equal(adds(), 2);
      await ask();
      await job.rest();
      assert.equal(adds(), 3);
      assert.deepEqual(job.whmcs.added, [5001]);
    });

    it('is refused, naming it, while an order that may be its own lives; not any more once that is cancelled', async () => {
      await stopped();
      job.whmcs.add({ clientId, items: asked(), by: 'person' });
      assert.match(await ask(), /^no: WHMCS order 5001 may be its own: put the id into WHMCS_Order_ID__c/);
      assert.equal(adds(), 1);
      job.whmcs.order(5001).status = 'Cancelled';
      assert.match(await ask(), /^done/);
      await job.rest();
      assert.equal(job.status(), 'Activated', job.ends.join(' | '));
      assert.deepEqual(job.whmcs.added, [5001, 5002]);
    });

    it('is refused while it is not known yet what became of the call', async () => {
      await begin({ resend: 'never' });
      job.whmcs.addFaults = [{ end: 'unknown' }];
      await job.arrives();
      const [event] = await job.desk.provisioning.store.inbox.ofOrder(orderId);
      assert.ok(event);
      await job.desk.provisioning.endings.done({ eventId: event.id, handout: event.handout, orderId });
      assert.match(await ask(), /^no: It is not known yet what became of AddOrder/);
      assert.equal(adds(), 1);
    });

    it('is refused when its order has turned up meanwhile, and a plain retry goes on with that', async () => {
      await stopped();
      const store = job.desk.provisioning.store.id;
      job.whmcs.add({ clientId, items: asked(), notes: `sfOrderId=${orderId};i=${store}-a1` });
      assert.match(await ask(), /^no: WHMCS order 5001 is Pending: retry without the word goes on with it/);
      await ask(orderId);
      await job.rest();
      assert.equal(job.status(), 'Activated', job.ends.join(' | '));
      assert.equal(adds(), 1);
    });

    it('is refused while WHMCS cannot be read', async () => {
      await stopped();
      job.whmcs.beforeRead = (action) => {
        throw awayError(action);
      };
      assert.match(await ask(), /^no: WHMCS cannot be read/);
      job.whmcs.beforeRead = () => undefined;
      await ask(orderId);
      await job.rest();
      assert.equal(adds(), 1, 'nothing of the word was kept');
    });

    it('is not taken, nor kept, for an Order that Salesforce shows as Activated', async () => {
      await stopped();
      job.salesforce.edit(orderId, { activationStatus: 'Activated' });
      assert.equal(await ask(), 'no: The Order is Activated already');
      assert.equal((await job.record()).adds[0]?.newOrderAsked, false);
    });

    it('does not add beside an order that is made between the word and the run', async () => {
      await stopped();
      job.salesforce.beforeWrite = () => {
        job.salesforce.beforeWrite = () => undefined;
        job.whmcs.add({ clientId, items: asked(), by: 'person' });
      };
      assert.match(await ask(), /^done/);
      await job.rest();
      assert.equal(adds(), 1);
      assert.match(job.errorMessage(), /may be ours: 5001/);
      job.whmcs.order(5001).status = 'Cancelled';
      await ask(orderId);
      await job.rest();
      assert.equal(adds(), 1, 'the word was for that run');
    });
  });

  it('stands where Activating could not be written after it was taken: it is given once more', async () => {
    await begin();
    await run();
    job.whmcs.order(5001).status = 'Cancelled';
    job.salesforce.refuse = { kind: 'refused', code: 'UNABLE_TO_LOCK_ROW', message: 'locked', fields: [] };
    assert.match(await ask(), /^no: Activating could not be written/);
    job.salesforce.refuse = null;
    assert.match(await ask(), /^done: In place of WHMCS order 5001/);
    await job.rest();
    assert.deepEqual([job.status(), job.whmcs.added, job.whmcs.accepted], ['Activated', [5001, 5002], [5001, 5002]]);
  });
});

describe('The fix of a dead order', () => {
  it('names the word', () => {
    assert.match(errorCodes.WHMCS_ORDER_GONE.fix, /"retry".*\{ orderId, newWhmcsOrder: true \}/);
  });
});
