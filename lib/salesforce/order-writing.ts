/** What is written back: the Order's fields, and the service ids of its items. */
import { z } from 'zod';
import { ofThese, toWrite, type AbsentFields } from './absent-fields';
import { SalesforceError, type FieldNames, type OrderChange, type WriteEnd } from './contract';
import { NoAnswer } from './http';
import { orderIdOf, sameId, toId18 } from './ids';
import type { Rest, RestCall } from './rest';
import { faultOf, faultOfErrors, json, lostWrite, oneError, refusedWrite, type RestFault } from './rest-errors';
import { cut } from './texts';

/** Length of the error message's field, and the longest code. */
const textLength = 255;
const itemsAtOnce = 200;

/** As FieldNames, without those that are left out. */
type Names = { [Name in Exclude<keyof FieldNames, 'further'>]: string | null };
type Row = Record<string, string | number | null>;

/** Left out where Salesforce does not take them. The status, and the id of the WHMCS order with it, are the result itself. */
const optionalNames = ['errorCode', 'errorMessage', 'errorAt', 'attempt', 'resultAttempt'] as const;

/**
 * Writes fields of an Order in one PATCH. It is sent again only where Salesforce has answered that it wrote nothing: after a
 * refused token, and without the optional fields that it did not take. Texts are cut to 255.
 *
 * A result attempt that may not be written is not just left out, since with it the fence would be gone: the end is `later`.
 * @param options.ifUnmodifiedSince wall ms of the LastModifiedDate that was read; compared by the second.
 */
export async function writeOrder(
  rest: Rest,
  absent: AbsentFields,
  idText: string,
  change: OrderChange,
  fields: FieldNames,
  options: { ifUnmodifiedSince?: number; signal?: AbortSignal } = {},
): Promise<WriteEnd> {
  const id = orderIdOf(idText);
  if (id === null)
    return { kind: 'refused', code: 'MALFORMED_ID', message: 'The text is no id of an Order', fields: [] };
  const headers: Record<string, string> =
    options.ifUnmodifiedSince === undefined
      ? {}
      : { 'If-Unmodified-Since': new Date(options.ifUnmodifiedSince).toUTCString() };
  const refused = new Set<string>();
  for (;;) {
    const names = usable(fields, absent, refused);
    const body = rowOf(change, names);
    if (Object.keys(body).length === 0) return { kind: 'written' };
    const call: RestCall = { method: 'PATCH', path: `/sobjects/Order/${id}`, body, headers };
    const end = await write(rest, call, options.signal, (answer) =>
      // Anything else that is no error is a page of somebody in between.
      answer.statusCode === 204 || json(answer.body) !== undefined
        ? { kind: 'written' }
        : { kind: 'unknown', code: 'NOT_JSON', message: 'The answer to the write is not Salesforce’s own' },
    );
    if (end.kind !== 'refused' || !leaveOut(end, fields, absent, refused, body)) return end;
    const { resultAttempt } = names;
    const isUnfenced =
      resultAttempt !== null && resultAttempt in body && absent.present(toWrite, resultAttempt) === null;
    if (isUnfenced)
      return { kind: 'later', code: end.code, message: `${resultAttempt} cannot be written; another fence is used` };
  }
}

function usable(fields: FieldNames, absent: AbsentFields, refused: ReadonlySet<string>): Names {
  const names: Names = { ...fields };
  for (const name of optionalNames) {
    const field = absent.present('Order', absent.present(toWrite, fields[name]));
    names[name] = field !== null && refused.has(field) ? null : field;
  }
  return names;
}

/** Whether the refusal is about optional fields alone, which are left out from now on, or (a value) this time. */
function leaveOut(
  { code, message, fields: named }: Extract<WriteEnd, { kind: 'refused' }>,
  fields: FieldNames,
  absent: AbsentFields,
  refused: Set<string>,
  body: Row,
): boolean {
  const sent = optionalNames.filter((name) => String(fields[name]) in body);
  if (isAboutFields(code)) {
    return absent.learn(
      toWrite,
      named,
      sent.map((name) => fields[name]),
      (field) => {
        // The org counts by itself.
        if (field === fields.attempt) return 'info';
        const isExpected = field === fields.errorCode || field === fields.errorMessage;
        return code === 'INVALID_FIELD' && !isExpected ? 'warn' : 'error';
      },
    );
  }
  if (!isAboutValues(code)) return false;
  const left = ofThese(
    named,
    sent.filter((name) => name !== 'resultAttempt').map((name) => fields[name]),
  );
  for (const field of left ?? []) {
    refused.add(field);
    absent.refused('Order', field, code, message);
  }
  return left !== null;
}

/**
 * Writes WHMCS service ids onto order items, at most 200 a call. A missing field is no error.
 * The worst end of any item; items before and after it may have been written.
 */
export async function writeItems(
  rest: Rest,
  absent: AbsentFields,
  values: readonly { itemId: string; serviceId: string }[],
  fields: FieldNames,
  signal?: AbortSignal,
): Promise<WriteEnd> {
  let worst: WriteEnd = { kind: 'written' };
  for (let from = 0; from < values.length; from += itemsAtOnce) {
    const field = absent.present('OrderItem', fields.itemServiceId);
    if (field === null) return worst;
    const records = values.slice(from, from + itemsAtOnce).map(({ itemId, serviceId }) => ({
      attributes: { type: 'OrderItem' },
      id: toId18(itemId) ?? itemId,
      [field]: serviceId,
    }));
    const call: RestCall = { method: 'PATCH', path: '/composite/sobjects', body: { allOrNone: false, records } };
    const end = await write(rest, call, signal, (answer) => collectionEnd(json(answer.body), records));
    if (end.kind === 'later' || end.kind === 'unknown') return end;
    if (end.kind !== 'refused') continue;
    const level = end.code === 'INVALID_FIELD' ? 'warn' : 'error';
    if (isAboutFields(end.code) && absent.learn('OrderItem', end.fields, [field], () => level)) return worst;
    if (worst.kind === 'written') worst = end;
  }
  return worst;
}

async function write(
  rest: Rest,
  call: RestCall,
  signal: AbortSignal | undefined,
  done: (answer: { statusCode: number; body: string }) => WriteEnd,
): Promise<WriteEnd> {
  try {
    const { answer } = await rest.call(call, signal);
    return answer.statusCode < 300 ? done(answer) : refusedWrite(faultOf(answer));
  } catch (error) {
    if (error instanceof NoAnswer) return lostWrite(error);
    // No token: nothing was sent.
    if (error instanceof SalesforceError) return { kind: 'later', code: error.code, message: error.message };
    if (signal?.aborted)
      return { kind: 'later', code: 'ECLOSED', message: 'The write was given up before it was sent' };
    throw error;
  }
}

function rowOf(change: OrderChange, fields: Names): Row {
  const row: Row = {};
  const put = (field: string | null, value: string | number | null | undefined): void => {
    if (field !== null && value !== undefined) row[field] = typeof value === 'string' ? cut(value, textLength) : value;
  };
  put(fields.activationStatus, change.activationStatus);
  put(fields.whmcsOrderId, change.whmcsOrderId);
  put(fields.errorCode, change.errorCode);
  put(fields.errorMessage, change.errorMessage);
  put(fields.errorAt, typeof change.errorAt === 'number' ? new Date(change.errorAt).toISOString() : change.errorAt);
  put(fields.attempt, change.attempt);
  put(fields.resultAttempt, change.resultAttempt);
  return row;
}

const isAboutFields = (code: string): boolean => code === 'INVALID_FIELD' || code === 'INVALID_FIELD_FOR_INSERT_UPDATE';
/** The field is there, but of another length, type or set of values than ours. */
const isAboutValues = (code: string): boolean =>
  /^(STRING_TOO_LONG|FIELD_INTEGRITY_EXCEPTION|INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST|INVALID_TYPE_ON_FIELD_IN_RECORD|NUMBER_OUTSIDE_VALID_RANGE)$/.test(
    code,
  );

const results = z.array(
  z.object({ id: z.string().nullish(), success: z.boolean(), errors: z.array(oneError).default([]) }),
);

/** One result for each record, in their order. */
function collectionEnd(body: unknown, records: readonly { id: string }[]): WriteEnd {
  const parsed = results.safeParse(body);
  if (!parsed.success || parsed.data.length !== records.length)
    return { kind: 'unknown', code: 'NOT_JSON', message: 'The answer does not name a result for each item' };
  let worst: WriteEnd = { kind: 'written' };
  for (const [index, result] of parsed.data.entries()) {
    const record = records[index];
    if (result.success) {
      if (record && result.id && !sameId(result.id, record.id))
        return { kind: 'unknown', code: 'NOT_JSON', message: 'The answer names other items' };
      continue;
    }
    const fault: RestFault = faultOfErrors(result.errors, 400);
    const end = refusedWrite(fault);
    if (end.kind === 'later') return end;
    if (worst.kind === 'written') worst = end;
  }
  return worst;
}
