/** An Order that was changed after its WHMCS order was made, and before that is accepted: judged by what WHMCS was sent. */
import assert from 'node:assert/strict';
import { faultsForeseen } from './vendor-doubles/foreseen';
import { code, inAFreshWorld, part, text } from './vendor-doubles/fresh-world';
import { clientId, input, orderId, type End, type Process, type World } from './vendor-doubles/world';

type Input = ReturnType<typeof input>;
const notSent = { end: 'not-sent', code: 'ECONNREFUSED' } as const;

describe('An Order that was changed before its WHMCS order is accepted', () => {
  let world: World;
  let process: Process;
  inAFreshWorld((...made) => {
    [world, process] = made;
    world.whmcs.manyServices = true;
  });

  /** `units` of one product at a price of Salesforce's. */
  const sold = (units = 2, price = '15.00', over: Parameters<typeof input>[0] = {}): Input => {
    const from = input({ items: [[11, units]], ...over });
    for (const item of from.mapping.items) Object.assign(item, { price, priceOverride: price });
    return from;
  };
  const flow = (from: Input): Promise<End> => world.until(process.flow(from));
  /** What a dry run says that Retry would fail with. */
  const foreseen = async (from: Input): Promise<string[]> =>
    (await faultsForeseen(world, process, from)).map((fault) => fault.code);
  /** Retry, and that a dry run has foreseen how it ends. */
  const retried = async (from: Input): Promise<End> => {
    const faults = await foreseen(from);
    await process.begin(orderId, (await process.record()).attempt + 1);
    const end = await flow(from);
    assert.deepEqual(faults, end.kind === 'failed' ? [end.failure.code] : [], 'as the dry run says');
    return end;
  };
  const accepts = (): number => world.whmcs.calls.filter((call) => call === 'AcceptOrder').length;
  /** 5001 is made and Pending: AcceptOrder could not leave. */
  const pending = async (from = sold()): Promise<void> => {
    world.whmcs.acceptFaults = [notSent];
    assert.equal(code(await flow(from)), 'WHMCS_UNREACHABLE');
    assert.deepEqual([world.whmcs.added, world.whmcs.order(5001).status, accepts()], [[5001], 'Pending', 0]);
  };
  const assertAccepted = (): void =>
    assert.deepEqual(
      [world.whmcs.added, world.whmcs.accepted, world.whmcs.order(5001).status],
      [[5001], [5001], 'Active'],
    );
  const assertLeft = (): void => {
    assert.deepEqual([world.whmcs.added, world.whmcs.order(5001).status, accepts()], [[5001], 'Pending', 0]);
    assert.deepEqual([world.whmcs.accepted, world.whmcs.moduleRuns], [[], []]);
  };

  describe('by its items', () => {
    for (const [what, from, words] of [
      ['more units', sold(5), 'product 11 monthly: asked for 5, WHMCS has 2'],
      ['another product', sold(2, '15.00', { items: [[12, 2]] }), 'product 11 monthly: asked for 0, WHMCS has 2'],
      ['a lower price', sold(2, '10.00'), 'product 11 monthly: Salesforce says 20.00, WHMCS charges 30.00 a cycle'],
      [
        'one item more',
        sold(2, '15.00', {
          items: [
            [11, 2],
            [20, 1],
          ],
        }),
        'product 20 monthly: asked for 1, WHMCS has 0',
      ],
    ] as const)
      it(`is not accepted with ${what} in Salesforce, and is once that is put right`, async () => {
        await pending();
        const end = await retried(from);
        assert.equal(code(end), 'WHMCS_ORDER_DIFFERS');
        assert.ok(text(end).includes(words), text(end));
        assertLeft();
        assert.equal(code(await retried(from)), 'WHMCS_ORDER_DIFFERS', 'nor by another Retry');
        assertLeft();
        part(await retried(sold()));
        assertAccepted();
      });

    it('is accepted once WHMCS was changed likewise', async () => {
      await pending();
      const [first] = world.whmcs.services;
      world.whmcs.services.push({ ...first!, id: 9003 });
      world.whmcs.order(5001).lines.push({ ...world.whmcs.order(5001).lines[0]!, relId: 9003 });
      const end = part(await retried(sold(3)));
      assert.equal(end.serviceIds.length, 3);
      assertAccepted();
    });

    it('goes on where it had stopped for a price that Salesforce has mended', async () => {
      const low = sold(2, '10.00');
      assert.equal(code(await flow(low)), 'WHMCS_ORDER_DIFFERS');
      assertLeft();
      part(await retried(sold(2, '15.00')));
      assertAccepted();
      assert.equal((await process.record()).adopted?.items[0]?.priceOverride, '15.00');
    });

    it('gives the services to the items that the Order has now', async () => {
      await pending();
      const from = sold();
      for (const item of from.mapping.items) item.orderItemId = '802anew';
      part(await retried(from));
      assert.deepEqual(
        [...new Set((await process.record()).accepted?.services.map((one) => one.orderItemId))],
        ['802anew'],
      );
    });

    it('is compared too in the attempt in which the answer came late', async () => {
      world.whmcs.addFaults = [{ end: 'unknown', commit: 60_000 }];
      assert.equal((await process.add(sold())).kind, 'parked');
      const end = await flow(sold(5));
      assert.equal(code(end), 'WHMCS_ORDER_DIFFERS', text(end));
      assertLeft();
    });
  });

  describe('goes on as before', () => {
    it('where WHMCS’s amounts were changed after they were looked at', async () => {
      await pending();
      for (const service of world.whmcs.services) service.recurringAmount = '99.00';
      part(await retried(sold()));
      assertAccepted();
    });

    it('where WHMCS’s price list was changed, which is not the Order’s', async () => {
      await pending();
      const from = sold();
      for (const item of from.mapping.items) item.price = '77.00';
      for (const service of world.whmcs.services) service.recurringAmount = '99.00';
      part(await retried(from));
      assertAccepted();
    });

    it('where a discount of the client is in what WHMCS charges', async () => {
      await pending();
      for (const service of world.whmcs.services) service.recurringAmount = '9.00';
      part(await retried(sold(2, '14.00')));
      assertAccepted();
    });

    it('after a lost answer, with a record of an earlier version', async () => {
      world.whmcs.addFaults = [{ end: 'unknown', commit: 'now' }];
      await pending();
      await process.edit((record) => ({ ...record, adopted: record.adopted && { ...record.adopted, items: [] } }));
      part(await retried(sold()));
      assertAccepted();
    });

    it('where it is live already: it is told as it is, with a warning', async () => {
      await pending();
      world.whmcs.accept(5001);
      const end = part(await retried(sold(5)));
      assert.match(end.warning ?? '', /The Order's items were changed after WHMCS order 5001 was made/);
      assert.deepEqual([end.status, accepts()], ['Active', 0]);
      assert.equal(part(await retried(sold(5))).status, 'Active');
      assert.equal(accepts(), 0);
    });
  });

  describe('by its client', () => {
    const moved = sold(2, '15.00', { clientId: 1002 });

    it('is not accepted for the client of before, and is once the Account is linked back', async () => {
      await pending();
      const end = await retried(moved);
      assert.equal(code(end), 'WHMCS_ORDER_DIFFERS');
      assert.equal(text(end), 'WHMCS order 5001 differs: it is of client 1001, the Account is linked to client 1002');
      assertLeft();
      part(await retried(sold()));
      assertAccepted();
    });

    it('is accepted once WHMCS has given the order to the new client', async () => {
      await pending();
      assert.equal(code(await retried(moved)), 'WHMCS_ORDER_DIFFERS');
      world.whmcs.order(5001).clientId = 1002;
      for (const service of world.whmcs.services) service.clientId = 1002;
      part(await retried(moved));
      assertAccepted();
    });

    it('stops as a dead one does once a person has cancelled it', async () => {
      await pending();
      world.whmcs.cancel(5001);
      assert.equal(code(await retried(moved)), 'WHMCS_ORDER_GONE');
    });

    it('is not accepted where a lost answer is settled for the client of the call', async () => {
      world.whmcs.addFaults = [{ end: 'unknown', commit: 60_000 }];
      assert.equal((await process.add(sold())).kind, 'parked');
      assert.equal(code(await flow(moved)), 'WHMCS_ORDER_DIFFERS');
      assertLeft();
    });

    it('is not accepted either while it is not known what became of AcceptOrder', async () => {
      world.whmcs.acceptFaults = [{ end: 'unknown', run: 'never' }];
      assert.equal(code(await flow(sold())), 'WHMCS_ACCEPT_UNKNOWN');
      assert.equal(code(await retried(moved)), 'WHMCS_ORDER_DIFFERS');
      assert.deepEqual([accepts(), world.whmcs.moduleRuns], [1, []]);
    });

    it('is told as it is once it is live, with a warning that names both', async () => {
      part(await flow(sold()));
      const end = part(await retried(moved));
      assert.equal(end.warning, 'WHMCS order 5001 is of client 1001, the Account is linked to client 1002 now');
      assertAccepted();
      assert.equal(clientId, 1001);
    });
  });
});
