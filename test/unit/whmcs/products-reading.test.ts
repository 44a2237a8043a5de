/** Products of a WHMCS that gives fewer in one answer than it counts: none of them may look as if WHMCS did not have it. */
import assert from 'node:assert/strict';
import { systemClock } from '../../../lib/clock';
import { silentLog } from '../../../lib/log';
import { createWhmcs, type WhmcsConnection } from '../../../lib/whmcs/connection';
import { WhmcsError } from '../../../lib/whmcs/contract';
import { demoCredentials } from '../../../simulators/whmcs/authentication';
import { startWhmcsSimulator, type WhmcsSimulator } from '../../../simulators/whmcs/server';
import { json, StandIn } from './stand-in';

describe('The products of a WHMCS that gives a few at a time', () => {
  let simulator: WhmcsSimulator;
  let whmcs: WhmcsConnection;
  before(async () => {
    simulator = await startWhmcsSimulator();
    const { identifier, secret } = demoCredentials;
    whmcs = createWhmcs({ url: simulator.apiUrl, identifier, secret, clock: systemClock, log: silentLog });
  });
  beforeEach(() => {
    simulator.panel.reset();
    for (const pid of pids) simulator.office.putProduct({ pid });
  });
  after(async () => {
    whmcs.close();
    await simulator.close();
  });
  const pids = Array.from({ length: 120 }, (_, at) => 1_001 + at);
  const found = async (asked: number[]): Promise<number[]> =>
    (await whmcs.getProducts(asked)).map(({ pid }) => pid).sort((one, other) => one - other);
  const calls = (): number => simulator.panel.requests('GetProducts').length;

  for (const [numbers, most, expected] of [
    ['documented', 25, 5],
    ['strings', 25, 5],
    ['documented', 1, 120],
    ['documented', 100, 2],
    ['documented', 0, 2],
  ] as const)
    it(`are all found, ${most} at most in an answer, numbers as ${numbers}`, async () => {
      simulator.panel.switches({ mostProducts: most, numbers });
      assert.deepEqual(await found(pids), pids);
      assert.equal(calls(), expected);
    });

  it('leave out what it really does not have, and ask no more than they must', async () => {
    simulator.panel.switches({ mostProducts: 25 });
    assert.deepEqual(await found([...pids.slice(0, 30), 9_001, 9_002]), pids.slice(0, 30));
    assert.equal(calls(), 2);
    assert.deepEqual(await found([9_001]), []);
    assert.equal(calls(), 3);
  });
});

describe('The products of a WHMCS that does not understand a list', () => {
  let standIn: StandIn;
  let whmcs: WhmcsConnection;
  before(async () => (standIn = await StandIn.start()));
  after(() => standIn.close());
  beforeEach(() => {
    standIn.requests.length = 0;
    whmcs = standIn.connect();
  });

  const product = (pid: number): object => ({ pid, name: `P${pid}`, paytype: 'recurring', pricing: {} });
  const asked = (): (string | null)[] => standIn.requests.map(({ fields }) => fields.get('pid'));

  it('are asked for one by one where an answer counts more than it has, and none of those that are missing', async () => {
    standIn.replies = [
      json({ result: 'success', totalresults: 300, products: { product: [product(1), product(2)] } }),
      json({ result: 'success', totalresults: 300, products: { product: [product(1), product(2)] } }),
      json({ result: 'success', totalresults: 1, products: { product: [product(7)] } }),
      json({ result: 'success', totalresults: 0, products: '' }),
    ];
    assert.deepEqual(
      (await whmcs.getProducts([2, 7, 8])).map(({ pid }) => pid),
      [2, 7],
    );
    assert.deepEqual(asked(), ['2,7,8', '7,8', '7', '8']);
  });

  it('are not called missing where even the question for one is answered with a part of others', async () => {
    standIn.replies = [json({ result: 'success', totalresults: '300', products: { product: [product(1)] } })];
    await assert.rejects(whmcs.getProducts([7]), (error) => {
      assert.ok(error instanceof WhmcsError && error.end.kind === 'unknown');
      assert.match(
        error.end.message,
        /GetProducts cannot be used: it counts 300 products and has 1, product 7 not among/,
      );
      return true;
    });
    assert.deepEqual(asked(), ['7']);
  });
});
