import assert from 'node:assert/strict';
import { changedFieldNames, isChangeChannel, orderChange } from '../../../lib/salesforce/events/change-event';

const schema = ['ChangeEventHeader', 'AccountId', 'Status', 'Activation_Status__c'].map((name) => ({
  name,
  parts: [],
}));
const withAddress = [...schema, { name: 'BillingAddress', parts: ['Street', 'City', 'PostalCode'] }];
const order = '801Ql000001AbCdIAK';
const other = '801Ql000001AbCeIAK';

const change = (header: object, fields: object = {}) =>
  orderChange(
    {
      ChangeEventHeader: {
        entityName: 'Order',
        recordIds: [order],
        changeType: 'UPDATE',
        changedFields: ['Activation_Status__c', 'LastModifiedDate'],
        ...header,
      },
      Activation_Status__c: 'Activating',
      ...fields,
    },
    'Activation_Status__c',
  );

describe('Change Data Capture', () => {
  describe('bitmaps of the header', () => {
    it('name the fields of the schema, the lowest bit the first', () => {
      assert.deepEqual(changedFieldNames(['0x0C'], schema), ['Status', 'Activation_Status__c']);
      assert.deepEqual(changedFieldNames(['0xA'], schema), ['AccountId', 'Activation_Status__c']);
    });

    it('reach beyond 32 and 64 fields', () => {
      const wide = Array.from({ length: 80 }, (_, at) => ({ name: `F${at}`, parts: [] }));
      assert.deepEqual(changedFieldNames([`0x${(1n << 70n).toString(16)}`], wide), ['F70']);
      assert.deepEqual(changedFieldNames(['0x80000000'], wide), ['F31']);
    });

    it('name the parts of a compound field', () => {
      assert.deepEqual(changedFieldNames(['0x02', '4-0x06'], withAddress), [
        'AccountId',
        'BillingAddress.City',
        'BillingAddress.PostalCode',
      ]);
    });

    it('leave plain names as they are', () => {
      assert.deepEqual(changedFieldNames(['Activation_Status__c', 'BillingAddress.City'], schema), [
        'Activation_Status__c',
        'BillingAddress.City',
      ]);
    });

    it('that do not fit the schema, or are none, are refused', () => {
      assert.throws(() => changedFieldNames(['0x10'], schema), /no field at position 4/);
      assert.throws(() => changedFieldNames(['9-0x1'], schema), /no field at position 9/);
      assert.throws(() => changedFieldNames(['0x'], schema), /neither/);
      assert.throws(() => changedFieldNames(['<b>'], schema), /neither/);
    });
  });

  it('an Order set to Activating is one of ours', () => {
    assert.deepEqual(change({}), { kind: 'orders', orderIds: [order] });
  });

  it('one event may set several Orders, by ids of 15 or 18 characters', () => {
    assert.deepEqual(change({ recordIds: [order.slice(0, 15), other, order] }), {
      kind: 'orders',
      orderIds: [order, other],
    });
  });

  it('a change of another field, or to another status, is none of ours', () => {
    assert.deepEqual(change({ changedFields: ['Status'] }), { kind: 'nothing' });
    assert.deepEqual(change({}, { Activation_Status__c: 'Activated' }), { kind: 'nothing' });
    assert.deepEqual(change({}, { Activation_Status__c: null }), { kind: 'nothing' });
  });

  it('an Order that is created Activating, or comes back so, is one of ours; a deleted one is not', () => {
    assert.equal(change({ changeType: 'CREATE', changedFields: [] }).kind, 'orders');
    assert.equal(change({ changeType: 'UNDELETE', changedFields: [] }).kind, 'orders');
    assert.equal(change({ changeType: 'CREATE' }, { Activation_Status__c: 'Not Started' }).kind, 'nothing');
    assert.equal(change({ changeType: 'DELETE' }).kind, 'nothing');
    assert.equal(change({ changeType: 'GAP_DELETE' }).kind, 'nothing');
  });

  it('a gap does not tell what changed, so its Orders are read', () => {
    for (const changeType of ['GAP_CREATE', 'GAP_UPDATE', 'GAP_UNDELETE'])
      assert.deepEqual(change({ changeType, changedFields: [] }, { Activation_Status__c: null }), {
        kind: 'orders',
        orderIds: [order],
      });
  });

  it('an overflow names no record: a sweep is asked for', () => {
    assert.deepEqual(change({ changeType: 'GAP_OVERFLOW', recordIds: ['000000000000000AAA'] }), { kind: 'overflow' });
  });

  it('records of other objects are none of ours', () => {
    assert.deepEqual(change({ entityName: 'Account' }), { kind: 'nothing' });
    assert.deepEqual(change({ recordIds: ['001Ql000001AbCdIAK'] }), { kind: 'nothing' });
  });

  it('an event without a readable header is refused', () => {
    assert.throws(() => orderChange({}, 'Activation_Status__c'), /ChangeEventHeader/);
    assert.throws(() => orderChange({ ChangeEventHeader: 'x' }, 'Activation_Status__c'), /ChangeEventHeader/);
  });

  it('is told from platform events by its channel', () => {
    assert.equal(isChangeChannel('/data/OrderChangeEvent'), true);
    assert.equal(isChangeChannel('/event/OrderProvisionRequested__e'), false);
  });
});
