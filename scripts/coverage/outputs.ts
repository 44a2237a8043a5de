/** Where the report goes: standard output and files, whole or not at all. */
import { accessSync, constants, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { coverageCsv } from '../../lib/provisioning/coverage-csv';
import type { CoverageReport } from '../../lib/provisioning/coverage-report';
import { coverageText } from '../../lib/provisioning/coverage-text';
import { UsageError, type Arguments } from './arguments';

type Files = Pick<Arguments, 'json' | 'csv'>;

/** Before minutes of reading: @throws UsageError when a file could not be written. */
export function refuseUnwritable({ json, csv }: Files): void {
  for (const file of [json, csv]) {
    if (file === null || file === '-') continue;
    try {
      if (statSync(file, { throwIfNoEntry: false })?.isDirectory()) throw new Error('it is a folder');
      accessSync(dirname(resolve(file)), constants.W_OK);
    } catch (error) {
      const { code, message } = error as NodeJS.ErrnoException;
      const why = code === 'ENOENT' ? 'its folder does not exist' : code === undefined ? message : code;
      throw new UsageError(`${file} cannot be written: ${why}.`);
    }
  }
}

/** Data alone goes to standard output where a `-` asks for it; else the text does. */
export async function put(report: CoverageReport, { json, csv }: Files, say: (line: string) => void): Promise<void> {
  for (const [file, text] of [
    [json, () => `${JSON.stringify(report, null, 2)}\n`],
    [csv, () => coverageCsv(report)],
  ] as const) {
    if (file === null) continue;
    if (file === '-') await print(text());
    else {
      replace(file, text());
      say(`written: ${file}`);
    }
  }
  if (json !== '-' && csv !== '-') await print(`${coverageText(report)}\n`);
}

/** A reader that stopped early (`| head`) is no fault. */
function print(text: string): Promise<void> {
  return new Promise((done, fail) => {
    process.stdout.once('error', (error: NodeJS.ErrnoException) => (error.code === 'EPIPE' ? done() : fail(error)));
    process.stdout.write(text, () => done());
  });
}

/** Beside it first: what stood there stays whole until the new one is. */
function replace(file: string, text: string): void {
  const beside = `${file}.${process.pid}.tmp`;
  try {
    writeFileSync(beside, text);
    renameSync(beside, file);
  } catch (error) {
    rmSync(beside, { force: true });
    throw error;
  }
}
