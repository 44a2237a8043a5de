/**
 * One HTTP exchange, and the transport that jsforce sends it through.
 *
 * jsforce's own transport is not used. Measured on 3.10.26: a connection that breaks while the answer's body comes in is
 * an uncaught exception (it ends Node-RED) and a promise that never settles; it repeats by itself, waits 30 minutes,
 * follows redirects with the token, and can't tell what was sent from what was not.
 */
import { request as httpRequest, Agent as HttpAgent } from 'node:http';
import { request as httpsRequest, Agent as HttpsAgent } from 'node:https';
import { PassThrough } from 'node:stream';
import type { HttpRequest, HttpResponse } from 'jsforce/core';
import type { Clock } from '../clock';
import { isLoopback } from './addresses';

/** No whole answer came. */
export class NoAnswer extends Error {
  override readonly name = 'NoAnswer';
  constructor(
    /** ETIMEOUT, ECLOSED (we gave up), or the system's own: ECONNREFUSED, ENOTFOUND … */
    readonly code: string,
    message: string,
    /** Whether any byte of the request can have reached the other side. */
    readonly sent: boolean,
    options?: { cause?: unknown },
  ) {
    super(message, options);
  }
}

export interface ExchangeOptions {
  /** For the whole exchange, ms. */
  timeoutMs: number;
  signal?: AbortSignal | undefined;
}

/** Longest answer that is read, bytes. */
const bodyLimit = 32 * 1024 * 1024;

/** The connections to one org. `close` ends them all, busy ones too. */
export class Http {
  private readonly plain = new HttpAgent({ keepAlive: true });
  private readonly secure: HttpsAgent;
  private readonly open = new Set<() => void>();
  private closed = false;

  /** @param ca PEM of the only authorities to be trusted; without it those of the system. */
  constructor(
    private readonly clock: Clock,
    ca?: string,
  ) {
    // A proxy named in the environment is used where Node knows how to (22.21 and later).
    this.secure = new HttpsAgent({ keepAlive: true, ca, ...{ proxyEnv: process.env } });
  }

  /**
   * Sends one request, once, and reads its answer whole. No redirect is followed.
   * @throws NoAnswer
   */
  exchange(request: HttpRequest, { timeoutMs, signal }: ExchangeOptions): Promise<HttpResponse> {
    return new Promise((resolve, reject) => {
      const url = new URL(request.url);
      const isPlain = url.protocol === 'http:';
      const where = `${url.protocol}//${url.host}`;
      if (isPlain && !isLoopback(url.hostname))
        return reject(new NoAnswer('EINSECURE', `${where} is not called without TLS`, false));
      let sent = false;
      let over = false;
      const end = (settle: () => void): void => {
        if (over) return;
        over = true;
        timer.cancel();
        signal?.removeEventListener('abort', onAbort);
        this.open.delete(onAbort);
        settle();
      };
      const fail = (code: string, text: string, cause?: unknown): void => {
        end(() => reject(new NoAnswer(code, text, sent, cause === undefined ? {} : { cause })));
        outgoing.destroy();
      };
      const onAbort = (): void => fail('ECLOSED', `The call to ${where} was given up`);
      const timer = this.clock.after(timeoutMs, () =>
        fail('ETIMEOUT', `No answer from ${where} within ${timeoutMs / 1000} s`),
      );

      const outgoing = (isPlain ? httpRequest : httpsRequest)(url, {
        method: request.method,
        headers: { accept: 'application/json', ...request.headers },
        agent: isPlain ? this.plain : this.secure,
      });
      outgoing.on('socket', (socket) => {
        if (!socket.connecting) sent = true;
        else socket.once(isPlain ? 'connect' : 'secureConnect', () => (sent = true));
      });
      // Stays for as long as the request lives: an error without a listener would end the process.
      outgoing.on('error', (error) => fail(codeOf(error), `${where}: ${error.message}`, error));
      outgoing.on('response', (incoming) => {
        const chunks: Buffer[] = [];
        let length = 0;
        incoming.on('data', (chunk: Buffer) => {
          chunks.push(chunk);
          length += chunk.length;
          if (length > bodyLimit) fail('EMSGSIZE', `The answer of ${where} is longer than ${bodyLimit} bytes`);
        });
        incoming.on('error', (error) => fail(codeOf(error), `${where}: ${error.message}`, error));
        incoming.on('end', () =>
          end(() =>
            resolve({
              statusCode: incoming.statusCode ?? 0,
              // Several cookies come one a line: their values hold commas.
              headers: Object.fromEntries(
                Object.entries(incoming.headers).map(([name, value]) => [name, [value ?? ''].flat().join('\n')]),
              ),
              body: Buffer.concat(chunks).toString('utf8'),
            }),
          ),
        );
      });
      signal?.addEventListener('abort', onAbort, { once: true });
      this.open.add(onAbort);
      if (signal?.aborted || this.closed) return onAbort();
      if (typeof request.body === 'string') outgoing.end(request.body);
      else outgoing.end();
    });
  }

  close(): void {
    this.closed = true;
    for (const giveUp of [...this.open]) giveUp();
    this.plain.destroy();
    this.secure.destroy();
  }
}

/**
 * A transport for jsforce over `http`. `answer` holds what came back: jsforce's own errors drop the status.
 */
export class Transport {
  answer: HttpResponse | null = null;

  constructor(
    private readonly http: Http,
    private readonly options: ExchangeOptions,
  ) {}

  httpRequest(request: HttpRequest): StreamPromise<HttpResponse> {
    const answered = this.http.exchange(request, this.options).then((answer) => (this.answer = answer));
    // jsforce wants a stream beside the promise; nobody reads it.
    return Object.assign(answered, { stream: () => new PassThrough() });
  }

  getRequestStreamCreator(): never {
    throw new Error('streams are not used');
  }
}

type StreamPromise<T> = Promise<T> & { stream(): PassThrough };

const codeOf = (error: Error): string =>
  'code' in error && typeof error.code === 'string' ? error.code : 'ECONNRESET';
