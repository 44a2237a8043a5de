import assert from 'node:assert/strict';
import type { Message } from '../../lib/provisioning/message';
import { node, sink, type FlowNode } from './flow';
import { arriving, itKeepsTheContract, orderOf, stepFlow, type StepUnderTest } from './step-contract';
import { useWorld, type EventMessage, type Passed } from './world';

const step: StepUnderTest = {
  id: 'get',
  before: [],
  needs: [],
  adds: 'order',
  connection: 'salesforce',
  reads: { of: 'salesforce', call: 'query' },
};

describe('sf-get-order', () => {
  const world = useWorld();

  itKeepsTheContract(world, step);

  /** The order's message, of an event that is too old to be read again. */
  const old = async (orderId: string): Promise<EventMessage> => {
    const message = await arriving(world, step, orderId);
    return { ...message, event: { ...message.event, createdAt: '2026-01-01T00:00:00.000Z' } };
  };
  /** A mapping check that its messages would reach, behind a node that lets nothing by. */
  const leadingToMapping = (mapping: Partial<FlowNode>, change: Partial<FlowNode> = {}): FlowNode[] => [
    ...stepFlow(step, { ...change, wires: [['gate'], [sink]] }),
    { id: 'gate', type: 'helper', z: 'tab', x: 0, y: 0, wires: [['mapping']] },
    node('mapping', mapping),
  ];
  const failsAs = ({ sent, error, caught }: Passed, code: string, words: RegExp): void => {
    assert.deepEqual(sent, []);
    assert.equal(error?.code, code);
    assert.equal((caught?.['error'] as { code: string }).code, code);
    assert.deepEqual([caught?.failure?.code, caught?.failure?.step], [code, 'validation']);
    assert.match(error?.message ?? '', words);
    assert.deepEqual(world.status('get'), { fill: 'red', shape: 'dot', text: code });
  };
  const parked = async (passed: Passed, message: EventMessage, reason: RegExp): Promise<void> => {
    assert.deepEqual([passed.sent, passed.error], [[], null]);
    const event = await (await world.provisioning()).store.inbox.get(message.event.id);
    assert.equal(event?.state, 'parked');
    assert.match(event?.reason ?? '', reason);
    assert.deepEqual(world.status('get'), { fill: 'yellow', shape: 'ring', text: 'waits' });
  };

  it('sends an Order that is Activating by its first output, with what the other nodes need', async () => {
    await world.load(stepFlow(step));
    const id = world.approve('Northwind Traders', [
      { code: 'SEAT-A', quantity: 3 },
      { code: 'SETUP', quantity: 1 },
    ]);
    const { sent } = await world.pass('get', await arriving(world, step, id));
    assert.deepEqual(
      sent.map(({ port }) => port),
      [0],
    );
    const { order } = sent[0]?.message as Message;
    assert.deepEqual(
      [order?.id, order?.status, order?.account?.whAccount],
      [id, 'Activating', '#1001 - Northwind Traders'],
    );
    assert.deepEqual(
      order?.items.map(({ product, quantity }) => [product?.productId, product?.billingCycle, quantity]),
      [
        ['14', 'Annually', 3],
        ['17', 'One-Time', 1],
      ],
    );
    assert.deepEqual(world.status('get'), { fill: 'green', shape: 'dot', text: `${order?.number} go` });
  });

  it('reads names of fields from its settings', async () => {
    world.salesforce.panel.switches({ hiddenFields: ['Product2.Billing_Cycle__c', 'Account.WH_Account__c'] });
    await world.load(leadingToMapping({ billingCycleField: 'ProductCode' }, { accountField: 'Name' }));
    const { sent, error } = await world.pass('get', await arriving(world, step));
    assert.equal(error, null);
    assert.equal(sent[0]?.message.order?.account?.whAccount, 'Northwind Traders');
    assert.equal(sent[0]?.message.order?.items[0]?.product?.billingCycle, 'SEAT-M');
    assert.equal(sent[0]?.message.order?.items[0]?.fields, undefined);
  });

  it('reads in its one query what the mapping check wants that its messages reach, and of no other', async () => {
    const wants = { productIdField: 'OrderItem.Description', domainField: 'OrderItem.ServiceDate' };
    const other = node('mapping', { id: 'other', domainField: 'OrderItem.Nowhere__c' });
    await world.load([
      ...leadingToMapping({
        ...wants,
        customFields: '12 = Order.PoNumber; 13=Account.Name',
        configOptions: '3=Family',
      }),
      other,
    ]);
    const { sent, error } = await world.pass('get', await arriving(world, step));
    assert.equal(error, null);
    const [item] = sent[0]?.message.order?.items ?? [];
    assert.equal(item?.product?.productId, null);
    assert.deepEqual(item?.fields, {
      'OrderItem.ServiceDate': null,
      'Order.PoNumber': null,
      'Account.Name': 'Northwind Traders',
      Family: null,
    });
    assert.equal(world.salesforce.panel.requests('query').length, 1);
  });

  it('says where two mapping checks behind it read the same from different fields', async () => {
    const second = node('mapping', { id: 'second', name: 'second', billingCycleField: 'ProductCode' });
    const gate: FlowNode = { id: 'gate', type: 'helper', z: 'tab', x: 0, y: 0, wires: [['mapping', 'second']] };
    await world.load([...leadingToMapping({}).filter(({ id }) => id !== 'gate'), gate, second]);
    assert.deepEqual(world.lines('warn', 'get'), [
      '"mapping" reads the billing cycle from Billing_Cycle__c, "second" from ProductCode: Billing_Cycle__c is used for both. Set the same on each.',
    ]);
  });

  it('says of fields that an older flow names here where they are set now', async () => {
    await world.load(
      leadingToMapping({}, { productIdField: ' Legacy_Pid__c ', billingCycleField: 'Billing_Cycle__c' }),
    );
    assert.deepEqual(world.lines('warn', 'get'), [
      'productIdField (Legacy_Pid__c) is not used here any more: set it on mapping check, as "WHMCS product".',
    ]);
  });

  it('lets the event wait, naming the field, for one that mapping check wants and the org does not have', async () => {
    await world.load(leadingToMapping({ customFields: '12=OrderItem.Nowhere__c' }));
    const message = await arriving(world, step);
    await parked(await world.pass('get', message), message, /^SF_QUERY: .*Nowhere__c \(mapping check\) does not exist/);
  });

  it('sends an Order that is not Activating by its second output, with the reason', async () => {
    await world.load(stepFlow(step));
    const { id } = world.salesforce.people.createOrder({
      account: 'Northwind Traders',
      items: [{ code: 'SEAT-M', quantity: 1 }],
    });
    const message = Object.assign(await old(id), { custom: { deep: [1] } });
    const before = structuredClone(message);
    const { sent } = await world.pass('get', message);
    assert.deepEqual(
      sent.map(({ port }) => port),
      [1],
    );
    const out = sent[0]?.message as Message;
    assert.equal(out.skipped?.code, 'ORDER_NOT_ACTIVATING');
    assert.equal(out.order?.status, 'Not Started');
    assert.deepEqual(Object.keys(out).sort(), [...Object.keys(before), 'order', 'provisioning', 'skipped'].sort());
    assert.deepEqual(
      { ...out, order: 0, provisioning: 0, skipped: 0 },
      { ...before, order: 0, provisioning: 0, skipped: 0 },
    );
    assert.deepEqual(world.status('get'), { fill: 'green', shape: 'dot', text: `${out.order?.number} skip` });
  });

  it('skips an Order of another price book', async () => {
    world.set({ PORTAL_PRICEBOOK_ID: '01sQl000000ZZZZIAW' });
    await world.load(stepFlow(step));
    const { sent } = await world.pass('get', await arriving(world, step));
    assert.deepEqual([sent[0]?.port, sent[0]?.message.skipped?.code], [1, 'ORDER_OTHER_PRICEBOOK']);
  });

  it('says at start that it goes without a price book whose variable is not set', async () => {
    await world.load(stepFlow(step));
    assert.deepEqual(world.lines('info', 'get'), ['pricebookId: PORTAL_PRICEBOOK_ID is not set; it goes without.']);
  });

  it('reads again when the event came before its own commit', async () => {
    await world.load(stepFlow(step));
    const { id } = world.salesforce.people.createOrder({
      account: 'Northwind Traders',
      items: [{ code: 'SEAT-M', quantity: 1 }],
    });
    const message = await arriving(world, step, id);
    const passing = world.pass('get', message);
    const queries = () => world.salesforce.panel.requests('query').length;
    await world.until('it has read once and waits', () => queries() === 1 && world.clock.pending > 0);
    world.salesforce.people.approve(id);
    await world.until('it has read again', () => (world.clock.advance(2), queries() === 2));
    const { sent } = await passing;
    assert.deepEqual([sent[0]?.port, sent[0]?.message.order?.status], [0, 'Activating']);
  });

  it('parks the event of an Order that is not Activating yet', async () => {
    await world.load(stepFlow(step));
    const id = world.approve();
    const message = await arriving(world, step, id);
    world.salesforce.people.editOrder(id, { Activation_Status__c: 'Not Started' });
    world.clock.advance(1_000);
    await parked(await world.pass('get', message), message, /^Salesforce shows 'Not Started'; .* before its own/);
  });

  it('fails an Order that is gone as ORDER_NOT_FOUND', async () => {
    await world.load(stepFlow(step));
    const id = world.approve();
    world.salesforce.people.deleteRecord(id);
    failsAs(await world.pass('get', await old(id)), 'ORDER_NOT_FOUND', new RegExp(id));
  });

  it('fails an Order without products as ORDER_EMPTY', async () => {
    await world.load(stepFlow(step));
    const id = world.approve();
    for (const item of world.salesforce.people.order(id).items)
      world.salesforce.people.deleteRecord(String(item['Id']));
    failsAs(await world.pass('get', await arriving(world, step, id)), 'ORDER_EMPTY', /has no products/);
  });

  it('lets the event wait, naming the field, when it may not read one: that is no order’s own fault', async () => {
    world.salesforce.panel.switches({ hiddenFields: ['Product2.Billing_Cycle__c'] });
    await world.load(stepFlow(step));
    const message = await arriving(world, step);
    await parked(await world.pass('get', message), message, /^SF_QUERY: INVALID_FIELD: .*Billing_Cycle__c/);
  });

  it('lets the event wait while Salesforce is away', async () => {
    await world.load(stepFlow(step));
    world.salesforce.panel.fault({ call: 'query', times: 0, do: { kind: 'status', status: 503 } });
    const message = await arriving(world, step);
    const passing = world.pass('get', message);
    await world.until(
      'it gives up for now',
      () => (world.clock.advance(5_000), world.watch.ended.some(({ node }) => node === 'get')),
    );
    await parked(await passing, message, /^503/);
  });

  it('lets the event wait while Salesforce refuses the login, and shows nothing of the key', async () => {
    await world.load(stepFlow(step));
    world.salesforce.panel.switches({ userState: 'inactive' });
    const message = await arriving(world, step);
    await parked(await world.pass('get', message), message, /^SF_AUTH: /);
    assert.equal(world.salesforce.panel.ledger('login').length, 1);
  });

  it('lets the event wait while another step holds the order', async () => {
    await world.load(stepFlow(step));
    const message = await arriving(world, step);
    const { store } = await world.provisioning();
    const lease = await store.leases.acquire(`order:${orderOf(message)}`, 30_000);
    assert.ok(lease);
    await parked(await world.pass('get', message), message, /Another step of this order is under way/);
    await store.leases.release(lease);
  });

  it('skips an order whose result is still to be told', async () => {
    await world.load(stepFlow(step));
    const id = world.approve('Cashless Ltd');
    const first = await arriving(world, step, id);
    world.salesforce.panel.fault({ call: 'patch', times: 0, do: { kind: 'status', status: 503 } });
    const { endings } = await world.provisioning();
    await world.pass('get', first);
    const cause = {
      code: 'CLIENT_CLOSED',
      message: 'closed',
      step: 'validation',
      owner: 'Customer support',
      retryable: false,
      fix: '',
    } as const;
    await endings.fail({ eventId: first.event.id, handout: first.event.handout, orderId: id }, cause);
    const { sent } = await world.pass('get', await world.handOut(id));
    assert.deepEqual([sent[0]?.port, sent[0]?.message.skipped?.code], [1, 'ATTEMPT_CLOSED']);
  });
});
