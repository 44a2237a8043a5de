import assert from 'node:assert/strict';
import { coverageCsv } from '../../../lib/provisioning/coverage-csv';
import type { Finding } from '../../../lib/provisioning/coverage-report';
import { CatalogueUnderTest } from './catalogue-under-test';

/** RFC 4180, by another hand than the one that writes it. @param separator as the reader's locale has it. */
function rowsOf(csv: string, separator = ','): string[][] {
  const rows: string[][] = [[]];
  let at = 0;
  const row = (): string[] => rows.at(-1) ?? [];
  while (at < csv.length) {
    let value = '';
    if (csv[at] === '"') {
      for (at++; at < csv.length; at++) {
        if (csv[at] !== '"') value += csv[at];
        else if (csv[at + 1] === '"') value += csv[at++];
        else break;
      }
      at++;
    }
    while (at < csv.length && csv[at] !== separator && !csv.startsWith('\r\n', at)) value += csv[at++];
    row().push(value);
    if (csv[at] === separator) at++;
    else {
      at += 2;
      if (at < csv.length) rows.push([]);
    }
  }
  return rows;
}

const header = [
  'Severity',
  'Code',
  'Product',
  'Product code',
  'Product id',
  'WHMCS product',
  'Billing cycle',
  'What is wrong',
  'What to do',
  'Owner',
  'Link',
];

describe("A coverage report's CSV", () => {
  async function csvOf(...names: string[]): Promise<{ csv: string; findings: Finding[] }> {
    const catalogue = new CatalogueUnderTest();
    for (const name of names) catalogue.add('9', 'Monthly', { name, code: name });
    const report = await catalogue.run();
    return { csv: coverageCsv(report), findings: report.findings };
  }
  const bodyOf = (csv: string, separator?: string): string[][] => rowsOf(csv.slice(1), separator).slice(1);

  it('has a row without a product for a fault of the mapping', async () => {
    const catalogue = new CatalogueUnderTest();
    catalogue.addSold(1);
    catalogue.sell(1, { configOptions: [] });
    const csv = coverageCsv(await catalogue.run({}, { configOptions: { 70: 'Seats__c' } }));
    assert.deepEqual(bodyOf(csv), [
      [
        ...['fault', 'OPTION_UNKNOWN', '', '', '', '', ''],
        'no checked product has option 70 in WHMCS: Orders go on without what Seats__c says',
        'Correct the id under "Config options" on mapping check, or take it out. If its products are in another price book, check that one.',
        ...['Development team', ''],
      ],
    ]);
  });

  it('begins with a byte order mark, and ends each row with CR LF', async () => {
    const { csv } = await csvOf('Škoda 🚀');
    assert.equal(Buffer.from(csv, 'utf8').subarray(0, 3).toString('hex'), 'efbbbf');
    assert.equal(csv.split('\r\n').length, 3);
    assert.equal(csv.replaceAll('\r\n', '').includes('\n'), false);
  });

  it('has the header alone where nothing was found', async () => {
    const { csv } = await csvOf();
    assert.deepEqual(rowsOf(csv.slice(1)), [header]);
  });

  it('has all of a finding, a column each', async () => {
    const { csv, findings } = await csvOf('Seat, "Pro"; 5 × €');
    const [finding] = findings;
    assert.ok(finding);
    assert.deepEqual(rowsOf(csv.slice(1)), [
      header,
      [
        'fault',
        'PRODUCT_UNKNOWN',
        'Seat, "Pro"; 5 × €',
        'Seat, "Pro"; 5 × €',
        finding.product?.id,
        '9',
        'monthly',
        'WHMCS has no product 9',
        finding.fix,
        'Salesforce admin',
        finding.product?.url,
      ],
    ]);
  });

  const hostile = [
    '=HYPERLINK("http://evil.example","open")',
    '+1+1',
    '-1+1',
    '@SUM(1)',
    '  =1+1',
    '\t=1+1',
    '\r=1+1',
    '\n=1+1',
    '\u{0}=1+1',
    '\u{A0}=1+1',
    '＝1+1',
    '＋1',
    '－1',
    '＠SUM(1)',
    'x;=1+1',
    'x; \t=1+1',
    'x"=1+1',
    '"=1+1',
    '";=1+1',
    'x"\r\n"fault","FORGED"',
    'x\u{2028}=1+1',
    "'=1+1",
  ];
  /** What a spreadsheet runs; an apostrophe in front makes it text. */
  const isFormula = (cell: string): boolean => /^[\s"\p{Cc}]*[=+\-@＝＋－＠]/u.test(cell);

  for (const separator of [',', ';', '\t'])
    it(`has no formula and no forged row where cells end at ${JSON.stringify(separator)}`, async () => {
      const { csv } = await csvOf(...hostile);
      const rows = bodyOf(csv, separator);
      assert.equal(rows.length, hostile.length);
      assert.deepEqual(rows.flat().filter(isFormula), []);
    });

  it('keeps what is harmless as it is', async () => {
    const names = ['Plan - yearly', 'A+B', 'a@b.example', "O'Neil", '5-Pack, large', '(=)', 'x, =y'];
    const { csv } = await csvOf(...names);
    assert.deepEqual(new Set(bodyOf(csv).map(([, , name]) => name)), new Set(names));
  });
});
