/** The coverage of a made-up catalogue, by us and by plain scripts in turn, each a process of its own. */
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { startDemo } from '../../scripts/coverage/demo-vendors';
import { measured, type Measured } from './contestant';

const contestants: [name: string, file: string, ...words: string[]][] = [
  ['ours: lists of 100, each product checked', 'our-coverage.ts'],
  ['bare: lists of 100', 'bare.ts', '100'],
  ['bare: one call without a list', 'bare.ts', 'all'],
  ['bare: one call a product', 'bare.ts', '1'],
];

/** @param products active ones of the catalogue. */
export async function coverage(products: number, runs: number): Promise<void> {
  console.log(`Laying out ${products} products`);
  const demo = await startDemo(products);
  const { salesforce, whmcs } = demo;
  try {
    console.log(
      '| run | contestant | products | seconds | WHMCS calls | longest answer | Salesforce calls | peak memory |\n|---|---|---|---|---|---|---|---|',
    );
    for (let run = 1; run <= runs; run++)
      for (const [name, file, ...words] of contestants) {
        const before = [whmcs.panel.requests().length, salesforce.panel.requests().length];
        const took = await measure(join(__dirname, file), words, demo.environment);
        const calls = [whmcs.panel.requests().length, salesforce.panel.requests().length];
        const [ofWhmcs = 0, ofSalesforce = 0] = calls.map((count, at) => count - (before[at] ?? 0));
        if (took.products !== products) throw new Error(`${name} read ${took.products} products, not ${products}`);
        console.log(row(run, name, took, ofWhmcs, ofSalesforce));
      }
  } finally {
    await demo.stop();
  }
}

async function measure(
  file: string,
  words: readonly string[],
  environment: Readonly<Record<string, string | undefined>>,
): Promise<Measured> {
  const env = { PATH: process.env['PATH'], ...environment };
  const { stdout } = await promisify(execFile)(process.execPath, ['--import', 'tsx', file, ...words], {
    env,
    timeout: 900_000,
  });
  return measured.parse(JSON.parse(stdout.trim().split('\n').at(-1) ?? ''));
}

function row(run: number, name: string, took: Measured, whmcs: number, salesforce: number): string {
  const { products, seconds, peakRssMb, longestAnswerKb } = took;
  const longest = longestAnswerKb === null ? '' : `${longestAnswerKb} KB`;
  return `| ${run} | ${name} | ${products} | ${seconds.toFixed(1)} | ${whmcs} | ${longest} | ${salesforce} | ${peakRssMb} MB |`;
}
