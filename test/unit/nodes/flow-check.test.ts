import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { checkFlow, type FlowNode } from '../../../nodes/shared/flow-check';

const reference = (): FlowNode[] => JSON.parse(readFileSync('flows/order-provisioning.json', 'utf8')) as FlowNode[];

/** A small flow: source → get order → (go) activated, (skip) done, with one Catch to Failed. Overrides replace or add. */
function flow(...changes: FlowNode[]): FlowNode[] {
  const base: FlowNode[] = [
    { id: 'tab', type: 'tab' },
    { id: 'source', type: 'sf-platform-event-in', z: 'tab', wires: [['get']], salesforce: 'org' },
    {
      id: 'get',
      type: 'sf-get-order',
      z: 'tab',
      name: 'get order',
      wires: [['activated'], ['done']],
      salesforce: 'org',
    },
    { id: 'activated', type: 'sf-update-order', z: 'tab', status: 'Activated', wires: [[]] },
    { id: 'done', type: 'sf-event-done', z: 'tab', wires: [] },
    { id: 'catch', type: 'catch', z: 'tab', scope: null, wires: [['failed']] },
    { id: 'failed', type: 'sf-update-order', z: 'tab', name: 'Failed', status: 'Failed', wires: [[]] },
    { id: 'org', type: 'sf-connection' },
  ];
  const changed = new Map(changes.map((node) => [node.id, node]));
  return [...base.filter((node) => !changed.has(node.id)), ...changes];
}

const kinds = (nodes: FlowNode[]): string[] =>
  checkFlow(nodes).findings.map((finding) => `${finding.kind} ${finding.nodeId}`);
const get = (change: Partial<FlowNode>): FlowNode => ({
  id: 'get',
  type: 'sf-get-order',
  z: 'tab',
  name: 'get order',
  wires: [['activated'], ['done']],
  ...change,
});

describe('the flow check', () => {
  it('finds nothing in the reference flow, and sees every node of it that errors are caught', () => {
    const check = checkFlow(reference());
    assert.deepEqual(check.findings, []);
    for (const node of reference()) {
      if (/^(sf|whmcs|mapping)-/.test(node.type) && node.wires)
        assert.equal(check.failureEnds(node.id), true, node.type);
    }
  });

  it('finds nothing in a small whole flow', () => assert.deepEqual(kinds(flow()), []));

  it('says that a source is not wired', () => {
    assert.deepEqual(kinds(flow({ id: 'source', type: 'sf-platform-event-in', z: 'tab', wires: [[]] })), [
      'sourceNotWired source',
    ]);
  });

  it('says that nothing ends the orders of a flow that leads to a debug only', () => {
    const debug: FlowNode = { id: 'debug', type: 'debug', z: 'tab', wires: [] };
    assert.deepEqual(kinds(flow(get({ wires: [['debug'], ['debug']] }), debug)), ['nothingEnds source']);
  });

  it('names an output that is not wired', () => {
    const [finding] = checkFlow(flow(get({ wires: [['activated'], []] }))).findings;
    assert.equal(finding?.kind, 'notWired');
    assert.match(finding?.text ?? '', /Output "skip" of "get order"/);
  });

  it('names an output that leads to no end', () => {
    const debug: FlowNode = { id: 'debug', type: 'debug', z: 'tab', wires: [] };
    assert.deepEqual(kinds(flow(get({ wires: [['activated'], ['debug']] }), debug)), ['leadsNowhere get']);
  });

  it('says that errors are not caught without a Catch, and in a Catch that names other nodes', () => {
    const off: FlowNode = { id: 'catch', type: 'catch', z: 'tab', d: true, scope: null, wires: [['failed']] };
    assert.deepEqual(kinds(flow(off)), ['notCaught get', 'notCaught activated']);
    const narrow: FlowNode = { id: 'catch', type: 'catch', z: 'tab', scope: ['get'], wires: [['failed']] };
    assert.deepEqual(kinds(flow(narrow)), ['notCaught activated']);
  });

  it('does not take a Catch for one that ends the order when it leads to a debug, or on another tab', () => {
    const debug: FlowNode = { id: 'debug', type: 'debug', z: 'tab', wires: [] };
    assert.equal(
      checkFlow(flow({ id: 'catch', type: 'catch', z: 'tab', scope: null, wires: [['debug']] }, debug)).failureEnds(
        'get',
      ),
      false,
    );
    assert.equal(
      checkFlow(flow({ id: 'catch', type: 'catch', z: 'other', scope: null, wires: [['failed']] })).failureEnds('get'),
      false,
    );
  });

  it('knows a Catch for a group, also of a group inside it', () => {
    const inner: FlowNode = { id: 'inner', type: 'group', z: 'tab', g: 'outer' };
    const outer: FlowNode = { id: 'outer', type: 'group', z: 'tab' };
    const grouped: FlowNode = { id: 'catch', type: 'catch', z: 'tab', g: 'outer', scope: 'group', wires: [['failed']] };
    const check = checkFlow(flow(grouped, inner, outer, get({ g: 'inner' })));
    assert.equal(check.failureEnds('get'), true);
    assert.equal(check.failureEnds('activated'), false);
  });

  it('warns of a switch without "otherwise" and of one whose output leads nowhere', () => {
    const open: FlowNode = {
      id: 'sw',
      type: 'switch',
      z: 'tab',
      name: 'big?',
      rules: [{ t: 'gt' }, { t: 'else' }],
      wires: [['activated'], []],
    };
    assert.deepEqual(kinds(flow(get({ wires: [['sw'], ['done']] }), open)), ['mayDrop sw']);
    const noElse: FlowNode = { ...open, rules: [{ t: 'gt' }], wires: [['activated']] };
    assert.match(checkFlow(flow(get({ wires: [['sw'], ['done']] }), noElse)).findings[0]?.text ?? '', /no "otherwise"/);
  });

  it('warns of a split that is not joined, and of a delay that drops', () => {
    const split: FlowNode = { id: 'split', type: 'split', z: 'tab', wires: [['activated']] };
    assert.deepEqual(kinds(flow(get({ wires: [['split'], ['done']] }), split)), ['mayDrop split']);
    const join: FlowNode = { id: 'join', type: 'join', z: 'tab', wires: [['activated']] };
    assert.deepEqual(kinds(flow(get({ wires: [['split'], ['done']] }), { ...split, wires: [['join']] }, join)), []);
    const delay: FlowNode = { id: 'delay', type: 'delay', z: 'tab', drop: true, wires: [['activated']] };
    assert.deepEqual(kinds(flow(get({ wires: [['delay'], ['done']] }), delay)), ['mayDrop delay']);
  });

  it('follows link out to link in, and a link call there and back', () => {
    const out: FlowNode = { id: 'out', type: 'link out', z: 'tab', mode: 'link', links: ['in'], wires: [] };
    const into: FlowNode = { id: 'in', type: 'link in', z: 'tab', links: ['out'], wires: [['activated']] };
    assert.deepEqual(kinds(flow(get({ wires: [['out'], ['done']] }), out, into)), []);
    const call: FlowNode = { id: 'call', type: 'link call', z: 'tab', links: ['in'], wires: [['activated']] };
    const back: FlowNode = { id: 'back', type: 'link out', z: 'tab', mode: 'return', links: [], wires: [] };
    assert.deepEqual(kinds(flow(get({ wires: [['call'], ['done']] }), call, { ...into, wires: [['back']] }, back)), []);
  });

  it('goes into a subflow and out of it, and takes the Catch of the tab for the errors inside', () => {
    const template: FlowNode = {
      id: 'sub',
      type: 'subflow',
      in: [{ wires: [{ id: 'inside' }] }],
      out: [{ wires: [{ id: 'inside', port: 0 }] }],
    };
    const inside: FlowNode = { id: 'inside', type: 'whmcs-client-check', z: 'sub', wires: [[]] };
    const instance: FlowNode = { id: 'instance', type: 'subflow:sub', z: 'tab', wires: [['activated']] };
    const nodes = flow(get({ wires: [['instance'], ['done']] }), template, inside, instance);
    assert.deepEqual(kinds(nodes), []);
    assert.equal(checkFlow(nodes).failureEnds('inside'), true);
    assert.deepEqual(
      kinds(flow(get({ wires: [['instance'], ['done']] }), { ...template, out: [{ wires: [] }] }, inside, instance)),
      ['leadsNowhere get', 'notWired inside'],
    );
  });

  it('leaves out what is switched off', () => {
    assert.deepEqual(
      kinds(flow({ id: 'activated', type: 'sf-update-order', z: 'tab', d: true, status: 'Activated', wires: [[]] })),
      ['notWired get'],
    );
    assert.deepEqual(kinds(flow({ id: 'tab', type: 'tab', disabled: true })), []);
  });

  it('tells what a source reaches, with the config nodes', () => {
    assert.deepEqual([...checkFlow(flow()).reach('source')].sort(), ['activated', 'done', 'get', 'org', 'source']);
  });
});
