import assert from 'node:assert/strict';
import { silentLog } from '../../../lib/log';
import { Catalogue } from '../../../lib/whmcs/catalogue';
import { createWhmcs, type WhmcsConnection } from '../../../lib/whmcs/connection';
import { WhmcsError, type AddOrderItem, type CallEnd, type Product } from '../../../lib/whmcs/contract';
import { demoCredentials } from '../../../simulators/whmcs/authentication';
import { startWhmcsSimulator, type WhmcsSimulator } from '../../../simulators/whmcs/server';
import { FakeClock } from '../../fake-clock';
import { turnUntil } from './stand-in';

const item = (pid: number, over: Partial<AddOrderItem> = {}): AddOrderItem => ({
  pid,
  billingCycle: 'monthly',
  quantity: 1,
  ...over,
});

describe('the WHMCS connection against the simulator', () => {
  let simulator: WhmcsSimulator;
  let clock: FakeClock;
  let whmcs: WhmcsConnection;
  const made: WhmcsConnection[] = [];

  const connect = (over: { identifier?: string; accessKey?: string } = {}): WhmcsConnection => {
    const { identifier, secret } = demoCredentials;
    const connection = createWhmcs({ url: simulator.url, identifier, secret, clock, log: silentLog, ...over });
    made.push(connection);
    return connection;
  };

  beforeEach(async () => {
    simulator = await startWhmcsSimulator();
    clock = new FakeClock(Date.now());
    whmcs = connect();
  });
  afterEach(async () => {
    for (const connection of made.splice(0)) connection.close();
    await simulator.close();
  });

  const soon = () => ({ sendBy: clock.monotonic() + 5_000 });
  const add = (items: AddOrderItem[], clientId = 1001) =>
    whmcs.addOrder({ clientId, paymentMethod: 'mailin', items, notes: 'sfOrderId=801;i=ab-a1', noEmail: true }, soon());
  const added = async (items: AddOrderItem[], clientId = 1001) => {
    const end = await add(items, clientId);
    assert.ok(end.kind === 'success', JSON.stringify(end));
    return end.value;
  };
  const orders = (): number => simulator.office.orders().length;
  const classOf = (end: CallEnd<unknown>): string =>
    [end.kind, 'fault' in end ? end.fault : '', 'code' in end ? end.code : '', 'edge' in end && end.edge ? 'edge' : '']
      .filter(Boolean)
      .join(' ');

  it('adds an order, finds it with its note, its lines and its services', async () => {
    const value = await added([item(11, { quantity: 3 }), item(17, { billingCycle: 'onetime' })]);
    const page = await whmcs.getOrders({ clientId: 1001 });
    assert.equal(page.total, 1);
    const [order] = page.orders;
    assert.deepEqual([order?.id, order?.clientId, order?.status], [value.orderId, 1001, 'Pending']);
    assert.equal(order?.notes, 'sfOrderId=801;i=ab-a1');
    assert.deepEqual(order?.lines.map((line) => line.relId).sort(), [...value.serviceIds].sort());
    const services = await whmcs.getServices({ clientId: 1001 });
    assert.deepEqual(
      services.map(({ pid, quantity, orderId }) => [pid, quantity, orderId]).sort(),
      [
        [11, 3, value.orderId],
        [17, 1, value.orderId],
      ].sort(),
    );
  });

  it('accepts it, once', async () => {
    const { orderId, serviceIds } = await added([item(11)]);
    const accept = () => whmcs.acceptOrder({ orderId, autoSetup: true, sendEmail: false }, soon());
    assert.equal((await accept()).kind, 'success');
    assert.equal((await whmcs.getOrders({ id: orderId })).orders[0]?.status, 'Active');
    assert.equal((await whmcs.getServices({ serviceId: serviceIds[0] ?? 0 }))[0]?.status, 'Active');
    assert.equal(classOf(await accept()), 'refused business');
  });

  it('reads the same in every form in which WHMCS may write it', async () => {
    await added([item(11, { quantity: 2 })], 1002);
    const read = async () => ({
      orders: await whmcs.getOrders({ clientId: 1002 }),
      services: await whmcs.getServices({ clientId: 1002 }),
      client: await whmcs.getClient(1002),
      methods: await whmcs.getPayMethods(1002),
      none: [await whmcs.getPayMethods(1004), await whmcs.getServices({ clientId: 1004 })],
      noOrders: await whmcs.getOrders({ clientId: 1004 }),
      products: await whmcs.getProducts([11, 17, 18, 20]),
      gateways: await whmcs.getPaymentMethods(),
    });
    const documented = await read();
    assert.equal(documented.client?.companyName, "Fish & Sons O'Neil");
    assert.equal(documented.services.length, 1);
    assert.equal(documented.noOrders.total, 0);
    assert.ok(documented.products.every(({ configOptions }) => configOptions?.length === 0));
    const untold = ({ configOptions: _, ...product }: Product): Product => product;
    const prefix = ['none', 'bom', 'warning'] as const;
    for (const numbers of ['documented', 'strings', 'numbers'] as const)
      for (const oneItemList of ['array', 'object', 'numericKeys'] as const)
        for (const [at, emptyList] of (['inner', 'array', 'string', 'object', 'missing', 'null'] as const).entries()) {
          simulator.panel.switches({ numbers, oneItemList, emptyList, prefix: prefix[at % 3] ?? 'none' });
          // Of options that are left out altogether nobody can say that there are none: an old WHMCS may not tell them.
          const products = emptyList === 'missing' ? documented.products.map(untold) : documented.products;
          assert.deepEqual(await read(), { ...documented, products }, `${numbers} ${oneItemList} ${emptyList}`);
        }
  });

  it('writes a custom field that WHMCS can read, whatever is in it', async () => {
    simulator.office.putProduct({ pid: 11, customFields: [{ id: 12, name: 'SF Order Ref' }] });
    for (const value of ['801;i=ab', 'Škoda 🚀 "a;}', 'ab>>', "O'Neil & Sons"]) {
      const { serviceIds } = await added([item(11, { customFields: { 12: value } })]);
      const [service] = await whmcs.getServices({ serviceId: serviceIds[0] ?? 0 });
      assert.deepEqual(service?.customFields.find((field) => field.id === 12)?.value, value);
    }
  });

  it('gets several units as the product and the version make them', async () => {
    const services = async (pid: number) => {
      const { serviceIds } = await added([item(pid, { quantity: 3 })]);
      const all = await whmcs.getServices({ clientId: 1001 });
      return all.filter(({ id }) => serviceIds.includes(id)).map(({ quantity }) => quantity);
    };
    assert.deepEqual(await services(11), [3]);
    assert.deepEqual(await services(20), [1, 1, 1]);
    const catalogue = new Catalogue(whmcs, clock);
    assert.equal(await catalogue.takesQuantities(), true);
    simulator.panel.switches({ version: '8.11' });
    await clock.advance(300_000);
    assert.equal(await catalogue.takesQuantities(), false);
    assert.equal((await whmcs.getProducts([11]))[0]?.allowQuantity, null);
    assert.equal((await services(11)).length, 1);
  });

  it('works with old versions as far as they go', async () => {
    simulator.panel.switches({ version: '7.7' });
    assert.equal(await whmcs.version(), null);
    const { serviceIds } = await added([item(11)]);
    assert.equal(serviceIds.length, 1);
    const reading = whmcs.getPayMethods(1001);
    await assert.rejects(reading, /This WHMCS has no action GetPayMethods/);
  });

  it('takes each version’s words for an action that it does not have for just that', async () => {
    for (const [version, status] of [
      ['7.2', 200],
      ['7.7', 200],
      ['7.7', 404],
    ] as const) {
      simulator.panel.reset();
      simulator.panel.switches({ version, unknownActionStatus: status });
      const reading = whmcs.getPayMethods(1001);
      await assert.rejects(reading, (error: unknown) => {
        assert.ok(error instanceof WhmcsError);
        assert.equal(classOf(error.end), 'refused action', `${version} ${status}`);
        assert.match(error.end.message, /has no action GetPayMethods/);
        return true;
      });
      assert.equal(simulator.panel.requests('GetPayMethods').length, 1, 'more calls change nothing');
      const { absent } = await whmcs.testPermissions();
      assert.deepEqual(absent, ['WhmcsDetails', 'GetPayMethods'], `${version} ${status}`);
    }
  });

  it('is told what keeps it out', async () => {
    const { panel } = simulator;
    const ends: [patch: Parameters<typeof panel.switches>[0], end: string][] = [
      [{ allowedIps: ['198.51.100.7'], seenAs: ['::1'] }, 'refused ip'],
      [
        { allowedIps: ['198.51.100.7'], seenAs: ['127.65.4.46'], ipRefusal: 'Forbidden IP', ipRefusalStatus: 400 },
        'refused ip',
      ],
      [{ credentialRevoked: true }, 'refused credentials'],
      [{ adminDisabled: true }, 'refused credentials'],
      [{ apiAccess: false }, 'refused role'],
      [{ deniedActions: ['AddOrder'] }, 'refused role'],
    ];
    for (const [patch, end] of ends) {
      panel.reset();
      panel.switches(patch);
      assert.equal(classOf(await add([item(11)])), end, JSON.stringify(patch));
    }
    assert.equal(orders(), 0);
  });

  it('comes in past the list of addresses with the access key', async () => {
    simulator.panel.switches({ allowedIps: ['198.51.100.7'], seenAs: ['::1'] });
    await assert.rejects(whmcs.getClient(1001), /Invalid IP ::1/);
    assert.equal((await connect({ accessKey: demoCredentials.accessKey }).getClient(1001))?.id, 1001);
  });

  it('tests its permissions and leaves nothing behind', async () => {
    assert.deepEqual(await whmcs.testPermissions(), { version: '8.13.1', lacking: [], absent: [] });
    simulator.panel.switches({ deniedActions: ['AcceptOrder', 'GetPayMethods'] });
    assert.deepEqual((await whmcs.testPermissions()).lacking, ['GetPayMethods', 'AcceptOrder']);
    assert.equal(orders(), 0);
    assert.deepEqual(simulator.panel.ledger(), []);
  });

  describe('when AddOrder goes wrong', () => {
    const faults: [name: string, what: object, end: string, made: number][] = [
      ['a page of the cloud', { kind: 'html', page: 'cloudflare' }, 'unknown 403 edge', 0],
      ['maintenance', { kind: 'html', page: 'maintenance', status: 200 }, 'unknown MAINTENANCE', 0],
      ['a fatal error of PHP', { kind: 'html', page: 'oops' }, 'unknown 500', 0],
      ['a bad gateway after the work', { kind: 'html', page: 'badGateway', commit: true }, 'unknown 502', 1],
      ['a connection closed without an answer', { kind: 'refuse' }, 'unknown ECONNRESET', 0],
      ['a reset before the work', { kind: 'reset' }, 'unknown ECONNRESET', 0],
      ['a reset after the work', { kind: 'commitThenDrop' }, 'unknown ECONNRESET', 1],
      ['a cut answer', { kind: 'cut', bytes: 20 }, 'unknown ECONNRESET', 1],
      ['an empty answer after the work', { kind: 'empty', commit: true }, 'unknown EMPTY', 1],
      [
        'a PHP warning before the answer',
        { kind: 'prefix', text: '<br />\n<b>Warning</b>: x on line 3<br />\n' },
        'success',
        1,
      ],
      [
        'a warning in place of a result',
        { kind: 'json', body: { warning: 'Invalid or Missing Payment Information - Please Reload and Try Again' } },
        'unclear',
        0,
      ],
    ];
    for (const [name, what, end, count] of faults) {
      it(`with ${name} it ends as ${end}, sent once`, async () => {
        simulator.panel.fault({ call: 'AddOrder', do: what });
        assert.equal(classOf(await add([item(11)])), end);
        assert.equal(orders(), count);
        assert.equal(simulator.panel.requests('AddOrder').length, 1);
      });
    }

    it('with no answer at all it is unknown after its time-out, though the order was made', async () => {
      simulator.panel.fault({ call: 'AddOrder', do: { kind: 'commitThenHang' } });
      const end = await turnUntil(clock, add([item(11)]), 5_000);
      assert.equal(classOf(end), 'unknown ETIMEOUT');
      assert.equal(orders(), 1);
    });

    it('because WHMCS will not, it ends as a refusal', async () => {
      assert.equal(classOf(await add([item(11)], 1006)), 'refused business');
      assert.equal(classOf(await add([item(11)], 9_999)), 'refused business');
      const wrong = await whmcs.addOrder({ clientId: 1001, paymentMethod: 'none', items: [item(11)] }, soon());
      assert.match(wrong.kind === 'refused' ? wrong.message : '', /^Invalid Payment Method\. Valid options include /);
    });
  });

  it('reads through faults that pass', async () => {
    simulator.panel.fault({ call: 'GetClientsDetails', do: { kind: 'reset' } });
    simulator.panel.fault({ call: 'GetClientsDetails', do: { kind: 'empty' } });
    const client = await turnUntil(clock, whmcs.getClient(1001));
    assert.equal(client?.id, 1001);
    assert.equal(simulator.panel.requests('GetClientsDetails').length, 3);
  });

  it('reads all pages, whatever their length', async () => {
    for (let made = 0; made < 3; made++) await added([item(11), item(12, { billingCycle: 'quarterly' })]);
    simulator.panel.switches({ largestPage: 2 });
    assert.equal((await whmcs.getServices({ clientId: 1001 })).length, 6);
  });
});
