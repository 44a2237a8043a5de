import '../shared/needed-node';
import type { Node, NodeAPI } from 'node-red';
import { health, healthWithoutStore, type Health, type HealthWithoutStore } from '../../lib/provisioning/health';
import type { SharedStore } from '../../lib/provisioning/shared-store';
import { registerAdminRoutes } from '../shared/admin-routes';
import { nodeProblem, useConnections } from '../shared/connections';
import { onInput } from '../shared/input';
import { intakesOf, time, whmcses } from '../shared/registry';
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
    let cached: { at: number; answer: Promise<Health | HealthWithoutStore | Bare> } | null = null;

    const current = (): Promise<Health | HealthWithoutStore | Bare> => {
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

/** No store is set up, or only that Node-RED runs is asked. */
interface Bare {
  status: 'ok' | 'down';
  problems?: string[];
}

async function look(store: SharedStore | null, environment: string): Promise<Health | HealthWithoutStore | Bare> {
  if (store === null) return { status: 'down', problems: ['no store is set up'] };
  const { provisioning, problem, engine } = store;
  if (provisioning === null) {
    // The store's own message may name a path; it is in the log.
    const why = problem === null ? 'it is being opened' : (storeStatus(problem, engine).text ?? problem.code);
    return healthWithoutStore(engine, environment, why);
  }
  try {
    const connections = whmcses.open.map(({ whmcs }) => whmcs);
    return await health(provisioning, intakesOf(provisioning), environment, connections);
  } catch {
    // It went away between two of the questions.
    return healthWithoutStore(engine, environment, 'it does not answer');
  }
}
