/** Subscribes to a channel over the Streaming API (CometD), through jsforce. */
import type { Clock } from '../../clock';
import type { TokenSource } from '../auth';
import type { Subscriber } from '../contract';
import { NoAnswer } from '../http';
import { StreamFault } from './stream-fault';
import { replayIdOf } from './streaming-position';
import { StreamingStream } from './streaming-stream';
import { createSubscriber, type SubscriberOptions } from './subscriber';
import type { StreamParts, StreamStart, Transport } from './transport';

export interface StreamingOptions extends SubscriberOptions {
  /** Such as `68.0`, the default. Events bear their id from 52.0 on. */
  apiVersion?: string | undefined;
  /** PEM of the only certificate authorities to be trusted; without it those of the system. */
  ca?: string | undefined;
}

const defaultApiVersion = '68.0';

/**
 * A subscriber over long polling, at the instance that the token names; what `createPubSubSubscriber` takes, it takes as
 * well. Nothing is loaded or opened before `start()`.
 */
export const createStreamingSubscriber = (options: StreamingOptions): Subscriber =>
  createSubscriber(new StreamingTransport(options), options);

class StreamingTransport implements Transport {
  /** A connect is given up after 130 s; before it there may be a pause that Salesforce asks for, and one for want of room. */
  readonly silenceMs = 180_000;

  constructor(
    private readonly options: {
      auth: TokenSource;
      clock: Clock;
      apiVersion?: string | undefined;
      ca?: string | undefined;
    },
  ) {}

  async run(parts: StreamParts): Promise<StreamFault> {
    const { auth, clock, apiVersion = defaultApiVersion, ca } = this.options;
    const replayFrom = replayFromOf(parts.start);
    const fault = await new StreamingStream({ parts, replayFrom, apiVersion, clock, ca }).run();
    const { cause } = fault;
    if (cause instanceof NoAnswer && !cause.sent && cause.code !== 'ECLOSED') auth.unreachable(parts.token);
    return fault;
  }
}

/** @throws StreamFault when the position was not written by this transport. */
function replayFromOf(start: StreamStart): string {
  if ('preset' in start) return start.preset === 'LATEST' ? '-1' : '-2';
  const replayId = replayIdOf(start.replayId);
  if (replayId !== null) return replayId;
  throw new StreamFault(
    'corrupted',
    'FOREIGN_POSITION',
    'The stored position is none of the Streaming API: it was written by the Pub/Sub API, or by hand',
  );
}
