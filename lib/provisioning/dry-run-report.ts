/** The report of a dry run as people read it: what would be, then one line a fault with its fix and its owner. */
import { foreseenText, type DryRunEntry } from './dry-run-entry';
import { inBlocks, row } from './report-lines';

const columns = 'order | found | fix | owner';

/** All of it, for a file or a mail. */
export function dryRunText(entries: readonly DryRunEntry[], used: readonly string[] = []): string {
  const fine = entries.filter((one) => one.faults.length === 0).map((one) => row([nameOf(one), foreseenText(one)]));
  return [summary(entries), ...used, columns, ...faultRows(entries), ...fine].join('\n');
}

/** The faults, for the debug sidebar; none: no block. */
export function dryRunBlocks(entries: readonly DryRunEntry[]): string[] {
  const rows = faultRows(entries);
  return rows.length === 0 ? [] : inBlocks(`${summary(entries)}\n${columns}`, rows, 'msg.text');
}

function summary(entries: readonly DryRunEntry[]): string {
  const count = (test: (one: DryRunEntry) => boolean): number => entries.filter(test).length;
  const parts = [
    `${count((one) => one.creates !== null)} would be added`,
    `${count((one) => one.ok && one.whmcsOrderId !== null)} with a WHMCS order already`,
    `${count((one) => !one.ok)} cannot be added`,
  ];
  return `Dry run of ${entries.length} order${entries.length === 1 ? '' : 's'}: ${parts.join(', ')}. Nothing was changed.`;
}

const nameOf = ({ number, subject }: DryRunEntry): string => number ?? subject;

const faultRows = (entries: readonly DryRunEntry[]): string[] =>
  entries.flatMap((entry) =>
    entry.faults.map(({ item, message, fix, owner }) =>
      row([nameOf(entry), item === undefined ? message : `item ${item}: ${message}`, fix, owner]),
    ),
  );
