/** A coverage report as text for a terminal, a log or the debug sidebar: the verdict, then fault by fault. Pure. */
import { cut } from '../salesforce/texts';
import type { CoverageReport, Finding, Severity } from './coverage-report';
import { row } from './report-lines';

/** Of one code; more of them nobody reads: all are in the CSV and in the JSON. */
const mostShown: Readonly<Record<Severity, number>> = { fault: 20, warning: 5, information: 5 };
/** By what their findings are of. */
const sections: readonly { title: string; severity: Severity; ofMapping: boolean }[] = [
  { title: 'MAPPING: Orders go on without what is fed here', severity: 'fault', ofMapping: true },
  { title: 'FAULTS: an Order with one of these Products fails', severity: 'fault', ofMapping: false },
  { title: 'WARNINGS: Orders go on; look at them', severity: 'warning', ofMapping: false },
  { title: 'INFORMATION: nothing is wrong', severity: 'information', ofMapping: false },
];

/** @returns lines, without a line break at the end. */
export function coverageText(report: CoverageReport): string {
  const { priceBook, currencies, notes, seconds } = report;
  const inCurrencies = currencies.length > 0 ? ` in ${currencies.join(', ')}` : '';
  const lines = [
    row([`Price book "${cut(priceBook.name, 60)}" (${priceBook.id}) against WHMCS${inCurrencies}: ${seconds} s`]),
    verdict(report),
    ...notes.map((note) => row([`Note: ${note}`])),
  ];
  for (const one of sections) lines.push(...section(one, report));
  return lines.join('\n');
}

function verdict({ totals, findings: all }: CoverageReport): string {
  const { products, good, faulty, notInEveryCurrency, findings, owners } = totals;
  if (products === 0) return 'There is no product to check.';
  const rest = `${counted(findings.warning, 'warning')}, ${findings.information} for information`;
  const ofMapping = all.filter(({ product }) => product === null).length;
  const none = ofMapping > 0 ? `none with a fault, but the mapping has ${ofMapping}` : 'none with a fault';
  if (faulty === 0) return `${counted(products, 'product')}, ${none}; ${rest}.`;
  const shares = Object.entries(owners).map(([owner, count]) => `${owner} ${count}`);
  const faults = `${counted(findings.fault, 'fault')} (${shares.join(', ')})`;
  const partly = notInEveryCurrency > 0 ? `, ${notInEveryCurrency} not in every currency` : '';
  const cannot = `${faulty - notInEveryCurrency} cannot${partly}`;
  return `${counted(products, 'product')}: ${good} can be ordered, ${cannot}; ${faults}, ${rest}.`;
}

const counted = (count: number, thing: string): string => `${count} ${thing}${count === 1 ? '' : 's'}`;

function section({ title, severity, ofMapping }: (typeof sections)[number], report: CoverageReport): string[] {
  const found = report.findings.filter((one) => one.severity === severity && (one.product === null) === ofMapping);
  if (found.length === 0) return [];
  const lines = ['', title];
  for (const { code, owner, fix } of report.totals.codes) {
    const shown = found.filter((one) => one.code === code);
    if (shown.length === 0) continue;
    const whom = code === 'CURRENCY_NOT_PRICED' ? ', for clients of the currencies named here alone' : '';
    lines.push('', row([`${shown.length} × ${code} (${owner})${whom}: ${fix}`]));
    const most = mostShown[severity];
    lines.push(...shown.slice(0, most).map((one) => finding(one, fix)));
    if (shown.length > most) lines.push(`  and ${shown.length - most} more, in the CSV and the JSON`);
  }
  return lines;
}

/** @param general what was said of the code already. */
function finding({ product, message, fix }: Finding, general: string): string {
  const text = `${message}${fix === general ? '' : `. ${fix}`}`;
  return `  ${row(product === null ? [text] : [cut(product.name, 60), product.url, text])}`;
}
