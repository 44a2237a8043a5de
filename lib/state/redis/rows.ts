/** Answers of our scripts as they are read: a HASH comes as names and values in turn. */
import { z } from 'zod';

export const jsonText = z.string().transform((text, context): unknown => {
  try {
    return JSON.parse(text);
  } catch {
    context.addIssue({ code: 'custom', message: 'not JSON' });
    return z.NEVER;
  }
});

/** A HASH; null for one that is not there. */
export const hash = z.array(z.string()).transform((flat) => {
  if (flat.length === 0) return null;
  const fields: Record<string, string> = {};
  for (let at = 0; at + 1 < flat.length; at += 2) fields[flat[at] ?? ''] = flat[at + 1] ?? '';
  return fields;
});

/** A whole number as Redis keeps it in a HASH. */
export const numberText = z
  .string()
  .regex(/^-?\d+$/)
  .transform(Number);
