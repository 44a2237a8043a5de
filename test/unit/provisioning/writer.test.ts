import assert from 'node:assert/strict';
import { SalesforceError, type WriteEnd } from '../../../lib/salesforce/contract';
import { acceptedRecord, cause, DeskUnderTest, orderId } from './desk-under-test';

describe('the writer of results', () => {
  let desk: DeskUnderTest;
  const begin = async (withAttempts = true): Promise<void> => {
    desk = await DeskUnderTest.open({ withAttempts });
    desk.salesforce.add(orderId);
    await desk.record(acceptedRecord);
  };
  const activate = async (): Promise<void> => {
    await desk.provisioning.endings.activate(desk.of(await desk.handOut()));
    await desk.settle();
  };
  afterEach(() => desk.close());

  it('goes on trying while Salesforce is away, without an error of the order', async () => {
    await begin();
    desk.salesforce.readFaults.push(
      ...[1, 2, 3].map(() => new SalesforceError('503', 'Service Unavailable', 'temporary')),
    );
    await activate();
    assert.deepEqual(desk.salesforce.statuses(orderId), []);
    await desk.settle(60_000);
    assert.deepEqual(desk.salesforce.statuses(orderId), ['Activated']);
    assert.equal(desk.lines.filter((line) => line.level === 'error').length, 0);
  });

  it('tries a locked row again, and writes once', async () => {
    await begin();
    desk.salesforce.ends.push({ kind: 'later', code: 'UNABLE_TO_LOCK_ROW', message: 'locked' });
    await activate();
    await desk.settle(5_000);
    assert.deepEqual(desk.salesforce.statuses(orderId), ['Activated']);
  });

  it('raises one alarm when Salesforce refuses the result, keeps it, and tells it once it may', async () => {
    await begin();
    const refused: WriteEnd = {
      kind: 'refused',
      code: 'INVALID_FIELD_FOR_INSERT_UPDATE',
      message: 'Unable to update',
      fields: ['WHMCS_Order_ID__c'],
    };
    desk.salesforce.ends.push(refused, refused, refused);
    await activate();
    await desk.settle(20_000);
    await desk.settle(100_000);
    assert.equal(desk.lines.filter((line) => line.level === 'error').length, 1);
    assert.deepEqual(desk.salesforce.statuses(orderId), []);
    await desk.settle(1_000_000);
    assert.deepEqual(desk.salesforce.statuses(orderId), ['Activated']);
  });

  it('reads after a PATCH that was not answered, and does not write it twice', async () => {
    await begin();
    desk.salesforce.ends.push('lost');
    await activate();
    await desk.settle(10_000);
    assert.deepEqual(desk.salesforce.statuses(orderId), ['Activated']);
    assert.equal((await desk.readRecord()).report?.told?.how, 'written');
  });

  it('never overwrites a newer attempt with an older result', async () => {
    await begin();
    desk.salesforce.ends.push({ kind: 'later', code: '503', message: 'away' });
    await desk.record({ ...acceptedRecord, accepted: null });
    await desk.provisioning.endings.fail(desk.of(await desk.handOut()), cause().part());
    await desk.settle();
    desk.salesforce.edit(orderId, { attempt: 2 });
    await desk.settle(10_000);
    assert.deepEqual(desk.salesforce.statuses(orderId), []);
    assert.equal((await desk.readRecord()).report?.told?.how, 'dropped');
  });

  it("never overwrites a person's edit", async () => {
    await begin();
    desk.salesforce.ends.push({ kind: 'later', code: '503', message: 'away' });
    await activate();
    desk.salesforce.edit(orderId, { activationStatus: 'Failed' });
    await desk.settle(10_000);
    assert.deepEqual(desk.salesforce.statuses(orderId), []);
    assert.equal(desk.salesforce.orders.get(orderId)?.activationStatus, 'Failed');
  });

  it('without attempt fields writes only over what it has read, and waits while the last change is fresh', async () => {
    await begin(false);
    desk.salesforce.edit(orderId, { lastModifiedAt: desk.clock.now() });
    await activate();
    assert.deepEqual(desk.salesforce.statuses(orderId), []);
    await desk.settle(2_500);
    assert.deepEqual(desk.salesforce.statuses(orderId), ['Activated']);
    assert.equal(desk.salesforce.book.at(-1)?.change.resultAttempt, undefined);
  });

  it('drops the result of an Order that was deleted', async () => {
    await begin();
    desk.salesforce.orders.delete(orderId);
    await activate();
    assert.equal((await desk.readRecord()).report?.told?.how, 'dropped');
  });

  it('is taken up by the next process', async () => {
    await begin();
    desk.salesforce.ends.push({ kind: 'later', code: '503', message: 'away' });
    await activate();
    await desk.provisioning.close();
    const { directory, clock, salesforce } = desk;
    desk = await DeskUnderTest.open({ directory, clock, salesforce });
    await desk.settle(1_000);
    assert.deepEqual(salesforce.statuses(orderId), ['Activated']);
  });
});
