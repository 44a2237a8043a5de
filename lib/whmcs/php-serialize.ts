/** Custom fields and options of an order item, as WHMCS takes them: base64 of PHP's `serialize`. */
import { serialize } from 'php-serialize';

/** Values by numeric id. Ids are written as integers, as PHP does; texts are counted in UTF-8 bytes. */
export type ById = Record<number, string | number | Record<string, number>>;

/** PHP's `serialize` of an array keyed by id. */
export const serializeById = (values: ById): string =>
  // A Map, since the package writes the keys of an object as texts.
  serialize(new Map(Object.entries(values).map(([id, value]) => [Number(id), value])));

/** The same in base64, ready for a form field. */
export const encodeById = (values: ById): string => Buffer.from(serializeById(values), 'utf8').toString('base64');
