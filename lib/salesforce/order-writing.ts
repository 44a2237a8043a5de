/** What is written back: the Order's fields, and the service ids of its items. */
import { z } from 'zod';
import type { AbsentFields } from './absent-fields';
import { SalesforceError, type FieldNames, type OrderChange, type WriteEnd } from './contract';
import { NoAnswer } from './http';
import { orderIdOf, sameId, toId18 } from './ids';
import type { Rest, RestCall } from './rest';
import { faultOf, faultOfErrors, json, lostWrite, oneError, refusedWrite, type RestFault } from './rest-errors';
import { cut } from './texts';

/** Length of the error message's field, and the longest code. */
const textLength = 255;
const itemsAtOnce = 200;

/** What our user may not write is read all the same: the attempt fences our results. */
const written = 'Order (to write)';

type Row = Record<string, string | number | null>;

/**
 * Writes fields of an Order in one PATCH; sent once, but for one repeat after a refused token or after learning that
 * optional fields (attempt, resultAttempt, errorAt) are absent, both of which Salesforce answered before it wrote anything.
 * Texts are cut to 255.
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
  for (;;) {
    const resultAttempt = absent.present(written, fields.resultAttempt);
    const errorAt = absent.present(written, fields.errorAt);
    const attempt = absent.present(written, absent.present('Order', fields.attempt));
    const body = rowOf(change, { ...fields, attempt, resultAttempt, errorAt });
    if (Object.keys(body).length === 0) return { kind: 'written' };
    const call: RestCall = { method: 'PATCH', path: `/sobjects/Order/${id}`, body, headers };
    const end = await write(rest, call, options.signal, (answer) =>
      // Anything else that is no error is a page of somebody in between.
      answer.statusCode === 204 || json(answer.body) !== undefined
        ? { kind: 'written' }
        : { kind: 'unknown', code: 'NOT_JSON', message: 'The answer to the write is not Salesforce’s own' },
    );
    if (end.kind !== 'refused' || !isAboutFields(end.code)) return end;
    if (!absent.learn(written, end.fields, [attempt, resultAttempt, errorAt])) return end;
  }
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
    if (isAboutFields(end.code) && absent.learn('OrderItem', end.fields, [field])) return worst;
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

function rowOf(change: OrderChange, fields: FieldNames): Row {
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
