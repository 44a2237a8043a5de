/** A simulated org and our connection to it. */
import { generateKeyPairSync } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Facts, Log } from '../../../lib/log';
import { systemClock, type Clock } from '../../../lib/clock';
import { createSalesforce, type SalesforceOptions } from '../../../lib/salesforce/connection';
import { SalesforceError } from '../../../lib/salesforce/contract';
import type { FakeClock } from '../../fake-clock';
import { until } from '../../until';
import { startSalesforceSimulator, type SalesforceSimulator } from '../../../simulators/salesforce/server';

export const keys = generateKeyPairSync('rsa', { modulusLength: 2048 });
export const privateKeyPem = keys.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
export const consumerKey = '3MVG9.consumer.key';
export const username = 'integration@acme.example';

export const startOrg = (): Promise<SalesforceSimulator> =>
  startSalesforceSimulator({
    consumerKey,
    username,
    publicKeyPem: keys.publicKey.export({ type: 'spki', format: 'pem' }).toString(),
  });

export interface Line {
  level: 'debug' | 'info' | 'warn' | 'error';
  text: string;
  facts: Facts;
}

/** A log that keeps its lines. */
export function keptLog(): Log & { lines: Line[]; of(level: Line['level']): string[] } {
  const lines: Line[] = [];
  const at =
    (level: Line['level']) =>
    (text: string, facts: Facts = {}) =>
      void lines.push({ level, text, facts });
  return {
    lines,
    of: (level) => lines.filter((line) => line.level === level).map((line) => line.text),
    debug: at('debug'),
    info: at('info'),
    warn: at('warn'),
    error: at('error'),
  };
}

/** Our connection to a login host; the audience is production's. */
export function connect(loginUrl: string, options: Partial<SalesforceOptions> = {}) {
  const log = keptLog();
  const salesforce = createSalesforce({
    loginUrl,
    audience: 'https://login.salesforce.com',
    clientId: consumerKey,
    username,
    privateKey: { pem: privateKeyPem },
    clock: systemClock as Clock,
    log,
    ...options,
  });
  return { ...salesforce, health: salesforce.health, salesforce, log };
}

/**
 * Inside a `describe`: one org for its tests, each with a connection of its own; what a test changed is gone before the next.
 * @param begun is told them before each test, and may do more.
 */
export function inAnOrg(begun: (org: SalesforceSimulator, connection: ReturnType<typeof connect>) => void): void {
  let org: SalesforceSimulator;
  let connection: ReturnType<typeof connect>;
  before(async () => (org = await startOrg()));
  after(() => org.close());
  beforeEach(() => begun(org, (connection = connect(org.url))));
  afterEach(() => {
    connection.close();
    org.panel.reset();
  });
}

export interface TestServer {
  url: string;
  /** `METHOD path` of each request. */
  calls: string[];
  /** Bodies of the requests. */
  bodies: string[];
  close(): Promise<void>;
}

/** A small HTTP server whose answer is written here and now. */
export async function serve(
  answer: (request: IncomingMessage, response: ServerResponse, body: string) => void,
): Promise<TestServer> {
  const calls: string[] = [];
  const bodies: string[] = [];
  const server: Server = createServer((request, response) => {
    let body = '';
    request.on('data', (chunk: Buffer) => (body += chunk.toString()));
    request.on('end', () => {
      calls.push(`${request.method ?? ''} ${(request.url ?? '').split('?')[0] ?? ''}`);
      bodies.push(body);
      answer(request, response, body);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    calls,
    bodies,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

/** The error that a call ends with. */
export async function refusal(call: Promise<unknown>): Promise<SalesforceError> {
  const thrown: unknown = await call.then(
    () => new Error('the call went well'),
    (error: unknown) => error,
  );
  if (thrown instanceof SalesforceError) return thrown;
  throw thrown;
}

/** Turns the clock in small steps, real I/O between them, until something holds. */
export async function turnUntil(clock: FakeClock, what: string, holds: () => boolean, step = 50): Promise<void> {
  const turned = async (): Promise<boolean> => {
    if (holds()) return true;
    await clock.advance(step);
    return false;
  };
  await until(what, turned, 2);
}

/** The same, until a call ends. */
export async function drive<T>(clock: FakeClock, call: Promise<T>): Promise<T> {
  let over = false;
  void call.then(
    () => (over = true),
    () => (over = true),
  );
  await turnUntil(clock, 'the end of the call', () => over);
  return call;
}
