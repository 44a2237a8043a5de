import assert from 'node:assert/strict';
import type { Message } from '../../lib/provisioning/message';
import { node, sink, type FlowNode } from './flow';
import { arriving, itKeepsTheContract, stepFlow, type StepUnderTest } from './step-contract';
import { useWorld } from './world';

const step: StepUnderTest = {
  id: 'mapping',
  before: ['get', 'client'],
  needs: ['order', 'client'],
  adds: 'mapping',
  connection: 'whmcs',
  reads: { of: 'whmcs', call: 'GetProducts' },
};

describe('mapping-check', () => {
  const world = useWorld();

  itKeepsTheContract(world, step);

  /** The node behind get order, which then reads the fields that it names. */
  const readingFor = (settings: Partial<FlowNode>): FlowNode[] => [
    ...stepFlow(step, settings).map((one) => (one.id === 'get' ? { ...one, wires: [['gate'], [sink]] } : one)),
    { id: 'gate', type: 'helper', z: 'tab', x: 0, y: 0, wires: [['mapping']] },
  ];

  it('sends what WHMCS sells by its first output', async () => {
    await world.load(stepFlow(step));
    const id = world.approve('Northwind Traders', [
      { code: 'SEAT-A', quantity: 3 },
      { code: 'SETUP', quantity: 2 },
    ]);
    const { sent } = await world.pass('mapping', await arriving(world, step, id));
    assert.deepEqual(
      sent.map(({ port }) => port),
      [0],
    );
    const { mapping, order, failure } = sent[0]?.message as Message;
    assert.equal(mapping?.ok, true);
    assert.equal(failure, undefined);
    assert.deepEqual(
      mapping?.items.map(({ pid, billingCycle, quantity, price }) => [pid, billingCycle, quantity, price]),
      [
        [14, 'annually', 3, '149.00'],
        [17, 'onetime', 1, '250.00'],
        [17, 'onetime', 1, '250.00'],
      ],
    );
    assert.deepEqual(world.status('mapping'), { fill: 'green', shape: 'dot', text: `${order?.number} mapped` });
  });

  it('sends what cannot be mapped by its second output, with every fault and a failure, and no error', async () => {
    await world.load(stepFlow(step));
    const id = world.approve("Fish & Sons O'Neil", [
      { code: 'UNMAPPED', quantity: 1 },
      { code: 'WRONG-CYCLE', quantity: 2 },
      { code: 'UNKNOWN-PID', quantity: 1 },
      { code: 'SEAT-M', quantity: 1 },
    ]);
    const message = Object.assign(await arriving(world, step, id), { custom: { deep: [1] } });
    const before = structuredClone(message) as Message;
    const { sent, error } = await world.pass('mapping', message);
    assert.equal(error, null);
    assert.deepEqual(
      sent.map(({ port }) => port),
      [1],
    );
    const out = sent[0]?.message as Message;
    assert.equal(out.mapping?.ok, false);
    assert.deepEqual(
      out.mapping?.items.map((item) => item.faults.map(({ code }) => code).sort()),
      [['CYCLE_MISSING', 'PRODUCT_ID_MISSING'], ['CYCLE_AMBIGUOUS'], ['PRODUCT_UNKNOWN'], []],
    );
    assert.deepEqual(
      [out.failure?.code, out.failure?.step, out.failure?.owner, out.failure?.retryable],
      ['MAPPING_INCOMPLETE', 'mapping', 'Salesforce admin', false],
    );
    assert.match(out.failure?.message ?? '', /^3 of 4 items cannot be mapped; .*Consulting day/);
    const others = { mapping: 0, failure: 0, provisioning: 0 };
    assert.deepEqual({ ...out, ...others }, { ...before, ...others });
    assert.deepEqual(world.status('mapping'), {
      fill: 'yellow',
      shape: 'dot',
      text: `${out.order?.number} incomplete`,
    });
    assert.deepEqual(world.whmcs.panel.ledger('orderCreated'), []);
    const { fix = '' } = out.mapping?.items[2]?.faults[0] ?? {};
    const [table, ...more] = world.lines('warn', 'mapping');
    assert.deepEqual(more, []);
    assert.match(table ?? '', new RegExp(`^Order ${out.order?.number}: 3 of 4 items cannot be mapped\nitem \\| fault`));
    assert.ok(table?.endsWith(`\n3 Ghost product | WHMCS has no product 9999 | ${fix} | Salesforce admin`), table);
  });

  for (const [what, settings, quantity, faults] of [
    ['10,000 units in a flow from before there was a limit', {}, 10_000, []],
    ['no million units there', {}, 1_000_000, ['QUANTITY_TOO_HIGH']],
    ['a million units where the limit is empty', { maxUnits: '' }, 1_000_000, []],
    ['a million units where it is 0', { maxUnits: 0 }, 1_000_000, []],
    ['no more than are set', { maxUnits: 5 }, 6, ['QUANTITY_TOO_HIGH']],
  ] as const)
    it(`takes ${what}`, async () => {
      world.whmcs.office.putProduct({ pid: 14, allowQuantity: 2 });
      await world.load(stepFlow(step, settings));
      const id = world.approve('Northwind Traders', [{ code: 'SEAT-A', quantity }]);
      const { sent } = await world.pass('mapping', await arriving(world, step, id));
      assert.equal(sent[0]?.port, faults.length);
      const [item] = sent[0].message.mapping?.items ?? [];
      assert.deepEqual(
        item?.faults.map(({ code }) => code),
        faults,
      );
      assert.deepEqual(world.whmcs.panel.ledger('orderCreated'), []);
    });

  it('feeds what its settings name, from what get order has read', async () => {
    const feeds = { domainField: 'OrderItem.Description', priceField: 'UnitPrice', customFields: '12=Account.Name' };
    await world.load(stepFlow(step, feeds));
    const message = await arriving(world, step);
    for (const one of message.order?.items ?? [])
      one.fields = { 'OrderItem.Description': 'a.example', UnitPrice: '12.5', 'Account.Name': 'Fish & Sons' };
    const { sent } = await world.pass('mapping', message);
    assert.deepEqual(
      sent[0]?.message.mapping?.items.map(({ domain, price, customFields }) => [domain, price, customFields]),
      [['a.example', '12.50', { 12: 'Fish & Sons' }]],
    );
  });

  it('takes no price of another currency than the client pays in, as the Order itself tells it', async () => {
    world.salesforce.panel.switches({ severalCurrencies: true });
    await world.load(readingFor({ priceField: 'OrderItem.UnitPrice' }));
    for (const [currency, port, faults] of [
      ['USD', 0, []],
      ['EUR', 1, ['CURRENCY_DIFFERS']],
    ] as const) {
      const id = world.approve();
      world.salesforce.people.editOrder(id, { CurrencyIsoCode: currency });
      const { sent } = await world.pass('mapping', await arriving(world, step, id));
      assert.equal(sent[0]?.port, port);
      const [item] = sent[0].message.mapping?.items ?? [];
      assert.deepEqual(
        item?.faults.map(({ code }) => code),
        faults,
      );
      assert.equal(item.priceOverride, '15.00');
    }
    assert.deepEqual(world.whmcs.panel.ledger('orderCreated'), []);
  });

  it('takes what fields hold for text alone, be it SOQL, HTML, PHP or a form', async () => {
    const harmful = [
      '<b onclick=x>',
      `O'Neil') OR (Id != null) ORDER BY Id LIMIT 1 --`,
      '";}i:13;s:4:"evil',
      '&pid[1]=20&clientid=1002',
    ].join(' ');
    const { people, panel } = world.salesforce;
    // Else the first query asks for a currency that there is none of.
    panel.switches({ severalCurrencies: true });
    const id = world.approve('Northwind Traders', [
      { code: 'SEAT-M', quantity: 1 },
      { code: 'SEAT-A', quantity: 1 },
    ]);
    const put = (type: string, of: unknown, fields: object) => people.putRecord({ type, id: of, fields });
    const product = people.records('Product2').find((one) => one['ProductCode'] === 'SEAT-A');
    put('Product2', product?.['Id'], { Name: harmful, WH_Product_ID__c: harmful, Billing_Cycle__c: harmful });
    put('Account', people.order(id)['AccountId'], { Name: harmful });
    put('Order', id, { PoNumber: harmful });
    await world.load(
      readingFor({
        customFields: '12=Order.PoNumber;13=Account.Name',
        domainField: 'Product2.Name',
        priceField: 'Name',
      }),
    );
    const orders = people.orders().length;
    const { sent } = await world.pass('mapping', await arriving(world, step, id));
    const [good, bad] = sent[0]?.message.mapping?.items ?? [];
    assert.deepEqual(
      [good?.pid, good?.customFields, bad?.customFields, sent[0]?.message.client?.id],
      [11, { 12: harmful, 13: harmful }, { 12: harmful, 13: harmful }, 1001],
    );
    assert.deepEqual(
      bad?.faults.map(({ code }) => code),
      ['CYCLE_UNSUPPORTED', 'PRODUCT_ID_INVALID', 'DOMAIN_INVALID', 'PRICE_INVALID'],
    );
    await world.pass('failed', sent[0]?.message ?? {});
    await world.until('Salesforce shows Failed', () => people.order(id)['Activation_Status__c'] === 'Failed');
    const told = String(people.order(id)['Activation_Error_Message__c']);
    assert.match(told, /items cannot be mapped/);
    assert.doesNotMatch(told, /[<>\r\n]/);
    assert.ok(told.length <= 255);
    // Nothing else was read, written or ordered, and no query was other than ours.
    assert.equal(people.orders().length, orders);
    assert.equal(people.orders().filter((one) => one['Activation_Status__c'] === 'Failed').length, 1);
    assert.ok(panel.requests('query').every(({ outcome }) => outcome === 'success'));
    assert.deepEqual(world.whmcs.panel.ledger('orderCreated'), []);
    assert.deepEqual(world.whmcs.panel.ledger('oddRequest'), []);
  });

  for (const [marker, quantities] of [
    ['notes', [3]],
    ['customField', [1, 1, 1]],
  ] as const)
    it(`makes lines of ${quantities.join(', ')} of three units where the mark goes into ${marker}`, async () => {
      world.whmcs.office.putProduct({ pid: 14, allowQuantity: 1 });
      const whmcs = node('whmcs', { marker, markerFieldId: 12 });
      await world.load([...stepFlow(step).filter(({ id }) => id !== 'whmcs'), whmcs]);
      const id = world.approve('Northwind Traders', [{ code: 'SEAT-A', quantity: 3 }]);
      const { sent } = await world.pass('mapping', await arriving(world, step, id));
      assert.deepEqual(
        sent[0]?.message.mapping?.items.map(({ quantity }) => quantity),
        quantities,
      );
    });

  it('says that a custom field holds the mark already', async () => {
    const marked = node('whmcs', { marker: 'customField', markerFieldId: 12 });
    await world.load([
      ...stepFlow(step, { customFields: '12=Account.Name' }).filter(({ id }) => id !== 'whmcs'),
      marked,
    ]);
    assert.match(world.lines('error', 'mapping').join(), /Custom field 12 holds the mark of the WHMCS connection/);
  });

  it('asks WHMCS for its products once for many orders', async () => {
    await world.load(stepFlow(step));
    for (let count = 0; count < 3; count++) await world.pass('mapping', await arriving(world, step));
    assert.equal(world.whmcs.panel.requests('GetProducts').length, 1);
  });

  it('sees a product that was added in WHMCS since', async () => {
    await world.load(stepFlow(step));
    const order = () => world.approve('Northwind Traders', [{ code: 'UNKNOWN-PID', quantity: 1 }]);
    assert.equal((await world.pass('mapping', await arriving(world, step, order()))).sent[0]?.port, 1);
    world.whmcs.office.putProduct({ pid: 9999, prices: { USD: { monthly: '1.00' } } });
    assert.equal((await world.pass('mapping', await arriving(world, step, order()))).sent[0]?.port, 0);
  });

  it('fails when WHMCS does not answer as it should', async () => {
    await world.load(stepFlow(step));
    const message = await arriving(world, step);
    world.whmcs.panel.fault({ call: 'GetProducts', times: 0, do: { kind: 'status', status: 502 } });
    const passing = world.pass('mapping', message);
    await world.until(
      'it gives up',
      () => (world.clock.advance(1_000), world.watch.ended.some(({ node }) => node === 'mapping')),
    );
    const { error, caught } = await passing;
    assert.deepEqual([error?.code, caught?.failure?.code, caught?.failure?.step], ['502', '502', 'mapping']);
    assert.equal(caught?.failure?.retryable, true);
  });
});
