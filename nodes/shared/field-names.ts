/** Names of the Salesforce fields, as nodes are set up with them. */
import { defaultFieldNames, type FieldNames } from '../../lib/salesforce/contract';
import { text, type ValuesOf } from './settings';

export const fieldSettings = {
  activationStatusField: text(defaultFieldNames.activationStatus),
  whmcsOrderIdField: text(defaultFieldNames.whmcsOrderId),
  errorCodeField: text(defaultFieldNames.errorCode),
  errorMessageField: text(defaultFieldNames.errorMessage),
  accountField: text(defaultFieldNames.account),
  productIdField: text(defaultFieldNames.productId),
  billingCycleField: text(defaultFieldNames.billingCycle),
} as const;

export function fieldNames(settings: ValuesOf<typeof fieldSettings>): FieldNames {
  return {
    ...defaultFieldNames,
    activationStatus: settings.activationStatusField,
    whmcsOrderId: settings.whmcsOrderIdField,
    errorCode: settings.errorCodeField,
    errorMessage: settings.errorMessageField,
    account: settings.accountField,
    productId: settings.productIdField,
    billingCycle: settings.billingCycleField,
  };
}
