/** What a worker is started with, and the lines that it and its parent say to each other. */
import { z } from 'zod';
import { storeTeeth } from './toothless';

/** What is done at a boundary. kill, stop: by the worker itself, at once. ask: the parent does it, the worker waits there. */
const deed = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('kill') }),
  /** Virtual ms until it goes on. */
  z.object({ kind: z.literal('stop'), ms: z.number() }),
  z.object({ kind: z.literal('ask'), what: z.string() }),
]);
export type Deed = z.infer<typeof deed>;

/** The nth crossing of one boundary, or, without `name`, of any. Counted from 1, since the worker began. */
const order = z.object({ name: z.string().nullable(), nth: z.number(), deed });
export type Order = z.infer<typeof order>;

const place = z.discriminatedUnion('engine', [
  z.object({ engine: z.literal('sqlite'), directory: z.string() }),
  z.object({ engine: z.literal('redis'), url: z.string() }),
]);
export type PlaceOf = z.infer<typeof place>;

/** Where add order puts our mark; none: nowhere. */
const marker = z.union([z.literal('notes'), z.literal('none'), z.object({ customFieldId: z.number() })]);
export type Marker = z.infer<typeof marker>;

export const workerOptions = z.object({
  pace: z.object({ virtualAt: z.number(), realAt: z.number(), rate: z.number() }),
  instance: z.string(),
  /** Another word makes it seem another host; null: this one. */
  host: z.string().nullable(),
  place,
  salesforce: z.object({
    url: z.string(),
    pubsub: z.string(),
    clientId: z.string(),
    username: z.string(),
    key: z.string(),
  }),
  whmcs: z.object({ url: z.string(), identifier: z.string(), secret: z.string(), writeTimeoutMs: z.number() }),
  resend: z.enum(['once', 'never']),
  marker,
  /** The rule of the store that it lacks; null: none. */
  tooth: z.enum(storeTeeth).nullable(),
  orders: z.array(order),
  /** Boundaries count from the start; else from `count` on. */
  counts: z.boolean(),
});
export type WorkerOptions = z.infer<typeof workerOptions>;

/** From the worker, a line each. */
export const said = z.discriminatedUnion('is', [
  /** It takes work. */
  z.object({ is: z.literal('ready') }),
  /** It is about to kill or stop itself. */
  z.object({ is: z.literal('deed'), at: z.string(), deed }),
  z.object({ is: z.literal('asks'), at: z.string(), what: z.string(), id: z.number() }),
  /** Nothing is left to hand out, to tell or to settle. */
  z.object({ is: z.literal('rests'), yes: z.boolean(), why: z.string() }),
  z.object({ is: z.literal('log'), level: z.string(), text: z.string() }),
]);
export type Said = z.infer<typeof said>;

/** To the worker, a line each. */
export const told = z.discriminatedUnion('do', [
  z.object({ do: z.literal('go on'), id: z.number() }),
  z.object({ do: z.literal('say whether you rest') }),
  z.object({ do: z.literal('count') }),
  /** A person's word, as the node *control* takes it. */
  z.object({ do: z.literal('cancel twin'), orderId: z.string(), whmcsOrderId: z.number() }),
  z.object({ do: z.literal('end') }),
]);
export type Told = z.infer<typeof told>;
