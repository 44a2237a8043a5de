import assert from 'node:assert/strict';
import { failure } from '../../../lib/provisioning/failure';
import type { OrderRecord } from '../../../lib/provisioning/order-record';
import { acceptedRecord, cause, DeskUnderTest, orderId } from './desk-under-test';

const open: Partial<OrderRecord> = { attempt: 1, attemptState: 'open' };

const unsettled = (desk: DeskUnderTest): Partial<OrderRecord> => ({
  ...open,
  adds: [
    {
      id: 'a1',
      generation: 1,
      at: 0,
      sender: desk.provisioning.sender,
      whmcs: 'w',
      clientId: 1001,
      items: [],
      marker: 'm',
      watermark: 1,
      settled: null,
      stopped: null,
    } as unknown as OrderRecord['adds'][number],
  ],
});

describe('how an order ends', () => {
  let desk: DeskUnderTest;
  beforeEach(async () => {
    desk = await DeskUnderTest.open();
    desk.salesforce.add(orderId);
  });
  afterEach(() => desk.close());

  it('tells Activated with the WHMCS id and the services, once, after a proven accept', async () => {
    await desk.record(acceptedRecord);
    const event = await desk.handOut();
    assert.deepEqual(await desk.provisioning.endings.activate(desk.of(event)), { kind: 'ended', end: 'Activated' });
    await desk.settle();
    assert.deepEqual(desk.salesforce.statuses(orderId), ['Activated']);
    assert.equal(desk.salesforce.orders.get(orderId)?.whmcsOrderId, '5012');
    assert.deepEqual(desk.salesforce.items, [{ itemId: '8021', serviceId: '9001' }]);
    assert.equal((await desk.provisioning.store.inbox.get(event.id))?.end, 'Activated');
  });

  describe('by what settling has found after every event had ended', () => {
    /** Settling tells it while a step holds the order; then the order is let go, in this state. */
    const foundWhileHeld = async (then: Partial<OrderRecord>): Promise<void> => {
      await desk.record(open);
      let free = (): void => undefined;
      const holding = desk.provisioning.hold(orderId, async (order) => {
        await new Promise<void>((resolve) => (free = resolve));
        await order.save((record) => ({ ...record, ...then }));
      });
      await desk.settle();
      const told = desk.provisioning.endings.failOrder(orderId, cause().part());
      await desk.settle(3_000);
      await told;
      free();
      await holding;
      await desk.settle(60_000);
    };

    it('tells it once the step that holds the order lets go', async () => {
      await foundWhileHeld({});
      assert.deepEqual(desk.salesforce.statuses(orderId), ['Failed']);
    });

    it('fails no newer attempt for it', async () => {
      desk.salesforce.edit(orderId, { attempt: 2 });
      await foundWhileHeld({ attempt: 2, salesforceAttempt: 2 });
      assert.deepEqual(desk.salesforce.statuses(orderId), []);
    });
  });

  it('refuses Activated without a proven accept, and writes nothing', async () => {
    await desk.record(open);
    const event = await desk.handOut();
    await assert.rejects(desk.provisioning.endings.activate(desk.of(event)), { code: 'NOT_ACCEPTED' });
    await desk.settle();
    assert.deepEqual(desk.salesforce.book, []);
  });

  it('refuses Activated by an accept of an earlier attempt', async () => {
    await desk.record({ ...acceptedRecord, attempt: 2 });
    await assert.rejects(desk.provisioning.endings.activate(desk.of(await desk.handOut())), { code: 'NOT_ACCEPTED' });
  });

  it('tells Failed with code and message, and closes the attempt first', async () => {
    await desk.record(open);
    const event = await desk.handOut();
    assert.deepEqual(await desk.provisioning.endings.fail(desk.of(event), cause().part()), {
      kind: 'ended',
      end: 'Failed',
    });
    assert.equal((await desk.readRecord()).attemptState, 'closed');
    await desk.settle();
    const [written] = desk.salesforce.book;
    assert.equal(written?.change.activationStatus, 'Failed');
    assert.equal(written?.change.errorCode, 'PAYMENT_METHOD_MISSING');
    assert.match(written?.change.errorMessage ?? '', /^409/);
    assert.equal(written?.change.resultAttempt, 1);
  });

  it('tells a result with the org’s own number of the attempt, where ours has gone on', async () => {
    await desk.record({ ...open, attempt: 3, salesforceAttempt: 1 });
    await desk.provisioning.endings.fail(desk.of(await desk.handOut()), cause().part());
    await desk.settle();
    assert.equal(desk.salesforce.book[0]?.change.resultAttempt, 1);
    assert.deepEqual((await desk.readRecord()).report?.told?.how, 'written');
    assert.equal((await desk.readRecord()).ended?.attempt, 3);
  });

  it('makes Activated of a Failed that is asked for after the accept', async () => {
    await desk.record(acceptedRecord);
    const event = await desk.handOut();
    assert.deepEqual(await desk.provisioning.endings.fail(desk.of(event), cause().part()), {
      kind: 'ended',
      end: 'Activated',
    });
    await desk.settle();
    assert.deepEqual(desk.salesforce.statuses(orderId), ['Activated']);
  });

  it('carries the known WHMCS id with Failed', async () => {
    await desk.record({ ...acceptedRecord, accepted: null });
    await desk.provisioning.endings.fail(desk.of(await desk.handOut()), cause().part());
    await desk.settle();
    assert.deepEqual(desk.salesforce.statuses(orderId), ['Failed']);
    assert.equal(desk.salesforce.orders.get(orderId)?.whmcsOrderId, '5012');
  });

  it('keeps Failed as a wish while the outcome is unknown, and tells it with the id once it is settled', async () => {
    await desk.record(unsettled(desk));
    const event = await desk.handOut();
    assert.equal((await desk.provisioning.endings.fail(desk.of(event), cause().part())).kind, 'kept');
    await desk.settle();
    assert.deepEqual(desk.salesforce.statuses(orderId), []);
    await desk.record({ adds: [], adopted: acceptedRecord.adopted ?? null });
    await desk.provisioning.endings.decideOrder(orderId);
    await desk.settle();
    assert.deepEqual(desk.salesforce.statuses(orderId), ['Failed']);
    assert.equal(desk.salesforce.orders.get(orderId)?.whmcsOrderId, '5012');
  });

  it('keeps Failed as a wish while another step of the order runs', async () => {
    await desk.record(open);
    const event = await desk.handOut();
    const handout = desk.provisioning.handouts.of(event.id);
    assert.ok(handout);
    const visit = desk.provisioning.handouts.enter(handout, 'add order');
    const ending = await desk.provisioning.endings.fail(desk.of(event), cause().part());
    assert.deepEqual(ending, { kind: 'kept', waitsFor: 'add order, which is still working' });
    visit.leave();
    const stored = await desk.provisioning.store.inbox.get(event.id);
    assert.ok(stored);
    assert.equal(await desk.provisioning.endings.decide(stored), true);
    await desk.settle();
    assert.deepEqual(desk.salesforce.statuses(orderId), ['Failed']);
  });

  it('lets the first end stand: the same again makes no call, another is refused', async () => {
    await desk.record(acceptedRecord);
    const of = desk.of(await desk.handOut());
    await desk.provisioning.endings.activate(of);
    await desk.settle();
    assert.deepEqual(await desk.provisioning.endings.activate(of), { kind: 'repeat' });
    assert.deepEqual(await desk.provisioning.endings.fail(of, cause().part()), {
      kind: 'refused',
      standing: 'Activated',
    });
    await desk.settle();
    assert.deepEqual(desk.salesforce.statuses(orderId), ['Activated']);
  });

  it('drops the end of an older hand-out', async () => {
    await desk.record(open);
    const event = await desk.handOut();
    await desk.provisioning.store.inbox.handOutAgain(event.id, event.handout, 'deploy');
    assert.deepEqual(await desk.provisioning.endings.fail(desk.of(event), cause().part()), { kind: 'stale' });
    await desk.settle();
    assert.deepEqual(desk.salesforce.book, []);
  });

  it('tells a failure from before any attempt was opened for the attempt that its event was made for', async () => {
    desk.salesforce.edit(orderId, { attempt: 3 });
    await desk.provisioning.endings.fail(desk.of(await desk.handOut()), cause().part());
    await desk.settle(3_000);
    assert.equal(desk.salesforce.book[0]?.change.resultAttempt, 3);
  });

  it('keeps a result that is still to be told, when a later event fails before it opens an attempt', async () => {
    desk.salesforce.ends.push({ kind: 'later', code: '503', message: 'away' });
    await desk.record(open);
    await desk.provisioning.endings.fail(desk.of(await desk.handOut()), cause().part());
    await desk.settle();
    assert.equal(desk.salesforce.book.length, 0);
    const later = failure('ORDER_EMPTY', 'The order has no products', 'validation');
    await desk.provisioning.endings.fail(desk.of(await desk.handOut()), later.part());
    await desk.settle(5_000);
    assert.deepEqual(
      desk.salesforce.book.map(({ change }) => change.errorCode),
      ['PAYMENT_METHOD_MISSING'],
    );
  });

  it('ends a skipped event without a word to Salesforce', async () => {
    const event = await desk.handOut();
    await desk.provisioning.endings.skip(desk.of(event), {
      code: 'ORDER_NOT_ACTIVATING',
      message: 'the status is Activated',
    });
    await desk.settle();
    assert.deepEqual(desk.salesforce.book, []);
    assert.equal((await desk.provisioning.store.inbox.get(event.id))?.end, 'Skipped');
  });
});
