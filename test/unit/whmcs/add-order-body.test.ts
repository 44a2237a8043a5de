/** What AddOrder and AcceptOrder are asked, name by name: lists as lists, nothing that WHMCS would ignore, no default of its own. */
import assert from 'node:assert/strict';
import * as fc from 'fast-check';
import { silentLog } from '../../../lib/log';
import { addOrderBody } from '../../../lib/whmcs/call-body';
import { createWhmcs, type WhmcsConnection } from '../../../lib/whmcs/connection';
import type { AddOrderItem, AddOrderRequest } from '../../../lib/whmcs/contract';
import { demoCredentials } from '../../../simulators/whmcs/authentication';
import { startWhmcsSimulator, type WhmcsSimulator } from '../../../simulators/whmcs/server';
import { FakeClock } from '../../fake-clock';
import { json, StandIn } from './stand-in';

/** Reference 8.1: parameters that are lists, and those that are not. */
const lists = ['pid', 'qty', 'billingcycle', 'domain', 'hostname', 'customfields', 'configoptions', 'priceoverride'];
const single = ['clientid', 'paymentmethod', 'notes', 'noinvoice', 'noinvoiceemail', 'noemail'];
const always = ['action', 'responsetype', 'clientid', 'paymentmethod', 'pid', 'billingcycle'];

/** An item with all that can be mapped. */
const full: AddOrderItem = {
  pid: 11,
  billingCycle: 'monthly',
  quantity: 2,
  domain: 'a.example',
  hostname: 'host-1',
  customFields: { 12: 'x' },
  configOptions: { 3: 5 },
  priceOverride: '9.50',
};
const bare: AddOrderItem = { pid: 20, billingCycle: 'monthly', quantity: 1 };

const of = (items: AddOrderItem[], more: Partial<AddOrderRequest> = {}): AddOrderRequest => ({
  clientId: 1001,
  paymentMethod: 'mailin',
  items,
  ...more,
});
const fieldsOf = (request: AddOrderRequest): URLSearchParams => new URLSearchParams(addOrderBody(request));

const anyRequest: fc.Arbitrary<AddOrderRequest> = fc.record({
  clientId: fc.integer({ min: 1, max: 2 ** 31 - 1 }),
  paymentMethod: fc.string({ unit: 'grapheme' }),
  items: fc.array(
    fc.record(
      {
        pid: fc.integer({ min: 1, max: 9_999 }),
        billingCycle: fc.constantFrom('monthly' as const, 'onetime' as const),
        quantity: fc.integer({ min: 1, max: 3 }),
        domain: fc.string({ unit: 'grapheme' }),
        customFields: fc.dictionary(fc.constantFrom('1', '2'), fc.string({ unit: 'binary' })),
        priceOverride: fc.constant('1.00'),
      },
      { requiredKeys: ['pid', 'billingCycle', 'quantity'] },
    ),
    { minLength: 1, maxLength: 3 },
  ),
  notes: fc.string({ unit: 'grapheme' }),
  noInvoice: fc.boolean(),
  noEmail: fc.boolean(),
});

describe('what AddOrder is asked', () => {
  it('is, without the credentials, what a person is shown, for any order', async () => {
    const server = await StandIn.start();
    try {
      server.replies = [json({ result: 'success', orderid: 1 })];
      const whmcs = server.connect({ accessKey: '' });
      await fc.assert(
        fc.asyncProperty(anyRequest, async (request) => {
          await whmcs.addOrder(request, { sendBy: server.clock.monotonic() + 5_000 });
          const { body = '' } = server.requests.at(-1) ?? {};
          assert.equal(body.replace(/&identifier=[^&]*&secret=[^&]*/, ''), addOrderBody(request));
        }),
        { numRuns: 30, examples: [[of([full, bare], { notes: ' a\u00a0b ', noEmail: true, noInvoiceEmail: true })]] },
      );
    } finally {
      await server.close();
    }
  }).timeout(120_000);

  it('is a list for each list, of one item as of several, and of no other name', () => {
    for (const items of [[full], [bare], [full, bare], [bare, full, full]]) {
      const request = of(items, { notes: 'n', noEmail: true, noInvoice: true, noInvoiceEmail: true });
      for (const name of fieldsOf(request).keys()) {
        const [, list, place] = /^(\w+)\[(\d+)\]$/.exec(name) ?? [];
        if (list === undefined) assert.ok(['action', 'responsetype', ...single].includes(name), name);
        else {
          assert.ok(lists.includes(list), name);
          assert.ok(Number(place) < items.length, name);
        }
      }
    }
  });

  it('sets nothing that AddOrder cannot: no server, address, user, password or status, and no kind of domain', () => {
    const names = [...fieldsOf(of([full, full])).keys()].map((name) => name.replace(/\[\d+\]$/, ''));
    for (const name of ['serverid', 'dedicatedip', 'serviceusername', 'servicepassword', 'status', 'domaintype'])
      assert.ok(!names.includes(name), name);
  });

  it('leaves no cycle, no gateway and no quantity to WHMCS, and says yes alone', () => {
    for (const items of [[full], [bare], [bare, full]]) {
      const names = [...fieldsOf(of(items)).keys()];
      for (const name of always)
        if (!lists.includes(name)) assert.ok(names.includes(name), name);
        else for (const at of items.keys()) assert.ok(names.includes(`${name}[${at}]`), name);
      const several = items.some((item) => item.quantity > 1);
      assert.equal(names.filter((name) => name.startsWith('qty')).length, several ? items.length : 0);
    }
    const said = fieldsOf(of([bare], { noInvoice: true, noEmail: false, noInvoiceEmail: true }));
    assert.deepEqual(
      ['noinvoice', 'noemail', 'noinvoiceemail'].map((name) => said.get(name)),
      ['1', null, '1'],
    );
  });
});

describe('what WHMCS makes of it', () => {
  let simulator: WhmcsSimulator;
  let whmcs: WhmcsConnection;
  const clock = new FakeClock();
  const soon = () => ({ sendBy: clock.monotonic() + 5_000 });

  before(async () => {
    simulator = await startWhmcsSimulator();
    const { identifier, secret } = demoCredentials;
    whmcs = createWhmcs({ url: simulator.url, identifier, secret, clock, log: silentLog });
  });
  beforeEach(() => simulator.panel.reset());
  after(async () => {
    whmcs.close();
    await simulator.close();
  });

  const add = async (request: AddOrderRequest): Promise<number> => {
    const end = await whmcs.addOrder(request, soon());
    assert.ok(end.kind === 'success', JSON.stringify(end));
    return end.value.orderId;
  };
  const order = (id: number) => {
    const found = simulator.office.orders().find((one) => one.id === id);
    assert.ok(found);
    return found;
  };

  for (const version of ['8.11', '8.13', '9.0'] as const) {
    it(`is each item with its own, on ${version}, which refuses a scalar where it expects a list`, async () => {
      simulator.panel.switches({ version, scalarArrays: 'refused' });
      const { services } = order(await add(of([{ ...full, quantity: 1 }])));
      assert.deepEqual(
        services.map(({ domain, firstPayment }) => [domain, firstPayment]),
        [['a.example', '9.50']],
      );
      const two = order(
        await add(
          of([
            { ...bare, domain: 'b.example' },
            { ...full, quantity: 1 },
          ]),
        ),
      );
      assert.deepEqual(
        two.services.map(({ pid, domain }) => [pid, domain]),
        [
          [20, 'b.example'],
          [11, 'a.example'],
        ],
      );
      // What the first does without is not taken from the second.
      const uneven = order(await add(of([bare, { ...full, quantity: 1 }])));
      assert.deepEqual(
        uneven.services.map(({ pid, domain, firstPayment }) => [pid, domain, firstPayment]),
        [
          [20, '', '9.50'],
          [11, 'a.example', '9.50'],
        ],
      );
    });
  }

  it('runs modules as AcceptOrder says, whatever the product is set up for', async () => {
    for (const [setUp, autoSetup] of [
      ['', true],
      ['on', false],
      ['payment', false],
      ['order', true],
    ] as const) {
      simulator.office.putProduct({ pid: 20, autoSetup: setUp });
      const id = await add(of([bare]));
      const end = await whmcs.acceptOrder({ orderId: id, autoSetup, sendEmail: false }, soon());
      assert.equal(end.kind, 'success');
      const [accepted] = simulator.panel.ledger('orderAccepted').slice(-1);
      assert.deepEqual(
        [accepted?.['orderId'], accepted?.['autoSetup'], accepted?.['sendEmail']],
        [id, autoSetup, false],
      );
      assert.deepEqual(
        order(id).services.map(({ status }) => status),
        [autoSetup ? 'Active' : 'Pending'],
        `set up for '${setUp}', asked for ${autoSetup}`,
      );
    }
  });

  it('makes an invoice unless told otherwise, in each of the two ways of saying so', async () => {
    assert.notEqual(order(await add(of([bare]))).invoiceId, null);
    assert.notEqual(order(await add(of([bare], { noInvoice: false }))).invoiceId, null);
    assert.equal(order(await add(of([bare], { noInvoice: true }))).invoiceId, null);
    assert.deepEqual(simulator.panel.ledger('oddRequest'), []);
  });
});
