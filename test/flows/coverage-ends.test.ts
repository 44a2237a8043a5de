/** How `npm run coverage` ends: every exit code that its help and its page tell, by npm itself. */
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { z } from 'zod';
import { largeCatalogue } from '../../simulators/large-catalogue';
import { help } from '../../scripts/coverage/arguments';
import { CoverageScene, type Ended } from './coverage-command';

const right = largeCatalogue(60);
const codesIn = (text: string): number[] =>
  [...(/Exit codes: ([^]*?)(?:$|\n\n| How far)/.exec(text)?.[1] ?? '').matchAll(/\b\d+(?= )/g)].map(Number);

describe('the exit code of npm run coverage', function () {
  this.timeout(300_000);
  let scene: CoverageScene;
  before(async () => (scene = await CoverageScene.open()));
  after(() => scene.close());
  afterEach(() => scene.reset());

  /** Of a catalogue in which everything can be ordered. */
  const inWell = (): { PORTAL_PRICEBOOK_ID: string } => {
    assert.ok(right.every(({ expected }) => expected.length === 0));
    return { PORTAL_PRICEBOOK_ID: scene.layOut(right) };
  };

  const ends: Record<number, () => Promise<Ended>> = {
    0: () => scene.runByNpm(['--strict'], inWell()),
    1: () => scene.runByNpm(['--strict']),
    2: () => scene.runByNpm([], { WHMCS_URL: '' }),
    3: () => {
      scene.whmcs.panel.fault({ call: 'GetProducts', times: 0, do: { kind: 'status', status: 502 } });
      return scene.runByNpm([], inWell());
    },
    130: () => {
      scene.whmcs.panel.fault({ call: 'GetProducts', skip: 1, times: 0, do: { kind: 'hang' } });
      const change = { PORTAL_PRICEBOOK_ID: scene.layOut(largeCatalogue(300)) };
      return scene.run([], change, (said, end) => {
        if (/ products checked/.test(said)) end('SIGTERM');
      });
    },
  };
  const said: Record<number, RegExp> = {
    0: /60 products, none with a fault; /,
    1: /\nFAULTS: /,
    2: /^Not set: WHMCS_URL\./,
    3: /^502: The check of the catalogue could not begin, so there is no report\./,
    130: /Interrupted: there is no report\.\n$/,
  };

  it('is one of those that are told to people', () => {
    const tried = Object.keys(ends).map(Number);
    assert.deepEqual(codesIn(help), tried);
    assert.deepEqual(codesIn(readFileSync('docs/coverage.md', 'utf8')), tried);
  });

  for (const [code, run] of Object.entries(ends))
    it(`is ${code} as it is told`, async () => {
      const ended = await run();
      assert.equal(ended.code, Number(code), ended.stderr);
      const hasReport = Number(code) < 2;
      assert.equal(ended.stdout !== '', hasReport, ended.stdout);
      assert.match(hasReport ? ended.stdout : ended.stderr, said[Number(code)] ?? /^$/);
      assert.doesNotMatch(ended.stderr, /\n {4}at /);
    });

  it('is 1 with --strict where the mapping names an option that no product has, which is in every report', async () => {
    const change = inWell();
    const option = { id: 3, name: 'Disk', type: 'quantity', min: 1, max: 10 };
    scene.whmcs.office.putProduct({ pid: right[0]?.whmcs?.pid, configOptions: [option] });
    const file = scene.file('flows.json');
    const flow = (configOptions: string): string[] => {
      writeFileSync(file, JSON.stringify([{ id: 'm', type: 'mapping-check', name: 'mapping', configOptions }]));
      return ['--strict', '--flow', file];
    };
    const well = await scene.run(flow('3=OrderItem.Description'), change);
    assert.deepEqual([well.code, well.stdout.includes('OPTION_UNKNOWN')], [0, false], well.stderr);
    const typo = '3=OrderItem.Description, 33=OrderItem.Description';
    const [json, csv] = [scene.file('report.json'), scene.file('report.csv')];
    const wrong = await scene.run([...flow(typo), '--json', json, '--csv', csv], change);
    assert.equal(wrong.code, 1, wrong.stderr);
    const told = 'no checked product has option 33 in WHMCS: Orders go on without what OrderItem.Description says';
    assert.match(wrong.stdout, /60 products, none with a fault, but the mapping has 1; /);
    assert.equal(wrong.stdout.split(told).length, 2);
    assert.deepEqual(
      z
        .object({ ok: z.boolean(), findings: z.array(z.looseObject({})) })
        .transform(({ ok, findings }) => [ok, findings.map(({ code, message, product }) => [code, message, product])])
        .parse(JSON.parse(readFileSync(json, 'utf8'))),
      [false, [['OPTION_UNKNOWN', told, null]]],
    );
    assert.match(readFileSync(csv, 'utf8'), new RegExp(`\\r\\n"fault","OPTION_UNKNOWN","","","","","","${told}",`));
    assert.deepEqual(scene.whmcs.panel.ledger(), []);
  });
});
