import assert from 'node:assert/strict';
import type { Health } from '../../lib/provisioning/health';
import type { Message } from '../../lib/provisioning/message';
import { intakesOf } from '../../nodes/shared/registry';
import { catching, flowOf, node, sink, type FlowNode } from './flow';
import { login } from './vendors';
import { useWorld } from './world';

interface Answer {
  status: number;
  body: Health;
  headers: Record<string, string>;
  out: Message;
}

describe('provisioning-health', () => {
  const world = useWorld();

  const flow = (): FlowNode[] => [
    ...flowOf(node('source', { wires: [['last']], sweep: false }), node('health'), node('skipped'), ...catching(false)),
    { id: 'last', type: 'helper', z: 'tab', x: 1, y: 1, wires: [['skipped']] },
  ];
  const start = async (): Promise<void> => {
    await world.load(flow());
    const phase = async () => intakesOf(await world.provisioning())[0]?.state.subscriber?.phase;
    await world.until('the stream is open', async () => (await phase()) === 'connected');
  };
  const probe = async (more: object = {}): Promise<Answer> => {
    const { sent, error } = await world.pass('health', { custom: { kept: [1] }, ...more } as unknown as Message);
    assert.equal(error, null);
    const out = sent[0]?.message as Message;
    world.answers.push(JSON.stringify(out.payload));
    return {
      status: out['statusCode'] as number,
      body: out.payload as Health,
      headers: out['headers'] as Record<string, string>,
      out,
    };
  };
  /** Later than an answer is kept. */
  const probeAnew = async (): Promise<Answer> => (world.clock.advance(2_000), probe());

  it('answers 200, not to be stored, while all is well', async () => {
    await start();
    const { status, body, headers, out } = await probe({ headers: { 'X-Mine': '1' } });
    assert.deepEqual([status, body.status, body.problems], [200, 'ok', []]);
    assert.deepEqual(headers, { 'X-Mine': '1', 'Cache-Control': 'no-store' });
    assert.deepEqual(
      [body.environment, body.database, body.integrations.salesforce.stream],
      ['production', 'ok', 'connected'],
    );
    assert.deepEqual(out['custom'], { kept: [1] });
    assert.deepEqual(world.status('health'), { fill: 'green', shape: 'dot', text: 'ok' });
  });

  it('names no host, no user, no path and no secret, whatever is wrong', async () => {
    await start();
    world.whmcs.panel.switches({ credentialRevoked: true });
    world.salesforce.people.act('resetConnections');
    world.salesforce.panel.fault({
      call: 'Subscribe',
      times: 0,
      do: { kind: 'grpc', code: 14, details: `lost ${world.salesforce.pubsub}` },
    });
    await world.until(
      'the stream is down',
      async () => (await probeAnew()).body.integrations.salesforce.stream === 'backingOff',
    );
    const text = world.answers.join('\n');
    for (const word of [
      '127.0.0.1',
      'localhost',
      login.username,
      world.directory,
      String(process.env['HOSTNAME'] ?? '/tmp'),
    ])
      assert.equal(text.includes(word), false, word);
  });

  it('says which environment it is', async () => {
    world.set({ NODE_ENV: 'staging' });
    await start();
    assert.equal((await probe()).body.environment, 'staging');
  });

  it('answers 503 while no source has started, and while a setting is missing', async () => {
    await world.load(flowOf(node('health')));
    await world.provisioning();
    const { status, body } = await probe();
    assert.deepEqual([status, body.status, body.problems], [503, 'down', ['no platform event node has started']]);
    assert.deepEqual(world.status('health'), { fill: 'red', shape: 'dot', text: 'down' });
  });

  it('answers 503 while no store is chosen', async () => {
    await world.load(flowOf(node('health', { store: '' })));
    const { status, body } = await probe();
    assert.deepEqual([status, body], [503, { status: 'down', problems: ['no store is set up'] }]);
  });

  it('answers 503 while the store cannot be used, without its path', async () => {
    await world.load(flowOf(node('store', { directory: `${world.directory}/key.pem/no-folder` }), node('health')));
    await world.until('it was tried', () => world.lines('error', 'store').length > 0);
    const { status, body } = await probe();
    assert.deepEqual([status, body.status, body.problems.length], [503, 'down', 1]);
    assert.match(body.problems[0] ?? '', /^the store cannot be used: /);
    assert.equal(JSON.stringify(body).includes(world.directory), false);
  });

  it('answers 503 while Salesforce refuses the login', async () => {
    world.salesforce.panel.switches({ userState: 'inactive' });
    await world.load(flow());
    await world.until('the login was refused', () => world.salesforce.panel.ledger('login').length === 1);
    await world.until('it says so', async () => (await probeAnew()).status === 503);
    assert.match((await probeAnew()).body.problems.join(), /^Salesforce login: /);
  });

  it('answers 200 and degraded while the hand-out is paused', async () => {
    await start();
    intakesOf(await world.provisioning())[0]?.pause();
    const { status, body } = await probeAnew();
    assert.deepEqual([status, body.status, body.problems], [200, 'degraded', ['paused by hand']]);
    assert.deepEqual(world.status('health'), { fill: 'yellow', shape: 'dot', text: 'degraded' });
  });

  it('counts what waits and what is in work', async () => {
    await start();
    world.approve();
    await world.until('it is handed out', () => world.watch.sent.some(({ from }) => from === 'source'));
    const { body } = await probeAnew();
    assert.deepEqual([body.queue.inWork, body.queue.waiting, body.queue.failed], [1, 0, 0]);
  });

  it('makes one answer do for all probes of two seconds, and calls no vendor', async () => {
    await start();
    const calls = (): number => world.salesforce.panel.requests().length + world.whmcs.panel.requests().length;
    const before = calls();
    const first = await probe();
    intakesOf(await world.provisioning())[0]?.pause();
    assert.deepEqual((await probe()).body, first.body);
    assert.equal((await probeAnew()).body.status, 'degraded');
    assert.equal(calls(), before);
  });

  it('answers ?live as long as Node-RED runs, whatever else is down', async () => {
    await world.load(flowOf(node('health', { store: '' })));
    for (const live of ['', '1', 'yes']) {
      const { status, body, headers } = await probe({ req: { query: { live } } });
      assert.deepEqual([status, body], [200, { status: 'ok' }]);
      assert.equal(headers['Cache-Control'], 'no-store');
    }
    assert.equal((await probe({ req: { query: { alive: '1' } } })).status, 503);
  });

  it('serves several probes at once', async () => {
    await start();
    const all = await Promise.all(Array.from({ length: 5 }, () => probe()));
    assert.deepEqual(
      all.map(({ status }) => status),
      [200, 200, 200, 200, 200],
    );
    assert.ok(world.watch.sent.every(({ from, to }) => from !== 'health' || to === sink));
  });

  it('is SETTING_INVALID with an environment that is a variable in a longer text', async () => {
    await world.load(flowOf(node('health', { environment: 'my ${NODE_ENV}' })));
    assert.deepEqual(world.status('health'), { fill: 'red', shape: 'ring', text: 'environment' });
  });
});
