/** Bayeux messages as they come in over HTTP, and as they go out. Salesforce reference §2.2. */
import { z } from 'zod';

const messageSchema = z.looseObject({
  channel: z.string(),
  id: z.union([z.string(), z.number()]).optional(),
  clientId: z.string().optional(),
  connectionType: z.string().optional(),
  supportedConnectionTypes: z.array(z.string()).optional(),
  subscription: z.union([z.string(), z.array(z.string())]).optional(),
  advice: z.looseObject({ timeout: z.number().optional() }).optional(),
  ext: z.record(z.string(), z.unknown()).optional(),
});

export type Message = z.infer<typeof messageSchema>;

const bodySchema = z.union([z.array(messageSchema).min(1), messageSchema.transform((one) => [one])]);

/** A number of more digits than JavaScript's own keeps its digits, as text. */
const exactly = (_key: string, value: unknown, context: { source?: string }): unknown =>
  typeof value === 'number' && !Number.isSafeInteger(value) && /^-?\d+$/.test(context.source ?? '')
    ? context.source
    : value;

/** The messages of a body, which holds an array of them or a single one; null when it is neither. */
export function parseMessages(body: string): Message[] | null {
  try {
    const json: unknown = JSON.parse(body, exactly as (key: string, value: unknown) => unknown);
    return bodySchema.parse(json);
  } catch {
    return null;
  }
}

/** Where a subscription starts; null: neither a number nor the text of one. */
export function replayFrom(value: unknown): bigint | null {
  const text = typeof value === 'number' || typeof value === 'string' ? String(value) : '';
  return /^-?\d{1,20}$/.test(text) ? BigInt(text) : null;
}

/** A map as Java prints it: `{/event/A=-2, /event/B=107}`. */
export function asJavaMap(map: Record<string, unknown>): string {
  const entries = Object.entries(map).map(([name, value]) => `${name}=${String(value)}`);
  return `{${entries.join(', ')}}`;
}

export interface Advice {
  reconnect?: string;
  interval?: number;
  timeout?: number;
}

/** One message that goes out, as JSON. Members that are undefined are left out. */
export type Reply = Record<string, unknown>;

/** What every reply repeats of its request. */
export function replyTo(message: Message, client?: { id: string }): Reply {
  return { clientId: client?.id, channel: message.channel, id: message.id };
}
