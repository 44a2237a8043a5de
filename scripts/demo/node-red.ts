/** A Node-RED of our own: a user directory with this pack in it, and the process. */
import { randomInt } from 'node:crypto';
import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { dirname, join } from 'node:path';
import { start, type Running, type StartOptions } from './processes';

const root = join(__dirname, '..', '..');
const packageName = '@sf-whmcs/node-red-order-provisioning';

export interface FlowNode {
  id: string;
  type: string;
  [property: string]: unknown;
}

/** The flow that the pack ships, as a fresh copy. */
export const referenceFlow = (): FlowNode[] =>
  JSON.parse(readFileSync(join(root, 'flows', 'order-provisioning.json'), 'utf8')) as FlowNode[];

/**
 * Makes a user directory: this checkout installed as the palette manager would, the flows, quiet settings on loopback.
 * @param more settings beside or in place of these.
 */
export function layOutUserDir(
  userDir: string,
  { port, flows, more = {} }: { port: number; flows: readonly FlowNode[]; more?: object },
): void {
  const installed = join(userDir, 'node_modules', ...packageName.split('/'));
  mkdirSync(dirname(installed), { recursive: true });
  symlinkSync(root, installed, 'junction');
  const manifest = { name: 'order-provisioning-user', private: true, dependencies: { [packageName]: '*' } };
  writeFileSync(join(userDir, 'package.json'), JSON.stringify(manifest));
  writeFileSync(join(userDir, 'flows.json'), JSON.stringify(flows, null, 2));
  const settings = {
    uiPort: port,
    uiHost: '127.0.0.1',
    flowFile: 'flows.json',
    credentialSecret: 'loopback only',
    telemetry: { enabled: false, updateNotification: false },
    editorTheme: { tours: false },
    logging: { console: { level: 'info', metrics: false, audit: false } },
    ...more,
  };
  writeFileSync(join(userDir, 'settings.js'), `module.exports = ${JSON.stringify(settings, null, 2)};\n`);
}

/** Variables of the pack that whoever starts this may have set for something else. */
const notOfThisMachine = { DATABASE_URL: undefined, REDIS_URL: undefined, PROVISIONING_STORE: undefined };

/**
 * Starts Node-RED on a user directory and waits until its flows have started.
 * @param red folder of the Node-RED to run, in node_modules: `node-red` is the newest 5, `node-red-4` the newest 4.1.
 */
export function startNodeRed(
  userDir: string,
  env: NodeJS.ProcessEnv,
  onLine: (line: string) => void,
  red: 'node-red' | 'node-red-4' = 'node-red',
  options: StartOptions = {},
): Promise<Running> {
  const args = [
    join(root, 'node_modules', red, 'red.js'),
    '--userDir',
    userDir,
    '--settings',
    join(userDir, 'settings.js'),
  ];
  const started = (line: string): true | null => (line.includes('Started flows') ? true : null);
  return start('Node-RED', args, { ...process.env, ...notOfThisMachine, ...env }, started, onLine, options);
}

const firstPort = 20_000;
const ports = 12_000;

/**
 * A port of the loopback that is free now. It lies below those that a system gives to outgoing connections (from 32768 on
 * Linux, from 49152 elsewhere), so that what is stopped can start on it again.
 */
export async function freePort(): Promise<number> {
  for (let tries = 0; tries < 100; tries += 1) {
    const port = firstPort + randomInt(ports);
    const server = createServer();
    const isFree = await new Promise<boolean>((resolve) => {
      server.once('error', () => resolve(false));
      server.listen(port, '127.0.0.1', () => resolve(true));
    });
    if (!isFree) continue;
    await new Promise((resolve) => server.close(resolve));
    return port;
  }
  throw new Error(`No port from ${firstPort} to ${firstPort + ports - 1} of 127.0.0.1 is free`);
}
