/** Both simulators in this process, and real Node-REDs with this pack, for tests that judge by the vendors' books. */
import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { lchownSync, lstatSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { DatabaseSync } from 'node:sqlite';
import { z } from 'zod';
import { freePort, layOutUserDir, startNodeRed, type FlowNode } from '../../scripts/demo/node-red';
import { databaseClass } from '../../lib/state/sqlite/load-sqlite';
import type { Running } from '../../scripts/demo/processes';
import { startSalesforceSimulator, type SalesforceSimulator } from '../../simulators/salesforce/server';
import { startWhmcsSimulator, type WhmcsSimulator } from '../../simulators/whmcs/server';

export type Line = 'node-red' | 'node-red-4';
/** The two lines of Node-RED that are supported. */
export const bothLines: readonly [Line, string][] = [
  ['node-red', 'newest Node-RED 5'],
  ['node-red-4', 'newest Node-RED 4.1'],
];

const everyMs = 100;

const eventRow = z.object({
  id: z.string(),
  order_id: z.string().nullable(),
  state: z.string(),
  reason: z.string().nullable(),
  payload: z.string(),
  raw: z.string().nullable(),
});
/** An event as the store keeps it. */
export type StoredEvent = z.output<typeof eventRow>;
const count = z.number();
/** What of /health is 0 when nothing is under way. */
const resting = z.object({
  queue: z.object({ waiting: count, inWork: count, parked: count, dead: count, unreported: count }),
  integrations: z.object({ whmcs: z.object({ unsettled: count }) }),
});
const cursorRow = z.object({ replay_id: z.string() });

/** How a Node-RED is started. `subscribes: false`: it is not expected to. `uid`: as which user. `settings`: of settings.js. */
export interface StartOptions {
  settings?: object;
  line?: Line;
  env?: Record<string, string | undefined>;
  subscribes?: boolean;
  uid?: number | undefined;
}

export class World {
  private nodeRed: Running | null = null;
  private editor: WebSocket | null = null;
  private customers = 0;
  readonly output: string[] = [];
  /** What the editor was sent since `watchEditor`: statuses and debug messages. */
  readonly seenInEditor: string[] = [];

  private constructor(
    readonly salesforce: SalesforceSimulator,
    readonly whmcs: WhmcsSimulator,
    readonly directory: string,
    readonly port: number,
    private readonly privateKeyPath: string,
  ) {}

  static async open(): Promise<World> {
    const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
    const salesforce = await startSalesforceSimulator({
      consumerKey: 'consumer',
      username: 'integration@example.test',
      publicKeyPem: publicKey.export({ type: 'spki', format: 'pem' }).toString(),
    });
    const whmcs = await startWhmcsSimulator();
    const directory = mkdtempSync(join(tmpdir(), 'order-flow-'));
    const privateKeyPath = join(directory, 'key.pem');
    writeFileSync(privateKeyPath, privateKey.export({ type: 'pkcs8', format: 'pem' }), { mode: 0o600 });
    return new World(salesforce, whmcs, directory, await freePort(), privateKeyPath);
  }

  get environment(): Record<string, string> {
    return {
      SF_LOGIN_URL: this.salesforce.url,
      SF_AUDIENCE: 'https://login.salesforce.com',
      SF_CLIENT_ID: 'consumer',
      SF_USERNAME: 'integration@example.test',
      SF_PRIVATE_KEY_PATH: this.privateKeyPath,
      SF_PUBSUB_ENDPOINT: this.salesforce.pubsub,
      SF_EVENTS_REPLAY: 'ALL',
      WHMCS_URL: this.whmcs.url,
      WHMCS_API_IDENTIFIER: 'DemoIdentifierDemoIdentifier0001',
      WHMCS_API_SECRET: 'DemoSecretDemoSecretDemoSecret01',
    };
  }

  /** Node-RED's, with the store in it. */
  get userDir(): string {
    return join(this.directory, 'node-red');
  }

  /** Starts Node-RED with these flows, and waits until they take events in. */
  async start(flows: readonly FlowNode[], options: StartOptions = {}): Promise<void> {
    layOutUserDir(this.userDir, { port: this.port, flows, more: options.settings ?? {} });
    this.giveTo(options.uid);
    await this.startAgain(options);
    // Salesforce's times are whole seconds: an order changed in the second of a new store's birth is doubted by it.
    if (options.subscribes !== false) await pause(1_100);
  }

  /** All that is there by now, to another user; undefined: it stays ours. */
  giveTo(uid: number | undefined): void {
    if (uid !== undefined) giveAway(this.directory, uid);
  }

  /** Starts Node-RED on what is there, as after a crash. */
  async startAgain(options: StartOptions = {}): Promise<void> {
    const from = this.output.length;
    this.nodeRed = await startNodeRed(
      this.userDir,
      { ...this.environment, ...options.env },
      (line) => this.output.push(line),
      options.line,
      { uid: options.uid },
    );
    if (options.subscribes === false) return;
    await this.until(`the stream is open:\n${this.output.slice(from).join('\n')}`, () => this.openStreams() === 1);
  }

  async kill(): Promise<void> {
    this.nodeRed?.child.kill('SIGKILL');
    await this.nodeRed?.stop();
    this.nodeRed = null;
    await this.until('the stream is gone', () => this.openStreams() === 0);
  }

  /** @returns the exit code; null when it had to be killed, or none was running. */
  async stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<number | null> {
    const { nodeRed } = this;
    this.nodeRed = null;
    // Node-RED ignores a second one.
    nodeRed?.child.kill(signal);
    await nodeRed?.stop();
    return nodeRed?.child.exitCode ?? null;
  }

  get isUp(): boolean {
    return this.nodeRed !== null && this.nodeRed.child.exitCode === null && this.nodeRed.child.signalCode === null;
  }

  /** Keeps what an open editor is sent: the statuses that stand, and all that follows. */
  async watchEditor(): Promise<void> {
    const editor = new WebSocket(`ws://127.0.0.1:${this.port}/comms`);
    this.editor = editor;
    editor.addEventListener('message', ({ data }) => this.seenInEditor.push(String(data)));
    await new Promise<void>((resolve, reject) => {
      editor.addEventListener('open', () => resolve());
      editor.addEventListener('error', () => reject(new Error("the editor's socket cannot be opened")));
    });
    for (const subscribe of ['status/#', 'debug', 'notification/#']) editor.send(JSON.stringify({ subscribe }));
  }

  /** Presses the button of the flow's inject node *retry* with the ids of orders in it. */
  retry(...ids: string[]): Promise<void> {
    return this.press('retry', ids.join(' '));
  }

  /** Presses the button of one of the flow's inject nodes; with a payload in the place of its own. */
  async press(name: string, payload?: string | object): Promise<void> {
    const node = nodeOf(await this.flows(), 'inject', name);
    const typed = typeof payload === 'string' ? { v: payload, vt: 'str' } : { v: JSON.stringify(payload), vt: 'json' };
    const props = [
      { p: 'topic', v: name, vt: 'str' },
      { p: 'payload', ...typed },
    ];
    await this.admin('POST', `/inject/${node.id}`, payload === undefined ? {} : { __user_inject_props__: props });
  }

  /** The events in the store, oldest first, read beside Node-RED. */
  storedEvents(): StoredEvent[] {
    return this.inStore((database) =>
      z
        .array(eventRow)
        .parse(database.prepare('SELECT id, order_id, state, reason, payload, raw FROM inbox ORDER BY seq').all()),
    );
  }

  /** The position in the stream, as stored. */
  cursor(): string | null {
    return this.inStore((database) => {
      const row = database.prepare('SELECT replay_id FROM cursors').get();
      return row === undefined ? null : cursorRow.parse(row).replay_id;
    });
  }

  /** While Node-RED is stopped: the store was made so many ms earlier than it was. */
  ageStore(ms: number): void {
    const change =
      'UPDATE store SET born_at = born_at - ?, doubt_until = doubt_until - ?, doubt_since_boot = doubt_since_boot - ?';
    const { changes } = this.inStore((database) => database.prepare(change).run(ms, ms, ms), { readOnly: false });
    assert.equal(Number(changes), 1);
  }

  private inStore<T>(read: (database: DatabaseSync) => T, options = { readOnly: true }): T {
    const Database = databaseClass();
    const database = new Database(join(this.userDir, 'order-provisioning.sqlite'), options);
    try {
      return read(database);
    } finally {
      database.close();
    }
  }

  /** The flows as the editor has them. */
  async flows(): Promise<FlowNode[]> {
    const answer = (await this.admin('GET', '/flows')) as { flows: FlowNode[] };
    return answer.flows;
  }

  /** Of `reload` the flows are those of the file. */
  async deploy(flows: readonly FlowNode[], mode: 'full' | 'flows' | 'nodes' | 'reload'): Promise<void> {
    const { rev } = (await this.admin('GET', '/flows')) as { rev: string };
    await this.starting(() => this.admin('POST', '/flows', { flows, rev }, { 'Node-RED-Deployment-Type': mode }));
  }

  /** Stops the flows and starts them again, in the same process; needs the setting `runtimeState`. */
  async stopAndStartFlows(): Promise<void> {
    await this.admin('POST', '/flows/state', { state: 'stop' });
    await this.starting(() => this.admin('POST', '/flows/state', { state: 'start' }));
  }

  private async starting(ask: () => Promise<unknown>): Promise<void> {
    const from = this.output.length;
    await ask();
    await this.until('the flows have started', () =>
      this.output.slice(from).some((line) => /Started (modified )?(flows|nodes)/.test(line)),
    );
  }

  async get(path: string): Promise<{ status: number; body: unknown; headers: Headers }> {
    const answer = await fetch(`http://127.0.0.1:${this.port}${path}`, { signal: AbortSignal.timeout(10_000) });
    const text = await answer.text();
    return { status: answer.status, body: text === '' ? null : JSON.parse(text), headers: answer.headers };
  }

  /** A new account, linked to a new WHMCS client who can pay. */
  customer(): { account: string; clientId: number } {
    const clientId = 2_000 + ++this.customers;
    const account = `Customer ${clientId}`;
    this.whmcs.office.putClient({ id: clientId, company: account });
    this.salesforce.people.putRecord({ type: 'Account', fields: { Name: account, WH_Account__c: `#${clientId}` } });
    return { account, clientId };
  }

  /** An order that nobody has approved yet. */
  draft(account: string, items: { code: string; quantity: number }[]): string {
    return this.salesforce.people.createOrder({ account, items }).id;
  }

  /** An approved order of a demo account. */
  approve(account: string, items: { code: string; quantity: number }[]): string {
    const id = this.draft(account, items);
    this.salesforce.people.approve(id);
    return id;
  }

  status(id: string): string {
    return String(this.salesforce.people.order(id)['Activation_Status__c'] ?? '');
  }

  order(id: string): Record<string, unknown> {
    return this.salesforce.people.order(id);
  }

  /** What WHMCS holds for a Salesforce Order, by its mark. */
  whmcsOrders(id: string): ReturnType<WhmcsSimulator['office']['orders']> {
    return this.whmcs.office.orders().filter((order) => order.notes.includes(id));
  }

  /** All that WHMCS holds of a client. */
  ordersOf(clientId: number): ReturnType<WhmcsSimulator['office']['orders']> {
    return this.whmcs.office.orders().filter((order) => order.clientId === clientId);
  }

  /** The statuses that were written to the order, oldest first. */
  statusesOf(id: string): string[] {
    const written = this.salesforce.panel.ledger('statusWritten').filter((entry) => entry['orderId'] === id);
    return written.map((entry) => String(entry['status']));
  }

  /** One order in WHMCS for it, live, accepted once, known to Salesforce; and Salesforce was never told anything but that. */
  assertActivatedOnce(id: string): void {
    assert.equal(this.status(id), 'Activated');
    const orders = this.whmcsOrders(id);
    assert.deepEqual(
      orders.map(({ status, accepts }) => ({ status, accepts })),
      [{ status: 'Active', accepts: 1 }],
      `WHMCS holds for ${id}`,
    );
    assert.equal(this.order(id)['WHMCS_Order_ID__c'], String(orders[0]?.id));
  }

  /** The lines that Node-RED has logged as errors. */
  errors(): string[] {
    return this.output.filter((line) => line.includes('[error]'));
  }

  /** Waits until the order has ended. */
  async ended(id: string, seconds = 40): Promise<string> {
    const about = (): string => this.output.filter((line) => line.includes(id)).join('\n');
    await this.until(
      () => `order ${id} ends; of it Node-RED said:\n${about()}`,
      () => this.status(id) !== 'Activating',
      seconds,
    );
    return this.status(id);
  }

  /** Waits until nothing is left to tell, to settle or to hand out. */
  async rest(seconds = 70): Promise<void> {
    const limit = Date.now() + seconds * 1_000;
    for (;;) {
      const { body } = await this.get('/health');
      const { queue, integrations } = resting.parse(body);
      if (Object.values(queue).every((count) => count === 0) && integrations.whmcs.unsettled === 0) return;
      if (Date.now() > limit) throw new Error(`not within ${seconds} s: it comes to rest\n${JSON.stringify(body)}`);
      await pause(500);
    }
  }

  async until(what: string | (() => string), test: () => boolean, seconds = 30): Promise<void> {
    const limit = Date.now() + seconds * 1_000;
    while (!test()) {
      if (Date.now() > limit)
        throw new Error(
          `not within ${seconds} s: ${typeof what === 'string' ? what : what()}\n${this.output.slice(-25).join('\n')}`,
        );
      await pause(everyMs);
    }
  }

  openStreams(): number {
    return Number(this.salesforce.people.counts()['openStreams']);
  }

  async close(): Promise<void> {
    this.editor?.close();
    await this.stop();
    await this.salesforce.close();
    await this.whmcs.close();
    rmSync(this.directory, { recursive: true, force: true });
  }

  private async admin(
    method: string,
    path: string,
    body?: object,
    headers: Record<string, string> = {},
  ): Promise<unknown> {
    const answer = await fetch(`http://127.0.0.1:${this.port}${path}`, {
      method,
      headers: { 'content-type': 'application/json', 'Node-RED-API-Version': 'v2', ...headers },
      signal: AbortSignal.timeout(30_000),
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    if (!answer.ok) throw new Error(`${method} ${path} answered ${answer.status}: ${await answer.text()}`);
    const text = await answer.text();
    return (answer.headers.get('content-type') ?? '').includes('json') ? JSON.parse(text) : text;
  }
}

export const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** A link is given away itself, never what it leads to: the pack is installed by one. */
function giveAway(path: string, uid: number): void {
  lchownSync(path, uid, uid);
  if (!lstatSync(path).isDirectory()) return;
  for (const name of readdirSync(path)) giveAway(join(path, name), uid);
}

/** A second copy of flows, which share nothing with the first but what their variables name. */
export const copyOf = (flows: readonly FlowNode[], suffix: string): FlowNode[] => {
  const ids = new Set(flows.map(({ id }) => id));
  const renamed = (value: unknown): unknown => {
    if (typeof value === 'string') return ids.has(value) ? `${value}${suffix}` : value;
    if (Array.isArray(value)) return value.map(renamed);
    if (typeof value !== 'object' || value === null) return value;
    return Object.fromEntries(Object.entries(value).map(([name, one]) => [name, renamed(one)]));
  };
  return renamed(flows) as FlowNode[];
};

/** The flows with one node changed. */
export const changed = (flows: readonly FlowNode[], id: string, change: Partial<FlowNode>): FlowNode[] =>
  flows.map((node) => (node.id === id ? { ...node, ...change } : node));

/** The node of a type and, where there are several, a name. */
export function nodeOf(flows: readonly FlowNode[], type: string, name?: string): FlowNode {
  const found = flows.find((node) => node.type === type && (name === undefined || node['name'] === name));
  if (!found) throw new Error(`no ${type} ${name ?? ''}`);
  return found;
}
