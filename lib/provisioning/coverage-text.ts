/** A coverage report as text for a terminal, a log or the debug sidebar: the totals, then one line a fault. Pure. */
import { cut } from '../salesforce/texts';
import { severities, type CoverageReport, type Finding, type Severity } from './coverage-report';

/** More lines than this nobody reads; all are in the CSV and in the JSON. */
const mostLines: Readonly<Record<Severity, number>> = { fault: 50, warning: 20, information: 0 };
const titles: Readonly<Record<Severity, string>> = {
  fault: 'Faults: an Order with this Product fails',
  warning: 'Warnings: look at them; Orders go on',
  information: 'Informations: nothing is wrong',
};

/** @returns lines, without a line break at the end. */
export function coverageText(report: CoverageReport): string {
  const { priceBook, currencies, totals, notes, seconds } = report;
  const inCurrencies = currencies.length > 0 ? ` in ${currencies.map((code) => plain(code, 10)).join(', ')}` : '';
  const lines = [
    `Price book "${plain(priceBook.name, 60)}" (${priceBook.id}) against WHMCS${inCurrencies}, ${seconds} s`,
    verdict(totals),
    ...notes.map((note) => `Note: ${plain(note, 400)}`),
  ];
  for (const severity of severities) lines.push(...section(severity, report));
  return lines.join('\n');
}

function verdict({ products, good, faulty, findings, owners }: CoverageReport['totals']): string {
  if (products === 0) return 'There is no product to check.';
  const others = [`${findings.warning} warnings`, `${findings.information} informations`].join(', ');
  if (faulty === 0) return `All ${products} products can be ordered; ${others}.`;
  const shares = Object.entries(owners).map(([owner, count]) => `${owner} ${count}`);
  return `${products} products: ${good} can be ordered, ${faulty} cannot; ${findings.fault} faults (${shares.join(', ')}), ${others}.`;
}

function section(severity: Severity, { totals, findings }: CoverageReport): string[] {
  const codes = totals.codes.filter((one) => one.severity === severity);
  if (codes.length === 0) return [];
  const width = Math.max(...codes.map(({ code }) => code.length));
  const digits = Math.max(...codes.map((one) => String(one.findings).length));
  const lines = ['', titles[severity]];
  for (const { code, findings: count, owner, fix } of codes)
    lines.push(`${String(count).padStart(digits + 2)}  ${code.padEnd(width)}  ${owner}: ${plain(fix, 200)}`);
  const most = mostLines[severity];
  const rows = findings.filter((one) => one.severity === severity);
  if (most === 0) return lines;
  lines.push('', ...rows.slice(0, most).map(row));
  if (rows.length > most) lines.push(`  and ${rows.length - most} more, all in the CSV and the JSON`);
  return lines;
}

const row = ({ product, message, fix, owner }: Finding): string =>
  `  ${[`${plain(product.name, 60)} (${product.id})`, plain(message, 200), plain(fix, 200), owner].join(' | ')}`;

/** Names come from outside: no line break, no column of their own, nothing that steers a terminal or turns text around. */
const plain = (text: string, length: number): string =>
  cut(
    text
      .replace(/[\u{202A}-\u{202E}\u{2066}-\u{2069}]/gu, '')
      .replace(/[\s\p{Cc}|]+/gu, ' ')
      .trim(),
    length,
  );
