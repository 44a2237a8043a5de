/** An event as its row holds it. */
import { z } from 'zod';
import type { InboxEvent, InboxState } from '../contract';
import { jsonObject } from './connection';

export const inboxColumns = `id, channel, replay_id, event_id, created_at, received_at, order_id, delivery, payload, state,
  handout, crashes, fruitless, not_before, reason, waits_for, ending, ended_at, failure`;

const state = z.enum(['waiting', 'inWork', 'parked', 'finished', 'failed', 'dead']);

export const inboxRow = z
  .object({
    id: z.string(),
    channel: z.string(),
    replay_id: z.string().nullable(),
    event_id: z.string(),
    created_at: z.number().nullable(),
    received_at: z.number(),
    order_id: z.string().nullable(),
    delivery: z.enum(['live', 'replay', 'recovered', 'retry']),
    payload: jsonObject,
    state,
    handout: z.number(),
    crashes: z.number(),
    fruitless: z.number(),
    not_before: z.number().nullable(),
    reason: z.string().nullable(),
    waits_for: z.string().nullable(),
    ending: z.enum(['Activated', 'Failed', 'Skipped', 'Done', 'Dead']).nullable(),
    ended_at: z.number().nullable(),
    failure: jsonObject.nullable(),
  })
  .transform((row): InboxEvent => ({
    id: row.id,
    channel: row.channel,
    replayId: row.replay_id,
    eventId: row.event_id,
    createdAt: row.created_at,
    receivedAt: row.received_at,
    orderId: row.order_id,
    delivery: row.delivery,
    payload: row.payload,
    state: row.state,
    handout: row.handout,
    crashes: row.crashes,
    fruitless: row.fruitless,
    notBefore: row.not_before,
    reason: row.reason,
    waitsFor: row.waits_for,
    end: row.ending,
    endedAt: row.ended_at,
    failure: row.failure,
  }));

export const countsRow = z.object({ state, count: z.number() });

export const noCounts: Record<InboxState, number> = {
  waiting: 0,
  inWork: 0,
  parked: 0,
  finished: 0,
  failed: 0,
  dead: 0,
};
