import assert from 'node:assert/strict';
import { inboxId, rememberMs } from '../../../lib/state/event-id';
import type { IncomingEvent } from '../../../lib/state/contract';
import { Embedded } from './embedded';

const event: IncomingEvent = {
  channel: '/event/OrderProvisionRequested__e',
  replayId: 'AAAAAAAAAAE=',
  eventId: '3f1c',
  createdAt: Date.UTC(2026, 0, 5),
  receivedAt: Date.UTC(2026, 0, 5, 9),
  orderId: '801000000000001AAA',
  delivery: 'live',
  payload: {},
};

describe('The name of an event', () => {
  it('never changes, or duplicates would be taken for new after an update', () => {
    assert.equal(inboxId(event), 'ev-705a5b8dbe3cb58584c0b168da850935');
  });
});

describe('The embedded inbox', () => {
  const embedded = new Embedded();

  it('knows a duplicate for seven days, then lets it in anew, with old hand-outs stale', async () => {
    const { inbox } = await embedded.open();
    const { id } = await inbox.add(event);
    const taken = await inbox.take(event.channel, event.receivedAt);
    await inbox.recordFailure(id, 1, { code: 'CLIENT_CLOSED' });
    await inbox.finish(id, taken?.handout ?? 0, 'Failed', 'closed', event.receivedAt);
    const later = (ms: number): IncomingEvent => ({ ...event, receivedAt: event.receivedAt + ms, delivery: 'replay' });
    assert.equal((await inbox.add(later(rememberMs - 1))).isNew, false);
    assert.deepEqual(await inbox.add(later(rememberMs)), { id, isNew: true });
    const again = await inbox.get(id);
    assert.deepEqual([again?.state, again?.end, again?.failure, again?.delivery], ['waiting', null, null, 'replay']);
    assert.equal(await inbox.finish(id, 1, 'Failed', 'an old branch', 5), 'stale');
  });

  it('never lets in twice what is still open, however old', async () => {
    const { inbox } = await embedded.open();
    await inbox.add(event);
    assert.equal((await inbox.add({ ...event, receivedAt: event.receivedAt + 2 * rememberMs })).isNew, false);
  });

  it('lists the dead that were not told yet before all others', async () => {
    const { inbox } = await embedded.open();
    for (let number = 0; number < 5; number++) {
      const { id } = await inbox.add({ ...event, eventId: `old-${number}` });
      await inbox.finish(id, 'any', 'Dead', 'told', event.receivedAt + number);
    }
    const { id } = await inbox.add({ ...event, eventId: 'untold' });
    embedded.sql(`UPDATE inbox SET state = 'dead' WHERE id = '${id}'`);
    const names = (await inbox.inState(event.channel, 'dead', 2)).map((one) => one.eventId);
    assert.deepEqual(names, ['untold', 'old-4']);
  });

  it('takes times that are no whole milliseconds', async () => {
    const { inbox, timeline } = await embedded.open();
    const { id } = await inbox.add({ ...event, receivedAt: event.receivedAt + 0.25 });
    await inbox.take(event.channel, event.receivedAt + 1.5);
    assert.equal(await inbox.park(id, 1, 10.5, 'held'), 'parked');
    assert.equal((await inbox.get(id))?.notBefore, 11);
    await timeline.append({
      orderId: 'o',
      eventId: id,
      attempt: 1,
      step: 's',
      status: 'done',
      startedAt: 1.5,
      ms: 0.75,
      detail: '',
    });
    assert.equal((await timeline.ofOrder('o'))[0]?.ms, 1);
  });
});

describe('The embedded timeline', () => {
  const embedded = new Embedded();

  it('keeps the orders that were touched last, with all their steps', async () => {
    const { timeline } = await embedded.open({ keepOrders: 3 });
    const append = (orderId: string, startedAt: number): Promise<void> =>
      timeline.append({
        orderId,
        eventId: `e-${orderId}`,
        attempt: 1,
        step: 's',
        status: 'done',
        startedAt,
        ms: 1,
        detail: '',
      });
    for (const [index, order] of ['A', 'B', 'C'].entries()) await append(order, index);
    await append('A', 9);
    await append('D', 10);
    const lengths = await Promise.all(
      ['A', 'B', 'C', 'D'].map(async (order) => (await timeline.ofOrder(order)).length),
    );
    assert.deepEqual(lengths, [2, 0, 1, 1]);
  });
});
