/** What the shipped metadata (salesforce/) does around an Order's activation: its record-triggered Flows and its validation rule. */
import { ApiError } from './errors';
import type { Row, Values } from './records';
import { objectSchema, type SchemaView } from './schema';

export const provisionChannel = '/event/OrderProvisionRequested__e';

/** The Flow runs when an Order's Activation_Status__c changes to Activating, whoever changes it. */
export function flowRuns(before: Row | null, sent: Values): boolean {
  return sent.Activation_Status__c === 'Activating' && before?.values.Activation_Status__c !== 'Activating';
}

/**
 * What the Flow writes into the Order before it is saved: one attempt more, and no error. Fields that the org does not have
 * are left out. `view`: the org's own, not a user's.
 */
export function flowFields(before: Row | null, sent: Values, view: SchemaView): Values {
  const order = objectSchema('Order');
  if (!order || !flowRuns(before, sent)) return {};
  const written: Values = {
    Activation_Attempt__c: Number(before?.values.Activation_Attempt__c ?? 0) + 1,
    Activation_Error_Code__c: null,
    Activation_Error_Message__c: null,
    Activation_Error_At__c: null,
  };
  return Object.fromEntries(Object.entries(written).filter(([name]) => view.field(order, name)));
}

/** The same request always has the same key, however often it is published. */
export const businessKey = (order: Row): string => `${order.id}-${String(order.values.Activation_Attempt__c ?? 0)}`;

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
