/** The messages of eventbus.v1.PubSub as numbers on the wire, and as TypeScript. Salesforce reference §3.2. */
import type { ServiceDefinition } from '@grpc/grpc-js';
import { fromJSON } from '@grpc/proto-loader';

type Fields = Record<string, { id: number; type: string; rule?: 'repeated' }>;

/** `'1:string topic_name'`, `'2:bytes* …'` for repeated. */
function message(...lines: string[]): { fields: Fields } {
  const fields: Fields = {};
  for (const line of lines) {
    const [, id = '', type = '', star, name = ''] = /^(\d+):(\w+)(\*?) (\w+)$/.exec(line) ?? [];
    fields[name] = star ? { id: Number(id), type, rule: 'repeated' } : { id: Number(id), type };
  }
  return { fields };
}

const nested = {
  ErrorCode: { values: { UNKNOWN: 0, PUBLISH: 1, COMMIT: 2 } },
  ReplayPreset: { values: { LATEST: 0, EARLIEST: 1, CUSTOM: 2 } },
  TopicInfo: message(
    '1:string topic_name',
    '2:string tenant_guid',
    '3:bool can_publish',
    '4:bool can_subscribe',
    '5:string schema_id',
    '6:string rpc_id',
  ),
  TopicRequest: message('1:string topic_name'),
  EventHeader: message('1:string key', '2:bytes value'),
  ProducerEvent: message('1:string id', '2:string schema_id', '3:bytes payload', '4:EventHeader* headers'),
  ConsumerEvent: message('1:ProducerEvent event', '2:bytes replay_id'),
  PublishResult: message('1:bytes replay_id', '2:Error error', '3:string correlation_key'),
  Error: message('1:ErrorCode code', '2:string msg'),
  FetchRequest: message(
    '1:string topic_name',
    '2:ReplayPreset replay_preset',
    '3:bytes replay_id',
    '4:int32 num_requested',
    '5:string auth_refresh',
  ),
  FetchResponse: message(
    '1:ConsumerEvent* events',
    '2:bytes latest_replay_id',
    '3:string rpc_id',
    '4:int32 pending_num_requested',
  ),
  SchemaRequest: message('1:string schema_id'),
  SchemaInfo: message('1:string schema_json', '2:string schema_id', '3:string rpc_id'),
  PublishRequest: message('1:string topic_name', '2:ProducerEvent* events', '3:string auth_refresh'),
  PublishResponse: message('1:PublishResult* results', '2:string schema_id', '3:string rpc_id'),
  ManagedFetchRequest: message(
    '1:string subscription_id',
    '2:string developer_name',
    '3:int32 num_requested',
    '4:string auth_refresh',
    '5:CommitReplayRequest commit_replay_id_request',
  ),
  ManagedFetchResponse: message(
    '1:ConsumerEvent* events',
    '2:bytes latest_replay_id',
    '3:string rpc_id',
    '4:int32 pending_num_requested',
    '5:CommitReplayResponse commit_response',
  ),
  CommitReplayRequest: message('1:string commit_request_id', '2:bytes replay_id'),
  CommitReplayResponse: message(
    '1:string commit_request_id',
    '2:bytes replay_id',
    '3:Error error',
    '4:int64 process_time',
  ),
  PubSub: {
    methods: {
      Subscribe: method('FetchRequest', 'FetchResponse', true),
      GetSchema: method('SchemaRequest', 'SchemaInfo'),
      GetTopic: method('TopicRequest', 'TopicInfo'),
      Publish: method('PublishRequest', 'PublishResponse'),
      PublishStream: method('PublishRequest', 'PublishResponse', true),
      ManagedSubscribe: method('ManagedFetchRequest', 'ManagedFetchResponse', true),
    },
  },
};

function method(requestType: string, responseType: string, stream = false) {
  return { requestType, responseType, requestStream: stream, responseStream: stream, comment: '' };
}

/** The service for a gRPC server. Absent fields read as empty; enums read as names. */
export function pubSubService(): ServiceDefinition {
  const json = { nested: { eventbus: { nested: { v1: { nested } } } } };
  const loaded = fromJSON(json, { keepCase: true, longs: String, enums: String, defaults: true });
  const service = loaded['eventbus.v1.PubSub'];
  if (!service || 'format' in service) throw new Error('eventbus.v1.PubSub was not loaded');
  return service as ServiceDefinition;
}

export interface FetchRequest {
  topic_name: string;
  replay_preset: 'LATEST' | 'EARLIEST' | 'CUSTOM';
  replay_id: Buffer;
  num_requested: number;
}

export interface ProducerEvent {
  id: string;
  schema_id: string;
  payload: Buffer;
}

export interface FetchResponse {
  events?: { event: ProducerEvent; replay_id?: Buffer }[];
  latest_replay_id?: Buffer;
  rpc_id: string;
  pending_num_requested: number;
}

export interface TopicInfo {
  topic_name: string;
  tenant_guid: string;
  can_publish: boolean;
  can_subscribe: boolean;
  schema_id: string;
  rpc_id: string;
}

export interface SchemaInfo {
  schema_json: string;
  schema_id: string;
  rpc_id: string;
}

export interface PublishRequest {
  topic_name: string;
  events: ProducerEvent[];
}

export interface PublishResult {
  replay_id?: Buffer;
  error?: { code: 'UNKNOWN' | 'PUBLISH' | 'COMMIT'; msg: string };
  correlation_key: string;
}

export interface PublishResponse {
  results: PublishResult[];
  schema_id: string;
  rpc_id: string;
}
