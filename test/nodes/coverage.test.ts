/** The coverage of the catalogue, asked of *control*: what it is wired to. What it finds is tested with lib. */
import assert from 'node:assert/strict';
import helper from 'node-red-node-test-helper';
import type { CoverageReport } from '../../lib/provisioning/coverage-report';
import type { Message } from '../../lib/provisioning/message';
import { catching, flowOf, node, type FlowNode } from './flow';
import { useWorld } from './world';

const whole = (change: Partial<Record<string, Partial<FlowNode>>> = {}): FlowNode[] =>
  flowOf(
    node('source', { enabled: false, wires: [['get']] }),
    node('get', { wires: [['client'], ['skipped']], ...change['get'] }),
    node('client', { wires: [['mapping']] }),
    node('mapping', { wires: [['add'], ['skipped']], ...change['mapping'] }),
    node('add', { wires: [['skipped']] }),
    node('skipped'),
    node('control'),
    ...catching(false),
  );

describe('the coverage by the node control', () => {
  const world = useWorld();

  const start = async (flow: readonly FlowNode[]): Promise<void> => {
    await world.load(flow);
    await world.provisioning();
  };
  const ask = async (payload?: unknown) => {
    const message = { topic: 'coverage', payload, custom: { kept: [1] } } as unknown as Message;
    const { sent, error, caught } = await world.pass('control', message);
    const out = sent[0]?.message;
    return { report: out?.payload as CoverageReport, out, error, caught };
  };

  it('puts the report on the message as data, as text and as CSV, and shows the faults in the sidebar', async () => {
    await start(whole());
    const { report, out, error } = await ask();
    assert.equal(error, null);
    assert.equal(report.ok, false);
    const { products, good, faulty } = report.totals;
    assert.equal(good + faulty, products);
    assert.deepEqual(
      report.findings.filter(({ severity }) => severity === 'fault').map(({ product }) => product?.code),
      ['UNMAPPED', 'UNMAPPED', 'UNKNOWN-PID', 'WRONG-CYCLE'],
    );
    assert.match(String(out?.['text']), /^Price book "/);
    assert.equal(String(out?.['csv']).trim().split('\r\n').length, report.findings.length + 1);
    assert.deepEqual(out?.['custom'], { kept: [1] });
    assert.deepEqual(JSON.parse(JSON.stringify(out?.payload)), out?.payload, 'plain data alone');
    const shown = world.lines('warn', 'control');
    assert.ok(shown.length > 0 && shown.every((block) => block.length <= 1_000 && block.startsWith('Price book "')));
    assert.ok(shown.join('\n').includes('Ghost product'));
    assert.deepEqual(world.status('control'), {
      fill: 'yellow',
      shape: 'dot',
      text: `coverage: ${good} of ${products} good`,
    });
    const called = [...new Set(world.whmcs.panel.requests().map(({ call }) => call))].sort();
    assert.deepEqual(called, ['GetCurrencies', 'GetProducts', 'WhmcsDetails']);
    assert.deepEqual(
      world.salesforce.panel.requests().filter(({ call }) => !['query', 'token'].includes(call)),
      [],
    );
  });

  it('shows that the mapping names an option which no product has', async () => {
    await start(whole({ mapping: { configOptions: '77=OrderItem.Description' } }));
    const { report } = await ask();
    const { products, good } = report.totals;
    assert.equal(report.findings[0]?.code, 'OPTION_UNKNOWN');
    assert.equal(world.status('control')?.text, `coverage: ${good} of ${products} good, the mapping not`);
    assert.match(world.lines('warn', 'control').join(), /no checked product has option 77 in WHMCS/);
  });

  it('goes by the fields of mapping check', async () => {
    await start(whole({ mapping: { productIdField: 'ProductCode' } }));
    const { report } = await ask();
    const invalid = report.findings.filter(({ code }) => code === 'PRODUCT_ID_INVALID');
    assert.ok(
      invalid.some(({ message }) => message.includes("'SEAT-M'")),
      JSON.stringify(report.totals.codes),
    );
  });

  it('goes by the price book of get order, or by the one that is asked for', async () => {
    await start(whole({ get: { pricebookId: '01sQl000000ZZZZIAW' } }));
    const { error, caught } = await ask();
    assert.equal(error?.code, 'SF_QUERY');
    assert.match(caught?.failure?.fix ?? '', /Correct the id of the price book/);
    assert.equal(world.status('control')?.text, 'SF_QUERY');
    const [standard] = world.salesforce.people.records('Pricebook2');
    assert.equal((await ask({ pricebookId: standard?.['Id'] })).report.priceBook.id, standard?.['Id']);
  });

  it('looks at the currencies that are asked for, and says what WHMCS does not have', async () => {
    await start(whole());
    for (const currencies of [['usd'], ' USD, ', 'USD;usd'])
      assert.deepEqual((await ask({ currencies })).report.currencies, ['USD'], String(currencies));
    for (const currencies of [undefined, '', [], ' ,'])
      assert.deepEqual((await ask({ currencies })).report.currencies, ['USD', 'EUR'], String(currencies));
    const { caught } = await ask({ currencies: 'GBP' });
    assert.equal(caught?.failure?.code, 'SETTING_INVALID');
    assert.match(caught?.failure?.message ?? '', /WHMCS has no currency GBP; it has USD, EUR/);
  });

  it('says what is missing in the flow', async () => {
    await start(flowOf(node('control')));
    const { report } = await ask();
    assert.deepEqual(report, [
      { subject: null, done: false, text: 'No platform event node of the flow uses this store' },
    ]);
  });

  it('is one at a time, and ends at once when its node closes', async () => {
    await start(whole());
    world.whmcs.panel.fault({ call: 'GetProducts', times: 0, do: { kind: 'hang' } });
    world.node('control').receive({ topic: 'coverage' } as never);
    const hanging = (): boolean => world.whmcs.panel.faults().some(({ hits }) => hits > 0);
    await world.until('WHMCS is asked', hanging);
    const { sent } = await world.pass('control', { topic: 'dry run', payload: 'last 1' } as unknown as Message);
    assert.deepEqual(sent[0]?.message.payload, [
      { subject: null, done: false, text: 'A coverage is under way; ask again when it has ended' },
    ]);
    let closed = false;
    void helper.unload().then(() => (closed = true));
    await world.until('it is closed', () => closed, 5_000);
    assert.equal(world.watch.sent.filter(({ from }) => from === 'control').length, 1);
  });
});
