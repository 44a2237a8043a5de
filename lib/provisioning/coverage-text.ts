/** A coverage report as text for a terminal, a log or the debug sidebar: the verdict, then fault by fault. Pure. */
import { cut } from '../salesforce/texts';
import { severities, type CoverageReport, type Finding, type Severity } from './coverage-report';
import { row } from './report-lines';

/** Of one code; more of them nobody reads: all are in the CSV and in the JSON. */
const mostShown: Readonly<Record<Severity, number>> = { fault: 20, warning: 5, information: 5 };
const titles: Readonly<Record<Severity, string>> = {
  fault: 'FAULTS: an Order with one of these Products fails',
  warning: 'WARNINGS: Orders go on; look at them',
  information: 'INFORMATION: nothing is wrong',
};

/** @returns lines, without a line break at the end. */
export function coverageText(report: CoverageReport): string {
  const { priceBook, currencies, notes, seconds } = report;
  const inCurrencies = currencies.length > 0 ? ` in ${currencies.join(', ')}` : '';
  const lines = [
    row([`Price book "${cut(priceBook.name, 60)}" (${priceBook.id}) against WHMCS${inCurrencies}: ${seconds} s`]),
    verdict(report.totals),
    ...notes.map((note) => row([`Note: ${note}`])),
  ];
  for (const severity of severities) lines.push(...section(severity, report));
  return lines.join('\n');
}

function verdict({ products, good, faulty, notInEveryCurrency, findings, owners }: CoverageReport['totals']): string {
  if (products === 0) return 'There is no product to check.';
  const rest = `${counted(findings.warning, 'warning')}, ${findings.information} for information`;
  if (faulty === 0) return `${counted(products, 'product')}, none with a fault; ${rest}.`;
  const shares = Object.entries(owners).map(([owner, count]) => `${owner} ${count}`);
  const faults = `${counted(findings.fault, 'fault')} (${shares.join(', ')})`;
  const partly = notInEveryCurrency > 0 ? `, ${notInEveryCurrency} not in every currency` : '';
  const cannot = `${faulty - notInEveryCurrency} cannot${partly}`;
  return `${counted(products, 'product')}: ${good} can be ordered, ${cannot}; ${faults}, ${rest}.`;
}

const counted = (count: number, thing: string): string => `${count} ${thing}${count === 1 ? '' : 's'}`;

function section(severity: Severity, { totals, findings }: CoverageReport): string[] {
  const codes = totals.codes.filter((one) => one.severity === severity);
  if (codes.length === 0) return [];
  const lines = ['', titles[severity]];
  for (const { code, findings: count, owner, fix } of codes) {
    const whom = code === 'CURRENCY_NOT_PRICED' ? ', for clients of the currencies named here alone' : '';
    lines.push('', row([`${count} × ${code} (${owner})${whom}: ${fix}`]));
    const shown = findings.filter((one) => one.severity === severity && one.code === code);
    lines.push(...shown.slice(0, mostShown[severity]).map((one) => finding(one, fix)));
    if (count > mostShown[severity]) lines.push(`  and ${count - mostShown[severity]} more, in the CSV and the JSON`);
  }
  return lines;
}

/** @param general what was said of the code already. */
function finding({ product, message, fix }: Finding, general: string): string {
  const own = fix === general ? '' : `. ${fix}`;
  return `  ${row([cut(product.name, 60), product.url, `${message}${own}`])}`;
}
