/**
 * A coverage report as CSV (RFC 4180) for a spreadsheet: one row a finding. Pure.
 *
 * It begins with a byte order mark: without one Excel takes a file for the system's old code page and spoils every name
 * that is not English; other readers skip it.
 */
import type { CoverageReport, Finding } from './coverage-report';

const columns: readonly (readonly [string, (finding: Finding) => string | number | null])[] = [
  ['Severity', ({ severity }) => severity],
  ['Code', ({ code }) => code],
  ['Product', ({ product }) => product?.name ?? null],
  ['Product code', ({ product }) => product?.code ?? null],
  ['Product id', ({ product }) => product?.id ?? null],
  ['WHMCS product', ({ pid }) => pid],
  ['Billing cycle', ({ billingCycle }) => billingCycle],
  ['What is wrong', ({ message }) => message],
  ['What to do', ({ fix }) => fix],
  ['Owner', ({ owner }) => owner],
  ['Link', ({ product }) => product?.url ?? null],
];

const byteOrderMark = '\u{FEFF}';

/** All findings, faults first; with none the header alone. */
export function coverageCsv({ findings }: CoverageReport): string {
  const rows = [columns.map(([title]) => title), ...findings.map((finding) => columns.map(([, of]) => of(finding)))];
  return byteOrderMark + rows.map((row) => `${row.map(cell).join(',')}\r\n`).join('');
}

/**
 * One cell: on one line, quoted, and no formula. A text that a spreadsheet would run gets an apostrophe in front; so does
 * what follows a semicolon or tab, since there a spreadsheet of another locale begins a new cell.
 */
function cell(value: string | number | null): string {
  if (typeof value === 'number') return String(value);
  const line = (value ?? '').replace(/[\p{Cc}\p{Zl}\p{Zp}]+/gu, ' ').trim();
  const safe = line.replace(/(^|[;"])(\s*)(?=[=+\-@＝＋－＠])/gu, "$1$2'");
  return `"${safe.replace(/"/g, '""')}"`;
}
