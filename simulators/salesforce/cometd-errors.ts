/** How the Streaming API says no: `code:arguments:words`, with advice or without. Salesforce reference §2.5. */
import type { Advice, Reply } from './cometd-messages';

/** One refusal, without what names the message it answers. */
export interface BayeuxRefusal {
  error: string;
  advice?: Advice;
  ext?: Record<string, unknown>;
  /** A /meta/disconnect goes out before the reply. */
  disconnectFirst?: boolean;
}

const uriFormat = "URI format: '/cometd/68.0'";
/** What a client must do who cannot be served as it is. */
const giveUp: Advice = { reconnect: 'none', interval: 0 };

export const bayeuxRefusals = {
  /** The token was taken away. */
  auth: { error: '401::Authentication invalid', advice: giveUp },
  handshakeAuth: {
    error: '403::Handshake denied',
    ext: { sfdc: { failureReason: '401::Authentication invalid' }, replay: true },
    advice: { reconnect: 'none' },
  },
  clients: { error: '403::Organization concurrent user limit exceeded' },
  deliveries: { error: '403::Organization total events daily limit exceeded' },
  mayNotSubscribe: { error: '403:denied_by_security_policy:create_denied' },
  mayNotPublish: { error: '403:denied_by_security_policy:publish_denied' },
  noChannel: { error: '400::Channel name not specified' },
  noSlash: { error: "400::Channel subscriptions must start with a leading '/'" },
} satisfies Record<string, BayeuxRefusal>;

/** Answers that stand alone, with neither channel nor id, since no message was looked at. */
export const bareRefusals = {
  noToken: { status: 401, error: '401::Request requires authentication' },
  noVersion: { status: 400, error: `400::API version in the URI is mandatory. ${uriFormat}` },
  oldVersion: {
    status: 400,
    error: `400::Unsupported API version. Only API versions '37.0' and later are supported. ${uriFormat}`,
  },
} as const;

export type UnknownClientVariant = 'handshake' | 'none' | 'disconnectThenNone';

/** The client was dropped. What it is told to do differs in the field. */
export function unknownClient(variant: UnknownClientVariant): BayeuxRefusal {
  const error = '403::Unknown client';
  if (variant === 'handshake') return { error, advice: { interval: 0, reconnect: 'handshake' } };
  return { error, advice: giveUp, disconnectFirst: variant === 'disconnectThenNone' };
}

export const connectionType = (type: string): BayeuxRefusal => ({ error: `400::Invalid connection type {${type}}` });

export const noSuchChannel = (channel: string): BayeuxRefusal => ({
  error: `400::The channel you requested to subscribe to doesn't exist {${channel}}`,
});

/** @param map the client's ext.replay, as Java prints it. */
export const notInReplayMap = (channel: string, map: string): BayeuxRefusal => ({
  error: `400::The replayId for channel {${channel}} wasn't found using the provided replay ID map {${map}}. Ensure that the channel name you provided in the replay map is valid and matches the channel name used for subscribing.`,
});

export const wrongReplayId = (replayId: string): BayeuxRefusal => ({
  error: `400::The replayId {${replayId}} you provided was invalid.  Please provide a valid ID, -2 to replay all events, or -1 to replay only new events.`,
});

export const noCookie = (clientId: string, cookie: string): BayeuxRefusal => ({
  error: `400::Client ${clientId} has established a session, but no ${cookie} cookie present`,
});

/** A refused message's reply, and what goes out before it. */
export function refusedReplies(reply: Reply, { error, advice, ext, disconnectFirst }: BayeuxRefusal): Reply[] {
  const refused = { ...reply, ext, advice, error, successful: false };
  return disconnectFirst ? [{ channel: '/meta/disconnect' }, refused] : [refused];
}
