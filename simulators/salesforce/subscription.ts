/** One Subscribe stream: credit, delivery, keepalives, and the ways it ends. Salesforce reference §3.3. */
import { status, type ServerDuplexStream } from '@grpc/grpc-js';
import type { Ledger } from '../shared/ledger';
import type { Switches } from '../shared/switches';
import type { VirtualClock, VirtualTimer } from '../shared/virtual-clock';
import type { Bus, BusEvent, Topic } from './bus';
import { refusals, statusOf, unknownTopic, type Refusal } from './pubsub-errors';
import type { FetchRequest, FetchResponse } from './pubsub-messages';
import type { Session } from './sessions';
import type { OpenStream, Streams } from './streams';
import type { SwitchValues } from './switches';

const mostOwed = 100;

export interface StreamParts {
  bus: Bus;
  clock: VirtualClock;
  switches: Switches<SwitchValues>;
  ledger: Ledger;
}

export class Subscription implements OpenStream {
  /** Set: nothing is sent and nothing is heard, but the stream stays. */
  deaf = false;
  private topic: Topic | null = null;
  private cursor = 0n;
  private owed = 0;
  private timer: VirtualTimer | null = null;
  private ended = false;
  private readonly wake = () => this.deliver();

  /** @param onEnd gets the gRPC status that ended the stream. */
  constructor(
    private readonly call: ServerDuplexStream<FetchRequest, FetchResponse>,
    private readonly parts: StreamParts,
    private readonly streams: Streams,
    readonly session: Session,
    readonly name: string,
    private readonly rpcId: string,
    private readonly onEnd: (code: number, outcome: string) => void,
  ) {
    streams.add(this);
    this.deaf = streams.newOnesDeaf;
  }

  hears(channel: string): boolean {
    return this.topic?.name === channel;
  }

  /** A FetchRequest: the first opens the subscription, the others ask for more. */
  fetch(request: FetchRequest): void {
    if (this.ended || this.deaf) return;
    const refusal = this.refusalOf(request) ?? (this.topic ? null : this.start(request));
    if (refusal) return this.refuse(refusal);
    this.owed = Math.min(mostOwed, this.owed + request.num_requested);
    this.streams.countRequested(request.num_requested, this.owed);
    this.deliver();
  }

  refuse(refusal: Refusal): void {
    if (this.ended) return;
    const end = statusOf(refusal, this.rpcId);
    this.finish(refusal.code, refusal.errorCode ?? refusal.details);
    this.call.emit('error', end);
  }

  /** A plain end, status 0. */
  complete(): void {
    if (this.ended) return;
    this.finish(status.OK, 'ended');
    this.call.end();
  }

  /** The client has gone. */
  gone(code: number, outcome: string): void {
    this.finish(code, outcome);
  }

  /** Sends events again that were sent before; they use up credit like any other, and do not move the position. */
  again(events: BusEvent[]): void {
    if (this.ended || this.deaf) return;
    this.send(events.slice(0, this.owed));
    this.wait();
  }

  /** Hears and speaks again after silence. */
  revive(): void {
    this.deaf = false;
    this.deliver();
  }

  private refusalOf(request: FetchRequest): Refusal | null {
    if (this.topic && request.topic_name !== '' && request.topic_name !== this.topic.name) return refusals.otherTopic;
    return request.num_requested > 0 ? null : refusals.requested;
  }

  private start(request: FetchRequest): Refusal | null {
    const { bus, switches, ledger } = this.parts;
    const topic = bus.topic(request.topic_name);
    if (!topic) return unknownTopic(switches.values.unknownTopicCode, request.topic_name);
    if (!switches.values.canSubscribe) return refusals.mayNotSubscribe;
    if (this.streams.open.size > switches.values.maxStreams) return refusals.streams;
    const place = this.startPlace(topic, request);
    if (typeof place !== 'bigint') return place;
    this.topic = topic;
    this.cursor = place;
    topic.listeners.add(this.wake);
    ledger.add('subscribed', {
      channel: topic.name,
      preset: request.replay_preset,
      replayId: request.replay_id.toString('base64'),
      stream: this.name,
    });
    return null;
  }

  private startPlace(topic: Topic, request: FetchRequest): bigint | Refusal {
    const { bus } = this.parts;
    bus.purge(topic);
    if (request.replay_preset === 'EARLIEST') return 0n;
    if (request.replay_preset === 'LATEST') return bus.tip();
    if (request.replay_id.length === 0) return refusals.noReplayId;
    return bus.place(topic, request.replay_id) ?? refusals.corrupted;
  }

  private deliver(): void {
    if (this.ended || this.deaf || !this.topic) return;
    while (this.owed > 0) {
      const most = Math.min(this.owed, this.parts.switches.values.eventsPerResponse);
      const events = this.topic.after(this.cursor, most);
      if (events.length === 0) break;
      const { maxDeliveries } = this.parts.switches.values;
      if (maxDeliveries !== null && this.streams.deliveries + events.length > maxDeliveries) {
        return this.refuse(refusals.deliveries);
      }
      this.cursor = events.at(-1)?.seq ?? this.cursor;
      this.send(events);
    }
    this.wait();
  }

  private send(events: BusEvent[]): void {
    const { bus, switches, ledger } = this.parts;
    if (events.length === 0) return;
    this.owed -= events.length;
    this.streams.countDelivered(events.length);
    for (const event of events) {
      ledger.add('delivered', {
        channel: this.topic?.name ?? '',
        replayId: bus.replayId(event.seq).toString('base64'),
        uuid: event.uuid,
        orderId: event.orderId,
        stream: this.name,
      });
    }
    const written = events.map((event) => ({
      event: { id: event.uuid, schema_id: event.schemaId, payload: event.payload },
      ...(switches.values.eventReplayId ? { replay_id: bus.replayId(event.seq) } : {}),
    }));
    this.write({ events: written }, events.at(-1)?.seq ?? null);
  }

  private write(response: Pick<FetchResponse, 'events'>, latest: bigint | null): void {
    const { bus, switches } = this.parts;
    const named = latest !== null && switches.values.latestReplayId;
    this.call.write({
      ...response,
      ...(named ? { latest_replay_id: bus.replayId(latest) } : {}),
      rpc_id: this.rpcId,
      pending_num_requested: this.owed,
    });
  }

  /** While events are owed a keepalive falls due; while none are, the end of the client's time to ask for more. */
  private wait(): void {
    const { clock, switches } = this.parts;
    this.timer?.cancel();
    this.timer =
      this.owed > 0
        ? clock.after(switches.values.keepaliveMs, () => this.keepAlive())
        : clock.after(switches.values.creditTimeoutMs, () => this.runDry());
  }

  private keepAlive(): void {
    const { bus, switches } = this.parts;
    if (this.ended || this.deaf || !this.topic) return;
    const { suppressKeepalives, keepaliveReplayId } = switches.values;
    if (!suppressKeepalives) this.write({}, keepaliveReplayId ? bus.mark(this.topic) : null);
    this.wait();
  }

  private runDry(): void {
    if (this.ended || this.deaf) return;
    const code = this.parts.switches.values.creditTimeoutCode;
    if (code === 0) this.complete();
    else this.refuse({ code, errorCode: null, details: 'No fetch request came in time.' });
  }

  private finish(code: number, outcome: string): void {
    if (this.ended) return;
    this.ended = true;
    this.timer?.cancel();
    this.topic?.listeners.delete(this.wake);
    this.streams.open.delete(this);
    this.onEnd(code, outcome);
  }
}
