import assert from 'node:assert/strict';
import { catching, flowOf, node, sink, type FlowNode } from './flow';
import { useWorld, type EventMessage } from './world';

const changes = '/data/OrderChangeEvent';

describe('sf-platform-event-in, on the change events of Orders', () => {
  const world = useWorld();

  const source = (change: Partial<FlowNode>): FlowNode[] =>
    flowOf(
      node('source', { wires: [['last']], channel: changes, sweep: false, silence: 86_400, ...change }),
      { id: 'last', type: 'helper', z: 'tab', x: 1, y: 1, wires: [['skipped']] },
      node('skipped'),
      node('failed'),
      ...catching(true).map((one) => (one.id === 'catch' ? { ...one, wires: [[sink, 'failed']] } : one)),
    );
  const taken = (): EventMessage[] =>
    world.watch.sent.filter(({ from }) => from === 'source').map(({ message }) => message as EventMessage);

  for (const transport of ['pubsub', 'streaming'])
    it(`hands out an Order that became Activating, over ${transport}, and no other change`, async () => {
      world.salesforce.panel.switches({ changeDataCapture: true, flowPublishes: false });
      await world.load(source({ transport }));
      await world.until('the stream is open', () => Number(world.salesforce.people.counts()['openStreams']) === 1);
      const id = world.approve();
      await world.until('it is handed out', () => taken().length === 1);
      world.salesforce.people.editOrder(id, { Activation_Error_Code__c: 'noise' });
      const second = world.approve();
      await world.until('the next is handed out', () => taken().length === 2);
      const { inbox } = (await world.provisioning()).store;
      const named = await Promise.all(taken().map(async ({ event }) => (await inbox.get(event.id))?.orderId));
      assert.deepEqual(named, [id, second]);
      const [message] = taken();
      assert.equal(message?.topic, changes);
      const { ChangeEventHeader: header } = message.payload as { ChangeEventHeader: { changedFields: string[] } };
      assert.ok(header.changedFields.includes('Activation_Status__c'));
    });
});
