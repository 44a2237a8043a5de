/** What a run has shown, for people. */
import { rowsOf } from './plan';
import type { Ran } from './run-seed';

const columns = ['runs', 'hit', 'accepted', 'twins', 'asked', 'failed', 'breaches'] as const;

export function tableOf(ran: readonly Ran[]): string[] {
  const [first] = ran;
  if (!first) return ['no seeds'];
  const lines = [['', ...columns]];
  const sums = (of: readonly Ran[]): string[] => {
    const sum = (value: (one: Ran) => number): string => String(of.reduce((all, one) => all + value(one), 0));
    return [
      String(of.length),
      sum(({ deeds }) => Number(deeds.some((deed) => / (killed|stopped) /.test(deed)))),
      sum(({ verdict }) => verdict.accepted),
      sum(({ verdict }) => verdict.twins),
      sum(({ verdict }) => verdict.asked),
      sum(({ verdict }) => verdict.failed),
      sum(({ verdict }) => verdict.breaches.length),
    ];
  };
  for (const row of rowsOf(first.engine)) {
    const of = ran.filter(({ plan }) => plan.row === row);
    if (of.length > 0) lines.push([row, ...sums(of)]);
  }
  lines.push(['all', ...sums(ran)]);
  const widths = ['', ...columns].map((_, at) => Math.max(...lines.map((line) => (line[at] ?? '').length)));
  const text = lines.map((line) =>
    line.map((cell, at) => (at === 0 ? cell.padEnd(widths[at] ?? 0) : cell.padStart(widths[at] ?? 0))).join('  '),
  );
  const allowed = new Map<string, number>();
  for (const { verdict } of ran) for (const name of verdict.allowed) allowed.set(name, (allowed.get(name) ?? 0) + 1);
  const limits = [...allowed].map(([name, count]) => `${name} ${count}`).join(', ') || 'none';
  const met = new Set(
    ran.flatMap(({ deeds }) => deeds.map((deed) => deed.replace(/^.* at /, '').replace(/:[^:]* .*$/, ''))),
  );
  return [...text, `documented limits met: ${limits}`, `boundaries struck: ${met.size}`];
}

export function failureLines({ plan, engine, verdict, deeds, struck, logs }: Ran): string[] {
  return [
    `seed ${plan.seed} (${plan.row}, ${plan.hit}): ${verdict.breaches.join('; ') || 'no breach'}`,
    ...deeds.map((deed) => `    ${deed}`),
    ...struck.map((fault) => `    fault: ${fault}`),
    ...logs.map((line) => `    ${line}`),
    `    again: npm run prove -- --engine ${engine} --from ${plan.seed} --seeds 1 --logs`,
  ];
}
