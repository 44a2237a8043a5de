/** Many seeds, some at a time, each in a world of its own. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { bundleWorker, root, type Patch } from './bundle';
import type { EngineName } from './engines';
import type { Plan } from './rows';
import { runSeed, type Ran } from './run-seed';
import type { StoreTooth } from './toothless';
import { Vendors } from './vendors';

export interface ProveOptions {
  engine: EngineName;
  plans: readonly Plan[];
  /** Seeds at a time. */
  beside: number;
  /** How many times as fast as the machine's time runs. */
  rate: number;
  /** What is taken out of the worker's source, or of its store. */
  patches?: readonly Patch[];
  tooth?: StoreTooth | undefined;
  onRan: (ran: Ran) => void;
  /** No further seed is begun once it says so. */
  enough?: (ran: readonly Ran[]) => boolean;
}

export async function prove(options: ProveOptions): Promise<Ran[]> {
  const directory = mkdtempSync(join(tmpdir(), 'prove-'));
  const bundle = join(directory, 'worker.cjs');
  const ran: Ran[] = [];
  const waiting = [...options.plans];
  const slot = async (): Promise<void> => {
    const vendors = await Vendors.open(options.rate);
    try {
      while (!options.enough?.(ran)) {
        const plan = waiting.shift();
        if (!plan) return;
        const { engine, tooth = null } = options;
        const how = { engine, bundle, nodePath: join(root, 'node_modules'), tooth };
        const one = await runSeed(plan, vendors, how);
        ran.push(one);
        options.onRan(one);
      }
    } finally {
      await vendors.close();
    }
  };
  try {
    await bundleWorker(bundle, options.patches);
    await Promise.all(Array.from({ length: Math.min(options.beside, options.plans.length) }, slot));
    return ran.sort((a, b) => a.plan.seed - b.plan.seed);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}
