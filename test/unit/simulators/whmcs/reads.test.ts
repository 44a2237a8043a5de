import assert from 'node:assert/strict';
import { at, Caller, type Fields } from './start';

describe('reads of WHMCS', () => {
  let caller: Caller;
  beforeEach(async () => {
    caller = await Caller.start();
  });
  afterEach(() => caller.close());

  const keyIn = (times: number, clientId = 1001): void => {
    for (let made = 0; made < times; made++) caller.office.placeOrder({ clientId, items: [{ pid: 11 }] });
  };
  const orderIds = async (fields: Fields = {}): Promise<number[]> => {
    const answer = await caller.call('GetOrders', fields);
    return (at(answer, 'orders', 'order') as { id: number }[]).map((order) => order.id);
  };

  describe('GetOrders', () => {
    it('shows an order with its lines, which carry no pid', async () => {
      await caller.addOrder({ notes: 'sf:8015g0', 'pid[1]': 17, clientip: '198.51.100.7' });
      const answer = await caller.call('GetOrders', { id: 5001 });
      assert.deepEqual([answer['totalresults'], answer['startnumber'], answer['numreturned']], [1, 0, 1]);
      const order = at(answer, 'orders', 'order', 0) as Record<string, unknown>;
      assert.match(String(order['date']), /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d$/);
      assert.ok(Number(order['ordernum']) > 2 ** 31 && Number(order['ordernum']) < 2 ** 53);
      const { id, userid, amount, invoiceid, status, notes, ipaddress, paymentmethodname } = order;
      assert.deepEqual(
        { id, userid, amount, invoiceid, status, notes, ipaddress, paymentmethodname },
        {
          id: 5001,
          userid: 1001,
          amount: '399.00',
          invoiceid: 7001,
          status: 'Pending',
          notes: 'sf:8015g0',
          ipaddress: '198.51.100.7',
          paymentmethodname: 'Bank Transfer',
        },
      );
      assert.deepEqual(at(order, 'lineitems', 'lineitem', 1), {
        type: 'product',
        relid: 9002,
        producttype: 'Other Product/Service',
        product: 'Licences - Set-up service',
        domain: '',
        billingcycle: 'One-Time',
        amount: '250.00',
        status: 'Pending',
      });
    });

    it('filters by id, userid, requestor_id and status, and ignores names that it does not know', async () => {
      keyIn(1, 1001);
      keyIn(1, 1002);
      caller.office.setStatus(5002, 'Cancelled');
      assert.deepEqual(await orderIds({ id: 5001 }), [5001]);
      assert.deepEqual(await orderIds({ userid: 1002 }), [5002]);
      assert.deepEqual(await orderIds({ requestor_id: 11001 }), [5001]);
      assert.deepEqual(await orderIds({ status: 'Cancelled' }), [5002]);
      assert.deepEqual(await orderIds({ clientid: 1002, orderid: 5002 }), [5002, 5001]);
    });

    it('gives 25 to a page, newest first or oldest first', async () => {
      keyIn(30);
      const first = await orderIds();
      assert.deepEqual([first.length, first[0], first.at(-1)], [25, 5030, 5006]);
      assert.deepEqual(await orderIds({ limitstart: 25 }), [5005, 5004, 5003, 5002, 5001]);
      assert.deepEqual(await orderIds({ limitstart: 2, limitnum: 2 }), [5028, 5027]);
      caller.panel.switches({ ordering: 'oldestFirst', largestPage: 3 });
      assert.deepEqual(await orderIds({ limitnum: 100 }), [5001, 5002, 5003]);
    });

    it('lets orders in between two pages, so that newest-first pages overlap', async () => {
      keyIn(3);
      caller.panel.switches({ insertsBetweenPages: 1 });
      assert.deepEqual(await orderIds({ limitnum: 2 }), [5003, 5002]);
      assert.deepEqual(await orderIds({ limitnum: 2, limitstart: 2 }), [5002, 5001]);
      assert.equal(caller.office.orders().length, 4);
      const [inserted] = caller.panel.ledger('orderCreated').slice(-1);
      assert.deepEqual([inserted?.['clientId'], inserted?.['by']], [1001, 'person']);
    });

    it('tells who placed an order, from 8.0 on', async () => {
      await caller.addOrder();
      keyIn(1);
      const admins = async (): Promise<unknown[]> => {
        const answer = await caller.call('GetOrders');
        return [0, 1].map((index) => at(answer, 'orders', 'order', index, 'admin_requestor_id'));
      };
      assert.deepEqual(await admins(), [1, 3]);
      caller.panel.switches({ version: '7.7' });
      assert.deepEqual(await admins(), [undefined, undefined]);
    });
  });

  describe('GetClientsProducts', () => {
    const services = async (fields: Fields = {}): Promise<Record<string, string>[]> =>
      at(await caller.call('GetClientsProducts', fields), 'products', 'product') as Record<string, string>[];

    it('shows a service with ids as strings, its order, quantity and custom fields', async () => {
      const field = Buffer.from('a:1:{i:1014;s:4:"sf:1";}').toString('base64');
      await caller.addOrder({ 'qty[0]': 3, 'customfields[0]': field });
      const answer = await caller.call('GetClientsProducts', { clientid: 1001 });
      assert.deepEqual(
        ['clientid', 'serviceid', 'totalresults', 'startnumber', 'numreturned'].map((name) => answer[name]),
        ['1001', null, '1', 0, 1],
      );
      const service = at(answer, 'products', 'product', 0) as Record<string, unknown>;
      const { id, orderid, pid, qty, billingcycle, recurringamount, status } = service;
      assert.deepEqual(
        { id, orderid, pid, qty, billingcycle, recurringamount, status },
        {
          id: '9001',
          orderid: '5001',
          pid: '14',
          qty: '3',
          billingcycle: 'Annually',
          recurringamount: '447.00',
          status: 'Pending',
        },
      );
      assert.deepEqual(service['customfields'], {
        customfield: [{ id: '1014', name: 'Order reference', value: 'sf:1' }],
      });
    });

    it('filters by client, service, product and domain', async () => {
      await caller.addOrder({ 'domain[0]': 'a.example', 'pid[1]': 17 });
      await caller.addOrder({ clientid: 1002 });
      const ids = async (fields: Fields): Promise<unknown[]> => (await services(fields)).map((one) => one['id']);
      assert.deepEqual(await ids({ clientid: 1002 }), ['9003']);
      assert.deepEqual(await ids({ serviceid: 9002 }), ['9002']);
      assert.deepEqual(await ids({ pid: 14 }), ['9001', '9003']);
      assert.deepEqual(await ids({ domain: 'A.example' }), ['9001']);
      assert.deepEqual(await ids({ limitnum: 1, limitstart: 1 }), ['9002']);
      assert.deepEqual(await ids({ orderid: 5002 }), ['9001', '9002', '9003']);
    });

    it('has no quantity before 8.12, and shows a password once there is an account', async () => {
      caller.panel.switches({ version: '8.11' });
      await caller.addOrder({ 'pid[0]': 20, 'billingcycle[0]': 'monthly' });
      assert.ok(!('qty' in ((await services())[0] ?? {})));
      assert.equal((await services())[0]?.['password'], '');
      await caller.call('AcceptOrder', { orderid: 5001 });
      assert.notEqual((await services())[0]?.['password'], '');
    });
  });

  describe('clients', () => {
    it('are found by id or e-mail, with their fields twice, as WHMCS does', async () => {
      const byId = await caller.call('GetClientsDetails', { clientid: 1007 });
      assert.equal(at(byId, 'client', 'companyname'), 'Škoda Žilina s.r.o.');
      assert.deepEqual([byId['id'], byId['currency_code'], at(byId, 'client', 'status')], [1007, 'EUR', 'Active']);
      const byEmail = await caller.call('GetClientsDetails', { email: 'Client1007@example.test' });
      assert.equal(at(byEmail, 'client', 'id'), 1007);
    });

    it('that are not named or not there are refused', async () => {
      const message = async (fields: Fields): Promise<unknown> =>
        (await caller.call('GetClientsDetails', fields))['message'];
      assert.equal(await message({}), 'Either clientid Or email Is Required');
      assert.equal(await message({ clientid: 4 }), 'Client Not Found');
    });

    it('carry custom fields flat', async () => {
      caller.office.putClient({ id: 1001, customFields: [{ id: 1, value: 'a & b' }] });
      const answer = await caller.call('GetClientsDetails', { clientid: 1001 });
      assert.deepEqual(at(answer, 'client', 'customfields'), [{ id: 1, value: 'a &amp; b' }]);
      assert.equal(at(answer, 'client', 'customfields1'), 'a &amp; b');
    });

    const payMethods = (fields: Fields): Promise<Record<string, unknown>> => caller.call('GetPayMethods', fields);

    it('show their pay methods: last four as text, expiry as MM/YY in or out of time', async () => {
      const good = at(await payMethods({ clientid: 1001 }), 'paymethods', 0) as Record<string, string>;
      assert.deepEqual(
        [good['type'], good['card_last_four'], good['gateway_name']],
        ['RemoteCreditCard', '0042', 'stripe'],
      );
      const year = (card: Record<string, string>): number => Number(`20${card['expiry_date']?.slice(3)}`);
      const past = at(await payMethods({ clientid: 1005 }), 'paymethods', 0) as Record<string, string>;
      const now = new Date(caller.panel.now()).getUTCFullYear();
      assert.deepEqual([year(good), year(past)], [now + 2, now - 1]);
      const bank = at(await payMethods({ clientid: 1003 }), 'paymethods', 0) as Record<string, string>;
      assert.deepEqual([bank['type'], 'expiry_date' in bank], ['BankAccount', false]);
      assert.deepEqual((await payMethods({ clientid: 1004 }))['paymethods'], []);
    });

    it('filter their pay methods by two types only', async () => {
      const types = async (type: string): Promise<number> =>
        (at(await payMethods({ clientid: 1001, type }), 'paymethods') as object[]).length;
      assert.deepEqual([await types('CreditCard'), await types('BankAccount')], [1, 0]);
      const message = async (fields: Fields): Promise<unknown> => (await payMethods(fields))['message'];
      assert.equal(
        await message({ clientid: 1001, type: 'Card' }),
        "Invalid Pay Method Type. Should be 'BankAccount' or 'CreditCard'",
      );
      assert.equal(await message({}), 'Client ID Is Required');
      assert.equal(await message({ clientid: 4 }), 'Client Not Found');
    });
  });

  describe('the catalogue', () => {
    const products = async (fields: Fields = {}): Promise<Record<string, unknown>[]> =>
      at(await caller.call('GetProducts', fields), 'products', 'product') as Record<string, unknown>[];
    const pids = async (fields: Fields): Promise<unknown[]> => (await products(fields)).map((one) => one['pid']);

    it('lists products by one pid, several, group and module, hidden ones too, unknown ones not', async () => {
      assert.deepEqual(await pids({ pid: 14 }), [14]);
      assert.deepEqual(await pids({ pid: '14,21,9999' }), [14, 21]);
      assert.deepEqual(await pids({ module: 'cpanel' }), [20]);
      assert.deepEqual(await pids({ gid: 2 }), [20]);
      assert.equal((await caller.call('GetProducts', { pid: 9999 }))['totalresults'], 0);
    });

    it('prices cycles in each currency, -1.00 where one is not offered', async () => {
      const [seat] = await products({ pid: 14 });
      assert.deepEqual(
        ['monthly', 'annually', 'asetupfee', 'suffix'].map((key) => at(seat, 'pricing', 'USD', key)),
        ['-1.00', '149.00', '0.00', ' USD'],
      );
      assert.equal(at(seat, 'pricing', 'EUR', 'annually'), '149.00');
      const [setup] = await products({ pid: 17 });
      assert.deepEqual([setup?.['paytype'], at(setup, 'pricing', 'USD', 'monthly')], ['onetime', '250.00']);
    });

    it('hides admin-only fields, and allowqty before 8.12', async () => {
      caller.office.putProduct({
        pid: 14,
        customFields: [
          { id: 1014, name: 'Order reference' },
          { id: 12, name: 'Colour', showOnOrder: true },
        ],
      });
      const [product] = await products({ pid: 14 });
      assert.equal(product?.['allowqty'], 2);
      assert.deepEqual(product?.['customfields'], {
        customfield: [{ id: 12, name: 'Colour', description: '', required: '' }],
      });
      caller.panel.switches({ version: '8.11' });
      assert.ok(!('allowqty' in ((await products({ pid: 14 }))[0] ?? {})));
    });

    it('lists the gateways', async () => {
      const answer = await caller.call('GetPaymentMethods');
      const gateways = at(answer, 'paymentmethods', 'paymentmethod') as { module: string }[];
      assert.deepEqual(
        gateways.map((gateway) => gateway.module),
        ['mailin', 'stripe', 'banktransfer'],
      );
    });

    it('tells the version', async () => {
      caller.panel.switches({ version: '9.0' });
      assert.deepEqual((await caller.call('WhmcsDetails'))['whmcs'], {
        version: '9.0.1',
        canonicalversion: '9.0.1-release.1',
      });
      caller.panel.switches({ version: '7.7' });
      assert.equal((await caller.call('WhmcsDetails'))['result'], 'error');
    });
  });
});
