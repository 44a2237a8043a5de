/** Salesforce record ids: 15 case-sensitive characters, or the same with a 3-character suffix that tells the case. */

const suffixAlphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ012345';
const digits = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';

/** The 18-character form of a 15-character id. */
export function toLongId(shortId: string): string {
  let suffix = '';
  for (let chunk = 0; chunk < 3; chunk += 1) {
    let bits = 0;
    for (let place = 0; place < 5; place += 1) {
      if (/[A-Z]/.test(shortId.charAt(chunk * 5 + place))) bits += 2 ** place;
    }
    suffix += suffixAlphabet.charAt(bits);
  }
  return shortId + suffix;
}

/**
 * The 18-character id that a client means, or null when the text is no id.
 * Of 18 characters the suffix decides the case, so an id that lost its case is mended.
 */
export function readId(text: string): string | null {
  if (/^[0-9A-Za-z]{15}$/.test(text)) return toLongId(text);
  if (!/^[0-9A-Za-z]{18}$/.test(text)) return null;
  let shortId = '';
  for (let chunk = 0; chunk < 3; chunk += 1) {
    const bits = suffixAlphabet.indexOf(text.charAt(15 + chunk).toUpperCase());
    if (bits < 0) return null;
    for (let place = 0; place < 5; place += 1) {
      const character = text.charAt(chunk * 5 + place);
      const upper = Math.floor(bits / 2 ** place) % 2 === 1;
      if (upper && /[0-9]/.test(character)) return null;
      shortId += upper ? character.toUpperCase() : character.toLowerCase();
    }
  }
  return toLongId(shortId);
}

/** Gives ids of one sObject in turn: prefix, pod, nine digits in base 62. */
export class IdSequence {
  private next: number;

  constructor(
    private readonly prefix: string,
    first = 100_000,
  ) {
    this.next = first;
  }

  take(): string {
    let rest = this.next;
    this.next += 1;
    let tail = '';
    while (tail.length < 9) {
      tail = digits.charAt(rest % 62) + tail;
      rest = Math.floor(rest / 62);
    }
    return toLongId(`${this.prefix}Ql0${tail}`);
  }
}
