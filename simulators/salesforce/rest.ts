/** The REST data API: routes and their answers. Salesforce reference §4. */
import { answerCollections, answerComposite } from './composite';
import { ApiError, notFound } from './errors';
import { createEvent } from './event-publish';
import { attributes } from './query';
import type { Row } from './records';
import { commitOwn, jsonOf, recordAt, type RestContext, type RestRequest, type RestResult } from './rest-request';
import { objectNames, objectSchema, type ObjectSchema } from './schema';
import { compileQuery } from './soql';

export const versions = Array.from({ length: 38 }, (_, index) => `${31 + index}.0`);

interface Route {
  /** As faults name the call. */
  call: string;
  method: 'GET' | 'POST' | 'PATCH';
  path: RegExp;
  /** Names of the path's parts, for faults. */
  parts: string[];
  run(request: RestRequest, parts: string[], context: RestContext): RestResult | Promise<RestResult>;
}

const routes: Route[] = [
  { call: 'query', method: 'GET', path: /^\/query$/, parts: [], run: query },
  { call: 'query', method: 'GET', path: /^\/query\/([^/]+)$/, parts: ['locator'], run: queryMore },
  { call: 'limits', method: 'GET', path: /^\/limits$/, parts: [], run: limits },
  { call: 'resources', method: 'GET', path: /^$/, parts: [], run: resources },
  { call: 'describe', method: 'GET', path: /^\/sobjects$/, parts: [], run: describeGlobal },
  { call: 'describe', method: 'GET', path: /^\/sobjects\/([^/]+)\/describe$/, parts: ['type'], run: describe },
  { call: 'publish', method: 'POST', path: /^\/sobjects\/([^/]+__e)$/, parts: ['type'], run: publish },
  { call: 'create', method: 'POST', path: /^\/sobjects\/([^/]+)$/, parts: ['type'], run: create },
  { call: 'get', method: 'GET', path: /^\/sobjects\/([^/]+)\/([^/]+)$/, parts: ['type', 'id'], run: get },
  { call: 'patch', method: 'PATCH', path: /^\/sobjects\/([^/]+)\/([^/]+)$/, parts: ['type', 'id'], run: patch },
  { call: 'collections', method: 'PATCH', path: /^\/composite\/sobjects$/, parts: [], run: collections },
  { call: 'composite', method: 'POST', path: /^\/composite$/, parts: [], run: composite },
];

/** Names of the REST calls, for faults. */
export const restCalls = [...new Set(routes.map((route) => route.call))];

/** What faults may match a request by: its call, the parts of its path, its parameters, the fields it sends. */
export function recognize(request: RestRequest): { call: string; fields: Record<string, unknown> } {
  const route = routes.find((one) => one.method === request.method && one.path.test(request.path));
  if (!route) return { call: 'unknown', fields: { path: request.path } };
  const match = route.path.exec(request.path) ?? [];
  const parts = Object.fromEntries(route.parts.map((name, index) => [name, match[index + 1]]));
  let sent: unknown = {};
  try {
    sent = JSON.parse(request.body || '{}');
  } catch {
    // The route itself refuses it.
  }
  const fields = typeof sent === 'object' && sent !== null ? sent : {};
  return { call: route.call, fields: { ...fields, ...Object.fromEntries(request.query), ...parts } };
}

/**
 * Answers one request of a user who is logged in.
 * @throws ApiError
 */
export async function answerRest(request: RestRequest, context: RestContext): Promise<RestResult> {
  const fitting = routes.filter((one) => one.path.test(request.path));
  const route = fitting.find((one) => one.method === request.method);
  if (route) return route.run(request, (route.path.exec(request.path) ?? []).slice(1), context);
  const collection = /^\/sobjects\/[^/]+$/.test(request.path);
  if (fitting.length === 0) throw notFound();
  const allowed = collection ? 'HEAD,GET,POST' : fitting.map((one) => one.method).join(',');
  const message = `HTTP Method '${request.method}' not allowed. Allowed are ${allowed}`;
  throw new ApiError(405, 'METHOD_NOT_ALLOWED', message);
}

function query(request: RestRequest, _parts: string[], { org, runner, session }: RestContext): RestResult {
  const text = request.query.get('q');
  if (text === null) throw new ApiError(400, 'MALFORMED_QUERY', 'A query string has to be specified');
  const { pageSize, childPageSize, noChildren } = org.switches.values;
  const plan = compileQuery(text, org.view(session.user));
  const asked = /batchSize=(\d+)/.exec(String(request.headers['sforce-query-options'] ?? ''))?.[1];
  const wished = asked === undefined ? 2000 : Math.min(2000, Math.max(200, Number(asked)));
  const shape = { base: request.base, pageSize: Math.min(pageSize, wished), childPageSize, noChildren };
  return { status: 200, body: runner.run(plan, shape) };
}

function queryMore(request: RestRequest, [locator = '']: string[], { runner }: RestContext): RestResult {
  return { status: 200, body: runner.more(locator, request.base) };
}

function resources(request: RestRequest): RestResult {
  const names = ['sobjects', 'query', 'limits', 'composite'];
  return { status: 200, body: Object.fromEntries(names.map((name) => [name, `${request.base}/${name}`])) };
}

function limits(_request: RestRequest, _parts: string[], { org }: RestContext): RestResult {
  const { max, used } = org.apiUsage();
  return {
    status: 200,
    body: {
      DailyApiRequests: { Max: max, Remaining: Math.max(0, max - used) },
      HourlyPublishedPlatformEvents: { Max: 50_000, Remaining: 50_000 },
      DailyDeliveredPlatformEvents: { Max: 10_000, Remaining: 10_000 },
    },
  };
}

function describeGlobal(request: RestRequest): RestResult {
  const sobjects = objectNames.map((name) => {
    const url = `${request.base}/sobjects/${name}`;
    return { name, label: objectSchema(name)?.label ?? name, urls: { sobject: url, describe: `${url}/describe` } };
  });
  return { status: 200, body: { encoding: 'UTF-8', maxBatchSize: 200, sobjects } };
}

function describe(_request: RestRequest, [type = '']: string[], { org, session }: RestContext): RestResult {
  const object = existing(type);
  const fields = org
    .view(session.user)
    .fields(object)
    .map((field) => ({
      name: field.name,
      label: field.label,
      type: field.type,
      length: field.length ?? 0,
      custom: field.custom,
      createable: field.createable,
      updateable: field.updateable,
      nillable: field.nillable,
      filterable: field.filterable,
      restrictedPicklist: field.values !== undefined,
      picklistValues: (field.values ?? []).map((value) => ({ value, label: value, active: true })),
      referenceTo: field.to ? [field.to] : [],
      relationshipName: field.relationship ?? null,
    }));
  const childRelationships = object.children.map((one) => ({
    childSObject: one.sObject,
    field: one.field,
    relationshipName: one.name,
  }));
  const { name, label, keyPrefix } = object;
  return { status: 200, body: { name, label, keyPrefix, fields, childRelationships } };
}

function existing(type: string): ObjectSchema {
  const object = objectSchema(type);
  if (!object) throw notFound();
  return object;
}

function publish(request: RestRequest, [type = '']: string[], context: RestContext): RestResult {
  return createEvent(type, jsonOf(request), context);
}

async function create(request: RestRequest, [type = '']: string[], context: RestContext): Promise<RestResult> {
  const tx = context.tx ?? context.org.begin(context.session.user);
  const row = context.org.insert(tx, existing(type), jsonOf(request));
  await commitOwn(tx, context);
  const location = `${request.base}/sobjects/${row.object.name}/${row.id}`;
  return { status: 201, body: { id: row.id, success: true, errors: [] }, headers: { location } };
}

function get(request: RestRequest, [type = '', id = '']: string[], { org, session, tx }: RestContext): RestResult {
  const row = recordAt(org, tx, type, id);
  const since = request.headers['if-modified-since'];
  if (since !== undefined && modifiedAt(row) <= httpDate(String(since))) return { status: 304 };
  const view = org.view(session.user);
  const asked = request.query.get('fields')?.split(',');
  const fields = asked
    ? asked.map((name) => {
        const field = view.field(row.object, name.trim());
        if (field) return field;
        throw new ApiError(400, 'INVALID_FIELD', `No such column '${name}' on sobject of type ${row.object.name}`);
      })
    : view.fields(row.object);
  const values = fields.map((field) => [field.name, org.records.value(row, field.name)] as const);
  return { status: 200, body: { attributes: attributes(row, request.base), ...Object.fromEntries(values) } };
}

async function patch(request: RestRequest, [type = '', id = '']: string[], context: RestContext): Promise<RestResult> {
  const { org, session } = context;
  const tx = context.tx ?? org.begin(session.user);
  const row = recordAt(org, context.tx, type, id);
  const since = request.headers['if-unmodified-since'];
  if (since !== undefined && org.switches.values.conditionalRequests && modifiedAt(row) > httpDate(String(since))) {
    return { status: 412 };
  }
  org.update(tx, row, jsonOf(request));
  await commitOwn(tx, context);
  return { status: 204 };
}

function modifiedAt(row: Row): number {
  return Date.parse(String(row.values.LastModifiedDate));
}

function httpDate(text: string): number {
  const at = Date.parse(text);
  const isHttp = /^(Mon|Tue|Wed|Thu|Fri|Sat|Sun), \d{2} [A-Z][a-z]{2} \d{4} \d{2}:\d{2}:\d{2} GMT$/.test(text);
  if (isHttp && !Number.isNaN(at)) return at;
  throw new ApiError(400, 'INVALID_HEADER_VALUE', `Invalid date in a conditional header: ${text}`);
}

function collections(request: RestRequest, _parts: string[], context: RestContext): Promise<RestResult> {
  return answerCollections(jsonOf(request), context);
}

function composite(request: RestRequest, _parts: string[], context: RestContext): Promise<RestResult> {
  return answerComposite(jsonOf(request), request, context, answerRest);
}
