/** The demo's world: both simulators and a Node-RED with the reference flow, all on loopback. */
import { generateKeyPairSync } from 'node:crypto';
import { createWriteStream, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { z } from 'zod';
import { demoTab } from './demo-tab';
import { freePort, layOutUserDir, referenceFlow, startNodeRed } from './node-red';
import { leaveDirectory, refuseTakenPort, takeDirectory } from './place';
import { start, type Running } from './processes';
import { stories, tell, type Vendors } from './stories';

const root = join(__dirname, '..', '..');
const consumerKey = '3MVG9demo.consumer.key';
const username = 'integration@demo.example';
const credentials = { identifier: 'demoidentifier0123456789abcdef01', secret: 'demosecret0123456789abcdef012345' };

export interface World {
  editor: string;
  vendors: Vendors;
  stop(): Promise<void>;
}

const readySalesforce = z.object({ ready: z.literal(true), url: z.string(), pubsub: z.string() });
const readyWhmcs = z.object({ ready: z.literal(true), url: z.string() });

export interface WorldOptions {
  /** Where it keeps its files; what an earlier demo left there goes. */
  directory: string;
  /** Of the editor; 0: any free one. */
  port: number;
  /** Told of each stage. */
  say: (text: string) => void;
  /** Ends the start at any stage; then it rejects once all that was started has ended. */
  signal: AbortSignal;
}

/** Starts everything. @throws Error with words for people; nothing is left running then. */
export async function startWorld({ directory, port, say, signal }: WorldOptions): Promise<World> {
  await refuseTakenPort(port);
  takeDirectory(directory);
  const { privateKeyPath, publicKeyPath } = makeKeys(directory);
  const running: { stop(): Promise<void> }[] = [];
  const stopAll = async (): Promise<void> => {
    for (const one of running.splice(0).reverse()) await one.stop();
    leaveDirectory(directory);
  };
  try {
    say('starting the simulated Salesforce');
    const salesforce = await simulator(
      'salesforce',
      ['--consumer-key', consumerKey, '--username', username, '--public-key', publicKeyPath],
      readySalesforce,
      signal,
    );
    running.push(salesforce);
    say('starting the simulated WHMCS');
    const whmcs = await simulator(
      'whmcs',
      ['--identifier', credentials.identifier, '--secret', credentials.secret],
      readyWhmcs,
      signal,
    );
    running.push(whmcs);
    const vendors = { salesforce: salesforce.ready.url, whmcs: whmcs.ready.url };
    const buttons = await storyServer(vendors);
    running.push(buttons);
    say('starting Node-RED');
    const userDir = join(directory, 'node-red');
    const editorPort = port === 0 ? await freePort() : port;
    const flows = [...referenceFlow(), ...demoTab(stories, buttons.url)];
    layOutUserDir(userDir, { port: editorPort, flows });
    const env = {
      SF_LOGIN_URL: salesforce.ready.url,
      SF_AUDIENCE: 'https://login.salesforce.com',
      SF_CLIENT_ID: consumerKey,
      SF_USERNAME: username,
      SF_PRIVATE_KEY_PATH: privateKeyPath,
      SF_PUBSUB_ENDPOINT: salesforce.ready.pubsub,
      SF_EVENTS_REPLAY: 'ALL',
      WHMCS_URL: whmcs.ready.url,
      WHMCS_API_IDENTIFIER: credentials.identifier,
      WHMCS_API_SECRET: credentials.secret,
      NODE_ENV: 'demo',
    };
    const log = createWriteStream(join(directory, 'node-red.log'));
    running.push(await startNodeRed(userDir, env, (line) => log.write(`${line}\n`), 'node-red', { signal }));
    const editor = `http://127.0.0.1:${editorPort}/`;
    say('waiting until the flow takes in events');
    await subscribed(editor, log.path, signal);
    return { editor, vendors, stop: stopAll };
  } catch (error) {
    await stopAll();
    throw error;
  }
}

/**
 * Waits until the flow takes in events, and a second more: Salesforce's times are whole seconds, and an order changed in
 * the second in which the store was made may be older than its records, so it would be looked for in WHMCS first.
 */
async function subscribed(editor: string, log: string | Buffer, signal: AbortSignal): Promise<void> {
  const until = Date.now() + subscribedMs;
  for (;;) {
    const answer = await fetch(`${editor}health`, { signal }).then(
      (response) => response.json(),
      () => null,
    );
    if ((answer as { status?: string } | null)?.status === 'ok') break;
    if (Date.now() > until)
      throw new Error(`The flow takes in no events: ${JSON.stringify(answer)}. See ${String(log)}`);
    await pause(200, undefined, { signal });
  }
  await pause(1_100, undefined, { signal });
}

const subscribedMs = 30_000;
function simulator<T>(
  vendor: string,
  args: string[],
  schema: z.ZodType<T>,
  signal: AbortSignal,
): Promise<Running & { ready: T }> {
  const main = join(root, 'simulators', vendor, 'main.ts');
  const ready = (line: string): T | null => (line.startsWith('{') ? schema.parse(JSON.parse(line)) : null);
  const words = ['--import', 'tsx', main, ...args];
  return start(`The simulated ${vendor}`, words, process.env, ready, () => undefined, { signal });
}

/** What the editor's buttons call: one address a story. */
async function storyServer(vendors: Vendors): Promise<{ url: string; stop(): Promise<void> }> {
  const server = createServer((request, response) => {
    const story = stories.find((one) => request.url === `/story/${one.name}`);
    const answer = (status: number, body: object): void =>
      void response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
    if (!story) return answer(404, { error: 'no such story' });
    tell(story, vendors).then(
      (order) => answer(200, { approved: order, expected: story.expected }),
      (error: unknown) => answer(500, { error: String(error) }),
    );
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const stop = (): Promise<void> =>
    new Promise((resolve) => {
      server.close(() => resolve());
      server.closeAllConnections();
    });
  return { url: `http://127.0.0.1:${port}`, stop };
}

function makeKeys(directory: string): { privateKeyPath: string; publicKeyPath: string } {
  const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const privateKeyPath = join(directory, 'salesforce-private.key');
  const publicKeyPath = join(directory, 'salesforce-public.pem');
  writeFileSync(privateKeyPath, privateKey.export({ type: 'pkcs8', format: 'pem' }), { mode: 0o600 });
  writeFileSync(publicKeyPath, publicKey.export({ type: 'spki', format: 'pem' }));
  return { privateKeyPath, publicKeyPath };
}
