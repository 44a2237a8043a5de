/** `npm run prove`: see `docs/guarantees.md` for what it proves. */
import type { EngineName } from './engines';
import { seedsOfWalk, walkPlan } from './each-boundary';
import { BadOptions, help, proveCommand, type ProveCommand } from './options';
import { planOf } from './plan';
import { prove } from './prove';
import { proveTeeth } from './prove-teeth';
import { rowsOf } from './rows';
import { failureLines, tableOf } from './table';

async function main(): Promise<void> {
  const command = proveCommand(process.argv.slice(2));
  if (command.help) return console.log(help);
  const { beside, rate, teeth } = command;
  if (teeth !== null) {
    process.exitCode = (await proveTeeth({ beside, rate, only: teeth, say: console.log })) ? 0 : 1;
    return;
  }
  let good = true;
  for (const engine of command.engines) good = (await proveOn(engine, command)) && good;
  process.exitCode = good ? 0 : 1;
}

/** @returns whether nothing was breached. */
async function proveOn(engine: EngineName, command: ProveCommand): Promise<boolean> {
  const { from, row, walk, beside, rate, logs } = command;
  const seeds = command.seeds ?? seedsOfWalk(engine);
  if (row !== undefined && !rowsOf(engine).includes(row)) {
    console.log(`${row}: has no sense on ${engine}`);
    return true;
  }
  console.log(`Proof on ${engine}: ${seeds} ${seeds === 1 ? 'seed' : 'seeds'} from ${from}`);
  const begun = performance.now();
  let done = 0;
  const ran = await prove({
    engine,
    plans: Array.from({ length: seeds }, (_, at) =>
      walk ? walkPlan(from + at, engine) : planOf(from + at, engine, row),
    ),
    beside,
    rate,
    onRan(one) {
      done += 1;
      if (one.verdict.breaches.length > 0 || logs) console.log(failureLines(one).join('\n'));
      if (done % 50 === 0)
        console.log(`${done} of ${seeds}, ${((performance.now() - begun) / done / 1_000).toFixed(2)} s a seed`);
    },
  });
  const seconds = (performance.now() - begun) / 1_000;
  const bad = ran.filter(({ verdict }) => verdict.breaches.length > 0).map(({ plan }) => plan.seed);
  console.log(tableOf(ran, row === undefined ? rowsOf(engine) : [row]).join('\n'));
  console.log(
    `${ran.length} seeds on ${engine} in ${seconds.toFixed(0)} s, ${(seconds / ran.length).toFixed(2)} s a seed; ${bad.length > 0 ? `breached by seeds ${bad.join(', ')}` : 'nothing breached'}`,
  );
  return bad.length === 0;
}

main().catch((error: unknown) => {
  if (error instanceof BadOptions) console.error(`${error.message} See npm run prove -- --help.`);
  else console.error(error instanceof Error ? (error.stack ?? error.message) : error);
  process.exitCode = 2;
});
