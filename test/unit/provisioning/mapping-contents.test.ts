/** What arrives in WHMCS of contents that people and programs put into a field: the very text, or a fault and no order. */
import assert from 'node:assert/strict';
import { item, MappingUnderTest } from './mapping-under-test';

const paths = {
  domain: 'Domain',
  hostname: 'Host',
  customFields: { 12: 'Twelve' },
  configOptions: { 3: 'Three' },
};

const contents: [what: string, text: string][] = [
  ['HTML', `<a href="https://x.example" onclick='y()'>Tom &amp; Jerry</a><br>`],
  ['an emoji of several characters', '🏳️‍🌈 Škoda 🚀'],
  ['a NUL character', 'a\u0000b'],
  ['a name of 300 characters', `Größe 🚀${'x'.repeat(292)}`],
  ['quotes of every kind', `O'Neil "the \`first\`" \\ «x» “y”`],
];

/** As WHMCS keeps what people type. */
const entities: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#039;',
};
const encoded = (text: string): string => text.replace(/[&<>"']/g, (sign) => entities[sign] ?? sign);

describe('what WHMCS has in its books of', () => {
  let under: MappingUnderTest;
  let pid = 2_000;
  before(async () => (under = await MappingUnderTest.start(paths)));
  after(() => under.close());
  beforeEach(() => {
    pid += 10;
    under.simulator.office.putProduct({ pid, customFields: [{ id: 12, name: 'Field 12' }] });
  });

  const orders = (): number => under.simulator.panel.ledger('orderCreated').length;
  /** The faults of an item with these fields, of which no order may come. */
  const faultsOf = async (fields: Record<string, string>): Promise<string[]> => {
    const before = orders();
    const { way, value } = await under.map([item(pid, 1, { fields })]);
    assert.equal(way, 'incomplete');
    assert.equal(orders(), before);
    return value.items.flatMap((one) => one.faults.map(({ code, message }) => `${code}: ${message}`));
  };

  for (const [what, text] of contents)
    describe(what, () => {
      it('is the very text in a custom field', async () => {
        const { created, booked } = await under.add([item(pid, 1, { fields: { Twelve: text } })]);
        assert.deepEqual(created.items[0]?.customFields, { 12: text });
        assert.deepEqual(
          booked.services.map((one) => [one.pid, one.quantity, one.domain, one.customFields]),
          [[pid, 1, '', { 12: text }]],
        );
      });

      it('is a fault as a domain or a host name, and no order', async () => {
        for (const [path, kind] of [
          ['Domain', 'domain'],
          ['Host', 'host'],
        ] as const) {
          const [fault = '', ...more] = await faultsOf({ [path]: text });
          assert.deepEqual(more, []);
          assert.ok(fault.startsWith(`DOMAIN_INVALID: ${path} '${text.slice(0, 3)}`), fault);
          assert.ok(fault.endsWith(`' is no ${kind} name`), fault);
        }
      });

      it('chooses the option of that name, and is a fault where there is none', async () => {
        const choices = ['Small', encoded(text), 'Large'].map((name, at) => ({ id: 31 + at, name }));
        under.simulator.office.putProduct({
          pid,
          configOptions: [{ id: 3, name: encoded(text), type: 'dropdown', choices }],
        });
        const { created } = await under.add([item(pid, 1, { fields: { Three: text } })]);
        assert.deepEqual(created.items[0]?.configOptions, { 3: 32 });
        const [fault, ...more] = await faultsOf({ Three: `${text.slice(0, 5)} or other` });
        assert.deepEqual(more, []);
        assert.match(fault ?? '', /^OPTION_INVALID: Three '[^]*is no value of option 3, which takes Small, /);
      });
    });

  it('a domain of any script and of 253 characters, letter by letter; and none longer', async () => {
    const long = `${'a'.repeat(61)}.${'b'.repeat(63)}.${'c'.repeat(63)}.${'d'.repeat(63)}`;
    assert.equal(long.length, 253);
    for (const domain of ['žilina.sk', '例え.jp', '🚀.example', long]) {
      const { booked } = await under.add([item(pid, 1, { fields: { Domain: domain } })]);
      assert.equal(booked.services[0]?.domain, domain);
    }
    assert.match((await faultsOf({ Domain: `a${long}` })).join(), /^DOMAIN_INVALID/);
  });

  it('TBD and the like: nothing, as a domain or a host name', async () => {
    for (const text of ['TBD', '-', 'n/a', 'none', '?']) {
      assert.deepEqual(await faultsOf({ Domain: text }), [`DOMAIN_INVALID: Domain '${text}' is no domain name`]);
      assert.deepEqual(await faultsOf({ Host: text }), [`DOMAIN_INVALID: Host '${text}' is no host name`]);
    }
  });

  it('a million units: nothing', async () => {
    const before = orders();
    const { way, value } = await under.map([item(pid, 1_000_000)]);
    assert.deepEqual([way, value.items[0]?.faults.map(({ code }) => code)], ['incomplete', ['QUANTITY_TOO_HIGH']]);
    assert.equal(orders(), before);
  });

  it('a price of what is free: as much as it says, with a warning', async () => {
    under.simulator.office.putProduct({ pid, payType: 'free' });
    const fields = { Price: '9.5' };
    const priced = { ...under.fields, priceOverride: 'Price' };
    const { value, booked } = await under.add([item(pid, 1, { fields }, 'Free')], { fields: priced });
    assert.deepEqual(
      value.items[0]?.warnings?.map(({ code }) => code),
      ['PRICE_OF_FREE'],
    );
    // The simulator bills it; whether WHMCS does is not known.
    assert.equal(booked.amount, '9.50');
  });

  it('any of these in no odd request', () => {
    assert.deepEqual(under.simulator.panel.ledger('oddRequest'), []);
  });
});
