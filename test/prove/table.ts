/** What a run has shown, for people. */
import { boundaryNames } from './harms';
import type { Twin } from './judge';
import { rowOf, type Row } from './rows';
import type { Ran } from './run-seed';

const columns = ['runs', 'hit', 'struck', 'accepted', 'twins', 'asked', 'failed', 'breaches'] as const;

const explained = [
  'runs: seeds; hit: a worker was killed or stopped; struck: a fault struck, or people or the store did what the row says',
  'accepted, asked, failed: orders; asked: Failed, and a person has to decide',
];

/** What a worker did to itself, and at which boundary. */
function struckAt(deed: string): { how: 'killed' | 'stopped'; at: string } | undefined {
  const [, how, at] = / (killed|stopped)(?: for \S+ s)? at (\S+)$/.exec(deed) ?? [];
  return at === undefined ? undefined : { how: how === 'killed' ? 'killed' : 'stopped', at };
}

/** @param rows that were to be run: one that was not is told, too. */
export function tableOf(ran: readonly Ran[], rows: readonly Row[]): string[] {
  const lines = [['', ...columns]];
  const sums = (of: readonly Ran[]): string[] => {
    const sum = (value: (one: Ran) => number): string => String(of.reduce((all, one) => all + value(one), 0));
    return [
      String(of.length),
      sum(({ deeds }) => Number(deeds.some(struckAt))),
      sum(({ deeds, struck }) => Number(struck.length > 0 || deeds.some((deed) => struckAt(deed) === undefined))),
      sum(({ verdict }) => verdict.accepted),
      sum(({ verdict }) => verdict.twins.length),
      sum(({ verdict }) => verdict.asked.length),
      sum(({ verdict }) => verdict.failed.length),
      sum(({ verdict }) => verdict.breaches.length),
    ];
  };
  for (const row of rows) lines.push([row, ...sums(ran.filter(({ plan }) => plan.row === row))]);
  lines.push(['all', ...sums(ran)]);
  const widths = ['', ...columns].map((_, at) => Math.max(...lines.map((line) => (line[at] ?? '').length)));
  const text = lines.map((line) =>
    line.map((cell, at) => (at === 0 ? cell.padEnd(widths[at] ?? 0) : cell.padStart(widths[at] ?? 0))).join('  '),
  );
  return [
    ...text,
    ...explained,
    `asked: ${counted(ran.flatMap(({ verdict }) => verdict.asked))}`,
    `failed: ${counted(ran.flatMap(({ verdict }) => verdict.failed))}`,
    `twins: ${counted(ran.flatMap(({ plan, verdict }) => verdict.twins.map((twin) => `${plan.row}: ${twinInWords(twin)}`)))}`,
    `documented limits met: ${counted(ran.flatMap(({ verdict }) => verdict.allowed))}`,
    ...boundaryLines(ran, rows),
  ];
}

/** Which boundaries workers were killed and stopped at, and with how many of the rows. */
function boundaryLines(ran: readonly Ran[], rows: readonly Row[]): string[] {
  return (['killed', 'stopped'] as const).map((how) => {
    const pairs = new Set(
      ran.flatMap(({ plan, deeds }) =>
        deeds.flatMap((deed) => {
          const struck = struckAt(deed);
          return struck?.how === how ? [`${plan.row} ${struck.at}`] : [];
        }),
      ),
    );
    const missed = boundaryNames.filter((name) => ![...pairs].some((pair) => pair.endsWith(` ${name}`)));
    const names = boundaryNames.length;
    // Of a few seeds the list says nothing.
    const at = missed.length > names / 2 ? '' : `; at none of: ${missed.join(', ') || '–'}`;
    return `${how} at ${names - missed.length} of ${names} boundaries, at ${pairs.size} of ${names * rows.length} with a row${at}`;
  });
}

/** Each word once, with how often it is there; the commonest first. */
function counted(words: readonly string[]): string {
  const counts = new Map<string, number>();
  for (const word of words) counts.set(word, (counts.get(word) ?? 0) + 1);
  const sorted = [...counts].sort(([, one], [, other]) => other - one);
  return sorted.map(([word, count]) => `${word} ×${count}`).join(', ') || 'none';
}

const twinInWords = ({ status, besideAccepted, told, named }: Twin): string =>
  `${status} beside ${besideAccepted ? 'the accepted one' : 'one that was not accepted'}, Salesforce says ${told}${named ? ' and names it' : ''}`;

export function failureLines({ plan, engine, verdict, deeds, struck, logs }: Ran): string[] {
  const asRow = plan.walk ? ' --walk' : rowOf(plan.seed, engine) === plan.row ? '' : ` --row '${plan.row}'`;
  return [
    `seed ${plan.seed} (${plan.row}, ${plan.hit}): ${verdict.breaches.join('; ') || 'no breach'}`,
    ...deeds.map((deed) => `    ${deed}`),
    ...struck.map((fault) => `    fault: ${fault}`),
    ...logs.map((line) => `    ${line}`),
    `    again: npm run prove -- --engine ${engine} --from ${plan.seed} --seeds 1${asRow}`,
  ];
}
