/** Salesforce record ids: 15 characters, case-sensitive, or 18 with a suffix that tells the case of the first 15. */

const fifteen = /^[0-9A-Za-z]{15}$/;
const suffixAlphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ012345';
const orderPrefix = '801';

/**
 * The 18 characters of an id of 15 or 18.
 * @returns null when the text is no id, or when the suffix of 18 does not belong to its first 15 (a typo, or changed case).
 */
export function toId18(text: string): string | null {
  const head = text.slice(0, 15);
  if (!fifteen.test(head)) return null;
  const full = head + suffixOf(head);
  if (text.length === 15) return full;
  return text.length === 18 && text.toUpperCase() === full.toUpperCase() ? full : null;
}

/** The id of an Order (prefix 801) that a text holds, as 18 characters; null when it holds none. */
export function orderIdOf(text: string): string | null {
  const id = toId18(text.trim());
  return id?.startsWith(orderPrefix) ? id : null;
}

/** Whether two ids name the same record: their first 15 characters, case and all. */
export const sameId = (one: string, other: string): boolean => one.slice(0, 15) === other.slice(0, 15);

/** One character for each five: bit j is set where character j is a capital letter. */
function suffixOf(id15: string): string {
  let suffix = '';
  for (let chunk = 0; chunk < 3; chunk++) {
    let bits = 0;
    for (let j = 0; j < 5; j++) if (/[A-Z]/.test(id15[chunk * 5 + j] ?? '')) bits |= 1 << j;
    suffix += suffixAlphabet[bits];
  }
  return suffix;
}
