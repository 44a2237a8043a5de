import assert from 'node:assert/strict';
import type { EngineUnderTest } from './engine-under-test';
import { Fixture } from './fixture';

export function leases(engine: EngineUnderTest): void {
  describe('leases', () => {
    const fixture = new Fixture(engine);
    const name = 'order:801';

    it('have one holder until given back, a new token and a higher fence each time', async () => {
      const { leases } = fixture.store;
      const first = await leases.acquire(name, 30_000);
      assert.ok(first);
      assert.equal(await leases.acquire(name, 30_000), null);
      assert.ok(await leases.acquire('order:802', 30_000));
      assert.equal(await leases.release(first), true);
      assert.equal(await leases.release(first), false);
      const second = await leases.acquire(name, 30_000);
      assert.ok(second);
      assert.notEqual(second.token, first.token);
      assert.ok(second.fence > first.fence);
    });

    it('have one winner when many ask at once', async () => {
      const asked = await Promise.all(Array.from({ length: 20 }, () => fixture.store.leases.acquire(name, 30_000)));
      assert.equal(asked.filter((lease) => lease !== null).length, 1);
    });

    it('are free once they have run out, and the old holder can do nothing with its own', async () => {
      const { leases } = fixture.store;
      const old = await leases.acquire(name, 100);
      assert.ok(old);
      await fixture.elapse(110);
      const holder = await leases.acquire(name, 30_000);
      assert.ok(holder);
      assert.equal(await leases.renew(old, 30_000), false);
      assert.equal(await leases.release(old), false);
      assert.equal(await leases.acquire(name, 30_000), null);
      assert.equal(await leases.renew(holder, 30_000), true);
    });

    it('last as long as they are renewed', async () => {
      const { leases } = fixture.store;
      const lease = await leases.acquire(name, 300);
      assert.ok(lease);
      for (let renewal = 0; renewal < 3; renewal++) {
        await fixture.elapse(200);
        assert.equal(await leases.renew(lease, 300), true);
        assert.equal(await leases.acquire(name, 300), null);
      }
    });

    it('are free after a restart, and their fences go on growing', async () => {
      const before = await fixture.store.leases.acquire(name, 30_000);
      await fixture.restart();
      const after = await fixture.store.leases.acquire(name, 30_000);
      assert.ok(before && after);
      assert.ok(after.fence > before.fence);
    });
  });
}
