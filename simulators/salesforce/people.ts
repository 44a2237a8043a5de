/** What people and the world around do to the org: for the panel's routes and for tests in this process alike. */
import { z } from 'zod';
import { PanelError, bodyOf } from '../shared/panel';
import type { Bus, Topic } from './bus';
import { noRecord } from './change-events';
import type { Cometd } from './cometd';
import type { GrpcPorts } from './grpc-ports';
import { readId } from './ids';
import { provisionChannel } from './flow';
import type { ConnectedApp } from './oauth';
import type { Org } from './org';
import { refusals } from './pubsub-errors';
import type { Row, Value, Values } from './records';
import { objectOfId, objectSchema, type ObjectSchema } from './schema';
import { addOrder, type Seeded } from './seed';
import type { Sessions } from './sessions';
import type { Streams } from './streams';

const value = z.union([z.string(), z.number(), z.boolean(), z.null()]);
const fieldsSchema = z.record(z.string(), value);

const newOrderSchema = z.strictObject({
  account: z.string().default('Northwind Traders'),
  items: z.array(z.strictObject({ code: z.string(), quantity: z.number().positive() })).min(1),
  story: z.string().optional(),
  status: z.string().default('Not Started'),
});

const publishSchema = z.strictObject({
  channel: z.string().default(provisionChannel),
  fields: fieldsSchema.default({}),
  uuid: z.string().optional(),
  times: z.number().int().min(1).max(10_000).default(1),
});

const recordSchema = z.strictObject({ type: z.string(), id: z.string().optional(), fields: fieldsSchema });

const channelSchema = z.strictObject({ channel: z.string().default(provisionChannel) });

/** An Order with everything on it, as tests judge it. */
export interface WholeOrder {
  [field: string]: Value | WholeItem[];
  items: WholeItem[];
}
type WholeItem = Record<string, Value>;

export interface PeopleParts {
  org: Org;
  bus: Bus;
  sessions: Sessions;
  streams: Streams;
  cometd: Cometd;
  app: ConnectedApp;
  ports: GrpcPorts;
  seeded(): Seeded;
}

export type OrderDone = { id: string; number: string; committed: boolean };

export class People {
  constructor(private readonly parts: PeopleParts) {}

  /** Creates an order: { account?, items: [{ code, quantity }], story?, status? } (status: Activation_Status__c). */
  createOrder(body: unknown): OrderDone {
    const { story, ...order } = bodyOf(newOrderSchema, body);
    const made = addOrder(this.parts.org, this.parts.seeded().person, order);
    if (story !== undefined) this.parts.seeded().stories.set(story, made.id);
    return made;
  }

  /** A person approves: Activation_Status__c becomes Activating, so the Flow runs. */
  approve(id: string): OrderDone {
    return this.editOrder(id, { Activation_Status__c: 'Activating' });
  }

  /** A person's edit, under the org's rules for people. */
  editOrder(id: string, fields: unknown): OrderDone {
    const { org } = this.parts;
    const tx = org.begin(this.parts.seeded().person);
    const row = this.row(id, 'Order');
    org.update(tx, row, bodyOf(fieldsSchema, fields));
    return { id: row.id, number: String(row.values.OrderNumber), committed: org.commit(tx) === true };
  }

  /** A person clones an order: its custom fields go along, its items too. */
  cloneOrder(id: string): OrderDone {
    const { org } = this.parts;
    const tx = org.begin(this.parts.seeded().person);
    const row = this.row(id, 'Order');
    const copy = org.insert(tx, row.object, this.createable(row));
    for (const item of org.records.items(row.id)) {
      org.insert(tx, item.object, { ...this.createable(item), OrderId: copy.id });
    }
    return { id: copy.id, number: String(copy.values.OrderNumber), committed: org.commit(tx) === true };
  }

  /** All orders, every field, with their items. */
  orders(): WholeOrder[] {
    return this.parts.org.records.all(schemaOf('Order')).map((row) => this.wholeOrder(row));
  }

  /** One order of `orders()`. */
  order(id: string): WholeOrder {
    return this.wholeOrder(this.row(id, 'Order'));
  }

  records(type: string): Record<string, Value>[] {
    return this.parts.org.records.all(schemaOf(type)).map((row) => this.whole(row));
  }

  /** Puts a record there, past all rules: { type, id?, fields }. With `id` it is changed, or made with that id. */
  putRecord(body: unknown): { id: string } {
    const { type, id, fields } = bodyOf(recordSchema, body);
    const object = schemaOf(type);
    for (const name of Object.keys(fields)) {
      if (!object.fields.has(name.toLowerCase())) throw new PanelError(400, `${type} has no field ${name}`);
    }
    const { org } = this.parts;
    const tx = org.begin(this.parts.seeded().person);
    const longId = id === undefined ? undefined : (readId(id) ?? undefined);
    if (id !== undefined && longId === undefined) throw new PanelError(400, `${id} is no Salesforce id`);
    const existing = longId === undefined ? undefined : org.records.get(longId);
    const row = existing ? tx.update(existing, fields) : tx.insert(object.name, fields, longId);
    tx.commit();
    return { id: row.id };
  }

  deleteRecord(id: string): void {
    const row = this.row(id);
    this.parts.org.records.put({ ...row, deleted: true });
  }

  /** Out of the recycle bin. */
  restoreRecord(id: string): void {
    const row = this.parts.org.records.get(id);
    if (row) this.parts.org.records.put({ ...row, deleted: false });
  }

  /** Publishes to a channel: { channel?, fields, uuid?, times? }. */
  publish(body: unknown): { uuids: string[]; replayIds: string[] } {
    const { channel, fields, uuid, times } = bodyOf(publishSchema, body);
    const { bus } = this.parts;
    const createdById = this.parts.seeded().person.userId;
    const topic = this.topic(channel);
    const unknown = Object.keys(fields).find((name) => !topic.schema.fields.some((field) => field.name === name));
    if (unknown !== undefined) throw new PanelError(400, `${topic.eventName} has no field ${unknown}`);
    const events = Array.from({ length: times }, () =>
      bus.publish(topic, { fields, createdById, ...(uuid === undefined ? {} : { uuid }) }),
    );
    return {
      uuids: events.map((event) => event.uuid),
      replayIds: events.map((event) => bus.replayId(event.seq).toString('base64')),
    };
  }

  stories(): Record<string, string> {
    return Object.fromEntries(this.parts.seeded().stories);
  }

  counts(): { logins: Record<string, number>; apiRequests: number } & Record<string, unknown> {
    const { app, streams, cometd, org } = this.parts;
    return { ...streams.counts(), cometdClients: cometd.size, logins: app.loginCounts(), apiRequests: org.apiRequests };
  }

  /**
   * Something happens at Salesforce; see `actions` for what.
   * @throws PanelError 404 for an unknown name, 400 for a wrong body.
   */
  act(name: string, body: unknown = {}): Record<string, unknown> {
    const action = Object.hasOwn(this.actions, name) ? this.actions[name] : undefined;
    if (!action) throw new PanelError(404, `no action ${name}; known: ${Object.keys(this.actions).join(', ')}`);
    return action(body);
  }

  private readonly actions: Record<string, (body: unknown) => Record<string, unknown>> = {
    /** Every token is revoked; live streams end with 16. */
    revokeTokens: (body) => {
      bodyOf(z.strictObject({}), body);
      this.parts.sessions.revokeAll();
      return {};
    },
    /** Every session times out; live streams go on. */
    expireAll: (body) => {
      bodyOf(z.strictObject({}), body);
      this.parts.sessions.expireAll();
      return {};
    },
    /**
     * All streams end: { code?, errorCode?, details? }; code 0 is a plain end, no code is 14. Clients of the Streaming API
     * hear of it as 401::Authentication invalid (code 16) or 403::Unknown client (any other).
     */
    endStreams: (body) => {
      const schema = z.strictObject({
        code: z.number().int().min(0).max(16).default(14),
        errorCode: z.string().nullable().default(null),
        details: z.string().default('RST_STREAM closed stream'),
      });
      const refusal = bodyOf(schema, body);
      const streams = [...this.parts.streams.open];
      for (const stream of streams) {
        if (refusal.code === 0) stream.complete();
        else stream.refuse(refusal);
      }
      return { ended: streams.length };
    },
    /** All gRPC connections are reset, and those on which a client of the Streaming API waits. */
    resetConnections: (body) => {
      bodyOf(z.strictObject({}), body);
      this.parts.ports.resetAll();
      for (const stream of [...this.parts.streams.open]) stream.reset?.();
      return {};
    },
    /** Open streams fall silent for ever, neither sending nor hearing; with `newStreams` later ones too. { on } ends it. */
    silence: (body) => {
      const schema = z.strictObject({ on: z.boolean().default(true), newStreams: z.boolean().default(false) });
      const { on, newStreams } = bodyOf(schema, body);
      this.parts.streams.newOnesDeaf = on && newStreams;
      for (const stream of this.parts.streams.open) {
        if (on) stream.deaf = true;
        else stream.revive();
      }
      return { streams: this.parts.streams.open.size };
    },
    suppressKeepalives: (body) => {
      const { on } = bodyOf(z.strictObject({ on: z.boolean().default(true) }), body);
      return { ...this.parts.org.switches.set({ suppressKeepalives: on }) };
    },
    /** The last n events once more: as they were to every open stream, or with `renumber` published anew, same uuid. */
    duplicateLast: (body) => {
      const schema = channelSchema.extend({
        n: z.number().int().min(1).max(100).default(1),
        renumber: z.boolean().default(false),
      });
      const { n, renumber, channel } = bodyOf(schema, body);
      const topic = this.topic(channel);
      if (renumber) return { published: this.parts.bus.republish(topic, n).length };
      const events = topic.events.slice(-n);
      const streams = [...this.parts.streams.open].filter((stream) => stream.hears(topic.name));
      for (const stream of streams) stream.again(events, topic);
      return { streams: streams.length };
    },
    /** A change that Change Data Capture does not tell in full: of these orders, or without any (an overflow). */
    changeGap: (body) => {
      const { orderIds } = bodyOf(z.strictObject({ orderIds: z.array(z.string()).max(1000).default([]) }), body);
      const { bus, org } = this.parts;
      const recordIds = orderIds.length > 0 ? orderIds : [noRecord];
      const type = orderIds.length > 0 ? 'GAP_UPDATE' : 'GAP_OVERFLOW';
      const { userId } = this.parts.seeded().person;
      const event = bus.publishChange({ type, recordIds, fields: {}, at: org.clock.now(), userId });
      return { uuid: event.uuid, replayId: bus.replayId(event.seq).toString('base64') };
    },
    /** An event whose bytes cannot be decoded: { orderId? }. */
    undecodable: (body) => {
      const { orderId, channel } = bodyOf(channelSchema.extend({ orderId: z.string().default('') }), body);
      const { bus } = this.parts;
      const event = bus.publishBroken(this.topic(channel), orderId);
      return { uuid: event.uuid, replayId: bus.replayId(event.seq).toString('base64') };
    },
    /** The event gets a field, so its schema another id: { name?, type? }. */
    changeSchema: (body) => {
      const schema = channelSchema.extend({
        name: z
          .string()
          .regex(/^\w+__c$/)
          .default('Note__c'),
        type: z.enum(['string', 'double', 'boolean', 'long']).default('string'),
      });
      const { channel, name, type } = bodyOf(schema, body);
      return { schemaId: this.parts.bus.addField(this.topic(channel), { name, type }).id };
    },
    /** A new epoch: retained events gone, old ids corrupted, streams end. { from? } is the first place, as text. */
    resetBus: (body) => {
      const { from } = bodyOf(z.strictObject({ from: z.string().regex(/^\d+$/).optional() }), body);
      this.parts.bus.startEpoch(from === undefined ? undefined : BigInt(from));
      for (const stream of [...this.parts.streams.open]) stream.refuse(refusals.unavailable);
      return {};
    },
  };

  private topic(channel: string): Topic {
    const topic = this.parts.bus.topic(channel);
    if (!topic) throw new PanelError(404, `no channel ${channel}`);
    return topic;
  }

  private row(id: string, type?: string): Row {
    const longId = readId(id);
    const row = longId === null ? undefined : this.parts.org.records.get(longId);
    if (row && !row.deleted && (type === undefined || row.object.name === type)) return row;
    throw new PanelError(404, `no ${type ?? objectOfId(id)?.name ?? 'record'} ${id}`);
  }

  private wholeOrder(row: Row): WholeOrder {
    const { records } = this.parts.org;
    const items = records.items(row.id).map((item) => this.whole(item));
    return { ...this.whole(row), AccountName: records.parent(row, 'AccountId')?.values.Name ?? null, items };
  }

  private whole(row: Row): Record<string, Value> {
    const { org } = this.parts;
    const fields = org.view().fields(row.object);
    return Object.fromEntries(fields.map((field) => [field.name, org.records.value(row, field.name)]));
  }

  private createable(row: Row): Values {
    const fields = this.parts.org.view().fields(row.object);
    const copied = fields.filter((field) => field.createable && row.values[field.name] !== undefined);
    return Object.fromEntries(copied.map((field) => [field.name, row.values[field.name] ?? null]));
  }
}

function schemaOf(type: string): ObjectSchema {
  const schema = objectSchema(type);
  if (!schema) throw new PanelError(400, `no sObject ${type}`);
  return schema;
}
