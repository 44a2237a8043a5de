/** What a step may do with the durable side of its order. Implemented by `provisioning.ts`, one for each store of the process. */
import type { IdMappings, Sender, StateStore } from '../state/contract';
import type { HeldOrder } from './held-order';
import type { Turns } from './turns';

export interface OrderDesk {
  readonly store: StateStore;
  /** The table of ids in use; null: none. */
  readonly idMappings: IdMappings | null;
  /** This process, as intents name it. */
  readonly sender: Sender;
  readonly turns: Turns;
  /** Takes the order's lease for `work`; null when another has it (then park, never wait in a step). */
  hold<T>(orderId: string, work: (order: HeldOrder) => Promise<T>): Promise<{ value: T } | null>;
  /** The order has an unsettled intent in its record: background settling takes it from there, now. */
  settleSoon(orderId: string): void;
}
