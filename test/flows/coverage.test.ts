import assert from 'node:assert/strict';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { z } from 'zod';
import { largeCatalogue, type CataloguedProduct } from '../../simulators/large-catalogue';
import { demoCredentials } from '../../simulators/whmcs/authentication';
import { CoverageScene, secrets, type Ended } from './coverage-command';

const size = 5_000;

const reported = z.object({
  ok: z.boolean(),
  totals: z.object({
    products: z.number(),
    good: z.number(),
    faulty: z.number(),
    findings: z.record(z.string(), z.number()),
    codes: z.array(z.object({ code: z.string(), severity: z.string(), findings: z.number() })),
  }),
  notes: z.array(z.string()),
  findings: z.array(
    z.object({ severity: z.string(), code: z.string(), product: z.object({ code: z.string(), name: z.string() }) }),
  ),
});
type Reported = z.output<typeof reported>;

const jsonOf = ({ stdout }: Ended): Reported => reported.parse(JSON.parse(stdout));

/** What was seeded, by product code: the codes of what is wrong or odd. */
const seeded = (catalogue: readonly CataloguedProduct[]): Map<string, string[]> =>
  new Map(
    catalogue
      .filter(({ absent, expected }) => absent === null && expected.length > 0)
      .map(({ code, expected }) => [code, expected]),
  );

function found({ findings }: Reported): Map<string, string[]> {
  const byProduct = new Map<string, string[]>();
  for (const { product, code } of findings)
    byProduct.set(product.code, [...(byProduct.get(product.code) ?? []), code].sort());
  return byProduct;
}

const inOrder = (map: Map<string, string[]>): [string, string[]][] =>
  [...map].sort(([one], [other]) => (one < other ? -1 : 1));

describe('npm run coverage', function () {
  this.timeout(300_000);
  let scene: CoverageScene;
  before(async () => (scene = await CoverageScene.open()));
  after(() => scene.close());
  afterEach(() => scene.reset());

  const calls = (action: string): number => scene.whmcs.panel.requests(action).length;
  const tellsNoSecret = ({ stdout, stderr }: Ended): void => {
    const said = stdout + stderr;
    const { secret, identifier } = demoCredentials;
    for (const hidden of [secrets.passphrase, secrets.consumerKey, secret, identifier, 'PRIVATE KEY'])
      assert.equal(said.includes(hidden), false, `it says ${hidden.slice(0, 6)}…`);
  };
  /** Nothing of any run may change anything. */
  const changedNothing = (): void => {
    assert.deepEqual(scene.whmcs.panel.ledger(), []);
    assert.deepEqual(
      scene.salesforce.panel.ledger().filter(({ what }) => what !== 'login' && what !== 'tokenIssued'),
      [],
    );
  };

  describe(`over a catalogue of ${size} products`, () => {
    const catalogue = largeCatalogue(size);
    let pricebook: string;
    beforeEach(() => (pricebook = scene.layOut(catalogue)));
    const run = (words: string[], change: Record<string, string | undefined> = {}): Promise<Ended> =>
      scene.run(words, { PORTAL_PRICEBOOK_ID: pricebook, ...change });

    it('finds what was seeded, fault by fault, with few calls and no effect', async () => {
      const ended = await run(['--json', '-']);
      assert.equal(ended.code, 0, ended.stderr);
      const report = jsonOf(ended);
      assert.deepEqual(inOrder(found(report)), inOrder(seeded(catalogue)));
      const active = catalogue.filter(({ absent }) => absent === null);
      const isFault = new Set(report.findings.filter((one) => one.severity === 'fault').map(({ code }) => code));
      const faulty = active.filter(({ expected }) => expected.some((code) => isFault.has(code))).length;
      assert.deepEqual(
        [report.totals.products, report.totals.faulty, report.totals.good],
        [size, faulty, size - faulty],
      );
      assert.equal(report.ok, false);
      for (const { code, findings } of report.totals.codes)
        assert.equal(findings, active.filter(({ expected }) => expected.includes(code)).length, code);
      const pids = new Set(active.flatMap(({ productIdField }) => Number(productIdField) || []));
      assert.equal(calls('GetProducts'), Math.ceil(pids.size / 100));
      assert.deepEqual([calls('GetCurrencies'), calls('WhmcsDetails')], [1, 1]);
      assert.equal(scene.salesforce.panel.requests('query').length, 1 + Math.ceil(size / 2_000));
      changedNothing();
      tellsNoSecret(ended);
      assert.match(ended.stderr, /5000 of 5000 products checked/);
    });

    it('ends with 1 on a fault where --strict is given, and writes whole files for both formats', async () => {
      const [json, csv] = [scene.file('report.json'), scene.file('report.csv')];
      const ended = await run(['--strict', '--json', json, '--csv', csv]);
      assert.equal(ended.code, 1, ended.stderr);
      const report = reported.parse(JSON.parse(readFileSync(json, 'utf8')));
      assert.equal(report.totals.products, size);
      const rows = readFileSync(csv, 'utf8').split('\r\n');
      assert.equal(rows.length, report.findings.length + 2);
      assert.match(ended.stdout, /^Price book "Portal"/);
      assert.match(ended.stderr, /written: .*report\.json\n(.|\n)*written: .*report\.csv/);
      assert.deepEqual(
        readdirSync(scene.directory).filter((name) => name.endsWith('.tmp')),
        [],
      );
    });

    it('finds the same where WHMCS gives 25 products at a time, and calls none of the others unknown', async () => {
      scene.whmcs.panel.switches({ mostProducts: 25 });
      const ended = await run(['--json', '-']);
      assert.equal(ended.code, 0, ended.stderr);
      assert.deepEqual(inOrder(found(jsonOf(ended))), inOrder(seeded(catalogue)));
      changedNothing();
    });

    it('says what WHMCS says and how far it came when WHMCS fails half way, and writes nothing', async () => {
      const json = scene.file('half.json');
      writeFileSync(json, 'of an earlier run');
      scene.whmcs.panel.fault({
        call: 'GetProducts',
        skip: 20,
        times: 0,
        do: { kind: 'html', page: 'maintenance' },
      });
      const ended = await run(['--strict', '--json', json, '--csv', '-']);
      assert.equal(ended.code, 3, ended.stdout);
      assert.equal(ended.stdout, '');
      assert.match(ended.stderr, /stopped after \d{4} of 5000 products, so there is no report/);
      assert.match(ended.stderr, /WHMCS hosting support: .* then check the catalogue again/);
      assert.equal(readFileSync(json, 'utf8'), 'of an earlier run');
      tellsNoSecret(ended);
    });

    it('says the same of a Salesforce that fails at a later page', async () => {
      scene.salesforce.panel.fault({ call: 'query', skip: 2, times: 0, do: { kind: 'status', status: 503 } });
      const ended = await run([]);
      assert.equal(ended.code, 3);
      assert.equal(ended.stdout, '');
      assert.match(ended.stderr, /stopped after \d+ of 5000 products[^]*Salesforce admin: /);
    });

    it('goes on after a passing fault of either', async () => {
      scene.whmcs.panel.fault({ call: 'GetProducts', skip: 5, times: 2, do: { kind: 'reset' } });
      scene.salesforce.panel.fault({ call: 'query', skip: 2, times: 1, do: { kind: 'status', status: 503 } });
      const ended = await run(['--json', '-']);
      assert.equal(ended.code, 0, ended.stderr);
      assert.deepEqual(inOrder(found(jsonOf(ended))), inOrder(seeded(catalogue)));
    });

    it('ends soon and without a report when it is interrupted', async () => {
      scene.whmcs.panel.fault({ call: 'GetProducts', skip: 3, times: 0, do: { kind: 'hang' } });
      const ended = await scene.run(['--json', '-'], { PORTAL_PRICEBOOK_ID: pricebook }, (said, end) => {
        if (/ products checked/.test(said)) end('SIGINT');
      });
      assert.equal(ended.code, 130, ended.stderr);
      assert.equal(ended.stdout, '');
      assert.match(ended.stderr, /Interrupted: there is no report\./);
    });
  });

  it('takes the standard price book where none is set, and an empty variable for not set', async () => {
    const ended = await scene.run(['--json', '-', '--strict'], { PORTAL_PRICEBOOK_ID: ' ' });
    assert.equal(ended.code, 1, ended.stderr);
    const report = jsonOf(ended);
    assert.equal(report.totals.products, 13);
    assert.deepEqual(
      [...found(report)].filter(([, codes]) => !codes.every((code) => code === 'QUANTITY_AS_LINES')).sort(),
      [
        ['UNKNOWN-PID', ['PRODUCT_UNKNOWN']],
        ['UNMAPPED', ['CYCLE_MISSING', 'PRODUCT_ID_MISSING']],
        ['WRONG-CYCLE', ['CYCLE_AMBIGUOUS']],
      ],
    );
  });

  it('passes where all is well, and only then, with --strict', async () => {
    const right = largeCatalogue(60);
    assert.ok(right.every(({ expected }) => expected.length === 0));
    const PORTAL_PRICEBOOK_ID = scene.layOut(right);
    const well = await scene.run(['--strict'], { PORTAL_PRICEBOOK_ID });
    assert.equal(well.code, 0, well.stderr);
    assert.match(well.stdout, /60 products, none with a fault/);
    const empty = await scene.run(['--strict'], { PORTAL_PRICEBOOK_ID: scene.layOut([]) });
    assert.equal(empty.code, 1, empty.stderr);
    assert.match(empty.stdout, /no active product: nothing was checked/);
  });

  it('names every variable that is missing, and asks nobody', async () => {
    const ended = await scene.run([], { SF_CLIENT_ID: undefined, WHMCS_URL: '', WHMCS_API_SECRET: undefined });
    assert.equal(ended.code, 2);
    assert.equal(ended.stderr.split('\n')[0]?.split('.')[0], 'Not set: SF_CLIENT_ID, WHMCS_URL, WHMCS_API_SECRET');
    assert.equal(scene.salesforce.panel.requests().length + scene.whmcs.panel.requests().length, 0);
    tellsNoSecret(ended);
  });

  const refusals: [what: string, change: Record<string, string>, code: number, said: RegExp][] = [
    ['a price book that is none', { PORTAL_PRICEBOOK_ID: "x' OR Name != '" }, 3, /PORTAL_PRICEBOOK_ID/],
    ['a price book that is not there', { PORTAL_PRICEBOOK_ID: '01s000000000001' }, 3, /no price book 01s000000000001/],
    ['an address that is none', { WHMCS_URL: 'no address' }, 2, /^WHMCS_URL: /],
    ['a wrong secret', { WHMCS_API_SECRET: 'wrong-secret-that-must-not-be-told' }, 3, /^WHMCS_CONFIG: /],
    ['a wrong user', { SF_USERNAME: 'nobody@example.test' }, 3, /^SF_AUTH: /],
    ['a key that is not there', { SF_PRIVATE_KEY_PATH: '/nowhere/key.pem' }, 3, /no private key file at/],
  ];
  for (const [what, change, code, said] of refusals)
    it(`says in a line or two what is wrong with ${what}`, async () => {
      const ended = await scene.run(['--json', '-'], change);
      assert.deepEqual([ended.code, ended.stdout], [code, ''], ended.stderr);
      assert.match(ended.stderr, said);
      assert.doesNotMatch(ended.stderr, /\n {4}at |wrong-secret/);
      tellsNoSecret(ended);
    });

  it('says what the API role lacks', async () => {
    scene.whmcs.panel.switches({ deniedActions: ['GetProducts'] });
    const ended = await scene.run([]);
    assert.equal(ended.code, 3);
    assert.match(ended.stderr, /^WHMCS_CONFIG: .*getproducts.* is not allowed/i);
  });

  it('does without GetCurrencies and WhmcsDetails where the API role lacks them', async () => {
    scene.whmcs.panel.switches({ deniedActions: ['GetCurrencies', 'WhmcsDetails'] });
    const ended = await scene.run(['--json', '-']);
    assert.equal(ended.code, 0, ended.stderr);
    assert.match(jsonOf(ended).notes.join(), /tick GetCurrencies in the API role/);
  });

  it('takes other fields of the product', async () => {
    scene.salesforce.panel.switches({ hiddenFields: ['Product2.WH_Product_ID__c'] });
    const without = await scene.run([]);
    assert.equal(without.code, 3);
    assert.match(without.stderr, /WH_Product_ID__c \(productId\) does not exist in this org/);
    const other = await scene.run(['--json', '-', '--product-id-field', 'ProductCode']);
    assert.equal(other.code, 0, other.stderr);
    assert.equal(jsonOf(other).findings.filter(({ code }) => code === 'PRODUCT_ID_INVALID').length, 13);
  });

  it('checks what the flow maps: the price and option fields of its mapping check, in the currencies of the clients', async () => {
    const file = scene.file('flows.json');
    const check = { id: 'm', type: 'mapping-check', name: 'mapping', priceField: '${PRICE_FIELD}' };
    writeFileSync(file, JSON.stringify([check, { id: 'g', type: 'sf-get-order', pricebookId: '' }]));
    const words = ['--json', '-', '--flow', file, '--currencies', 'USD'];
    const plain = await scene.run(words, { PORTAL_PRICEBOOK_ID: '01s000000000001' });
    assert.equal(plain.code, 0, plain.stderr);
    assert.deepEqual(
      jsonOf(plain).findings.filter(({ code }) => code === 'PRICE_INVALID'),
      [],
    );
    const priced = await scene.run(words, { PRICE_FIELD: 'ProductCode' });
    assert.equal(priced.code, 0, priced.stderr);
    const { findings, totals, notes } = jsonOf(priced);
    assert.equal(findings.filter(({ code }) => code === 'PRICE_INVALID').length, totals.products);
    assert.deepEqual(notes, ['Prices in EUR were not looked at: only USD was asked for.']);
    const wrong = await scene.run(['--flow', scene.file('none.json')]);
    assert.deepEqual([wrong.code, wrong.stdout], [2, '']);
    assert.match(wrong.stderr, /none\.json cannot be read: it does not exist\.\n$/);
    changedNothing();
  });

  it('ends with 2 and one clear line for an option that it does not know', async () => {
    const ended = await scene.run(['--fast']);
    assert.deepEqual([ended.code, ended.stdout], [2, '']);
    assert.equal(ended.stderr, "Unknown option '--fast'. See npm run coverage -- --help\n");
    assert.equal(scene.salesforce.panel.requests().length, 0);
  });

  it('tells how it is used', async () => {
    const ended = await scene.run(['--help'], { SF_LOGIN_URL: undefined });
    assert.equal(ended.code, 0);
    assert.match(ended.stdout, /--strict[^]*Exit codes/);
  });

  it('shows itself on a demo of its own, with no variable set', async () => {
    const none = Object.fromEntries(Object.keys(scene.environment).map((name) => [name, undefined]));
    const ended = await scene.run(['--demo', '--products', '300', '--json', '-'], none);
    assert.equal(ended.code, 0, ended.stderr);
    assert.deepEqual(inOrder(found(jsonOf(ended))), inOrder(seeded(largeCatalogue(300))));
    assert.equal(scene.salesforce.panel.requests().length, 0);
  });
});
