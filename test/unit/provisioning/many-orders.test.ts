/** Waves of orders while WHMCS is slow or loses answers, over an end of the process. Judged by WHMCS's ledger. */
import assert from 'node:assert/strict';
import { silentLog } from '../../../lib/log';
import { createWhmcs, type WhmcsConnection } from '../../../lib/whmcs/connection';
import { demoCredentials } from '../../../simulators/whmcs/authentication';
import { startWhmcsSimulator, type WhmcsSimulator } from '../../../simulators/whmcs/server';
import { JobUnderTest } from './job-under-test';
import { asked, clientId, input, World, type Process } from './vendor-doubles/world';

const idOf = (n: number): string => `801000000000${String(n).padStart(3, '0')}AAA`;
const ordersOf = (world: World): Map<string, number> => {
  const counts = new Map<string, number>();
  for (const { notes } of world.whmcs.orders) {
    const id = /sfOrderId=(\w+)/.exec(notes)?.[1] ?? 'unmarked';
    counts.set(id, (counts.get(id) ?? 0) + 1);
  }
  return counts;
};

describe('Many orders at a time', function () {
  this.timeout(60_000);

  it('are one WHMCS order each, though a process ends in the middle of a batch of 50 with ten lost answers', async () => {
    const world = new World();
    const ids = Array.from({ length: 50 }, (_, at) => idOf(at + 100));
    try {
      const directory = world.directory();
      const run = async (process: Process): Promise<number> => {
        let done = 0;
        await Promise.all(
          ids.map(async (id, at) => {
            const end = await process.flow(input({ id, clientId: 2_000 + at }));
            if (end.kind === 'next') done += 1;
          }),
        );
        return done;
      };
      // Every fifth answer is lost: the order is made at once, minutes later, or not at all.
      const commits = ['now', 120_000, 'never'] as const;
      world.whmcs.addFaults = Array.from({ length: 50 }, (_, at) =>
        at % 5 === 4 ? { end: 'unknown', commit: commits[at % 3] ?? 'now' } : { end: 'success' },
      );
      const first = await world.process(directory, { kill: { at: 700, when: 'after' } });
      for (const id of ids) await first.begin(id);
      await world.until(Promise.race([run(first), first.crash.killed]));
      const before = world.whmcs.added.length;
      assert.ok(before > 0 && before < 50, `${before} orders before the end of the process`);
      await world.bury(first);
      const next = await world.process(directory);
      await next.settler.start();
      assert.equal(await world.until(run(next)), 50);
      assert.deepEqual([...ordersOf(world).values()], Array<number>(50).fill(1));
      assert.equal(ordersOf(world).size, 50);
      assert.equal(world.whmcs.accepted.length, 50);
      assert.ok(world.whmcs.moduleRuns.every((runs) => runs === 1));
    } finally {
      await world.close();
    }
  });

  it('are one WHMCS order each, with no storm of calls, while each call of WHMCS takes eight seconds', async () => {
    const ids = Array.from({ length: 60 }, (_, at) => idOf(at + 100));
    const job = await JobUnderTest.open({
      latencyMs: 8_000,
      maxInWork: 20,
      clientOf: (id) => 2_000 + ids.indexOf(id),
    });
    try {
      for (const id of ids) job.approve({}, id);
      for (const id of ids) await job.arrives(id);
      while (ids.some((id) => job.status(id) === 'Activating')) await job.desk.settle(2_000);
      assert.ok(ids.every((id) => job.status(id) === 'Activated'));
      assert.equal(new Set(job.whmcs.orders.map(({ clientId: client }) => client)).size, 60);
      assert.equal([job.whmcs.added.length, job.whmcs.accepted.length].join(), '60,60');
      const each = job.whmcs.calls.length / 60;
      assert.ok(each <= 12, `${each} calls an order`);
    } finally {
      await job.close();
    }
  });
});

describe('An order that is set to Activating again after it was Activated', () => {
  let whmcs: WhmcsSimulator;
  let connection: WhmcsConnection | null = null;
  beforeEach(async () => {
    whmcs = await startWhmcsSimulator();
  });
  afterEach(async () => {
    connection?.close();
    await whmcs.close();
  });

  for (const withAttempts of [true, false]) {
    it(`keeps its WHMCS order, ${withAttempts ? 'by a Retry that counts' : 'by hand, where the org counts nothing'}`, async () => {
      const { url } = whmcs;
      const { identifier, secret } = demoCredentials;
      const job = await JobUnderTest.open({
        withAttempts,
        connect: (clock) => (connection = createWhmcs({ url, identifier, secret, clock, log: silentLog })),
      });
      /** Turns the clock; what is on its way between us gets real time to arrive. */
      const isActivated = async (): Promise<void> => {
        for (let turns = 0; job.status() !== 'Activated'; turns++) {
          assert.ok(turns < 2_000, job.ends.join(' | '));
          await job.desk.settle(500);
          await new Promise((resolve) => setTimeout(resolve, 4));
        }
      };
      try {
        const order = job.approve();
        await job.arrives();
        await isActivated();
        job.clock.setWall(job.clock.now() + 60_000);
        job.salesforce.edit(order.id, { activationStatus: 'Activating', ...(withAttempts ? { attempt: 2 } : {}) });
        await job.arrives();
        await isActivated();
        const held = whmcs.office.orders();
        assert.deepEqual(
          held.map(({ status, accepts }) => [status, accepts]),
          [['Active', 1]],
        );
        assert.equal(job.salesforce.orders.get(order.id)?.whmcsOrderId, String(held[0]?.id));
        for (const call of ['AddOrder', 'AcceptOrder']) assert.equal(whmcs.panel.requests(call).length, 1, call);
      } finally {
        await job.close();
      }
    });
  }
});

describe('What the whole job asks of WHMCS', () => {
  it('is to add and to accept, and else to read: it repairs no invoice, service or order', async () => {
    const job = await JobUnderTest.open();
    try {
      job.approve();
      job.whmcs.addFaults = [{ end: 'unknown', commit: 'now' }];
      job.whmcs.prices = { 11: '17.00' };
      job.whmcs.acceptFaults = [{ end: 'unclear', message: 'Module Create Failed', failing: [0], leaves: 'Active' }];
      await job.arrives();
      await job.rest();
      assert.equal(job.status(), 'Failed');
      const writes = job.whmcs.calls.filter((call) => !call.startsWith('Get'));
      assert.deepEqual(writes, ['AddOrder', 'AcceptOrder']);
      assert.deepEqual(
        job.whmcs.orders.map((one) => one.clientId),
        [clientId],
      );
      assert.equal(job.whmcs.services.length, asked().length);
    } finally {
      await job.close();
    }
  });
});
