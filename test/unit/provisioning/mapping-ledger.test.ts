/** What the mapping says against what WHMCS has in its books after AddOrder: the simulator reads the body as PHP does. */
import assert from 'node:assert/strict';
import type { WhmcsSwitches } from '../../../simulators/whmcs/switches';
import { item, MappingUnderTest } from './mapping-under-test';

const paths = {
  domain: 'Domain',
  hostname: 'Host',
  priceOverride: 'OrderItem.Price',
  customFields: { 12: 'Twelve', 13: 'Thirteen' },
  configOptions: { 3: 'Three' },
};

const customFields = [12, 13].map((id) => ({ id, name: `Field ${id}`, showOnOrder: id === 12 }));

describe('what WHMCS has in its books', () => {
  let under: MappingUnderTest;
  let simulator: MappingUnderTest['simulator'];
  /** A product of this test alone. */
  let pid = 1_000;

  before(async () => {
    under = await MappingUnderTest.start(paths);
    ({ simulator } = under);
  });
  // The books are kept: an order id that WHMCS gives twice would be another order's.
  beforeEach(() => {
    pid += 10;
    switches({
      version: '8.13',
      hiddenTold: false,
      optionsTold: true,
      configuredUnits: 'all',
      emptyList: 'inner',
      priceOverrideTaken: true,
    });
  });
  after(() => under.close());

  const switches = (change: Partial<WhmcsSwitches>) => simulator.panel.switches(change);
  const map: MappingUnderTest['map'] = (...of) => under.map(...of);
  const add: MappingUnderTest['add'] = (...of) => under.add(...of);

  const units = (allowQuantity: 0 | 1 | 2) =>
    simulator.office.putProduct({ pid, allowQuantity, prices: { USD: { monthly: '10.00' } } });

  it('has an item for each pid: keys have indices, and nothing is joined by commas', async () => {
    const { created, booked } = await add([item(11), item(20)]);
    assert.deepEqual(
      created.items.map(({ pid, quantity }) => [pid, quantity]),
      [
        [11, 1],
        [20, 1],
      ],
    );
    assert.equal(booked.services.length, 2);
  });

  describe('of three units', () => {
    const wanted: [version: WhmcsSwitches['version'], allowQuantity: 0 | 1 | 2, services: number[]][] = [
      ['8.11', 0, [1, 1, 1]],
      ['8.11', 1, [1, 1, 1]],
      ['8.11', 2, [1, 1, 1]],
      ['8.13', 0, [1, 1, 1]],
      ['8.13', 1, [1, 1, 1]],
      ['8.13', 2, [3]],
      ['9.0', 2, [3]],
    ];
    for (const [version, allowQuantity, services] of wanted) {
      it(`is ${services.length} service${services.length > 1 ? 's' : ''} in ${version} where quantities are set to ${allowQuantity}`, async () => {
        switches({ version });
        units(allowQuantity);
        const { booked, created } = await add([item(pid, 3)]);
        assert.deepEqual(
          booked.services.map(({ quantity }) => quantity),
          services,
        );
        assert.equal(booked.amount, '30.00');
        const lines = version !== '8.11' && allowQuantity > 0 ? 1 : 3;
        assert.equal(created.items.length, lines);
      });
    }
  });

  it('has the quantity option at what was asked for, not at its least', async () => {
    const options = [{ id: 3, name: 'Seats', type: 'quantity', min: 1, max: 10 }];
    simulator.office.putProduct({ pid, configOptions: options });
    const { created } = await add([item(pid, 1, { fields: { Three: '5' } })]);
    assert.deepEqual(created.items[0]?.configOptions, { 3: 5 });
  });

  it('has the choice that was named', async () => {
    const choices = ['Small', 'Größer & mehr'].map((name, at) => ({ id: 31 + at, name }));
    simulator.office.putProduct({ pid, configOptions: [{ id: 3, name: 'Size', type: 'dropdown', choices }] });
    const { created } = await add([item(pid, 1, { fields: { Three: 'größer & MEHR' } }), item(pid)]);
    assert.deepEqual(
      created.items.map((one) => one.configOptions),
      [{ 3: 32 }, { 3: 31 }],
    );
    const { value } = await map([item(pid, 1, { fields: { Three: 'Huge' } })]);
    assert.match(value.items[0]?.faults[0]?.message ?? '', /'Huge' is no value of option 3, which takes Small, Größer/);
  });

  it('has an invoice unless none is wanted: no is never sent as a word', async () => {
    assert.notEqual((await add([item(11)])).booked.invoiceId, null);
    assert.equal((await add([item(11)], { settings: { noInvoice: true } })).booked.invoiceId, null);
  });

  it('has each unit as a service of its own where units are configured', async () => {
    simulator.office.putProduct({ pid, allowQuantity: 1, customFields });
    const { booked, created } = await add([item(pid, 2, { fields: { Twelve: 'x' } })]);
    assert.equal(created.items.length, 2);
    assert.deepEqual(
      booked.services.map((one) => [one.quantity, one.customFields]),
      [
        [1, { 12: 'x' }],
        [1, { 12: 'x' }],
      ],
    );
  });

  it('has our mark on each unit where it goes into a custom field, however WHMCS configures units', async () => {
    const marked = { settings: { marker: { customFieldId: 99 } } };
    for (const configuredUnits of ['all', 'first'] as const)
      for (const [allowQuantity, services] of [
        [0, [1, 1, 1]],
        [1, [1, 1, 1]],
        [2, [3]],
      ] as const) {
        switches({ configuredUnits });
        simulator.office.putProduct({ pid, allowQuantity, customFields: [{ id: 99, name: 'Mark' }] });
        const { booked, id } = await add([item(pid, 3)], marked);
        assert.deepEqual(
          booked.services.map(({ quantity }) => quantity),
          services,
        );
        for (const { customFields: kept } of booked.services)
          assert.ok(kept['99']?.startsWith(`sfOrderId=${id};`), `${configuredUnits}, set to ${allowQuantity}`);
      }
  });

  it('has what is mapped on each unit, however WHMCS configures units', async () => {
    switches({ configuredUnits: 'first' });
    const options = [{ id: 3, name: 'Seats', type: 'quantity', min: 1, max: 10 }];
    for (const allowQuantity of [0, 1, 2] as const) {
      simulator.office.putProduct({ pid, allowQuantity, customFields, configOptions: options });
      const { booked } = await add([item(pid, 2, { fields: { Twelve: 'x', Three: '4' } })]);
      assert.deepEqual(
        booked.services.map((one) => [one.quantity, one.customFields, one.configOptions]),
        Array.from({ length: allowQuantity === 2 ? 1 : 2 }, () => [allowQuantity === 2 ? 2 : 1, { 12: 'x' }, { 3: 4 }]),
      );
    }
  });

  it('has no option of another product, which would make a line of each unit; nor does it fail the order', async () => {
    units(1);
    for (const emptyList of ['inner', 'array', 'string', 'object', 'null'] as const) {
      switches({ emptyList });
      const { created, booked } = await add([item(pid, 150, { fields: { Three: 'Large' } })]);
      assert.deepEqual(
        created.items.map((one) => [one.quantity, one.configOptions]),
        [[150, {}]],
      );
      assert.equal(booked.services.length, 150);
    }
  });

  it('has what a number says of options that an old WHMCS does not tell, and nothing by words', async () => {
    switches({ optionsTold: false });
    const options = [{ id: 3, name: 'Seats', type: 'quantity', min: 1, max: 10 }];
    simulator.office.putProduct({ pid, configOptions: options });
    const { created } = await add([item(pid, 1, { fields: { Three: '5' } })]);
    assert.deepEqual(created.items[0]?.configOptions, { 3: 5 });
    const { value } = await map([item(pid, 1, { fields: { Three: 'Large' } })]);
    assert.deepEqual(
      value.items[0]?.faults.map(({ code }) => code),
      ['OPTION_INVALID'],
    );
  });

  describe('of a checkbox that feeds an option', () => {
    const named = (type: string, names: string[]) =>
      simulator.office.putProduct({
        pid,
        configOptions: [{ id: 3, name: 'Backup', type, choices: names.map((name, at) => ({ id: at + 1, name })) }],
      });
    const checked = (text: string) => item(pid, 1, { fields: { Three: text } });

    for (const type of ['dropdown', 'radio'])
      it(`is the choice Yes or No of a ${type}, not choice 1 or the first one`, async () => {
        named(type, ['Never', 'No', 'Yes']);
        const { created } = await add([checked('true'), checked('false')]);
        assert.deepEqual(
          created.items.map((one) => one.configOptions),
          [{ 3: 3 }, { 3: 2 }],
        );
        named(type, ['Daily', 'Weekly']);
        const before = simulator.panel.ledger('orderCreated').length;
        const { way, value } = await map([checked('true'), checked('false')]);
        assert.equal(way, 'incomplete');
        assert.match(value.items[0]?.faults[0]?.message ?? '', /where a checkbox needs a choice 'Yes': it takes Daily/);
        assert.equal(simulator.panel.ledger('orderCreated').length, before);
      });

    it('is yes or no of yes and no', async () => {
      named('yesno', []);
      const { created } = await add([checked('true'), checked('false')]);
      assert.deepEqual(
        created.items.map((one) => one.configOptions),
        [{ 3: 1 }, { 3: 0 }],
      );
    });
  });

  it('is not gone on with where WHMCS made the least of an option, whose bounds an old one does not tell', async () => {
    switches({ version: '8.11' });
    const options = [{ id: 3, name: 'Seats', type: 'quantity', min: 1, max: 10 }];
    simulator.office.putProduct({ pid, configOptions: options });
    const seats = (text: string) => item(pid, 1, { fields: { Three: text } });
    await assert.rejects(add([seats('10'), seats('11')]), {
      code: 'WHMCS_ORDER_DIFFERS',
      message: /differs: product \d+ monthly, option 3: asked for 11, WHMCS has 10 and 1$/,
    });
    const made = simulator.office.orders().at(-1);
    assert.deepEqual(
      [made?.status, made?.services.map((one) => one.configOptions)],
      ['Pending', [{ 3: 10 }, { 3: 1 }]],
    );
    assert.deepEqual((await add([seats('10'), seats('9')])).part.outcome, 'created');
  });

  it('has no quantity of an option beyond its bounds, of which WHMCS would make the least', async () => {
    const options = [{ id: 3, name: 'Seats', type: 'quantity', min: 2, max: 10 }];
    simulator.office.putProduct({ pid, configOptions: options });
    const seats = (text: string) => item(pid, 1, { fields: { Three: text } });
    assert.deepEqual((await add([seats('10')])).created.items[0]?.configOptions, { 3: 10 });
    for (const text of ['1', '11']) {
      const { value } = await map([seats(text)]);
      assert.match(value.items[0]?.faults[0]?.message ?? '', /which takes a number from 2 to 10$/);
    }
  });

  it('has one service with the sum of its units where two items would be one, once they are one item', async () => {
    units(2);
    const before = simulator.panel.ledger('orderCreated').length;
    const { value } = await map([item(pid, 2), item(pid, 3)]);
    assert.deepEqual(
      value.items.map((one) => one.faults.map(({ code, fix }) => [code, fix])),
      [1, 2].map(() => [['ITEMS_MERGE', 'Make them one item with the sum of their quantities.']]),
    );
    assert.equal(simulator.panel.ledger('orderCreated').length, before);
    const { booked } = await add([item(pid, 5)]);
    assert.deepEqual(
      booked.services.map((one) => [one.quantity, one.recurring]),
      [[5, '50.00']],
    );
    // Units with a domain each are services of their own, and so are those that WHMCS tells apart by anything else.
    const apart = await add([
      item(pid, 2, { fields: { Domain: 'a.example' } }),
      item(pid, 3, { fields: { Domain: 'b.example' } }),
      item(pid, 1, { fields: { 'OrderItem.Price': '7' } }),
    ]);
    assert.deepEqual(
      apart.booked.services.map((one) => [one.quantity, one.domain, one.recurring]),
      [
        [2, 'a.example', '20.00'],
        [3, 'b.example', '30.00'],
        [1, '', '7.00'],
      ],
    );
  });

  it('has domain, price and custom fields on the service that they are of', async () => {
    simulator.office.putProduct({ pid, customFields });
    const { booked, created } = await add([
      item(11),
      item(pid, 1, { fields: { Domain: 'žilina.example', 'OrderItem.Price': '12.5', Thirteen: 'Škoda 🚀' } }),
      item(20, 1, { fields: { Host: 'host-1' } }),
    ]);
    assert.deepEqual(
      booked.services.map(({ domain, firstPayment, customFields: kept }) => [domain, firstPayment, kept]),
      [
        ['', '15.00', {}],
        ['žilina.example', '12.50', { 13: 'Škoda 🚀' }],
        ['host-1', '9.50', {}],
      ],
    );
    assert.match(created.notes, /^sfOrderId=801/);
  });

  it('has a Pending order that is not gone on with, where this WHMCS charges its own price and not the lower one it was given', async () => {
    switches({ priceOverrideTaken: false });
    simulator.office.putProduct({ pid, prices: { USD: { monthly: '10.00' } } });
    await assert.rejects(add([item(pid, 1, { fields: { 'OrderItem.Price': '7.5' } })]), {
      code: 'WHMCS_ORDER_DIFFERS',
      message: /Salesforce says 7\.50, WHMCS charges 10\.00 a cycle/,
    });
    const [newest] = simulator.office.orders().sort((one, other) => other.id - one.id);
    assert.deepEqual([newest?.status, newest?.accepts], ['Pending', 0]);
  });

  it('has our mark beside the fields that are mapped', async () => {
    simulator.office.putProduct({ pid, customFields: [...customFields, { id: 99, name: 'Mark' }] });
    const { booked } = await add([item(pid, 1, { fields: { Twelve: 'x' } })], {
      settings: { marker: { customFieldId: 99 } },
    });
    assert.equal(booked.services[0]?.customFields['12'], 'x');
    assert.match(booked.services[0]?.customFields['99'] ?? '', /^sfOrderId=801/);
  });

  it('has no order of a domain that several services would share, a shortage, or an unmapped product', async () => {
    const before = simulator.panel.ledger('orderCreated').length;
    units(0);
    simulator.office.putProduct({ pid: pid + 1, stock: 2, prices: { USD: { monthly: '1.00' } } });
    const { value } = await map([
      item(pid, 2, { fields: { Domain: 'a.example' } }),
      item(pid + 1, 3),
      item(99),
      item('12,31'),
      item(11, 1, {}, 'Annually'),
    ]);
    assert.deepEqual(
      value.items.map((one) => one.faults.map(({ code }) => code)),
      [['DOMAIN_SHARED'], ['STOCK_SHORT'], ['PRODUCT_UNKNOWN'], ['PRODUCT_ID_INVALID'], ['CYCLE_NOT_OFFERED']],
    );
    assert.equal(simulator.panel.ledger('orderCreated').length, before);
  });

  it('has a product that is hidden, since the mapping names it; where WHMCS tells, it is a warning', async () => {
    assert.equal((await add([item(21)])).value.items[0]?.warnings, undefined);
    switches({ hiddenTold: true });
    assert.deepEqual(
      (await add([item(21)])).value.items[0]?.warnings?.map(({ code }) => code),
      ['PRODUCT_HIDDEN'],
    );
  });

  describe('of contents that were made to do harm', () => {
    const harmful = [
      `x&pid[1]=20&clientid=1002`,
      `x";}i:13;s:5:"taken`,
      `a:1:{i:12;s:4:"evil";}`,
      `O:8:"stdClass":0:{}`,
      `<script>alert(1)</script>`,
      `' OR Id != null; --`,
      `%26pid%5B1%5D=20`,
      `+ + %2B`,
      'line\r\nbreak\tand \u0000 nul',
      '\ufeff‮🏳️‍🌈 e\u0301',
      'a'.repeat(5_000),
    ];
    for (const text of harmful) {
      it(`keeps ${JSON.stringify(text.slice(0, 40))} as the text that it is`, async () => {
        simulator.office.putProduct({ pid, customFields });
        const { booked, created } = await add([item(pid, 1, { fields: { Twelve: text } })]);
        assert.deepEqual(created.items[0]?.customFields, { 12: text.trim() });
        assert.deepEqual(
          booked.services.map((one) => [one.pid, booked.clientId]),
          [[pid, 1001]],
        );
      });
    }

    it('keeps the rest of a text with half a character', async () => {
      simulator.office.putProduct({ pid, customFields });
      const { created } = await add([item(pid, 1, { fields: { Twelve: 'Š\ud83d!' } })]);
      assert.deepEqual(created.items[0]?.customFields, { 12: 'Š\ufffd!' });
    });

    it('takes none of them for a domain, a price or an option', async () => {
      for (const text of harmful.filter((one) => one.length < 200)) {
        const fields = { Domain: text, Host: text, 'OrderItem.Price': text, Three: text };
        const { value } = await map([item(11, 1, { fields })]);
        assert.ok((value.items[0]?.faults.length ?? 0) >= 3, text);
      }
    });
  });
});
