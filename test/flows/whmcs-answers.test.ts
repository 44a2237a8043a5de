import assert from 'node:assert/strict';
import { referenceFlow } from '../../scripts/demo/node-red';
import { scenario } from './side-by-side';
import { changed, nodeOf, pause, type World } from './world';

const seat = [{ code: 'SEAT-M', quantity: 1 }];
const bom = '\uFEFF';
const phpWarning = '<br />\n<b>Warning</b>:  Undefined array key "x" in /var/www/hooks.php on line 3<br />\n';
const missingPayment = { warning: 'Invalid or Missing Payment Information - Please Reload and Try Again' };
const instead = (set: Record<string, unknown>) => ({ kind: 'merge', set, unset: ['result', 'orderid', 'serviceids'] });
const answer = (body: unknown, status = 200) => ({ kind: 'json', body, status });
const error = (message: string) => answer({ result: 'error', message });

/** The call was carried out, whatever was answered. */
const done: Record<string, object> = {
  'a page for people with 200': { kind: 'html', page: 'maintenance', status: 200, commit: true },
  'a page with 502': { kind: 'html', page: 'badGateway', commit: true },
  'a page with 500': { kind: 'html', page: 'oops', commit: true },
  'no body': { kind: 'empty', commit: true },
  'half of the JSON': { kind: 'cut', bytes: 20 },
  'a byte order mark': { kind: 'prefix', text: bom },
  'a PHP warning': { kind: 'prefix', text: phpWarning },
  'status error': instead({ status: 'error', message: 'Something went wrong' }),
  'a warning alone': instead(missingPayment),
  'an error': instead({ result: 'error', message: 'Function Aborted by Action Hook Code' }),
  'an object without a result': instead({}),
};

/** Nothing was done, and WHMCS's words or its books say so at once. */
const refused: Record<string, object> = {
  'status error': answer({ status: 'error', message: 'Unable to add order when client status is Closed' }),
  'a warning alone': answer(missingPayment),
  'an object without a result': answer({}),
  'a text of its list': error('No items added to cart so order cannot proceed'),
  'another text of its list': error("Expecting parameter 'pid' to be an array"),
  'a text that nobody knows': error('Función abortada'),
  'an error without words': error(''),
};

/** Nothing was done, but it could have been: only time will tell. */
const silent: Record<string, object> = {
  'a page for people with 200': { kind: 'html', page: 'maintenance', status: 200 },
  'a page with 502': { kind: 'html', page: 'badGateway' },
  'the page of a firewall': { kind: 'html', page: 'cloudflare' },
  'no body': { kind: 'empty' },
  'a list': answer([]),
  'a proxy’s own JSON': answer({ message: 'upstream request timeout' }, 504),
};

/** All orders at a time, each of a client of its own. */
const roomy = () => {
  const flows = referenceFlow();
  return changed(flows, nodeOf(flows, 'sf-platform-event-in').id, { maxInWork: 50 });
};

/** The same events once more, each of them on its way through the flow. */
async function tellAgain(world: World, orders: readonly { id: string }[]): Promise<void> {
  const begun = (id: string): number =>
    world.output.filter((line) => line.includes('Starting fulfillment orchestration') && line.includes(id)).length;
  const before = new Map(orders.map(({ id }) => [id, begun(id)]));
  for (const { id } of orders) world.salesforce.people.publish({ fields: { OrderId__c: id } });
  await world.until('each is handed out again', () => orders.every(({ id }) => begun(id) > (before.get(id) ?? 0)));
  await pause(2_000);
}

const sent = (world: World, call: string): number => world.whmcs.panel.requests(call).length;

/** An approved order of a new client, whose AddOrder is answered so. */
function approveWith(world: World, fault: object): { id: string; clientId: number } {
  const { account, clientId } = world.customer();
  world.whmcs.panel.fault({ call: 'AddOrder', where: { clientid: String(clientId) }, do: fault });
  return { id: world.approve(account, seat), clientId };
}

describe('an answer of WHMCS to AddOrder', () => {
  scenario('that tells nothing of what was done is settled by reading: one order, live', async (world) => {
    await world.start(roomy());
    const orders = Object.entries(done).map(([what, fault]) => ({ what, ...approveWith(world, fault) }));
    for (const { what, id, clientId } of orders) {
      assert.equal(await world.ended(id), 'Activated', what);
      world.assertActivatedOnce(id);
      assert.equal(world.ordersOf(clientId).length, 1, what);
    }
    assert.equal(sent(world, 'AddOrder'), orders.length);
    assert.equal(sent(world, 'AcceptOrder'), orders.length);
  });

  scenario(
    'that is lost after the last of the stock was sold to it: the order is live, and none is missed',
    async (world) => {
      world.whmcs.panel.switches({ stockControlTold: true });
      world.whmcs.office.putProduct({ pid: 11, stock: 1 });
      await world.start(roomy());
      const { id } = approveWith(world, { kind: 'commitLate', ms: 1_000 });
      assert.equal(await world.ended(id), 'Activated');
      world.assertActivatedOnce(id);
      const none = world.approve(world.customer().account, seat);
      assert.equal(await world.ended(none), 'Failed');
      assert.match(String(world.order(none).Activation_Error_Message__c), /WHMCS has 0 of product 11 in stock/);
    },
  );

  scenario('that refuses fails the order with WHMCS’s own words, and WHMCS holds nothing', async (world) => {
    await world.start(roomy());
    const orders = Object.entries(refused).map(([what, fault]) => ({ what, fault, ...approveWith(world, fault) }));
    for (const { what, fault, id, clientId } of orders) {
      assert.equal(await world.ended(id), 'Failed', what);
      const { Activation_Error_Code__c: code, Activation_Error_Message__c: message } = world.order(id);
      assert.equal(code, 'WHMCS_REFUSED', what);
      const words = Object.values((fault as { body: object }).body).filter((word) => word !== 'error' && word !== '');
      for (const word of words) assert.ok(String(message).includes(String(word)), `${what}: ${String(message)}`);
      assert.deepEqual(world.ordersOf(clientId), [], what);
    }
    assert.equal(sent(world, 'AddOrder'), orders.length);
    for (const { id } of orders) world.salesforce.people.approve(id);
    for (const { what, id, clientId } of orders) {
      assert.equal(await world.ended(id), 'Activated', what);
      assert.equal(world.ordersOf(clientId).length, 1, what);
    }
  });

  scenario(
    'that may or may not mean that it was done leaves the order Activating, and is never sent again',
    async (world) => {
      await world.start(roomy());
      const orders = Object.entries(silent).map(([what, fault]) => ({ what, ...approveWith(world, fault) }));
      const late = approveWith(world, { kind: 'commitLate', ms: 6_000 });
      for (const { what, clientId } of orders)
        await world.until(`AddOrder of ${what} is answered`, () => hit(world, clientId));
      await tellAgain(world, orders);
      assert.equal(await world.ended(late.id), 'Activated');
      world.assertActivatedOnce(late.id);
      for (const { what, id, clientId } of orders) {
        assert.equal(world.status(id), 'Activating', what);
        assert.deepEqual(world.ordersOf(clientId), [], what);
      }
      assert.equal(sent(world, 'AddOrder'), orders.length + 1);
      const { integrations } = (await world.get('/health')).body as { integrations: { whmcs: { unsettled: number } } };
      assert.equal(integrations.whmcs.unsettled, orders.length);
    },
  );

  scenario(
    'that refuses this server or its access holds all orders with one alarm, until it is mended',
    async (world) => {
      await world.start(roomy());
      const texts = [
        'Invalid IP 203.0.113.9',
        'Authentication Failed',
        'Invalid Permissions: API action "addorder" is not allowed',
      ];
      const orders = texts.map((message) => approveWith(world, answer({ result: 'error', message }, 403)));
      await world.until('all are refused', () => orders.every(({ clientId }) => hit(world, clientId)));
      await pause(1_000);
      for (const { id, clientId } of orders) {
        assert.equal(world.status(id), 'Activating');
        assert.deepEqual(world.ordersOf(clientId), []);
      }
      assert.equal(world.errors().length, 1, world.errors().join('\n'));
      assert.match(world.errors()[0] ?? '', /WHMCS_CONFIG/);
      for (const { id } of orders) {
        assert.equal(await world.ended(id, 60), 'Activated');
        world.assertActivatedOnce(id);
      }
    },
  );
});

const hit = (world: World, clientId: number): boolean =>
  world.whmcs.panel.faults().some(({ where, hits }) => where?.['clientid'] === String(clientId) && hits > 0);

describe('an answer of WHMCS to AcceptOrder', () => {
  /** One after the other: AcceptOrder names the order alone, whose id nobody knows before. */
  const approveOne = async (world: World, what: string, fault: object): Promise<{ id: string; clientId: number }> => {
    const { account, clientId } = world.customer();
    const fault_ = world.whmcs.panel.fault({ call: 'AcceptOrder', do: fault });
    const id = world.approve(account, seat);
    await world.until(`AcceptOrder of ${what} is answered`, () =>
      world.whmcs.panel.faults().some((one) => one.id === fault_ && one.hits > 0),
    );
    return { id, clientId };
  };

  scenario('that tells nothing of what was done is settled by reading: accepted once, live', async (world) => {
    await world.start(referenceFlow());
    for (const [what, fault] of Object.entries(done)) {
      const { id } = await approveOne(world, what, fault);
      assert.equal(await world.ended(id), 'Activated', what);
      world.assertActivatedOnce(id);
    }
    assert.equal(sent(world, 'AcceptOrder'), Object.keys(done).length);
  });

  scenario('that refuses for certain fails with the id of the Pending order; Retry accepts that one', async (world) => {
    await world.start(referenceFlow());
    const { id, clientId } = await approveOne(world, 'a refusal', error('Order ID not found or Status not Pending'));
    assert.equal(await world.ended(id), 'Failed');
    const [held] = world.ordersOf(clientId);
    assert.equal(world.order(id)['Activation_Error_Code__c'], 'WHMCS_ACCEPT_REFUSED');
    assert.equal(world.order(id)['WHMCS_Order_ID__c'], String(held?.id));
    assert.equal(held?.status, 'Pending');
    world.salesforce.people.approve(id);
    assert.equal(await world.ended(id), 'Activated');
    world.assertActivatedOnce(id);
    assert.equal(sent(world, 'AddOrder'), 1);
  });

  scenario(
    'that is neither yes nor no asks a person, with the id of the order, and is never sent again',
    async (world) => {
      await world.start(referenceFlow());
      const words: Record<string, object> = {
        'an error': error('Function Aborted by Action Hook Code'),
        'status error': answer({ status: 'error', message: 'Something went wrong' }),
        'a warning alone': answer(missingPayment),
        'an object without a result': answer({}),
      };
      const orders: { what: string; id: string; clientId: number }[] = [];
      for (const [what, fault] of Object.entries(words))
        orders.push({ what, ...(await approveOne(world, what, fault)) });
      for (const { what, id, clientId } of orders) {
        assert.equal(await world.ended(id), 'Failed', what);
        assert.equal(world.order(id)['Activation_Error_Code__c'], 'WHMCS_ACCEPT_UNKNOWN', what);
        const [held] = world.ordersOf(clientId);
        assert.equal(world.order(id)['WHMCS_Order_ID__c'], String(held?.id), what);
        // A person accepts it by hand, then presses Provision / Retry.
        world.whmcs.office.setStatus(held?.id ?? 0, 'Active');
        world.salesforce.people.approve(id);
      }
      for (const { what, id, clientId } of orders) {
        assert.equal(await world.ended(id), 'Activated', what);
        assert.equal(world.ordersOf(clientId).length, 1, what);
      }
      assert.equal(sent(world, 'AcceptOrder'), orders.length);
    },
  );

  scenario('whose module failed names the services that are not live, with the id of the order', async (world) => {
    world.whmcs.panel.switches({ moduleOutcomes: { 20: 'fail' } });
    await world.start(referenceFlow());
    const { account, clientId } = world.customer();
    const id = world.approve(account, [{ code: 'HOST-M', quantity: 1 }, ...seat]);
    assert.equal(await world.ended(id), 'Failed');
    const [held] = world.ordersOf(clientId);
    const { Activation_Error_Code__c: code, Activation_Error_Message__c: message } = world.order(id);
    assert.equal(code, 'WHMCS_PARTIALLY_PROVISIONED');
    assert.match(String(message), /Web hosting/);
    assert.equal(world.order(id)['WHMCS_Order_ID__c'], String(held?.id));
    assert.equal(sent(world, 'AcceptOrder'), 1);
  });

  scenario(
    'that may or may not mean that it was done leaves the order Activating, and is never sent again',
    async (world) => {
      await world.start(referenceFlow());
      const orders: { what: string; id: string; clientId: number }[] = [];
      for (const [what, fault] of Object.entries(silent))
        orders.push({ what, ...(await approveOne(world, what, fault)) });
      await tellAgain(world, orders);
      for (const { what, id, clientId } of orders) {
        assert.equal(world.status(id), 'Activating', what);
        assert.deepEqual(
          world.ordersOf(clientId).map(({ status }) => status),
          ['Pending'],
          what,
        );
      }
      assert.equal(sent(world, 'AcceptOrder'), orders.length);
      // A person accepts one of them by hand.
      const [first] = orders;
      world.whmcs.office.setStatus(world.ordersOf(first?.clientId ?? 0)[0]?.id ?? 0, 'Active');
      assert.equal(await world.ended(first?.id ?? '', 60), 'Activated');
    },
  );
});

describe('an answer of WHMCS to a read', () => {
  const passing: Record<string, object> = {
    'a page for people with 200': { kind: 'html', page: 'maintenance', status: 200 },
    'a page with 502': { kind: 'html', page: 'badGateway' },
    'no body': { kind: 'empty' },
    'half of the JSON': { kind: 'cut', bytes: 20 },
    'a byte order mark': { kind: 'prefix', text: bom },
    'a PHP warning': { kind: 'prefix', text: phpWarning },
  };
  /** Each with the field that names the client; a service is asked for by its own id, so those faults strike anybody's. */
  const reads: [call: string, field: string | null][] = [
    ['GetClientsDetails', 'clientid'],
    ['GetPayMethods', 'clientid'],
    ['GetOrders', 'userid'],
    ['GetClientsProducts', null],
  ];

  scenario('that comes once is read again or passed over: one order, live', async (world) => {
    await world.start(roomy());
    const orders = reads.flatMap(([call, field]) =>
      Object.entries(passing).map(([what, fault], at) => {
        const { account, clientId } = world.customer();
        const target = field === null ? { skip: 4 * at } : { where: { [field]: String(clientId) } };
        world.whmcs.panel.fault({ call, ...target, do: fault });
        return { what: `${call}: ${what}`, id: world.approve(account, seat) };
      }),
    );
    for (const { what, id } of orders) {
      assert.equal(await world.ended(id, 60), 'Activated', what);
      world.assertActivatedOnce(id);
    }
    assert.equal(sent(world, 'AddOrder'), orders.length);
    assert.ok(world.whmcs.panel.faults().every(({ hits }) => hits === 1));
  });

  scenario(
    'that has something before the JSON every time is understood, and the log tells of it once',
    async (world) => {
      await world.start(roomy());
      for (const prefix of ['bom', 'warning'] as const) {
        world.whmcs.panel.switches({ prefix });
        const id = world.approve(world.customer().account, seat);
        assert.equal(await world.ended(id), 'Activated', prefix);
        world.assertActivatedOnce(id);
      }
      const told = world.output.filter((line) => line.includes('prints something before its answer'));
      assert.equal(told.filter((line) => line.includes('action=AddOrder')).length, 1);
    },
  );

  scenario('that comes every time fails the order by name before anything is sent', async (world) => {
    await world.start(roomy());
    const always: [call: string, what: string, fault: object, code: string][] = [
      [
        'GetClientsDetails',
        'a page for people',
        { kind: 'html', page: 'maintenance', status: 200 },
        'WHMCS_UNREADABLE',
      ],
      ['GetOrders', 'a page with 502', { kind: 'html', page: 'badGateway' }, '502'],
      ['GetOrders', 'no body', { kind: 'empty' }, 'WHMCS_UNREADABLE'],
      ['GetOrders', 'half of the JSON', { kind: 'cut', bytes: 20 }, 'WHMCS_UNREADABLE'],
      ['GetOrders', 'a firewall', { kind: 'html', page: 'cloudflare' }, 'WHMCS_EDGE_BLOCKED'],
      ['GetPayMethods', 'a warning alone', answer(missingPayment), 'WHMCS_REFUSED'],
      ['GetPayMethods', 'status error', answer({ status: 'error', message: 'Something' }), 'WHMCS_REFUSED'],
      ['GetClientsDetails', 'no such client', error('Client Not Found'), 'CLIENT_NOT_FOUND'],
    ];
    const orders = always.map(([call, what, fault, code]) => {
      const { account, clientId } = world.customer();
      const field = call === 'GetOrders' ? 'userid' : 'clientid';
      world.whmcs.panel.fault({ call, where: { [field]: String(clientId) }, times: 0, do: fault });
      return { what: `${call}: ${what}`, code, id: world.approve(account, seat) };
    });
    for (const { what, code, id } of orders) {
      assert.equal(await world.ended(id), 'Failed', what);
      assert.equal(world.order(id)['Activation_Error_Code__c'], code, what);
      assert.doesNotMatch(String(world.order(id)['Activation_Error_Message__c']), /<\/?\w+>/);
    }
    assert.equal(sent(world, 'AddOrder'), 0);
    world.whmcs.panel.clearFaults();
    for (const { id } of orders) world.salesforce.people.approve(id);
    for (const { what, id } of orders) assert.equal(await world.ended(id), 'Activated', what);
    for (const { id } of orders) world.assertActivatedOnce(id);
  });

  scenario('between AddOrder and AcceptOrder only makes the order wait', async (world) => {
    await world.start(referenceFlow());
    const { account } = world.customer();
    const page = { kind: 'html', page: 'oops', status: 200 };
    world.whmcs.panel.fault({ call: 'GetClientsProducts', times: 0, do: page });
    const id = world.approve(account, seat);
    await world.until('the order is read in vain', () => (world.whmcs.panel.faults()[0]?.hits ?? 0) >= 3);
    await pause(1_000);
    assert.equal(world.status(id), 'Activating');
    world.whmcs.panel.clearFaults();
    assert.equal(await world.ended(id), 'Activated');
    world.assertActivatedOnce(id);
    assert.equal(sent(world, 'AddOrder'), 1);
  });
});
