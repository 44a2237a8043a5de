/** The doubt of the embedded store, noticed by a clock that is wrong. */
import assert from 'node:assert/strict';
import { rm } from 'node:fs/promises';
import type { StateStore } from '../../../lib/state/contract';
import { FakeClock } from '../../fake-clock';
import { Embedded } from './embedded';

const hourMs = 3_600_000;
const dayMs = 24 * hourMs;

describe('The doubt of the embedded store', () => {
  const embedded = new Embedded();

  /** The store is lost, and opened anew while the clock is off by so much. */
  const noticed = async (offMs: number): Promise<StateStore> => {
    await (await embedded.open()).close();
    await rm(embedded.database);
    await embedded.clock.advance(hourMs);
    embedded.clock.setWall(embedded.clock.now() + offMs);
    return embedded.open();
  };
  const until = async (store: StateStore): Promise<number> => (await store.doubt())?.until ?? NaN;
  const kept = (): unknown => embedded.row('SELECT coalesce(doubt_ends, doubt_until) AS ends FROM store')['ends'];
  let uptimeMs = 60_000;
  /** The machine is off for a while. It is opened sooner after each start: the boot id of the test stays the same. */
  const reboots = async (store: StateStore, offMs: number): Promise<StateStore> => {
    await store.close();
    embedded.clock = new FakeClock(embedded.clock.now() + offMs);
    await embedded.clock.advance((uptimeMs -= 1_000));
    return embedded.open();
  };

  it('ends when it was noticed, by the clock that was set right since', async () => {
    const store = await noticed(-hourMs);
    const slow = embedded.clock.now();
    await embedded.clock.advance(5_000);
    assert.equal(await until(store), slow);
    embedded.clock.setWall(embedded.clock.now() + hourMs);
    assert.equal(await until(store), slow + hourMs);
    assert.equal(kept(), slow + hourMs);
    await embedded.clock.advance(60_000);
    assert.equal(await until(store), slow + hourMs);
    await store.close();
    await embedded.clock.advance(hourMs);
    assert.equal(await until(await embedded.open()), slow + hourMs);
  });

  it('is kept so by a beat, although nobody asks', async () => {
    await noticed(-hourMs);
    const slow = embedded.clock.now();
    embedded.clock.setWall(slow + hourMs);
    await embedded.clock.advance(10_000);
    assert.equal(kept(), slow + hourMs);
  });

  it('ends when it was noticed, also for a process that was started before the clock was right, or after', async () => {
    for (const before of [true, false]) {
      const first = await noticed(-hourMs);
      const slow = embedded.clock.now();
      await embedded.clock.advance(5_000);
      await first.close();
      await embedded.clock.advance(5_000);
      if (!before) embedded.clock.setWall(embedded.clock.now() + hourMs);
      const store = await embedded.open();
      if (before) embedded.clock.setWall(embedded.clock.now() + hourMs);
      assert.equal(await until(store), slow + hourMs);
      await store.close();
    }
  });

  it('ends no earlier than the first opening after a restart of the host, until the clock was watched for a day', async () => {
    let store = await noticed(-hourMs);
    await embedded.clock.advance(5_000);
    store = await reboots(store, hourMs);
    let opened = embedded.clock.now();
    assert.equal(await until(store), opened);
    await embedded.clock.advance(60_000);
    assert.equal(await until(store), opened);
    // Set right only in this boot.
    embedded.clock.setWall(embedded.clock.now() + hourMs);
    opened += hourMs;
    assert.equal(await until(store), opened);
    store = await reboots(store, hourMs);
    opened = embedded.clock.now();
    assert.equal(await until(store), opened);
    // Not for ever, where it is switched off each night: as if it had run for a day, but for the last beat.
    assert.deepEqual(embedded.row('SELECT doubt_watched FROM store'), { doubt_watched: 60_000 });
    embedded.sql(`UPDATE store SET doubt_watched = ${dayMs - 10_000}`);
    await embedded.clock.advance(10_000);
    for (let night = 0; night < 3; night++) {
      store = await reboots(store, hourMs);
      assert.equal(await until(store), opened);
    }
  });

  it('changes nothing for a clock that drifts', async () => {
    const store = await noticed(0);
    const end = embedded.clock.now();
    for (const ms of [900, -900]) {
      embedded.clock.setWall(end + ms);
      assert.equal(await until(store), end);
    }
  });

  it('ends by the clock of then for a day where that was ahead, or ours is behind, and then when it was noticed', async () => {
    const store = await noticed(2 * dayMs);
    const fast = embedded.clock.now();
    embedded.clock.setWall(fast - 2 * dayMs);
    await embedded.clock.advance(60_000);
    assert.equal(await until(store), fast);
    embedded.sql(`UPDATE store SET doubt_watched = ${dayMs - 10_000}`);
    await embedded.clock.advance(10_000);
    assert.equal(await until(store), fast - 2 * dayMs);
    await store.close();
    assert.equal(await until(await embedded.open()), fast - 2 * dayMs);
  });

  it('of a clock that was ahead ends no later than at the opening, once a host was up for a day', async () => {
    let store = await noticed(2 * dayMs);
    const fast = embedded.clock.now();
    embedded.sql(`UPDATE store SET doubt_watched = ${dayMs}`);
    store = await reboots(store, -2 * dayMs);
    assert.equal(await until(store), fast);
    await store.close();
    embedded.clock = new FakeClock(embedded.clock.now());
    await embedded.clock.advance(dayMs);
    const opened = embedded.clock.now();
    store = await embedded.open();
    assert.equal(await until(store), opened);
    store = await reboots(store, hourMs);
    assert.equal(await until(store), opened);
  });

  it('of a clock that was watched for a day is left as it is by one that is slow after a restart of the host', async () => {
    let store = await noticed(0);
    const end = embedded.clock.now();
    await embedded.clock.advance(60_000);
    embedded.sql(`UPDATE store SET doubt_watched = ${dayMs}`);
    store = await reboots(store, -end);
    await embedded.clock.advance(20_000);
    assert.equal(await until(store), end);
    embedded.clock.setWall(end + hourMs);
    await embedded.clock.advance(20_000);
    assert.equal(await until(store), end);
  });

  it('ends when it was noticed, whatever a clock that was ahead for a moment has made of it', async () => {
    const store = await noticed(0);
    const end = embedded.clock.now();
    await embedded.clock.advance(60_000);
    embedded.clock.setWall(end + 30 * dayMs);
    await until(store);
    await embedded.clock.advance(10_000);
    embedded.clock.setWall(end + 70_000);
    assert.equal(await until(store), end);
    await store.close();
    assert.equal(await until(await embedded.open()), end);
  });

  it('is dated at the restart of a host whose clock was a year ahead by the right clock that follows', async () => {
    const store = await noticed(0);
    const closed = embedded.clock.now();
    await reboots(store, 365 * dayMs);
    await embedded.clock.advance(60_000);
    embedded.clock.setWall(closed + 120_000);
    await embedded.clock.advance(60_000);
    assert.equal(kept(), closed + 60_000);
  });

  it('ends as an operator has said, whatever becomes of the clock', async () => {
    const store = await noticed(-hourMs);
    await store.setDoubt({ reason: 'backup of Monday', until: 12_345 });
    embedded.clock.setWall(embedded.clock.now() + hourMs);
    await embedded.clock.advance(20_000);
    assert.equal(await until(store), 12_345);
    assert.equal(await until(await reboots(store, dayMs)), 12_345);
  });
});
