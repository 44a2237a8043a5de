/** Salesforce cannot be told for long: the result waits, and arrives. */
import assert from 'node:assert/strict';
import type { SalesforceSimulator } from '../../../../simulators/salesforce/server';
import { startOrg } from '../../salesforce/org';
import { WriteBackWorld } from './world';

const minute = 60_000;

/** What goes wrong, and how it is mended. */
interface Outage {
  what: string;
  begin: (org: SalesforceSimulator) => () => void;
  /** What the one alarm names. */
  alarm: RegExp;
}

/** A fault that strikes every such call until it is taken away. */
const fault =
  (call: string, what: object) =>
  (org: SalesforceSimulator): (() => void) => {
    const id = org.panel.fault({ call, times: 0, do: what });
    return () => org.panel.clearFaults(id);
  };
const switched =
  (on: object, off: object) =>
  (org: SalesforceSimulator): (() => void) => {
    org.panel.switches(on);
    return () => void org.panel.switches(off);
  };

const outages: Outage[] = [
  { what: 'every connection is refused', begin: fault('*', { kind: 'refuse' }), alarm: /cannot be told .*ECONNRESET/ },
];

describe('Results while Salesforce cannot be told', () => {
  let org: SalesforceSimulator;
  let world: WriteBackWorld;
  before(async () => (org = await startOrg()));
  after(() => org.close());
  beforeEach(async function () {
    world = await WriteBackWorld.open(org);
  });
  afterEach(() => world.close());

  for (const { what, begin, alarm } of outages) {
    it(`${what}: kept for half an hour and over a restart, one alarm, and told once it is over`, async function () {
      this.timeout(60_000);
      const mend = begin(org);
      await world.activate();
      await world.turn(12 * minute);
      assert.deepEqual(world.statuses(), []);
      assert.equal((await world.readRecord()).report?.told, null);
      await world.restart();
      await world.turn(18 * minute);
      assert.deepEqual(world.statuses(), []);
      assert.equal(world.alarms().length, 1, world.alarms().join('\n'));
      assert.match(world.alarms()[0] ?? '', alarm);
      mend();
      assert.equal(await world.told(10 * minute), 'written');
      assert.deepEqual(world.statuses(), ['Activated']);
      assert.equal(world.order().WHMCS_Order_ID__c, '5001');
      assert.equal(world.order().items[0]?.WHMCS_Service_ID__c, '9001');
      assert.deepEqual(world.whmcsWrites(), []);
    });
  }
});
