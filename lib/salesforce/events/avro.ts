/** Payloads of events: bare Avro binary of one record, by the schema that the event itself names. */
import type { Type } from 'avsc';
import { z } from 'zod';
import type { Json, JsonObject } from '../../json';
import { avsc } from '../vendors';

export interface DecodedPayload {
  /** Wall ms of CreatedDate; null when the event has none. */
  createdAt: number | null;
  fields: JsonObject;
}

/** @throws Error when the bytes do not fit the schema. */
export type PayloadDecoder = (payload: Buffer) => DecodedPayload;

/** Salesforce says what a field is in `doc`, e.g. `CreatedDate:DateTime`. */
const recordSchema = z.object({
  type: z.literal('record'),
  fields: z.array(z.object({ name: z.string(), doc: z.string().optional() })),
});

/**
 * A decoder for one schema. 64-bit numbers come out as strings, whatever their size (a JavaScript number loses digits
 * beyond 2^53); CreatedDate and other fields documented as DateTime as ISO in UTC; unions as the plain value.
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

  return (payload) => {
    const record = asJson(type.fromBuffer(payload));
    if (record === null || typeof record !== 'object' || Array.isArray(record))
      throw new Error('the payload is no record');
    const created = record['CreatedDate'];
    const createdAt = typeof created === 'string' ? Number(created) : null;
    for (const name of dates) record[name] = isoOf(record[name] ?? null);
    return { createdAt, fields: record };
  };
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
