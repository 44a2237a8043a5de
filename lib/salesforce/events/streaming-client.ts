/**
 * jsforce's client of the Streaming API, which is faye's, fenced in. It makes the messages, keeps the connect going and
 * matches answers to requests; everything that it does badly is taken from it (measured on jsforce 3.10.26, faye 1.4.3):
 * - Its connection's `createClient` opens a WebSocket with the token that nobody closes; the client is made without it.
 * - Its HTTP: a connection that breaks within an answer is noticed after 132 s, a status is never told, a private CA cannot
 *   be given, requests and timers outlive it. What it wants to send is handed to us instead; we hand it the answers.
 * - Its answers to trouble: it repeats for ever with the old token, or falls silent. It is never shown a refusal or an advice.
 * - Its replay extension holds one channel, and a position that runs ahead of what is stored. Ours states where to start.
 * - A listener that throws ends it without a word. Ours only notes what came.
 * - It is thenable: a promise of it never settles. It stays in here.
 */
import type { Token } from '../auth';
import { jsforceStreaming } from '../vendors';
import { StreamFault } from './stream-fault';
import type { Reply, Request } from './streaming-messages';

export interface StreamingClientOptions {
  token: Token;
  /** Such as `68.0`. */
  apiVersion: string;
  channel: string;
  /** -1: what comes from now on; -2: everything that is retained; else the decimal digits of a replay id. */
  replayFrom: string;
  /** Must not throw. */
  send(request: Request): void;
}

/** faye's dispatcher, as far as it is replaced. */
interface Dispatcher {
  sendMessage(message: Request): void;
  connectionType?: string;
  selectTransport(types: unknown): void;
  trigger(name: 'message', reply: Reply): void;
  cookies: {
    setCookieSync(cookie: string, url: string, options: { ignoreError: true }): unknown;
    getCookieStringSync(url: string): string;
  };
}

interface Faye {
  subscribe(channel: string, listener: (data: unknown) => void): unknown;
  disconnect(): unknown;
  _dispatcher: Dispatcher;
}

export class StreamingClient {
  readonly url: string;
  private readonly faye: Faye;
  private readonly noted: unknown[] = [];

  /** Nothing is sent yet. @throws StreamFault when jsforce's client is not the one that is known here. */
  constructor(private readonly options: StreamingClientOptions) {
    const { token, apiVersion, channel, replayFrom, send } = options;
    this.url = `${token.instanceUrl}/cometd/${apiVersion}`;
    const { Client } = jsforceStreaming();
    const extension = {
      outgoing(message: Request, go: (message: Request) => void): void {
        // Raw: a number may have more digits than JavaScript's own.
        const replay = { [channel]: rawNumber(replayFrom) };
        go(message.channel === '/meta/subscribe' ? { ...message, ext: { replay } } : message);
      },
    };
    const client = new Client(this.url, {});
    client.addExtension(extension);
    this.faye = known(client);
    const dispatcher = this.faye._dispatcher;
    dispatcher.connectionType = 'long-polling';
    dispatcher.selectTransport = () => undefined;
    dispatcher.sendMessage = send;
  }

  /** Shakes hands, connects, subscribes, and keeps connecting. */
  start(): void {
    this.faye.subscribe(this.options.channel, (data) => void this.noted.push(data));
  }

  /** Sends a goodbye. */
  disconnect(): void {
    this.faye.disconnect();
  }

  /**
   * Hands it an answer; its reaction may be the next request.
   * @returns the data of the events among them.
   */
  receive(replies: readonly Reply[]): unknown[] {
    for (const { advice: _advice, ...reply } of replies) this.faye._dispatcher.trigger('message', reply);
    return this.noted.splice(0);
  }

  /** Value of the cookie header to send; '' for none. */
  get cookies(): string {
    return this.faye._dispatcher.cookies.getCookieStringSync(this.url);
  }

  /** @param lines set-cookie headers, one a line. */
  setCookies(lines: string): void {
    for (const line of lines.split('\n').filter((one) => one !== ''))
      this.faye._dispatcher.cookies.setCookieSync(line, this.url, { ignoreError: true });
  }

  /** It sends nothing any more. */
  stop(): void {
    this.faye._dispatcher.sendMessage = () => undefined;
  }
}

/** JSON.rawJSON is there from Node 21 on; TypeScript's library does not know it yet. */
const rawNumber = (digits: string): unknown => (JSON as unknown as { rawJSON(text: string): object }).rawJSON(digits);

function known(client: object): Faye {
  const { subscribe, disconnect, _dispatcher: dispatcher } = client as Partial<Faye>;
  const { sendMessage, selectTransport, trigger, cookies } = dispatcher ?? {};
  const used = [subscribe, disconnect, sendMessage, selectTransport, trigger];
  const fits = [...used, cookies?.setCookieSync, cookies?.getCookieStringSync].every(
    (one) => typeof one === 'function',
  );
  if (!fits)
    throw new StreamFault(
      'misconfigured',
      'JSFORCE_UNKNOWN',
      'The installed jsforce has another client of the Streaming API than the one known here: install jsforce 3.10',
    );
  return client as Faye;
}
