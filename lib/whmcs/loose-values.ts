/**
 * WHMCS's values in one form. One and the same field is a number here and a text there, a list may be an array, `{}`,
 * `""`, an object keyed by number or a single object, and absence has as many faces.
 */
import { z } from 'zod';
import { decodeEntities } from './html-text';

const numeric = z
  .string()
  .trim()
  .regex(/^\d{1,15}$/)
  .transform(Number);

/** An id, or a count: a whole number, or a text of digits. */
export const whole = z.union([z.number().int().nonnegative(), numeric]);

/** An id that may be missing: absent, null, '' and 0 all say so. */
export const optionalId = z
  .union([whole, z.literal(''), z.null()])
  .optional()
  .transform((id) => (id ? id : null));

/** A count that may be missing; 0 is one. */
export const optionalCount = z
  .union([whole, z.literal(''), z.null()])
  .optional()
  .transform((count) => (typeof count === 'number' ? count : null));

/** Text with its entities decoded, once; absent is ''. */
export const text = z
  .union([z.string(), z.number(), z.boolean(), z.null()])
  .optional()
  .transform((value) => (value === null || value === undefined ? '' : decodeEntities(String(value))));

/** Money as WHMCS prints it, "149.00"; absent is ''. */
export const money = z
  .union([z.string(), z.number(), z.null()])
  .optional()
  .transform((value) => (typeof value === 'number' ? value.toFixed(2) : (value ?? '').trim()));

/** Yes or no in any of its forms; null: not told. */
export const flag = z
  .union([z.boolean(), z.number(), z.string(), z.null()])
  .optional()
  .transform((value) =>
    value === undefined || value === null
      ? null
      : !['', '0', 'false', 'no', 'off'].includes(String(value).trim().toLowerCase()),
  );

/** A date as WHMCS prints it, without zone; its zero dates are null. */
export const date = z
  .union([z.string(), z.null()])
  .optional()
  .transform((value) => (!value || value.startsWith('0000-00-00') ? null : value));

/**
 * A list in any of its forms, under its inner name (`orders.order`) or without.
 * @param inner the name of the inner list; '' where WHMCS has none.
 */
export const listOf = <T extends z.ZodType>(item: T, inner: string): z.ZodType<z.output<T>[]> =>
  z.preprocess((value) => listIn(value, inner), z.array(item)) as z.ZodType<z.output<T>[]>;

function listIn(value: unknown, inner: string): unknown {
  if (value === undefined || value === null || value === '') return [];
  if (typeof value !== 'object' || Array.isArray(value)) return value;
  const object = value as Record<string, unknown>;
  if (inner !== '' && Object.hasOwn(object, inner)) return listIn(object[inner], '');
  const keys = Object.keys(object);
  return keys.every((key) => /^\d+$/.test(key)) ? Object.values(object) : [object];
}
