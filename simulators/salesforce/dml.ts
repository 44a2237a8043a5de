/** What Salesforce checks of the fields a client sends, before any rule of the org. Salesforce reference §4.3, §4.6. */
import { ApiError } from './errors';
import { readId } from './ids';
import { toDatetime, type Value, type Values } from './records';
import { objectSchema, type FieldSchema, type ObjectSchema, type SchemaView } from './schema';

/** A field as it came: name and JSON value. */
type Sent = [name: string, value: unknown];

/**
 * The values to store, by the fields' own names.
 * @throws ApiError for the first fault: unknown field, wrong JSON type, read-only field, empty required field, restricted
 *   picklist, too long a text, malformed id.
 */
export function checkFields(
  view: SchemaView,
  object: ObjectSchema,
  body: Readonly<Record<string, unknown>>,
  mode: 'insert' | 'update',
): Values {
  const sent = Object.entries(body).filter(([name]) => name !== 'attributes');
  const known = sent.map((one) => [knownField(view, object, one), one[1]] as const);
  for (const [field, value] of known) checkJson(field, value);
  const locked = known
    .map(([field]) => field)
    .filter((field) => !(mode === 'insert' ? field.createable : field.updateable));
  if (locked.length > 0) throw readOnly(locked.map((field) => field.name));
  checkRequired(view, object, known, mode);
  return Object.fromEntries(known.map(([field, value]) => [field.name, stored(field, value)]));
}

function knownField(view: SchemaView, object: ObjectSchema, [name]: Sent): FieldSchema {
  if (name.toLowerCase() === 'id') {
    throw new ApiError(400, 'INVALID_FIELD', 'The Id field should not be specified in the sobject data.', ['Id']);
  }
  const field = view.field(object, name);
  if (!field)
    throw new ApiError(400, 'INVALID_FIELD', `No such column '${name}' on sobject of type ${object.name}`, [name]);
  return field;
}

function readOnly(names: string[]): ApiError {
  const message = `Unable to create/update fields: ${names.join(', ')}. Please check the security settings of this field and verify that it is read/write for your profile or permission set.`;
  return new ApiError(400, 'INVALID_FIELD_FOR_INSERT_UPDATE', message, names);
}

function checkRequired(
  view: SchemaView,
  object: ObjectSchema,
  known: readonly (readonly [FieldSchema, unknown])[],
  mode: 'insert' | 'update',
): void {
  const value = new Map(known.map(([field, one]) => [field.name, one]));
  const required = view
    .fields(object)
    .filter((field) => !field.nillable && field.createable && field.type !== 'boolean');
  const empty = required.filter((field) => {
    const one = value.get(field.name);
    return value.has(field.name) ? one === null || one === '' : mode === 'insert';
  });
  if (empty.length === 0) return;
  const names = empty.map((field) => field.name);
  throw new ApiError(400, 'REQUIRED_FIELD_MISSING', `Required fields are missing: [${names.join(', ')}]`, names);
}

function checkJson(field: FieldSchema, value: unknown): void {
  if (value === null) return;
  const wanted = jsonType(field);
  if (typeof value === wanted && isWellFormed(field, value)) return;
  const kind =
    typeof value === 'string'
      ? 'VALUE_STRING'
      : typeof value === 'boolean'
        ? `VALUE_${String(value).toUpperCase()}`
        : token(value);
  const name =
    field.type === 'double' || field.type === 'currency'
      ? 'double'
      : field.type === 'boolean' || field.type === 'date' || field.type === 'datetime'
        ? field.type
        : 'string';
  const shown = typeof value === 'object' ? '' : ` value ${String(value)}`;
  const message = `Cannot deserialize instance of ${name} from ${kind}${shown} or request may be missing a required field at [line:1, column:2]`;
  throw new ApiError(400, 'JSON_PARSER_ERROR', message);
}

function jsonType(field: FieldSchema): 'string' | 'number' | 'boolean' {
  if (field.type === 'double' || field.type === 'currency') return 'number';
  return field.type === 'boolean' ? 'boolean' : 'string';
}

function token(value: unknown): string {
  if (typeof value === 'number') return Number.isInteger(value) ? 'VALUE_NUMBER_INT' : 'VALUE_NUMBER_FLOAT';
  return Array.isArray(value) ? 'START_ARRAY' : 'START_OBJECT';
}

function isWellFormed(field: FieldSchema, value: unknown): boolean {
  if (value === '') return true;
  if (field.type === 'date')
    return /^\d{4}-\d{2}-\d{2}$/.test(String(value)) && !Number.isNaN(Date.parse(String(value)));
  if (field.type !== 'datetime') return true;
  const shape = /^\d{4}-\d{2}-\d{2}(T\d{2}:\d{2}(:\d{2}(\.\d+)?)?(Z|[+-]\d{2}:?\d{2})?)?$/;
  return shape.test(String(value)) && !Number.isNaN(Date.parse(String(value)));
}

function stored(field: FieldSchema, value: unknown): Value {
  if (value === null || value === '') return null;
  if (typeof value === 'number' || typeof value === 'boolean') return value;
  const text = String(value);
  switch (field.type) {
    case 'datetime':
      return toDatetime(Date.parse(text));
    case 'date':
      return text;
    case 'reference':
      return referenceId(field, text);
    case 'picklist':
      if (!field.values || field.values.includes(text)) return text;
      throw new ApiError(
        400,
        'INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST',
        `${field.label}: bad value for restricted picklist field: ${text}`,
        [field.name],
      );
    default:
      return fitting(field, text);
  }
}

function fitting(field: FieldSchema, text: string): string {
  const trimmed = text.trim();
  if (field.length === undefined || trimmed.length <= field.length) return trimmed;
  const message = `${field.label}: data value too large: ${trimmed} (max length=${field.length})`;
  throw new ApiError(400, 'STRING_TOO_LONG', message, [field.name]);
}

function referenceId(field: FieldSchema, text: string): string {
  const id = readId(text);
  const prefix = objectSchema(field.to ?? '')?.keyPrefix ?? '';
  if (id === null || !id.startsWith(prefix)) {
    throw new ApiError(400, 'MALFORMED_ID', `${field.label}: id value of incorrect type: ${text}`, [field.name]);
  }
  return id;
}
