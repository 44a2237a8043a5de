/** What the model of telling keeps: the ledger's record of one order, the processes on it, and what its options are. */
import type { Org, SalesforceOrder, Wire } from './order-in-salesforce';

export interface TellingOptions {
  org: Org;
  /** A second process tells, too, while the first is paused; none is killed, and no PATCH is lost on its way. */
  two?: boolean;
  /** A PATCH may be applied after any wait. */
  late?: boolean;
  /** People set the status by hand, or change another field. */
  people?: 'set' | 'touch';
  /** What is judged is newer attempts alone, not what a person has set. */
  attempts?: boolean;
  /** No edit falls into the second of the change before it. */
  apart?: boolean;
  /** A person at the node _control_, or a flow that begins with it, sets *Activating* under our own user. */
  ours?: boolean;
  /** A note is written while the order is in work. */
  notes?: boolean;
  /** The WHMCS order may die while its result waits for more than ten minutes. */
  dies?: boolean;
  /** One guard that is taken out. */
  without?: Guard;
}

export type Guard =
  | 'the judgement'
  | 'the date'
  | 'the rule'
  | 'the date beside the rule'
  | 'whole seconds'
  | 'the last change seen'
  | 'the attempt'
  | 'settling'
  | 'the mark'
  | 'the wait for a result to be told'
  | 'the end that is told first'
  | 'the look beside the id'
  | 'the second read'
  | 'the comparison';

export type Status = 'Activated' | 'Failed';

export interface Report {
  /** `at` of the record: which result this is. */
  nr: number;
  status: Status;
  /** It names a WHMCS order. */
  named: boolean;
  /** As the record has it: the org's number, or ours. */
  attempt: number;
  /** What it answers in truth: how often it had been asked for by then. */
  asked: number;
  seen: number;
  tried: boolean;
  unsettled: boolean;
  told: '' | 'written' | 'dropped';
}
/** A PATCH that may be under way; `marked`: it is the one whose mark the record bears. */
export interface Open {
  status: Wire['status'];
  seen: number;
  marked: boolean;
}
export type Purpose = 'result' | 'id' | 'Activating' | 'note';
export type Place = 'idle' | 'read' | 'compare' | 'mark' | 'send' | 'wait' | 'refused' | 'save';

export interface Process {
  pc: Place;
  purpose: Purpose;
  /** The record as this try has read it. */
  report: Report | null;
  left: Open | null;
  /** LastModifiedDate as this try has read it. */
  second: number;
  /** What is to be put on record. */
  end: '' | 'written' | 'dropped' | 'not' | 'unsettled';
  /** `unanswered` of OrderPatches, and whether its time is over. */
  unanswered: (Open & { over: boolean }) | null;
  /** The record bears the mark of its last PATCH. */
  bears: boolean;
  /** The record's mark is of a PATCH whose end is known here. */
  settled: boolean;
}

export type Name = 'A' | 'B';
export const names: readonly Name[] = ['A', 'B'];

export interface State {
  order: SalesforceOrder;
  wires: Wire[];
  processes: Record<Name, Process>;
  record: { attempt: number; counted: number; open: boolean; report: Report | null; patch: Open | null };
  /** A run: it has read the Order; it holds the order and has read it once more. */
  run: { pc: 'idle' | 'read' | 'held' | 'read again'; attempt: number };
  live: boolean;
  dead: boolean;
  retried: boolean;
  edited: boolean;
  noted: boolean;
  /** Who goes on: the other one is paused, or has nothing to do. It changes twice. */
  turn: Name;
  turns: number;
  broken: string;
}

export const resting = (): Process => ({
  pc: 'idle',
  purpose: 'result',
  report: null,
  left: null,
  second: -1,
  end: '',
  unanswered: null,
  bears: false,
  settled: false,
});
export const atRest = (): State['run'] => ({ pc: 'idle', attempt: -1 });
