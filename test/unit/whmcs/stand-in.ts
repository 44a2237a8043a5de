/** A stand-in for WHMCS on loopback, which answers as a test says and keeps every byte that came. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import type { Log } from '../../../lib/log';
import { createWhmcs, type WhmcsConnection, type WhmcsOptions } from '../../../lib/whmcs/connection';
import { FakeClock } from '../../fake-clock';
import { testCertificate, testKey } from './test-certificate';

export interface Request {
  path: string;
  headers: IncomingMessage['headers'];
  body: string;
  /** The fields of the body, decoded. */
  fields: URLSearchParams;
  /** Which connection it came over, counted from 1. */
  connection: number;
  /** When it had come; monotonic ms of the stand-in's clock. */
  at: number;
}

export type Reply = (response: ServerResponse, request: Request) => void;

export const identifier = 'IdentifierOf32SignsIdentifierOf3';
export const secret = 'Secret+Of/32=SignsSecretOf32Signs';
export const accessKey = 'Key#[1]%';

/** An answer as WHMCS gives it. */
export const json =
  (answer: object, status = 200): Reply =>
  (response) =>
    void response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(answer));

export const text =
  (body: string, status = 200, headers: Record<string, string> = { 'content-type': 'text/html' }): Reply =>
  (response) =>
    void response.writeHead(status, headers).end(body);

export class StandIn {
  readonly requests: Request[] = [];
  readonly clock = new FakeClock();
  readonly lines: string[] = [];
  connections = 0;
  /** Answers the next requests, in order; the last one stays. */
  replies: Reply[] = [json({ result: 'success' })];
  private readonly sockets = new Map<Socket, number>();
  private readonly made: WhmcsConnection[] = [];
  private waiting: (() => void)[] = [];
  /** Where it listens, or listened. */
  url = '';

  private constructor(
    private readonly server: Server,
    readonly secure: boolean,
  ) {
    server.on('connection', (socket: Socket) => {
      this.sockets.set(socket, ++this.connections);
      socket.on('error', () => undefined).on('close', () => this.sockets.delete(socket));
    });
    server.on('request', (incoming: IncomingMessage, response: ServerResponse) => this.take(incoming, response));
  }

  static async start(options: { secure?: boolean } = {}): Promise<StandIn> {
    const server = options.secure ? createSecureServer({ cert: testCertificate, key: testKey }) : createServer();
    const standIn = new StandIn(server, options.secure ?? false);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    standIn.url = `${options.secure ? 'https' : 'http'}://127.0.0.1:${(server.address() as AddressInfo).port}`;
    return standIn;
  }

  get openConnections(): number {
    return this.sockets.size;
  }

  connect(options: Partial<WhmcsOptions> = {}): WhmcsConnection {
    const line =
      (level: string) =>
      (words: string, facts: object = {}) =>
        void this.lines.push(`${level} ${words} ${JSON.stringify(facts)}`);
    const log: Log = { debug: line('debug'), info: line('info'), warn: line('warn'), error: line('error') };
    const whmcs = createWhmcs({
      url: this.url,
      identifier,
      secret,
      clock: this.clock,
      log,
      ...(this.secure ? { ca: testCertificate } : {}),
      ...options,
    });
    this.made.push(whmcs);
    return whmcs;
  }

  /** Waits until so many requests have come. */
  async seen(count: number): Promise<void> {
    while (this.requests.length < count) await new Promise<void>((resolve) => this.waiting.push(resolve));
  }

  /** Waits until the connection has told its log of so many ended calls. */
  async ended(count: number): Promise<void> {
    while (this.lines.filter((line) => line.startsWith('debug WHMCS call')).length < count)
      await new Promise((resolve) => setTimeout(resolve, 2));
    await new Promise((resolve) => setImmediate(resolve));
  }

  /** Ends every connection without an answer. */
  drop(): void {
    for (const socket of this.sockets.keys()) socket.destroy();
  }

  async close(): Promise<void> {
    for (const whmcs of this.made) whmcs.close();
    this.drop();
    await new Promise<void>((resolve) => this.server.close(() => resolve()));
  }

  private take(incoming: IncomingMessage, response: ServerResponse): void {
    const chunks: Buffer[] = [];
    incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
    incoming.on('end', () => {
      const body = Buffer.concat(chunks).toString('utf8');
      // Over TLS the request's socket is not the one that the server counted.
      const connection = this.sockets.get(incoming.socket) ?? this.connections;
      const request = {
        path: incoming.url ?? '',
        headers: incoming.headers,
        body,
        fields: new URLSearchParams(body),
        connection,
        at: this.clock.monotonic(),
      };
      this.requests.push(request);
      for (const go of this.waiting.splice(0)) go();
      const reply = this.replies.length > 1 ? this.replies.shift() : this.replies[0];
      reply?.(response, request);
    });
  }
}

/** Never answers. */
export const silence: Reply = () => undefined;

/** Turns the clock, in small steps with room for the network between, until `promise` is settled. */
export async function turnUntil<T>(clock: FakeClock, promise: Promise<T>, stepMs = 200, limitMs = 600_000): Promise<T> {
  let settled = false;
  const done = (): void => void (settled = true);
  promise.then(done, done);
  for (let turned = 0; !settled && turned < limitMs; turned += stepMs) {
    await clock.advance(stepMs);
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  return promise;
}
