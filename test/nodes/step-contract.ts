/** What every node that takes messages promises, whatever its step does. */
import assert from 'node:assert/strict';
import helper from 'node-red-node-test-helper';
import type { Message, Travelling } from '../../lib/provisioning/message';
import { catching, flowOf, node, type FlowNode, type Known } from './flow';
import { turn, type EventMessage, type World } from './world';

export interface StepUnderTest {
  id: Known;
  /** Nodes that a message passes before it. */
  before: readonly Known[];
  /** Keys beside msg.event that must be there. */
  needs: readonly (keyof Travelling)[];
  /** Its own key. */
  adds: keyof Travelling;
  /** It ends the order: it has no output that must be wired. */
  ends?: true;
  /** WHMCS has accepted the order before it. */
  accepted?: true;
  /** Field of its connection. */
  connection?: 'salesforce' | 'whmcs';
  /** A read that it makes. */
  reads?: { of: 'salesforce' | 'whmcs'; call: string };
}

/** The node and those before it, every error led to the sink, and past it to *Failed*. */
export const stepFlow = ({ id, before }: StepUnderTest, change: Partial<FlowNode> = {}): FlowNode[] =>
  flowOf(
    ...before.map((one) => node(one)),
    node(id, change),
    ...(id === 'failed' ? [] : [node('failed')]),
    ...catching(true),
  );

/** A message of an approved order as it comes to the node. */
export async function arriving(
  world: World,
  { before }: StepUnderTest,
  orderId = world.approve(),
): Promise<EventMessage> {
  await world.useSalesforce();
  return (await world.through(before, await world.handOut(orderId))) as EventMessage;
}

const calls = (world: World): number => world.salesforce.panel.requests().length + world.whmcs.panel.requests().length;

/** The state of the message's event in the store. */
const eventOf = async (world: World, { event }: EventMessage) => (await world.provisioning()).store.inbox.get(event.id);

export function itKeepsTheContract(world: World, step: StepUnderTest): void {
  const { id, needs, adds } = step;

  it(`adds msg.${adds} and leaves every other property as it was`, async () => {
    await world.load(stepFlow(step));
    const message = Object.assign(await arriving(world, step), {
      custom: { deep: [1, { two: 'three' }] },
      parts: { id: 7 },
    });
    const before = structuredClone(message) as Message;
    const { sent, error } = await world.pass(id, message);
    assert.equal(error, null);
    if (step.ends && sent.length === 0) assert.equal(id, 'skipped');
    const out = id === 'skipped' ? (message as Message) : sent[0]?.message;
    assert.ok(out);
    assert.deepEqual(Object.keys(out).sort(), [...new Set([...Object.keys(before), adds, 'provisioning'])].sort());
    for (const [key, value] of Object.entries(before))
      if (key !== adds && key !== 'provisioning') assert.deepEqual(out[key], value, `msg.${key}`);
    assert.ok(out.provisioning?.steps.length, 'msg.provisioning tells the steps');
    assert.deepEqual(JSON.parse(JSON.stringify(out)), out, 'it holds plain data alone');
  });

  it('drops a message that a newer hand-out has replaced, without a call', async () => {
    await world.load(stepFlow(step));
    const message = await arriving(world, step);
    const { store, handouts } = await world.provisioning();
    const again = await store.inbox.handOutAgain(message.event.id, message.event.handout, 'deploy');
    assert.ok(again?.orderId);
    handouts.begin(again, again.orderId, 'newer');
    const before = calls(world);
    const { sent, error } = await world.pass(id, message);
    assert.deepEqual([sent, error], [[], null]);
    assert.equal(calls(world), before);
    assert.deepEqual(world.status(id), { fill: 'grey', shape: 'ring', text: 'replaced' });
    const event = await eventOf(world, message);
    assert.deepEqual([event?.state, event?.handout, event?.end], ['inWork', again.handout, null]);
  });

  for (const [what, lost] of [
    ['no msg.event', undefined],
    ['a msg.event of null', null],
    ['a msg.event that is not ours', { id: 5 }],
    ['a msg.event that is a text', 'event'],
  ] as const) {
    it(`fails a message with ${what} as EVENT_MISSING, and its order at once`, async () => {
      await world.load(stepFlow(step));
      const message = await arriving(world, step);
      const odd = {
        _msgid: message._msgid,
        payload: 1,
        ...(lost === undefined ? {} : { event: lost }),
      } as unknown as Message;
      const { sent, error, caught } = await world.pass(id, odd);
      assert.deepEqual(sent, []);
      assert.equal(error?.code, 'EVENT_MISSING');
      assert.equal(caught?.failure?.code, 'EVENT_MISSING');
      assert.equal((caught?.['error'] as { code?: string }).code, 'EVENT_MISSING');
      const end = step.accepted ? ['Activated', null] : ['Failed', 'EVENT_MISSING'];
      await world.until(`Salesforce shows ${end[0]}`, () => {
        const order = world.salesforce.people.order(orderOf(message));
        return order['Activation_Status__c'] === end[0] && order['Activation_Error_Code__c'] === end[1];
      });
      assert.equal(world.status(id)?.text, 'EVENT_MISSING');
    });
  }

  for (const key of needs) {
    for (const gone of [undefined, null]) {
      it(`fails a message whose msg.${key} is ${gone} as MESSAGE_INCOMPLETE, without a call`, async () => {
        await world.load(stepFlow(step));
        const message = await arriving(world, step);
        const odd = { ...message, [key]: gone } as Message;
        const before = calls(world);
        const { sent, error, caught } = await world.pass(id, odd);
        assert.deepEqual(sent, []);
        assert.equal(error?.code, 'MESSAGE_INCOMPLETE');
        assert.match(error?.message ?? '', new RegExp(`msg\\.${key}\\b`));
        assert.equal(caught?.failure?.code, 'MESSAGE_INCOMPLETE');
        assert.equal(calls(world), before);
        assert.deepEqual(world.status(id), { fill: 'red', shape: 'dot', text: 'MESSAGE_INCOMPLETE' });
      });
    }
  }

  const { connection, reads } = step;
  if (connection) {
    it('is red while its connection is not chosen, and fails what comes as SETTING_MISSING', async () => {
      await world.load(stepFlow(step, { [connection]: '' }));
      assert.deepEqual(world.status(id), { fill: 'red', shape: 'ring', text: connection });
      assert.match(world.lines('error', id).join(), new RegExp(`^SETTING_MISSING: ${connection} is not chosen`));
      const message = await arriving(world, step);
      const before = calls(world);
      const { sent, error, caught } = await world.pass(id, message);
      assert.deepEqual(sent, []);
      assert.equal(error?.code, 'SETTING_MISSING');
      assert.equal(caught?.failure?.code, 'SETTING_MISSING');
      assert.equal(calls(world), before);
    });
  }

  if (reads) {
    it(`closes within 10 s while ${reads.call} is not answered; the event goes on from the record later`, async () => {
      await world.load(stepFlow(step));
      const message = await arriving(world, step);
      const { panel } = world[reads.of];
      panel.fault({ call: reads.call, times: 0, do: { kind: 'hang' } });
      const before = panel.requests(reads.call).length;
      world.node(id).receive(message as never);
      await world.until('the call hangs', () => panel.requests(reads.call).length > before);
      const provisioning = await world.provisioning();
      let closed = false;
      void helper.unload().then(() => (closed = true));
      world.clock.advance(9_000);
      for (let turns = 0; turns < 20; turns++) await turn();
      assert.equal(closed, false, 'it waits for the step');
      world.clock.advance(1_000);
      await world.until('it is closed', () => closed, 5_000);
      await world.until('the step has ended', () => !provisioning.handouts.anyRunning);
      const event = await provisioning.store.inbox.get(message.event.id);
      assert.deepEqual([event?.state, event?.reason], ['parked', 'goes on from the record']);
      assert.equal(
        world.watch.sent.some(({ from }) => from === id),
        false,
      );
    });
  }
}

/** The Salesforce Order that a message is of. */
export const orderOf = (message: Message): string => (message.payload as { OrderId__c: string }).OrderId__c;
