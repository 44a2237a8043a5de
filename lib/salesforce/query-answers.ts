/** Reading what a query answers with: rows, and the column that an error names. */
import { z } from 'zod';
import { SalesforceError, type FieldNames } from './contract';
import { toId18 } from './ids';

/** An id of 15 or 18 characters, as 18. */
export const id18 = z.string().transform((text, context) => {
  const id = toId18(text);
  if (id === null) context.addIssue({ code: 'custom', message: 'no id' });
  return id ?? '';
});

/** "2026-11-25T02:00:01.000+0000": an offset without a colon. */
export const dateTime = z.string().refine((text) => !Number.isNaN(Date.parse(text)), 'no date');

/** @throws SalesforceError UNEXPECTED_ANSWER */
export function parse<T>(schema: z.ZodType<T>, body: unknown): T {
  const parsed = schema.safeParse(body);
  if (parsed.success) return parsed.data;
  throw new SalesforceError(
    'UNEXPECTED_ANSWER',
    `Salesforce's answer is not as expected: ${z.prettifyError(parsed.error)}`,
    'query',
  );
}

/** A field of a setting's name: text, a picklist or a number in this org. Empty text counts as none. */
export function wordOf(value: unknown): string | null {
  if (typeof value !== 'string' && typeof value !== 'number' && typeof value !== 'boolean') return null;
  return String(value).trim() === '' ? null : String(value);
}

/** The time in an answer's Date header, wall ms; null when it bears none. */
export function timeOf(date: string | undefined): number | null {
  const at = date === undefined ? NaN : Date.parse(date);
  return Number.isNaN(at) ? null : at;
}

/** The column that an INVALID_FIELD names, without the path to it. */
export function namedColumn(message: string): string | null {
  const column = /No such column '([^']+)'/.exec(message)?.[1];
  return column?.split('.').pop() ?? null;
}

/** Says which setting holds the name that the org does not know. */
export function nameField(error: SalesforceError, fields: FieldNames): SalesforceError {
  const column = namedColumn(error.message);
  const names = Object.entries(fields).flatMap(([setting, name]) =>
    (Array.isArray(name) ? name : [name]).map((one: string | null) => [setting, one] as const),
  );
  const isIt = (path: string | null): boolean => path?.split('.').pop()?.trim().toLowerCase() === column?.toLowerCase();
  const found = names.find(([, path]) => isIt(path))?.[0];
  const setting = found === 'further' ? 'mapping check' : found;
  if (column === null || setting === undefined) return error;
  return new SalesforceError(
    'INVALID_FIELD',
    `The field ${column} (${setting}) does not exist in this org, or our user may not read it`,
    'query',
    { cause: error },
  );
}
