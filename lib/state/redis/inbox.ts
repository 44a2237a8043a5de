/** The events: what waits, what is in work, how each ended. The rules lie in the scripts (inbox-lua.ts). */
import { z } from 'zod';
import type { Clock } from '../../clock';
import type { JsonObject } from '../../json';
import type { EventEnd, Inbox, InboxEvent, InboxState, IncomingEvent, Position } from '../contract';
import { inboxId, parkedAtMostMs, rememberMs, stateOfEnd } from '../event-id';
import type { Connection } from './connection';
import * as lua from './inbox-lua';
import { hash, jsonText, numberText as number } from './rows';

const jsonObject = jsonText.pipe(z.looseObject({})).transform((value) => value as JsonObject);
const absent = <T>(schema: z.ZodType<T, string>) => schema.optional().transform((value) => value ?? null);

const eventRow = hash.pipe(
  z
    .object({
      id: z.string(),
      channel: z.string(),
      replayId: absent(z.string()),
      eventId: z.string(),
      createdAt: absent(number),
      receivedAt: number,
      orderId: absent(z.string()),
      delivery: z.enum(['live', 'replay', 'recovered', 'retry']),
      payload: jsonObject,
      state: z.enum(['waiting', 'inWork', 'parked', 'finished', 'failed', 'dead']),
      handout: number,
      crashes: number,
      fruitless: number,
      notBefore: absent(number),
      reason: absent(z.string()),
      waitsFor: absent(z.string()),
      ending: absent(z.enum(['Activated', 'Failed', 'Skipped', 'Done', 'Dead'])),
      endedAt: absent(number),
      failure: absent(jsonObject),
      place: number,
      seq: number,
    })
    .transform(({ place, seq, ending, ...event }) => ({
      place,
      seq,
      event: { ...event, end: ending } satisfies InboxEvent,
    }))
    .nullable(),
);
type EventRow = NonNullable<z.infer<typeof eventRow>>;

/** `nil` comes as null, a HASH that is not there as an empty list. */
const oneRow = eventRow.nullable().transform((row) => row?.event ?? null);
const allRows = z.array(eventRow).transform((rows) => rows.filter((row) => row !== null));

const states = ['waiting', 'inWork', 'parked', 'finished', 'failed', 'dead'] as const;
const countsRow = z
  .tuple([z.number(), z.number(), z.number(), z.number(), z.number(), z.number()], z.coerce.number().nullable())
  .transform(([waiting, inWork, parked, finished, failed, dead, oldestWaitingAt = null]) => ({
    waiting,
    inWork,
    parked,
    finished,
    failed,
    dead,
    oldestWaitingAt,
  }));

/** Events forgotten in one go: a script holds up all of Redis. */
const pruneAtOnce = 500;

export class RedisInbox implements Inbox {
  constructor(
    private readonly connection: Connection,
    private readonly clock: Clock,
    private readonly instance: string,
  ) {}

  async add(event: IncomingEvent, position?: Position): Promise<{ id: string; isNew: boolean }> {
    return this.insertOnce(event, position, { payload: event.payload, raw: null, reason: null });
  }

  async addUnreadable(
    event: Omit<IncomingEvent, 'payload'> & { raw: string; reason: string },
    position?: Position,
  ): Promise<{ id: string; isNew: boolean }> {
    return this.insertOnce(event, position, { payload: {}, raw: event.raw, reason: event.reason });
  }

  async take(channel: string, now: number): Promise<InboxEvent | null> {
    const at = Math.floor(now);
    for (let after = ''; ;) {
      const answer = await this.connection.run(lua.take, channel, at, this.instance, after, at + parkedAtMostMs);
      if (typeof answer !== 'string') return oneRow.parse(answer);
      after = answer;
    }
  }

  async handOutAgain(id: string, handout: number, why: 'deploy' | 'silence'): Promise<InboxEvent | null> {
    const fruitless = why === 'silence' ? 1 : 0;
    return oneRow.parse(await this.connection.run(lua.handOutAgain, id, handout, fruitless, this.instance));
  }

  async park(id: string, handout: number, until: number, reason: string, waitsFor = ''): Promise<'parked' | 'stale'> {
    return (await this.does(lua.park, id, handout, Math.ceil(until), reason, waitsFor)) ? 'parked' : 'stale';
  }

  async wake(id: string): Promise<boolean> {
    return this.does(lua.wake, id, this.now());
  }

  async wakeNext(waitsFor: string): Promise<InboxEvent | null> {
    return oneRow.parse(await this.connection.run(lua.wakeNext, waitsFor, this.now()));
  }

  async release(id: string, handout: number): Promise<'released' | 'stale'> {
    return (await this.does(lua.release, id, handout, this.now())) ? 'released' : 'stale';
  }

  async finish(
    id: string,
    handout: number | 'any',
    end: EventEnd,
    reason: string | null,
    now: number,
  ): Promise<'finished' | 'repeat' | 'other' | 'stale'> {
    const state = stateOfEnd(end);
    const answer = await this.connection.run(lua.finish, id, handout, end, state, reason ?? '', Math.round(now));
    return z.enum(['finished', 'repeat', 'other', 'stale']).parse(answer);
  }

  async recordFailure(id: string, handout: number, failure: JsonObject): Promise<void> {
    await this.connection.run(lua.recordFailure, id, handout, JSON.stringify(failure));
  }

  async get(id: string): Promise<InboxEvent | null> {
    return oneRow.parse(await this.connection.run(lua.get, id));
  }

  async ofOrder(orderId: string): Promise<InboxEvent[]> {
    return allRows.parse(await this.connection.run(lua.ofOrder, orderId)).map((row) => row.event);
  }

  async inState(channel: string | null, state: InboxState, limit: number): Promise<InboxEvent[]> {
    const rows = allRows.parse(await this.connection.run(lua.inState, channel ?? '', state, limit));
    const hasEnded = state === 'finished' || state === 'failed' || state === 'dead';
    rows.sort(hasEnded ? byEnd : (one, other) => one.place - other.place);
    return rows.slice(0, limit).map((row) => row.event);
  }

  async inWorkHere(channel: string): Promise<InboxEvent[]> {
    const rows = allRows.parse(await this.connection.run(lua.inWorkOf, this.instance));
    return rows
      .filter((row) => row.event.channel === channel)
      .sort((one, other) => one.place - other.place)
      .map((row) => row.event);
  }

  async retry(id: string): Promise<boolean> {
    return this.does(lua.retry, id, this.now());
  }

  async defer(id: string, until: number, reason: string): Promise<boolean> {
    return this.does(lua.defer, id, Math.ceil(until), reason);
  }

  async counts(channel: string | null): Promise<Record<InboxState, number> & { oldestWaitingAt: number | null }> {
    return countsRow.parse(await this.connection.run(lua.counts, channel ?? '', this.now(), ...states));
  }

  async raw(id: string): Promise<string | null> {
    return z
      .string()
      .nullable()
      .parse(await this.connection.run(lua.raw, id));
  }

  async prune(now: number): Promise<number> {
    const before = Math.round(now) - rememberMs;
    for (let gone = 0; ;) {
      const some = z.number().parse(await this.connection.run(lua.prune, before, pruneAtOnce));
      gone += some;
      if (some < pruneAtOnce) return gone;
    }
  }

  private async does(script: (typeof lua)['park'], ...args: (string | number)[]): Promise<boolean> {
    return (await this.connection.run(script, ...args)) === 1;
  }

  private async insertOnce(
    event: Omit<IncomingEvent, 'payload'>,
    position: Position | undefined,
    content: { payload: JsonObject; raw: string | null; reason: string | null },
  ): Promise<{ id: string; isNew: boolean }> {
    const id = inboxId(event);
    const receivedAt = Math.round(event.receivedAt);
    const isDead = content.raw !== null;
    const fields: Record<string, string | number | null> = {
      channel: event.channel,
      replayId: event.replayId,
      eventId: event.eventId,
      createdAt: event.createdAt === null ? null : Math.round(event.createdAt),
      receivedAt,
      orderId: event.orderId,
      delivery: event.delivery,
      payload: JSON.stringify(content.payload),
      raw: content.raw,
      reason: content.reason,
      state: isDead ? 'dead' : 'waiting',
      ending: isDead ? 'Dead' : null,
      endedAt: isDead ? receivedAt : null,
    };
    const present = Object.entries(fields).flatMap(([name, value]) => (value === null ? [] : [name, value]));
    const place = position ? [position.replayId, position.fence, position.sequence] : ['', '', ''];
    const args = [id, receivedAt, rememberMs, event.channel, ...place, ...present];
    return { id, isNew: await this.does(lua.add, ...args) };
  }

  private now(): number {
    return Math.round(this.clock.now());
  }
}

/** The dead without an end first, then the newest end. */
function byEnd(one: EventRow, other: EventRow): number {
  const [a, b] = [one.event.endedAt ?? Infinity, other.event.endedAt ?? Infinity];
  return a === b ? other.seq - one.seq : b > a ? 1 : -1;
}
