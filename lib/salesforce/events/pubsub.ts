/** Subscribes to a channel over the Pub/Sub API (gRPC). */
import type { Clock } from '../../clock';
import { parseEndpoint } from '../addresses';
import type { Subscriber } from '../contract';
import { atEndpoint } from './endpoint-faults';
import { PubSubClient } from './pubsub-client';
import { mayNotRead } from './pubsub-faults';
import { PubSubStream } from './pubsub-stream';
import { SchemaCache } from './schema-cache';
import { toFault, type StreamFault } from './stream-fault';
import { createSubscriber, type SubscriberOptions } from './subscriber';
import type { StreamParts, Transport } from './transport';

export interface PubSubOptions extends SubscriberOptions {
  /** `host:port`; a loopback address is spoken to in plaintext, everything else over TLS. */
  endpoint: string;
  /** PEM of the only certificate authorities to be trusted; without it those of the system. */
  ca?: string | undefined;
}

/**
 * A subscriber over gRPC. Nothing is loaded or opened before `start()`.
 * @throws Error when the endpoint is no host:port.
 */
export function createPubSubSubscriber(options: PubSubOptions): Subscriber {
  parseEndpoint(options.endpoint);
  return createSubscriber(new PubSubTransport(options), options);
}

class PubSubTransport implements Transport {
  /** A keepalive comes about every 60 s, when events are owed. */
  readonly silenceMs = 130_000;
  private readonly schemas: SchemaCache;

  constructor(
    private readonly options: {
      endpoint: string;
      ca?: string | undefined;
      clock: Clock;
      random?: (() => number) | undefined;
    },
  ) {
    this.schemas = new SchemaCache(options.clock, options.random);
  }

  async run(parts: StreamParts): Promise<StreamFault> {
    const { endpoint, ca, clock } = this.options;
    const client = new PubSubClient({ endpoint, token: parts.token, clock, ca });
    try {
      const topic = await client.topic(parts.channel, parts.signal);
      if (!topic.canSubscribe) return mayNotRead(parts.channel);
      return atEndpoint(await new PubSubStream({ client, parts, schemas: this.schemas, clock }).run(), endpoint);
    } catch (error) {
      throw atEndpoint(toFault(error), endpoint);
    } finally {
      client.close();
    }
  }
}
