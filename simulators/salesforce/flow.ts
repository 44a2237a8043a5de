/** What this org's admin built around an Order's activation: one record-triggered Flow and one validation rule. */
import { ApiError } from './errors';
import type { Row, Values } from './records';
import { objectSchema, type SchemaView } from './schema';

export const provisionChannel = '/event/OrderProvisionRequested__e';

/** The Flow runs when an Order's Activation_Status__c changes to Activating, whoever changes it. */
export function flowRuns(before: Row | null, sent: Values): boolean {
  return sent.Activation_Status__c === 'Activating' && before?.values.Activation_Status__c !== 'Activating';
}

/** What the Flow writes into the Order before it is saved: one attempt more. `view`: the org's own, not a user's. */
export function flowFields(before: Row | null, sent: Values, view: SchemaView): Values {
  const order = objectSchema('Order');
  if (!order || !view.field(order, 'Activation_Attempt__c') || !flowRuns(before, sent)) return {};
  return { Activation_Attempt__c: Number(before?.values.Activation_Attempt__c ?? 0) + 1 };
}

/**
 * The rule that keeps a late result of an older attempt out.
 * @throws ApiError FIELD_CUSTOM_VALIDATION_EXCEPTION
 */
export function checkAttempt(before: Row, sent: Values): void {
  const status = sent.Activation_Status__c;
  const changed = status !== undefined && status !== before.values.Activation_Status__c;
  if (!changed || (status !== 'Activated' && status !== 'Failed')) return;
  if (sent.Activation_Result_Attempt__c === undefined) return;
  const current = before.values.Activation_Attempt__c ?? null;
  if (sent.Activation_Result_Attempt__c === current) return;
  const message = `This result belongs to activation attempt ${String(sent.Activation_Result_Attempt__c)}; the order is at attempt ${String(current)}.`;
  throw new ApiError(400, 'FIELD_CUSTOM_VALIDATION_EXCEPTION', message, ['Activation_Result_Attempt__c']);
}
