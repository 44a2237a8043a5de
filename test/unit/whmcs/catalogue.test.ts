import assert from 'node:assert/strict';
import { Catalogue } from '../../../lib/whmcs/catalogue';
import { WhmcsError, type ConfigFault, type Product } from '../../../lib/whmcs/contract';
import { FakeClock } from '../../fake-clock';

const product = (pid: number): Product => ({
  pid,
  name: `Product ${pid}`,
  module: '',
  payType: 'recurring',
  allowQuantity: 0,
  stock: null,
  prices: {},
});

describe('the catalogue', () => {
  let clock: FakeClock;
  let asked: string[];
  let known: Set<number>;
  let stock: number | null;
  let version: string | null;
  let fault: ConfigFault | null;
  let catalogue: Catalogue;

  beforeEach(() => {
    clock = new FakeClock();
    asked = [];
    known = new Set([11, 12]);
    stock = null;
    version = '8.13.1';
    fault = null;
    catalogue = new Catalogue(
      {
        getProducts: (pids) => {
          asked.push(pids.join(','));
          return Promise.resolve(pids.filter((pid) => known.has(pid)).map((pid) => ({ ...product(pid), stock })));
        },
        getPaymentMethods: () => {
          asked.push('gateways');
          return Promise.resolve([{ module: 'mailin', name: 'Mail' }]);
        },
        version: () => {
          asked.push('version');
          if (fault) return Promise.reject(new WhmcsError('WhmcsDetails', { kind: 'refused', fault, message: 'no' }));
          return Promise.resolve(version);
        },
      },
      clock,
    );
  });

  it('reads a product that counts its stock each time', async () => {
    stock = 3;
    await catalogue.products([11]);
    stock = 2;
    assert.equal((await catalogue.products([11])).get(11)?.stock, 2);
    assert.deepEqual(asked, ['11', '11']);
  });

  it('asks WHMCS for what it lacks alone', async () => {
    assert.deepEqual([...(await catalogue.products([11, 11])).keys()], [11]);
    assert.deepEqual([...(await catalogue.products([11, 12])).keys()], [11, 12]);
    assert.deepEqual(asked, ['11', '12']);
  });

  it('asks again for a product that WHMCS did not know', async () => {
    assert.equal((await catalogue.products([9])).size, 0);
    known.add(9);
    assert.equal((await catalogue.products([9])).size, 1);
  });

  it('forgets after five minutes', async () => {
    await catalogue.products([11]);
    await clock.advance(299_999);
    await catalogue.products([11]);
    assert.deepEqual(asked, ['11']);
    await clock.advance(1);
    await catalogue.products([11]);
    assert.deepEqual(asked, ['11', '11']);
  });

  it('reads anew when asked to, and forgets what is there no more', async () => {
    await catalogue.products([11]);
    known.delete(11);
    assert.equal((await catalogue.products([11], undefined, { fresh: true })).size, 0);
    assert.equal((await catalogue.products([11])).size, 0);
  });

  it('holds 500 products at most, the oldest go first', async () => {
    for (let pid = 1; pid <= 501; pid++) known.add(pid);
    for (let pid = 1; pid <= 501; pid++) await catalogue.products([pid]);
    asked = [];
    await catalogue.products([2, 501]);
    assert.deepEqual(asked, []);
    await catalogue.products([1]);
    assert.deepEqual(asked, ['1']);
  });

  it('remembers the gateways', async () => {
    await catalogue.gateways();
    await catalogue.gateways();
    await catalogue.gateways(undefined, { fresh: true });
    assert.deepEqual(asked, ['gateways', 'gateways']);
  });

  it('knows from the version whether AddOrder takes quantities', async () => {
    const answers: [version: string | null, takes: boolean][] = [
      ['8.11.2', false],
      ['8.12.0', true],
      ['8.13.1-release.1', true],
      ['9.0.1', true],
      ['7.10.3', false],
      [null, false],
    ];
    for (const [told, takes] of answers) {
      version = told;
      await clock.advance(300_000);
      assert.equal(await catalogue.takesQuantities(), takes, String(told));
    }
  });

  it('remembers the version, even that there is none', async () => {
    version = null;
    await catalogue.takesQuantities();
    await catalogue.takesQuantities();
    assert.deepEqual(asked, ['version']);
  });

  it('does not know where the role may not ask; any other fault is one', async () => {
    fault = 'role';
    assert.equal(await catalogue.takesQuantities(), null);
    fault = 'ip';
    await assert.rejects(catalogue.takesQuantities(), WhmcsError);
  });
});
