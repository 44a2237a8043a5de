/** Texts that others have written, as Salesforce and people are shown them. */
import { cut } from '../salesforce/texts';

/** On one line, without markup or anything that turns text around, and no longer than `length` UTF-16 units. */
export const plain = (text: string, length: number): string =>
  cut(
    text
      .replace(/<[^>]*>/g, ' ')
      .replace(/[\u202A-\u202E\u2066-\u2069]/g, '')
      .replace(/[\s\p{Cc}<>]+/gu, ' ')
      .trim(),
    length,
  );
