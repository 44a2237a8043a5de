/** What is on record counts as of before the loss or of after it, whatever the clock of the host says meanwhile. */
import assert from 'node:assert/strict';
import { cpSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { code, inAFreshWorld, part } from './vendor-doubles/fresh-world';
import { input, orderId, otherOrderId, type Process, type World } from './vendor-doubles/world';

const minuteMs = 60_000;
const dayMs = 24 * 60 * minuteMs;
const database = 'order-provisioning.sqlite';

let world: World;
let process: Process;
let directory: string;

const calls = (call: string): number => world.whmcs.calls.filter((one) => one === call).length;
/** An Order that was created a minute ago, as the clock shows it. */
const begin = (attempt: number): Promise<void> => process.begin(orderId, attempt, world.clock.now() - minuteMs);

describe('An older copy of the store, put back while the clock is slow', () => {
  let copy: string;

  inAFreshWorld(async (...made) => {
    [world, process, directory] = made;
    copy = world.directory();
    await world.clock.advance(10 * minuteMs);
    await begin(1);
  });

  const save = async (): Promise<void> => {
    await world.bury(process);
    cpSync(join(directory, database), join(copy, database));
    process = await world.process(directory);
  };
  const putBack = async (slowMs: number): Promise<void> => {
    await world.bury(process);
    for (const end of ['', '-wal', '-shm']) rmSync(join(directory, database + end), { force: true });
    cpSync(join(copy, database), join(directory, database));
    await world.clock.advance(30_000);
    world.clock.setWall(world.clock.now() - slowMs);
    process = await world.process(directory);
  };

  for (const slowMs of [0, 40_000, 40 * minuteMs])
    it(`does not send AcceptOrder again, slow by ${slowMs / 1_000} s`, async () => {
      const added = part(await process.add());
      await save();
      world.whmcs.acceptFaults = [{ end: 'unknown' }];
      void process.accept(added);
      await world.clock.advance(2_000);
      assert.equal(calls('AcceptOrder'), 1);
      await putBack(slowMs);
      // A clock that is slow by little is past by now what is on record.
      await world.clock.advance(minuteMs);
      await begin(1);
      const end = await world.until(process.again(() => process.accept(added)));
      assert.equal(code(end), 'WHMCS_ACCEPT_UNKNOWN');
      assert.equal(calls('AcceptOrder'), 1);
    });

  for (const slowMs of [0, 40 * minuteMs])
    it(`does not send AddOrder beside the one that is on its way, slow by ${slowMs / 1_000} s`, async () => {
      world.whmcs.addFaults = [{ end: 'refused' }];
      assert.equal(code(await process.add()), 'WHMCS_REFUSED');
      await save();
      await begin(2);
      world.whmcs.addFaults = [{ end: 'unknown', commit: 2 * minuteMs }];
      void process.add();
      await world.clock.advance(2_000);
      assert.equal(calls('AddOrder'), 2);
      await putBack(slowMs);
      await begin(3);
      part(await world.until(process.again(() => process.add())));
      assert.equal(calls('AddOrder'), 2);
      assert.deepEqual(world.whmcs.added, [5001]);
    });
});

describe('A clock that is a month ahead for a moment', () => {
  inAFreshWorld((...made) => void ([world, process, directory] = made));

  for (const restarts of [false, true])
    it(`keeps no order of after it from being accepted${restarts ? ', started anew' : ''}`, async () => {
      await world.clock.advance(minuteMs);
      world.clock.setWall(world.clock.now() + 30 * dayMs);
      // As each step asks, and each beat.
      await process.real.doubt();
      await world.clock.advance(10_000);
      world.clock.setWall(world.clock.now() - 30 * dayMs);
      await world.clock.advance(minuteMs);
      if (restarts) {
        await world.bury(process);
        process = await world.process(directory);
      }
      for (const from of [input(), input({ id: otherOrderId })]) {
        await process.begin(from.order.id, 1, world.clock.now());
        part(await world.until(process.flow(from)));
      }
      assert.deepEqual(world.whmcs.accepted, [5001, 5002]);
      assert.equal(calls('AddOrder'), 2);
    });
});
