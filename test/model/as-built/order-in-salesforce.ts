/**
 * An Order as an org keeps it, and what a PATCH of ours does to it. LastModifiedDate counts in whole seconds, and so does
 * If-Unmodified-Since: a change within the second that was read is not told from what was read.
 */

/**
 * What keeps older results out. rule: both attempt fields and the validation rule Result_of_older_attempt. count: attempts
 * are counted, our user may not write the result's. date: neither. All honour If-Unmodified-Since.
 */
export type Org = 'rule' | 'count' | 'date';

export interface SalesforceOrder {
  status: 'Activating' | 'Activated' | 'Failed' | 'Other';
  /** It names its WHMCS order. */
  named: boolean;
  /** Activation_Attempt__c; -1: the org has no such field. */
  attempt: number;
  /** LastModifiedDate, and by whom. */
  second: number;
  by: 'us' | 'person';
  /** Its second is over by two: a later change shows. */
  over: boolean;
  /** Not a field, but the truth: how often *Activating* was asked for, and whether a person has set the status since. */
  asked: number;
  byHand: boolean;
}

/** A PATCH under way. */
export interface Wire {
  /** Who waits for its answer; '': nobody any more. */
  by: 'A' | 'B' | '';
  status: 'Activating' | 'Activated' | 'Failed' | '';
  named: boolean;
  /** If-Unmodified-Since; -1: without. */
  since: number;
  /** Activation_Result_Attempt__c. */
  attempt: number;
  /** The truth: what it answers. */
  asked: number;
}

export const newOrder = (org: Org): SalesforceOrder => ({
  status: 'Activating',
  named: false,
  attempt: org === 'date' ? -1 : 1,
  second: 0,
  by: 'person',
  over: false,
  asked: 1,
  byHand: false,
});

/** @param sameSecond only where that second is not over. */
export function modify(order: SalesforceOrder, by: SalesforceOrder['by'], sameSecond: boolean): void {
  if (!sameSecond) order.second += 1;
  order.over = false;
  order.by = by;
}

/** *Activating* is set: the Flow counts, in the same save. */
export function activate(order: SalesforceOrder): void {
  Object.assign(order, { status: 'Activating', byHand: false, asked: order.asked + 1 });
  if (order.attempt >= 0) order.attempt += 1;
}

export function apply(
  order: SalesforceOrder,
  wire: Wire,
  { org, without, sameSecond }: { org: Org; without: '' | 'the date' | 'the rule'; sameSecond: boolean },
): 'written' | 'changed' | 'refused' {
  const isResult = wire.status === 'Activated' || wire.status === 'Failed';
  if (without !== 'the date' && wire.since >= 0 && order.second > wire.since) return 'changed';
  if (without !== 'the rule' && org === 'rule' && isResult && wire.attempt !== order.attempt) return 'refused';
  modify(order, 'us', sameSecond);
  order.named ||= wire.named;
  if (isResult) Object.assign(order, { status: wire.status, byHand: false });
  else if (wire.status === 'Activating') activate(order);
  return 'written';
}
