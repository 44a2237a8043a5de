import assert from 'node:assert/strict';
import {
  amountNote,
  differences,
  optionDifferences,
  servicesOfItems,
  unlike,
} from '../../../lib/provisioning/order-comparison';
import type { Service } from '../../../lib/whmcs/contract';

const item = (
  orderItemId: string,
  pid: number,
  quantity = 1,
  billingCycle = 'monthly',
  price: string | null = '15.00',
) => ({
  orderItemId,
  pid,
  quantity,
  billingCycle,
  price,
});

const service = (id: number, pid: number, over: Partial<Service> = {}): Service => ({
  id,
  clientId: 1,
  orderId: 1,
  pid,
  name: '',
  status: 'Pending',
  billingCycle: 'Monthly',
  quantity: 1,
  recurringAmount: '15.00',
  firstPaymentAmount: '15.00',
  customFields: [],
  ...over,
});

describe('What was asked for against what WHMCS holds', () => {
  it('is the same in whatever order, split or scaled, and however a cycle is spelt', () => {
    const asked = [
      item('A', 11, 2),
      item('B', 13, 1, 'semiannually'),
      item('C', 17, 1, 'onetime'),
      item('D', 18, 1, 'free'),
    ];
    const services = [
      service(4, 18, { billingCycle: 'Free Account', quantity: 0 }),
      service(3, 17, { billingCycle: 'One Time' }),
      service(2, 13, { billingCycle: 'Semi-Annually' }),
      service(1, 11),
      service(5, 11),
    ];
    assert.deepEqual(differences(asked, services), []);
  });

  it('tells a missing product, one too many, a wrong quantity and a wrong cycle', () => {
    const found = differences(
      [item('A', 11, 2), item('B', 12)],
      [service(1, 11), service(2, 12, { billingCycle: 'Annually' })],
    );
    assert.deepEqual(found, [
      'product 11 monthly: asked for 2, WHMCS has 1',
      'product 12 monthly: asked for 1, WHMCS has 0',
      'product 12 annually: asked for 0, WHMCS has 1',
    ]);
  });

  it('tells another price, of the first payment where there is only one', () => {
    assert.equal(amountNote([item('A', 11, 2)], [service(1, 11, { recurringAmount: '30.00' })]), null);
    assert.match(
      amountNote([item('A', 11, 2)], [service(1, 11, { recurringAmount: '0.00' })]) ?? '',
      /charges 0\.00 .* says 30\.00/,
    );
    const once = [service(1, 17, { billingCycle: 'One Time', recurringAmount: '0.00', firstPaymentAmount: '15.00' })];
    assert.equal(amountNote([item('A', 17, 1, 'onetime')], once), null);
  });

  it('says nothing of prices that are not known', () => {
    assert.equal(amountNote([item('A', 11, 1, 'monthly', null)], [service(1, 11, { recurringAmount: '0.00' })]), null);
    assert.equal(amountNote([item('A', 11)], []), null);
  });

  it('tells a price above those that Salesforce gave, of all items of a product and cycle together', () => {
    const fed = (price: string, quantity = 1) => ({
      ...item(price, 11, quantity, 'monthly', price),
      priceOverride: price,
    });
    const charged = (...amounts: string[]) =>
      amounts.map((recurringAmount, at) => service(at + 1, 11, { recurringAmount }));
    const said = 'product 11 monthly: Salesforce says 28.50, WHMCS charges 31.00 a cycle';
    const items = [fed('9.50', 2), fed('9.50')];
    assert.deepEqual(unlike(items, charged('9.50', '9.50', '12.00')), [said]);
    assert.deepEqual(unlike(items, charged('9.50', '9.50', '9.50')), []);
    assert.deepEqual(unlike([fed('12.00'), fed('9.50')], charged('9.50', '12.00')), []);
    assert.deepEqual(unlike([fed('9.50'), item('B', 11)], charged('15.00', '15.00')), [], 'one item has no such price');
  });

  it('tells no price where WHMCS shows options on the service, which may cost something', () => {
    const fed = { ...item('A', 11, 1, 'monthly', '9.50'), priceOverride: '9.50' };
    const options = [{ id: 3, value: 2 }];
    assert.deepEqual(unlike([fed], [service(1, 11, { recurringAmount: '11.50', options })]), []);
    assert.equal(unlike([fed], [service(1, 11, { recurringAmount: '11.50', options: [] })]).length, 1);
  });

  it('gives each item its services, in the order in which both were made', () => {
    const asked = [item('A', 11, 2), item('B', 11), item('C', 20, 3)];
    const services = [service(9, 20, { quantity: 3 }), service(3, 11), service(1, 11), service(2, 11)];
    assert.deepEqual(servicesOfItems(asked, services), [
      { orderItemId: 'A', serviceId: 1 },
      { orderItemId: 'A', serviceId: 2 },
      { orderItemId: 'B', serviceId: 3 },
      { orderItemId: 'C', serviceId: 9 },
    ]);
  });

  it('gives an item none where it cannot be told', () => {
    assert.deepEqual(servicesOfItems([item('A', 11)], [service(1, 12)]), []);
  });

  describe('of configurable options', () => {
    const with3 = (orderItemId: string, value: number, quantity = 1) => ({
      ...item(orderItemId, 11, quantity),
      options: { 3: value, 4: 31 },
    });
    const has3 = (id: number, value: number, quantity = 1) =>
      service(id, 11, { quantity, options: [{ id: 3, value }] });

    it('is the same in whatever order, where as many units have a value as were asked for', () => {
      assert.deepEqual(optionDifferences([with3('A', 5, 2), with3('B', 7)], [has3(1, 7), has3(2, 5), has3(3, 5)]), []);
      assert.deepEqual(optionDifferences([with3('A', 5, 2)], [has3(1, 5, 2)]), []);
      // An item that asks for nothing has the least, whatever that is.
      assert.deepEqual(optionDifferences([with3('A', 5), item('B', 11)], [has3(1, 1), has3(2, 5)]), []);
    });

    it('differs where WHMCS made something else of it, said once', () => {
      assert.deepEqual(optionDifferences([with3('A', 5, 2), with3('B', 5)], [has3(1, 5), has3(2, 1), has3(3, 1)]), [
        'product 11 monthly, option 3: asked for 5, WHMCS has 5 and 1',
      ]);
    });

    it('is not compared where WHMCS does not tell it of every service of the product', () => {
      assert.deepEqual(optionDifferences([with3('A', 5), with3('B', 5)], [has3(1, 5), service(2, 11)]), []);
      assert.deepEqual(optionDifferences([with3('A', 5), with3('B', 0)], [has3(1, 5), service(2, 11)]), []);
      // One of another product says nothing of this one.
      assert.deepEqual(optionDifferences([with3('A', 5)], [has3(1, 1), service(2, 12)]), [
        'product 11 monthly, option 3: asked for 5, WHMCS has 1',
      ]);
    });

    it('is not compared where WHMCS does not tell it as a number', () => {
      assert.deepEqual(optionDifferences([with3('A', 5)], [service(1, 11), service(2, 12, { options: [] })]), []);
      assert.deepEqual(optionDifferences([item('A', 11)], [has3(1, 1)]), []);
    });
  });
});
