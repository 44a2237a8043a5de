import assert from 'node:assert/strict';
import helper from 'node-red-node-test-helper';
import type { Message } from '../../lib/provisioning/message';
import { intakesOf } from '../../nodes/shared/registry';
import { chain, node, whole, type FlowNode } from './flow';
import { channel, turn, useWorld, type EventMessage } from './world';

describe('sf-platform-event-in', () => {
  const world = useWorld();

  const streams = (): number => Number(world.salesforce.people.counts()['openStreams']);
  const subscribed = (): Promise<void> => world.until('the stream is open', () => streams() === 1);
  const taken = (): EventMessage[] =>
    world.watch.sent.filter(({ from }) => from === 'source').map(({ message }) => message as EventMessage);
  /** What it hands out stays in work. */
  const alone = (change: Partial<FlowNode> = {}): FlowNode[] => chain([], change);
  const status = () => world.status('source');
  const inbox = async () => (await world.provisioning()).store.inbox;

  it('hands out an event of the bus: its channel, its fields, and what tells the hand-out', async () => {
    await world.load(alone());
    await subscribed();
    const id = world.approve();
    await world.until('it is handed out', () => taken().length === 1);
    const [message] = taken();
    assert.deepEqual(Object.keys(message ?? {}).sort(), ['_msgid', 'event', 'payload', 'topic']);
    assert.equal(message?.topic, channel);
    assert.equal((message?.payload as { OrderId__c: string }).OrderId__c, id);
    const { event } = message as EventMessage;
    assert.deepEqual([event.channel, event.handout, event.delivery], [channel, 1, 'live']);
    assert.match(event.id, /^ev-/);
    assert.ok(event.replayId && event.uuid && event.createdAt);
    assert.deepEqual(JSON.parse(JSON.stringify(message)), message, 'it holds plain data alone');
    const stored = await (await inbox()).get(event.id);
    assert.deepEqual([stored?.state, stored?.orderId], ['inWork', id]);
    assert.deepEqual(status(), { fill: 'blue', shape: 'dot', text: '1 in work' });
  });

  it('makes of an approved order one accepted WHMCS order, through all nodes', async () => {
    await world.load(chain(whole));
    await subscribed();
    const id = world.approve();
    await world.until(
      'Salesforce shows it',
      () => world.salesforce.people.order(id)['Activation_Status__c'] === 'Activated',
    );
    assert.deepEqual(
      world.whmcs.office.orders().map(({ status: is, accepts }) => [is, accepts]),
      [['Active', 1]],
    );
    await world.until('its place is free', async () =>
      (await inbox()).get(taken()[0]?.event.id ?? '').then((event) => event?.end === 'Activated'),
    );
    assert.deepEqual(status(), { fill: 'green', shape: 'dot', text: 'connected' });
  });

  it('has at most N in work, and one an order at a time', async () => {
    await world.load(alone({ maxInWork: 2 }));
    await subscribed();
    const ids = [world.approve(), world.approve(), world.approve()];
    await world.until('two are handed out', () => taken().length === 2);
    world.salesforce.people.publish({ fields: { OrderId__c: ids[0] ?? '' } });
    await world.until('all are stored', async () => (await (await inbox()).counts(channel)).waiting === 2);
    assert.equal(taken().length, 2);
    const { endings } = await world.provisioning();
    const [, second] = taken();
    await endings.done({ eventId: second?.event.id ?? '', handout: 1, orderId: ids[1] ?? '' });
    await world.until('the next is handed out', () => taken().length === 3);
    assert.equal((taken()[2]?.payload as { OrderId__c: string }).OrderId__c, ids[2]);
    assert.equal((await (await inbox()).counts(channel)).waiting, 1);
  });

  it('starts with the newest event, or with the oldest where it is set so', async () => {
    world.set({ SF_EVENTS_REPLAY: 'ALL' });
    const before = world.approve();
    world.clock.advance(10_000);
    await world.load(alone({ sweep: false }));
    await world.until('the old event is handed out', () => taken().length === 1);
    assert.equal((taken()[0]?.payload as { OrderId__c: string }).OrderId__c, before);
    assert.equal(taken()[0]?.event.delivery, 'replay');
  });

  describe('where something is lacking', () => {
    const lacksNothing = (): number => world.salesforce.panel.requests().length + world.whmcs.panel.requests().length;
    const isIdle = async (flow: FlowNode[], shown: object): Promise<void> => {
      await world.load(flow);
      await turn();
      assert.deepEqual(status(), shown);
      assert.equal(lacksNothing(), 0, 'nobody was called');
      assert.equal(streams(), 0);
    };

    it('subscribes to nothing while its own connection is not chosen', () =>
      isIdle(alone({ salesforce: '' }), { fill: 'red', shape: 'ring', text: 'salesforce' }));

    it('subscribes to nothing while a node that it leads to lacks a setting', async () => {
      const flow = chain(whole).map((one) => (one.id === 'add' ? { ...one, whmcs: '' } : one));
      await isIdle(flow, { fill: 'red', shape: 'ring', text: 'settings' });
      assert.match(world.lines('warn', 'source').join(), /Nothing is subscribed while .* whmcs is not chosen/);
    });

    it('subscribes to nothing while a node inside a subflow that it leads to lacks a setting', async () => {
      const flow: FlowNode[] = [
        ...chain([], { wires: [['instance']] }),
        {
          id: 'template',
          type: 'subflow',
          name: 'check',
          in: [{ x: 1, y: 1, wires: [{ id: 'inner' }] }],
          out: [{ x: 1, y: 1, wires: [{ id: 'inner', port: 0 }] }],
        },
        { ...node('client', { wires: [[]], whmcs: '' }), id: 'inner', z: 'template' },
        { id: 'instance', type: 'subflow:template', z: 'tab', x: 1, y: 1, wires: [['last']] },
      ];
      await isIdle(flow, { fill: 'red', shape: 'ring', text: 'settings' });
    });

    it('subscribes from inside a subflow, and says there too what is wrong with the flow', async () => {
      const flow: FlowNode[] = [
        ...chain([]).filter(({ id }) => id !== 'source'),
        {
          id: 'template',
          type: 'subflow',
          name: 'in',
          in: [],
          out: [{ x: 1, y: 1, wires: [{ id: 'inner', port: 0 }] }],
        },
        { ...node('source', { wires: [[]] }), id: 'inner', z: 'template' },
        { id: 'instance', type: 'subflow:template', z: 'tab', x: 1, y: 1, wires: [['last']] },
      ];
      await world.load(flow);
      await subscribed();
      await world.deploy(
        flow.filter(({ id }) => id !== 'skipped'),
        'full',
      );
      await world.until('it says so', () => /check flow: Nothing ends the orders/.test(world.lines('warn').join()));
    });

    it('subscribes to nothing while a variable of a connection is not set, names field and variable once, and Node-RED is up', async () => {
      world.set({ WHMCS_URL: undefined });
      await isIdle(chain(whole), { fill: 'red', shape: 'ring', text: 'settings' });
      assert.deepEqual(world.lines('error'), [
        'SETTING_MISSING: url is not set: set the variable WHMCS_URL, or fill in the field.',
      ]);
      assert.deepEqual(world.watch.statuses.find((one) => one.node === 'whmcs')?.status, {
        fill: 'red',
        shape: 'ring',
        text: 'WHMCS_URL',
      });
    });

    it('subscribes once a deploy has mended the node that lacked it, although it stayed itself', async () => {
      const flow = chain(whole);
      await isIdle(
        flow.map((one) => (one.id === 'add' ? { ...one, whmcs: '' } : one)),
        { fill: 'red', shape: 'ring', text: 'settings' },
      );
      const before = world.node('source');
      await world.deploy(flow, 'nodes');
      assert.equal(world.node('source'), before, 'the deploy has left the source as it was');
      await subscribed();
    });

    it('subscribes to nothing while it is not wired, and takes no work once a deploy has unwired it', async () => {
      await isIdle(alone({ wires: [[]] }), { fill: 'red', shape: 'ring', text: 'not wired' });
      await world.deploy(alone(), 'nodes');
      await subscribed();
      await world.deploy(alone({ wires: [[]] }), 'nodes');
      await world.until('the stream is closed', () => streams() === 0);
      assert.deepEqual(status(), { fill: 'red', shape: 'ring', text: 'not wired' });
    });

    it('subscribes to nothing while it is switched off', async () => {
      world.set({ SF_EVENTS_ENABLED: 'false' });
      await isIdle(alone(), { fill: 'grey', shape: 'ring', text: 'switched off' });
    });

    it('says that the channel is taken by another node, and takes it when that is gone', async () => {
      const second = { ...node('source', { wires: [['last']] }), id: 'second' };
      await world.load([...alone(), second]);
      await subscribed();
      const loser = world.status('second')?.text === 'channel taken' ? 'second' : 'source';
      assert.deepEqual(world.status(loser), { fill: 'red', shape: 'ring', text: 'channel taken' });
      const said = /Another node of this store listens to \/event\/OrderProvisionRequested__e already; .* Remove one/;
      assert.match(world.lines('warn', loser).join(), said);
      assert.equal(streams(), 1);
      await world.deploy(
        loser === 'second' ? [...alone(), second].filter(({ id }) => id !== 'source') : alone(),
        'nodes',
      );
      await world.until('the other subscribes', () => streams() === 1 && world.status(loser)?.text !== 'channel taken');
    });

    it('takes the channel over from a node that a deploy has unwired and left in place', async () => {
      const second = (wires: string[][]) => ({ ...node('source', { wires }), id: 'second' });
      await world.load([...alone(), second([['last']])]);
      await subscribed();
      const loser = world.status('second')?.text === 'channel taken' ? 'second' : 'source';
      const next = loser === 'second' ? [...alone({ wires: [[]] }), second([['last']])] : [...alone(), second([[]])];
      await world.deploy(next, 'nodes');
      await world.until('the other subscribes', () => streams() === 1 && world.status(loser)?.text !== 'channel taken');
    });
  });

  describe('when Salesforce does not let it', () => {
    it('says so, and when it tries again, when the login is refused', async () => {
      world.salesforce.panel.switches({ userState: 'inactive' });
      await world.load(alone());
      await world.until('the login was refused', () => world.salesforce.panel.ledger('login').length === 1);
      await world.until('it says so', () => /^invalid_\w+, \d+ s$/.test(String(status()?.text)));
      assert.deepEqual([status()?.fill, status()?.shape], ['yellow', 'ring']);
      assert.equal(world.lines('error').length, 1, world.lines('error').join('\n'));
    });

    it('says how long it waits when the stream is refused for now, and subscribes after that', async () => {
      world.salesforce.panel.fault({ call: 'Subscribe', times: 2, do: { kind: 'grpc', code: 14, details: 'away' } });
      await world.load(alone());
      await world.until('it backs off', () =>
        world.watch.statuses.some(({ status: { text } }) => /, \d+ s$/.test(String(text))),
      );
      await world.until('it subscribes', () => (world.clock.advance(1_000), streams() === 1));
    });
  });

  describe('at a deploy', () => {
    for (const mode of ['full', 'flows', 'nodes'] as const) {
      it(`keeps to one stream and one message an event, deployed ${mode} five times with a change of its own`, async () => {
        await world.load(alone());
        await subscribed();
        for (let count = 1; count <= 5; count++) {
          await world.deploy(alone({ maxInWork: 10 + count }), mode);
          await subscribed();
        }
        world.approve();
        await world.until('it is handed out', () => taken().length > 0);
        for (let turns = 0; turns < 50; turns++) await turn();
        assert.equal(taken().length, 1);
        assert.equal(streams(), 1);
      });
    }

    it('keeps its stream when others change', async () => {
      const flow = chain(whole);
      await world.load(flow);
      await subscribed();
      await world.deploy(
        flow.map((one) => (one.id === 'client' ? { ...one, name: 'another' } : one)),
        'nodes',
      );
      await turn();
      assert.equal(world.salesforce.panel.ledger('subscribed').length, 1);
    });

    it('hands out again, after a full one, what was in work, and takes the older message for replaced', async () => {
      const flow = chain(['get']);
      const stopped = flow.map((one) => (one.id === 'source' ? { ...one, wires: [['last']] } : one));
      await world.load(stopped);
      await subscribed();
      world.approve();
      await world.until('it is handed out', () => taken().length === 1);
      await world.deploy(
        stopped.map((one) => (one.id === 'source' ? { ...one, name: 'again' } : one)),
        'full',
      );
      await world.until('it is handed out again', () => taken().length === 2);
      const [first, second] = taken();
      assert.deepEqual([first?.event.id, second?.event.handout], [second?.event.id, 2]);
      const { sent } = await world.pass('get', first as Message);
      assert.deepEqual(sent, []);
      assert.equal(world.status('get')?.text, 'replaced');
    });

    it('tells at each one what is wrong with the flow, and shows it', async () => {
      await world.load(alone().filter(({ id }) => id !== 'skipped'));
      await subscribed();
      await world.until('it shows it', () => status()?.text === 'check flow');
      assert.match(world.lines('warn', 'source').join(), /^check flow: Nothing ends the orders of "approved"/);
    });
  });

  describe('when it closes', () => {
    it('ends its stream, and leaves nothing', async () => {
      await world.load(alone());
      await subscribed();
      await helper.unload();
      await world.until('the stream is gone', () => streams() === 0);
    });

    it('ends its stream within 10 s when Salesforce has fallen silent', async () => {
      await world.load(alone());
      await subscribed();
      world.salesforce.people.act('silence', { newStreams: true });
      let closed = false;
      void helper.unload().then(() => (closed = true));
      await turn();
      world.clock.advance(10_000);
      await world.until('it is closed', () => closed, 5_000);
    });

    it('closes within 10 s when its store does not answer', async () => {
      await world.load(alone());
      await subscribed();
      const { leases } = (await world.provisioning()).store;
      leases.release = () => new Promise(() => undefined);
      let closed = false;
      void helper.unload().then(() => (closed = true));
      await world.until('the stream is gone', () => streams() === 0);
      world.clock.advance(10_000);
      await world.until('it is closed', () => closed, 5_000);
    });

    it('starts nothing when it is closed while it starts', async () => {
      await world.load(alone());
      await helper.unload();
      await world.letGo();
      for (let turns = 0; turns < 50; turns++) await turn();
      assert.equal(streams(), 0);
    });
  });

  describe('what it holds for all orders', () => {
    it('rests, with one alarm, while WHMCS refuses our credentials; new events wait', async () => {
      world.set({ WHMCS_API_ACCESS_KEY: undefined });
      await world.load(chain(whole));
      await subscribed();
      world.whmcs.panel.switches({ credentialRevoked: true });
      const first = world.approve();
      await world.until('it rests', () => status()?.text === 'WHMCS_CONFIG');
      const second = world.approve();
      await world.until('both are stored', async () => {
        const { waiting, parked } = await (await inbox()).counts(channel);
        return waiting + parked === 2;
      });
      assert.equal(world.lines('error').filter((text) => text.includes('WHMCS_CONFIG')).length, 1);
      const said = (id: string): unknown => world.salesforce.people.order(id)['Activation_Error_Code__c'] ?? null;
      await world.until(
        'the Order that met it says why it waits',
        () => (world.clock.advance(250), said(first) === 'WHMCS_CONFIG'),
      );
      assert.equal(said(second), null, 'this one has only waited');
      world.whmcs.panel.switches({ credentialRevoked: false });
      const shows = (id: string): unknown => world.salesforce.people.order(id)['Activation_Status__c'];
      await world.until(
        'both end well',
        () => (world.clock.advance(1_000), shows(first) === 'Activated' && shows(second) === 'Activated'),
      );
      assert.deepEqual([said(first), said(second)], [null, null]);
    });

    const shown = (id: string): unknown => world.salesforce.people.order(id)['Activation_Status__c'];
    const sent = (call: string): number => world.whmcs.panel.requests(call).length;
    const written = (id: string): unknown[] =>
      world.salesforce.panel
        .ledger('statusWritten')
        .filter(({ orderId }) => orderId === id)
        .map(({ status }) => status);

    it('rests, naming the address that WHMCS saw, once our network gives us another one; nothing is written then', async () => {
      world.set({ WHMCS_API_ACCESS_KEY: undefined });
      await world.load(chain(whole));
      await subscribed();
      world.whmcs.panel.switches({ allowedIps: ['198.51.100.7'], seenAs: ['198.51.100.7'] });
      const before = world.approve();
      await world.until('the first is live', () => (world.clock.advance(250), shown(before) === 'Activated'));
      world.whmcs.panel.switches({ seenAs: ['::1'] });
      const id = world.approve();
      await world.until('it rests', () => status()?.text === 'WHMCS_CONFIG');
      assert.ok(
        world.lines('error').some((line) => line.includes('Invalid IP ::1')),
        world.lines('error').join(),
      );
      assert.doesNotMatch(world.lines('error').join(), /password|Authentication/i);
      assert.deepEqual([sent('AddOrder'), sent('AcceptOrder')], [1, 1]);
      world.whmcs.panel.switches({ allowedIps: ['198.51.100.7', '::1'] });
      await world.until('it is live', () => (world.clock.advance(1_000), shown(id) === 'Activated'));
      assert.deepEqual([sent('AddOrder'), sent('AcceptOrder')], [2, 2]);
    });

    it('rests with one alarm once WHMCS answers nobody, says so on the Orders, and goes on by itself', async () => {
      await world.load(chain(whole));
      await subscribed();
      const down = world.whmcs.panel.fault({ call: '*', times: 0, do: { kind: 'html', page: 'maintenance' } });
      const ids = [1, 2, 3, 4, 5].map(() => world.approve());
      await world.until('it rests', () => (world.clock.advance(250), status()?.text === 'WHMCS_SILENT'));
      for (let turns = 0; turns < 240; turns++) {
        world.clock.advance(1_000);
        await turn();
      }
      const waiting = ids.filter((id) => shown(id) === 'Activating');
      assert.ok(waiting.length >= 3, ids.map(shown).join());
      const told = waiting.map((id) => world.salesforce.people.order(id)['Activation_Error_Code__c']);
      assert.ok(told.includes('WHMCS_SILENT'), told.join());
      const alarms = world.lines('error').filter((line) => line.includes('WHMCS_SILENT'));
      assert.equal(alarms.length, 1, alarms.join('\n'));
      assert.match(alarms[0] ?? '', /calls in a row without an answer: .*Maintenance.*WHMCS hosting support/);
      world.whmcs.panel.clearFaults(down);
      await world.until(
        'all are live',
        () => (world.clock.advance(1_000), waiting.every((id) => shown(id) === 'Activated')),
      );
      for (const id of waiting) assert.equal(world.salesforce.people.order(id)['Activation_Error_Code__c'], null);
      assert.deepEqual([sent('AddOrder'), sent('AcceptOrder')], [waiting.length, waiting.length]);
    });

    it('does not fail an order while WHMCS knows one of our two addresses only: it ends well, added once', async () => {
      world.set({ WHMCS_API_ACCESS_KEY: undefined });
      await world.load(chain(whole));
      await subscribed();
      world.whmcs.panel.switches({ allowedIps: ['198.51.100.7'], seenAs: ['198.51.100.7'] });
      const before = world.approve();
      await world.until('one is live', () => (world.clock.advance(250), shown(before) === 'Activated'));
      world.whmcs.panel.switches({ seenAs: ['198.51.100.7', '198.51.100.8'] });
      const id = world.approve();
      // Asking for the status would make time pass, and the text tells how long ago WHMCS let us in.
      await world.until('it rests', () => world.lines('error').length > 0);
      assert.match(
        world.lines('error').join(),
        /Invalid IP 198\.51\.100\.8.*; \d+ s before it let us in, so it may know one of our addresses only/,
      );
      for (let turns = 0; turns < 120; turns++) {
        world.clock.advance(1_000);
        await turn();
      }
      assert.ok(['Activating', 'Activated'].includes(String(shown(id))));
      world.whmcs.panel.switches({ seenAs: ['198.51.100.7'] });
      await world.until('it is live', () => (world.clock.advance(1_000), shown(id) === 'Activated'));
      assert.ok(!written(id).includes('Failed'), written(id).join());
      assert.deepEqual(
        world.whmcs.office.orders().map(({ status: is, accepts }) => [is, accepts]),
        [
          ['Active', 1],
          ['Active', 1],
        ],
      );
    });

    it('leaves the order Pending while our role lacks AcceptOrder, and goes on from it: added once, accepted once', async () => {
      await world.load(chain(whole));
      await subscribed();
      world.whmcs.panel.switches({ deniedActions: ['AcceptOrder'] });
      const id = world.approve();
      await world.until('it rests', () => status()?.text === 'WHMCS_CONFIG');
      assert.ok(world.lines('error').some((line) => /acceptorder.* is not allowed/i.test(line)));
      assert.deepEqual(
        world.whmcs.office.orders().map((order) => order.status),
        ['Pending'],
      );
      assert.equal(shown(id), 'Activating');
      const order = (): Record<string, unknown> => world.salesforce.people.order(id);
      await world.until('the Order says why', () => order()['Activation_Error_Code__c'] === 'WHMCS_CONFIG');
      assert.match(String(order()['Activation_Error_Message__c']), /acceptorder/i);
      world.whmcs.panel.switches({ deniedActions: [] });
      await world.until('it is live', () => (world.clock.advance(1_000), shown(id) === 'Activated'));
      assert.equal(sent('AddOrder'), 1);
      assert.deepEqual(
        world.whmcs.office.orders().map(({ status: is, accepts }) => [is, accepts]),
        [['Active', 1]],
      );
    });

    it('raises an alarm alone, where it is set so, for a failure that no Catch leads to Failed', async () => {
      await world.load(chain(whole, { uncaught: 'alarm' }).filter(({ id }) => id !== 'catch'));
      await subscribed();
      const id = world.approve('Cashless Ltd');
      await world.until('the alarm is raised', () => world.lines('error', 'client').length > 0);
      await turn();
      assert.equal(world.salesforce.people.order(id)['Activation_Status__c'], 'Activating');
      assert.equal((await (await inbox()).get(taken()[0]?.event.id ?? ''))?.end, null);
    });

    it('tells FLOW_TIMEOUT, naming the last node, when the message stops on its way', async () => {
      await world.load(chain(['get'], { silence: 30 }));
      await subscribed();
      const id = world.approve();
      await world.until('the step has sent it on', () => world.watch.sent.some(({ from }) => from === 'get'));
      world.clock.advance(31_000);
      await world.until('Salesforce shows it', () => {
        world.clock.advance(1_000);
        return world.salesforce.people.order(id)['Activation_Error_Code__c'] === 'FLOW_TIMEOUT';
      });
      assert.match(String(world.salesforce.people.order(id)['Activation_Error_Message__c']), /after "get order"/);
    });

    it('tells results where the org has other names for what only get order reads', async () => {
      world.salesforce.panel.switches({ hiddenFields: ['Account.WH_Account__c', 'Product2.Billing_Cycle__c'] });
      const flow = chain(['get', 'client', 'mapping']).map((one) =>
        one.id === 'get'
          ? { ...one, accountField: 'Description' }
          : one.id === 'mapping'
            ? { ...one, billingCycleField: 'Description' }
            : one,
      );
      await world.load(flow);
      await subscribed();
      const id = world.approve();
      await world.until('Salesforce shows it', () => {
        world.clock.advance(100);
        return world.salesforce.people.order(id)['Activation_Error_Code__c'] === 'CLIENT_NOT_MAPPED';
      });
    });

    it('stops the hand-out while it is paused', async () => {
      await world.load(alone());
      await subscribed();
      const [intake] = intakesOf(await world.provisioning());
      intake?.pause();
      world.approve();
      await world.until('it is stored', async () => (await (await inbox()).counts(channel)).waiting === 1);
      assert.deepEqual(status(), { fill: 'grey', shape: 'dot', text: 'paused' });
      assert.equal(taken().length, 0);
      intake?.resume();
      await world.until('it is handed out', () => taken().length === 1);
    });
  });
});
