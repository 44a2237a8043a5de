/** Bayeux messages of the Streaming API, and the events in them. */
import { z } from 'zod';
import type { Json, JsonObject } from '../../json';
import type { DecodedPayload } from './avro';
import { positionOf } from './streaming-position';
import { UnreadableEventError, type Incoming } from './transport';

/** What goes out; faye makes it. */
export interface Request {
  channel: string;
  id: string;
  ext?: Record<string, unknown>;
}

const advice = z.looseObject({
  reconnect: z.string().optional(),
  interval: z.number().optional(),
  timeout: z.number().optional(),
});

const reply = z.looseObject({
  channel: z.string().optional(),
  id: z.union([z.string(), z.number()]).optional(),
  successful: z.boolean().optional(),
  clientId: z.string().optional(),
  error: z.string().optional(),
  advice: advice.optional(),
  ext: z.looseObject({ sfdc: z.looseObject({ failureReason: z.string().optional() }).optional() }).optional(),
  data: z.unknown().optional(),
});

/** What comes in: an answer to a request, or an event. */
export type Reply = z.infer<typeof reply>;

const replies = z.union([z.array(reply), reply.transform((one) => [one])]);

/** A number that JavaScript's own cannot hold keeps its digits, as text. */
const exactly = (_key: string, value: unknown, context: { source?: string }): unknown =>
  typeof value === 'number' && !Number.isSafeInteger(value) && /^-?\d+$/.test(context.source ?? '')
    ? context.source
    : value;

/** The messages of a body; null when it holds no Bayeux. */
export function parseReplies(body: string): Reply[] | null {
  try {
    return replies.parse(JSON.parse(body, exactly as (key: string, value: unknown) => unknown));
  } catch {
    return null;
  }
}

export const isMeta = (channel: string | undefined): boolean => channel === undefined || channel.startsWith('/meta/');

const json: z.ZodType<Json> = z.lazy(() =>
  z.union([z.null(), z.boolean(), z.number(), z.string(), z.array(json), z.record(z.string(), json)]),
);

const eventPart = z.looseObject({
  event: z
    .looseObject({
      replayId: z.union([z.number(), z.string()]).optional().catch(undefined),
      EventUuid: z.string().optional().catch(undefined),
    })
    .catch({}),
});
const payloadPart = z.object({ payload: z.record(z.string(), json) });

/** The data of an event message, as a subscriber hands it on. Never throws. */
export function incomingOf(data: unknown): Incoming {
  const parsed = eventPart.safeParse(data);
  const { replayId, EventUuid: uuid = '' } = parsed.success ? parsed.data.event : {};
  const digits = String(replayId ?? '');
  return {
    eventId: uuid,
    replayId: /^\d{1,20}$/.test(digits) ? positionOf(digits) : null,
    raw: () => Buffer.from(JSON.stringify(data) ?? '').toString('base64'),
    decode: () => Promise.resolve().then(() => payloadOf(data)),
  };
}

/** @throws UnreadableEventError */
function payloadOf(data: unknown): DecodedPayload {
  const parsed = payloadPart.safeParse(data);
  if (!parsed.success) throw new UnreadableEventError('The event holds no fields');
  const fields: JsonObject = parsed.data.payload;
  return { createdAt: createdAtOf(fields), fields };
}

const changeHeader = z.object({ commitTimestamp: z.number() });

function createdAtOf({ CreatedDate: created, ChangeEventHeader: header }: JsonObject): number | null {
  const change = changeHeader.safeParse(header);
  const at = typeof created === 'string' ? Date.parse(created) : change.success ? change.data.commitTimestamp : NaN;
  return Number.isFinite(at) ? at : null;
}
