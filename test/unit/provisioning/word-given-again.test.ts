/**
 * The word for a new WHMCS order that is given once more, after the first one was taken and came to nothing: a person may
 * have done something about the order meanwhile. Judged by the books of both vendors.
 */
import assert from 'node:assert/strict';
import { orderId } from './desk-under-test';
import { JobUnderTest } from './job-under-test';
import { awayError } from './vendor-doubles/in-memory-whmcs';
import { asked, clientId } from './vendor-doubles/world';

describe('The word for a new WHMCS order, given once more', () => {
  let job: JobUnderTest;
  afterEach(() => job.close());

  const ask = async (payload: unknown = { orderId, newWhmcsOrder: true }): Promise<string> => {
    const [answer] = await job.ask('retry', payload);
    return `${answer?.done ? 'done' : 'no'}: ${answer?.text ?? 'nothing'}`;
  };
  const run = async (): Promise<void> => {
    await job.arrives();
    await job.rest();
  };
  const set = (id: number, status: string): void => void (job.whmcs.order(id).status = status);
  const named = (): unknown => job.salesforce.orders.get(orderId)?.whmcsOrderId;
  const books = (): unknown[] => [job.status(), named(), job.whmcs.added, job.whmcs.accepted];
  /** A person makes an order in WHMCS, has it live, and puts its id into Salesforce. */
  const makesByHand = (over: { activationStatus?: string } = {}): void => {
    const { id } = job.whmcs.add({ clientId, items: asked(), by: 'person' });
    job.whmcs.accept(id);
    job.salesforce.edit(orderId, { ...over, whmcsOrderId: String(id) });
  };

  /** 5001 was live, and is dead. */
  const dead = async (): Promise<void> => {
    job = await JobUnderTest.open();
    job.approve();
    await run();
    assert.deepEqual(books(), ['Activated', '5001', [5001], [5001]]);
    set(5001, 'Cancelled');
  };
  /** The word is taken, and Activating cannot be written. */
  const takenInVain = async (): Promise<void> => {
    job.salesforce.refuse = { kind: 'refused', code: 'UNABLE_TO_LOCK_ROW', message: 'locked', fields: [] };
    assert.match(await ask(), /^no: Activating could not be written/);
    job.salesforce.refuse = null;
  };
  /** The word is taken, Activating is written, and the run ends before anything is asked of WHMCS. */
  const runInVain = async (): Promise<void> => {
    const order = job.salesforce.orders.get(orderId);
    assert.ok(order);
    const { items } = order;
    order.items = [];
    assert.match(await ask(), /^done/);
    await job.rest();
    assert.deepEqual([job.status(), job.errorCode(), named()], ['Failed', 'ORDER_EMPTY', null]);
    order.items = items;
  };

  describe('while the order that it was for lives again', () => {
    for (const status of ['Active', 'Pending'])
      it(`is refused where it is ${status} and Salesforce shows Activated, which stays`, async () => {
        await dead();
        await takenInVain();
        set(5001, status);
        assert.equal(
          await ask(),
          `no: WHMCS order 5001 is ${status}: retry without the word goes on with it, or cancel it in WHMCS first`,
        );
        assert.equal(await ask(orderId), 'no: The Order is Activated already');
        await job.rest();
        assert.deepEqual(books(), ['Activated', '5001', [5001], [5001]]);
      });

    it('is refused where a run was in vain, and a plain retry goes on with that order', async () => {
      await dead();
      await runInVain();
      set(5001, 'Active');
      assert.match(await ask(), /^no: WHMCS order 5001 is Active: retry without the word goes on with it/);
      assert.match(await ask(orderId), /^done/);
      await job.rest();
      assert.deepEqual(books(), ['Activated', '5001', [5001], [5001]]);
    });

    it('is refused where WHMCS has refused the new one, and a plain retry adds nothing beside it', async () => {
      await dead();
      job.whmcs.addFaults = [{ end: 'refused', message: 'Out of stock' }];
      assert.match(await ask(), /^done/);
      await job.rest();
      assert.equal(job.errorCode(), 'WHMCS_REFUSED');
      set(5001, 'Active');
      assert.match(await ask(), /^no: WHMCS order 5001 is Active/);
      assert.match(await ask(orderId), /^done/);
      await job.rest();
      assert.deepEqual(books(), ['Activated', '5001', [5001], [5001]]);
    });

    it('is refused while that order has a status that we do not judge', async () => {
      await dead();
      await takenInVain();
      set(5001, 'On Hold');
      assert.match(await ask(), /^no: WHMCS order 5001 has the status 'On Hold'/);
      assert.deepEqual(books(), ['Activated', '5001', [5001], [5001]]);
    });

    it('is taken once it is cancelled again, and makes one', async () => {
      await dead();
      await takenInVain();
      set(5001, 'Active');
      assert.match(await ask(), /^no/);
      set(5001, 'Cancelled');
      assert.match(await ask(), /^done: In place of WHMCS order 5001: /);
      await job.rest();
      assert.deepEqual(books(), ['Activated', '5002', [5001, 5002], [5001, 5002]]);
      assert.equal((await job.record()).generation, 2);
    });
  });

  describe('while one from before that lives again, of which WHMCS keeps no mark', () => {
    /** 5001 and, in its place, 5002: both dead. */
    const twoDead = async (): Promise<void> => {
      await dead();
      assert.match(await ask(), /^done/);
      await job.rest();
      assert.equal(job.status(), 'Activated', job.ends.join(' | '));
      job.whmcs.order(5001).notes = '';
      set(5002, 'Cancelled');
    };

    it('is refused the first time', async () => {
      await twoDead();
      set(5001, 'Active');
      assert.match(await ask(), /^no: WHMCS order 5001 of client 1001 was made for it too, and is not cancelled/);
      await job.rest();
      assert.deepEqual(books(), ['Activated', '5002', [5001, 5002], [5001, 5002]]);
    });

    it('is refused, and a plain retry goes on with that one, wherever WHMCS has moved it', async () => {
      await twoDead();
      await runInVain();
      set(5001, 'Active');
      job.whmcs.order(5001).clientId = 1007;
      assert.match(await ask(), /^no: WHMCS order 5001 of client 1007 was made for it too.*: retry without the word/);
      assert.match(await ask(orderId), /^done/);
      await job.rest();
      assert.deepEqual(books(), ['Activated', '5001', [5001, 5002], [5001, 5002]]);
    });
  });

  describe('over the id of an order that a person has made', () => {
    it('is refused where that Order is Activated by now', async () => {
      await dead();
      await takenInVain();
      makesByHand();
      assert.equal(await ask(), 'no: The Order is Activated already');
      await job.rest();
      assert.deepEqual(books(), ['Activated', '5002', [5001, 5002], [5001]]);
    });

    it('is refused after a run in vain, and a plain retry takes that order up', async () => {
      await dead();
      await runInVain();
      makesByHand();
      assert.match(
        await ask(),
        /^no: WHMCS order 5002, which Salesforce names, .*: retry without the word takes it up/,
      );
      assert.deepEqual(books(), ['Failed', '5002', [5001, 5002], [5001]]);
      assert.match(await ask(orderId), /^done/);
      await job.rest();
      assert.deepEqual(books(), ['Activated', '5002', [5001, 5002], [5001]]);
    });

    it('is refused the first time too, beside the dead one on record', async () => {
      await dead();
      makesByHand({ activationStatus: 'Failed' });
      assert.equal(
        await ask(),
        'no: WHMCS order 5002, which Salesforce names, is not the one on record (5001): clear it if a new one is to be made all the same',
      );
      await job.rest();
      assert.deepEqual(books(), ['Failed', '5002', [5001, 5002], [5001]]);
    });

    it('does not clear it where it was put in while WHMCS was read for the word', async () => {
      await dead();
      job.whmcs.beforeRead = () => {
        job.whmcs.beforeRead = () => undefined;
        makesByHand();
      };
      assert.match(await ask(), /^no: Activating could not be written: the Order.* has just changed/);
      await job.rest();
      assert.deepEqual(books(), ['Activated', '5002', [5001, 5002], [5001]]);
    });
  });

  it('is refused while WHMCS cannot be read, and holds once it can', async () => {
    await dead();
    await takenInVain();
    job.whmcs.beforeRead = (action) => {
      throw awayError(action);
    };
    assert.match(await ask(), /^no: WHMCS cannot be read/);
    job.whmcs.beforeRead = () => undefined;
    assert.match(await ask(), /^done: In place of WHMCS order 5001/);
    await job.rest();
    assert.deepEqual(books(), ['Activated', '5002', [5001, 5002], [5001, 5002]]);
  });

  it('says that the modules of the dead one may have run', async () => {
    await dead();
    assert.match(await ask(), /AcceptOrder was sent for 5001 before, and its modules may have run: look there too$/);
    await job.rest();
  });
});
