/**
 * Reads a deployed flow as a graph, along wires, links and subflows, and says where an order could get lost in it:
 * nothing ends it, an output leads nowhere, errors are not caught. Pure: takes the flow's JSON.
 *
 * Subflows are read once, as templates: a node inside one stands for all its instances (Node-RED's `_alias`).
 */

/** A node of the flow file, as far as the check looks at it. */
export interface FlowNode {
  id: string;
  type: string;
  name?: string;
  /** The tab or subflow that it is on. */
  z?: string;
  /** Its group. */
  g?: string;
  d?: boolean;
  disabled?: boolean;
  wires?: string[][];
  [property: string]: unknown;
}

export interface Finding {
  /** The source whose orders are concerned. */
  sourceId: string;
  nodeId: string;
  kind: 'sourceNotWired' | 'nothingEnds' | 'notWired' | 'leadsNowhere' | 'notCaught' | 'mayDrop';
  /** One line for the debug sidebar. */
  text: string;
}

export interface FlowCheck {
  findings: Finding[];
  /** Whether an error of this node reaches a box that writes *Failed*. */
  failureEnds(nodeId: string): boolean;
  /** The sources of a store, by the id of its config node, in the order of the flow file. */
  sourcesOf(storeId: string): { id: string; label: string }[];
  /** Nodes that a message of this source can reach, and the config nodes that they use. */
  reach(sourceId: string): Set<string>;
}

const sourceType = 'sf-platform-event-in';
/** Outputs of our nodes, by the words of the editor. The output of a box that ends the order may stay open. */
const ourOutputs: Record<string, string[]> = {
  'sf-get-order': ['go', 'skip'],
  'whmcs-client-check': ['next'],
  'mapping-check': ['mapped', 'incomplete'],
  'whmcs-add-order': ['next'],
  'whmcs-accept-order': ['next'],
  'sf-update-order': ['next'],
};
const ourSteps = new Set(Object.keys(ourOutputs));

export function checkFlow(all: readonly FlowNode[]): FlowCheck {
  const graph = new FlowGraph(all);
  const findings = graph.ofType(sourceType).flatMap((source) => findingsOf(graph, source));
  return {
    findings,
    failureEnds: (id) => graph.failureEnds(id),
    sourcesOf: (storeId) =>
      graph
        .ofType(sourceType)
        .filter((source) => source['store'] === storeId)
        .map((source) => ({ id: source.id, label: label(source) })),
    reach: (id) => graph.withConfigs(graph.reachable([id])),
  };
}

function findingsOf(graph: FlowGraph, source: FlowNode): Finding[] {
  const say = (node: FlowNode, kind: Finding['kind'], text: string): Finding => ({
    sourceId: source.id,
    nodeId: node.id,
    kind,
    text,
  });
  if (graph.next(source.id, 0).length === 0) {
    return [say(source, 'sourceNotWired', `"${label(source)}" is not wired: it takes no work`)];
  }
  const reached = [...graph.reachable([source.id])].flatMap((id) => graph.node(id) ?? []);
  if (!reached.some(ends)) {
    return [
      say(
        source,
        'nothingEnds',
        `Nothing ends the orders of "${label(source)}": lead every branch to an update order (Activated, Failed) or event done`,
      ),
    ];
  }
  return reached.flatMap((node) => {
    if (node.id === source.id) return [];
    if (ourSteps.has(node.type)) {
      const outputs = ends(node) ? [] : (ourOutputs[node.type] ?? []);
      const open = outputs.flatMap((word, port) => {
        const named = outputs.length > 1 ? `Output "${word}" of "${label(node)}"` : `The output of "${label(node)}"`;
        if (graph.next(node.id, port).length === 0)
          return [say(node, 'notWired', `${named} is not wired: orders that leave by it fail as OUTPUT_NOT_WIRED`)];
        return graph.leadsToEnd(node.id, port)
          ? []
          : [
              say(
                node,
                'leadsNowhere',
                `${named} leads to no box that ends the order: such orders wait until they fail as FLOW_TIMEOUT`,
              ),
            ];
      });
      const caught = graph.failureEnds(node.id)
        ? []
        : [
            say(
              node,
              'notCaught',
              `No Catch leads the errors of "${label(node)}" to update order (Failed): the source writes them itself`,
            ),
          ];
      return [...open, ...caught];
    }
    return dropping(graph, node).map((text) => say(node, 'mayDrop', text));
  });
}

/** Core nodes that are known to swallow messages as they are set. */
function dropping(graph: FlowGraph, node: FlowNode): string[] {
  if (node.type === 'switch') {
    const rules = Array.isArray(node['rules']) ? (node['rules'] as { t?: string }[]) : [];
    const open = rules.flatMap((_, port) =>
      graph.leadsToEnd(node.id, port)
        ? []
        : [`Output ${port + 1} of switch "${label(node)}" leads to no box that ends the order`],
    );
    return rules.some((rule) => rule.t === 'else')
      ? open
      : [...open, `Switch "${label(node)}" has no "otherwise": a message that matches nothing is dropped`];
  }
  if (node.type === 'split' && ![...graph.reachable([node.id])].some((id) => graph.node(id)?.type === 'join')) {
    return [`"${label(node)}" splits a message that is not joined again: the first part that ends the order ends it`];
  }
  if (node.type === 'delay' && node['drop'] === true) return [`"${label(node)}" drops messages when there are many`];
  return [];
}

/** Boxes that end an order. */
function ends(node: FlowNode): boolean {
  return node.type === 'sf-event-done' || (node.type === 'sf-update-order' && node['status'] !== 'Activating');
}

const endsFailed = (node: FlowNode): boolean =>
  node.type === 'sf-update-order' && (node['status'] === 'Failed' || node['status'] === 'message');

const label = (node: FlowNode): string => node.name || node.type;

class FlowGraph {
  private readonly nodes: Map<string, FlowNode>;

  constructor(all: readonly FlowNode[]) {
    const off = new Set(all.filter((node) => node.type === 'tab' && node.disabled === true).map((tab) => tab.id));
    this.nodes = new Map(
      all.filter((node) => node.d !== true && !off.has(node.z ?? '')).map((node) => [node.id, node]),
    );
  }

  node(id: string): FlowNode | undefined {
    return this.nodes.get(id);
  }

  ofType(type: string): FlowNode[] {
    return [...this.nodes.values()].filter((node) => node.type === type);
  }

  /** Nodes that an output leads to, through links and into subflows. */
  next(id: string, port: number): string[] {
    const node = this.node(id);
    return node ? [...this.enter(node.wires?.[port] ?? []), ...this.leave(node, port)] : [];
  }

  /** Everything that a message at these nodes can reach, themselves included. */
  reachable(starts: readonly string[]): Set<string> {
    const seen = new Set<string>();
    const open = [...starts];
    for (let id = open.pop(); id !== undefined; id = open.pop()) {
      if (seen.has(id) || !this.nodes.has(id)) continue;
      seen.add(id);
      open.push(...this.onward(id));
    }
    return seen;
  }

  leadsToEnd(id: string, port: number): boolean {
    return [...this.reachable(this.next(id, port))].some((other) => this.isEnd(other));
  }

  /** The nodes and the config nodes that they name. */
  withConfigs(ids: Set<string>): Set<string> {
    const all = new Set(ids);
    for (const id of ids) {
      for (const value of Object.values(this.node(id) ?? {}))
        if (typeof value === 'string' && this.isConfig(value)) all.add(value);
    }
    return all;
  }

  failureEnds(id: string): boolean {
    const node = this.node(id);
    if (!node) return false;
    const catches = this.catchesOf(node);
    return catches.some((one) =>
      [...this.reachable([one.id])].some((other) => endsFailed(this.node(other) as FlowNode)),
    );
  }

  private isEnd(id: string): boolean {
    const node = this.node(id);
    return node !== undefined && ends(node);
  }

  private isConfig(id: string): boolean {
    const node = this.node(id);
    return (
      node !== undefined &&
      node.wires === undefined &&
      node.type !== 'tab' &&
      node.type !== 'group' &&
      !node.type.startsWith('subflow')
    );
  }

  private onward(id: string): string[] {
    const node = this.node(id);
    // A message passes a subflow by the nodes inside, which `enter` has added.
    if (!node || node.type.startsWith('subflow:')) return [];
    const direct = this.enter((node.wires ?? []).flat());
    if (node.type === 'link out') {
      return node['mode'] === 'return'
        ? this.enter(this.ofType('link call').flatMap((call) => (call.wires ?? []).flat()))
        : strings(node['links']);
    }
    if (node.type === 'link call') {
      // A dynamic call may go to any link in.
      return node['linkType'] === 'dynamic'
        ? this.ofType('link in').map((target) => target.id)
        : strings(node['links']);
    }
    return [...direct, ...this.leave(node)];
  }

  /** Targets as they are, and for a subflow instance the nodes that its inputs lead to. */
  private enter(ids: readonly string[]): string[] {
    return ids.flatMap((id) => {
      const node = this.node(id);
      if (!node) return [];
      const template = node.type.startsWith('subflow:') ? this.node(node.type.slice('subflow:'.length)) : undefined;
      if (!template) return [id];
      const inside = ports(template['in']).flatMap((port) => port.map((wire) => wire.id));
      return [id, ...this.enter(inside)];
    });
  }

  /** Where a node inside a subflow leaves it: the wires of each instance. */
  private leave(node: FlowNode, from?: number): string[] {
    const template = node.z === undefined ? undefined : this.node(node.z);
    if (template?.type !== 'subflow') return [];
    const isHere = (wire: SubflowWire): boolean =>
      wire.id === node.id && (from === undefined || (wire.port ?? 0) === from);
    return ports(template['out']).flatMap((wires, port) =>
      wires.some(isHere)
        ? this.ofType(`subflow:${template.id}`).flatMap((instance) => this.enter(instance.wires?.[port] ?? []))
        : [],
    );
  }

  /** Catch nodes that get an error of this node; out of a subflow it goes on to the tab of its instances. */
  private catchesOf(node: FlowNode): FlowNode[] {
    const here = this.ofType('catch').filter((one) => one.z === node.z && this.inScope(one, node));
    const template = node.z === undefined ? undefined : this.node(node.z);
    if (here.length > 0 || template?.type !== 'subflow') return here;
    return this.ofType(`subflow:${template.id}`).flatMap((instance) => this.catchesOf(instance));
  }

  private inScope(one: FlowNode, node: FlowNode): boolean {
    const scope = one['scope'];
    if (Array.isArray(scope)) return scope.includes(node.id);
    if (scope === 'group') return one.g !== undefined && this.groupsOf(node).includes(one.g);
    return true;
  }

  private groupsOf(node: FlowNode): string[] {
    const groups: string[] = [];
    for (let group = node.g; group !== undefined && !groups.includes(group); group = this.node(group)?.g)
      groups.push(group);
    return groups;
  }
}

const strings = (value: unknown): string[] =>
  Array.isArray(value) ? value.filter((one): one is string => typeof one === 'string') : [];

interface SubflowWire {
  id: string;
  port?: number;
}

/** The `in` or `out` of a subflow template: per port the wires. */
function ports(value: unknown): SubflowWire[][] {
  if (!Array.isArray(value)) return [];
  return value.map((port: unknown) => {
    const wires = (port as { wires?: unknown }).wires;
    return Array.isArray(wires)
      ? wires.filter((wire): wire is SubflowWire => typeof (wire as { id?: unknown }).id === 'string')
      : [];
  });
}
