import type { Node, NodeAPI } from 'node-red';
import { health, type Health } from '../../lib/provisioning/health';
import type { SharedStore } from '../../lib/provisioning/shared-store';
import { registerAdminRoutes } from '../shared/admin-routes';
import { nodeProblem, useConnections } from '../shared/connections';
import { onInput } from '../shared/input';
import { intakesOf, time } from '../shared/registry';
import { readSettings, text } from '../shared/settings';
import { storeStatus } from '../shared/store-status';

const settings = { environment: text('production') };
/** One answer serves all probes of so many ms. */
const cacheMs = 2_000;

type Probe = {
  payload?: unknown;
  statusCode?: number;
  headers?: Record<string, string>;
  req?: { query?: Record<string, unknown> };
};

/** Between the core `http in` and `http response`. `?live` says only that Node-RED runs. */
export = (RED: NodeAPI): void => {
  registerAdminRoutes(RED, { settings: { 'provisioning-health': settings } });
  RED.nodes.registerType('provisioning-health', function (this: Node, definition) {
    RED.nodes.createNode(this, definition);
    const config = definition as unknown as Record<string, unknown>;
    const { values, problems, notes } = readSettings(settings, config);
    const used = useConnections(RED, this, config, { store: 'provisioning-store' });
    for (const note of notes) this.log(note);
    const store = nodeProblem(this, [...problems, ...used.problems]) ? null : used.connections.store;
    let cached: { at: number; answer: Promise<Health | Down> } | null = null;

    const current = (): Promise<Health | Down> => {
      const now = time.clock.monotonic();
      if (cached === null || now - cached.at >= cacheMs) cached = { at: now, answer: look(store, values.environment) };
      return cached.answer;
    };
    onInput(this, async (message, send, done) => {
      const probe = message as Probe;
      const answer = probe.req?.query?.['live'] === undefined ? await current() : ({ status: 'ok' } as const);
      probe.payload = answer;
      probe.statusCode = answer.status === 'down' ? 503 : 200;
      probe.headers = { ...probe.headers, 'Cache-Control': 'no-store' };
      this.status({ fill: fills[answer.status], shape: 'dot', text: answer.status });
      send(message);
      done();
    });
  });
};

const fills = { ok: 'green', degraded: 'yellow', down: 'red' } as const;

interface Down {
  status: 'ok' | 'down';
  problems?: string[];
}

async function look(store: SharedStore | null, environment: string): Promise<Health | Down> {
  if (store === null) return { status: 'down', problems: ['no store is set up'] };
  const { provisioning, problem } = store;
  if (provisioning === null) {
    // The store's own message may name a path; it is in the log.
    const why = problem === null ? 'it is being opened' : storeStatus(problem).text;
    return { status: 'down', problems: [`the store cannot be used: ${why}`] };
  }
  try {
    return await health(provisioning, intakesOf(provisioning), environment);
  } catch {
    return { status: 'down', problems: ['the store cannot be used'] };
  }
}
