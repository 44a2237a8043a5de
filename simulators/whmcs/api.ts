/** includes/api.php: a body as PHP reads it, the checks in WHMCS's order, the action, the answer in its shapes. */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import type { CommonDo, FaultTable } from '../shared/faults';
import { serve, type Answer } from '../shared/http-faults';
import type { RequestLog } from '../shared/requests';
import { actionOf, nameOf, unknownAction } from './actions';
import { API_ADMIN, authenticate, type Credentials } from './authentication';
import { Params, Refusal, type World } from './call';
import { oddTexts, parseBody, parseQuery, type PhpBody } from './php-body';
import { nvp, Shapes } from './shapes';

export interface ApiParts {
  world: World;
  credentials: Credentials;
  faults: FaultTable<Merge>;
  requests: RequestLog;
}

/** WHMCS's own kind of fault: do the work, then set and unset keys at the top level of the answer. */
export const merge = z.strictObject({
  kind: z.literal('merge'),
  set: z.record(z.string(), z.unknown()).default({}),
  unset: z.array(z.string()).default([]),
});
export type Merge = z.output<typeof merge>;

export class Api {
  private seen = 0;

  constructor(private readonly parts: ApiParts) {}

  register(app: FastifyInstance, path: string): void {
    app.removeAllContentTypeParsers();
    app.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body, done) => done(null, body));
    app.all(path, (request, reply) => this.handle(request, reply));
  }

  private async handle(request: FastifyRequest, reply: FastifyReply): Promise<void> {
    const { faults, requests } = this.parts;
    const { clock, switches } = this.parts.world;
    const started = performance.now();
    const body = Buffer.isBuffer(request.body) ? request.body : Buffer.alloc(0);
    const read = parseBody(body, request.headers['content-type'] ?? '', switches.maxInputVars);
    const asked = read.post.get('action');
    const action = typeof asked === 'string' ? asked : '';
    const call = nameOf(action);
    const struck = new Set<string>();
    let auth = '';
    let outcome = '';
    const merges: Merge[] = [];
    const next = (): CommonDo | null => {
      let fault = faults.take(call, read.sent, struck);
      for (; fault?.kind === 'merge'; fault = faults.take(call, read.sent, struck)) merges.push(fault);
      return fault;
    };
    const ending = await serve(reply, clock, next, async () => {
      if (switches.latencyMs > 0) await clock.pause(switches.latencyMs);
      const answer = await this.answer(request, read, action, merges, (how) => (auth = how));
      outcome = answer.outcome;
      return answer.answer;
    });
    requests.add({
      call: call || 'none',
      auth,
      status: ending.status,
      outcome: ending.outcome || outcome,
      ms: performance.now() - started,
    });
  }

  private async answer(
    request: FastifyRequest,
    read: PhpBody,
    action: string,
    merges: Merge[],
    known: (how: string) => void,
  ): Promise<{ answer: Answer; outcome: string }> {
    const { switches, ledger } = this.parts.world;
    const shapes = new Shapes(switches);
    const odd = oddTexts(read);
    if (odd.length > 0 || read.dropped > 0) ledger.add('oddRequest', { action, oddTexts: odd, dropped: read.dropped });
    let status = 200;
    let body: Record<string, unknown>;
    try {
      if (request.method !== 'POST') throw new Refusal('Invalid request method', 400);
      if (action === '') throw new Refusal('Empty action request', 400);
      const ip = this.addressOf(request);
      const query = parseQuery(new URL(request.url, 'http://simulator').search.slice(1));
      known(authenticate({ ip, post: read.post, query }, this.parts.credentials, switches, action.toLowerCase()));
      const run = actionOf(nameOf(action), switches.version);
      if (run === null) throw new Refusal(unknownAction(switches.version), switches.unknownActionStatus);
      body = {
        result: 'success',
        ...(await run({
          ...this.parts.world,
          switches,
          params: new Params(read.post),
          shapes,
          adminId: API_ADMIN,
          ip,
        })),
      };
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      status = error.status;
      body = { result: 'error', message: error.message };
    }
    const outcome = body['result'] === 'success' ? 'success' : String(body['message']);
    for (const { set, unset } of merges) {
      Object.assign(body, set);
      for (const key of unset) delete body[key];
    }
    // Without responsetype WHMCS answers in its old form.
    const wanted = read.post.get('responsetype');
    const answer =
      wanted === 'json'
        ? { status, headers: { 'content-type': switches.contentType }, body: shapes.json(body) }
        : { status, headers: { 'content-type': 'text/plain' }, body: nvp(body) };
    return { answer, outcome };
  }

  /** As WHMCS sees it: the switch's addresses in turn, else the caller's own. */
  private addressOf(request: FastifyRequest): string {
    const { seenAs } = this.parts.world.switches;
    return seenAs[this.seen++ % Math.max(1, seenAs.length)] ?? request.ip;
  }
}
