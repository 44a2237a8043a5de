import assert from 'node:assert/strict';
import { systemClock } from '../../../lib/clock';
import { silentLog } from '../../../lib/log';
import { createWhmcs, type WhmcsConnection } from '../../../lib/whmcs/connection';
import { WhmcsError } from '../../../lib/whmcs/contract';
import { demoCredentials } from '../../../simulators/whmcs/authentication';
import { startWhmcsSimulator, type WhmcsSimulator } from '../../../simulators/whmcs/server';
import { json, StandIn } from './stand-in';

describe('The currencies of a WHMCS', () => {
  let standIn: StandIn;
  let whmcs: WhmcsConnection;
  before(async () => (standIn = await StandIn.start()));
  after(() => standIn.close());
  beforeEach(() => (whmcs = standIn.connect()));

  const usd = { id: 1, code: 'USD', prefix: '$', suffix: ' USD', format: 1, rate: '1.00000' };
  const eur = { id: '2', code: ' EUR ', prefix: '', suffix: ' €', format: 4, rate: '0.90000' };
  const forms: [string, unknown][] = [
    ['a list', { currency: [usd, eur] }],
    ['a list without its inner name', [usd, eur]],
    ['an object by number', { currency: { 0: usd, 1: eur } }],
  ];
  for (const [form, currencies] of forms)
    it(`are read from ${form}`, async () => {
      standIn.replies = [json({ result: 'success', currencies })];
      assert.deepEqual(await whmcs.getCurrencies(), ['USD', 'EUR']);
      assert.equal(standIn.requests.at(-1)?.fields.get('action'), 'GetCurrencies');
    });

  it('are one where there is one', async () => {
    standIn.replies = [json({ result: 'success', currencies: { currency: usd } })];
    assert.deepEqual(await whmcs.getCurrencies(), ['USD']);
  });

  it('are never none: such an answer cannot be used', async () => {
    for (const currencies of ['', [], { currency: [] }, undefined, { currency: [{ id: 1, code: '' }] }]) {
      standIn.replies = [json({ result: 'success', currencies })];
      await assert.rejects(
        whmcs.getCurrencies(),
        (error) => error instanceof WhmcsError && error.end.kind === 'unknown',
      );
    }
  });
});

describe('The simulated WHMCS', () => {
  let simulator: WhmcsSimulator;
  let whmcs: WhmcsConnection;
  before(async () => {
    simulator = await startWhmcsSimulator();
    const { identifier, secret } = demoCredentials;
    whmcs = createWhmcs({ url: simulator.apiUrl, identifier, secret, clock: systemClock, log: silentLog });
  });
  after(async () => {
    whmcs.close();
    await simulator.close();
  });

  it('tells its currencies', async () => {
    assert.deepEqual(await whmcs.getCurrencies(), ['USD', 'EUR']);
  });

  it('tells which products count their stock only where it is switched to', async () => {
    simulator.office.putProduct({ pid: 11, stock: 0 });
    const stock = async (): Promise<(number | null | undefined)[]> =>
      (await whmcs.getProducts([11, 12])).map((product) => product.stock);
    assert.deepEqual(await stock(), [null, null]);
    simulator.panel.switches({ stockControlTold: true });
    assert.deepEqual(await stock(), [0, null]);
  });
});
