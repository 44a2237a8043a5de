/** What a person decides about a WHMCS order or service, carried out by the flow's *control*, in a real Node-RED. */
import assert from 'node:assert/strict';
import { referenceFlow } from '../../scripts/demo/node-red';
import { scenario } from './side-by-side';
import { changed, nodeOf, type World } from './world';

const seat = { code: 'SEAT-M', quantity: 1 };
const hosting = { code: 'HOST-M', quantity: 1 };

/** The reference flow whose answers of the control node are in the log; `accept` are fields of its accept node. */
const withAnswers = (accept: Record<string, unknown> = {}) => {
  const flows = referenceFlow();
  const shown = changed(flows, nodeOf(flows, 'debug', 'what was done').id, { console: true });
  return changed(shown, nodeOf(shown, 'whmcs-accept-order').id, accept);
};

/** Presses the button *topic* and waits for the answer: whether it was done, and the text. */
async function asked(world: World, topic: string, payload: object): Promise<{ done: boolean; text: string }> {
  const from = world.output.length;
  await world.press(topic, payload);
  const answer = () => /done: (true|false),[^]*?text: (["'`])([^]*?)\2/.exec(world.output.slice(from).join('\n'));
  await world.until(`${topic} is answered`, () => answer() !== null);
  const [, done = '', , text = ''] = answer() ?? [];
  return { done: done === 'true', text };
}

const sent = (world: World, call: string): number => world.whmcs.panel.requests(call).length;

/** The modules that ran for each service of a client, in the order of its services. */
function moduleRuns(world: World, clientId: number): number[] {
  const services = world.ordersOf(clientId).flatMap((order) => order.services.map(({ id }) => id));
  const ran = world.whmcs.panel.ledger('moduleRun').map((entry) => entry['serviceId']);
  return services.map((id) => ran.filter((one) => one === id).length);
}

const serviceOf = (world: World, clientId: number, status: string): number => {
  const found = world.ordersOf(clientId).flatMap(({ services }) => services.filter((one) => one.status === status));
  assert.equal(found.length, 1, JSON.stringify(world.ordersOf(clientId)));
  return found[0]?.id ?? 0;
};

describe('a person’s word on', () => {
  scenario('a service whose module failed runs that module alone, and Retry then finds all live', async (world) => {
    world.whmcs.panel.switches({ moduleOutcomes: { 20: ['fail', 'ok'] } });
    // The other service has a module too, so that its runs tell something.
    world.whmcs.office.putProduct({ pid: 11, module: 'cpanel' });
    await world.start(withAnswers());
    const { account, clientId } = world.customer();
    const id = world.approve(account, [hosting, seat]);
    assert.equal(await world.ended(id), 'Failed');
    assert.equal(world.order(id)['Activation_Error_Code__c'], 'WHMCS_PARTIALLY_PROVISIONED');
    const serviceId = serviceOf(world, clientId, 'Pending');

    const answer = await asked(world, 'create module', { orderId: id, serviceId });
    assert.deepEqual([answer.done, /all services of the order are live/.test(answer.text)], [true, true], answer.text);
    await world.retry(id);
    await world.until('it is activated', () => world.status(id) === 'Activated');
    world.assertActivatedOnce(id);
    assert.deepEqual([sent(world, 'AddOrder'), sent(world, 'AcceptOrder'), sent(world, 'ModuleCreate')], [1, 1, 1]);
    assert.deepEqual(moduleRuns(world, clientId), [2, 1]);
  });

  scenario('a service that was never set up, since the product is not set up by itself, creates it', async (world) => {
    await world.start(withAnswers({ autoSetup: 'false', autoSetupType: 'bool' }));
    const { account, clientId } = world.customer();
    const id = world.approve(account, [hosting]);
    assert.equal(await world.ended(id), 'Failed');
    assert.equal(world.order(id)['Activation_Error_Code__c'], 'WHMCS_PARTIALLY_PROVISIONED');
    assert.deepEqual(moduleRuns(world, clientId), [0]);

    const serviceId = serviceOf(world, clientId, 'Pending');
    assert.equal((await asked(world, 'create module', { orderId: id, serviceId })).done, true);
    await world.retry(id);
    await world.until('it is activated', () => world.status(id) === 'Activated');
    world.assertActivatedOnce(id);
    assert.deepEqual(moduleRuns(world, clientId), [1]);
  });

  scenario(
    'a service whose account was made although an error came: no further run once the module says that it exists',
    async (world) => {
      world.whmcs.panel.switches({ moduleOutcomes: { 20: 'after-commit-fail' } });
      await world.start(withAnswers());
      const { account, clientId } = world.customer();
      const id = world.approve(account, [hosting]);
      assert.equal(await world.ended(id), 'Failed');
      const serviceId = serviceOf(world, clientId, 'Pending');

      const unlooked = await asked(world, 'create module', { orderId: id, serviceId });
      assert.deepEqual([unlooked.done, /looked: true/.test(unlooked.text)], [false, true], unlooked.text);
      assert.equal(sent(world, 'ModuleCreate'), 0);
      const first = await asked(world, 'create module', { orderId: id, serviceId, looked: true });
      assert.deepEqual([first.done, /already exists/.test(first.text)], [false, true], first.text);
      const second = await asked(world, 'create module', { orderId: id, serviceId });
      assert.deepEqual(
        [second.done, /An earlier run has made the account/.test(second.text)],
        [false, true],
        second.text,
      );
      assert.equal(sent(world, 'ModuleCreate'), 1);
      // A person finds the account on its server.
      world.whmcs.office.setStatus(world.ordersOf(clientId)[0]?.id ?? 0, 'Active');
      await world.retry(id);
      await world.until('it is activated', () => world.status(id) === 'Activated');
      world.assertActivatedOnce(id);
    },
  );

  scenario(
    'a twin of another installation waits for a second word, since that one may be accepting it',
    async (world) => {
      await world.start(withAnswers());
      const { account, clientId } = world.customer();
      world.whmcs.panel.fault({ call: 'AddOrder', do: { kind: 'delay', ms: 1_500 } });
      const id = world.approve(account, [seat]);
      await world.until('AddOrder is under way', () => world.whmcs.panel.faults().some(({ hits }) => hits > 0));
      const twin = world.whmcs.office.placeOrder({
        clientId,
        items: [{ pid: 11, billingCycle: 'monthly' }],
        notes: `sfOrderId=${id};i=ffffffff-a1`,
      });
      assert.equal(await world.ended(id), 'Failed');
      assert.equal(world.order(id)['Activation_Error_Code__c'], 'WHMCS_TWIN');
      assert.equal(sent(world, 'AcceptOrder'), 0);

      const asPlaced = await asked(world, 'cancel twin', { orderId: '801…', whmcsOrderId: 0 });
      assert.match(asPlaced.text, /^Put \{ orderId/);
      for (let word = 0; word < 2; word++) {
        const answer = await asked(world, 'cancel twin', { orderId: id, whmcsOrderId: twin.id });
        assert.deepEqual([answer.done, /ask again after 20/.test(answer.text)], [false, true], answer.text);
      }
      assert.equal(sent(world, 'CancelOrder'), 0);
      // A person who knows that the other one is switched off need not wait.
      world.whmcs.office.setStatus(twin.id, 'Cancelled');
      assert.equal((await asked(world, 'cancel twin', { orderId: id, whmcsOrderId: twin.id })).done, true);
      await world.retry(id);
      await world.until('it is activated', () => world.status(id) === 'Activated');
      const held = world.ordersOf(clientId).map(({ id: of, status, accepts }) => [of === twin.id, status, accepts]);
      assert.deepEqual(
        held.sort((one, other) => Number(other[0]) - Number(one[0])),
        [
          [true, 'Cancelled', 0],
          [false, 'Active', 1],
        ],
      );
      assert.deepEqual([sent(world, 'CancelOrder'), sent(world, 'AddOrder'), sent(world, 'AcceptOrder')], [0, 1, 1]);
    },
  );
});
