import assert from 'node:assert/strict';
import { serialize } from 'php-serialize';
import { anOrder, apiCredentials, at, Caller, form, type Fields } from './start';

const encoded = (value: object): string => Buffer.from(serialize(value)).toString('base64');

describe('AddOrder', () => {
  let caller: Caller;
  beforeEach(async () => {
    caller = await Caller.start();
  });
  afterEach(() => caller.close());

  const message = async (fields: Fields): Promise<unknown> => {
    const answer = await caller.call('AddOrder', fields);
    assert.equal(answer['result'], 'error');
    return answer['message'];
  };
  const pidsAndQuantities = (): number[][] =>
    caller.office
      .orders()
      .at(-1)
      ?.services.map(({ pid, quantity }) => [pid, quantity]) ?? [];

  it('makes a Pending order, its services and an invoice, and books them', async () => {
    const answer = await caller.addOrder({ 'qty[0]': 3, 'pid[1]': 17, notes: 'sf:8015g0' });
    assert.deepEqual(answer, {
      result: 'success',
      orderid: 5001,
      productids: '9001,9002',
      serviceids: '9001,9002',
      addonids: '',
      domainids: '',
      invoiceid: 7001,
    });
    const [order] = caller.office.orders();
    assert.equal(order?.status, 'Pending');
    assert.deepEqual(
      order?.services.map(({ pid, quantity, billingCycle, status, recurring }) => [
        pid,
        quantity,
        billingCycle,
        status,
        recurring,
      ]),
      [
        [14, 3, 'annually', 'Pending', '447.00'],
        [17, 1, 'onetime', 'Pending', '0.00'],
      ],
    );
    const [entry] = caller.panel.ledger('orderCreated');
    assert.deepEqual(
      ['orderId', 'clientId', 'notes', 'amount', 'invoiceId', 'by'].map((field) => entry?.[field]),
      [5001, 1001, 'sf:8015g0', '697.00', 7001, 'api'],
    );
    assert.deepEqual(at(entry, 'items', 0, 'serviceIds'), [9001]);
  });

  it('refuses an unknown client, a closed one, a gateway that is not there, and an empty cart', async () => {
    assert.equal(await message({ ...anOrder, clientid: 4 }), 'Client ID Not Found');
    assert.equal(await message({ ...anOrder, clientid: 1006 }), 'Unable to add order when client status is Closed');
    assert.equal(
      await message({ ...anOrder, paymentmethod: 'paypal' }),
      'Invalid Payment Method. Valid options include mailin,stripe,banktransfer',
    );
    assert.equal(
      await message({ clientid: 1001, paymentmethod: 'mailin' }),
      'No items added to cart so order cannot proceed',
    );
    assert.equal(await message({ ...anOrder, 'pid[0]': 9999 }), 'No items added to cart so order cannot proceed');
    assert.deepEqual(caller.panel.ledger(), []);
  });

  it('drops a product that it does not know, and sells a hidden one', async () => {
    await caller.addOrder({ 'pid[0]': 9999, 'pid[1]': 21, 'billingcycle[1]': 'monthly' });
    assert.deepEqual(pidsAndQuantities(), [[21, 1]]);
  });

  it('refuses a scalar where it expects an array, from 8.6 on', async () => {
    const scalar = { clientid: 1001, paymentmethod: 'mailin', pid: 11, billingcycle: 'monthly' };
    assert.equal(await message(scalar), "Expecting parameter 'pid' to be an array");
    caller.panel.switches({ version: '8.5' });
    assert.equal((await caller.call('AddOrder', scalar))['result'], 'success');
    assert.deepEqual(pidsAndQuantities(), [[11, 1]]);
  });

  it('orders only the last product when a client repeats pid, and the first number of a comma list', async () => {
    caller.panel.switches({ scalarArrays: 'taken' });
    const head = form({ action: 'AddOrder', responsetype: 'json', ...apiCredentials, clientid: 1001 });
    await caller.raw(`${head}&paymentmethod=mailin&pid=12&pid=14`);
    assert.deepEqual(pidsAndQuantities(), [[14, 1]]);
    await caller.raw(`${head}&paymentmethod=mailin&pid=12%2C14`);
    assert.deepEqual(pidsAndQuantities(), [[12, 1]]);
  });

  describe('quantities', () => {
    const sold = async (version: '8.11' | '8.13', pid: number, cycle: string): Promise<number[][]> => {
      caller.panel.switches({ version });
      await caller.addOrder({ 'pid[0]': pid, 'billingcycle[0]': cycle, 'qty[0]': 3 });
      return pidsAndQuantities();
    };

    it('are not known before 8.12', async () => {
      assert.deepEqual(await sold('8.11', 14, 'annually'), [[14, 1]]);
      caller.office.placeOrder({ clientId: 1001, items: [{ pid: 14, quantity: 3 }] });
      assert.deepEqual(pidsAndQuantities(), [[14, 1]]);
    });

    it('make one scaling service (allowqty 2)', async () => {
      assert.deepEqual(await sold('8.13', 14, 'annually'), [[14, 3]]);
      assert.equal(caller.office.orders()[0]?.amount, '447.00');
    });

    it('make a service for each unit (allowqty 1)', async () => {
      const units = [
        [20, 1],
        [20, 1],
        [20, 1],
      ];
      assert.deepEqual(await sold('8.13', 20, 'monthly'), units);
      assert.equal(caller.office.orders()[0]?.amount, '28.50');
    });

    it('are one where the product allows none (allowqty 0)', async () => {
      assert.deepEqual(await sold('8.13', 17, 'onetime'), [[17, 1]]);
    });
  });

  it('refuses a cycle that the product lacks, or takes the first one or a price of 0.00, by switch', async () => {
    assert.equal(await message({ ...anOrder, 'billingcycle[0]': 'monthly' }), 'Invalid Billing Cycle Requested');
    caller.panel.switches({ invalidBillingCycle: 'firstOffered' });
    await caller.addOrder({ 'billingcycle[0]': 'monthly' });
    assert.equal(caller.office.orders().at(-1)?.services[0]?.billingCycle, 'annually');
    caller.panel.switches({ invalidBillingCycle: 'zeroPrice' });
    await caller.addOrder({ 'billingcycle[0]': 'monthly' });
    assert.equal(caller.office.orders().at(-1)?.amount, '0.00');
  });

  it('takes a price override for a unit, and none from an empty one', async () => {
    await caller.addOrder({ 'qty[0]': 2, 'priceoverride[0]': '99.50' });
    assert.equal(caller.office.orders().at(-1)?.amount, '199.00');
    await caller.addOrder({ 'priceoverride[0]': '' });
    assert.equal(caller.office.orders().at(-1)?.amount, '149.00');
  });

  it('keeps custom fields of the product, and silently drops what does not unserialize', async () => {
    const stored = async (value: string): Promise<object | undefined> => {
      await caller.addOrder({ 'customfields[0]': value });
      return caller.office.orders().at(-1)?.services[0]?.customFields;
    };
    assert.deepEqual(await stored(encoded({ 1014: 'Škoda 🚀', 77: 'of another product' })), { 1014: 'Škoda 🚀' });
    assert.deepEqual(await stored(Buffer.from('a:1:{i:1014;s:5:"Škoda";}').toString('base64')), {});
    assert.deepEqual(await stored('{"1014":"x"}'), {});
  });

  it('takes options in their bounds, and the least or first one else', async () => {
    caller.office.putProduct({
      pid: 14,
      configOptions: [
        { id: 3, name: 'Seats', type: 'quantity', min: 1, max: 10 },
        {
          id: 4,
          name: 'Region',
          type: 'dropdown',
          choices: [
            { id: 41, name: 'EU' },
            { id: 42, name: 'US' },
          ],
        },
      ],
    });
    const stored = async (value: string): Promise<object | undefined> => {
      await caller.addOrder({ 'configoptions[0]': value });
      return caller.office.orders().at(-1)?.services[0]?.configOptions;
    };
    assert.deepEqual(await stored(encoded({ 3: 5, 4: 42 })), { 3: 5, 4: 42 });
    assert.deepEqual(await stored(encoded({ 3: 11, 4: 7 })), { 3: 1, 4: 41 });
    assert.deepEqual(await stored('{"3":5}'), { 3: 1, 4: 41 });
  });

  it('configures all units of a quantity, or the first alone, which nobody documents', async () => {
    const fields = { 1014: 'x' };
    caller.office.putProduct({ pid: 14, allowQuantity: 1 });
    const stored = async (): Promise<object[]> => {
      await caller.addOrder({ 'qty[0]': 3, 'customfields[0]': encoded(fields) });
      return (caller.office.orders().at(-1)?.services ?? []).map((service) => service.customFields);
    };
    assert.deepEqual(await stored(), [fields, fields, fields]);
    caller.panel.switches({ configuredUnits: 'first' });
    assert.deepEqual(await stored(), [fields, {}, {}]);
  });

  it('makes no invoice when told so, for a free order, and for the text "false"; the last is noted', async () => {
    const invoiceId = async (fields: Fields): Promise<unknown> => (await caller.addOrder(fields))['invoiceid'];
    assert.equal(await invoiceId({ noinvoice: 1 }), 0);
    assert.equal(await invoiceId({ 'pid[0]': 18, 'billingcycle[0]': 'free' }), 0);
    assert.equal(await invoiceId({ noinvoice: '0' }), 7001);
    assert.deepEqual(caller.panel.ledger('oddRequest'), []);
    assert.equal(await invoiceId({ noinvoice: 'false' }), 0);
    assert.deepEqual(caller.panel.ledger('oddRequest')[0]?.['oddTexts'], ['noinvoice']);
    caller.panel.switches({ noInvoiceId: 'null' });
    assert.equal(await invoiceId({ noinvoice: 1 }), null);
    caller.panel.switches({ noInvoiceId: 'absent' });
    assert.equal(await invoiceId({ noinvoice: 1 }), undefined);
  });

  it('forgets the note where WHMCS keeps none; the ledger has it still', async () => {
    caller.panel.switches({ notesKept: false });
    await caller.addOrder({ notes: 'sf:1' });
    const answer = await caller.call('GetOrders', { id: 5001 });
    assert.equal(at(answer, 'orders', 'order', 0, 'notes'), '');
    assert.equal(caller.panel.ledger('orderCreated')[0]?.['notes'], 'sf:1');
  });

  it('has no serviceids before 7.8', async () => {
    caller.panel.switches({ version: '7.7' });
    const answer = await caller.addOrder();
    assert.equal(answer['productids'], '9001');
    assert.ok(!('serviceids' in answer));
  });

  it('drops items beyond max_input_vars', async () => {
    // action, responsetype, two credentials, clientid, paymentmethod, pid[0], billingcycle[0]; then pid[1].
    caller.panel.switches({ maxInputVars: 8 });
    await caller.addOrder({ 'pid[1]': 17 });
    assert.deepEqual(pidsAndQuantities(), [[14, 1]]);
    assert.equal(caller.panel.ledger('oddRequest')[0]?.['dropped'], 1);
  });
});
