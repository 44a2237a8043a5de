import assert from 'node:assert/strict';
import { referenceFlow } from '../../scripts/demo/node-red';
import { scenario } from './side-by-side';
import { pause } from './world';

const minute = 60_000;

describe('the reference flow when Salesforce publishes nothing', () => {
  scenario(
    'finds the order by its sweep, makes one WHMCS order, and leaves a live event that comes late without effect',
    async (world) => {
      await world.start(referenceFlow(), { env: { SF_EVENTS_REPLAY: 'LATEST' } });
      await world.stop();
      await world.until('the stream is gone', () => world.openStreams() === 0);
      world.salesforce.panel.switches({ flowPublishes: false });
      const id = world.approve('Northwind Traders', [{ code: 'SEAT-M', quantity: 1 }]);
      // The order has been waiting for so long, and the store is older still.
      world.salesforce.panel.advance(2 * minute);
      world.ageStore(3 * minute);
      await world.startAgain({ env: { SF_EVENTS_REPLAY: 'LATEST' } });
      assert.equal(await world.ended(id), 'Activated');
      assert.ok(
        world.output.some((line) => line.includes('Recovered by sweep: 1 order') && line.includes(id)),
        world.output.join('\n'),
      );
      world.salesforce.people.publish({ fields: { OrderId__c: id } });
      await world.until('the late event has ended', () =>
        world.output.some((line) => line.includes('Skipped') && line.includes(id)),
      );
      await pause(500);
      world.assertActivatedOnce(id);
    },
  );
});
