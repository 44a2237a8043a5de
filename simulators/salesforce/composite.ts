/** Several records, or several requests, in one call. Salesforce reference §4.5. */
import { z } from 'zod';
import { ApiError, notFound } from './errors';
import type { OrgTransaction } from './org';
import type { Json } from './query';
import { commitOwn, recordAt, type RestContext, type RestRequest, type RestResult } from './rest-request';

/** Answers one inner request. */
type AnswerOne = (request: RestRequest, context: RestContext) => Promise<RestResult>;

const collectionSchema = z.object({
  allOrNone: z.boolean().default(false),
  records: z.array(z.record(z.string(), z.unknown())).min(1),
});

const compositeSchema = z.object({
  allOrNone: z.boolean().default(false),
  compositeRequest: z
    .array(
      z.object({
        method: z.enum(['GET', 'POST', 'PATCH']),
        url: z.string(),
        referenceId: z.string(),
        body: z.record(z.string(), z.unknown()).optional(),
        httpHeaders: z.record(z.string(), z.string()).default({}),
      }),
    )
    .min(1),
});

/** PATCH /composite/sobjects: up to 200 records, each with its own outcome. */
export async function answerCollections(body: Record<string, unknown>, context: RestContext): Promise<RestResult> {
  const { allOrNone, records } = understood(collectionSchema, body);
  if (records.length > 200) {
    throw new ApiError(400, 'EXCEEDED_MAX_SIZE_REQUEST', 'record limit reached. cannot submit more than 200 records');
  }
  const tx = context.tx ?? context.org.begin(context.session.user);
  const outcomes = records.map((record) => writeOne(record, tx, context));
  const failed = outcomes.some((one) => !one.success);
  if (allOrNone && failed) return { status: 200, body: outcomes.map(rolledBack) };
  await commitOwn(tx, context);
  return { status: 200, body: outcomes };
}

type Outcome = { id?: string; success: boolean; errors: Json[] };

function writeOne(record: Record<string, unknown>, tx: OrgTransaction, { org }: RestContext): Outcome {
  try {
    const { attributes, ...rest } = record;
    const { type } = understood(z.object({ type: z.string() }), attributes);
    const idName = Object.keys(rest).find((name) => name.toLowerCase() === 'id') ?? 'id';
    const { [idName]: id, ...fields } = rest;
    if (typeof id !== 'string') throw new ApiError(400, 'MISSING_ARGUMENT', 'Id not specified in an update call', []);
    const row = recordAt(org, tx, type, id);
    org.update(tx, row, fields);
    return { id: row.id, success: true, errors: [] };
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    const refusal = { statusCode: error.errorCode, message: error.message, fields: error.fields ?? [] };
    return { success: false, errors: [refusal] };
  }
}

function rolledBack(outcome: Outcome): Outcome {
  if (!outcome.success) return outcome;
  const message = 'Record rolled back because not all records were valid and the request was using AllOrNone header';
  return { success: false, errors: [{ statusCode: 'ALL_OR_NONE_OPERATION_ROLLED_BACK', message, fields: [] }] };
}

/**
 * POST /composite: up to 25 requests; 200 whatever became of them. With allOrNone they share one transaction. (Queries
 * in it see what was committed before.)
 */
export async function answerComposite(
  body: Record<string, unknown>,
  request: RestRequest,
  context: RestContext,
  answerOne: AnswerOne,
): Promise<RestResult> {
  const { allOrNone, compositeRequest } = understood(compositeSchema, body);
  if (compositeRequest.length > 25) {
    throw new ApiError(400, 'LIMIT_EXCEEDED', 'The maximum number of subrequests is 25');
  }
  const tx = allOrNone ? context.org.begin(context.session.user) : undefined;
  const inner: RestContext = tx ? { ...context, tx } : context;
  const results = new Map<string, RestResult>();
  for (const one of compositeRequest) {
    const halted = allOrNone && [...results.values()].some((result) => result.status >= 400);
    results.set(one.referenceId, halted ? haltedResult() : await sub(one, results, request, inner, answerOne));
  }
  const failed = [...results.values()].some((result) => result.status >= 400);
  if (tx && failed) {
    for (const [id, result] of results) if (result.status < 400) results.set(id, haltedResult());
  } else if (tx) {
    await context.org.commit(tx);
  }
  const compositeResponse = [...results].map(([referenceId, result]) => ({
    body: result.body ?? null,
    httpHeaders: result.headers ?? {},
    httpStatusCode: result.status,
    referenceId,
  }));
  return { status: 200, body: { compositeResponse } };
}

type SubRequest = z.infer<typeof compositeSchema>['compositeRequest'][number];

async function sub(
  one: SubRequest,
  results: Map<string, RestResult>,
  outer: RestRequest,
  context: RestContext,
  answerOne: AnswerOne,
): Promise<RestResult> {
  try {
    const url = new URL(fill(one.url, results), 'http://org');
    const match = /^(\/services\/data\/v\d+\.\d)(\/.*)$/.exec(url.pathname);
    if (!match?.[1] || !match[2] || match[2].startsWith('/composite')) throw notFound();
    const headers = Object.entries(one.httpHeaders).map(([name, value]) => [name.toLowerCase(), value] as const);
    const request: RestRequest = {
      method: one.method,
      base: match[1],
      path: decodeURIComponent(match[2]).replace(/\/$/, ''),
      query: url.searchParams,
      headers: { ...outer.headers, ...Object.fromEntries(headers) },
      body: one.body === undefined ? '' : fill(JSON.stringify(one.body), results),
    };
    return await answerOne(request, context);
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    return { status: error.status, body: [error.body()] };
  }
}

/** Puts in what an earlier request answered for @{reference.path}. */
function fill(text: string, results: Map<string, RestResult>): string {
  return text.replace(/@\{(\w+)\.([\w.[\]]+)\}/g, (written, reference: string, path: string) => {
    let at: Json | undefined = results.get(reference)?.body;
    for (const step of path.split(/[.[\]]+/).filter((one) => one !== '')) {
      if (Array.isArray(at)) at = at[Number(step)];
      else at = typeof at === 'object' && at !== null ? at[step] : undefined;
    }
    if (at !== undefined && at !== null && typeof at !== 'object') return String(at);
    throw new ApiError(400, 'PROCESSING_HALTED', `Invalid reference specified. No value for ${written} found.`);
  });
}

function haltedResult(): RestResult {
  const message = 'The transaction was rolled back since another operation in the same transaction failed.';
  return { status: 400, body: [{ errorCode: 'PROCESSING_HALTED', message }] };
}

function understood<T>(schema: z.ZodType<T>, body: unknown): T {
  const parsed = schema.safeParse(body);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  const message = `${issue?.path.join('.') ?? ''}: ${issue?.message ?? 'malformed'}`;
  throw new ApiError(400, 'JSON_PARSER_ERROR', message);
}
