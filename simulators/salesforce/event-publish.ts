/** Publishing a platform event over REST. Salesforce reference §5. */
import { ApiError, notFound } from './errors';
import { toLongId } from './ids';
import type { Values } from './records';
import type { RestContext, RestResult } from './rest-request';

const jsonTypes = { string: 'string', double: 'number', boolean: 'boolean', long: 'string' } as const;

/**
 * Enqueues one event. The answer is a success with a non-empty list of errors, as newer versions give: its message is
 * the event's uuid.
 * @param body the event's fields.
 * @throws ApiError NOT_FOUND, INVALID_FIELD, JSON_PARSER_ERROR
 */
export function createEvent(
  type: string,
  body: Readonly<Record<string, unknown>>,
  { org, session }: RestContext,
): RestResult {
  const topic = org.bus.topic(`/event/${type}`);
  if (!topic) throw notFound();
  const fields: Values = {};
  for (const [name, value] of Object.entries(body)) {
    if (name === 'attributes') continue;
    const field = topic.schema.fields.find((one) => one.name.toLowerCase() === name.toLowerCase());
    if (!field) throw new ApiError(400, 'INVALID_FIELD', `No such column '${name}' on sobject of type ${type}`, [name]);
    if (value !== null && typeof value !== jsonTypes[field.type]) {
      throw new ApiError(
        400,
        'JSON_PARSER_ERROR',
        `Cannot deserialize instance of ${field.type} from ${String(value)}`,
      );
    }
    if (value === null || typeof value === 'boolean' || typeof value === 'number') fields[field.name] = value;
    else fields[field.name] = field.type === 'long' ? Date.parse(String(value)) : String(value);
  }
  const event = org.bus.publish(topic, { fields, createdById: session.user.userId });
  const enqueued = { statusCode: 'OPERATION_ENQUEUED', message: event.uuid, fields: [] };
  return { status: 201, body: { id: toLongId('e01xx0000000001'), success: true, errors: [enqueued] } };
}
