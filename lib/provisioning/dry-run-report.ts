/** The report of a dry run as people read it: what would be, then one line a fault with its fix and its owner. */
import { foreseenText, type DryRunEntry } from './dry-run-entry';
import { inBlocks, row } from './report-lines';

const columns = 'order | found | fix | owner';

/** All of it, for a file or a mail. */
export function dryRunText(entries: readonly DryRunEntry[], used: readonly string[] = []): string {
  const fine = entries.filter((one) => one.faults.length === 0).map((one) => row([nameOf(one), foreseenText(one)]));
  return [
    summary(entries),
    ...used,
    columns,
    ...entries.flatMap((one) => [...faultRows(one), ...noteRows(one)]),
    ...fine,
  ].join('\n');
}

/** The faults, for the debug sidebar; none: no block. */
export function dryRunBlocks(entries: readonly DryRunEntry[]): string[] {
  const rows = entries.flatMap(faultRows);
  return rows.length === 0 ? [] : inBlocks(`${summary(entries)}\n${columns}`, rows, 'msg.text');
}

function summary(entries: readonly DryRunEntry[]): string {
  const count = (test: (one: DryRunEntry) => boolean): number => entries.filter(test).length;
  const open = count((one) => one.ok && one.creates === null && one.whmcsOrderId === null);
  const parts = [
    `${count((one) => one.creates !== null)} would be added`,
    `${count((one) => one.ok && one.whmcsOrderId !== null)} with a WHMCS order already`,
    ...(open > 0 ? [`${open} would be looked for in WHMCS first`] : []),
    `${count((one) => !one.ok)} cannot be added`,
  ];
  return `Dry run of ${entries.length} order${entries.length === 1 ? '' : 's'}: ${parts.join(', ')}. Nothing was changed.`;
}

const nameOf = ({ number, subject }: DryRunEntry): string => number ?? subject;

const faultRows = (entry: DryRunEntry): string[] =>
  entry.faults.map(({ item, message, fix, owner }) =>
    row([nameOf(entry), item === undefined ? message : `item ${item}: ${message}`, fix, owner]),
  );

/** What would happen besides, of an order with a fault; of the others it stands in their one line. */
const noteRows = (entry: DryRunEntry): string[] =>
  entry.faults.length === 0 ? [] : entry.notes.map((note) => row([nameOf(entry), note]));
