/** Events as the Streaming API delivers them: JSON with every field, dates as ISO. Salesforce reference §2.4. */
import { decodeEvent, type EventSchema } from './avro';
import type { Bus, BusEvent, Topic } from './bus';
import { namesOf } from './change-events';
import type { Value } from './records';

/** From this version on an event carries its uuid. */
const uuidSince = 52;

/**
 * One delivery, as JSON text: a replay id may have more digits than a number of JavaScript.
 * @param version of the endpoint, as 68. @param withReplayId false: the event comes without one.
 */
export function eventMessage(
  bus: Bus,
  topic: Topic,
  event: BusEvent,
  { version, withReplayId }: { version: number; withReplayId: boolean },
): string {
  const replayId = withReplayId ? [`"replayId":${event.seq}`] : [];
  const uuid = version >= uuidSince ? [`"EventUuid":${JSON.stringify(event.uuid)}`] : [];
  const schema = JSON.stringify(event.schemaId);
  const payload = payloadText(bus.schema(event.schemaId), event);
  const data = `{"schema":${schema},"payload":${payload},"event":{${[...replayId, ...uuid].join(',')}}}`;
  return `{"data":${data},"channel":${JSON.stringify(topic.name)}}`;
}

/** The fields in the schema's order. Bytes that cannot be decoded have no JSON: they go out as the text of their base64. */
function payloadText(schema: EventSchema | undefined, event: BusEvent): string {
  let fields: Record<string, Value>;
  try {
    if (!schema) throw new Error(`no schema ${event.schemaId}`);
    fields = decodeEvent(schema, event.payload);
  } catch {
    return JSON.stringify(event.payload.toString('base64'));
  }
  const types = new Map(schema.fields.map((field) => [field.name, field.type]));
  const { ChangeEventHeader: header, ...own } = fields as { ChangeEventHeader?: ChangeHeader } & Record<string, Value>;
  if (header) return changeText(header, own, types);
  const members = Object.entries(own).map(([name, value]) => {
    const type = name === 'CreatedDate' ? 'long' : (types.get(name) ?? 'string');
    return `${JSON.stringify(name)}:${valueText(type, value)}`;
  });
  return `{${members.join(',')}}`;
}

/** A long is a datetime in this org; a double is written with its point, as Java does. */
function valueText(type: string, value: Value): string {
  if (typeof value !== 'number') return JSON.stringify(value);
  if (type === 'long') return JSON.stringify(new Date(value).toISOString());
  return Number.isInteger(value) && Math.abs(value) < 1e15 ? `${value}.0` : JSON.stringify(value);
}

interface ChangeHeader {
  changedFields: string[];
}

/** A change event has its changed fields by name, and only those; nulled and diff fields are not told. */
function changeText(header: ChangeHeader, fields: Record<string, Value>, types: ReadonlyMap<string, string>): string {
  const { changedFields, ...rest } = header;
  const names = namesOf(changedFields);
  const told = Object.fromEntries(
    Object.entries(rest).filter(([name]) => name !== 'nulledFields' && name !== 'diffFields'),
  );
  const own = Object.entries(fields)
    .filter(([name, value]) => value !== null || names.includes(name))
    .map(([name, value]) => `${JSON.stringify(name)}:${valueText(types.get(name) ?? 'string', value)}`);
  const headerText = JSON.stringify({ ...told, changedFields: names });
  return `{${[`"ChangeEventHeader":${headerText}`, ...own].join(',')}}`;
}
