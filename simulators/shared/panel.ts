import { type FastifyInstance } from 'fastify';
import { z } from 'zod';
import { type FaultTable, type ListedFault, readable } from './faults';
import { type Entry, type Ledger } from './ledger';
import { panelPage } from './panel-page';
import { type RequestEntry, type RequestLog } from './requests';
import { type Switches } from './switches';
import { type VirtualClock } from './virtual-clock';

/** What the control surface works on. */
export interface PanelParts<S extends object> {
  /** Title of the page, such as `WHMCS`. */
  title: string;
  ledger: Ledger;
  requests: RequestLog;
  // A simulator's own kinds do not matter here.
  faults: Pick<FaultTable<{ kind: string }>, 'add' | 'list' | 'remove' | 'calls'>;
  switches: Switches<S>;
  clock: VirtualClock;
  /** Puts the simulator's data back to the seed; ledger, requests, faults, switches and clock are put back for it. */
  resetData(): void;
}

/** The same surface for tests in this process. */
export interface Panel<S extends object> {
  ledger(what?: string): Entry[];
  requests(call?: string): RequestEntry[];
  /** Adds a fault (shape: faults.ts); returns its id. @throws when it is not understood. */
  fault(fault: object): string;
  faults(): ListedFault<{ kind: string }>[];
  /** Removes one or all. */
  clearFaults(id?: string): void;
  /** Sets switches, returns all. @throws when one is not known. */
  switches(patch?: Partial<S>): Readonly<S>;
  /** Jumps ahead; returns the new virtual time in ms. */
  advance(ms: number): number;
  now(): number;
  reset(): void;
}

/** A simulator that listens. */
export interface Running<S extends object = object> {
  /** `http://127.0.0.1:PORT` */
  url: string;
  panel: Panel<S>;
  /** Ends everything: no socket, timer or listener is left. */
  close(): Promise<void>;
}

/** The surface for callers in this process. */
export function panelOf<S extends object>(parts: PanelParts<S>): Panel<S> {
  const { ledger, requests, faults, switches, clock } = parts;
  return {
    ledger: (what) => ledger.entries(what),
    requests: (call) => requests.entries(call),
    fault: (fault) => faults.add(fault),
    faults: () => faults.list(),
    clearFaults: (id) => void faults.remove(id),
    switches: (patch) => (patch === undefined ? switches.values : switches.set(patch)),
    advance(ms) {
      clock.advance(ms);
      return clock.now();
    },
    now: () => clock.now(),
    reset() {
      clock.reset();
      faults.remove();
      switches.reset();
      requests.reset();
      ledger.reset();
      parts.resetData();
    },
  };
}

const advanceBody = z.strictObject({ advanceMs: z.number().min(0) });

/** Thrown by a panel route for a fault of the caller: answered with `status` and `{ error }`. */
export class PanelError extends Error {
  constructor(
    readonly status: number,
    message: string,
  ) {
    super(message);
  }
}

/**
 * Parses a panel request's body.
 * @throws PanelError 400
 */
export function bodyOf<T>(schema: z.ZodType<T>, body: unknown): T {
  const parsed = schema.safeParse(body ?? {});
  if (!parsed.success) throw new PanelError(400, readable('body', parsed.error));
  return parsed.data;
}

/**
 * Registers `/_panel` with everything in panelOf, and a page for people.
 * @param extra the vendor's own routes, on a scope whose prefix is `/_panel` and whose JSON bodies may be empty.
 */
export async function registerPanel<S extends object>(
  app: FastifyInstance,
  parts: PanelParts<S>,
  extra?: (scope: FastifyInstance) => void,
): Promise<void> {
  const panel = panelOf(parts);
  await app.register(
    (scope, _options, done) => {
      // Not the simulator's parsers: the panel speaks JSON alone, and a DELETE or reset may come with no body.
      scope.removeAllContentTypeParsers();
      scope.addContentTypeParser('application/json', { parseAs: 'string' }, (_request, body, parsed) => {
        try {
          parsed(null, body === '' ? undefined : JSON.parse(String(body)));
        } catch {
          parsed(new PanelError(400, 'the body is not JSON'));
        }
      });
      scope.setErrorHandler((error, _request, reply) => {
        const status =
          error instanceof PanelError ? error.status : ((error as { statusCode?: number }).statusCode ?? 400);
        void reply.status(status).send({ error: error instanceof Error ? error.message : String(error) });
      });

      scope.get('', (_request, reply) => reply.type('text/html; charset=utf-8').send(panelPage(parts.title)));
      scope.get('/ledger', () => ({ entries: panel.ledger() }));
      scope.get('/requests', () => ({ requests: panel.requests() }));
      scope.get('/faults', () => ({ faults: panel.faults(), calls: parts.faults.calls }));
      scope.post('/faults', (request) => ({ id: parts.faults.add(request.body) }));
      scope.delete('/faults', () => {
        panel.clearFaults();
        return { faults: [] };
      });
      scope.delete<{ Params: { id: string } }>('/faults/:id', (request) => {
        if (!parts.faults.remove(request.params.id)) throw new PanelError(404, `no fault ${request.params.id}`);
        return { faults: panel.faults() };
      });
      scope.get('/switches', () => panel.switches());
      scope.post('/switches', (request) => parts.switches.set(request.body));
      scope.get('/clock', () => ({ now: parts.clock.iso() }));
      scope.post('/clock', (request) => {
        panel.advance(bodyOf(advanceBody, request.body).advanceMs);
        return { now: parts.clock.iso() };
      });
      scope.post('/reset', () => {
        panel.reset();
        return { now: parts.clock.iso() };
      });
      extra?.(scope);
      done();
    },
    { prefix: '/_panel' },
  );
}
