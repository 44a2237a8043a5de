/** The three calls of the Pub/Sub API that a subscriber makes, on a connection of their own. */
import type { CallOptions, Client, ClientDuplexStream, Metadata, StatusObject } from '@grpc/grpc-js';
import type { MethodDefinition, ServiceDefinition } from '@grpc/proto-loader';
import type { z } from 'zod';
import type { Clock } from '../../clock';
import { parseEndpoint } from '../addresses';
import type { Token } from '../auth';
import { grpc, protoLoader } from '../vendors';
import { faultOfStatus, isUnknownName, noSuchChannel, type GrpcStatus } from './pubsub-faults';
import {
  fetchResponse,
  pubsubDescriptor,
  schemaInfo,
  topicInfo,
  type FetchRequest,
  type FetchResponse,
} from './pubsub-schema';
import { StreamFault } from './stream-fault';

export interface PubSubClientOptions {
  /** `host:port`; plaintext on a loopback address, TLS everywhere else. */
  endpoint: string;
  token: Token;
  clock: Clock;
  /** PEM of the only authorities to be trusted. */
  ca?: string | undefined;
}

/** A subscription under way. */
export interface FetchStream {
  request(request: FetchRequest): void;
  /** Ends it from our side; `ended` follows. */
  cancel(): void;
  /** When nothing more can come. Never rejects. */
  readonly ended: Promise<StreamFault>;
}

type Call = MethodDefinition<object, object>;

const callTimeoutMs = 20_000;

let definition: ServiceDefinition | undefined;

/** Not a promise of a client: one that had a `then` would never be awaited to its end. */
export class PubSubClient {
  private readonly client: Client;
  private readonly calls = new Set<() => void>();

  constructor(private readonly options: PubSubClientOptions) {
    const { Client, credentials } = grpc();
    const { address, plaintext } = parseEndpoint(options.endpoint);
    this.client = new Client(
      address,
      plaintext
        ? credentials.createInsecure()
        : credentials.createSsl(options.ca === undefined ? null : Buffer.from(options.ca)),
      {
        // A connection of our own: the shared ones keep their back-off after an outage.
        'grpc.use_local_subchannel_pool': 1,
        'grpc.service_config_disable_resolution': 1,
        'grpc.enable_retries': 0,
        // 100 events of 1 MB each may come at once; 4 MB, the default, would end the stream at them for ever.
        'grpc.max_receive_message_length': -1,
      },
    );
  }

  /** @throws StreamFault: misconfigured when there is no such channel, or our user may not read it. */
  async topic(channel: string, signal: AbortSignal): Promise<z.infer<typeof topicInfo>> {
    try {
      return await this.unary('GetTopic', { topicName: channel }, topicInfo, channel, signal);
    } catch (error) {
      if (!(error instanceof UnknownName)) throw error;
      throw noSuchChannel(channel, error.code);
    }
  }

  /** Null: Salesforce knows no such schema. @throws StreamFault */
  async schema(schemaId: string, signal: AbortSignal): Promise<string | null> {
    try {
      return (await this.unary('GetSchema', { schemaId }, schemaInfo, `schema ${schemaId}`, signal)).schemaJson;
    } catch (error) {
      if (error instanceof UnknownName) return null;
      throw error;
    }
  }

  /** Both functions must not throw. `onOpen` is called when the server shows that it took the call. */
  subscribe(first: FetchRequest, onOpen: () => void, onResponse: (response: FetchResponse) => void): FetchStream {
    const method = methodNamed('Subscribe');
    const call: ClientDuplexStream<object, object> = this.client.makeBidiStreamRequest(
      method.path,
      method.requestSerialize,
      method.responseDeserialize,
      this.metadata(),
    );
    let over = false;
    const ended = new Promise<StreamFault>((resolve) => {
      call.on('status', (status: StatusObject) => {
        over = true;
        this.calls.delete(cancel);
        resolve(faultOfStatus(statusOf(status), first.topicName));
      });
    });
    // For as long as the call lives: cancelling one without such a listener ends the process.
    call.on('error', () => undefined);
    call.on('metadata', onOpen);
    call.on('data', (message: unknown) => {
      const response = fetchResponse.safeParse(message);
      if (response.success) onResponse(response.data);
      else call.cancel();
    });
    const cancel = (): void => {
      if (!over) call.cancel();
    };
    this.calls.add(cancel);
    const request = (message: FetchRequest): void => {
      if (!over) call.write(message);
    };
    request(first);
    return { request, cancel, ended };
  }

  /** Cancels what is under way and lets go of the connection. */
  close(): void {
    for (const cancel of [...this.calls]) cancel();
    this.client.close();
  }

  private unary<T>(
    name: 'GetTopic' | 'GetSchema',
    argument: object,
    schema: z.ZodType<T>,
    /** What is asked for. */
    subject: string,
    signal: AbortSignal,
  ): Promise<T> {
    const method = methodNamed(name);
    return new Promise<T>((resolve, reject) => {
      let late = false;
      const options: CallOptions = {};
      const call = this.client.makeUnaryRequest<object, object>(
        method.path,
        method.requestSerialize,
        method.responseDeserialize,
        argument,
        this.metadata(),
        options,
        (error, value) => {
          timer.cancel();
          this.calls.delete(cancel);
          signal.removeEventListener('abort', cancel);
          if (late) reject(new StreamFault('temporary', 'ETIMEOUT', `${name} was not answered within 20 s`));
          else if (error) {
            const status = statusOf(error);
            const fault = faultOfStatus(status, subject);
            reject(isUnknownName(status) ? new UnknownName(fault.kind, fault.code, fault.message) : fault);
          } else {
            const parsed = schema.safeParse(value);
            if (parsed.success) resolve(parsed.data);
            else reject(new StreamFault('temporary', 'UNEXPECTED_ANSWER', `${name} was answered with something else`));
          }
        },
      );
      const cancel = (): void => call.cancel();
      const timer = this.options.clock.after(callTimeoutMs, () => {
        late = true;
        cancel();
      });
      this.calls.add(cancel);
      if (signal.aborted) cancel();
      signal.addEventListener('abort', cancel, { once: true });
    });
  }

  private metadata(): Metadata {
    const { Metadata } = grpc();
    const { accessToken, instanceUrl, organizationId } = this.options.token;
    const metadata = new Metadata();
    metadata.set('accesstoken', accessToken);
    metadata.set('instanceurl', instanceUrl);
    metadata.set('tenantid', organizationId);
    return metadata;
  }
}

class UnknownName extends StreamFault {}

function methodNamed(name: 'Subscribe' | 'GetSchema' | 'GetTopic'): Call {
  definition ??= protoLoader().fromJSON(pubsubDescriptor, {})['eventbus.v1.PubSub'] as ServiceDefinition;
  const method = definition[name];
  if (method === undefined) throw new Error(`The Pub/Sub API has no ${name}`);
  return method;
}

const statusOf = ({ code, details, metadata }: Pick<StatusObject, 'code' | 'details' | 'metadata'>): GrpcStatus => ({
  code,
  details,
  errorCode: String(metadata.get('error-code')[0] ?? ''),
});
