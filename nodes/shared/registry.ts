/**
 * Every table that is one for the whole process: connections and stores by what they connect to, who takes which channel,
 * the deployed flow. It outlives deploys; nodes come and go.
 *
 * Our code is never bundled per node, or each node type would have a registry of its own.
 */
import { randomUUID } from 'node:crypto';
import type { Node, NodeAPI } from 'node-red';
import type { AnyStep } from '../../lib/provisioning/dry-run';
import type { Intake } from '../../lib/provisioning/intake';
import type { Handout } from '../../lib/provisioning/handouts';
import type { Provisioning } from '../../lib/provisioning/provisioning';
import type { SharedStore } from '../../lib/provisioning/shared-store';
import type { createSalesforce } from '../../lib/salesforce/connection';
import type { IdMappingsTable } from '../../lib/state/contract';
import { DeliveryCounts } from '../../lib/salesforce/events/delivery-count';
import { Places } from '../../lib/salesforce/events/one-stream';
import type { ChannelTables } from '../../lib/salesforce/events/subscriber';
import type { Catalogue } from '../../lib/whmcs/catalogue';
import type { createWhmcs } from '../../lib/whmcs/connection';
import type { Whmcs } from '../../lib/whmcs/contract';
import { systemClock, type Clock } from '../../lib/clock';
import { checkFlow, type FlowCheck, type FlowNode } from './flow-check';

/** Made anew by each process; intents name it as their sender. */
export const instance = randomUUID();

/** The clock of everything that nodes start; tests put their own in its place. */
export const time: { clock: Clock } = { clock: systemClock };

/** How long something that no node uses any more is kept, so that the next generation of a deploy finds it. */
const graceMs = 3_000;

interface Entry<T> {
  value: T;
  users: number;
  close: (value: T) => Promise<void>;
  busy: (value: T) => boolean;
}

/** Things that several nodes share, counted, and closed some time after the last has let go. */
export class Pool<T> {
  private readonly entries = new Map<string, Entry<T>>();

  /**
   * The thing of this key, made if there is none. `release` once. `busy` things are kept beyond their grace.
   * @throws what `open` throws; nothing is kept then.
   */
  acquire(
    key: string,
    open: () => T,
    close: (value: T) => Promise<void>,
    busy: (value: T) => boolean = () => false,
  ): { value: T; release(): void } {
    const entry = this.entries.get(key) ?? { value: open(), users: 0, close, busy };
    this.entries.set(key, entry);
    entry.users += 1;
    let released = false;
    return {
      value: entry.value,
      release: () => {
        if (released) return;
        released = true;
        entry.users -= 1;
        this.closeLater(key, entry);
      },
    };
  }

  /** Forgets a thing that turned out to be broken, so that the next deploy makes it anew. */
  forget(key: string, value: T): void {
    if (this.entries.get(key)?.value === value) this.entries.delete(key);
  }

  get open(): T[] {
    return [...this.entries.values()].map((entry) => entry.value);
  }

  /** Closes what no node uses, now. */
  async drain(): Promise<void> {
    for (const [key, entry] of this.entries) if (entry.users === 0) await this.shut(key, entry);
  }

  private closeLater(key: string, entry: Entry<T>): void {
    if (entry.users > 0) return;
    time.clock.after(graceMs, () => {
      if (entry.users > 0 || this.entries.get(key) !== entry) return;
      if (entry.busy(entry.value)) this.closeLater(key, entry);
      // No node is left to be told, and a rejection nobody takes would end Node-RED.
      else void this.shut(key, entry).catch(() => undefined);
    });
  }

  private async shut(key: string, entry: Entry<T>): Promise<void> {
    if (this.entries.get(key) === entry) this.entries.delete(key);
    await entry.close(entry.value);
  }
}

/** A WHMCS installation with the cache of its products and what its config node says of orders. */
export interface WhmcsConnection {
  whmcs: ReturnType<typeof createWhmcs>;
  catalogue: Catalogue;
}

/** An org as one user, and where its events come from. */
export interface SalesforceConnection {
  salesforce: ReturnType<typeof createSalesforce>;
  pubsubEndpoint: string;
  apiVersion: string;
  ca: string | undefined;
}

export const stores = new Pool<SharedStore>();
export const salesforces = new Pool<SalesforceConnection>();
export const whmcses = new Pool<WhmcsConnection>();
/** Id mappings that are kept apart from the store. */
export const idMappingsTables = new Pool<IdMappingsTable>();

const openStores = (): Provisioning[] => stores.open.flatMap((shared) => shared.provisioning ?? []);

/** Whether a step works, perhaps one of a node that is closed already: it needs its connection until it has ended. */
export const stepsRun = (): boolean => openStores().some((provisioning) => provisioning.handouts.anyRunning);

/** The live connection to a WHMCS installation, for settling; undefined while no node has one. */
export const whmcsOf = (key: string): Whmcs | undefined => whmcses.open.find((one) => one.whmcs.key === key)?.whmcs;

// ---------------------------------------------------------- events under way

/** The hand-out that a message belongs to, and the store that it came from. */
export function handoutOf(message: {
  eventId?: string | undefined;
  messageId?: string | undefined;
}): { provisioning: Provisioning; handout: Handout } | null {
  for (const provisioning of openStores()) {
    const handout =
      (message.eventId === undefined ? undefined : provisioning.handouts.of(message.eventId)) ??
      (message.messageId === undefined ? undefined : provisioning.handouts.ofMessage(message.messageId));
    if (handout) return { provisioning, handout };
  }
  return null;
}

/** The store that holds an event, ended or not. */
export async function storeOf(
  eventId: string,
): Promise<{ provisioning: Provisioning; orderId: string | null; handout: number } | null> {
  for (const provisioning of openStores()) {
    const event = await provisioning.store.inbox.get(eventId);
    if (event) return { provisioning, orderId: event.orderId, handout: event.handout };
  }
  return null;
}

// -------------------------------------------------------------- channels

/** Who listens to which channel of which org, and how many deliveries each took. */
export const channelTables: ChannelTables = { places: new Places(), deliveries: new DeliveryCounts() };

const channels = new Map<string, { nodeId: string; intake: Intake }>();

const channelKey = (provisioning: Provisioning, channel: string): string => `${provisioning.store.id} ${channel}`;

/** One intake per channel and store: false when another node has it. */
export function takeChannel(provisioning: Provisioning, channel: string, nodeId: string, intake: Intake): boolean {
  const key = channelKey(provisioning, channel);
  const taken = channels.get(key);
  if (taken && taken.nodeId !== nodeId) return false;
  channels.set(key, { nodeId, intake });
  return true;
}

export function leaveChannel(provisioning: Provisioning, channel: string, nodeId: string): void {
  const key = channelKey(provisioning, channel);
  if (channels.get(key)?.nodeId !== nodeId) return;
  channels.delete(key);
  for (const listener of [...channelListeners]) listener();
}

const channelListeners = new Set<() => void>();

/** Tells whenever a channel has become free. */
export function onChannelFree(listener: () => void): () => void {
  channelListeners.add(listener);
  return () => channelListeners.delete(listener);
}

/** The intakes on a store. */
export const intakesOf = (provisioning: Provisioning): Intake[] =>
  [...channels].filter(([key]) => key.startsWith(`${provisioning.store.id} `)).map(([, { intake }]) => intake);

// ---------------------------------------------------------- the deployed flow

/** Nodes of ours that lack a setting, with what is wrong. `flowId` is the node's id in the flow: in a subflow that of its template. */
export const problems = new Map<string, { text: string; flowId: string }>();

/** The id that the flow file has for a node. */
export const flowIdOf = (node: { id: string }): string => (node as { id: string; _alias?: string })._alias ?? node.id;

/** A node of ours that runs a step, with what it was set up with. */
export interface DeployedStep {
  /** As in the flow file; see `flowIdOf`. */
  flowId: string;
  type: string;
  /** As the editor labels it. */
  label: string;
  step: AnyStep;
  settings: Readonly<Record<string, unknown>>;
  connections: { salesforce?: SalesforceConnection; whmcs?: WhmcsConnection };
}

/** By the node's id, in the order in which they were made. */
const deployedSteps = new Map<string, DeployedStep>();

/** To be called by a node that runs a step; forgotten when it closes. */
export function keepStep(node: Node, kept: Omit<DeployedStep, 'flowId' | 'label'>): void {
  const entry = { ...kept, flowId: flowIdOf(node), label: node.name || node.type };
  deployedSteps.set(node.id, entry);
  node.on('close', () => {
    if (deployedSteps.get(node.id) === entry) deployedSteps.delete(node.id);
  });
}

/** The steps of these nodes of the flow file. */
export const stepsAmong = (flowIds: ReadonlySet<string>): DeployedStep[] =>
  [...deployedSteps.values()].filter((one) => flowIds.has(one.flowId));

let check: FlowCheck = checkFlow([]);
const deployListeners = new Set<() => void>();
let listening = false;
/** A deploy that ends without a word (a node type is missing, say) is over after so long: closing takes 15 s at most. */
const deployLimitMs = 30_000;
/** A message that was sent on is with its next node within a turn of the loop, which may be slow. */
const justSentMs = 1_000;
/** Monotonic ms until which a deploy is under way. */
let deployingUntil = -Infinity;

/** Nodes are being closed or made: a message that is sent now may go to nobody. */
export const isDeploying = (): boolean => time.clock.monotonic() < deployingUntil;

export const currentCheck = (): FlowCheck => check;

/** Tells after each deploy, when all nodes stand. */
export function onDeployed(RED: NodeAPI, listener: () => void): () => void {
  listen(RED);
  deployListeners.add(listener);
  return () => deployListeners.delete(listener);
}

function listen(RED: NodeAPI): void {
  if (listening) return;
  listening = true;
  RED.events.on('flows:stopping', () => {
    deployingUntil = time.clock.monotonic() + deployLimitMs;
    for (const { provisioning } of stores.open) provisioning?.handouts.loseJustSent(justSentMs);
  });
  RED.events.on('flows:started', (started: { config?: { flows?: FlowNode[] } | FlowNode[] }) => {
    const flows = Array.isArray(started.config) ? started.config : (started.config?.flows ?? []);
    check = checkFlow(flows);
    deployingUntil = -Infinity;
    for (const listener of [...deployListeners]) listener();
  });
}
