/** The wrapper of all nodes that take messages, with a step of the tests' own. */
import assert from 'node:assert/strict';
import helper from 'node-red-node-test-helper';
import { failure } from '../../lib/provisioning/failure';
import { LeaseLost } from '../../lib/provisioning/held-order';
import type { Message, OrderPart } from '../../lib/provisioning/message';
import type { Step, StepContext, StepOutcome } from '../../lib/provisioning/step';
import { StoreError } from '../../lib/state/contract';
import { stepNode } from '../../nodes/shared/step-node';
import { whole } from '../../nodes/shared/settings';
import { catching, flowOf, node, sink, type FlowNode } from './flow';
import { nodeFiles } from './node-files';
import { orderOf } from './step-contract';
import { turn, useWorld, type EventMessage, type NodeFile } from './world';

type Outcome = StepOutcome<OrderPart, 'next' | 'other'>;
type Run = (context: StepContext) => Promise<Outcome>;

const part = { id: 'x', number: 'N-1' } as OrderPart;
const next: Outcome = { way: 'next', value: part, note: 'fine' };

describe('a node that runs a step', () => {
  const world = useWorld();
  let run: Run = () => Promise.resolve(next);
  let build: (made: Step<'event', 'order', 'next' | 'other'>) => Step<'event', 'order', 'next' | 'other'> = (made) =>
    made;
  beforeEach(() => {
    run = () => Promise.resolve(next);
    build = (made) => made;
  });

  const type: NodeFile = (RED) =>
    stepNode(RED, 'test-step', {
      connections: {},
      settings: { limit: whole(5, { min: 1, max: 9 }) },
      ways: ['next', 'other'],
      build: () =>
        build({ name: 'validation', needs: ['event'], adds: 'order', run: (_input, context) => run(context) }),
    });
  const flow = (change: Partial<FlowNode> = {}, ends = true): FlowNode[] =>
    flowOf(
      { id: 'step', type: 'test-step', z: 'tab', name: 'the step', x: 1, y: 1, wires: [[sink], [sink]], ...change },
      ...(ends ? [node('failed')] : []),
      ...catching(ends),
    );
  const load = (change: Partial<FlowNode> = {}, ends = true): Promise<void> =>
    world.load(flow(change, ends), { files: [...nodeFiles, type] });
  const arriving = async (): Promise<EventMessage> => {
    await world.useSalesforce();
    return world.handOut(world.approve());
  };
  const eventOf = async ({ event }: EventMessage) => (await world.provisioning()).store.inbox.get(event.id);
  const steps = async (message: EventMessage) =>
    (await (await world.provisioning()).store.timeline.ofOrder(orderOf(message))).map(({ status, detail }) => [
      status,
      detail,
    ]);
  /** Each message must be done with once. */
  afterEach(() => {
    const times = new Map<Message, number>();
    for (const { node: id, message } of world.watch.ended)
      if (id === 'step') times.set(message, (times.get(message) ?? 0) + 1);
    assert.deepEqual(
      [...times.values()].filter((count) => count > 1),
      [],
    );
  });

  it('puts the outcome on record before it sends', async () => {
    await load();
    const message = await arriving();
    let atSend: unknown = null;
    const { store } = await world.provisioning();
    const { append } = store.timeline;
    const written: string[] = [];
    store.timeline.append = async (entry) => {
      await append.call(store.timeline, entry);
      written.push(entry.status);
      if (entry.status === 'done') atSend = world.watch.sent.filter(({ from }) => from === 'step').length;
    };
    const { sent } = await world.pass('step', message);
    assert.equal(atSend, 0);
    assert.equal(sent.length, 1);
    assert.deepEqual(written, ['started', 'done']);
    assert.deepEqual(await steps(message), [['done', 'fine']]);
  });

  it('sends by the output of the way, and to no other', async () => {
    run = () => Promise.resolve({ ...next, way: 'other' });
    await load();
    const { sent } = await world.pass('step', await arriving());
    assert.deepEqual(
      sent.map(({ port, message }) => [port, message.order]),
      [[1, part]],
    );
  });

  it('is yellow, and says why, where the order went on and a person should look', async () => {
    run = () =>
      Promise.resolve({ ...next, warning: 'WHMCS did not keep our mark on this order; where an answer is lost' });
    await load();
    const { sent } = await world.pass('step', await arriving());
    assert.equal(sent.length, 1);
    const shown = {
      fill: 'yellow',
      shape: 'dot',
      text: 'N-1 WHMCS did not keep our mark on this order; where an ans…',
    };
    assert.deepEqual(world.status('step'), shown);
  });

  it('shows the order while it works, then how it went on', async () => {
    await load();
    const message = await arriving();
    await world.pass('step', message);
    world.status('step');
    const texts = world.watch.statuses.filter((one) => one.node === 'step').map(({ status }) => status);
    assert.deepEqual(texts, [
      { fill: 'blue', shape: 'dot', text: orderOf(message) },
      { fill: 'green', shape: 'dot', text: 'N-1' },
    ]);
  });

  for (const [what, thrown, words] of [
    ['a text', 'no luck', 'no luck'],
    ['nothing', undefined, 'undefined'],
    ['null', null, 'null'],
    ['an object', { code: 5 }, '[object Object]'],
    ['an Error', new Error('broken'), 'broken'],
  ] as const) {
    it(`fails as FLOW_ERROR when its step throws ${what}`, async () => {
      run = () => Promise.reject(thrown);
      await load();
      const message = await arriving();
      const { sent, error, caught } = await world.pass('step', message);
      assert.deepEqual(sent, []);
      assert.ok(error instanceof Error);
      assert.deepEqual([error.code, error.message], ['FLOW_ERROR', words]);
      assert.deepEqual([caught?.failure?.code, caught?.failure?.message], ['FLOW_ERROR', words]);
      assert.equal((caught?.['error'] as { code: string }).code, 'FLOW_ERROR');
      assert.deepEqual(await steps(message), [['failed', `FLOW_ERROR: ${words}`]]);
    });
  }

  it('gives a Catch the text and code of a failure, no stack and no cause: they would stand in the debug sidebar', async () => {
    const why = new Error('in the depths');
    run = () => Promise.reject(failure('PAYMENT_METHOD_MISSING', '409: no payment method', 'validation', why));
    await load();
    const { caught } = await world.pass('step', await arriving());
    const { message, code, ...more } = (caught as { error?: Record<string, unknown> } | undefined)?.error ?? {};
    assert.deepEqual([message, code], ['Failure: 409: no payment method', 'PAYMENT_METHOD_MISSING']);
    assert.deepEqual(Object.keys(more), ['source']);
  });

  it('fails as FLOW_ERROR when its step throws at once, not by its promise', async () => {
    run = () => {
      throw new Error('at once');
    };
    await load();
    assert.equal((await world.pass('step', await arriving())).error?.code, 'FLOW_ERROR');
  });

  it('is red, and fails what comes as SETTING_INVALID, when its step cannot be built', async () => {
    build = () => {
      throw new Error('these do not go together');
    };
    await load();
    assert.deepEqual(world.status('step'), { fill: 'red', shape: 'ring', text: 'test-step' });
    assert.deepEqual(world.lines('error'), ['SETTING_INVALID: these do not go together']);
    const { error, caught } = await world.pass('step', await arriving());
    assert.deepEqual([error?.code, error?.message], ['SETTING_INVALID', 'these do not go together']);
    assert.equal(caught?.failure?.code, 'SETTING_INVALID');
  });

  it('is red, and fails what comes as SETTING_INVALID, with a setting that is wrong', async () => {
    await load({ limit: 12 });
    assert.deepEqual(world.status('step'), { fill: 'red', shape: 'ring', text: 'limit' });
    assert.match(
      world.lines('error').join('\n'),
      /^SETTING_INVALID: limit must be a whole number from 1 to 9; it is 12\.$/,
    );
    assert.equal((await world.pass('step', await arriving())).error?.code, 'SETTING_INVALID');
  });

  it('says at start which default it takes for a variable that is not set', async () => {
    await load({ limit: '${NOT_SET_ANYWHERE}' });
    assert.deepEqual(world.lines('info', 'step'), ['limit: NOT_SET_ANYWHERE is not set; 5 is used.']);
  });

  it('tells the failure itself where no Catch leads to Failed', async () => {
    run = () => Promise.reject(new Error('broken'));
    await load({}, false);
    const message = await arriving();
    const { error } = await world.pass('step', message);
    assert.equal(error?.code, 'FLOW_ERROR');
    assert.equal((await eventOf(message))?.end, 'Failed');
    await world.until(
      'Salesforce shows it',
      () => world.salesforce.people.order(orderOf(message))['Activation_Status__c'] === 'Failed',
    );
    assert.match(world.lines('error', 'step').join(), /^FLOW_ERROR: broken .*fix=/);
  });

  it('leaves the failure to the flow where a Catch leads to Failed', async () => {
    run = () => Promise.reject(new Error('broken'));
    await load();
    const message = await arriving();
    await world.pass('step', message);
    const event = await eventOf(message);
    assert.deepEqual([event?.end, (event?.failure as { code: string }).code], [null, 'FLOW_ERROR']);
    assert.deepEqual(world.lines('error'), []);
  });

  it('fails as OUTPUT_NOT_WIRED by an output that leads nowhere, and not once a deploy has wired it', async () => {
    run = () => Promise.resolve({ ...next, way: 'other' });
    await load({ wires: [[sink], []] });
    const before = world.node('step');
    const { error } = await world.pass('step', await arriving());
    assert.equal(error?.code, 'OUTPUT_NOT_WIRED');
    assert.match(error?.message ?? '', /^Output "other" of "the step" is not wired$/);
    await world.deploy(flow(), 'nodes');
    assert.equal(world.node('step'), before, 'the deploy has left the node as it was');
    const { sent } = await world.pass('step', await arriving());
    assert.deepEqual(
      sent.map(({ port }) => port),
      [1],
    );
  });

  it('sends on from inside a subflow, by the wires of its instance', async () => {
    const inside: FlowNode[] = [
      {
        id: 'template',
        type: 'subflow',
        name: 'in',
        in: [{ x: 1, y: 1, wires: [{ id: 'step' }] }],
        out: [{ x: 1, y: 1, wires: [{ id: 'step', port: 0 }] }],
      },
      { id: 'step', type: 'test-step', z: 'template', name: 'the step', x: 1, y: 1, wires: [[], []] },
      { id: 'instance', type: 'subflow:template', z: 'tab', x: 1, y: 1, wires: [[sink]] },
    ];
    await world.load(flowOf(...inside, node('failed'), ...catching(true)), { files: [...nodeFiles, type] });
    const message = await arriving();
    world.node('instance').receive(message as never);
    await world.until('it is sent on', () => world.watch.sent.some(({ to }) => to === sink));
    run = () => Promise.reject(new Error('broken'));
    const second = await arriving();
    world.node('instance').receive(second as never);
    await world.until('the Catch of the tab has it', () => world.watch.sent.some(({ from }) => from === 'catch'));
    assert.equal((await eventOf(second))?.end, null, 'the flow is left to tell it');
  });

  it('lets the event wait when the order’s lease was lost: another goes on from the record', async () => {
    run = () => Promise.reject(new LeaseLost('lost'));
    await load();
    const message = await arriving();
    const { error, sent } = await world.pass('step', message);
    assert.deepEqual([error, sent], [null, []]);
    const event = await eventOf(message);
    assert.deepEqual([event?.state, event?.reason], ['parked', 'goes on from the record']);
  });

  it('drops the message where its step says so', async () => {
    run = () => Promise.resolve({ dropped: true, note: 'not wanted' });
    await load();
    const message = await arriving();
    const { error, sent } = await world.pass('step', message);
    assert.deepEqual([error, sent], [null, []]);
    assert.deepEqual(world.status('step'), { fill: 'grey', shape: 'ring', text: 'dropped' });
  });

  describe('with several messages at once', () => {
    it('works on two orders side by side', async () => {
      const going: string[] = [];
      let free = (): void => undefined;
      const gate = new Promise<void>((resolve) => (free = resolve));
      run = async ({ orderId }) => {
        going.push(orderId);
        await gate;
        return { ...next, note: orderId };
      };
      await load();
      const [one, two] = [await arriving(), await arriving()];
      const both = Promise.all([world.pass('step', one), world.pass('step', two)]);
      await world.until('both are under way', () => going.length === 2);
      free();
      for (const { sent, error } of await both) assert.deepEqual([sent.length, error], [1, null]);
      assert.deepEqual([await steps(one), await steps(two)], [[['done', orderOf(one)]], [['done', orderOf(two)]]]);
    });

    it('sends the message no further when its order was ended while the step worked', async () => {
      const cause = {
        code: 'FLOW_ERROR',
        message: 'elsewhere',
        step: 'event',
        owner: 'Development team',
        retryable: true,
        fix: '',
      } as const;
      await load();
      const message = await arriving();
      const { endings } = await world.provisioning();
      run = async ({ eventId, handout, orderId }) => {
        const ending = await endings.fail({ eventId, handout, orderId }, cause);
        assert.equal(ending.kind, 'kept', 'the end waits for the step');
        return next;
      };
      const { sent, error } = await world.pass('step', message);
      assert.deepEqual([sent, error], [[], null]);
      assert.equal((await eventOf(message))?.end, 'Failed');
    });
  });

  describe('while it closes', () => {
    /** A run that ends when the test lets it. */
    const held = () => {
      let end = (_outcome: Outcome): void => undefined;
      let fail = (_error: unknown): void => undefined;
      const outcome = new Promise<Outcome>((resolve, reject) => ((end = resolve), (fail = reject)));
      const seen: { signal: AbortSignal | null } = { signal: null };
      run = ({ signal }) => ((seen.signal = signal), outcome);
      return { seen, end, fail };
    };
    const ticks = async (): Promise<void> => {
      for (let count = 0; count < 20; count++) await turn();
    };

    it('waits for the step, puts its outcome on record, sends nothing, and has the event handed out again', async () => {
      const { seen, end } = held();
      await load();
      const message = await arriving();
      const { handouts, store } = await world.provisioning();
      world.node('step').receive(message as never);
      await world.until('the step runs', () => seen.signal !== null);
      let closed = false;
      const closing = helper.unload().then(() => (closed = true));
      await ticks();
      assert.equal(closed, false);
      end(next);
      await closing;
      assert.equal(
        world.watch.sent.some(({ from }) => from === 'step'),
        false,
      );
      assert.equal(world.watch.ended.filter(({ node: id }) => id === 'step').length, 1);
      assert.deepEqual(
        (await store.timeline.ofOrder(orderOf(message))).map(({ status }) => status),
        ['done'],
      );
      assert.equal(handouts.of(message.event.id)?.undelivered, true);
    });

    it('lets the event go on from the record when the step fails meanwhile: it is no failure of the order', async () => {
      const { seen, fail } = held();
      await load({}, false);
      const message = await arriving();
      const { store } = await world.provisioning();
      world.node('step').receive(message as never);
      await world.until('the step runs', () => seen.signal !== null);
      const closing = helper.unload();
      fail(new Error('its connection was closed under it'));
      await closing;
      const event = await store.inbox.get(message.event.id);
      assert.deepEqual([event?.state, event?.end, event?.failure ?? null], ['parked', null, null]);
    });

    it('tells the step to stop after 10 s, and closes although it does not; its end, which comes late, is put on record', async () => {
      const { seen, end } = held();
      await load();
      const message = await arriving();
      const { handouts, store } = await world.provisioning();
      world.node('step').receive(message as never);
      await world.until('the step runs', () => seen.signal !== null);
      let closed = false;
      void helper.unload().then(() => (closed = true));
      world.clock.advance(9_000);
      await ticks();
      assert.deepEqual([closed, seen.signal?.aborted], [false, false]);
      world.clock.advance(1_000);
      await world.until('it is closed', () => closed, 5_000);
      assert.equal(seen.signal?.aborted, true);
      assert.equal(handouts.running(orderOf(message)).length, 1, 'the register still knows the step');
      const shown = world.watch.statuses.length;
      end(next);
      await world.until('the step has ended', () => handouts.running(orderOf(message)).length === 0);
      assert.deepEqual(
        (await store.timeline.ofOrder(orderOf(message))).map(({ status }) => status),
        ['done'],
      );
      assert.equal(
        world.watch.sent.some(({ from }) => from === 'step'),
        false,
      );
      world.clock.advance(1_000);
      assert.equal(world.watch.statuses.length, shown, 'another node of this id may stand by now');
    });

    it('takes no new message up: its event is handed out again', async () => {
      const { seen, end } = held();
      await load();
      const [first, second] = [await arriving(), await arriving()];
      const { handouts } = await world.provisioning();
      const closingNode = world.node('step');
      closingNode.receive(first as never);
      await world.until('the step runs', () => seen.signal !== null);
      const closing = helper.unload();
      seen.signal = null;
      closingNode.receive(second as never);
      await world.until('the second is given back', () => handouts.of(second.event.id)?.undelivered === true);
      assert.equal(seen.signal, null, 'no step was run for it');
      end(next);
      await closing;
    });
  });

  describe('on a store that fails', () => {
    const failing =
      (...statuses: string[]) =>
      async (): Promise<void> => {
        const { store } = await world.provisioning();
        const { append } = store.timeline;
        store.timeline.append = (entry) =>
          statuses.includes(entry.status)
            ? Promise.reject(new StoreError('UNAVAILABLE', 'The store cannot be written'))
            : append.call(store.timeline, entry);
      };
    for (const [what, breaks] of [
      ['its start cannot be put on record', failing('started')],
      ['its outcome cannot be put on record', failing('done')],
      ['neither its outcome nor its failure can be put on record', failing('done', 'failed')],
    ] as const) {
      it(`sends nothing, fails nothing, and goes out again, when ${what}`, async () => {
        let runs = 0;
        run = () => ((runs += 1), Promise.resolve(next));
        await load();
        const message = await arriving();
        await breaks();
        const { sent, error, caught } = await world.pass('step', message);
        assert.deepEqual(sent, []);
        assert.deepEqual([error, caught], [null, null]);
        assert.equal(runs, what.startsWith('its start') ? 0 : 1);
        assert.deepEqual(world.status('step'), { fill: 'yellow', shape: 'ring', text: 'waits for the store' });
        const { handouts } = await world.provisioning();
        assert.equal(handouts.of(message.event.id)?.undelivered, true);
        assert.equal(handouts.anyRunning, false, 'no step is left in the register');
      });
    }

    it('keeps the failure’s own code when that cannot be put on record', async () => {
      run = () => Promise.reject(new Error('broken'));
      await load();
      const message = await arriving();
      const { store } = await world.provisioning();
      store.inbox.recordFailure = () => Promise.reject(new StoreError('UNAVAILABLE', 'The store cannot be written'));
      const { error, caught } = await world.pass('step', message);
      assert.deepEqual([error?.code, caught?.failure?.code], ['FLOW_ERROR', 'FLOW_ERROR']);
      assert.match(world.lines('error', 'step').join(), /A failure could not be put on record/);
    });

    it('says so when the store cannot even be asked for the event', async () => {
      await load();
      const message = await arriving();
      const { store, handouts } = await world.provisioning();
      handouts.end(message.event.id);
      store.inbox.get = () => Promise.reject(new StoreError('UNAVAILABLE', 'The store cannot be read'));
      const { error, sent } = await world.pass('failed', message);
      assert.deepEqual([error?.code, sent], ['STORE_UNAVAILABLE', []]);
    });
  });
});
