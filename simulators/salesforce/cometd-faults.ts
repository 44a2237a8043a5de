/** Faults of the Streaming API alone: an error of Bayeux, and a client that is dropped. */
import { z } from 'zod';
import { unknownClient, type BayeuxRefusal, type UnknownClientVariant } from './cometd-errors';

/** The message is answered with this error, and nothing is done. */
export const bayeuxFault = z.strictObject({
  kind: z.literal('bayeux'),
  /** As `503::Server is too busy. Please try your request again later.` */
  error: z.string(),
  advice: z.strictObject({ reconnect: z.string(), interval: z.number(), timeout: z.number() }).partial().optional(),
  ext: z.record(z.string(), z.unknown()).optional(),
  /** The reply names neither channel nor id. */
  bare: z.boolean().default(false),
});

/** The client is forgotten, and told so in answer to this message. */
export const dropClientFault = z.strictObject({
  kind: z.literal('dropClient'),
  /** Default: the switch `unknownClientAdvice`. */
  advice: z.enum(['handshake', 'none', 'disconnectThenNone']).optional(),
});

export type CometdFault = z.output<typeof bayeuxFault> | z.output<typeof dropClientFault>;

export const isCometdFault = (fault: { kind: string }): fault is CometdFault =>
  fault.kind === 'bayeux' || fault.kind === 'dropClient';

/** What a struck message is told. @param variant of the switch. */
export function struckRefusal(fault: CometdFault, variant: UnknownClientVariant): BayeuxRefusal {
  if (fault.kind === 'dropClient') return unknownClient(fault.advice ?? variant);
  const { error, advice, ext } = fault;
  return { error, ...(advice ? { advice: present(advice) } : {}), ...(ext ? { ext } : {}) };
}

const present = (advice: NonNullable<z.output<typeof bayeuxFault>['advice']>): NonNullable<BayeuxRefusal['advice']> =>
  Object.fromEntries(Object.entries(advice).filter(([, value]) => value !== undefined));
