/** A person who sets the status by hand while the order is in work: it stands, and the Order names its WHMCS order all the same. */
import assert from 'node:assert/strict';
import type { SalesforceSimulator } from '../../../../simulators/salesforce/server';
import { startOrg } from '../../salesforce/org';
import { WriteBackWorld } from './world';

const orgs = [
  { what: 'counts attempts', switches: {} },
  {
    what: 'counts none',
    switches: {
      missingFields: ['Order.Activation_Attempt__c', 'Order.Activation_Result_Attempt__c'],
      attemptRule: false,
    },
  },
];

describe('A status that a person sets while the order goes live', () => {
  let org: SalesforceSimulator;
  let world: WriteBackWorld;
  before(async () => (org = await startOrg()));
  after(() => org.close());
  afterEach(() => world.close());

  const dropped = async (): Promise<void> => {
    assert.equal(await world.told(300_000), 'dropped', world.log());
  };

  for (const { what, switches } of orgs) {
    describe(`in an org that ${what}`, () => {
      beforeEach(async () => {
        org.panel.switches(switches);
        world = await WriteBackWorld.open(org);
      });

      for (const status of ['Activated', 'Not Started', 'Failed']) {
        it(`stands when it is ${status}, and the id of the WHMCS order is written, alone`, async () => {
          world.person({ Activation_Status__c: status });
          await world.activate();
          await dropped();
          assert.equal(world.status(), status);
          assert.deepEqual(world.statuses(), []);
          assert.equal(world.order().WHMCS_Order_ID__c, '5001');
          assert.equal(world.patches(), 1);
        });
      }

      it('leaves an id alone that the person has set', async () => {
        world.person({ Activation_Status__c: 'Not Started', WHMCS_Order_ID__c: '77' });
        await world.activate();
        await dropped();
        assert.equal(world.order().WHMCS_Order_ID__c, '77');
        assert.equal(world.patches(), 0);
      });

      it('gets the id once Salesforce takes it, though its first write was not answered', async () => {
        org.panel.fault({ call: 'patch', do: { kind: 'commitThenDrop' } });
        world.person({ Activation_Status__c: 'Not Started' });
        await world.activate();
        await dropped();
        assert.equal(world.order().WHMCS_Order_ID__c, '5001');
        assert.deepEqual([world.status(), world.patches()], ['Not Started', 1]);
      });

      it('gets the id when the row is locked for a while', async () => {
        const lock = { kind: 'error', errorCode: 'UNABLE_TO_LOCK_ROW', message: 'locked' };
        org.panel.fault({ call: 'patch', times: 2, do: lock });
        world.person({ Activation_Status__c: 'Activated' });
        await world.activate();
        await dropped();
        assert.equal(world.order().WHMCS_Order_ID__c, '5001');
        assert.deepEqual([world.status(), world.statuses()], ['Activated', []]);
      });

      it('gets none of an attempt that a Retry has replaced: the new one names its own', async () => {
        const away = org.panel.fault({ call: '*', times: 0, do: { kind: 'html', page: 'maintenance' } });
        await world.fail();
        await world.turn(20_000);
        world.person({ Activation_Status__c: 'Failed' });
        world.retry();
        org.panel.clearFaults(away);
        await dropped();
        assert.equal(world.order().WHMCS_Order_ID__c ?? null, null);
        assert.equal(world.status(), 'Activating');
      });
    });
  }
});
