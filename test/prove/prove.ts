/** Many seeds, some at a time, each in a world of its own. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { bundleWorker, root, type Patch } from './bundle';
import type { EngineName } from './engines';
import { planOf, type Row } from './plan';
import { runSeed, type Ran } from './run-seed';
import { Vendors } from './vendors';

export interface ProveOptions {
  engine: EngineName;
  seeds: number;
  from: number;
  /** Seeds at a time. */
  beside: number;
  /** How many times as fast as the machine's time runs. */
  rate: number;
  /** Each seed is of this row; else each row has its turn. */
  row: Row | undefined;
  logs: boolean;
  patches: readonly Patch[];
  onRan: (ran: Ran) => void;
  /** No further seed is begun once it says so. */
  enough?: (ran: readonly Ran[]) => boolean;
}

export async function prove(options: ProveOptions): Promise<Ran[]> {
  const directory = mkdtempSync(join(tmpdir(), 'prove-'));
  const bundle = join(directory, 'worker.cjs');
  const ran: Ran[] = [];
  let next = options.from;
  const end = options.from + options.seeds;
  const slot = async (): Promise<void> => {
    const vendors = await Vendors.open(options.rate);
    try {
      while (next < end && !options.enough?.(ran)) {
        const plan = planOf(next++, options.engine, options.row);
        const { engine, logs } = options;
        const one = await runSeed(plan, vendors, { engine, bundle, nodePath: join(root, 'node_modules'), logs });
        ran.push(one);
        options.onRan(one);
      }
    } finally {
      await vendors.close();
    }
  };
  try {
    await bundleWorker(bundle, options.patches);
    await Promise.all(Array.from({ length: Math.min(options.beside, options.seeds) }, slot));
    return ran.sort((a, b) => a.plan.seed - b.plan.seed);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}
