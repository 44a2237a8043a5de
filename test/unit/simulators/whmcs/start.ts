/** A WHMCS simulator for one test, and a caller that sends just the bytes it is told to. */
import { request } from 'node:http';
import { demoCredentials } from '../../../../simulators/whmcs/authentication';
import { startWhmcsSimulator, type WhmcsOptions, type WhmcsSimulator } from '../../../../simulators/whmcs/server';

/** An answer as it came over the wire. */
export interface Heard {
  status: number;
  headers: Record<string, string | string[] | undefined>;
  text: string;
  /** The body as JSON; fails the test if it is not. */
  json(): Record<string, unknown>;
}

export type Fields = Record<string, string | number>;

export class Caller {
  private constructor(readonly whmcs: WhmcsSimulator) {}

  static async start(options: WhmcsOptions = {}): Promise<Caller> {
    return new Caller(await startWhmcsSimulator(options));
  }

  get panel(): WhmcsSimulator['panel'] {
    return this.whmcs.panel;
  }

  get office(): WhmcsSimulator['office'] {
    return this.whmcs.office;
  }

  /** An action with the demo's credentials; names are sent as they stand, brackets included. */
  async call(action: string, fields: Fields = {}): Promise<Record<string, unknown>> {
    return (await this.hear(action, fields)).json();
  }

  hear(action: string, fields: Fields = {}): Promise<Heard> {
    return this.raw(form({ action, responsetype: 'json', ...apiCredentials, ...fields }));
  }

  /** A body as it is. Rejects with the socket's error code when the connection breaks. */
  raw(
    body: string | Buffer,
    options: { contentType?: string; method?: string; query?: string; signal?: AbortSignal } = {},
  ): Promise<Heard> {
    return new Promise((resolve, reject) => {
      const chunks: Buffer[] = [];
      const broke = (error: NodeJS.ErrnoException): void => reject(new Broken(error.code, Buffer.concat(chunks)));
      const sent = request(
        `${this.whmcs.apiUrl}${options.query ?? ''}`,
        {
          method: options.method ?? 'POST',
          agent: false,
          headers: { 'content-type': options.contentType ?? 'application/x-www-form-urlencoded' },
          ...(options.signal ? { signal: options.signal } : {}),
        },
        (response) => {
          response.on('data', (chunk: Buffer) => chunks.push(chunk));
          response.on('error', broke);
          response.on('end', () => {
            const text = Buffer.concat(chunks).toString('utf8');
            resolve({
              status: response.statusCode ?? 0,
              headers: response.headers,
              text,
              json: () => JSON.parse(text) as Record<string, unknown>,
            });
          });
        },
      );
      sent.on('error', broke);
      sent.end(body);
    });
  }

  /** AddOrder for client 1001: pid 14, yearly, unless told otherwise. */
  addOrder(fields: Fields = {}): Promise<Record<string, unknown>> {
    return this.call('AddOrder', { ...anOrder, ...fields });
  }

  close(): Promise<void> {
    return this.whmcs.close();
  }
}

/** The connection broke; `got` is the part of the body that arrived. */
export class Broken extends Error {
  constructor(
    readonly code: string | undefined,
    readonly got: Buffer,
  ) {
    super(code);
  }
}

export const apiCredentials = { identifier: demoCredentials.identifier, secret: demoCredentials.secret };

export const anOrder: Fields = {
  clientid: 1001,
  paymentmethod: 'mailin',
  'pid[0]': 14,
  'billingcycle[0]': 'annually',
};

export function form(fields: Fields): string {
  return Object.entries(fields)
    .map(([name, value]) => `${encodeURIComponent(name)}=${encodeURIComponent(value)}`)
    .join('&');
}

/** Follows keys and indices into an answer. */
export function at(value: unknown, ...path: (string | number)[]): unknown {
  return path.reduce<unknown>((inner, step) => (inner as Record<string | number, unknown> | undefined)?.[step], value);
}
