/**
 * Node-RED's test helper with every node type of the pack and both simulators, and for each test a clean store and a
 * clock that can jump. After each test nothing may be left open, and no secret may have been shown.
 */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import RED, { type Node, type NodeAPI, type NodeStatus } from 'node-red';
import helper from 'node-red-node-test-helper';
import { systemClock } from '../../lib/clock';
import { eventPart } from '../../lib/provisioning/intake';
import type { EventPart, Message } from '../../lib/provisioning/message';
import type { Provisioning } from '../../lib/provisioning/provisioning';
import { defaultFieldNames } from '../../lib/salesforce/contract';
import type { ConnectionKinds, ConnectionNode } from '../../nodes/shared/connections';
import { idMappingsTables, onDeployed, salesforces, stores, time, whmcses } from '../../nodes/shared/registry';
import type { FlowNode } from './flow';
import { JumpingClock } from './jumping-clock';
import { nodeFiles } from './node-files';
import { environment, login, secretIn, startVendors, type Vendors } from './vendors';
import { Watch, type Ended, type Line } from './watch';

/** How a message left a node. */
export interface Passed {
  sent: { port: number; message: Message }[];
  /** What `done` was given. */
  error: Ended['error'];
  /** What a Catch made of it. */
  caught: Message | null;
}

/** A message as the source sends it. */
export type EventMessage = Message & { _msgid: string; event: EventPart };

export type NodeFile = (red: NodeAPI) => void;

export const channel = '/event/OrderProvisionRequested__e';
export const seat = [{ code: 'SEAT-M', quantity: 1 }];
const waitMs = 30_000;
/** How long sockets and timers may take to end. Shorter than any timer of the nodes that could be forgotten. */
const leftMs = 2_000;
/** How long an unused connection or store is kept. */
const graceMs = 3_000;

/** A world for each test of the suite that calls this. */
export function useWorld(): World {
  const world = new World();
  before(async function () {
    this.timeout(60_000);
    world.vendors = await startVendors();
  });
  beforeEach(() => world.open());
  afterEach(() => world.close());
  return world;
}

export class World {
  vendors!: Vendors;
  clock!: JumpingClock;
  watch!: Watch;
  /** As nodes see it. */
  red!: NodeAPI;
  directory!: string;
  private resourcesBefore: Record<string, number> = {};
  private variablesBefore: NodeJS.ProcessEnv = {};
  private messages = 0;
  /** What admin routes answered. */
  readonly answers: string[] = [];

  get salesforce(): Vendors['salesforce'] {
    return this.vendors.salesforce;
  }

  get whmcs(): Vendors['whmcs'] {
    return this.vendors.whmcs;
  }

  open(): void {
    this.salesforce.panel.reset();
    this.whmcs.panel.reset();
    this.answers.length = 0;
    this.directory = mkdtempSync(join(tmpdir(), 'order-nodes-'));
    const keyFile = join(this.directory, 'key.pem');
    writeFileSync(keyFile, login.privateKeyPem, { mode: 0o600 });
    // Behind Salesforce, whose times are whole seconds: no order may seem older than the store.
    this.clock = new JumpingClock(this.salesforce.panel.now() - 2_000);
    time.clock = this.clock;
    this.watch = new Watch(RED.events);
    this.resourcesBefore = { ...resources(), Timeout: (resources()['Timeout'] ?? 0) + 1 };
    this.variablesBefore = { ...process.env };
    // This machine's own must not be used.
    this.set({ DATABASE_URL: undefined, ...environment(this.vendors, keyFile) });
  }

  /** Sets variables of the environment until the test has ended; undefined takes one away. */
  set(variables: Record<string, string | undefined>): void {
    for (const [name, value] of Object.entries(variables)) {
      if (value === undefined) delete process.env[name];
      else process.env[name] = value;
    }
  }

  /** Starts a flow. `credentials` by node id. */
  async load(
    flow: readonly FlowNode[],
    {
      credentials = {},
      files = nodeFiles,
    }: { credentials?: Record<string, Record<string, string>>; files?: readonly NodeFile[] } = {},
  ): Promise<void> {
    helper.settings({ userDir: this.directory });
    const first: NodeFile = (red) => {
      this.red = red;
      // Without a source nobody else asks for the check of the flow.
      onDeployed(red, () => undefined);
    };
    await helper.load([first, ...files], [...flow] as never, credentials as never);
  }

  async deploy(flow: readonly FlowNode[], mode: 'full' | 'flows' | 'nodes'): Promise<void> {
    let started = false;
    RED.events.once('flows:started', () => (started = true));
    // It waits no more than 300 ms, and may begin to wait too late.
    await helper.setFlows([...flow] as never, mode).catch(() => undefined);
    await this.until('the deploy has ended', () => started);
  }

  /** Stops the flows, and lets go of all that they used. */
  async unload(): Promise<void> {
    await helper.unload();
    await this.letGo();
  }

  async letGo(): Promise<void> {
    this.clock.advance(graceMs);
    await this.until(
      () =>
        `nothing is kept: ${stores.open.length} stores, ${salesforces.open.length + whmcses.open.length} connections`,
      () => stores.open.length + salesforces.open.length + whmcses.open.length + idMappingsTables.open.length === 0,
    );
  }

  async close(): Promise<void> {
    try {
      await this.unload();
      await this.until(
        () => `no timer is left, but there are ${this.clock.pending}`,
        () => this.clock.pending === 0,
        leftMs,
      );
      await this.until(
        () =>
          `nothing is left open: ${JSON.stringify(resources())}, at the start ${JSON.stringify(this.resourcesBefore)}`,
        () => Object.entries(resources()).every(([kind, count]) => count <= (this.resourcesBefore[kind] ?? 0)),
        leftMs,
      );
      assert.equal(secretIn([this.watch.shown, ...this.answers].join('\n')), undefined, 'a secret was shown');
    } finally {
      this.watch.stop();
      this.clock.close();
      time.clock = systemClock;
      for (const name of Object.keys(process.env)) if (!(name in this.variablesBefore)) delete process.env[name];
      Object.assign(process.env, this.variablesBefore);
      rmSync(this.directory, { recursive: true, force: true });
    }
  }

  node(id: string): Node {
    return helper.getNode(id) as unknown as Node;
  }

  /** What a config node of ours connects to. */
  connection<K extends keyof ConnectionKinds>(id: string): ConnectionNode<K> {
    return this.node(id) as ConnectionNode<K>;
  }

  async provisioning(): Promise<Provisioning> {
    const { connection } = this.connection<'provisioning-store'>('store');
    assert.ok(connection, 'the store is set up');
    return connection.ready;
  }

  /** Tells the store which org it is for, as the source does. */
  async useSalesforce(): Promise<Provisioning> {
    const provisioning = await this.provisioning();
    const { connection } = this.connection<'sf-connection'>('org');
    assert.ok(connection, 'the org is set up');
    provisioning.useSalesforce(connection.salesforce, defaultFieldNames);
    // Salesforce's times are whole seconds, on both ends of a span: an order of just after the store's birth may seem older.
    this.clock.advance(2_000);
    return provisioning;
  }

  /** An approved order of a demo account. */
  approve(account = 'Northwind Traders', items: { code: string; quantity: number }[] = seat): string {
    const { id } = this.salesforce.people.createOrder({ account, items });
    this.salesforce.people.approve(id);
    return id;
  }

  /** Stores an event of an order and hands it out, as the source does. */
  async handOut(orderId: string): Promise<EventMessage> {
    const { store, clock } = await this.provisioning();
    const now = clock.now();
    const payload = { OrderId__c: orderId, Portal__c: 'kept' };
    const { id } = await store.inbox.add({
      channel,
      replayId: null,
      eventId: `uuid-${++this.messages}`,
      createdAt: now,
      receivedAt: now,
      orderId,
      delivery: 'live',
      payload,
    });
    const message = await this.handOutNext();
    assert.equal(message.event.id, id, 'the event is the next one');
    return message;
  }

  /** Hands out what has waited longest, as the source does. */
  async handOutNext(): Promise<EventMessage> {
    const { store, handouts, clock } = await this.provisioning();
    const event = await store.inbox.take(channel, clock.now());
    assert.ok(event?.orderId, 'an event is to be handed out');
    const messageId = `message-${event.id}-${event.handout}`;
    handouts.begin(event, event.orderId, messageId);
    return { _msgid: messageId, topic: channel, payload: event.payload, event: eventPart(event) };
  }

  /** Gives a node a message and waits until it is done with it. */
  async pass(id: string, message: Message): Promise<Passed> {
    const { sent, ended } = this.watch;
    const [fromSent, fromEnded] = [sent.length, ended.length];
    this.node(id).receive(message as never);
    const mine = (): Ended | undefined =>
      ended.slice(fromEnded).find((one) => one.node === id && one.message === message);
    await this.until(`${id} is done with its message`, () => mine() !== undefined);
    await turn();
    const left = sent.slice(fromSent).filter((one) => one.message._msgid === message._msgid);
    return {
      sent: left.filter(({ from }) => from === id).map(({ port, message: out }) => ({ port, message: out })),
      error: mine()?.error ?? null,
      caught: left.find(({ from }) => from === 'catch')?.message ?? null,
    };
  }

  /** Sends a message through these nodes, by their first outputs. */
  async through(ids: readonly string[], message: Message): Promise<Message> {
    let current = message;
    for (const id of ids) {
      const passed = await this.pass(id, current);
      const [only] = passed.sent;
      assert.ok(
        only?.port === 0,
        `${id} sends by its first output, but: ${passed.error ?? JSON.stringify(passed.sent)}`,
      );
      current = only.message;
    }
    return current;
  }

  /** What a node shows. At most one status a second is shown, so a second passes. */
  status(id: string): NodeStatus | undefined {
    this.clock.advance(1_000);
    return this.watch.statuses.filter(({ node }) => node === id).at(-1)?.status;
  }

  lines(level: Line['level'], node?: string): string[] {
    return this.watch.lines
      .filter((line) => line.level === level && (node === undefined || line.node === node))
      .map(({ text }) => text);
  }

  /** Waits for what must become true soon. */
  async until(what: string | (() => string), test: () => boolean | Promise<boolean>, ms = waitMs): Promise<void> {
    const limit = performance.now() + ms;
    while (!(await test())) {
      if (performance.now() > limit)
        throw new Error(`not within ${ms / 1_000} s: ${typeof what === 'string' ? what : what()}`);
      await new Promise((resolve) => setTimeout(resolve, 2));
    }
  }
}

/** Lets what is due at once happen. */
export const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** What keeps this process alive, by kind. The one timer more is mocha's. */
function resources(): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const kind of process.getActiveResourcesInfo()) counts[kind] = (counts[kind] ?? 0) + 1;
  return counts;
}
