import assert from 'node:assert/strict';
import type { WhmcsConnection } from '../../../lib/whmcs/connection';
import type { ConfigOption } from '../../../lib/whmcs/contract';
import { json, StandIn } from './stand-in';

const productRow = { pid: 12, gid: 4, type: 'other', name: 'Pro Seat', module: '', paytype: 'free', pricing: [] };
const choices = [
  { id: 31, name: 'Small', rawName: 's|Small', recurring: 0 },
  { id: 32, name: 'Large &amp; more', recurring: 0 },
];
const choice = (id: number, name: string) => ({ option: [{ id, name }] });

describe('the configurable options in WHMCS', () => {
  let server: StandIn;
  let whmcs: WhmcsConnection;
  beforeEach(async () => {
    server = await StandIn.start();
    whmcs = server.connect();
  });
  afterEach(() => server.close());

  const told = async (row: object): Promise<ConfigOption[] | undefined> => {
    server.replies = [json({ result: 'success', products: { product: [{ ...productRow, ...row }] } })];
    return (await whmcs.getProducts([12]))[0]?.configOptions;
  };

  it('are none where they are told as nothing, in whatever form', async () => {
    const nothing = [[], {}, '', null, { configoption: [] }, { configoption: '' }, { configoption: null }];
    for (const configoptions of nothing)
      assert.deepEqual(await told({ configoptions }), [], JSON.stringify(configoptions));
  });

  it('are not known where they are not told, or in a form that nobody knows', async () => {
    assert.equal(await told({}), undefined);
    assert.equal(await told({ configoptions: 'some' }), undefined);
    assert.equal(await told({ configoptions: { configoption: [{ name: 'without an id' }] } }), undefined);
  });

  it('are of a kind: a choice of a list, yes or no, or a number', async () => {
    for (const [type, kind] of [
      ['1', 'choice'],
      [2, 'choice'],
      ['dropdown', 'choice'],
      ['radio', 'choice'],
      ['3', 'yesno'],
      [4, 'quantity'],
      ['Quantity', 'quantity'],
      ['9', 'choice'],
    ] as const) {
      const [found] = (await told({ configoptions: [{ id: 3, name: 'X', type, options: { option: choices } }] })) ?? [];
      assert.equal(found?.kind, kind, String(type));
      assert.equal(found.choices.length, kind === 'choice' ? 2 : 0);
    }
    const [unknown] = (await told({ configoptions: [{ id: 3, name: 'X', options: choice(1, 'X') }] })) ?? [];
    assert.deepEqual([unknown?.kind, unknown?.choices], [null, []]);
  });

  it('of a number have its bounds, where WHMCS tells them; 0 at most is no bound', async () => {
    const option = { id: 3, name: 'Seats', type: '4', options: choice(30, 'Seats') };
    for (const [row, least, most] of [
      [{ minqty: 1, maxqty: 10 }, 1, 10],
      [{ minqty: '0', maxqty: '0' }, 0, null],
      [{}, null, null],
      [{ minqty: -1, maxqty: 'many' }, null, null],
      [{ type: '3', minqty: 1, maxqty: 10 }, null, null],
    ] as const) {
      const [found] = (await told({ configoptions: { configoption: { ...option, ...row } } })) ?? [];
      assert.deepEqual([found?.least, found?.most], [least, most], JSON.stringify(row));
    }
  });

  it('are named as people see them', async () => {
    const option = { id: 3, name: 'Size &amp; more', type: '1', options: { option: choices } };
    const [found] = (await told({ configoptions: [option] })) ?? [];
    assert.deepEqual(found, {
      id: 3,
      name: 'Size & more',
      kind: 'choice',
      choices: [
        { id: 31, name: 'Small' },
        { id: 32, name: 'Large & more' },
      ],
      least: null,
      most: null,
    });
  });

  it('are told of a service by their quantity alone: choices by name, and yes and no in a way that nobody documents', async () => {
    const row = { id: 1, clientid: 2, orderid: 3, pid: 4, name: 'X', status: 'Active', billingcycle: 'Monthly' };
    const of = (id: string, type: string, value: unknown) => ({ id, option: `Option ${id}`, type, value });
    for (const [configoptions, options] of [
      [
        { configoption: [of('3', 'quantity', '5'), of('4', 'dropdown', '2'), of('5', 'yesno', '1')] },
        [{ id: 3, value: 5 }],
      ],
      [{ configoption: of('3', 'quantity', 0) }, [{ id: 3, value: 0 }]],
      [[of('3', 'quantity', 'five')], undefined],
      ['', undefined],
      [undefined, undefined],
      ['odd', undefined],
    ] as const) {
      const products = { product: [{ ...row, configoptions }] };
      server.replies = [json({ result: 'success', totalresults: 1, products })];
      assert.deepEqual((await whmcs.getServices({ serviceId: 1 }))[0]?.options, options, JSON.stringify(configoptions));
    }
  });
});
