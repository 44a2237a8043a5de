import { createPubSubSubscriber } from '../../../lib/salesforce/events/pubsub';
import type { SalesforceSimulator } from '../../../simulators/salesforce/server';
import type { TransportUnderTest } from './transport-under-test';

const ending = (what: string, end: object) => ({
  what,
  lose: (org: SalesforceSimulator): void => void org.people.act('endStreams', end),
});
const root = 'sfdc.platform.eventbus.grpc.service';

export const transport: TransportUnderTest = {
  name: 'Pub/Sub',
  module: __filename,
  create: (org, options) => createPubSubSubscriber({ ...options, endpoint: org.pubsub }),
  subscribeCall: 'Subscribe',
  firstCall: 'GetTopic',
  losses: [
    ending('a plain end', { code: 0 }),
    ending('13, service unavailable', { code: 13, errorCode: `${root}.unavailable` }),
    ending('13, a reset without a status', { code: 13, details: 'Received RST_STREAM with code 0' }),
    ending('14', { code: 14 }),
    { what: 'reset connections', lose: (org) => void org.people.act('resetConnections') },
  ],
  refuseSubscriptions(org, times) {
    const details = 'An authentication exception occurred. Provide valid authentication via metadata headers.';
    org.panel.fault({
      call: 'Subscribe',
      times,
      do: { kind: 'grpc', code: 16, errorCode: `${root}.auth.error`, details },
    });
  },
  quietMs: 61_000,
  silenceMs: 130_000,
  namesPlaces: true,
  pulls: true,
  mayLackReplayId: true,
  placeOf: (replayId) => replayId,
  replayIdBytes: [8, 10, 12],
};
