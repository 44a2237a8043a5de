/**
 * Change Data Capture: which Orders an event of `/data/OrderChangeEvent` may have made Activating. The header's fields and
 * the change types are those of the Change Data Capture Developer Guide ("Change Event Fields", "Gap Events", "Overflow
 * Events"); the bitmaps those of the Pub/Sub API guide ("Event Deserialization Considerations").
 */
import { z } from 'zod';
import type { Json, JsonObject } from '../../json';
import { EventRefused } from '../contract';
import { orderIdOf } from '../ids';

/** A record field of an Avro schema, as far as the bitmaps need it. */
export interface SchemaField {
  name: string;
  /** Of a compound field (an address): its parts, in the schema's order. */
  parts: readonly string[];
}

/** Channels of change events; everything else carries platform events. */
export const isChangeChannel = (channel: string): boolean => channel.startsWith('/data/');

/**
 * The names behind a bitmap field of the header: `0x650004E0` has a bit for each field of the schema, the lowest bit for the
 * first; `4-0x10` one for each part of the compound field at position 4, named `BillingAddress.City`. Plain names, as
 * CometD sends them, stay as they are.
 * @throws Error when an entry is neither, or names a position that the schema does not have.
 */
export function changedFieldNames(entries: readonly string[], schema: readonly SchemaField[]): string[] {
  return entries.flatMap((entry) => {
    const bitmap = /^(?:(\d+)-)?0x([0-9A-Fa-f]+)$/.exec(entry);
    if (!bitmap) {
      if (/^[A-Za-z][\w.]*$/.test(entry)) return [entry];
      throw new Error(`"${entry.slice(0, 40)}" is neither a bitmap nor a field's name`);
    }
    const [, parent, hex = ''] = bitmap;
    if (parent === undefined) return bitsOf(hex).map((bit) => fieldAt(schema, bit).name);
    const field = fieldAt(schema, Number(parent));
    return bitsOf(hex).map((bit) => `${field.name}.${field.parts[bit] ?? bit}`);
  });
}

const header = z.object({
  entityName: z.string(),
  recordIds: z.array(z.string()),
  changeType: z.string(),
  changedFields: z.array(z.string()).default([]),
});

/**
 * - `orders`: these were set to Activating, or changed in a way that the event does not tell (a gap); reading them tells.
 * - `overflow`: more changes than Salesforce tells one by one; only a sweep finds their orders.
 * - `nothing`: a change of something else.
 */
export type OrderChange = { kind: 'orders'; orderIds: string[] } | { kind: 'overflow' } | { kind: 'nothing' };

/**
 * What a decoded change event means for us. `payload` has `changedFields` as names (see `changedFieldNames`).
 * @param statusField name of the Order's status field, such as Activation_Status__c
 * @throws EventRefused when the payload has no readable ChangeEventHeader.
 */
export function orderChange(payload: JsonObject, statusField: string): OrderChange {
  const parsed = header.safeParse(payload['ChangeEventHeader']);
  if (!parsed.success) throw new EventRefused('The change event has no readable ChangeEventHeader');
  const { entityName, recordIds, changeType, changedFields } = parsed.data;
  if (entityName !== 'Order') return { kind: 'nothing' };
  if (changeType === 'GAP_OVERFLOW') return { kind: 'overflow' };
  if (!concerns(changeType, changedFields, payload[statusField] ?? null, statusField)) return { kind: 'nothing' };
  const orderIds = recordIds.map(orderIdOf).filter((id) => id !== null);
  return orderIds.length > 0 ? { kind: 'orders', orderIds: [...new Set(orderIds)] } : { kind: 'nothing' };
}

function concerns(changeType: string, changedFields: readonly string[], status: Json, statusField: string): boolean {
  switch (changeType) {
    case 'CREATE':
    case 'UNDELETE':
      return status === 'Activating';
    case 'UPDATE':
      // Fields that did not change are null in an update, so the value alone would do; the names keep it so.
      return status === 'Activating' && changedFields.includes(statusField);
    case 'GAP_CREATE':
    case 'GAP_UPDATE':
    case 'GAP_UNDELETE':
      return true;
    default:
      return false;
  }
}

function bitsOf(hex: string): number[] {
  const bits: number[] = [];
  for (let value = BigInt(`0x${hex}`), bit = 0; value > 0n; value >>= 1n, bit++) if (value & 1n) bits.push(bit);
  return bits;
}

function fieldAt(schema: readonly SchemaField[], position: number): SchemaField {
  const field = schema[position];
  if (!field) throw new Error(`The schema has no field at position ${position}`);
  return field;
}
