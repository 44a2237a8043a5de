/** The Streaming API: a Bayeux 1.0 server by long polling, on the bus that Pub/Sub serves too. Salesforce reference §2. */
import { randomBytes } from 'node:crypto';
import type { Answer } from '../shared/http-faults';
import { CometdClient, refusedTo, went, type CometdParts, type Line, type Told } from './cometd-client';
import {
  bayeuxRefusals,
  connectionType,
  noCookie,
  refusedReplies,
  unknownClient,
  type BayeuxRefusal,
} from './cometd-errors';
import { struckRefusal, type CometdFault } from './cometd-faults';
import { replyTo, type Message, type Reply } from './cometd-messages';
import type { Session, Sessions } from './sessions';

/** Names of the calls, for faults: the channels themselves, and `cometd` for what is no Bayeux message. */
export const cometdCalls = [
  ...['/meta/handshake', '/meta/connect', '/meta/subscribe', '/meta/unsubscribe', '/meta/disconnect'],
  'cometd',
] as const;

export const cookieName = 'BAYEUX_BROWSER';
const longPolling = 'long-polling';

export interface Exchange extends Line {
  /** Of the endpoint, as 68. */
  version: number;
  token: string;
  host: string | null;
  /** Value of the cookie that came along. */
  cookie: string | undefined;
}

/** What became of one message, and the cookie to set. */
type Done = Told & { cookie?: string };

export class Cometd {
  private readonly clients = new Map<string, CometdClient>();
  /** Clients that are gone and are yet to be told why. */
  private readonly untold = new Map<string, BayeuxRefusal>();
  private made = 0;

  constructor(private readonly parts: CometdParts & { sessions: Sessions }) {}

  /**
   * Answers the messages of one call, in one array. A connect that is held holds the call.
   * @param struck the fault that strikes a message, by its place.
   */
  async answer(
    messages: readonly Message[],
    struck: ReadonlyMap<number, CometdFault>,
    exchange: Exchange,
  ): Promise<{ answer: Answer; outcomes: string[] }> {
    const all: Done[] = [];
    for (const [place, message] of messages.entries()) {
      const fault = struck.get(place);
      all.push(fault ? this.struck(message, fault) : await this.done(message, messages.length === 1, exchange));
    }
    const cookie = all.find((one) => one.cookie !== undefined)?.cookie;
    const headers = {
      'content-type': 'application/json;charset=UTF-8',
      ...(cookie === undefined ? {} : { 'set-cookie': `${cookieName}=${cookie};Path=/;HttpOnly` }),
    };
    const body = `[${all.flatMap((one) => one.texts).join(',')}]`;
    return { answer: { status: 200, headers, body }, outcomes: all.map((one) => one.outcome) };
  }

  /** Clients that are known, whether they are on the line or not. */
  get size(): number {
    return this.clients.size;
  }

  clear(): void {
    for (const client of [...this.clients.values()]) client.complete();
    this.untold.clear();
    this.made = 0;
  }

  private async done(message: Message, alone: boolean, exchange: Exchange): Promise<Done> {
    const { sessions, switches } = this.parts;
    const fresh = switches.values.refuseEveryStream ? null : sessions.use(exchange.token, exchange.host);
    if (message.channel === '/meta/handshake') return this.handshake(message, fresh, exchange);
    const client = this.clients.get(message.clientId ?? '');
    if (!fresh) {
      client?.end(bayeuxRefusals.auth, 'authentication invalid');
      return refused(message, bayeuxRefusals.auth, client);
    }
    if (!client) return refused(message, this.reasonFor(message.clientId ?? ''));
    if (switches.values.cookiesRequired && exchange.cookie !== client.identity.cookie) {
      return refused(message, noCookie(client.id, cookieName), client);
    }
    client.session = fresh;
    exchange.gone.addEventListener('abort', () => client.hungUp(), { once: true });
    if (client.deaf && message.channel !== '/meta/connect') {
      await aborted(exchange.gone);
      if (message.channel !== '/meta/disconnect') return { texts: [], outcome: 'the client has gone' };
    }
    switch (message.channel) {
      case '/meta/connect':
        if (message.connectionType === longPolling) return client.connect(message, alone, exchange);
        return refused(message, connectionType(message.connectionType ?? ''), client);
      case '/meta/subscribe':
        return this.each(client, message, (channel) => client.subscribe(channel, message.ext));
      case '/meta/unsubscribe':
        return this.each(client, message, (channel) => client.unsubscribe(channel));
      case '/meta/disconnect':
        client.end(null, 'disconnected');
        return went([{ ...replyTo(message, client), successful: true }]);
      default:
        return refused(message, bayeuxRefusals.mayNotPublish, client);
    }
  }

  private handshake(message: Message, session: Session | null, exchange: Exchange): Done {
    const { switches, ledger } = this.parts;
    const { version } = exchange;
    const refusal = this.handshakeRefusal(message, session);
    if (refusal || !session) {
      const why = refusal ?? bayeuxRefusals.handshakeAuth;
      ledger.add('handshake', { version, outcome: why.error });
      return refused(message, why);
    }
    this.made += 1;
    const identity = {
      id: randomBytes(16).toString('hex').slice(0, 27),
      name: `cometd ${this.made}`,
      version,
      cookie: exchange.cookie ?? randomBytes(10).toString('hex'),
    };
    const client = new CometdClient(this.parts, identity, session, (outcome, untold) => {
      this.clients.delete(identity.id);
      if (untold) this.untold.set(identity.id, untold);
      ledger.add('streamEnded', { stream: identity.name, code: null, outcome });
    });
    this.clients.set(identity.id, client);
    ledger.add('handshake', { version, outcome: 'success', stream: identity.name });
    const reply = {
      ext: { replay: true, 'payload.format': true },
      minimumVersion: '1.0',
      clientId: identity.id,
      supportedConnectionTypes: [longPolling],
      channel: message.channel,
      id: message.id,
      version: '1.0',
      successful: true,
    };
    return { ...went([reply]), ...(switches.values.cookiesRequired ? { cookie: identity.cookie } : {}) };
  }

  private handshakeRefusal(message: Message, session: Session | null): BayeuxRefusal | null {
    if (!session) return bayeuxRefusals.handshakeAuth;
    const types = message.supportedConnectionTypes ?? [];
    if (!types.includes(longPolling)) return connectionType(types.join(','));
    return this.clients.size < this.parts.switches.values.maxCometdClients ? null : bayeuxRefusals.clients;
  }

  /** A message may name several channels: each is answered on its own. */
  private each(client: CometdClient, message: Message, act: (channel: string) => BayeuxRefusal | null): Done {
    const channels = [message.subscription ?? ''].flat();
    const replies: Reply[] = [];
    let outcome = 'success';
    for (const subscription of channels) {
      const refusal = act(subscription);
      const reply = { ...replyTo(message, client), subscription };
      if (refusal) outcome = refusal.error;
      replies.push(...(refusal ? refusedReplies(reply, refusal) : [{ ...reply, successful: true }]));
    }
    return { ...went(replies), outcome };
  }

  private struck(message: Message, fault: CometdFault): Done {
    const client = this.clients.get(message.clientId ?? '');
    const refusal = struckRefusal(fault, this.parts.switches.values.unknownClientAdvice);
    if (fault.kind === 'dropClient') client?.end(null, 'dropped');
    const outcome = `fault: ${refusal.error}`;
    if (fault.kind === 'bayeux' && fault.bare) {
      return { ...went([{ error: refusal.error, advice: refusal.advice, successful: false }]), outcome };
    }
    return { ...refused(message, refusal, client), outcome };
  }

  private reasonFor(clientId: string): BayeuxRefusal {
    const untold = this.untold.get(clientId);
    this.untold.delete(clientId);
    return untold ?? unknownClient(this.parts.switches.values.unknownClientAdvice);
  }
}

function refused(message: Message, refusal: BayeuxRefusal, client?: CometdClient): Done {
  const subscription = message.channel === '/meta/subscribe' ? { subscription: message.subscription } : {};
  return refusedTo({ ...replyTo(message, client), ...subscription }, refusal);
}

const aborted = (signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
