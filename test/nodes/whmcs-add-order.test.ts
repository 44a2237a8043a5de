import assert from 'node:assert/strict';
import helper from 'node-red-node-test-helper';
import type { Message } from '../../lib/provisioning/message';
import { readRecord } from '../../lib/provisioning/order-record';
import { arriving, itKeepsTheContract, orderOf, stepFlow, type StepUnderTest } from './step-contract';
import { seat, useWorld, type EventMessage } from './world';

const step: StepUnderTest = {
  id: 'add',
  before: ['get', 'client', 'mapping'],
  needs: ['order', 'client', 'mapping'],
  adds: 'whmcs',
  connection: 'whmcs',
  reads: { of: 'whmcs', call: 'GetOrders' },
};

describe('whmcs-add-order', () => {
  const world = useWorld();

  itKeepsTheContract(world, step);

  const made = () => world.whmcs.panel.ledger('orderCreated');
  const calls = (): number => world.whmcs.panel.requests('AddOrder').length;
  const record = async (message: Message) =>
    readRecord((await (await world.provisioning()).store.ledger.read(orderOf(message))).state);
  const stateOf = async (message: EventMessage) =>
    (await (await world.provisioning()).store.inbox.get(message.event.id))?.state;

  it('makes one Pending order in WHMCS, marked as this Salesforce Order', async () => {
    await world.load(stepFlow(step));
    const id = world.approve('Northwind Traders', [{ code: 'SEAT-A', quantity: 3 }]);
    const { sent } = await world.pass('add', await arriving(world, step, id));
    assert.deepEqual(
      sent.map(({ port }) => port),
      [0],
    );
    const out = sent[0]?.message as Message;
    const [order, ...more] = world.whmcs.office.orders();
    assert.deepEqual(more, []);
    assert.equal(order?.status, 'Pending');
    assert.ok(order?.notes.startsWith(`sfOrderId=${id};`));
    assert.deepEqual([out.whmcs?.orderId, out.whmcs?.outcome, out.whmcs?.status], [order?.id, 'created', 'Pending']);
    assert.deepEqual(
      out.whmcs?.serviceIds,
      order?.services.map((service) => service.id),
    );
    assert.deepEqual(world.status('add'), { fill: 'green', shape: 'dot', text: String(out.order?.number) });
  });

  it('links the order where the admin address is set', async () => {
    world.set({ WHMCS_ADMIN_URL: 'https://billing.example.test/admin' });
    await world.load(stepFlow(step));
    const { sent } = await world.pass('add', await arriving(world, step));
    const { whmcs } = sent[0]?.message as Message;
    assert.match(whmcs?.url ?? '', new RegExp(`^https://billing\\.example\\.test/admin/.*${whmcs?.orderId}$`));
  });

  it('sends what its form says of invoice and mails', async () => {
    await world.load(stepFlow(step, { noInvoice: true, noInvoiceEmail: true, noEmail: true }));
    await world.pass('add', await arriving(world, step));
    assert.equal(world.whmcs.office.orders()[0]?.invoiceId, null);
  });

  it('adds nothing for the same message again', async () => {
    await world.load(stepFlow(step));
    const message = await arriving(world, step);
    const first = await world.pass('add', message);
    const again = await world.pass('add', { ...message, whmcs: undefined } as Message);
    assert.equal(again.sent[0]?.message.whmcs?.outcome, 'already');
    assert.equal(again.sent[0]?.message.whmcs?.orderId, first.sent[0]?.message.whmcs?.orderId);
    assert.equal(calls(), 1);
  });

  it('makes one order of two messages of one event that come at once', async () => {
    await world.load(stepFlow(step));
    const message = await arriving(world, step);
    const copy = structuredClone(message);
    const both = await Promise.all([world.pass('add', message), world.pass('add', copy)]);
    assert.equal(made().length, 1);
    assert.deepEqual(
      both.map(({ error }) => error),
      [null, null],
    );
    const outcomes = both.flatMap(({ sent }) => sent.map(({ message: out }) => out.whmcs?.outcome));
    assert.deepEqual([...new Set(outcomes)].sort(), ['already', 'created']);
  });

  it('adopts the order of a call whose answer was lost, without a second one', async () => {
    await world.load(stepFlow(step));
    const message = await arriving(world, step);
    world.whmcs.panel.fault({ call: 'AddOrder', do: { kind: 'commitThenDrop' } });
    const { sent } = await world.pass('add', message);
    assert.equal(sent[0]?.message.whmcs?.outcome, 'adopted');
    assert.deepEqual([made().length, calls()], [1, 1]);
  });

  it('lets the event wait while it is not known what became of the call; settling wakes it', async () => {
    await world.load(stepFlow(step));
    const message = await arriving(world, step);
    world.whmcs.panel.fault({ call: 'AddOrder', do: { kind: 'commitLate', ms: 3_600_000 } });
    const { sent, error } = await world.pass('add', message);
    assert.deepEqual([sent, error], [[], null]);
    assert.equal(await stateOf(message), 'parked');
    assert.deepEqual(world.status('add'), { fill: 'yellow', shape: 'ring', text: 'waits' });
    assert.equal((await record(message)).adds[0]?.settled, null);
    world.whmcs.panel.advance(3_600_000);
    await world.until('it is settled', async () => {
      world.clock.advance(1_000);
      return (await record(message)).adds[0]?.settled?.how === 'adopted';
    });
    assert.deepEqual([made().length, calls()], [1, 1]);
  });

  it('fails as WHMCS_REFUSED, with the text of WHMCS, when that is a definite no', async () => {
    await world.load(stepFlow(step));
    const message = await arriving(world, step);
    const no = { result: 'error', message: 'Client ID Not Found' };
    world.whmcs.panel.fault({ call: 'AddOrder', do: { kind: 'json', body: no } });
    const { error, caught } = await world.pass('add', message);
    assert.equal(error?.code, 'WHMCS_REFUSED');
    assert.match(error?.message ?? '', /Client ID Not Found/);
    assert.deepEqual([caught?.failure?.code, caught?.failure?.step], ['WHMCS_REFUSED', 'whmcs_create']);
    assert.deepEqual([made().length, calls()], [0, 1]);
  });

  it('sends nothing while WHMCS cannot be read', async () => {
    await world.load(stepFlow(step));
    const message = await arriving(world, step);
    world.whmcs.panel.fault({ call: 'GetOrders', times: 0, do: { kind: 'status', status: 503 } });
    const passing = world.pass('add', message);
    await world.until('it gives up', () => {
      world.clock.advance(1_000);
      return world.watch.ended.some(({ node }) => node === 'add');
    });
    assert.equal((await passing).error?.code, '503');
    assert.equal(calls(), 0);
  });

  it('fails as ATTEMPT_CLOSED once the order has ended', async () => {
    await world.load(stepFlow(step));
    const message = await arriving(world, step);
    const { store } = await world.provisioning();
    const lease = await store.leases.acquire(`order:${orderOf(message)}`, 1_000);
    assert.ok(lease);
    await store.ledger.write(orderOf(message), lease.fence, { ...(await record(message)), attemptState: 'closed' });
    await store.leases.release(lease);
    const { error } = await world.pass('add', message);
    assert.equal(error?.code, 'ATTEMPT_CLOSED');
    assert.equal(calls(), 0);
  });

  it('fails as WHMCS_ORDER_GONE, and adds no other, when a person has cancelled the order', async () => {
    await world.load(stepFlow(step));
    const message = await arriving(world, step);
    await world.pass('add', message);
    world.whmcs.office.setStatus(world.whmcs.office.orders()[0]?.id ?? 0, 'Cancelled');
    const { error } = await world.pass('add', { ...message, whmcs: undefined } as Message);
    assert.equal(error?.code, 'WHMCS_ORDER_GONE');
    assert.equal(calls(), 1);
  });

  it('fails as WHMCS_ORDER_FOREIGN when Salesforce names another’s order', async () => {
    await world.load(stepFlow(step));
    const other = world.whmcs.office.placeOrder({ clientId: 1002, items: [{ pid: 11 }] });
    const id = world.approve();
    world.salesforce.people.putRecord({ type: 'Order', id, fields: { WHMCS_Order_ID__c: String(other.id) } });
    const { error } = await world.pass('add', await arriving(world, step, id));
    assert.equal(error?.code, 'WHMCS_ORDER_FOREIGN');
    assert.equal(calls(), 0);
  });

  describe('fails by name, and adds no other, when the order that it has in WHMCS', () => {
    const only = (): number => world.whmcs.office.orders()[0]?.id ?? 0;
    const meanwhile: [what: string, change: () => unknown, code: string][] = [
      ['was marked as Fraud', () => world.whmcs.office.setStatus(only(), 'Fraud'), 'WHMCS_ORDER_GONE'],
      ['was deleted', () => world.whmcs.office.remove(only()), 'WHMCS_ORDER_GONE'],
      [
        'has a status that a person made up',
        () => world.whmcs.office.setStatus(only(), 'On Hold'),
        'WHMCS_ORDER_STATUS',
      ],
    ];
    for (const [what, change, code] of meanwhile) {
      it(what, async () => {
        world.whmcs.panel.switches({ customStatuses: ['On Hold'] });
        await world.load(stepFlow(step));
        const message = await arriving(world, step);
        await world.pass('add', message);
        change();
        const { error } = await world.pass('add', { ...message, whmcs: undefined } as Message);
        assert.equal(error?.code, code);
        assert.equal(calls(), 1);
        assert.equal(world.whmcs.panel.requests('AcceptOrder').length, 0);
      });
    }
  });

  describe('fails as WHMCS_ORDER_FOREIGN, and adds none, when Salesforce names an order', () => {
    const named: [what: string, make: (orderId: string) => number, words: RegExp][] = [
      ['that WHMCS does not have', () => 4711, /WHMCS has no such order/],
      [
        'of another client that bears our mark',
        (orderId) =>
          world.whmcs.office.placeOrder({
            clientId: 1002,
            items: [{ pid: 11 }],
            notes: `sfOrderId=${orderId};i=0a1b2c3d-a1`,
          }).id,
        /that order is of client 1002, this one of 1001/,
      ],
    ];
    for (const [what, make, words] of named) {
      it(what, async () => {
        await world.load(stepFlow(step));
        const id = world.approve();
        world.salesforce.people.putRecord({ type: 'Order', id, fields: { WHMCS_Order_ID__c: String(make(id)) } });
        const { error } = await world.pass('add', await arriving(world, step, id));
        assert.equal(error?.code, 'WHMCS_ORDER_FOREIGN');
        assert.match(error?.message ?? '', words);
        assert.equal(calls(), 0);
      });
    }
  });

  it('refuses a ledger that a newer version of the pack wrote: nothing is sent, and nothing written over it', async () => {
    await world.load(stepFlow(step));
    const message = await arriving(world, step);
    const { store } = await world.provisioning();
    const lease = (await store.leases.acquire(`order:${orderOf(message)}`, 30_000)) ?? assert.fail('no lease');
    const newer = { ...(await record(message)), format: 2, somethingNew: true };
    await store.ledger.write(orderOf(message), lease.fence, newer);
    await store.leases.release(lease);
    const { error } = await world.pass('add', message);
    assert.equal(error?.code, 'STORE_UNAVAILABLE');
    assert.match(error?.message ?? '', /newer version of the pack \(format 2\)/);
    assert.equal(calls(), 0);
    assert.deepEqual((await store.ledger.read(orderOf(message))).state, newer);
  });

  it('fails as MAPPING_INCOMPLETE when the second output of mapping is led to it', async () => {
    await world.load(stepFlow(step));
    await world.useSalesforce();
    const id = world.approve('Northwind Traders', [...seat, { code: 'UNMAPPED', quantity: 1 }]);
    const checked = await world.through(['get', 'client'], await world.handOut(id));
    const { sent } = await world.pass('mapping', checked);
    assert.equal(sent[0]?.port, 1);
    const { error } = await world.pass('add', sent[0].message);
    assert.equal(error?.code, 'MAPPING_INCOMPLETE');
    assert.equal(calls(), 0);
  });

  it('never aborts the call when it closes: its answer is put on record, and the event goes on from there', async () => {
    await world.load(stepFlow(step));
    const message = await arriving(world, step);
    world.whmcs.panel.fault({ call: 'AddOrder', do: { kind: 'delay', ms: 60_000 } });
    const provisioning = await world.provisioning();
    world.node('add').receive(message as never);
    await world.until('WHMCS has the call', () => world.whmcs.panel.faults()[0]?.hits === 1);
    const closing = helper.unload();
    world.clock.advance(10_000);
    await closing;
    assert.deepEqual(made(), []);
    world.whmcs.panel.advance(60_000);
    await world.until('the step has ended', () => !provisioning.handouts.anyRunning);
    assert.equal(made().length, 1);
    const { adopted } = readRecord((await provisioning.store.ledger.read(orderOf(message))).state);
    assert.equal(adopted?.orderId, world.whmcs.office.orders()[0]?.id);
    assert.equal(
      world.watch.sent.some(({ from }) => from === 'add'),
      false,
    );
    await world.letGo();

    await world.load(stepFlow(step));
    const again = await world.through([...step.before, 'add'], await world.handOutNext());
    assert.equal(again.whmcs?.orderId, adopted?.orderId);
    assert.deepEqual([made().length, calls()], [1, 1]);
  });
});
