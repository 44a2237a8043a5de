/** Leases are kept for as long as work takes; once one is lost nothing more is sent. */
import assert from 'node:assert/strict';
import { callOnce } from '../../../lib/provisioning/call-facts';
import { withClient } from '../../../lib/provisioning/client-lease';
import { LeaseLost } from '../../../lib/provisioning/held-order';
import { StoreError } from '../../../lib/state/contract';
import { clientId, orderId, World, type Process } from './vendor-doubles/world';

describe('A held order', () => {
  let world: World;
  let process: Process;
  beforeEach(async () => {
    world = new World();
    process = await world.process(world.directory());
    await process.begin();
  });
  afterEach(() => world.close());

  /** Work that lasts until the test ends it. */
  const lasting = (): { until: Promise<void>; end: () => void } => {
    let end = (): void => undefined;
    return { until: new Promise<void>((resolve) => (end = resolve)), end: () => end() };
  };
  const isFree = async (name: string): Promise<boolean> => {
    const lease = await process.real.leases.acquire(name, 1_000);
    if (lease) await process.real.leases.release(lease);
    return lease !== null;
  };

  it('is held for as long as work takes, and its client too; then both are free', async () => {
    const { until, end } = lasting();
    const client = `client:${process.whmcs.key}:${clientId}`;
    const running = process.hold(orderId, (order) => withClient(order, process.whmcs.key, clientId, () => until));
    for (let minute = 0; minute < 5; minute++) {
      await world.clock.advance(60_000);
      assert.ok(!(await isFree(`order:${orderId}`)));
      assert.ok(!(await isFree(client)));
    }
    end();
    await running;
    assert.ok(await isFree(`order:${orderId}`));
    assert.ok(await isFree(client));
  });

  it('that another has taken over sends nothing, keeps that on record, and changes nothing', async () => {
    let sent = 0;
    const done = await process.hold(orderId, async (order) => {
      process.crash.paused = true;
      await world.clock.advance(40_000);
      assert.ok(await process.real.leases.acquire(`order:${orderId}`, 600_000));
      process.crash.paused = false;
      await assert.rejects(
        order.save((record) => ({ ...record, attempt: 99 })),
        LeaseLost,
      );
      assert.ok(order.signal.aborted);
      const end = await callOnce(
        order,
        'a1',
        Infinity,
        () => {
          sent += 1;
          return Promise.resolve({ kind: 'success', value: 5001, warning: null, degraded: false });
        },
        (id) => id,
      );
      return end.kind;
    });
    assert.deepEqual([done?.value, sent], ['not-sent', 0]);
    const { facts } = await process.real.ledger.read(orderId);
    assert.deepEqual(
      facts.map((fact) => fact.kind),
      ['not-sent', 'call-ended'],
    );
    assert.equal((await process.record()).attempt, 1);
  });

  it('keeps what it knows of money until the store takes it', async () => {
    const { ledger } = process.real;
    const record = ledger.record.bind(ledger);
    let refused = 0;
    ledger.record = (...args) => {
      if (refused++ < 3) return Promise.reject(new StoreError('UNAVAILABLE', 'the disk is full'));
      return record(...args);
    };
    const running = process.hold(orderId, (order) =>
      order.remember({ intent: 'a1', kind: 'order-seen', whmcsOrderId: 5001 }),
    );
    await world.clock.advance(5_000);
    await running;
    assert.deepEqual(
      (await ledger.read(orderId)).facts.map((fact) => fact.whmcsOrderId),
      [5001],
    );
    assert.match(process.logged('error').join(), /refused a fact/);
  });
});
