/**
 * The org's sObjects as the simulator knows them: fields, types, lengths, relationships. Salesforce reference §4.8. Custom
 * fields are those of the shipped metadata.
 */
import { deployedFields, type DeployedField } from './metadata';

export type FieldType =
  'id' | 'string' | 'textarea' | 'picklist' | 'double' | 'currency' | 'boolean' | 'date' | 'datetime' | 'reference';

export interface FieldSchema {
  name: string;
  label: string;
  type: FieldType;
  /** Most characters a text may have. */
  length?: number;
  /** Values of a restricted picklist. */
  values?: readonly string[];
  createable: boolean;
  updateable: boolean;
  /** May be empty. */
  nillable: boolean;
  filterable: boolean;
  /** Of a reference: the sObject it points to and the name of the path, as in Account.Name. */
  to?: string;
  relationship?: string;
  /** Made by an admin: switches may remove or hide it. */
  custom: boolean;
}

export interface ChildRelationship {
  /** As in (SELECT … FROM OrderItems). */
  name: string;
  sObject: string;
  /** The child's field that holds the parent's id. */
  field: string;
}

export interface ObjectSchema {
  name: string;
  label: string;
  keyPrefix: string;
  fields: ReadonlyMap<string, FieldSchema>;
  children: readonly ChildRelationship[];
}

type Extra = Partial<Omit<FieldSchema, 'name' | 'label' | 'type' | 'custom'>>;

function field(name: string, label: string, type: FieldType, extra: Extra = {}): FieldSchema {
  return {
    name,
    label,
    type,
    createable: true,
    updateable: true,
    nillable: true,
    filterable: type !== 'textarea',
    custom: name.endsWith('__c'),
    ...extra,
  };
}

const readOnly: Extra = { createable: false, updateable: false };
const text = (name: string, label: string, length: number, extra: Extra = {}) =>
  field(name, label, 'string', { length, ...extra });
const reference = (name: string, label: string, to: string, relationship: string, extra: Extra = {}) =>
  field(name, label, 'reference', { to, relationship, ...extra });

const typesOf: Record<DeployedField['type'], FieldType> = {
  Text: 'string',
  Picklist: 'picklist',
  Number: 'double',
  DateTime: 'datetime',
};

/** Only in an org of several currencies. */
export const currencyField = 'CurrencyIsoCode';
const currency = field(currencyField, 'Currency ISO Code', 'picklist');

function customFields(objectName: string): FieldSchema[] {
  return deployedFields(objectName).map(({ name, label, type, length, required, values }) =>
    field(name, label, typesOf[type], {
      ...(length !== null && { length }),
      ...(values !== null && { values }),
      nillable: !required,
    }),
  );
}

function sObject(
  name: string,
  label: string,
  keyPrefix: string,
  own: FieldSchema[],
  children: ChildRelationship[] = [],
): ObjectSchema {
  const fields = [
    field('Id', `${label} ID`, 'id', { ...readOnly, nillable: false }),
    ...own,
    field('CreatedDate', 'Created Date', 'datetime', { ...readOnly, nillable: false }),
    reference('CreatedById', 'Created By ID', 'User', 'CreatedBy', { ...readOnly, nillable: false }),
    field('LastModifiedDate', 'Last Modified Date', 'datetime', { ...readOnly, nillable: false }),
    reference('LastModifiedById', 'Last Modified By ID', 'User', 'LastModifiedBy', { ...readOnly, nillable: false }),
    field('SystemModstamp', 'System Modstamp', 'datetime', { ...readOnly, nillable: false }),
    field('IsDeleted', 'Deleted', 'boolean', { ...readOnly, nillable: false }),
  ];
  return { name, label, keyPrefix, fields: new Map(fields.map((one) => [one.name.toLowerCase(), one])), children };
}

const objects: ObjectSchema[] = [
  sObject(
    'Order',
    'Order',
    '801',
    [
      text('OrderNumber', 'Order Number', 30, readOnly),
      reference('AccountId', 'Account ID', 'Account', 'Account'),
      reference('Pricebook2Id', 'Price Book ID', 'Pricebook2', 'Pricebook2'),
      reference('OwnerId', 'Owner ID', 'User', 'Owner'),
      field('EffectiveDate', 'Order Start Date', 'date', { nillable: false }),
      field('EndDate', 'Order End Date', 'date'),
      field('Status', 'Status', 'picklist', { values: ['Draft', 'Activated'], nillable: false }),
      field('StatusCode', 'Status Category', 'picklist', readOnly),
      text('Type', 'Order Type', 40),
      field('Description', 'Description', 'textarea', { length: 32_000 }),
      text('PoNumber', 'PO Number', 80),
      field('TotalAmount', 'Order Amount', 'currency', readOnly),
      field('ActivatedDate', 'Activated Date', 'datetime', readOnly),
      reference('ActivatedById', 'Activated By ID', 'User', 'ActivatedBy', readOnly),
      currency,
      ...customFields('Order'),
    ],
    [{ name: 'OrderItems', sObject: 'OrderItem', field: 'OrderId' }],
  ),
  sObject('OrderItem', 'Order Product', '802', [
    text('OrderItemNumber', 'Order Product Number', 30, readOnly),
    reference('OrderId', 'Order ID', 'Order', 'Order', { updateable: false, nillable: false }),
    reference('PricebookEntryId', 'Price Book Entry ID', 'PricebookEntry', 'PricebookEntry', {
      updateable: false,
      nillable: false,
    }),
    reference('Product2Id', 'Product ID', 'Product2', 'Product2', readOnly),
    field('Quantity', 'Quantity', 'double', { nillable: false }),
    field('UnitPrice', 'Unit Price', 'currency'),
    field('ListPrice', 'List Price', 'currency', readOnly),
    field('TotalPrice', 'Total Price', 'currency', readOnly),
    field('AvailableQuantity', 'Available Quantity', 'double', readOnly),
    field('ServiceDate', 'Start Date', 'date'),
    field('EndDate', 'End Date', 'date'),
    text('Description', 'Line Description', 255),
    currency,
    ...customFields('OrderItem'),
  ]),
  sObject(
    'Account',
    'Account',
    '001',
    [
      text('Name', 'Account Name', 255, { nillable: false }),
      text('AccountNumber', 'Account Number', 40),
      field('Type', 'Account Type', 'picklist'),
      text('Phone', 'Account Phone', 40),
      reference('OwnerId', 'Owner ID', 'User', 'Owner'),
      field('Description', 'Account Description', 'textarea', { length: 32_000 }),
      currency,
      ...customFields('Account'),
    ],
    [{ name: 'Orders', sObject: 'Order', field: 'AccountId' }],
  ),
  sObject(
    'Product2',
    'Product',
    '01t',
    [
      text('Name', 'Product Name', 255, { nillable: false }),
      text('ProductCode', 'Product Code', 255),
      text('Family', 'Product Family', 40),
      field('IsActive', 'Active', 'boolean', { nillable: false }),
      field('Description', 'Product Description', 'textarea', { length: 4000 }),
      currency,
      ...customFields('Product2'),
    ],
    [{ name: 'PricebookEntries', sObject: 'PricebookEntry', field: 'Product2Id' }],
  ),
  sObject(
    'Pricebook2',
    'Price Book',
    '01s',
    [
      text('Name', 'Price Book Name', 255, { nillable: false }),
      field('IsActive', 'Active', 'boolean', { nillable: false }),
      field('IsStandard', 'Is Standard Price Book', 'boolean', readOnly),
      text('Description', 'Description', 255),
    ],
    [{ name: 'PricebookEntries', sObject: 'PricebookEntry', field: 'Pricebook2Id' }],
  ),
  sObject('PricebookEntry', 'Price Book Entry', '01u', [
    text('Name', 'Product Name', 255, readOnly),
    text('ProductCode', 'Product Code', 255, readOnly),
    reference('Pricebook2Id', 'Price Book ID', 'Pricebook2', 'Pricebook2', { updateable: false, nillable: false }),
    reference('Product2Id', 'Product ID', 'Product2', 'Product2', { updateable: false, nillable: false }),
    field('UnitPrice', 'List Price', 'currency', { nillable: false }),
    currency,
    field('IsActive', 'Active', 'boolean', { nillable: false }),
  ]),
  sObject('User', 'User', '005', [
    text('Username', 'Username', 80, { nillable: false }),
    text('Name', 'Full Name', 121, readOnly),
    text('LastName', 'Last Name', 80, { nillable: false }),
    text('Email', 'Email', 128, { nillable: false }),
    field('IsActive', 'Active', 'boolean', { nillable: false }),
  ]),
];

const byName = new Map(objects.map((one) => [one.name.toLowerCase(), one]));

/** The sObject of that name, in any case of letters. */
export function objectSchema(name: string): ObjectSchema | undefined {
  return byName.get(name.toLowerCase());
}

/** The sObject whose ids begin so; undefined for a prefix the org does not know. */
export function objectOfId(id: string): ObjectSchema | undefined {
  return objects.find((one) => id.startsWith(one.keyPrefix));
}

export const objectNames: readonly string[] = objects.map((one) => one.name);

/** What one user sees of the schema: an admin may have left a field out, hidden it, or made it read-only. */
export class SchemaView {
  /** Names are `Order.Field__c`, or `Field__c` for every sObject that has it. */
  constructor(
    private readonly unseen: readonly string[],
    private readonly locked: readonly string[],
  ) {}

  field(object: ObjectSchema, name: string): FieldSchema | undefined {
    const found = object.fields.get(name.toLowerCase());
    if (!found || named(this.unseen, object, found)) return undefined;
    return named(this.locked, object, found) ? { ...found, createable: false, updateable: false } : found;
  }

  fields(object: ObjectSchema): FieldSchema[] {
    return [...object.fields.values()].flatMap((one) => this.field(object, one.name) ?? []);
  }

  /** The field behind a parent path's step, as AccountId behind `Account`. */
  parent(object: ObjectSchema, relationship: string): FieldSchema | undefined {
    return this.fields(object).find((one) => one.relationship?.toLowerCase() === relationship.toLowerCase());
  }
}

function named(list: readonly string[], object: ObjectSchema, one: FieldSchema): boolean {
  const short = one.name.toLowerCase();
  const long = `${object.name}.${one.name}`.toLowerCase();
  return list.some((entry) => entry.toLowerCase() === short || entry.toLowerCase() === long);
}
