import assert from 'node:assert/strict';
import type { FailurePart, Message } from '../../lib/provisioning/message';
import { catching, flowOf, node, sink } from './flow';
import { arriving, itKeepsTheContract, orderOf, stepFlow, type StepUnderTest } from './step-contract';
import { login } from './vendors';
import { seat, turn, useWorld, type EventMessage, type Passed } from './world';

const accepted = ['get', 'client', 'mapping', 'add', 'accept'] as const;
const activated: StepUnderTest = {
  id: 'activated',
  before: accepted,
  needs: [],
  adds: 'provisioning',
  ends: true,
  accepted: true,
};
const failed: StepUnderTest = { id: 'failed', before: ['get'], needs: [], adds: 'provisioning', ends: true };
const cause: FailurePart = {
  code: 'CLIENT_CLOSED',
  message: 'WHMCS client 1001 is closed',
  step: 'validation',
  owner: 'Customer support',
  retryable: false,
  fix: 'Reopen it.',
};

describe('sf-update-order, set to Activated', () => {
  const world = useWorld();

  itKeepsTheContract(world, activated);

  it('tells Salesforce that the order is live, with its id, and ends it', async () => {
    await world.load(stepFlow(activated));
    const message = await arriving(world, activated);
    const { sent } = await world.pass('activated', message);
    assert.deepEqual(
      sent.map(({ port }) => port),
      [0],
    );
    const order = world.salesforce.people.order(orderOf(message));
    assert.equal(order['Activation_Status__c'], 'Activated');
    assert.equal(order['WHMCS_Order_ID__c'], String(world.whmcs.office.orders()[0]?.id));
    assert.equal(order.items[0]?.['WHMCS_Service_ID__c'], String(world.whmcs.office.orders()[0]?.services[0]?.id));
    assert.equal((await event(message))?.end, 'Activated');
    assert.deepEqual(world.status('activated'), { fill: 'green', shape: 'dot', text: String(message.order?.number) });
    assert.match(sent[0]?.message.provisioning?.steps.at(-1)?.detail ?? '', /^Salesforce shows Activated$/);
  });

  const event = async (message: EventMessage) => (await world.provisioning()).store.inbox.get(message.event.id);
  const written = (message: EventMessage) =>
    world.salesforce.panel
      .ledger('statusWritten')
      .filter(({ orderId, by }) => orderId === orderOf(message) && by === login.username);

  it('says what stands in Salesforce instead, and names the WHMCS order beside it', async () => {
    await world.load(stepFlow(activated));
    const message = await arriving(world, activated);
    world.salesforce.people.editOrder(orderOf(message), { Activation_Status__c: 'Not Started' });
    const { sent } = await world.pass('activated', message);
    const details = sent[0]?.message.provisioning?.steps.map(({ detail }) => detail) ?? [];
    assert.match(
      details.find((detail) => detail.startsWith('not written')) ?? details.join('\n'),
      /^not written: the status was set to 'Not Started' meanwhile; only the id of WHMCS order \d+ was$/,
    );
    const order = world.salesforce.people.order(orderOf(message));
    assert.equal(order['Activation_Status__c'], 'Not Started');
    assert.equal(order['WHMCS_Order_ID__c'], String(world.whmcs.office.orders()[0]?.id));
  });

  it('writes once for the same message twice, and drops the second', async () => {
    await world.load(stepFlow(activated));
    const message = await arriving(world, activated);
    await world.pass('activated', message);
    const { sent, error } = await world.pass('activated', structuredClone(message));
    assert.deepEqual([sent, error], [[], null]);
    assert.deepEqual(world.status('activated')?.text, 'replaced');
    assert.deepEqual(
      written(message).map((entry) => entry['status']),
      ['Activated'],
    );
  });

  it('fails as NOT_ACCEPTED, and writes nothing, while no accepted order is known', async () => {
    const early = { ...activated, before: ['get', 'client', 'mapping', 'add'] as const };
    await world.load(stepFlow(early));
    const message = await arriving(world, early);
    const { sent, error, caught } = await world.pass('activated', message);
    assert.deepEqual(sent, []);
    assert.deepEqual(
      [error?.code, caught?.failure?.code, caught?.failure?.step],
      ['NOT_ACCEPTED', 'NOT_ACCEPTED', 'sf_success_update'],
    );
    assert.deepEqual(written(message), []);
    assert.equal((await event(message))?.end, null);
  });

  it('keeps the result, raises no error, and goes on trying while Salesforce refuses it', async () => {
    await world.load(stepFlow(activated));
    const message = await arriving(world, activated);
    const refusal = { kind: 'error', status: 400, errorCode: 'FIELD_CUSTOM_VALIDATION_EXCEPTION', message: 'no' };
    world.salesforce.panel.fault({ call: 'patch', times: 0, do: refusal });
    const { sent, error, caught } = await world.pass('activated', message);
    assert.deepEqual([error, caught, sent.length], [null, null, 1]);
    assert.match(sent[0]?.message.provisioning?.steps.at(-1)?.detail ?? '', /SF_WRITE_REFUSED/);
    assert.equal((await event(message))?.end, 'Activated');
    world.salesforce.panel.clearFaults();
    await world.until('Salesforce shows it', () => {
      world.clock.advance(10_000);
      return world.salesforce.people.order(orderOf(message))['Activation_Status__c'] === 'Activated';
    });
  });

  it('holds a message no longer than 5 s while Salesforce does not answer', async () => {
    await world.load(stepFlow(activated));
    const message = await arriving(world, activated);
    world.salesforce.panel.fault({ call: 'patch', do: { kind: 'hang' } });
    const passing = world.pass('activated', message);
    await world.until('Salesforce has the call', () => world.salesforce.panel.faults()[0]?.hits === 1);
    world.clock.advance(5_000);
    const { sent } = await passing;
    assert.match(sent[0]?.message.provisioning?.steps.at(-1)?.detail ?? '', /^stored; /);
    await world.until('Salesforce shows it', () => {
      world.clock.advance(10_000);
      return world.salesforce.people.order(orderOf(message))['Activation_Status__c'] === 'Activated';
    });
  });

  it('may stay without a wire', async () => {
    await world.load(stepFlow(activated, { wires: [[]] }));
    const { error } = await world.pass('activated', await arriving(world, activated));
    assert.equal(error, null);
  });
});

describe('sf-update-order, set to Failed', () => {
  const world = useWorld();

  itKeepsTheContract(world, failed);

  const tells = async (message: Message & EventMessage): Promise<Passed> => world.pass('failed', message);
  const shown = (message: EventMessage): unknown[] => {
    const order = world.salesforce.people.order(orderOf(message));
    return ['Activation_Status__c', 'Activation_Error_Code__c', 'WHMCS_Order_ID__c'].map(
      (field) => order[field] ?? null,
    );
  };

  it('tells Salesforce the code and the message of msg.failure', async () => {
    await world.load(stepFlow(failed));
    const message = Object.assign(await arriving(world, failed), { failure: cause });
    const { sent } = await tells(message);
    assert.equal(sent.length, 1);
    assert.deepEqual(shown(message), ['Failed', 'CLIENT_CLOSED', null]);
    assert.match(
      String(world.salesforce.people.order(orderOf(message))['Activation_Error_Message__c']),
      /^WHMCS client 1001 is closed/,
    );
  });

  it('makes a failure of another node’s error, and names the node', async () => {
    await world.load(stepFlow(failed));
    const error = { message: 'boom', source: { id: 'f', type: 'function', name: 'odd' } };
    const message = Object.assign(await arriving(world, failed), { error });
    await tells(message);
    assert.deepEqual(shown(message), ['Failed', 'FLOW_ERROR', null]);
    assert.match(
      String(world.salesforce.people.order(orderOf(message))['Activation_Error_Message__c']),
      /^"odd": boom/,
    );
  });

  it('says so when it is not told why', async () => {
    await world.load(stepFlow(failed));
    const message = await arriving(world, failed);
    await tells(message);
    assert.deepEqual(shown(message), ['Failed', 'FLOW_ERROR', null]);
  });

  it('tells Activated of an order that WHMCS has accepted', async () => {
    const late = { ...failed, before: accepted };
    await world.load(stepFlow(late));
    const message = Object.assign(await arriving(world, late), { failure: cause });
    await tells(message);
    assert.deepEqual(shown(message), ['Activated', null, String(world.whmcs.office.orders()[0]?.id)]);
  });

  it('tells the id of the order that WHMCS holds', async () => {
    const late = { ...failed, before: ['get', 'client', 'mapping', 'add'] as const };
    await world.load(stepFlow(late));
    const message = Object.assign(await arriving(world, late), { failure: cause });
    await tells(message);
    assert.deepEqual(shown(message), ['Failed', 'CLIENT_CLOSED', String(world.whmcs.office.orders()[0]?.id)]);
  });

  it('refuses a second, other end, with a warning, and changes nothing', async () => {
    await world.load(
      flowOf(
        node('get'),
        ...accepted.slice(1).map((id) => node(id)),
        node('activated'),
        node('failed'),
        ...catching(true),
      ),
    );
    const late = { ...activated };
    const message = await arriving(world, late);
    await world.pass('activated', message);
    const { sent, error } = await tells(Object.assign(structuredClone(message), { failure: cause }));
    assert.deepEqual([sent, error], [[], null]);
    assert.equal(shown(message)[0], 'Activated');
    assert.match(world.lines('warn', 'failed').join(), /Failed was refused: the order has ended as Activated already/);
  });

  it('takes from a Catch what carries no event, and raises no error of its own that the Catch would bring again', async () => {
    const straight = catching(false).map((one) => (one.id === 'catch' ? { ...one, wires: [[sink, 'failed']] } : one));
    await world.load(flowOf(node('get'), node('failed'), ...straight));
    const message = await arriving(world, { ...failed, before: [] });
    await world.pass('get', { _msgid: message._msgid, payload: 1 });
    await world.until('Failed is done with it', () => world.watch.ended.some(({ node: id }) => id === 'failed'));
    for (let turns = 0; turns < 50; turns++) await turn();
    const ended = world.watch.ended.filter(({ node: id }) => id === 'failed');
    assert.deepEqual([ended.length, ended[0]?.error ?? null], [1, null]);
    await world.until('Salesforce shows it', () => shown(message)[0] === 'Failed');
    assert.deepEqual(shown(message), ['Failed', 'EVENT_MISSING', null]);
    assert.match(world.lines('warn', 'failed').join(), /no event/);
  });
});

describe('sf-update-order, set to go by the message', () => {
  const world = useWorld();
  const byMessage: StepUnderTest = { ...failed, id: 'failed', before: ['get'] };
  const run = async (add: Partial<Message>, before: StepUnderTest['before'] = ['get']) => {
    const step = { ...byMessage, before };
    await world.load(stepFlow(step, { status: 'message' }));
    const message = Object.assign(await arriving(world, step), add);
    const passed = await world.pass('failed', message);
    const event = await (await world.provisioning()).store.inbox.get(message.event.id);
    return { passed, event, status: world.salesforce.people.order(orderOf(message))['Activation_Status__c'] };
  };

  it('is Failed with a failure', async () => {
    const { status, event } = await run({ failure: cause });
    assert.deepEqual([status, event?.end], ['Failed', 'Failed']);
  });

  it('is skipped, with nothing written, when msg.skipped is there', async () => {
    const { status, event } = await run({ skipped: { code: 'ORDER_OTHER_PRICEBOOK', message: 'another' } });
    assert.deepEqual([status, event?.end], ['Activating', 'Skipped']);
  });

  it('is Activated else', async () => {
    const { status, event } = await run({}, accepted);
    assert.deepEqual([status, event?.end], ['Activated', 'Activated']);
  });
});

describe('sf-update-order, set to Activating', () => {
  const world = useWorld();
  const step: StepUnderTest = { id: 'failed', before: [], needs: [], adds: 'provisioning' };
  const set = { status: 'Activating' };
  const patches = (): number => world.salesforce.panel.requests('patch').length;

  const failedBefore = (): string => {
    const { id } = world.salesforce.people.createOrder({ account: 'Northwind Traders', items: seat });
    const fields = {
      Activation_Status__c: 'Failed',
      Activation_Error_Code__c: '503',
      Activation_Error_Message__c: 'x',
    };
    world.salesforce.people.putRecord({ type: 'Order', id, fields });
    return id;
  };

  it('writes Activating, clears the error, and lets the order go on', async () => {
    await world.load(stepFlow(step, set));
    const id = failedBefore();
    const { sent, error } = await world.pass('failed', await arriving(world, step, id));
    assert.deepEqual([error, sent.length], [null, 1]);
    const order = world.salesforce.people.order(id);
    assert.deepEqual([order['Activation_Status__c'], order['Activation_Error_Code__c']], ['Activating', null]);
    const event = await (await world.provisioning()).store.inbox.get(sent[0]?.message.event?.id ?? '');
    assert.equal(event?.state, 'inWork');
  });

  it('makes no call where nothing would change', async () => {
    const after = { ...step, before: ['get'] as const };
    await world.load(stepFlow(after, set));
    const message = await arriving(world, after);
    await world.pass('failed', message);
    assert.equal(patches(), 0);
  });

  it('writes nothing for a message that a newer hand-out has replaced, or whose order has ended', async () => {
    await world.load(stepFlow(step, set));
    const message = await arriving(world, step);
    const { endings } = await world.provisioning();
    await endings.done({ eventId: message.event.id, handout: message.event.handout, orderId: orderOf(message) });
    const { sent, error } = await world.pass('failed', message);
    assert.deepEqual([sent, error], [[], null]);
    assert.equal(world.status('failed')?.text, 'replaced');
    assert.equal(patches(), 0);
  });

  it('fails as OUTPUT_NOT_WIRED when it leads nowhere', async () => {
    await world.load(stepFlow(step, { ...set, wires: [[]] }));
    const { error } = await world.pass('failed', await arriving(world, step));
    assert.equal(error?.code, 'OUTPUT_NOT_WIRED');
  });

  it('fails as SF_WRITE_REFUSED when Salesforce says no', async () => {
    await world.load(stepFlow(step, set));
    const refusal = { kind: 'error', status: 400, errorCode: 'FIELD_CUSTOM_VALIDATION_EXCEPTION', message: 'no' };
    world.salesforce.panel.fault({ call: 'patch', times: 0, do: refusal });
    const { error, caught } = await world.pass('failed', await arriving(world, step, failedBefore()));
    assert.deepEqual([error?.code, caught?.failure?.step], ['SF_WRITE_REFUSED', 'sf_status_update']);
  });

  it('fails as SETTING_MISSING while no source has told the org', async () => {
    await world.load(stepFlow(step, set));
    const id = world.approve();
    const { error } = await world.pass('failed', await world.handOut(id));
    assert.equal(error?.code, 'SETTING_MISSING');
  });
});
