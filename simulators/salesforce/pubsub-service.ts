/** The Pub/Sub API: GetTopic, GetSchema, Publish, PublishStream, Subscribe. ManagedSubscribe (beta) is not served. §3. */
import { randomUUID } from 'node:crypto';
import {
  Metadata,
  status,
  type handleBidiStreamingCall,
  type handleUnaryCall,
  type ServerDuplexStream,
  type ServerUnaryCall,
  type UntypedServiceImplementation,
} from '@grpc/grpc-js';
import { isCommon, type FaultTable } from '../shared/faults';
import type { RequestLog } from '../shared/requests';
import type { VirtualTimer } from '../shared/virtual-clock';
import { decodeEvent } from './avro';
import type { Topic } from './bus';
import type { VendorFault } from './faults';
import { orgId } from './org';
import { refusals, statusOf, unknownTopic, type Refusal } from './pubsub-errors';
import { struckBy, type Struck } from './pubsub-faults';
import type {
  FetchRequest,
  FetchResponse,
  ProducerEvent,
  PublishRequest,
  PublishResponse,
  PublishResult,
  SchemaInfo,
  TopicInfo,
} from './pubsub-messages';
import type { Session, Sessions } from './sessions';
import type { Streams } from './streams';
import { Subscription, type StreamParts } from './subscription';

export const pubSubCalls = ['GetTopic', 'GetSchema', 'Publish', 'PublishStream', 'Subscribe'] as const;
type PubSubCall = (typeof pubSubCalls)[number];

/** A publishing stream must send an event so often, or it is ended. */
const publishWithinMs = 70_000;
/** So long a refusal comes after the headers. */
const refusalFollowsMs = 50;
/** A client that cancels closes its side first: what ends is complete only when no cancel follows. Real time. */
const cancelFollowsMs = 50;

/** Thrown by a call's work: the call ends with it. */
class Refused extends Error {
  constructor(readonly refusal: Refusal) {
    super(refusal.details);
  }
}

export interface PubSubParts extends StreamParts {
  sessions: Sessions;
  streams: Streams;
  faults: FaultTable<VendorFault>;
  requests: RequestLog;
  /** Resets the connection that a call came on, as `call.getPeer()` names it. */
  resetPeer(peer: string): void;
}

export class PubSub {
  private madeStreams = 0;

  constructor(private readonly parts: PubSubParts) {}

  implementation(): UntypedServiceImplementation {
    const getTopic = this.unary<{ topic_name: string }, TopicInfo>(
      'GetTopic',
      (request) => ({ topic: request.topic_name }),
      (request, rpcId) => this.topicInfo(request.topic_name, rpcId),
    );
    const getSchema = this.unary<{ schema_id: string }, SchemaInfo>(
      'GetSchema',
      (request) => ({ schemaId: request.schema_id }),
      (request, rpcId) => this.schemaInfo(request.schema_id, rpcId),
    );
    const publish = this.unary<PublishRequest, PublishResponse>(
      'Publish',
      (request) => ({ topic: request.topic_name }),
      (request, rpcId) => this.publish(request, rpcId),
    );
    const subscribe: handleBidiStreamingCall<FetchRequest, FetchResponse> = (call) => this.subscribe(call);
    const publishStream: handleBidiStreamingCall<PublishRequest, PublishResponse> = (call) => this.publishStream(call);
    return {
      GetTopic: getTopic,
      GetSchema: getSchema,
      Publish: publish,
      PublishStream: publishStream,
      Subscribe: subscribe,
    };
  }

  private topicInfo(name: string, rpcId: string): TopicInfo {
    const topic = this.topicOf(name);
    return {
      topic_name: topic.name,
      tenant_guid: 'core/prod/00DQl000000xYzWMAU',
      can_publish: true,
      can_subscribe: this.parts.switches.values.canSubscribe,
      schema_id: topic.schema.id,
      rpc_id: rpcId,
    };
  }

  private topicOf(name: string): Topic {
    const topic = this.parts.bus.topic(name);
    if (!topic) throw new Refused(unknownTopic(this.parts.switches.values.unknownTopicCode, name));
    return topic;
  }

  private schemaInfo(id: string, rpcId: string): SchemaInfo {
    const schema = this.parts.bus.schema(id);
    if (!schema) throw new Refused(refusals.noSchema);
    return { schema_json: schema.json, schema_id: schema.id, rpc_id: rpcId };
  }

  private publish(request: PublishRequest, rpcId: string): PublishResponse {
    const topic = this.topicOf(request.topic_name);
    const results = request.events.map((event) => this.publishOne(topic, event));
    return { results, schema_id: topic.schema.id, rpc_id: rpcId };
  }

  private publishOne(topic: Topic, event: ProducerEvent): PublishResult {
    const { bus } = this.parts;
    const refuse = (msg: string) => ({ error: { code: 'PUBLISH' as const, msg }, correlation_key: event.id });
    const schema = bus.schema(event.schema_id);
    if (!schema) return refuse(`The schema ${event.schema_id} was not found.`);
    try {
      const { CreatedDate: _date, CreatedById: createdById, ...fields } = decodeEvent(schema, event.payload);
      const uuid = event.id === '' ? {} : { uuid: event.id };
      const bytes = { schema, payload: event.payload };
      const placed = bus.publish(topic, { fields, createdById: String(createdById), ...uuid, ...bytes });
      return { replay_id: bus.replayId(placed.seq), correlation_key: event.id };
    } catch (error) {
      return refuse(`The payload could not be decoded: ${error instanceof Error ? error.message : String(error)}`);
    }
  }

  private publishStream(call: ServerDuplexStream<PublishRequest, PublishResponse>): void {
    const rpcId = randomUUID();
    const started = performance.now();
    const end = (code: number, outcome: string) => this.log('PublishStream', call.metadata, code, outcome, started);
    const fail = (refusal: Refusal) => {
      end(refusal.code, refusal.errorCode ?? refusal.details);
      call.emit('error', statusOf(refusal, rpcId));
    };
    let topicName = '';
    let timer: VirtualTimer | null = null;
    const wait = () => {
      timer?.cancel();
      timer = this.parts.clock.after(publishWithinMs, () => {
        end(status.OK, 'nothing was published in time');
        call.end();
      });
    };
    call.on('data', (request: PublishRequest) => {
      try {
        this.sessionOf(call.metadata);
        topicName ||= request.topic_name;
        if (request.topic_name !== '' && request.topic_name !== topicName) throw new Refused(refusals.otherTopic);
        call.write(this.publish({ ...request, topic_name: topicName }, rpcId));
        if (request.events.length > 0) wait();
      } catch (error) {
        if (!(error instanceof Refused)) throw error;
        timer?.cancel();
        fail(error.refusal);
      }
    });
    call.on('end', () => {
      timer?.cancel();
      end(status.OK, 'ended');
      call.end();
    });
    call.on('cancelled', () => timer?.cancel());
    call.on('error', () => undefined);
    wait();
  }

  private subscribe(call: ServerDuplexStream<FetchRequest, FetchResponse>): void {
    const rpcId = randomUUID();
    const started = performance.now();
    this.madeStreams += 1;
    const name = `stream ${this.madeStreams}`;
    let subscription: Subscription | null = null;
    let gone = false;
    let told = false;
    const ended = (code: number, outcome: string) => {
      if (told) return;
      told = true;
      this.parts.ledger.add('streamEnded', { stream: name, code, outcome });
      this.log('Subscribe', call.metadata, code, outcome, started);
    };
    const refuse = (refusal: Refusal) => {
      ended(refusal.code, refusal.errorCode ?? refusal.details);
      call.emit('error', statusOf(refusal, rpcId));
    };
    const open = async (request: FetchRequest): Promise<void> => {
      if (this.parts.switches.values.headersAtOnce) {
        call.sendMetadata(new Metadata());
        await this.parts.clock.pause(refusalFollowsMs);
      }
      const fields = { topic: request.topic_name, preset: request.replay_preset };
      const struck = await this.fault('Subscribe', fields);
      if (gone) return;
      if (struck) {
        if (struck.end === 'hang') return;
        if (struck.end !== 'reset') return refuse(struck.end);
        ended(status.UNAVAILABLE, 'fault: reset');
        return this.parts.resetPeer(call.getPeer());
      }
      try {
        const session = this.sessionOf(call.metadata);
        subscription = new Subscription(call, this.parts, this.parts.streams, session, name, rpcId, ended);
      } catch (error) {
        if (!(error instanceof Refused)) throw error;
        return refuse(error.refusal);
      }
    };
    let ready: Promise<void> | null = null;
    call.on('data', (request: FetchRequest) => {
      ready ??= open(request);
      void ready.then(() => subscription?.fetch(request));
    });
    const completed = () => {
      if (gone) return;
      gone = true;
      if (subscription) subscription.complete();
      else call.end();
    };
    call.on('end', () => setTimeout(completed, cancelFollowsMs).unref());
    call.on('cancelled', () => {
      gone = true;
      if (subscription) subscription.gone(status.CANCELLED, 'cancelled by the client');
      else ended(status.CANCELLED, 'cancelled by the client');
    });
    // A call that was cancelled may still report an error: nobody is left to hear it.
    call.on('error', () => undefined);
  }

  private unary<Q, A>(
    name: PubSubCall,
    fieldsOf: (request: Q) => Record<string, unknown>,
    work: (request: Q, rpcId: string) => A,
  ): handleUnaryCall<Q, A> {
    const run = async (call: ServerUnaryCall<Q, A>, rpcId: string): Promise<A | Struck['end']> => {
      const done = (): A => {
        this.sessionOf(call.metadata);
        return work(call.request, rpcId);
      };
      const struck = await this.fault(name, fieldsOf(call.request));
      if (!struck) return done();
      if (struck.workAfterMs !== undefined) this.parts.clock.after(struck.workAfterMs, done);
      else if (struck.work) done();
      return struck.end;
    };
    return (call, callback) => {
      const rpcId = randomUUID();
      const started = performance.now();
      const end = (code: number, outcome: string) => this.log(name, call.metadata, code, outcome, started);
      const refuse = (refusal: Refusal) => {
        end(refusal.code, refusal.errorCode ?? refusal.details);
        callback(statusOf(refusal, rpcId));
      };
      run(call, rpcId).then(
        (answer) => {
          if (answer === 'hang') return end(status.DEADLINE_EXCEEDED, 'fault: hang');
          if (answer === 'reset') {
            end(status.UNAVAILABLE, 'fault: reset');
            return this.parts.resetPeer(call.getPeer());
          }
          if (isRefusal(answer)) return refuse(answer);
          end(status.OK, 'success');
          callback(null, answer);
        },
        (error: unknown) => {
          if (error instanceof Refused) return refuse(error.refusal);
          refuse({ code: status.INTERNAL, errorCode: null, details: `simulator defect: ${String(error)}` });
        },
      );
    };
  }

  /** The next fault that strikes this call, delays waited for; null: none. */
  private async fault(call: PubSubCall, fields: Record<string, unknown>): Promise<Struck | null> {
    const seen = new Set<string>();
    for (;;) {
      const fault = this.parts.faults.take(call, fields, seen);
      if (!fault) return null;
      if (fault.kind === 'delay') await this.parts.clock.pause(fault.ms);
      else if (fault.kind === 'grpc' || isCommon(fault)) return struckBy(fault);
      else return { end: { ...refusals.unavailable, details: `The fault ${fault.kind} is for HTTP.` }, work: false };
    }
  }

  private sessionOf(metadata: Metadata): Session {
    const { sessions, switches } = this.parts;
    const token = tokenOf(metadata);
    const instanceUrl = text(metadata, 'instanceurl');
    const tenant = text(metadata, 'tenantid');
    const rightOrg = tenant === orgId || tenant === orgId.slice(0, 15);
    if (!rightOrg || !URL.canParse(instanceUrl) || switches.values.refuseEveryStream) throw new Refused(refusals.auth);
    const session = sessions.use(token, new URL(instanceUrl).host);
    if (!session) throw new Refused(refusals.auth);
    return session;
  }

  private log(call: PubSubCall, metadata: Metadata, code: number, outcome: string, started: number): void {
    const auth = this.parts.sessions.label(tokenOf(metadata));
    this.parts.requests.add({ call, auth, status: code, outcome, ms: performance.now() - started });
  }
}

function isRefusal(answer: unknown): answer is Refusal {
  return typeof answer === 'object' && answer !== null && 'code' in answer && 'details' in answer;
}

function text(metadata: Metadata, name: string): string {
  return String(metadata.get(name)[0] ?? '');
}

function tokenOf(metadata: Metadata): string | null {
  return text(metadata, 'accesstoken') || null;
}
