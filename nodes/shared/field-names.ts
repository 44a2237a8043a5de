/** Names of the Salesforce fields, as nodes are set up with them. */
import { defaultFieldMapping, pathsById, type FieldMapping } from '../../lib/provisioning/field-mapping';
import { defaultFieldNames, type FieldNames } from '../../lib/salesforce/contract';
import { fieldPath, pathsByIds, text, type ValuesOf } from './settings';

const both = {
  activationStatusField: text(defaultFieldNames.activationStatus),
  whmcsOrderIdField: text(defaultFieldNames.whmcsOrderId),
};

/** What an Order is read by, besides what the mapping wants of its items. */
export const readFieldSettings = {
  ...both,
  accountField: text(defaultFieldNames.account),
} as const;

/** What its result is told by. */
export const toldFieldSettings = {
  ...both,
  errorCodeField: text(defaultFieldNames.errorCode),
  errorMessageField: text(defaultFieldNames.errorMessage),
} as const;

export function readFieldNames(settings: ValuesOf<typeof readFieldSettings>): FieldNames {
  return {
    ...defaultFieldNames,
    activationStatus: settings.activationStatusField,
    whmcsOrderId: settings.whmcsOrderIdField,
    account: settings.accountField,
  };
}

/**
 * Who tells a result reads the Order as well, but nothing of its account and products, whose fields may have other names
 * in this org: Name is on both in every one.
 */
export function toldFieldNames(settings: ValuesOf<typeof toldFieldSettings>): FieldNames {
  return {
    ...defaultFieldNames,
    activationStatus: settings.activationStatusField,
    whmcsOrderId: settings.whmcsOrderIdField,
    errorCode: settings.errorCodeField,
    errorMessage: settings.errorMessageField,
    account: 'Name',
    productId: 'Name',
    billingCycle: 'Name',
  };
}

/** What an item is mapped by. */
export const mappedFieldSettings = {
  productIdField: fieldPath(defaultFieldMapping.productId),
  billingCycleField: fieldPath(defaultFieldMapping.billingCycle),
  domainField: fieldPath(),
  hostnameField: fieldPath(),
  priceField: fieldPath(),
  customFields: pathsByIds(),
  configOptions: pathsByIds(),
} as const;

export const fieldMappingOf = (settings: ValuesOf<typeof mappedFieldSettings>): FieldMapping => ({
  productId: settings.productIdField,
  billingCycle: settings.billingCycleField,
  domain: settings.domainField,
  hostname: settings.hostnameField,
  priceOverride: settings.priceField,
  customFields: pathsById(settings.customFields ?? []),
  configOptions: pathsById(settings.configOptions ?? []),
});
