/**
 * The event bus: one log per topic, replay ids that are opaque and have gaps, retention on the virtual clock.
 * Salesforce reference §3.3, §3.4, §5.
 */
import { randomInt, randomUUID } from 'node:crypto';
import type { Ledger } from '../shared/ledger';
import type { Switches } from '../shared/switches';
import type { VirtualClock } from '../shared/virtual-clock';
import { brokenPayload, encodeEvent, eventSchema, type EventField, type EventSchema } from './avro';
import { encodeChange, orderChangeChannel, orderChangeSchema, type Change } from './change-events';
import { deployedFields } from './metadata';
import type { Values } from './records';
import type { SwitchValues } from './switches';

export interface BusEvent {
  /** Place on the bus; what the first 8 bytes of the replay id hold. */
  seq: bigint;
  uuid: string;
  schemaId: string;
  payload: Buffer;
  /** Virtual ms. */
  at: number;
  /** OrderId__c, for the ledger. */
  orderId: string | null;
}

/** The events this org has. */
const platformEvents: Record<string, readonly EventField[]> = {
  OrderProvisionRequested__e: deployedFields('OrderProvisionRequested__e').map(({ name }) => ({
    name,
    type: 'string',
  })),
  SeatChangeRequested__e: [
    { name: 'OrderId__c', type: 'string' },
    { name: 'Seats__c', type: 'double' },
    { name: 'DueAt__c', type: 'long' },
    { name: 'Urgent__c', type: 'boolean' },
  ],
};

export class Topic {
  readonly events: BusEvent[] = [];
  /** Places that keepalives named, with their time. */
  readonly marks: { seq: bigint; at: number }[] = [];
  /** Called when there may be something to deliver. */
  readonly listeners = new Set<() => void>();

  /** @param name the channel, as /event/OrderProvisionRequested__e */
  constructor(
    readonly name: string,
    public schema: EventSchema,
  ) {}

  /** The event's API name. */
  get eventName(): string {
    return this.name.split('/').at(-1) ?? '';
  }

  wake(): void {
    for (const listener of [...this.listeners]) listener();
  }

  /** Up to `limit` events after a place, oldest first. */
  after(seq: bigint, limit: number): BusEvent[] {
    let low = 0;
    let high = this.events.length;
    while (low < high) {
      const middle = Math.floor((low + high) / 2);
      if ((this.events[middle]?.seq ?? 0n) > seq) high = middle;
      else low = middle + 1;
    }
    return this.events.slice(low, low + limit);
  }
}

export class Bus {
  private readonly topics = new Map<string, Topic>();
  private readonly schemas = new Map<string, EventSchema>();
  private last = 0n;

  constructor(
    private readonly clock: VirtualClock,
    private readonly switches: Switches<SwitchValues>,
    private readonly ledger: Ledger,
  ) {
    this.restore();
  }

  /** The topic of a channel, as /event/OrderProvisionRequested__e; case counts. */
  topic(channel: string): Topic | undefined {
    return this.topics.get(channel);
  }

  /** All schemas ever in use, by id. */
  schema(id: string): EventSchema | undefined {
    return this.schemas.get(id);
  }

  /** Puts an event on a topic; its bytes are made from the fields unless given. */
  publish(
    topic: Topic,
    event: { fields: Values; createdById: string; uuid?: string; schema?: EventSchema; payload?: Buffer },
  ): BusEvent {
    const at = this.clock.now();
    const schema = event.schema ?? topic.schema;
    const orderId = event.fields.OrderId__c;
    return this.append(topic, {
      uuid: event.uuid ?? randomUUID(),
      schemaId: schema.id,
      payload: event.payload ?? encodeEvent(schema, event.fields, at, event.createdById),
      at,
      orderId: typeof orderId === 'string' ? orderId : null,
    });
  }

  /** A change of Orders, on /data/OrderChangeEvent. */
  publishChange(change: Change): BusEvent {
    const topic = this.topics.get(orderChangeChannel);
    if (!topic) throw new Error('the org has no change events');
    const payload = encodeChange(topic.schema, change, Number(this.last));
    const { recordIds, at } = change;
    const orderId = recordIds.length === 1 ? (recordIds[0] ?? null) : null;
    return this.append(topic, { uuid: randomUUID(), schemaId: topic.schema.id, payload, at, orderId });
  }

  /** An event whose bytes cannot be decoded. */
  publishBroken(topic: Topic, orderId: string): BusEvent {
    return this.publish(topic, { fields: { OrderId__c: orderId }, createdById: '', payload: brokenPayload(orderId) });
  }

  /** The last `count` events once more, with new replay ids and their old uuids. */
  republish(topic: Topic, count: number): BusEvent[] {
    return topic.events.slice(-count).map((event) => this.append(topic, { ...event, at: this.clock.now() }));
  }

  /** The end of the bus: what LATEST starts after. */
  tip(): bigint {
    return this.last;
  }

  /** A place after everything on the topic, for a keepalive to name. */
  mark(topic: Topic): bigint {
    const at = this.clock.now();
    const newest = topic.marks.at(-1);
    const lastEvent = topic.events.at(-1)?.seq ?? 0n;
    if (newest && newest.at === at && newest.seq > lastEvent) return newest.seq;
    const seq = this.nextPlace();
    topic.marks.push({ seq, at });
    return seq;
  }

  /** The bytes of a place, as the switch `replayIdBytes` wants them. */
  replayId(seq: bigint): Buffer {
    const bytes = Buffer.alloc(this.switches.values.replayIdBytes);
    bytes.writeBigUInt64BE(seq);
    return bytes;
  }

  /** The place a replay id names; null when it was never given out here, is from before a reset, or is too old. */
  place(topic: Topic, replayId: Buffer): bigint | null {
    const { replayIdBytes, lenientReplayId } = this.switches.values;
    if (replayId.length !== replayIdBytes && !(lenientReplayId && replayId.length === 8)) return null;
    if (replayId.subarray(8).some((byte) => byte !== 0)) return null;
    const seq = replayId.readBigUInt64BE();
    this.purge(topic);
    const known = topic.events.some((event) => event.seq === seq) || topic.marks.some((mark) => mark.seq === seq);
    return known ? seq : null;
  }

  /** Forgets what is past retention. */
  purge(topic: Topic): void {
    const oldest = this.clock.now() - this.switches.values.retentionMs;
    for (const list of [topic.events, topic.marks]) {
      const firstKept = list.findIndex((one) => one.at >= oldest);
      list.splice(0, firstKept < 0 ? list.length : firstKept);
    }
  }

  /** The event gets one more field: from the next event on its schema has another id. */
  addField(topic: Topic, field: EventField): EventSchema {
    topic.schema = this.remember(eventSchema(topic.eventName, [...topic.schema.fields, field]));
    return topic.schema;
  }

  /** A new epoch, as after a move to another data centre: nothing retained, no old id known. @param from first place. */
  startEpoch(from?: bigint): void {
    this.last = from ?? BigInt(randomInt(1_000_000, 900_000_000));
    for (const topic of this.topics.values()) {
      topic.events.length = 0;
      topic.marks.length = 0;
    }
  }

  /** Back to the seed: topics as declared, empty. Streams keep their topics, so those are emptied, not replaced. */
  restore(): void {
    for (const [eventName, fields] of Object.entries(platformEvents))
      this.declare(`/event/${eventName}`, eventSchema(eventName, fields));
    this.declare(orderChangeChannel, orderChangeSchema());
    this.startEpoch();
  }

  private declare(channel: string, schema: EventSchema): void {
    const topic = this.topics.get(channel) ?? new Topic(channel, schema);
    topic.schema = this.remember(schema);
    this.topics.set(channel, topic);
  }

  private append(topic: Topic, event: Omit<BusEvent, 'seq'>): BusEvent {
    this.purge(topic);
    const placed = { ...event, seq: this.nextPlace() };
    topic.events.push(placed);
    this.ledger.add('published', {
      channel: topic.name,
      replayId: this.replayId(placed.seq).toString('base64'),
      uuid: placed.uuid,
      orderId: placed.orderId,
    });
    topic.wake();
    return placed;
  }

  private nextPlace(): bigint {
    this.last += BigInt(randomInt(1, this.switches.values.replayIdGap + 1));
    return this.last;
  }

  private remember(schema: EventSchema): EventSchema {
    this.schemas.set(schema.id, schema);
    return schema;
  }
}
