/** How this org behaves: what a test or the panel may change while it runs. */
import { z } from 'zod';

const names = z.array(z.string());
const count = z.number().int().min(0);

/** All switches with the values of a fresh org. @param usernames users approved for the app. */
export const switchesOf = (usernames: readonly string[]) =>
  z.strictObject({
    // The schema. Names are `Order.Field__c`, or `Field__c` for every sObject that has it.
    /** Fields the org does not have. */
    missingFields: names.default([]),
    /** Fields our user may not see: to it they do not exist. */
    hiddenFields: names.default([]),
    /** Fields our user may not write. */
    readOnlyFields: names.default([]),
    /** The org has several currencies: each record tells its own in CurrencyIsoCode. */
    severalCurrencies: z.boolean().default(false),

    // Automation.
    /** The Flow publishes OrderProvisionRequested__e when an Order turns Activating. */
    flowPublishes: z.boolean().default(true),
    /** Orders are selected for Change Data Capture: each commit is told on /data/OrderChangeEvent. */
    changeDataCapture: z.boolean().default(false),
    /** The event goes out before its transaction commits; the commit follows after `commitDelayMs` of the virtual clock. */
    publishImmediately: z.boolean().default(false),
    commitDelayMs: count.default(2000),
    /** The validation rule that refuses a result of an older attempt. */
    attemptRule: z.boolean().default(true),
    /** Our user holds the permission Edit Activated Orders. */
    editActivatedOrders: z.boolean().default(true),

    // REST.
    /** Rows of one page of a query, and of one page of its children. */
    pageSize: z.number().int().min(1).max(2000).default(2000),
    childPageSize: z.number().int().min(1).max(2000).default(2000),
    /** What stands for an empty list of children. */
    noChildren: z.enum(['null', 'empty']).default('null'),
    /** The daily cap of API requests; above it every call is refused. */
    apiRequestsMax: count.default(1_000_000),
    apiRequestsUsed: count.default(0),
    /** Answers bear the server's time; a proxy may take it out. */
    dateHeader: z.boolean().default(true),
    /** If-Unmodified-Since is looked at. */
    conditionalRequests: z.boolean().default(true),

    // Logins.
    audiences: names.default(['https://login.salesforce.com']),
    /** `exp` of an assertion may lie this many seconds back and ahead. */
    expPastSeconds: count.default(180),
    expFutureSeconds: count.default(600),
    /** By which clock: `either` also takes what is right by wall time, since a client's clock does not jump ahead. */
    expClock: z.enum(['either', 'virtual']).default('either'),
    /** Users for whom an admin approved the app. */
    approvedUsers: names.default([...usernames]),
    /** Users whose profile lacks the app although it is approved: invalid_app_access. */
    unapprovedByAdmin: names.default([]),
    /** What is wrong with the run-as user. */
    userState: z.enum(['active', 'inactive', 'locked', 'ipRestricted', 'authenticationFailure']).default('active'),
    /** `notInstalled`: app_not_found. `tooYoung`: invalid_client_id, as in an app's first ten minutes. */
    appState: z.enum(['installed', 'notInstalled', 'tooYoung']).default('installed'),
    orgState: z.enum(['active', 'inactive']).default('active'),
    loginsPerHour: count.default(3600),
    /** A session ends after so long without a call. */
    sessionTimeoutMs: count.default(2 * 3_600_000),
    /** Base URL that a token's answer names; null: the simulator's own. */
    instanceUrl: z.string().nullable().default(null),
    /** A token works on the host of its own instance_url alone. */
    tokensBoundToInstance: z.boolean().default(false),
    scope: z.string().default('api id'),
    /** Added to every token: real ones may be long. */
    tokenLength: z.number().int().min(20).max(2000).default(96),
    /** REST answers 401 to every token, however fresh. */
    refuseEverySession: z.boolean().default(false),
    /** Pub/Sub answers 16 to every token, however fresh. */
    refuseEveryStream: z.boolean().default(false),

    // The event bus.
    retentionMs: count.default(72 * 3_600_000),
    /** An empty answer goes out after so long without an event while some are owed. */
    keepaliveMs: z.number().int().min(1).default(60_000),
    suppressKeepalives: z.boolean().default(false),
    /** Keepalives carry latest_replay_id. */
    keepaliveReplayId: z.boolean().default(true),
    /** Answers carry latest_replay_id; events carry replay_id. */
    latestReplayId: z.boolean().default(true),
    eventReplayId: z.boolean().default(true),
    /** Length of a replay id in bytes: 8, 10 or 12. */
    replayIdBytes: z.union([z.literal(8), z.literal(10), z.literal(12)]).default(10),
    /** An 8-byte id is taken for the 10-byte one. */
    lenientReplayId: z.boolean().default(false),
    /** Replay ids skip up to so many numbers. */
    replayIdGap: z.number().int().min(1).default(5),
    /** Events in one answer. */
    eventsPerResponse: z.number().int().min(1).max(100).default(100),
    /** Nothing owed for so long ends the stream, with this gRPC status (0: a plain end). */
    creditTimeoutMs: count.default(60_000),
    creditTimeoutCode: z.number().int().min(0).max(16).default(0),
    maxStreams: count.default(1000),
    /** Deliveries to all subscribers; null: no cap. */
    maxDeliveries: count.nullable().default(null),
    /** gRPC status of an unknown topic. */
    unknownTopicCode: z.number().int().min(1).max(16).default(5),
    canSubscribe: z.boolean().default(true),
    /** A Subscribe call is answered with headers as soon as it comes, before it is looked at; else with its first answer. */
    headersAtOnce: z.boolean().default(false),

    // The Streaming API.
    /** A connect without events is held so long. */
    connectHoldMs: z.number().int().min(1).default(110_000),
    /** A client is asked to wait so long before each connect; it is not held to it. */
    connectPauseMs: count.default(0),
    /** A client that does not connect again so long after events, or after an answer without any, is removed. */
    reconnectAfterEventsMs: count.default(40_000),
    reconnectAfterIdleMs: count.default(110_000),
    /** A client must send the cookie of its handshake back. */
    cookiesRequired: z.boolean().default(true),
    /** What a client that was dropped is told. */
    unknownClientAdvice: z.enum(['handshake', 'none', 'disconnectThenNone']).default('handshake'),
    maxCometdClients: count.default(2000),
  });

export type SwitchValues = z.infer<ReturnType<typeof switchesOf>>;
