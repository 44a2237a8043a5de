/** A plain gRPC client of the Pub/Sub API, that knows nothing but the messages. */
import {
  credentials,
  Metadata,
  makeClientConstructor,
  type ChannelCredentials,
  type Client,
  type ClientDuplexStream,
  type ServiceError,
} from '@grpc/grpc-js';
import {
  pubSubService,
  type FetchRequest,
  type FetchResponse,
  type PublishRequest,
  type PublishResponse,
  type SchemaInfo,
  type TopicInfo,
} from '../../../../simulators/salesforce/pubsub-messages';

export interface Identity {
  token: string;
  instanceUrl: string;
  tenantId?: string;
}

type Ask<Q, A> = (request: Q, metadata: Metadata, done: (error: ServiceError | null, answer?: A) => void) => unknown;

interface PubSubMethods {
  GetTopic: Ask<{ topic_name: string }, TopicInfo>;
  GetSchema: Ask<{ schema_id: string }, SchemaInfo>;
  Publish: Ask<Partial<PublishRequest>, PublishResponse>;
  Subscribe(metadata: Metadata): ClientDuplexStream<Partial<FetchRequest>, FetchResponse>;
}

const PubSubConstructor = makeClientConstructor(pubSubService(), 'PubSub');

export class PubSubClient {
  private readonly client: Client & PubSubMethods;

  constructor(
    address: string,
    private readonly identity: Identity,
    secure: ChannelCredentials = credentials.createInsecure(),
  ) {
    this.client = new PubSubConstructor(address, secure) as unknown as Client & PubSubMethods;
  }

  getTopic(topic: string): Promise<TopicInfo> {
    return this.ask('GetTopic', { topic_name: topic });
  }

  getSchema(id: string): Promise<SchemaInfo> {
    return this.ask('GetSchema', { schema_id: id });
  }

  publish(request: Partial<PublishRequest>): Promise<PublishResponse> {
    return this.ask('Publish', request);
  }

  subscribe(first?: Partial<FetchRequest>): Stream {
    const stream = new Stream(this.client.Subscribe(this.metadata()));
    if (first) stream.request(first);
    return stream;
  }

  close(): void {
    this.client.close();
  }

  private ask<Q, A>(name: 'GetTopic' | 'GetSchema' | 'Publish', request: Q): Promise<A> {
    const method = this.client[name] as unknown as Ask<Q, A>;
    return new Promise((resolve, reject) => {
      method.call(this.client, request, this.metadata(), (error, answer) => {
        if (error || answer === undefined) reject(error ?? new Error('no answer'));
        else resolve(answer);
      });
    });
  }

  private metadata(): Metadata {
    const metadata = new Metadata();
    metadata.set('accesstoken', this.identity.token);
    metadata.set('instanceurl', this.identity.instanceUrl);
    metadata.set('tenantid', this.identity.tenantId ?? '00DQl000000xYzW');
    return metadata;
  }
}

/** What a stream brought, in order, and how it ended. */
export class Stream {
  readonly responses: FetchResponse[] = [];
  ended: { code: number; errorCode: string; details: string } | null = null;
  private waiting: (() => void)[] = [];

  constructor(private readonly call: ClientDuplexStream<Partial<FetchRequest>, FetchResponse>) {
    let trailers = new Metadata();
    call.on('data', (response: FetchResponse) => {
      this.responses.push(response);
      this.tell();
    });
    call.on('error', (error: ServiceError) => (trailers = error.metadata));
    call.on('status', (end: { code: number; details: string; metadata: Metadata }) => {
      trailers = end.metadata;
      const errorCode = String(trailers.get('error-code')[0] ?? '');
      this.ended = { code: end.code, errorCode, details: end.details };
      this.tell();
    });
  }

  request(request: Partial<FetchRequest>): void {
    this.call.write(request);
  }

  /** Uuids received so far. */
  uuids(): string[] {
    return this.responses.flatMap((response) => response.events ?? []).map((event) => event.event.id);
  }

  /** Waits for `count` responses in all. */
  async received(count: number): Promise<FetchResponse[]> {
    await this.until(() => this.responses.length >= count, `${count} responses`);
    return this.responses;
  }

  async events(count: number): Promise<string[]> {
    await this.until(() => this.uuids().length >= count, `${count} events`);
    return this.uuids();
  }

  async end(): Promise<{ code: number; errorCode: string; details: string }> {
    await this.until(() => this.ended !== null, 'the end');
    if (!this.ended) throw new Error('not ended');
    return this.ended;
  }

  cancel(): void {
    this.call.cancel();
  }

  /** Half-closes: no more requests. */
  finish(): void {
    this.call.end();
  }

  private async until(met: () => boolean, what: string): Promise<void> {
    const deadline = Date.now() + 30_000;
    while (!met()) {
      if (this.ended && what !== 'the end') throw new Error(`ended before ${what}: ${JSON.stringify(this.ended)}`);
      const left = deadline - Date.now();
      if (left <= 0) throw new Error(`waited in vain for ${what}`);
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, left);
        this.waiting.push(() => {
          clearTimeout(timer);
          resolve();
        });
      });
    }
  }

  private tell(): void {
    const waiting = this.waiting;
    this.waiting = [];
    for (const wake of waiting) wake();
  }
}
