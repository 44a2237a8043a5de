/** The org's first day: users, a standard price book, what is sold, who buys, the demo's orders. */
import * as demo from '../demo-data';
import type { Org, Writer } from './org';
import type { Values } from './records';
import { objectSchema } from './schema';

/** A person at a browser: approves and edits orders, and is not our integration user. */
export const person = 'pat.approver@acme.example';

export interface Seeded {
  /** By username. */
  users: ReadonlyMap<string, Writer>;
  /** Story → Salesforce order id. */
  stories: Map<string, string>;
  person: Writer;
}

export interface NewOrder {
  /** Name of the account. */
  account: string;
  items: readonly { code: string; quantity: number }[];
  /** Activation_Status__c. */
  status: string;
}

/** @param usernames who may log in through the API. */
export function seed(org: Org, usernames: readonly string[]): Seeded {
  org.clear();
  const pat = userOf(org, person, 'Approver', 'person');
  const users = new Map([[person, pat]]);
  for (const username of usernames) users.set(username, userOf(org, username, 'Integration', 'apiUser'));

  const book = put(org, pat, 'Pricebook2', { Name: 'Standard Price Book', IsActive: true, IsStandard: true });
  for (const product of demo.products) {
    const productId = put(org, pat, 'Product2', {
      Name: product.name,
      ProductCode: product.code,
      IsActive: true,
      WH_Product_ID__c: product.productIdField,
      Billing_Cycle__c: product.billingCycleField,
    });
    const price = Number(Object.values(product.prices)[0] ?? 0);
    put(org, pat, 'PricebookEntry', { Pricebook2Id: book, Product2Id: productId, UnitPrice: price, IsActive: true });
  }
  for (const account of demo.accounts) {
    put(org, pat, 'Account', { Name: account.name, WH_Account__c: account.whAccount, OwnerId: pat.userId });
  }
  const stories = new Map<string, string>();
  for (const order of demo.orders) stories.set(order.story, addOrder(org, pat, { ...order, status: 'Not Started' }).id);
  // What the seed did is not news.
  org.ledger.reset();
  return { users, stories, person: pat };
}

/**
 * Creates an order with its items as a person would.
 * @throws Error when there is no such account or product.
 */
export function addOrder(
  org: Org,
  writer: Writer,
  order: NewOrder,
): { id: string; number: string; committed: boolean } {
  const accountId = byName(org, 'Account', 'Name', order.account);
  const book = byName(org, 'Pricebook2', 'IsStandard', true);
  const tx = org.begin(writer);
  const row = org.insert(tx, schemaOf('Order'), {
    AccountId: accountId,
    Pricebook2Id: book,
    EffectiveDate: new Date(org.clock.now()).toISOString().slice(0, 10),
    Status: 'Draft',
    Activation_Status__c: order.status,
  });
  for (const item of order.items) {
    const productId = byName(org, 'Product2', 'ProductCode', item.code);
    const entryId = byName(org, 'PricebookEntry', 'Product2Id', productId);
    org.insert(tx, schemaOf('OrderItem'), { OrderId: row.id, PricebookEntryId: entryId, Quantity: item.quantity });
  }
  return { id: row.id, number: String(row.values.OrderNumber), committed: org.commit(tx) === true };
}

function userOf(org: Org, username: string, lastName: string, kind: Writer['kind']): Writer {
  const userId = org.records.nextId(schemaOf('User'));
  const writer: Writer = { userId, username, kind };
  const tx = org.begin(writer);
  const name = { Username: username, Name: lastName, LastName: lastName, Email: username, IsActive: true };
  tx.insert('User', name, userId);
  tx.commit();
  return writer;
}

function put(org: Org, writer: Writer, object: string, values: Values): string {
  const tx = org.begin(writer);
  const { id } = tx.insert(object, values);
  tx.commit();
  return id;
}

function byName(org: Org, object: string, field: string, value: string | boolean): string {
  const row = org.records.all(schemaOf(object)).find((one) => one.values[field] === value);
  if (!row) throw new Error(`no ${object} whose ${field} is ${String(value)}`);
  return row.id;
}

function schemaOf(name: string) {
  const schema = objectSchema(name);
  if (!schema) throw new Error(`no sObject ${name}`);
  return schema;
}
