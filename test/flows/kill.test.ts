import assert from 'node:assert/strict';
import { referenceFlow } from '../../scripts/demo/node-red';
import { scenario } from './side-by-side';
import type { World } from './world';

const seat = [{ code: 'SEAT-M', quantity: 1 }];

/** A PATCH that was not answered may still be applied for half a minute: the next process waits for that. Seconds. */
const limit = 70;

/** An instant at which a vendor holds its answer back: the fault that does so, and at which vendor. */
interface Instant {
  name: string;
  vendor: 'salesforce' | 'whmcs';
  fault: object;
  /** How WHMCS's order stands then. */
  whmcs: 'none' | 'Pending' | 'Active';
  /** Activated stands in Salesforce already. */
  told?: boolean;
}

const activated = { Activation_Status__c: 'Activated' };
const instants: Instant[] = [
  {
    name: 'before AddOrder is sent',
    vendor: 'whmcs',
    fault: { call: 'GetOrders', do: { kind: 'hang' } },
    whmcs: 'none',
  },
  {
    name: 'while WHMCS holds the answer to AddOrder',
    vendor: 'whmcs',
    fault: { call: 'AddOrder', do: { kind: 'commitThenHang' } },
    whmcs: 'Pending',
  },
  {
    name: 'after that answer, before AcceptOrder',
    vendor: 'whmcs',
    fault: { call: 'GetClientsProducts', do: { kind: 'hang' } },
    whmcs: 'Pending',
  },
  {
    name: 'in AcceptOrder',
    vendor: 'whmcs',
    fault: { call: 'AcceptOrder', do: { kind: 'commitThenHang' } },
    whmcs: 'Active',
  },
  {
    name: 'before Activated is written',
    vendor: 'salesforce',
    fault: { call: 'patch', where: activated, do: { kind: 'hang' } },
    whmcs: 'Active',
  },
  {
    name: 'after Activated is written',
    vendor: 'salesforce',
    fault: { call: 'patch', where: activated, do: { kind: 'commitThenHang' } },
    whmcs: 'Active',
    told: true,
  },
];

/** Sets the fault; what it returns waits until it has struck. */
function holdAt(world: World, { name, vendor, fault }: Instant): () => Promise<void> {
  const { panel } = world[vendor];
  const id = panel.fault(fault);
  return () =>
    world.until(`the vendor holds ${name}`, () => panel.faults().some((one) => one.id === id && one.hits > 0), limit);
}

async function heldAt(world: World, id: string, instant: Instant): Promise<void> {
  await world.until(`WHMCS shows ${instant.whmcs}`, () =>
    instant.whmcs === 'none' ? world.whmcsOrders(id).length === 0 : world.whmcsOrders(id)[0]?.status === instant.whmcs,
  );
  await world.until(
    'Salesforce has done its part',
    () => world.status(id) === (instant.told ? 'Activated' : 'Activating'),
  );
}

/** Salesforce's items know which services of WHMCS are theirs. */
function assertServicesTold(world: World, id: string): void {
  const services = world.whmcsOrders(id).flatMap((order) => order.services.map((service) => String(service.id)));
  const told = world.salesforce.people.order(id).items.map((item) => item['WHMCS_Service_ID__c']);
  assert.deepEqual(told, services);
}

const sent = (world: World, call: string): number => world.whmcs.panel.requests(call).length;

describe('Node-RED that is killed', () => {
  scenario(
    'at any instant of an order goes on at its next start: Activated, one WHMCS order, one accept',
    async (world) => {
      await world.start(referenceFlow());
      for (const [at, instant] of instants.entries()) {
        const struck = holdAt(world, instant);
        const id = world.approve(world.customer().account, seat);
        await struck();
        await heldAt(world, id, instant);
        await world.kill();
        await world.startAgain();
        await world.until(`the order killed ${instant.name} ends`, () => world.status(id) === 'Activated', limit);
        await world.rest(limit);
        world.assertActivatedOnce(id);
        assertServicesTold(world, id);
        assert.deepEqual(world.statusesOf(id), ['Not Started', 'Activating', 'Activated'], instant.name);
        assert.equal(sent(world, 'AddOrder'), at + 1, instant.name);
        assert.equal(sent(world, 'AcceptOrder'), at + 1, instant.name);
      }
    },
    { long: true },
  );

  scenario('at each instant of one order, one after the other, goes on just so, on the newest 4.1', async (world) => {
    await world.start(referenceFlow(), { line: 'node-red-4' });
    const [first, ...others] = instants;
    let struck = first && holdAt(world, first);
    const id = world.approve(world.customer().account, seat);
    for (const instant of instants) {
      await struck?.();
      await heldAt(world, id, instant);
      await world.kill();
      const next = others.shift();
      struck = next && holdAt(world, next);
      await world.startAgain({ line: 'node-red-4' });
    }
    await world.until('the order ends', () => world.status(id) === 'Activated', limit);
    await world.rest(limit);
    world.assertActivatedOnce(id);
    assertServicesTold(world, id);
    assert.deepEqual(world.statusesOf(id), ['Not Started', 'Activating', 'Activated']);
    assert.equal(sent(world, 'AddOrder'), 1);
    assert.equal(sent(world, 'AcceptOrder'), 1);
  });

  scenario('by SIGTERM in AddOrder and in AcceptOrder ends in order and goes on at its next start', async (world) => {
    await world.start(referenceFlow());
    for (const call of ['AddOrder', 'AcceptOrder']) {
      // Its answer comes while Node-RED closes, or never.
      for (const fault of [{ kind: 'delay', ms: 1_500 }, { kind: 'commitThenHang' }]) {
        const before = sent(world, 'AddOrder');
        const struck = holdAt(world, { name: call, vendor: 'whmcs', fault: { call, do: fault }, whmcs: 'none' });
        const id = world.approve(world.customer().account, seat);
        await struck();
        assert.equal(await world.stop(), 0, `${call}, ${fault.kind}`);
        await world.startAgain();
        assert.equal(await world.ended(id), 'Activated', `${call}, ${fault.kind}`);
        await world.rest(limit);
        world.assertActivatedOnce(id);
        assert.equal(sent(world, 'AddOrder'), before + 1, `${call}, ${fault.kind}`);
      }
    }
    assert.equal(sent(world, 'AcceptOrder'), 4);
  });
});
