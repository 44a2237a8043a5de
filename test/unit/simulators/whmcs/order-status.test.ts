import assert from 'node:assert/strict';
import { at, Caller } from './start';

describe('the status of an order', () => {
  let caller: Caller;
  beforeEach(async () => {
    caller = await Caller.start();
    await caller.addOrder();
  });
  afterEach(() => caller.close());

  const state = (): unknown => [caller.office.orders()[0]?.status, caller.office.orders()[0]?.services[0]?.status];
  const act = (action: string, orderid = 5001): Promise<Record<string, unknown>> => caller.call(action, { orderid });

  it('can be Cancelled while Pending only; services and invoice go along', async () => {
    assert.deepEqual(await act('CancelOrder'), { result: 'success' });
    assert.deepEqual(state(), ['Cancelled', 'Cancelled']);
    const orders = await caller.call('GetOrders', { id: 5001 });
    assert.equal(at(orders, 'orders', 'order', 0, 'paymentstatus'), 'Cancelled');
    const again = await act('CancelOrder');
    assert.equal(again['message'], 'Order ID not found or Status not Pending');
    assert.deepEqual(
      caller.panel.ledger('orderStatus').map(({ orderId, status, by }) => [orderId, status, by]),
      [[5001, 'Cancelled', 'api']],
    );
  });

  it('goes back to Pending from any other, live services included', async () => {
    await act('AcceptOrder');
    assert.deepEqual(await act('PendingOrder'), { result: 'success' });
    assert.deepEqual(state(), ['Pending', 'Pending']);
    assert.equal((await act('PendingOrder', 4))['message'], 'Order ID Not Found');
  });

  it('becomes Fraud from any other, and only then, or Cancelled, the order can be deleted', async () => {
    const refused = await act('DeleteOrder');
    assert.equal(refused['message'], 'The order status must be in Cancelled or Fraud to be deleted');
    assert.deepEqual(await act('FraudOrder'), { result: 'success' });
    assert.deepEqual(state(), ['Fraud', 'Fraud']);
    assert.deepEqual(await act('DeleteOrder'), { result: 'success' });
    assert.equal((await caller.call('GetOrders', { id: 5001 }))['totalresults'], 0);
    assert.equal((await caller.call('GetClientsProducts', { clientid: 1001 }))['totalresults'], '0');
    assert.equal((await act('DeleteOrder'))['message'], 'Order ID not found');
    assert.equal(caller.panel.ledger('orderDeleted')[0]?.['orderId'], 5001);
  });

  it('is counted by GetOrderStatuses, custom ones included', async () => {
    caller.panel.switches({ customStatuses: ['On Hold'] });
    caller.office.setStatus(5001, 'Awaiting Stock');
    const answer = await caller.call('GetOrderStatuses');
    const statuses = at(answer, 'statuses', 'status') as { title: string; count: number }[];
    assert.deepEqual(
      statuses.map(({ title, count }) => [title, count]),
      [
        ['Pending', 0],
        ['Active', 0],
        ['Fraud', 0],
        ['Cancelled', 0],
        ['On Hold', 0],
        ['Awaiting Stock', 1],
      ],
    );
  });

  it('that a person invents refuses AcceptOrder', async () => {
    caller.office.setStatus(5001, 'Awaiting Stock');
    assert.equal((await act('AcceptOrder'))['message'], 'Order ID not found or Status not Pending');
    assert.equal(caller.panel.ledger('orderStatus')[0]?.['by'], 'person');
  });
});
