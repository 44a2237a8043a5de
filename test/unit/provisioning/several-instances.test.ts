/** Two instances on one store: what one leaves or holds, the other goes on with. */
import assert from 'node:assert/strict';
import { Provisioning } from '../../../lib/provisioning/provisioning';
import type { AddIntent } from '../../../lib/provisioning/order-record';
import { rememberMs } from '../../../lib/state/event-id';
import { thisProcess } from '../../../lib/state/sender';
import { cause, DeskUnderTest, orderId } from './desk-under-test';

describe('Several instances on one store', () => {
  let desk: DeskUnderTest;
  /** Has no Salesforce to tell: what it ends stays to be told, as after its death. */
  let other: Provisioning;

  beforeEach(async () => {
    desk = await DeskUnderTest.open();
    desk.salesforce.add(orderId);
    const { store, clock, log } = desk.provisioning;
    other = new Provisioning({ store, sender: thisProcess('other'), clock, log, whmcsOf: () => undefined });
    await desk.provisioning.start();
  });
  afterEach(() => desk.close());

  it('tell the result that another has left, within half a minute', async () => {
    await desk.record({ attempt: 1, attemptState: 'open' });
    const event = await desk.handOut();
    await other.endings.fail(desk.of(event), cause().part());
    await desk.settle(29_000);
    assert.deepEqual(desk.salesforce.statuses(orderId), []);
    await desk.settle(2_000);
    assert.deepEqual(desk.salesforce.statuses(orderId), ['Failed']);
  });

  it('settle the call that another has left, within half a minute', async () => {
    const lost = {
      id: 'a1',
      at: 0,
      sender: other.sender,
      whmcs: 'w',
      clientId: 1001,
      items: [],
      marker: 'm',
      watermark: 1,
    };
    const intent = { ...lost, generation: 1, settled: null, stopped: null } as unknown as AddIntent;
    await desk.record({ attempt: 1, attemptState: 'open', todo: ['settle'], adds: [intent] });
    assert.deepEqual(desk.provisioning.settler.orders, []);
    await desk.settle(31_000);
    assert.deepEqual(desk.provisioning.settler.orders, [orderId]);
  });

  it('decide a failure within seconds that could not be decided while another held the order', async () => {
    await desk.record({ attempt: 1, attemptState: 'open' });
    const event = await desk.handOut();
    const { store, endings } = desk.provisioning;
    const lease = await store.leases.acquire(`order:${orderId}`, 30_000);
    assert.ok(lease);
    assert.equal((await endings.fail(desk.of(event), cause().part())).kind, 'kept');
    await desk.settle(5_000);
    assert.deepEqual(desk.salesforce.statuses(orderId), []);
    await store.leases.release(lease);
    await desk.settle(2_500);
    assert.deepEqual(desk.salesforce.statuses(orderId), ['Failed']);
    assert.equal((await store.inbox.get(event.id))?.end, 'Failed');
  });

  it('forget finished events after seven days', async () => {
    const { inbox } = desk.provisioning.store;
    const now = desk.clock.now();
    const [old, young] = [await desk.handOut(), await desk.handOut('801000000000002AAA')];
    await inbox.finish(old.id, old.handout, 'Done', null, now - rememberMs);
    await inbox.finish(young.id, young.handout, 'Done', null, now - rememberMs + 60_000);
    await desk.settle(31_000);
    assert.deepEqual([await inbox.get(old.id), (await inbox.get(young.id))?.state], [null, 'finished']);
    await desk.settle(3_700_000);
    assert.equal(await inbox.get(young.id), null);
  });
});
