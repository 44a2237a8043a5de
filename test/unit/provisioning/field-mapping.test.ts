import assert from 'node:assert/strict';
import {
  defaultFieldMapping,
  furtherPaths,
  itemFields,
  pathsById,
  type FieldMapping,
} from '../../../lib/provisioning/field-mapping';
import { Faults } from '../../../lib/provisioning/mapping-faults';
import type { ConfigOption, Product } from '../../../lib/whmcs/contract';

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
    for (const name of ['a.example', 'žilina.sk', '例え.jp', '1.example', 'xn--bcher-kva.example', 'a--b.co.uk'])
      assert.deepEqual(fed({ domain: 'D', hostname: 'D' }, { D: ` ${name} ` }), {
        fields: { domain: name, hostname: name },
        faults: [],
      });
    for (const name of ['https://a.example', 'a b', 'a.example/', "a'b", 'a@b', 'a&pid[1]=2', '<b>', 'x'.repeat(254)])
      assert.match(fed({ domain: 'D' }, { D: name }).faults[0] ?? '', /^DOMAIN_INVALID/, name);
  });

  it('feeds no domain that has no dot, or a label that DNS does not take', () => {
    const placeholders = ['TBD', '-', '--', 'n/a', 'N.A.', 'none', 'null', 'unknown', 'x', '?', '.', '...', '_'];
    const numbers = ['12.50', '1.0', '192.168.0.1', '2026.11.30'];
    const labels = [
      '-a.example',
      'a-.example',
      'a.-b.example',
      'a.example-',
      `${'a'.repeat(64)}.example`,
      'localhost',
      'a.b',
    ];
    for (const name of [...placeholders, ...numbers, ...labels]) {
      const { fields, faults } = fed({ domain: 'D' }, { D: name });
      assert.deepEqual(fields, {}, name);
      assert.match(faults.join(), /^DOMAIN_INVALID: D '.*' is no domain name$/, name);
    }
    assert.deepEqual(fed({ domain: 'D' }, { D: `${'a'.repeat(63)}.example` }).faults, []);
  });

  it('feeds a host name of a single label, but none of the words that stand for no name yet', () => {
    for (const name of ['host-1', 'web1', '10', 'vps1.a.example', 'a.example.', '192.0.2.7'])
      assert.deepEqual(fed({ hostname: 'H' }, { H: name }), { fields: { hostname: name }, faults: [] });
    for (const name of [
      'TBD',
      'tba',
      '-',
      '--',
      'n/a',
      'N.A.',
      'na',
      'None',
      'NULL',
      'unknown',
      'x',
      '?',
      '.',
      '-a',
      'a-',
    ])
      assert.deepEqual(fed({ hostname: 'H' }, { H: name }), {
        fields: {},
        faults: [`DOMAIN_INVALID: H '${name}' is no host name`],
      });
  });

  it('feeds no name that was copied with a part of an address, or with a sign that nobody sees', () => {
    const bad = ['a.example?from=mail', 'a.example#top', 'a%20b.example', '(a.example)', '[a.example]', 'a|b.example'];
    for (const name of [...bad, 'a..example', '.a.example', '.', 'a\u{D83D}.example'])
      assert.deepEqual(fed({ domain: 'D' }, { D: name }).faults, [`DOMAIN_INVALID: D '${name}' is no domain name`]);
    for (const name of ['a.example\u200B', '\u200Ea.example', 'a\u00ADb.example', '\u2060a.example'])
      assert.deepEqual(fed({ hostname: 'H' }, { H: name }).faults, [
        `DOMAIN_INVALID: H '${name}' holds a sign that cannot be seen`,
      ]);
    // Needed between letters of some scripts; and what certificates and services are ordered for.
    for (const name of ['نامه\u200Cای.example', '*.a.example', '_sip.a.example', 'a.example.'])
      assert.deepEqual(fed({ domain: 'D' }, { D: name }), { fields: { domain: name }, faults: [] });
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

  describe('feeds an option', () => {
    const option = (
      id: number,
      kind: ConfigOption['kind'],
      names: string[] = [],
      over: Partial<ConfigOption> = {},
    ) => ({
      id,
      name: `Option ${id}`,
      kind,
      choices: names.map((name, at) => ({ id: id * 10 + at, name })),
      least: null,
      most: null,
      ...over,
    });
    const size = option(3, 'choice', ['Small', 'Large  one']);
    const licence = option(4, 'choice', ['No', 'Yes']);
    const backup = option(5, 'yesno');
    const seats = option(6, 'quantity');
    const bounded = option(7, 'quantity', [], { least: 2, most: 10 });
    const all = product({ configOptions: [size, licence, backup, seats, bounded] });
    /** What is chosen, or the fault. */
    const chosen = (id: number, text: string, of: Product | undefined = all) => {
      const { fields, faults } = fed({ configOptions: { [id]: 'O' } }, { O: text }, of);
      return fields.configOptions?.[id] ?? faults[0] ?? null;
    };
    const each = (id: number, texts: string[], of?: Product) => texts.map((text) => chosen(id, text, of));
    const invalid = (id: number, text: string, why: string) =>
      `OPTION_INVALID: O '${text}' is no value of option ${id}, ${why}`;

    it('of a list by the id or the name of a choice', () => {
      assert.deepEqual(each(3, ['31', '31.0', 'small', ' Large One ']), [31, 31, 30, 31]);
      for (const text of ['5', 'Huge', '3'])
        assert.equal(chosen(3, text), invalid(3, text, 'which takes Small, Large  one'));
    });

    it('of a list by nothing that can mean two choices', () => {
      // A number that is the name of one choice and the id of another: 4 cores are not choice 4.
      const cores = option(3, 'choice', [], { choices: [4, 5, 6].map((id) => ({ id, name: String(2 * (id - 3)) })) });
      const twice = option(8, 'choice', ['Same', 'same ', 'Other']);
      const of = product({ configOptions: [cores, twice] });
      assert.deepEqual(each(3, ['2', '5'], of), [4, 5]);
      assert.equal(chosen(3, '4', of), invalid(3, '4', "where it can mean choice 4 '2' or 5 '4'"));
      assert.equal(chosen(8, 'SAME', of), invalid(8, 'SAME', "where it can mean choice 80 'Same' or 81 'same '"));
      assert.equal(chosen(8, 'other', of), 82);
    });

    it('of a list by a checkbox only where it has one choice Yes, or No', () => {
      assert.deepEqual(each(4, ['true', 'FALSE', 'yes']), [41, 40, 41]);
      // 1 and 0 are ids of choices here; WHMCS would take the first choice, whatever it is.
      for (const [text, word] of [
        ['true', 'Yes'],
        ['false', 'No'],
      ] as const)
        assert.equal(
          chosen(3, text),
          invalid(3, text, `where a checkbox needs a choice '${word}': it takes Small, Large  one`),
        );
      const twice = product({ configOptions: [option(4, 'choice', ['Yes', 'yes', 'No'])] });
      assert.equal(chosen(4, 'true', twice), invalid(4, 'true', "where it can mean choice 40 'Yes' or 41 'yes'"));
      assert.equal(chosen(4, 'false', twice), 42);
      const words = product({ configOptions: [option(4, 'choice', ['False', 'True', 'Yes'])] });
      assert.deepEqual(each(4, ['true', 'false'], words), [41, 40]);
    });

    it('of yes or no by a checkbox, a word, or 1 and 0', () => {
      assert.deepEqual(each(5, ['true', 'Yes', '1', '1.0', 'false', 'NO', '0']), [1, 1, 1, 1, 0, 0, 0]);
      for (const text of ['5', 'maybe', '-1', '50'])
        assert.equal(chosen(5, text), invalid(5, text, 'which takes yes or no'));
    });

    it('of a quantity by a number within its bounds, which WHMCS would change to the least', () => {
      assert.deepEqual(each(6, ['7', '7.0', '0', 'true', 'false']), [7, 7, 0, 1, 0]);
      for (const text of ['1.5', '-1', 'many']) assert.equal(chosen(6, text), invalid(6, text, 'which takes a number'));
      assert.deepEqual(each(7, ['2', '10']), [2, 10]);
      for (const text of ['1', '11', 'true'])
        assert.equal(chosen(7, text), invalid(7, text, 'which takes a number from 2 to 10'));
      const of = product({
        configOptions: [option(6, 'quantity', [], { least: 3 }), option(7, 'quantity', [], { most: 5 })],
      });
      assert.equal(chosen(6, '2', of), invalid(6, '2', 'which takes a number from 3'));
      assert.equal(chosen(7, '6', of), invalid(7, '6', 'which takes a number from 0 to 5'));
    });

    it('of which WHMCS tells nothing by a number alone', () => {
      for (const of of [product(), product({ configOptions: [option(9, null)] })]) {
        assert.equal(chosen(9, '5', of), 5);
        for (const text of ['x', 'true'])
          assert.equal(
            chosen(9, text, of),
            invalid(9, text, 'of which WHMCS tells no choices, so that it takes a number'),
          );
      }
    });

    it('not at all where it is of another product, nor where the product has none', () => {
      for (const text of ['5', 'anything', 'true']) {
        assert.equal(chosen(9, text), null);
        assert.equal(chosen(3, text, product({ configOptions: [] })), null);
      }
    });

    it('not of a product that WHMCS does not know: that is fault enough', () => {
      const mapping = { ...defaultFieldMapping, configOptions: { 3: 'O' } };
      const faults = new Faults(mapping);
      assert.deepEqual(itemFields({ fields: { O: 'Huge' } }, mapping, undefined, faults), {});
      assert.deepEqual(faults.faults, []);
    });

    it('says what helps', () => {
      const fixOf = (id: number, text: string) => {
        const mapping = { ...defaultFieldMapping, configOptions: { [id]: 'O' } };
        const faults = new Faults(mapping);
        itemFields({ fields: { O: text } }, mapping, all, faults);
        return faults.faults[0]?.fix;
      };
      assert.match(fixOf(3, 'Huge') ?? '', /^Set the field named here to one of the values/);
      assert.match(fixOf(3, 'true') ?? '', /^Feed the option from a field with the names of its choices, or/);
    });
  });
});
