/**
 * Calls of the REST API through jsforce, fenced: one new token and one repeat at most per call (jsforce would go on
 * without end), the instance URL of the token in use, an explicit API version, a time-out, no hidden retries.
 */
import type { HttpRequest, HttpResponse } from 'jsforce/core';
import { pause, type Clock } from '../clock';
import type { Token, TokenSource } from './auth';
import { backoff } from './backoff';
import { SalesforceError } from './contract';
import type { HealthRecord } from './health';
import { NoAnswer, Transport, type Http } from './http';
import { faultOf, json, readError, wantsNewToken } from './rest-errors';
import { jsforce } from './vendors';

export interface RestCall {
  method: 'GET' | 'PATCH' | 'POST';
  /** From the version root (`/query?…`), or from the host's (`/services/…`). */
  path: string;
  body?: object;
  headers?: Record<string, string>;
}

/** What a read was answered with. */
export interface Read {
  body: unknown;
  /** Names in small letters. */
  headers: HttpResponse['headers'];
  token: Token;
}

export interface RestOptions {
  auth: TokenSource;
  http: Http;
  /** Such as `68.0`. */
  apiVersion: string;
  clock: Clock;
  health: HealthRecord;
  timeoutMs: number;
}

const readTries = 3;
const firstRetryMs = 1_500;
const longestRetryMs = 5_000;

export class Rest {
  constructor(private readonly options: RestOptions) {}

  /**
   * One call, answered. After a refused token one new token and one repeat.
   * @throws NoAnswer; SalesforceError from the login, before anything was sent; the signal's reason while it waits.
   */
  async call(call: RestCall, signal?: AbortSignal): Promise<{ answer: HttpResponse; token: Token }> {
    const { auth, health } = this.options;
    for (let repeated = false; ; repeated = true) {
      const token = await auth.token(signal);
      const answer = await this.send(call, token, signal).catch((error: unknown) => {
        if (error instanceof NoAnswer && !error.sent && error.code !== 'ECLOSED') auth.unreachable(token);
        throw error;
      });
      const error = answer.statusCode < 300 ? null : readError(faultOf(answer));
      if (error && wantsNewToken(answer)) {
        auth.refused(token, error);
        if (!repeated) continue;
      } else if (error === null || error.kind === 'query' || error.kind === 'permission') auth.accepted(token);
      if (error) health.failed(error);
      return { answer, token };
    }
  }

  /**
   * A GET whose answer is JSON. Repeated on passing errors: three tries in all.
   * @throws SalesforceError; the signal's reason.
   */
  async read(path: string, signal?: AbortSignal): Promise<Read> {
    for (let tries = 1; ; tries++) {
      try {
        return await this.readOnce(path, signal);
      } catch (error) {
        signal?.throwIfAborted();
        if (!(error instanceof SalesforceError) || error.kind !== 'temporary' || tries === readTries) throw error;
        await pause(this.options.clock, backoff(tries, firstRetryMs, longestRetryMs), signal);
      }
    }
  }

  private async readOnce(path: string, signal?: AbortSignal): Promise<Read> {
    let called: { answer: HttpResponse; token: Token };
    try {
      called = await this.call({ method: 'GET', path }, signal);
    } catch (error) {
      if (!(error instanceof NoAnswer)) throw error;
      const failed = new SalesforceError(error.code, error.message, 'temporary', { cause: error });
      this.options.health.failed(failed);
      throw failed;
    }
    const { answer, token } = called;
    if (answer.statusCode !== 200) throw readError(faultOf(answer));
    const body = json(answer.body);
    if (body === undefined) throw new SalesforceError('NOT_JSON', 'Salesforce answered with no JSON', 'temporary');
    return { body, headers: answer.headers, token };
  }

  private async send(call: RestCall, token: Token, signal?: AbortSignal): Promise<HttpResponse> {
    const { http, apiVersion, timeoutMs } = this.options;
    const { Connection } = jsforce();
    // Made for each call: it is cheap, and so the token and its host always belong together.
    const connection = new Connection({
      accessToken: token.accessToken,
      instanceUrl: token.instanceUrl,
      version: apiVersion,
    });
    const transport = new Transport(http, { timeoutMs, signal });
    const request: HttpRequest = { method: call.method, url: call.path, headers: { ...call.headers } };
    if (call.body) {
      request.body = JSON.stringify(call.body);
      request.headers = { 'content-type': 'application/json; charset=utf-8', ...call.headers };
    }
    try {
      await connection.request(request, { transport });
    } catch (error) {
      // jsforce makes errors of refusals, and drops their status; the answer itself is all that counts here.
      if (transport.answer === null) throw error;
    }
    if (transport.answer === null) throw new NoAnswer('EPROTO', 'Salesforce gave no answer', true);
    return transport.answer;
  }
}
