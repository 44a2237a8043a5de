/**
 * Change Data Capture of Orders: what an event of /data/OrderChangeEvent holds. Change Data Capture Developer Guide,
 * "Change Event Message Structure", "Gap Events", "Overflow Events"; Pub/Sub API guide, "Event Deserialization
 * Considerations". How dates and currencies are coded was not seen in an org: dates are ms here, currencies doubles.
 */
import { eventSchemaOf, type EventField, type EventSchema } from './avro';
import type { Row, Value, Values } from './records';
import { objectSchema, type FieldSchema } from './schema';

export const orderChangeChannel = '/data/OrderChangeEvent';

export type ChangeType =
  'CREATE' | 'UPDATE' | 'DELETE' | 'UNDELETE' | 'GAP_CREATE' | 'GAP_UPDATE' | 'GAP_DELETE' | 'GAP_OVERFLOW';

/** The record id of an event that names none. */
export const noRecord = '000000000000000AAA';

export interface Change {
  type: ChangeType;
  recordIds: readonly string[];
  /** Changed fields with their new values; none in a gap. */
  fields: Values;
  /** Virtual ms and user of the commit. */
  at: number;
  userId: string;
}

const strings = { type: 'array', items: 'string' };
const headerType = {
  type: 'record',
  name: 'ChangeEventHeader',
  fields: [
    { name: 'entityName', type: 'string' },
    { name: 'recordIds', type: strings },
    {
      name: 'changeType',
      type: {
        type: 'enum',
        name: 'ChangeType',
        symbols: [
          'CREATE',
          'UPDATE',
          'DELETE',
          'UNDELETE',
          'GAP_CREATE',
          'GAP_UPDATE',
          'GAP_DELETE',
          'GAP_UNDELETE',
          'GAP_OVERFLOW',
          'SNAPSHOT',
        ],
      },
    },
    { name: 'changeOrigin', type: 'string' },
    { name: 'transactionKey', type: 'string' },
    { name: 'sequenceNumber', type: 'int' },
    { name: 'commitTimestamp', type: 'long' },
    { name: 'commitNumber', type: 'long' },
    { name: 'commitUser', type: 'string' },
    { name: 'nulledFields', type: strings },
    { name: 'diffFields', type: strings },
    { name: 'changedFields', type: strings },
  ],
};

const avroTypes: Partial<Record<FieldSchema['type'], EventField['type']>> = {
  double: 'double',
  currency: 'double',
  boolean: 'boolean',
  date: 'long',
  datetime: 'long',
};

const changeFields: readonly EventField[] = [...(objectSchema('Order')?.fields.values() ?? [])]
  .filter(({ name }) => !['Id', 'IsDeleted', 'SystemModstamp'].includes(name))
  .map(({ name, type }) => ({ name, type: avroTypes[type] ?? 'string' }));

export function orderChangeSchema(): EventSchema {
  return eventSchemaOf('OrderChangeEvent', [{ name: 'ChangeEventHeader', type: headerType }], changeFields);
}

/** What a commit changed, as a change event tells it; a change of nothing that it tells is none. */
export function changeOf(before: Row | null, after: Row, at: number, userId: string): Change | null {
  const fields: Values = {};
  for (const { name } of changeFields) {
    const value = after.values[name] ?? null;
    if (value !== (before?.values[name] ?? null)) fields[name] = value;
  }
  if (Object.keys(fields).length === 0) return null;
  return { type: before === null ? 'CREATE' : 'UPDATE', recordIds: [after.id], fields, at, userId };
}

/** Bare Avro binary of one change, with its fields as bitmaps. */
export function encodeChange(schema: EventSchema, change: Change, commitNumber: number): Buffer {
  const { type, recordIds, fields, at, userId } = change;
  const header = {
    entityName: 'Order',
    recordIds,
    changeType: type,
    changeOrigin: 'com/salesforce/api/soap/68.0',
    transactionKey: `0000${commitNumber.toString(16)}-tx`,
    sequenceNumber: 1,
    commitTimestamp: at,
    commitNumber,
    commitUser: userId,
    nulledFields: type === 'UPDATE' ? bitmap(Object.keys(fields).filter((name) => fields[name] === null)) : [],
    diffFields: [],
    // A new record lists no changed fields: all of them are.
    changedFields: type === 'UPDATE' ? bitmap(Object.keys(fields)) : [],
  };
  const record = Object.fromEntries(
    changeFields.map((field) => [field.name, coded(field, fields[field.name] ?? null)]),
  );
  return schema.type.toBuffer({ ChangeEventHeader: header, ...record });
}

/** The names behind a bitmap of `encodeChange`, as the Streaming API sends them. */
export function namesOf(bitmaps: readonly string[]): string[] {
  const [hex] = bitmaps;
  if (hex === undefined) return [];
  const bits = BigInt(hex);
  return changeFields.filter((_, at) => (bits >> BigInt(at + 1)) & 1n).map(({ name }) => name);
}

/** One bit for each field of the schema, the header being the first. */
function bitmap(names: readonly string[]): string[] {
  if (names.length === 0) return [];
  const bits = names.reduce((sum, name) => {
    const at = changeFields.findIndex((field) => field.name === name);
    return sum | (1n << BigInt(at + 1));
  }, 0n);
  return [`0x${bits.toString(16).toUpperCase()}`];
}

function coded(field: EventField, value: Value): Value {
  return field.type === 'long' && typeof value === 'string' ? Date.parse(value) : value;
}
