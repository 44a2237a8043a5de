/** One request and its answer, over axios. Nothing is repeated here, no redirect is followed. */
import type { Agent } from 'node:http';
import type { AxiosError } from 'axios';
import type { Clock } from '../clock';
import { codeOf, NotConnected } from './agents';
import { axios } from './vendors';

export interface Answer {
  status: number;
  /** Names in lower case. */
  headers: Record<string, string>;
  body: string;
}

/** `broken`: no whole answer; `sent` false: not one byte of the request has left. */
export type Exchanged =
  { kind: 'answer'; answer: Answer } | { kind: 'broken'; sent: boolean; code: string; message: string };

export interface ExchangeRequest {
  url: URL;
  body: string;
  agent: Agent;
  clock: Clock;
  /** For the whole exchange, ms. */
  timeoutMs: number;
  /** Ends it; its reason's message is told. */
  signal: AbortSignal;
  /** Whether the request has been handed to a connection; null: the error tells. */
  handedOver: (() => boolean) | null;
}

/** Longest answer that is read, bytes. */
export const bodyLimit = 10 * 1024 * 1024;
/** Firewalls turn callers without one away. */
const userAgent = 'node-red-order-provisioning (+https://www.npmjs.com/package/@sf-whmcs/node-red-order-provisioning)';

/** A reason to end an exchange: its code and words are what the caller is told. */
export class GivenUp extends Error {
  override readonly name = 'GivenUp';
  constructor(
    readonly code: string,
    message: string,
  ) {
    super(message);
  }
}

export async function exchange(request: ExchangeRequest): Promise<Exchanged> {
  const { url, body, agent, clock, timeoutMs, signal } = request;
  const stop = new AbortController();
  const onAbort = (): void => stop.abort(signal.reason);
  const timer = clock.after(timeoutMs, () =>
    stop.abort(new GivenUp('ETIMEOUT', `no answer within ${timeoutMs / 1000} s`)),
  );
  signal.addEventListener('abort', onAbort, { once: true });
  if (signal.aborted) onAbort();
  try {
    const response = await axios().request<Buffer>({
      url: url.href,
      method: 'post',
      data: body,
      headers: {
        'content-type': 'application/x-www-form-urlencoded',
        accept: 'application/json',
        'user-agent': userAgent,
      },
      httpAgent: agent,
      httpsAgent: agent,
      adapter: 'http',
      proxy: false,
      maxRedirects: 0,
      maxContentLength: bodyLimit,
      responseType: 'arraybuffer',
      transformRequest: [(data: unknown) => data],
      transformResponse: [(data: unknown) => data],
      validateStatus: () => true,
      signal: stop.signal,
    });
    const headers = Object.fromEntries(
      Object.entries(response.headers).map(([name, value]) => [name.toLowerCase(), String(value ?? '')]),
    );
    return {
      kind: 'answer',
      answer: { status: response.status, headers, body: Buffer.from(response.data).toString('utf8') },
    };
  } catch (thrown) {
    // axios's error holds the whole request, secret and all: only its words go on.
    const { code, message, connected } = told(thrown, stop.signal);
    return { kind: 'broken', sent: request.handedOver?.() ?? connected, code, message };
  } finally {
    timer.cancel();
    signal.removeEventListener('abort', onAbort);
  }
}

function told(thrown: unknown, stop: AbortSignal): { code: string; message: string; connected: boolean } {
  const cause = (thrown as AxiosError).cause ?? thrown;
  if (cause instanceof NotConnected) {
    const why = stop.reason instanceof GivenUp ? stop.reason : cause;
    return { code: why.code, message: why.message, connected: false };
  }
  if (stop.aborted) {
    const reason = stop.reason as unknown;
    if (reason instanceof GivenUp) return { code: reason.code, message: reason.message, connected: true };
    return { code: 'EABORTED', message: 'the call was given up', connected: true };
  }
  const message = thrown instanceof Error ? thrown.message : 'the connection failed';
  if (/^maxContentLength/.test(message))
    return { code: 'EMSGSIZE', message: `the answer is longer than ${bodyLimit} bytes`, connected: true };
  const code = codeOf(cause) ?? codeOf(thrown) ?? 'ECONNRESET';
  // axios calls a broken body ERR_BAD_RESPONSE.
  return code.startsWith('ERR_BAD')
    ? { code: 'ECONNRESET', message: 'the answer broke off', connected: true }
    : { code, message, connected: true };
}
