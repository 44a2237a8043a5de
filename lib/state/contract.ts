/**
 * The durable state: one contract, several engines. Each engine passes the suite in `test/contract/state`.
 *
 * Everything is asynchronous, although the embedded engine answers at once, so that an engine behind a network fits.
 * When a call rejects with `StoreError` its effect is unknown: read before you go on.
 */
import type { Json, JsonObject } from '../json';

export interface StateStore {
  readonly engine: 'embedded' | 'redis';
  /** Eight hexadecimal digits that name this store for ever; part of the marker in WHMCS. */
  readonly id: string;
  /** Wall ms at which this store was created. */
  readonly bornAt: number;
  readonly cursor: Cursor;
  readonly inbox: Inbox;
  readonly ledger: Ledger;
  readonly claims: Claims;
  readonly openIntents: OpenIntents;
  readonly leases: Leases;
  readonly idMappings: IdMappings;
  readonly timeline: Timeline;
  /** Why the absence of a ledger proves nothing here, or null. `until` is the wall ms at which the doubtful span ended. */
  doubt(): Promise<Doubt | null>;
  /** An operator's word that records may be missing (a restored backup), or that they are whole again. */
  setDoubt(doubt: Omit<Doubt, 'id'> | null): Promise<void>;
  /** `Doubt.id` of the doubt that this process has last seen; null: none, or one without a name. */
  readonly doubtId: string | null;
  /** Whether the process that sent an intent is proven dead (it can never send again). */
  isDead(sender: Sender): Promise<boolean>;
  health(): Promise<StoreHealth>;
  /** Gives events in work back to the waiting ones without a count, lets go of files and connections. Idempotent. */
  close(): Promise<void>;
}

export interface Doubt {
  reason: string;
  /** May be put later or earlier by a look, where clocks were wrong. */
  until: number;
  /**
   * Names this doubt: what was put on record under this name was so after the loss, whatever any clock says. null for an
   * operator's word and for a doubt that an older pack noticed, which have their time alone.
   */
  id: string | null;
}

/** Who sent, or is about to send, a call that may have an effect. `instance` is made anew by each process. */
export interface Sender {
  instance: string;
  /** Of the host, then the namespace of its process ids where that is known. */
  bootId: string;
  pid: number;
  /** Start time of the process, in clock ticks since boot; tells a re-used pid apart. */
  startTime: string;
}

export interface StoreHealth {
  ok: boolean;
  /** Plain words; no path and no host. */
  detail: string;
  latencyMs: number;
  /** What works today and endangers orders all the same; plain words that say what to do. */
  warnings?: string[];
}

export class StoreError extends Error {
  override readonly name = 'StoreError';
  /** With LOCKED: the process that owns the store, where that is known. */
  readonly ownerPid: number | null;
  constructor(
    /** LOCKED: another process owns it. READ_ONLY, CORRUPT, NEWER, UNAVAILABLE: as they say. INVALID: our caller's fault. */
    readonly code: 'LOCKED' | 'READ_ONLY' | 'CORRUPT' | 'NEWER' | 'NETWORK_FS' | 'UNAVAILABLE' | 'INVALID',
    message: string,
    options?: { cause?: unknown; ownerPid?: number },
  ) {
    super(message, options);
    this.ownerPid = options?.ownerPid ?? null;
  }
}

// ------------------------------------------------------------------ cursor

/** A place in a channel. `replayId` is base64 of the exact bytes; ids are opaque and never compared (exactly-one F21). */
export interface Position {
  replayId: string;
  /** Fence of the subscriber's lease, then the count of its writes: the pair only grows. */
  fence: number;
  sequence: number;
}

export interface Cursor {
  read(channel: string): Promise<Position | null>;
  /** 'older': a newer (fence, sequence) stands; nothing was written. */
  write(channel: string, position: Position): Promise<'moved' | 'older'>;
  /** Forgets the position, as deleting the key by hand does. */
  clear(channel: string): Promise<void>;
}

// ------------------------------------------------------------------- inbox

export type Delivery = 'live' | 'replay' | 'recovered' | 'retry';
export type InboxState = 'waiting' | 'inWork' | 'parked' | 'finished' | 'failed' | 'dead';
/** How an event ended. */
export type EventEnd = 'Activated' | 'Failed' | 'Skipped' | 'Done' | 'Dead';

export interface IncomingEvent {
  channel: string;
  /** base64; null for one that did not come from the bus (a retry, a sweep). */
  replayId: string | null;
  /** The event's own id; published by others, so it may repeat. */
  eventId: string;
  /** Wall ms, as Salesforce stamped it; null when unknown. */
  createdAt: number | null;
  receivedAt: number;
  /** 18 characters, or null when the event names none. */
  orderId: string | null;
  delivery: Delivery;
  /** The fields as Salesforce sent them. */
  payload: JsonObject;
}

export interface InboxEvent extends IncomingEvent {
  /** `ev-<hash>` of channel, replay id, event id, CreatedDate and order id (exactly-one F16). */
  id: string;
  state: InboxState;
  /** Counts hand-outs; a newer one makes an older one stale. 0 before the first. A retry raises it too, so that nothing of the old run ends the new one. */
  handout: number;
  /**
   * Process deaths while it was in work: it waits again after each but the fifth, which makes it dead with no `end`, until
   * somebody has told it. A process that ends by itself without closing the store counts, unless the engine hears of it.
   */
  crashes: number;
  /** Hand-outs in vain since the last sign of progress (see `Inbox.release`). */
  fruitless: number;
  /** Not before this wall ms; null unless parked or deferred. */
  notBefore: number | null;
  /** Why it is parked, dead or failed; plain words. */
  reason: string | null;
  /** While parked: what it waits for, see `Inbox.wakeNext`. */
  waitsFor: string | null;
  end: EventEnd | null;
  endedAt: number | null;
  /** The last failure that was recorded for it (see `Inbox.recordFailure`). Kept with the end, for people; a retry forgets it. */
  failure: Json;
}

export interface Inbox {
  /**
   * Adds an event and, when given, moves the cursor with it. A duplicate within 7 days (by `receivedAt`), or of an event that
   * is still open, is not added; the cursor moves all the same.
   */
  add(event: IncomingEvent, position?: Position): Promise<{ id: string; isNew: boolean }>;
  /** An event that could not be read: straight to the dead ones, raw bytes kept (base64), the cursor moved with it. */
  addUnreadable(
    event: Omit<IncomingEvent, 'payload'> & { raw: string; reason: string },
    position?: Position,
  ): Promise<{ id: string; isNew: boolean }>;
  /**
   * Hands out the event that has waited longest and whose order has none in work (parked ones of an order do not block
   * it, but an older one goes first). Raises `handout`, marks it in work by this instance. Null: nothing to do now. One that
   * is parked for longer than `parkedAtMostMs` from `now` goes at once: our clock was ahead when it was parked.
   */
  take(channel: string, now: number): Promise<InboxEvent | null>;
  /** Hands the same event out again at once: raises `handout`. Null when it is no longer in work under `handout`. */
  handOutAgain(id: string, handout: number, why: 'deploy' | 'silence'): Promise<InboxEvent | null>;
  /**
   * Parks it until `until`, or until what it waits for is free; frees its place. Doesn't count as fruitless.
   * 'stale': a newer hand-out or an end stands.
   */
  park(id: string, handout: number, until: number, reason: string, waitsFor?: string): Promise<'parked' | 'stale'>;
  /** A parked or deferred event may go at once. */
  wake(id: string): Promise<boolean>;
  /** `waitsFor` is free: of the events parked for it, whatever their channel, the first in the line may go at once. Null: none. */
  wakeNext(waitsFor: string): Promise<InboxEvent | null>;
  /** Gives an event in work back to the waiting ones, without a count. */
  release(id: string, handout: number): Promise<'released' | 'stale'>;
  /** The first end stands. 'repeat': the same end stands already. 'other': another end stands. 'stale': a newer hand-out exists. */
  finish(
    id: string,
    handout: number | 'any',
    end: EventEnd,
    reason: string | null,
    now: number,
  ): Promise<'finished' | 'repeat' | 'other' | 'stale'>;
  /** Keeps a step's failure with the event until something tells it. Nothing happens under an old hand-out or after an end. */
  recordFailure(id: string, handout: number, failure: JsonObject): Promise<void>;
  get(id: string): Promise<InboxEvent | null>;
  /** Events of an order, newest first. */
  ofOrder(orderId: string): Promise<InboxEvent[]>;
  /** Open ones by their place in the line; of the dead those without an end first; ended ones newest first. */
  inState(channel: string | null, state: InboxState, limit: number): Promise<InboxEvent[]>;
  /** What is in work in this very process, by its place in the line; other instances of a shared store have their own. */
  inWorkHere(channel: string): Promise<InboxEvent[]>;
  /** A finished, failed or dead event goes to the end of the line as a retry. False: it is not in such a state, or was unreadable. */
  retry(id: string): Promise<boolean>;
  /** A waiting or parked event not before `until`; it then counts as waiting, so that what wakes the parked leaves it. False: it is not in such a state. */
  defer(id: string, until: number, reason: string): Promise<boolean>;
  counts(channel: string | null): Promise<Record<InboxState, number> & { oldestWaitingAt: number | null }>;
  /** Raw bytes of an unreadable event, base64. */
  raw(id: string): Promise<string | null>;
  /** Forgets finished events older than 7 days. Failed and dead ones are kept for ever. */
  prune(now: number): Promise<number>;
}

// ------------------------------------------------------------------ ledger

/**
 * Facts: what happened to one intent; append-only, idempotent, never refused, whoever holds the lease (exactly-one F9).
 * `intent` is the intent's id, `a<n>` for AddOrder and `c<n>` for AcceptOrder.
 */
export interface Fact {
  intent: string;
  kind: 'sent' | 'not-sent' | 'call-ended' | 'order-seen';
  /** With order-seen. */
  whmcsOrderId?: number;
  /** Wall ms, for people. */
  at: number;
  /** What ended it, in plain words: `success`, `ETIMEOUT`, `502`. */
  detail?: string;
}

/**
 * The state of an order as lib/provisioning keeps it. The store looks at nothing in it but `format`.
 * `format` grows when its shape changes; one that is newer than the pack knows is refused (NEWER), not guessed at.
 */
export type OrderState = JsonObject & { format: number };

export interface LedgerEntry {
  /** The highest fence handed out for this order. */
  fence: number;
  state: OrderState | null;
  facts: Fact[];
}

export interface Ledger {
  read(orderId: string): Promise<LedgerEntry>;
  /** Never refused; a repeat of the same fact changes nothing. */
  record(orderId: string, fact: Fact): Promise<void>;
  /** Replaces the state under the fence of the lease `order:<orderId>`. 'fenced': a newer fence exists; nothing was written. */
  write(orderId: string, fence: number, state: OrderState): Promise<'written' | 'fenced'>;
  /** Orders whose state carries `todo` (a word kept at its top level), e.g. 'report' or 'settle'; at most `limit`, those that have carried it longest first. */
  withTodo(todo: string, limit: number): Promise<string[]>;
}

export interface Claims {
  /** Gives a WHMCS order to a Salesforce order, for ever, unless another has it. `whmcs` names the installation. */
  claim(whmcs: string, whmcsOrderId: number, orderId: string): Promise<{ by: string; isNew: boolean }>;
  holder(whmcs: string, whmcsOrderId: number): Promise<string | null>;
}

/** Unsettled add intents per WHMCS client: durable, no leases (exactly-one R3). Written before the intent, removed after it is settled. */
export interface OpenIntents {
  open(whmcs: string, clientId: number, orderId: string, intent: string): Promise<void>;
  close(whmcs: string, clientId: number, orderId: string, intent: string): Promise<void>;
  of(whmcs: string, clientId: number): Promise<{ orderId: string; intent: string }[]>;
}

// ------------------------------------------------------------------- lease

export interface Lease {
  name: string;
  /** Made anew by each acquisition, never per process (exactly-one R13). */
  token: string;
  fence: number;
}

/** Leases save work; the intent is the mutex. `order:<id>`, then `client:<whmcs>:<id>`, one of each, in this order; also `leader:<channel>`. */
export interface Leases {
  /** Null while another holder's lease stands. Each acquisition raises the fence. */
  acquire(name: string, ttlMs: number): Promise<Lease | null>;
  /** False when another has taken it. One that has run out is renewed as long as nobody has. */
  renew(lease: Lease, ttlMs: number): Promise<boolean>;
  /** False when it was no longer ours. */
  release(lease: Lease): Promise<boolean>;
}

// -------------------------------------------------------------- id mappings

/** Who is who: the portal's user, the WHMCS client, the Salesforce account. Each is unique. */
export interface IdMapping {
  portalUserId: string | null;
  whmcsClientId: number;
  sfAccountId: string;
}

export interface IdMappings {
  bySfAccount(sfAccountId: string): Promise<IdMapping | null>;
  byWhmcsClient(whmcsClientId: number): Promise<IdMapping | null>;
  /** Client and account stay together; their portal user may be learnt later. 'conflict': one of the ids belongs to another mapping; nothing was written. */
  put(mapping: IdMapping): Promise<'written' | 'conflict'>;
}

/** A table of ids that is kept apart from the store. */
export interface IdMappingsTable extends IdMappings {
  /** Why the last question to it had no answer, in plain words; null: it had, or none was asked yet. */
  readonly problem: string | null;
  /** Tells of each other `problem`. */
  onProblem(listener: () => void): () => void;
  /** Asks it. Bounded; never rejects. */
  health(): Promise<StoreHealth>;
  /** Leaves no socket. Idempotent. */
  close(): Promise<void>;
}

/** The table of ids gave no answer that can be used. Its message says what to do and names no host and no password. */
export class IdMappingsError extends Error {
  override readonly name = 'IdMappingsError';
  constructor(
    /**
     * UNAVAILABLE: it is away, slow, or not as it was described; it says nothing about any account. AMBIGUOUS: it links the
     * same account, or client, more than once and not alike.
     */
    readonly code: 'UNAVAILABLE' | 'AMBIGUOUS',
    message: string,
    options?: { cause?: unknown },
  ) {
    super(message, options);
  }
}

// ---------------------------------------------------------------- timeline

export interface TimelineEntry {
  orderId: string;
  eventId: string;
  /** The attempt in force: at the start of a step that runs, at the end of one that has ended. A step may open one. */
  attempt: number;
  /** A step name of the runbook. */
  step: string;
  status: 'started' | 'done' | 'failed' | 'skipped' | 'parked';
  /** Wall ms. */
  startedAt: number;
  ms: number | null;
  detail: string;
}

export interface Timeline {
  /** The outcome of a started step replaces its *started* entry: key is (event, step, startedAt). */
  append(entry: TimelineEntry): Promise<void>;
  /** Oldest first. */
  ofOrder(orderId: string): Promise<TimelineEntry[]>;
}
