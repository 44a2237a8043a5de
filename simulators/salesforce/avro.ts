/** Avro of platform events: one record, CreatedDate and CreatedById first, custom fields as unions with null. §3.6. */
import { createHash } from 'node:crypto';
import avsc from 'avsc';
import type { Values } from './records';

export interface EventField {
  name: string;
  type: 'string' | 'double' | 'boolean' | 'long';
}

/** One version of a platform event's schema. */
export interface EventSchema {
  /** 22 characters, as the bus names schemas. */
  id: string;
  json: string;
  fields: readonly EventField[];
  type: avsc.Type;
}

/** @param name the event's API name, as OrderProvisionRequested__e. */
export function eventSchema(name: string, fields: readonly EventField[]): EventSchema {
  const system = [
    { name: 'CreatedDate', type: 'long', doc: 'CreatedDate:DateTime' },
    { name: 'CreatedById', type: 'string', doc: 'CreatedBy:EntityId' },
  ];
  return eventSchemaOf(name, system, fields);
}

/** A record of fields that are always there, then others that may be null. */
export function eventSchemaOf(name: string, system: readonly object[], fields: readonly EventField[]): EventSchema {
  const json = JSON.stringify({
    name,
    namespace: 'com.sforce.eventbus',
    type: 'record',
    fields: [
      ...system,
      ...fields.map((one) => ({ name: one.name, type: ['null', one.type], doc: `Data:${one.type}`, default: null })),
    ],
  });
  const id = createHash('md5').update(json).digest('base64url');
  return { id, json, fields, type: avsc.Type.forSchema(JSON.parse(json) as avsc.Schema, { wrapUnions: 'never' }) };
}

/** Bare Avro binary of one event; fields that are not given are null. */
export function encodeEvent(schema: EventSchema, fields: Values, createdAt: number, createdById: string): Buffer {
  const custom = Object.fromEntries(schema.fields.map((one) => [one.name, fields[one.name] ?? null]));
  return schema.type.toBuffer({ CreatedDate: createdAt, CreatedById: createdById, ...custom });
}

/**
 * Fields of an event, as a publisher sent them.
 * @throws Error when the bytes are no record of that schema.
 */
export function decodeEvent(schema: EventSchema, payload: Buffer): Values {
  return { ...(schema.type.fromBuffer(payload) as Values) };
}

/** Bytes that no reader of such a schema can decode: the length of CreatedById runs past the end. */
export function brokenPayload(text: string): Buffer {
  return Buffer.concat([Buffer.from([0x02, 0xfe, 0xff, 0xff, 0xff, 0x0f]), Buffer.from(text)]);
}
