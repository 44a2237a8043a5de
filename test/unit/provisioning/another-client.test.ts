/** An Order whose Account is linked to another WHMCS client between two attempts: rows of both clients are its matter. */
import assert from 'node:assert/strict';
import { orderId } from './desk-under-test';
import { JobUnderTest } from './job-under-test';
import { asked } from './vendor-doubles/world';

const [first, second] = [1001, 1002];

describe('An Order that goes to another client in a later attempt', () => {
  let job: JobUnderTest;
  let clientId: number;
  afterEach(() => job.close());

  const ownMark = (): string => `sfOrderId=${orderId};i=${job.desk.provisioning.store.id}-a1`;
  /** The first AddOrder, for the first client, is not answered, and nothing of it is seen; then the link is corrected. */
  const begin = async (): Promise<void> => {
    clientId = first;
    job = await JobUnderTest.open({ clientOf: () => clientId });
    job.approve();
    job.whmcs.addFaults = [{ end: 'unknown' }, { end: 'refused', message: 'Client is closed' }];
    await job.arrives();
    await job.rest();
    assert.deepEqual([job.status(), job.whmcs.added], ['Failed', []], job.ends.join(' | '));
    clientId = second;
  };
  const retry = async (): Promise<void> => {
    const [answer] = await job.ask('retry', orderId);
    assert.equal(answer?.done, true, answer?.text);
    await job.rest();
  };
  /** WHMCS carries the first call out after all. */
  const lateCommit = (): void => void job.whmcs.add({ clientId: first, items: asked(), notes: ownMark() });

  it('is not accepted while the first client has an order of it, and both are named', async () => {
    await begin();
    job.whmcs.onAdded = (id) => {
      if (id === 5001) lateCommit();
    };
    await retry();
    assert.equal(job.errorCode(), 'WHMCS_TWIN');
    assert.match(
      job.errorMessage(),
      /^WHMCS clients 1001 and 1002 have two orders for this Salesforce Order: 5001 and 5002/,
    );
    assert.deepEqual(job.whmcs.accepted, []);
  });

  it('tells of an order of the first client that turns up later', async () => {
    await begin();
    await retry();
    assert.equal(job.status(), 'Activated', job.ends.join(' | '));
    lateCommit();
    await job.intake.stop();
    await job.desk.settle(31 * 60_000);
    const alarms = job.desk.lines.filter((line) => line.level === 'error' && /turned up late/.test(line.text));
    assert.deepEqual(
      alarms.map((line) => line.text),
      ['WHMCS order 5002 of client 1001 has turned up late, beside 5001; it may be ours'],
    );
    assert.deepEqual(job.whmcs.accepted, [5001]);
  });

  it('tells of it, although the process ends as soon as that is on record', async () => {
    await begin();
    await retry();
    lateCommit();
    await job.intake.stop();
    const { ledger } = job.desk.provisioning.store;
    const write = ledger.write.bind(ledger);
    ledger.write = async (id, fence, state) => {
      const end = await write(id, fence, state);
      const { watch } = state as unknown as { watch: { told: number[] } | null };
      if ((watch?.told ?? []).length > 0) throw new Error('killed here');
      return end;
    };
    await job.desk.settle(31 * 60_000);
    assert.ok(job.desk.lines.some((line) => line.level === 'error' && /5002 .* turned up late/.test(line.text)));
    ledger.write = write;
  });

  it('lets a person cancel the one of the client that was wrong', async () => {
    await begin();
    job.whmcs.onAdded = (id) => {
      if (id === 5001) lateCommit();
    };
    await retry();
    assert.match(await job.repair('cancel twin', { orderId, whmcsOrderId: 5002 }), /^done/);
    await retry();
    assert.equal(job.status(), 'Activated', job.ends.join(' | '));
    assert.deepEqual([job.whmcs.cancelled, job.whmcs.accepted], [[5002], [5001]]);
    assert.equal(job.whmcs.order(5001).clientId, second);
  });

  it('goes on with the first client’s once the other is cancelled, and the link put back', async () => {
    await begin();
    job.whmcs.onAdded = (id) => {
      if (id === 5001) lateCommit();
    };
    await retry();
    assert.match(await job.repair('cancel twin', { orderId, whmcsOrderId: 5001 }), /^done: .*5002 stays/);
    clientId = first;
    await retry();
    assert.equal(job.status(), 'Activated', job.ends.join(' | '));
    assert.deepEqual([job.whmcs.cancelled, job.whmcs.accepted], [[5001], [5002]]);
  });

  describe('is refused a new WHMCS order on a person’s word', () => {
    const word = { orderId, newWhmcsOrder: true };
    const ask = async (): Promise<string> => {
      const [answer] = await job.ask('retry', word);
      return `${answer?.done ? 'done' : 'no'}: ${answer?.text ?? 'nothing'}`;
    };
    const refusal =
      /^no: WHMCS order 5002 of client 1001 was made for it too, and is not cancelled: retry without the word/;

    it('while the first client has a living one, and makes one once that is cancelled', async () => {
      await begin();
      await retry();
      lateCommit();
      job.whmcs.order(5001).status = 'Cancelled';
      assert.match(await ask(), refusal);
      await job.rest();
      assert.deepEqual([job.whmcs.added, (await job.record()).generation], [[5001, 5002], 1]);
      job.whmcs.order(5002).status = 'Cancelled';
      assert.match(await ask(), /^done: In place of WHMCS order 5001: /);
      await job.rest();
      assert.equal(job.status(), 'Activated', job.ends.join(' | '));
      assert.deepEqual(
        [job.whmcs.added, job.whmcs.accepted],
        [
          [5001, 5002, 5003],
          [5001, 5003],
        ],
      );
    });

    it('while the first client has one of the generation before', async () => {
      await begin();
      await retry();
      job.whmcs.order(5001).status = 'Cancelled';
      assert.match(await ask(), /^done/);
      await job.rest();
      assert.deepEqual(job.whmcs.accepted, [5001, 5002]);
      job.whmcs.add({ clientId: first, items: asked(), notes: ownMark() });
      job.whmcs.order(5002).status = 'Cancelled';
      assert.match(await ask(), /^no: WHMCS order 5003 of client 1001 was made for it too/);
    });

    it('after a stop, while the first client has a living one', async () => {
      clientId = first;
      job = await JobUnderTest.open({ clientOf: () => clientId });
      job.approve();
      job.whmcs.addFaults = [{ end: 'unknown' }, { end: 'refused', message: 'Client is closed' }];
      await job.arrives();
      await job.rest();
      clientId = second;
      job.settings.resend = 'never';
      job.whmcs.addFaults = [{ end: 'unknown' }];
      await retry();
      assert.equal(job.errorCode(), 'WHMCS_OUTCOME_UNKNOWN', job.ends.join(' | '));
      lateCommit();
      assert.match(await ask(), /^no: WHMCS order 5001 of client 1001 was made for it too/);
      await job.rest();
      assert.deepEqual([job.whmcs.added, job.whmcs.accepted], [[5001], []]);
    });
  });
});
