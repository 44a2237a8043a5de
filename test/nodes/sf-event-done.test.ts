import assert from 'node:assert/strict';
import { arriving, itKeepsTheContract, stepFlow, type StepUnderTest } from './step-contract';
import { useWorld } from './world';

const step: StepUnderTest = { id: 'skipped', before: ['get'], needs: [], adds: 'provisioning', ends: true };

describe('sf-event-done', () => {
  const world = useWorld();

  itKeepsTheContract(world, step);

  it('ends a skipped event as skipped, and writes nothing to Salesforce', async () => {
    await world.load(stepFlow(step));
    const skipped = { code: 'ORDER_OTHER_PRICEBOOK', message: 'Order 1 has no price book' } as const;
    const message = Object.assign(await arriving(world, step), { skipped });
    const { sent, error } = await world.pass('skipped', message);
    assert.deepEqual([sent, error], [[], null]);
    const event = await (await world.provisioning()).store.inbox.get(message.event.id);
    assert.deepEqual([event?.end, event?.reason], ['Skipped', 'ORDER_OTHER_PRICEBOOK: Order 1 has no price book']);
    assert.equal(world.salesforce.panel.requests('patch').length, 0);
    assert.deepEqual(world.status('skipped'), { fill: 'green', shape: 'dot', text: String(message.order?.number) });
  });

  it('ends any other event without a result', async () => {
    await world.load(stepFlow(step));
    const message = await arriving(world, step);
    await world.pass('skipped', message);
    const { store, handouts } = await world.provisioning();
    assert.equal((await store.inbox.get(message.event.id))?.end, 'Done');
    assert.equal(handouts.of(message.event.id), undefined);
    assert.equal(world.salesforce.panel.requests('patch').length, 0);
  });

  it('drops the same message again', async () => {
    await world.load(stepFlow(step));
    const message = await arriving(world, step);
    await world.pass('skipped', message);
    const { sent, error } = await world.pass('skipped', structuredClone(message));
    assert.deepEqual([sent, error], [[], null]);
    assert.equal(world.status('skipped')?.text, 'replaced');
  });
});
