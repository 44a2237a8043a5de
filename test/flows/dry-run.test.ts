/** A dry run and the coverage by the buttons of the reference flow, in a real Node-RED: what people see, and that nothing is changed. */
import assert from 'node:assert/strict';
import { referenceFlow } from '../../scripts/demo/node-red';
import { scenario } from './side-by-side';
import { changed, nodeOf, pause, type World } from './world';

const seat = [{ code: 'SEAT-M', quantity: 1 }];

/** The reference flow before go-live, whose answers of the control node are in the log. */
const beforeGoLive = () => {
  const flows = referenceFlow();
  return changed(flows, nodeOf(flows, 'debug', 'what was done').id, { console: true });
};

/** What is in the books; logins are no business of anybody. */
const books = (world: World) => ({
  salesforce: world.salesforce.panel.ledger().filter(({ what }) => what !== 'login'),
  whmcs: world.whmcs.panel.ledger(),
  events: world.storedEvents(),
});

async function lookBefore(world: World): Promise<void> {
  await world.start(beforeGoLive(), { env: { SF_EVENTS_ENABLED: 'false' }, subscribes: false });
  const good = world.draft('Northwind Traders', seat);
  const bad = world.draft("Fish & Sons O'Neil", [
    { code: 'UNMAPPED', quantity: 1 },
    { code: 'SEAT-M', quantity: 1 },
  ]);
  await world.watchEditor();
  const isOpen = async (): Promise<boolean> =>
    ((await world.get('/health')).body as { database: string }).database === 'ok';
  while (!(await isOpen())) await pause(200);
  const before = books(world);
  await world.press('dry run');
  const said = (words: string | RegExp): boolean =>
    world.output.some((line) => (typeof words === 'string' ? line.includes(words) : words.test(line)));
  await world.until('it has told of the bad order', () => said('Consulting day: WH_Product_ID__c is empty'));
  await world.until('its answer is there', () => said(`subject: '${good}'`) && said(`subject: '${bad}'`));
  assert.deepEqual(books(world), before);
  assert.ok(
    said(
      /would add 1 × product 11 monthly for WHMCS client 1001, paid by mailin, 15\.00 USD before tax and set-up fees/,
    ),
  );
  assert.ok(said(/body: 'action=AddOrder&responsetype=json&clientid=1001&paymentmethod=mailin&pid%5B0%5D=11&/));
  await world.press('dry run', good.slice(0, 15));
  await world.until('the status says so', () =>
    world.seenInEditor.some((text) => text.includes('dry run: 1 of 1 good')),
  );

  await world.press('coverage');
  await world.until('the faults of the catalogue are told', () => said('Ghost product'));
  await world.until('the status says so', () =>
    world.seenInEditor.some((text) => /coverage: \d+ of \d+ good/.test(text)),
  );
  assert.deepEqual(books(world), before);
  const writes = ['AddOrder', 'AcceptOrder', 'ModuleCreate', 'CancelOrder'];
  assert.deepEqual(
    writes.flatMap((call) => world.whmcs.panel.requests(call)),
    [],
  );
  assert.deepEqual(world.salesforce.panel.requests('patch'), []);
  assert.deepEqual(world.errors(), []);
}

describe('before go-live', () => {
  scenario('orders and the catalogue are looked at by buttons, and nothing is changed', lookBefore);
});
