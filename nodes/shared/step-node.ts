/** The factory of our nodes that take messages: settings, connections, and one step behind the one input wrapper. */
import type { Node, NodeAPI } from 'node-red';
import type { Travelling } from '../../lib/provisioning/message';
import type { Step } from '../../lib/provisioning/step';
import { registerAdminRoutes } from './admin-routes';
import { nodeProblem, useConnections, type Connections, type ConnectionTypes } from './connections';
import { keepStep } from './registry';
import { invalid, readSettings, type Declared, type ValuesOf } from './settings';
import { StepRunner } from './step-runner';

export interface StepNodeOptions<
  D extends Declared,
  C extends ConnectionTypes,
  N extends keyof Travelling,
  A extends keyof Travelling,
  W extends string,
> {
  connections: C;
  settings: D;
  /** Properties that older flows have here and that are set elsewhere now, with what they were by default, and where. */
  moved?: Readonly<Record<string, { was: string; to: string }>>;
  /** Names of the outputs, in the order of the editor. */
  ways: readonly W[];
  build: (settings: ValuesOf<D>, connections: Connections<C>, node: Node) => Step<N, A, W>;
}

/** Registers a node type whose nodes run one step. */
export function stepNode<
  D extends Declared,
  C extends ConnectionTypes,
  N extends keyof Travelling,
  A extends keyof Travelling,
  W extends string,
>(RED: NodeAPI, type: string, options: StepNodeOptions<D, C, N, A, W>): void {
  registerAdminRoutes(RED, { settings: { [type]: options.settings } });
  RED.nodes.registerType(type, function (this: Node, config) {
    RED.nodes.createNode(this, config);
    const read = readSettings(options.settings, config as unknown as Record<string, unknown>);
    const used = useConnections(RED, this, config as unknown as Record<string, unknown>, options.connections);
    const found = [...read.problems, ...used.problems];
    let step: Step<N, A, W> | null = null;
    try {
      if (found.length === 0) {
        step = options.build(read.values, used.connections, this);
        keepStep(this, { type, step, settings: read.values, connections: used.connections });
      }
    } catch (error) {
      // A constructor that throws leaves a hole in the flow: messages would vanish there.
      found.push(invalid(type, error));
    }
    nodeProblem(this, found);
    for (const note of read.notes) this.log(note);
    for (const [field, { was, to }] of Object.entries(options.moved ?? {})) {
      const value: unknown = (config as unknown as Record<string, unknown>)[field];
      if (typeof value === 'string' && value.trim() !== '' && value.trim() !== was)
        this.warn(`${field} (${value.trim().slice(0, 80)}) is not used here any more: set it on ${to}.`);
    }
    new StepRunner(this, options.ways, step, found[0]?.code ?? 'SETTING_MISSING');
  });
}
