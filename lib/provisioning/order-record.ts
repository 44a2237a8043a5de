/** What the ledger's state of one Salesforce Order holds, and how it is read back. */
import { z } from 'zod';
import { StoreError, type OrderState } from '../state/contract';

export const recordFormat = 1;

/** The result of an event that failed before it opened an attempt: which one it was of, nobody has read. No org's number: counters of people may well begin at 0. */
export const anyAttempt = -1;

const sender = z.object({ instance: z.string(), bootId: z.string(), pid: z.number(), startTime: z.string() });

/** When it was put on record, and under which doubt of the store: see `Recorded`. */
const recorded = { at: z.number(), doubt: z.string().nullable().optional() };

/** What was asked for, so that a row in WHMCS can be compared with it. */
const askedItem = z.object({
  orderItemId: z.string(),
  pid: z.number(),
  billingCycle: z.string(),
  quantity: z.number(),
  /** Per unit and cycle, as WHMCS prices it; null when not known. */
  price: z.string().nullable(),
  /** What was asked for of configurable options, by id; absent where nothing was, and in old records. */
  options: z.record(z.string(), z.number()).optional(),
  /** The price of Salesforce's that AddOrder was given, per unit and cycle; absent where it was given none, and in old records. */
  priceOverride: z.string().optional(),
});

const addIntent = z.object({
  /** `a1`, `a2` …, never used again for this order. */
  id: z.string(),
  /** 1, raised only on a person's word, after the order of the one before is dead. */
  generation: z.number(),
  ...recorded,
  sender,
  /** Key of the WHMCS installation. */
  whmcs: z.string(),
  clientId: z.number(),
  items: z.array(askedItem),
  /** As written to WHMCS: `sfOrderId=<18>;i=<store8>-<intent>`. */
  marker: z.string(),
  /** Highest order id of the client before the call; null: not known (a doubtful store). Too low costs nothing but work. */
  watermark: z.number().nullable(),
  /** The node's settings at that time: background settling goes by them. */
  terms: z
    .object({
      markerIn: z.enum(['notes', 'field', 'none']),
      resend: z.enum(['once', 'never']),
      /** Absence in WHMCS is believed after this long, at the earliest. */
      quarantineMs: z.number(),
    })
    .default({ markerIn: 'notes', resend: 'never', quarantineMs: 0 }),
  /** The attempt in which a person pressed Retry after settling had stopped: add again if nothing is found and `resend` lets it. */
  askedAgain: z.number().nullable().default(null),
  /** What Salesforce named as the WHMCS order when the call was made; null: nothing, or it was seen empty since a stop. Absent in old records. */
  named: z.string().nullable().optional(),
  /** A person's word, given after it was stopped: make an order if nothing is found, whatever `resend` says. */
  newOrderAsked: z.boolean().default(false),
  /** null: unsettled. */
  settled: z
    .object({
      /** success and adopted name an order; not-sent, refused and none say that this intent made none. */
      how: z.enum(['success', 'adopted', 'not-sent', 'refused', 'none']),
      at: z.number(),
      detail: z.string(),
    })
    .nullable(),
  /** A person must decide; the intent stays unsettled. */
  stopped: z
    .object({
      at: z.number(),
      code: z.string().default('WHMCS_OUTCOME_UNKNOWN'),
      reason: z.string(),
      candidates: z.array(z.number()),
      /** A later attempt settles anew. */
      attempt: z.number().default(0),
    })
    .nullable(),
});

const acceptIntent = z.object({
  /** `c1`, `c2` … */
  id: z.string(),
  ...recorded,
  sender,
  whmcs: z.string(),
  whmcsOrderId: z.number(),
  /** As in an intent to add. */
  quarantineMs: z.number().default(0),
  settled: z
    .object({
      /** done: Active with live services. partial: Active, some not live. refused and not-sent: WHMCS did nothing. unknown: still Pending after the quarantine. dead: Cancelled, Fraud or gone. */
      how: z.enum(['done', 'partial', 'refused', 'not-sent', 'unknown', 'dead']),
      at: z.number(),
      detail: z.string(),
    })
    .nullable(),
});

/** A call that a person asked for: a twin is cancelled, a service's module is run. */
const repairIntent = z.object({
  /** `r1`, `r2` … */
  id: z.string(),
  ...recorded,
  sender,
  whmcs: z.string(),
  call: z.enum(['CancelOrder', 'ModuleCreate']),
  /** The WHMCS order, or the service, that it is for. */
  target: z.number(),
  settled: z
    .object({
      /** done: what was asked for is seen in WHMCS. refused and not-sent: WHMCS did nothing. failed: it is over, with an error. unknown: it is over, and what was asked for is not seen. */
      how: z.enum(['done', 'refused', 'not-sent', 'failed', 'unknown']),
      at: z.number(),
      detail: z.string(),
    })
    .nullable(),
});

const adopted = z.object({
  whmcs: z.string(),
  orderId: z.number(),
  orderNumber: z.string(),
  clientId: z.number(),
  invoiceId: z.number().nullable(),
  serviceIds: z.array(z.number()),
  outcome: z.enum(['created', 'adopted', 'already']),
  /** The intent that made it; null when it was known from elsewhere. */
  intent: z.string().nullable(),
  ...recorded,
  /** What was asked for. */
  items: z.array(askedItem).default([]),
  /** It was read back: no twin, and its items are those asked for. Nothing is accepted before. */
  verified: z.boolean().default(false),
  /** What the read-back found odd, though not wrong. */
  warning: z.string().nullable().default(null),
});

const accepted = z.object({
  at: z.number(),
  attempt: z.number(),
  /** Salesforce OrderItem id → WHMCS service id, as far as it could be told. */
  services: z.array(z.object({ orderItemId: z.string(), serviceId: z.number() })),
  warning: z.string().nullable(),
});

const report = z.object({
  /** The org's number of the attempt, or ours where the org does not count; see `anyAttempt`. */
  attempt: z.number(),
  status: z.enum(['Activating', 'Activated', 'Failed']),
  code: z.string().nullable(),
  message: z.string().nullable(),
  whmcsOrderId: z.string().nullable(),
  services: z.array(z.object({ orderItemId: z.string(), serviceId: z.number() })),
  at: z.number(),
  eventId: z.string(),
  /** LastModifiedDate (wall ms) that our last read saw, or that the event can have left (`anyAttempt`): a change after it may be a new attempt, where nothing else tells. */
  seenModifiedAt: z.number().nullable(),
  /** Tries so far, and why the last did not go through. */
  tries: z.number(),
  problem: z.string().nullable(),
  /** The Order may show it: a PATCH was sent and not answered, or its service ids are still to come. */
  unsettled: z.boolean(),
  /** The condition that there has been an alarm for. */
  alarmed: z.string().nullable().default(null),
  /** null: still to be told. dropped: `why` it was not written: what stands in Salesforce, or that the Order is gone. */
  told: z.object({ at: z.number(), how: z.enum(['written', 'dropped']), why: z.string().optional() }).nullable(),
});

const orderRecord = z.object({
  format: z.literal(recordFormat),
  /** Our count: it rises when a run starts on a closed attempt, and is never below the org's own number. */
  attempt: z.number(),
  /** Activation_Attempt__c as this attempt's last run read it: what its result is told with. null: this org does not count. */
  salesforceAttempt: z.number().nullable().default(null),
  /** open: steps may run. closed: add and accept refuse. */
  attemptState: z.enum(['open', 'closed']),
  generation: z.number(),
  adds: z.array(addIntent),
  accepts: z.array(acceptIntent),
  repairs: z.array(repairIntent).default([]),
  adopted: adopted.nullable(),
  /** WHMCS orders that were ours: of earlier generations, or a twin whose other half was kept. */
  past: z.array(adopted).default([]),
  accepted: accepted.nullable(),
  /** How the attempt ended. */
  ended: z
    .object({ attempt: z.number(), end: z.enum(['Activated', 'Failed']), code: z.string().nullable(), at: z.number() })
    .nullable(),
  report: report.nullable(),
  /** A PATCH of the Order is under way, or was not answered: it is settled by reading before the next (exactly-one R7). */
  patch: z
    .object({
      /** Names the PATCH, so that its own process knows how it ended. */
      token: z.string(),
      /** The status that it writes; null: none, it is a note. */
      status: z.enum(['Activating', 'Activated', 'Failed']).nullable(),
      /** LastModifiedDate (wall ms) that was read before it was sent. */
      seenModifiedAt: z.number(),
    })
    .nullable()
    .default(null),
  /** What our last read of the Salesforce Order showed: status, CreatedDate (null: not known), LastModifiedDate and user. */
  seen: z
    .object({
      status: z.string(),
      createdAt: z.number().nullable().default(null),
      modifiedAt: z.number(),
      modifiedById: z.string(),
    })
    .nullable(),
  /** Words that background work looks for: report, settle, watch. */
  todo: z.array(z.enum(['report', 'settle', 'watch'])),
  /** Looking out for an order that turns up late: from when (wall ms, for people), looks done, orders told of. */
  watch: z
    .object({ since: z.number(), looks: z.number(), told: z.array(z.number()) })
    .nullable()
    .default(null),
  /** What a step waits for, in which attempt, since when (wall ms), and how often it has looked. */
  waits: z.array(z.object({ what: z.string(), attempt: z.number(), since: z.number(), tries: z.number() })).default([]),
});

export type AskedItem = z.infer<typeof askedItem>;
export type AddIntent = z.infer<typeof addIntent>;
export type AcceptIntent = z.infer<typeof acceptIntent>;
export type RepairIntent = z.infer<typeof repairIntent>;
export type Adopted = z.infer<typeof adopted>;
export type Accepted = z.infer<typeof accepted>;
export type Report = z.infer<typeof report>;
export type OrderRecord = z.infer<typeof orderRecord>;
export type Todo = OrderRecord['todo'][number];

export const newRecord = (): OrderRecord => ({
  format: recordFormat,
  attempt: 0,
  salesforceAttempt: null,
  attemptState: 'closed',
  generation: 1,
  adds: [],
  accepts: [],
  repairs: [],
  adopted: null,
  past: [],
  accepted: null,
  ended: null,
  report: null,
  patch: null,
  seen: null,
  todo: [],
  watch: null,
  waits: [],
});

/**
 * The record in a ledger's state; a new one when there is none.
 * @throws StoreError NEWER when a newer pack wrote it, CORRUPT when it is not a record.
 */
export function readRecord(state: OrderState | null): OrderRecord {
  if (state === null) return newRecord();
  if (state.format > recordFormat) {
    throw new StoreError(
      'NEWER',
      `The ledger of this order was written by a newer version of the pack (format ${state.format}); install that version again.`,
    );
  }
  const parsed = orderRecord.safeParse(state);
  if (!parsed.success)
    throw new StoreError('CORRUPT', `The ledger of this order cannot be read: ${z.prettifyError(parsed.error)}`);
  return parsed.data;
}

/** The order's own record is damaged, or a newer pack wrote it: that is this order's matter, and must hold up no other. */
export const isUnreadable = (error: unknown): error is StoreError =>
  error instanceof StoreError && (error.code === 'CORRUPT' || error.code === 'NEWER');

/**
 * Whether Salesforce shows another attempt than the one on record: somebody has pressed Retry.
 * @param shown the org's number; one that appears or vanishes is a permission that changed, and says nothing.
 */
export const isAnotherAttempt = (record: OrderRecord, shown: number | null): boolean =>
  shown !== null && record.salesforceAttempt !== null && shown !== record.salesforceAttempt;

/** The unsettled intent to add, if there is one: at most one at a time. */
export const unsettledAdd = (record: OrderRecord): AddIntent | undefined =>
  record.adds.find((intent) => intent.settled === null);
export const unsettledAccept = (record: OrderRecord): AcceptIntent | undefined =>
  record.accepts.find((intent) => intent.settled === null);

/** It has a result that is still to be told. */
export type Untold = OrderRecord & { report: Report };
export const isUntold = (record: OrderRecord): record is Untold =>
  record.report !== null && record.report.told === null;

/** Whether this is still the result that is to be told. */
export const isStill = ({ report: now }: OrderRecord, report: Report): boolean =>
  now !== null && now.told === null && now.at === report.at && now.attempt === report.attempt;

/** `todo` with one word more, or one less. */
export const withTodo = (todo: Todo[], word: Todo): Todo[] => (todo.includes(word) ? todo : [...todo, word]);
export const withoutTodo = (todo: Todo[], word: Todo): Todo[] => todo.filter((other) => other !== word);
