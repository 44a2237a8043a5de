import { createStreamingSubscriber } from '../../../lib/salesforce/events/streaming';
import { positionOf } from '../../../lib/salesforce/events/streaming-position';
import type { SalesforceSimulator } from '../../../simulators/salesforce/server';
import type { TransportUnderTest } from './transport-under-test';

const dropping = (unknownClientAdvice: 'handshake' | 'none' | 'disconnectThenNone') => ({
  what: `403::Unknown client with the advice ${unknownClientAdvice}`,
  lose(org: SalesforceSimulator): void {
    org.panel.switches({ unknownClientAdvice });
    org.people.act('endStreams');
  },
});

export const transport: TransportUnderTest = {
  name: 'the Streaming API',
  module: __filename,
  create: (_org, options) => createStreamingSubscriber(options),
  subscribeCall: '/meta/subscribe',
  firstCall: '/meta/handshake',
  losses: [
    dropping('handshake'),
    dropping('none'),
    dropping('disconnectThenNone'),
    { what: 'reset connections', lose: (org) => void org.people.act('resetConnections') },
  ],
  refuseSubscriptions(org, times) {
    const advice = { reconnect: 'none', interval: 0 };
    org.panel.fault({
      call: '/meta/subscribe',
      times,
      do: { kind: 'bayeux', error: '401::Authentication invalid', advice },
    });
  },
  quietMs: 110_000,
  silenceMs: 130_000,
  awaitsSign: (org) => org.people.counts().heldConnects === org.people.counts().openStreams,
  namesPlaces: false,
  pulls: false,
  mayLackReplayId: true,
  // What the bus means by a number is known here alone: the first 8 bytes of an id.
  placeOf: (replayId) => positionOf(Buffer.from(replayId, 'base64').readBigUInt64BE().toString()),
  // A number of 64 bits; the others are bytes of the Pub/Sub API.
  replayIdBytes: [10],
};
