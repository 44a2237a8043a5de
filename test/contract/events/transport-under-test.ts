import type { Subscriber } from '../../../lib/salesforce/contract';
import type { SubscriberOptions } from '../../../lib/salesforce/events/subscriber';
import type { SalesforceSimulator } from '../../../simulators/salesforce/server';

/** Where an org is found. */
export type OrgAddress = Pick<SalesforceSimulator, 'url' | 'pubsub'>;

/** What the suite of intake needs of a transport. Exported as `transport` by a module of its own, for a child process too. */
export interface TransportUnderTest {
  name: string;
  /** Absolute path of the module that exports it. */
  module: string;
  create(org: OrgAddress, options: SubscriberOptions): Subscriber;
  /** The simulator's name of the call that subscribes, and of the first call on a new connection. */
  subscribeCall: string;
  firstCall: string;
  /** Ways in which Salesforce ends its streams while the org stays up. */
  losses: { what: string; lose(org: SalesforceSimulator): void }[];
  /** Refuses the next subscriptions, the token's fault, while logins and REST are good; 0: all. */
  refuseSubscriptions(org: SalesforceSimulator, times: number): void;
  /** ms of quiet after which the server shows that it lives; ms of silence after which the stream is dead. */
  quietMs: number;
  silenceMs: number;
  /** Whether the server has all that the client sends to hear a sign of life; without it it always has. */
  awaitsSign?(org: SalesforceSimulator): boolean;
  /** Signs of life name a place, which is stored. */
  namesPlaces: boolean;
  /** Events are asked for, not pushed. */
  pulls: boolean;
  /** Events may come without a replay id. */
  mayLackReplayId: boolean;
  /** How it writes down the place of a replay id that the org gave out, both base64. */
  placeOf(replayId: string): string;
  /** Lengths of a replay id in bytes that it carries unharmed. */
  replayIdBytes: readonly (8 | 10 | 12)[];
}
