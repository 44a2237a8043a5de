import assert from 'node:assert/strict';
import { DeliveryCount, DeliveryCounts } from '../../../lib/salesforce/events/delivery-count';

const hour = 3_600_000;

describe('The count of deliveries', () => {
  const start = 1_000 * hour;

  it('is of the last 24 hours, and says since when it counts', () => {
    const count = new DeliveryCount(start);
    count.add(5, start);
    count.add(7, start + 10 * hour);
    assert.deepEqual(count.now(start + 10 * hour), { today: 12, since: start });
    assert.deepEqual(count.now(start + 23 * hour), { today: 12, since: start });
    assert.deepEqual(count.now(start + 25 * hour), { today: 7, since: start + hour });
    assert.deepEqual(count.now(start + 40 * hour), { today: 0, since: start + 16 * hour });
  });

  it('keeps nothing that lies ahead of a clock that was set back', () => {
    const count = new DeliveryCount(start);
    count.add(5, start + 10 * hour);
    assert.deepEqual(count.now(start - hour), { today: 0, since: start - hour });
  });

  it('is one for each channel and org, whoever asks', () => {
    const counts = new DeliveryCounts();
    counts.of('org /event/One__e', start).add(3, start);
    assert.equal(counts.of('org /event/One__e', start + hour).now(start + hour).today, 3);
    assert.equal(counts.of('org /event/Two__e', start).now(start).today, 0);
  });
});
