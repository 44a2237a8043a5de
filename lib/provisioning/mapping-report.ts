/** What people read of a mapping: one short text for Salesforce, one line a fault for the debug sidebar. */
import { cut } from '../salesforce/texts';
import { messageLimit } from './failure';
import type { MappedItem, MappingFault, MappingPart } from './message';
import { plain } from './plain-text';
import { inBlocks, row } from './report-lines';

/** The faults in one text that fits Salesforce's field: as many items as there is room for, the first one in any case. */
export function shortReport({ items }: MappingPart): string {
  const wrong = items.filter((item) => item.faults.length > 0);
  const heading = `${wrong.length} of ${items.length} items cannot be mapped`;
  const texts = wrong.map(
    (item) =>
      `; ${plain(item.productName, 40)}: ${item.faults.map((fault) => plain(fault.message, Infinity)).join(', ')}`,
  );
  const more = (count: number): string => (count < wrong.length ? `; and ${wrong.length - count} more` : '');
  for (let count = wrong.length; count > 0; count--) {
    const text = `${heading}${texts.slice(0, count).join('')}${more(count)}`;
    if (text.length <= messageLimit) return text;
  }
  return `${heading}${cut(texts[0] ?? '', messageLimit - heading.length - more(1).length)}${more(1)}`;
}

/**
 * One line a fault: the item, what is wrong, what to do, who. In blocks under a heading, each as long as the debug sidebar
 * shows; it folds a block to its heading.
 */
export function longReport(order: string, { items }: MappingPart): string[] {
  return report(order, items, 'cannot be mapped', ({ faults }) => faults);
}

/** The same of warnings; none: no block. */
export function warningReport(order: string, { items }: MappingPart): string[] {
  return report(order, items, 'with a warning', ({ warnings = [] }) => warnings);
}

function report(
  order: string,
  items: readonly MappedItem[],
  words: string,
  of: (item: MappedItem) => readonly MappingFault[],
): string[] {
  const rows = items.flatMap((item, at) =>
    of(item).map(({ message, fix, owner }) => row([`${at + 1} ${cut(item.productName, 80)}`, message, fix, owner])),
  );
  if (rows.length === 0) return [];
  const wrong = items.filter((item) => of(item).length > 0).length;
  const heading = `Order ${order}: ${wrong} of ${items.length} items ${words}\nitem | fault | fix | owner`;
  return inBlocks(heading, rows, 'msg.mapping');
}
