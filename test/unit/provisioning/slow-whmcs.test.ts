/** A spell in which WHMCS answers late or not at all, real HTTP between us: judged by WHMCS's own ledger. */
import assert from 'node:assert/strict';
import { silentLog } from '../../../lib/log';
import { createWhmcs, type WhmcsConnection } from '../../../lib/whmcs/connection';
import { demoCredentials } from '../../../simulators/whmcs/authentication';
import { startWhmcsSimulator, type WhmcsSimulator } from '../../../simulators/whmcs/server';
import { intakeSettings } from '../../intake-settings';
import { JobUnderTest } from './job-under-test';
import { orderId } from './desk-under-test';

const many = 200;
/** As the nodes are set when they are shipped. */
const shipped = { readTimeoutMs: 30_000, writeTimeoutMs: 120_000, maxParallel: 2 };
const { maxInWork } = intakeSettings;

describe('WHMCS that answers late', function () {
  this.timeout(240_000);
  let whmcs: WhmcsSimulator;
  let connection: WhmcsConnection;
  let job: JobUnderTest;

  const begin = async (given: { writeTimeoutMs?: number; clientOf?: (id: string) => number } = {}): Promise<void> => {
    const { clientOf = () => 1001, writeTimeoutMs = shipped.writeTimeoutMs } = given;
    whmcs = await startWhmcsSimulator();
    job = await JobUnderTest.open({
      clientOf,
      maxInWork,
      connect: (clock) => {
        const { identifier, secret } = demoCredentials;
        connection = createWhmcs({
          ...shipped,
          writeTimeoutMs,
          url: whmcs.url,
          identifier,
          secret,
          clock,
          log: silentLog,
        });
        return connection;
      },
    });
  };
  afterEach(async () => {
    await job.close();
    connection.close();
    await whmcs.close();
  });

  /** Turns both clocks; what is on its way between us gets real time to arrive. */
  const turn = async (ms: number): Promise<void> => {
    whmcs.panel.advance(ms);
    await job.desk.settle(ms);
    await new Promise((resolve) => setTimeout(resolve, 4));
  };
  const until = async (what: string, holds: () => boolean, limitMs = 3_600_000): Promise<void> => {
    const end = job.clock.monotonic() + limitMs;
    while (!holds()) {
      if (job.clock.monotonic() > end)
        throw new Error(`not within ${limitMs / 1_000} s: ${what}: ${job.ends.join(' | ')}`);
      await turn(500);
    }
  };
  const sent = (call: string): number => whmcs.panel.requests(call).length;
  const books = (): { made: number; accepts: number[] } => {
    const orders = whmcs.office.orders();
    return { made: orders.length, accepts: orders.map((order) => order.accepts) };
  };

  it('for a minute, some of it beyond every time-out: 200 orders are one WHMCS order each, and no call comes in a storm', async () => {
    const ids = Array.from({ length: many }, (_, at) => `801000000000${String(at + 100).padStart(3, '0')}AAA`);
    await begin({ clientOf: (id) => 2_000 + ids.indexOf(id) });
    for (const at of ids.keys()) whmcs.office.putClient({ id: 2_000 + at });
    // What one order asks of WHMCS when all is well.
    const [quiet = '', ...others] = ids;
    job.approve({}, quiet);
    await job.arrives(quiet);
    await until('the first is told', () => job.status(quiet) === 'Activated');
    const calls = whmcs.panel.requests().length;
    whmcs.panel.switches({ latencyMs: 8_000 });
    whmcs.panel.fault({ call: 'GetOrders', skip: 2, times: 2, do: { kind: 'delay', ms: 40_000 } });
    whmcs.panel.fault({ call: 'AddOrder', skip: 1, do: { kind: 'commitThenHang' } });
    for (const id of others) {
      job.approve({}, id);
      await job.arrives(id);
    }
    for (let second = 0; second < 60; second++) await turn(1_000);
    // Two at a time, of eight seconds each.
    const inTheMinute = whmcs.panel.requests().length - calls;
    assert.ok(inTheMinute <= 2 * 8, `${inTheMinute} calls in the slow minute`);
    whmcs.panel.switches({ latencyMs: 0 });
    await until('all are told', () => ids.every((id) => job.status(id) !== 'Activating'));
    assert.deepEqual(new Set(ids.map((id) => job.status(id))), new Set(['Activated']));
    assert.deepEqual(books(), { made: many, accepts: Array<number>(many).fill(1) });
    assert.deepEqual([sent('AddOrder'), sent('AcceptOrder')], [many, many]);
    // Beside that, only what the two reads and the one write that were given up have cost.
    const more = whmcs.panel.requests().length - many * calls;
    assert.ok(more <= 12, `${more} calls more than ${many} times ${calls}`);
  });

  // Each trial that hangs takes four time-outs.
  for (const [what, fault, leastCalls] of [
    ['answers nothing within any time-out', { kind: 'hang' }, 80],
    ['is down for maintenance', { kind: 'html', page: 'maintenance' }, 600],
  ] as const)
    it(`or not at all, and ${what} for half an hour: after a few calls orders wait, few more are tried, and each is live once WHMCS is back`, async () => {
      const ids = Array.from({ length: 60 }, (_, at) => `801000000000${String(at + 100).padStart(3, '0')}AAA`);
      await begin({ clientOf: (id) => 2_000 + ids.indexOf(id) });
      for (const at of ids.keys()) whmcs.office.putClient({ id: 2_000 + at });
      const down = whmcs.panel.fault({ call: '*', times: 0, do: fault });
      for (const id of ids) {
        job.approve({}, id);
        await job.arrives(id);
      }
      for (let second = 0; second < 1_800; second += 5) await turn(5_000);
      // The runbook has an order fail on an outage; from the sixth call on it is WHMCS that fails.
      const failed = ids.filter((id) => job.status(id) === 'Failed');
      assert.ok(failed.length < 6 / 3 + maxInWork, `${failed.length} orders have failed`);
      // Of a minute's rest each: those that are in work, three tries each and one more call.
      const calls = whmcs.panel.requests().length;
      assert.ok(calls <= 4 * maxInWork * (30 + 6), `${calls} calls in half an hour`);
      assert.ok(calls >= leastCalls, `${calls} calls: that WHMCS is back would show late`);
      assert.match(job.intake.state.held ?? '', /^WHMCS_SILENT: WHMCS has left \d+ calls in a row without an answer: /);
      whmcs.panel.clearFaults(down);
      const waited = ids.filter((id) => !failed.includes(id));
      await until('all that waited are live', () => waited.every((id) => job.status(id) === 'Activated'), 600_000);
      assert.deepEqual(books(), { made: waited.length, accepts: Array<number>(waited.length).fill(1) });
      for (const id of failed) await job.ask('retry', id);
      for (const id of failed) await job.arrives(id);
      await until('all are live', () => ids.every((id) => job.status(id) === 'Activated'), 600_000);
      assert.deepEqual(books(), { made: ids.length, accepts: Array<number>(ids.length).fill(1) });
    });

  it('to AddOrder, after we have stopped waiting: neither a retry by itself nor one by hand makes a second order', async () => {
    await begin({ writeTimeoutMs: 2_000 });
    job.approve();
    whmcs.panel.fault({ call: 'AddOrder', do: { kind: 'delay', ms: 3_000 } });
    await job.arrives();
    await until('it is asked', () => whmcs.panel.faults().some(({ hits }) => hits > 0));
    await turn(2_100);
    // Given up here, and still under way there.
    assert.deepEqual([books().made, job.status()], [0, 'Activating']);
    const [clicked] = await job.ask('retry', orderId);
    assert.equal(clicked?.done, false);
    assert.match(clicked?.text ?? '', /^Already in progress/);
    await job.arrives();
    await until('it is live', () => job.status() === 'Activated');
    const first = whmcs.office.orders()[0]?.id;
    assert.equal(job.salesforce.orders.get(orderId)?.whmcsOrderId, String(first));
    const [later] = await job.ask('retry', orderId);
    assert.equal(later?.text, 'The Order is Activated already');
    assert.deepEqual(books(), { made: 1, accepts: [1] });
    assert.equal(sent('AddOrder'), 1);
  });

  for (const [what, fault] of [
    ['hangs for 90 s after it was carried out', { kind: 'commitThenHang' }],
    ['is carried out 20 s after we have gone', { kind: 'commitLate', ms: 20_000 }],
    ['is carried out and answered by a page with 502', { kind: 'html', page: 'badGateway', commit: true }],
  ] as const)
    it(`to an AddOrder that ${what}: the order is found by its mark, and there is one`, async () => {
      await begin({ writeTimeoutMs: 5_000 });
      job.approve();
      whmcs.panel.fault({ call: 'AddOrder', do: fault });
      await job.arrives();
      await until('it is live', () => job.status() === 'Activated', 120_000);
      assert.deepEqual(books(), { made: 1, accepts: [1] });
      assert.equal(sent('AddOrder'), 1);
    });

  it('and then lets nobody from our address in for half an hour: what became of AddOrder is looked for until it is known', async () => {
    await begin({ writeTimeoutMs: 5_000 });
    job.approve();
    whmcs.panel.fault({ call: 'AddOrder', do: { kind: 'commitThenHang' } });
    await job.arrives();
    await until('it is made', () => books().made === 1);
    whmcs.panel.switches({ allowedIps: ['198.51.100.7'], seenAs: ['198.51.100.8'] });
    for (let seconds = 0; seconds < 1_800; seconds += 5) await turn(5_000);
    assert.deepEqual([books(), sent('AddOrder'), job.status()], [{ made: 1, accepts: [0] }, 1, 'Activating']);
    whmcs.panel.switches({ seenAs: ['198.51.100.7'] });
    await until('it is live', () => job.status() === 'Activated');
    assert.deepEqual([books(), sent('AddOrder')], [{ made: 1, accepts: [1] }, 1]);
  });

  it('with no byte at all to the question for the services: that is not none, and nothing is added again', async () => {
    await begin({ writeTimeoutMs: 5_000 });
    job.approve();
    whmcs.panel.fault({ call: 'AddOrder', do: { kind: 'commitThenDrop' } });
    const empty = whmcs.panel.fault({ call: 'GetClientsProducts', times: 0, do: { kind: 'empty' } });
    await job.arrives();
    await until('it is read in vain', () => whmcs.panel.faults().some(({ id, hits }) => id === empty && hits > 3));
    for (let seconds = 0; seconds < 540; seconds += 5) await turn(5_000);
    assert.deepEqual([books(), sent('AddOrder'), job.status()], [{ made: 1, accepts: [0] }, 1, 'Activating']);
    whmcs.panel.clearFaults(empty);
    await until('it is live', () => job.status() === 'Activated');
    assert.deepEqual([books(), sent('AddOrder')], [{ made: 1, accepts: [1] }, 1]);
  });
});
