/**
 * Deploys of every type, flows stopped and started, and processes that end in order, while an order stands at each place of
 * the flow: afterwards each has one WHMCS order, accepted once, and is Activated; nothing is stuck, nothing was an error, and
 * there never was a second stream.
 *
 * One process takes all deploys of a table, each with an order at every place, so the table is type × what was changed.
 * Where an order stands, what was changed is the running step to one order, and upstream or downstream to the others.
 * Pairwise: what is changed is deployed as *Modified nodes* on one line of Node-RED and as *Modified flows* on the other;
 * Full, Reload, and flows stopped and started, on both.
 */
import assert from 'node:assert/strict';
import { referenceFlow, type FlowNode } from '../../scripts/demo/node-red';
import { scenario } from './side-by-side';
import { bothLines, changed, nodeOf, pause, type Line, type World } from './world';

/** What a deploy changes: a node, by its type and name, or something else. */
type Change =
  | readonly [type: string, name?: string]
  | 'nothing'
  | 'a wire that no order takes'
  | 'where a node stands'
  | 'another tab';

interface Row {
  deploy: 'full' | 'flows' | 'nodes' | 'reload' | 'stop and start';
  change: Change;
  /** The stream must not be touched. */
  streamStays?: boolean;
  /** WHMCS answers what it holds only when the deploy has ended: nodes are closed for ten seconds at most. */
  outlasted?: true;
}

const wholes: Row[] = [
  { deploy: 'full', change: 'nothing' },
  { deploy: 'full', change: ['whmcs-add-order'] },
  { deploy: 'full', change: ['provisioning-store'] },
  { deploy: 'reload', change: 'nothing' },
  { deploy: 'stop and start', change: 'nothing' },
  { deploy: 'full', change: 'nothing', outlasted: true },
  { deploy: 'nodes', change: ['whmcs-add-order'], outlasted: true },
];

/**
 * `streamStays`: deployed by which type the source and what it uses are left as they are. As *Modified flows* all that is
 * wired together, however far, is made anew.
 */
const parts: { change: Change; streamStays: readonly ('flows' | 'nodes')[] }[] = [
  { change: ['sf-platform-event-in'], streamStays: [] },
  { change: ['sf-get-order'], streamStays: ['nodes'] },
  { change: ['whmcs-client-check'], streamStays: ['nodes'] },
  { change: ['mapping-check'], streamStays: ['nodes'] },
  { change: ['whmcs-add-order'], streamStays: ['nodes'] },
  { change: ['whmcs-accept-order'], streamStays: ['nodes'] },
  { change: ['sf-update-order', 'Activated'], streamStays: ['nodes'] },
  { change: ['catch'], streamStays: ['nodes'] },
  { change: ['sf-connection'], streamStays: [] },
  { change: ['whmcs-connection'], streamStays: ['nodes'] },
  { change: ['provisioning-store'], streamStays: [] },
  { change: ['function', 'rests a second'], streamStays: ['nodes'] },
  { change: 'a wire that no order takes', streamStays: ['nodes'] },
  { change: 'where a node stands', streamStays: ['flows', 'nodes'] },
  { change: 'another tab', streamStays: ['flows', 'nodes'] },
  { change: 'nothing', streamStays: ['flows', 'nodes'] },
];

/** On the first line each second change as Modified nodes, the others as Modified flows; on the second line the other way round. */
const rowsOf = (first: boolean): Row[] => [
  ...wholes,
  ...parts.map(({ change, streamStays }, at): Row => {
    const deploy = (at % 2 === 0) === first ? 'nodes' : 'flows';
    return { deploy, change, streamStays: streamStays.includes(deploy) };
  }),
];

const seat = (quantity = 1) => [{ code: 'SEAT-M', quantity }];
/** Orders of so many seats rest a second in a core node, between mapping and add order. */
const resting = 7;

/** The reference flow with room for many orders, a core node that a message rests in, and another tab. */
function flowsUnderTest(): FlowNode[] {
  const flows = referenceFlow();
  const mapping = nodeOf(flows, 'mapping-check');
  const [mapped = [], incomplete = []] = mapping['wires'] as string[][];
  const rest = {
    id: 'rests',
    type: 'function',
    z: mapping['z'],
    name: 'rests a second',
    func: `if (msg.order.items[0].quantity !== ${resting}) return msg;\nsetTimeout(() => node.send(msg), 1000);`,
    outputs: 1,
    timeout: 0,
    noerr: 0,
    initialize: '',
    finalize: '',
    libs: [],
    x: 700,
    y: 500,
    wires: [mapped],
  };
  const roomy = changed(
    changed(flows, nodeOf(flows, 'sf-platform-event-in').id, { maxInWork: 30 }),
    nodeOf(flows, 'whmcs-connection').id,
    { maxParallel: 10 },
  );
  return [
    ...changed(roomy, mapping.id, { wires: [['rests'], incomplete] }),
    rest,
    { id: 'elsewhere', type: 'tab', label: 'Elsewhere', disabled: false, info: '' },
    { id: 'comment', type: 'comment', z: 'elsewhere', name: '0', info: '', x: 100, y: 100, wires: [] },
  ];
}

/** The flows with one thing changed; `count` makes each change another. */
function withChange(flows: readonly FlowNode[], change: Change, count: number): FlowNode[] {
  switch (change) {
    case 'nothing':
      return [...flows];
    case 'where a node stands':
      return changed(flows, nodeOf(flows, 'whmcs-add-order').id, { x: 700 + count });
    case 'a wire that no order takes': {
      const failed = nodeOf(flows, 'sf-update-order', 'Failed');
      const [wires = []] = failed['wires'] as string[][];
      return changed(flows, failed.id, { wires: [wires.length > 0 ? [] : [nodeOf(flows, 'debug', 'failed').id]] });
    }
    case 'another tab':
      return changed(flows, 'comment', { name: String(count) });
    default: {
      // The name of a node of ours is a property like any other: changed, the node is made anew.
      const [type, name] = change;
      const node = name === undefined ? nodeOf(flows, type) : nodeOf(flows, type, name);
      return changed(flows, node.id, { info: `changed ${count}` });
    }
  }
}

const heldMs = 3_600_000;

/** An order at each place of the flow; `letGo` lets WHMCS answer all that it holds. */
async function lineUp(world: World): Promise<{ ids: string[]; restingId: string; letGo: () => void }> {
  const { salesforce, whmcs } = world;
  const ids: string[] = [];
  const approve = (account: string, quantity?: number): string => {
    const id = world.approve(account, seat(quantity));
    ids.push(id);
    return id;
  };
  /** Holds a call of WHMCS until all are let go. */
  const hold = (call: string, where?: Record<string, string>): string =>
    whmcs.panel.fault({ call, ...(where ? { where } : {}), do: { kind: 'delay', ms: heldMs } });
  const struck = (panel: typeof salesforce.panel | typeof whmcs.panel, fault: string): boolean =>
    panel.faults().some(({ id, hits }) => id === fault && hits > 0);
  const heldAll = (what: string, faults: string[]): Promise<void> =>
    world.until(`held: ${what}`, () => faults.every((fault) => struck(whmcs.panel, fault)));

  const accepting = hold('AcceptOrder');
  approve(world.customer().account);
  const checked = world.customer();
  const checking = hold('GetClientsDetails', { clientid: String(checked.clientId) });
  approve(checked.account);
  const added = world.customer();
  const adding = hold('AddOrder', { clientid: String(added.clientId) });
  approve(added.account);
  await heldAll('client check, AddOrder, AcceptOrder', [checking, adding, accepting]);
  // The client's other order waits its turn, parked.
  const waiting = approve(added.account);
  await world.until('one waits, parked', () =>
    world.storedEvents().some(({ order_id, state }) => order_id === waiting && state === 'parked'),
  );
  const restingId = approve(world.customer().account, resting);
  const slow = { kind: 'delay', ms: 1_000 };
  const telling = salesforce.panel.fault({ call: 'patch', where: { Activation_Status__c: 'Activated' }, do: slow });
  approve(world.customer().account);
  await world.until('Activated is being written', () => struck(salesforce.panel, telling));
  const getting = salesforce.panel.fault({ call: 'query', do: slow });
  approve(world.customer().account);
  await world.until('an Order is being read', () => struck(salesforce.panel, getting));
  // One has only just come in.
  approve(world.customer().account);
  return { ids, restingId, letGo: () => whmcs.panel.advance(heldMs) };
}

/** Less than the half minute of silence after which what a deploy has lost goes out again: of our own nodes none is lost. */
const soon = 20;

async function allActivatedOnce(world: World, ids: readonly string[], what: string, seconds = soon): Promise<void> {
  for (const id of ids) {
    assert.equal(await world.ended(id, seconds), 'Activated', what);
    world.assertActivatedOnce(id);
    assert.deepEqual(world.statusesOf(id), ['Not Started', 'Activating', 'Activated'], what);
  }
}

/** By the vendors' books, over all that was done. */
function assertBooks(world: World, ids: readonly string[]): void {
  for (const call of ['AddOrder', 'AcceptOrder'])
    assert.equal(world.whmcs.panel.requests(call).length, ids.length, `${call} for ${ids.length} orders`);
  for (const line of ['orderCreated', 'orderAccepted'])
    assert.equal(world.whmcs.panel.ledger(line).length, ids.length, line);
  assert.deepEqual(
    world.output.filter((line) => /\[error\]|unhandled|uncaught/i.test(line)),
    [],
  );
}

const streams = (world: World, what: string): number => Number(world.salesforce.people.counts()[what]);

async function deployAll(world: World, line: Line, rows: readonly Row[]): Promise<void> {
  await world.start(flowsUnderTest(), { line, settings: { runtimeState: { enabled: true, ui: false } } });
  const all: string[] = [];
  const restingIds: string[] = [];
  for (const [count, row] of rows.entries()) {
    const what = `${row.deploy}, changed: ${String(row.change)}${row.outlasted ? ', outlasted by calls' : ''}`;
    const { ids, restingId, letGo } = await lineUp(world);
    all.push(...ids);
    restingIds.push(restingId);
    const opened = streams(world, 'openedStreams');
    const next = withChange(await world.flows(), row.change, count + 1);
    const deployed = row.deploy === 'stop and start' ? world.stopAndStartFlows() : world.deploy(next, row.deploy);
    // Nodes are being closed by then.
    await (row.outlasted ? deployed : pause(100));
    letGo();
    await deployed;
    // What was lost in the core node goes out again after half a minute: they are looked for at the end.
    const others = ids.filter((id) => id !== restingId);
    await allActivatedOnce(world, others, what);
    await world.until(`one stream after ${what}`, () => world.openStreams() === 1);
    if (row.streamStays) assert.equal(streams(world, 'openedStreams'), opened, `${what}: the stream was touched`);
  }
  await allActivatedOnce(world, restingIds, 'lost in the core node', 60);
  await world.rest();
  assertBooks(world, all);
  assert.equal(streams(world, 'peakStreams'), 1);
  assert.ok(world.isUp);
}

async function endAndGoOn(world: World, line: Line, signals: readonly NodeJS.Signals[]): Promise<void> {
  await world.start(flowsUnderTest(), { line });
  const all: string[] = [];
  for (const signal of signals) {
    const { ids, letGo } = await lineUp(world);
    all.push(...ids);
    const stopped = world.stop(signal);
    await pause(100);
    letGo();
    assert.equal(await stopped, 0, signal);
    assert.equal(world.openStreams(), 0, signal);
    await world.startAgain({ line });
    await allActivatedOnce(world, ids, signal, 60);
    await world.rest();
  }
  assertBooks(world, all);
  assert.equal(streams(world, 'peakStreams'), 1);
}

describe('with an order at each place of the flow', () => {
  for (const [line, name] of bothLines) {
    scenario(
      `every type of deploy leaves one WHMCS order each, all Activated, and one stream, on the ${name}`,
      (world) => deployAll(world, line, rowsOf(line === 'node-red')),
      { long: true },
    );
    scenario(`SIGTERM and SIGINT end in order, and the next start goes on, on the ${name}`, (world) =>
      endAndGoOn(world, line, ['SIGTERM', 'SIGINT']),
    );
  }
});
