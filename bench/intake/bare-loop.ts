/** The floor: grpc-js alone asks for events and counts them; nothing is decoded, stored or checked. */
import { credentials, makeClientConstructor, Metadata, type ClientDuplexStream } from '@grpc/grpc-js';
import { pubSubService, type FetchRequest, type FetchResponse } from '../../simulators/salesforce/pubsub-messages';
import { channel, connect } from './connection';
import { Counting } from './measure';

async function main(): Promise<void> {
  const { salesforce, pubsub, events } = connect();
  const token = await salesforce.auth.token();
  const metadata = new Metadata();
  metadata.set('accesstoken', token.accessToken);
  metadata.set('instanceurl', token.instanceUrl);
  metadata.set('tenantid', token.organizationId);
  const client = new (makeClientConstructor(pubSubService(), 'PubSub'))(pubsub, credentials.createInsecure());
  const subscribe = client.Subscribe as (
    metadata: Metadata,
  ) => ClientDuplexStream<Partial<FetchRequest>, FetchResponse>;
  const call = subscribe.call(client, metadata);
  const counting = new Counting(events);
  const most = 100;
  call.on('error', () => undefined);
  call.on('data', ({ events: batch, pending_num_requested: owed }: FetchResponse) => {
    for (let left = batch?.length ?? 0; left > 0; left--) counting.one();
    if ((owed ?? 0) === 0) call.write({ topic_name: channel, num_requested: most });
  });
  call.write({ topic_name: channel, replay_preset: 'EARLIEST', num_requested: most });
  console.log(JSON.stringify(await counting.done));
  call.cancel();
  client.close();
  salesforce.close();
}

void main();
