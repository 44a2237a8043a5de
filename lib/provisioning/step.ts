/** The one shape of all steps. A new step is one file here and one folder in `nodes`. */
import type { Clock } from '../clock';
import type { Log } from '../log';
import type { FieldNames, Salesforce } from '../salesforce/contract';
import type { Endings } from './endings';
import type { Failure } from './failure';
import type { Foresight } from './foresight';
import type { Visit } from './handouts';
import type { FailurePart, SkippedPart, Travelling } from './message';
import type { OrderDesk } from './order-desk';
import type { Turn } from './turns';
import type { Writer } from './writer';

/** The runbook's step names; people grep for them. */
export type StepName =
  | 'validation'
  | 'sf_status_update'
  | 'order_details'
  | 'mapping'
  | 'whmcs_create'
  | 'whmcs_accept'
  | 'sf_success_update'
  | 'sf_failure_update'
  | 'event';

export interface Step<Needs extends keyof Travelling, Adds extends keyof Travelling, Way extends string = 'next'> {
  name: StepName;
  /** Keys that must be on the message. */
  needs: readonly Needs[];
  adds: Adds;
  /** It ends the order: it is run for an event that has ended already too, to be told that it has. */
  ends?: true;
  /** Its part of a dry run; absent: none. */
  dry?: Foresight<Travelling[Adds]>;
  run(
    input: Pick<Travelling, Needs> & Partial<Travelling>,
    context: StepContext,
  ): Promise<StepOutcome<Travelling[Adds], Way>>;
}

/**
 * Where the message goes on, with what; or that the event waits and its place is free for another (`parked`); or that
 * the message goes no further (`dropped`). `skipped` and `failure` are data for the flow, set beside the value. `warning`: it
 * goes on, and a person should look; the node shows it.
 */
export type StepOutcome<Value, Way extends string> =
  | { way: Way; value?: Value; skipped?: SkippedPart; failure?: FailurePart; warning?: string; note: Note }
  | { parked: Parking; note: Note }
  | { dropped: true; note: Note };

/** Until a wall ms, or until what it waits for was let go. */
export interface Parking {
  until: number;
  reason: string;
  waitsFor?: Turn;
  /** Shown on the Order while it waits, once. */
  told?: Failure;
}

/** One line for the log and the timeline, without a secret. */
export type Note = string;

export interface StepContext {
  orderId: string;
  eventId: string;
  handout: number;
  clock: Clock;
  log: Log;
  /** Aborted when the node closes (after 10 s of grace). A call that may have an effect does not listen to it. */
  signal: AbortSignal;
  /** The order's durable side: its ledger under lease, its end, its report. */
  desk: OrderDesk;
}

/** What a step that ends the order may do besides. */
export interface EndContext extends StepContext {
  endings: Endings;
  writer: Writer;
  /** This step's own visit, which an end does not wait for. */
  visit: Visit;
  salesforce: { connection: Salesforce; fields: FieldNames } | null;
}

/** A step that ends the order. */
export interface EndStep<Needs extends keyof Travelling, Adds extends keyof Travelling> extends Omit<
  Step<Needs, Adds>,
  'run'
> {
  ends: true;
  run(
    input: Pick<Travelling, Needs> & Partial<Travelling>,
    context: EndContext,
  ): Promise<StepOutcome<Travelling[Adds], 'next'>>;
}
