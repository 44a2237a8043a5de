import assert from 'node:assert/strict';
import { markIn } from '../../lib/salesforce/events/start-place';
import { catching, flowOf, node, sink, type FlowNode } from './flow';
import { channel, useWorld, type EventMessage } from './world';

const minute = 60_000;

describe('sf-platform-event-in, the orders that no event brought', () => {
  const world = useWorld();

  /** What it hands out stays in work. */
  const alone = (change: Partial<FlowNode> = {}): FlowNode[] =>
    flowOf(
      node('source', { wires: [['last']], silence: 86_400, ...change }),
      { id: 'last', type: 'helper', z: 'tab', x: 1, y: 1, wires: [['skipped']] },
      node('skipped'),
      node('failed'),
      ...catching(true).map((one) => (one.id === 'catch' ? { ...one, wires: [[sink, 'failed']] } : one)),
    );
  const subscribed = (): Promise<void> =>
    world.until('the stream is open', () => Number(world.salesforce.people.counts()['openStreams']) === 1);
  const taken = (): EventMessage[] =>
    world.watch.sent.filter(({ from }) => from === 'source').map(({ message }) => message as EventMessage);
  const queries = (): number => world.salesforce.panel.requests('query').length;
  /** Time goes by until something holds, `ms` at most; in steps small enough for a sweep to be answered within its minute. */
  const goesBy = async (ms: number, holds: () => boolean = () => false): Promise<void> => {
    const end = world.clock.monotonic() + ms;
    while (world.clock.monotonic() < end && !holds()) {
      world.clock.advance(10_000);
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  };
  /** Approved two minutes ago, and nothing was published. */
  const forgotten = (): string => {
    world.salesforce.panel.switches({ flowPublishes: false });
    const id = world.approve();
    world.salesforce.panel.advance(2 * minute);
    return id;
  };

  it('hands them out as recovered, with the field that names the order and no place of the stream', async () => {
    const id = forgotten();
    await world.load(alone());
    await world.until('it is handed out', () => taken().length === 1);
    const [message] = taken();
    assert.deepEqual([message?.topic, message?.payload], [channel, { OrderId__c: id }]);
    const modified = new Date(String(world.salesforce.people.order(id)['LastModifiedDate'])).toISOString();
    assert.deepEqual(
      [message?.event.delivery, message?.event.replayId, message?.event.createdAt],
      ['recovered', '', modified],
    );
    const stored = await (await world.provisioning()).store.cursor.read(channel);
    assert.notEqual(
      markIn(stored?.replayId ?? '')?.since ?? null,
      null,
      'the start at LATEST stands, and no replay id',
    );
    assert.ok(world.watch.lines.some(({ text }) => text.includes('Recovered by sweep: 1 order') && text.includes(id)));
  });

  it('names the order by the field that is set', async () => {
    const id = forgotten();
    await world.load(alone({ orderIdField: 'Portal__c' }));
    await world.until('it is handed out', () => taken().length === 1);
    assert.deepEqual(taken()[0]?.payload, { Portal__c: id });
  });

  it('looks again after as many minutes as are set', async () => {
    // To the stream all is well: it stays open, shows signs of life, and brings nothing.
    world.salesforce.panel.switches({ keepaliveMs: 10 });
    forgotten();
    await world.load(alone({ sweepMinutes: 30 }));
    await world.until('the first sweep has ended', () => taken().length === 1);
    const id = forgotten();
    await goesBy(26 * minute);
    assert.equal(queries(), 1);
    const { openStreams, openedStreams } = world.salesforce.people.counts();
    assert.deepEqual([openStreams, openedStreams], [1, 1]);
    await goesBy(8 * minute, () => taken().length === 2);
    await world.until('it is handed out', () => taken().length === 2);
    assert.equal((taken()[1]?.payload as { OrderId__c: string }).OrderId__c, id);
  });

  it('does not look for them when it is set so', async () => {
    forgotten();
    await world.load(alone({ sweep: false }));
    await subscribed();
    await goesBy(20 * minute);
    assert.deepEqual([taken().length, queries()], [0, 0]);
  });

  it('leaves orders of another price book alone', async () => {
    const foreign = forgotten();
    const id = forgotten();
    const pricebookId = String(world.salesforce.people.order(id)['Pricebook2Id']);
    world.salesforce.people.putRecord({ type: 'Order', id: foreign, fields: { Pricebook2Id: '01sQl000000ZZZZIAO' } });
    world.salesforce.panel.advance(2 * minute);
    await world.load(alone({ pricebookId }));
    await world.until('one is handed out', () => taken().length > 0);
    await goesBy(minute);
    assert.deepEqual(
      taken().map(({ payload }) => payload),
      [{ OrderId__c: id }],
    );
  });
});
