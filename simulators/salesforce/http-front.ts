/** HTTP as it comes in: logins and the data API, each under the faults that strike it. Salesforce reference §1, §4.1. */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { isCommon, type CommonDo, type FaultTable } from '../shared/faults';
import { serve, type Answer } from '../shared/http-faults';
import type { RequestLog } from '../shared/requests';
import { ApiError, invalidSession, notFound } from './errors';
import { asHttpFault, type VendorFault } from './faults';
import { claimedUser, OAuthError, type ConnectedApp } from './oauth';
import { orgId, type Org } from './org';
import type { Json, QueryRunner } from './query';
import { answerRest, recognize, versions } from './rest';
import type { RestRequest, RestResult } from './rest-request';
import type { Session, Sessions } from './sessions';

export interface HttpParts {
  org: Org;
  runner: QueryRunner;
  app: ConnectedApp;
  sessions: Sessions;
  faults: FaultTable<VendorFault>;
  requests: RequestLog;
  /** The simulator's own URL. */
  base(): string;
}

/** One call over HTTP: its name, what faults may match it by, and its work. */
interface Call {
  call: string;
  fields: Record<string, unknown>;
  work(): Promise<{ answer: Answer; outcome: string }>;
}

export class HttpFront {
  constructor(private readonly parts: HttpParts) {}

  register(app: FastifyInstance): void {
    // Bodies are read by whom they are for: a form, JSON with Salesforce's own errors, or nothing.
    app.removeAllContentTypeParsers();
    app.addContentTypeParser('*', { parseAs: 'string' }, (_request, body, done) => done(null, body));
    const handler = (request: FastifyRequest, reply: FastifyReply) => this.handle(request, reply);
    app.all('/services/*', handler);
    app.all('/id/*', handler);
    app.setNotFoundHandler((request, reply) => this.handle(request, reply));
  }

  private async handle(request: FastifyRequest, reply: FastifyReply): Promise<void> {
    const { org, faults, sessions, requests } = this.parts;
    const started = performance.now();
    const call = this.recognize(request);
    const seen = new Set<string>();
    let vendor: VendorFault | null = null;
    const next = (): CommonDo | null => {
      const fault = faults.take(call.call, call.fields, seen);
      if (!fault || isCommon(fault)) return fault;
      vendor = fault;
      return asHttpFault(fault);
    };
    let outcome = '';
    const auth = sessions.label(tokenOf(request));
    const ending = await serve(reply, org.clock, next, async () => {
      const done = await call.work();
      outcome = done.outcome;
      const { dateHeader } = org.switches.values;
      // Node writes its own where there is none.
      reply.raw.sendDate = dateHeader;
      const date: Record<string, string> = dateHeader ? { date: new Date(org.clock.now()).toUTCString() } : {};
      return { ...done.answer, headers: { ...date, ...done.answer.headers } };
    });
    const ended = (vendor ? describeFault(vendor) : ending.outcome) || outcome;
    requests.add({ call: call.call, auth, status: ending.status, outcome: ended, ms: performance.now() - started });
  }

  private recognize(request: FastifyRequest): Call {
    const url = new URL(request.url, 'http://simulator');
    const path = safeDecode(url.pathname).replace(/\/$/, '');
    if (path === '/services/oauth2/token') return this.tokenCall(request);
    if (path === '/services/oauth2/userinfo') return this.identityCall('userinfo', request);
    if (path === '/services/oauth2/revoke') return this.revokeCall(request, url.searchParams);
    if (path.startsWith('/id/')) return this.identityCall('identity', request);
    if (path === '/services/data')
      return { call: 'versions', fields: {}, work: () => Promise.resolve(versionsAnswer()) };
    return this.restCall(request, url, path);
  }

  private tokenCall(request: FastifyRequest): Call {
    const form = new URLSearchParams(bodyOf(request));
    const work = async () => {
      if (request.method !== 'POST')
        return json(405, { error: 'invalid_request', error_description: 'must use HTTP POST' });
      try {
        const answer = await this.parts.app.token(form, this.parts.base());
        return json(200, { ...answer }, { 'cache-control': 'no-store' });
      } catch (error) {
        if (!(error instanceof OAuthError)) throw error;
        const body = { error: error.error, error_description: error.description };
        return json(400, body, { 'cache-control': 'no-store' }, error.message);
      }
    };
    return { call: 'token', fields: { ...Object.fromEntries(form), sub: claimedUser(form) }, work };
  }

  private identityCall(call: string, request: FastifyRequest): Call {
    const work = () => {
      const session = this.sessionOf(request);
      if (!session) return Promise.resolve(plain(403, 'Bad_OAuth_Token'));
      const { userId, username } = session.user;
      const names = { user_id: userId, organization_id: orgId, preferred_username: username, username };
      return Promise.resolve(json(200, { sub: `${this.parts.base()}/id/${orgId}/${userId}`, ...names }));
    };
    return { call, fields: {}, work };
  }

  private revokeCall(request: FastifyRequest, query: URLSearchParams): Call {
    const work = () => {
      const token = new URLSearchParams(bodyOf(request)).get('token') ?? query.get('token') ?? '';
      if (this.parts.sessions.revoke(token)) return Promise.resolve(plain(200, ''));
      const body = { error: 'invalid_token', error_description: 'invalid token' };
      return Promise.resolve(json(400, body, {}, 'invalid_token: invalid token'));
    };
    return { call: 'revoke', fields: {}, work };
  }

  private restCall(request: FastifyRequest, url: URL, path: string): Call {
    const match = /^(\/services\/data\/v(\d+\.\d))(\/.*)?$/.exec(path);
    const rest: RestRequest = {
      method: request.method === 'HEAD' ? 'GET' : request.method,
      base: match?.[1] ?? '',
      path: match?.[3] ?? '',
      query: url.searchParams,
      headers: request.headers,
      body: bodyOf(request),
    };
    const known = versions.includes(match?.[2] ?? '');
    const work = async () => {
      let result: RestResult;
      let outcome = 'success';
      try {
        result = await this.answer(request, rest, known);
      } catch (error) {
        if (!(error instanceof ApiError)) throw error;
        result = { status: error.status, body: [error.body()] };
        outcome = `${error.errorCode}: ${error.message.trim()}`;
      }
      const { used, max } = this.parts.org.apiUsage();
      const headers = { 'sforce-limit-info': `api-usage=${used}/${max}`, ...result.headers };
      if (result.body === undefined) return { answer: { status: result.status, headers, body: '' }, outcome };
      return json(result.status, result.body, headers, outcome);
    };
    return known ? { ...recognize(rest), work } : { call: 'unknown', fields: { path }, work };
  }

  private async answer(request: FastifyRequest, rest: RestRequest, known: boolean): Promise<RestResult> {
    const { org, runner } = this.parts;
    const session = this.parts.org.switches.values.refuseEverySession ? null : this.sessionOf(request);
    if (!session) throw invalidSession();
    org.apiRequests += 1;
    const { used, max } = org.apiUsage();
    if (used > max) throw new ApiError(403, 'REQUEST_LIMIT_EXCEEDED', 'TotalRequests Limit exceeded.');
    if (!known) throw notFound();
    const type = request.headers['content-type'] ?? 'application/json';
    if (rest.body !== '' && !type.startsWith('application/json')) {
      throw new ApiError(415, 'UNSUPPORTED_MEDIA_TYPE', `Content type ${type} not supported`);
    }
    return answerRest(rest, { org, runner, session });
  }

  private sessionOf(request: FastifyRequest): Session | null {
    return this.parts.sessions.use(tokenOf(request), request.headers.host ?? null);
  }
}

export function tokenOf(request: FastifyRequest): string | null {
  return /^(?:Bearer|OAuth) (.+)$/.exec(request.headers.authorization ?? '')?.[1] ?? null;
}

export function bodyOf(request: FastifyRequest): string {
  return typeof request.body === 'string' ? request.body : '';
}

function safeDecode(path: string): string {
  try {
    return decodeURIComponent(path);
  } catch {
    return path;
  }
}

function json(status: number, body: Json, headers: Record<string, string> = {}, outcome = 'success') {
  const type = { 'content-type': 'application/json;charset=UTF-8' };
  return { answer: { status, headers: { ...type, ...headers }, body: JSON.stringify(body) }, outcome };
}

function plain(status: number, body: string) {
  const answer = { status, headers: { 'content-type': 'text/plain;charset=UTF-8' }, body };
  return { answer, outcome: status < 400 ? 'success' : body };
}

function versionsAnswer() {
  return json(
    200,
    versions.map((version) => ({ label: `v${version}`, url: `/services/data/v${version}`, version })),
  );
}

export function describeFault(fault: VendorFault): string {
  switch (fault.kind) {
    case 'error':
      return `fault: ${fault.errorCode}`;
    case 'oauth':
      return `fault: ${fault.error}: ${fault.description}`;
    case 'grpc':
      return 'fault: grpc';
    case 'bayeux':
    case 'dropClient':
      return `fault: ${fault.kind}`;
  }
}
