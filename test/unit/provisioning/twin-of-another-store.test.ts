/** Two installations add one Order: what each may find of the other, and when. */
import assert from 'node:assert/strict';
import { code, inAFreshWorld, part } from './vendor-doubles/fresh-world';
import { asked, clientId, orderId, type Process, type World } from './vendor-doubles/world';

const ofAnother = `sfOrderId=${orderId};i=ffffffff-a1`;

describe('A WHMCS order that another installation makes for the same Order', () => {
  let world: World;
  let process: Process;
  inAFreshWorld((...made) => void ([world, process] = made));
  const sent = (): number => world.whmcs.calls.filter((call) => call === 'AcceptOrder').length;

  it('is taken while our own AddOrder is not answered; what that makes later is named', async () => {
    await process.real.setDoubt(null);
    world.whmcs.addFaults = [{ end: 'unknown', commit: 120_000 }];
    world.clock.after(5_000, () => void world.whmcs.add({ clientId, items: asked(), notes: ofAnother }));
    const added = part(await world.until(process.again(() => process.add())));
    world.clock.after(20_000, () => world.whmcs.accept(added.orderId));
    const end = await world.until(process.again(() => process.accept(added)));
    assert.equal(end.kind, 'next');
    await world.clock.advance(2 * 86_400_000);
    assert.equal(world.whmcs.orders.length, 2);
    assert.deepEqual(
      process.logged('error').filter((line) => line.includes('5002')),
      ['WHMCS order 5002 of client 1001 has turned up late, beside 5001; it may be ours'],
    );
  });

  it('stops an accept whose process stood still between its last look and its intent', async () => {
    await process.real.setDoubt(null);
    const added = part(await process.add());
    await world.clock.advance(120_000);
    // What its look for twins has read is older than it knows when it goes on.
    const { getOrders } = process.whmcs;
    Object.assign(process.whmcs, {
      getOrders: async (...given: Parameters<typeof getOrders>) => {
        const page = await getOrders(...given);
        if (given[0].clientId === undefined) return page;
        Object.assign(process.whmcs, { getOrders });
        world.whmcs.add({ clientId, items: asked(), notes: ofAnother });
        await world.clock.advance(400_000);
        return page;
      },
    });
    const end = await world.until(process.accept(added));
    assert.match(end.kind === 'parked' ? end.reason : '', /AcceptOrder could not leave in time/);
    assert.equal(code(await process.accept(added)), 'WHMCS_TWIN');
    assert.equal(sent(), 0);
  });

  it('stops an accept that is sent long after ours was found alone', async () => {
    await process.real.setDoubt(null);
    world.whmcs.acceptFaults = [{ end: 'not-sent', code: 'ECONNREFUSED' }];
    const added = part(await process.add());
    assert.equal(code(await process.accept(added)), 'WHMCS_UNREACHABLE');
    world.whmcs.add({ clientId, items: asked(), notes: ofAnother });
    await world.clock.advance(120_000);
    assert.equal(code(await process.accept(part(await process.add()))), 'WHMCS_TWIN');
    assert.equal(sent(), 0);
  });
});
