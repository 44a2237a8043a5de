/** One client of the Streaming API, from its handshake to its end; whatever goes wrong ends it. */
import type { Clock } from '../../clock';
import { Http, NoAnswer } from '../http';
import { StreamFault, toFault } from './stream-fault';
import { StreamingClient } from './streaming-client';
import { faultIn, faultOfHttp, faultOfNoAnswer, unknownClient } from './streaming-faults';
import { incomingOf, parseReplies, type Reply, type Request } from './streaming-messages';
import type { StreamParts } from './transport';

export interface StreamingStreamOptions {
  parts: StreamParts;
  /** See `StreamingClient`. */
  replayFrom: string;
  apiVersion: string;
  clock: Clock;
  ca: string | undefined;
}

/** How long an answer is waited for; one to a connect may be held for the time that Salesforce names. */
const answerMs = 20_000;
const heldMs = 110_000;
const goodbyeMs = 2_000;
/** So many events that wait to be stored keep the next connect back, and so long; Salesforce drops a client after 40 s. */
const mostHeld = 200;
const patienceMs = 25_000;

export class StreamingStream {
  private readonly http: Http;
  private readonly client: StreamingClient;
  private readonly settle: (fault: StreamFault) => void;
  private readonly ended: Promise<StreamFault>;
  private over = false;
  private clientKnown = false;
  private connected = false;
  private subscribed = false;
  private farewell: Promise<void> | null = null;
  /** Of the server's last advice, ms. */
  private holdMs = heldMs;
  private pauseMs = 0;
  private roomListener: (() => void) | null = null;

  /** @throws StreamFault */
  constructor(private readonly options: StreamingStreamOptions) {
    const { parts, clock, ca, apiVersion, replayFrom } = options;
    let settle: (fault: StreamFault) => void = () => undefined;
    this.ended = new Promise((resolve) => (settle = resolve));
    this.settle = settle;
    this.http = new Http(clock, ca);
    this.client = new StreamingClient({
      ...{ token: parts.token, channel: parts.channel, apiVersion, replayFrom },
      send: (request) => this.send(request),
    });
  }

  /** Runs until nothing of the client is left. @returns why it ended. */
  async run(): Promise<StreamFault> {
    const { parts } = this.options;
    const { signal } = parts;
    const onAbort = (): void => {
      const given = signal.reason instanceof StreamFault ? signal.reason : null;
      this.end(given ?? new StreamFault('temporary', 'ECLOSED', 'The stream was given up'));
    };
    signal.addEventListener('abort', onAbort, { once: true });
    if (signal.aborted) onAbort();
    parts.onRoom(() => this.roomListener?.());
    try {
      if (!this.over) this.client.start();
      const fault = await this.ended;
      if (this.clientKnown && outlivedBy(fault)) await this.sayGoodbye();
      return fault;
    } finally {
      signal.removeEventListener('abort', onAbort);
      this.client.stop();
      this.http.close();
    }
  }

  /** The first end counts. */
  private end(fault: StreamFault): void {
    if (this.over) return;
    this.over = true;
    this.roomListener?.();
    this.settle(fault);
  }

  /** faye calls this, so it must not throw. */
  private send(request: Request): void {
    const sent = this.exchange(request).catch((error: unknown) => this.end(toFault(error)));
    if (request.channel === '/meta/disconnect') this.farewell = sent;
  }

  private async exchange(request: Request): Promise<void> {
    const goodbye = request.channel === '/meta/disconnect';
    if (request.channel === '/meta/connect') await this.mayConnect();
    if (this.over && !goodbye) return;
    const replies = await this.post(request, goodbye);
    if (!this.over) this.receive(request, replies);
  }

  private async post(request: Request, goodbye: boolean): Promise<Reply[]> {
    const { client, http } = this;
    const { accessToken } = this.options.parts.token;
    const isConnect = request.channel === '/meta/connect';
    const headers = {
      authorization: `OAuth ${accessToken}`,
      'content-type': 'application/json',
      ...(client.cookies === '' ? {} : { cookie: client.cookies }),
    };
    const timeoutMs = goodbye ? goodbyeMs : isConnect ? this.holdMs + answerMs : answerMs;
    const call = { method: 'POST' as const, url: client.url, headers, body: JSON.stringify([request]) };
    const answer = await http.exchange(call, { timeoutMs }).catch((error: unknown) => {
      throw error instanceof NoAnswer ? faultOfNoAnswer(error, request) : error;
    });
    client.setCookies(answer.headers['set-cookie'] ?? '');
    const replies = parseReplies(answer.body ?? '');
    if (!replies) throw faultOfHttp(answer, new URL(client.url).host);
    return replies;
  }

  private receive(request: Request, replies: readonly Reply[]): void {
    const { parts } = this.options;
    const fault = faultIn(replies, request, parts.channel);
    // The events of an answer are good, whatever follows them.
    const known = fault ? replies.filter((one) => one.data !== undefined) : replies;
    if (!fault) this.note(request, replies);
    const events = this.client.receive(known).map(incomingOf);
    if (events.length > 0) parts.events(events);
    if (fault) return this.end(fault);
    if (request.channel === '/meta/subscribe') {
      this.subscribed = true;
      parts.opened();
    }
    if (request.channel !== '/meta/connect') return;
    // The first is answered at once, and tells nothing.
    if (events.length === 0 && this.subscribed && this.connected) parts.alive(null);
    this.connected = true;
  }

  /** What is to be remembered of an answer that is as it should be. */
  private note(request: Request, replies: readonly Reply[]): void {
    if (request.channel === '/meta/handshake') this.clientKnown = true;
    for (const { advice } of replies) {
      if (advice?.timeout !== undefined && advice.timeout > 0) this.holdMs = Math.min(advice.timeout, heldMs);
      if (advice?.interval !== undefined) this.pauseMs = Math.max(0, Math.min(advice.interval, patienceMs));
    }
  }

  /** When the next connect may go out: after the pause that Salesforce asked for, and once few events wait to be stored. */
  private async mayConnect(): Promise<void> {
    const { parts } = this.options;
    await this.wait(this.pauseMs, () => false);
    const hasRoom = (): boolean => parts.held < mostHeld;
    await this.wait(patienceMs, hasRoom);
    if (hasRoom() || this.over) return;
    const waiting = `${parts.held} events wait to be stored`;
    this.end(new StreamFault('temporary', 'BACKLOG', `${waiting}: the rest is fetched once they are`));
  }

  /** Waits `ms` at most: until `enough` holds, looked at whenever there may be more room, or the stream is over. */
  private wait(ms: number, enough: () => boolean): Promise<void> {
    if (ms === 0 || this.over || enough()) return Promise.resolve();
    return new Promise((resolve) => {
      const done = (): void => {
        this.roomListener = null;
        timer.cancel();
        resolve();
      };
      const timer = this.options.clock.after(ms, done);
      this.roomListener = () => {
        if (this.over || enough()) done();
      };
    });
  }

  /** So that Salesforce does not count the client for another two minutes. Whether it works does not matter. */
  private async sayGoodbye(): Promise<void> {
    this.client.disconnect();
    await this.farewell;
  }
}

/** The client may live on at Salesforce, where it counts against the number of clients. */
const outlivedBy = ({ code }: StreamFault): boolean => code !== unknownClient;
