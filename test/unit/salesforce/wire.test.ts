import assert from 'node:assert/strict';
import { fromJSON, type ServiceDefinition } from '@grpc/proto-loader';
import { faultOfStatus } from '../../../lib/salesforce/events/pubsub-faults';
import { pubsubDescriptor, replayPreset } from '../../../lib/salesforce/events/pubsub-schema';
import { Credit } from '../../../lib/salesforce/events/credit';

describe('The Pub/Sub wire', () => {
  const service = fromJSON(pubsubDescriptor, {})['eventbus.v1.PubSub'] as ServiceDefinition;
  const bytes = (message: object): string => service.Subscribe?.requestSerialize(message).toString('hex') ?? '';

  it('has the paths of the service', () => {
    assert.deepEqual(
      ['Subscribe', 'GetSchema', 'GetTopic'].map((name) => service[name]?.path),
      ['/eventbus.v1.PubSub/Subscribe', '/eventbus.v1.PubSub/GetSchema', '/eventbus.v1.PubSub/GetTopic'],
    );
  });

  it('carries a stored position as CUSTOM, not as LATEST', () => {
    const replayId = Buffer.from('000000000010db4d0000', 'hex');
    const request = { topicName: '/e', replayPreset: replayPreset.CUSTOM, replayId, numRequested: 100 };
    // 1: the topic; 2: the preset, 2; 3: ten bytes; 4: 100.
    assert.equal(bytes(request), '0a022f65' + '1002' + '1a0a000000000010db4d0000' + '2064');
    assert.match(
      bytes({ topicName: '/e', replayPreset: replayPreset.EARLIEST, numRequested: 1 }),
      /^0a022f6510012001$/,
    );
  });

  it('reads an answer of which everything but the number owed is absent', () => {
    const read = service.Subscribe?.responseDeserialize(Buffer.from('2005', 'hex'));
    assert.deepEqual({ ...read }, { pendingNumRequested: 5 });
  });

  const faults: [number, string, string, string][] = [
    [16, 'sfdc.platform.eventbus.grpc.service.auth.error', 'x', 'auth'],
    [2, 'sfdc.platform.eventbus.grpc.service.auth.refresh.invalid', 'x', 'auth'],
    [3, 'sfdc.platform.eventbus.grpc.subscription.fetch.replayid.corrupted', 'x', 'corrupted'],
    [3, '', 'The Replay ID validation failed. Ensure that … rpcId: 1', 'corrupted'],
    [3, 'sfdc.platform.eventbus.grpc.subscription.fetch.replayid.validation.failed', 'x', 'corrupted'],
    [3, 'sfdc.platform.eventbus.grpc.subscription.fetch.requested.events.invalid', 'x', 'temporary'],
    [8, 'sfdc.platform.eventbus.grpc.subscription.limit.exceeded', 'x', 'limit'],
    [7, 'sfdc.platform.eventbus.grpc.subscription.limit.exceeded', 'x', 'limit'],
    [8, '', 'The service received too many connections', 'limit'],
    [5, '', 'no such topic', 'misconfigured'],
    [7, '', 'no permission', 'misconfigured'],
    [12, '', '', 'temporary'],
    [7, '', 'Received HTTP status code 403', 'temporary'],
    [16, '', 'Received HTTP status code 401', 'temporary'],
    [13, 'sfdc.platform.eventbus.grpc.service.unavailable', 'x', 'temporary'],
    [13, '', 'Received RST_STREAM with code 0 (Call ended without gRPC status)', 'temporary'],
    [14, '', 'Connection dropped', 'temporary'],
    [0, '', '', 'temporary'],
    [99, '', '', 'temporary'],
  ];
  for (const [code, errorCode, details, kind] of faults)
    it(`takes ${code} ${errorCode || details || 'alone'} for ${kind}`, () =>
      assert.equal(faultOfStatus({ code, errorCode, details }, '/event/X__e').kind, kind));
});

describe('Credit', () => {
  it('asks for what the sink takes, never more than 100, and nothing for what is held', () => {
    const credit = new Credit();
    assert.equal(credit.wanted(500, 0), 100);
    assert.equal(credit.wanted(100, 30), 70);
    assert.equal(credit.wanted(0, 0), 0);
    assert.equal(credit.wanted(-5, 0), 0);
    assert.equal(credit.wanted(Number.NaN, 0), 0);
    assert.equal(credit.wanted(2.9, 0), 2);
  });

  it('waits until half of the room is free, unless nothing is owed', () => {
    const credit = new Credit();
    credit.asked(100);
    credit.came(30);
    assert.equal(credit.wanted(100, 0), 0);
    credit.came(20);
    assert.equal(credit.wanted(100, 0), 50);
    credit.came(1_000);
    assert.equal(credit.owed, 0);
    assert.equal(credit.wanted(100, 99), 1);
  });
});
