/** Config nodes as the other nodes use them: what they connect to, or why they cannot. */
import type { Node, NodeAPI } from 'node-red';
import type { SharedStore } from '../../lib/provisioning/shared-store';
import { flowIdOf, problems, type SalesforceConnection, type WhmcsConnection } from './registry';
import type { SettingProblem } from './settings';

/** What each type of config node gives. */
export interface ConnectionKinds {
  'sf-connection': SalesforceConnection;
  'whmcs-connection': WhmcsConnection & { order: WhmcsOrderSettings };
  'provisioning-store': SharedStore;
}

/** What a WHMCS connection says of the orders made over it. */
export interface WhmcsOrderSettings {
  paymentMethod: string;
  marker: 'notes' | 'none' | { customFieldId: number };
}

export type ConnectionTypes = Readonly<Record<string, keyof ConnectionKinds>>;
export type Connections<C extends ConnectionTypes> = { [K in keyof C]: ConnectionKinds[C[K]] };

/** A config node of ours. `connection` is null while it lacks a setting; `users` is Node-RED's own convention for Catch and Status. */
export interface ConnectionNode<K extends keyof ConnectionKinds> extends Node {
  connection: ConnectionKinds[K] | null;
  problem: string | null;
  users: Record<string, Node>;
}

/**
 * The connections that a node's config names.
 * `connections` may be used only when there are no problems.
 */
export function useConnections<C extends ConnectionTypes>(
  RED: NodeAPI,
  node: Node,
  config: Readonly<Record<string, unknown>>,
  types: C,
): { connections: Connections<C>; problems: SettingProblem[] } {
  const found: Record<string, unknown> = {};
  const missing: SettingProblem[] = [];
  for (const [field, type] of Object.entries(types)) {
    const id = config[field];
    const other =
      typeof id === 'string' ? (RED.nodes.getNode(id) as ConnectionNode<keyof ConnectionKinds> | null) : null;
    if (other === null || other === undefined || other.type !== type) {
      missing.push({
        code: 'SETTING_MISSING',
        field,
        message: `${field} is not chosen: open this node and choose a ${type}.`,
      });
      continue;
    }
    other.users[node.id] = node;
    node.on('close', () => void delete other.users[node.id]);
    if (other.connection === null)
      missing.push({
        code: 'SETTING_MISSING',
        field,
        message: `"${other.name || type}": ${other.problem ?? 'it is not ready'}`,
        elsewhere: true,
      });
    else found[field] = other.connection;
  }
  return { connections: found as Connections<C>, problems: missing };
}

/**
 * Says once what a node lacks: red status, one error (not one for each node that uses a broken connection), and a mark that keeps the source from taking work.
 * @returns whether something is lacking.
 */
export function nodeProblem(node: Node, found: readonly SettingProblem[]): boolean {
  problems.delete(node.id);
  node.on('close', () => void problems.delete(node.id));
  if (found.length === 0) return false;
  const text = found.map((problem) => problem.message).join(' ');
  problems.set(node.id, { text, flowId: flowIdOf(node) });
  if (!found.every((problem) => problem.elsewhere)) node.error(`${found[0]?.code ?? 'SETTING_MISSING'}: ${text}`);
  node.status({ fill: 'red', shape: 'ring', text: found[0]?.variable ?? found[0]?.field ?? 'settings' });
  return true;
}

/** What a node lacks, in words. */
export const nodeProblemText = (node: Node): string =>
  problems.get(node.id)?.text ?? 'a setting of this node is missing';
