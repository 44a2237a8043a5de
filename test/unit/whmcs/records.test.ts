import assert from 'node:assert/strict';
import { inspect } from 'node:util';
import { WhmcsError } from '../../../lib/whmcs/contract';
import type { WhmcsConnection } from '../../../lib/whmcs/connection';
import { json, StandIn } from './stand-in';

const orderRow = {
  id: 5012,
  ordernum: 4820917735,
  userid: 417,
  contactid: 0,
  requestor_id: 512,
  admin_requestor_id: 3,
  date: '2026-11-20 09:14:02',
  amount: '149.00',
  paymentmethod: 'mailin',
  invoiceid: 7731,
  paymentstatus: 'Unpaid',
  status: 'Pending',
  notes: 'sfOrderId=801;i=ab-a1',
  name: 'Dana Okafor',
  lineitems: {
    lineitem: [
      {
        type: 'product',
        relid: 9001,
        product: 'Licences - Pro Seat',
        domain: '',
        billingcycle: 'Annually',
        amount: '149.00',
        status: 'Pending',
      },
    ],
  },
};

const order = {
  id: 5012,
  orderNumber: '4820917735',
  clientId: 417,
  adminRequestorId: 3,
  date: '2026-11-20 09:14:02',
  amount: '149.00',
  paymentMethod: 'mailin',
  invoiceId: 7731,
  paymentStatus: 'Unpaid',
  status: 'Pending',
  notes: 'sfOrderId=801;i=ab-a1',
  lines: [
    {
      type: 'product',
      relId: 9001,
      product: 'Licences - Pro Seat',
      domain: '',
      billingCycle: 'Annually',
      amount: '149.00',
      status: 'Pending',
    },
  ],
};

const serviceRow = {
  id: '9001',
  qty: '3',
  clientid: '417',
  orderid: '5012',
  pid: '12',
  name: 'Pro Seat',
  status: 'Pending',
  billingcycle: 'Annually',
  recurringamount: '149.00',
  firstpaymentamount: '149.00',
  password: 'hunter22',
  customfields: { customfield: [{ id: '12', name: 'SF Order Ref', value: '801' }] },
  configoptions: { configoption: [] },
};

const productRow = {
  pid: 12,
  gid: 4,
  type: 'other',
  name: 'Pro Seat',
  module: '',
  paytype: 'recurring',
  allowqty: 2,
  quantity_available: 0,
  pricing: {
    USD: {
      prefix: '$',
      msetupfee: '0.00',
      monthly: '15.00',
      quarterly: '-1.00',
      annually: '0.00',
      biennially: '',
    },
  },
};

describe('what is read from WHMCS', () => {
  let server: StandIn;
  let whmcs: WhmcsConnection;
  beforeEach(async () => {
    server = await StandIn.start();
    whmcs = server.connect();
  });
  afterEach(() => server.close());

  const says = (...answers: object[]): void =>
    void (server.replies = answers.map((answer) => json({ result: 'success', ...answer })));
  const unusable = (reading: Promise<unknown>) =>
    assert.rejects(
      reading,
      (error: unknown) =>
        error instanceof WhmcsError && error.end.kind === 'unknown' && error.end.code === 'UNREADABLE',
    );

  it('is an order in one form, from numbers and from texts', async () => {
    const strings = {
      ...orderRow,
      id: '5012',
      ordernum: '4820917735',
      userid: '417',
      admin_requestor_id: '3',
      invoiceid: '7731',
    };
    for (const row of [orderRow, strings]) {
      says({ totalresults: '1', startnumber: 0, numreturned: 1, orders: { order: [row] } });
      assert.deepEqual(await whmcs.getOrders({ id: 5012 }), { total: 1, start: 0, orders: [order] });
    }
  });

  it('is a list in each of its forms', async () => {
    const one = [
      orderRow,
      { order: [orderRow] },
      { order: { '0': orderRow } },
      { order: orderRow },
      { '0': orderRow },
      [orderRow],
    ];
    for (const orders of one) {
      says({ totalresults: 1, orders });
      assert.deepEqual((await whmcs.getOrders({ id: 1 })).orders, [order], JSON.stringify(orders).slice(0, 40));
    }
    for (const orders of [[], {}, '', null, undefined, { order: [] }, { order: {} }, { order: '' }, { order: null }]) {
      says({ totalresults: 0, orders });
      assert.deepEqual((await whmcs.getOrders({ id: 1 })).orders, [], JSON.stringify(orders));
    }
  });

  it('has null for zero dates, and for ids that are 0, empty or absent', async () => {
    const { admin_requestor_id: _, ...row } = orderRow;
    says({ orders: { order: [{ ...row, date: '0000-00-00 00:00:00', invoiceid: '0', lineitems: '' }] } });
    const { total, orders } = await whmcs.getOrders({ id: 1 });
    assert.equal(total, null, 'an answer without a count is no evidence');
    assert.deepEqual(
      [orders[0]?.date, orders[0]?.invoiceId, orders[0]?.adminRequestorId, orders[0]?.lines],
      [null, null, null, []],
    );
  });

  it('has its entities decoded once', async () => {
    says({
      client: {
        id: 417,
        status: 'Active',
        companyname: 'Fish &amp; Sons O&#039;Neil',
        fullname: 'AT&amp;amp;T &lt;b&gt; &#x160; &bogus;',
      },
    });
    const client = await whmcs.getClient(417);
    assert.equal(client?.companyName, "Fish & Sons O'Neil");
    assert.equal(client?.name, 'AT&amp;T <b> Š &bogus;');
  });

  it('that lacks what counts is refused, naming the field and not its value', async () => {
    says({ totalresults: 1, orders: { order: [{ ...orderRow, userid: 'secret value' }] } });
    await assert.rejects(whmcs.getOrders({ id: 1 }), (error: unknown) => {
      assert.match(String(error), /orders\.0\.userid/);
      assert.doesNotMatch(inspect(error), /secret value/);
      return true;
    });
    says({ totalresults: 1, orders: 'none' });
    await unusable(whmcs.getOrders({ id: 1 }));
  });

  it('is a client, from new versions and from old ones', async () => {
    const row = {
      userid: 417,
      id: '417',
      firstname: 'Dana',
      lastname: 'Okafor',
      companyname: '',
      status: 'Active',
      currency: 1,
      currency_code: 'USD',
      defaultgateway: '',
      customfields: [{ id: 1, value: '001' }],
    };
    for (const answer of [{ client: row }, row]) {
      says(answer);
      assert.deepEqual(await whmcs.getClient(417), {
        id: 417,
        status: 'Active',
        currency: 'USD',
        defaultGateway: '',
        name: 'Dana Okafor',
        companyName: '',
        customFields: [{ id: 1, value: '001' }],
      });
    }
  });

  it('is no client only where WHMCS says so', async () => {
    server.replies = [json({ result: 'error', message: 'Client Not Found' })];
    assert.equal(await whmcs.getClient(417), null);
    server.replies = [json({ result: 'error', message: 'Forbidden IP 127.65.4.46' }, 403)];
    await assert.rejects(whmcs.getClient(417), WhmcsError);
    says({ client: { id: 418, status: 'Active' } });
    await unusable(whmcs.getClient(417));
    says({});
    await unusable(whmcs.getClient(417));
  });

  it('is a pay method until the last instant of the month on it, and without its token', async () => {
    const row = {
      id: 88,
      type: 'RemoteCreditCard',
      description: 'Corp Visa',
      gateway_name: 'stripe',
      card_last_four: '0042',
      remote_token: 'tok_secret',
    };
    says({
      paymethods: [
        { ...row, expiry_date: '03/28' },
        { ...row, id: '89', expiry_date: '12/2027' },
        { id: 91, type: 'BankAccount', description: 'Ops', gateway_name: '' },
        { ...row, id: 92, expiry_date: '00/00' },
      ],
    });
    const methods = await whmcs.getPayMethods(417);
    assert.deepEqual(
      methods.map((method) => method.expiresAt && new Date(method.expiresAt).toISOString()),
      ['2028-03-31T23:59:59.999Z', '2027-12-31T23:59:59.999Z', null, null],
    );
    assert.deepEqual(
      { ...methods[0], expiresAt: 0 },
      { id: 88, type: 'RemoteCreditCard', description: 'Corp Visa', gateway: 'stripe', expiresAt: 0 },
    );
    assert.doesNotMatch(JSON.stringify(methods), /tok_secret/);
    for (const paymethods of [[], '', {}, undefined]) {
      says({ paymethods });
      assert.deepEqual(await whmcs.getPayMethods(417), []);
    }
  });

  it('are the active gateways', async () => {
    says({ paymentmethods: { paymentmethod: [{ module: 'mailin', displayname: 'Bank &amp; mail' }] } });
    assert.deepEqual(await whmcs.getPaymentMethods(), [{ module: 'mailin', name: 'Bank & mail' }]);
  });

  it('is a product with the cycles that it is sold in', async () => {
    says({ products: { product: [productRow] } });
    assert.deepEqual(await whmcs.getProducts([12]), [
      {
        pid: 12,
        name: 'Pro Seat',
        module: '',
        payType: 'recurring',
        allowQuantity: 2,
        stock: null,
        prices: { USD: { monthly: '15.00', annually: '0.00' } },
      },
    ]);
  });

  it('tells how several units are sold, where WHMCS tells it in a way that is known', async () => {
    for (const [allowqty, known] of [
      [0, 0],
      ['1', 1],
      [2, 2],
      [3, null],
      ['', null],
      [undefined, null],
    ] as const) {
      says({ products: { product: [{ ...productRow, allowqty, quantity_available: '4' }] } });
      const [found] = await whmcs.getProducts([12]);
      assert.deepEqual([found?.allowQuantity, found?.stock], [known, 4]);
    }
  });

  it('tells its stock where WHMCS counts it, and 0 as none left only where stock control is told', async () => {
    const unstocked = { ...productRow, quantity_available: undefined };
    for (const [told, stock] of [
      [{ quantity_available: 4 }, 4],
      [{ quantity_available: 0 }, null],
      [{ quantity_available: '0', stockcontrol: '1' }, 0],
      [{ quantity_available: -2, stockcontrol: 1 }, 0],
      [{ quantity_available: 4, stockcontrol: 0 }, null],
      [{}, null],
    ] as const) {
      says({ products: { product: [{ ...unstocked, ...told }] } });
      assert.equal((await whmcs.getProducts([12]))[0]?.stock, stock, JSON.stringify(told));
    }
  });

  it('tells a product that was taken out of the shop, where WHMCS tells it', async () => {
    for (const [told, withdrawn] of [
      [{}, undefined],
      [{ hidden: 0, retired: '' }, undefined],
      [{ hidden: '1' }, 'hidden'],
      [{ hidden: true, retired: 'on' }, 'retired'],
    ] as const) {
      says({ products: { product: [{ ...productRow, ...told }] } });
      assert.equal((await whmcs.getProducts([12]))[0]?.withdrawn, withdrawn, JSON.stringify(told));
    }
  });

  it('is a product without prices where it has none in whatever form', async () => {
    for (const pricing of [[], '', null, undefined, {}, { USD: '' }, { USD: null }]) {
      says({ products: { product: { ...productRow, paytype: 'Recurring', pricing } } });
      const [found] = await whmcs.getProducts([12]);
      assert.equal(found?.payType, 'recurring');
      assert.deepEqual(found?.prices['USD'] ?? {}, {}, JSON.stringify(pricing));
    }
  });

  it('is a one-time product under its monthly price, and a free one for nothing', async () => {
    const { allowqty: _, ...old } = productRow;
    says({
      products: {
        product: [
          { ...old, paytype: 'onetime' },
          { ...productRow, pid: '13', paytype: 'free' },
        ],
      },
    });
    const [once, free] = await whmcs.getProducts([12, 13]);
    assert.deepEqual([once?.prices, once?.allowQuantity], [{ USD: { onetime: '15.00' } }, null]);
    assert.deepEqual(free?.prices, { USD: { free: '0.00' } });
  });

  it('are just the products that were asked for, in one call, once each', async () => {
    says({ products: { product: [productRow, { ...productRow, pid: 99 }] } });
    assert.deepEqual(
      (await whmcs.getProducts([12, 13, 12])).map((product) => product.pid),
      [12],
    );
    assert.deepEqual(
      server.requests.map((request) => request.fields.get('pid')),
      ['12,13'],
    );
  });

  it('are no products for none, without a call', async () => {
    assert.deepEqual(await whmcs.getProducts([]), []);
    assert.equal(server.requests.length, 0);
  });

  it('is a service, without its password', async () => {
    says({ totalresults: '1', products: { product: [serviceRow] } });
    const services = await whmcs.getServices({ serviceId: 9001 });
    assert.deepEqual(services, [
      {
        id: 9001,
        clientId: 417,
        orderId: 5012,
        pid: 12,
        name: 'Pro Seat',
        status: 'Pending',
        billingCycle: 'Annually',
        quantity: 3,
        recurringAmount: '149.00',
        firstPaymentAmount: '149.00',
        customFields: [{ id: 12, value: '801' }],
      },
    ]);
    assert.doesNotMatch(server.lines.join('\n'), /hunter22/);
  });

  it('are all services of a client, page by page', async () => {
    const page = (ids: number[]) => ({
      totalresults: 3,
      products: { product: ids.map((id) => ({ ...serviceRow, id })) },
    });
    says(page([1, 2]), page([3]));
    assert.deepEqual(
      (await whmcs.getServices({ clientId: 417 })).map((service) => service.id),
      [1, 2, 3],
    );
    assert.deepEqual(
      server.requests.map((request) => request.fields.get('limitstart')),
      ['0', '2'],
    );
  });

  it('are not the services of others, which WHMCS gives where it does not know a filter', async () => {
    says({ totalresults: 1, products: { product: [{ ...serviceRow, clientid: 418 }] } });
    await unusable(whmcs.getServices({ clientId: 417 }));
    says({ totalresults: 1, products: { product: [serviceRow] } });
    await unusable(whmcs.getServices({ serviceId: 9002 }));
    await assert.rejects(whmcs.getServices({}), TypeError);
  });

  it('are never fewer services than WHMCS counts', async () => {
    says({ totalresults: 2, products: { product: [serviceRow] } }, { totalresults: 2, products: '' });
    await unusable(whmcs.getServices({ clientId: 417 }));
    says({ products: '' });
    await unusable(whmcs.getServices({ clientId: 417 }));
    says({ totalresults: 0 });
    assert.deepEqual(await whmcs.getServices({ clientId: 417 }), []);
  });

  it('is the module queue of one service', async () => {
    const item = {
      serviceId: 9001,
      moduleName: 'cpanel',
      moduleAction: 'CreateAccount',
      lastAttemptError: 'no &amp; no',
      completed: '0',
    };
    for (const [completed, is] of [
      [1, true],
      ['1', true],
      [true, true],
      ['', false],
      [null, false],
      [undefined, false],
      [false, false],
    ] as const) {
      says({ queue: [{ ...item, completed }] });
      assert.equal((await whmcs.getModuleQueue(9001))[0]?.completed, is, String(completed));
    }
    says({ count: 2, queue: [item, { ...item, serviceId: 9 }] });
    assert.deepEqual(await whmcs.getModuleQueue(9001), [
      { serviceId: 9001, moduleName: 'cpanel', action: 'CreateAccount', lastError: 'no & no', completed: false },
    ]);
  });

  it('is the version, or null where WHMCS is too old to tell', async () => {
    says({ whmcs: { version: '8.13.1', canonicalversion: '8.13.1-release.1' } });
    assert.equal(await whmcs.version(), '8.13.1');
    server.replies = [json({ result: 'error', message: 'Command Not Found' })];
    assert.equal(await whmcs.version(), null);
    server.replies = [json({ result: 'error', message: 'Invalid IP ::1' }, 403)];
    await assert.rejects(whmcs.version(), WhmcsError);
  });
});
