/**
 * One client of the Streaming API, from its handshake to its end: subscriptions, the connect that is held, delivery.
 * Salesforce reference §2.
 */
import type { VirtualTimer } from '../shared/virtual-clock';
import type { BusEvent, Topic } from './bus';
import {
  bayeuxRefusals,
  noSuchChannel,
  notInReplayMap,
  refusedReplies,
  unknownClient,
  wrongReplayId,
  type BayeuxRefusal,
} from './cometd-errors';
import { eventMessage } from './cometd-events';
import { asJavaMap, replayFrom, replyTo, type Message, type Reply } from './cometd-messages';
import { refusals, type Refusal } from './pubsub-errors';
import type { Session } from './sessions';
import type { OpenStream, Streams } from './streams';
import type { StreamParts } from './subscription';

export interface CometdParts extends StreamParts {
  streams: Streams;
}

/** The HTTP call that a connect came by. */
export interface Line {
  /** Aborted when the caller has gone. */
  gone: AbortSignal;
  /** Ends the call by RST. */
  reset(): void;
}

export interface ClientIdentity {
  id: string;
  /** For ledger and log. */
  name: string;
  /** Of the endpoint, as 68. */
  version: number;
  /** Value of the cookie that its handshake set. */
  cookie: string;
}

interface Place {
  topic: Topic;
  /** Everything up to here is delivered. */
  cursor: bigint;
}

/** Replies and events as JSON, in order; for the log, what became of the message. */
export interface Told {
  texts: string[];
  outcome: string;
}

interface Held {
  line: Line;
  finish(told: Told): void;
  message: Message;
}

/** Why a batch cannot be sent, or its messages. */
type Batch = BayeuxRefusal | string[];

export class CometdClient implements OpenStream {
  deaf = false;
  private readonly places = new Map<string, Place>();
  private readonly repeats: { topic: Topic; event: BusEvent }[] = [];
  private connected = false;
  private counted = false;
  private held: Held | null = null;
  private timer: VirtualTimer | null = null;
  private flushing: NodeJS.Immediate | null = null;
  private ended = false;
  /** The next connect is to be cut off. */
  private cutOff = false;
  /** Events published in one go leave in one array. */
  private readonly wake = (): void => {
    this.flushing ??= setImmediate(() => {
      this.flushing = null;
      this.deliver();
    });
  };

  /** @param onEnd gets what the client is told the next time, when it was not waiting for an answer. */
  constructor(
    private readonly parts: CometdParts,
    readonly identity: ClientIdentity,
    public session: Session,
    private readonly onEnd: (outcome: string, untold: BayeuxRefusal | null) => void,
  ) {
    this.deaf = parts.streams.newOnesDeaf;
    this.expect(parts.switches.values.reconnectAfterIdleMs);
  }

  get id(): string {
    return this.identity.id;
  }

  get waits(): boolean {
    return this.held !== null;
  }

  hears(channel: string): boolean {
    return this.places.has(channel);
  }

  /** Subscribes, or starts an existing subscription elsewhere. Null: done. */
  subscribe(channel: string, ext: Record<string, unknown> | undefined): BayeuxRefusal | null {
    const { bus, switches, ledger, streams } = this.parts;
    if (channel === '') return bayeuxRefusals.noChannel;
    if (!channel.startsWith('/')) return bayeuxRefusals.noSlash;
    if (!switches.values.canSubscribe) return bayeuxRefusals.mayNotSubscribe;
    const topic = bus.topic(channel);
    if (!topic) return noSuchChannel(channel);
    const { maxDeliveries } = switches.values;
    if (maxDeliveries !== null && streams.deliveries >= maxDeliveries) return bayeuxRefusals.deliveries;
    const start = this.startOf(topic, ext?.replay);
    if (!('cursor' in start)) return start;
    this.places.set(channel, { topic, cursor: start.cursor });
    topic.listeners.add(this.wake);
    const { preset, replayId } = start;
    ledger.add('subscribed', { channel, preset, replayId, stream: this.identity.name });
    this.wake();
    return null;
  }

  /** Unsubscribes. Never refused: a channel that was not subscribed is none now either. */
  unsubscribe(channel: string): null {
    this.places.get(channel)?.topic.listeners.delete(this.wake);
    this.places.delete(channel);
    return null;
  }

  /**
   * Answers a connect: at once for the first, when it is not `alone` in its call, when the client wants no waiting, or
   * when there is something to say; otherwise it is held until then.
   */
  connect(message: Message, alone: boolean, line: Line): Promise<Told> {
    this.letGo();
    const first = !this.connected;
    this.connected = true;
    if (!first) this.onLine();
    if (!this.deaf && !this.cutOff) {
      const batch = this.take();
      const waits = alone && !first && message.advice?.timeout !== 0;
      if (!waits || !isEmpty(batch)) return Promise.resolve(this.answered(message, batch, first));
    }
    return new Promise((resolve) => this.hold(message, line, resolve));
  }

  /** The client says goodbye, or is thrown out. */
  end(refusal: BayeuxRefusal | null, outcome: string): void {
    if (this.ended) return;
    this.ended = true;
    this.timer?.cancel();
    if (this.flushing) clearImmediate(this.flushing);
    for (const { topic } of this.places.values()) topic.listeners.delete(this.wake);
    this.parts.streams.open.delete(this);
    const { held } = this;
    this.held = null;
    if (held && !this.deaf) {
      const reply = replyTo(held.message, this);
      held.finish(refusal ? refusedTo(reply, refusal) : went([{ ...reply, successful: true }]));
    }
    this.onEnd(outcome, held ? null : refusal);
  }

  refuse(refusal: Refusal): void {
    const isAuth = refusal.code === refusals.auth.code;
    this.end(isAuth ? bayeuxRefusals.auth : this.unknown(), isAuth ? 'authentication invalid' : 'dropped');
  }

  complete(): void {
    this.end(this.unknown(), 'dropped');
  }

  again(events: BusEvent[], topic: Topic): void {
    this.repeats.push(...events.map((event) => ({ topic, event })));
    this.wake();
  }

  revive(): void {
    this.deaf = false;
    if (this.held) this.await();
    this.deliver();
  }

  reset(): void {
    const { held } = this;
    this.cutOff = held === null;
    if (!held) return;
    // Known at once: what comes now is kept, not written to a line that is down.
    this.left(held);
    held.line.reset();
  }

  private unknown(): BayeuxRefusal {
    return unknownClient(this.parts.switches.values.unknownClientAdvice);
  }

  private startOf(
    topic: Topic,
    map: unknown,
  ): BayeuxRefusal | { cursor: bigint; preset: 'LATEST' | 'EARLIEST' | 'CUSTOM'; replayId: string } {
    const { bus } = this.parts;
    const latest = { cursor: bus.tip(), preset: 'LATEST' as const, replayId: '' };
    if (typeof map !== 'object' || map === null) return latest;
    const starts = map as Record<string, unknown>;
    if (!Object.hasOwn(starts, topic.name)) return notInReplayMap(topic.name, asJavaMap(starts));
    const given = starts[topic.name];
    const from = replayFrom(given);
    bus.purge(topic);
    if (from === -1n) return latest;
    if (from === -2n) return { cursor: 0n, preset: 'EARLIEST', replayId: '' };
    const known = from !== null && from >= 0n && from < 2n ** 64n;
    const cursor = known ? bus.place(topic, bus.replayId(from)) : null;
    if (cursor === null) return wrongReplayId(String(given));
    return { cursor, preset: 'CUSTOM', replayId: bus.replayId(cursor).toString('base64') };
  }

  private hold(message: Message, line: Line, finish: (told: Told) => void): void {
    const held: Held = { message, line, finish };
    this.held = held;
    this.onLine();
    this.await();
    const onGone = (): void => this.left(held);
    if (line.gone.aborted) onGone();
    else line.gone.addEventListener('abort', onGone, { once: true });
    if (this.cutOff) this.reset();
  }

  /** An open stream from its second connect or first event on: many a client ends with the first connect, answered at once. */
  private onLine(): void {
    const { streams } = this.parts;
    if (this.counted) streams.open.add(this);
    else streams.add(this);
    this.counted = true;
  }

  /** One of its calls went down before it was answered. The client may come back; until then it is no open stream. */
  hungUp(): void {
    this.parts.streams.open.delete(this);
  }

  /** The caller of a connect has gone. */
  private left(held: Held): void {
    held.finish({ texts: [], outcome: 'the client has gone' });
    this.hungUp();
    if (this.held !== held) return;
    this.held = null;
    // Nothing can reach a client that neither hears nor is on the line.
    if (this.deaf) this.end(null, 'gone');
    else this.expect(this.parts.switches.values.reconnectAfterIdleMs);
  }

  /** The connect that is held is answered in time; a deaf client's never. */
  private await(): void {
    const { clock, switches } = this.parts;
    this.timer?.cancel();
    this.timer = this.deaf ? null : clock.after(switches.values.connectHoldMs, () => this.letGo());
  }

  /** A client that does not connect again within `ms` is removed. */
  private expect(ms: number): void {
    this.timer?.cancel();
    this.timer = this.parts.clock.after(ms, () => this.end(this.unknown(), 'removed: no connect in time'));
  }

  /** Answers the connect that is held, whatever there is to say. */
  private letGo(): void {
    const { held } = this;
    if (!held || this.deaf) return;
    this.held = null;
    held.finish(this.answered(held.message, [], false));
  }

  private deliver(): void {
    const { held } = this;
    if (this.ended || this.deaf || !held) return;
    const batch = this.take();
    if (isEmpty(batch)) return;
    this.held = null;
    held.finish(this.answered(held.message, batch, false));
  }

  private answered(message: Message, batch: Batch, first: boolean): Told {
    const { connectHoldMs, connectPauseMs, reconnectAfterEventsMs, reconnectAfterIdleMs } = this.parts.switches.values;
    const reply = replyTo(message, this);
    if (!Array.isArray(batch)) {
      this.expect(reconnectAfterIdleMs);
      return refusedTo(reply, batch);
    }
    this.expect(batch.length > 0 ? reconnectAfterEventsMs : reconnectAfterIdleMs);
    const advice = first ? { interval: connectPauseMs, timeout: connectHoldMs, reconnect: 'retry' } : undefined;
    const { texts, outcome } = went([{ ...reply, advice, successful: true }]);
    return { texts: [...batch, ...texts], outcome };
  }

  /** The next events to deliver, as JSON; they count as delivered. */
  private take(): Batch {
    const { streams, switches, bus } = this.parts;
    const { eventsPerResponse, maxDeliveries, eventReplayId } = switches.values;
    const fresh = [...this.places.values()]
      .flatMap((place) => place.topic.after(place.cursor, eventsPerResponse).map((event) => ({ ...place, event })))
      .sort((one, other) => (one.event.seq < other.event.seq ? -1 : 1))
      .slice(0, eventsPerResponse);
    const due = [...this.repeats, ...fresh];
    if (due.length === 0) return [];
    if (maxDeliveries !== null && streams.deliveries + due.length > maxDeliveries) return bayeuxRefusals.deliveries;
    this.repeats.length = 0;
    for (const { topic, event } of fresh) {
      const place = this.places.get(topic.name);
      if (place) place.cursor = event.seq;
    }
    streams.countDelivered(due.length);
    this.onLine();
    const how = { version: this.identity.version, withReplayId: eventReplayId };
    return due.map(({ topic, event }) => {
      this.record(topic, event);
      return eventMessage(bus, topic, event, how);
    });
  }

  private record(topic: Topic, event: BusEvent): void {
    this.parts.ledger.add('delivered', {
      channel: topic.name,
      replayId: this.parts.bus.replayId(event.seq).toString('base64'),
      uuid: event.uuid,
      orderId: event.orderId,
      stream: this.identity.name,
    });
  }
}

/** Replies of a message that did what it asked for. */
export const went = (replies: Reply[]): Told => ({
  texts: replies.map((one) => JSON.stringify(one)),
  outcome: 'success',
});

/** Replies of a message that is refused. */
export const refusedTo = (reply: Reply, refusal: BayeuxRefusal): Told => ({
  texts: refusedReplies(reply, refusal).map((one) => JSON.stringify(one)),
  outcome: refusal.error,
});

const isEmpty = (batch: Batch): boolean => Array.isArray(batch) && batch.length === 0;
