/** What people read of a mapping: one short text for Salesforce, one line a fault for the debug sidebar. */
import { cut } from '../salesforce/texts';
import { messageLimit } from './failure';
import type { MappedItem, MappingFault, MappingPart } from './message';
import { inBlocks, row } from './report-lines';

/** The faults in one text that fits Salesforce's field. */
export function shortReport({ items }: MappingPart): string {
  const wrong = items.filter((item) => item.faults.length > 0);
  let text = `${wrong.length} of ${items.length} items cannot be mapped`;
  for (const [at, item] of wrong.entries()) {
    const next = `; ${cut(plain(item.productName), 40)}: ${item.faults.map((fault) => plain(fault.message)).join(', ')}`;
    if (text.length + next.length > messageLimit)
      return `${cut(text, messageLimit - 15)}; and ${wrong.length - at} more`;
    text += next;
  }
  return text;
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

/** In Salesforce: on one line, and no markup. */
const plain = (text: string): string =>
  text
    .replace(/<[^>]*>/g, ' ')
    .replace(/[\s\p{Cc}]+/gu, ' ')
    .trim();
