/**
 * npm run soak -- [--minutes N] [--days N] [--seed N] [--transport pubsub|streaming]
 *
 * Drives the intake through seeded faults on a virtual clock, for N real minutes (10) or N virtual days, whichever ends
 * first. Ends with exit code 0 when every order was handled once, one stream was open, and memory, handles and timers
 * stayed flat.
 */
import { parseArgs } from 'node:util';
import { transports, type Transport } from './listener';
import { soak, type Sample, type Soaked } from './soak';

/** What counts as flat, from the end of the first day to the last. */
const flatHeapMb = 12;

function whole(name: string, text: string): number {
  const value = Number(text);
  if (Number.isInteger(value) && value > 0) return value;
  throw new Error(`--${name} must be a whole number above 0, not "${text}"`);
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      minutes: { type: 'string', default: '10' },
      days: { type: 'string', default: '36500' },
      seed: { type: 'string', default: String(Date.now() % 1_000_000) },
      transport: { type: 'string', default: 'pubsub' },
    },
  });
  const transport = transports.find((one) => one === values.transport);
  if (transport === undefined) throw new Error(`--transport must be one of ${transports.join(', ')}`);
  const seed = whole('seed', values.seed);
  console.log(`Soak of ${transport}, seed ${seed}. A line a virtual day:`);
  const soaked = await soak({
    seed,
    transport,
    days: whole('days', values.days),
    minutes: whole('minutes', values.minutes),
    onDay: (sample) => console.log(line(sample)),
  });
  process.exitCode = tell(soaked, transport) ? 0 : 1;
}

function line({ day, published, handled, skipped, heapMb, timers, handles, openStreams }: Sample): string {
  return `day ${String(day).padStart(3)}  published ${published}  handled ${handled}  skipped ${skipped}  heap ${heapMb.toFixed(1)} MB  timers ${timers}  handles ${handles}  streams ${openStreams}`;
}

function tell(soaked: Soaked, transport: Transport): boolean {
  const { samples, published, handled, lost, twice, errors, faults } = soaked;
  const [first] = samples;
  const last = samples.at(-1);
  console.log(
    `\n${soaked.days.toFixed(1)} virtual days in ${Math.round(soaked.realSeconds)} s; ${soaked.deliveries} deliveries; longest from approval to handling ${soaked.longestMinutes.toFixed(1)} min`,
  );
  console.log('Faults: ' + [...faults].map(([name, count]) => `${name} ${count}`).join(', '));
  console.log('Alarms: ' + ([...errors].map(([text, count]) => `${text} ${count}`).join('; ') || 'none'));
  const verdicts: [string, boolean][] = [
    [`published ${published} = handled ${handled}`, published === handled && lost.length === 0],
    [`none twice${twice.length > 0 ? `, but ${twice.slice(0, 5).join(', ')}` : ''}`, twice.length === 0],
    [`streams open on the server: ${last?.openStreams}`, last?.openStreams === 1],
    [
      `heap ${first?.heapMb.toFixed(1)} → ${last?.heapMb.toFixed(1)} MB`,
      (last?.heapMb ?? Infinity) - (first?.heapMb ?? 0) <= flatHeapMb,
    ],
    [`timers ${first?.timers} → ${last?.timers}`, (last?.timers ?? Infinity) <= (first?.timers ?? 0) + 2],
    [`handles ${first?.handles} → ${last?.handles}`, (last?.handles ?? Infinity) <= (first?.handles ?? 0) + 2],
  ];
  for (const [text, holds] of verdicts) console.log(`${holds ? 'ok ' : 'NOT'} ${text}`);
  if (lost.length > 0) console.log(`never handled: ${lost.slice(0, 10).join(', ')}`);
  const good = verdicts.every(([, holds]) => holds);
  if (!good)
    console.log(
      `Again: npm run soak -- --transport ${transport} --seed ${soaked.seed} --days ${Math.ceil(soaked.days)}`,
    );
  return good;
}

main().catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 2;
});
