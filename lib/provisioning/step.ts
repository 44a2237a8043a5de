/** The one shape of all steps. A new step is one file here and one folder in `nodes`. */
import type { Clock } from '../clock';
import type { Log } from '../log';
import type { Travelling } from './message';
import type { OrderDesk } from './order-desk';

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
  run(input: Pick<Travelling, Needs>, context: StepContext): Promise<StepOutcome<Travelling[Adds], Way>>;
}

/** Where the message goes on, with what; or that the event waits and its place is free for another. */
export type StepOutcome<Value, Way extends string> =
  { way: Way; value?: Value; note: Note } | { parked: { until: number; reason: string }; note: Note };

/** One line for the log and the timeline, without a secret. */
export type Note = string;

export interface StepContext {
  orderId: string;
  eventId: string;
  handout: number;
  clock: Clock;
  log: Log;
  /** Aborted when the node closes (after 10 s of grace), the lease is lost or the hand-out is stale. */
  signal: AbortSignal;
  /** The order's durable side: its ledger under lease, its end, its report. */
  desk: OrderDesk;
}
