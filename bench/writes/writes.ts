/** What the durable writes of one order cost on each engine. */
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { z } from 'zod';
import type { PlaceOf } from '../../test/prove/orders-to-worker';
import { Vendors } from '../../test/prove/vendors';
import { startRedis } from '../../test/redis-server';

const warmUp = 10;
const clientId = 3_001;

const measured = z.array(
  z.object({
    ms: z.number(),
    writes: z.object({ counts: z.record(z.string(), z.number()), count: z.number(), ms: z.number() }),
  }),
);
type Measured = z.infer<typeof measured>;

interface Contestant {
  place: PlaceOf;
  close(): Promise<void> | void;
}

const redis = async (appendfsync: string): Promise<Contestant> => {
  const server = await startRedis({ args: ['--appendfsync', appendfsync] });
  return { place: { engine: 'redis', url: server.url }, close: () => server.stop() };
};

const contestants: Record<string, () => Promise<Contestant>> = {
  embedded: () => {
    const directory = mkdtempSync(join(tmpdir(), 'bench-writes-'));
    const close = (): void => rmSync(directory, { recursive: true, force: true });
    return Promise.resolve({ place: { engine: 'sqlite', directory }, close });
  },
  'redis, appendfsync always': () => redis('always'),
  'redis, appendfsync everysec': () => redis('everysec'),
};

/** Each engine in turn, `runs` times, with so many orders one after the other. */
export async function writes(orders: number, runs: number): Promise<void> {
  const vendors = await Vendors.open(1);
  let last: Measured = [];
  try {
    console.log(
      '| run | store | durable writes an order | ms an order | of it in writes | share | a write, ms | load |',
    );
    console.log('|---|---|---|---|---|---|---|---|');
    for (let run = 1; run <= runs; run++)
      for (const [name, open] of Object.entries(contestants)) {
        const contestant = await open();
        try {
          last = await measure(vendors, contestant.place, orders + warmUp);
          console.log(row(run, name, last));
        } finally {
          await contestant.close();
        }
      }
  } finally {
    await vendors.close();
  }
  const { counts } = last.at(-1)?.writes ?? { counts: {} };
  console.log(
    `\nOne order: ${Object.entries(counts)
      .map(([verb, count]) => `${verb} ${count}`)
      .join(', ')}`,
  );
}

async function measure(vendors: Vendors, place: PlaceOf, orders: number): Promise<Measured> {
  vendors.reset();
  const account = vendors.customer(clientId);
  const { people } = vendors.salesforce;
  const orderIds = Array.from({ length: orders }, () => {
    const { id } = people.createOrder({ account, items: [{ code: 'HOST-M', quantity: 1 }] });
    people.approve(id);
    return id;
  });
  const directory = mkdtempSync(join(tmpdir(), 'bench-writes-'));
  try {
    const file = join(directory, 'options.json');
    const options = { pace: vendors.pace, place, ...vendors.addresses, orderIds, warmUp };
    writeFileSync(file, JSON.stringify(options), { mode: 0o600 });
    const args = ['--import', 'tsx', join(__dirname, 'one-by-one.ts'), file];
    const { stdout } = await promisify(execFile)(process.execPath, args, { timeout: 600_000, maxBuffer: 2 ** 26 });
    return measured.parse(JSON.parse(stdout.trim().split('\n').at(-1) ?? ''));
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

function row(run: number, name: string, orders: Measured): string {
  const mean = (of: (one: Measured[number]) => number): number =>
    orders.reduce((sum, one) => sum + of(one), 0) / Math.max(1, orders.length);
  const [count, ms, inWrites] = [mean((one) => one.writes.count), mean((one) => one.ms), mean((one) => one.writes.ms)];
  const numbers = [
    ms.toFixed(1),
    inWrites.toFixed(1),
    `${Math.round((100 * inWrites) / ms)} %`,
    (inWrites / count).toFixed(2),
  ];
  return `| ${[run, name, count.toFixed(1), ...numbers, loadavg()[0]?.toFixed(1)].join(' | ')} |`;
}
