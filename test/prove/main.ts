/** `npm run prove`: see `docs/guarantees.md` for what it proves. */
import { parseArgs } from 'node:util';
import { engineNames, type EngineName } from './engines';
import { prove } from './prove';
import { planOf, rows, type Row } from './plan';
import { proveTeeth } from './prove-teeth';
import { failureLines, tableOf } from './table';

const whole = (name: string, text: string): number => {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1) throw new Error(`--${name} must be a whole number, 1 or more`);
  return value;
};

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      seeds: { type: 'string', default: '90' },
      from: { type: 'string', default: '1' },
      engine: { type: 'string', default: 'sqlite' },
      beside: { type: 'string', default: '6' },
      rate: { type: 'string', default: '50' },
      row: { type: 'string' },
      teeth: { type: 'boolean', default: false },
      tooth: { type: 'string' },
      logs: { type: 'boolean', default: false },
    },
  });
  const engines = values.engine === 'both' ? engineNames : engineNames.filter((name) => name === values.engine);
  if (engines.length === 0) throw new Error('--engine must be sqlite, redis or both');
  const row = rows.find((one) => one === values.row);
  if (values.row !== undefined && row === undefined) throw new Error(`--row must be one of: ${rows.join('; ')}`);
  const pace = { beside: whole('beside', values.beside), rate: whole('rate', values.rate) };
  if (values.teeth || values.tooth !== undefined) {
    process.exitCode = (await proveTeeth({ ...pace, only: values.tooth, say: console.log })) ? 0 : 1;
    return;
  }
  let good = true;
  for (const engine of engines) good = (await proveOn(engine, row)) && good;
  process.exitCode = good ? 0 : 1;

  async function proveOn(engine: EngineName, only: Row | undefined): Promise<boolean> {
    const seeds = whole('seeds', values.seeds);
    console.log(`Proof on ${engine}: ${seeds} seeds from ${values.from}`);
    const from = performance.now();
    let done = 0;
    const ran = await prove({
      engine,
      plans: Array.from({ length: seeds }, (_, at) => planOf(whole('from', values.from) + at, engine, only)),
      ...pace,
      logs: values.logs,
      onRan(one) {
        done += 1;
        if (one.verdict.breaches.length > 0 || values.logs) console.log(failureLines(one).join('\n'));
        else if (done % 50 === 0)
          console.log(`${done} of ${seeds}, ${((performance.now() - from) / done / 1_000).toFixed(2)} s a seed`);
      },
    });
    const seconds = (performance.now() - from) / 1_000;
    console.log(tableOf(ran).join('\n'));
    console.log(
      `${ran.length} seeds on ${engine} in ${seconds.toFixed(0)} s, ${(seconds / ran.length).toFixed(2)} s a seed`,
    );
    return ran.every(({ verdict }) => verdict.breaches.length === 0);
  }
}

main().catch((error: unknown) => {
  console.error(error instanceof Error ? (error.stack ?? error.message) : error);
  process.exitCode = 2;
});
