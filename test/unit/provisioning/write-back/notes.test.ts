/** Notes on an Order that is still being activated: never over anything newer, and never in the way of the result. */
import assert from 'node:assert/strict';
import { failure } from '../../../../lib/provisioning/failure';
import type { SalesforceSimulator } from '../../../../simulators/salesforce/server';
import { startOrg } from '../../salesforce/org';
import { WriteBackWorld } from './world';

describe('Notes on an Order', () => {
  let org: SalesforceSimulator;
  let world: WriteBackWorld;
  before(async () => (org = await startOrg()));
  after(() => org.close());
  beforeEach(async () => (world = await WriteBackWorld.open(org)));
  afterEach(() => world.close());

  /** What our user wrote of an Order, in order. */
  const writes = (): Record<string, unknown>[] =>
    org.panel
      .ledger('orderWritten')
      .filter((line) => line.by === 'integration@acme.example')
      .map((line) => line.fields as Record<string, unknown>);
  const noteField = 'WHMCS_Order_ID__c';
  const checked = { Activation_Error_Code__c: 'WHMCS_OUTCOME_UNKNOWN' };
  const note = (text = 'Checking WHMCS'): void =>
    world.provisioning.writer.notes.whmcsIsChecked(
      world.orderId,
      failure('WHMCS_OUTCOME_UNKNOWN', text, 'whmcs_accept'),
    );
  /** An AcceptOrder whose outcome is not known yet. */
  const unknownAccept = (): Promise<void> =>
    world.opened({
      accepted: null,
      accepts: [
        {
          id: 'c1',
          at: world.clock.now(),
          sender: world.provisioning.sender,
          whmcs: world.whmcs.connect().key,
          whmcsOrderId: 5001,
          quarantineMs: 0,
          settled: null,
        },
      ],
    });

  describe('of its WHMCS order', () => {
    it('are written beside an accept that takes its time, while a step holds the order', async () => {
      let free = (): void => undefined;
      const accepting = world.provisioning.hold(world.orderId, () => new Promise<void>((resolve) => (free = resolve)));
      await world.turn(10_000);
      assert.deepEqual(writes(), [{ [noteField]: '5001' }]);
      assert.equal(world.status(), 'Activating');
      free();
      await accepting;
      await world.activate();
      assert.equal(await world.told(), 'written');
      assert.deepEqual(world.statuses(), ['Activated']);
    });

    it('cost no call where the order ends soon', async () => {
      await world.activate();
      await world.told();
      await world.turn(60_000);
      assert.equal(writes().length, 1);
      assert.equal(world.patches(), 1);
    });

    it('are tried again, and written once', async () => {
      const locked = { kind: 'error', errorCode: 'UNABLE_TO_LOCK_ROW', message: 'locked' };
      org.panel.fault({ call: 'patch', times: 2, do: locked });
      await world.turn(60_000);
      assert.deepEqual(writes(), [{ [noteField]: '5001' }]);
      assert.equal(world.patches(), 3);
    });

    for (const [what, change] of [
      ['a person has ended the order', () => world.person({ Activation_Status__c: 'Failed' })],
      ['the id stands there already', () => world.person({ [noteField]: '5001' })],
      [
        'a newer attempt stands',
        () => {
          world.person({ Activation_Status__c: 'Failed' });
          world.retry();
        },
      ],
    ] as const) {
      it(`are left out where ${what}`, async () => {
        change();
        await world.turn(60_000);
        assert.deepEqual(writes(), []);
        assert.equal(world.patches(), 0);
      });
    }

    it('do not go over what a person does between our read and our PATCH', async () => {
      org.panel.fault({ call: 'patch', do: { kind: 'delay', ms: 4_000 } });
      const reads = org.panel.requests('query').length;
      await world.until('it was read', () => org.panel.requests('query').length > reads);
      await world.turn(1_500);
      world.person({ Activation_Status__c: 'Failed' });
      world.retry();
      await world.turn(60_000);
      assert.deepEqual(writes(), []);
      assert.equal(world.patches(), 1);
    });
  });

  describe('that WHMCS is being looked at', () => {
    beforeEach(() => unknownAccept());

    it('fill the error fields, now and then', async () => {
      note('Checking WHMCS; looking again at 1');
      await world.turn(1_000);
      note('Checking WHMCS; looking again at 2');
      await world.turn(240_000);
      const notes = (): unknown[] => writes().filter((fields) => fields.Activation_Error_Code__c !== undefined);
      assert.deepEqual(notes(), [{ ...checked, Activation_Error_Message__c: 'Checking WHMCS; looking again at 1' }]);
      await world.turn(60_000);
      note('Checking WHMCS; looking again at 3');
      await world.turn(5_000);
      assert.equal(notes().length, 2);
      assert.equal(world.status(), 'Activating');
    });

    it('come with the next look where they could not be written', async () => {
      org.panel.fault({ call: 'patch', times: 1, do: { kind: 'html', page: 'maintenance' } });
      note();
      await world.turn(1_000);
      assert.equal(world.order().Activation_Error_Code__c, null);
      note();
      await world.turn(1_000);
      assert.equal(world.order().Activation_Error_Code__c, checked.Activation_Error_Code__c);
    });

    it('are left out once the outcome is known, a result waits, or the attempt has ended', async () => {
      await world.record({ accepts: [] });
      note();
      await world.turn(1_000);
      await unknownAccept();
      await world.record({ attemptState: 'closed' });
      note();
      await world.turn(1_000);
      assert.equal(world.patches(), 0);
    });
  });

  describe('that a fault holds the hand-out of all orders', () => {
    const held = (): void => {
      const cause = failure('WHMCS_CONFIG', 'GetClientsDetails: Invalid IP 203.0.113.9', 'validation');
      world.provisioning.writer.notes.isHeld(world.orderId, cause);
    };
    const shown = (): unknown[] => [world.order().Activation_Error_Code__c, world.order().Activation_Error_Message__c];

    it('fill the error fields once, say what to do, and are cleared by the result', async () => {
      for (let times = 0; times < 3; times++) {
        held();
        await world.turn(400_000);
      }
      assert.equal(writes().filter((fields) => fields.Activation_Error_Code__c !== undefined).length, 1);
      assert.equal(world.status(), 'Activating');
      const [code, message] = shown();
      assert.equal(code, 'WHMCS_CONFIG');
      assert.match(String(message), /^GetClientsDetails: Invalid IP 203\.0\.113\.9\. .* work goes on by itself\.$/);
      await world.activate();
      assert.equal(await world.told(), 'written');
      assert.deepEqual(shown(), [null, null]);
    });

    it('come anew when it is met again after its event was skipped: by then a person has set the Order again', async () => {
      held();
      await world.turn(1_000);
      await world.skip();
      world.person({ Activation_Error_Code__c: null, Activation_Error_Message__c: null });
      await world.turn(10_000);
      held();
      await world.turn(10_000);
      assert.equal(shown()[0], 'WHMCS_CONFIG');
    });

    it('come when it is met again where they could not be written', async () => {
      org.panel.fault({ call: 'patch', times: 1, do: { kind: 'html', page: 'maintenance' } });
      held();
      await world.turn(1_000);
      assert.deepEqual(shown(), [null, null]);
      held();
      await world.turn(1_000);
      assert.equal(shown()[0], 'WHMCS_CONFIG');
    });

    it('are left out once the attempt has ended, or a newer one stands', async () => {
      await world.record({ attemptState: 'closed' });
      held();
      await world.turn(1_000);
      await world.record({ attemptState: 'open' });
      world.person({ Activation_Status__c: 'Failed' });
      world.retry();
      held();
      await world.turn(5_000);
      assert.equal(world.patches(), 0);
    });
  });

  it('leave alone what is Activated or Activating, and what is not there', async () => {
    const set = async (): Promise<unknown> => world.provisioning.writer.setActivating(world.orderId);
    assert.deepEqual(await set(), { was: 'Activating', end: { kind: 'written' } });
    world.person({ Activation_Status__c: 'Activated' });
    assert.deepEqual(await set(), { was: 'Activated', end: { kind: 'written' } });
    org.people.deleteRecord(world.orderId);
    assert.deepEqual(await set(), { was: null, end: { kind: 'written' } });
    assert.deepEqual(writes(), []);
    assert.equal(world.patches(), 0);
  });

  it('do not set Activating over what a person sets between our read and our PATCH', async () => {
    world.person({ Activation_Status__c: 'Failed' });
    await world.turn(5_000);
    org.panel.fault({ call: 'patch', do: { kind: 'delay', ms: 4_000 } });
    const reads = org.panel.requests('query').length;
    const set = world.provisioning.writer.setActivating(world.orderId);
    await world.until('it was read', () => org.panel.requests('query').length > reads);
    await world.turn(1_500);
    world.person({ Activation_Status__c: 'Activated' });
    await world.turn(10_000);
    assert.deepEqual(await set, { was: 'Failed', end: { kind: 'changed' } });
    assert.equal(world.status(), 'Activated');
  });

  describe('whose PATCH is not answered', () => {
    const lost = async (fault: object): Promise<void> => {
      await unknownAccept();
      org.panel.fault({ call: 'patch', where: checked, do: fault });
      note();
      await world.until('the note has come in', () => world.patches() === 1);
      await world.record({ accepts: [] });
    };
    const done = async (): Promise<void> => {
      await world.nextAttempt();
      await world.activate();
    };

    it('hold the result back until it cannot be applied any more', async () => {
      await lost({ kind: 'reset' });
      await done();
      await world.turn(25_000);
      assert.deepEqual(world.statuses(), []);
      assert.equal(await world.told(7_000), 'written');
      assert.deepEqual(world.statuses(), ['Activated']);
    });

    it('never go over the result when they are applied late', async () => {
      await lost({ kind: 'commitLate', ms: 20_000 });
      await done();
      assert.equal(await world.told(60_000), 'written');
      await world.turn(60_000);
      assert.equal(world.status(), 'Activated');
      assert.equal(world.order().Activation_Error_Code__c, null);
      assert.deepEqual(
        writes().map((fields) => fields.Activation_Error_Code__c),
        ['WHMCS_OUTCOME_UNKNOWN', null],
      );
    });

    it('do not hold it back when a read shows that they were applied', async () => {
      await lost({ kind: 'commitThenDrop' });
      await done();
      assert.equal(await world.told(3_000), 'written');
      assert.equal(world.order().Activation_Error_Code__c, null);
    });

    it('hold it back over a restart too', async () => {
      await lost({ kind: 'reset' });
      await world.restart();
      await done();
      await world.turn(25_000);
      assert.deepEqual(world.statuses(), []);
      assert.equal(await world.told(30_000), 'written');
    });

    it('hold back Activating as well, and whoever waits for it is told so', async () => {
      await lost({ kind: 'reset' });
      world.person({ Activation_Status__c: 'Failed' });
      await world.turn(3_000);
      const { end } = await world.provisioning.writer.setActivating(world.orderId);
      assert.deepEqual([end.kind, 'code' in end && end.code], ['later', 'BUSY']);
      await world.turn(40_000);
      const again = await world.provisioning.writer.setActivating(world.orderId);
      assert.deepEqual([again.was, again.end.kind], ['Failed', 'written']);
    });
  });
});
