/** The factory of our config nodes: settings and secrets read, the shared thing taken from its pool, given back on close. */
import { createHash } from 'node:crypto';
import type { Node, NodeAPI } from 'node-red';
import { registerAdminRoutes } from './admin-routes';
import { nodeProblem, nodeProblemText, type ConnectionKinds, type ConnectionNode } from './connections';
import { logOf } from './log';
import {
  invalid,
  readSecrets,
  readSettings,
  type Declared,
  type DeclaredSecrets,
  type Secrets,
  type ValuesOf,
} from './settings';
import type { Log } from '../../lib/log';

export interface ConfigNodeOptions<K extends keyof ConnectionKinds, D extends Declared, S extends DeclaredSecrets> {
  settings: D;
  secrets: S;
  /**
   * Takes the thing from its pool.
   * @throws Error with words for the person who set it up; no secret in it.
   */
  open: (
    values: ValuesOf<D>,
    secrets: Secrets<S>,
    log: Log,
    node: Node,
  ) => { value: ConnectionKinds[K]; release(): void };
}

/** Registers a config node type whose nodes share what they connect to. */
export function configNode<K extends keyof ConnectionKinds, D extends Declared, S extends DeclaredSecrets>(
  RED: NodeAPI,
  type: K,
  options: ConfigNodeOptions<K, D, S>,
): void {
  registerAdminRoutes(RED, { settings: { [type]: options.settings }, secrets: { [type]: options.secrets } });
  RED.nodes.registerType(
    type,
    function (this: Node, definition) {
      RED.nodes.createNode(this, definition);
      const node = this as ConnectionNode<K>;
      const config = definition as unknown as Record<string, unknown>;
      node.users = {};
      node.connection = null;
      node.problem = null;
      const settings = readSettings(options.settings, config);
      const secrets = readSecrets(
        config,
        node.credentials as Record<string, unknown> | undefined,
        process.env,
        options.secrets,
        settings.values,
      );
      const log = logOf(node);
      for (const note of settings.notes) node.log(note);
      const found = [...settings.problems, ...secrets.problems];
      if (found.length === 0) {
        try {
          const opened = options.open(settings.values, secrets.values, log, node);
          node.connection = opened.value;
          node.on('close', (done: () => void) => {
            opened.release();
            done();
          });
        } catch (error) {
          found.push(invalid(type, error));
        }
      }
      if (nodeProblem(node, found)) node.problem = nodeProblemText(node);
    },
    {
      credentials: Object.fromEntries(
        Object.keys(options.secrets).map((name) => [name, { type: 'password' as const }]),
      ),
    },
  );
}

/** The key of a shared thing: all that it connects to and with, unreadable, since secrets are among it. */
export const keyOf = (...parts: unknown[]): string => createHash('sha256').update(JSON.stringify(parts)).digest('hex');
