/** An older result never goes over a newer attempt or a person's edit, whatever the org has to tell them apart by (exactly-one F7). */
import assert from 'node:assert/strict';
import type { SalesforceSimulator } from '../../../../simulators/salesforce/server';
import { startOrg } from '../../salesforce/org';
import { WriteBackWorld, type WorldOptions } from './world';

const resultField = 'Order.Activation_Result_Attempt__c';
const attemptField = 'Order.Activation_Attempt__c';

interface Kind {
  what: string;
  switches: object;
}
const counting: Kind = { what: 'counts attempts and results', switches: {} };
const withoutResult: Kind = {
  what: 'counts attempts, and has no field for the result’s',
  switches: { missingFields: [resultField], attemptRule: false },
};
const unreadable: Kind = {
  what: 'hides the field for the result’s attempt from us',
  switches: { hiddenFields: [resultField], attemptRule: false },
};
const neither: Kind = {
  what: 'counts none',
  switches: { missingFields: [attemptField, resultField], attemptRule: false },
};
const blind: Kind = {
  what: 'counts none and ignores If-Unmodified-Since',
  switches: { ...neither.switches, conditionalRequests: false },
};

/** Logins of a clock that is off. */
const lenient = { expFutureSeconds: 9_000, expPastSeconds: 9_000 };

describe('Results of an older attempt', () => {
  let org: SalesforceSimulator;
  let world: WriteBackWorld;
  before(async () => (org = await startOrg()));
  after(() => org.close());
  afterEach(() => world.close());

  const begin = async (kind: Kind, options: WorldOptions = {}): Promise<void> => {
    org.panel.switches(kind.switches);
    world = await WriteBackWorld.open(org, options);
  };
  const dropped = async (): Promise<void> => {
    assert.equal(await world.told(300_000), 'dropped', world.log());
    const lines = await world.timeline();
    assert.ok(
      lines.some((line) => /^sf_(success|failure)_update skipped: The result was not written: /.test(line)),
      lines.join('\n'),
    );
    assert.ok(world.lines.some(({ level, text }) => level === 'warn' && text === 'The result was not written'));
    assert.deepEqual(world.alarms(), []);
  };

  for (const kind of [counting, withoutResult, unreadable, neither, blind]) {
    describe(`in an org that ${kind.what}`, () => {
      it('are told, in one PATCH', async () => {
        await begin(kind);
        await world.activate();
        assert.equal(await world.told(), 'written');
        assert.deepEqual(world.statuses(), ['Activated']);
        assert.equal(world.patches(), 1);
        assert.equal(world.order().Activation_Result_Attempt__c ?? null, kind === counting ? 1 : null);
        assert.deepEqual(await world.timeline(), ['sf_success_update done: Salesforce shows Activated']);
      });

      it('do not go over a Retry, when the first PATCH was applied and its answer lost', async () => {
        await begin(kind);
        org.panel.fault({ call: 'patch', do: { kind: 'commitThenDrop' } });
        await world.fail();
        await world.until('Failed stands', () => world.status() === 'Failed');
        world.retry();
        await dropped();
        await world.turn(120_000);
        assert.equal(world.status(), 'Activating');
        assert.deepEqual(world.statuses(), ['Failed']);
        assert.equal(world.patches(), 1);
      });

      it('are told, though another user changes the Order after a PATCH that was applied and not answered', async () => {
        await begin(kind);
        org.panel.fault({ call: 'patch', do: { kind: 'commitThenDrop' } });
        await world.activate();
        await world.until('Activated stands', () => world.status() === 'Activated');
        world.person({ Description: 'Thank you' });
        assert.equal(await world.told(60_000), 'written', world.log());
        assert.equal(world.patches(), 1);
        assert.equal(world.order().items[0]?.WHMCS_Service_ID__c, '9001');
      });

      it('do not go over the next attempt’s, when the first PATCH is applied late', async () => {
        await begin(kind);
        org.panel.fault({ call: 'patch', do: { kind: 'commitLate', ms: 20_000 } });
        await world.fail();
        await world.until('a PATCH has come in', () => world.patches() === 1);
        world.person({ Activation_Status__c: 'Failed' });
        world.retry();
        await dropped();
        await world.nextAttempt();
        await world.activate();
        assert.equal(await world.told(120_000), 'written', world.log());
        await world.turn(120_000);
        assert.equal(world.status(), 'Activated');
        assert.equal(world.order().Activation_Error_Code__c, null);
      });

      it('do not go over what a person sets while they cannot be told', async () => {
        await begin(kind);
        const locked = org.panel.fault({
          call: 'patch',
          times: 0,
          do: { kind: 'error', errorCode: 'UNABLE_TO_LOCK_ROW', message: 'locked' },
        });
        await world.activate();
        await world.turn(20_000);
        world.person({ Activation_Status__c: 'Failed' });
        await world.turn(20_000);
        org.panel.clearFaults(locked);
        await dropped();
        assert.equal(world.status(), 'Failed');
        assert.deepEqual(world.statuses(), []);
      });

      it('count as overtaken by the same, set by a person: nothing is written over it', async () => {
        await begin(kind);
        const lock = { kind: 'error', errorCode: 'UNABLE_TO_LOCK_ROW', message: 'locked' };
        org.panel.fault({ call: 'patch', do: lock });
        await world.activate();
        await world.until('it was tried', () => world.patches() === 1);
        world.person({ Activation_Status__c: 'Activated', WHMCS_Order_ID__c: '5001' });
        await dropped();
        assert.equal(world.patches(), 1);
      });

      it('do not go over a new attempt that a person sets by hand while they cannot be told', async () => {
        await begin(kind);
        const away = org.panel.fault({ call: '*', times: 0, do: { kind: 'html', page: 'maintenance' } });
        await world.fail();
        await world.turn(120_000);
        world.person({ Activation_Status__c: 'Failed' });
        world.retry();
        org.panel.clearFaults(away);
        await dropped();
        assert.equal(world.status(), 'Activating');
        assert.deepEqual(world.statuses(), []);
      });

      it('are told over what another user changed while the order was in work', async () => {
        await begin(kind);
        world.person({ Description: 'Please hurry' });
        await world.activate();
        assert.equal(await world.told(), 'written');
        assert.equal(world.order().Description, 'Please hurry');
      });

      it('are told over that also when the first try fails', async () => {
        await begin(kind);
        org.panel.fault({ call: 'patch', do: { kind: 'html', page: 'maintenance' } });
        world.person({ Description: 'Please hurry' });
        await world.activate();
        assert.equal(await world.told(), 'written');
        assert.equal(world.patches(), 2);
      });
    });
  }

  describe('fenced by LastModifiedDate', () => {
    /** How long after the last change the PATCH came in, ms by the org's clock. */
    const sentAfter = async (): Promise<number> => {
      const changed = Date.parse(String(world.order().LastModifiedDate));
      await world.activate();
      await world.until('a PATCH has come in', () => world.patches() === 1, 60_000);
      return Date.parse(String(org.panel.requests('patch')[0]?.at)) - changed;
    };
    const changeNow = (): void => {
      org.panel.advance(1_010 - (org.panel.now() % 1_000));
      world.person({ Description: 'just now' });
    };

    for (const hours of [1, -1]) {
      it(`wait two seconds after a change by the org's clock, though ours is ${hours} h off`, async () => {
        await begin({ what: '', switches: { ...neither.switches, ...lenient } }, { hours });
        changeNow();
        const ms = await sentAfter();
        assert.ok(ms >= 2_000 && ms < 10_000, `${ms} ms`);
      });
    }

    for (const seconds of [0, -600]) {
      it(`wait two seconds by our own clock where answers bear no time, ours ${-seconds} s behind`, async () => {
        await begin(
          { what: '', switches: { ...neither.switches, ...lenient, dateHeader: false } },
          { hours: seconds / 3_600 },
        );
        changeNow();
        const ms = await sentAfter();
        assert.ok(ms >= 2_000 && ms < 10_000, `${ms} ms`);
      });
    }

    it('do not wait where the last change is older', async () => {
      await begin(neither);
      const reads = org.panel.requests('query').length;
      await world.activate();
      assert.equal(await world.told(1_000), 'written');
      assert.equal(org.panel.requests('query').length, reads + 1);
    });

    it('are put off, and told, while an Order is changed second by second', async () => {
      await begin(neither);
      changeNow();
      await world.activate();
      for (let n = 0; n < 20; n++) {
        await world.turn(1_000);
        await world.otherWrite();
      }
      assert.deepEqual(world.statuses(), []);
      assert.match((await world.readRecord()).report?.problem ?? '', /changed again and again/);
      assert.equal(await world.told(60_000), 'written');
      assert.deepEqual(world.alarms(), []);
    });

    it('are fenced so, with one alarm, where our user may read and not write the result’s attempt', async () => {
      await begin({ what: '', switches: { readOnlyFields: [resultField], attemptRule: false } });
      await world.activate();
      assert.equal(await world.told(), 'written');
      assert.deepEqual(world.statuses(), ['Activated']);
      assert.equal(world.alarms().length, 1);
      assert.match(world.alarms()[0] ?? '', /does not take a field .*Activation_Result_Attempt__c/);
      assert.equal(world.order().Activation_Result_Attempt__c, null);
    });
  });

  for (const kind of [withoutResult, neither]) {
    describe(`fenced by LastModifiedDate, in an org that ${kind.what}`, () => {
      it('do not go over a change between our read and our PATCH', async () => {
        await begin(kind);
        org.panel.fault({ call: 'patch', do: { kind: 'delay', ms: 5_000 } });
        await world.activate();
        await world.until('a PATCH is on its way', () => org.panel.requests('query').length >= 3);
        await world.turn(1_000);
        world.person({ Activation_Status__c: 'Failed' });
        world.retry();
        await dropped();
        assert.equal(world.status(), 'Activating');
        assert.deepEqual(world.statuses(), []);
        assert.equal(world.patches(), 1);
      });

      it('are read again for a change in the second of our read, before anything is written', async () => {
        await begin(kind);
        org.panel.advance(1_010 - (org.panel.now() % 1_000));
        world.person({ Description: 'first' });
        const reads = org.panel.requests('query').length;
        await world.activate();
        while (org.panel.requests('query').length === reads) await new Promise((resolve) => setTimeout(resolve, 1));
        const first = world.order().LastModifiedDate;
        world.person({ Activation_Status__c: 'Failed' });
        assert.equal(world.order().LastModifiedDate, first, 'this machine was too slow for the test');
        await dropped();
        assert.equal(world.status(), 'Failed');
        assert.deepEqual(world.statuses(), [], 'only the id of the WHMCS order is written beside it');
      });
    });
  }
});
