/** Thousands of results that nobody could be told for long: judged by what Salesforce was asked, and by its book. */
import assert from 'node:assert/strict';
import { existsSync, mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { OrderRecord } from '../../../../lib/provisioning/order-record';
import { defaultFieldNames, SalesforceError, type WriteEnd } from '../../../../lib/salesforce/contract';
import { FakeClock } from '../../../fake-clock';
import { acceptedRecord, DeskUnderTest } from '../desk-under-test';
import { InMemoryWhmcs } from '../vendor-doubles/in-memory-whmcs';
import { asked } from '../vendor-doubles/world';

const many = 5_000;
const minute = 60_000;
/** Orders that the org lets us read in a minute once it takes results again. */
const allowed = 1_500;
const forbidden: WriteEnd = {
  kind: 'refused',
  code: 'INSUFFICIENT_ACCESS_OR_READONLY',
  message: 'insufficient access rights on object id',
  fields: [],
};
const idOf = (n: number): string => `801${String(n + 1).padStart(12, '0')}AAA`;

describe('5,000 results that Salesforce refuses, all of them', function () {
  this.timeout(240_000);
  let desk: DeskUnderTest;
  /** Node-RED ends, and is started again. */
  let reopened: () => Promise<void>;
  let requests = 0;
  let refused = 0;
  let left = Infinity;

  /** Time goes by, slowly enough for all that is due to be done in it. */
  const pass = async (ms: number): Promise<void> => {
    for (let passed = 0; passed < ms; passed += 5_000) {
      await desk.settle(5_000);
      for (let before = -1; before !== requests; await desk.settle()) before = requests;
    }
  };
  const errors = (): string[] => desk.lines.filter(({ level }) => level === 'error').map(({ text }) => text);

  before(async () => {
    // Their store is in memory where it can be: 5,000 times several writes that go through to a disk take minutes.
    const place = existsSync('/dev/shm') ? '/dev/shm' : tmpdir();
    const clock = new FakeClock();
    const whmcs = new InMemoryWhmcs(clock);
    const connection = whmcs.connect();
    const directory = mkdtempSync(join(place, 'long-queue-'));
    const open = (more: object = {}) => DeskUnderTest.open({ directory, clock, whmcsOf: () => connection, ...more });
    desk = await open();
    reopened = async () => {
      await desk.provisioning.close();
      desk = await open({ salesforce: desk.salesforce });
    };
    desk.salesforce.refuse = forbidden;
    desk.salesforce.beforeRead = () => {
      requests += 1;
      if (left-- > 0) return Promise.resolve();
      refused += 1;
      return Promise.reject(new SalesforceError('REQUEST_LIMIT_EXCEEDED', 'TotalRequests Limit exceeded.', 'limit'));
    };
    desk.salesforce.beforeWrite = () => void (requests += 1);
    for (let n = 0; n < many; n++) {
      desk.salesforce.add(idOf(n));
      // Results that have waited for long are compared with WHMCS before they are told.
      const { id: orderId } = whmcs.add({ clientId: 2_000 + n, items: asked() });
      whmcs.accept(orderId);
      const adopted = { ...acceptedRecord.adopted, whmcs: connection.key, orderId } as OrderRecord['adopted'];
      await desk.record({ ...acceptedRecord, adopted }, idOf(n));
      await desk.provisioning.endings.activate(desk.of(await desk.handOut(idOf(n))));
    }
  });
  after(() => desk.close());

  it('are one alarm within minutes, and are tried so rarely that the org’s API requests are left to others', async () => {
    await pass(5 * minute);
    assert.deepEqual(errors(), [
      'Salesforce refuses the result of an order; it is kept, and told as soon as it can be',
    ]);
    requests = 0;
    await pass(60 * minute);
    assert.deepEqual([errors().length, desk.salesforce.book.length], [1, 0]);
    assert.ok(requests > 60 && requests < 3_000, `${requests} requests in an hour`);
  });

  it('are no wave of requests when Node-RED is started again, or deployed', async () => {
    await reopened();
    requests = 0;
    await pass(5 * minute);
    assert.deepEqual([errors(), desk.salesforce.book.length], [[], 0], 'the alarm is raised once, starts or not');
    assert.ok(requests < 400, `${requests} requests in five minutes`);
    requests = 0;
    desk.provisioning.useSalesforce(desk.salesforce, defaultFieldNames);
    await pass(minute);
    assert.ok(requests < 200, `${requests} requests in the minute after a deploy`);
    await reopened();
  });

  it('are told as fast as the org’s limit allows once it takes them, each once, and none over a newer attempt', async () => {
    const retried = [idOf(7), idOf(many - 7)];
    for (const id of retried) desk.salesforce.edit(id, { attempt: 2 });
    desk.salesforce.refuse = null;
    requests = 0;
    refused = 0;
    let minutes = 0;
    for (; desk.salesforce.book.length < many - retried.length; minutes++) {
      assert.ok(minutes < 30, `${desk.salesforce.book.length} told after ${minutes} minutes`);
      left = allowed;
      await pass(minute);
    }
    assert.ok(minutes <= Math.ceil(many / allowed) + 3, `${minutes} minutes`);
    // Those that were in line when the limit was met, and a look now and then.
    assert.ok(refused <= 100 * minutes, `${refused} requests over the limit in ${minutes} minutes`);
    for (let n = 0; n < many; n++) {
      const told = retried.includes(idOf(n)) ? [] : ['Activated'];
      assert.deepEqual(desk.salesforce.statuses(idOf(n)), told, idOf(n));
    }
    left = Infinity;
    await pass(10 * minute);
    for (const id of retried) assert.equal((await desk.readRecord(id)).report?.told?.how, 'dropped');
    assert.deepEqual(await desk.provisioning.store.ledger.withTodo('report', 10), []);
  });
});
