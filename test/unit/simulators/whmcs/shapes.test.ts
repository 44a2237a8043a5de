import assert from 'node:assert/strict';
import type { WhmcsSwitches } from '../../../../simulators/whmcs/switches';
import { anOrder, apiCredentials, at, Caller, form } from './start';

describe('the shapes of answers', () => {
  let caller: Caller;
  beforeEach(async () => {
    caller = await Caller.start();
  });
  afterEach(() => caller.close());

  const orders = async (switches: Partial<WhmcsSwitches>): Promise<unknown> => {
    caller.panel.switches(switches);
    const answer = await caller.call('GetOrders', { userid: 1001 });
    return 'orders' in answer ? answer['orders'] : 'no key';
  };

  it('have six ways to say that a list is empty', async () => {
    const forms: [WhmcsSwitches['emptyList'], unknown][] = [
      ['inner', { order: [] }],
      ['array', []],
      ['string', ''],
      ['object', {}],
      ['missing', 'no key'],
      ['null', null],
    ];
    for (const [emptyList, wanted] of forms) assert.deepEqual(await orders({ emptyList }), wanted);
  });

  it('have three ways to give a list of one', async () => {
    await caller.addOrder();
    const idAt = async (oneItemList: WhmcsSwitches['oneItemList'], ...path: (string | number)[]): Promise<unknown> =>
      at(await orders({ oneItemList }), 'order', ...path, 'id');
    assert.equal(await idAt('array', 0), 5001);
    assert.equal(await idAt('object'), 5001);
    assert.equal(await idAt('numericKeys', '0'), 5001);
    assert.ok(!Array.isArray(at(await orders({}), 'order')));
  });

  it('give numbers as documented, all as strings, or ids as numbers', async () => {
    const kinds = async (numbers: WhmcsSwitches['numbers']): Promise<string[]> => {
      caller.panel.switches({ numbers });
      const added = await caller.addOrder();
      const services = await caller.call('GetClientsProducts', { limitnum: 1 });
      const values = [
        added['orderid'],
        added['serviceids'],
        services['totalresults'],
        at(services, 'products', 'product', 0, 'id'),
        at(services, 'products', 'product', 0, 'recurringamount'),
      ];
      return values.map((value) => typeof value);
    };
    assert.deepEqual(await kinds('documented'), ['number', 'string', 'string', 'string', 'string']);
    assert.deepEqual(await kinds('strings'), ['string', 'string', 'string', 'string', 'string']);
    assert.deepEqual(await kinds('numbers'), ['number', 'number', 'number', 'number', 'string']);
  });

  it('encode entities in texts, once more for a text that has them already', async () => {
    const company = async (): Promise<unknown> =>
      at(await caller.call('GetClientsDetails', { clientid: 1002 }), 'client', 'companyname');
    assert.equal(await company(), 'Fish &amp; Sons O&#039;Neil');
    caller.office.putClient({ id: 1002, company: 'AT&amp;T' });
    assert.equal(await company(), 'AT&amp;amp;T');
    caller.panel.switches({ entities: 'plain' });
    assert.equal(await company(), 'AT&amp;T');
  });

  it('are JSON as PHP writes it: escaped slashes and non-ASCII', async () => {
    const { text } = await caller.hear('GetClientsDetails', { clientid: 1007 });
    assert.match(text, /\\u0160koda \\u017dilina/);
    assert.match((await caller.hear('GetProducts', { pid: 14 })).text, /https:\\\/\\\/billing/);
    assert.match((await caller.hear('GetPayMethods', { clientid: 1001 })).text, /"\{\\"customer\\"/);
  });

  it('can have a BOM or a PHP warning before them', async () => {
    caller.panel.switches({ prefix: 'bom' });
    assert.ok((await caller.hear('WhmcsDetails')).text.startsWith('\uFEFF{'));
    caller.panel.switches({ prefix: 'warning' });
    assert.match((await caller.hear('WhmcsDetails')).text, /^<br \/>\n<b>Warning<\/b>.*<br \/>\n\{"result"/s);
  });

  it('have the content type of the switch', async () => {
    assert.equal((await caller.hear('WhmcsDetails')).headers['content-type'], 'application/json');
    caller.panel.switches({ contentType: 'text/html; charset=utf-8' });
    assert.equal((await caller.hear('WhmcsDetails')).headers['content-type'], 'text/html; charset=utf-8');
  });

  it('are in the old form without responsetype', async () => {
    const { text } = await caller.raw(form({ action: 'AcceptOrder', ...apiCredentials, orderid: 4 }));
    assert.equal(text, 'result=error;message=Order ID not found or Status not Pending;');
  });

  it('print dates in local time, whatever the zone', async () => {
    const dateIn = async (timeZoneOffsetMinutes: number): Promise<number> => {
      caller.panel.switches({ timeZoneOffsetMinutes });
      const date = at(await caller.call('GetOrders', { id: 5001 }), 'orders', 'order', 0, 'date');
      return Date.parse(`${String(date).replace(' ', 'T')}Z`);
    };
    await caller.addOrder();
    const utc = await dateIn(0);
    assert.ok(Math.abs(utc - caller.panel.now()) < 5_000);
    assert.equal((await dateIn(-300)) - utc, -300 * 60_000);
  });

  it('come late by the latency of the switch, in virtual time', async () => {
    caller.panel.switches({ latencyMs: 60_000 });
    const answer = caller.call('AddOrder', anOrder);
    await new Promise((resolve) => setTimeout(resolve, 20));
    assert.equal(caller.office.orders().length, 0);
    caller.panel.advance(60_000);
    assert.equal((await answer)['result'], 'success');
  });
});
