/** The newest Orders that have items: what a dry run looks at. Ids only. */
import { z } from 'zod';
import { id18, parse } from './query-answers';
import type { Rest } from './rest';
import { pricebookLiteral } from './soql';

/** More are not asked for at once. */
export const mostNewest = 200;

export interface NewestQuery {
  /** 1 to 200. */
  count: number;
  /** Orders of this price book only; null: of all. */
  pricebookId: string | null;
}

/** Implemented by the connection. */
export interface NewestOrders {
  /** @throws SalesforceError; see `readNewest`. */
  newestOrders(query: NewestQuery, signal?: AbortSignal): Promise<string[]>;
}

/**
 * Ids of 18 characters, by CreatedDate, the newest first; in one SOQL query.
 * @throws SalesforceError: MALFORMED_ID when the price book is no id; see `Rest.read`.
 */
export async function readNewest(
  rest: Rest,
  { count, pricebookId }: NewestQuery,
  signal?: AbortSignal,
): Promise<string[]> {
  const rows = Math.min(mostNewest, Math.max(1, Math.trunc(count)));
  const conditions = ['Id IN (SELECT OrderId FROM OrderItem)'];
  if (pricebookId !== null) conditions.push(`Pricebook2Id = ${pricebookLiteral(pricebookId)}`);
  const soql = `SELECT Id FROM Order WHERE ${conditions.join(' AND ')} ORDER BY CreatedDate DESC, Id DESC LIMIT ${rows}`;
  const { body } = await rest.read(`/query?q=${encodeURIComponent(soql)}`, signal);
  return parse(page, body).records.map((record) => record.Id);
}

const page = z.object({ records: z.array(z.object({ Id: id18 })) });
