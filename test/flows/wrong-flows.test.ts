import assert from 'node:assert/strict';
import { referenceFlow, type FlowNode } from '../../scripts/demo/node-red';
import { scenario } from './side-by-side';
import { changed, nodeOf, World } from './world';

const seat = [{ code: 'SEAT-M', quantity: 1 }];
const tab = nodeOf(referenceFlow(), 'tab').id;

/** The reference flow with a node put between two of its steps, or another change. */
class Edited {
  flows: FlowNode[] = changed(referenceFlow(), nodeOf(referenceFlow(), 'sf-platform-event-in').id, { silence: 30 });

  id(type: string, name?: string): string {
    return nodeOf(this.flows, type, name).id;
  }

  change(type: string, change: Partial<FlowNode>, name?: string): this {
    this.flows = changed(this.flows, this.id(type, name), change);
    return this;
  }

  without(type: string): this {
    const gone = this.id(type);
    this.flows = this.flows
      .filter((node) => node.id !== gone)
      .map((node) =>
        node.type === 'group' && Array.isArray(node['nodes'])
          ? { ...node, nodes: (node['nodes'] as string[]).filter((id) => id !== gone) }
          : node,
      );
    return this;
  }

  add(...nodes: FlowNode[]): this {
    this.flows = [...this.flows, ...nodes];
    return this;
  }

  /** Client check → this node → mapping. */
  between(node: { type: string; [property: string]: unknown }): this {
    const mapping = this.id('mapping-check');
    this.add({ id: 'between', z: tab, x: 600, y: 500, wires: [[mapping]], ...node });
    return this.change('whmcs-client-check', { wires: [['between']] });
  }
}

const func = (code: string): { type: string; [property: string]: unknown } => ({
  type: 'function',
  name: 'odd',
  func: code,
  outputs: 1,
  timeout: 0,
  noerr: 0,
  initialize: '',
  finalize: '',
  libs: [],
});

interface Ended {
  id: string;
  status: string;
  code: string;
  message: string;
  checks: string;
}

/** Deploys, approves an order, and tells how it ended and what the deploy check said. */
async function endWith(world: World, edited: Edited, account = 'Northwind Traders'): Promise<Ended> {
  const from = world.output.length;
  await world.deploy(edited.flows, 'full');
  await world.until('the stream is open again', () => world.openStreams() === 1);
  const id = world.approve(account, seat);
  const status = await world.ended(id, 60);
  const order = world.order(id);
  const checks = world.output
    .slice(from)
    .filter((line) => line.includes('check flow'))
    .join('\n');
  return {
    id,
    status,
    code: String(order['Activation_Error_Code__c']),
    message: String(order['Activation_Error_Message__c']),
    checks,
  };
}

describe('flows that people get wrong', function () {
  this.timeout(120_000);
  let world: World;
  before(async () => {
    world = await World.open();
    await world.start(referenceFlow());
  });
  after(() => world.close());

  const run = (edited: Edited, account?: string): Promise<Ended> => endWith(world, edited, account);
  const activatedOnce = (end: { id: string; status: string }): void => {
    assert.equal(end.status, 'Activated');
    assert.deepEqual(
      world.whmcsOrders(end.id).map((order) => order.status),
      ['Active'],
    );
  };

  it('without a Catch: the source itself tells the failure, and the check names it', async () => {
    const end = await run(new Edited().without('catch'), 'Cashless Ltd');
    assert.equal(end.code, 'PAYMENT_METHOD_MISSING');
    assert.match(end.checks, /No Catch leads the errors of "client check"/);
  });

  it('with a Catch for other nodes: the same', async () => {
    const edited = new Edited();
    edited.change('catch', { scope: [edited.id('sf-get-order')] });
    const end = await run(edited, 'Cashless Ltd');
    assert.equal(end.code, 'PAYMENT_METHOD_MISSING');
    assert.match(end.checks, /No Catch leads the errors of "client check"/);
  });

  scenario(
    'with a switch that drops the message: FLOW_TIMEOUT names the last step, and the check names the switch',
    async (own) => {
      await own.start(referenceFlow());
      const end = await endWith(
        own,
        new Edited().between({
          type: 'switch',
          name: 'big?',
          property: 'payload.none',
          propertyType: 'msg',
          rules: [{ t: 'gt', v: '5', vt: 'num' }],
          checkall: 'true',
          repair: false,
          outputs: 1,
        }),
      );
      assert.equal(end.code, 'FLOW_TIMEOUT');
      assert.match(end.message, /after "client check"/);
      assert.match(end.checks, /Switch "big\?" has no "otherwise"/);
      assert.deepEqual(own.whmcsOrders(end.id), []);
    },
  );

  it('with an output that is not wired: OUTPUT_NOT_WIRED carries the id of the order that WHMCS holds', async () => {
    const end = await run(new Edited().change('whmcs-add-order', { wires: [[]] }));
    assert.equal(end.code, 'OUTPUT_NOT_WIRED');
    const [held] = world.whmcsOrders(end.id);
    assert.equal(held?.status, 'Pending');
    assert.equal(world.order(end.id)['WHMCS_Order_ID__c'], String(held?.id));
    assert.match(end.checks, /The output of "add order" is not wired/);
  });

  scenario('that leads to a debug only: FLOW_TIMEOUT, and the check says that nothing ends the orders', async (own) => {
    await own.start(referenceFlow());
    const edited = new Edited();
    const debug = edited.id('debug', 'failed');
    edited.change('sf-get-order', { wires: [[debug], [debug]] });
    const end = await endWith(own, edited);
    assert.equal(end.code, 'FLOW_TIMEOUT');
    assert.match(end.checks, /Nothing ends the orders/);
  });

  it('with a Function that returns a new message: EVENT_MISSING at once', async () => {
    const end = await run(new Edited().between(func('return { payload: 1 };')));
    assert.equal(end.code, 'EVENT_MISSING');
  });

  it('with a Function that throws: FLOW_ERROR names it', async () => {
    const end = await run(new Edited().between(func('throw new Error("boom");')));
    assert.equal(end.code, 'FLOW_ERROR');
    assert.match(end.message, /"odd": .*boom/);
  });

  it('with two branches that both end: the accepted order is Activated, whichever comes first', async () => {
    const edited = new Edited();
    edited.change('whmcs-accept-order', {
      wires: [[edited.id('sf-update-order', 'Failed'), edited.id('sf-update-order', 'Activated')]],
    });
    activatedOnce(await run(edited));
  });

  it('with a split that is not joined: one WHMCS order all the same', async () => {
    const end = await run(
      new Edited().between({
        type: 'split',
        name: 'parts',
        splt: '\\n',
        spltType: 'str',
        arraySplt: 1,
        arraySpltType: 'len',
        stream: false,
        addname: '',
        property: 'payload',
      }),
    );
    assert.equal(world.whmcsOrders(end.id).length, 1);
    activatedOnce(end);
    assert.match(end.checks, /splits a message that is not joined/);
  });

  it('with a delay, a link call there and back, and a step inside a subflow: they are right, and pass', async () => {
    activatedOnce(
      await run(
        new Edited().between({
          type: 'delay',
          name: '',
          pauseType: 'delay',
          timeout: '200',
          timeoutUnits: 'milliseconds',
          rate: '1',
          nbRateUnits: '1',
          rateUnits: 'second',
          randomFirst: '1',
          randomLast: '5',
          randomUnits: 'seconds',
          drop: false,
          allowrate: false,
          outputs: 1,
        }),
      ),
    );
    const called = new Edited().between({
      type: 'link call',
      name: '',
      links: ['in'],
      linkType: 'static',
      timeout: '30',
    });
    called.add(
      { id: 'in', type: 'link in', z: tab, name: 'in', links: [], x: 300, y: 560, wires: [['back']] },
      { id: 'back', type: 'link out', z: tab, name: 'back', mode: 'return', links: [], x: 500, y: 560, wires: [] },
    );
    const end = await run(called);
    activatedOnce(end);
    assert.equal(end.checks, '');
    const inside = new Edited();
    const check = nodeOf(inside.flows, 'whmcs-client-check');
    inside.add(
      {
        id: 'sub',
        type: 'subflow',
        name: 'check',
        info: '',
        category: '',
        in: [{ x: 40, y: 40, wires: [{ id: 'inner' }] }],
        out: [{ x: 340, y: 40, wires: [{ id: 'inner', port: 0 }] }],
        env: [],
      },
      {
        id: 'inner',
        type: 'whmcs-client-check',
        z: 'sub',
        name: 'client check',
        whmcs: check['whmcs'],
        x: 190,
        y: 40,
        wires: [[]],
      },
      { id: 'instance', type: 'subflow:sub', z: tab, name: '', x: 460, y: 500, wires: [[inside.id('mapping-check')]] },
    );
    inside.change('sf-get-order', { wires: [['instance'], [inside.id('sf-event-done')]] });
    const through = await run(inside);
    activatedOnce(through);
    assert.equal(through.checks, '');
    assert.equal((await run(inside, 'Cashless Ltd')).code, 'PAYMENT_METHOD_MISSING');
  });
});
