/** The Orders in a status, oldest change first, a page at a time: what the sweep looks through. Ids and dates only. */
import { z } from 'zod';
import type { AbsentFields } from './absent-fields';
import { SalesforceError, type FieldNames } from './contract';
import { dateTime, id18, namedColumn, nameField, parse, timeOf, wordOf } from './query-answers';
import type { Rest } from './rest';
import { fieldName, literal, pricebookLiteral } from './soql';

/** A place in the list: right after this Order as it was then. */
export interface Place {
  id: string;
  /** Wall ms by the server's clock. */
  lastModifiedAt: number;
}

export interface ActivatingOrder extends Place {
  /** null when the org has no such field or it is empty. */
  attempt: number | null;
}

export interface ActivatingPage {
  orders: ActivatingOrder[];
  /** More may follow after the last of these. */
  more: boolean;
  /** The server's own time when it answered, wall ms, whole seconds; null when its answer bore none. */
  serverNow: number | null;
  /** The org's API requests of the last 24 hours and how many it may make; null when the answer did not say. */
  apiRequests: { used: number; allowed: number } | null;
}

export interface ActivatingQuery {
  fields: FieldNames;
  /** Value of the status field: Activating. */
  status: string;
  /** Orders of this price book only; null: of all. */
  pricebookId: string | null;
  /** null: from the oldest. */
  after: Place | null;
  /** Rows at most, 1 to 2000. */
  limit: number;
}

/** What the sweep asks of an org; implemented by the connection. */
export interface ActivatingOrders {
  /** @throws SalesforceError; see `readActivating`. */
  activatingOrders(query: ActivatingQuery, signal?: AbortSignal): Promise<ActivatingPage>;
}

/**
 * One page in one SOQL query. The place is kept by values, not by a server's cursor, so that it holds for days; an Order
 * that is changed meanwhile moves to the end of the list.
 * @throws SalesforceError: MALFORMED_ID when the price book is no id; INVALID_FIELD naming a field that cannot be used;
 *   see `Rest.read`.
 */
export async function readActivating(
  rest: Rest,
  absent: AbsentFields,
  query: ActivatingQuery,
  signal?: AbortSignal,
): Promise<ActivatingPage> {
  const { fields, limit } = query;
  for (;;) {
    const attempt = absent.present('Order', fields.attempt);
    const soql = soqlOf(query, attempt);
    try {
      const { body, headers } = await rest.read(`/query?q=${encodeURIComponent(soql)}`, signal);
      const { records, done } = parse(orderPage, body);
      return {
        orders: records.map((record) => ({
          id: record.Id,
          lastModifiedAt: Date.parse(record.LastModifiedDate),
          attempt: numberOf(attempt === null ? null : record[attempt]),
        })),
        more: !done || records.length >= limit,
        serverNow: timeOf(headers['date']),
        apiRequests: requestsOf(headers['sforce-limit-info']),
      };
    } catch (error) {
      if (!(error instanceof SalesforceError) || error.code !== 'INVALID_FIELD') throw error;
      const named = namedColumn(error.message);
      if (named === null || !absent.learn('Order', [named], [attempt])) throw nameField(error, fields);
    }
  }
}

const orderPage = z.object({
  done: z.boolean().default(true),
  // Loose: the attempt's name is a setting.
  records: z.array(z.object({ Id: id18, LastModifiedDate: dateTime }).loose()),
});

function soqlOf({ fields, status, pricebookId, after, limit }: ActivatingQuery, attempt: string | null): string {
  const columns = new Set(['Id', 'LastModifiedDate', ...(attempt === null ? [] : [fieldName(attempt)])]);
  const conditions = [`${fieldName(fields.activationStatus)} = ${literal(status)}`];
  if (pricebookId !== null) conditions.push(`Pricebook2Id = ${pricebookLiteral(pricebookId)}`);
  if (after !== null) {
    const at = new Date(after.lastModifiedAt).toISOString();
    conditions.push(`(LastModifiedDate > ${at} OR (LastModifiedDate = ${at} AND Id > ${literal(after.id)}))`);
  }
  const rows = Math.min(2_000, Math.max(1, Math.trunc(limit)));
  return `SELECT ${[...columns].join(', ')} FROM Order WHERE ${conditions.join(' AND ')} ORDER BY LastModifiedDate, Id LIMIT ${rows}`;
}

function numberOf(value: unknown): number | null {
  const number = Number(wordOf(value) ?? NaN);
  return Number.isFinite(number) ? number : null;
}

/** `api-usage=18/5000`, perhaps with more behind it. */
function requestsOf(text: string | undefined): ActivatingPage['apiRequests'] {
  const found = /(?:^|[;,\s])api-usage=(\d+)\/(\d+)/.exec(text ?? '');
  return found ? { used: Number(found[1]), allowed: Number(found[2]) } : null;
}
