/** What is kept of a step: once it has ended, under the attempt that was in force then. */
import assert from 'node:assert/strict';
import { Journal, provisioningPart } from '../../../lib/provisioning/journal';
import { DeskUnderTest, orderId } from './desk-under-test';

describe('The journal of a step', () => {
  let desk: DeskUnderTest;
  beforeEach(async () => (desk = await DeskUnderTest.open()));
  afterEach(() => desk.close());

  it('shows the attempt in force at its end: a step may open one', async () => {
    const { store, log } = desk.provisioning;
    const { clock } = desk;
    await desk.record({ attempt: 1, attemptState: 'closed' });
    const journal = await Journal.start({ store, clock, log, orderId, eventId: 'ev-1' }, 'order_details');
    assert.deepEqual(
      (await store.timeline.ofOrder(orderId)).map(({ attempt, status }) => [attempt, status]),
      [[1, 'started']],
    );
    await desk.record({ attempt: 2, attemptState: 'open' });
    await clock.advance(40);
    await journal.done('Order #1, 2 items');
    assert.deepEqual(
      (await store.timeline.ofOrder(orderId)).map(({ attempt, status, ms }) => [attempt, status, ms]),
      [[2, 'done', 40]],
    );
    assert.deepEqual(
      desk.lines.map(({ text, facts }) => [text, facts?.['attempt']]),
      [['order_details', 2]],
    );
    assert.equal((await provisioningPart(store, orderId)).attempt, 2);
  });
});
