/** A result that waited longer than ten minutes is compared with WHMCS before it is told (exactly-one R7). */
import assert from 'node:assert/strict';
import type { SalesforceSimulator } from '../../../../simulators/salesforce/server';
import { startOrg } from '../../salesforce/org';
import { awayError } from '../vendor-doubles/in-memory-whmcs';
import { WriteBackWorld, type WorldOptions } from './world';

const minute = 60_000;

describe('Results that waited for long', () => {
  let org: SalesforceSimulator;
  let world: WriteBackWorld;
  let away: string;
  before(async () => (org = await startOrg()));
  after(() => org.close());
  afterEach(() => world.close());

  const begin = async (options: WorldOptions = {}): Promise<void> => {
    world = await WriteBackWorld.open(org, options);
    away = org.panel.fault({ call: 'query', times: 0, do: { kind: 'html', page: 'maintenance' } });
  };
  const reads = (): number => world.whmcs.calls.filter((call) => call === 'GetOrders').length;
  /** Told after so long an outage. */
  const toldAfter = async (ms: number): Promise<void> => {
    await world.turn(ms);
    org.panel.clearFaults(away);
    assert.equal(await world.told(10 * minute), 'written', world.log());
  };

  it('are told as they are when WHMCS shows the same', async () => {
    await begin();
    await world.activate();
    await toldAfter(11 * minute);
    assert.equal(world.status(), 'Activated');
    assert.equal(reads(), 1);
    assert.deepEqual(world.whmcsWrites(), []);
  });

  it('are not compared within ten minutes', async () => {
    await begin();
    await world.activate();
    await toldAfter(9 * minute - 60_000);
    assert.equal(world.status(), 'Activated');
    assert.equal(reads(), 0);
  });

  for (const [what, change, code, says] of [
    ['was cancelled', () => (world.whmcs.order(5001).status = 'Cancelled'), 'WHMCS_ORDER_GONE', /5001 .*is Cancelled/],
    ['is Fraud', () => (world.whmcs.order(5001).status = 'Fraud'), 'WHMCS_ORDER_GONE', /5001 .*is Fraud/],
    ['was deleted', () => world.whmcs.orders.splice(0), 'WHMCS_ORDER_GONE', /5001 .*does not exist any more/],
    ['is Pending again', () => (world.whmcs.order(5001).status = 'Pending'), 'WHMCS_ACCEPT_UNKNOWN', /5001 .*Pending/],
    ['is On Hold', () => (world.whmcs.order(5001).status = 'On Hold'), 'WHMCS_ORDER_STATUS', /5001 .*'On Hold'/],
  ] as const) {
    it(`are told as Failed, never as Activated, when the order ${what} meanwhile`, async () => {
      await begin();
      await world.activate();
      await world.turn(5 * minute);
      change();
      await toldAfter(6 * minute);
      assert.deepEqual(world.statuses(), ['Failed']);
      assert.equal(world.order().Activation_Error_Code__c, code);
      assert.match(String(world.order().Activation_Error_Message__c), says);
      assert.equal(world.order().WHMCS_Order_ID__c, '5001', 'it carries the id all the same');
      assert.equal(world.order().items[0]?.WHMCS_Service_ID__c ?? null, null);
      assert.deepEqual((await world.readRecord()).ended?.end, 'Failed');
      assert.equal((await world.readRecord()).ended?.code, code);
    });
  }

  it('that failed say beside it that the order is Active by now, once', async () => {
    await begin();
    await world.fail();
    // GetOrders shows it Active: a person has accepted it.
    const lock = { kind: 'error', errorCode: 'UNABLE_TO_LOCK_ROW', message: 'locked' };
    const locked = org.panel.fault({ call: 'patch', times: 0, do: lock });
    await world.turn(11 * minute);
    org.panel.clearFaults(away);
    await world.turn(15 * minute);
    org.panel.clearFaults(locked);
    await world.told();
    assert.deepEqual(world.statuses(), ['Failed']);
    assert.equal(world.order().Activation_Error_Code__c, 'PAYMENT_METHOD_MISSING');
    assert.match(
      String(world.order().Activation_Error_Message__c),
      /^WHMCS order 5001 is Active by now\. 409: no payment method\./,
    );
  });

  it('that failed stay as they are while the order is Pending', async () => {
    await begin();
    world.whmcs.order(5001).status = 'Pending';
    await world.fail();
    await toldAfter(11 * minute);
    assert.match(String(world.order().Activation_Error_Message__c), /^409: no payment method\./);
    assert.equal(reads(), 1);
  });

  it('need no comparison where no WHMCS order is known', async () => {
    await begin();
    await world.record({ adopted: null });
    await world.fail();
    await toldAfter(11 * minute);
    assert.deepEqual(world.statuses(), ['Failed']);
    assert.equal(reads(), 0);
  });

  it('wait while WHMCS cannot be read, with one alarm, and are told once it can', async () => {
    await begin();
    await world.activate();
    await world.turn(11 * minute);
    const before = world.alarms().length;
    org.panel.clearFaults(away);
    world.whmcs.beforeRead = (action) => {
      throw awayError(action);
    };
    await world.turn(10 * minute);
    assert.deepEqual(world.statuses(), []);
    assert.deepEqual(world.alarms().slice(before).length, 1, world.alarms().join('\n'));
    assert.match(world.alarms().at(-1) ?? '', /WHMCS 503/);
    world.whmcs.beforeRead = () => undefined;
    assert.equal(await world.told(5 * minute), 'written');
  });

  it('are told unchecked, and say so, where no connection to that WHMCS is set up any more', async () => {
    await begin({ withoutWhmcs: true });
    await world.activate();
    await toldAfter(11 * minute);
    assert.deepEqual(world.statuses(), ['Activated']);
    assert.ok(world.lines.some(({ level, text }) => level === 'warn' && /without a look at WHMCS/.test(text)));
  });
});
