/** Texts for fields of a fixed length. */

/**
 * The text, no longer than `length` UTF-16 units, cut between whole characters as a reader sees them (an emoji of
 * several code points, a letter with its accent), with … where something is missing.
 */
export function cut(text: string, length: number): string {
  if (text.length <= length) return text;
  let kept = '';
  for (const { segment } of new Intl.Segmenter(undefined, { granularity: 'grapheme' }).segment(text)) {
    if (kept.length + segment.length > length - 1) break;
    kept += segment;
  }
  return `${kept}…`;
}
