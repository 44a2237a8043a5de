/** A WHMCS order that is Pending although AcceptOrder was sent for it, of an Order that was changed since: its modules may have run. */
import assert from 'node:assert/strict';
import { faultsForeseen } from './vendor-doubles/foreseen';
import { code, inAFreshWorld, part, text } from './vendor-doubles/fresh-world';
import { input, orderId, type End, type Process, type World } from './vendor-doubles/world';

type Input = ReturnType<typeof input>;

describe('A WHMCS order that is Pending after AcceptOrder was sent for it', () => {
  let world: World;
  let process: Process;
  inAFreshWorld((...made) => {
    [world, process] = made;
    world.whmcs.manyServices = true;
  });

  const asked = input({ items: [[11, 2]] });
  const moved = input({ items: [[11, 2]], clientId: 1002 });
  const more = input({ items: [[11, 5]] });
  const flow = (from: Input): Promise<End> => world.until(process.flow(from));
  const foreseen = async (from: Input): Promise<string[]> =>
    (await faultsForeseen(world, process, from)).map((fault) => fault.message);
  /** Retry, which ends as a dry run has foreseen: neither accepted nor added once more. */
  const retried = async (from: Input): Promise<string> => {
    const [foretold] = await foreseen(from);
    const sent = world.whmcs.calls.filter((call) => call === 'AcceptOrder').length;
    const runs = [...world.whmcs.moduleRuns];
    await process.begin(orderId, (await process.record()).attempt + 1);
    const end = await flow(from);
    assert.equal(code(end), 'WHMCS_ORDER_DIFFERS');
    assert.equal(text(end), foretold, 'as the dry run says');
    assert.equal(world.whmcs.calls.filter((call) => call === 'AcceptOrder').length, sent);
    assert.deepEqual([world.whmcs.added, world.whmcs.moduleRuns], [[5001], runs]);
    return text(end);
  };
  /** Live and proven; then a person has set it back. */
  const setBack = async (): Promise<void> => {
    part(await flow(asked));
    assert.deepEqual([world.whmcs.accepted, world.whmcs.moduleRuns], [[5001], [1, 1]]);
    world.whmcs.order(5001).status = 'Pending';
  };
  const ran =
    'WHMCS order 5001 differs (AcceptOrder was sent for it before, and its modules may have run: look there first): ';

  it('says so, where the Account is linked to another client', async () => {
    await setBack();
    const told = `${ran}it is of client 1001, the Account is linked to client 1002`;
    assert.equal(await retried(moved), told);
    assert.equal(await retried(moved), told, 'by another Retry too');
  });

  it('says so, where the Order wants something else by now', async () => {
    await setBack();
    assert.equal(await retried(more), `${ran}product 11 monthly: asked for 5, WHMCS has 2`);
  });

  it('says so, where it is not known what became of AcceptOrder', async () => {
    world.whmcs.acceptFaults = [{ end: 'unknown', run: 'never' }];
    assert.equal(code(await flow(asked)), 'WHMCS_ACCEPT_UNKNOWN');
    assert.ok((await retried(moved)).startsWith(ran));
  });

  it('is not said to be accepted where AcceptOrder could not leave', async () => {
    world.whmcs.acceptFaults = [{ end: 'not-sent', code: 'ECONNREFUSED' }];
    assert.equal(code(await flow(asked)), 'WHMCS_UNREACHABLE');
    assert.equal(
      await retried(moved),
      'WHMCS order 5001 differs: it is of client 1001, the Account is linked to client 1002',
    );
  });
});
