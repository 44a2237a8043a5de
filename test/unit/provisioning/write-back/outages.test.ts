/** Salesforce cannot be told for long: the result waits, and arrives. */
import assert from 'node:assert/strict';
import { health } from '../../../../lib/provisioning/health';
import { stoppedState } from '../../../../lib/salesforce/events/subscriber-state';
import type { SalesforceSimulator } from '../../../../simulators/salesforce/server';
import { startOrg } from '../../salesforce/org';
import { channel } from '../desk-under-test';
import { WriteBackWorld } from './world';

const minute = 60_000;
const connected = {
  state: {
    subscriber: { ...stoppedState(channel), phase: 'connected' as const },
    paused: false,
    held: null,
    inWork: 0,
  },
};

/** What goes wrong, and how it is mended. */
interface Outage {
  what: string;
  begin: (org: SalesforceSimulator) => () => void;
  /** What the one alarm names. */
  alarm: RegExp;
  /** Alarms in two processes, if not one: those of the connection are of its process. */
  alarms?: number;
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

const patched = (errorCode: string, message: string, more: object = {}): Outage['begin'] =>
  fault('patch', { kind: 'error', errorCode, message, ...more });
const both =
  (...begins: Outage['begin'][]): Outage['begin'] =>
  (org) => {
    const mends = begins.map((begin) => begin(org));
    return () => mends.forEach((mend) => mend());
  };

const outages: Outage[] = [
  { what: 'every connection is closed', begin: fault('*', { kind: 'refuse' }), alarm: /cannot be told .*ECONNRESET/ },
  {
    what: 'nobody listens where the token is valid',
    begin: both(switched({ instanceUrl: 'http://127.0.0.1:1' }, { instanceUrl: null }), (org) => {
      org.people.act('expireAll');
      return () => undefined;
    }),
    alarm: /cannot be told .*ECONNREFUSED/,
  },
  {
    what: 'maintenance, as a page for people',
    begin: fault('*', { kind: 'html', page: 'maintenance' }),
    alarm: /cannot be told .*503/,
  },
  { what: 'nothing is answered', begin: fault('*', { kind: 'hang' }), alarm: /cannot be told .*ETIMEOUT/ },
  { what: 'writes are not answered', begin: fault('patch', { kind: 'hang' }), alarm: /cannot be told .*ETIMEOUT/ },
  { what: 'writes are reset', begin: fault('patch', { kind: 'reset' }), alarm: /cannot be told .*ECONNRESET/ },
  {
    what: 'the row is locked',
    begin: patched('UNABLE_TO_LOCK_ROW', 'unable to obtain exclusive access to this record'),
    alarm: /cannot be told .*UNABLE_TO_LOCK_ROW/,
  },
  {
    what: 'an unexpected error',
    begin: patched('UNKNOWN_EXCEPTION', 'An unexpected error occurred.', { status: 500 }),
    alarm: /cannot be told .*UNKNOWN_EXCEPTION/,
  },
  {
    what: 'our user may not write the status',
    begin: switched({ readOnlyFields: ['Order.Activation_Status__c'] }, { readOnlyFields: [] }),
    alarm: /refuses the result .*INVALID_FIELD_FOR_INSERT_UPDATE.*Activation_Status__c/,
  },
  {
    what: 'our user may not write the id of the WHMCS order',
    begin: switched({ readOnlyFields: ['Order.WHMCS_Order_ID__c'] }, { readOnlyFields: [] }),
    alarm: /refuses the result .*INVALID_FIELD_FOR_INSERT_UPDATE.*WHMCS_Order_ID__c/,
  },
  {
    what: 'our user may not write the Order',
    begin: patched('INSUFFICIENT_ACCESS_OR_READONLY', 'insufficient access rights on object id', { fields: [] }),
    alarm: /refuses the result .*INSUFFICIENT_ACCESS_OR_READONLY/,
  },
  {
    what: 'a trigger refuses the status',
    begin: patched('FIELD_INTEGRITY_EXCEPTION', 'not now', { fields: ['Activation_Status__c'] }),
    alarm: /refuses the result .*FIELD_INTEGRITY_EXCEPTION.*Activation_Status__c/,
  },
  {
    what: 'a validation rule of the org refuses the status',
    begin: patched('FIELD_CUSTOM_VALIDATION_EXCEPTION', 'Only finance may do this', { fields: [] }),
    alarm: /refuses the result .*Only finance may do this/,
  },
  {
    what: 'our user may not write the attempt of a result, which a rule asks for',
    begin: switched({ readOnlyFields: ['Order.Activation_Result_Attempt__c'] }, { readOnlyFields: [] }),
    alarm: /Activation_Result_Attempt__c/,
    alarms: 3,
  },
  {
    what: 'our user does not see the Order',
    begin: fault('query', { kind: 'json', body: { totalSize: 0, done: true, records: [] } }),
    alarm: /refuses the result .*ORDER_NOT_FOUND/,
  },
  {
    what: 'our user may not read a field of the Order',
    begin: switched({ hiddenFields: ['Order.WHMCS_Order_ID__c'] }, { hiddenFields: [] }),
    alarm: /refuses the result .*INVALID_FIELD.*WHMCS_Order_ID__c/,
  },
  {
    what: 'every session is refused, however fresh',
    begin: switched({ refuseEverySession: true }, { refuseEverySession: false }),
    alarm: /refuses the token it has just given.*INVALID_SESSION_ID/,
    alarms: 2,
  },
  {
    what: 'the login is refused',
    begin: both(switched({ userState: 'inactive' }, { userState: 'active' }), (org) => {
      org.people.act('expireAll');
      return () => undefined;
    }),
    alarm: /login to Salesforce was refused.*inactive/,
    alarms: 2,
  },
  {
    what: 'the API requests of the day are used up',
    begin: switched({ apiRequestsMax: 0 }, { apiRequestsMax: 1_000_000 }),
    alarm: /cannot be told .*REQUEST_LIMIT_EXCEEDED/,
  },
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

  for (const { what, begin, alarm, alarms = 1 } of outages) {
    it(`${what}: kept over a restart, one alarm, and told once it is over`, async function () {
      this.timeout(60_000);
      const mend = begin(org);
      await world.activate();
      await world.turn(7 * minute);
      assert.deepEqual(world.statuses(), []);
      assert.equal((await world.readRecord()).report?.told, null);
      await world.restart();
      await world.turn(6 * minute);
      assert.deepEqual(world.statuses(), []);
      assert.equal(world.alarms().length, alarms, world.alarms().join('\n'));
      for (const line of world.alarms()) assert.match(line, alarm);
      mend();
      assert.equal(await world.told(20 * minute), 'written');
      assert.deepEqual(world.statuses(), ['Activated']);
      assert.equal(world.order().WHMCS_Order_ID__c, '5001');
      assert.equal(world.order().items[0]?.WHMCS_Service_ID__c, '9001');
      assert.deepEqual(world.whmcsWrites(), []);
    });
  }

  it('the Order is deleted: two tries, minutes apart, then nobody is to be told; one alarm, and health is well again', async function () {
    this.timeout(60_000);
    const problems = async (): Promise<string[]> => (await health(world.provisioning, [connected], 'test')).problems;
    await world.activate();
    org.people.deleteRecord(world.orderId);
    await world.turn(4 * minute);
    assert.equal((await world.readRecord()).report?.told, null);
    assert.deepEqual(await problems(), ['results still to be told to Salesforce: 1']);
    assert.equal(await world.told(10 * minute), 'dropped');
    assert.deepEqual(await problems(), []);
    assert.equal(world.alarms().length, 1, world.alarms().join('\n'));
    assert.match(world.alarms()[0] ?? '', /ENTITY_IS_DELETED/);
    assert.match((await world.timeline()).join(), /skipped: The result was not written: The Order was deleted/);
  });

  it('the Order is deleted, and restored in time: its result is told', async function () {
    this.timeout(60_000);
    await world.activate();
    org.people.deleteRecord(world.orderId);
    await world.turn(4 * minute);
    org.people.restoreRecord(world.orderId);
    assert.equal(await world.told(10 * minute), 'written');
    assert.deepEqual(world.statuses(), ['Activated']);
  });
});
