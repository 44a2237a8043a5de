import assert from 'node:assert/strict';
import type { ControlAnswer } from '../../lib/provisioning/control';
import type { FailurePart, Message } from '../../lib/provisioning/message';
import { catching, flowOf, node, sink, type FlowNode } from './flow';
import { channel, useWorld, type EventMessage } from './world';

const cause: FailurePart = {
  code: 'CLIENT_CLOSED',
  message: 'closed',
  step: 'validation',
  owner: 'Customer support',
  retryable: false,
  fix: '',
};

describe('provisioning-control', () => {
  const world = useWorld();

  /** With a source whose orders stay in work. */
  const flow = (): FlowNode[] => [
    ...flowOf(node('source', { wires: [['last']] }), node('control'), node('skipped'), ...catching(false)),
    { id: 'last', type: 'helper', z: 'tab', x: 1, y: 1, wires: [['skipped']] },
  ];
  const streams = (): number => Number(world.salesforce.people.counts()['openStreams']);
  const start = async (): Promise<void> => {
    await world.load(flow());
    await world.until('the stream is open', () => streams() === 1);
  };
  const taken = (): EventMessage[] =>
    world.watch.sent.filter(({ from }) => from === 'source').map(({ message }) => message as EventMessage);
  const ask = async (topic: unknown, payload?: unknown, more: object = {}) => {
    const message = { topic, payload, custom: { kept: [1] }, ...more } as unknown as Message;
    const { sent, error, caught } = await world.pass('control', message);
    return { answers: (sent[0]?.message.payload ?? []) as ControlAnswer[], out: sent[0]?.message, error, caught };
  };
  const shown = (id: string): unknown => world.salesforce.people.order(id)['Activation_Status__c'];
  /** An order that was handed out and has failed. */
  const failed = async (): Promise<{ id: string; event: string }> => {
    const count = taken().length;
    const id = world.approve();
    await world.until('it is handed out', () => taken().length > count);
    const { event } = taken().at(-1) as EventMessage;
    const { endings } = await world.provisioning();
    await endings.fail({ eventId: event.id, handout: event.handout, orderId: id }, cause);
    await world.until('Salesforce shows it', () => shown(id) === 'Failed');
    return { id, event: event.id };
  };

  describe('retry', () => {
    it('writes Activating, clears the error, and hands the order out again', async () => {
      await start();
      const { id, event } = await failed();
      const { answers, out, error } = await ask('retry', id);
      assert.equal(error, null);
      assert.deepEqual(
        answers.map(({ subject, done }) => [subject, done]),
        [[id, true]],
      );
      assert.deepEqual(out?.['custom'], { kept: [1] });
      assert.deepEqual(
        [shown(id), world.salesforce.people.order(id)['Activation_Error_Code__c']],
        ['Activating', null],
      );
      await world.until('it is handed out again', () => taken().length >= 2);
      assert.equal(
        taken()
          .filter(({ event: { id: of } }) => of === event)
          .at(-1)?.event.delivery,
        'retry',
      );
      assert.deepEqual(world.status('control'), { fill: 'green', shape: 'dot', text: 'retry: 1 of 1' });
    });

    it('takes an event’s id, a list, ids in a text, and the 15 characters of an Order', async () => {
      await start();
      const [one, two, three] = [await failed(), await failed(), await failed()];
      const byEvent = await ask('retry', [one.event]);
      assert.equal(byEvent.answers[0]?.done, true, byEvent.answers[0]?.text);
      const byText = await ask('retry', `${two.id}, ${three.id.slice(0, 15)}`);
      assert.deepEqual(
        byText.answers.map(({ done }) => done),
        [true, true],
      );
      assert.deepEqual([shown(one.id), shown(two.id), shown(three.id)], ['Activating', 'Activating', 'Activating']);
    });

    it('retries an order of which it has no event', async () => {
      await start();
      const { id } = world.salesforce.people.createOrder({
        account: 'Northwind Traders',
        items: [{ code: 'SEAT-M', quantity: 1 }],
      });
      world.salesforce.people.putRecord({ type: 'Order', id, fields: { Activation_Status__c: 'Failed' } });
      const { answers } = await ask('retry', id);
      assert.equal(answers[0]?.done, true, answers[0]?.text);
      await world.until('it is handed out', () =>
        taken().some(({ payload }) => (payload as { OrderId__c: string }).OrderId__c === id),
      );
    });

    it('counts one of clicks that follow each other at once', async () => {
      await start();
      const { id } = await failed();
      const three = await Promise.all([ask('retry', id), ask('retry', id), ask('retry', id)]);
      assert.deepEqual(three.map(({ answers }) => answers[0]?.done).sort(), [false, false, true]);
      const written = world.salesforce.panel.ledger('statusWritten').filter((entry) => entry['orderId'] === id);
      assert.deepEqual(written.map((entry) => entry['status']).slice(-2), ['Failed', 'Activating']);
    });

    it('refuses an order that is in work, or waits', async () => {
      await start();
      const id = world.approve();
      await world.until('it is handed out', () => taken().length === 1);
      const { answers } = await ask('retry', id);
      assert.deepEqual(
        answers.map(({ done, text }) => [done, text]),
        [[false, 'Already in progress: its event is in work']],
      );
      assert.deepEqual(world.status('control'), { fill: 'yellow', shape: 'dot', text: 'retry: 0 of 1' });
    });

    it('refuses an order that is Activated', async () => {
      await start();
      const { id } = world.salesforce.people.createOrder({
        account: 'Northwind Traders',
        items: [{ code: 'SEAT-M', quantity: 1 }],
      });
      world.salesforce.people.putRecord({ type: 'Order', id, fields: { Activation_Status__c: 'Activated' } });
      assert.deepEqual(
        (await ask('retry', id)).answers.map(({ done, text }) => [done, text]),
        [[false, 'The Order is Activated already']],
      );
      assert.equal(world.salesforce.panel.requests('patch').length, 0);
    });

    it('refuses what Salesforce does not show, and what is no order and no event', async () => {
      await start();
      const gone = world.approve();
      await world.until('it is handed out', () => taken().length === 1);
      const { endings } = await world.provisioning();
      await endings.done({ eventId: taken()[0]?.event.id ?? '', handout: 1, orderId: gone });
      world.salesforce.people.deleteRecord(gone);
      const { answers } = await ask('retry', [gone, 'ev-0123', 'nonsense', 42]);
      assert.deepEqual(
        answers.map(({ done }) => done),
        [false, false, false, false],
      );
      assert.match(answers[0]?.text ?? '', /Salesforce shows no such Order/);
      assert.match(answers[1]?.text ?? '', /No such event/);
      assert.match(answers[2]?.text ?? '', /no id of an Order/);
      assert.match(answers[3]?.text ?? '', /Not understood/);
    });

    it('says what to put there when nothing is named, and that 500 are the most', async () => {
      await start();
      assert.match((await ask('retry')).answers[0]?.text ?? '', /Put the id of an order or an event into msg\.payload/);
      const many = Array.from({ length: 501 }, (_, at) => `x${at}`);
      assert.match((await ask('retry', many)).answers[0]?.text ?? '', /At most 500/);
    });

    it('says that Activating could not be written, and hands nothing out', async () => {
      await start();
      const { id } = await failed();
      const count = taken().length;
      const refusal = {
        kind: 'error',
        status: 400,
        errorCode: 'FIELD_CUSTOM_VALIDATION_EXCEPTION',
        message: 'locked for audit',
      };
      world.salesforce.panel.fault({ call: 'patch', times: 0, do: refusal });
      const { answers } = await ask('retry', id);
      assert.equal(answers[0]?.done, false);
      assert.match(answers[0]?.text ?? '', /could not be written: .*locked for audit/);
      assert.equal(taken().length, count);
    });

    it('says that no source has started, where there is none', async () => {
      await world.load(flowOf(node('control')));
      await world.provisioning();
      const id = world.approve();
      const { answers } = await ask('retry', id);
      assert.deepEqual([answers[0]?.done, /No platform event node/.test(answers[0]?.text ?? '')], [false, true]);
    });
  });

  describe('defer', () => {
    /** One in work; the second of the same order waits. */
    const waiting = async (): Promise<string> => {
      await start();
      const id = world.approve();
      await world.until('it is handed out', () => taken().length === 1);
      world.salesforce.people.publish({ fields: { OrderId__c: id } });
      const { inbox } = (await world.provisioning()).store;
      await world.until('another waits', async () => (await inbox.counts(channel)).waiting === 1);
      return id;
    };
    const end = async (id: string): Promise<void> => {
      const { event } = taken()[0] as EventMessage;
      await (await world.provisioning()).endings.done({ eventId: event.id, handout: event.handout, orderId: id });
    };

    it('holds what waits until then, and no longer', async () => {
      const id = await waiting();
      const until = new Date(world.clock.now() + 3_600_000).toISOString();
      const { answers } = await ask('defer', id, { until });
      assert.deepEqual(
        answers.map(({ done, text }) => [done, text]),
        [[true, `Deferred until ${until}`]],
      );
      await end(id);
      world.clock.advance(3_000_000);
      await world.until(
        'nothing is in work',
        async () => (await (await world.provisioning()).store.inbox.counts(channel)).inWork === 0,
      );
      assert.equal(taken().length, 1);
      world.clock.advance(700_000);
      await world.until('it is handed out', () => (world.clock.advance(1_000), taken().length === 2));
    });

    it('takes the time in ms too', async () => {
      const id = await waiting();
      assert.equal((await ask('defer', id, { until: world.clock.now() + 60_000 })).answers[0]?.done, true);
    });

    it('refuses to defer without a time, or with one that is none', async () => {
      const id = await waiting();
      for (const until of [undefined, 'tomorrow', NaN, null, {}]) {
        const { answers } = await ask('defer', id, { until });
        assert.deepEqual(
          [answers[0]?.done, answers[0]?.text],
          [false, 'Put the time into msg.until: ISO text or ms since 1970'],
        );
      }
    });

    it('refuses to defer what does not wait', async () => {
      await start();
      const { id } = await failed();
      const { answers } = await ask('defer', [id, 'ev-0'], { until: world.clock.now() + 60_000 });
      assert.deepEqual(
        answers.map(({ done }) => done),
        [false, false],
      );
      assert.match(answers[0]?.text ?? '', /only what waits or is parked can be deferred/);
    });
  });

  describe('pause and resume', () => {
    it('stop the hand-out and start it again, while events are taken in', async () => {
      await start();
      const paused = await ask('pause');
      assert.deepEqual(
        paused.answers.map(({ subject, done }) => [subject, done]),
        [[null, true]],
      );
      assert.equal(world.status('source')?.text, 'paused');
      world.approve();
      const { inbox } = (await world.provisioning()).store;
      await world.until('it is stored', async () => (await inbox.counts(channel)).waiting === 1);
      assert.equal(taken().length, 0);
      assert.equal((await ask('resume')).answers[0]?.done, true);
      await world.until('it is handed out', () => taken().length === 1);
    });

    it('say that no source has started, where there is none', async () => {
      await world.load(flowOf(node('control')));
      await world.provisioning();
      for (const topic of ['pause', 'resume']) {
        const { answers } = await ask(topic);
        assert.deepEqual(
          [answers[0]?.done, answers[0]?.text],
          [false, 'No platform event node has started on this store'],
        );
      }
    });
  });

  describe('what it cannot do', () => {
    for (const topic of [undefined, 'Retry', 'delete', 5]) {
      it(`fails as MESSAGE_INCOMPLETE for the topic ${JSON.stringify(topic)}, and names those that there are`, async () => {
        await world.load(flowOf(node('control'), ...catching(false)));
        const { error, caught } = await ask(topic, 'x');
        assert.equal(error?.code, 'MESSAGE_INCOMPLETE');
        assert.match(error?.message ?? '', /msg\.topic must be one of retry, .*defer, pause, resume/);
        assert.deepEqual(
          [caught?.failure?.code, (caught?.['error'] as { code: string }).code],
          ['MESSAGE_INCOMPLETE', 'MESSAGE_INCOMPLETE'],
        );
        assert.deepEqual(world.status('control'), { fill: 'red', shape: 'dot', text: 'MESSAGE_INCOMPLETE' });
      });
    }

    it('fails as SETTING_MISSING while no store is chosen', async () => {
      await world.load(flowOf(node('control', { store: '' }), ...catching(false)));
      assert.deepEqual(world.status('control'), { fill: 'red', shape: 'ring', text: 'store' });
      const { error, caught } = await ask('pause');
      assert.deepEqual([error?.code, caught?.failure?.code], ['SETTING_MISSING', 'SETTING_MISSING']);
    });

    it('has its error told by the box that a Catch leads to, which ends no order', async () => {
      const [caught] = catching(false);
      await world.load(
        flowOf(node('control', { store: '' }), node('failed'), { ...caught, wires: [['failed']] } as FlowNode),
      );
      world.node('control').receive({ topic: 'pause' } as never);
      const told = (): string | undefined => world.lines('warn', 'failed')[0];
      await world.until('it is told', () => told() !== undefined);
      assert.match(told() ?? '', /no event: SETTING_MISSING: store is not chosen: .* fix="Set the variable or field/);
    });

    it('fails as STORE_UNAVAILABLE while the store cannot be used', async () => {
      const blocked = node('store', { directory: `${world.directory}/key.pem/no-folder` });
      await world.load(flowOf(blocked, node('control'), ...catching(false)));
      const { error, caught } = await ask('pause');
      assert.deepEqual([error?.code, caught?.failure?.code], ['STORE_UNAVAILABLE', 'STORE_UNAVAILABLE']);
    });
  });

  it('sends to nobody but its wire', async () => {
    await start();
    await ask('pause');
    assert.deepEqual(
      world.watch.sent.filter(({ from }) => from === 'control').map(({ to }) => to),
      [sink],
    );
  });
});
