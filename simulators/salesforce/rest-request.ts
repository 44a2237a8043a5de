/** One REST request, what it works with, and what its answer is made of. */
import { ApiError, notFound } from './errors';
import { readId } from './ids';
import type { Org, OrgTransaction } from './org';
import type { Json, QueryRunner } from './query';
import type { Row } from './records';
import { objectOfId, objectSchema } from './schema';
import type { Session } from './sessions';

export interface RestRequest {
  method: string;
  /** Path of the API version, as /services/data/v68.0. */
  base: string;
  /** The rest of the path, decoded, no slash at its end. */
  path: string;
  query: URLSearchParams;
  /** Names in lower case. */
  headers: Readonly<Record<string, string | string[] | undefined>>;
  body: string;
}

export interface RestResult {
  status: number;
  body?: Json;
  headers?: Record<string, string>;
}

/** What a route works with. With `tx` set, its writes belong to a transaction that somebody else commits. */
export interface RestContext {
  org: Org;
  runner: QueryRunner;
  session: Session;
  tx?: OrgTransaction;
}

/**
 * The JSON object of a request's body.
 * @throws ApiError JSON_PARSER_ERROR
 */
export function jsonOf(request: RestRequest): Record<string, unknown> {
  let parsed: unknown;
  try {
    parsed = JSON.parse(request.body);
  } catch (error) {
    const at = /position (\d+)/.exec(error instanceof Error ? error.message : '')?.[1];
    const column = at === undefined ? request.body.length + 1 : Number(at) + 1;
    const found = request.body.charAt(column - 1);
    const what =
      found === '' ? 'Unexpected end-of-input' : `Unexpected character ('${found}' (code ${found.charCodeAt(0)}))`;
    throw new ApiError(400, 'JSON_PARSER_ERROR', `${what} at [line:1, column:${column}]`);
  }
  if (typeof parsed === 'object' && parsed !== null && !Array.isArray(parsed)) return parsed as Record<string, unknown>;
  throw new ApiError(
    400,
    'JSON_PARSER_ERROR',
    'The HTTP entity body is required, but this request has no entity body.',
  );
}

/**
 * The living record that a URL names.
 * @throws ApiError NOT_FOUND, MALFORMED_ID, ENTITY_IS_DELETED
 */
export function recordAt(org: Org, tx: OrgTransaction | undefined, type: string, idText: string): Row {
  const object = objectSchema(type);
  if (!object) throw notFound();
  const id = readId(idText);
  if (id === null || !objectOfId(id)) {
    throw new ApiError(400, 'MALFORMED_ID', `${object.label} ID: id value of incorrect type: ${idText}`, ['Id']);
  }
  const row = tx ? tx.read(id) : org.records.get(id);
  if (!row || row.object !== object) throw notFound();
  if (row.deleted) throw new ApiError(404, 'ENTITY_IS_DELETED', 'entity is deleted', []);
  return row;
}

/** Commits a transaction of this call's own; one that belongs to another is left alone. */
export async function commitOwn(tx: OrgTransaction, { org, tx: outer }: RestContext): Promise<void> {
  if (!outer) await org.commit(tx);
}
