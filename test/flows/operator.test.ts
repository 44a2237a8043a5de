import assert from 'node:assert/strict';
import { referenceFlow } from '../../scripts/demo/node-red';
import { scenario } from './side-by-side';
import { bothLines, changed, nodeOf, pause, type Line, type World } from './world';

const seat = [{ code: 'SEAT-M', quantity: 1 }];

/** The reference flow whose answers of the control node are in the log. */
const withAnswers = () => {
  const flows = referenceFlow();
  return changed(flows, nodeOf(flows, 'debug', 'what was done').id, { console: true });
};

/** Three clicks, faster than anything can happen between them. */
const clickThrice = (world: World, id: string): Promise<unknown> => Promise.all([1, 2, 3].map(() => world.retry(id)));

/** What the control node has answered since. */
const answers = (world: World, from: number): string[] =>
  world.output.slice(from).flatMap((line) => /text: ["'](.*)["']/.exec(line)?.[1] ?? []);

/** Nothing of the order is waiting or in work any more. */
const atRest = (world: World, id: string): Promise<void> =>
  world.until('all its events have ended', () =>
    world.storedEvents().every((event) => event.order_id !== id || ['finished', 'failed'].includes(event.state)),
  );

const published = (world: World, id: string): number =>
  world.salesforce.panel.ledger('published').filter((entry) => entry['orderId'] === id).length;

const received = (world: World, id: string): number =>
  world.storedEvents().filter((event) => event.order_id === id).length;

async function operate(world: World, line: Line): Promise<void> {
  await world.start(withAnswers(), { line });

  const { account, clientId } = world.customer();
  world.whmcs.office.putClient({ id: clientId, payMethods: [] });
  const id = world.approve(account, seat);
  assert.equal(await world.ended(id), 'Failed');
  world.whmcs.office.putClient({
    id: clientId,
    payMethods: [{ id: 1, type: 'BankAccount', description: 'Bank' }],
  });
  let from = world.output.length;
  await clickThrice(world, id);
  await world.until('it is activated', () => world.status(id) === 'Activated');
  await world.until('all clicks are answered', () => answers(world, from).length === 3);
  await atRest(world, id);
  world.assertActivatedOnce(id);
  assert.equal(world.ordersOf(clientId).length, 1);
  const handedOut = answers(world, from).filter((text) => text.startsWith('Handed out'));
  assert.equal(handedOut.length, 1, answers(world, from).join(' | '));
  assert.deepEqual(world.statusesOf(id), ['Not Started', 'Activating', 'Failed', 'Activating', 'Activated']);

  from = world.output.length;
  await clickThrice(world, id);
  await world.until('all clicks are answered', () => answers(world, from).length === 3);
  for (const text of answers(world, from)) assert.match(text, /^(The Order is Activated already|Already in progress)/);

  // Events of an order that is done: the same once more, the same as a new one, and another.
  world.salesforce.people.act('duplicateLast', {});
  world.salesforce.people.act('duplicateLast', { renumber: true });
  world.salesforce.people.publish({ fields: { OrderId__c: id } });
  await pause(1_000);
  await atRest(world, id);
  world.assertActivatedOnce(id);
  assert.equal(world.statusesOf(id).filter((status) => status === 'Activated').length, 1);

  // In work: WHMCS is slow.
  const slow = world.customer();
  world.whmcs.panel.fault({
    call: 'AddOrder',
    where: { clientid: String(slow.clientId) },
    do: { kind: 'delay', ms: 2_000 },
  });
  const inWork = world.approve(slow.account, seat);
  await world.until('AddOrder is under way', () => world.whmcs.panel.faults().some(({ hits }) => hits > 0));
  from = world.output.length;
  await clickThrice(world, inWork);
  await world.until('all clicks are answered', () => answers(world, from).length === 3);
  for (const text of answers(world, from)) assert.match(text, /^Already in progress/);
  assert.equal(await world.ended(inWork), 'Activated');
  world.assertActivatedOnce(inWork);

  // Two events at once.
  const twice = world.draft(world.customer().account, seat);
  world.salesforce.people.approve(twice);
  world.salesforce.people.publish({ fields: { OrderId__c: twice }, times: 2 });
  assert.equal(await world.ended(twice), 'Activated');
  await world.until('all events have come', () => received(world, twice) === published(world, twice));
  await atRest(world, twice);
  world.assertActivatedOnce(twice);
  assert.deepEqual(world.statusesOf(twice), ['Not Started', 'Activating', 'Activated']);

  const orders = [id, inWork, twice];
  assert.equal(world.whmcs.panel.ledger('orderCreated').length, orders.length);
  assert.equal(world.whmcs.panel.requests('AddOrder').length, orders.length);
  assert.equal(world.whmcs.panel.requests('AcceptOrder').length, orders.length);
  assert.deepEqual(world.errors(), []);
}

describe('an operator who clicks Retry three times, and events that come twice', () => {
  for (const [line, name] of bothLines)
    scenario(`lead to one WHMCS order, on the ${name}`, (world) => operate(world, line));
});
