import { z } from 'zod';
import { Switches } from '../shared/switches';

/** What became of a module's create: see modules.ts. */
export const moduleOutcome = z.enum(['ok', 'slow', 'fail', 'timeout', 'after-commit-fail', 'hook-abort']);
export type ModuleOutcome = z.infer<typeof moduleOutcome>;

const versions = ['7.2', '7.7', '8.5', '8.11', '8.13', '9.0'] as const;
export type Version = (typeof versions)[number];

const ms = z.number().int().min(0);

/** Where WHMCS installations differ, and where no public source says what they do. */
const schema = z.strictObject({
  // ------------------------------------------------------------ what it is
  /** Gates: GetPayMethods and serviceids (7.8), WhmcsDetails (8.0), strict arrays (8.6), quantities (8.12). */
  version: z.enum(versions).default('8.13'),
  /** AddOrder's undocumented `notes` are kept. */
  notesKept: z.boolean().default(true),
  /** AddOrder's `priceoverride` is heeded; else its price list alone counts. */
  priceOverrideTaken: z.boolean().default(true),
  /** Local time minus UTC; WHMCS prints dates in local time without zone. */
  timeZoneOffsetMinutes: z.number().int().min(-840).max(840).default(0),
  /** PHP's max_input_vars. */
  maxInputVars: z.number().int().min(1).default(1000),
  /** Order statuses beside Pending, Active, Fraud, Cancelled, for GetOrderStatuses. */
  customStatuses: z.array(z.string().min(1)).default([]),
  /** Waits before the work of every call. */
  latencyMs: ms.default(0),

  // --------------------------------------------------------------- shapes
  /** Numbers as the documents show them, or all as strings, or ids as numbers where the documents show strings. */
  numbers: z.enum(['documented', 'strings', 'numbers']).default('documented'),
  /** A list without items: `{order: []}`, `[]`, `""`, `{}`, no key, null. */
  emptyList: z.enum(['inner', 'array', 'string', 'object', 'missing', 'null']).default('inner'),
  /** A list of one item: `[item]`, `item`, `{"0": item}`. */
  oneItemList: z.enum(['array', 'object', 'numericKeys']).default('array'),
  /** Names and notes as htmlspecialchars leaves them, or as they are. */
  entities: z.enum(['encoded', 'plain']).default('encoded'),
  /** What stands before the JSON of every answer. */
  prefix: z.enum(['none', 'bom', 'warning']).default('none'),
  contentType: z.string().default('application/json'),
  /** AddOrder's invoiceid when there is no invoice. */
  noInvoiceId: z.enum(['zero', 'empty', 'null', 'absent']).default('zero'),

  /** GetProducts tells what is hidden; no version that is documented does. */
  hiddenTold: z.boolean().default(false),
  /** GetProducts tells which products count their stock; as a rule 0 left is also what one that counts none says. */
  stockControlTold: z.boolean().default(false),
  /** GetProducts tells the configurable options of a product, be they none. */
  optionsTold: z.boolean().default(true),

  // ---------------------------------------------------------------- access
  /** Addresses that may call; null: all. Each one by itself, no ranges. */
  allowedIps: z.array(z.string()).nullable().default(null),
  /** Addresses that calls seem to come from, in turn; empty: their own. */
  seenAs: z.array(z.string()).default([]),
  ipRefusal: z.enum(['Invalid IP', 'Forbidden IP']).default('Invalid IP'),
  ipRefusalStatus: z.union([z.literal(400), z.literal(403)]).default(403),
  credentialRevoked: z.boolean().default(false),
  adminDisabled: z.boolean().default(false),
  apiAccess: z.boolean().default(true),
  /** Actions that the API role does not list. */
  deniedActions: z.array(z.string()).default([]),
  unknownActionStatus: z.union([z.literal(200), z.literal(404)]).default(200),

  // ----------------------------------------------------------------- lists
  ordering: z.enum(['newestFirst', 'oldestFirst']).default('newestFirst'),
  servicesOrdering: z.enum(['newestFirst', 'oldestFirst']).default('oldestFirst'),
  /** Most rows of a page, whatever limitnum says; 0: no bound. */
  largestPage: z.number().int().min(0).default(0),
  /** Most products of one answer of GetProducts, which counts all of them and takes no limits; 0: no bound, as documented. */
  mostProducts: z.number().int().min(0).default(0),
  /** Orders that a person keys in for the same client after each page of GetOrders but the last. */
  insertsBetweenPages: z.number().int().min(0).max(20).default(0),

  // ---------------------------------------------------------------- orders
  /** From 8.6 on: a scalar where AddOrder expects an array is refused, or taken for the first item. */
  scalarArrays: z.enum(['refused', 'taken']).default('refused'),
  /** A cycle that the product does not offer: an error, the first one offered, or a price of 0.00. */
  invalidBillingCycle: z.enum(['error', 'firstOffered', 'zeroPrice']).default('error'),
  /**
   * A quantity that makes several services takes no configuration for each: custom fields and options are on all of them
   * all the same, or on the first alone.
   */
  configuredUnits: z.enum(['all', 'first']).default('all'),
  /** The order after AcceptOrder whose module failed. */
  acceptFailurePolicy: z.enum(['orderActive', 'orderPending']).default('orderActive'),

  // --------------------------------------------------------------- modules
  /** By pid: the outcome of every create, or of the first, the second …, the last for all that follow. Else: ok. */
  moduleOutcomes: z
    .record(z.string().regex(/^\d+$/), z.union([moduleOutcome, z.array(moduleOutcome).min(1)]))
    .default({}),
  /** How long the outcome `timeout` takes to fail. */
  moduleTimeoutMs: ms.default(10_000),
  /** How long the outcome `slow` takes to succeed. */
  moduleSlowMs: ms.default(3_000),
  /** A hook that aborts module create for orders with a note. */
  noteHook: z.boolean().default(false),
  /** Failures land in the module queue. */
  queueModuleFailures: z.boolean().default(true),
});

export type WhmcsSwitches = z.output<typeof schema>;

export function whmcsSwitches(): Switches<WhmcsSwitches> {
  return new Switches<WhmcsSwitches>(schema);
}

/** Whether a version is this one or newer. */
export function isAtLeast(version: Version, wanted: string): boolean {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  const [wantedMajor = 0, wantedMinor = 0] = wanted.split('.').map(Number);
  return major > wantedMajor || (major === wantedMajor && minor >= wantedMinor);
}
