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
 * The rule that keeps a late result of an older attempt out, as the shipped metadata words it: what was not sent counts as it
 * was. An org without its fields has no such rule. `view`: the org's own, not a user's.
 * @throws ApiError FIELD_CUSTOM_VALIDATION_EXCEPTION
 */
export function checkAttempt(before: Row, sent: Values, view: SchemaView): void {
  const order = objectSchema('Order');
  const fields = ['Activation_Attempt__c', 'Activation_Result_Attempt__c'];
  if (!order || fields.some((name) => !view.field(order, name))) return;
  const after = { ...before.values, ...sent };
  const isChanged = (name: string): boolean => (after[name] ?? null) !== (before.values[name] ?? null);
  if (!isChanged('Activation_Status__c') && !isChanged('Activation_Result_Attempt__c')) return;
  if (after.Activation_Status__c !== 'Activated' && after.Activation_Status__c !== 'Failed') return;
  const attempt = after.Activation_Attempt__c ?? null;
  if (attempt === null || (after.Activation_Result_Attempt__c ?? 0) === attempt) return;
  const message = 'This result belongs to an activation attempt that is no longer the current one.';
  throw new ApiError(400, 'FIELD_CUSTOM_VALIDATION_EXCEPTION', message, ['Activation_Result_Attempt__c']);
}
