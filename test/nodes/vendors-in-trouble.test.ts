/** The whole flow while a vendor is in trouble: what orders show meanwhile, and that nobody must lend a hand. By both ledgers. */
import assert from 'node:assert/strict';
import { chain, whole } from './flow';
import { channel, seat, turn, useWorld } from './world';

const minute = 60_000;
/** What people have written. */
const approved = ['Not Started', 'Activating'];

describe('the whole flow while a vendor is in trouble', () => {
  const world = useWorld();

  const start = async (): Promise<void> => {
    await world.load(chain(whole));
    await world.until('the stream is open', () => Number(world.salesforce.people.counts()['openStreams']) === 1);
  };
  const shown = (id: string, field = 'Activation_Status__c'): unknown => world.salesforce.people.order(id)[field];
  const sent = (call: string): number => world.whmcs.panel.requests(call).length;
  const written = (id: string): unknown[] =>
    world.salesforce.panel
      .ledger('statusWritten')
      .filter(({ orderId }) => orderId === id)
      .map(({ status }) => status);
  const counts = async () => (await world.provisioning()).store.inbox.counts(channel);
  /** Time goes by, in steps that are short enough for a call to be answered before it is given up. */
  const goesBy = async (ms: number): Promise<void> => {
    const end = world.clock.monotonic() + ms;
    while (world.clock.monotonic() < end) {
      world.clock.advance(5_000);
      for (let turns = 0; turns < 5; turns++) await turn();
    }
  };

  it('waits out an hour in which Salesforce answers each read with 503, shows the delay, and ends well by itself', async function () {
    this.timeout(60_000);
    await start();
    const away = world.salesforce.panel.fault({ call: 'query', times: 0, do: { kind: 'status', status: 503 } });
    const ids = [world.approve(), world.approve(), world.approve()];
    await world.until('all are stored', async () => {
      const { waiting, inWork, parked } = await counts();
      return waiting + inWork + parked === 3;
    });
    await goesBy(60 * minute);
    for (const id of ids) assert.deepEqual([shown(id), written(id)], ['Activating', approved]);
    const { waiting, inWork, parked } = await counts();
    assert.equal(waiting + inWork + parked, 3);
    // Each order's own record says what it has waited for, and for how long.
    const { timeline } = (await world.provisioning()).store;
    for (const id of ids) {
      const waits = (await timeline.ofOrder(id)).filter(({ status }) => status === 'parked');
      assert.ok(waits.length > 100, `${waits.length} waits`);
      assert.ok(waits.every(({ detail }) => detail.startsWith('503: ')));
      const at = waits.map(({ startedAt }) => startedAt);
      assert.ok(Math.max(...at) - Math.min(...at) >= 59 * minute);
    }
    assert.ok(world.watch.statuses.some(({ node, status }) => node === 'get' && status.text === 'waits'));
    assert.equal(sent('AddOrder'), 0);
    world.salesforce.panel.clearFaults(away);
    await world.until('all are live', () => {
      world.clock.advance(1_000);
      return ids.every((id) => shown(id) === 'Activated');
    });
    for (const id of ids) assert.deepEqual(written(id), [...approved, 'Activated']);
    assert.deepEqual([sent('AddOrder'), sent('AcceptOrder')], [3, 3]);
    assert.deepEqual(
      world.whmcs.office.orders().map(({ status, accepts }) => [status, accepts]),
      Array(3).fill(['Active', 1]),
    );
  });

  it('rests while our user may not read Orders any more: no order falls to Failed, and all end well once it may', async () => {
    await start();
    const denied = {
      kind: 'error',
      status: 400,
      errorCode: 'INVALID_TYPE',
      message: "sObject type 'Order' is not supported.",
    };
    const fault = world.salesforce.panel.fault({ call: 'query', times: 0, do: denied });
    const ids = [world.approve(), world.approve(), world.approve()];
    await world.until('it rests', () => world.status('source')?.text === 'SF_QUERY');
    await goesBy(10 * minute);
    for (const id of ids) assert.deepEqual(written(id), approved);
    const alarms = world.lines('error').filter((line) => line.includes('SF_QUERY'));
    assert.equal(alarms.length, 1, alarms.join('\n'));
    assert.match(alarms[0] ?? '', /INVALID_TYPE: sObject type 'Order' is not supported.*go(es)? on by itself/);
    world.salesforce.panel.clearFaults(fault);
    await world.until('all are live', () => (world.clock.advance(1_000), ids.every((id) => shown(id) === 'Activated')));
    assert.equal(sent('AddOrder'), 3);
  });

  it('adds once when a firewall stands before the second AddOrder alone: it looks first, and sends again after the quarantine', async () => {
    await start();
    world.whmcs.panel.fault({ call: 'AddOrder', skip: 1, do: { kind: 'html', page: 'cloudflare' } });
    const ids = [world.approve()];
    await world.until('the first is live', () => (world.clock.advance(250), shown(ids[0] ?? '') === 'Activated'));
    ids.push(world.approve());
    const [, second = ''] = ids;
    await world.until('it is blocked', () => sent('AddOrder') === 2);
    await goesBy(4 * minute);
    assert.deepEqual([sent('AddOrder'), shown(second)], [2, 'Activating']);
    assert.equal(world.whmcs.office.orders().length, 1);
    await world.until('it is live', () => (world.clock.advance(1_000), shown(second) === 'Activated'));
    assert.deepEqual([sent('AddOrder'), sent('AcceptOrder')], [3, 2]);
    assert.deepEqual(written(second), [...approved, 'Activated']);
    assert.deepEqual(
      world.whmcs.office.orders().map(({ status, accepts }) => [status, accepts]),
      Array(2).fill(['Active', 1]),
    );
  });

  it('fails an order by name whose product is gone between its event and its mapping; the next order and the position go on', async () => {
    await start();
    const held = world.salesforce.panel.fault({ call: 'query', do: { kind: 'delay', ms: minute } });
    const { id } = world.salesforce.people.createOrder({ account: 'Northwind Traders', items: seat });
    world.salesforce.people.approve(id);
    await world.until('its event has come', () =>
      world.salesforce.panel.faults().some((one) => one.id === held && one.hits > 0),
    );
    const [item] = world.salesforce.people.order(id).items;
    const product = String(item?.['Product2Id']);
    world.salesforce.people.putRecord({ type: 'Product2', id: product, fields: { WH_Product_ID__c: '9999' } });
    world.salesforce.panel.advance(minute);
    await world.until('it has failed', () => (world.clock.advance(250), shown(id) === 'Failed'));
    assert.equal(shown(id, 'Activation_Error_Code__c'), 'MAPPING_INCOMPLETE');
    assert.match(String(shown(id, 'Activation_Error_Message__c')), /9999/);
    world.salesforce.people.putRecord({ type: 'Product2', id: product, fields: { WH_Product_ID__c: '11' } });
    const next = world.approve();
    await world.until('the next is live', () => (world.clock.advance(250), shown(next) === 'Activated'));
    assert.equal(sent('AddOrder'), 1);
    const stored = await (await world.provisioning()).store.cursor.read(channel);
    assert.equal(stored?.replayId, world.salesforce.panel.ledger('published').at(-1)?.['replayId']);
  });
});
