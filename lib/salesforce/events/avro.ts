/** Payloads of events: bare Avro binary of one record, by the schema that the event itself names. */
import type { Type } from 'avsc';
import { z } from 'zod';
import type { Json, JsonObject } from '../../json';
import { avsc } from '../vendors';
import { changedFieldNames, type SchemaField } from './change-event';

export interface DecodedPayload {
  /** Wall ms of CreatedDate, or of a change's commit; null when the event has neither. */
  createdAt: number | null;
  fields: JsonObject;
}

/** @throws Error when the bytes do not fit the schema. */
export type PayloadDecoder = (payload: Buffer) => DecodedPayload;

/** Salesforce says what a field is in `doc`, e.g. `CreatedDate:DateTime`. */
const recordSchema = z.object({
  type: z.literal('record'),
  fields: z.array(z.object({ name: z.string(), doc: z.string().optional(), type: z.unknown() })),
});

const compound = z.object({ type: z.literal('record'), fields: z.array(z.object({ name: z.string() })) });

/**
 * A decoder for one schema. 64-bit numbers come out as strings, whatever their size (a JavaScript number loses digits
 * beyond 2^53); CreatedDate and other fields documented as DateTime as ISO in UTC; unions as the plain value; the bitmaps of
 * a change event as the names of the fields.
 * @throws Error when the text is no schema of a record.
 */
export function payloadDecoder(schemaJson: string): PayloadDecoder {
  const { Type, types } = avsc();
  const json: unknown = JSON.parse(schemaJson);
  const { fields } = recordSchema.parse(json);
  const longs = types.LongType.__with({
    fromBuffer: (buffer: Buffer) => buffer.readBigInt64LE().toString(),
    toBuffer: (value: string) => {
      const buffer = Buffer.alloc(8);
      buffer.writeBigInt64LE(BigInt(value));
      return buffer;
    },
    fromJSON: String,
    toJSON: String,
    isValid: (value: unknown) => typeof value === 'string',
    compare: (one: string, other: string) => Number(BigInt(one) - BigInt(other)),
  });
  const type: Type = Type.forSchema(json as Parameters<typeof Type.forSchema>[0], { registry: { long: longs } });
  const dates = fields
    .filter(({ name, doc }) => name === 'CreatedDate' || /(^|:)DateTime$/i.test(doc ?? ''))
    .map(({ name }) => name);

  const schemaFields = fields.map((field) => ({ name: field.name, parts: partsOf(field.type) }));

  return (payload) => {
    const record = asJson(type.fromBuffer(payload));
    if (!isObject(record)) throw new Error('the payload is no record');
    const header = record['ChangeEventHeader'] ?? null;
    if (isObject(header)) nameFields(header, schemaFields);
    const created = record['CreatedDate'] ?? (isObject(header) ? header['commitTimestamp'] : null);
    const createdAt = typeof created === 'string' ? Number(created) : null;
    for (const name of dates) record[name] = isoOf(record[name] ?? null);
    return { createdAt, fields: record };
  };
}

const isObject = (value: Json): value is JsonObject =>
  value !== null && typeof value === 'object' && !Array.isArray(value);

/** Names of the parts of a compound field, such as an address. */
function partsOf(type: unknown): string[] {
  for (const one of Array.isArray(type) ? (type as unknown[]) : [type]) {
    const parsed = compound.safeParse(one);
    if (parsed.success) return parsed.data.fields.map(({ name }) => name);
  }
  return [];
}

function nameFields(header: JsonObject, schema: readonly SchemaField[]): void {
  for (const list of ['changedFields', 'nulledFields', 'diffFields']) {
    const entries = header[list];
    if (Array.isArray(entries)) header[list] = changedFieldNames(entries.map(String), schema);
  }
}

const longestDate = 8.64e15;

function isoOf(value: Json): Json {
  const ms = typeof value === 'string' && /^-?\d+$/.test(value) ? Number(value) : NaN;
  return Math.abs(ms) <= longestDate ? new Date(ms).toISOString() : value;
}

/** As plain JSON: bytes as base64, numbers that JSON cannot hold as null. */
function asJson(value: unknown): Json {
  if (typeof value === 'number') return Number.isFinite(value) ? value : null;
  if (typeof value === 'string' || typeof value === 'boolean') return value;
  if (Buffer.isBuffer(value)) return value.toString('base64');
  if (Array.isArray(value)) return value.map(asJson);
  if (typeof value === 'object' && value !== null)
    return Object.fromEntries(Object.entries(value).map(([name, one]) => [name, asJson(one)]));
  return null;
}
