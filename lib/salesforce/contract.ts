/** What the rest of lib knows of Salesforce: one order with its items, the write-back, the events. */
import type { JsonObject } from '../json';

/** Names of the custom fields, as set on the nodes. null: this org has no such field, leave it out. */
export interface FieldNames {
  activationStatus: string;
  whmcsOrderId: string;
  errorCode: string;
  errorMessage: string;
  /** Optional ones, used where the org has them. */
  attempt: string | null;
  resultAttempt: string | null;
  errorAt: string | null;
  itemServiceId: string | null;
  account: string;
  /** Paths from an item: `OrderItem.Domain__c`, `PricebookEntry.…`, `Order.…`, `Account.…`; a name alone is of the product. */
  productId: string;
  billingCycle: string;
  /** Paths of what is read of each item besides. */
  further?: readonly string[];
}

export const defaultFieldNames: FieldNames = {
  activationStatus: 'Activation_Status__c',
  whmcsOrderId: 'WHMCS_Order_ID__c',
  errorCode: 'Activation_Error_Code__c',
  errorMessage: 'Activation_Error_Message__c',
  attempt: 'Activation_Attempt__c',
  resultAttempt: 'Activation_Result_Attempt__c',
  errorAt: 'Activation_Error_At__c',
  itemServiceId: 'WHMCS_Service_ID__c',
  account: 'WH_Account__c',
  productId: 'WH_Product_ID__c',
  billingCycle: 'Billing_Cycle__c',
};

/** Longest exchange with Salesforce, ms. A request that was not answered by then counts as carried out, or never. */
export const exchangeTimeoutMs = 30_000;

/** An Order as read in one SOQL. Ids are 18 characters. */
export interface SalesforceOrder {
  id: string;
  number: string;
  /** A page to open in Salesforce. */
  url: string;
  /** Activation_Status__c, '' when empty. */
  activationStatus: string;
  whmcsOrderId: string | null;
  /** Activation_Attempt__c; null when the org has no such field or it is empty. */
  attempt: number | null;
  pricebookId: string | null;
  totalAmount: number | null;
  /** Wall ms by the server's own clock. Never changes. */
  createdAt: number;
  /** Wall ms and who; the server's own clock. */
  lastModifiedAt: number;
  lastModifiedById: string;
  /** The server's own time when it answered, wall ms, whole seconds; null when its answer bore none. */
  serverNow: number | null;
  /**
   * What keeps a late result out. attempt: Salesforce itself, since both attempt fields can be used and the attempt is
   * counted. lastModified: our write must not go over a change that was not read.
   */
  fence: 'attempt' | 'lastModified';
  account: { id: string; name: string; whAccount: string | null } | null;
  items: SalesforceOrderItem[];
}

export interface SalesforceOrderItem {
  id: string;
  quantity: number;
  unitPrice: number | null;
  pricebookEntryId: string | null;
  /** null when the item has no product. */
  product: {
    id: string;
    name: string;
    code: string | null;
    productId: string | null;
    billingCycle: string | null;
    isActive?: boolean;
  } | null;
  /** The further fields that were asked for, by path. */
  further?: Record<string, string | null>;
}

/** An Order that carries the same WHMCS order's id as another one. */
export interface NamingOrder {
  id: string;
  number: string;
}

/** What is written to an Order; absent keys are left alone, null clears. */
export interface OrderChange {
  activationStatus?: 'Activating' | 'Activated' | 'Failed';
  whmcsOrderId?: string | null;
  errorCode?: string | null;
  errorMessage?: string | null;
  errorAt?: number | null;
  /** Raised with *Activating*; left out where the org has no such field, or where our user may not write it. */
  attempt?: number;
  resultAttempt?: number | null;
}

/**
 * How a PATCH ended.
 * - refused: Salesforce said no (validation, permission, missing field): repeating it as it is won't help.
 * - changed: 412, the record was changed since `ifUnmodifiedSince`.
 * - later: it will go later (locked row, limits, session, 5xx answered before doing anything).
 * - unknown: no answer: it may have been written; read before the next PATCH.
 */
export type WriteEnd =
  | { kind: 'written' }
  | { kind: 'refused'; code: string; message: string; fields: string[] }
  | { kind: 'changed' }
  | { kind: 'later'; code: string; message: string }
  | { kind: 'unknown'; code: string; message: string };

/** Thrown by reads after their bounded retries, and by logins. */
export class SalesforceError extends Error {
  override readonly name = 'SalesforceError';
  constructor(
    /** An errorCode of Salesforce (INVALID_FIELD), an OAuth error (invalid_grant), an HTTP status ('503') or ETIMEOUT, ECONNREFUSED … */
    readonly code: string,
    message: string,
    readonly kind: 'auth' | 'permission' | 'query' | 'limit' | 'temporary',
    options?: { cause?: unknown },
  ) {
    super(message, options);
  }
}

export interface Salesforce {
  /** Names the org and user: login host and username. No secret. */
  readonly key: string;
  /** User id that our writes carry; known after the first login. */
  readonly userId: string | null;
  /** null: no such order, or not visible to our user. */
  readOrder(orderId: string, fields: FieldNames, signal?: AbortSignal): Promise<SalesforceOrder | null>;
  /**
   * Other Orders than `except` whose field of the WHMCS order's id holds one of `texts`, in whatever case of letters: the
   * oldest first, three at most. Those that are deleted, or hidden from our user, are not among them.
   */
  ordersNaming(
    texts: readonly string[],
    except: string,
    fields: FieldNames,
    signal?: AbortSignal,
  ): Promise<NamingOrder[]>;
  /** Whether an Order that `readOrder` does not show is known to be deleted; false: perhaps it is just hidden from our user. */
  isDeleted(orderId: string, signal?: AbortSignal): Promise<boolean>;
  /**
   * Fields that the org lacks, or that our user may not write, are left out with one alarm for each, all but the status and
   * the WHMCS order's id: those refuse the write. A result attempt that may not be written ends it as `later`: the next
   * read names another fence.
   */
  writeOrder(
    orderId: string,
    change: OrderChange,
    fields: FieldNames,
    options?: { ifUnmodifiedSince?: number; signal?: AbortSignal },
  ): Promise<WriteEnd>;
  /** WHMCS service ids onto the items; a missing field is no error. */
  writeItems(
    values: { itemId: string; serviceId: string }[],
    fields: FieldNames,
    signal?: AbortSignal,
  ): Promise<WriteEnd>;
  /** How the last calls went; makes none itself. */
  health(): SalesforceHealth;
}

export interface SalesforceHealth {
  auth: 'never' | 'ok' | 'failed';
  /** Of the last failure: code and text, no secret. */
  error: { code: string; message: string } | null;
  lastOkAt: number | null;
}

// ------------------------------------------------------------------ events

/** A decoded platform event, as a subscriber hands it on. */
export interface ReceivedEvent {
  channel: string;
  /** base64 of the exact bytes; null when the transport sent none. */
  replayId: string | null;
  eventId: string;
  createdAt: number | null;
  /** Fields as Salesforce sent them; 64-bit numbers as strings, dates ISO. */
  payload: JsonObject;
}

/** One that could not be decoded. */
export interface UnreadableEvent {
  channel: string;
  replayId: string | null;
  eventId: string;
  raw: string;
  reason: string;
}

export type SubscriberPhase =
  'stopped' | 'connecting' | 'connected' | 'catchingUp' | 'standingBy' | 'backingOff' | 'deaf' | 'misconfigured';

/** One object that status and health are derived from. */
export interface SubscriberState {
  phase: SubscriberPhase;
  channel: string;
  /** With misconfigured, deaf and backingOff: what is wrong and what to do. */
  problem: { code: string; message: string } | null;
  /** Wall ms of the next try; null: none is due. */
  retryAt: number | null;
  lastEventAt: number | null;
  lastKeepaliveAt: number | null;
  /** base64 of the last durable position. */
  position: string | null;
  /** Events of this subscriber, those that could not be decoded included. */
  received: number;
  /** ms from publishing to receipt, of the newest event that told its time; by two clocks, so small errors are normal. */
  delayMs: number | null;
  deliveries: Deliveries;
  /** The last time that events may have been lost; null: never since this subscriber began. */
  gap: EventGap | null;
}

/** Deliveries of one channel to this process, replays included: Salesforce counts each against the org's allowance. */
export interface Deliveries {
  /** In the last 24 hours. */
  today: number;
  /** Wall ms since when they are counted; at most 24 hours ago. */
  since: number;
  /** As set; null: none is known. */
  allowance: number | null;
}

/** A stretch of time whose events may never come: the place to go on from was not known to Salesforce any more. */
export interface EventGap {
  channel: string;
  /** Wall ms up to which everything had come; null: not known. */
  from: number | null;
  /** Wall ms at which it was noticed. */
  until: number;
  /** base64 of the place that is unknown. */
  position: string;
}

/** Where a stream is to begin. */
export type StartPlace = (
  | {
      /** base64; the events strictly after it. */
      replayId: string;
      /** Wall ms up to which everything is known to have come. */
      through?: number | null;
    }
  | { preset: 'LATEST' | 'EARLIEST' }
) & {
  /** Events that were created before this wall ms are passed over, not handed on. */
  createdSince?: number;
  /** A person named this place: if it is unknown, that is no gap. */
  asked?: boolean;
};

/** Thrown by a sink: this very event can never be stored as it is. It is handed on as unreadable then. */
export class EventRefused extends Error {
  override readonly name = 'EventRefused';
}

/**
 * What a subscriber asks of its owner. `event` and `unreadable` are awaited, one at a time, in the order of the channel,
 * and repeated until they have stored it; what was stored already is no error. Positions are numbered in the order of the
 * calls: one that takes effect after a later call must change nothing.
 */
export interface EventSink {
  /** Store it durably, with its position. A rejection is tried again, ever more rarely; nothing is lost meanwhile. */
  event(event: ReceivedEvent): Promise<void>;
  unreadable(event: UnreadableEvent): Promise<void>;
  /** A keepalive named a later position and everything before it is stored. Not awaited by events that follow. */
  position(replayId: string): Promise<void>;
  /**
   * An event was passed over, since it was created before `createdSince`; what came after it may have been as well. The next
   * stream need not begin further back. Called as `position` is.
   */
  passed(replayId: string): Promise<void>;
  /** How many more events may come now (0 to 100). */
  capacity(): number;
  /**
   * Where to start, asked before each stream: a stored position, else the preset. LATEST leaves out what came before, so it
   * is for the first stream of all.
   */
  start(): Promise<StartPlace>;
  /** The place of `start` is not known to Salesforce any more; the stream goes on from EARLIEST. */
  gap?(gap: EventGap): void;
}

/** One interface, several transports (Pub/Sub here; CometD is to stand beside it). */
export interface Subscriber {
  readonly state: SubscriberState;
  start(): void;
  /** Tell it that capacity may have grown. */
  poke(): void;
  onState(listener: (state: SubscriberState) => void): () => void;
  /** Ends the stream and every timer; resolves when nothing is left. */
  close(): Promise<void>;
}
