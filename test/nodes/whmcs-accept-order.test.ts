import assert from 'node:assert/strict';
import helper from 'node-red-node-test-helper';
import type { Message } from '../../lib/provisioning/message';
import { readRecord } from '../../lib/provisioning/order-record';
import { arriving, itKeepsTheContract, orderOf, stepFlow, type StepUnderTest } from './step-contract';
import { useWorld, type EventMessage } from './world';

const step: StepUnderTest = {
  id: 'accept',
  before: ['get', 'client', 'mapping', 'add'],
  needs: ['order', 'whmcs'],
  adds: 'whmcs',
  connection: 'whmcs',
  reads: { of: 'whmcs', call: 'GetOrders' },
};

describe('whmcs-accept-order', () => {
  const world = useWorld();

  itKeepsTheContract(world, step);

  const calls = (): number => world.whmcs.panel.requests('AcceptOrder').length;
  const only = () => {
    const [order, ...more] = world.whmcs.office.orders();
    assert.ok(order);
    assert.deepEqual(more, []);
    return order;
  };
  const hosting = [{ code: 'HOST-M', quantity: 1 }];
  const record = async (message: Message) =>
    readRecord((await (await world.provisioning()).store.ledger.read(orderOf(message))).state);
  const stateOf = async (message: EventMessage) =>
    (await (await world.provisioning()).store.inbox.get(message.event.id))?.state;

  it('accepts the order, and tells that it is live with its services', async () => {
    await world.load(stepFlow(step));
    const { sent } = await world.pass(
      'accept',
      await arriving(world, step, world.approve('Northwind Traders', hosting)),
    );
    assert.deepEqual(
      sent.map(({ port }) => port),
      [0],
    );
    const order = only();
    assert.deepEqual([order.status, order.accepts], ['Active', 1]);
    const { whmcs, order: of } = sent[0]?.message as Message;
    assert.deepEqual([whmcs?.status, whmcs?.outcome, whmcs?.orderId], ['Active', 'created', order.id]);
    assert.deepEqual(
      whmcs?.serviceIds,
      order.services.map(({ id }) => id),
    );
    assert.deepEqual(
      order.services.map(({ status, moduleRuns }) => [status, moduleRuns]),
      [['Active', 1]],
    );
    assert.deepEqual(world.status('accept'), { fill: 'green', shape: 'dot', text: String(of?.number) });
  });

  it('runs no modules where its form says so', async () => {
    await world.load(stepFlow(step, { autoSetup: false }));
    await world.pass('accept', await arriving(world, step, world.approve('Northwind Traders', hosting)));
    assert.deepEqual(
      only().services.map(({ moduleRuns }) => moduleRuns),
      [0],
    );
  });

  it('sends AcceptOrder once for the same message twice', async () => {
    await world.load(stepFlow(step));
    const message = await arriving(world, step);
    const both = await Promise.all([world.pass('accept', message), world.pass('accept', structuredClone(message))]);
    assert.deepEqual(
      both.map(({ error }) => error),
      [null, null],
    );
    assert.equal(calls(), 1);
    assert.equal(only().accepts, 1);
  });

  it('reads what came of a call whose answer was lost, without a second one', async () => {
    await world.load(stepFlow(step));
    const message = await arriving(world, step);
    world.whmcs.panel.fault({ call: 'AcceptOrder', do: { kind: 'commitThenDrop' } });
    const { sent } = await world.pass('accept', message);
    assert.equal(sent[0]?.message.whmcs?.status, 'Active');
    assert.equal(calls(), 1);
  });

  it('lets the event wait while the order is still Pending after a lost answer; settling wakes it', async () => {
    await world.load(stepFlow(step));
    const message = await arriving(world, step);
    world.whmcs.panel.fault({ call: 'AcceptOrder', do: { kind: 'commitLate', ms: 3_600_000 } });
    const { sent, error } = await world.pass('accept', message);
    assert.deepEqual([sent, error], [[], null]);
    assert.equal(await stateOf(message), 'parked');
    assert.deepEqual(world.status('accept'), { fill: 'yellow', shape: 'ring', text: 'waits' });
    world.whmcs.panel.advance(3_600_000);
    await world.until('it is settled', async () => {
      world.clock.advance(1_000);
      return (await record(message)).accepted !== null;
    });
    assert.equal(calls(), 1);
  });

  it('fails as WHMCS_PARTIALLY_PROVISIONED, naming the service, when a module failed', async () => {
    world.whmcs.panel.switches({ moduleOutcomes: { '20': 'fail' } });
    await world.load(stepFlow(step));
    const { error, caught } = await world.pass(
      'accept',
      await arriving(world, step, world.approve('Northwind Traders', hosting)),
    );
    assert.equal(error?.code, 'WHMCS_PARTIALLY_PROVISIONED');
    assert.match(error?.message ?? '', new RegExp(`not live: ${only().services[0]?.id} Web hosting \\(Pending\\)`));
    assert.deepEqual([caught?.failure?.code, caught?.failure?.step], [error?.code, 'whmcs_accept']);
    assert.deepEqual(world.status('accept'), { fill: 'red', shape: 'dot', text: 'WHMCS_PARTIALLY_PROVISIONED' });
  });

  it('fails as WHMCS_ACCEPT_REFUSED, with the text of WHMCS, when that is a definite no', async () => {
    await world.load(stepFlow(step));
    const message = await arriving(world, step);
    world.whmcs.panel.fault({
      call: 'AcceptOrder',
      do: { kind: 'json', body: { result: 'error', message: 'Order ID not found or Status not Pending' } },
    });
    const { error } = await world.pass('accept', message);
    assert.equal(error?.code, 'WHMCS_ACCEPT_REFUSED');
    assert.match(error?.message ?? '', /Status not Pending/);
    assert.equal(only().status, 'Pending');
  });

  it('fails as WHMCS_ORDER_GONE when the order was cancelled meanwhile', async () => {
    await world.load(stepFlow(step));
    const message = await arriving(world, step);
    world.whmcs.office.setStatus(only().id, 'Cancelled');
    const { error } = await world.pass('accept', message);
    assert.equal(error?.code, 'WHMCS_ORDER_GONE');
    assert.equal(calls(), 0);
  });

  it('accepts no order that the ledger does not know', async () => {
    await world.load(stepFlow(step));
    const message = await arriving(world, step);
    const other = world.whmcs.office.placeOrder({ clientId: 1001, items: [{ pid: 11 }] });
    const { error } = await world.pass('accept', {
      ...message,
      whmcs: { ...message.whmcs, orderId: other.id },
    } as Message);
    assert.equal(error?.code, 'MESSAGE_INCOMPLETE');
    assert.equal(calls(), 0);
  });

  it('never aborts the call when it closes: its answer is put on record, and the event goes on from there', async () => {
    await world.load(stepFlow(step));
    const message = await arriving(world, step);
    world.whmcs.panel.fault({ call: 'AcceptOrder', do: { kind: 'delay', ms: 60_000 } });
    const provisioning = await world.provisioning();
    world.node('accept').receive(message as never);
    await world.until('WHMCS has the call', () => world.whmcs.panel.faults()[0]?.hits === 1);
    const closing = helper.unload();
    world.clock.advance(10_000);
    await closing;
    world.whmcs.panel.advance(60_000);
    await world.until('the step has ended', () => !provisioning.handouts.anyRunning);
    const { facts } = await provisioning.store.ledger.read(orderOf(message));
    const ended = facts.find(({ intent, kind }) => intent === 'c1' && kind === 'call-ended');
    assert.match(ended?.detail ?? '', /^success/);
    assert.equal(
      world.watch.sent.some(({ from }) => from === 'accept'),
      false,
    );
    await world.letGo();

    await world.load(stepFlow(step));
    const again = await world.through([...step.before, 'accept'], await world.handOutNext());
    assert.equal(again.whmcs?.status, 'Active');
    assert.deepEqual([calls(), only().accepts], [1, 1]);
  });
});
