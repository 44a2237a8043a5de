/** People, flows and a dead process reach for the Order while its result is being told. */
import assert from 'node:assert/strict';
import type { SalesforceSimulator } from '../../../../simulators/salesforce/server';
import { startOrg } from '../../salesforce/org';
import { WriteBackWorld } from './world';

const countsNothing = {
  missingFields: ['Order.Activation_Attempt__c', 'Order.Activation_Result_Attempt__c'],
  attemptRule: false,
};

describe('A result, and other hands on its Order', () => {
  let org: SalesforceSimulator;
  let world: WriteBackWorld;
  before(async () => (org = await startOrg()));
  after(() => org.close());
  afterEach(() => world.close());

  it('leaves a status that a person sets between our read and our PATCH, in an org that counts attempts', async () => {
    org.panel.switches({});
    world = await WriteBackWorld.open(org);
    org.panel.fault({ call: 'patch', do: { kind: 'delay', ms: 5_000 } });
    await world.activate();
    await world.until('a PATCH is on its way', () => org.panel.requests('query').length >= 2);
    await world.turn(1_000);
    assert.equal(world.status(), 'Activating');
    world.person({ Activation_Status__c: 'Failed' });
    assert.equal(await world.told(120_000), 'dropped');
    assert.equal(world.status(), 'Failed');
  });

  it('is told before a flow sets Activating over it, in an org that counts none', async () => {
    org.panel.switches(countsNothing);
    world = await WriteBackWorld.open(org);
    org.panel.fault({ call: 'patch', do: { kind: 'commitThenDrop' } });
    await world.fail();
    await world.until('Failed stands', () => world.status() === 'Failed');
    const [set] = await Promise.all([world.provisioning.writer.setActivating(world.orderId), world.turn(5_000)]);
    assert.deepEqual(set, { was: null, end: { kind: 'changed' } });
    assert.equal(await world.told(120_000), 'written');
    assert.deepEqual(world.statuses(), ['Failed']);
  });

  it('never goes over a Retry after its id was told beside a status, and the process died over that', async () => {
    org.panel.switches(countsNothing);
    world = await WriteBackWorld.open(org);
    world.person({ Activation_Status__c: 'Failed' });
    await world.turn(3_000);
    org.panel.fault({ call: 'patch', do: { kind: 'commitThenDrop' } });
    // The process ends before it hears what became of the id.
    const writer = world.provisioning.writer as unknown as Record<'notYet' | 'done' | 'close', () => Promise<void>>;
    Object.assign(writer, { notYet: never, done: never });
    await world.activate();
    await world.until('the id stands', () => world.order().WHMCS_Order_ID__c != null);
    world.retry();
    await world.turn(3_000);
    writer.close = () => Promise.resolve();
    await world.restart();
    assert.equal(await world.told(120_000), 'dropped', JSON.stringify(world.written()));
    assert.equal(world.status(), 'Activating');
  });
});

const never = (): Promise<void> => new Promise(() => undefined);
