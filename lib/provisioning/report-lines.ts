/** Reports as people read them in the debug sidebar: one line a finding, columns apart by bars, in blocks under a heading. */
import { cut } from '../salesforce/texts';
import { unturned } from './plain-text';

/** More lines than this nobody reads there. */
export const mostLines = 30;
/** What Node-RED's debug sidebar shows of one text. */
const blockLength = 1_000;
const rowLength = 800;

/** One line of columns. Names come from outside: no line break, no column of their own, nothing that turns text around. */
export const row = (columns: readonly string[]): string => cut(columns.map(oneLine).join(' | '), rowLength);

const oneLine = (text: string): string =>
  unturned(text)
    .replace(/[\s\p{Cc}|]+/gu, ' ')
    .trim();

/** ` (30 of 30)` */
const countLength = 11;

/**
 * The first 30 rows in blocks, each under the heading, since the sidebar folds a block to it. Of several each says which one
 * it is: they are one report.
 * @param rest where the others are.
 */
export function inBlocks(heading: string, rows: readonly string[], rest: string): string[] {
  const more = rows.length - mostLines;
  const lines = [...rows.slice(0, mostLines), ...(more > 0 ? [`and ${more} more, in ${rest}`] : [])];
  const [first = '', ...others] = heading.split('\n');
  const whole = blockLength - heading.length - countLength;
  const blocks: string[][] = [];
  let room = 0;
  for (const line of lines.map((one) => cut(one, whole - 1))) {
    room -= 1 + line.length;
    if (room < 0) {
      blocks.push([]);
      room = whole - 1 - line.length;
    }
    blocks.at(-1)?.push(line);
  }
  if (blocks.length === 0) return [heading];
  const title = (at: number): string => (blocks.length > 1 ? `${first} (${at + 1} of ${blocks.length})` : first);
  return blocks.map((block, at) => [title(at), ...others, ...block].join('\n'));
}
