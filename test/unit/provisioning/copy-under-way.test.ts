/** A copy of the store that lacks what came after AddOrder was sent: what it does not tell may have been done. */
import assert from 'node:assert/strict';
import type { OrderRecord } from '../../../lib/provisioning/order-record';
import { code, inAFreshWorld, part } from './vendor-doubles/fresh-world';
import { orderId, type Process, type World } from './vendor-doubles/world';

describe('A copy of the store that was made while AddOrder was under way', () => {
  let world: World;
  let process: Process;
  inAFreshWorld((...made) => void ([world, process] = made));
  const sent = (): number => world.whmcs.calls.filter((call) => call === 'AcceptOrder').length;

  it('may lack the accept: it counts as sent, and no module runs twice', async () => {
    await process.real.setDoubt(null);
    let copy: OrderRecord | undefined;
    world.whmcs.onAdded = () => void process.record().then((record) => (copy = record));
    const added = part(await process.add());
    const older = copy ?? assert.fail('nothing was copied');
    assert.equal(older.adds[0]?.settled, null);
    // Its modules run, and it ends in an error.
    world.whmcs.acceptFaults = [{ end: 'unclear', failing: [], leaves: 'Pending' }];
    await process.accept(added);
    await process.edit(() => older);
    await process.real.setDoubt({ reason: 'an older copy was put in place', until: world.clock.now() + 1 });
    await world.clock.advance(60_000);
    await process.begin(orderId, 2);
    const again = part(await world.until(process.again(() => process.add())));
    const end = await world.until(process.again(() => process.accept(again)));
    assert.deepEqual([sent(), world.whmcs.moduleRuns], [1, [1, 1]]);
    assert.equal(code(end), 'WHMCS_ACCEPT_UNKNOWN');
  });
});
