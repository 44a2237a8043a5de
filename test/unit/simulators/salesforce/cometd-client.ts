/** A Bayeux client with nothing between us and the wire: it sends what it is told, and keeps its cookies. */
import type { SalesforceSimulator } from '../../../../simulators/salesforce/server';

export interface BayeuxReply {
  channel?: string;
  id?: string | number;
  clientId?: string;
  successful?: boolean;
  error?: string;
  advice?: { reconnect?: string; interval?: number; timeout?: number };
  ext?: Record<string, unknown>;
  subscription?: string;
  supportedConnectionTypes?: string[];
  data?: {
    schema: string;
    payload: Record<string, unknown>;
    event: { replayId?: number; EventUuid?: string };
  };
}

export interface CometdAnswer {
  status: number;
  headers: Headers;
  text: string;
  replies: BayeuxReply[];
}

export class BayeuxClient {
  clientId = '';
  cookie = '';
  private ids = 0;
  private readonly calls = new AbortController();

  constructor(
    private readonly sim: SalesforceSimulator,
    readonly token: string,
    private readonly path = '/cometd/68.0',
  ) {}

  /** Posts a body as it is. */
  async post(body: unknown, headers: Record<string, string> = {}): Promise<CometdAnswer> {
    const response = await fetch(`${this.sim.url}${this.path}`, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        ...(this.token === '' ? {} : { authorization: `OAuth ${this.token}` }),
        ...(this.cookie === '' ? {} : { cookie: this.cookie }),
        ...headers,
      },
      body: typeof body === 'string' ? body : JSON.stringify(body),
      signal: this.calls.signal,
    });
    const set = response.headers.get('set-cookie');
    if (set) this.cookie = set.split(';')[0] ?? '';
    const text = await response.text();
    return { status: response.status, headers: response.headers, text, replies: parsed(text) };
  }

  /** Posts one message of this client, with an id; the answers to it. */
  async send(message: Record<string, unknown>): Promise<BayeuxReply[]> {
    return (await this.post([this.message(message)])).replies;
  }

  message(message: Record<string, unknown>): Record<string, unknown> {
    this.ids += 1;
    const client = this.clientId === '' ? {} : { clientId: this.clientId };
    return { ...message, ...client, id: String(this.ids) };
  }

  async handshake(): Promise<BayeuxReply> {
    this.clientId = '';
    const hello = { channel: '/meta/handshake', version: '1.0', supportedConnectionTypes: ['long-polling'] };
    const [reply = {}] = await this.send(hello);
    this.clientId = reply.clientId ?? '';
    return reply;
  }

  connect(more: Record<string, unknown> = {}): Promise<BayeuxReply[]> {
    return this.send({ channel: '/meta/connect', connectionType: 'long-polling', ...more });
  }

  async subscribe(subscription: string | string[], replay?: Record<string, unknown>): Promise<BayeuxReply> {
    const ext = replay ? { ext: { replay } } : {};
    const [reply = {}] = await this.send({ channel: '/meta/subscribe', subscription, ...ext });
    return reply;
  }

  /** Handshake, the first connect, a subscription. */
  async open(subscription: string, replay?: number | string): Promise<this> {
    await this.handshake();
    await this.connect();
    await this.subscribe(subscription, replay === undefined ? undefined : { [subscription]: replay });
    return this;
  }

  /** Drops every call that is under way. */
  abort(): void {
    this.calls.abort();
  }
}

export const eventsOf = (replies: BayeuxReply[]): BayeuxReply[] => replies.filter((reply) => reply.data !== undefined);

export const uuidsOf = (replies: BayeuxReply[]): (string | undefined)[] =>
  eventsOf(replies).map((reply) => reply.data?.event.EventUuid);

function parsed(text: string): BayeuxReply[] {
  try {
    return JSON.parse(text) as BayeuxReply[];
  } catch {
    return [];
  }
}
