/** How Pub/Sub says no: a gRPC status, trailers error-code and rpc-id, details that end in the rpc id. §3.5. */
import { Metadata, status, type StatusObject } from '@grpc/grpc-js';

const root = 'sfdc.platform.eventbus.grpc';

/** One refusal, without the id of the call it ends. */
export interface Refusal {
  code: number;
  errorCode: string | null;
  details: string;
}

export const refusals = {
  auth: {
    code: status.UNAUTHENTICATED,
    errorCode: `${root}.service.auth.error`,
    details: 'An authentication exception occurred. Provide valid authentication via metadata headers.',
  },
  corrupted: {
    code: status.INVALID_ARGUMENT,
    errorCode: `${root}.subscription.fetch.replayid.corrupted`,
    details:
      'The Replay ID validation failed. Ensure that the Replay ID is valid and that the event is within the retention window.',
  },
  noReplayId: {
    code: status.INVALID_ARGUMENT,
    errorCode: `${root}.subscription.fetch.replayid.validation.failed`,
    details: 'The Replay ID validation failed. A Replay ID is required with the CUSTOM replay preset.',
  },
  requested: {
    code: status.INVALID_ARGUMENT,
    errorCode: `${root}.subscription.fetch.requested.events.invalid`,
    details: 'The requested number of events in a fetch request must be greater than zero.',
  },
  otherTopic: {
    code: status.INVALID_ARGUMENT,
    errorCode: `${root}.subscription.fetch.topic.mismatch`,
    details: 'The topic name of a fetch request must be the one of the first fetch request of the stream.',
  },
  mayNotSubscribe: {
    code: status.PERMISSION_DENIED,
    errorCode: `${root}.subscription.permission.denied`,
    details: 'The user has no permission to subscribe to the topic.',
  },
  deliveries: {
    code: status.RESOURCE_EXHAUSTED,
    errorCode: `${root}.subscription.limit.exceeded`,
    details: 'You have exceeded the event delivery limit for your org.',
  },
  streams: {
    code: status.RESOURCE_EXHAUSTED,
    errorCode: `${root}.concurrent.client.limit.exceeded`,
    details: 'You have exceeded the maximum number of concurrent clients across all topics.',
  },
  unavailable: {
    code: status.INTERNAL,
    errorCode: `${root}.service.unavailable`,
    details: 'The service is unavailable. Try again later.',
  },
  noSchema: {
    code: status.INVALID_ARGUMENT,
    errorCode: `${root}.schema.not.found`,
    details: 'The requested schema was not found.',
  },
} satisfies Record<string, Refusal>;

export function unknownTopic(code: number, topic: string): Refusal {
  return {
    code,
    errorCode: `${root}.topic.not.found`,
    details: `The topic ${topic} was not found, or the user has no permission for it.`,
  };
}

/** The status that ends a call. */
export function statusOf(refusal: Refusal, rpcId: string): StatusObject {
  const metadata = new Metadata();
  if (refusal.errorCode !== null) metadata.set('error-code', refusal.errorCode);
  metadata.set('rpc-id', rpcId);
  return { code: refusal.code, details: `${refusal.details} rpcId: ${rpcId}`, metadata };
}
