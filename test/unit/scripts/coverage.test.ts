import assert from 'node:assert/strict';
import { tmpdir } from 'node:os';
import { silentLog } from '../../../lib/log';
import { argumentsOf, UsageError } from '../../../scripts/coverage/arguments';
import { connect } from '../../../scripts/coverage/environment';
import { refuseUnwritable } from '../../../scripts/coverage/outputs';
import { progressLine } from '../../../scripts/coverage/progress-line';

/** What it says to whoever called it wrongly. */
function refusal(run: () => unknown): string {
  try {
    run();
  } catch (error) {
    assert.ok(error instanceof UsageError, String(error));
    return error.message;
  }
  return assert.fail('it was taken');
}

describe('The words of npm run coverage', () => {
  it('are taken', () => {
    assert.deepEqual(argumentsOf([]), {
      help: false,
      demo: false,
      strict: false,
      products: null,
      json: null,
      csv: null,
      productIdField: null,
      billingCycleField: null,
      flow: null,
      mappingCheck: null,
      currencies: null,
    });
    const words = ['--demo', '--products', '5', '--strict', '--json', '-', '--csv=a.csv'];
    const { demo, products, strict, json, csv } = argumentsOf(words);
    assert.deepEqual([demo, products, strict, json, csv], [true, 5, true, '-', 'a.csv']);
    assert.equal(argumentsOf(['-h']).help, true);
    const flow = argumentsOf(['--flow', 'flows.json', '--mapping-check', 'mapping', '--currencies', 'usd, EUR']);
    assert.deepEqual([flow.flow, flow.mappingCheck, flow.currencies], ['flows.json', 'mapping', ['USD', 'EUR']]);
    assert.equal(argumentsOf(['--product-id-field', 'Product2.Pid__c']).productIdField, 'Product2.Pid__c');
  });

  const wrong: [string[], RegExp][] = [
    [['--fast'], /^Unknown option '--fast'\. See npm run coverage -- --help$/],
    [['fast'], /^Unexpected argument 'fast'/],
    [['--json'], /^Option '--json <value>' argument missing/],
    [['--strict=yes'], /^Option '--strict' does not take an argument/],
    [['--json', ''], /^--json needs the name of a file/],
    [['--json', '-', '--csv', '-'], /^Only one of --json and --csv/],
    [['--json', 'same', '--csv', 'same'], /name the same file/],
    [['--products', '5'], /--products is for --demo alone/],
    [['--demo', '--products', 'many'], /--products needs a whole number/],
    [['--demo', '--products', '0'], /--products needs a whole number/],
    [['--product-id-field', 'OrderItem.X__c'], /needs a field of the product/],
    [['--billing-cycle-field', "x' OR"], /needs a field of the product/],
    [['--flow', ' '], /--flow needs the name of a file/],
    [['--flow', 'a.json', '--product-id-field', 'X__c'], /--flow names the fields; leave out --product-id-field/],
    [['--mapping-check', 'mapping'], /--mapping-check is for --flow alone/],
    [['--currencies', 'dollars'], /--currencies needs codes with commas between them, such as USD,EUR, not "dollars"/],
    [['--currencies', 'USD,'], /--currencies needs codes/],
  ];
  for (const [words, said] of wrong)
    it(`are refused in one clear line: ${words.join(' ')}`, () => {
      const message = refusal(() => argumentsOf(words));
      assert.match(message, said);
      assert.equal(message.includes('\n'), false);
    });

  it('name files that can be written, or are refused before anything is read', () => {
    const said = (csv: string): string => refusal(() => refuseUnwritable({ json: null, csv }));
    assert.match(
      said('/nowhere/at/all.csv'),
      /^\/nowhere\/at\/all\.csv cannot be written: its folder does not exist\.$/,
    );
    assert.match(said(tmpdir()), /cannot be written: it is a folder/);
    refuseUnwritable({ json: '-', csv: null });
  });
});

describe('The environment of npm run coverage', () => {
  const whole = {
    SF_LOGIN_URL: 'https://login.salesforce.com',
    SF_CLIENT_ID: 'key',
    SF_USERNAME: 'user@example.test',
    SF_PRIVATE_KEY_PATH: '/key.pem',
    WHMCS_URL: 'https://billing.example.test',
    WHMCS_API_IDENTIFIER: 'identifier',
    WHMCS_API_SECRET: 'a-secret-that-is-not-told',
  };

  it('is enough with the variables of the flow, and an empty one is not set', () => {
    const { pricebookId, close } = connect({ ...whole, PORTAL_PRICEBOOK_ID: ' ' }, silentLog);
    assert.equal(pricebookId, null);
    close();
    const other = connect({ ...whole, PORTAL_PRICEBOOK_ID: ' 01s000000000001 ' }, silentLog);
    assert.equal(other.pricebookId, '01s000000000001');
    other.close();
  });

  for (const name of Object.keys(whole))
    it(`needs ${name}`, () => {
      const said = refusal(() => connect({ ...whole, [name]: '' }, silentLog));
      assert.equal(said.split('.')[0], `Not set: ${name}`);
      assert.doesNotMatch(said, /not-told/);
    });

  it('names the variable that holds an address that cannot be used', () => {
    assert.match(
      refusal(() => connect({ ...whole, WHMCS_URL: 'no address' }, silentLog)),
      /^WHMCS_URL: /,
    );
    assert.match(
      refusal(() => connect({ ...whole, SF_LOGIN_URL: 'http://login.example' }, silentLog)),
      /^SF_LOGIN_URL: /,
    );
  });
});

describe('The progress of npm run coverage', () => {
  function written(isTTY: boolean): { lines: string[]; line: ReturnType<typeof progressLine>; at: { ms: number } } {
    const lines: string[] = [];
    const at = { ms: 0 };
    const line = progressLine({ isTTY, write: (text: string) => lines.push(text) > 0 }, () => at.ms);
    return { lines, line, at };
  }

  it('is one line that moves in a terminal, and ends before what follows', () => {
    const { lines, line } = written(true);
    line.show({ checked: 1, total: 3, faulty: 0 });
    line.show({ checked: 3, total: 3, faulty: 2 });
    line.end();
    line.end();
    assert.deepEqual(lines, [
      '\r\u{1B}[K1 of 3 products checked, 0 with faults',
      '\r\u{1B}[K3 of 3 products checked, 2 with faults',
      '\n',
    ]);
  });

  it('is a line now and then in a log, and one at the end', () => {
    const { lines, line, at } = written(false);
    for (let checked = 1; checked <= 10; checked++, at.ms += 1_000) line.show({ checked, total: 10, faulty: 0 });
    line.end();
    assert.deepEqual(
      lines.map((text) => text.split(' ')[0]),
      ['1', '6', '10'],
    );
  });
});
