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
  const errors = (): string[] =>
    desk.lines.filter((line) => line.level === 'error').map(({ text, facts }) => `${text} ${JSON.stringify(facts)}`);

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

  it('never overwrites the first Retry with an older result in an org that counts attempts from 0', async () => {
    await begin();
    desk.salesforce.edit(orderId, { attempt: 0 });
    desk.salesforce.ends.push({ kind: 'later', code: '503', message: 'away' });
    await desk.record({ ...acceptedRecord, accepted: null, salesforceAttempt: 0 });
    await desk.provisioning.endings.fail(desk.of(await desk.handOut()), cause().part());
    await desk.settle();
    desk.salesforce.edit(orderId, { attempt: 1 });
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

  it('keeps the result of an Order that it cannot see, with one alarm, and drops it after a day', async () => {
    await begin();
    const order = desk.salesforce.orders.get(orderId);
    desk.salesforce.orders.delete(orderId);
    await activate();
    desk.clock.setWall(desk.clock.now() + 23 * 3_600_000);
    await desk.settle(600_000);
    assert.equal((await desk.readRecord()).report?.told, null, 'it may just be hidden from our user');
    assert.equal(errors().length, 1, errors().join('\n'));
    desk.clock.setWall(desk.clock.now() + 3_600_000);
    await desk.settle(600_000);
    assert.equal((await desk.readRecord()).report?.told?.how, 'dropped');
    const [entry] = await desk.provisioning.store.timeline.ofOrder(orderId);
    assert.match(`${entry?.step} ${entry?.status} ${entry?.detail}`, /^sf_success_update skipped .*no such Order/);
    const outcome = await desk.provisioning.writer.outcome(orderId, 1_000);
    assert.match(
      outcome.kind === 'dropped' ? outcome.why : outcome.kind,
      /no such Order to the integration user, for a day/,
    );
    assert.ok(order);
  });

  it('tells the result of an Order that is shown again', async () => {
    await begin();
    const order = desk.salesforce.orders.get(orderId);
    desk.salesforce.orders.delete(orderId);
    await activate();
    await desk.settle(3_600_000);
    if (order) desk.salesforce.orders.set(orderId, order);
    await desk.settle(600_000);
    assert.deepEqual(desk.salesforce.statuses(orderId), ['Activated']);
  });

  it('raises one alarm for many orders that meet the same, and another when it comes again', async () => {
    await begin();
    const refused: WriteEnd = { kind: 'refused', code: 'INSUFFICIENT_ACCESS_OR_READONLY', message: 'no', fields: [] };
    const all = [orderId, '801000000000021AAA', '801000000000031AAA', '801000000000041AAA'];
    desk.salesforce.refuse = refused;
    for (const id of all) {
      if (id !== orderId) desk.salesforce.add(id);
      await desk.record(acceptedRecord, id);
      await desk.provisioning.endings.activate(desk.of(await desk.handOut(id)));
    }
    await desk.settle(3_600_000);
    assert.equal(errors().length, 1, errors().join('\n'));
    desk.salesforce.refuse = null;
    await desk.settle(600_000);
    for (const id of all) assert.deepEqual(desk.salesforce.statuses(id), ['Activated'], id);
    desk.salesforce.refuse = refused;
    const late = '801000000000099AAA';
    desk.salesforce.add(late);
    await desk.record(acceptedRecord, late);
    await desk.provisioning.endings.activate(desk.of(await desk.handOut(late)));
    await desk.settle();
    assert.equal(errors().length, 2);
  });

  it('does not take an outage in between for the end of a refusal', async () => {
    await begin();
    const refused: WriteEnd = { kind: 'refused', code: 'FIELD_INTEGRITY_EXCEPTION', message: 'no', fields: [] };
    const away: WriteEnd = { kind: 'later', code: '503', message: 'away' };
    desk.salesforce.ends.push(refused, away, refused, away, away, refused);
    await activate();
    await desk.settle(1_200_000);
    assert.equal(errors().length, 1, errors().join('\n'));
    assert.deepEqual(desk.salesforce.statuses(orderId), ['Activated']);
    assert.equal(desk.lines.filter(({ text }) => text === 'Results can be told again').length, 1);
  });

  it('drops a result without an alarm when the org’s rule refuses it for a newer attempt', async () => {
    await begin();
    // The rule alone refuses it.
    desk.salesforce.conditional = false;
    desk.salesforce.beforeWrite = () => desk.salesforce.edit(orderId, { attempt: 2 });
    await activate();
    assert.equal((await desk.readRecord()).report?.told?.how, 'dropped');
    assert.deepEqual(desk.salesforce.book, []);
    assert.deepEqual(errors(), []);
  });

  describe('the service ids of the items', () => {
    it('are part of the result: they are tried again, and the status is not written again', async () => {
      await begin();
      desk.salesforce.itemEnds.push(
        { kind: 'later', code: 'UNABLE_TO_LOCK_ROW', message: 'locked' },
        { kind: 'unknown', code: 'ETIMEOUT', message: 'no answer' },
      );
      const event = await desk.handOut();
      await desk.provisioning.endings.activate(desk.of(event));
      const outcome = desk.provisioning.writer.outcome(orderId, 5_000);
      await desk.settle();
      assert.deepEqual(await outcome, { kind: 'written' }, 'the status stands');
      assert.equal((await desk.readRecord()).report?.told, null);
      // Somebody else changes the Order meanwhile.
      desk.salesforce.edit(orderId, {});
      await desk.settle(30_000);
      assert.equal((await desk.readRecord()).report?.told?.how, 'written');
      assert.deepEqual(desk.salesforce.items, [{ itemId: '8021', serviceId: '9001' }]);
      assert.equal(desk.salesforce.book.length, 1);
    });

    it('that are refused are one alarm, and no end of the result', async () => {
      await begin();
      const refused: WriteEnd = { kind: 'refused', code: 'ENTITY_IS_LOCKED', message: 'locked', fields: [] };
      desk.salesforce.itemEnds.push(refused, refused);
      await activate();
      assert.equal((await desk.readRecord()).report?.told?.how, 'written');
      const second = '801000000000002AAA';
      desk.salesforce.add(second);
      await desk.record(acceptedRecord, second);
      await desk.provisioning.endings.activate(desk.of(await desk.handOut(second)));
      await desk.settle();
      assert.equal(errors().length, 1, errors().join('\n'));
      assert.match(errors()[0] ?? '', /service ids.*locked/);
    });
  });

  it('sends one PATCH of an order at a time, whoever asks, and lets nobody wait for ever', async () => {
    await begin();
    await desk.record({ ...acceptedRecord, accepts: [], attemptState: 'open' });
    let underWay = 0;
    let most = 0;
    let answer = (): void => undefined;
    const answered = new Promise<void>((resolve) => (answer = resolve));
    desk.salesforce.beforeRead = async () => {
      underWay += 1;
      most = Math.max(most, underWay);
      await answered;
      underWay -= 1;
    };
    const { writer } = desk.provisioning;
    await desk.provisioning.endings.activate(desk.of(await desk.handOut()));
    writer.soon(orderId);
    writer.notes.whmcsOrder(orderId, 5012);
    const waiting = writer.setActivating(orderId, { anew: true });
    writer.soon(orderId);
    await desk.settle(6_000);
    assert.deepEqual(await waiting, {
      was: null,
      end: { kind: 'later', code: 'BUSY', message: 'Another write to this Order is under way' },
    });
    assert.equal(most, 1);
    const { reads } = desk.salesforce;
    assert.equal(reads, 1);
    answer();
    await desk.settle(60_000);
    assert.equal(most, 1);
    assert.deepEqual(desk.salesforce.statuses(orderId), ['Activated']);
    assert.equal(desk.salesforce.reads, reads, 'who has left the line is not served, what is told is not read again');
  });

  it('leaves the timeline to the step that waits for it, and writes it where none does', async () => {
    await begin();
    const timeline = (id = orderId): Promise<unknown[]> => desk.provisioning.store.timeline.ofOrder(id);
    await desk.provisioning.endings.activate(desk.of(await desk.handOut()));
    const outcome = desk.provisioning.writer.outcome(orderId, 5_000);
    await desk.settle();
    assert.deepEqual(await outcome, { kind: 'written' });
    assert.deepEqual(await timeline(), []);
    const second = '801000000000002AAA';
    desk.salesforce.add(second);
    await desk.record(acceptedRecord, second);
    await desk.provisioning.endings.activate(desk.of(await desk.handOut(second)));
    await desk.settle();
    assert.equal((await timeline(second)).length, 1);
  });

  it('tries once more at most, however often it is asked while a try is under way', async () => {
    await begin();
    let answer = (): void => undefined;
    const answered = new Promise<void>((resolve) => (answer = resolve));
    desk.salesforce.beforeRead = () => answered;
    desk.salesforce.readFaults.push(...[1, 2, 3, 4].map(() => new SalesforceError('503', 'away', 'temporary')));
    await desk.provisioning.endings.activate(desk.of(await desk.handOut()));
    await desk.settle();
    for (let n = 0; n < 5; n++) desk.provisioning.writer.soon(orderId);
    answer();
    await desk.settle();
    assert.equal(desk.salesforce.reads, 2);
  });

  it('does not send a result that another took the place of while the Order was read', async () => {
    await begin();
    desk.salesforce.beforeRead = async () => {
      desk.salesforce.beforeRead = () => Promise.resolve();
      const { report } = await desk.readRecord();
      assert.ok(report);
      await desk.record({ report: { ...report, status: 'Failed', code: 'WHMCS_ORDER_GONE', at: report.at + 1 } });
    };
    await activate();
    await desk.settle(1_000);
    assert.deepEqual(desk.salesforce.statuses(orderId), ['Failed']);
    assert.equal((await desk.readRecord()).report?.told?.how, 'written');
  });

  it('does not send a note once the attempt has ended while the Order was read', async () => {
    await begin();
    desk.salesforce.beforeRead = async () => {
      desk.salesforce.beforeRead = () => Promise.resolve();
      await desk.record({ attemptState: 'closed' });
    };
    await desk.settle(60_000);
    assert.ok(desk.salesforce.reads > 0);
    assert.deepEqual(desk.salesforce.book, []);
  });

  it('tells a few orders at a time', async () => {
    await begin();
    const ids = Array.from({ length: 30 }, (_, n) => `8010000000001${String(n).padStart(2, '0')}AAA`);
    let underWay = 0;
    let most = 0;
    let answer = (): void => undefined;
    const answered = new Promise<void>((resolve) => (answer = resolve));
    desk.salesforce.beforeRead = async () => {
      underWay += 1;
      most = Math.max(most, underWay);
      await answered;
      underWay -= 1;
    };
    for (const id of ids) {
      desk.salesforce.add(id);
      await desk.record(acceptedRecord, id);
      await desk.provisioning.endings.activate(desk.of(await desk.handOut(id)));
    }
    await desk.settle();
    assert.equal(most, 8);
    answer();
    for (let n = 0; n < 10; n++) await desk.settle();
    assert.equal(desk.salesforce.book.length, 30);
  });

  it('asks for the waiting results again when the store could not list them', async () => {
    await begin();
    desk.salesforce.ends.push({ kind: 'later', code: '503', message: 'away' });
    await activate();
    await desk.provisioning.close();
    const { directory, clock, salesforce } = desk;
    desk = await DeskUnderTest.open({
      directory,
      clock,
      salesforce,
      breakStore: (store) => {
        const list = store.ledger.withTodo.bind(store.ledger);
        let broken = 2;
        store.ledger.withTodo = (...of) => (broken-- > 0 ? Promise.reject(new Error('disk')) : list(...of));
      },
    });
    await desk.settle(1_000);
    assert.deepEqual(salesforce.statuses(orderId), []);
    await desk.settle(11_000);
    assert.deepEqual(salesforce.statuses(orderId), ['Activated']);
  });

  it('tries again, without an alarm, when another process has taken the order over', async () => {
    await begin();
    const { ledger } = desk.provisioning.store;
    const write = ledger.write.bind(ledger);
    const event = desk.of(await desk.handOut());
    await desk.provisioning.endings.activate(event);
    ledger.write = () => Promise.resolve('fenced');
    await desk.settle();
    assert.deepEqual(desk.salesforce.book, [], 'nothing is sent without its mark');
    ledger.write = write;
    await desk.settle(10_000);
    assert.deepEqual(desk.salesforce.statuses(orderId), ['Activated']);
    assert.deepEqual(errors(), []);
  });

  it('raises one alarm while the store fails, goes on, and tells it once the store is well', async () => {
    await begin();
    const { ledger } = desk.provisioning.store;
    const read = ledger.read.bind(ledger);
    desk.salesforce.ends.push({ kind: 'later', code: '503', message: 'away' });
    await activate();
    ledger.read = () => Promise.reject(new Error('disk'));
    await desk.settle(60_000);
    assert.equal(errors().length, 1, errors().join('\n'));
    ledger.read = read;
    await desk.settle(10_000);
    assert.deepEqual(desk.salesforce.statuses(orderId), ['Activated']);
  });

  it('leaves no timer and no call when it closes', async () => {
    await begin();
    desk.salesforce.ends.push({ kind: 'later', code: '503', message: 'away' });
    await activate();
    await desk.provisioning.close();
    await desk.settle(600_000);
    assert.deepEqual(desk.salesforce.book, []);
    const reads = desk.salesforce.reads;
    desk.provisioning.writer.soon(orderId);
    desk.provisioning.writer.notes.whmcsOrder(orderId, 5012);
    await desk.settle(600_000);
    assert.equal(desk.salesforce.reads, reads);
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
