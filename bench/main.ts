/**
 * npm run bench -- [intake] [--events N] [--runs N]
 * npm run bench -- writes [--orders N] [--runs N]
 * npm run bench -- coverage [--products N] [--runs N]
 *
 * intake: N waiting events (100,000) from EARLIEST, taken in by us and counted by a bare grpc-js loop, in turn.
 * writes: N orders (100), one after the other, on each store: how much is written for an order, and what that costs.
 * coverage: N products (5,000) of a made-up catalogue checked against WHMCS by us, and read by plain scripts, in turn.
 */
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs, promisify } from 'node:util';
import { Org } from '../test/soak/org';
import { coverage } from './coverage/coverage';
import { measured, type Measured } from './intake/measure';
import { writes } from './writes/writes';

const contestants = { 'bare grpc-js loop': 'bare-loop.ts', 'our intake': 'our-intake.ts' };

async function intake(events: number, runs: number): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), 'bench-'));
  const org = await Org.start(directory);
  try {
    const keyFile = join(directory, 'private.pem');
    writeFileSync(keyFile, org.privateKeyPem, { mode: 0o600 });
    console.log(`Publishing ${events} events`);
    await org.publish(events);
    console.log(
      '| run | contestant | events/s | seconds | peak memory | heap at 10, 50, 100 % |\n|---|---|---|---|---|---|',
    );
    for (let run = 1; run <= runs; run++)
      for (const [name, file] of Object.entries(contestants)) {
        const args = [org.url, org.pubsub, keyFile, String(events)];
        console.log(row(run, name, await measure(join(__dirname, 'intake', file), args)));
      }
  } finally {
    await org.stop();
    rmSync(directory, { recursive: true, force: true });
  }
}

async function measure(file: string, args: string[]): Promise<Measured> {
  const { stdout } = await promisify(execFile)(process.execPath, ['--import', 'tsx', file, ...args], {
    timeout: 900_000,
  });
  return measured.parse(JSON.parse(stdout.trim().split('\n').at(-1) ?? ''));
}

function row(run: number, name: string, { events, seconds, peakRssMb, heapMb }: Measured): string {
  return `| ${run} | ${name} | ${Math.round(events / seconds)} | ${seconds.toFixed(1)} | ${peakRssMb} MB | ${heapMb.join(', ')} MB |`;
}

async function main(): Promise<void> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      events: { type: 'string', default: '100000' },
      orders: { type: 'string', default: '100' },
      products: { type: 'string', default: '5000' },
      runs: { type: 'string', default: '3' },
    },
  });
  const [what = 'intake'] = positionals;
  if (what === 'intake') await intake(Number(values.events), Number(values.runs));
  else if (what === 'writes') await writes(Number(values.orders), Number(values.runs));
  else if (what === 'coverage') await coverage(Number(values.products), Number(values.runs));
  else throw new Error(`There is no bench "${what}"; known: intake, writes, coverage`);
}

main().catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
});
