import fastify, { type FastifyRequest } from 'fastify';
import { z } from 'zod';
import { FaultTable, type CommonDo } from '../shared/faults';
import { serve, type Answer } from '../shared/http-faults';
import { Ledger } from '../shared/ledger';
import { panelOf, registerPanel, type Running } from '../shared/panel';
import { RequestLog } from '../shared/requests';
import { VirtualClock } from '../shared/virtual-clock';
import { actionIn, actionName, actions, unknownAction } from './actions';
import { API_ADMIN, authenticate, demoCredentials, type Credentials } from './authentication';
import { Params, Refusal, type World } from './call';
import { oddTexts, parseBody, parseQuery, type PhpBody } from './php-body';
import { nvp, Shapes } from './shapes';
import { Store } from './store';
import { whmcsSwitches, type WhmcsSwitches } from './switches';
import { whmcsPanelOf, whmcsRoutes, type WhmcsPanel } from './whmcs-panel';

export interface WhmcsOptions extends Partial<Credentials> {
  /** 0: any free one. */
  port?: number;
  /** Path in front of /includes/api.php, such as `/billing`. Default none. */
  basePath?: string;
}

export interface RunningWhmcs extends Running<WhmcsSwitches> {
  panel: WhmcsPanel;
  /** Full address of api.php. */
  apiUrl: string;
}

/** WHMCS's own kind of fault: do the work, then set and unset keys at the top level of the answer. */
interface Merge {
  kind: 'merge';
  set: Record<string, unknown>;
  unset: string[];
}

const merge = z.strictObject({
  kind: z.literal('merge'),
  set: z.record(z.string(), z.unknown()).default({}),
  unset: z.array(z.string()).default([]),
});

/** PHP's post_max_size. */
const LARGEST_BODY = 8 * 1024 * 1024;

const SECRET_FIELDS = ['identifier', 'secret', 'username', 'password', 'accesskey'];

/**
 * Starts WHMCS on loopback: `POST {basePath}/includes/api.php`, and the control surface under `/_panel`. Its data are the
 * demo's (../demo-data.ts), its credentials demoCredentials unless given.
 */
export async function startWhmcsSimulator(options: WhmcsOptions = {}): Promise<RunningWhmcs> {
  const credentials: Credentials = { ...demoCredentials, ...options };
  const clock = new VirtualClock();
  const ledger = new Ledger(clock);
  const requests = new RequestLog(clock);
  const switches = whmcsSwitches();
  const faults = new FaultTable<Merge>(Object.keys(actions), { merge });
  const store = new Store(clock);
  const world: World = {
    store,
    ledger,
    clock,
    get switches() {
      return switches.values;
    },
  };
  let callers = 0;
  const parts = {
    title: 'WHMCS',
    ledger,
    requests,
    faults,
    switches,
    clock,
    resetData: () => {
      store.reset();
      callers = 0;
    },
  };
  const panel = whmcsPanelOf(panelOf(parts), world);

  const app = fastify({ bodyLimit: LARGEST_BODY, forceCloseConnections: true });
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body, done) => done(null, body));

  const path = `${options.basePath ?? ''}/includes/api.php`;
  app.all(path, async (request, reply) => {
    const began = performance.now();
    const { body, dropped } = bodyIn(request, switches.values.maxInputVars);
    const given = new Params(body.post).text('action');
    const name = actionName(given);
    const { seenAs } = switches.values;
    const ip =
      seenAs[callers++ % seenAs.length] ?? (request.ip.startsWith('::ffff:') ? request.ip.slice(7) : request.ip);
    for (const field of oddTexts(body)) {
      if (!SECRET_FIELDS.includes(field)) ledger.add('oddText', { call: given, field, text: body.sent[field] });
    }
    if (dropped > 0) ledger.add('inputDropped', { call: given, fields: dropped });

    const merges: Merge[] = [];
    const struck = new Set<string>();
    const fields = Object.fromEntries(Object.entries(body.sent).filter(([field]) => !SECRET_FIELDS.includes(field)));
    const next = (): CommonDo | null => {
      let fault = faults.take(name ?? given, fields, struck);
      while (fault?.kind === 'merge') {
        merges.push(fault);
        fault = faults.take(name ?? given, fields, struck);
      }
      return fault;
    };
    let worked = { auth: '', outcome: '' };
    const ending = await serve(reply, clock, next, async () => {
      const query = parseQuery(request.url.split('?', 2)[1] ?? '');
      const { answer, ...log } = await work(world, credentials, { ip, post: body.post, query }, name ?? given, merges);
      worked = log;
      return answer;
    });
    requests.add({
      call: name ?? given,
      auth: worked.auth,
      status: ending.status,
      outcome: [ending.outcome || (merges.length > 0 ? 'fault: merge' : ''), worked.outcome].filter(Boolean).join('; '),
      ms: performance.now() - began,
    });
  });
  await registerPanel(app, parts, (scope) => whmcsRoutes(scope, panel));

  const url = await app.listen({ host: '127.0.0.1', port: options.port ?? 0 });
  return {
    url,
    apiUrl: `${url}${path}`,
    panel,
    async close() {
      clock.close();
      await app.close();
    },
  };
}

/** What PHP makes of the request; of any other method than POST it reads nothing. */
function bodyIn(request: FastifyRequest, maxVars: number): { body: PhpBody; dropped: number } {
  const bytes = request.method === 'POST' && Buffer.isBuffer(request.body) ? request.body : Buffer.alloc(0);
  const body = parseBody(bytes, request.headers['content-type'] ?? '', maxVars);
  return { body, dropped: body.dropped };
}

/** One call from authentication to the answer's bytes. */
async function work(
  world: World,
  credentials: Credentials,
  caller: { ip: string; post: PhpBody['post']; query: PhpBody['post'] },
  name: string,
  merges: Merge[],
): Promise<{ answer: Answer; auth: string; outcome: string }> {
  const { clock } = world;
  if (world.switches.latencyMs > 0) await clock.pause(world.switches.latencyMs);
  const shapes = new Shapes(world.switches);
  const params = new Params(caller.post);
  let auth = '';
  let status = 200;
  let body: Record<string, unknown>;
  try {
    const action = params.text('action');
    if (action === '') throw new Refusal('Empty action request', 400);
    auth = authenticate(caller, credentials, world.switches, action.toLowerCase());
    const { version, unknownActionStatus } = world.switches;
    const run = actionIn(version, actionName(name));
    if (!run) throw new Refusal(unknownAction(version), unknownActionStatus);
    const { store, ledger, switches } = world;
    const call = { store, ledger, clock, switches, params, shapes, adminId: API_ADMIN, ip: caller.ip };
    body = { result: 'success', ...(await run(call)) };
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    status = error.status;
    body = { result: 'error', message: error.message };
  }
  const outcome = body.result === 'success' ? 'success' : String(body.message);
  for (const { set, unset } of merges) {
    Object.assign(body, set);
    for (const key of unset) delete body[key];
  }
  // The old form is WHMCS's default; clients ask for JSON.
  const isJson = params.text('responsetype').toLowerCase() === 'json';
  const headers = {
    'content-type': isJson ? world.switches.contentType : 'text/html; charset=UTF-8',
    server: 'Apache',
  };
  return { answer: { status, headers, body: isJson ? shapes.json(body) : nvp(body) }, auth, outcome };
}
