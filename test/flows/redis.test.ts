import assert from 'node:assert/strict';
import { join } from 'node:path';
import { freePort, layOutUserDir, referenceFlow, startNodeRed } from '../../scripts/demo/node-red';
import type { Running } from '../../scripts/demo/processes';
import { look, stories, tell } from '../../scripts/demo/stories';
import { startRedis, type RedisServer } from '../redis-server';
import { scenario } from './side-by-side';
import { pause, type World } from './world';

const seat = [{ code: 'SEAT-M', quantity: 1 }];
const password = 'hush-pass';
/** A PATCH that was not answered may still be applied for half a minute: the next process waits for that. Seconds. */
const takeOverSeconds = 100;

const onRedis = ({ url }: RedisServer): Record<string, string> => ({ PROVISIONING_STORE: 'redis', REDIS_URL: url });

/** One Node-RED of several, with a user directory of its own. */
class Instance {
  private constructor(
    readonly output: string[],
    private readonly port: number,
    private readonly running: Running,
  ) {}

  static async start(world: World, name: string, redis: RedisServer): Promise<Instance> {
    const port = await freePort();
    const userDir = join(world.directory, name);
    const output: string[] = [];
    layOutUserDir(userDir, { port, flows: referenceFlow() });
    const env = { ...world.environment, ...onRedis(redis) };
    return new Instance(output, port, await startNodeRed(userDir, env, (line) => output.push(line)));
  }

  async stream(): Promise<string> {
    const answer = await fetch(`http://127.0.0.1:${this.port}/health`, { signal: AbortSignal.timeout(10_000) });
    const health = (await answer.json()) as { integrations?: { salesforce?: { stream?: string } } };
    return health.integrations?.salesforce?.stream ?? `HTTP ${answer.status}`;
  }

  /** Whether it has worked on an order. */
  workedOn(orderId: string): boolean {
    return this.output.some((line) => line.includes('Starting fulfillment orchestration') && line.includes(orderId));
  }

  signal(signal: NodeJS.Signals): void {
    this.running.child.kill(signal);
  }

  async kill(): Promise<void> {
    this.signal('SIGKILL');
    await this.running.stop();
  }

  stop(): Promise<void> {
    return this.running.stop();
  }
}

/** Asks again until it is so. */
async function until(what: () => string, test: () => Promise<boolean>, seconds = 30): Promise<void> {
  const limit = Date.now() + seconds * 1_000;
  while (!(await test())) {
    if (Date.now() > limit) throw new Error(`not within ${seconds} s: ${what()}`);
    await pause(100);
  }
}

describe('The reference flow on Redis', () => {
  scenario('provisions the demo orders, set up by two variables, and shows no password', async (world) => {
    const redis = await startRedis({ password });
    try {
      await world.start(referenceFlow(), { env: onRedis(redis) });
      const vendors = { salesforce: world.salesforce.url, whmcs: world.whmcs.url };
      for (const story of stories) {
        const { id } = await tell(story, vendors);
        await world.ended(id, 60);
        const outcome = await look(id, vendors);
        assert.equal(story.judge(outcome), null, story.name);
      }
      const { status, body } = await world.get('/health');
      const { database, redis: state, integrations } = body as Record<string, unknown>;
      assert.deepEqual(
        [status, database, state, (integrations as Record<string, unknown>)['redis']],
        [200, 'ok', 'ok', 'ok'],
      );
      const shown = `${world.output.join('\n')}${JSON.stringify(body)}`;
      assert.equal(shown.includes(password) || shown.includes(`:${redis.port}`), false);
    } finally {
      await world.stop();
      await redis.stop();
    }
  });

  scenario(
    'is shared by two Node-REDs: one listens, both work, and when the one is killed the other does all, each order once',
    async (world) => {
      const redis = await startRedis();
      const instances: Instance[] = [];
      try {
        for (const name of ['one', 'two']) instances.push(await Instance.start(world, name, redis));
        const streams = async (): Promise<string[]> => (await Promise.all(instances.map((one) => one.stream()))).sort();
        let seen: string[] = [];
        await until(
          () => `one listens, one stands by: ${seen.join()}`,
          async () => String((seen = await streams())) === 'connected,standingBy',
        );
        assert.equal(world.openStreams(), 1);
        // As in World.start: Salesforce's times are whole seconds.
        await pause(1_100);

        const shared = Array.from({ length: 24 }, () => world.approve(world.customer().account, seat));
        for (const id of shared) assert.equal(await world.ended(id, 90), 'Activated', id);
        for (const instance of instances)
          assert.ok(
            shared.some((id) => instance.workedOn(id)),
            'each has worked on some',
          );
        for (const id of shared) {
          world.assertActivatedOnce(id);
          assert.equal(instances.filter((instance) => instance.workedOn(id)).length, 1, `${id} was in one of them`);
        }

        // The one that listens is killed with the answers to AddOrder and AcceptOrder still out.
        const standing = await Promise.all(instances.map((one) => one.stream()));
        const leader = instances[standing.indexOf('connected')];
        const other = instances[standing.indexOf('standingBy')];
        assert.ok(leader && other);
        const begun: string[] = [];
        other.signal('SIGSTOP');
        for (const call of ['AddOrder', 'AcceptOrder']) {
          const fault = world.whmcs.panel.fault({ call, do: { kind: 'commitThenHang' } });
          begun.push(world.approve(world.customer().account, seat));
          await world.until(`the answer to ${call} is held back`, () =>
            world.whmcs.panel.faults().some(({ id, hits }) => id === fault && hits > 0),
          );
        }
        other.signal('SIGCONT');
        await leader.kill();
        const after = Array.from({ length: 4 }, () => world.approve(world.customer().account, seat));
        await until(
          () => 'the other listens',
          async () => (await other.stream()) === 'connected',
          60,
        );
        assert.equal(world.openStreams(), 1);
        const all = [...begun, ...after];
        await world.until(
          () => `all end: ${all.map((id) => world.status(id)).join()}\n${other.output.slice(-20).join('\n')}`,
          () => all.every((id) => world.status(id) === 'Activated'),
          takeOverSeconds,
        );
        for (const id of all) world.assertActivatedOnce(id);
        assert.equal(world.whmcs.panel.requests('AddOrder').length, shared.length + all.length);
      } finally {
        for (const instance of instances) await instance.stop();
        await redis.stop();
      }
    },
    { long: true },
  );
});
