/** The position of the channel was deleted by hand: Salesforce gives everything once more, and nothing is made again. */
import assert from 'node:assert/strict';
import Redis from 'ioredis';
import type { IncomingEvent } from '../../../lib/state/contract';
import { startRedis, type RedisServer } from '../../redis-server';
import { channel } from './desk-under-test';
import { JobUnderTest } from './job-under-test';
import { RedisEngine } from './vendor-doubles/redis-engine';

const dayMs = 86_400_000;
const idOf = (number: number): string => `801${String(number).padStart(12, '0')}AAA`;

for (const [engine, many] of [
  ['embedded', 200],
  ['redis', 500],
] as const)
  describe(`On the ${engine} store, a cursor that is gone with ${many} done orders behind it`, function () {
    this.timeout(240_000);
    let server: RedisServer | null = null;
    let job: JobUnderTest;
    let bornAt: number;

    beforeEach(async () => {
      server = engine === 'redis' ? await startRedis() : null;
      const shared = server ? { shared: { engine: new RedisEngine(), place: server.url } } : {};
      job = await JobUnderTest.open({ maxInWork: 20, ...shared });
      bornAt = job.clock.now();
      for (let number = 1; number <= many; number++) job.approve({}, idOf(number));
      await replay();
      await rest();
      assert.equal(job.whmcs.added.length, many);
      assert.equal(job.whmcs.accepted.length, many);
    });
    afterEach(async () => {
      await job.close();
      await server?.stop();
    });

    const eventOf = (number: number): IncomingEvent => ({
      channel,
      replayId: Buffer.from(`r${number}`).toString('base64'),
      eventId: `event-${number}`,
      createdAt: bornAt,
      receivedAt: job.clock.now(),
      orderId: idOf(number),
      delivery: 'replay',
      payload: { OrderId__c: idOf(number) },
    });

    /** All that Salesforce keeps, from its beginning. @returns how many were new to the inbox. */
    async function replay(): Promise<number> {
      const { inbox } = job.desk.provisioning.store;
      let fresh = 0;
      for (let number = 1; number <= many; number++) {
        const position = { replayId: eventOf(number).replayId ?? '', fence: 1, sequence: number };
        if ((await inbox.add(eventOf(number), position)).isNew) fresh += 1;
      }
      job.intake.poke();
      await job.desk.settle(2_000);
      return fresh;
    }

    /** Until nothing is open and every Order is live. */
    async function rest(): Promise<void> {
      for (let turn = 0; turn < 60; turn++) {
        const { waiting, inWork, parked } = await job.desk.provisioning.store.inbox.counts(channel);
        const live = [...job.salesforce.orders.values()].filter((order) => order.activationStatus === 'Activated');
        if (waiting + inWork + parked === 0 && live.length === many) return;
        await job.desk.settle(2_000);
      }
      throw new Error(`It did not come to rest: ${[...new Set(job.ends)].join(' | ')}`);
    }

    async function cursorGoes(): Promise<void> {
      const { cursor } = job.desk.provisioning.store;
      if (server) {
        const client = new Redis(server.url);
        await client.del(`sf:pe:replay:${channel}`);
        client.disconnect();
      } else await cursor.clear(channel);
      assert.equal(await cursor.read(channel), null);
    }

    it('makes nothing again: the events are known, and once they are forgotten the ledger is not', async () => {
      await cursorGoes();
      assert.equal(await replay(), 0);
      assert.equal(job.whmcs.added.length, many);
      const { inbox } = job.desk.provisioning.store;
      assert.equal(await inbox.prune(job.clock.now() + 8 * dayMs), many);
      await cursorGoes();
      assert.equal(await replay(), many);
      await rest();
      assert.equal(job.whmcs.added.length, many);
      assert.equal(job.whmcs.accepted.length, many);
      assert.deepEqual(
        job.whmcs.moduleRuns.filter((runs) => runs > 1),
        [],
      );
    });
  });
