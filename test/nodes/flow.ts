/** Flows for the tests of nodes: set up as the reference flow sets them up, every output led to a sink. */
import { referenceFlow, type FlowNode } from '../../scripts/demo/node-red';

export type { FlowNode };

/** Where messages end: a node of the test helper that does nothing. */
export const sink = 'sink';

const types = {
  org: 'sf-connection',
  whmcs: 'whmcs-connection',
  store: 'provisioning-store',
  source: 'sf-platform-event-in',
  get: 'sf-get-order',
  client: 'whmcs-client-check',
  mapping: 'mapping-check',
  add: 'whmcs-add-order',
  accept: 'whmcs-accept-order',
  activated: 'sf-update-order',
  failed: 'sf-update-order',
  skipped: 'sf-event-done',
  control: 'provisioning-control',
  health: 'provisioning-health',
} as const;

/** Names of the nodes of a test flow. */
export type Known = keyof typeof types;

const shipped = referenceFlow();
const outputs: Partial<Record<Known, number>> = { get: 2, mapping: 2, skipped: 0 };
const connections: readonly Known[] = ['org', 'whmcs', 'store'];

/** A node as the reference flow has it, by a short name, changed where a test asks for it. */
export function node(id: Known, change: Partial<FlowNode> = {}): FlowNode {
  const type = types[id];
  const name = id === 'activated' ? 'Activated' : id === 'failed' ? 'Failed' : undefined;
  const found = shipped.find((one) => one.type === type && (name === undefined || one['name'] === name));
  if (!found) throw new Error(`the reference flow has no ${type} ${name ?? ''}`);
  const own = Object.fromEntries(Object.entries(found).filter(([key]) => !['g', 'wires', 'z'].includes(key)));
  // Node-RED takes a name that is a config node's id for a use of it.
  if (connections.includes(id)) return { ...own, id, type, name: `the ${id}`, ...change };
  const used = Object.fromEntries(
    [
      ['salesforce', 'org'],
      ['whmcs', 'whmcs'],
      ['store', 'store'],
    ].flatMap(([field = '', to]) => (field in found ? [[field, to]] : [])),
  );
  const wires = Array.from({ length: outputs[id] ?? 1 }, () => [sink]);
  return { ...own, ...used, id, type, z: 'tab', wires, ...change };
}

/** Errors of the tab lead to the sink; with `ends` also, past a node that lets nothing by, to *Failed*. */
export function catching(ends: boolean): FlowNode[] {
  const wires = [ends ? [sink, 'held'] : [sink]];
  const gate: FlowNode = { id: 'held', type: 'helper', z: 'tab', x: 0, y: 0, wires: [['failed']] };
  return [
    { id: 'catch', type: 'catch', z: 'tab', x: 0, y: 0, scope: null, uncaught: false, wires },
    ...(ends ? [gate] : []),
  ];
}

/** A whole flow: tab, connections, sink, and these nodes; one of a connection's name takes its place. */
export function flowOf(...nodes: FlowNode[]): FlowNode[] {
  const ids = new Set(nodes.map(({ id }) => id));
  return [
    { id: 'tab', type: 'tab', label: 'tests' },
    ...connections.filter((id) => !ids.has(id)).map((id) => node(id)),
    { id: sink, type: 'helper', z: 'tab', x: 0, y: 0, wires: [] },
    ...nodes,
  ];
}

/** source → these steps → an end; errors lead to *Failed*. As sound as the reference flow. */
export function chain(ids: readonly Known[], change: Partial<FlowNode> = {}): FlowNode[] {
  const all: Known[] = ['source', ...ids];
  const ways: Partial<Record<Known, string>> = { get: 'skipped', mapping: 'failed' };
  const nodes = all.map((id, at) => {
    const other = ways[id];
    const wires = [[all[at + 1] ?? 'last'], ...(other === undefined ? [] : [[other]])];
    return node(id, { wires, ...(id === 'source' ? change : {}) });
  });
  return flowOf(...nodes, node('failed'), node('skipped'), ...catching(true).map(ungated), ...last);
}
const ungated = (one: FlowNode): FlowNode => (one.id === 'catch' ? { ...one, wires: [[sink, 'failed']] } : one);
/** Lets nothing by, but leads to an end. */
const last: FlowNode[] = [{ id: 'last', type: 'helper', z: 'tab', x: 1, y: 1, wires: [['skipped']] }];

/** The steps of the reference flow. */
export const whole = ['get', 'client', 'mapping', 'add', 'accept', 'activated'] as const;
