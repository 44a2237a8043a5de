import assert from 'node:assert/strict';
import { referenceFlow } from '../../scripts/demo/node-red';
import { toId18 } from '../../lib/salesforce/ids';
import { scenario } from './side-by-side';
import { changed, nodeOf, type StoredEvent, type World } from './world';

const seat = [{ code: 'SEAT-M', quantity: 1 }];
const megabyte = 'x'.repeat(1_048_576 - 200);
const gone = toId18('801Ql00000ZZZZZ') ?? '';

/** What stands in the event's field for the Order's id, and the failure that it is. */
const noOrder: [what: string, fields: Record<string, string>, code: string][] = [
  ['nothing', {}, 'EVENT_NO_ORDER'],
  ['an empty text', { OrderId__c: '' }, 'ORDER_ID_INVALID'],
  ['garbage', { OrderId__c: 'not an id \u0000\u202e<b>' }, 'ORDER_ID_INVALID'],
  ['the id of an account', { OrderId__c: toId18('001Ql00000ABCDE') ?? '' }, 'ORDER_ID_INVALID'],
  ['an id whose suffix belongs to another', { OrderId__c: `${gone.slice(0, 15)}AAA` }, 'ORDER_ID_INVALID'],
  ['an id in small letters', { OrderId__c: gone.toLowerCase() }, 'ORDER_ID_INVALID'],
  ['a megabyte', { OrderId__c: megabyte }, 'ORDER_ID_INVALID'],
  ['SOQL', { OrderId__c: "801Ql00000ZZZZZ' OR Activation_Status__c != '" }, 'ORDER_ID_INVALID'],
  ['SQL', { OrderId__c: `${gone}'; DROP TABLE inbox; --` }, 'ORDER_ID_INVALID'],
];

/** The readable event with this in the field; null: with nothing in it. */
const eventOf = (world: World, field: string | null): StoredEvent | undefined =>
  world
    .storedEvents()
    .find((event) => event.raw === null && (JSON.parse(event.payload) as Payload)['OrderId__c'] === field);
type Payload = Record<string, unknown>;

const last = <T>(list: T[]): T | undefined => list[list.length - 1];

describe('an event that is no good', () => {
  scenario('is a named failure that is kept, and the next good order is provisioned', async (world) => {
    await world.start(referenceFlow());
    for (const [, fields] of noOrder) world.salesforce.people.publish({ fields });
    const unreadable = world.salesforce.people.act('undecodable', { orderId: 'broken bytes' });
    world.salesforce.people.publish({ fields: { OrderId__c: gone } });
    const empty = world.draft('Northwind Traders', seat);
    for (const item of world.salesforce.people.order(empty).items)
      world.salesforce.people.deleteRecord(String(item['Id']));
    world.salesforce.people.approve(empty);
    const good = world.approve('Northwind Traders', seat);

    assert.equal(await world.ended(good), 'Activated');
    world.assertActivatedOnce(good);
    assert.equal(await world.ended(empty), 'Failed');
    assert.equal(world.order(empty)['Activation_Error_Code__c'], 'ORDER_EMPTY');
    for (const [what, fields, code] of noOrder) {
      const event = eventOf(world, fields['OrderId__c'] ?? null);
      assert.equal(event?.state, 'dead', what);
      assert.match(event?.reason ?? '', new RegExp(`^${code}: `), what);
      assert.ok(
        world.errors().some((line) => line.includes(code) && line.includes(event?.id ?? '-')),
        `${what} is not in the log`,
      );
    }
    const broken = world.storedEvents().find((event) => event.raw !== null);
    assert.equal(broken?.state, 'dead');
    assert.ok(Buffer.from(broken?.raw ?? '', 'base64').includes('broken bytes'), broken?.raw ?? 'no raw bytes');
    assert.ok(
      world.errors().some((line) => line.includes('EVENT_UNREADABLE') && line.includes(String(unreadable['uuid']))),
    );
    await world.until('the order that is gone is given up', () => eventOf(world, gone)?.state === 'failed');
    assert.ok(world.output.some((line) => line.includes('ORDER_NOT_FOUND') && line.includes(gone)));

    const published = last(world.salesforce.panel.ledger('published'));
    assert.equal(world.cursor(), published?.['replayId']);
    assert.equal(world.whmcs.panel.ledger('orderCreated').length, 1);
    assert.ok(
      world.output.every((line) => line.length < 2_000),
      'a line of the log holds what the event held',
    );
    const refused = world.salesforce.panel.requests('query').filter(({ status }) => status !== 200);
    assert.deepEqual(refused, []);
    const health = await world.get('/health');
    assert.equal((health.body as { queue: { dead: number } }).queue.dead, noOrder.length + 1);
  });

  scenario('but an id of 15 characters, or with space around it, is good', async (world) => {
    await world.start(referenceFlow());
    world.salesforce.panel.switches({ flowPublishes: false });
    const short = world.approve(world.customer().account, seat);
    const spaced = world.approve(world.customer().account, seat);
    world.salesforce.people.publish({ fields: { OrderId__c: short.slice(0, 15) } });
    world.salesforce.people.publish({ fields: { OrderId__c: ` ${spaced}\n` } });
    for (const id of [short, spaced]) {
      assert.equal(await world.ended(id), 'Activated');
      world.assertActivatedOnce(id);
    }
  });

  scenario('of an Order that is not Activating is skipped with the reason, and nothing is written', async (world) => {
    const flows = referenceFlow();
    await world.start(changed(flows, nodeOf(flows, 'debug', 'failed').id, { console: true }));
    const statuses = ['Not Started', 'Activated', 'Failed'];
    const ids = statuses.map((status) => {
      const id = world.draft('Northwind Traders', seat);
      world.salesforce.people.putRecord({ type: 'Order', id, fields: { Activation_Status__c: status } });
      return id;
    });
    const from = last(world.salesforce.panel.ledger())?.seq ?? 0;
    for (const id of ids) world.salesforce.people.publish({ fields: { OrderId__c: id } });
    for (const [at, id] of ids.entries()) {
      await world.until(`${statuses[at]} is skipped`, () => eventOf(world, id)?.state === 'finished');
      assert.match(eventOf(world, id)?.reason ?? '', /^ORDER_NOT_ACTIVATING: /);
      assert.ok(eventOf(world, id)?.reason?.includes(`'${statuses[at]}'`), eventOf(world, id)?.reason ?? 'no reason');
    }
    const since = world.salesforce.panel.ledger().filter(({ seq }) => seq > from);
    assert.deepEqual(
      since.filter(({ what }) => /Written|Created/.test(what)),
      [],
    );
    assert.deepEqual(world.salesforce.panel.requests('patch'), []);
    assert.deepEqual(world.errors(), []);
    assert.deepEqual(world.whmcs.panel.ledger('orderCreated'), []);
  });
});
