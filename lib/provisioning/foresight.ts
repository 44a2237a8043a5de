/**
 * What a step would come to for an order, found by reads alone: the step's own rules, without its effects. A dry run asks
 * each step of the flow for it.
 */
import type { Clock } from '../clock';
import type { Claims, Fact, IdMappings, Sender, StateStore } from '../state/contract';
import type { AddOrderRequest } from '../whmcs/contract';
import type { Failure } from './failure';
import type { FailurePart, Travelling } from './message';
import type { OrderRecord } from './order-record';

/** The store, as far as it can be read. */
export interface ReadableStore extends Pick<StateStore, 'id' | 'doubt' | 'doubtId'> {
  claims: Pick<Claims, 'holder'>;
}

/** An order as it is on record: what deciding about it needs. A `HeldOrder` is one, which may be written too. */
export interface KnownOrder {
  readonly orderId: string;
  readonly record: OrderRecord;
  readonly facts: readonly Fact[];
  readonly store: ReadableStore;
  readonly sender: Sender;
  readonly clock: Clock;
}

export interface ForesightContext {
  order: KnownOrder;
  idMappings: IdMappings | null;
  signal: AbortSignal;
}

/** What would keep the order back. `item`: the one of the order's items that it is of, by place and name. */
export type ForeseenFault = Omit<FailurePart, 'retryable'> & { item?: string };

export interface Foreseen<Value> {
  /** As the step would put it on the message; absent where a fault keeps that from being known. */
  value?: Value;
  faults: ForeseenFault[];
  /** What would happen besides, and what is odd; a sentence each. */
  notes: string[];
  /** The order's record as the steps after it would find it. */
  record?: OrderRecord;
  /** Of the step that adds. */
  adding?: ForeseenAdding;
}

export interface ForeseenAdding {
  /** The WHMCS order that it has already; null: none. */
  has: number | null;
  /** What AddOrder would be asked; null: nothing. */
  request: AddOrderRequest | null;
}

/** A step's part of a dry run. */
export interface Foresight<Value> {
  /**
   * @param message what the steps before it would have put there.
   * @returns null where what it needs is not there.
   * @throws Failure, and errors of the vendors and the store: of this order, and nothing more can be said.
   */
  foresee(message: Partial<Travelling>, context: ForesightContext): Promise<Foreseen<Value> | null>;
  /**
   * Of the step that reads Orders: ids of the newest that have items and are not another's by their price book.
   * @throws SalesforceError
   */
  newest?(count: number, signal: AbortSignal): Promise<string[]>;
}

/** A failure as a fault of a dry run. */
export function faultOf(found: Failure): ForeseenFault {
  const { retryable: _, ...fault } = found.part();
  return fault;
}
