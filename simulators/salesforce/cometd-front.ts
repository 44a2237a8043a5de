/** The Streaming API as it comes in over HTTP, under the faults that strike it. Salesforce reference §2.1, §2.5. */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { isCommon, type CommonDo, type FaultTable } from '../shared/faults';
import { serve, type Answer } from '../shared/http-faults';
import type { RequestLog } from '../shared/requests';
import type { VirtualClock } from '../shared/virtual-clock';
import { cometdCalls, cookieName, type Cometd } from './cometd';
import { bareRefusals } from './cometd-errors';
import { isCometdFault, type CometdFault } from './cometd-faults';
import { parseMessages, type Message } from './cometd-messages';
import { asHttpFault, type VendorFault } from './faults';
import { bodyOf, describeFault, tokenOf } from './http-front';
import type { Sessions } from './sessions';

export interface CometdFrontParts {
  cometd: Cometd;
  sessions: Sessions;
  clock: VirtualClock;
  faults: FaultTable<VendorFault>;
  requests: RequestLog;
}

const oldestVersion = 37;

export class CometdFront {
  constructor(private readonly parts: CometdFrontParts) {}

  register(app: FastifyInstance): void {
    const handler = (request: FastifyRequest, reply: FastifyReply) => this.handle(request, reply);
    app.all('/cometd', handler);
    app.all('/cometd/*', handler);
  }

  private async handle(request: FastifyRequest, reply: FastifyReply): Promise<void> {
    const { cometd, clock, requests, sessions } = this.parts;
    const started = performance.now();
    const messages = request.method === 'POST' ? parseMessages(bodyOf(request)) : null;
    const calls = messages?.map(callOf) ?? ['cometd'];
    const gone = new AbortController();
    reply.raw.once('close', () => {
      if (!reply.raw.writableFinished) gone.abort();
    });
    const struck = new Map<number, CometdFault>();
    let outcomes = calls.map(() => '');
    let vendor: string | null = null;
    const next = this.nextFault(messages, calls, struck, (fault) => (vendor = describeFault(fault)));
    const ending = await serve(reply, clock, next, async () => {
      const token = tokenOf(request);
      const refusal = this.bare(request.url, token, messages);
      if (refusal || token === null || !messages) {
        const answer = refusal ?? badRequest();
        outcomes = calls.map(() => outcomeOf(answer));
        return answer;
      }
      const done = await cometd.answer(messages, struck, {
        version: versionOf(request.url) ?? 0,
        token,
        host: request.headers.host ?? null,
        cookie: cookieOf(request.headers.cookie),
        gone: gone.signal,
        reset: () => reply.raw.socket?.resetAndDestroy(),
      });
      outcomes = done.outcomes;
      return { ...done.answer, headers: { date: new Date(clock.now()).toUTCString(), ...done.answer.headers } };
    });
    const auth = sessions.label(tokenOf(request));
    const ms = performance.now() - started;
    for (const [place, call] of calls.entries()) {
      const outcome = vendor ?? (ending.outcome || (outcomes[place] ?? ''));
      requests.add({ call, auth, status: ending.status, outcome, ms });
    }
  }

  /** The next fault for the call as a whole; those that strike single messages are noted on the way. */
  private nextFault(
    messages: readonly Message[] | null,
    calls: readonly string[],
    struck: Map<number, CometdFault>,
    onOther: (fault: VendorFault) => void,
  ): () => CommonDo | null {
    const seen = calls.map(() => new Set<string>());
    return () => {
      for (const [place, call] of calls.entries()) {
        if (struck.has(place)) continue;
        const fault = this.parts.faults.take(call, messages?.[place] ?? {}, seen[place]);
        if (!fault) continue;
        if (isCommon(fault)) return fault;
        if (!isCometdFault(fault)) {
          onOther(fault);
          return asHttpFault(fault);
        }
        struck.set(place, fault);
      }
      return null;
    };
  }

  private bare(url: string, token: string | null, messages: readonly Message[] | null): Answer | null {
    const version = versionOf(url);
    if (version === null) return bareAnswer(bareRefusals.noVersion);
    if (version < oldestVersion) return bareAnswer(bareRefusals.oldVersion);
    if (!messages) return badRequest();
    return token === null ? bareAnswer(bareRefusals.noToken) : null;
  }
}

function callOf({ channel }: Message): string {
  return (cometdCalls as readonly string[]).includes(channel) ? channel : 'cometd';
}

/** The number in /cometd/68.0; null when there is none. */
function versionOf(url: string): number | null {
  const version = /^\/cometd\/(\d{2,3})\.0\/?$/.exec(new URL(url, 'http://simulator').pathname)?.[1];
  return version === undefined ? null : Number(version);
}

function cookieOf(header: string | undefined): string | undefined {
  const pairs = (header ?? '').split(';').map((pair) => pair.trim().split('='));
  return pairs.find(([name]) => name === cookieName)?.[1];
}

function bareAnswer({ status, error }: { status: number; error: string }): Answer {
  const headers = { 'content-type': 'application/json;charset=UTF-8' };
  return { status, headers, body: JSON.stringify([{ error, successful: false }]) };
}

function badRequest(): Answer {
  const body = '<html><head><title>Error 400</title></head><body><h2>HTTP ERROR 400 Bad Request</h2></body></html>';
  return { status: 400, headers: { 'content-type': 'text/html;charset=UTF-8' }, body };
}

const outcomeOf = ({ body }: Answer): string => /"error":"([^"]*)"/.exec(body)?.[1] ?? 'bad request';
