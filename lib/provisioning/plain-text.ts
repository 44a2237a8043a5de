/** Texts that others have written, as Salesforce and people are shown them. */
import { cut } from '../salesforce/texts';

/** Without the signs that turn the text behind them around, so that it would read as something else. */
export const unturned = (text: string): string => text.replace(/[\u202A-\u202E\u2066-\u2069]/g, '');

/** On one line, without markup or anything that turns text around, and no longer than `length` UTF-16 units. */
export const plain = (text: string, length: number): string =>
  cut(
    unturned(text.replace(/<[^>]*>/g, ' '))
      .replace(/[\s\p{Cc}<>]+/gu, ' ')
      .trim(),
    length,
  );
