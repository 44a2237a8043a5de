import assert from 'node:assert/strict';
import {
  defaultFieldMapping,
  furtherPaths,
  itemFields,
  pathsById,
  type FieldMapping,
} from '../../../lib/provisioning/field-mapping';
import { Faults } from '../../../lib/provisioning/mapping-faults';
import type { Product } from '../../../lib/whmcs/contract';

const product = (over: Partial<Product> = {}): Product => ({
  pid: 11,
  name: 'Server',
  module: '',
  payType: 'recurring',
  allowQuantity: 2,
  stock: null,
  prices: {},
  ...over,
});

/** What the fields of an item feed, and the codes of its faults. */
function fed(over: Partial<FieldMapping>, values: Record<string, string | null>, of: Product | undefined = product()) {
  const mapping = { ...defaultFieldMapping, ...over };
  const faults = new Faults(mapping);
  const item = { id: '802', product: null, quantity: 1, price: null, fields: values };
  const fields = itemFields(item, mapping, of, faults);
  return { fields, faults: faults.faults.map(({ code, message }) => `${code}: ${message}`) };
}

describe('the mapping of fields', () => {
  it('feeds nothing where nothing is set, or where the field is empty or was not read', () => {
    assert.deepEqual(fed({}, { X: 'y' }), { fields: {}, faults: [] });
    const all = {
      domain: 'D',
      hostname: 'H',
      priceOverride: 'P',
      customFields: { 12: 'C' },
      configOptions: { 3: 'O' },
    };
    assert.deepEqual(fed(all, {}), { fields: {}, faults: [] });
    assert.deepEqual(fed(all, { D: null, H: ' ', P: '', C: null, O: ' ' }), { fields: {}, faults: [] });
  });

  it('asks for each path once', () => {
    const paths = furtherPaths({
      ...defaultFieldMapping,
      domain: 'D',
      hostname: 'D',
      customFields: { 1: 'C', 2: 'D' },
    });
    assert.deepEqual(paths, ['D', 'C']);
    assert.deepEqual(pathsById(['12=Order.PoNumber', '13=A']), { 12: 'Order.PoNumber', 13: 'A' });
  });

  it('feeds a domain or a host name alone, of any script', () => {
    for (const name of ['a.example', 'žilina.sk', '例え.jp', 'host-1'])
      assert.deepEqual(fed({ domain: 'D', hostname: 'D' }, { D: ` ${name} ` }), {
        fields: { domain: name, hostname: name },
        faults: [],
      });
    for (const name of ['https://a.example', 'a b', 'a.example/', "a'b", 'a@b', 'a&pid[1]=2', '<b>', 'x'.repeat(254)])
      assert.match(fed({ domain: 'D' }, { D: name }).faults[0] ?? '', /^DOMAIN_INVALID/, name);
  });

  it('feeds a price with two decimals, and takes none that WHMCS would change', () => {
    for (const [text, price] of [
      ['15', '15.00'],
      ['15.5', '15.50'],
      ['0', '0.00'],
      ['0149.90', '149.90'],
      ['12.340', '12.34'],
    ])
      assert.equal(fed({ priceOverride: 'P' }, { P: text ?? '' }).fields.priceOverride, price);
    for (const text of ['-1', '1e21', '1,5', '1.005', 'free', 'NaN', '0x10', '1 000'])
      assert.match(fed({ priceOverride: 'P' }, { P: text }).faults[0] ?? '', /^PRICE_INVALID/, text);
  });

  it('feeds custom fields with whatever text they hold', () => {
    const text = 'a:1:{i:1;s:1:"x";}\' <b>&pid[0]=9\u0000🚀';
    assert.deepEqual(fed({ customFields: { 12: 'C', 13: 'N' } }, { C: text, N: '5' }).fields, {
      customFields: { 12: text, 13: '5' },
    });
  });

  it('feeds an option by id or name of a choice, a number, or a checkbox', () => {
    const size = {
      id: 3,
      name: 'Size',
      choices: [1, 2].map((id) => ({ id: 30 + id, name: id === 1 ? 'Small' : 'Large' })),
    };
    const of = product({ configOptions: [size, { id: 4, name: 'Seats', choices: [] }] });
    const chosen = (id: number, text: string, one: Product | undefined = of) => {
      const { fields, faults } = fed({ configOptions: { [id]: 'O' } }, { O: text }, one);
      return fields.configOptions?.[id] ?? faults[0]?.split(':')[0] ?? null;
    };
    assert.deepEqual(
      [chosen(3, '32'), chosen(3, 'large'), chosen(3, '5'), chosen(3, 'Huge')],
      [32, 32, 'OPTION_INVALID', 'OPTION_INVALID'],
    );
    assert.deepEqual(
      [chosen(4, '7.0'), chosen(4, 'true'), chosen(4, 'false'), chosen(4, '1.5'), chosen(4, '-1')],
      [7, 1, 0, 'OPTION_INVALID', 'OPTION_INVALID'],
    );
    assert.equal(chosen(9, 'anything'), null);
    assert.deepEqual([chosen(9, '5', product()), chosen(9, 'x', product())], [5, 'OPTION_INVALID']);
  });
});
