/** The events: what waits, what is in work, how each ended. */
import { z } from 'zod';
import type { Clock } from '../../clock';
import type { JsonObject } from '../../json';
import type { EventEnd, Inbox, InboxEvent, InboxState, IncomingEvent, Position } from '../contract';
import { inboxId, parkedAtMostMs, rememberMs, stateOfEnd } from '../event-id';
import type { Command, Connection, Query } from './connection';
import type { SqliteCursor } from './cursor';
import { countsRow, inboxColumns, inboxRow, noCounts } from './inbox-row';

const limitRow = z.object({ value: z.number().nullable() }).transform((row) => row.value);
const rawRow = z.object({ raw: z.string().nullable() }).transform((row) => row.raw);

/** Parked while the clock was ahead; a deferred one, which waits, keeps whatever time a person has set. */
const tooFar = `(state = 'parked' AND not_before > $now + ${parkedAtMostMs})`;
const mayGo = `state IN ('waiting', 'parked') AND (not_before IS NULL OR not_before <= $now OR ${tooFar})`;
/** The end of the line. */
const nextPlace = '(SELECT ifnull(max(place), 0) + 1 FROM inbox)';

export class SqliteInbox implements Inbox {
  private readonly byId: Query<InboxEvent>;
  private readonly byOrder: Query<InboxEvent>;
  private readonly insert: Command;
  private readonly next: Query<InboxEvent>;
  private readonly nextHandout: Query<InboxEvent>;
  private readonly toParked: Command;
  private readonly toWaiting: Command;
  private readonly firstWaiter: Query<InboxEvent>;
  private readonly toEnd: Command;
  private readonly toRetry: Command;
  private readonly toDeferred: Command;
  private readonly keepFailure: Command;
  private readonly forget: Command;
  private readonly rawOf: Query<string | null>;
  private readonly inLine: Query<InboxEvent>;
  private readonly here: Query<InboxEvent>;
  private readonly ended: Query<InboxEvent>;
  private readonly count: Query<z.infer<typeof countsRow>>;
  private readonly oldest: Query<number | null>;

  constructor(
    private readonly connection: Connection,
    private readonly cursor: SqliteCursor,
    private readonly clock: Clock,
    private readonly instance: string,
  ) {
    const select = `SELECT ${inboxColumns} FROM inbox`;
    const ofChannel = '($channel IS NULL OR channel = $channel)';
    this.byId = connection.query(`${select} WHERE id = $id`, inboxRow);
    this.byOrder = connection.query(`${select} WHERE order_id = $orderId ORDER BY seq DESC`, inboxRow);
    // An ended event that is let in again keeps its row: its hand-outs go on counting, so that old ones stay stale.
    this.insert = connection.command(
      `INSERT INTO inbox (id, place, channel, replay_id, event_id, created_at, received_at, order_id, delivery, payload,
         raw, state, waiting_since, reason, ending, ended_at)
       VALUES ($id, ${nextPlace}, $channel, $replayId, $eventId, $createdAt, $receivedAt, $orderId, $delivery, $payload,
         $raw, $state, $receivedAt, $reason, $ending, $endedAt)
       ON CONFLICT (id) DO UPDATE SET place = excluded.place, received_at = $receivedAt, delivery = $delivery,
         payload = $payload, raw = $raw, state = $state, worker = NULL, handout = handout + 1, crashes = 0, fruitless = 0,
         waiting_since = $receivedAt, not_before = NULL, reason = $reason, ending = $ending, ended_at = $endedAt,
         failure = NULL`,
    );
    this.next = connection.query(
      `UPDATE inbox SET state = 'inWork', worker = $instance, handout = handout + 1, not_before = NULL, reason = NULL,
         waits_for = NULL
       WHERE seq = (
         SELECT seq FROM inbox AS event
         WHERE channel = $channel AND ${mayGo} AND NOT EXISTS (
           SELECT 1 FROM inbox AS busy WHERE busy.state = 'inWork' AND busy.order_id = event.order_id)
         ORDER BY place LIMIT 1)
       RETURNING ${inboxColumns}`,
      inboxRow,
    );
    this.nextHandout = connection.query(
      `UPDATE inbox SET handout = handout + 1, worker = $instance, fruitless = fruitless + $fruitless
       WHERE id = $id AND handout = $handout AND state = 'inWork' RETURNING ${inboxColumns}`,
      inboxRow,
    );
    this.toParked = connection.command(
      `UPDATE inbox SET state = 'parked', worker = NULL, not_before = $until, reason = $reason, waits_for = $waitsFor
       WHERE id = $id AND handout = $handout AND state IN ('inWork', 'parked')`,
    );
    this.toWaiting = connection.command(
      `UPDATE inbox SET state = 'waiting', worker = NULL, not_before = NULL, reason = NULL, waits_for = NULL,
         waiting_since = $now
       WHERE id = $id`,
    );
    this.firstWaiter = connection.query(
      `${select} WHERE state = 'parked' AND waits_for = $waitsFor ORDER BY place LIMIT 1`,
      inboxRow,
    );
    this.toEnd = connection.command(
      `UPDATE inbox SET state = $state, worker = NULL, not_before = NULL, waits_for = NULL, ending = $end,
         ended_at = $now, reason = ifnull($reason, CASE state WHEN 'dead' THEN reason END)
       WHERE id = $id`,
    );
    this.toRetry = connection.command(
      `UPDATE inbox SET state = 'waiting', place = ${nextPlace}, delivery = 'retry', worker = NULL, handout = handout + 1,
         crashes = 0, fruitless = 0, waiting_since = $now, not_before = NULL, reason = NULL, ending = NULL, ended_at = NULL,
         failure = NULL
       WHERE id = $id AND state IN ('finished', 'failed', 'dead') AND raw IS NULL`,
    );
    this.toDeferred = connection.command(
      `UPDATE inbox SET state = 'waiting', not_before = $until, reason = $reason, waits_for = NULL
       WHERE id = $id AND state IN ('waiting', 'parked')`,
    );
    this.keepFailure = connection.command(
      'UPDATE inbox SET failure = $failure WHERE id = $id AND handout = $handout AND ending IS NULL',
    );
    this.forget = connection.command(`DELETE FROM inbox WHERE state = 'finished' AND ended_at < $before`);
    this.rawOf = connection.query('SELECT raw FROM inbox WHERE id = $id', rawRow);
    this.inLine = connection.query(
      `${select} WHERE state = $state AND ${ofChannel} ORDER BY place LIMIT $limit`,
      inboxRow,
    );
    this.here = connection.query(
      `${select} WHERE state = 'inWork' AND worker = $instance AND channel = $channel ORDER BY place`,
      inboxRow,
    );
    this.ended = connection.query(
      `${select} WHERE state = $state AND ${ofChannel} ORDER BY ending IS NOT NULL, ended_at DESC, seq DESC LIMIT $limit`,
      inboxRow,
    );
    this.count = connection.query(
      `SELECT state, count(*) AS count FROM inbox WHERE ${ofChannel} GROUP BY state`,
      countsRow,
    );
    this.oldest = connection.query(
      `SELECT min(CASE WHEN ${tooFar} THEN min(waiting_since, $now) ELSE max(waiting_since, ifnull(not_before, 0)) END)
         AS value FROM inbox WHERE ${mayGo} AND ${ofChannel}`,
      limitRow,
    );
  }

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
    const { instance } = this;
    return this.connection.write(() => this.next.get({ channel, now, instance }) ?? null);
  }

  async handOutAgain(id: string, handout: number, why: 'deploy' | 'silence'): Promise<InboxEvent | null> {
    const fruitless = why === 'silence' ? 1 : 0;
    const { instance } = this;
    return this.connection.write(() => this.nextHandout.get({ id, handout, instance, fruitless }) ?? null);
  }

  async park(
    id: string,
    handout: number,
    until: number,
    reason: string,
    waitsFor?: string,
  ): Promise<'parked' | 'stale'> {
    const row = { id, handout, until: Math.ceil(until), reason, waitsFor: waitsFor ?? null };
    return this.connection.write(() => (this.toParked.run(row) === 1 ? 'parked' : 'stale'));
  }

  async wake(id: string): Promise<boolean> {
    return this.connection.write(() => {
      const event = this.byId.get({ id });
      const sleeps = event?.state === 'parked' || (event?.state === 'waiting' && event.notBefore !== null);
      return sleeps && this.toWaiting.run({ id, now: this.now() }) === 1;
    });
  }

  async wakeNext(waitsFor: string): Promise<InboxEvent | null> {
    // Asked at the end of every lease, and mostly nobody waits: no transaction for that.
    const first = this.firstWaiter.get({ waitsFor });
    if (!first) return null;
    this.connection.write(() => this.toWaiting.run({ id: first.id, now: this.now() }));
    return this.byId.get({ id: first.id }) ?? null;
  }

  async release(id: string, handout: number): Promise<'released' | 'stale'> {
    return this.connection.write(() => {
      const event = this.byId.get({ id });
      if (event?.handout !== handout || handout === 0) return 'stale';
      // Waiting under the same hand-out: it was given back already, and the caller did not hear of it.
      if (event.state === 'waiting') return 'released';
      if (event.state !== 'inWork') return 'stale';
      this.toWaiting.run({ id, now: this.now() });
      return 'released';
    });
  }

  async finish(
    id: string,
    handout: number | 'any',
    end: EventEnd,
    reason: string | null,
    now: number,
  ): Promise<'finished' | 'repeat' | 'other' | 'stale'> {
    return this.connection.write(() => {
      const event = this.byId.get({ id });
      if (!event) return 'stale';
      if (event.end !== null) return event.end === end ? 'repeat' : 'other';
      if (handout !== 'any' && handout !== event.handout) return 'stale';
      this.toEnd.run({ id, end, state: stateOfEnd(end), reason, now: Math.round(now) });
      return 'finished';
    });
  }

  async recordFailure(id: string, handout: number, failure: JsonObject): Promise<void> {
    this.connection.write(() => this.keepFailure.run({ id, handout, failure: JSON.stringify(failure) }));
  }

  async get(id: string): Promise<InboxEvent | null> {
    return this.byId.get({ id }) ?? null;
  }

  async ofOrder(orderId: string): Promise<InboxEvent[]> {
    return this.byOrder.all({ orderId });
  }

  async inState(channel: string | null, state: InboxState, limit: number): Promise<InboxEvent[]> {
    const hasEnded = state === 'finished' || state === 'failed' || state === 'dead';
    return (hasEnded ? this.ended : this.inLine).all({ channel, state, limit });
  }

  async inWorkHere(channel: string): Promise<InboxEvent[]> {
    return this.here.all({ channel, instance: this.instance });
  }

  async retry(id: string): Promise<boolean> {
    return this.connection.write(() => this.toRetry.run({ id, now: this.now() }) === 1);
  }

  async defer(id: string, until: number, reason: string): Promise<boolean> {
    return this.connection.write(() => this.toDeferred.run({ id, until: Math.ceil(until), reason }) === 1);
  }

  async counts(channel: string | null): Promise<Record<InboxState, number> & { oldestWaitingAt: number | null }> {
    const counts = { ...noCounts, oldestWaitingAt: this.oldest.get({ channel, now: this.now() }) ?? null };
    for (const { state, count } of this.count.all({ channel })) counts[state] = count;
    return counts;
  }

  async raw(id: string): Promise<string | null> {
    return this.rawOf.get({ id }) ?? null;
  }

  async prune(now: number): Promise<number> {
    return this.connection.write(() => this.forget.run({ before: Math.round(now) - rememberMs }));
  }

  private insertOnce(
    event: Omit<IncomingEvent, 'payload'>,
    position: Position | undefined,
    content: { payload: JsonObject; raw: string | null; reason: string | null },
  ): { id: string; isNew: boolean } {
    const id = inboxId(event);
    return this.connection.write(() => {
      const known = this.byId.get({ id });
      const isNew = !known || (known.end !== null && known.receivedAt <= event.receivedAt - rememberMs);
      if (isNew) this.put(id, event, content);
      if (position) this.cursor.move(event.channel, position);
      return { id, isNew };
    });
  }

  private put(
    id: string,
    event: Omit<IncomingEvent, 'payload'>,
    content: { payload: JsonObject; raw: string | null; reason: string | null },
  ): void {
    const { channel, replayId, eventId, orderId, delivery } = event;
    const receivedAt = Math.round(event.receivedAt);
    const isDead = content.raw !== null;
    this.insert.run({
      id,
      channel,
      replayId,
      eventId,
      orderId,
      delivery,
      receivedAt,
      createdAt: event.createdAt === null ? null : Math.round(event.createdAt),
      payload: JSON.stringify(content.payload),
      raw: content.raw,
      reason: content.reason,
      state: isDead ? 'dead' : 'waiting',
      ending: isDead ? 'Dead' : null,
      endedAt: isDead ? receivedAt : null,
    });
  }

  private now(): number {
    return Math.round(this.clock.now());
  }
}
