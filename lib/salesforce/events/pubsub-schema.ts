/**
 * The part of the Pub/Sub API (`eventbus.v1.PubSub`) that a subscriber needs, as protobuf and as parsed messages.
 *
 * Enums travel as numbers: a name given where a number is wanted is encoded as 0, which is LATEST, and a stored position
 * would silently be ignored.
 */
import type { fromJSON } from '@grpc/proto-loader';
import { z } from 'zod';

export const replayPreset = { LATEST: 0, EARLIEST: 1, CUSTOM: 2 } as const;

type Descriptor = Parameters<typeof fromJSON>[0];

const field = (id: number, type: string, rule?: 'repeated') => ({ id, type, ...(rule ? { rule } : {}) });

/** For proto-loader's `fromJSON`. Fields that are not listed are skipped when they arrive. */
export const pubsubDescriptor: Descriptor = {
  nested: {
    eventbus: {
      nested: {
        v1: {
          nested: {
            TopicRequest: { fields: { topicName: field(1, 'string') } },
            TopicInfo: {
              fields: {
                topicName: field(1, 'string'),
                tenantGuid: field(2, 'string'),
                canPublish: field(3, 'bool'),
                canSubscribe: field(4, 'bool'),
                schemaId: field(5, 'string'),
                rpcId: field(6, 'string'),
              },
            },
            SchemaRequest: { fields: { schemaId: field(1, 'string') } },
            SchemaInfo: {
              fields: { schemaJson: field(1, 'string'), schemaId: field(2, 'string'), rpcId: field(3, 'string') },
            },
            ReplayPreset: { values: { ...replayPreset } },
            ProducerEvent: {
              fields: { id: field(1, 'string'), schemaId: field(2, 'string'), payload: field(3, 'bytes') },
            },
            ConsumerEvent: { fields: { event: field(1, 'ProducerEvent'), replayId: field(2, 'bytes') } },
            FetchRequest: {
              fields: {
                topicName: field(1, 'string'),
                replayPreset: field(2, 'ReplayPreset'),
                replayId: field(3, 'bytes'),
                numRequested: field(4, 'int32'),
              },
            },
            FetchResponse: {
              fields: {
                events: field(1, 'ConsumerEvent', 'repeated'),
                latestReplayId: field(2, 'bytes'),
                rpcId: field(3, 'string'),
                pendingNumRequested: field(4, 'int32'),
              },
            },
            PubSub: {
              methods: {
                Subscribe: {
                  requestType: 'FetchRequest',
                  requestStream: true,
                  responseType: 'FetchResponse',
                  responseStream: true,
                  comment: 'Events of one topic, as many as were asked for.',
                },
                GetSchema: {
                  requestType: 'SchemaRequest',
                  responseType: 'SchemaInfo',
                  comment: 'The Avro schema of an id.',
                },
                GetTopic: { requestType: 'TopicRequest', responseType: 'TopicInfo', comment: 'What our user may do.' },
              },
            },
          },
        },
      },
    },
  },
};

export interface FetchRequest {
  topicName: string;
  /** A number of `replayPreset`, in the first request of a stream. */
  replayPreset?: number;
  replayId?: Buffer;
  numRequested: number;
}

// Absent fields are left out by the decoder, so each has its default here.
const bytes = z.instanceof(Buffer).optional();
const text = z.string().default('');

export const topicInfo = z.object({ canSubscribe: z.boolean().default(false), schemaId: text });
export const schemaInfo = z.object({ schemaJson: text, schemaId: text });

export const fetchResponse = z.object({
  events: z
    .array(
      z.object({
        replayId: bytes,
        event: z
          .object({ id: text, schemaId: text, payload: z.instanceof(Buffer).default(() => Buffer.alloc(0)) })
          .default(() => ({ id: '', schemaId: '', payload: Buffer.alloc(0) })),
      }),
    )
    .default([]),
  latestReplayId: bytes,
  pendingNumRequested: z.number().default(0),
});

export type FetchResponse = z.infer<typeof fetchResponse>;
export type ConsumerEvent = FetchResponse['events'][number];
