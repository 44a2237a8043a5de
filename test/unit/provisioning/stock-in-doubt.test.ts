/** Stock that is short, and a store that may have lost that this very Order has taken it: nobody can know, so no Order fails for it. */
import assert from 'node:assert/strict';
import { defaultFieldMapping } from '../../../lib/provisioning/field-mapping';
import type { MappingPart } from '../../../lib/provisioning/message';
import { mapping } from '../../../lib/provisioning/mapping';
import type { Doubt } from '../../../lib/state/contract';
import type { Product } from '../../../lib/whmcs/contract';
import { inAFreshWorld } from './vendor-doubles/fresh-world';
import { input, orderId, type Process, type World } from './vendor-doubles/world';

const sold: Product = {
  pid: 11,
  name: 'Seat',
  module: '',
  payType: 'recurring',
  allowQuantity: 2,
  stock: 1,
  prices: { USD: { monthly: '15.00' } },
};
const product = { id: '01t', name: 'Pro seat', productId: '11', billingCycle: 'Monthly' };

describe('Stock that is short', () => {
  let world: World;
  let process: Process;
  let doubt: Doubt | null;
  inAFreshWorld(async (...made) => {
    [world, process] = made;
    await process.begin(orderId, 1, world.clock.now() - 60_000);
    doubt = null;
  });

  const catalogue = {
    products: () => Promise.resolve(new Map([[11, sold]])),
    takesQuantities: () => Promise.resolve(true),
  };
  const step = mapping(catalogue, defaultFieldMapping);
  const inDoubt = (): Process => {
    const store: unknown = Object.create(process.store, { doubt: { value: () => Promise.resolve(doubt) } });
    return Object.create(process, { store: { value: store } }) as Process;
  };
  const order = { ...input().order, items: [{ id: '802', quantity: 2, price: 15, product }] };
  const { client } = input();
  const run = async () => {
    const outcome = await step.run({ order, client }, { ...process.context(orderId), desk: inDoubt() });
    assert.ok('way' in outcome && outcome.value);
    return { way: outcome.way, ...told(outcome.value as MappingPart) };
  };
  const told = ({ items }: MappingPart) => ({
    faults: items.flatMap((one) => one.faults.map(({ code }) => code)),
    warnings: items.flatMap((one) => one.warnings ?? []),
  });

  it('fails an Order of which the store knows that nothing was asked of WHMCS', async () => {
    assert.deepEqual(await run(), { way: 'incomplete', faults: ['STOCK_SHORT'], warnings: [] });
    doubt = { until: world.clock.now() - 120_000, reason: 'new', id: null };
    assert.deepEqual((await run()).faults, ['STOCK_SHORT'], 'the Order is younger than what was lost');
  });

  it('is a warning for an Order that may have taken it before the store lost its records', async () => {
    doubt = { until: world.clock.now(), reason: 'new', id: null };
    const { way, faults, warnings } = await run();
    assert.deepEqual([way, faults], ['mapped', []]);
    assert.deepEqual(
      warnings.map(({ code, message, fix }) => [code, message, fix]),
      [
        [
          'STOCK_UNSURE',
          'WHMCS has 1 of product 11 in stock, the order asks for 2; the store may have lost that WHMCS holds this Order already',
          'If WHMCS holds no order of it yet, raise the stock of the product there.',
        ],
      ],
    );
    assert.match(
      process.logged('warn').join('\n'),
      /with a warning\nitem \| fault.*\n1 Pro seat \| WHMCS has 1 of product 11/,
    );
  });

  it('is told so by a dry run as well', async () => {
    doubt = { until: world.clock.now(), reason: 'new', id: null };
    const { state, facts } = await process.real.ledger.read(orderId);
    assert.ok(state);
    const record = await process.record();
    const known = { orderId, record, facts, store: inDoubt().store, sender: process.sender, clock: world.clock };
    const context = { order: known, idMappings: null, signal: new AbortController().signal };
    const found = await step.dry?.foresee({ order, client }, context);
    assert.deepEqual(found?.faults, []);
    assert.match(
      found?.notes.join() ?? '',
      /^1 Pro seat: WHMCS has 1 .* may have lost that WHMCS holds this Order already/,
    );
  });
});
