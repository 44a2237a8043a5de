import assert from 'node:assert/strict';
import { rename, rm } from 'node:fs/promises';
import { Embedded, storeErrorWith } from './embedded';

describe('The open files of the embedded store', () => {
  const embedded = new Embedded();

  for (const suffix of ['', '-wal']) {
    it(`are no longer written once order-provisioning.sqlite${suffix} was moved away`, async () => {
      const store = await embedded.open();
      await store.claims.claim('w', 1, 'A');
      await rename(`${embedded.database}${suffix}`, `${embedded.database}.away`);
      await assert.rejects(store.claims.claim('w', 2, 'B'), storeErrorWith('UNAVAILABLE'));
      await assert.rejects(
        store.ledger.record('A', { intent: 'a1', kind: 'sent', at: 1 }),
        storeErrorWith('UNAVAILABLE'),
      );
      const health = await store.health();
      assert.equal(health.ok, false);
      assert.match(health.detail, /moved, deleted or replaced/);
      await rename(`${embedded.database}.away`, `${embedded.database}${suffix}`);
      await store.claims.claim('w', 2, 'B');
      assert.equal((await store.health()).ok, true);
    });
  }

  it('are let go although they were deleted', async () => {
    const store = await embedded.open();
    await rm(embedded.database);
    await store.close();
    assert.equal(embedded.clock.pending, 0);
  });
});
