/** Which Orders carry a WHMCS order's id: asked of a simulated org, and of servers that refuse. */
import assert from 'node:assert/strict';
import { defaultFieldNames as fields, type NamingOrder } from '../../../lib/salesforce/contract';
import type { SalesforceSimulator } from '../../../simulators/salesforce/server';
import { type connect, inAnOrg, refusal } from './org';

describe('Looking for Orders that carry a WHMCS order’s id', () => {
  let org: SalesforceSimulator;
  let connection: ReturnType<typeof connect>;
  inAnOrg((...made) => void ([org, connection] = made));

  /** An Order that carries `id`. */
  const carrying = (id: string | null): string => {
    const { id: order } = org.people.createOrder({ items: [{ code: 'SEAT-M', quantity: 1 }] });
    org.people.editOrder(order, { WHMCS_Order_ID__c: id });
    org.panel.advance(1_000);
    return order;
  };
  const ask = (texts: string[], except: string): Promise<NamingOrder[]> =>
    connection.salesforce.ordersNaming(texts, except, fields);
  const idsOf = (found: NamingOrder[]): string[] => found.map(({ id }) => id);

  it('gives the others, the oldest first and three at most, by id and number, in one query', async () => {
    const own = carrying('5001');
    const others = [carrying('5001'), carrying('#5001'), carrying('5001'), carrying('5001')];
    for (const id of ['50011', '500', null]) carrying(id);
    const before = org.panel.requests('query').length;
    const found = await ask(['5001', '#5001'], own);
    assert.deepEqual(idsOf(found), others.slice(0, 3));
    assert.equal(found[0]?.number, org.people.order(others[0] ?? '')['OrderNumber']);
    assert.equal(org.panel.requests('query').length, before + 1);
  });

  it('gives none where the id is carried by the Order itself alone', async () => {
    assert.deepEqual(await ask(['5001'], carrying('5001')), []);
  });

  it('takes what a person has typed for text', async () => {
    const other = carrying("it's \\");
    carrying('5001');
    assert.deepEqual(idsOf(await ask(["it's \\"], carrying('5002'))), [other]);
    assert.deepEqual(await ask(["5001' OR Id != '"], carrying('5002')), []);
  });

  it('asks with a number where the field is one', async () => {
    const own = carrying('5001');
    const counted = { ...fields, whmcsOrderId: 'Activation_Attempt__c' };
    const other = carrying(null);
    org.people.editOrder(other, { Activation_Attempt__c: 5001 });
    assert.deepEqual(idsOf(await connection.salesforce.ordersNaming(['5001', '#5001'], own, counted)), [other]);
  });

  it('names the setting of a field that the org lacks', async () => {
    const lacking = { ...fields, whmcsOrderId: 'Missing__c' };
    const error = await refusal(connection.salesforce.ordersNaming(['5001'], carrying('5001'), lacking));
    assert.equal(error.code, 'INVALID_FIELD');
    assert.match(error.message, /Missing__c \(whmcsOrderId\)/);
  });
});
