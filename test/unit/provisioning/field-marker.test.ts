/** The mark in a product custom field: services must be read to see it, and an answer without a body shows none. */
import assert from 'node:assert/strict';
import { awayError } from './vendor-doubles/in-memory-whmcs';
import { input, World } from './vendor-doubles/world';

describe('An order whose mark is in a custom field', () => {
  it('is not added again while its services are answered with nothing: empty is not none', async () => {
    const world = new World();
    try {
      const process = await world.process(world.directory());
      await process.begin();
      world.whmcs.addFaults = [{ end: 'unknown', commit: 'now' }];
      world.whmcs.beforeRead = (action) => {
        if (action === 'GetClientsProducts' && world.whmcs.added.length > 0) throw awayError(action);
      };
      const flow = process.again(() => process.add(input(), { marker: { customFieldId: 12 } }));
      await world.clock.advance(1_200_000);
      assert.deepEqual(world.whmcs.added, [5001]);
      assert.equal((await process.record()).adds[0]?.settled, null);
      world.whmcs.beforeRead = () => undefined;
      const end = await world.until(flow);
      assert.equal(end.kind === 'next' && end.part.orderId, 5001);
      assert.deepEqual(world.whmcs.added, [5001]);
    } finally {
      await world.close();
    }
  });
});
